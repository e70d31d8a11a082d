package channels_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/wire"
)

// That another member says that a channel is kept on one's own hub opens it there
// not: it would show whose the hub is.
func TestNobodyElseHasOnesHubOpened(t *testing.T) {
	long(t)
	w := begin(t)
	w.options.Mirror = channels.MirrorNever
	_, bob, m := w.withMallory()
	cellar := bob.own("cellar")
	w.run(time.Minute)
	m.operates(roster.HubAdd{URL: cellar.url, Key: roster.HubFingerprint(cellar.address().Fingerprint)}, nil)
	w.run(5 * time.Minute)
	for _, r := range bob.made {
		for _, c := range r.Calls {
			if c.Op == wire.OpOpen && r.Hub == cellar.address() {
				t.Fatal("bob opened it")
			}
		}
	}
	// He may, and he may end it, whoever has named it.
	bob.do(channels.Mirror{Channel: "#alice"})
	w.run(time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Contains(got, "cellar") {
		t.Fatalf("bob has it on %q", got)
	}
	bob.do(channels.DropHub{Channel: "#alice", Hub: cellar.address().Fingerprint})
	w.run(time.Minute)
	m.operates(roster.HubAdd{URL: cellar.url, Key: roster.HubFingerprint(cellar.address().Fingerprint)}, nil)
	w.run(time.Minute)
	if got := bob.hubsOf("#alice"); slices.Contains(got, "cellar") {
		t.Errorf("bob has it on %q again", got)
	}
}

// A member who names many hubs crowds out nobody's.
func TestManyDeadHubs(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, m := w.withMallory()
	for i := range 40 {
		m.operates(roster.HubAdd{URL: fmt.Sprintf("http://h%d.example/", i), Key: roster.HubFingerprint{0, byte(40 - i)}}, nil)
	}
	w.run(10 * time.Minute)
	bob.own("cellar")
	w.run(10 * time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Contains(got, "cellar") || len(got) > 6 {
			t.Errorf("%s has the hubs %q", p.name, got)
		}
	}
	w.hub("attic").fall()
	w.run(time.Minute)
	w.goesOn(alice, bob, "by the cellar")
}

// A hub that was away for longer than envelopes are kept still lets in who came
// meanwhile.
func TestAHubIsAwayForAMonth(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, _, cellar := w.twoHubs()
	cellar.fall()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(time.Minute)
	for _, p := range []*person{alice, bob, carol} {
		p.core.Tamper("UPDATE calls SET made = made - ?", int64(31*24*time.Hour))
		p.restart()
	}
	w.run(time.Minute)
	cellar.rise()
	w.run(time.Hour)
	v, _ := carol.core.Channel("#c")
	for _, h := range v.Hubs {
		if h.Standing != channels.Good {
			t.Errorf("carol sees %s: %q", h.Address.URL, h.Trouble)
		}
	}
}

// A hub that is another one each time is given everything again ever more seldom.
func TestAHubThatLosesAllTheTime(t *testing.T) {
	long(t)
	w := begin(t)
	alice, _ := w.two()
	before, n := len(alice.made), byte(0)
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		for i := range a.Results {
			var f wire.FetchResult
			if p != alice || r.Calls[i].Op != wire.OpFetch || codec.Unmarshal(a.Results[i].Value, &f) != nil {
				continue
			}
			n++
			f.Generation[0] = n
			value, err := codec.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			a.Results[i].Value = value
		}
	}
	w.hold = time.Minute
	w.run(24 * time.Hour)
	puts := 0
	for _, r := range alice.made[before:] {
		for _, c := range r.Calls {
			if c.Op == wire.OpPut {
				puts++
			}
		}
	}
	if most := 12 * int(alice.core.Number("SELECT count(*) FROM entries WHERE bytes IS NOT NULL")); puts > most || puts == 0 {
		t.Errorf("%d puts in a day, and at most %d were to be made", puts, most)
	}
}
