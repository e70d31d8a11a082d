package main

import (
	"net/netip"

	"hubbub/hub"
)

// share is how many places are taken by each, and how many may be: by an address, of
// IPv6 a network as hub.Origin names it; and by a site.
type share struct {
	one, site int
	of        map[string]int // taken, by whose they are
}

func newShare(one, site int) share {
	return share{one: one, site: site, of: make(map[string]int)}
}

// siteOf names the site that an address of IPv6 belongs to, "" where there is none.
func siteOf(who netip.Addr) string {
	if _, ok := hub.Origin(who.String()); !ok {
		return ""
	}
	site, ok := hub.Customer(who)
	if !ok {
		return ""
	}
	return site.String() + "/48"
}

// take takes a place for an address of a site, if it may have another.
func (s *share) take(address, site string) bool {
	if s.of[address] >= s.one || site != "" && s.of[site] >= s.site {
		return false
	}
	s.of[address]++
	if site != "" {
		s.of[site]++
	}
	return true
}

// put gives it back.
func (s *share) put(address, site string) {
	for _, name := range []string{address, site} {
		if s.of[name]--; s.of[name] <= 0 {
			delete(s.of, name)
		}
	}
}
