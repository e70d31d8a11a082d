package hubclient

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"hubbub/channels/wire"
)

// counted is a server that counts who connects.
func counted(t *testing.T, handler http.Handler) (*httptest.Server, *atomic.Int32) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s, &connections
}

// Where another's word leads into this machine nobody is connected to; one's
// own word may.
func TestPrivateAddress(t *testing.T) {
	h := newTestHub(t)
	s, connections := counted(t, h)
	_, port, err := net.SplitHostPort(hostOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "hub.localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "0.0.0.0", "2130706433"} {
		c := New(Address{URL: "http://" + host + ":" + port + "/", Fingerprint: h.fingerprint(), Public: true, Proxy: Direct}, Options{})
		_, err := c.Do(t.Context(), puts(t, 1))
		kind(t, err, Private)
		c.Close()
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
	c := New(Address{URL: s.URL + "/", Fingerprint: h.fingerprint()}, Options{})
	defer c.Close()
	if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
		t.Error(err)
	}
}

// lying is a resolver by which every name leads to this machine.
func lying(t *testing.T) *net.Resolver {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := l.ReadFrom(packet)
			if err != nil {
				return
			}
			_, _ = l.WriteTo(dnsAnswer(packet[:n]), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", l.LocalAddr().String())
	}}
}

// dnsAnswer answers a question for an IPv4 address with 127.0.0.1, and any other
// with nothing (RFC 1035).
func dnsAnswer(query []byte) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	question := query[12 : end+5]
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if question[len(question)-3] == 1 {
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
	}
	return answer
}

// A name of the DNS may lead anywhere: what counts is the address.
func TestPrivateAddressBehindName(t *testing.T) {
	h := newTestHub(t)
	s, connections := counted(t, h)
	_, port, err := net.SplitHostPort(hostOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	old := net.DefaultResolver
	net.DefaultResolver = lying(t)
	t.Cleanup(func() { net.DefaultResolver = old })
	a := Address{URL: "http://hub.example.org:" + port + "/", Fingerprint: h.fingerprint(), Proxy: Direct}
	own := New(a, Options{})
	defer own.Close()
	if _, err := own.Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatalf("the name does not lead to the test's hub: %v", err)
	}
	before := connections.Load()
	a.Public = true
	theirs := New(a, Options{})
	defer theirs.Close()
	_, err = theirs.Do(t.Context(), puts(t, 1))
	kind(t, err, Private)
	if n := connections.Load() - before; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// The addresses that a dialer is about to connect to.
func TestRefusePrivate(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "10.0.0.1:443": true, "[fe80::1%eth0]:80": true, "[::ffff:192.168.0.1]:80": true,
		"100.64.0.1:80": true, "/run/socket": true, "93.184.216.34:80": false, "[2606:2800:220:1::1]:443": false,
	} {
		if err := refusePrivate(nil, "tcp", address, nil); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// redirected carries requests to what a public name stands for, and all others
// to the test's own fear.
type redirected struct {
	public http.Handler
	inside atomic.Int32
}

func (r *redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	if wire.PrivateHost(request.URL.Hostname()) {
		r.inside.Add(1)
	}
	return inProcess{r.public}.RoundTrip(request)
}

// A redirect leads no further than the URL might.
func TestRedirectToPrivateAddress(t *testing.T) {
	for _, to := range []string{"http://127.0.0.1:631/", "http://[::1]/", "http://router.lan/", "http://169.254.169.254/latest/", "http://127.0.0.１/"} {
		for _, public := range []bool{true, false} {
			r := &redirected{public: http.RedirectHandler(to, http.StatusFound)}
			c := New(Address{URL: "http://hub.example/", Public: public, Proxy: Direct}, Options{Transport: r})
			_, err := c.Do(t.Context(), puts(t, 1))
			if e := kind(t, err, NotAHub); !strings.Contains(e.Text, "into this machine") {
				t.Error(e)
			}
			if r.inside.Load() != 0 {
				t.Errorf("%s was asked", to)
			}
		}
	}
	// By a name, the address of which the dialer sees: the first road's.
	road := newRoad(Location{Public: true, Proxy: Direct}, nil)
	defer road.CloseIdleConnections()
	request := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1/", nil)
	if _, err := road.RoundTrip(request); err != errPrivate {
		t.Error(err)
	}
}

// The proxy may be on this machine, what it is asked for not.
func TestPrivateAddressBehindProxy(t *testing.T) {
	h := newTestHub(t)
	at := hostOf(t, h.serve())
	s := &socksServer{leads: map[string]string{"hub.example:80": at, at: at, "localhost:80": at}}
	proxy := through(t, "socks5://"+s.serve(t))
	for url, ok := range map[string]bool{"http://hub.example/": true, "http://" + at + "/": false, "http://localhost/": false} {
		c := New(Address{URL: url, Fingerprint: h.fingerprint(), Public: true, Proxy: proxy}, Options{})
		_, err := c.Do(t.Context(), puts(t, 1))
		if ok && err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if !ok {
			kind(t, err, Private)
		}
		c.Close()
	}
	if len(s.asked) != 1 {
		t.Errorf("the proxy was asked for %q", s.asked)
	}
}

// Two clients, as of two lines, share no connection.
func TestClientsShareNothing(t *testing.T) {
	h := newTestHub(t)
	s, connections := counted(t, h)
	for range 3 {
		c := New(Address{URL: s.URL + "/", Fingerprint: h.fingerprint()}, Options{})
		defer c.Close()
		for range 4 {
			if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections for three clients", n)
	}
}
