package hubclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func through(t *testing.T, text string) Proxy {
	t.Helper()
	p, err := ParseProxy(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func hostOf(t *testing.T, s *httptest.Server) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// Through SOCKS5 nothing is looked up here, an .onion least of all, and each
// client is another user there.
func TestSOCKS(t *testing.T) {
	const host = "hubbubhubbubhubbub.onion"
	for _, scheme := range []string{"socks5", "socks5h"} {
		h := newTestHub(t)
		s := &socksServer{leads: map[string]string{host + ":80": hostOf(t, h.serve())}}
		proxy := through(t, scheme+"://"+s.serve(t))
		for range 3 {
			c := New(Address{URL: "http://" + host + "/", Fingerprint: h.fingerprint(), Public: true, Proxy: proxy}, Options{})
			for range 2 {
				if a, err := c.Do(t.Context(), puts(t, 1)); err != nil || a.URL != "http://"+host+"/" {
					t.Fatalf("at %s, %v", a.URL, err)
				}
			}
			c.Close()
		}
		if slices.ContainsFunc(s.kinds, func(k byte) bool { return k != 3 }) {
			t.Errorf("%s: asked by address: %v", scheme, s.asked)
		}
		if names := s.names(); len(names) != 3 || slices.Contains(names, "") {
			t.Errorf("%s: the three clients are the users %q", scheme, names)
		}
		if s.conns != 3 {
			t.Errorf("%s: %d connections for three clients", scheme, s.conns)
		}
	}
}

// A proxy that takes nobody's name, and one that demands the user's own.
func TestSOCKSNames(t *testing.T) {
	h := newTestHub(t)
	leads := map[string]string{"hub.example:80": hostOf(t, h.serve())}
	do := func(proxy string) error {
		c := New(Address{URL: "http://hub.example/", Fingerprint: h.fingerprint(), Proxy: through(t, proxy)}, Options{})
		defer c.Close()
		_, err := c.Do(t.Context(), puts(t, 1))
		return err
	}
	open := &socksServer{leads: leads, noAuth: true}
	if err := do("socks5://" + open.serve(t)); err != nil || open.names()[0] != "" {
		t.Errorf("without a name: %v, %q", err, open.names())
	}
	closed := &socksServer{leads: leads, password: "sesame"}
	at := closed.serve(t)
	if err := do("socks5://alice:sesame@" + at); err != nil || closed.names()[0] != "alice" {
		t.Errorf("as alice: %v, %q", err, closed.names())
	}
	e := kind(t, do("socks5://alice:simsim@"+at), Unreachable)
	if !strings.HasPrefix(e.Text, "the proxy: ") || strings.Contains(e.Text, "simsim") {
		t.Error(e)
	}
}

// What is wrong with the proxy is told apart from what is wrong with the hub.
func TestProxyTroubles(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := dead.Addr().String()
	dead.Close()
	socks := &socksServer{}
	noSOCKS, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer noSOCKS.Close()
	go func() {
		if conn, err := noSOCKS.Accept(); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			conn.Close()
		}
	}()
	for proxy, says := range map[string]string{
		"socks5://" + nobody:                   "the proxy: nothing listens there (connection refused)",
		"http://" + nobody:                     "the proxy: nothing listens there (connection refused)",
		"socks5://" + socks.serve(t):           "the proxy: host unreachable",
		"socks5h://" + noSOCKS.Addr().String(): "the proxy: unexpected protocol version 72",
	} {
		c := New(Address{URL: "https://hub.example/", Proxy: through(t, proxy)}, Options{})
		_, err := c.Do(t.Context(), puts(t, 1))
		if e := kind(t, err, Unreachable); e.Text != says {
			t.Errorf("through %s: %q", proxy, e.Text)
		}
		c.Close()
	}
}

// httpProxy is a plain HTTP proxy to which all names lead to one place.
func httpProxy(t *testing.T, to string, asked *atomic.Int32) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method != http.MethodConnect {
			out := r.Clone(r.Context())
			out.RequestURI, out.URL.Host = "", to
			answer, err := http.DefaultTransport.RoundTrip(out)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer answer.Body.Close()
			w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
			w.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(w, answer.Body)
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		in, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(out, in); out.Close() }()
		_, _ = io.Copy(in, out)
		in.Close()
	}))
	t.Cleanup(s.Close)
	return s
}

func TestHTTPProxy(t *testing.T) {
	h := newTestHub(t)
	secure := httptest.NewTLSServer(h)
	t.Cleanup(secure.Close)
	for scheme, to := range map[string]*httptest.Server{"http": h.serve(), "https": secure} {
		var asked atomic.Int32
		proxy := httpProxy(t, hostOf(t, to), &asked)
		c := New(Address{
			URL: scheme + "://hub.example/", Fingerprint: h.fingerprint(), Public: true, Proxy: through(t, proxy.URL),
		}, Options{})
		if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if asked.Load() == 0 {
			t.Errorf("%s: the proxy was not asked", scheme)
		}
		c.Close()
	}
}

// Behind a proxy everything takes longer, behind Tor much longer.
func TestProxyIsGivenTime(t *testing.T) {
	for text, want := range map[string]time.Duration{"direct": margin, "socks5://127.0.0.1:9050": 2 * margin, "http://127.0.0.1:3128": 2 * margin} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Address{URL: "http://hub.example/", Proxy: through(t, text)}, Options{Transport: silence{}})
			begun := time.Now()
			_, err := c.Do(context.Background(), puts(t, 1))
			kind(t, err, Unreachable)
			if took := time.Since(begun); took != want {
				t.Errorf("%s: given up after %v, not %v", text, took, want)
			}
		})
	}
}

// An .onion is never looked up, and whoever meant Tor is told how.
func TestOnionWithoutProxy(t *testing.T) {
	for _, host := range []string{"hubbubhubbubhubbub.onion", "HUBBUB.Onion"} {
		c := New(Address{URL: "http://" + host + "/", Proxy: Direct}, Options{})
		_, err := c.Do(t.Context(), puts(t, 1))
		if !errors.Is(err, errOnion) {
			t.Error(err)
		}
	}
}

// Not even the environment's proxy is asked if the user wants none.
func TestDirect(t *testing.T) {
	if p, err := Direct.chooser()(httptest.NewRequest(http.MethodGet, "http://hub.example/", nil)); p != nil || err != nil {
		t.Error(p, err)
	}
	if p, err := ParseProxy("direct"); p != Direct || err != nil {
		t.Error(p, err)
	}
}

func TestParseProxy(t *testing.T) {
	for _, good := range []string{
		"", "direct", "socks5://127.0.0.1:9050", "socks5h://tor", "SOCKS5://[::1]:9050/", "http://proxy.example:3128", "http://a:b@proxy.example", "socks5://a:b@h:1",
	} {
		if _, err := ParseProxy(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	long := strings.Repeat("x", 256)
	for _, bad := range []string{
		"Direct", "none", "127.0.0.1:9050", "socks://h:1", "socks4://h:1", "https://h:1", "ftp://h", "socks5://", "socks5://:9050", "socks5:h:1",
		"http://h:0", "http://h:65536", "http://h:x", "http://h/path", "http://h/?q", "http://h?", "http://h#f", " http://h",
		"socks5://secret@h", "socks5://:secret@h", "socks5://" + long + ":secret@h", "socks5://secret:" + long + "@h", "http://a:secret@h\x7f",
	} {
		if _, err := ParseProxy(bad); err == nil {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the password is told: %v", bad, err)
		}
	}
	for text, secret := range map[string]bool{"": false, "direct": false, "http://h": false, "http://a:b@h": true, "socks5://a:b@h": true} {
		p := through(t, text)
		if p.Secret() != secret || secret == (p.String() == text) || strings.Contains(fmt.Sprintf("%v %+v", p, struct{ P Proxy }{p}), ":b@") {
			t.Errorf("%q: secret %v, shown as %v", text, p.Secret(), p)
		}
	}
}
