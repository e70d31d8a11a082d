package main

import (
	"errors"
	"testing"
	"time"

	"hubbub/channels"
)

// A hub's answer that could not be written down is given to the core again,
// until it can.
func TestAnswersAreNotLost(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		c.turn()
		r.do(func() { r.core.err = errors.New("disk full") })
		r.g.answered(channels.Answered{Request: 7})
		r.g.answered(channels.Answered{Request: 8})
		time.Sleep(10 * retryStep)
		if got := given[channels.Answered](r); len(got) != 0 {
			t.Fatalf("the broken core took %+v", got)
		}
		c.hears(":sysop!sysop@hubbub PRIVMSG alice :The phonebook cannot be written (disk full): until it can, nothing comes in and nothing goes out. Make room on the disk. Nothing is lost.")
		r.do(func() { r.core.err = nil })
		time.Sleep(2 * retryStep)
		got := given[channels.Answered](r)
		if len(got) != 2 || got[0].Request != 7 || got[1].Request != 8 {
			t.Errorf("answered again: %+v", got)
		}
		c.hears(":sysop!sysop@hubbub PRIVMSG alice :The phonebook can be written again.")
		time.Sleep(10 * retryStep)
		if again := given[channels.Answered](r); len(again) != 2 {
			t.Errorf("answered too often: %+v", again)
		}
	})
}

// The core is woken when it asked for it, once.
func TestWake(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		start := time.Now()
		r.do(func() {
			r.core.wake = start.Add(time.Minute)
			r.g.step(channels.Tick{})
		})
		ticks := len(given[channels.Tick](r))
		time.Sleep(59 * time.Second)
		if n := len(given[channels.Tick](r)) - ticks; n != 0 {
			t.Errorf("%d ticks too early", n)
		}
		r.do(func() { r.core.wake = time.Time{} })
		time.Sleep(time.Hour)
		if n := len(given[channels.Tick](r)) - ticks; n != 1 {
			t.Errorf("%d ticks", n)
		}
	})
}

// What a step asks for is carried out: what is cancelled first, then what is new.
func TestRequestsAreCarried(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.do(func() {
			r.core.output = channels.Output{Cancel: []channels.RequestID{1}, Requests: []channels.Request{{ID: 2}, {ID: 3}}}
			r.g.step(channels.Tick{})
		})
		c := r.g.carrier.(*carried)
		if len(c.canceled) != 1 || c.canceled[0] != 1 || len(c.requests) != 2 || c.requests[1].ID != 3 {
			t.Errorf("carried %+v, cancelled %v", c.requests, c.canceled)
		}
	})
}

// An input that comes of showing an event waits until all of its step's events
// are shown.
func TestStepsDoNotNest(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.turn()
		r.do(func() {
			var of *client
			r.g.attached(func(one *client) { of = one })
			ref := r.g.ask(asked{client: of, then: func(channels.Event) bool {
				r.g.step(channels.SetTopic{Channel: "#bob", Text: "second"})
				return true
			}})
			r.core.pending = []channels.Event{
				channels.Done{Ref: ref},
				channels.Topic{Channel: "#bob", Nick: "bob", Text: "first"},
			}
			r.g.step(channels.Tick{})
		})
		c.hears(":bob!bob@hubbub TOPIC #bob first", ":alice!alice@hubbub TOPIC #bob second")
	})
}

func TestNothingIsDoneAfterTheEnd(t *testing.T) {
	g := newGateway(settings{}, &scripted{})
	close(g.done)
	if g.do(func() { t.Error("called") }) {
		t.Error("done after the end")
	}
}
