package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub/hub/hubtest"
)

// aDomain is what the tests' CA is asked for.
const aDomain = "hub.example.org"

// pebble is where Debian puts the test server of Let's Encrypt.
const pebble = "/usr/bin/pebble"

// nameServer answers that every name is this machine, until the test ends.
func nameServer(t *testing.T) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		query := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			if answer := answerTo(query[:n]); answer != nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// answerTo answers a question of DNS (RFC 1035, section 4.1): that for an IPv4
// address with 127.0.0.1, all others with nothing.
func answerTo(query []byte) []byte {
	const header = 12
	if len(query) < header {
		return nil
	}
	end := header
	for end < len(query) && query[end] != 0 { // labels
		end += 1 + int(query[end])
	}
	if end+5 > len(query) {
		return nil
	}
	kind := binary.BigEndian.Uint16(query[end+1:])
	answer := append(bytes.Clone(query[:2]), 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
	answer = append(answer, query[header:end+5]...)
	if kind == 1 {
		answer[7] = 1
		answer = append(answer, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return answer
}

// startPebble starts a CA that looks for the domain at these ports, and returns its
// directory's URL, and a file with the certificate by which it is known.
func startPebble(t *testing.T, httpPort, tlsPort string) (directory, trusted string) {
	t.Helper()
	if _, err := os.Stat(pebble); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: apt-get install pebble", pebble)
		}
		t.Skipf("%s is missing: apt-get install pebble", pebble)
	}
	folder := t.TempDir()
	trusted = filepath.Join(folder, "cert.pem")
	writePair(t, trusted, filepath.Join(folder, "key.pem"))
	address := freePort(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": freePort(t), "certificate": trusted, "privateKey": filepath.Join(folder, "key.pem"),
		"httpPort": portOf(t, httpPort), "tlsPort": portOf(t, tlsPort),
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "config.json")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(pebble, "-config", path, "-strict", "-dnsserver", nameServer(t))
	c.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("the CA said:\n%.5000s", said.String())
		}
	})
	awaitPort(t, address)
	_, port, _ := net.SplitHostPort(address)
	return "https://localhost:" + port + "/dir", trusted
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// hubd gets itself a certificate from a CA that follows RFC 8555, in each of the two
// ways; keeps it, and serves its own to those who ask by another name.
func TestCertificateFromCA(t *testing.T) {
	for name, reached := range map[string]struct{ http, tls bool }{"TLS-ALPN-01": {tls: true}, "HTTP-01": {http: true}} {
		t.Run(name, func(t *testing.T) {
			listen, plain, nobody := freePort(t), freePort(t), freePort(t)
			atHTTP, atTLS := nobody, nobody
			if reached.http {
				atHTTP = plain
			}
			if reached.tls {
				atTLS = listen
			}
			directory, trusted := startPebble(t, atHTTP, atTLS)
			data := filepath.Join(t.TempDir(), "data")
			begin := func() *hubd {
				c := exec.Command(hubtest.Build(t, "hub/serve"), "-listen", listen, "-http", plain, "-acme", aDomain, "-acme-server", directory, "-data", data)
				c.Env = append(os.Environ(), "SSL_CERT_FILE="+trusted)
				return launch(t, c)
			}
			d := begin()
			var got *x509.Certificate
			for over := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
				certificate, err := x509.ParseCertificate(served(t, listen, aDomain))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(certificate.Issuer.CommonName, "Pebble") {
					got = certificate
					break
				}
				if time.Now().After(over) {
					t.Fatalf("its certificate is of %q", certificate.Issuer)
				}
			}
			if err := got.VerifyHostname(aDomain); err != nil {
				t.Error(err)
			}
			for _, other := range []string{"", "other.example.org"} {
				if bytes.Equal(served(t, listen, other), got.Raw) {
					t.Errorf("who asks for %q gets the CA's certificate", other)
				}
			}
			hubtest.NewClient(t, "https://"+listen+"/")
			if conn, err := tls.Dial("tcp", listen, &tls.Config{InsecureSkipVerify: true, ServerName: aDomain, NextProtos: []string{"acme-tls/1"}}); err == nil {
				conn.Close()
				t.Error("who is no CA gets an answer to what was asked of a CA")
			}
			d.Process.Kill()
			d.wait()
			begin()
			if !bytes.Equal(served(t, listen, aDomain), got.Raw) {
				t.Error("after a start there is another certificate")
			}
		})
	}
}
