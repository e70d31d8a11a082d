package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxURL bounds a hub's URL, so that a one-time key fits a line of IRC and a
// QR code that a screen holds.
const maxURL = 200

// ErrNotURL is returned for text that is not the URL of a hub.
var ErrNotURL = errors.New("this is not the URL of a hub")

// CanonicalURL returns the one form of a hub's URL that keys are checked over
// and addresses are compared by:
//
//	scheme "://" host [":" port] path
//
// with scheme (http or https) and host in lower case, no default port, and at
// least "/" as path. The path is otherwise kept byte for byte. Refused, with
// ErrNotURL and the reason: user info, a query, a fragment, characters that
// RFC 3986 does not allow in a host or path, a comma (which ends a key in
// IRC's JOIN), zone ids, and more than 200 bytes. A canonical URL is its own
// canonical form.
func CanonicalURL(text string) (string, error) {
	if len(text) > maxURL {
		return "", fmt.Errorf("%w: it has %d characters, more than %d", ErrNotURL, len(text), maxURL)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	scheme = lower(scheme)
	if !ok || (scheme != "http" && scheme != "https") {
		return "", fmt.Errorf("%w: it does not begin with http:// or https://", ErrNotURL)
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, err := canonicalHost(rest[:end], scheme)
	if err != nil {
		return "", err
	}
	path := rest[end:]
	if path == "" {
		path = "/"
	}
	if err := checkPath(path); err != nil {
		return "", err
	}
	if url := scheme + "://" + host + path; len(url) <= maxURL {
		return url, nil
	}
	return "", fmt.Errorf("%w: it has more than %d characters", ErrNotURL, maxURL)
}

// canonicalHost returns the host and port of an authority in canonical form.
func canonicalHost(authority, scheme string) (string, error) {
	if strings.Contains(authority, "@") {
		return "", fmt.Errorf("%w: it has a user's name in it", ErrNotURL)
	}
	host, port, err := splitPort(lower(authority))
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(host, "[") {
		// splitPort has seen the closing bracket.
		addr, err := netip.ParseAddr(host[1 : len(host)-1])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", fmt.Errorf("%w: what is in brackets is not an IPv6 address", ErrNotURL)
		}
	} else if !isName(host) {
		return "", fmt.Errorf("%w: its host is not letters, digits, dots and hyphens (a name in another script is written xn--…)", ErrNotURL)
	}
	if port == "" || (scheme == "http" && port == "80") || (scheme == "https" && port == "443") {
		return host, nil
	}
	return host + ":" + port, nil
}

// splitPort parts host and port, which is empty, or 1 to 65535 without
// leading zeros.
func splitPort(authority string) (host, port string, err error) {
	colon := strings.LastIndexByte(authority, ':')
	if bracket := strings.LastIndexByte(authority, ']'); colon < bracket || colon < 0 {
		host = authority
	} else {
		host, port = authority[:colon], authority[colon+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' || port[0] == '+' {
			return "", "", fmt.Errorf("%w: its port is not a number from 1 to 65535", ErrNotURL)
		}
	}
	if strings.HasPrefix(host, "[") && !strings.HasSuffix(host, "]") {
		return "", "", fmt.Errorf("%w: a bracket is not closed", ErrNotURL)
	}
	return host, port, nil
}

// isName says whether host is a DNS name or an IPv4 address, as far as its
// characters tell.
func isName(host string) bool {
	for _, label := range strings.Split(host, ".") {
		if label == "" {
			return false
		}
		for _, c := range []byte(label) {
			if !alphanumeric(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// checkPath refuses what is not the path of RFC 3986 (section 3.3), and commas.
func checkPath(path string) error {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '%':
			if i+2 >= len(path) || !hexadecimal(path[i+1]) || !hexadecimal(path[i+2]) {
				return fmt.Errorf("%w: a %% in it is not followed by two hexadecimal digits", ErrNotURL)
			}
		case c == ',':
			return fmt.Errorf("%w: it has a comma in it, to be written %%2C", ErrNotURL)
		case c == '?':
			return fmt.Errorf("%w: it has a query", ErrNotURL)
		case c == '#':
			return fmt.Errorf("%w: it has a fragment", ErrNotURL)
		case !alphanumeric(c) && !strings.ContainsRune("/-._~!$&'()*+;=:@", rune(c)):
			return fmt.Errorf("%w: it has a character in it that a URL must not have", ErrNotURL)
		}
	}
	return nil
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// lower and upper change the letters of ASCII and nothing else.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - ('a' - 'A')
		}
		return r
	}, s)
}
