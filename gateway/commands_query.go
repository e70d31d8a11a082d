package main

import (
	"strconv"
	"strings"
	"time"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// who answers WHO and WHOX (ircu, doc/readme.who; modern.ircdocs.horse/#who-message).
// Several channels may be named at once, as irssi does; one end answers them all.
func (c *client) who(l line) {
	mask := l.param(0)
	fields, token, _ := strings.Cut(l.param(1), ",")
	ask := whoQuery{token: token}
	if strings.HasPrefix(fields, "%") {
		ask.fields = fields[1:]
	}
	for one := range strings.SplitSeq(mask, ",") {
		c.whoOne(one, ask)
	}
	if mask == "" {
		mask = "*"
	}
	c.reply(irc.RPL_ENDOFWHO, cleanMiddle(mask), "End of /WHO list")
}

// whoQuery is what a WHOX asks for; without fields it is a WHO.
type whoQuery struct {
	fields string
	token  string
}

// whoOne answers for a channel, or for a nick.
func (c *client) whoOne(mask string, ask whoQuery) {
	if strings.HasPrefix(mask, "#") {
		if v, ok := c.g.core.Channel(mask); ok {
			for _, m := range v.Members {
				c.whoReply(v.Name, m, ask)
			}
		}
		return
	}
	if mask == "" || mask == "*" || mask == "0" {
		for _, v := range c.g.core.Channels() {
			for _, m := range v.Members {
				c.whoReply(v.Name, m, ask)
			}
		}
		return
	}
	if same(mask, serverNick) {
		c.whoReply("*", channels.MemberView{Nick: serverNick}, ask)
		return
	}
	if same(mask, c.nick) {
		c.whoReply("*", channels.MemberView{Nick: c.nick, Own: true}, ask)
		return
	}
	for _, v := range c.g.core.Channels() {
		if m, ok := member(v, mask); ok {
			c.whoReply(v.Name, m, ask)
			return
		}
	}
}

// whoReply sends one 352, or the 354 that was asked for: its fields come in
// this order, whatever the order of asking.
func (c *client) whoReply(channel string, m channels.MemberView, ask whoQuery) {
	nick := c.shownNick(m)
	flags := "H" + rank(m)
	if m.Own && c.away != "" {
		flags = "G" + rank(m)
	}
	if ask.fields == "" {
		c.reply(irc.RPL_WHOREPLY, channel, userOf(nick), hostName, serverName, nick, flags, "0 "+c.realnameOf(m))
		return
	}
	values := []struct {
		field byte
		value string
	}{
		{'t', ask.token}, {'c', channel}, {'u', userOf(nick)}, {'i', "255.255.255.255"}, {'h', hostName},
		{'s', serverName}, {'n', nick}, {'f', flags}, {'d', "0"}, {'l', idle(m, c.g.settings.Now())}, {'a', "0"}, {'o', "n/a"}, {'r', c.realnameOf(m)},
	}
	var params []string
	for _, v := range values {
		if strings.IndexByte(ask.fields, v.field) >= 0 {
			params = append(params, v.value)
		}
	}
	c.reply(rplWhoSpecial, params...)
}

// idle is how many seconds ago a member was last heard; 0 if never, or oneself.
func idle(m channels.MemberView, now time.Time) string {
	if m.Own || m.Heard.IsZero() {
		return "0"
	}
	return strconv.FormatInt(int64(max(0, now.Sub(m.Heard)).Seconds()), 10)
}

func (c *client) realnameOf(m channels.MemberView) string {
	if m.Own && c.realname != "" {
		return c.realname
	}
	return m.Nick
}

// whois answers WHOIS.
func (c *client) whois(l line) {
	nick := l.param(len(l.params) - 1)
	if nick == "" {
		c.reply(irc.ERR_NONICKNAMEGIVEN, "Give a nick")
		return
	}
	switch {
	case same(nick, serverNick):
		c.whoisUser(serverNick, "answers /msg sysop help")
		c.reply(irc.RPL_WHOISSERVER, serverNick, serverName, "your own gateway")
	case same(nick, c.nick):
		c.whoisSelf()
	case !c.whoisMember(nick):
		c.reply(irc.ERR_NOSUCHNICK, cut(cleanMiddle(nick), maxNick), "No such nick")
	}
	c.reply(irc.RPL_ENDOFWHOIS, cut(cleanMiddle(nick), maxNick), "End of /WHOIS list")
}

func (c *client) whoisUser(nick, realname string) {
	c.reply(irc.RPL_WHOISUSER, nick, userOf(nick), hostName, "*", realname)
}

func (c *client) whoisSelf() {
	c.whoisUser(c.nick, c.realname)
	var in []string
	for _, v := range c.g.core.Channels() {
		for _, m := range v.Members {
			if m.Own {
				in = append(in, rank(m)+v.Name)
			}
		}
	}
	c.whoisChannels(c.nick, in)
	c.reply(irc.RPL_WHOISSERVER, c.nick, serverName, "your own gateway")
	for _, v := range c.g.core.Channels() {
		for _, m := range v.Members {
			if m.Own && m.Fingerprint != "" {
				c.reply(rplWhoisSpecial, c.nick, "in "+v.Name+": your key is "+m.Fingerprint)
			}
		}
	}
	if c.away != "" {
		c.reply(irc.RPL_AWAY, c.nick, c.away)
	}
}

// whoisMember tells of everybody who shows that nick, for nothing says that
// bob in one channel is bob in another. It reports whether there is one.
func (c *client) whoisMember(nick string) bool {
	var in, words []string
	var heard, since time.Time
	for _, v := range c.g.core.Channels() {
		m, ok := member(v, nick)
		if !ok {
			continue
		}
		nick = ircNick(m.Nick)
		in = append(in, rank(m)+v.Name)
		words = append(words, aboutMember(v, m, c.g.settings.Now())...)
		if m.Heard.After(heard) {
			heard, since = m.Heard, m.Since
		}
	}
	if len(in) == 0 {
		return false
	}
	c.whoisUser(nick, nick)
	c.whoisChannels(nick, in)
	c.reply(irc.RPL_WHOISSERVER, nick, serverName, "your own gateway")
	for _, w := range words {
		c.reply(rplWhoisSpecial, nick, w)
	}
	if !heard.IsZero() {
		c.reply(irc.RPL_WHOISIDLE, nick, strconv.FormatInt(int64(max(0, c.g.settings.Now().Sub(heard)).Seconds()), 10), strconv.FormatInt(since.Unix(), 10), "seconds idle, joined on")
	}
	return true
}

// whoisChannels sends 319, in as many lines as it takes.
func (c *client) whoisChannels(nick string, in []string) {
	const most = 6
	for len(in) > 0 {
		n := min(most, len(in))
		c.reply(irc.RPL_WHOISCHANNELS, nick, strings.Join(in[:n], " "))
		in = in[n:]
	}
}

// whowas answers WHOWAS: nothing is kept about those who left.
func (c *client) whowas(l line) {
	nick := l.param(0)
	if nick == "" {
		c.reply(irc.ERR_NONICKNAMEGIVEN, "Give a nick")
		return
	}
	c.reply(irc.ERR_WASNOSUCHNICK, cut(cleanMiddle(nick), maxNick), "There was no such nickname")
	c.reply(irc.RPL_ENDOFWHOWAS, cut(cleanMiddle(nick), maxNick), "End of WHOWAS")
}

// ison answers ISON: whoever is in a channel counts, for who is at their
// keyboard nobody tells.
func (c *client) ison(l line) {
	var on []string
	for _, param := range l.params {
		for nick := range strings.FieldsSeq(param) {
			if shown, ok := c.find(nick); ok {
				on = append(on, shown)
			}
		}
	}
	c.reply(irc.RPL_ISON, strings.Join(on, " "))
}

// userhost answers USERHOST, of up to five nicks.
func (c *client) userhost(l line) {
	var hosts []string
	for _, nick := range l.params[:min(5, len(l.params))] {
		if shown, ok := c.find(nick); ok {
			here := "+"
			if same(shown, c.nick) && c.away != "" {
				here = "-"
			}
			hosts = append(hosts, shown+"="+here+userOf(shown)+"@"+hostName)
		}
	}
	c.reply(irc.RPL_USERHOST, strings.Join(hosts, " "))
}

// find is a nick as it is shown, if anybody has it.
func (c *client) find(nick string) (string, bool) {
	if same(nick, c.nick) {
		return c.nick, true
	}
	if same(nick, serverNick) {
		return serverNick, true
	}
	for _, v := range c.g.core.Channels() {
		if m, ok := member(v, nick); ok {
			return ircNick(m.Nick), true
		}
	}
	return "", false
}
