package hub_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// portRange is IP_LOCAL_PORT_RANGE (Linux 6.3 and later): between which ports connect
// chooses this side's.
const portRange = 51

// A visitor names another port of the hub's own address, as he may where the web
// server takes SERVER_PORT from Host. Who listens there passes the question on to the
// web server, from the very port that the hub asked from, and is not believed.
func TestAListenerPassesTheQuestionOn(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	at := w.web(func(string) bool { return true })
	if _, page := w.get("", at); !strings.Contains(page, "hands out files") {
		t.Fatal(page)
	}
	passed := 0
	var why error
	relay := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.RawQuery, "asked=") {
			out.WriteHeader(http.StatusForbidden)
			return
		}
		passed++
		answer, err := passOn(r, net.JoinHostPort(at.Address, at.Port))
		if why = err; err != nil {
			out.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		io.Copy(out, answer.Body)
	}))
	defer relay.Close()
	forged := at
	_, forged.Port, _ = net.SplitHostPort(strings.TrimPrefix(relay.URL, "http://"))
	w.later(time.Hour)
	if _, page := w.get("", forged); !strings.Contains(page, "hands out files") {
		t.Errorf("the listener is believed (%v):\n%s", why, page)
	}
	if passed == 0 {
		t.Error("the listener was not asked: this shows nothing")
	}
}

// The same relay gets through where connect chooses the port: else the test above
// would show nothing.
func TestAListenerCouldPassItOn(t *testing.T) {
	var from, asked string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { from = r.RemoteAddr }))
	defer server.Close()
	var why error
	relay := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.RemoteAddr
		answer, err := passOn(r, server.Listener.Addr().String())
		if why = err; err == nil {
			answer.Body.Close()
		}
	}))
	defer relay.Close()
	answer, err := http.Get(relay.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if why != nil {
		t.Skip("connections do not share a port here (Linux has IP_LOCAL_PORT_RANGE from 6.3 on):", why)
	}
	if asked == "" || from != asked {
		t.Errorf("asked from %s, passed on from %s", asked, from)
	}
}

// passOn sends a request to a server, from the port that it came from.
func passOn(r *http.Request, server string) (*http.Response, error) {
	client, err := net.ResolveTCPAddr("tcp", r.RemoteAddr)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		option := client.Port<<16 | client.Port
		failed := conn.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, portRange, option) })
		if failed != nil {
			return failed
		}
		return err
	}}
	on, err := http.NewRequest("GET", "http://"+server+r.URL.String(), nil)
	if err != nil {
		return nil, err
	}
	on.Host = r.Host
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	return transport.RoundTrip(on)
}
