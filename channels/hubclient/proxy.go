package hubclient

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// Proxy is what stands between the gateway and a hub. The zero value is the one
// that the environment names (HTTP_PROXY, HTTPS_PROXY, NO_PROXY), if any.
type Proxy struct {
	url    *url.URL // nil: none, or the environment's
	direct bool     // none, whatever the environment says
}

// Direct is no proxy, whatever the environment says.
var Direct = Proxy{direct: true}

// ErrNotProxy is returned for text that names no proxy. It does not repeat the
// text, which may hold a password.
var ErrNotProxy = errors.New(`this is neither "direct" nor the URL of a proxy, such as "socks5://127.0.0.1:9050" for Tor or "http://proxy.example.org:3128"`)

// ParseProxy reads "direct", the URL of a SOCKS5 proxy (socks5:// or socks5h://,
// which mean the same: it is the proxy that looks names up) or that of an HTTP
// proxy (http://). Empty is the environment's.
func ParseProxy(text string) (Proxy, error) {
	switch text {
	case "":
		return Proxy{}, nil
	case "direct":
		return Direct, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return Proxy{}, ErrNotProxy
	}
	socks := u.Scheme == "socks5" || u.Scheme == "socks5h"
	if !socks && u.Scheme != "http" {
		return Proxy{}, ErrNotProxy
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return Proxy{}, ErrNotProxy
		}
	}
	if socks && u.User != nil {
		name := u.User.Username()
		word, _ := u.User.Password()
		if name == "" || len(name) > 255 || word == "" || len(word) > 255 { // RFC 1929
			return Proxy{}, ErrNotProxy
		}
	}
	u.Path = ""
	return Proxy{url: u}, nil
}

// Secret reports whether a password is part of what names the proxy.
func (p Proxy) Secret() bool {
	if p.url == nil {
		return false
	}
	_, ok := p.url.User.Password()
	return ok
}

// String names the proxy, without a password.
func (p Proxy) String() string {
	switch {
	case p.direct:
		return "direct"
	case p.url == nil:
		return ""
	}
	return p.url.Redacted()
}

// chooser returns what http.Transport asks for the proxy of each request. A
// SOCKS5 proxy that has no user name of the user's is given one made up here:
// Tor keeps streams of different names on different circuits, so that what is
// kept apart here stays so behind it.
func (p Proxy) chooser() func(*http.Request) (*url.URL, error) {
	switch {
	case p.direct:
		return func(*http.Request) (*url.URL, error) { return nil, nil }
	case p.url == nil:
		return http.ProxyFromEnvironment
	}
	through := *p.url
	if through.Scheme != "http" && through.User == nil {
		through.User = url.UserPassword(rand.Text(), rand.Text())
	}
	return http.ProxyURL(&through)
}
