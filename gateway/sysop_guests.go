package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// readGuest reads "NAME [SIZE] [URL]". Without a size, wrong is the word that was most
// likely meant for one.
func (c *client) readGuest(args string) (name string, quota int64, hub, wrong string, ok bool) {
	words := strings.Fields(args)
	if len(words) == 0 || len(words) > 3 {
		return "", 0, "", "", false
	}
	sized := false
	for _, word := range words[1:] {
		size, isSize := parseSize(word)
		_, number := readSize(word)
		switch {
		case isSize && !sized:
			quota, sized = size, true
		case hub == "" && !number && (strings.Contains(word, "://") || len(c.hubsLike(word, c.g.knownHubs())) > 0):
			hub = word
		default:
			wrong = word
		}
	}
	if sized && hub == "" {
		hub, wrong = wrong, "" // it is no hub, and to be told so
	}
	return words[0], quota, hub, wrong, !sized || wrong == ""
}

// goodGuestName says why a name cannot be a guest's; empty: it can.
func goodGuestName(name string) string {
	switch {
	case len(name) > wire.MaxGuestName:
		return fmt.Sprintf("A guest's name has at most %d bytes.", wire.MaxGuestName)
	case strings.HasPrefix(name, "#"), strings.Contains(name, "://"):
		return "A guest's name is a word of your choice, not a channel or a URL."
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "A guest's name has no such characters."
	}
	return ""
}

// sysopGuestAdd makes an account key for a guest. Its secret is drawn here, goes to
// the hub as a hash, and is shown once.
func (c *client) sysopGuestAdd(args string) {
	name, quota, word, wrong, ok := c.readGuest(args)
	if !ok {
		c.sysopSays("Who, and how much may they hold? /msg sysop hub guest add NAME 200MB")
		return
	}
	if why := goodGuestName(name); why != "" {
		c.sysopSays(why + " /msg sysop hub guest add NAME 200MB")
		return
	}
	if wrong != "" {
		c.sysopSays(noSize(wrong)+" /msg sysop hub guest add "+name+" 200MB", hubNames("Your hubs", c.g.ownHubs(true)))
		return
	}
	h, ok := c.whichHub("hub guest add", word, true)
	if !ok {
		return
	}
	key := wire.AccountKey{Fingerprint: h.Address.Fingerprint}
	rand.Read(key.Secret[:])
	expires := c.g.settings.Now().Add(wire.InviteValid)
	askHub(c, h, wire.OpGuest, wire.GuestArgs{Name: name, Quota: quota, Key: key.Hash(), Expires: expires.Unix()}, func(_ nothing, refused *wire.Error) {
		switch {
		case refused != nil && refused.Code == wire.CodeUsed:
			c.sysopSays(fmt.Sprintf("%s has an account on %s already. To give more room: /msg sysop hub quota %s SIZE. To take it back: /msg sysop hub guest drop %s", name, h.Address.URL, name, name))
		case refused != nil:
			c.sysopSays(refusedBy(h, refused))
		default:
			c.showGuestKey(h, name, quota, key, expires)
		}
	})
}

// showGuestKey shows the line that a guest types.
func (c *client) showGuestKey(h channels.HubView, name string, quota int64, key wire.AccountKey, expires time.Time) {
	room := "with no limit but the hub's own"
	if quota > 0 {
		room = "of " + bytesOf(quota) + " together"
	}
	c.sysopSays(
		fmt.Sprintf("%s may open channels on %s, %s. Give %s this line, by a way that nobody else reads: whoever types it first has the account. It is good once, until %s, and shown this once only:", name, h.Address.URL, room, name, moment(expires)),
		"/msg sysop hub add "+h.Address.URL+" "+key.String())
	if h.Embedded || wire.PrivateURL(h.Address.URL) {
		c.sysopSays("That is an address in your own network, or on this machine: nobody elsewhere can reach it.")
	}
	c.sysopSays("Lost it, or it got into wrong hands before it was used? Say the same again: that makes a new one, and the old one is void. Who has used theirs: /msg sysop hub guests")
}

// sysopGuestDrop takes an account back.
func (c *client) sysopGuestDrop(args string) {
	before := c.takeUnfinished()
	words := strings.Fields(args)
	if len(words) == 0 || len(words) > 2 {
		c.sysopSays("Which guest? /msg sysop hub guest drop NAME. /msg sysop hub guests lists them.")
		return
	}
	name, word := words[0], strings.Join(words[1:], "")
	h, ok := c.whichHub("hub guest drop", word, true)
	if !ok {
		return
	}
	c.allGuests(h, func(guests []wire.Guest) {
		if !slices.ContainsFunc(guests, func(g wire.Guest) bool { return g.Name == name }) {
			c.sysopSays(c.noSuchGuest(h, name))
			return
		}
		c.allChannels(h, func(all []wire.HubChannel) {
			if c.sayAgain(before, strings.TrimSpace("hub guest drop "+name+" "+word), c.dropWarning(h, name, all)...) {
				c.dropGuest(h, name)
			}
		})
	})
}

// dropWarning is what it means that a guest's account is taken back.
func (c *client) dropWarning(h channels.HubView, name string, all []wire.HubChannel) []string {
	lines := []string{fmt.Sprintf("Take %s's account on %s back? The channels that %s opened there are closed for all who are in them, and an unused key of theirs is void. To stop serving somebody for a while: /msg sysop hub ban %s", name, h.Address.URL, name, name)}
	if _, own, _ := c.guestsChannels(all, name); len(own) > 0 {
		lines = append(lines, "You are in "+fewOf(own)+", too, opened by "+name+": "+plural(len(own), "it is", "they are")+" closed there as well. To keep "+plural(len(own), "it", "them")+" without "+name+", first: /msg sysop hub ban "+name)
	}
	return lines
}

// dropGuest takes it back.
func (c *client) dropGuest(h channels.HubView, name string) {
	askHub(c, h, wire.OpDropGuest, wire.DropGuestArgs{Name: name}, func(_ nothing, refused *wire.Error) {
		switch {
		case refused != nil && refused.Code == wire.CodeUnknown:
			c.sysopSays(h.Address.URL + " has no guest " + name + ". /msg sysop hub guests lists them.")
		case refused != nil:
			c.sysopSays(refusedBy(h, refused))
		default:
			c.sysopSays(name + " is no guest of " + h.Address.URL + " any more. What was put there can be read until it has expired. Who is left: /msg sysop hub guests")
		}
	})
}
