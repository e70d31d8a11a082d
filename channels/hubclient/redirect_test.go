package hubclient

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// redirecting sends everything to another place, and counts the POSTs.
func redirecting(t *testing.T, to func() string, status int) (*httptest.Server, *atomic.Int32) {
	var posts atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
		}
		target := to() + r.URL.Path
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, target, status)
	}))
	t.Cleanup(s.Close)
	return s, &posts
}

// ?keys is followed to where the hub is now, and requests go there at once.
func TestRedirectedKeys(t *testing.T) {
	h := newTestHub(t)
	s := h.serve()
	old, posts := redirecting(t, func() string { return s.URL }, http.StatusMovedPermanently)
	c := New(h.address(old), Options{})
	defer c.Close()
	for range 2 {
		a, err := c.Do(t.Context(), puts(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		if a.URL != s.URL+"/hub.cgi" {
			t.Error("it answered at", a.URL)
		}
	}
	if n := posts.Load(); n != 0 {
		t.Errorf("%d requests went to the old place", n)
	}
	for _, r := range h.seen {
		if referer := r.Header.Get("Referer"); referer != "" {
			t.Error("told where it came from:", referer)
		}
	}
	p, err := ProbeKeys(t.Context(), Location{URL: old.URL + "/hub.cgi"}, Options{})
	if err != nil || p.URL != s.URL+"/hub.cgi" {
		t.Errorf("probed %v, %v", p.URL, err)
	}
}

// A hub that begins to redirect is asked for its keys again; the request
// itself is sealed anew and never sent where a redirect points.
func TestRedirectedRequest(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		h := newTestHub(t)
		s := h.serve()
		var moved atomic.Bool
		old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !moved.Load() {
				h.ServeHTTP(w, r)
				return
			}
			http.Redirect(w, r, s.URL+r.RequestURI, status)
		}))
		t.Cleanup(old.Close)
		c := New(h.address(old), Options{})
		defer c.Close()
		if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
			t.Fatal(err)
		}
		moved.Store(true)
		a, err := c.Do(t.Context(), puts(t, 1))
		if err != nil || a.URL != s.URL+"/hub.cgi" {
			t.Errorf("%d: at %s, %v", status, a.URL, err)
		}
		if got := strings.Join(h.asked, ", "); got != "GET keys, POST, GET keys, POST" {
			t.Errorf("%d: asked %s", status, got)
		}
	}
}

// A server that answers ?keys and redirects requests is asked twice, and what
// it points to not at all.
func TestRedirectOfRequestsIsNotFollowed(t *testing.T) {
	h := newTestHub(t)
	elsewhere, posts := redirecting(t, func() string { return "http://127.0.0.1:1" }, 307)
	h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}
	_, err := h.client(h.serve()).Do(t.Context(), puts(t, 1))
	if e := kind(t, err, NotAHub); !strings.Contains(e.Text, "redirects (307)") {
		t.Error(e)
	}
	if h.count("POST") != 2 || posts.Load() != 0 {
		t.Errorf("%d requests, and %d elsewhere", h.count("POST"), posts.Load())
	}
}

// The place that ?keys led to is used on while the first address is dead, and
// the first address again when it is back.
func TestOldAddressDies(t *testing.T) {
	h := newTestHub(t)
	s := h.serve()
	var state atomic.Value
	state.Store("redirects")
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch state.Load() {
		case "redirects":
			http.Redirect(w, r, s.URL+r.RequestURI, http.StatusFound)
		case "dead":
			http.Error(w, "this domain is for sale", http.StatusNotFound)
		default:
			h.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(old.Close)
	now := time.Now()
	c := New(h.address(old), Options{Now: func() time.Time { return now }})
	defer c.Close()
	for _, step := range []struct{ state, at string }{
		{"redirects", s.URL}, {"dead", s.URL}, {"dead", s.URL}, {"back", old.URL}, {"redirects", s.URL},
	} {
		state.Store(step.state)
		now = now.Add(keysFresh)
		h.change(func() { h.ahead += keysFresh; h.newKey() })
		a, err := c.Do(t.Context(), puts(t, 1))
		if err != nil || a.URL != step.at+"/hub.cgi" {
			t.Errorf("%s: at %s, %v", step.state, a.URL, err)
		}
	}
}

func TestRedirectsThatLeadNowhere(t *testing.T) {
	var self *httptest.Server
	self, _ = redirecting(t, func() string { return self.URL }, http.StatusFound)
	out, _ := redirecting(t, func() string { return "ftp://127.0.0.1" }, http.StatusFound)
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			answers(200, "text/html", page)(w, r)
			return
		}
		http.Redirect(w, r, "/login?next="+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(login.Close)
	for name, s := range map[string]*httptest.Server{"to itself": self, "out of the web": out, "to a login": login} {
		c := New(Address{URL: s.URL + "/"}, Options{})
		_, err := c.Do(t.Context(), puts(t, 1))
		e := kind(t, err, NotAHub)
		t.Log(name, e)
		c.Close()
	}
}

// A certificate that does not verify is noted; the hub's key proves the hub.
func TestCertificate(t *testing.T) {
	h := newTestHub(t)
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	byName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	for name, c := range map[string]struct {
		url  string
		o    Options
		says string
	}{
		"of an unknown authority": {s.URL, Options{}, "unknown authority"},
		"that is right":           {s.URL, Options{Roots: roots}, ""},
		"of another name":         {byName, Options{Roots: roots}, "not localhost"},
		"long over":               {s.URL, Options{Roots: roots, Now: func() time.Time { return time.Now().AddDate(200, 0, 0) }}, "expired"},
	} {
		client := New(Address{URL: c.url + "/hub.cgi", Fingerprint: h.fingerprint()}, c.o)
		for range 2 {
			a, err := client.Do(t.Context(), puts(t, 1))
			if err != nil {
				t.Fatalf("a certificate %s: %v", name, err)
			}
			if (c.says == "") != (a.Certificate == "") || !strings.Contains(a.Certificate, c.says) {
				t.Errorf("a certificate %s: noted as %q", name, a.Certificate)
			}
		}
		client.Close()
	}
}

// A server may change its certificate between two connections.
func TestCertificateChanges(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	good := s.Certificate()
	over := *good
	over.NotAfter = over.NotBefore
	roots := x509.NewCertPool()
	roots.AddCert(good)
	c := New(Address{URL: s.URL}, Options{Roots: roots})
	note := func(leaf *x509.Certificate) string {
		return c.places[0].noteCertificate(&http.Response{
			TLS:     &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}},
			Request: httptest.NewRequest(http.MethodGet, s.URL, nil),
		})
	}
	if first, second, third := note(good), note(&over), note(good); first != "" || second == "" || third != "" {
		t.Errorf("noted %q, %q, %q", first, second, third)
	}
}
