package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// What a hub's owner asks of it: docs/hub.md has the stories, docs/protocol.md,
// section 7, the calls. The commands are in sysop_report.go, sysop_guests.go, sysop_bans.go,
// sysop_quota.go, sysop_export.go, sysop_import.go and sysop_retire.go.
var ownerCommands = []sysopCommand{{
	name: "hub status", args: "[URL]",
	help: "how a hub of yours is: disk, requests, what it holds", run: (*client).sysopHubStatus,
	more: []string{"On a hub where you are a guest: how much of your quota is used. URL, or a part of it, chooses one of several."},
}, {
	name: "hub guests", args: "[URL]",
	help: "who may open channels on your hub", run: (*client).sysopHubGuests,
}, {
	name: "hub guest add", args: "NAME [SIZE] [URL]",
	help: "let somebody open channels on your hub", run: (*client).sysopGuestAdd,
	more: []string{
		"I show you a line that your guest types, once, within a week. NAME is for yourself. SIZE is how much all of the guest's channels may hold together, such as 200MB: without it there is no limit.",
		"Members of your own channels need no such thing: a guest is somebody who opens channels of their own there, for which you see how big they are and nothing else.",
	},
}, {
	name: "hub guest drop", args: "NAME [URL]",
	help: "take a guest's account back; said twice", run: (*client).sysopGuestDrop,
	more: []string{"The channels that the guest has opened are closed: what is there can still be read, nothing new is taken. To stop serving somebody for a while: /msg sysop hub ban NAME"},
}, {
	name: "hub quota", args: "NAME or CHANNEL [SIZE] [URL]",
	help: "how much a guest, or a channel, may hold on your hub", run: (*client).sysopHubQuota,
	more: []string{"Without SIZE I say how much it is. SIZE is such as 200MB or 2GB, and a bare number is of MB; none is no limit but the hub's own. CHANNEL is as /msg sysop hub channels shows it, or the name of one of yours. A full channel drops its oldest texts for new ones; operations and keys are never dropped."},
}, {
	name: "hub channels", args: "[URL]",
	help: "the channels on your hub, and how big they are", run: (*client).sysopHubChannels,
	more: []string{"A hub knows no names and reads nothing: it knows a channel by a number, of which the beginning is shown."},
}, {
	name: "hub ban", args: "NAME or CHANNEL or #chan NICK [URL]",
	help: "serve a guest, a channel or somebody in one of yours no more; said twice", run: (*client).sysopHubBan,
	more: []string{
		"NAME is a guest's, as /msg sysop hub guests shows it, and no nick: the account is banned, with all channels that it has opened; those that you are in go on, without the guest. You yourself are never banned.",
		"With #chan NICK it is that member alone, on this hub alone: to put somebody out of a channel, /kick NICK.",
		"Nothing is deleted; /msg sysop hub unban takes it back.",
	},
}, {
	name: "hub unban", args: "NAME or CHANNEL or #chan NICK [URL]",
	help: "take a ban back", run: (*client).sysopHubUnban,
}, {
	name: "hub export", args: "URL FILE",
	help: "write down what makes your hub itself, to move it", run: (*client).sysopHubExport,
	more: []string{
		"Its keys, accounts, and who may use which channel; no texts: the gateways put those on the new one. The file is encrypted, and I tell you the passphrase: write it down, it is kept nowhere.",
		"FILE is a path on this machine; without a folder it is in the gateway's data folder. An existing file is not overwritten.",
	},
}, {
	name: "hub import", args: "URL KEY FILE PASSPHRASE",
	help: "make an empty new hub at URL what the exported one was", run: (*client).sysopHubImport,
	more: []string{"KEY is the one from the new hub's claim.txt. The new hub takes the old one's keys and guests, the others are told where it is now, and the old one is told to take nothing new. Then delete the file: who has it and the passphrase has your hub."},
}, {
	name: "hub retire", args: "[URL] [DAYS or now or off]",
	help: "say when your hub goes, and see whether all have moved", run: (*client).sysopHubRetire,
	more: []string{
		"I say what it means, and do it when you say it again. Everybody with a channel there is told, then and a day before. DAYS is 7 unless you say otherwise. When the time has come the hub takes nothing new; what is there can be read until you delete it.",
		"Channels that are on another hub too leave this one by themselves. Once it is to close, hub retire tells which have, and changes nothing; off takes it back.",
	},
}}

// ownHubs are those that the user has an account on; those that he owns, if so.
func (g *gateway) ownHubs(owned bool) (hubs []channels.HubView) {
	for _, h := range g.core.Hubs() {
		if h.Claimed && (h.Owner || !owned) {
			hubs = append(hubs, h)
		}
	}
	return hubs
}

// whichHub finds the hub that a command is about: the named one, or the only one
// that others can reach. Otherwise it says what to type.
func (c *client) whichHub(command, word string, owned bool) (channels.HubView, bool) {
	hubs := c.g.ownHubs(owned)
	if word != "" {
		if len(c.hubsLike(word, hubs)) == 0 {
			if text := c.whyNotOwn(word); text != "" {
				c.sysopSays(text)
				return channels.HubView{}, false
			}
		}
		return c.namedHub(word, hubs, "Yours")
	}
	var reached []channels.HubView
	for _, h := range hubs {
		if !h.Embedded {
			reached = append(reached, h)
		}
	}
	cmd, _, _ := findCommand(command)
	switch len(reached) {
	case 1:
		return reached[0], true
	case 0:
		c.noHubToAsk(owned)
	default:
		c.sysopSays("Which hub? "+cmd.usage()+", with URL or a part of it.", hubNames("Yours", reached))
	}
	return channels.HubView{}, false
}

// noHubToAsk says that the user has no hub that a command could be about.
func (c *client) noHubToAsk(owned bool) {
	hubs := c.g.core.Hubs()
	i := slices.IndexFunc(hubs, func(h channels.HubView) bool { return !h.Embedded && !h.Claimed })
	switch {
	case i >= 0:
		c.sysopSays(notClaimed(hubs[i]))
		return
	case owned && ownHub(hubs):
		c.sysopSays("You own no hub: you are a guest on those that you use. What its owner alone may ask is not for you; /msg sysop hub status shows what you have there.")
		return
	}
	c.sysopSays("You have no hub that people elsewhere can reach. "+whatAHubIs, "When it is there: /msg sysop hub add URL KEY")
}

// whyNotOwn says of a hub that is known, but is not one that a command is for, whose
// it is; empty if there is none.
func (c *client) whyNotOwn(word string) string {
	found := c.hubsLike(word, c.g.knownHubs())
	if len(found) != 1 {
		return ""
	}
	switch h := found[0]; {
	case h.Own && !h.Claimed:
		return notClaimed(h)
	case h.Own:
		return "You are a guest on " + h.Address.URL + ": that is for its owner alone. /msg sysop hub status " + h.Address.URL + " shows what you have there."
	case h.By == c.g.core.Nick():
		return h.Address.URL + " is none of your hubs any more: for the channels that you had put there it is as somebody else's. /msg sysop hub list shows yours."
	case h.By != "":
		return h.Address.URL + " is no hub of yours: " + ircNick(h.By) + " has added it. /msg sysop hub list shows yours."
	default:
		return h.Address.URL + " is no hub of yours. /msg sysop hub list shows yours."
	}
}

// notClaimed says that a hub was added, and has not answered that yet.
func notClaimed(h channels.HubView) string {
	text := h.Address.URL + " has not taken your key yet"
	if h.Trouble != "" {
		text += ": " + h.Trouble
	}
	return text + ". It is asked again by itself; /msg sysop hub list shows how it is. If it never comes: /msg sysop hub forget " + h.Address.URL
}

// A hub that is busy with what another client of the owner asks is asked again.
const (
	busyTimes = 4
	busyWait  = time.Second
)

// askHub asks a hub one thing on the user's account and gives then its answer, or
// the refusal. Where there is none, or one that makes no sense, it says so.
func askHub[R any](c *client, h channels.HubView, op wire.Op, args any, then func(R, *wire.Error)) {
	askHubOr(c, h, op, args, then, func(text string) {
		c.sysopSays(strings.TrimSuffix(text, ".")+". Nothing is known to have changed.", "How your hubs are: /msg sysop hub list")
	})
}

// askHubOr is askHub with something else to do where there is no answer.
func askHubOr[R any](c *client, h channels.HubView, op wire.Op, args any, then func(R, *wire.Error), or func(string)) {
	var ask func(left int)
	ask = func(left int) {
		ref := c.g.ask(asked{client: c, command: serverNick, then: func(ev channels.Event) bool {
			switch ev := ev.(type) {
			case channels.Failed:
				or(sentence("no answer from " + ev.Text))
				return true
			case channels.HubSaid:
				var r R
				var refused *wire.Error
				err := ev.Decode(&r)
				if _, none := any(r).(nothing); none && ev.Result.Error == nil {
					err = nil
				}
				switch {
				case err == nil:
					then(r, nil)
				case !errors.As(err, &refused):
					or(h.Address.URL + " answers what makes no sense, and none of it is believed.")
				case refused.Code == wire.CodeBusy && left > 0:
					time.AfterFunc(busyWait, func() { c.g.do(func() { ask(left - 1) }) })
				default:
					then(r, refused)
				}
				return true
			}
			return false
		}})
		c.g.step(channels.AskHub{Ref: ref, Hub: h.Address.Fingerprint, Op: op, Args: args})
	}
	ask(busyTimes)
}

// nothing is the result of a call that has none.
type nothing struct{}

// refusedBy says that a hub refuses what its owner asks.
func refusedBy(h channels.HubView, e *wire.Error) string {
	switch e.Code {
	case wire.CodeDenied:
		return h.Address.URL + " does not take you for its owner. /msg sysop hub list shows whose it is."
	case wire.CodeBanned:
		return "The owner of " + h.Address.URL + " serves you no more there."
	case wire.CodeBad:
		return h.Address.URL + " does not know that call, or does not understand it: its program may be an older one than this gateway's (docs/hub.md, Upgrade)."
	case wire.CodeBusy:
		return h.Address.URL + " is busy. Say it again in a moment."
	case wire.CodeFull:
		return h.Address.URL + " has no room on its disk for that."
	}
	return h.Address.URL + " refuses: " + e.Said() + "."
}

// Lists of a hub are read to this length: a hub could go on for ever.
const (
	mostPages  = 200
	mostListed = 20_000
)

// allChannels reads the list of the channels on a hub.
func (c *client) allChannels(h channels.HubView, then func([]wire.HubChannel)) {
	var all []wire.HubChannel
	var read func(after wire.Channel, pages int)
	read = func(after wire.Channel, pages int) {
		askHub(c, h, wire.OpChannels, wire.ChannelsArgs{After: after}, func(r wire.ChannelsResult, refused *wire.Error) {
			if refused != nil {
				c.sysopSays(refusedBy(h, refused))
				return
			}
			for _, ch := range r.Channels {
				if string(ch.Channel[:]) <= string(after[:]) {
					c.sysopSays(h.Address.URL + " answers a list that makes no sense, and none of it is believed.")
					return
				}
				after = ch.Channel
			}
			all = append(all, r.Channels...)
			if r.More && len(r.Channels) > 0 && pages < mostPages && len(all) < mostListed {
				read(after, pages+1)
				return
			}
			then(all[:min(len(all), mostListed)])
		})
	}
	read(wire.Channel{}, 1)
}

// allGuests reads the list of a hub's guests.
func (c *client) allGuests(h channels.HubView, then func([]wire.Guest)) {
	var all []wire.Guest
	var read func(after string, pages int)
	read = func(after string, pages int) {
		askHub(c, h, wire.OpGuests, wire.GuestsArgs{After: after}, func(r wire.GuestsResult, refused *wire.Error) {
			if refused != nil {
				c.sysopSays(refusedBy(h, refused))
				return
			}
			for _, guest := range r.Guests {
				if guest.Name <= after || len(guest.Name) > wire.MaxGuestName {
					c.sysopSays(h.Address.URL + " answers a list that makes no sense, and none of it is believed.")
					return
				}
				after = guest.Name
			}
			all = append(all, r.Guests...)
			if r.More && len(r.Guests) > 0 && pages < mostPages && len(all) < mostListed {
				read(after, pages+1)
				return
			}
			then(all[:min(len(all), mostListed)])
		})
	}
	read("", 1)
}

// leastSize is the least that something may hold: what is less is a slip, for nothing
// fits in it. A hub itself takes 0 for no limit, so none is the one word for that.
const leastSize = 1 << 10

// parseSize reads how much something may hold: 200MB, 2 GiB, 1.5g; 0 for none, which is
// no limit. Units are powers of 1024, as hub.conf has them; a bare number is of MB.
func parseSize(text string) (int64, bool) {
	if same(text, "none") {
		return 0, true
	}
	n, ok := readSize(text)
	return n, ok && n >= leastSize
}

// readSize reads a number of bytes, however few.
func readSize(text string) (int64, bool) {
	text = fold(strings.ReplaceAll(text, " ", ""))
	digits := strings.TrimRight(text, "kmgtib")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(text, digits), "b"), "i")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.ContainsAny(digits, "einx_+-") || n < 0 {
		return 0, false
	}
	factor, known := map[string]float64{"": 1 << 20, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}[unit]
	if strings.HasSuffix(text, "b") && unit == "" {
		factor = 1 // bytes
	}
	if !known || n*factor > math.MaxInt64/2 {
		return 0, false
	}
	return int64(n * factor), true
}

// noSize says why a word is not how much something may hold.
func noSize(word string) string {
	if _, number := readSize(word); number {
		return word + " is too little to hold anything: the least is 1KB. For no limit but the hub's own say none."
	}
	return word + " is no size such as 200MB or 2GB, and no hub of yours."
}

// limitOf is how much something may hold.
func limitOf(quota int64) string {
	if quota <= 0 {
		return "no limit of its own"
	}
	return bytesOf(quota)
}

// used is how much something holds, of how much it may.
func used(bytes, quota int64) string {
	if quota <= 0 {
		return bytesOf(max(bytes, 0))
	}
	return bytesOf(max(bytes, 0)) + " of " + bytesOf(quota)
}

// theirName is what a hub says that a guest is called; in quotes where it could be
// taken for more than a name.
func theirName(name string) string {
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.@+", r)) {
			return wire.Quoted(name)
		}
	}
	return name
}

// hubTime is a time that a hub names; the zero time if it makes no sense.
func hubTime(unix int64) time.Time {
	if unix <= 0 || unix > 1<<36 {
		return time.Time{}
	}
	return time.Unix(unix, 0)
}

// sayAgain has a command that cannot be taken back said twice within a minute: it
// warns the first time, and reports true the second.
func (c *client) sayAgain(before unfinished, command string, warning ...string) bool {
	if same(before.again, command) {
		return true
	}
	c.sysopSays(warning...)
	c.sysopSays("To do it, say it again within a minute: /msg sysop " + command)
	c.remember(unfinished{again: command})
	return false
}

// number is a count that a hub says.
func number(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", max(n, 0), thing)
}
