package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// retireDays is how long a hub that goes is still there unless its owner says otherwise.
const (
	retireDays     = 7
	retireDaysMost = 365
)

// retireWhen reads "[DAYS|now|off]": ok is false if it is something else. Days
// below zero are off.
func retireWhen(word string) (days int, ok bool) {
	switch fold(word) {
	case "now":
		return 0, true
	case "off", "no":
		return -1, true
	}
	days, err := strconv.Atoi(strings.TrimSuffix(fold(word), "d"))
	return days, err == nil && days >= 0 && days <= retireDaysMost
}

// retireAsked is what a line asks of a hub that is to go.
type retireAsked struct {
	before  unfinished
	command string // as it was typed: to be said again
	days    int    // below zero: it stays
	given   bool
}

// sysopHubRetire says when a hub goes, or how far the leaving of it is.
func (c *client) sysopHubRetire(args string) {
	r := retireAsked{before: c.takeUnfinished(), command: strings.TrimSpace("hub retire " + args)}
	word := ""
	for _, w := range strings.Fields(args) {
		n, isWhen := retireWhen(w)
		switch {
		case same(w, "days") && r.given, same(w, "day") && r.given:
		case isWhen && !r.given:
			r.days, r.given = n, true
		case word == "":
			word = w
		default:
			c.sysopSays("When? /msg sysop hub retire URL 7 for in 7 days, now, or off. At most " + strconv.Itoa(retireDaysMost) + " days.")
			return
		}
	}
	h, ok := c.whichHub("hub retire", word, true)
	if !ok && !r.given && word != "" && len(c.hubsLike(word, c.g.knownHubs())) == 0 {
		c.sysopSays("Or did you mean when? /msg sysop hub retire 7 is in 7 days (" + strconv.Itoa(retireDaysMost) + " at most); there is now, too, and off.")
	}
	switch {
	case !ok:
	case h.Embedded:
		c.sysopSays("The embedded hub is inside this gateway, for this machine alone: without embedded_hub in the configuration it is not started.")
	default:
		c.retireOrProgress(h, r)
	}
}

// retireOrProgress asks a hub whether it goes already. Then the same again changes
// nothing, and says how far it is; that it goes, or goes at another time, is said twice.
func (c *client) retireOrProgress(h channels.HubView, asked retireAsked) {
	askHub(c, h, wire.OpReport, nil, func(r wire.ReportResult, refused *wire.Error) {
		now, was := c.g.settings.Now(), hubTime(r.Closes)
		days := asked.days
		if !asked.given {
			days = retireDays
		}
		at := now.Add(time.Duration(days) * 24 * time.Hour)
		switch {
		case refused != nil:
			c.sysopSays(refusedBy(h, refused))
		case days < 0 && was.IsZero():
			c.sysopSays(h.Address.URL + " does not close: there is nothing to take back.")
		case days < 0:
			c.retire(h, time.Time{})
		case !was.IsZero() && (!asked.given || was.Sub(at).Abs() < sameRetirement || !was.After(now) && !at.After(now)):
			c.sysopSays(h.Address.URL + ": " + closesLine(was, now) + " To take that back: /msg sysop hub retire " + h.Address.URL + " off")
			c.retireProgress(h)
		case c.sayAgain(asked.before, asked.command, retireWarning(h, r, was, at, now)...):
			c.retire(h, at)
		}
	})
}

// sameRetirement is how near two times are that are one and the same to a user who
// says the same number of days twice.
const sameRetirement = 12 * time.Hour

// retireWarning is what it means that a hub goes.
func retireWarning(h channels.HubView, r wire.ReportResult, was, at, now time.Time) []string {
	until := "on " + dayAndTime(at, now)
	if !at.After(now) {
		until = "NOW"
	}
	first := "Have " + h.Address.URL + " close " + until + "?"
	if !was.IsZero() {
		first = h.Address.URL + " is to close on " + dayAndTime(was, now) + ". Have it close " + until + " instead?"
	}
	lines := []string{first + fmt.Sprintf(" There %s on it. All who have one are told at once. From then on it takes nothing new; what is there can be read until you delete it.", plural(int(min(r.Channels, 2)), "is 1 channel", "are "+number(r.Channels, "channel")))}
	if !at.After(now) {
		return append(lines, "In a channel that is on no other hub nobody can write then. With some days' notice the gateways move what they can: /msg sysop hub retire "+h.Address.URL+" 7")
	}
	return append(lines, "Channels that are on another hub too leave this one by themselves. hub retire off takes it back.")
}

// retire tells a hub when it goes; the zero time: it stays.
func (c *client) retire(h channels.HubView, at time.Time) {
	now := c.g.settings.Now()
	var args wire.RetireArgs
	if !at.IsZero() {
		args.At = at.Unix()
	}
	askHub(c, h, wire.OpRetire, args, func(_ nothing, refused *wire.Error) {
		switch {
		case refused != nil:
			c.sysopSays(refusedBy(h, refused))
		case at.IsZero():
			c.sysopSays(h.Address.URL + " stays, and all who have a channel there are told so. Channels that have left it come back where your gateway keeps them on your hub: /msg sysop hub mirror #chan for others.")
		default:
			when := "closes on " + dayAndTime(at, now)
			if !at.After(now) {
				when = "has closed"
			}
			c.sysopSays(fmt.Sprintf("%s %s, and all who have a channel there are told so. From then on it takes nothing new; what is there can be read until you delete it. To take that back: /msg sysop hub retire %s off", h.Address.URL, when, h.Address.URL))
			c.retireProgress(h)
		}
	})
}

// leaving is how far a channel is that is to leave a hub.
type leaving int

const (
	hasMoved  leaving = iota
	isMoving          // it is on another hub too
	isNowhere         // it is on no other
	isTheirs          // it is a guest's, and not the user's to see
)

// howFar says how far a channel is. view is the user's own, if he is in it.
func howFar(h channels.HubView, ch wire.HubChannel, view channels.ChannelView, own bool) leaving {
	here := slices.ContainsFunc(view.Hubs, func(v channels.HubView) bool { return v.Address.Fingerprint == h.Address.Fingerprint })
	elsewhere := slices.ContainsFunc(view.Hubs, func(v channels.HubView) bool {
		return v.Address.Fingerprint != h.Address.Fingerprint && v.Closes.IsZero() && (v.Standing == channels.Good || v.Standing == channels.Full)
	})
	switch {
	case ch.Closed, own && !here && len(view.Hubs) > 0:
		return hasMoved
	case own && elsewhere:
		return isMoving
	case own && view.RemovedBy == "":
		return isNowhere
	}
	return isTheirs
}

// retireProgress says which channels have left a hub.
func (c *client) retireProgress(h channels.HubView) {
	c.allChannels(h, func(all []wire.HubChannel) {
		views := map[wire.Channel]channels.ChannelView{}
		for _, v := range c.g.core.Channels() {
			views[v.ID] = v
		}
		count := map[leaving][]string{}
		for _, ch := range all {
			view, own := views[ch.Channel]
			name := whoseChannel(ch, "")
			if own {
				name = view.Name
			}
			far := howFar(h, ch, view, own)
			count[far] = append(count[far], name)
		}
		c.sysopSays(progressLines(h, len(all), count)...)
	})
}

// progressLines are that in words.
func progressLines(h channels.HubView, all int, count map[leaving][]string) []string {
	if all == len(count[hasMoved]) {
		const what = "you can delete it. What belongs to it stands in docs/hub.md, Uninstall."
		if all == 0 {
			return []string{"There is no channel on it, of yours or of a guest: " + what}
		}
		return []string{"What was on it is closed there, or lives elsewhere now: " + fewOf(count[hasMoved]) + ".", "All have moved: " + what}
	}
	var lines []string
	if n := len(count[hasMoved]); n > 0 {
		lines = append(lines, fmt.Sprintf("Have moved: %s.", fewOf(count[hasMoved])))
	}
	if len(count[isMoving]) > 0 {
		lines = append(lines, fmt.Sprintf("On another hub too, and leave this one by themselves when that has all: %s. Whoever added this hub to them has to be online.", fewOf(count[isMoving])))
	}
	if names := count[isNowhere]; len(names) > 0 {
		lines = append(lines, fmt.Sprintf("Have NOWHERE to go yet: %s. With another hub of yours: /msg sysop hub mirror %s URL; or somebody else in it adds one.", fewOf(names), names[0]))
	}
	if len(count[isTheirs]) > 0 {
		lines = append(lines, fmt.Sprintf("Of others, and still here: %s. Their gateways have told them.", fewOf(count[isTheirs])))
	}
	return append(lines, "How far it is: /msg sysop hub retire "+h.Address.URL)
}

// fewOf names some of many.
func fewOf(names []string) string {
	const most = 12
	slices.Sort(names)
	if n := len(names); n > most {
		return strings.Join(names[:most], "; ") + fmt.Sprintf(" and %d more", n-most)
	}
	return strings.Join(names, "; ")
}

// showCloses tells all clients that a hub goes, or stays after all.
func (g *gateway) showCloses(ev channels.HubCloses) {
	now := g.settings.Now()
	text := "the hub " + ev.Hub.URL + " stays after all: its owner has taken back that it closes"
	if !ev.At.IsZero() {
		when := "closes on " + dayAndTime(ev.At, now)
		if !ev.At.After(now) {
			when = "has closed"
		}
		text = "the hub " + ev.Hub.URL + " " + when + ", as its owner says: from then on it takes nothing new"
		if len(ev.Only) > 0 {
			text += ". It is the only one of " + fewOf(slices.Clone(ev.Only)) + ": with a hub of yours, /msg sysop hub mirror " + ev.Only[0]
		} else if len(ev.Channels) > 0 {
			text += ". " + fewOf(slices.Clone(ev.Channels)) + " " + plural(len(ev.Channels), "goes", "go") + " on over other hubs"
		}
	}
	g.showNews(channels.News{Text: text}, "")
}
