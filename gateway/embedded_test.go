package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub/hub"
)

// testHub starts an embedded hub in a new data folder.
func testHub(t *testing.T) *embeddedHub {
	t.Helper()
	data, err := openDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h, err := startEmbedded(data, defaultConfig().EmbeddedHub.Listen, time.Now, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve() }()
	t.Cleanup(func() {
		for range 2 { // twice does no harm
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		data.Close()
	})
	return h
}

// freeAddress was free a moment ago, and so are, as a rule, the ports after it.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestEmbeddedHubIsARealOne(t *testing.T) {
	h := testHub(t)
	r, err := http.Get(h.address.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 || !strings.Contains(string(page), "hub") {
		t.Errorf("its page: %d, %v, %.80q", r.StatusCode, err, page)
	}
	if h.secret == [16]byte{} {
		t.Error("its account key is not known to the gateway")
	}
	if h.address.Fingerprint != h.hub.Fingerprint() {
		t.Error("its fingerprint is another's")
	}
}

func TestNoEmbeddedHub(t *testing.T) {
	data, err := openDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	h, err := startEmbedded(data, "", time.Now, io.Discard)
	if err != nil || h.address.URL != "" || h.Serve() != nil || h.Close() != nil {
		t.Errorf("%+v, %v", h, err)
	}
	if got := names(t, data.path); got != "lock" {
		t.Errorf("left behind: %s", got)
	}
}

// A claim.txt that somebody broke keeps the gateway from starting, with words.
func TestEmbeddedHubWithABrokenClaim(t *testing.T) {
	data, err := openDataDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	first, err := startEmbedded(data, freeAddress(t), time.Now, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	claim := data.file(filepath.Join("hub", "claim.txt"))
	if _, ok, err := hub.ReadClaim(data.file("hub")); !ok || err != nil {
		t.Fatalf("no key in %s: %v", claim, err)
	}
	os.WriteFile(claim, []byte("x\n"), 0o600)
	_, err = startEmbedded(data, freeAddress(t), time.Now, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "claim.txt") {
		t.Errorf("started with a broken key: %v", err)
	}
}

// The port is kept from start to start, for one-time keys name it.
func TestEmbeddedHubKeepsItsPort(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.address")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	configured := taken.Addr().String()
	var warned bytes.Buffer
	listen := func(configured string) string {
		t.Helper()
		l, err := listenEmbedded(file, configured, &warned)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}

	first := listen(configured)
	if first == configured || !loopback(first) || warned.Len() > 0 {
		t.Fatalf("a taken %s: took %s, said %q", configured, first, warned.String())
	}
	taken.Close()
	if again := listen(configured); again != first {
		t.Errorf("the next start: took %s, want %s again", again, first)
	}

	other, err := net.Listen("tcp", first)
	if err != nil {
		t.Skip("the port was taken meanwhile: ", err)
	}
	defer other.Close()
	moved := listen(configured)
	if moved == first || !strings.Contains(warned.String(), fmt.Sprintf("moved from %s to %s", first, moved)) {
		t.Errorf("a taken port: took %s, said %q", moved, warned.String())
	}
	if another := freeAddress(t); listen(another) != another {
		t.Error("a changed configuration does not count")
	}
}

func TestEmbeddedHubsAddressIsReadWithCare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.address")
	const configured = "127.0.0.1:6680"
	for content, want := range map[string]string{
		configured + " 127.0.0.1:7000\n":      "127.0.0.1:7000",
		configured + " 0.0.0.0:7000\n":        "",
		"127.0.0.1:6681 127.0.0.1:7000\n":     "",
		"":                                    "",
		"x":                                   "",
		configured + " 127.0.0.1:7000 more\n": "",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := rememberedAddress(file, configured); got != want || err != nil {
			t.Errorf("%q is read as %q, %v; want %q", content, got, err, want)
		}
	}
}

func TestPortsToTry(t *testing.T) {
	got := candidates("127.0.0.1:6681", "127.0.0.1:6680")
	if len(got) != portTries+2 || got[0] != "127.0.0.1:6681" || got[1] != "127.0.0.1:6680" {
		t.Errorf("%d ports, %v…", len(got), got[:3])
	}
	got = candidates("", "[::1]:0")
	if len(got) != portTries {
		t.Errorf("%d ports", len(got))
	}
	different := map[string]bool{}
	for _, address := range got {
		different[address] = true
		if !strings.HasPrefix(address, "[::1]:2") || len(address) != len("[::1]:20000") {
			t.Errorf("picked %s", address)
		}
	}
	if len(different) < portTries-5 {
		t.Errorf("of %d ports only %d are different", portTries, len(different))
	}
}
