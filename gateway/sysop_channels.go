package main

import (
	"errors"
	"fmt"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

var channelCommands = []sysopCommand{{
	name: "join", args: "#chan KEY",
	help: "join with a one-time key; spaces and line breaks in it do no harm", run: (*client).sysopJoin,
	more: []string{
		"#chan is what you want to call the channel here: the others may call it something else.",
		"Without a key it opens a channel of your own, as /join #chan does.",
	},
}, {
	name: "leave", args: "#chan",
	help: "leave for good: its keys and history are deleted", run: (*client).sysopLeave,
	more: []string{"/part and closing the window only hide a channel: it goes on receiving."},
}, {
	name: "list", also: []string{"channels"},
	help: "your channels, hidden ones too", run: (*client).sysopList,
}, {
	name: "status", args: "[#chan]",
	help: "what works and what does not", run: (*client).sysopStatus,
}, {
	name: "safety", args: "[#chan]",
	help: "the channel's safety number, to compare aloud", run: (*client).sysopSafety,
	more: []string{
		"Read it to the others over the telephone or in person, where you know their voice. If all have the same number, all have the same members' keys, and nobody sits in between.",
		"It is another one whenever somebody comes or goes. To note whom you have compared with: /msg sysop verify NICK",
	},
}, {
	name: "seen", args: "[#chan]",
	help: "who has your texts: delivered, not read", run: (*client).sysopSeen,
}}

// sysopJoin redeems a one-time key, or opens a channel without one.
func (c *client) sysopJoin(args string) {
	name, key, _ := strings.Cut(args, " ")
	key = strings.ReplaceAll(key, " ", "")
	switch {
	case name == "":
		c.sysopSays("Which channel, and which key? /msg sysop join #name KEY, as in the line that you were given.")
	case strings.Contains(name, "://"):
		c.sysopSays("And what do you want to call the channel here? /msg sysop join #name KEY")
	case key == "" && looksLikeKey(name) && len(name) > maxChannel:
		c.sysopSays("That looks like a key's end. /msg sysop join #name KEY, with the whole key from http on.")
	case !goodChannel(withHash(name)):
		c.sysopSays(failure(channels.Failed{Code: channels.CodeBadName, Text: "that can't be a channel's name: names begin with # and have no spaces or commas"}))
	case key == "":
		c.sysopStep(func(ref channels.Ref) channels.Input { return channels.Join{Ref: ref, Channel: withHash(name)} },
			c.saysShown("To let somebody in: /invite NICK in its window, or /msg sysop help invites."))
	default:
		c.joinWithKey(withHash(name), key)
	}
}

// joinWithKey redeems a key, unless it is cut off: then the rest may come as
// the next line, for clients send what is pasted over several lines in several
// messages.
func (c *client) joinWithKey(channel, key string) {
	if _, err := wire.ParseOneTimeKey(key); errors.Is(err, wire.ErrTruncated) {
		c.sysopSays(sentence(err.Error()) + " Send me the rest of it now, or the whole again: /msg sysop join " + channel + " KEY")
		c.remember(unfinished{join: channel, key: key})
		return
	}
	had := make(map[string]wire.Channel) // by name: an empty channel's may become the key's
	for _, view := range c.g.core.Channels() {
		had[fold(view.Name)] = view.ID
	}
	joined := c.saysShown("Say hello there; /msg sysop safety compares keys.")
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Redeem{Ref: ref, Channel: channel, Key: key}
	}, func(ev channels.Event) bool {
		shown, ok := ev.(channels.Shown)
		if !ok {
			return joined(ev) || c.saysDone("That was a rescue key, and is good: its channel goes on at another hub.", "")(ev)
		}
		view, _ := c.g.core.Channel(shown.Channel)
		if id, there := had[fold(shown.Channel)]; there && id == view.ID {
			c.sysopSays("You were in " + shown.Channel + " already: nothing was done with the key. Whom you share it with: /msg sysop members " + shown.Channel)
			return true
		}
		return joined(ev)
	})
}

// saysShown answers that a channel is shown now, and what to do next.
func (c *client) saysShown(next string) func(channels.Event) bool {
	return func(ev channels.Event) bool {
		shown, ok := ev.(channels.Shown)
		if ok {
			c.sysopSays("You are in " + shown.Channel + " now. " + next)
		}
		return ok
	}
}

// looksLikeKey reports whether a line can be a piece of a one-time key.
func looksLikeKey(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(" :/.-_~%#[]", r))
	}) < 0
}

// withHash is a channel's name as people may type it.
func withHash(name string) string {
	if strings.HasPrefix(name, "#") {
		return name
	}
	return "#" + name
}

// whichChannel finds the channel that a command is about: the named one, or
// the only one. Otherwise it says what to type.
func (c *client) whichChannel(command, args string) (channels.ChannelView, bool) {
	all := c.g.core.Channels()
	name, rest, _ := strings.Cut(args, " ")
	cmd, _, _ := findCommand(command)
	usage := strings.ReplaceAll(cmd.usage(), "[#chan]", "#chan")
	switch {
	case rest != "":
		c.sysopSays("One channel at a time: " + usage)
	case name != "":
		if view, ok := c.g.core.Channel(withHash(name)); ok {
			return view, true
		}
		c.sysopSays("You have no channel " + withHash(name) + ". " + yourChannels(all))
	case len(all) == 1:
		return all[0], true
	case len(all) == 0:
		c.sysopSays(yourChannels(all))
	default:
		c.sysopSays("Which channel? " + usage + ". " + yourChannels(all))
	}
	return channels.ChannelView{}, false
}

// yourChannels names them, or says how to get one.
func yourChannels(all []channels.ChannelView) string {
	if len(all) == 0 {
		return "You have no channel yet: /join #bob and then /invite bob opens one, or /join #alice KEY with a key from alice."
	}
	var names []string
	for _, view := range all {
		names = append(names, view.Name)
	}
	return "Yours: " + strings.Join(names, ", ")
}

// sysopLeave leaves a channel for good, when told twice.
func (c *client) sysopLeave(args string) {
	before := c.takeUnfinished()
	view, ok := c.whichChannel("leave", args)
	if !ok {
		return
	}
	if !same(before.leave, view.Name) {
		c.sysopSays(fmt.Sprintf("Leave %s for good? Its keys and history are deleted here%s.%s Coming back takes a new one-time key. (/part only hides it.)", view.Name, andOthersAreTold(view), unsentAreLost(view)),
			"To do it, say it again within a minute: /msg sysop leave "+view.Name)
		c.remember(unfinished{leave: view.Name})
		return
	}
	c.sysopStep(func(ref channels.Ref) channels.Input { return channels.Leave{Ref: ref, Channel: view.Name} },
		func(ev channels.Event) bool {
			gone, ok := ev.(channels.Gone)
			if ok {
				c.sysopSays("You left " + gone.Channel + ". /msg sysop list shows what is left.")
			}
			return ok
		})
}

// unsentAreLost warns of texts that no hub has: nobody will ever get those.
func unsentAreLost(v channels.ChannelView) string {
	if v.Pending == 0 {
		return ""
	}
	return fmt.Sprintf(" %d of your texts are not sent yet and are deleted as well: wait for the hub, if they matter.", v.Pending)
}

// andOthersAreTold follows what leaving does here, if there is anybody else.
func andOthersAreTold(view channels.ChannelView) string {
	if len(view.Members) < 2 {
		return ""
	}
	return ", and the others are told"
}

// sysopList lists all channels.
func (c *client) sysopList(string) {
	all := c.g.core.Channels()
	if len(all) == 0 {
		c.sysopSays(yourChannels(all))
		return
	}
	for _, view := range all {
		c.sysopSays(channelLine(view))
	}
	for _, f := range c.g.forks() {
		c.sysopSays(forkLine(f))
	}
	c.sysopSays("More about one: /msg sysop status #chan. Hidden ones come back with /join #chan.")
}

// channelLine is a channel in one line.
func channelLine(view channels.ChannelView) string {
	notes := []string{others(view)}
	if view.Hidden {
		notes = append(notes, "hidden")
	}
	if view.RemovedBy != "" {
		notes = append(notes, "you were REMOVED by "+ircNick(view.RemovedBy))
	}
	if view.Waiting {
		notes = append(notes, "waits for "+orSomebody(view.WaitsFor))
	}
	if view.Pending > 0 {
		notes = append(notes, fmt.Sprintf("%s on no hub yet", count(view.Pending, "text")))
	}
	switch {
	case len(view.Hubs) > 0 || view.RemovedBy != "":
	case len(view.Members) < 2:
		notes = append(notes, "on no hub until you invite somebody")
	default:
		notes = append(notes, "on NO HUB any more")
	}
	return view.Name + ": " + strings.Join(notes, "; ")
}

// others names the members but the user.
func others(view channels.ChannelView) string {
	var nicks []string
	for _, m := range view.Members {
		if !m.Own {
			nicks = append(nicks, m.Nick)
		}
	}
	if len(nicks) == 0 {
		return "nobody else"
	}
	return "with " + strings.Join(nicks, ", ")
}

// sysopSafety shows a channel's safety number.
func (c *client) sysopSafety(args string) {
	view, ok := c.whichChannel("safety", args)
	if !ok {
		return
	}
	number, err := c.g.core.Safety(view.Name)
	if err != nil {
		c.sysopSays(sentence(err.Error()) + " Try again when " + view.Name + " has other members.")
		return
	}
	c.sysopSays("The safety number of "+view.Name+" ("+others(view)+"):", "    "+number,
		"Read it to each other aloud. If it is the same with all, nobody sits in between; if not, do not trust "+view.Name+".")
	c.sysopSays(howToVerify(view)...)
}

// sysopSeen shows who has the user's texts.
func (c *client) sysopSeen(args string) {
	view, ok := c.whichChannel("seen", args)
	if !ok {
		return
	}
	seen, err := c.g.core.Seen(view.Name)
	if err != nil {
		c.sysopSays(sentence(err.Error()) + " /msg sysop status " + view.Name + " may say more.")
		return
	}
	if len(seen) == 0 {
		c.sysopSays("Nobody else is in " + view.Name + " yet. To let somebody in: /invite NICK " + view.Name)
		return
	}
	for _, s := range seen {
		c.sysopSays(seenLine(s))
	}
	c.sysopSays("This says what has arrived at their gateways, not what they have read. Why something has not: /msg sysop status " + view.Name)
}

// seenLine is what one member has.
func seenLine(s channels.SeenView) string {
	switch {
	case s.Behind == 0 && s.Time.IsZero():
		return s.Nick + ": you have written nothing yet"
	case s.Behind == 0:
		return s.Nick + " has all, up to " + moment(s.Time) + quoted(s.Text)
	case s.Time.IsZero():
		return fmt.Sprintf("%s does not have your %s yet, as far as is known", s.Nick, count(s.Behind, "text"))
	}
	return fmt.Sprintf("%s has all up to %s%s; %s not yet, as far as is known", s.Nick, moment(s.Time), quoted(s.Text), count(s.Behind, "later text"))
}

// quoted is the start of a text, so that it is known again.
func quoted(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if text == "" {
		return ""
	}
	return " (“" + text + "”)"
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// orSomebody is a nick, if one is known.
func orSomebody(nick string) string {
	if nick == "" {
		return "the other side"
	}
	return nick
}
