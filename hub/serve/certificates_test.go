package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
	"hubbub/hub/hubtest"
)

// writePair puts a new certificate and its key into two files.
func writePair(t *testing.T, cert, key string) {
	t.Helper()
	text, err := makeCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(text)
	if err := os.WriteFile(cert, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if key == "" {
		return
	}
	if err := os.WriteFile(key, rest, 0o600); err != nil {
		t.Fatal(err)
	}
}

// served is the certificate that a server at address shows.
func served(t *testing.T, address, name string) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}

// Certificate files are read again when they have changed, through a symbolic
// link as certbot has them; while they make no sense the old certificate serves.
func TestCertificateFiles(t *testing.T) {
	folder := t.TempDir()
	live, key := filepath.Join(folder, "fullchain.pem"), filepath.Join(folder, "key.pem")
	for _, name := range []string{"1.pem", "2.pem"} {
		writePair(t, filepath.Join(folder, name), filepath.Join(folder, "key-"+name))
	}
	link := func(name string) {
		t.Helper()
		os.Remove(live)
		os.Remove(key)
		if err := os.Symlink(name, live); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("key-"+name, key); err != nil {
			t.Fatal(err)
		}
	}
	link("1.pem")
	now := time.Now()
	var log bytes.Buffer
	files := &certificateFiles{cert: live, key: key, log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }}
	if err := files.read(); err != nil {
		t.Fatal(err)
	}
	get := func() string {
		t.Helper()
		c, err := files.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(c.Certificate[0])
	}
	first := get()
	later := time.Now().Add(time.Second) // both were written in one tick of the file system's clock
	if err := os.Chtimes(filepath.Join(folder, "2.pem"), later, later); err != nil {
		t.Fatal(err)
	}
	link("2.pem")
	if get() != first {
		t.Error("the files were looked at again at once")
	}
	now = now.Add(lookAgain)
	second := get()
	if second == first {
		t.Error("the old certificate is served")
	}
	// Half renewed: the certificate is another, and the key still the old one.
	writePair(t, filepath.Join(folder, "2.pem"), "")
	os.Chtimes(filepath.Join(folder, "2.pem"), time.Time{}, now.Add(time.Hour))
	now = now.Add(lookAgain)
	if get() != second || !strings.Contains(log.String(), "the one before is used") {
		t.Errorf("half renewed: the log says %s", log.String())
	}
	os.Remove(live)
	now = now.Add(lookAgain)
	if get() != second {
		t.Error("without a file another certificate is served")
	}
	link("1.pem")
	now = now.Add(lookAgain)
	if get() != first {
		t.Error("the files are good again, and not served")
	}
	if strings.Contains(log.String(), "PRIVATE") {
		t.Error("a key is in the log")
	}
}

// hubd speaks HTTPS with the files that it is given, HTTP/1.1 and HTTP/2, and
// plain HTTP beside.
func TestHTTPS(t *testing.T) {
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writePair(t, cert, key)
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	d := startHubd(t, "-listen", "127.0.0.1:0", "-http", "localhost:0", "-tls-cert", cert, "-tls-key", key, "-data", filepath.Join(folder, "data"))
	block, _ := pem.Decode(text)
	if !bytes.Equal(served(t, d.address, ""), block.Bytes) {
		t.Error("another certificate is served")
	}
	response, err := insecure(t).Get("https://" + d.address + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 || response.Proto != "HTTP/2.0" {
		t.Errorf("a browser gets %s over %s", response.Status, response.Proto)
	}
	// A gateway, which speaks HTTP/1.1.
	client := hubtest.NewClient(t, "https://"+d.address+"/")
	ownedBy(t, client, d.data)
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", d.address, old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A certificate of the hub's own is made once, and kept with the data. Gateways
// take it: what proves a hub is its key. It tells nothing of its owner.
func TestSelfSigned(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	d := startHubd(t, "-listen", "127.0.0.1:0", "-tls-self-signed", "-data", data)
	client := hubtest.NewClient(t, "https://"+d.address+"/")
	lounge := ownedBy(t, client, data)
	gateway := hubclient.New(hubclient.Address{URL: "https://" + d.address + "/", Fingerprint: client.Hub.Fingerprint()}, hubclient.Options{})
	answer, err := gateway.Do(t.Context(), []wire.SignedCall{client.As(t, "alice").Sign(wire.OpStatus, lounge, nil)})
	gateway.Close()
	if err != nil || answer.Results[0].Error != nil || answer.Certificate == "" {
		t.Errorf("a gateway gets %+v, %v", answer, err)
	}
	first := served(t, d.address, "")
	if name, err := os.Hostname(); err == nil && len(name) > 3 && bytes.Contains(first, []byte(name)) {
		t.Error("it has this machine's name in it")
	}
	info, err := os.Stat(filepath.Join(data, "self-signed.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	d.Process.Kill()
	d.wait()
	again := startHubd(t, "-listen", "127.0.0.1:0", "-tls-self-signed", "-data", data)
	if !bytes.Equal(served(t, again.address, ""), first) {
		t.Error("after a start it is another")
	}
}

// One that is near its end is renewed, in a running hubd as well.
func TestSelfSignedIsRenewed(t *testing.T) {
	data := t.TempDir()
	text, err := makeCertificate(time.Now().Add(selfSignedRenew - selfSignedFor - time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "self-signed.pem"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := selfSigned(data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	got, err := own.get(nil)
	if err != nil || time.Until(got.Leaf.NotAfter) < selfSignedFor-time.Hour {
		t.Errorf("%v, %v", got.Leaf.NotAfter, err)
	}
	if err := os.WriteFile(filepath.Join(data, "self-signed.pem"), []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := selfSigned(data, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a broken file is taken for none")
	}
}

// Where there is no certificate to be had the hub's own one serves, for its
// names and others, at once, and the CA is left alone for a while.
func TestNoCertificateFromCA(t *testing.T) {
	var asked atomic.Int32
	ca := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Error(w, "no", http.StatusForbidden)
	}))
	defer ca.Close()
	data := t.TempDir()
	own, err := selfSigned(data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := settings{acme: "hub.example.org, two.example.org", acmeServer: ca.URL}
	a := newACME(s, filepath.Join(data, "acme"), own, slog.New(slog.DiscardHandler))
	c := &certificates{get: a.get, acme: a}
	c.obtain()
	for _, domain := range s.domains() {
		<-a.try(domain).done
	}
	before := asked.Load()
	if before == 0 {
		t.Error("the CA was not asked")
	}
	hellos := []*tls.ClientHelloInfo{{ServerName: "hub.example.org"}, {ServerName: "TWO.example.org."}, {ServerName: "other.example.org"}, {}}
	for _, hello := range hellos {
		got, err := a.get(hello)
		if want, _ := own.get(nil); err != nil || got != want {
			t.Errorf("%q: %v, %v", hello.ServerName, got, err)
		}
	}
	if asked.Load() != before {
		t.Error("the CA was asked again at once")
	}
	if _, err := a.get(&tls.ClientHelloInfo{ServerName: "hub.example.org", SupportedProtos: []string{acme.ALPNProto}}); err == nil {
		t.Error("a CA that nobody has asked gets an answer")
	}
	if info, err := os.Stat(filepath.Join(data, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache: %v, %v", info, err)
	}
	// Plain HTTP answers CAs at their place, and is the hub elsewhere.
	handler := c.challenges(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hub") }))
	for path, want := range map[string]int{"/.well-known/acme-challenge/x": 404, "/": 200} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "http://hub.example.org:8080"+path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
