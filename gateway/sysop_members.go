package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
)

var memberCommands = []sysopCommand{{
	name: "members", also: []string{"tree"}, args: "[#chan]",
	help: "who is in it, and who let whom in", run: (*client).sysopMembers,
	more: []string{"Each stands below whoever let them in. Whoever stands above somebody, however far, may remove and confirm them, and nobody else may."},
}, {
	name: "verify", args: "[#chan] NICK",
	help: "note that you have compared somebody's key", run: (*client).sysopVerify,
	more: []string{
		"Compare first: read each other the number of /msg sysop safety #chan, or their key of /whois NICK and yours of /whois with your own nick, over the telephone or in person.",
		"Nobody else is told. A key never changes: who comes back with another one is another member, and not verified. To take the note back: /msg sysop verify #chan NICK no",
	},
}, {
	name: "confirm", args: "[#chan] NICK",
	help: "say who of several with one key is the right one", run: (*client).sysopConfirm,
	more: []string{
		"When two came in by the same one-time key, somebody has seen a key that was not for them. Who is not confirmed is suspended, and gets nothing, until somebody who stands above them has asked the right one, by another way, and confirms that one. Mostly the first was confirmed by itself.",
		"Then remove the other: /kick NICK",
	},
}, {
	name: "remove", also: []string{"kick"}, args: "[#chan] NICK",
	help: "put somebody out for good, as /kick does", run: (*client).sysopRemove,
	more: []string{"You can remove those whom you let in, and those whom they let in, and so on. What is said from then on is kept from them, whatever hub they have; what they have they keep."},
}}

// sysopMembers shows a channel's members as a tree.
func (c *client) sysopMembers(args string) {
	view, ok := c.whichChannel("members", args)
	if !ok {
		return
	}
	if view.RemovedBy != "" {
		c.sysopSays("You were removed from " + view.Name + " by " + ircNick(view.RemovedBy) + ". As you knew it last:")
	}
	c.sysopSays(fmt.Sprintf("%s has %s:", view.Name, count(len(view.Members), "member")))
	c.sysopSays(memberTree(view, c.g.settings.Now())...)
	switch {
	case view.Waiting:
		c.sysopSays("More is known when " + orSomebody(view.WaitsFor) + " comes online.")
	case view.RemovedBy == "" && len(view.Members) > 1:
		c.sysopSays("Who stands below you, however far, you can remove: /kick NICK. Keys: /whois NICK")
	}
}

// memberTree are a channel's members, each below whoever let them in. Those
// whose inviter is gone come last, under that one's nick.
func memberTree(view channels.ChannelView, now time.Time) []string {
	below := make(map[[32]byte][]channels.MemberView)
	var tops []channels.MemberView
	for _, m := range view.Members {
		if _, there := byID(view, m.Inviter); there && m.Inviter != m.ID && !m.Founder {
			below[m.Inviter] = append(below[m.Inviter], m)
		} else {
			tops = append(tops, m)
		}
	}
	slices.SortStableFunc(tops, func(a, b channels.MemberView) int { return last(a) - last(b) })
	var lines []string
	var add func(m channels.MemberView, depth int)
	add = func(m channels.MemberView, depth int) {
		lines = append(lines, strings.Repeat("  ", depth)+treeLine(view, m, now))
		under := below[m.ID]
		delete(below, m.ID)
		for _, one := range under {
			add(one, depth+1)
		}
	}
	for _, m := range tops {
		add(m, 1)
	}
	return lines
}

// last puts the founder first among those who stand below nobody.
func last(m channels.MemberView) int {
	if m.Founder {
		return 0
	}
	return 1
}

// treeLine is a member in the tree.
func treeLine(view channels.ChannelView, m channels.MemberView, now time.Time) string {
	var notes []string
	if m.Own {
		notes = append(notes, "you")
	}
	_, there := byID(view, m.Inviter)
	switch {
	case m.Founder:
		notes = append(notes, "founder")
	case m.InvitedBy != "" && !there:
		notes = append(notes, "invited by "+inviterOf(view, m))
	}
	if m.Above {
		notes = append(notes, "above you")
	}
	if !m.Since.IsZero() {
		notes = append(notes, "since "+dayAndTime(m.Since, now))
	}
	notes = append(notes, state(m)...)
	if !m.Own {
		notes = append(notes, "last heard "+ago(m.Heard, now))
	}
	return ircNick(m.Nick) + ": " + strings.Join(notes, "; ")
}

// state is what there is to know of a member beside when they were heard.
func state(m channels.MemberView) []string {
	if m.Own {
		if m.Suspended {
			return []string{"SUSPENDED: somebody else used your one-time key"}
		}
		return nil
	}
	var notes []string
	if m.Verified {
		notes = append(notes, "verified")
	}
	if m.Suspended {
		notes = append(notes, "SUSPENDED until confirmed")
	}
	if !m.Namesake.IsZero() {
		notes = append(notes, "NOT the one of that nick who was here before")
	}
	return notes
}

// howToVerify follows a safety number: how to note with whom it was compared.
func howToVerify(view channels.ChannelView) []string {
	var yes, no, suspended []string
	for _, m := range view.Members {
		switch {
		case m.Own:
		case m.Suspended:
			suspended = append(suspended, ircNick(m.Nick))
		case m.Verified:
			yes = append(yes, ircNick(m.Nick))
		default:
			no = append(no, ircNick(m.Nick))
		}
	}
	var lines []string
	if len(suspended) > 0 {
		lines = append(lines, "Not in it, for nobody knows yet who is the right one: "+strings.Join(suspended, ", ")+".")
	}
	if len(yes) > 0 {
		lines = append(lines, "Compared, as you noted: "+strings.Join(yes, ", ")+".")
	}
	if len(no) > 0 {
		lines = append(lines, "To note whom you have compared it with: /msg sysop verify "+view.Name+" "+no[0])
	}
	return lines
}

// sysopVerify notes that a member's key was compared.
func (c *client) sysopVerify(args string) {
	view, m, rest, ok := c.whichMember("verify", args)
	if !ok {
		return
	}
	if rest != "" && !same(rest, "no") {
		c.sysopSays("Only no may follow the nick: /msg sysop verify " + view.Name + " " + ircNick(m.Nick) + " no takes the note back.")
		return
	}
	next := "Was it another key that you compared? /msg sysop verify " + view.Name + " " + ircNick(m.Nick) + " no"
	if rest != "" {
		next = ""
	}
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Verify{Ref: ref, Channel: view.Name, Nick: m.Nick, Verified: rest == ""}
	}, c.saysDone("It is noted.", next, m.Nick))
}

// sysopConfirm says who of several with one key is the right one.
func (c *client) sysopConfirm(args string) {
	view, m, ok := c.onlyMember("confirm", args)
	if !ok {
		return
	}
	next := ""
	for _, other := range view.Members {
		if other.Suspended && other.ID != m.ID && other.Inviter == m.Inviter {
			next = "Who the other is you may find out; to put them out: /msg sysop remove " + view.Name + " " + ircNick(other.Nick)
		}
	}
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Confirm{Ref: ref, Channel: view.Name, Nick: m.Nick}
	}, c.saysDone(ircNick(m.Nick)+" is confirmed.", next, m.Nick))
}

// sysopRemove puts a member out.
func (c *client) sysopRemove(args string) {
	view, m, ok := c.onlyMember("remove", args)
	if !ok {
		return
	}
	next := strings.TrimSpace(whoStays(view, ircNick(m.Nick)))
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Remove{Ref: ref, Channel: view.Name, Nick: m.Nick}
	}, c.saysDone(ircNick(m.Nick)+" is removed.", next, m.Nick))
}

// onlyMember is whichMember where nothing may follow the nick.
func (c *client) onlyMember(command, args string) (channels.ChannelView, channels.MemberView, bool) {
	view, m, rest, ok := c.whichMember(command, args)
	if ok && rest != "" {
		c.sysopSays("One at a time: " + usageOf(command, view.Name))
		return view, m, false
	}
	return view, m, ok
}

// usageOf is the line to type for a command about a channel.
func usageOf(command, channel string) string {
	cmd, _, _ := findCommand(command)
	return strings.ReplaceAll(cmd.usage(), "[#chan]", channel)
}

// whichMember finds the member that a command is about, and what follows the
// nick. The channel may be left out where the nick is in one alone. Otherwise it
// says what to type.
func (c *client) whichMember(command, args string) (view channels.ChannelView, m channels.MemberView, rest string, ok bool) {
	words := strings.Fields(args)
	if len(words) > 0 && strings.HasPrefix(words[0], "#") {
		if view, ok = c.whichChannel(command, words[0]); !ok {
			return view, m, "", false
		}
		words = words[1:]
	} else if view, ok = c.channelBefore(words); ok {
		words = words[1:]
	}
	if len(words) == 0 {
		c.sysopSays("Whom? " + usageOf(command, or(view.Name, "#chan")) + whoIsIn(view))
		return view, m, "", false
	}
	nick, rest := words[0], strings.Join(words[1:], " ")
	if same(nick, c.nick) {
		c.sysopSays("That is yourself. " + usageOf(command, or(view.Name, "#chan")) + ", for another member.")
		return view, m, "", false
	}
	if ok {
		if m, ok = member(view, nick); !ok {
			c.sysopSays("Nobody in " + view.Name + " is called " + nick + "." + whoIsIn(view))
		}
		return view, m, rest, ok
	}
	view, m, ok = c.channelWith(command, nick)
	return view, m, rest, ok
}

// channelBefore finds a channel that is named without its #, before the nick of
// somebody who is in it. A channel often has somebody's name.
func (c *client) channelBefore(words []string) (channels.ChannelView, bool) {
	if len(words) < 2 {
		return channels.ChannelView{}, false
	}
	view, ok := c.g.core.Channel(withHash(words[0]))
	if ok {
		_, ok = member(view, words[1])
	}
	if !ok {
		return channels.ChannelView{}, false
	}
	return view, true
}

// channelWith finds the one channel that somebody is in.
func (c *client) channelWith(command, nick string) (view channels.ChannelView, m channels.MemberView, ok bool) {
	var in []string
	for _, v := range c.g.core.Channels() {
		if one, is := member(v, nick); is {
			view, m, in = v, one, append(in, v.Name)
		}
	}
	switch len(in) {
	case 1:
		return view, m, true
	case 0:
		c.sysopSays("Nobody in your channels is called " + nick + ". /msg sysop members #chan shows who is in one.")
	default:
		c.sysopSays(ircNick(m.Nick) + " is in " + strings.Join(in, ", ") + ", and may be another person in each. Which channel? " + usageOf(command, "#chan"))
	}
	return view, m, false
}

// whoIsIn names the others in a channel, after a question.
func whoIsIn(view channels.ChannelView) string {
	if view.Name == "" || len(view.Members) < 2 {
		return ""
	}
	return " In " + view.Name + ": " + strings.TrimPrefix(others(view), "with ")
}

// or is a text, or another if that is empty.
func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
