package main

import (
	"strconv"
	"strings"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// join answers JOIN: #a,#b and the keys for them, in the same order.
func (c *client) join(l line) {
	if l.param(0) == "0" {
		c.sysopSays("JOIN 0 would hide all your channels at once, and is not done here. /part hides the one you are in; /msg sysop leave #channel leaves one for good.")
		return
	}
	keys := strings.Split(l.param(1), ",")
	for i, name := range strings.Split(l.param(0), ",") {
		key := ""
		if i < len(keys) {
			key = keys[i]
		}
		if name != "" {
			c.joinOne(name, key)
		}
	}
}

// joinOne joins one channel. A client that comes back sends the keys that it
// once joined with, or "x": what a key is good for is the core's to say.
func (c *client) joinOne(name, key string) {
	if !goodChannel(name) {
		c.badChannel(name)
		return
	}
	ref := c.g.ask(asked{client: c, command: "JOIN", channel: name, key: key})
	if key == "" {
		c.g.step(channels.Join{Ref: ref, Channel: name})
	} else {
		c.g.step(channels.Redeem{Ref: ref, Channel: name, Key: key})
	}
}

// badChannel refuses what can't be a channel's name.
func (c *client) badChannel(name string) {
	c.reply(irc.ERR_NOSUCHCHANNEL, cut(cleanMiddle(name), maxChannel), "A channel's name begins with # and has no spaces, commas or colons, such as #bob; it is yours alone, others name theirs")
}

// known finds a channel, or tells the client that there is none.
func (c *client) known(name string) (channels.ChannelView, bool) {
	v, ok := c.g.core.Channel(name)
	if !ok {
		c.reply(irc.ERR_NOSUCHCHANNEL, cut(cleanMiddle(name), maxChannel), "No such channel: /join "+cut(cleanMiddle(name), maxChannel)+" begins one")
	}
	return v, ok
}

// part answers PART. It only hides.
func (c *client) part(l line) {
	for name := range strings.SplitSeq(l.param(0), ",") {
		v, ok := c.known(name)
		if !ok {
			continue
		}
		if v.Hidden || !c.isIn(v.Name) {
			c.reply(irc.ERR_NOTONCHANNEL, v.Name, "You do not show that channel")
			continue
		}
		c.g.step(channels.Hide{Ref: c.g.ask(asked{client: c, command: "PART", channel: v.Name}), Channel: v.Name})
	}
}

// invite answers INVITE. What comes of it is told when the key is made.
func (c *client) invite(l line) {
	nick, name := l.param(0), l.param(1)
	if nick == "" {
		c.reply(rplEndOfInvites, "The one-time keys that you made: /msg sysop invites")
		return
	}
	if strings.HasPrefix(nick, "#") { // /invite #bob bob
		nick, name = name, nick
	}
	if name == "" {
		name = c.onlyChannel()
	}
	if name == "" || nick == "" {
		c.reply(irc.ERR_NEEDMOREPARAMS, "INVITE", "Say whom and to which channel: /invite bob #bob")
		return
	}
	v, ok := c.known(name)
	if !ok {
		return
	}
	note := cut(cleanText(nick), maxNick)
	if _, in := member(v, nick); in {
		c.reply(irc.ERR_USERONCHANNEL, cleanMiddle(nick), v.Name, "is on the channel already. For somebody else, invite under another name: it is a note to yourself")
		return
	}
	ref := c.g.ask(asked{client: c, command: "INVITE", channel: v.Name, nick: note})
	c.g.step(channels.Invite{Ref: ref, Channel: v.Name, Note: note, Valid: c.g.sysop.valid})
}

// onlyChannel is the name of the one channel that is shown, or "".
func (c *client) onlyChannel() string {
	if len(c.joined) != 1 {
		return ""
	}
	for _, name := range c.joined {
		return name
	}
	return ""
}

// topic answers TOPIC: shows it, or sets it.
func (c *client) topic(l line) {
	v, ok := c.known(l.param(0))
	if !ok {
		return
	}
	if len(l.params) == 1 {
		if v.Topic == "" {
			c.reply(irc.RPL_NOTOPIC, v.Name, "No topic is set")
			return
		}
		c.topicIs(v)
		return
	}
	ref := c.g.ask(asked{client: c, command: "TOPIC", channel: v.Name})
	c.g.step(channels.SetTopic{Ref: ref, Channel: v.Name, Text: cut(cleanText(l.param(1)), maxTopic)})
}

// topicIs tells a topic, who set it and when.
func (c *client) topicIs(v channels.ChannelView) {
	c.reply(irc.RPL_TOPIC, v.Name, oneLine(v.Topic))
	by := v.TopicBy
	if by == "" {
		by = serverName
	} else {
		by = prefixOf(by)
	}
	c.reply(rplTopicWhoTime, v.Name, by, strconv.FormatInt(v.TopicTime.Unix(), 10))
}

// names answers NAMES, of all channels if none is named.
func (c *client) names(l line) {
	if l.param(0) == "" {
		for _, v := range c.g.core.Channels() {
			if !v.Hidden {
				c.namesOf(v)
			}
		}
		c.reply(irc.RPL_ENDOFNAMES, "*", "End of /NAMES list")
		return
	}
	for name := range strings.SplitSeq(l.param(0), ",") {
		if v, ok := c.g.core.Channel(name); ok {
			c.namesOf(v)
			c.reply(irc.RPL_ENDOFNAMES, v.Name, "End of /NAMES list")
		} else {
			c.reply(irc.RPL_ENDOFNAMES, cleanMiddle(name), "End of /NAMES list")
		}
	}
}

// namesOf sends who is in a channel, in as many lines as it takes. Channels are
// secret ("@"): nobody lists them.
func (c *client) namesOf(v channels.ChannelView) {
	space := maxBody - len(":"+serverName+" 353 "+c.target()+" @ "+v.Name+" :\r\n")
	line := ""
	for _, m := range v.Members {
		name := rank(m) + c.shownNick(m)
		if line != "" && len(line)+1+len(name) > space {
			c.reply(irc.RPL_NAMREPLY, "@", v.Name, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += name
	}
	if line != "" {
		c.reply(irc.RPL_NAMREPLY, "@", v.Name, line)
	}
}

// rank is what stands before a member's nick: those who may remove the user,
// and the founder, are operators to IRC.
func rank(m channels.MemberView) string {
	if m.Founder || m.Above {
		return "@"
	}
	return ""
}

// shownNick is a member's nick for a client, which knows its user by the nick
// that it has itself.
func (c *client) shownNick(m channels.MemberView) string {
	if m.Own {
		return ircNick(c.nick)
	}
	return ircNick(m.Nick)
}

// member finds a member other than the user by nick.
func member(v channels.ChannelView, nick string) (channels.MemberView, bool) {
	for _, m := range v.Members {
		if !m.Own && same(ircNick(m.Nick), nick) {
			return m, true
		}
	}
	return channels.MemberView{}, false
}

// list answers LIST: the user's channels, hidden ones too.
func (c *client) list(l line) {
	c.reply(irc.RPL_LISTSTART, "Channel", "Members  Topic")
	for _, v := range c.g.core.Channels() {
		if l.param(0) != "" && l.param(0)[0] == '#' && !listed(l.param(0), v.Name) {
			continue
		}
		topic := oneLine(v.Topic)
		if v.Hidden {
			topic = strings.TrimSpace("(hidden: /join " + v.Name + " shows it) " + topic)
		}
		c.reply(irc.RPL_LIST, v.Name, strconv.Itoa(len(v.Members)), topic)
	}
	c.reply(irc.RPL_LISTEND, "End of /LIST")
}

// listed reports whether a name is one of a comma-separated list.
func listed(list, name string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if same(one, name) {
			return true
		}
	}
	return false
}

// oneLine is a text on a single line.
func oneLine(s string) string {
	return strings.ReplaceAll(cleanText(s), "\n", " ")
}
