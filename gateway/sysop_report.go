package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// sysopHubStatus says how a hub is, as it says so itself: to its owner all of it, to
// a guest what is his.
func (c *client) sysopHubStatus(args string) {
	h, ok := c.whichHub("hub status", args, false)
	if !ok {
		return
	}
	if !h.Owner {
		c.guestStatus(h)
		return
	}
	askHub(c, h, wire.OpReport, nil, func(r wire.ReportResult, refused *wire.Error) {
		if refused != nil {
			c.sysopSays(refusedBy(h, refused))
			return
		}
		c.sysopSays(reportLines(h, r, c.g.settings.Now())...)
		if r.Closes != 0 {
			c.sysopSays("Whether all have moved: /msg sysop hub retire " + h.Address.URL)
			return
		}
		c.sysopSays("More: /msg sysop hub channels, /msg sysop hub guests")
	})
}

// guestStatus says what a guest has on a hub.
func (c *client) guestStatus(h channels.HubView) {
	askHub(c, h, wire.OpStatus, nil, func(r wire.StatusResult, refused *wire.Error) {
		if refused != nil {
			c.sysopSays(refusedBy(h, refused))
			return
		}
		c.sysopSays(guestLines(h, r, c.g.settings.Now())...)
	})
}

// guestLines are how much of a guest's quota is used.
func guestLines(h channels.HubView, r wire.StatusResult, now time.Time) []string {
	text := fmt.Sprintf("You are a guest on %s: the channels that you opened there hold %s, %s", h.Address.URL, bytesOf(max(r.Bytes, 0)), entries(max(r.Entries, 0)))
	switch {
	case r.Quota <= 0:
		text += ". There is no limit but the hub's own."
	case r.Bytes > r.Quota/100*nearlyFull:
		text += fmt.Sprintf(", of %s. That is nearly all: the oldest texts make room for new ones, and when they are gone nothing new is taken. Its owner can give you more.", bytesOf(r.Quota))
	default:
		text += fmt.Sprintf(", of %s.", bytesOf(r.Quota))
	}
	lines := []string{text}
	if at := hubTime(r.Closes); !at.IsZero() {
		lines = append(lines, closesLine(at, now)+" Your channels need another hub by then: /msg sysop status #chan says which do.")
	}
	return lines
}

// closesLine says when a hub goes.
func closesLine(at, now time.Time) string {
	if !at.After(now) {
		return "It has CLOSED, on " + dayAndTime(at, now) + ": it takes nothing new."
	}
	return "It CLOSES on " + dayAndTime(at, now) + "."
}

// reportLines are how a hub is, for its owner.
func reportLines(h channels.HubView, r wire.ReportResult, now time.Time) []string {
	lines := []string{fmt.Sprintf("The hub %s says that it is %s, with data of schema %d.", h.Address.URL, cmpQuoted(r.Software), r.Schema)}
	disk := "its files take " + bytesOf(max(r.Size, 0))
	if r.Free >= 0 {
		disk += "; " + bytesOf(r.Free) + " of the disk are free"
	}
	lines = append(lines,
		"  disk: "+disk+roomLeft(r),
		fmt.Sprintf("  holds %s in %s, %s", entries(max(r.Entries, 0)), number(r.Channels, "channel"), used(r.Bytes, r.Limit)),
		fmt.Sprintf("  %s of members, %s, %s", number(r.Tokens, "token"), number(r.Slots, "open one-time key"), number(r.Guests, "guest")),
		requestsLine(r, now),
		fmt.Sprintf("  waiting now: %d of the %d that may wait at once", max(r.Waiting, 0), max(r.Held, 0)),
		unfetchedLine(r, now), journalLine(r.Journal))
	if at := hubTime(r.Time); !at.IsZero() && now.Sub(at).Abs() > 2*time.Minute {
		lines = append(lines, "  its clock says "+dayAndTime(at, now)+": one of yours and its is WRONG")
	}
	if n := len(r.Damaged); n > 0 {
		var names []string
		for _, name := range r.Damaged[:min(n, 5)] {
			names = append(names, wire.Quoted(name))
		}
		lines = append(lines, fmt.Sprintf("  DAMAGED: %d %s set aside, %s in its data folder. The gateways have put back what they had; you can look at it, or delete it", n, plural(n, "database was", "databases were"), strings.Join(names, ", ")))
	}
	if at := hubTime(r.Closes); !at.IsZero() {
		lines = append(lines, closesLine(at, now))
	}
	return lines
}

// cmpQuoted is what a hub says, or that it says nothing.
func cmpQuoted(text string) string {
	if q := wire.Quoted(text); q != "" {
		return q
	}
	return "of no version"
}

// plural is the form of a word for a number.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// roomLeft warns of a disk that fills.
func roomLeft(r wire.ReportResult) string {
	if r.Free >= 0 && r.Free < 64<<20 {
		return ". That is LITTLE: a full disk takes nothing new. Make room, or lower total_mib in hub.conf"
	}
	return ""
}

// requestsLine is what the hub has counted: requests by samples, refusals each.
func requestsLine(r wire.ReportResult, now time.Time) string {
	text := "  about " + number(r.Requests, "request")
	if r.Requests <= 0 {
		text = "  few requests"
	}
	if since := hubTime(r.Since); !since.IsZero() {
		text += " since " + dayAndTime(since, now)
	}
	total := int64(0)
	codes := slices.SortedFunc(maps.Keys(r.Refusals), func(a, b string) int {
		if d := r.Refusals[b] - r.Refusals[a]; d != 0 {
			return int(min(max(d, -1), 1))
		}
		return strings.Compare(a, b)
	})
	var each []string
	for _, code := range codes {
		n := r.Refusals[code]
		if n <= 0 {
			continue
		}
		total += n
		if len(each) < 6 {
			each = append(each, fmt.Sprintf("%d %s", n, theirName(code)))
		}
	}
	if total == 0 {
		return text + "; none refused"
	}
	return fmt.Sprintf("%s; %d refused: %s", text, total, strings.Join(each, ", "))
}

// unfetchedLine is how far behind the members' gateways are.
func unfetchedLine(r wire.ReportResult, now time.Time) string {
	at := hubTime(r.Unfetched)
	if at.IsZero() {
		return "  all members' gateways have all of it"
	}
	return "  the oldest entry that some member's gateway has not fetched came " + ago(at, now)
}

// journalLine says how the hub writes.
func journalLine(journal string) string {
	switch journal {
	case "wal":
		return "  journal: a write-ahead log"
	case "persist":
		return "  journal: rollback, for its file system shares no memory; slower, and as safe"
	}
	return "  journal: " + cmpQuoted(journal)
}

// mostShown is how many lines of a list are shown.
const mostShown = 40

// sysopHubGuests lists the guests of a hub.
func (c *client) sysopHubGuests(args string) {
	h, ok := c.whichHub("hub guests", args, true)
	if !ok {
		return
	}
	c.allGuests(h, func(guests []wire.Guest) {
		if len(guests) == 0 {
			c.sysopSays(h.Address.URL + " has no guests: you alone open channels there. To let somebody: /msg sysop hub guest add NAME 200MB")
			return
		}
		now := c.g.settings.Now()
		c.sysopSays(fmt.Sprintf("%s has %s:", h.Address.URL, count(len(guests), "guest")))
		for _, guest := range guests[:min(len(guests), mostShown)] {
			c.sysopSays("  " + guestLine(guest, now))
		}
		if n := len(guests) - mostShown; n > 0 {
			c.sysopSays(fmt.Sprintf("  and %d more", n))
		}
		c.sysopSays("To change one: /msg sysop hub quota NAME SIZE, hub ban NAME, hub guest drop NAME")
	})
}

// guestLine is a guest in one line.
func guestLine(guest wire.Guest, now time.Time) string {
	notes := []string{used(guest.Bytes, guest.Quota) + " in " + number(guest.Channels, "channel")}
	if guest.Quota <= 0 {
		notes[0] += ", no limit"
	}
	expires := hubTime(guest.Expires)
	switch {
	case guest.Claimed > 0:
		notes = append(notes, "since "+dayAndTime(hubTime(guest.Claimed), now))
	case !expires.IsZero() && expires.Before(now):
		notes = append(notes, "has not used the key, and it has EXPIRED: /msg sysop hub guest add "+theirName(guest.Name)+" makes another")
	default:
		notes = append(notes, "has not used the key yet")
		if !expires.IsZero() {
			notes[1] += ", which is good until " + dayAndTime(expires, now)
		}
	}
	if guest.Banned {
		notes = append(notes, "BANNED")
	}
	return theirName(guest.Name) + ": " + strings.Join(notes, "; ")
}

// sysopHubChannels lists the channels of a hub, the biggest first.
func (c *client) sysopHubChannels(args string) {
	h, ok := c.whichHub("hub channels", args, true)
	if !ok {
		return
	}
	c.allChannels(h, func(all []wire.HubChannel) {
		if len(all) == 0 {
			c.sysopSays("There is no channel on " + h.Address.URL + " yet. /join #name and then /invite NICK opens one.")
			return
		}
		now, names := c.g.settings.Now(), c.g.channelNames()
		slices.SortStableFunc(all, func(a, b wire.HubChannel) int { return int(min(max(b.Bytes-a.Bytes, -1), 1)) })
		c.sysopSays(fmt.Sprintf("%s has %s:", h.Address.URL, count(len(all), "channel")))
		for _, ch := range all[:min(len(all), mostShown)] {
			c.sysopSays("  " + hubChannelLine(ch, names[ch.Channel], now))
		}
		if n := len(all) - mostShown; n > 0 {
			c.sysopSays(fmt.Sprintf("  and %d smaller ones", n))
		}
		c.sysopSays("To change one: /msg sysop hub quota CHANNEL SIZE, hub ban CHANNEL")
	})
}

// channelNames are what the user calls the channels.
func (g *gateway) channelNames() map[wire.Channel]string {
	names := map[wire.Channel]string{}
	for _, v := range g.core.Channels() {
		names[v.ID] = v.Name
	}
	return names
}

// shortID is a channel as a hub knows it, enough of it to tell two apart.
func shortID(id wire.Channel) string { return fmt.Sprintf("%x", id[:4]) }

// whoseChannel is a channel on a hub, and who has opened it there.
func whoseChannel(ch wire.HubChannel, name string) string {
	text := shortID(ch.Channel)
	if name != "" {
		text += " (your " + name + ")"
	}
	if ch.Guest != "" {
		text += ", opened by " + theirName(ch.Guest)
	}
	return text
}

// hubChannelLine is a channel in one line.
func hubChannelLine(ch wire.HubChannel, name string, now time.Time) string {
	notes := []string{used(ch.Bytes, ch.Quota) + ", " + entries(max(ch.Entries, 0)), number(ch.Tokens, "member")}
	if last := hubTime(ch.Last); !last.IsZero() {
		notes = append(notes, "last written "+ago(last, now))
	}
	if ch.Unfetched > 0 {
		notes = append(notes, fmt.Sprintf("%s not fetched by all yet", entries(ch.Unfetched)))
	}
	if ch.Closed {
		notes = append(notes, "closed")
	}
	if ch.Banned {
		notes = append(notes, "BANNED")
	}
	return whoseChannel(ch, name) + ": " + strings.Join(notes, "; ")
}
