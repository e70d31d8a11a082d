package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// hubConfig is a [[hub]] table: what is to be known of one hub so that it can
// be reached.
type hubConfig struct {
	URL   hubURL    `toml:"url"`
	Also  []hubURL  `toml:"also"`
	Proxy proxyText `toml:"proxy"`
}

// hubURL is the URL of a hub in canonical form.
type hubURL string

// UnmarshalTOML takes "https://example.org/hub.cgi".
func (u *hubURL) UnmarshalTOML(v any) error {
	s, ok := v.(string)
	if !ok {
		return errors.New("the value must be text in quotes")
	}
	canonical, err := wire.CanonicalURL(strings.TrimSpace(s))
	if err != nil {
		return fmt.Errorf("%q: %w", s, err)
	}
	*u = hubURL(canonical)
	return nil
}

// proxyText is a proxy, as hubclient.ParseProxy takes it. Its text is not kept:
// there may be a password in it.
type proxyText struct{ hubclient.Proxy }

// UnmarshalTOML takes "socks5://127.0.0.1:9050".
func (p *proxyText) UnmarshalTOML(v any) (err error) {
	s, ok := v.(string)
	if !ok {
		return errors.New("the value must be text in quotes")
	}
	p.Proxy, err = hubclient.ParseProxy(s)
	return err
}

// set reports whether the file names a proxy, or "direct".
func (p proxyText) set() bool { return p.Proxy != hubclient.Proxy{} }

// mirrorPolicy is one of three words.
type mirrorPolicy channels.MirrorPolicy

// UnmarshalTOML takes "auto".
func (m *mirrorPolicy) UnmarshalTOML(v any) error {
	for _, policy := range []channels.MirrorPolicy{channels.MirrorAuto, channels.MirrorAsk, channels.MirrorNever} {
		if v == string(policy) {
			*m = mirrorPolicy(policy)
			return nil
		}
	}
	return fmt.Errorf(`%#v is not "auto", "ask" or "never"`, v)
}

// checkHubs refuses [[hub]] tables that say nothing, or two things of one hub.
func (c config) checkHubs() error {
	named := map[hubURL]bool{}
	for _, h := range c.Hubs {
		switch {
		case h.URL == "":
			return errors.New("hub: a [[hub]] table has no url: it must say which hub it is about")
		case len(h.Also) == 0 && !h.Proxy.set():
			return fmt.Errorf("hub: the table of %s says nothing: give it also or proxy, or take it out", h.URL)
		}
		for _, u := range append([]hubURL{h.URL}, h.Also...) {
			if named[u] {
				return fmt.Errorf("hub: %s stands there twice: what is to be said of a hub goes into one [[hub]] table", u)
			}
			named[u] = true
		}
	}
	return nil
}

// secretProxy reports whether the password of a proxy is in the file.
func (c config) secretProxy() bool {
	secret := c.Proxy.Secret()
	for _, h := range c.Hubs {
		secret = secret || h.Proxy.Secret()
	}
	return secret
}

// core is what the configuration says to the core.
func (c config) core() channels.Options {
	return channels.Options{Nick: c.Nick, Mirror: channels.MirrorPolicy(c.Mirror), Private: c.PrivateHubs, Unlinked: c.Unlinked}
}

// ways is what the configuration says of how hubs are reached.
func (c config) ways() ways { return ways{proxy: c.Proxy.Proxy, hubs: c.Hubs} }

// hubTable is the line that begins a [[hub]] table, anyTable one that begins any.
var (
	hubTable = regexp.MustCompile(`^\s*\[\[\s*("hub"|'hub'|hub)\s*\]\]`)
	anyTable = regexp.MustCompile(`^\s*\[`)
)

// inHubTable says where in the [[hub]] tables of a file a fault is that toml has
// found there: of keys that stand in several tables it knows one position only.
// So the tables are read one after the other, each at its place. If it cannot be
// found so it is as toml says, err.
func inHubTable(name string, raw []byte, err error) error {
	lines := strings.SplitAfter(string(raw), "\n")
	for i := range lines {
		if !hubTable.MatchString(lines[i]) {
			continue
		}
		end := i + 1
		for end < len(lines) && !anyTable.MatchString(lines[end]) {
			end++
		}
		table := strings.Repeat("\n", i) + strings.Join(lines[i:end], "")
		if _, err := decodeConfig(name, []byte(table), new(config)); err != nil {
			return err
		}
	}
	return err
}
