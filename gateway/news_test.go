package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

func TestNewsIsANotice(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.turn()
		r.happen(channels.News{Channel: "#bob", Text: "a hub does not answer"}, channels.News{Text: "both are back"}, channels.News{Channel: "#other", Text: "nobody sees this channel"})
		c.hears(
			":sysop!sysop@hubbub NOTICE #bob :A hub does not answer.",
			":sysop!sysop@hubbub NOTICE alice :Both are back.",
			":sysop!sysop@hubbub NOTICE alice :#other: Nobody sees this channel.")
		hasNot(t, r.connect("alice").turn(), "Both are back") // told once
		r.do(func() {
			if len(r.g.sysop.warnings) != 0 {
				t.Error("news are no warnings")
			}
		})
	})
}

// With no client attached news wait for the next, with their time, and only once.
func TestNewsWait(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		at := time.Now().Local().Format("[15:04] ")
		r.happen(channels.News{Channel: "#bob", Text: "a hub does not answer"}, channels.News{Text: "it is back"})
		time.Sleep(10 * time.Minute)
		c := r.dial()
		got := c.register("alice", "alice")
		has(t, got, ":sysop!sysop@hubbub NOTICE #bob :"+at+"A hub does not answer.")
		has(t, got, ":sysop!sysop@hubbub NOTICE alice :"+at+"It is back.")
		hasNot(t, r.dial().register("alice", "alice"), "is back")
	})
}

// However much news there was, no warning is lost.
func TestManyNewsPushOutNoWarning(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.happen(channels.Warn{Text: "somebody else has your key"})
		for i := range 100 {
			r.happen(channels.News{Text: fmt.Sprintf("news %d.", i)})
		}
		got := r.dial().register("alice", "alice")
		has(t, got, "PRIVMSG alice :somebody else has your key")
		has(t, got, "News 99.")
		hasNot(t, got, fmt.Sprintf("News %d.", 99-mostUnheardNews))
		if n := strings.Count(strings.Join(got, "\n"), "News "); n != mostUnheardNews {
			t.Errorf("%d news wait, want %d", n, mostUnheardNews)
		}
	})
}

// Words of errors become sentences; what is to be typed gets no full stop.
func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		"the hub is full":                 "The hub is full.",
		"Is it?":                          "Is it?",
		"no such hub (see the log)":       "No such hub (see the log)",
		"say it: /msg sysop leave #bob":   "Say it: /msg sysop leave #bob",
		"say it: /join #bob. Or do not":   "Say it: /join #bob. Or do not.",
		"a hub: https://a.example/ fails": "A hub: https://a.example/ fails.",
	} {
		if got := sentence(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
