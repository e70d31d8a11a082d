package wire

import (
	"net/netip"
	"strings"
	"unicode"
)

// privateNames end the names of machines that only a network of one's own
// knows: by RFC 6761, 6762, 8375 and ICANN's reservations, or by habit.
var privateNames = []string{
	"localhost", "local", "lan", "home.arpa", "internal", "localdomain", "home", "corp", "intranet", "private",
}

// privateNets are those that lead into a machine or a network of one's own and
// are not among what netip tells by itself. 198.18.0.0/15 is left out: some
// tunnels give every public name an address there.
var privateNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // "this network"; Linux takes 0.0.0.0 for itself
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by a provider's customers
	netip.MustParsePrefix("192.0.0.0/24"),    // of protocols
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("::/96"),           // IPv4-compatible, loopback, unspecified
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4-translated: the last 4 bytes are an IPv4 address
	netip.MustParsePrefix("64:ff9b:1::/48"),  // NAT64 of one network
	netip.MustParsePrefix("100::/64"),        // discarded
	netip.MustParsePrefix("2001::/32"),       // Teredo
	netip.MustParsePrefix("fec0::/10"),       // site-local
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address in the last 4 bytes
	sixToFour = netip.MustParsePrefix("2002::/16")    // one in bytes 2 to 5
)

// PrivateAddr says whether a is an address that a hub for everybody cannot
// have: loopback, private, link-local, unspecified, multicast, shared
// (100.64.0.0/10), unique local, reserved, or one that holds such an IPv4
// address. What is no address is private.
func PrivateAddr(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() {
		return true
	}
	for _, net := range privateNets {
		if net.Contains(a) {
			return true
		}
	}
	switch b := a.As16(); {
	case nat64.Contains(a):
		return PrivateAddr(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(a):
		return PrivateAddr(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return false
}

// PrivateURL says whether a hub's URL names, by what is written in it, a place
// that only some can reach: a private address (PrivateAddr), an IPv4 address
// written as one (::ffff:…, or in another way than four decimal numbers), a
// name such as localhost, printer.local or nas. A name under .onion is none of
// them. What is not the URL of a hub is private. It asks no resolver: that a
// name leads to a private address shows only when it is dialled.
func PrivateURL(url string) bool {
	url, err := CanonicalURL(url)
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(url, "://")
	host, _, err := splitPort(rest[:strings.IndexByte(rest, '/')])
	if err != nil {
		return true
	}
	return PrivateHost(strings.Trim(host, "[]"))
}

// PrivateHost is PrivateURL for a host alone: a name, or an address without
// brackets. A name in another script is private: it may stand for any of these.
func PrivateHost(host string) bool {
	host = strings.TrimSuffix(lower(host), ".")
	if strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return true
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Is4In6() || PrivateAddr(a)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == host || numeric(last) {
		return true
	}
	for _, end := range privateNames {
		if strings.HasSuffix(host, "."+end) {
			return true
		}
	}
	return false
}

// numeric says whether a name's last label makes resolvers take the name for
// an IPv4 address (127.1, 0x7f.0.0.1): no top-level domain begins with a digit.
func numeric(label string) bool {
	return label == "" || '0' <= label[0] && label[0] <= '9'
}
