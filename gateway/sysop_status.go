package main

import (
	"fmt"
	"strings"
	"time"

	"hubbub/channels"
)

// sysopStatus says what works and what does not: of everything, or of one channel.
func (c *client) sysopStatus(args string) {
	if args == "" {
		c.statusOfAll()
		return
	}
	view, ok := c.whichChannel("status", args)
	if !ok {
		return
	}
	now := c.g.settings.Now()
	c.sysopSays(channelLine(view))
	for _, m := range view.Members {
		c.sysopSays("  " + memberLine(m, now))
	}
	for _, h := range view.Hubs {
		c.sysopSays("  " + hubLine(h, now))
	}
	c.sysopSays(nextForChannel(view))
}

// statusOfAll is the short form: one line a hub, one a channel.
func (c *client) statusOfAll() {
	now := c.g.settings.Now()
	hubs, all := c.g.core.Hubs(), c.g.core.Channels()
	c.sysopSays(fmt.Sprintf("%s. You are %s.", c.g.sysop.version, c.g.core.Nick()))
	for _, h := range hubs {
		c.sysopSays(hubLine(h, now))
	}
	for _, view := range all {
		c.sysopSays(channelLine(view))
	}
	for _, w := range c.g.sysop.warnings {
		c.sysopSays(w.line())
	}
	switch {
	case len(all) == 0:
		c.sysopSays(yourChannels(all))
	case ownHub(hubs):
		c.sysopSays("More about one: /msg sysop status #chan")
	default:
		c.sysopSays("More about one: /msg sysop status #chan. You have no hub that others can reach: /msg sysop help hub")
	}
}

// warning is what the user was warned of, and when: status says it again, for
// who missed it.
type warning struct {
	channels.Warn
	at time.Time
}

// mostWarnings is how many are kept, until the gateway stops.
const mostWarnings = 10

// warned notes a warning.
func (s *sysop) warned(ev channels.Warn, now time.Time) {
	s.warnings = append(s.warnings, warning{ev, now})
	s.warnings = s.warnings[max(0, len(s.warnings)-mostWarnings):]
}

func (w warning) line() string {
	where := ""
	if w.Channel != "" {
		where = w.Channel + ": "
	}
	return "WARNING, " + moment(w.at) + ": " + where + w.Text
}

// ownHub reports whether there is one beside the embedded hub.
func ownHub(hubs []channels.HubView) bool {
	for _, h := range hubs {
		if !h.Embedded {
			return true
		}
	}
	return false
}

// memberLine is a member in one line.
func memberLine(m channels.MemberView, now time.Time) string {
	var notes []string
	if m.Own {
		notes = append(notes, "you")
	}
	if m.Founder {
		notes = append(notes, "founded it")
	} else if m.InvitedBy != "" {
		notes = append(notes, "invited by "+m.InvitedBy)
	}
	if !m.Own {
		notes = append(notes, "last heard "+ago(m.Heard, now))
	}
	if m.Waiting {
		notes = append(notes, "can't be read until their gateway comes online")
	}
	return m.Nick + ": " + strings.Join(notes, "; ")
}

// hubLine is a hub in one line.
func hubLine(h channels.HubView, now time.Time) string {
	name := "hub " + h.Address.URL
	if h.Embedded {
		name = "the embedded hub (this machine alone)"
	}
	var notes []string
	switch {
	case h.Own && !h.Claimed:
		notes = append(notes, "not claimed yet")
	case h.Owner && !h.Embedded:
		notes = append(notes, "yours")
	}
	switch {
	case h.Up:
		notes = append(notes, "up")
	case h.Heard.IsZero() && h.Trouble == "":
		notes = append(notes, "not asked yet")
	default:
		notes = append(notes, "DOWN, last heard "+ago(h.Heard, now))
	}
	if h.Trouble != "" {
		notes = append(notes, h.Trouble)
	}
	if h.Channels > 0 {
		notes = append(notes, count(h.Channels, "channel"))
	}
	if h.Behind > 0 {
		notes = append(notes, fmt.Sprintf("%s still to be put there", count(h.Behind, "envelope")))
	}
	return name + ": " + strings.Join(notes, "; ")
}

// nextForChannel is what can be done about a channel's state.
func nextForChannel(view channels.ChannelView) string {
	up := false
	for _, h := range view.Hubs {
		up = up || h.Up
	}
	switch {
	case len(view.Hubs) == 0:
		return "To let somebody in: /invite NICK " + view.Name
	case !up:
		return "No hub of it can be reached: what you write is kept and sent when one can. Nothing to do but wait, or look after the hub."
	case view.Waiting:
		return "Write if you like: it is read when " + orSomebody(view.WaitsFor) + " comes online."
	case len(view.Members) < 2:
		return "To let somebody in: /invite NICK " + view.Name
	}
	return "All is well. Who has your texts: /msg sysop seen " + view.Name + "; to compare keys: /msg sysop safety " + view.Name
}

// ago is how long ago a time was, roughly.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour") + " ago"
	}
	return count(int(d/(24*time.Hour)), "day") + " ago"
}
