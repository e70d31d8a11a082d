package channels_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hubbub/channels"
)

// oldestPrekey and newestPrekey are the numbers of the prekeys that somebody keeps.
func (p *person) oldestPrekey() int64 { return p.core.Number("SELECT min(number) FROM prekeys") }
func (p *person) newestPrekey() int64 { return p.core.Number("SELECT max(number) FROM prekeys") }

// TestPrekeysGoWhenNobodySealsToThem: an old prekey is deleted when all members have
// shown that they know a newer one; where one is away and cannot, seven days after a
// hub took that, and not before the hubs were read to their heads.
func TestPrekeysGoWhenNobodySealsToThem(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = 6 * time.Hour
	day := 24 * time.Hour
	attic, cellar := w.hub("attic"), w.hub("cellar")
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(attic, false)
	bob.owns(cellar, false)
	alice.do(channels.Join{Channel: "#c"})
	bob.redeems("#c", alice.invites("#c"))
	w.run(time.Minute)
	dave := w.comes("dave", alice.invites("#c"))
	w.run(time.Minute)
	talk := func(people ...*person) {
		for range 2 {
			for _, p := range people {
				p.says("#c", "hello")
				w.run(time.Second)
			}
		}
	}
	talk(alice, bob, dave)
	w.run(2 * time.Hour) // with their receipts
	if o, n := bob.oldestPrekey(), bob.newestPrekey(); o == 0 || o != n {
		t.Errorf("all know bob's prekey %d, and he keeps %d", n, o)
	}

	dave.stop()
	w.run(2 * time.Minute)
	talk(alice)
	talk(bob, alice)
	w.run(2 * time.Hour)
	old := bob.oldestPrekey()
	if old == bob.newestPrekey() {
		t.Fatal("bob has no newer prekey: this tests nothing")
	}
	w.run(6 * day)
	if bob.oldestPrekey() != old {
		t.Errorf("dave is away, and bob has deleted after six days what he may seal to")
	}
	bob.stop()
	w.run(10 * day)
	// When he is back, the one hub that answers has nothing for him. The other may.
	cellar.fall()
	attic.fall()
	bob.start()
	w.run(2 * day)
	if bob.oldestPrekey() != old {
		t.Errorf("no hub was read, and bob has deleted a prekey")
	}
	kept := false
	w.take = func(p *person, a channels.Answered) bool { // the cellar answers all but a reading
		if p == bob && a.Failure == nil && slices.ContainsFunc(bob.made, func(r channels.Request) bool {
			return r.ID == a.Request && r.Hub.Fingerprint == cellar.address().Fingerprint && r.Calls[0].Op == "fetch"
		}) {
			kept = true
			return true
		}
		return false
	}
	cellar.rise()
	attic.rise()
	w.run(2 * day)
	if !kept || bob.oldestPrekey() != old {
		t.Errorf("one hub of two was read (%v), and bob has deleted a prekey", kept)
	}
	w.take = nil
	bob.restart()
	w.run(2 * day)
	if bob.oldestPrekey() == old {
		t.Errorf("bob keeps prekey %d still, his newest is %d", old, bob.newestPrekey())
	}
	dave.start()
	w.run(time.Minute)
	talk(dave, alice, bob)
	for _, p := range []*person{alice, bob, dave} {
		if got := p.lines("#c"); len(got) < 6+6+6 {
			t.Errorf("%s saw only %q", p.name, got)
		}
	}
	w.same("#c", map[*person]string{bob: "#c", dave: "#c"}, alice)
}

// TestHealingIsBounded: in a channel of eight a sender answers newer prekeys with a
// new sender key once a minute at most, in one of nine once an hour.
func TestHealingIsBounded(t *testing.T) {
	long(t)
	for _, c := range []struct {
		members, minutes int
		least, most      int64
	}{{8, 20, 10, 21}, {9, 90, 1, 3}} {
		t.Run(fmt.Sprint(c.members), func(t *testing.T) {
			w := roomy(t)
			w.hold = time.Hour
			people := w.crowd(c.members)
			w.run(time.Hour)
			before := make([]int64, len(people))
			for i, p := range people {
				before[i] = keyEnvelopes(p)
			}
			for range c.minutes * 3 { // all the time somebody shows a newer one
				for _, p := range people[:3] {
					p.says("#c", "and on")
					w.run(20 * time.Second / 3)
				}
			}
			for i, p := range people[:3] {
				if n := keyEnvelopes(p) - before[i]; n < c.least || n > c.most {
					t.Errorf("%s has started %d sender keys in %d minutes", p.name, n, c.minutes)
				}
			}
			for i, p := range people[3:] {
				if n := keyEnvelopes(p) - before[3+i]; n != 0 {
					t.Errorf("%s, who only reads, has started %d", p.name, n)
				}
			}
		})
	}
}

// TestBigChannelsAreCheap counts what is put on a hub: one envelope a text, whatever
// the number of members; and after a removal one key envelope of each who speaks, when
// he does.
func TestBigChannelsAreCheap(t *testing.T) {
	long(t)
	sizes := []int{5, 20}
	if !testing.Short() {
		sizes = append(sizes, 50)
	}
	for _, n := range sizes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := roomy(t)
			w.hold = 6 * time.Hour
			people := w.crowd(n)
			w.run(3 * time.Hour)
			// Of all that is said in these moments receipts are the only other thing.
			var puts, bytes int
			count := func(p *person) {
				puts = int(p.core.Number("SELECT count(*) FROM entries WHERE state = 'own'"))
				bytes = int(p.core.Number("SELECT sum(length(bytes)) FROM entries WHERE state = 'own'"))
			}
			speaker := people[1]
			speaker.says("#c", "first") // and his key, if it is time
			w.run(time.Second)
			count(speaker)
			before, size := puts, bytes
			for i := range 10 {
				speaker.says("#c", fmt.Sprint("text ", i))
				w.run(time.Second)
			}
			if count(speaker); puts-before != 10 || bytes-size != 10<<10 {
				t.Errorf("10 texts to %d members are %d envelopes of %d bytes", n, puts-before, bytes-size)
			}
			gone := people[n-1]
			rest := people[:n-1]
			keys := map[*person]int64{}
			for _, p := range rest {
				keys[p] = keyEnvelopes(p)
			}
			people[0].do(channels.Remove{Ref: 3, Channel: "#c", Nick: gone.name})
			w.run(20 * time.Second)
			burst := 0
			for _, p := range rest {
				burst += int(keyEnvelopes(p) - keys[p])
			}
			if burst > 2+n/4 {
				t.Errorf("%d of %d start a new sender key in the first 20 seconds", burst, n-1)
			}
			for _, p := range rest[:min(len(rest), 8)] {
				for range 3 {
					p.says("#c", "he is gone")
					w.run(time.Second)
				}
				if got := keyEnvelopes(p) - keys[p]; got != 1 {
					t.Errorf("%s has started %d sender keys", p.name, got)
				}
			}
			if got := gone.lines("#c"); slices.Contains(got, rest[1].name+": he is gone") {
				t.Error("he reads on")
			}
			for _, p := range rest {
				if got := p.lines("#c"); len(got) != 11+3*min(len(rest), 8) {
					t.Errorf("%s saw %d texts", p.name, len(got))
				}
			}
		})
	}
}
