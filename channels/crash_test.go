package channels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"hubbub/channels"
)

// conversation is a first call, as stubborn users make it: who was not answered
// since his gateway died does it again.
func (w *world) conversation(alice, bob *person) {
	hub := w.hub("attic")
	until := func(what string, done func() bool, again func()) {
		w.t.Helper()
		for range 10 {
			if done() {
				return
			}
			again()
			w.run(2 * time.Minute)
		}
		w.t.Fatalf("%s never happened: alice %+v, bob %+v", what, alice.events, bob.events)
	}
	in := func(p *person, channel string) func() bool {
		return func() bool { _, ok := p.core.Channel(channel); return ok }
	}
	until("claiming", func() bool { h := alice.core.Hubs(); return len(h) == 1 && h[0].Claimed },
		func() { alice.do(channels.UseHub{Hub: hub.address(), Secret: hub.secret}) })
	until("founding", in(alice, "#bob"), func() { alice.do(channels.Join{Channel: "#bob"}) })
	alice.do(channels.Send{Channel: "#bob", Kind: channels.Text, Text: "a0"})
	key := ""
	until("inviting", func() bool { i, ok := last[channels.Invited](alice); key = i.Key; return ok },
		func() { alice.do(channels.Invite{Channel: "#bob"}) })
	until("joining", in(bob, "#alice"), func() { bob.do(channels.Redeem{Channel: "#alice", Key: key}) })
	bob.do(channels.Send{Channel: "#alice", Kind: channels.Text, Text: "b0"})
	for i := 1; i < 4; i++ {
		alice.do(channels.Send{Channel: "#bob", Kind: channels.Text, Text: fmt.Sprint("a", i)})
		bob.do(channels.Send{Channel: "#alice", Kind: channels.Action, Text: fmt.Sprint("b", i)})
		w.run(time.Second)
	}
	w.run(5 * time.Minute)
}

// checkConversation holds both histories against what was said: each text once,
// each person's in order.
func checkConversation(t *testing.T, alice, bob *person) {
	t.Helper()
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		got := p.history(p.channel)
		for _, name := range []string{"alice", "bob"} {
			var texts []string
			for _, line := range got {
				if who, text, _ := cutLine(line); who == name {
					texts = append(texts, text)
				}
			}
			if want := []string{name[:1] + "0", name[:1] + "1", name[:1] + "2", name[:1] + "3"}; !slices.Equal(texts, want) {
				t.Errorf("%s has of %s: %q in %q", p.name, name, texts, got)
			}
		}
		if v, ok := p.core.Channel(p.channel); !ok || v.Waiting || v.Pending != 0 || v.Hubs[0].Behind != 0 {
			t.Errorf("%s sees %+v", p.name, v)
		}
		for _, e := range p.events {
			if v, ok := e.(channels.Warn); ok && !strings.Contains(v.Text, "goes on when it does") {
				t.Errorf("%s was warned: %+v", p.name, v)
			}
		}
	}
	if n := len(alice.nicks("#bob")); n != 2 {
		t.Errorf("alice sees %d", n)
	}
}

func cutLine(line string) (who, text string, ok bool) {
	for i := range line {
		if line[i] == ':' {
			return line[:i], line[i+2:], true
		}
	}
	return line, "", false
}

// afterEachStep is afterAnyStep in half the time: after each step they die in one
// of the two ways, by turns. What a gateway is in the middle of is the same, so
// that one story is played in both (TestAGatewayDiesAfterAnyStep).
func afterEachStep(t *testing.T, most int, story func(t *testing.T, w *world, dies func())) {
	t.Helper()
	long(t)
	for n := 1; n <= most; n++ {
		afterStep(t, n, n%2 == 0, story)
	}
}

// afterAnyStep plays a story again and again, in which all gateways die once: after
// each of so many steps from where the story calls dies, before anything of that
// step is carried out, or with the requests at the hub and the answers lost.
func afterAnyStep(t *testing.T, most int, story func(t *testing.T, w *world, dies func())) {
	t.Helper()
	long(t)
	for _, mute := range []bool{true, false} {
		for n := 1; n <= most; n++ {
			afterStep(t, n, mute, story)
		}
	}
}

// afterStep plays a story in which all gateways die once, so many steps from where
// it calls dies.
func afterStep(t *testing.T, n int, mute bool, story func(t *testing.T, w *world, dies func())) {
	t.Run(fmt.Sprintf("mute=%v step=%d", mute, n), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, uint64(n))
		w := newWorld(t)
		story(t, w, func() {
			for _, p := range w.people {
				p.crash, p.mute = p.steps+n, mute
			}
		})
	})
}

// TestAGatewayDiesAfterAnyStep has each gateway die once, after each of its
// steps: before anything of it is carried out, or with the requests at the hub
// and the answers lost.
func TestAGatewayDiesAfterAnyStep(t *testing.T) {
	afterAnyStep(t, 40, func(t *testing.T, w *world, dies func()) {
		alice, bob := w.person("alice"), w.person("bob")
		dies()
		w.conversation(alice, bob)
		checkConversation(t, alice, bob)
	})
}

// TestAnswersGetLost has answers get lost, arrive twice and out of order.
func TestAnswersGetLost(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, uint64(seed))
			w := newWorld(t)
			n := seed
			w.mangle = func(*person, channels.Request) int {
				n = n*1103515245 + 12345
				switch n >> 8 & 7 {
				case 0, 1:
					return 0
				case 2:
					return 2
				}
				w.latency = time.Duration(n>>16&127+1) * time.Millisecond
				return 1
			}
			alice, bob := w.person("alice"), w.person("bob")
			w.conversation(alice, bob)
			w.mangle = nil
			w.run(5 * time.Minute)
			checkConversation(t, alice, bob)
		})
	}
}
