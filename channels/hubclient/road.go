package hubclient

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"hubbub/channels/wire"
)

// road is the way to one location, an http.RoundTripper. It shares no connection
// with any other road.
type road struct {
	public  bool
	proxy   func(*http.Request) (*url.URL, error)
	direct  http.RoundTripper
	proxied http.RoundTripper
}

// newRoad returns the way to l. If all is not nil it carries everything.
func newRoad(l Location, all http.RoundTripper) *road {
	r := &road{public: l.Public, proxy: l.Proxy.chooser(), direct: all, proxied: all}
	if all != nil {
		return r
	}
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	r.proxied = newTransport(dialer, r.proxy) // the proxy may well be on this machine
	if l.Public {
		guarded := *dialer
		guarded.ControlContext = refusePrivate
		dialer = &guarded
	}
	r.direct = newTransport(dialer, nil)
	return r
}

// newTransport returns a transport for one location.
func newTransport(dialer *net.Dialer, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               proxy,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: connectTimeout,
		// The hub's key proves it (see the package): certificate.go looks at
		// the certificate afterwards, for the user to know.
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true},
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 32 << 10,
	}
}

// RoundTrip refuses what must not be asked, and takes the proxy if there is one.
// Redirects come by here, too.
func (r *road) RoundTrip(request *http.Request) (*http.Response, error) {
	proxy, err := r.proxy(request)
	host := request.URL.Hostname()
	switch {
	case err != nil:
	case r.public && wire.PrivateHost(host):
		err = errPrivate
	case proxy == nil && onion(host):
		err = errOnion
	case proxy == nil:
		return r.direct.RoundTrip(request)
	default:
		return r.proxied.RoundTrip(request)
	}
	if request.Body != nil {
		request.Body.Close()
	}
	return nil, err
}

// CloseIdleConnections is what http.Client's calls.
func (r *road) CloseIdleConnections() {
	for _, t := range []http.RoundTripper{r.direct, r.proxied} {
		if idle, ok := t.(interface{ CloseIdleConnections() }); ok {
			idle.CloseIdleConnections()
		}
	}
}

// far reports whether a proxy stands in the way to address, so that everything
// takes longer.
func (r *road) far(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	proxy, err := r.proxy(&http.Request{URL: u})
	return err == nil && proxy != nil
}

// refusePrivate is a net.Dialer's ControlContext: it sees the address that is
// about to be connected to, after names were looked up.
func refusePrivate(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || wire.PrivateAddr(at.Addr()) {
		return errPrivate
	}
	return nil
}

// onion says whether a host is one that only Tor can find. No resolver is to
// learn that somebody asks for it (RFC 7686).
func onion(host string) bool {
	return strings.HasSuffix(strings.ToLower(strings.TrimSuffix(host, ".")), ".onion")
}

// These are refused before anything is sent.
var (
	errPrivate = &Error{Kind: Private, Text: "it leads into this machine or its network, and is somebody else's word"}
	errOnion   = &Error{Kind: Unreachable, Text: `an .onion address is reached through Tor: set proxy = "socks5://127.0.0.1:9050" in the configuration file`}
)
