package main

import (
	"strings"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// This file says what became of what a client asked for. 401, 341 and FAIL land
// in the status window of irssi and WeeChat alike, so words that must be seen
// in a channel are a NOTICE to it, and others come from sysop, in a query.

// answer tells whoever asked; if they are gone, all clients.
func (g *gateway) answer(ev channels.Event) {
	switch ev := ev.(type) {
	case channels.Invited:
		g.answerInvited(ev)
	case channels.Rescued:
		g.showRescued(ev)
	case channels.Done:
		if a, ok := g.asker(ev.Ref); ok && a.command == "JOIN" {
			a.client.joinedByRescue(a, ev.Text)
			break
		}
		g.say(ev.Ref, ev.Text)
	case channels.HubReady:
		if !ev.Embedded {
			g.say(ev.Ref, "The hub "+ev.Hub.URL+" is ready: new channels live there.")
		}
	case channels.Failed:
		g.failed(ev)
	}
}

// say has sysop tell whoever asked.
func (g *gateway) say(ref channels.Ref, text string) {
	if a, ok := g.asker(ref); ok {
		a.client.sysopSays(text)
		return
	}
	g.tellAll(text)
}

// answerInvited answers INVITE with 341, as a server does, and has the key shown.
func (g *gateway) answerInvited(ev channels.Invited) {
	if a, ok := g.asker(ev.Ref); ok && a.command == "INVITE" {
		a.client.reply(irc.RPL_INVITING, cleanMiddle(a.nick), ev.Channel)
	}
	g.showInvited(ev)
}

// failed tells why something did not take effect.
func (g *gateway) failed(ev channels.Failed) {
	a, ok := g.asker(ev.Ref)
	if !ok {
		g.warn(channels.Warn{Channel: ev.Channel, Text: failure(ev)})
		return
	}
	c := a.client
	switch a.command {
	case "JOIN":
		c.joinFailed(a, ev)
	case "PRIVMSG", "NOTICE":
		c.reply(irc.ERR_CANNOTSENDTOCHAN, a.channel, "Cannot send to channel: "+ev.Text)
		c.tell(a.channel, "Not sent: “"+beginning(a.text)+"”. "+failure(ev))
	case "NICK":
		c.nickFailed(a, ev)
	case "KICK":
		c.kickFailed(a, ev)
	case "INVITE":
		c.fail("INVITE", failCode(ev.Code), a.channel, ev.Text)
		c.tell(a.channel, "No key was made for "+a.nick+". "+failure(ev))
	case "TOPIC", "PART":
		c.fail(a.command, failCode(ev.Code), a.channel, ev.Text)
		c.tell(a.channel, failure(ev))
	default:
		c.sysopSays(failure(ev))
	}
}

// joinEnds tells that a key has opened no channel, so that the client stops
// waiting for it.
func (c *client) joinEnds(channel, why string) {
	c.reply(irc.ERR_BADCHANNELKEY, channel, "Cannot join channel (+k): "+why)
}

// joinFailed answers JOIN. Why it failed, and what to do next, comes from sysop.
func (c *client) joinFailed(a *asked, ev channels.Failed) {
	text := failure(ev)
	switch ev.Code {
	case channels.CodeMistyped, channels.CodeUsed, channels.CodeExpired, channels.CodeRevoked:
		c.joinEnds(a.channel, ev.Text)
	case channels.CodeBadName:
		c.reply(irc.ERR_NOSUCHCHANNEL, cleanMiddle(a.channel), ev.Text)
	case channels.CodeTaken:
		text = "That key is for another channel than this " + a.channel + ". To join it under another name, type: /join " + ev.Suggest + " " + a.key
	default:
		c.fail("JOIN", failCode(ev.Code), a.channel, ev.Text)
	}
	if ev.Code == channels.CodeTaken {
		c.tell(a.channel, text)
		return
	}
	c.sysopSays("Joining " + a.channel + " failed. " + text)
}

// nickFailed answers NICK; before registration the client tries another.
func (c *client) nickFailed(a *asked, ev channels.Failed) {
	switch ev.Code {
	case channels.CodeNickTaken:
		c.reply(irc.ERR_NICKNAMEINUSE, cleanMiddle(a.nick), ev.Text)
	case channels.CodeBadNick:
		c.reply(irc.ERR_ERRONEUSNICKNAME, cleanMiddle(a.nick), ev.Text)
	default:
		c.reply(irc.ERR_ERRONEUSNICKNAME, cleanMiddle(a.nick), ev.Text)
		if c.registered {
			c.sysopSays("Your nick stays " + c.nick + ". " + failure(ev))
		}
	}
}

// failCode is a code as standard replies have them: UPPER_CASE.
func failCode(code channels.Code) string {
	return strings.ToUpper(strings.ReplaceAll(string(code), " ", "_"))
}

// beginning is the start of a text, on one line, to name it.
func beginning(text string) string {
	const most = 60
	text = oneLine(text)
	if len(text) <= most {
		return text
	}
	return cut(text, most) + "…"
}
