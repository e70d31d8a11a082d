package main

import (
	"log/slog"
	"slices"
	"strconv"

	"hubbub/channels"
)

// A member of a channel may invite the user to another one, without a one-time
// key to be handed over (channels.Fork): IRC has INVITE for that. Each client
// name is told once; /msg sysop list has what is open.

// showForked tells of such an invitation.
func (g *gateway) showForked(ev channels.Forked) {
	fork := channels.ForkView{Channel: ev.Channel, By: ev.By, Name: ev.Name}
	open := g.forks()
	if i := slices.IndexFunc(open, func(f channels.ForkView) bool { return same(f.Name, ev.Name) }); i >= 0 {
		fork.Made = open[i].Made
	}
	g.attached(func(c *client) { c.showFork(fork) })
}

// forks are those that are open.
func (g *gateway) forks() []channels.ForkView {
	open, err := g.core.Forks()
	if err != nil {
		slog.Error("reading the invitations to other channels failed", "err", err)
	}
	return open
}

// showForks tells a client that has registered of those it was not told of.
func (c *client) showForks() {
	for _, f := range c.g.forks() {
		if !c.g.invited[c.forkMark(f)] {
			c.showFork(f)
		}
	}
}

func (c *client) showFork(f channels.ForkView) {
	c.g.invited[c.forkMark(f)] = true
	c.send(message{from: prefixOf(f.By), command: "INVITE", params: []string{c.target(), f.Name}})
	c.tell(f.Channel, ircNick(f.By)+" invites you from "+f.Channel+" to another channel. To join it: /join "+f.Name)
}

// forkMark is under what it is kept that a client's name was told.
func (c *client) forkMark(f channels.ForkView) string {
	return c.name + "\x00" + fold(f.Name) + "\x00" + strconv.FormatInt(f.Made.UnixNano(), 10)
}

// forkLine is an open invitation in one line.
func forkLine(f channels.ForkView) string {
	return f.Name + ": not joined yet; " + ircNick(f.By) + " of " + f.Channel + " invites you until " + moment(f.Expires) + ": /join " + f.Name
}
