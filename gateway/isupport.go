package main

import (
	"strconv"

	"gopkg.in/irc.v4"
)

// Modes, as 004 lists them and ISUPPORT says.
const (
	userModes    = "i"
	channelModes = "bions"
)

// features are the tokens of RPL_ISUPPORT (modern.ircdocs.horse/#rplisupport-parameters):
// only what is true.
var features = []string{
	"AWAYLEN=" + strconv.Itoa(maxTopic),
	"CASEMAPPING=ascii",
	"CHANLIMIT=#:", // as many as one likes
	"CHANMODES=b,,,ins",
	"CHANNELLEN=" + strconv.Itoa(maxChannel),
	"CHANTYPES=#",
	"HOSTLEN=" + strconv.Itoa(len(hostName)),
	"KICKLEN=" + strconv.Itoa(maxTopic),
	"MODES=1",
	"NAMELEN=" + strconv.Itoa(maxRealname),
	"NETWORK=hubbub",
	"NICKLEN=" + strconv.Itoa(maxNick),
	"PREFIX=(o)@",
	"SAFELIST",
	"TARGMAX=JOIN:,KICK:" + strconv.Itoa(maxKicks) + ",LIST:,NAMES:,NOTICE:" + strconv.Itoa(maxTargets) + ",PART:,PRIVMSG:" + strconv.Itoa(maxTargets) + ",WHOIS:1",
	"TOPICLEN=" + strconv.Itoa(maxTopic),
	"USERLEN=" + strconv.Itoa(maxUser),
	"UTF8ONLY",
	"WHOX",
}

// isupport sends RPL_ISUPPORT, at most 13 tokens a line.
func (c *client) isupport() {
	const most = 13
	for rest := features; len(rest) > 0; {
		n := min(len(rest), most)
		params := append(append([]string{}, rest[:n]...), "are supported by this server")
		c.reply(irc.RPL_ISUPPORT, params...)
		rest = rest[n:]
	}
}
