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
	if view.RemovedBy != "" {
		c.sysopSays("Nothing is asked of its hubs any more, and nothing heard of its members.")
		c.sysopSays(nextForChannel(view, true)...)
		return
	}
	for _, m := range view.Members {
		c.sysopSays("  " + memberLine(m, now))
	}
	for _, h := range view.Hubs {
		c.sysopSays(hubLines(h, view.Hubs, now)...)
	}
	c.sysopSays(nextForMembers(view)...)
	c.sysopSays(nextForChannel(view, ownHub(c.g.core.Hubs()))...)
}

// statusOfAll is the short form: one line a hub, one a channel.
func (c *client) statusOfAll() {
	now := c.g.settings.Now()
	hubs, all := c.g.core.Hubs(), c.g.core.Channels()
	c.sysopSays(fmt.Sprintf("%s. You are %s.", c.g.sysop.version, c.g.core.Nick()))
	for _, h := range hubs {
		c.sysopSays(hubLine(h, hubs, now))
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
	notes = append(notes, state(m)...)
	if !m.Own {
		notes = append(notes, "last heard "+ago(m.Heard, now))
	}
	if m.Waiting {
		notes = append(notes, "can't be read until their gateway comes online")
	}
	return m.Nick + ": " + strings.Join(notes, "; ")
}

// nextForMembers is what there is to know and to do about a channel's members.
func nextForMembers(view channels.ChannelView) []string {
	var lines []string
	for _, m := range view.Members {
		nick := ircNick(m.Nick)
		switch {
		case m.Own && m.Suspended:
			lines = append(lines, "Somebody else came by the same one-time key as you, so nobody sends you anything yet. Ask "+orSomebody(m.InvitedBy)+" by another way to confirm you: /msg sysop confirm NICK")
		case m.Suspended:
			lines = append(lines, nick+" is suspended, and gets nothing: the one-time key was used by somebody else too, or was closed. Whoever stands above them asks them by another way, and types: /msg sysop confirm "+view.Name+" "+nick)
		}
	}
	if n := len(view.Differ); n > 0 {
		lines = append(lines, fmt.Sprintf("%s and you have not known the same about the members of %s for five minutes or more: some may see members whom others do not. Your gateways ask each other for what is missing. If it stays so, somebody or a hub keeps something back: compare /msg sysop members %s with them, by another way.",
			andList(view.Differ), view.Name, view.Name))
	}
	return lines
}

// andList names several.
func andList(nicks []string) string {
	var shown []string
	for _, nick := range nicks {
		shown = append(shown, ircNick(nick))
	}
	if n := len(shown); n > 1 {
		return strings.Join(shown[:n-1], ", ") + " and " + shown[n-1]
	}
	return strings.Join(shown, "")
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
