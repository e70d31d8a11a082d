package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// door is alice and bob, with a channel on alice's attic and bob's cellar, and
// eve, who has a one-time key that names the attic.
type door struct {
	*world
	alice, bob, eve *person
	attic, cellar   *hubHouse
	key             string
}

func atTheDoor(t *testing.T) *door {
	t.Helper()
	w := begin(t)
	d := &door{world: w, alice: w.person("alice"), bob: w.person("bob"), eve: w.person("eve")}
	d.attic, d.cellar = d.alice.own("attic"), d.bob.own("cellar")
	d.alice.do(channels.Join{Channel: "#club"})
	d.bob.redeems("#club", d.alice.invites("#club"))
	w.run(time.Minute)
	if got := d.alice.hubsOf("#club"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Fatalf("the channel is on %v", got)
	}
	d.key = d.alice.invites("#club")
	return d
}

// redeems has eve type the key, and something happen when a call of hers comes to
// the attic: as she asks, or when that is done. The answer does not reach her, and
// the attic never answers again.
func (d *door) redeems(op wire.Op, happens func()) {
	d.t.Helper()
	d.mangle = func(p *person, r channels.Request) int {
		if p != d.eve || r.Calls[0].Op != op || r.Hub.Fingerprint != d.attic.hub.Fingerprint() {
			return 1
		}
		d.mangle = nil
		happens()
		d.attic.fall()
		if op == wire.OpPeek {
			return 1
		}
		return 0
	}
	d.eve.do(channels.Redeem{Ref: 9, Channel: "#club", Key: d.key})
}

// in holds that eve is in, once, and that all hear each other.
func (d *door) in() {
	d.t.Helper()
	if n := count[channels.Shown](d.eve); n != 1 {
		d.t.Fatalf("eve was shown %d channels: %+v", n, d.eve.events)
	}
	d.alice.says("#club", "from alice")
	d.bob.says("#club", "from bob")
	d.eve.says("#club", "from eve")
	d.run(time.Minute)
	for _, p := range []*person{d.alice, d.bob, d.eve} {
		nicks := p.nicks("#club")
		slices.Sort(nicks)
		if want := []string{"alice", "bob", "eve"}; !slices.Equal(nicks, want) {
			d.t.Errorf("%s sees %v", p.name, nicks)
		}
		for _, text := range []string{"alice: from alice", "bob: from bob", "eve: from eve"} {
			if n := countOf(p.lines("#club"), text); n != 1 {
				d.t.Errorf("%s saw %q %d times: %q", p.name, text, n, p.lines("#club"))
			}
		}
	}
}

func countOf(lines []string, text string) (n int) {
	for _, l := range lines {
		if l == text {
			n++
		}
	}
	return n
}

// TestAHubDiesBeforeItHasTheJoining: the next hub that the key's offer names takes it.
func TestAHubDiesBeforeItHasTheJoining(t *testing.T) {
	d := atTheDoor(t)
	d.redeems(wire.OpPeek, func() {})
	d.run(10 * time.Second)
	d.in()
	if n := count[channels.Warn](d.eve); n != 0 {
		t.Errorf("eve was warned: %+v", d.eve.events)
	}
}

// TestAHubDiesWithTheJoining: it has taken it, and nobody has seen that there.
func TestAHubDiesWithTheJoining(t *testing.T) {
	d := atTheDoor(t)
	d.cut = func(p *person, h *hubHouse) bool { return p != d.eve && h == d.attic }
	d.run(time.Minute)
	d.redeems(wire.OpRedeem, func() {})
	d.run(10 * time.Second)
	d.in()
}

// TestAHubDiesWhenItHasToldOfTheJoining: the others have seen it and closed the
// slot on the other hub, before eve asks there. They have let her token in, too.
func TestAHubDiesWhenItHasToldOfTheJoining(t *testing.T) {
	d := atTheDoor(t)
	d.redeems(wire.OpRedeem, func() {
		d.cut = func(p *person, h *hubHouse) bool { return p == d.eve && h == d.cellar }
	})
	d.run(10 * time.Second)
	if v, ok := last[channels.Warn](d.eve); !ok || !strings.Contains(v.Text, "joining #club goes on") || !strings.Contains(v.Text, "ask for a new one-time key") {
		t.Errorf("eve, whom no hub answers, was told %+v", d.eve.events)
	}
	d.cut = nil
	d.eve.restart()
	d.run(20 * time.Second)
	d.in()
}

// TestAHubDiesAndTheKeyIsGoodNoMore: eve is told to ask for a new key, which works,
// and what she began by the first comes to nothing, even if the hub comes back.
func TestAHubDiesAndTheKeyIsGoodNoMore(t *testing.T) {
	long(t)
	d := atTheDoor(t)
	d.redeems(wire.OpPeek, func() {
		for _, v := range d.alice.core.Invites() {
			if v.State == "open" {
				d.alice.do(channels.Revoke{Invite: v.Number})
			}
		}
		// She hears of what the key leads to, and reaches no hub for some seconds.
		d.at(d.now.Add(d.latency*3/2), func() {
			d.cut = func(p *person, h *hubHouse) bool { return p == d.eve && h == d.cellar }
		})
	})
	d.run(5 * time.Second)
	d.cut = nil
	d.run(time.Minute)
	if got := d.eve.core.Channels(); len(got) != 0 {
		t.Fatalf("eve is in %+v", got)
	}
	if v, ok := last[channels.Warn](d.eve); !ok || !strings.Contains(v.Text, "ask for a new one-time key") {
		t.Errorf("eve was told %+v", d.eve.events)
	}
	d.eve.redeems("#club", d.alice.invites("#club"))
	d.attic.rise()
	d.run(10 * time.Minute)
	d.in()
	if n := count[channels.Joined](d.bob); n > 2 {
		t.Errorf("bob saw %d join", n)
	}
}
