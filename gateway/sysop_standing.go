package main

import (
	"fmt"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
)

// This file says how hubs are, and what can be done about it.

// hubLine is a hub in one line.
func hubLine(h channels.HubView, among []channels.HubView, now time.Time) string {
	state := standing(h, now)
	if h.Standing == channels.Down {
		state += ", last heard " + ago(h.Heard, now)
	}
	notes := append(whoseHub(h), state)
	if h.Trouble != "" {
		notes = append(notes, h.Trouble)
	}
	if !h.Closes.IsZero() {
		notes = append(notes, closesNote(h, now))
	}
	if h.Channels > 0 {
		notes = append(notes, count(h.Channels, "channel"))
	}
	if h.Behind > 0 {
		notes = append(notes, behind(h))
	}
	if h.Next && len(among) > 1 && (h.Closes.IsZero() || h.Closes.After(now)) {
		notes = append(notes, "new channels open there")
	}
	return hubHead(h, among) + strings.Join(notes, "; ")
}

// hubLines are a hub of a channel: how it is, then what is known of it.
func hubLines(h channels.HubView, among []channels.HubView, now time.Time) []string {
	lines := []string{"  " + hubHead(h, among) + strings.Join(append(whoseHub(h), standing(h, now)), "; ")}
	if h.Trouble != "" {
		lines = append(lines, "    "+h.Trouble)
	}
	if !h.Closes.IsZero() {
		lines = append(lines, "    "+closesNote(h, now))
	}
	var notes []string
	if h.Standing != channels.Unasked {
		notes = append(notes, "last heard "+ago(h.Heard, now))
	}
	switch {
	case h.Read:
		notes = append(notes, "read to its newest entry")
	case h.Standing == channels.Good:
		notes = append(notes, "not read to its newest entry yet")
	}
	if len(notes) > 0 {
		lines = append(lines, "    "+strings.Join(notes, "; "))
	}
	if h.Behind > 0 {
		lines = append(lines, "    "+behind(h))
	}
	if h.Rubbish > 0 {
		lines = append(lines, fmt.Sprintf("    gave %s that made NO SENSE: the hub, or a member, made them up", entries(int64(h.Rubbish))))
	}
	if !h.Counted.IsZero() {
		lines = append(lines, holds(h, now))
		if h.Quota > 0 && h.Bytes > h.Quota/100*nearlyFull {
			lines = append(lines, "    nearly full: its oldest texts make room for new ones")
		}
	}
	return lines
}

// holds is how much a hub has of a channel, as it said when it was asked last: that is
// seldom, and a channel may have got its texts since.
func holds(h channels.HubView, now time.Time) string {
	if now.Sub(h.Counted) >= time.Minute {
		return fmt.Sprintf("    %s it held %s, %s", ago(h.Counted, now), size(h), entries(h.Entries))
	}
	return fmt.Sprintf("    holds %s, %s (asked just now)", size(h), entries(h.Entries))
}

// closesNote is when a hub goes.
func closesNote(h channels.HubView, now time.Time) string {
	if !h.Closes.After(now) {
		return "CLOSED since " + dayAndTime(h.Closes, now)
	}
	return "CLOSES on " + dayAndTime(h.Closes, now)
}

// nearlyFull is from how many hundredths of its quota on a hub drops old texts.
const nearlyFull = 97

// hubHead begins a hub's line.
func hubHead(h channels.HubView, among []channels.HubView) string {
	if h.Embedded {
		return "the embedded hub (this machine alone): "
	}
	return "hub " + hubName(h, among) + ": "
}

// whoseHub is whose a hub is, or who has brought it along.
func whoseHub(h channels.HubView) []string {
	switch {
	case h.Own && !h.Claimed:
		return []string{"not claimed yet"}
	case h.Embedded:
		return nil
	case h.Owner:
		return []string{"yours"}
	case h.Own:
		return []string{"you are a guest there"}
	case h.By != "":
		return []string{"added by " + h.By}
	}
	return nil
}

// standing is how a hub is, in capitals where it is not good.
func standing(h channels.HubView, now time.Time) string {
	switch h.Standing {
	case channels.Good:
		return "up"
	case channels.Unasked:
		if h.Up {
			return "up, but it has not let you in yet"
		}
		return "not asked yet"
	case channels.Full:
		return "up, but FULL: a quota is used up"
	case channels.Lost:
		return "up, but it has LOST the channel"
	case channels.PutOut:
		return "up, but it LETS YOU IN NO MORE"
	case channels.Odd:
		return "answers what makes NO SENSE"
	case channels.Closed:
		return "up, but it has CLOSED: it takes nothing new"
	case channels.Banned:
		return "up, but its owner SERVES YOU NO MORE"
	}
	if h.Since.IsZero() {
		return "DOWN"
	}
	if h.Since.Local().Format(time.DateOnly) == now.Local().Format(time.DateOnly) {
		return "DOWN since " + h.Since.Local().Format("15:04")
	}
	return "DOWN since " + moment(h.Since)
}

// behind is what a hub lacks.
func behind(h channels.HubView) string {
	return count(h.Behind, "envelope") + " still to be put there"
}

// entries is a number of them.
func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// size is what a hub holds, and how much it may be.
func size(h channels.HubView) string {
	if h.Quota == 0 {
		return bytesOf(h.Bytes)
	}
	return bytesOf(h.Bytes) + " of " + bytesOf(h.Quota)
}

// bytesOf is a number of bytes as people read it, in the units of hub.conf.
func bytesOf(n int64) string {
	unit := int64(1 << 10)
	for _, name := range []string{"KiB", "MiB", "GiB"} {
		if n < unit<<10 || name == "GiB" {
			if v := float64(n) / float64(unit); v < 9.95 && n%unit != 0 {
				return fmt.Sprintf("%.1f %s", v, name)
			}
			return fmt.Sprintf("%d %s", (n+unit/2)/unit, name)
		}
		unit <<= 10
	}
	return ""
}

// nextForChannel is what can be done about a channel's state: about each hub
// that is not as it should be, and then about the channel. own says whether the
// user has a hub that others can reach.
func nextForChannel(view channels.ChannelView, own bool) []string {
	works, down := 0, 0
	for _, h := range view.Hubs {
		switch h.Standing {
		case channels.Good:
			works++
		case channels.Down:
			down++
		}
	}
	alone := len(view.Members) < 2
	switch {
	case view.RemovedBy != "":
		return []string{"What was said until then stays here to be read. To come back takes a new one-time key from a member. /part hides it; to delete it: /msg sysop leave " + view.Name}
	case len(view.Hubs) == 0 && !alone:
		return append([]string{"It is on no hub: what you write is kept and sent when it is on one."}, rescueAdvice(view, own)...)
	case len(view.Hubs) == 0:
		return []string{"To let somebody in: /invite NICK " + view.Name}
	case down == len(view.Hubs):
		return append([]string{"No hub of it can be reached: what you write is kept and sent when one can."}, rescueAdvice(view, own)...)
	}
	var advice []string
	for _, h := range view.Hubs {
		if text := nextForHub(view, h, works > 0); text != "" {
			advice = append(advice, text)
		}
	}
	switch {
	case works == 0 && len(advice) > 0:
		return append(append(advice, "Until a hub takes them, your texts are kept here."), rescueAdvice(view, own)...)
	case view.Waiting:
		return append(advice, "Write if you like: it is read when "+orSomebody(view.WaitsFor)+" comes online.")
	case alone:
		return append(advice, "To let somebody in: /invite NICK "+view.Name)
	case len(view.Hubs) == 1 && !view.Hubs[0].Own && own:
		return append(advice, "It lives on somebody else's hub alone. To keep it on yours as well: /msg sysop hub mirror "+view.Name)
	case len(view.Hubs) == 1 && !view.Hubs[0].Own:
		return append(advice, "It lives on somebody else's hub alone: when that is gone, so is the way to the others. With a hub of your own you need not fear that: /msg sysop help hub")
	case onlyOwnIsLeft(view):
		return append(advice, "Only your own hub is left of it, and nobody else was heard since. Who does not know that hub yet can't follow without a key: /msg sysop hub rescue "+view.Name)
	case len(advice) > 0:
		return advice
	case len(nextForMembers(view)) > 0:
		return nil
	}
	return []string{"All is well. Who has your texts: /msg sysop seen " + view.Name + "; to compare keys: /msg sysop safety " + view.Name}
}

// onlyOwnIsLeft says that of a channel's hubs only the user's own work, and that
// nobody else was heard since the others do not: perhaps they do not know those.
func onlyOwnIsLeft(view channels.ChannelView) bool {
	var since, heard time.Time
	for _, h := range view.Hubs {
		if h.Standing == channels.Good && !h.Own {
			return false
		}
		if h.Since.After(since) {
			since = h.Since
		}
	}
	for _, m := range view.Members {
		if !m.Own && m.Heard.After(heard) {
			heard = m.Heard
		}
	}
	return heard.Before(since)
}

// nextForHub is what can be done about one hub of a channel; carried says that
// another one carries on.
func nextForHub(view channels.ChannelView, h channels.HubView, carried bool) string {
	name := hubName(h, view.Hubs)
	text := ""
	switch h.Standing {
	case channels.Unasked:
		if h.Up {
			return name + " has not let you in yet: the gateway of whoever added it does that, when it is online."
		}
	case channels.Full:
		text = name + " has no room left. " + whoMakesRoom(h)
	case channels.Lost:
		return name + " does not know the channel any more. It is filled again by itself, as soon as whoever opened it there is online: nothing to do."
	case channels.PutOut:
		text = name + " lets you in no more: its owner, or somebody who may remove you, has put you out there."
	case channels.Closed:
		text = name + " takes nothing new: it closes, or whoever opened the channel there has closed it."
	case channels.Banned:
		text = name + " serves you no more: its owner has said so, and can take it back. It is asked again within an hour."
		if h.Owner {
			text = name + " is yours, and serves you no more: you have banned the channel there, or the guest who opened it. To take it back: /msg sysop hub channels, and hub unban."
		}
	case channels.Odd:
		text = name + " answers what makes no sense, and none of it is believed. Whoever looks after it should see to that."
	case channels.Down:
		if strings.Contains(h.Trouble, notAsked) {
			return name + " is at a private address, which is not asked on another member's word alone. If it is in your own network: /msg sysop hub moved " + h.Address.URL + " " + h.Address.URL
		}
		if h.Owner && !h.Embedded {
			text = name + " is down. It is yours: look after it. Moved: /msg sysop hub moved URL NEWURL. Gone for good: /msg sysop hub drop " + view.Name + " URL, or, for all your channels, /msg sysop hub forget URL."
			break
		}
		text = name + " is down."
		if carried {
			return text + " " + view.Name + " goes on without it, and it gets what it misses when it is back: nothing to do."
		}
	}
	if text != "" && carried {
		text += " " + view.Name + " goes on without it."
	}
	return text
}

// notAsked is what a hub's trouble says then.
var notAsked = hubclient.Private.String()

// whoMakesRoom says how a full hub gets room.
func whoMakesRoom(h channels.HubView) string {
	switch {
	case h.Owner:
		return "It is yours: raise the limits in its hub.conf (docs/hub.md), or make room on its disk."
	case h.By != "":
		return "It is for " + h.By + " to see to: the limits are in its hub.conf."
	}
	return "Whose hub it is can raise the limits in its hub.conf."
}

// rescueAdvice is what there is to do when no hub serves a channel.
func rescueAdvice(view channels.ChannelView, own bool) []string {
	switch {
	case len(view.Members) < 2 && !view.Waiting:
		return []string{"Nothing to do but wait, or look after the hub."}
	}
	wait := "Nothing to do but wait, or look after the hub. If none comes back, "
	if len(view.Hubs) == 0 {
		wait = ""
	}
	if own {
		return []string{sentence(wait + "this brings it back on a hub of yours, with a key for each of the others: /msg sysop hub rescue " + view.Name)}
	}
	return []string{sentence(wait + "one of you who has another hub can bring it back: /msg sysop help hub rescue")}
}
