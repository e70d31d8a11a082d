package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

var rescueCommands = []sysopCommand{{
	name: "hub rescue", args: "#chan or KEY",
	help: "bring a channel back whose hubs are all gone", run: (*client).sysopHubRescue,
	more: []string{
		"When no hub of #chan comes back, one of you who has another hub types /msg sysop hub rescue #chan and is given a rescue key for each of the others, to hand over by another way. /msg sysop hub rescue #chan NICK shows one of them again, with its QR code.",
		"Who was given a key types /msg sysop hub rescue KEY. Then all go on where they were: same members, same history, and what nobody could send is sent.",
		"To have another hub: /msg sysop help hub add",
	},
}}

// rescues are the rescue keys made since the gateway started, by folded channel
// names: to be shown again, one with its QR code. They are written nowhere.
type rescues map[string]channels.Rescued

// find returns a channel's, if they are still good.
func (r rescues) find(channel string, now time.Time) (channels.Rescued, bool) {
	ev, ok := r[fold(channel)]
	return ev, ok && now.Before(ev.Expires)
}

// sysopHubRescue makes rescue keys, shows one again, or takes one.
func (c *client) sysopHubRescue(args string) {
	if channel, key, ok := c.parseRescueKey(args); ok {
		c.rescueWithKey(channel, key)
		return
	}
	view, nick, ok := c.channelAnd("hub rescue", args)
	if !ok {
		return
	}
	if nick != "" {
		c.showRescueKey(view, nick)
		return
	}
	switch {
	case len(view.Members) < 2 && !view.Waiting:
		c.sysopSays("Nobody else is in " + view.Name + ", so there is nobody to bring back. To let somebody in: /invite NICK " + view.Name)
		return
	case !ownHub(c.g.core.Hubs()):
		c.sysopSays("To bring "+view.Name+" back there must be a hub that it can go on on, and you have none. "+whatAHubIs,
			"When it is there: /msg sysop hub add URL KEY, and then this again. Or another of you who has a hub does it, and gives you a key.")
		return
	}
	c.sysopSays("Opening " + view.Name + " on your hub, and making a key for each of the others…")
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Rescue{Ref: ref, Channel: view.Name}
	}, nil)
}

// parseRescueKey reads "[#chan] KEY"; the key may hold spaces.
func (c *client) parseRescueKey(args string) (channel, key string, ok bool) {
	var rest []string
	for _, word := range strings.Fields(args) {
		if len(rest) > 0 || strings.Contains(word, "://") {
			rest = append(rest, word)
		} else if channel == "" {
			channel = word
		}
	}
	return channel, strings.Join(rest, ""), len(rest) > 0
}

// rescueWithKey takes a rescue key. It is for the channel that it was made for,
// whatever that is called here, so the name matters only to a key that turns
// out to be a one-time key: then a channel of one's own has it already.
func (c *client) rescueWithKey(channel, key string) {
	if channel == "" {
		if channel = c.g.peopled(); channel == "" {
			c.sysopSays("You are in no channel with anybody that such a key could be for. If it is to join one: /msg sysop join #name KEY")
			return
		}
	}
	if !goodChannel(withHash(channel)) {
		c.sysopSays("Which key? /msg sysop hub rescue KEY, with the whole key from http on.")
		return
	}
	if _, err := wire.ParseOneTimeKey(key); errors.Is(err, wire.ErrTruncated) {
		c.sysopSays(sentence(err.Error()) + " Send me the rest of it now, or the whole again: /msg sysop hub rescue KEY")
		c.remember(unfinished{join: withHash(channel), key: key, rescue: true})
		return
	}
	had := make(map[string]bool)
	for _, view := range c.g.core.Channels() {
		had[fold(view.Name)] = true
	}
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Redeem{Ref: ref, Channel: withHash(channel), Key: key}
	}, func(ev channels.Event) bool {
		shown, ok := ev.(channels.Shown)
		switch {
		case ok && had[fold(shown.Channel)]:
			c.sysopSays("That key changed nothing: it is for no other hub, or no longer good. How " + shown.Channel + " is: /msg sysop status " + shown.Channel)
		case ok:
			c.sysopSays("That was a one-time key, to join a channel: you are in " + shown.Channel + " now.")
		default:
			return c.saysDone("The key is good: its channel goes on at another hub.", "How it is: /msg sysop status #chan")(ev)
		}
		return true
	})
}

// peopled is the name of a channel with others in it, or "".
func (g *gateway) peopled() string {
	for _, view := range g.core.Channels() {
		if len(view.Members) > 1 || view.Waiting {
			return view.Name
		}
	}
	return ""
}

// joinedByRescue answers a JOIN whose key was a rescue key: it has brought a
// channel back, and opened none of the name that was typed.
func (c *client) joinedByRescue(a *asked, text string) {
	if view, ok := c.g.core.Channel(a.channel); ok && view.Hidden {
		c.g.step(channels.Join{Ref: c.g.ask(asked{client: c, command: "JOIN", channel: a.channel}), Channel: view.Name})
	} else if !ok {
		c.joinEnds(a.channel, "that was a rescue key, for a channel that you have")
	}
	if text == "" {
		text = "the key is good: its channel goes on at another hub"
	}
	c.sysopSays(sentence(text))
}

// showRescued hands the user rescue keys: to the client that asked for them, or
// to all if that is gone. They are in no history.
func (g *gateway) showRescued(ev channels.Rescued) {
	if g.sysop.rescues == nil {
		g.sysop.rescues = make(rescues)
	}
	g.sysop.rescues[fold(ev.Channel)] = ev
	a, known := g.asker(ev.Ref)
	seen := false
	g.attached(func(c *client) {
		if !known || a.client == c {
			seen = true
			c.sysopSays(rescuedLines(ev)...)
			c.tell(ev.Channel, rescuedNotice(ev))
		}
	})
	if !seen {
		g.tellAll("Rescue keys for " + ev.Channel + " were made while no client was here. To see one: /msg sysop hub rescue " + ev.Channel + " NICK, for " + rescuedNicks(ev))
	}
}

// rescuedNotice is what the channel says: the keys are in another window.
func rescuedNotice(ev channels.Rescued) string {
	if len(ev.Keys) == 1 {
		return "The rescue key for " + ev.Keys[0].Nick + " is in your query with sysop (/query sysop)."
	}
	return fmt.Sprintf("The %d rescue keys are in your query with sysop (/query sysop).", len(ev.Keys))
}

// rescuedLines are the keys as sysop shows them: the only one with its QR code;
// of several each with its line to type, for codes would push each other off
// the screen.
func rescuedLines(ev channels.Rescued) []string {
	switch len(ev.Keys) {
	case 0:
		return []string{"There is nobody to make a rescue key for in " + ev.Channel + "."}
	case 1:
		return rescueKeyLines(ev, ev.Keys[0])
	}
	lines := []string{fmt.Sprintf("%s goes on at %s. Each of these rescue keys lets one member follow, until %s. Give each theirs and no other's, by another way than this: in person, by telephone, over a messenger that you trust.",
		ev.Channel, ev.Hub.URL, moment(ev.Expires))}
	lines = append(lines, localOnly(ev)...)
	for _, k := range ev.Keys {
		lines = append(lines, "For "+k.Nick+", who types:", rescueLine(k))
	}
	return append(lines, "One of them again, with its QR code: /msg sysop hub rescue "+ev.Channel+" NICK")
}

// rescueKeyLines are one member's key, with its QR code.
func rescueKeyLines(ev channels.Rescued, k channels.RescueKey) []string {
	lines := []string{fmt.Sprintf("%s goes on at %s. This rescue key lets %s follow, until %s. Give it to %s alone, by another way than this: in person, by telephone, over a messenger that you trust.",
		ev.Channel, ev.Hub.URL, k.Nick, moment(ev.Expires), k.Nick)}
	lines = append(lines, localOnly(ev)...)
	return append(lines, withPicture(k.Key, rescueLine(k))...)
}

// rescueLine is what the member types.
func rescueLine(k channels.RescueKey) string { return "/msg sysop hub rescue " + k.Key }

// localOnly warns of keys that lead to the embedded hub.
func localOnly(ev channels.Rescued) []string {
	if !ev.Local {
		return nil
	}
	return []string{"That hub is inside this gateway: the keys work on this machine alone. " + sentence(howToGetAHub)}
}

// rescuedNicks names those whom keys were made for.
func rescuedNicks(ev channels.Rescued) string {
	var nicks []string
	for _, k := range ev.Keys {
		nicks = append(nicks, k.Nick)
	}
	return strings.Join(nicks, ", ")
}

// showRescueKey shows a member's rescue key again.
func (c *client) showRescueKey(view channels.ChannelView, nick string) {
	ev, ok := c.g.sysop.rescues.find(view.Name, c.g.settings.Now())
	if !ok {
		c.sysopSays("There are no rescue keys for " + view.Name + " to show: they are kept only while the gateway runs. To make some: /msg sysop hub rescue " + view.Name)
		return
	}
	for _, k := range ev.Keys {
		if same(ircNick(k.Nick), nick) || same(k.Nick, nick) {
			c.sysopSays(rescueKeyLines(ev, k)...)
			return
		}
	}
	c.sysopSays("No rescue key was made for " + nick + ". There is one for " + rescuedNicks(ev) + ".")
}
