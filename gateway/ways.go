package main

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// ways is what the configuration says of how hubs are reached.
type ways struct {
	proxy hubclient.Proxy // of all but the embedded hub and those on this machine
	hubs  []hubConfig
}

// address is where and how a request's hub is asked: at the URL that the core
// has, then at those that the user names, then at those that others name.
func (w ways) address(request channels.Request) hubclient.Address {
	known := append([]channels.Location{{URL: request.Hub.URL, Public: request.Public}}, request.Others...)
	hub := w.hub(known)
	at := w.location(known[0], hub)
	a := hubclient.Address{URL: at.URL, Fingerprint: request.Hub.Fingerprint, Public: at.Public, Proxy: at.Proxy}
	if hub != nil {
		for _, u := range append([]hubURL{hub.URL}, hub.Also...) {
			a.Others = append(a.Others, w.location(channels.Location{URL: string(u)}, hub))
		}
	}
	for _, other := range request.Others {
		a.Others = append(a.Others, w.location(other, hub))
	}
	return a
}

// hub returns what the configuration says of the hub with these URLs, or nil.
func (w ways) hub(known []channels.Location) *hubConfig {
	for _, l := range known {
		for i := range w.hubs {
			if w.hubs[i].names(l.URL) {
				return &w.hubs[i]
			}
		}
	}
	return nil
}

// location says how one URL is reached. Who names further URLs of a hub must
// not choose how they are asked, or he could have the gateway ask a hub of his
// without the proxy that hides it: so a hub's own proxy is for the URLs in the
// file, and for those of others, however far they are trusted, only where there
// is no proxy for all. "direct" is not: the environment may name a proxy.
func (w ways) location(l channels.Location, hub *hubConfig) hubclient.Location {
	own := hub != nil && hub.names(l.URL)
	at := hubclient.Location{URL: l.URL, Public: l.Public && !own, Proxy: w.proxy}
	switch {
	case hub != nil && hub.Proxy.set() && (own || hub.Proxy.Proxy != hubclient.Direct && !w.hides()):
		at.Proxy = hub.Proxy.Proxy
	case onThisMachine(l.URL):
		at.Proxy = hubclient.Direct
	}
	return at
}

// hides reports whether the file names a proxy for all hubs.
func (w ways) hides() bool { return w.proxy != hubclient.Proxy{} && w.proxy != hubclient.Direct }

// names reports whether the table has this URL.
func (h *hubConfig) names(url string) bool {
	if c, err := wire.CanonicalURL(url); err == nil {
		url = c
	}
	return h.URL == hubURL(url) || slices.Contains(h.Also, hubURL(url))
}

// onThisMachine reports whether a URL is one of loopback, as it is written.
func onThisMachine(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
