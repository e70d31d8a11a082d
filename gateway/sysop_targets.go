package main

import (
	"fmt"
	"slices"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// target is whom a quota or a ban is for, as the hub lists him: a guest; a channel; or
// one member of a channel of the user's.
type target struct {
	guest   *wire.Guest // nil: none
	channel wire.HubChannel
	view    channels.ChannelView // of the channel, if it is one of the user's; else it has no name
	token   wire.Token           // a member's in the channel; zero: all
	said    string               // for people
}

// targetWords are what names one, and what is left of the line.
type targetWords struct {
	word, nick string
	rest       []string
}

// readTarget parts what names a guest, a channel, or a member of one's own, from
// what follows.
func readTarget(words []string, nicks bool) (t targetWords, ok bool) {
	if len(words) == 0 {
		return t, false
	}
	t.word, t.rest = words[0], words[1:]
	if !strings.HasPrefix(t.word, "#") || !nicks || len(t.rest) == 0 || strings.Contains(t.rest[0], "://") {
		return t, true
	}
	t.nick, t.rest = t.rest[0], t.rest[1:]
	return t, true
}

// resolve finds whom words mean on a hub. A guest's whole name goes before the
// beginning of a channel's number. Otherwise it says what is wrong.
func (c *client) resolve(h channels.HubView, t targetWords, then func(target)) {
	var view channels.ChannelView
	if strings.HasPrefix(t.word, "#") {
		var ok bool
		if view, ok = c.ownTarget(t); !ok {
			return
		}
	}
	c.allGuests(h, func(guests []wire.Guest) {
		if i := slices.IndexFunc(guests, func(g wire.Guest) bool { return g.Name == t.word }); i >= 0 {
			then(target{guest: &guests[i], said: theirName(t.word)})
			return
		}
		if view.Name == "" && !isHex(t.word) {
			c.sysopSays(c.noSuchGuest(h, t.word))
			return
		}
		c.allChannels(h, func(all []wire.HubChannel) {
			if view.Name != "" {
				c.resolveOwn(h, t, view, all, then)
				return
			}
			c.resolveNumber(h, t.word, all, then)
		})
	})
}

// resolveOwn finds a channel of the user's, or somebody in it, among those on a hub.
func (c *client) resolveOwn(h channels.HubView, t targetWords, view channels.ChannelView, all []wire.HubChannel, then func(target)) {
	i := slices.IndexFunc(all, func(ch wire.HubChannel) bool { return ch.Channel == view.ID })
	if i < 0 {
		c.sysopSays(view.Name + " is not on " + h.Address.URL + ". /msg sysop status " + view.Name + " shows where it is.")
		return
	}
	found := target{channel: all[i], view: view, said: view.Name}
	if t.nick != "" {
		m, _ := member(view, t.nick)
		found.token, found.said = m.Token, ircNick(m.Nick)+" in "+view.Name
	}
	then(found)
}

// resolveNumber finds a channel on a hub by the beginning of its number.
func (c *client) resolveNumber(h channels.HubView, word string, all []wire.HubChannel, then func(target)) {
	var found []wire.HubChannel
	for _, ch := range all {
		if strings.HasPrefix(fmt.Sprintf("%x", ch.Channel[:]), fold(word)) {
			found = append(found, ch)
		}
	}
	switch len(found) {
	case 0:
		c.sysopSays(c.noSuchGuest(h, word))
	case 1:
		t := target{channel: found[0], said: "the channel " + whoseChannel(found[0], c.g.channelNames()[found[0].Channel])}
		for _, v := range c.g.core.Channels() {
			if v.ID == found[0].Channel {
				t.view = v
			}
		}
		then(t)
	default:
		c.sysopSays("More than one channel begins like that: give more of its number. " + fmt.Sprintf("The first two: %x, %x", found[0].Channel[:], found[1].Channel[:]))
	}
}

// isHex says that a word can be the beginning of a channel's number.
func isHex(word string) bool {
	return len(word) >= 6 && len(word) <= 64 && strings.Trim(fold(word), "0123456789abcdef") == ""
}

// noSuchGuest says that a hub knows nobody of a name, and where somebody has it as a
// nick.
func (c *client) noSuchGuest(h channels.HubView, word string) string {
	text := h.Address.URL + " has no guest " + theirName(word)
	if isHex(word) {
		text += ", and no channel whose number begins so"
	}
	text += ". /msg sysop hub guests and /msg sysop hub channels list whom it knows."
	if in := c.g.nicked(word); len(in) > 0 {
		text += " The " + theirName(word) + " in " + fewOf(in) + " is named with the channel: " + in[0] + " " + theirName(word)
	}
	return text
}

// nicked names the channels in which somebody else is called so.
func (g *gateway) nicked(nick string) (in []string) {
	for _, v := range g.core.Channels() {
		if m, ok := member(v, nick); ok && !m.Own {
			in = append(in, v.Name)
		}
	}
	return in
}

// ownTarget finds a channel of the user's, and makes sure of who is meant in it.
func (c *client) ownTarget(t targetWords) (channels.ChannelView, bool) {
	view, ok := c.g.core.Channel(t.word)
	if !ok {
		c.sysopSays("You have no channel " + t.word + ". " + yourChannels(c.g.core.Channels()) + ". Others' are named by their number: /msg sysop hub channels")
		return view, false
	}
	if t.nick == "" {
		return view, true
	}
	m, ok := member(view, t.nick)
	switch {
	case same(t.nick, c.nick):
		c.sysopSays("That is yourself: who owns a hub is never banned there. In " + view.Name + " beside you: " + strings.TrimPrefix(others(view), "with ") + ".")
	case !ok:
		c.sysopSays("Nobody in " + view.Name + " is called " + t.nick + ". /msg sysop members " + view.Name + " shows who is in it.")
	case m.Token == wire.Token{}:
		c.sysopSays("It is not known yet by which token hubs know " + ircNick(m.Nick) + ": try again when " + view.Name + " has been read.")
	default:
		return view, true
	}
	return view, false
}

// notFoundOn says why a hub does not do something to somebody.
func (c *client) notFoundOn(h channels.HubView, to target, refused *wire.Error) string {
	if refused.Code != wire.CodeUnknown {
		return refusedBy(h, refused)
	}
	return h.Address.URL + " does not know " + to.said + ". /msg sysop hub guests and /msg sysop hub channels list whom it knows."
}

// sentenceStart begins a sentence with what may be a name, which keeps its letters.
func sentenceStart(text string) string {
	if rest, ok := strings.CutPrefix(text, "the channel "); ok {
		return "The channel " + rest
	}
	return text
}
