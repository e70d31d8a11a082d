package channels_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// islands has people who can reach no hub, as long as they stand in it.
type islands map[*person]bool

func (w *world) islands() islands {
	off := islands{}
	w.cut = func(p *person, h *hubHouse) bool { return off[p] }
	return off
}

// agree holds that all see the same members and have the same operations.
func (w *world) agree(of map[*person]string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	for p, channel := range of {
		got := p.nicks(channel)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			w.t.Errorf("%s sees %q, not %q", p.name, got, want)
		}
		for q, other := range of {
			if a, b := p.operations(channel), q.operations(other); !slices.Equal(a, b) {
				w.t.Errorf("%s has %d operations, %s has %d, or others", p.name, len(a), q.name, len(b))
			}
		}
	}
}

// Two who remove the same member at once, and both offer a third's key again: all
// agree, and who has the key comes in and is understood by everybody at once.
func TestTwoRemoveAtOnce(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, dave, eve := w.five()
	key := carol.invites("#c")
	w.run(30 * time.Second)
	off := w.islands()
	off[alice], off[bob] = true, true
	w.run(time.Minute)
	alice.removes("#bob", "dave")
	bob.removes("#alice", "dave")
	w.run(time.Minute)
	bob.restart()
	off[alice] = false
	w.run(30 * time.Second)
	off[bob] = false
	w.run(10 * time.Minute)
	all := map[*person]string{alice: "#bob", bob: "#alice", carol: "#c", eve: "#c"}
	w.agree(all, "alice", "bob", "carol", "eve")
	if n := count[channels.Left](eve); n != 1 {
		t.Errorf("eve was told %d times", n)
	}
	dave.hears("#c", "has removed you from #c")
	off[carol] = true // her gateway does not let him in: the others can read him all the same
	frank := w.person("frank")
	frank.redeems("#c", key)
	frank.says("#c", "I am frank")
	w.run(10 * time.Second)
	for p, channel := range all {
		if got := p.lines(channel); p != carol && !slices.Contains(got, "frank: I am frank") {
			t.Errorf("%s saw %q", p.name, got)
		}
	}
	off[carol] = false
	w.run(10 * time.Minute)
	all[frank] = "#c"
	w.agree(all, "alice", "bob", "carol", "eve", "frank")
}

// He who removes is removed at the same time by one above him. If the others heard
// of his removal it stands; if not, he is told that they did not.
func TestTheRemoverIsRemoved(t *testing.T) {
	long(t)
	for _, heard := range []bool{true, false} {
		w := begin(t)
		alice, bob, carol, dave, eve := w.five()
		off := w.islands()
		off[alice], off[bob] = true, true
		w.run(time.Minute)
		alice.removes("#bob", "bob")
		bob.removes("#alice", "dave")
		bob.says("#alice", "dave had to go")
		off[bob] = !heard
		w.run(time.Minute)
		off[alice], off[bob] = false, !heard
		w.run(20 * time.Second)
		off[bob] = false
		w.run(10 * time.Minute)
		bob.hears("#alice", "alice has removed you from #alice")
		all := map[*person]string{alice: "#bob", carol: "#c", eve: "#c"}
		if heard {
			dave.hears("#c", "bob has removed you from #c")
			bob.hears("#alice", "your last 1 texts were sent when you were removed already")
			w.agree(all, "alice", "carol", "eve")
		} else {
			all[dave] = "#c"
			bob.hears("#alice", "not sent either: that you removed dave. The others see dave still")
			w.agree(all, "alice", "carol", "dave", "eve")
		}
	}
}

// Whom somebody lets in who is removed at the same time does not come in, and is
// told so by his own gateway: whether he knew the members by then or not.
func TestTheRemovedInvites(t *testing.T) {
	long(t)
	for _, letIn := range []bool{true, false} {
		w := begin(t)
		alice, bob, attic, cellar := w.twoHubs()
		carol := w.joins("carol", alice, "#bob")
		w.run(time.Minute)
		eve := w.person("eve")
		apart := true // alice and carol are on the attic alone, bob and eve on the cellar
		w.cut = func(p *person, h *hubHouse) bool {
			return apart && (h == cellar) != (p == bob || p == eve)
		}
		w.run(time.Minute)
		alice.removes("#bob", "bob")
		alice.hears("#bob", "bob added the hub http://cellar.example/hub.cgi: who owns it still sees how much is said there, and when. To go on without: /msg sysop hub drop #bob http://cellar.example/hub.cgi")
		key := bob.invites("#alice")
		if !letIn {
			bob.stop()
		}
		eve.redeems("#c", key)
		eve.says("#c", "hello")
		w.run(time.Minute)
		if v, _ := eve.core.Channel("#c"); v.Waiting == letIn {
			t.Fatalf("let in %v: eve sees %+v", letIn, v)
		}
		apart = false
		if !letIn {
			bob.start()
		}
		w.run(20 * time.Minute)
		bob.hears("#alice", "alice has removed you from #alice")
		l := eve.hears("#c", "alice has removed bob, who brought you in, before hearing of you: so your joining of #c does not count")
		if !strings.Contains(l, "ask alice for a new one-time key") {
			t.Errorf("eve was told %q", l)
		}
		w.agree(map[*person]string{alice: "#bob", carol: "#c"}, "alice", "carol")
		if v, _ := attic.answers(eve.keeps()), 0; v == "" {
			t.Errorf("the attic lets eve in")
		}
		for _, p := range []*person{alice, carol} {
			for _, l := range append(p.lines("#bob"), p.lines("#c")...) {
				if strings.HasPrefix(l, "eve: ") {
					t.Errorf("%s saw %q", p.name, l)
				}
			}
		}
		// She comes back by a new key.
		eve.redeems("#c2", alice.invites("#bob"))
		w.run(time.Minute)
		w.agree(map[*person]string{alice: "#bob", carol: "#c", eve: "#c2"}, "alice", "carol", "eve")
		alice.says("#bob", "so you are here")
		w.run(time.Minute)
		if got := eve.lines("#c2"); !slices.Contains(got, "alice: so you are here") {
			t.Errorf("eve saw %q", got)
		}
	}
}

// A joiner who waits for somebody who is removed meanwhile is told so.
func TestTheInviterOfOneWhoWaitsIsRemoved(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	key := bob.invites("#alice")
	w.run(30 * time.Second)
	off := w.islands()
	off[alice], off[carol] = true, true
	bob.stop()
	w.run(time.Minute)
	dave := w.person("dave")
	dave.redeems("#c", key)
	dave.says("#c", "anybody?")
	alice.removes("#bob", "bob")
	w.run(time.Minute)
	off[alice] = false
	w.run(20 * time.Minute)
	off[carol] = false
	bob.start()
	w.run(20 * time.Minute)
	dave.hears("#c", "alice has removed bob, who brought you in, before hearing of you")
	w.agree(map[*person]string{alice: "#bob", carol: "#c"}, "alice", "carol")
	if n := count[channels.Joined](carol); n > 2 {
		t.Errorf("carol was told of %d who joined", n)
	}
	// A key that was made by him and is not used yet is worth nothing.
	if n := alice.core.Number("SELECT count(*) FROM invites WHERE state = 'open'"); n != 0 {
		t.Errorf("%d keys are open", n)
	}
}

// Several removals that wait for a hub cost one sender key for those who stay, and
// each of the removed is told.
func TestSeveralAreRemoved(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, dave, eve := w.five()
	alice.says("#bob", "hello")
	w.run(10 * time.Second)
	off := w.islands()
	off[alice] = true
	w.run(time.Minute)
	keys := alice.core.Number("SELECT count(DISTINCT key) FROM entries WHERE state = 'own'")
	alice.says("#bob", "nobody of those reads this")
	for _, nick := range []string{"bob", "dave", "eve"} {
		alice.removes("#bob", nick)
	}
	w.run(10 * time.Minute)
	alice.restart()
	off[alice] = false
	w.run(10 * time.Second)
	bob.hears("#alice", "alice has removed you from #alice")
	for _, p := range []*person{dave, eve} {
		p.hears("#c", "alice has removed you from #c")
	}
	w.run(10 * time.Minute)
	for _, p := range []*person{bob, dave, eve} {
		if got := append(p.lines("#alice"), p.lines("#c")...); !slices.Equal(got, []string{"alice: hello"}) {
			t.Errorf("%s saw %q", p.name, got)
		}
	}
	carol.saw("#c", "alice: hello", "alice: nobody of those reads this")
	// The restarted gateway needs a new key for the farewells, and one for all else.
	if n := alice.core.Number("SELECT count(DISTINCT key) FROM entries WHERE state = 'own'") - keys; n != 2 {
		t.Errorf("it took %d sender keys", n)
	}
	w.agree(map[*person]string{alice: "#bob", carol: "#c"}, "alice", "carol")
}

// Who removes somebody and leaves at once has still told him, and put him out of the
// hub that nobody else has opened.
func TestTheRemoverLeaves(t *testing.T) {
	w := begin(t)
	alice, bob, carol, dave, eve := w.five()
	alice.says("#bob", "hello")
	w.run(10 * time.Second)
	d := dave.keeps()
	alice.restart() // no sender key that may be used
	alice.removes("#bob", "dave")
	alice.do(channels.Leave{Channel: "#bob"})
	w.run(2 * time.Minute)
	dave.hears("#c", "alice has removed you from #c")
	w.agree(map[*person]string{bob: "#alice", carol: "#c", eve: "#c"}, "bob", "carol", "eve")
	if code := w.named["attic"].answers(d); code != wire.CodeRevoked {
		t.Errorf("the attic answers dave with %q", code)
	}
	eve.says("#c", "both are gone")
	w.run(10 * time.Second)
	carol.saw("#c", "alice: hello", "eve: both are gone")
}

// What waited for something before it when one is removed is shown: nothing more
// comes that it could wait for.
func TestWhatWasHeldWhenOneIsRemoved(t *testing.T) {
	w := begin(t)
	alice, bob, carol, dave, _ := w.five()
	hidden := map[[32]byte]bool{}
	w.hide = func(p *person, e wire.Entry) bool { return p == bob && hidden[sha256.Sum256(e.Bytes)] }
	w.take = func(p *person, a channels.Answered) bool { return p == bob }
	carol.says("#c", "lost on the way")
	w.run(5 * time.Second)
	for _, id := range carol.core.Blobs("SELECT entry FROM entries WHERE state = 'own' ORDER BY id DESC LIMIT 1") {
		hidden[[32]byte(id)] = true
	}
	carol.says("#c", "and more")
	w.run(5 * time.Second)
	w.take = nil
	bob.restart()
	w.run(5 * time.Second)
	if got := bob.lines("#alice"); len(got) != 0 {
		t.Fatalf("bob saw %q: this tests nothing", got)
	}
	alice.removes("#bob", "bob")
	w.run(30 * time.Second)
	bob.hears("#alice", "alice has removed you from #alice")
	bob.saw("#alice", "carol: and more")
	if q := bob.core.Queue(); q.Held != 0 {
		t.Errorf("%d texts are held still", q.Held)
	}
	dave.saw("#c", "carol: lost on the way", "carol: and more")
}

// TestAGatewayDiesInARemoval has all gateways die once while somebody is removed,
// after each of their steps: before anything of it is carried out, or with the
// requests at the hub and the answers lost.
func TestAGatewayDiesInARemoval(t *testing.T) {
	afterEachStep(t, 10, func(t *testing.T, w *world, dies func()) {
		alice, bob := w.two()
		carol := w.joins("carol", alice, "#bob")
		key := carol.invites("#c")
		w.run(10 * time.Second)
		b := bob.keeps()
		dies()
		alice.step(channels.Remove{Channel: "#bob", Nick: "bob"})
		alice.step(channels.Send{Channel: "#bob", Kind: channels.Text, Text: "he is gone"})
		w.run(5 * time.Minute)
		dave := w.person("dave")
		dave.redeems("#c", key)
		dave.says("#c", "hello")
		w.run(2 * time.Minute)
		w.agree(map[*person]string{alice: "#bob", carol: "#c", dave: "#c"}, "alice", "carol", "dave")
		if code := w.named["attic"].answers(b); code != wire.CodeRevoked {
			t.Errorf("the attic answers bob with %q", code)
		}
		if got := bob.history("#alice"); len(got) != 0 {
			t.Errorf("bob read %q", got)
		}
		kept, err := bob.core.Backlog("nobody") // what was shown by a gateway that died may not have been seen
		if err != nil || !slices.ContainsFunc(kept, func(l channels.Line) bool { return strings.Contains(l.Text, "alice has removed you from #alice") }) {
			t.Errorf("bob has kept %+v %v", kept, err)
		}
		for _, p := range []struct {
			*person
			channel string
		}{{alice, "#bob"}, {carol, "#c"}} {
			if got := p.history(p.channel); !slices.Equal(got, []string{"alice: he is gone", "dave: hello"}) {
				t.Errorf("%s has %q", p.name, got)
			}
		}
	})
}
