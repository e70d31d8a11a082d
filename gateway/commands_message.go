package main

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// maxTargets is how many a PRIVMSG or NOTICE may go to at once.
const maxTargets = 4

// privmsg answers PRIVMSG.
func (c *client) privmsg(l line) { c.say(l, "PRIVMSG", channels.Text) }

// noticeCommand answers NOTICE. What sysop is told that way is ignored, as
// RFC 2812 §3.3.2 has it.
func (c *client) noticeCommand(l line) { c.say(l, "NOTICE", channels.Notice) }

func (c *client) say(l line, command string, kind channels.LineKind) {
	targets := strings.Split(l.param(0), ",")
	switch {
	case l.param(0) == "":
		c.reply(irc.ERR_NORECIPIENT, "No recipient given ("+command+")")
		return
	case len(l.params) < 2 || l.param(1) == "":
		c.reply(irc.ERR_NOTEXTTOSEND, "No text to send")
		return
	case len(targets) > maxTargets:
		c.reply(irc.ERR_TOOMANYTARGETS, cut(l.param(0), maxTopic), "Too many recipients")
		return
	}
	for _, target := range targets {
		if target != "" {
			c.sayTo(target, l.param(1), command, kind)
		}
	}
}

// sayTo sends one text to one target: sysop, a channel, or the one channel that
// the user has with somebody.
func (c *client) sayTo(target, text, command string, kind channels.LineKind) {
	if same(target, serverNick) {
		if command == "PRIVMSG" && !strings.HasPrefix(text, "\x01") {
			c.sysopHears(text)
		}
		return
	}
	if !utf8.ValidString(text) { // IRCv3 UTF8ONLY
		c.fail(command, "INVALID_UTF8", "Not sent: it is not UTF-8. Set your client to send UTF-8")
		c.tell(target, "Not sent: it is not UTF-8. Set your client to send UTF-8.")
		return
	}
	if strings.HasPrefix(text, "\x01") {
		action, ok := actionText(text)
		if !ok || command == "NOTICE" {
			c.refuseCTCP(target, text, command)
			return
		}
		text, kind = action, channels.Action
	}
	v, ok := c.channelFor(target)
	if !ok {
		return
	}
	text = cleanText(text)
	a := asked{client: c, command: command, channel: v.Name, text: text}
	if target[0] != '#' {
		a.nick = target
	}
	c.g.step(channels.Send{Ref: c.g.ask(a), Channel: v.Name, Kind: kind, Text: text})
}

// actionText is what somebody does, of a CTCP ACTION
// (modern.ircdocs.horse/ctcp); clients leave out the last \x01 at times.
func actionText(text string) (string, bool) {
	if !strings.HasPrefix(text, "\x01") {
		return "", false
	}
	body := strings.TrimSuffix(text[1:], "\x01")
	verb, rest, _ := strings.Cut(body, " ")
	return rest, verb == "ACTION" && rest != "" && !strings.Contains(rest, "\x01")
}

// refuseCTCP answers CTCP other than ACTION: nothing of it leaves the gateway.
// An answer (NOTICE) that a client makes by itself is dropped without words.
func (c *client) refuseCTCP(target, text, command string) {
	verb, _, _ := strings.Cut(strings.Trim(text, "\x01"), " ")
	switch {
	case command == "NOTICE":
	case verb == "DCC":
		c.tell(target, "DCC is not sent: it would tell your address, and go round all encryption. Paste a link instead.")
	default:
		c.tell(target, "CTCP "+cut(oneLine(verb), maxNick)+" is not sent: nobody's client is asked anything here. /whois tells when somebody was last heard.")
	}
}

// channelFor finds where a text to target goes, or tells that it goes nowhere.
func (c *client) channelFor(target string) (channels.ChannelView, bool) {
	if target[0] == '#' {
		v, ok := c.g.core.Channel(target)
		if !ok {
			c.known(target)
		}
		return v, ok
	}
	var pairs []channels.ChannelView
	var others []string
	for _, v := range c.g.core.Channels() {
		if _, in := member(v, target); !in {
			continue
		}
		if len(v.Members) == 2 {
			pairs = append(pairs, v)
		}
		others = append(others, v.Name)
	}
	if len(pairs) == 1 {
		return pairs[0], true
	}
	c.nobody(target, others)
	return channels.ChannelView{}, false
}

// nobody says why there is nowhere to send a private text to.
func (c *client) nobody(nick string, in []string) {
	nick = cut(cleanMiddle(nick), maxNick)
	c.reply(irc.ERR_NOSUCHNICK, nick, "No such nick, or no channel that is yours and theirs alone")
	switch {
	case same(nick, c.nick):
		c.notice(c.target(), "Not sent: that is yourself.")
	case len(in) == 0:
		c.notice(c.target(), "Not sent: "+nick+" is in none of your channels. To talk to somebody new: /join #"+nick+", then /invite "+nick+" and hand over the key.")
	default:
		c.notice(c.target(), "Not sent: there is no one channel for you and "+nick+" alone. "+nick+" is in "+strings.Join(in, ", ")+": write there.")
	}
}
