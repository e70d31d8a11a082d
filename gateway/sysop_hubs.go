package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

var hubCommands = []sysopCommand{{
	name: "hub add", args: "URL KEY",
	help: "use a hub of your own, for all your channels", run: (*client).sysopHubAdd,
	more: []string{
		"It lets you talk with people elsewhere. " + whatAHubIs,
		"New channels live there, and those that you have are kept there as well as where they are (mirror in the configuration): when one hub fails, they go on over the others.",
		"URL is where it answers; KEY is in the file claim.txt in its data folder, which no browser gets to see. A hub that this gateway has prepared (-make-hub) is yours already: leave KEY out.",
	},
}, {
	name: "hub list", also: []string{"hubs"},
	help: "your hubs, how they are, and where new channels open", run: (*client).sysopHubList,
}, {
	name: "hub forget", args: "URL",
	help: "a hub of yours is to be yours no more: it is gone for good, or you do not want it; said twice", run: (*client).sysopHubForget,
	more: []string{
		"Your account there is deleted here, and new channels go elsewhere. Channels that another hub has, and that answers, leave it; what has no other stays there, as on somebody else's hub. The hub itself is asked nothing: what is on it goes when you delete it there.",
		"For a hub that you take down while others have channels on it, say so before: /msg sysop hub retire",
	},
}}

const whatAHubIs = "A hub is one small program on web space: docs/hub.md says how to put it there."

// foundHub is who answers at a URL.
type foundHub struct {
	Address channels.HubAddress // with the URL it redirected to, if it did
	Note    string              // a certificate's fault; else empty
	Served  bool                // its web server hands out files of its data folder
}

// servedHub says that a hub's data can be had by everybody. It was told so itself,
// and answers nothing until that is put right.
func servedHub(place string) string {
	return "The web server at " + place + " hands out files of the hub's data folder to everybody, its keys among them, so the hub was given nothing. " +
		"Open its page in a browser: it says how to put that right. If nobody has used it yet, delete its data folder as well, so that it gets new keys."
}

// sysopHubAdd makes a hub the user's own. Its key is asked for first: the
// account key goes to no other hub than the one that it names.
func (c *client) sysopHubAdd(args string) {
	place, key, err := parseHubAdd(args)
	if errors.Is(err, errNoHubKey) {
		c.addMadeHub(place)
		return
	}
	if err != nil {
		c.sysopSays(err.Error())
		return
	}
	c.sysopSays("Asking " + place + " who it is…")
	c.g.sysop.identify(place, func(found foundHub, err error) {
		if err != nil {
			c.sysopSays(noHub(place, err)...)
			return
		}
		if found.Served {
			c.sysopSays(servedHub(place))
			return
		}
		if found.Address.Fingerprint != key.Fingerprint {
			c.sysopSays("The hub at "+place+" is not the one that this key is for, so the key was not given to it.",
				"Take the key from claim.txt in the data folder of that very hub, and look whether the URL is right.")
			return
		}
		if found.Note != "" {
			c.sysopSays("Note: " + found.Note + ". Its key proves the hub, so this does no harm.")
		}
		c.useHub(found.Address, key.Secret)
	})
}

// useHub claims an identified hub.
func (c *client) useHub(hub channels.HubAddress, secret [16]byte) {
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.UseHub{Ref: ref, Hub: hub, Secret: secret}
	}, c.hubReady)
}

// hubReady tells that a hub is one's own.
func (c *client) hubReady(ev channels.Event) bool {
	ready, ok := ev.(channels.HubReady)
	if !ok {
		return false
	}
	whose := "You are a guest on it"
	if ready.Owner {
		whose = "It is yours"
	}
	c.sysopSays(fmt.Sprintf("The hub %s is ready. %s, and channels that you open from now on live there.", ready.Hub.URL, whose),
		strings.TrimSpace("Next: /join #name and then /invite NICK. "+c.g.olderChannels(ready.Hub.Fingerprint)))
	return true
}

// olderChannels says what becomes of the channels that the user had before a
// new hub: the core has decided that already.
func (g *gateway) olderChannels(hub wire.Fingerprint) string {
	var kept, stay []string
	for _, view := range g.core.Channels() {
		switch {
		case len(view.Hubs) == 0:
		case slices.ContainsFunc(view.Hubs, func(h channels.HubView) bool { return h.Address.Fingerprint == hub }):
			kept = append(kept, view.Name)
		default:
			stay = append(stay, view.Name)
		}
	}
	const how = "where they are. To keep one there as well: /msg sysop hub mirror #chan"
	switch {
	case len(kept)+len(stay) == 0:
		return ""
	case len(stay) == 0:
		return "Channels that you have already are kept there as well from now on."
	case len(kept) == 0:
		return "Channels that you have already stay " + how
	}
	return "Kept there as well from now on: " + strings.Join(kept, ", ") + ". The others stay " + how
}

// mirrors reports whether channels are kept on the user's hub by themselves.
func (g *gateway) mirrors() bool {
	return g.sysop.mirror == "" || g.sysop.mirror == channels.MirrorAuto
}

// errNoHubKey says that a hub was named without a key.
var errNoHubKey = errors.New("And its key? It is in claim.txt in the hub's data folder: /msg sysop hub add URL KEY")

// parseHubAdd reads "URL KEY", in either order; the key may hold spaces. The
// error is a whole answer, without the key; with errNoHubKey there is a place.
func parseHubAdd(args string) (place string, key wire.AccountKey, err error) {
	const usage = "/msg sysop hub add URL KEY"
	var rest []string
	for _, word := range strings.Fields(args) {
		if place == "" && strings.Contains(word, "://") {
			place = word
			continue
		}
		rest = append(rest, word)
	}
	switch {
	case strings.Contains(place, "#"):
		return "", key, errors.New("With a # in it that is a one-time key for a channel: /msg sysop join #name KEY. For a hub it is " + usage)
	case place == "":
		return "", key, errors.New("Where is the hub? " + usage + ", with http:// or https:// before the URL")
	}
	if place, err = wire.CanonicalURL(place); err != nil {
		return "", key, errors.New(sentence(err.Error()) + " " + usage)
	}
	if len(rest) == 0 {
		return place, key, errNoHubKey
	}
	if key, err = wire.ParseAccountKey(strings.Join(rest, "")); err != nil {
		return "", wire.AccountKey{}, errors.New(sentence(err.Error()) + " It is the last line of claim.txt in the hub's data folder: " + usage)
	}
	return place, key, nil
}

// sysopHubList lists the hubs that the user has an account on.
func (c *client) sysopHubList(string) {
	hubs, now := c.g.core.Hubs(), c.g.settings.Now()
	for _, h := range hubs {
		c.sysopSays(hubLine(h, hubs, now))
		if h.Claimed && !h.Owner && !h.Embedded && h.Up {
			askHubOr(c, h, wire.OpStatus, nil, func(r wire.StatusResult, refused *wire.Error) {
				if refused == nil {
					c.sysopSays(guestLines(h, r, now)...)
				}
			}, func(string) {})
		}
	}
	if ownHub(hubs) {
		c.sysopSays("To add another: /msg sysop hub add URL KEY")
		return
	}
	c.sysopSays("You have no hub that people elsewhere can reach. " + whatAHubIs)
	c.sysopSays("When it is there: /msg sysop hub add URL KEY")
}
