//go:build linux

package e2e

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// recorder stands between gateways and a hub and keeps every byte that passes:
// what a listener on the wire has.
type recorder struct {
	Addr string

	to string
	l  net.Listener
	mu sync.Mutex
	up bytes.Buffer // what gateways sent
	dn bytes.Buffer // what the hub answered
	n  int          // connections

	open []net.Conn // all that were
}

// record starts a recorder in front of a hub and gives the URL to use instead.
func record(t testing.TB, hub string) (*recorder, string) {
	t.Helper()
	u, err := url.Parse(hub)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &recorder{Addr: l.Addr().String(), to: u.Host, l: l}
	go r.serve(l)
	u.Host = r.Addr
	return r, u.String()
}

func (r *recorder) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go r.pass(c)
	}
}

func (r *recorder) pass(c net.Conn) {
	defer c.Close()
	r.mu.Lock()
	r.n++
	r.open = append(r.open, c)
	r.mu.Unlock()
	h, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer h.Close()
	done := make(chan struct{}, 2)
	go func() { r.copy(h, c, &r.up); done <- struct{}{} }()
	go func() { r.copy(c, h, &r.dn); done <- struct{}{} }()
	<-done
}

func (r *recorder) copy(to, from net.Conn, keep *bytes.Buffer) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		r.mu.Lock()
		keep.Write(b[:n])
		r.mu.Unlock()
		if _, werr := to.Write(b[:n]); werr != nil || err != nil {
			return
		}
	}
}

// Close ends it, and what goes through it.
func (r *recorder) Close() {
	r.l.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.open {
		c.Close()
	}
}

// Connections counts the connections that were made.
func (r *recorder) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// Capture is a copy of all that passed.
func (r *recorder) Capture() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(bytes.Clone(r.up.Bytes()), r.dn.Bytes()...)
}

// secret is a text that must not be found, in any spelling.
type secret struct {
	what  string
	plain string
}

// spellings are the forms in which a leaked text could travel.
func (s secret) spellings() []string {
	b := []byte(s.plain)
	forms := []string{s.plain, strings.ToUpper(s.plain), url.QueryEscape(s.plain), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
		base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)}
	// In base64 a text has three spellings, by where it begins; the two groups
	// at the ends depend on what is beside it.
	for shift := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			s := e.EncodeToString(append(make([]byte, shift), b...))
			if len(s) > 8 {
				forms = append(forms, s[4:len(s)-2])
			}
		}
	}
	return forms
}

// leaks names the secrets that stand in a haystack.
func leaks(hay []byte, secrets []secret) []string {
	var found []string
	for _, s := range secrets {
		for _, form := range s.spellings() {
			if len(form) >= 5 && bytes.Contains(hay, []byte(form)) {
				found = append(found, s.what+" as "+form)
			}
		}
	}
	return found
}
