package channels_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/session"
)

// sealedKinds counts what somebody has sealed, by kind.
func (p *person) sealedKinds() map[string]int {
	p.w.t.Helper()
	kinds := map[string]int{}
	for _, b := range p.core.Blobs("SELECT signed FROM entries WHERE state = 'own' AND signed IS NOT NULL") {
		var again session.Again
		if err := codec.Unmarshal(b, &again); err != nil {
			p.w.t.Fatal(err)
		}
		own := p.core.Blobs("SELECT sender FROM entries WHERE entry = ?", again.ID[:])[0]
		body, err := session.DecodeBody(again.Body, session.Member(own))
		if err != nil {
			p.w.t.Fatal(err)
		}
		kinds[strings.TrimPrefix(fmt.Sprintf("%T", body.Content), "session.")]++
	}
	return kinds
}

// waits demands that somebody waits in a channel, and for whom.
func (p *person) waits(channel, whom string) {
	p.w.t.Helper()
	if v, ok := p.core.Channel(channel); !ok || !v.Waiting || v.WaitsFor != whom {
		p.w.t.Errorf("%s sees waiting %v for %q, not for %q", p.name, v.Waiting, v.WaitsFor, whom)
	}
}

// isIn demands that somebody knows the members of a channel.
func (p *person) isIn(channel string, members int) {
	p.w.t.Helper()
	if v, ok := p.core.Channel(channel); !ok || v.Waiting || len(v.Members) != members {
		p.w.t.Errorf("%s sees waiting %v, members %q, not %d of them", p.name, v.Waiting, p.nicks(channel), members)
	}
}

// stays brings somebody into a channel on the attic, and has him stay long enough
// that all is told.
func (w *world) comes(name, key string) *person {
	w.t.Helper()
	p := w.person(name)
	p.redeems("#c", key)
	w.run(2 * time.Second)
	return p
}

// TestAnotherLetsIn: the inviter is not there, another member is. He has come by
// one of two keys that were made before anybody was in; the newcomer comes by the
// other.
func TestAnotherLetsIn(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	forBob, forCarol := alice.invites("#c"), alice.invites("#c")
	bob := w.comes("bob", forBob)
	w.run(time.Minute)
	alice.stop()

	carol := w.comes("carol", forCarol)
	carol.waits("#c", "alice or bob")
	carol.says("#c", "hello?")
	w.run(10 * time.Second)
	carol.waits("#c", "alice or bob") // alice may be about to
	bob.saw("#c", "carol: hello?")
	bob.restart()
	w.run(90 * time.Second)
	carol.isIn("#c", 3)
	if got := carol.infos("#c"); len(got) != 1 || !strings.HasPrefix(got[0], "bob has told you who is in #c: alice") {
		t.Errorf("carol was told %q", got)
	}
	bob.says("#c", "hello, carol")
	carol.says("#c", "there you are")
	w.run(5 * time.Second)
	carol.saw("#c", "carol: hello?", "carol: there you are", "bob: hello, carol")

	bob.stop()
	carol.stop()
	w.run(time.Hour)
	alice.start()
	w.run(time.Minute)
	if n := alice.sealedKinds()["Snapshot"]; n != 1 {
		t.Errorf("alice has told all operations %d times: once was for bob", n)
	}
	alice.saw("#c", "carol: hello?", "bob: hello, carol", "carol: there you are")
	alice.says("#c", "hello both")
	bob.start()
	carol.start()
	w.run(time.Minute)
	for _, p := range []*person{bob, carol} {
		if got := p.history("#c"); !slices.Contains(got, "alice: hello both") {
			t.Errorf("%s has %q", p.name, got)
		}
	}
	w.same("#c", map[*person]string{bob: "#c", carol: "#c"}, alice)
}

// TestTheInviterComesInTime: nobody else tells the newcomer what the inviter has
// told him.
func TestTheInviterComesInTime(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	bob := w.comes("bob", alice.invites("#c"))
	key := alice.invites("#c")
	w.run(time.Minute)
	alice.stop()
	carol := w.comes("carol", key)
	w.run(20 * time.Second)
	alice.start()
	w.run(5 * time.Minute)
	carol.isIn("#c", 3)
	if n := bob.sealedKinds()["Snapshot"]; n != 0 {
		t.Errorf("bob has told all operations %d times", n)
	}
	if n := alice.sealedKinds()["Snapshot"]; n != 2 {
		t.Errorf("alice has told all operations %d times", n)
	}
}

// TestOneOfManyLetsIn: of many members who are there one tells the newcomer, or two.
func TestOneOfManyLetsIn(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = 10 * time.Minute
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	var keys []string
	for range 12 {
		keys = append(keys, alice.invites("#c"))
	}
	last := keys[11]
	var crowd []*person
	for i, key := range keys[:11] {
		crowd = append(crowd, w.comes(fmt.Sprintf("p%d", i), key))
	}
	w.run(time.Minute)
	told := func() (n int) {
		for _, p := range crowd {
			n += p.sealedKinds()["Snapshot"]
		}
		return n
	}
	if n := told(); n != 0 {
		t.Errorf("others than alice have told all operations %d times", n)
	}
	alice.stop()
	zoe := w.comes("zoe", last)
	if v, _ := zoe.core.Channel("#c"); v.WaitsFor != "alice, p0, p1 or one of 9 others" {
		t.Errorf("zoe waits for %q", v.WaitsFor)
	}
	w.run(3 * time.Minute)
	zoe.isIn("#c", 13)
	if n := told(); n < 1 || n > 2 {
		t.Errorf("zoe was told all operations %d times", n)
	}
	w.run(time.Hour)
	if n := told(); n > 2 {
		t.Errorf("an hour later zoe was told all operations %d times", n)
	}
	zoe.says("#c", "hello")
	w.run(time.Minute)
	for _, p := range crowd {
		p.saw("#c", "zoe: hello")
	}
}

// TestTheNewcomerIsNotThere: he redeems and goes; those whom he expects have told
// him all when he comes back, and one who was away meanwhile does not once more.
func TestTheNewcomerIsNotThere(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	forBob, forDave, forCarol := alice.invites("#c"), alice.invites("#c"), alice.invites("#c")
	bob, dave := w.comes("bob", forBob), w.comes("dave", forDave)
	w.run(time.Minute)
	alice.stop()
	dave.stop()
	carol := w.comes("carol", forCarol)
	carol.stop()
	w.run(10 * time.Minute)
	if n := bob.sealedKinds()["Snapshot"]; n != 1 {
		t.Errorf("bob has told all operations %d times", n)
	}
	bob.stop()
	dave.start()
	w.run(10 * time.Minute)
	if n := dave.sealedKinds()["Snapshot"]; n != 0 {
		t.Errorf("dave has told all operations %d times", n)
	}
	dave.stop()
	carol.start()
	w.run(time.Minute)
	carol.isIn("#c", 4)
}

// TestOneWhomTheNewcomerDoesNotExpectTells: while the inviter is away two come, one just
// after the other, so that the offer by which the second comes does not name the first.
// She tells him all, for nothing; who is named does so, too.
func TestOneWhomTheNewcomerDoesNotExpectTells(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	forBob, forCarol, forDave := alice.invites("#c"), alice.invites("#c"), alice.invites("#c")
	bob := w.comes("bob", forBob)
	w.run(time.Minute)
	alice.stop()
	carol := w.comes("carol", forCarol)
	dave := w.person("dave")
	tells := time.Unix(0, bob.core.Number("SELECT due FROM newcomers"))
	w.run(tells.Add(-50 * time.Millisecond).Sub(w.now))
	dave.redeems("#c", forDave) // and bob's renewal comes too late
	carol.isIn("#c", 4)
	dave.waits("#c", "alice or bob")
	bob.stop()
	w.run(3 * time.Minute)
	dave.waits("#c", "alice or bob")
	if n := carol.sealedKinds()["Snapshot"]; n != 1 {
		t.Errorf("carol has told all operations %d times", n)
	}
	bob.start()
	w.run(3 * time.Minute)
	dave.isIn("#c", 4)
	carol.says("#c", "there you are")
	w.run(time.Minute)
	dave.saw("#c", "carol: there you are")
}

// tokenOf is the key of somebody's token in a channel.
func (p *person) tokenOf(channel string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(p.core.Blobs("SELECT token FROM channels WHERE name = ?", channel)[0])
}

// leavesAtOnce tells the story of one who leaves in the moment in which somebody
// joins by his key. Times are those at which the joining begins, after the leaving;
// the lines between the two and a hub may be cut meanwhile.
func leavesAtOnce(t *testing.T, after time.Duration, cut, restarts bool) {
	w := begin(t)
	w.hold = 5 * time.Minute
	attic, cellar := w.hub("attic"), w.hub("cellar")
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(attic, false)
	bob.owns(cellar, false)
	alice.do(channels.Join{Channel: "#c"})
	bob.redeems("#c", alice.invites("#c"))
	w.run(time.Minute)
	dave := w.comes("dave", alice.invites("#c"))
	w.run(time.Minute)
	key := bob.invites("#c")
	w.run(10 * time.Second)
	carol := w.person("carol")
	if cut { // each of the two reaches another hub
		w.cut = func(p *person, h *hubHouse) bool { return p == carol && h == attic || p == bob && h == cellar }
	}
	leave := func() { bob.do(channels.Leave{Channel: "#c"}) }
	join := func() { carol.do(channels.Redeem{Ref: 9, Channel: "#c", Key: key}) }
	if after < 0 {
		join()
		w.run(-after)
		leave()
	} else {
		leave()
		w.run(after)
		join()
	}
	w.run(200 * time.Millisecond)
	if restarts {
		bob.restart()
		carol.restart()
		alice.restart()
	}
	w.run(30 * time.Second)
	w.cut = nil
	w.run(10 * time.Minute)
	if restarts {
		alice.restart()
	}
	w.run(30 * time.Minute)
	if len(carol.core.Channels()) == 0 { // the key was closed before
		if f, ok := last[channels.Failed](carol); !ok || f.Ref != 9 {
			t.Fatalf("carol is not in, and was told %v", carol.events)
		}
		t.Logf("carol came too late")
		alice.isIn("#c", 2)
		return
	}
	t.Logf("carol came in")
	carol.isIn("#c", 3)
	alice.isIn("#c", 3)
	carol.says("#c", "I am in")
	w.run(time.Minute)
	alice.says("#c", "and bob is out")
	w.run(time.Minute)
	for _, p := range []*person{alice, dave, carol} {
		if got := p.history("#c"); !slices.Contains(got, "carol: I am in") || !slices.Contains(got, "alice: and bob is out") {
			t.Errorf("%s has %q", p.name, got)
		}
		v, _ := p.core.Channel("#c")
		if slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return h.Standing != channels.Good }) {
			t.Errorf("%s stands with the hubs: %+v", p.name, v.Hubs)
		}
	}
	if n := alice.core.Number("SELECT count(*) FROM admitted WHERE state = 'revoked'"); n != 1 {
		t.Errorf("alice has put out %d tokens", n)
	}
}

// TestTheInviterLeavesAtOnce: whoever came by the key of one who leaves in the same
// moment is a member like all others.
func TestTheInviterLeavesAtOnce(t *testing.T) {
	long(t)
	for _, after := range []time.Duration{-70 * time.Millisecond, 0, 20 * time.Millisecond} {
		for _, how := range []string{"", "cut", "restarts", "cut and restarts"} {
			t.Run(fmt.Sprintf("%v %s", after, how), func(t *testing.T) {
				if how != "" && after != 0 {
					long(t)
				}
				leavesAtOnce(t, after, strings.Contains(how, "cut"), strings.Contains(how, "restarts"))
			})
		}
	}
}
