package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

var mirrorCommands = []sysopCommand{{
	name: "hub mirror", args: "#chan [URL]",
	help: "keep a channel on a hub of yours as well", run: (*client).sysopHubMirror,
	more: []string{
		"With two hubs either may fail, and nobody notices. URL is one of those that /msg sysop hub list shows; without it it is the one that new channels live on.",
		"The others need do nothing: their gateways are told.",
	},
}, {
	name: "hub drop", args: "#chan URL",
	help: "no longer keep a channel on a hub", run: (*client).sysopHubDrop,
	more: []string{"For a hub that is gone for good. URL, or a part of it, as /msg sysop status #chan shows it. All members stop using it for this channel. You can drop hubs that you added, and those added by members who came in through you."},
}, {
	name: "hub moved", args: "URL NEWURL",
	help: "a hub answers at another URL now", run: (*client).sysopHubMoved,
	more: []string{"It must be the very same hub, with its key: the folder with its data moved along. I ask it first. One that was put up anew is a new hub: /msg sysop hub add URL KEY."},
}}

// sysopHubMirror keeps a channel on a further hub of the user's.
func (c *client) sysopHubMirror(args string) {
	view, word, ok := c.channelAnd("hub mirror", args)
	if !ok {
		return
	}
	hubs := c.g.core.Hubs()
	if !ownHub(hubs) {
		c.sysopSays("You have no hub that others can reach, to keep "+view.Name+" on. "+whatAHubIs, "When it is there: /msg sysop hub add URL KEY")
		return
	}
	if len(view.Hubs) == 0 && len(view.Members) < 2 {
		c.sysopSays(view.Name + " is on no hub yet, and nobody else is in it: it is put on one when you invite somebody. /invite NICK " + view.Name)
		return
	}
	var to channels.HubView
	where := "your hub"
	if word != "" {
		if to, ok = c.namedHub(word, hubs, "Yours"); !ok {
			return
		}
		where = hubName(to, hubs)
	}
	c.sysopSays("Opening " + view.Name + " on " + where + " as well…")
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Mirror{Ref: ref, Channel: view.Name, Hub: to.Address.Fingerprint}
	}, c.saysDone(view.Name+" is kept on "+where+" as well.", "How it is: /msg sysop status "+view.Name))
}

// sysopHubDrop ends that a channel is kept on one of its hubs.
func (c *client) sysopHubDrop(args string) {
	view, word, ok := c.channelAnd("hub drop", args)
	if !ok {
		return
	}
	switch {
	case len(view.Hubs) == 0:
		c.sysopSays(view.Name + " is on no hub, so there is none to drop. How it is: /msg sysop status " + view.Name)
		return
	case word == "":
		c.sysopSays("Which hub? /msg sysop hub drop " + view.Name + " URL, or a part of the URL. " + hubNames("Its hubs", view.Hubs))
		return
	}
	h, ok := c.namedHub(word, view.Hubs, "Its hubs")
	if !ok {
		return
	}
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.DropHub{Ref: ref, Channel: view.Name, Hub: h.Address.Fingerprint}
	}, c.saysDone(view.Name+" is no longer kept on "+hubName(h, view.Hubs)+".", "What is left: /msg sysop status "+view.Name))
}

// sysopHubMoved notes where a hub is now, once it has proven there who it is. It
// may be where it was: then a private address is the user's own word.
func (c *client) sysopHubMoved(args string) {
	const usage = "/msg sysop hub moved URL NEWURL"
	words, known := strings.Fields(args), c.g.knownHubs()
	if len(words) != 2 {
		c.sysopSays("Which hub, and where is it now? " + usage + ". " + hubNames("The hubs that you know", known))
		return
	}
	h, ok := c.namedHub(words[0], known, "The hubs that you know")
	if !ok {
		return
	}
	place, err := readHubURL(words[1])
	switch {
	case err != nil:
		c.sysopSays(err.Error() + " " + usage)
		return
	case h.Embedded:
		c.sysopSays("The embedded hub is inside this gateway, and moves by itself: embedded_hub.listen in the configuration.")
		return
	}
	c.sysopSays("Asking " + place + " who it is…")
	c.g.sysop.identify(place, func(found foundHub, err error) { c.movedTo(h, place, found, err) })
}

// movedTo takes what answered at a hub's new place.
func (c *client) movedTo(h channels.HubView, place string, found foundHub, err error) {
	if err != nil {
		c.sysopSays(fmt.Sprintf("%s does not answer as a hub: %v. Nothing was changed: the hub is still looked for at %s. Open %s in a browser: if its page does not show either, docs/hub.md says what to check. Then say it again.", place, err, h.Address.URL, place))
		return
	}
	if found.Address.Fingerprint != h.Address.Fingerprint {
		c.sysopSays("Another hub answers at "+place+", not the one from "+h.Address.URL+": its key is not the same, so its data folder was not moved along. Nothing was changed.",
			"If it was put up anew, it is a new hub: /msg sysop hub add "+place+" KEY, with the key from its claim.txt; then /msg sysop hub mirror #chan.")
		return
	}
	if found.Note != "" {
		c.sysopSays("Note: " + found.Note + ". Its key proves the hub, so this does no harm.")
	}
	c.sysopStep(func(ref channels.Ref) channels.Input { return channels.MoveHub{Ref: ref, Hub: found.Address} },
		c.saysDone("The hub is at "+found.Address.URL+" now.", "How it is: /msg sysop hub list, or /msg sysop status #chan"))
}

// saysDone tells that an input took effect, in the core's words or in these,
// and what to type next. nicks are as for sentence.
func (c *client) saysDone(text, next string, nicks ...string) func(channels.Event) bool {
	return func(ev channels.Event) bool {
		done, ok := ev.(channels.Done)
		if !ok {
			return false
		}
		if done.Text != "" {
			text = sentence(done.Text, nicks...)
		}
		c.sysopSays(strings.TrimSpace(text + " " + next))
		return true
	}
}

// channelAnd splits what follows a command into its channel, which may be left
// out while there is only one, and the rest.
func (c *client) channelAnd(command, args string) (view channels.ChannelView, rest string, ok bool) {
	name, rest, _ := strings.Cut(args, " ")
	if !strings.HasPrefix(name, "#") {
		if _, known := c.g.core.Channel(withHash(name)); !known {
			name, rest = "", args
		}
	}
	view, ok = c.whichChannel(command, name)
	return view, strings.TrimSpace(rest), ok
}

// knownHubs are all hubs that the user may speak of: their own, and those of
// their channels.
func (g *gateway) knownHubs() []channels.HubView {
	all := g.core.Hubs()
	seen := make(map[wire.Fingerprint]bool)
	for _, h := range all {
		seen[h.Address.Fingerprint] = true
	}
	for _, view := range g.core.Channels() {
		for _, h := range view.Hubs {
			if !seen[h.Address.Fingerprint] {
				seen[h.Address.Fingerprint] = true
				all = append(all, h)
			}
		}
	}
	return all
}

// namedHub finds the hub that somebody names. Otherwise it says which there are; them
// is how it calls those.
func (c *client) namedHub(word string, among []channels.HubView, them string) (channels.HubView, bool) {
	if strings.ContainsAny(word, "# ") || strings.Contains(word, "://") {
		if _, err := readHubURL(word); err != nil {
			c.sysopSays(err.Error() + " " + hubNames(them, among))
			return channels.HubView{}, false
		}
	}
	found := c.hubsLike(word, among)
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		c.sysopSays("There is no such hub: " + word + ". " + hubNames(them, among))
	default:
		c.sysopSays("More than one hub is like that; say more of the one you mean. " + hubNames(them, found))
	}
	return channels.HubView{}, false
}

// hubsLike are the hubs that a word may mean: by its whole URL, by a part of it that
// no other's has, or by its key where two have one URL.
func (c *client) hubsLike(word string, among []channels.HubView) []channels.HubView {
	place := ""
	if strings.Contains(word, "://") {
		place, _ = readHubURL(word)
	}
	var exact, like []channels.HubView
	for _, h := range among {
		switch {
		case h.Address.URL == place, same(word, hubKey(h)), h.Embedded && same(word, "embedded"):
			exact = append(exact, h)
		case strings.Contains(fold(h.Address.URL), fold(strings.TrimSuffix(word, "/"))),
			place != "" && strings.Contains(h.Trouble, place): // which says at what other URL it answers
			like = append(like, h)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return like
}

// readHubURL reads a hub's URL. The error is a whole answer.
func readHubURL(text string) (string, error) {
	switch {
	case strings.Contains(text, "#"):
		return "", errors.New("With a # in it that is a key, not a hub's URL.")
	case strings.Contains(text, " "):
		return "", errors.New("A hub's URL has no spaces.")
	case !strings.Contains(text, "://"):
		return "", errors.New(text + " is no URL: it needs http:// or https:// before it.")
	}
	place, err := wire.CanonicalURL(text)
	if err != nil {
		return "", errors.New(sentence(err.Error()))
	}
	return place, nil
}

// hubNames lists hubs so that they can be typed.
func hubNames(them string, hubs []channels.HubView) string {
	if len(hubs) == 0 {
		return them + ": none."
	}
	var names []string
	for _, h := range hubs {
		names = append(names, hubName(h, hubs))
	}
	return them + ": " + strings.Join(names, ", ")
}

// hubName is what a hub is called: its URL, and the beginning of its key where
// another among them has the same URL, as one that was put up anew in its place.
func hubName(h channels.HubView, among []channels.HubView) string {
	if h.Embedded {
		return "embedded"
	}
	for _, other := range among {
		if other.Address.URL == h.Address.URL && other.Address.Fingerprint != h.Address.Fingerprint {
			return h.Address.URL + " (" + hubKey(h) + ")"
		}
	}
	return h.Address.URL
}

// hubKey is the beginning of a hub's fingerprint, enough to tell two apart.
func hubKey(h channels.HubView) string { return hex.EncodeToString(h.Address.Fingerprint[:4]) }
