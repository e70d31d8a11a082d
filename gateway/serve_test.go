package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// served runs a whole gateway in this process until the test ends, and returns
// where it listens, and what it has said.
func served(t *testing.T, configuration string) (address, greeting string) {
	t.Helper()
	address, greeting, stop := servedIn(t, t.TempDir(), configuration)
	t.Cleanup(stop)
	return address, greeting
}

// servedIn is served with its data in a folder, until stop is called.
func servedIn(t *testing.T, dir, configuration string) (address, greeting string, stop func()) {
	t.Helper()
	f := flags{config: filepath.Join(dir, "c.toml"), data: filepath.Join(dir, "data"), listen: "127.0.0.1:0"}
	if err := os.WriteFile(f.config, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := serve(ctx, f, w, io.Discard)
		w.CloseWithError(err)
		ended <- err
	}()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for lines := bufio.NewScanner(r); !strings.Contains(greeting, "Ctrl-C"); greeting += lines.Text() + "\n" {
		if !lines.Scan() {
			t.Fatalf("%v after %q", lines.Err(), greeting)
		}
	}
	m := regexp.MustCompile(`/connect -\w+ (\S+) (\d+)`).FindStringSubmatch(greeting)
	if m == nil {
		t.Fatalf("no address in %q", greeting)
	}
	return net.JoinHostPort(m[1], m[2]), greeting, stop
}

// welcomed registers on a connection and returns the first line that settles it.
func welcomed(t *testing.T, c net.Conn, lines ...string) string {
	t.Helper()
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, strings.Join(append(lines, "NICK alice", "USER alice 0 * :Alice", ""), "\r\n"))
	for in := bufio.NewScanner(c); in.Scan(); {
		for _, settles := range []string{" 001 ", " 464 ", "ERROR "} {
			if strings.Contains(in.Text(), settles) {
				return in.Text()
			}
		}
	}
	return "(closed)"
}

func TestServeOverTLS(t *testing.T) {
	cert, key, pool := selfSigned(t)
	address, greeting := served(t, fmt.Sprintf("password = \"sesame\"\n[tls]\ncert = %q\nkey = %q\n[embedded_hub]\nlisten = \"\"\n", cert, key))
	if !strings.Contains(greeting, " -tls") || strings.Contains(greeting, "-notls") {
		t.Errorf("it says\n%s", greeting)
	}
	dial := func() net.Conn {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got := welcomed(t, dial(), "PASS sesame"); !strings.Contains(got, " 001 ") {
		t.Errorf("with the password: %q", got)
	}
	if got := welcomed(t, dial(), "PASS wrong"); strings.Contains(got, " 001 ") {
		t.Errorf("with a wrong one: %q", got)
	}
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if got := welcomed(t, plain, "PASS sesame"); strings.Contains(got, " 001 ") {
		t.Errorf("without TLS: %q", got)
	}
}

// selfSigned writes a certificate for localhost and its key.
func selfSigned(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", raw), write("key.pem", "PRIVATE KEY", pkcs8), pool
}

// talkTo connects a client. It returns a function that sends a line, and reads on
// until one comes that has all the parts.
func talkTo(t *testing.T, address string) (say func(line string, parts ...string) string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewScanner(conn)
	return func(line string, parts ...string) string {
		t.Helper()
		fmt.Fprintf(conn, "%s\r\n", line)
		for in.Scan() {
			if token, ok := strings.CutPrefix(in.Text(), "PING "); ok {
				fmt.Fprintf(conn, "PONG %s\r\n", token)
			}
			found := true
			for _, p := range parts {
				found = found && strings.Contains(in.Text(), p)
			}
			if found {
				return in.Text()
			}
		}
		t.Fatalf("no %q after %q: %v", parts, line, in.Err())
		return ""
	}
}

// A hub of one's own, from the key in its claim.txt to a channel that lives on
// it, all of it real but the network.
func TestHubIsAddedForReal(t *testing.T) {
	folder := t.TempDir()
	opened, err := hub.Open(hub.Config{Data: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	site := httptest.NewServer(web.Handler(opened))
	defer site.Close()
	key, ok, err := hub.ReadClaim(folder)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}

	address, _ := served(t, "")
	say := talkTo(t, address)
	say("NICK alice\r\nUSER alice 0 * :Alice", " 001 ")
	wrong := wire.AccountKey{Fingerprint: key.Fingerprint, Secret: [16]byte{1}}
	say("PRIVMSG sysop :hub add "+site.URL+" "+wrong.String(), "PRIVMSG alice :", "key")
	if _, ok, _ := hub.ReadClaim(folder); !ok {
		t.Fatal("a wrong key claimed the hub")
	}
	say("PRIVMSG sysop :hub add "+site.URL+" "+key.String(), "The hub "+site.URL+"/ is ready. It is yours")
	if _, ok, _ := hub.ReadClaim(folder); ok {
		t.Error("the key can be used again")
	}
	say("PRIVMSG sysop :hub list", "hub "+site.URL+"/: yours; up")
	say("JOIN #bob", " 366 ")
	say("INVITE bob #bob", "/join #alice "+strings.ToUpper(site.URL)+"/#")
	say("PRIVMSG sysop :status #bob", "hub "+site.URL+"/: yours; up")
	say("PRIVMSG sysop :invites", "1: #bob for bob", "open until")
	say("PRIVMSG sysop :revoke 1", "/msg sysop invites shows what is still open")
	say("PRIVMSG sysop :invites", "1: #bob for bob", "revoked")
	say("PRIVMSG sysop :nick alicia", "You are alicia now")
	say("PRIVMSG sysop :leave", "say it again within a minute")
	say("PRIVMSG sysop :leave #bob", "You left #bob")
	say("PRIVMSG sysop :list", "You have no channel yet")
}

// The embedded hub is ready when the gateway is, and again when somebody has
// deleted the phonebook that had claimed it.
func TestEmbeddedHubOutlivesThePhonebook(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		address, _, stop := servedIn(t, dir, "")
		say := talkTo(t, address)
		say("NICK alice\r\nUSER alice 0 * :Alice\r\nJOIN #bob\r\nINVITE bob #bob", "/join #alice HTTP://127.0.0.1:")
		stop()
		for _, end := range []string{"", "-wal", "-shm"} {
			os.Remove(filepath.Join(dir, "data", "phonebook.db"+end))
		}
	}
}
