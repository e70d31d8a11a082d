package main

import (
	"strconv"
	"strings"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// mode answers MODE, of a channel, of several at once as irssi asks it, or of
// the user.
func (c *client) mode(l line) {
	if !strings.HasPrefix(l.param(0), "#") {
		c.userMode(l)
		return
	}
	for name := range strings.SplitSeq(l.param(0), ",") {
		v, ok := c.known(name)
		switch {
		case !ok:
		case len(l.params) == 1:
			c.reply(irc.RPL_CHANNELMODEIS, v.Name, "+ins")
			c.reply(rplCreationTime, v.Name, strconv.FormatInt(v.Created.Unix(), 10))
		default:
			c.changeMode(v, l.param(1), l.param(2))
		}
	}
}

// changeMode answers each kind of change with why it is not one, and lists the
// bans: none.
func (c *client) changeMode(v channels.ChannelView, change, param string) {
	told := map[rune]bool{}
	for _, m := range change {
		if m == '+' || m == '-' || told[m] {
			continue
		}
		told[m] = true
		switch {
		case m == 'b' && param == "":
			c.reply(irc.RPL_ENDOFBANLIST, v.Name, "End of channel ban list")
		case whyNot[m] != "":
			c.reply(irc.ERR_CHANOPRIVSNEEDED, v.Name, whyNot[m])
		default:
			c.reply(irc.ERR_UNKNOWNMODE, string(m), "is no channel mode here")
		}
	}
}

// whyNot says of each mode that IRC users know why it can't be changed.
var whyNot = map[rune]string{
	'b': "There are no bans: who is not a member can't come in without a one-time key. /kick puts a member out, for good",
	'i': "Every channel is invite-only: /invite makes a one-time key",
	'k': "A channel has no lasting key: /invite makes a one-time key for each who is to join",
	'l': "A channel has no limit of members",
	'm': "Every member may speak",
	'n': "Only members can speak, always",
	'o': "Who stands above whom is settled by who invited whom, and can't be changed: /msg sysop members shows it",
	'p': "Every channel is secret: hubs do not know its name",
	's': "Every channel is secret: hubs do not know its name",
	't': "Every member may set the topic",
	'v': "Every member may speak",
}

// userMode answers MODE of a nick: i alone can be set, and means nothing here.
// irssi sets it under the nick that it had before it was told another.
func (c *client) userMode(l line) {
	if !same(l.param(0), c.nick) && !same(l.param(0), c.firstNick) {
		c.reply(irc.ERR_USERSDONTMATCH, "That is not your nick")
		return
	}
	if len(l.params) == 1 {
		c.reply(irc.RPL_UMODEIS, c.modes())
		return
	}
	on := true
	before := c.invisible
	unknown := false
	for _, m := range l.param(1) {
		switch m {
		case '+', '-':
			on = m == '+'
		case 'i':
			c.invisible = on
		default:
			unknown = true
		}
	}
	if unknown {
		c.reply(irc.ERR_UMODEUNKNOWNFLAG, "i is the only user mode here")
	}
	if c.invisible != before {
		change := "+i"
		if !c.invisible {
			change = "-i"
		}
		c.send(message{from: c.prefix(), command: "MODE", params: []string{c.nick, change}})
	}
}

func (c *client) modes() string {
	if c.invisible {
		return "+i"
	}
	return "+"
}
