package main

import (
	"slices"

	"hubbub/channels"
)

// A roll is who the clients have been told is in a channel, besides the user:
// folded nicks. Views show how things stand after a step, while its events are
// shown one by one: with the rolls, nobody is joined twice, and a nick is known
// to be seen elsewhere by what was shown, not by what will be.

// callRoll notes what a channel's NAMES have just told.
func (g *gateway) callRoll(v channels.ChannelView) {
	roll := make(map[string]bool)
	for _, m := range v.Members {
		if !m.Own {
			roll[fold(ircNick(m.Nick))] = true
		}
	}
	g.rolls[fold(v.Name)] = roll
}

// called reports whether any client was told who is in a channel.
func (g *gateway) called(channel string) bool { return g.rolls[fold(channel)] != nil }

// onRoll reports whether clients see a nick in a channel.
func (g *gateway) onRoll(channel, nick string) bool {
	return g.rolls[fold(channel)][fold(ircNick(nick))]
}

// enrol notes that clients are told of somebody, or that they are gone; it
// reports whether that is news to them.
func (g *gateway) enrol(channel, nick string, present bool) bool {
	roll := g.rolls[fold(channel)]
	if roll == nil || g.onRoll(channel, nick) == present {
		return false
	}
	if present {
		roll[fold(ircNick(nick))] = true
	} else {
		delete(roll, fold(ircNick(nick)))
	}
	return true
}

// seenElsewhere reports whether clients see a nick in another channel.
func (g *gateway) seenElsewhere(channel, nick string) bool {
	for name := range g.rolls {
		if name != fold(channel) && g.onRoll(name, nick) {
			return true
		}
	}
	return false
}

// vacateFirst puts members who lose a nick to the user before the user's own
// change of nick: a client takes who has its nick for itself.
func vacateFirst(events []channels.Event) []channels.Event {
	own := slices.IndexFunc(events, func(ev channels.Event) bool {
		r, ok := ev.(channels.Renamed)
		return ok && r.Own
	})
	if own < 0 {
		return events
	}
	taken := events[own].(channels.Renamed).New
	var first, rest []channels.Event
	for _, ev := range events[own:] {
		if r, ok := ev.(channels.Renamed); ok && !r.Own && same(r.Old, taken) {
			first = append(first, ev)
		} else {
			rest = append(rest, ev)
		}
	}
	return slices.Concat(events[:own], first, rest)
}
