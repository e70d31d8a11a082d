package main

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/irc.v4"
)

// capability is a set of IRCv3 capabilities that a client has.
type capability uint16

const (
	capBatch capability = 1 << iota
	capNotify
	capEchoMessage
	capExtendedJoin
	capMessageTags
	capMultiPrefix
	capSASL
	capServerTime
	capSetname
	capSelfMessage
)

// capabilities are what can be asked for (ircv3.net/specs; wiki.znc.in/self-message).
var capabilities = map[string]capability{
	"batch":               capBatch,
	"cap-notify":          capNotify,
	"echo-message":        capEchoMessage,
	"extended-join":       capExtendedJoin,
	"message-tags":        capMessageTags,
	"multi-prefix":        capMultiPrefix,
	"sasl":                capSASL,
	"server-time":         capServerTime,
	"setname":             capSetname,
	"znc.in/self-message": capSelfMessage,
}

func (k capability) has(one capability) bool { return k&one != 0 }

// filter leaves of a message's tags what a client with these capabilities has
// asked for.
func (k capability) filter(tags map[string]string) map[string]string {
	var left map[string]string
	add := func(tag string, allowed bool) {
		if value, ok := tags[tag]; ok && allowed {
			if left == nil {
				left = make(map[string]string)
			}
			left[tag] = value
		}
	}
	add("time", k.has(capServerTime))
	add("batch", k.has(capBatch))
	return left
}

// offered is what CAP LS lists, in order; sasl only where a password is set.
func (g *gateway) offered() []string {
	names := slices.Sorted(maps.Keys(capabilities))
	if g.settings.Password == "" {
		names = slices.DeleteFunc(names, func(s string) bool { return s == "sasl" })
	}
	return names
}

// cap answers CAP (ircv3.net/specs/extensions/capability-negotiation).
func (c *client) cap(l line) {
	sub := strings.ToUpper(l.param(0))
	switch sub {
	case "LS":
		c.capLS(l.param(1))
	case "LIST":
		c.capReply("LIST", strings.Join(c.capNames(), " "))
	case "REQ":
		c.capREQ(l.param(1))
	case "END":
		c.register.negotiating = false
		c.tryRegister()
	case "":
		c.reply(irc.ERR_NEEDMOREPARAMS, "CAP", "Say which: LS, LIST, REQ or END")
	default:
		c.reply(irc.ERR_INVALIDCAPCMD, sub, "Invalid CAP command")
	}
}

func (c *client) capReply(sub, text string) {
	c.reply("CAP", sub, text)
}

func (c *client) capLS(version string) {
	c.register.negotiating = !c.registered
	names := c.g.offered()
	if v, err := strconv.Atoi(version); err == nil && v >= 302 {
		c.caps |= capNotify
		for i, name := range names {
			if name == "sasl" {
				names[i] = "sasl=PLAIN"
			}
		}
	}
	c.capReply("LS", strings.Join(names, " "))
}

// capREQ takes all that is asked for, or nothing.
func (c *client) capREQ(asked string) {
	c.register.negotiating = !c.registered
	caps := c.caps
	for name := range strings.FieldsSeq(asked) {
		name, off := strings.CutPrefix(name, "-")
		bit, ok := capabilities[name]
		if !ok || !slices.Contains(c.g.offered(), name) {
			c.capReply("NAK", asked)
			return
		}
		if off {
			caps &^= bit
		} else {
			caps |= bit
		}
	}
	c.caps = caps
	c.capReply("ACK", asked)
}

// capNames are the capabilities that the client has, in order.
func (c *client) capNames() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(capabilities)), func(name string) bool {
		return !c.caps.has(capabilities[name])
	})
}
