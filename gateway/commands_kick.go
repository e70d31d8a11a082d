package main

import (
	"strings"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// maxKicks is how many members one KICK may put out: each is gone for good.
const maxKicks = 4

// kick answers KICK: one channel and whom to put out of it, or as many channels
// as nicks (RFC 2812 §3.2.8).
func (c *client) kick(l line) {
	names, nicks := strings.Split(l.param(0), ","), strings.Split(l.param(1), ",")
	switch {
	case len(nicks) > maxKicks:
		c.reply(irc.ERR_TOOMANYTARGETS, cut(cleanMiddle(l.param(1)), maxTopic), "Too many at once: whom you remove is gone for good")
		return
	case len(names) > 1 && len(names) != len(nicks):
		c.reply(irc.ERR_NEEDMOREPARAMS, l.command, "Give one channel, or as many as nicks")
		return
	}
	for i, nick := range nicks {
		if v, ok := c.known(names[min(i, len(names)-1)]); ok && nick != "" {
			c.kickOne(v, nick, reason(l.param(2), nick))
		}
	}
}

// kickOne puts somebody out of a channel.
func (c *client) kickOne(v channels.ChannelView, nick, reason string) {
	if same(nick, c.nick) {
		c.reply(irc.ERR_CHANOPRIVSNEEDED, v.Name, "That is yourself: /msg sysop leave "+v.Name+" leaves for good")
		return
	}
	stay := whoStays(v, nick)
	a := asked{client: c, command: "KICK", channel: v.Name, nick: memberNick(v, nick), then: func(ev channels.Event) bool {
		done, ok := ev.(channels.Done)
		if ok {
			c.kicked(v.Name, strings.TrimSpace(sentence(done.Text, memberNick(v, nick))+stay), reason)
		}
		return ok
	}}
	c.g.step(channels.Remove{Ref: c.g.ask(a), Channel: v.Name, Nick: a.nick})
}

// memberNick is a nick as the core knows it, which may be another than clients
// are shown.
func memberNick(v channels.ChannelView, nick string) string {
	if m, ok := member(v, nick); ok {
		return m.Nick
	}
	return nick
}

// reason is what somebody gave as the reason of a KICK; clients put the nick
// there where nothing was given.
func reason(text, nick string) string {
	text = strings.TrimSpace(oneLine(text))
	if same(text, nick) {
		return ""
	}
	return text
}

// kicked tells who removed somebody what that means. All see the KICK itself.
func (c *client) kicked(channel, text, reason string) {
	if text != "" {
		c.tell(channel, text)
	}
	if reason != "" {
		c.tell(channel, "Your reason was told to nobody, for nothing carries it: say it to whom it concerns.")
	}
}

// whoStays says of those whom somebody has let in that they stay without them.
func whoStays(v channels.ChannelView, nick string) string {
	var stay []string
	gone, _ := member(v, nick)
	for _, m := range v.Members {
		if m.Inviter == gone.ID && !m.Own && gone.ID != [32]byte{} {
			stay = append(stay, ircNick(m.Nick))
		}
	}
	if len(stay) == 0 {
		return ""
	}
	return " Those who came in through " + ircNick(gone.Nick) + " stay: " + strings.Join(stay, ", ") + "."
}

// kickFailed answers KICK.
func (c *client) kickFailed(a *asked, ev channels.Failed) {
	switch ev.Code {
	case channels.CodeNoMember:
		c.reply(irc.ERR_USERNOTINCHANNEL, cut(cleanMiddle(a.nick), maxNick), a.channel, "They aren't on that channel")
		c.tell(a.channel, failure(ev, a.nick))
	case channels.CodeNotAllowed:
		c.reply(irc.ERR_CHANOPRIVSNEEDED, a.channel, sentence(ev.Text, a.nick))
	default:
		c.fail(a.command, failCode(ev.Code), a.channel, ev.Text)
		c.tell(a.channel, failure(ev, a.nick))
	}
}
