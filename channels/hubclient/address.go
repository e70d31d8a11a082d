package hubclient

import (
	"slices"

	"hubbub/channels/wire"
)

// Address is where a hub is, and who. Whatever answers at any of its URLs must
// prove the fingerprint.
type Address struct {
	URL         string // as of wire.CanonicalURL
	Fingerprint wire.Fingerprint
	Public      bool       // as Location.Public, of URL
	Proxy       Proxy      // as Location.Proxy, of URL
	Others      []Location // tried in turn when URL fails
}

// Location is one URL of a hub, and how to get there.
type Location struct {
	URL string // as of wire.CanonicalURL

	// Public says that the URL is somebody else's word, so it must not lead
	// into this machine or its network: an address that is loopback, private
	// or the like (wire.PrivateAddr) is not connected to, whatever names or
	// redirects lead to it. Through a proxy, which alone knows where names
	// lead, it is what is written that must not be private (wire.PrivateHost).
	Public bool

	Proxy Proxy // zero: as the environment says
}

// locations returns all that a names, each URL once, in the order in which
// they are to be tried.
func (a Address) locations() []Location {
	all := append([]Location{{URL: a.URL, Public: a.Public, Proxy: a.Proxy}}, a.Others...)
	named := make(map[string]bool, len(all))
	return slices.DeleteFunc(all, func(l Location) bool {
		again := named[l.URL]
		named[l.URL] = true
		return again
	})
}
