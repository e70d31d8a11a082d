package main

import (
	"log/slog"

	"hubbub/channels"
)

// A member of a channel may invite the user to another one, without a one-time
// key to be handed over (channels.Fork): IRC has INVITE for that. Each client
// name is told once; /msg sysop list has what is open.

// showForked tells of such an invitation.
func (g *gateway) showForked(ev channels.Forked) {
	g.attached(func(c *client) { c.showFork(ev) })
}

// showForks tells a client that has registered of those it was not told of.
func (c *client) showForks() {
	forks, err := c.g.core.Forks()
	if err != nil {
		slog.Error("reading the invitations to other channels failed", "err", err)
		return
	}
	for _, f := range forks {
		if !c.g.invited[c.forkMark(f.Channel, f.Name)] {
			c.showFork(channels.Forked{Channel: f.Channel, By: f.By, Name: f.Name})
		}
	}
}

func (c *client) showFork(ev channels.Forked) {
	c.g.invited[c.forkMark(ev.Channel, ev.Name)] = true
	c.send(message{from: prefixOf(ev.By), command: "INVITE", params: []string{c.target(), ev.Name}})
	c.tell(ev.Channel, ircNick(ev.By)+" invites you from "+ev.Channel+" to another channel. To join it: /join "+ev.Name)
}

// forkMark is under what it is kept that a client's name was told.
func (c *client) forkMark(channel, name string) string {
	return c.name + "\x00" + fold(channel) + "\x00" + fold(name)
}

// forkLine is an open invitation in one line.
func forkLine(f channels.ForkView) string {
	return f.Name + ": not joined yet; " + ircNick(f.By) + " of " + f.Channel + " invites you until " + moment(f.Expires) + ": /join " + f.Name
}
