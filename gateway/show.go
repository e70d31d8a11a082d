package main

import (
	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// show shows an event to the clients that it concerns: to all what happens in a
// channel, to whoever asked what became of it.
func (g *gateway) show(ev channels.Event) {
	told := false
	if a, ok := g.asker(eventRef(ev)); ok && a.then != nil {
		told = a.then(ev)
	}
	switch ev := ev.(type) {
	case channels.Line:
		g.showLine(ev)
	case channels.Shown:
		g.noteWaiting()
		g.attached(func(c *client) { c.showChannel(ev.Channel) })
		if a, ok := g.asker(ev.Ref); ok && !told {
			a.client.joinedBefore(a, ev.Channel)
		}
	case channels.Hidden:
		g.hideChannel(ev.Channel, "Hidden; it goes on receiving, and its next message shows it again")
	case channels.Gone:
		g.hideChannel(ev.Channel, "Left for good")
	case channels.Joined:
		g.showJoined(ev)
	case channels.Forked:
		g.showForked(ev)
	case channels.Left:
		g.showLeft(ev)
	case channels.Renamed:
		g.showRenamed(ev)
	case channels.Topic:
		g.showTopic(ev)
	case channels.Warn:
		g.sysop.warned(ev, g.settings.Now())
		g.warn(ev)
	case channels.News:
		g.showNews(ev, "")
	case channels.HubCloses:
		g.showCloses(ev)
	default:
		if !told {
			g.answer(ev)
		}
	}
}

// eventRef is the Ref of an event; zero if it answers nobody.
func eventRef(ev channels.Event) channels.Ref {
	switch ev := ev.(type) {
	case channels.Line:
		return ev.Ref
	case channels.Shown:
		return ev.Ref
	case channels.Hidden:
		return ev.Ref
	case channels.Gone:
		return ev.Ref
	case channels.Renamed:
		return ev.Ref
	case channels.Topic:
		return ev.Ref
	case channels.Invited:
		return ev.Ref
	case channels.HubReady:
		return ev.Ref
	case channels.HubSaid:
		return ev.Ref
	case channels.Rescued:
		return ev.Ref
	case channels.Done:
		return ev.Ref
	case channels.Failed:
		return ev.Ref
	}
	return 0
}

// showLine gives every client a line. The one that typed it has shown it
// itself, unless it asked for echoes; a private text it has not shown in the
// channel that it went to.
func (g *gateway) showLine(l channels.Line) {
	var typed *client
	if a, ok := g.asker(l.Ref); ok && l.Own {
		typed = a.client
		if a.nick != "" {
			typed.echoPrivate(a, l)
			typed = nil
		} else if typed.caps.has(capEchoMessage) {
			typed = nil
		}
	}
	delete(g.asked, l.Ref)
	g.attached(func(c *client) { c.deliver(item{line: l, typed: c == typed}) })
}

// echoPrivate echoes a text to bob, which has gone to #bob, where it was typed.
func (c *client) echoPrivate(a *asked, l channels.Line) {
	if !c.caps.has(capEchoMessage) {
		return
	}
	text := a.text
	if l.Kind == channels.Action {
		text = "\x01ACTION " + text + "\x01"
	}
	c.send(message{
		tags: map[string]string{"time": timeTag(l.Time)},
		from: c.prefix(), command: a.command, params: []string{a.nick, text},
	})
}

// attach shows a client that has registered all that there is.
func (c *client) attach() {
	for _, v := range c.g.core.Channels() {
		if !v.Hidden {
			c.showChannel(v.Name)
		}
	}
	c.replay()
	c.showForks()
	c.g.tellUnheard()
}

// showChannel joins the client to a channel, unless it is in it.
func (c *client) showChannel(name string) {
	if c.closed || c.isIn(name) {
		return
	}
	v, ok := c.g.core.Channel(name)
	if !ok {
		return
	}
	c.joined[fold(v.Name)] = v.Name
	c.sendJoin(c.prefix(), v.Name, c.realname)
	if v.Topic != "" {
		c.topicIs(v)
	}
	c.namesOf(v)
	c.g.callRoll(v)
	c.reply(irc.RPL_ENDOFNAMES, v.Name, "End of /NAMES list")
}

// joinedBefore tells who has typed a key under a new name that the channel has
// another one here: nothing else would be seen to happen.
func (c *client) joinedBefore(a *asked, channel string) {
	if a.command != "JOIN" || a.key == "" || same(a.channel, channel) {
		return
	}
	if _, ok := c.g.core.Channel(a.channel); !ok {
		c.sysopSays("That key is for " + channel + ", where you are already.")
	}
}

// noteWaiting notes of which channels the members are not known yet.
func (g *gateway) noteWaiting() {
	for _, v := range g.core.Channels() {
		if v.Waiting {
			g.waiting[fold(v.Name)] = true
		}
	}
}

// showRanks tells who stands above whom in channels that were shown before
// that was known.
func (g *gateway) showRanks() {
	for name := range g.waiting {
		v, ok := g.core.Channel(name)
		if ok && v.Waiting {
			continue
		}
		delete(g.waiting, name)
		for _, m := range v.Members {
			if rank(m) != "" && !m.Own {
				g.inChannel(name, func(c *client) { c.sendOp(v.Name, m.Nick) })
			}
		}
	}
}

// sendOp tells that somebody is an operator.
func (c *client) sendOp(channel, nick string) {
	c.send(message{from: serverName, command: "MODE", params: []string{channel, "+o", ircNick(nick)}})
}

// sendJoin tells that somebody joins
// (ircv3.net/specs/extensions/extended-join: nobody has an account).
func (c *client) sendJoin(prefix, channel, realname string) {
	params := []string{channel}
	if c.caps.has(capExtendedJoin) {
		params = append(params, "*", realname)
	}
	c.send(message{from: prefix, command: "JOIN", params: params})
}

// hideChannel parts every client from a channel.
func (g *gateway) hideChannel(name, why string) {
	delete(g.rolls, fold(name))
	g.attached(func(c *client) {
		if shown, ok := c.joined[fold(name)]; ok {
			delete(c.joined, fold(name))
			c.send(message{from: c.prefix(), command: "PART", params: []string{shown, why}})
		}
	})
}

// inChannel calls f for every client that shows a channel.
func (g *gateway) inChannel(name string, f func(*client)) {
	g.attached(func(c *client) {
		if c.isIn(name) {
			f(c)
		}
	})
}

// showJoined tells of a new member, of their rank, if they have one, and by whom
// they were let in. Where the members are just becoming known, showRanks tells
// all ranks at once, and nobody is new.
func (g *gateway) showJoined(ev channels.Joined) {
	if g.called(ev.Channel) && !g.enrol(ev.Channel, ev.Nick, true) {
		return
	}
	v, _ := g.core.Channel(ev.Channel)
	m, _ := member(v, ircNick(ev.Nick))
	waited := g.waiting[fold(ev.Channel)]
	g.inChannel(ev.Channel, func(c *client) {
		c.sendJoin(prefixOf(ev.Nick), ev.Channel, ircNick(ev.Nick))
		if rank(m) != "" && !waited {
			c.sendOp(ev.Channel, ev.Nick)
		}
	})
	if ev.By != "" && ev.By != g.core.Nick() && !waited && !v.Hidden {
		g.showNews(channels.News{Channel: ev.Channel, Text: "New here: " + ircNick(ev.Nick) + ", invited by " + ircNick(ev.By)}, "")
	}
}

// showLeft tells that a member is gone, and through whom; if there is no client
// to see that, the next is told.
func (g *gateway) showLeft(ev channels.Left) {
	if g.called(ev.Channel) && !g.enrol(ev.Channel, ev.Nick, false) {
		return
	}
	if v, ok := g.core.Channel(ev.Channel); ok && !v.Hidden && !g.anybody() {
		g.showNews(channels.News{Channel: ev.Channel, Text: "Gone: " + ircNick(ev.Nick) + whoRemoved(ev)}, "")
	}
	m := message{from: prefixOf(ev.Nick), command: "PART", params: []string{ev.Channel}}
	if ev.By != "" {
		m = message{from: prefixOf(ev.By), command: "KICK", params: []string{ev.Channel, ircNick(ev.Nick), "removed by " + ircNick(ev.By)}}
	}
	g.inChannel(ev.Channel, func(c *client) { c.send(m) })
}

// whoRemoved follows the nick of one who is gone.
func whoRemoved(ev channels.Left) string {
	if ev.By == "" {
		return ", who left"
	}
	return ", removed by " + ircNick(ev.By)
}

// showRenamed tells of a new nick: the user's own, everywhere; a member's, in
// one channel. IRC renames somebody everywhere, so where the old nick is seen
// in another channel, the member goes and comes instead.
func (g *gateway) showRenamed(ev channels.Renamed) {
	if ev.Own {
		g.attached(func(c *client) {
			if c.nick != ev.New {
				c.renameTo(ev.New)
			}
		})
		return
	}
	if !g.onRoll(ev.Channel, ev.Old) && g.onRoll(ev.Channel, ev.New) {
		return // NAMES had the new nick already
	}
	g.enrol(ev.Channel, ev.Old, false)
	g.enrol(ev.Channel, ev.New, true)
	elsewhere := g.seenElsewhere(ev.Channel, ev.Old)
	g.inChannel(ev.Channel, func(c *client) {
		if !elsewhere {
			c.send(message{from: prefixOf(ev.Old), command: "NICK", params: []string{ircNick(ev.New)}})
			return
		}
		c.send(message{from: prefixOf(ev.Old), command: "PART", params: []string{ev.Channel, "is now known as " + ircNick(ev.New) + " here"}})
		c.sendJoin(prefixOf(ev.New), ev.Channel, ircNick(ev.New))
	})
}

// showTopic tells of a new topic.
func (g *gateway) showTopic(ev channels.Topic) {
	g.inChannel(ev.Channel, func(c *client) {
		from := prefixOf(ev.Nick)
		if ev.Own {
			from = c.prefix()
		}
		c.send(message{
			tags: map[string]string{"time": timeTag(ev.Time)},
			from: from, command: "TOPIC", params: []string{ev.Channel, oneLine(ev.Text)},
		})
	})
}
