package main

import (
	"fmt"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// target is whom a quota or a ban is for.
type target struct {
	name    string       // a guest's; empty: none
	channel wire.Channel // zero: none
	token   wire.Token   // a member's in the channel; zero: all
	said    string       // for people
}

// targetWords are what names one, and what is left of the line.
type targetWords struct {
	word, nick, hub string
	rest            []string
}

// readTarget parts what names a guest, a channel, or a member of one's own, from
// what follows.
func (c *client) readTarget(words []string, nicks bool) (t targetWords, ok bool) {
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

// resolve finds whom words mean on a hub. Otherwise it says what is wrong.
func (c *client) resolve(h channels.HubView, t targetWords, then func(target)) {
	if strings.HasPrefix(t.word, "#") {
		if found, ok := c.ownTarget(t); ok {
			then(found)
		}
		return
	}
	if !isHex(t.word) {
		then(target{name: t.word, said: t.word})
		return
	}
	c.allChannels(h, func(all []wire.HubChannel) {
		var found []wire.HubChannel
		for _, ch := range all {
			if strings.HasPrefix(fmt.Sprintf("%x", ch.Channel[:]), fold(t.word)) {
				found = append(found, ch)
			}
		}
		switch len(found) {
		case 0: // a guest may be called so
			then(target{name: t.word, said: t.word})
		case 1:
			then(target{channel: found[0].Channel, said: "the channel " + whoseChannel(found[0], c.g.channelNames()[found[0].Channel])})
		default:
			c.sysopSays("More than one channel begins like that: give more of its number. " + fmt.Sprintf("The first two: %x, %x", found[0].Channel[:], found[1].Channel[:]))
		}
	})
}

// isHex says that a word can be the beginning of a channel's number.
func isHex(word string) bool {
	return len(word) >= 6 && len(word) <= 64 && strings.Trim(fold(word), "0123456789abcdef") == ""
}

// ownTarget finds a channel of the user's, or somebody in it.
func (c *client) ownTarget(t targetWords) (target, bool) {
	view, ok := c.g.core.Channel(t.word)
	if !ok {
		c.sysopSays("You have no channel " + t.word + ". " + yourChannels(c.g.core.Channels()) + ". Others' are named by their number: /msg sysop hub channels")
		return target{}, false
	}
	if t.nick == "" {
		return target{channel: view.ID, said: view.Name}, true
	}
	m, ok := member(view, t.nick)
	switch {
	case !ok:
		c.sysopSays("Nobody in " + view.Name + " is called " + t.nick + ". /msg sysop members " + view.Name + " shows who is in it.")
		return target{}, false
	case m.Own:
		c.sysopSays("That is yourself: you own the hub.")
		return target{}, false
	case m.Token == wire.Token{}:
		c.sysopSays("It is not known yet by which token hubs know " + ircNick(m.Nick) + ": try again when " + view.Name + " has been read.")
		return target{}, false
	}
	return target{channel: view.ID, token: m.Token, said: ircNick(m.Nick) + " in " + view.Name}, true
}

// sysopHubQuota bounds what a guest or a channel may hold.
func (c *client) sysopHubQuota(args string) {
	const usage = "/msg sysop hub quota NAME 200MB, or a channel's number from /msg sysop hub channels in place of NAME; none in place of 200MB is no limit"
	t, ok := c.readTarget(strings.Fields(args), false)
	if !ok || len(t.rest) == 0 || len(t.rest) > 2 {
		c.sysopSays("Whose, and how much? " + usage)
		return
	}
	quota, ok := parseSize(t.rest[0])
	if !ok {
		c.sysopSays(t.rest[0] + " is no size such as 200MB or 2GB. " + usage)
		return
	}
	h, ok := c.whichHub("hub quota", strings.Join(t.rest[1:], ""), true)
	if !ok {
		return
	}
	c.resolve(h, t, func(to target) {
		askHub(c, h, wire.OpQuota, wire.QuotaArgs{Name: to.name, Channel: to.channel, Quota: quota}, func(_ nothing, refused *wire.Error) {
			if refused != nil {
				c.sysopSays(c.notFoundOn(h, to, refused))
				return
			}
			c.sysopSays(fmt.Sprintf("%s may hold on %s: %s. What is there already stays, until new texts need the room.", sentenceStart(to.said), h.Address.URL, limitOf(quota)))
		})
	})
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

func (c *client) sysopHubBan(args string)   { c.ban("hub ban", args, false) }
func (c *client) sysopHubUnban(args string) { c.ban("hub unban", args, true) }

// ban has a hub serve somebody no more, or again.
func (c *client) ban(command, args string, lift bool) {
	t, ok := c.readTarget(strings.Fields(args), true)
	if !ok || len(t.rest) > 1 {
		c.sysopSays("Whom? /msg sysop " + command + " NAME for a guest, a channel's number from /msg sysop hub channels, or #chan NICK for somebody in a channel of yours.")
		return
	}
	h, ok := c.whichHub(command, strings.Join(t.rest, ""), true)
	if !ok {
		return
	}
	c.resolve(h, t, func(to target) {
		askHub(c, h, wire.OpBan, wire.BanArgs{Name: to.name, Channel: to.channel, Token: to.token, Lift: lift}, func(_ nothing, refused *wire.Error) {
			switch {
			case refused != nil:
				c.sysopSays(c.notFoundOn(h, to, refused))
			case lift:
				c.sysopSays(h.Address.URL + " serves " + to.said + " again. Gateways that were refused ask again within an hour.")
			default:
				c.sysopSays(h.Address.URL + " serves " + to.said + " no more" + alsoBanned(to) + ". Nothing was deleted. To take it back: /msg sysop hub un" + strings.TrimPrefix(command, "hub ") + " " + strings.TrimSpace(args))
			}
		})
	})
}

// alsoBanned is what a ban means beside.
func alsoBanned(to target) string {
	switch {
	case to.name != "":
		return ", nor anybody in the channels that " + to.name + " opened there"
	case to.token != (wire.Token{}):
		return "; they are still in the channel, and read it on its other hubs. To put them out of it: /kick"
	}
	return ", whoever is in it"
}
