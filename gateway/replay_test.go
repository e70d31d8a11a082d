package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

func fromBob(text string, at time.Time) channels.Line {
	return channels.Line{Channel: "#bob", From: "bob", Kind: channels.Text, Text: text, Time: at}
}

// What was missed is shown on attach: once, in order, with its time.
func TestBacklog(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		r.channel("#work", "carol")
		start := time.Now().Local()
		time.Sleep(26 * time.Hour)
		r.happen(
			fromBob("yesterday", start),
			channels.Line{Channel: "#work", From: "carol", Kind: channels.Action, Text: "arrives", Time: time.Now().Add(-time.Hour)},
			channels.Line{Channel: "#work", From: "alice", Own: true, Kind: channels.Text, Text: "good morning", Time: time.Now()},
			channels.Line{Channel: "#work", Kind: channels.Info, Text: "one text waits", Time: time.Now()})
		mark := func(at time.Time) string { return at.Local().Format("[15:04]") }
		today, hour := mark(time.Now()), mark(time.Now().Add(-time.Hour))

		c := r.dial()
		got := c.register("alice", "alice")
		sameLines(t, "attach", got[len(got)-4:], []string{
			":bob!bob@hubbub PRIVMSG #bob :" + start.Format("[2006-01-02 15:04]") + " yesterday",
			":carol!carol@hubbub PRIVMSG #work :\x01ACTION " + hour + " arrives\x01",
			":alice!alice@hubbub PRIVMSG #work :" + today + " good morning",
			":sysop!sysop@hubbub NOTICE #work :" + today + " one text waits",
		})
		hasNot(t, r.dial().register("alice", "alice"), "PRIVMSG #") // the mark is the name's, not the connection's

		laptop := r.dial()
		got = laptop.register("alice", "alice@laptop", "batch", "server-time")
		at := timeTag(time.Now())
		sameLines(t, "attach of laptop", got[len(got)-8:], []string{
			":gateway.hubbub BATCH +h1 chathistory #bob",
			"@batch=h1;time=" + timeTag(start) + " :bob!bob@hubbub PRIVMSG #bob :" + start.Format("[2006-01-02 15:04]") + " yesterday",
			":gateway.hubbub BATCH -h1",
			":gateway.hubbub BATCH +h2 chathistory #work",
			"@batch=h2;time=" + timeTag(time.Now().Add(-time.Hour)) + " :carol!carol@hubbub PRIVMSG #work :\x01ACTION " + hour + " arrives\x01",
			"@batch=h2;time=" + at + " :alice!alice@hubbub PRIVMSG #work :" + today + " good morning",
			"@batch=h2;time=" + at + " :sysop!sysop@hubbub NOTICE #work :" + today + " one text waits",
			":gateway.hubbub BATCH -h2",
		})
	})
}

// A line whose PONG did not come is shown again; one whose PONG came is not.
func TestOnlyConfirmedLinesAreDelivered(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		c := r.connect("alice")
		r.happen(fromBob("one", time.Now()))
		c.turn()
		c.answersPings(false)
		r.happen(fromBob("two", time.Now()))
		r.happen(fromBob("three", time.Now()))
		c.hears(":bob!bob@hubbub PRIVMSG #bob two", ":bob!bob@hubbub PRIVMSG #bob three")
		c.conn.Close()
		got := strings.Join(r.dial().register("alice", "alice"), "\n")
		if strings.Contains(got, "one") || !strings.Contains(got, "] two\n") || !strings.HasSuffix(got, "] three") {
			t.Errorf("on coming back: %s", got)
		}
	})
}

// A typed text counts as shown to who typed it, in its place.
func TestTypedLinesAreMarked(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		c := r.connect("alice")
		c.ask("PRIVMSG #bob :mine")
		marks := given[channels.Delivered](r)
		if len(marks) != 1 || marks[0] != (channels.Delivered{Line: 1}) {
			t.Errorf("delivered %+v", marks)
		}
		hasNot(t, r.dial().register("alice", "alice"), "mine")
		has(t, r.dial().register("alice", "alice@phone"), "] mine")
	})
}

// A long backlog comes in portions, each after the one before was confirmed;
// what happens meanwhile comes behind it.
func TestBacklogInPortions(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		const n = 2000
		r.do(func() {
			for i := range n {
				r.core.line(fromBob(fmt.Sprintf("line %d. ", i)+strings.Repeat("x", 200), time.Now()))
			}
		})
		c := r.dial()
		c.answersPings(false)
		c.register("alice", "alice")
		marks := 0
		r.do(func() {
			for cl := range r.g.clients {
				if cl.delivery.flight > 2*maxUnconfirmed {
					t.Errorf("%d bytes are under way", cl.delivery.flight)
				}
			}
			marks = int(r.core.marks[""])
		})
		if marks != 0 {
			t.Error("lines are marked that nobody confirmed")
		}
		r.happen(fromBob("live", time.Now()))
		hasNot(t, c.turn(), "live")
		c.answersPings(true)
		c.send("PONG " + markerOf(r))
		var texts []string
		for _, l := range c.turn() {
			if _, text, ok := strings.Cut(l, " PRIVMSG #bob "); ok {
				texts = append(texts, text)
			}
		}
		if last := texts[len(texts)-1]; last != "live" {
			t.Errorf("the last line is %.40q", last)
		}
		if prev := texts[len(texts)-2]; !strings.Contains(prev, fmt.Sprintf("line %d.", n-1)) {
			t.Errorf("the line before is %.40q", prev)
		}
		r.do(func() { marks = int(r.core.marks[""]) })
		if marks != n+1 {
			t.Errorf("%d lines are marked", marks)
		}
	})
}

// markerOf is the token that the one client has yet to return.
func markerOf(r *rig) (token string) {
	r.do(func() {
		for cl := range r.g.clients {
			token = fmt.Sprint(markerPrefix, cl.delivery.marker)
		}
	})
	return token
}

func TestForeignPongsMarkNothing(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		c := r.connect("alice")
		c.answersPings(false)
		r.happen(fromBob("one", time.Now()))
		c.ask("PONG x", "PONG", "PONG hubbub-line-7", "PONG :hubbub-line-", "PONG hubbub-line-01")
		if got := given[channels.Delivered](r); len(got) != 0 {
			t.Errorf("delivered %+v", got)
		}
		c.ask("PONG gateway.hubbub :hubbub-line-1")
		if got := given[channels.Delivered](r); len(got) != 1 {
			t.Errorf("delivered %+v", got)
		}
	})
}

func TestLateAndOldLinesAreMarked(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		c := r.connect("alice")
		time.Sleep(12 * time.Hour)
		c.turn()
		now := time.Now()
		late := fromBob("before that", now)
		late.Late = true
		r.happen(fromBob("fresh", now.Add(-time.Minute)), fromBob("old", now.Add(-time.Hour)), late)
		c.hears(
			":bob!bob@hubbub PRIVMSG #bob fresh",
			":bob!bob@hubbub PRIVMSG #bob :["+now.Add(-time.Hour).Local().Format("15:04")+"] old",
			":bob!bob@hubbub PRIVMSG #bob :[late, "+now.Local().Format("15:04")+"] before that")
	})
}

// A text with line breaks, or too long for a line of IRC, is several lines.
func TestLongTexts(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		c := r.connect("alice")
		c.turn()
		r.happen(fromBob("one\ntwo\n\nfour\n", time.Now()))
		c.hears(":bob!bob@hubbub PRIVMSG #bob one", ":bob!bob@hubbub PRIVMSG #bob two", ":bob!bob@hubbub PRIVMSG #bob : ", ":bob!bob@hubbub PRIVMSG #bob four")
		text := strings.Repeat("Grüße aus Köln. ", 2000)
		r.happen(fromBob(text, time.Now()))
		var whole []string
		for _, l := range c.turn() {
			if len(l) > maxBody-2 {
				t.Errorf("a line of %d bytes", len(l))
			}
			_, piece, _ := strings.Cut(l, " PRIVMSG #bob :")
			whole = append(whole, piece)
		}
		if strings.TrimSpace(strings.Join(whole, " ")) != strings.TrimSpace(text) {
			t.Error("the pieces are not the text")
		}
	})
}
