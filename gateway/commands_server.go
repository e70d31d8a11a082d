package main

import (
	"strconv"
	"strings"
	"time"

	"gopkg.in/irc.v4"
)

// ping answers PING. A PONG says that every line before it was taken: what was
// typed is in the phonebook.
func (c *client) ping(l line) {
	if len(l.params) == 0 {
		c.reply(irc.ERR_NOORIGIN, "No origin specified")
		return
	}
	c.send(message{from: serverName, command: "PONG", params: []string{serverName, l.param(0)}})
}

// pong answers PONG: of a marker, it says that the lines before were shown.
func (c *client) pong(l line) {
	if c.registered && len(l.params) > 0 {
		c.ponged(l.param(len(l.params) - 1))
	}
}

func (c *client) quit(line) { c.g.drop(c, "you quit; the gateway goes on receiving") }

// awayCommand answers AWAY. Nobody else is told.
func (c *client) awayCommand(l line) {
	c.away = cut(oneLine(l.param(0)), maxTopic)
	if c.away == "" {
		c.reply(irc.RPL_UNAWAY, "You are no longer marked as being away (only you see it)")
		return
	}
	c.reply(irc.RPL_NOWAWAY, "You have been marked as being away (only you see it)")
}

// setname answers SETNAME (ircv3.net/specs/extensions/setname). Nobody else is told.
func (c *client) setname(l line) {
	name := oneLine(l.param(0))
	if len(name) > maxRealname {
		c.fail("SETNAME", "INVALID_REALNAME", "A real name has at most "+strconv.Itoa(maxRealname)+" bytes")
		return
	}
	c.realname = name
	if c.caps.has(capSetname) {
		c.send(message{from: c.prefix(), command: "SETNAME", params: []string{name}})
	}
}

// lusers answers LUSERS: everybody in the user's channels, once a nick.
func (c *client) lusers(line) {
	nicks := map[string]bool{}
	views := c.g.core.Channels()
	for _, v := range views {
		for _, m := range v.Members {
			if !m.Own {
				nicks[fold(m.Nick)] = true
			}
		}
	}
	users := strconv.Itoa(len(nicks) + 1)
	clients := 0
	c.g.attached(func(*client) { clients++ })
	c.reply(irc.RPL_LUSERCLIENT, "There are "+users+" users and 0 invisible on 1 server")
	c.reply(irc.RPL_LUSEROP, "0", "operator(s) online")
	c.reply(irc.RPL_LUSERCHANNELS, strconv.Itoa(len(views)), "channels formed")
	c.reply(irc.RPL_LUSERME, "I have "+strconv.Itoa(clients)+" clients and 0 servers")
	c.reply(rplLocalUsers, users, users, "Current local users "+users+", max "+users)
	c.reply(rplGlobalUsers, users, users, "Current global users "+users+", max "+users)
}

// motd answers MOTD.
func (c *client) motd(line) {
	c.reply(irc.RPL_MOTDSTART, "- "+serverName+" Message of the day -")
	for _, text := range motdText {
		c.reply(irc.RPL_MOTD, "- "+text)
	}
	c.reply(irc.RPL_ENDOFMOTD, "End of /MOTD command")
}

var motdText = []string{
	"This is hubbub, your own gateway. Your channels are yours: there is no list of others.",
	"To talk to somebody new:   /join #bob   then   /invite bob",
	"With a key you were given: /join #alice KEY",
	"All else:                  /msg sysop help",
}

func (c *client) version(line) {
	c.reply(irc.RPL_VERSION, "hubbub-"+c.g.settings.Version, serverName, "an IRC face of encrypted channels that live on small hubs")
	c.isupport()
}

func (c *client) timeCommand(line) {
	c.reply(irc.RPL_TIME, serverName, c.g.settings.Now().Format(time.RFC1123Z))
}

func (c *client) admin(line) {
	c.reply(irc.ERR_NOADMININFO, serverName, "The administrator of this gateway is you")
}

func (c *client) info(line) {
	c.reply(irc.RPL_INFO, "hubbub "+c.g.settings.Version+": an IRC gateway to encrypted channels on hubs that their members own. MIT licence.")
	c.reply(irc.RPL_ENDOFINFO, "End of /INFO list")
}

// help answers HELP (modern.ircdocs.horse/#help-message).
func (c *client) help(l line) {
	topic := strings.ToUpper(l.param(0))
	if topic == "" {
		topic = "INDEX"
	}
	text, ok := helpTexts[topic]
	if !ok {
		c.reply(errHelpNotFound, cut(cleanMiddle(topic), maxNick), "No help on that. Try /quote HELP, or /msg sysop help")
		return
	}
	c.reply(rplHelpStart, topic, text[0])
	for _, t := range text[1:] {
		c.reply(rplHelpText, topic, t)
	}
	c.reply(rplEndOfHelp, topic, "End of /HELP")
}

// helpTexts are the topics of HELP: a heading, then lines.
var helpTexts = map[string][]string{
	"INDEX": {
		"What you can do here",
		"/join #bob        begin a channel; nobody is told until you invite",
		"/invite bob       make a one-time key for the channel you are in",
		"/join #alice KEY  join with a one-time key",
		"/part             hide a channel; it goes on receiving",
		"/kick bob         put bob out for good, if bob came in through you",
		"/topic, /nick     as everywhere",
		"/whois bob        who invited bob, when bob was last heard, and bob's key",
		"/list             all your channels, hidden ones too",
		"/msg sysop help   hubs, keys, leaving for good, and all else",
		"More on one of them: /quote HELP JOIN, INVITE, PART, KICK, MSG",
	},
	"JOIN": {
		"/join #name [KEY]",
		"Without a key: shows the channel, or begins it. The name is yours alone.",
		"With a one-time key: joins the channel that it is for, under that name.",
		"If your client cuts the key: /msg sysop join #name KEY",
	},
	"INVITE": {
		"/invite NAME [#channel]",
		"Makes a one-time key and its QR code for you to hand over. NAME is a note to yourself.",
		"The other types /join #name KEY. A key works once. /msg sysop invites lists them.",
	},
	"PART": {
		"/part [#channel]",
		"Hides the channel until its next message, or until /join.",
		"To leave for good: /msg sysop leave #channel",
	},
	"KICK": {
		"/kick NICK [#channel]",
		"Puts a member out for good. You can remove those whom you let in, and whom they let in.",
		"What is said from then on is kept from them; what they have they keep.",
		"To see who let whom in: /msg sysop members #channel",
	},
	"MSG": {
		"/msg bob TEXT",
		"Goes to the one channel that you have with bob alone, if there is one.",
	},
}
