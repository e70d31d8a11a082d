package main

import (
	"fmt"
	"strconv"
	"strings"

	"hubbub/channels"
)

var otherChannelCommands = []sysopCommand{{
	name: "share", args: "[#chan] NICK N",
	help: "send somebody the last N messages again", run: (*client).sysopShare,
	more: []string{
		"For somebody who came later: nobody can read what was said before they came. They alone are shown it, as quoted by you: who said what and when is on your word.",
		fmt.Sprintf("N is up to %d. The others are not told; ask them first, if you would want to be asked.", channels.MaxShare),
	},
}, {
	name: "fork", args: "#chan #new",
	help: "found a channel with those who are in #chan, or most", run: (*client).sysopFork,
	more: []string{
		"For when the founder is lost, or somebody whom nobody left can remove: #new is yours, and all who join it stand below you. Each of the others is invited by their gateway and types /join, whatever they then call it. No key has to be handed over.",
		"To leave some out: /msg sysop fork #chan #new without NICK … They are not invited, and see nothing of it. #chan goes on as it is: to leave it for good, /msg sysop leave #chan.",
	},
}}

// sysopShare sends a member what was said before.
func (c *client) sysopShare(args string) {
	view, m, rest, ok := c.whichMember("share", args)
	if !ok {
		return
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > channels.MaxShare {
		c.sysopSays(fmt.Sprintf("How many of the last messages? /msg sysop share %s %s N, with N from 1 to %d.", view.Name, ircNick(m.Nick), channels.MaxShare))
		return
	}
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Share{Ref: ref, Channel: view.Name, Nick: m.Nick, Count: n}
	}, c.saysDone("The last messages of "+view.Name+" go to "+ircNick(m.Nick)+" alone.", "", m.Nick))
}

// sysopFork founds a channel with the others of another one.
func (c *client) sysopFork(args string) {
	const usage = "/msg sysop fork #chan #new [without NICK …]"
	names, without, excepts := cutWord(args, "without")
	words, nicks := strings.Fields(names), strings.FieldsFunc(without, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) != 2 || excepts && len(nicks) == 0 {
		c.sysopSays("Which channel, and what is the new one to be called? " + usage)
		return
	}
	view, ok := c.whichChannel("fork", words[0])
	if !ok {
		return
	}
	name := withHash(words[1])
	if _, taken := c.g.core.Channel(name); taken || !goodChannel(name) {
		c.sysopSays("The new one needs a name that none of your channels has: # and no spaces or commas. " + usage)
		return
	}
	for i, nick := range nicks {
		if _, in := member(view, nick); !in {
			c.sysopSays("Nobody in " + view.Name + " is called " + nick + ", so nothing was done." + whoIsIn(view))
			return
		}
		nicks[i] = memberNick(view, nick)
	}
	c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.Fork{Ref: ref, Channel: view.Name, Name: name, Without: nicks}
	}, c.saysDone(name+" is founded, and the others of "+view.Name+" are invited.", "Who has joined: /msg sysop members "+name))
}

// cutWord cuts a text at a word that stands alone.
func cutWord(text, word string) (before, after string, found bool) {
	words := strings.Fields(text)
	for i, w := range words {
		if same(w, word) {
			return strings.Join(words[:i], " "), strings.Join(words[i+1:], " "), true
		}
	}
	return text, "", false
}
