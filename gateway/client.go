package main

import (
	"maps"
	"slices"
	"time"
)

// client is an IRC client. The dispatcher owns it; only its conn is shared.
type client struct {
	g      *gateway
	conn   *conn
	number int64 // in the order of connecting
	closed bool  // no longer among g.clients

	since  time.Time // when it connected
	heard  time.Time // when its last line came
	pinged bool      // asked whether it is still there since

	written chan struct{} // closed when all is written that will be

	nick       string // as the client believes
	firstNick  string // what it called itself at first
	realname   string
	name       string // whose lines are marked as delivered: laptop of alice@laptop
	caps       capability
	register   registration
	registered bool
	invisible  bool   // user mode i, which means nothing here
	away       string // kept local
	joined     map[string]string
	delivery   delivery
}

// prefix is how the client's user stands before what he does.
func (c *client) prefix() string { return prefixOf(c.nick) }

// target is what replies are addressed to.
func (c *client) target() string {
	if c.nick == "" {
		return "*"
	}
	return c.nick
}

// send has a message written to the client, without the tags it did not ask
// for. It never waits: a client too far behind to take it is closed.
func (c *client) send(m message) {
	if c.closed {
		return
	}
	m.tags = c.caps.filter(m.tags)
	if !c.conn.enqueue(m.encode()) {
		c.g.abandon(c)
	}
}

// reply sends a numeric, or another message of the server's, to the client.
func (c *client) reply(command string, params ...string) {
	c.send(message{from: serverName, command: command, params: append([]string{c.target()}, params...)})
}

// fail sends a standard reply (IRCv3 standard-replies): which command, a code
// for programs, words for people.
func (c *client) fail(command, code string, context ...string) {
	c.send(message{from: serverName, command: "FAIL", params: append([]string{command, code}, context...)})
}

// sysopSays sends lines from sysop to this client alone, as private messages.
// A text may hold line breaks, and is cut where it is too long for a line.
func (c *client) sysopSays(texts ...string) {
	for _, text := range texts {
		for _, piece := range splitText(text, room(serverNick, "PRIVMSG", c.target())) {
			c.send(message{from: prefixOf(serverNick), command: "PRIVMSG", params: []string{c.target(), piece}})
		}
	}
}

// notice sends lines from sysop as a NOTICE: to the client, or to one of its
// channels, where they are seen in that channel.
func (c *client) notice(target string, texts ...string) {
	for _, text := range texts {
		for _, piece := range splitText(text, room(serverNick, "NOTICE", target)) {
			c.send(message{from: prefixOf(serverNick), command: "NOTICE", params: []string{target, piece}})
		}
	}
}

// tell says something about a channel where it will be seen: in the channel if
// the client shows it, else in a query with sysop.
func (c *client) tell(channel string, texts ...string) {
	if c.isIn(channel) {
		c.notice(c.joined[fold(channel)], texts...)
		return
	}
	c.sysopSays(texts...)
}

// isIn reports whether the client was told that it is in a channel.
func (c *client) isIn(channel string) bool {
	_, ok := c.joined[fold(channel)]
	return ok
}

// attached calls f for every client that is registered.
func (g *gateway) attached(f func(*client)) {
	for c := range g.clients {
		if c.registered {
			f(c)
		}
	}
}

// anybody reports whether a client is registered.
func (g *gateway) anybody() (any bool) {
	g.attached(func(*client) { any = true })
	return any
}

// drop closes a client, after telling it why.
func (g *gateway) drop(c *client, why string) {
	c.send(message{command: "ERROR", params: []string{"Closing link: " + why}})
	g.forget(c)
	c.conn.close()
}

// abandon closes a client that does not read.
func (g *gateway) abandon(c *client) {
	g.forget(c)
	c.conn.abandon()
}

func (g *gateway) forget(c *client) {
	c.closed = true
	c.register.stop()
	delete(g.clients, c)
}

// closeAll drops every client, and waits a little for those who read.
func (g *gateway) closeAll(why string) {
	over := time.After(lingerTime)
	for _, c := range slices.Collect(maps.Keys(g.clients)) {
		g.drop(c, why)
		select {
		case <-c.written:
		case <-over:
			return
		}
	}
}

// How long a client may be silent, and how long it may take to register.
const (
	sweepEvery      = 10 * time.Second
	registerTimeout = 60 * time.Second
	pingAfter       = 2 * time.Minute
	silentTimeout   = 4 * time.Minute
)

// sweep looks after the silent. Times are the machine's, not settings.Now.
func (g *gateway) sweep() {
	for c := range g.clients {
		silent := time.Since(c.heard)
		switch {
		case !c.registered && time.Since(c.since) > registerTimeout:
			g.drop(c, "registration took too long")
		case silent > silentTimeout:
			g.drop(c, "ping timeout")
		case silent > pingAfter && !c.pinged && c.registered:
			c.pinged = true
			c.send(message{command: "PING", params: []string{serverName}})
		}
	}
}
