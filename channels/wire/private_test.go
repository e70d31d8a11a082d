package wire

import (
	"net/netip"
	"testing"
)

func TestPrivateURL(t *testing.T) {
	for url, private := range map[string]bool{
		// For everybody.
		"https://example.org/":                     false,
		"http://hub.example.org:8080/a/hub.cgi":    false,
		"http://93.184.216.34/":                    false,
		"http://[2606:2800:220:1::1]:81/":          false,
		"http://[64:ff9b::5db8:d822]/":             false, // 93.184.216.34 behind NAT64
		"http://[2002:5db8:d822::1]/":              false,
		"http://100.63.255.255/":                   false,
		"http://100.128.0.1/":                      false,
		"http://172.15.0.1/":                       false,
		"http://172.32.0.1/":                       false,
		"http://1.0.0.1/":                          false,
		"http://expyuzz4wqqyqhjn.onion/":           false,
		"https://localhost.example.org/":           false,
		"https://local.example/":                   false,
		"https://home.arpa.example.org/":           false,
		"https://mylocalhost.org/":                 false,
		"https://127.0.0.1.example.org/":           false,
		"https://xn--bcher-kva.example/b%C3%BC/":   false,
		"https://example.org/http://localhost/":    false,
		"https://example.org/@127.0.0.1/":          false,
		"https://notlan/":                          true, // a single label
		"http://localhost/":                        true,
		"HTTP://LocalHost:8080/hub.cgi":            true,
		"http://hub.localhost/":                    true,
		"http://localhost.localdomain/":            true,
		"http://nas.local/":                        true,
		"http://nas.LAN:81/":                       true,
		"http://a.b.home.arpa/":                    true,
		"http://db.internal/":                      true,
		"http://fritz.home/":                       true,
		"http://nas/":                              true,
		"http://127.0.0.1/":                        true,
		"http://127.255.255.254:99/":               true,
		"http://10.1.2.3/":                         true,
		"http://172.16.0.1/":                       true,
		"http://172.31.255.255/":                   true,
		"http://192.168.1.1/":                      true,
		"http://169.254.169.254/latest/meta-data/": true,
		"http://100.64.0.1/":                       true,
		"http://100.127.255.255/":                  true,
		"http://0.0.0.0/":                          true,
		"http://0.1.2.3/":                          true,
		"http://224.0.0.1/":                        true,
		"http://255.255.255.255/":                  true,
		"http://240.0.0.1/":                        true,
		"http://192.0.0.1/":                        true,
		"http://[::1]/":                            true,
		"http://[::]/":                             true,
		"http://[fe80::1]/":                        true,
		"http://[fd00::1]:81/":                     true,
		"http://[fc00::1]/":                        true,
		"http://[ff02::1]/":                        true,
		"http://[fec0::1]/":                        true,
		"http://[::ffff:127.0.0.1]/":               true,
		"http://[::ffff:93.184.216.34]/":           true, // nobody writes that in good faith
		"http://[::127.0.0.1]/":                    true,
		"http://[::ffff:0:127.0.0.1]/":             true,
		"http://[::ffff:0:7f00:1]/":                true,
		"http://[64:ff9b::7f00:1]/":                true,
		"http://[64:ff9b::a00:1]/":                 true,
		"http://[64:ff9b:1::1]/":                   true,
		"http://[2002:7f00:1::1]/":                 true,
		"http://[2002:c0a8:101::1]/":               true,
		"http://[2001:0:1::1]/":                    true,
		// Other ways to write 127.0.0.1, which some resolvers take.
		"http://2130706433/":       true,
		"http://0x7f000001/":       true,
		"http://127.1/":            true,
		"http://0177.0.0.1/":       true,
		"http://0x7f.0.0.1/":       true,
		"http://0x7f.1/":           true,
		"http://127.0.0.0x1/":      true,
		"http://0127.0.0.1/":       true,
		"http://example.org.1/":    true,
		"ftp://example.org/":       true,
		"example.org":              true,
		"":                         true,
		"http://":                  true,
		"http://me@example.org/":   true,
		"http://example.org./":     true, // not the URL of a hub
		"http://[fe80::1%25eth0]/": true,
	} {
		if got := PrivateURL(url); got != private {
			t.Errorf("PrivateURL(%q) = %v", url, got)
		}
	}
}

func TestPrivateAddr(t *testing.T) {
	if !PrivateAddr(netip.Addr{}) {
		t.Error("no address at all is taken for a public one")
	}
	for addr, private := range map[string]bool{
		"::ffff:93.184.216.34": false, // as an IPv6 socket shows an IPv4 peer
		"::ffff:127.0.0.1":     true,
		"::ffff:10.0.0.1":      true,
		"fe80::1%eth0":         true,
		"2606:2800:220:1::1":   false,
		"198.18.0.5":           false,
	} {
		if got := PrivateAddr(netip.MustParseAddr(addr)); got != private {
			t.Errorf("PrivateAddr(%s) = %v", addr, got)
		}
	}
}

func TestPrivateHost(t *testing.T) {
	for host, private := range map[string]bool{
		"example.org.": false, "localhost.": true, "nas.local.": true, "": true, ".": true, "::1": true, "93.184.216.34": false,
		"127.0.0.１": true, "hub.ⓛocalhost": true,
	} {
		if got := PrivateHost(host); got != private {
			t.Errorf("PrivateHost(%q) = %v", host, got)
		}
	}
}
