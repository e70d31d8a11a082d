package channels_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// own gives somebody a hub of his own.
func (p *person) own(name string) *hubHouse {
	h := p.w.hub(name)
	p.owns(h, false)
	return h
}

// hubsOf are the hubs of a channel as somebody sees them, by name.
func (p *person) hubsOf(channel string) []string {
	v, _ := p.core.Channel(channel)
	var names []string
	for _, h := range v.Hubs {
		name, _, _ := strings.Cut(strings.TrimPrefix(h.Address.URL, "http://"), ".")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// logOf is what a hub keeps of the first channel that a person is in: ids.
func (p *person) logOf(h *hubHouse) (ids []string) {
	p.w.t.Helper()
	id, token := p.core.Blobs("SELECT channel FROM channels")[0], p.core.Blobs("SELECT token FROM channels")[0]
	fetch := wire.SignedCall{Op: wire.OpFetch, Channel: wire.Channel(id), Args: wire.FetchArgs{Limit: 1000}, Key: ed25519.NewKeyFromSeed(token)}
	results, err := h.exchange(channels.Request{Hub: h.address(), Calls: []wire.SignedCall{fetch}})
	var found wire.FetchResult
	if err != nil || results[0].Error != nil || codec.Unmarshal(results[0].Value, &found) != nil {
		p.w.t.Fatalf("%s can't read %s: %v %v", p.name, h.name, err, results)
	}
	for _, e := range found.Entries {
		ids = append(ids, fmt.Sprintf("%x", sha256.Sum256(e.Bytes)))
	}
	slices.Sort(ids)
	return ids
}

// sameLogs holds that two hubs have the same.
func (w *world) sameLogs(a, b *hubHouse) {
	w.t.Helper()
	p := w.people[0]
	if x, y := p.logOf(a), p.logOf(b); !slices.Equal(x, y) || len(x) == 0 {
		w.t.Errorf("%s has %d entries, %s has %d, or others", a.name, len(x), b.name, len(y))
	}
}

// news are those that somebody was told.
func (p *person) news() (texts []string) {
	for _, e := range p.events {
		if n, ok := e.(channels.News); ok {
			texts = append(texts, n.Text)
		}
	}
	return texts
}

// two hubs: bob has one too, and keeps the channel there by himself.
func (w *world) twoHubs() (alice, bob *person, attic, cellar *hubHouse) {
	w.t.Helper()
	bob = w.person("bob")
	cellar = bob.own("cellar")
	alice = w.person("alice")
	attic = alice.own("attic")
	alice.do(channels.Join{Channel: "#bob"})
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(30 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"attic", "cellar"}) {
			w.t.Fatalf("%s sees the hubs %q", p.name, got)
		}
	}
	return alice, bob, attic, cellar
}

func TestAMirrorCarriesOn(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	alice.says("#bob", "one")
	w.run(2 * time.Second)
	bob.saw("#alice", "alice: one")
	attic.fall()
	alice.says("#bob", "two")
	w.run(time.Second)
	bob.saw("#alice", "alice: one", "alice: two")
	bob.says("#alice", "three")
	w.run(time.Second)
	alice.saw("#bob", "alice: one", "alice: two", "bob: three")
	w.run(3 * time.Minute)
	if got := alice.news(); len(got) != 1 || !strings.Contains(got[0], "attic.example/hub.cgi does not answer") || !strings.Contains(got[0], "#bob goes on over other hubs") {
		t.Errorf("alice was told %q", got)
	}
	attic.rise()
	w.run(10 * time.Minute)
	if got := alice.news(); len(got) != 2 || !strings.Contains(got[1], "answers again") {
		t.Errorf("alice was told %q", got)
	}
	w.sameLogs(attic, cellar)
	for _, p := range []*person{alice, bob} {
		if q := p.core.Queue(); q != (channels.QueueView{}) {
			t.Errorf("%s has yet to do %+v", p.name, q)
		}
	}
}

func TestAHubGottenLaterIsAMirror(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "before")
	w.run(10 * time.Second)
	cellar := bob.own("cellar")
	w.run(time.Minute)
	w.sameLogs(w.hub("attic"), cellar)
	w.hub("attic").fall()
	bob.says("#alice", "still here")
	w.run(time.Second)
	alice.saw("#bob", "alice: before", "bob: still here")
}

// Who comes back does not open his hub for a channel again that it knows from
// before. If the others have dropped it meanwhile he does not stay there alone: what
// he says would be sent, and nobody read it.
func TestWhoComesBackIsNotOnHisHubAlone(t *testing.T) {
	w := begin(t)
	alice, bob, _, cellar := w.twoHubs()
	alice.removes("#bob", "bob")
	w.run(time.Minute)
	bob.do(channels.Leave{Channel: "#alice"})
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Fatalf("bob is back on %q", got)
	}
	alice.do(channels.DropHub{Channel: "#bob", Hub: cellar.address().Fingerprint})
	w.run(10 * time.Second)
	bob.restart() // then he looks whether his hub is to be used
	w.run(time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"attic"}) {
			t.Errorf("%s sees the hubs %q", p.name, got)
		}
	}
}

func TestCarryingBetweenHubs(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(30 * time.Second)
	w.cut = func(p *person, h *hubHouse) bool { return p == alice && h == cellar || p == bob && h == attic }
	w.run(2 * time.Minute)
	alice.says("#bob", "by the attic")
	bob.says("#alice", "by the cellar")
	w.run(5 * time.Second)
	if got := bob.lines("#alice"); !slices.Contains(got, "alice: by the attic") {
		t.Errorf("bob has %q", got)
	}
	if got := alice.lines("#bob"); !slices.Contains(got, "bob: by the cellar") {
		t.Errorf("alice has %q", got)
	}
	w.cut = nil
	w.run(10 * time.Minute)
	w.sameLogs(attic, cellar)
}

// TestWhatOpensLateIsCarried: one hub has a text, and the other alone the key to it.
// Who reads both carries each to where it is missing.
func TestWhatOpensLateIsCarried(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(30 * time.Second)
	carol.stop()
	w.cut = func(p *person, _ *hubHouse) bool { return p == bob }
	before := alice.logOf(attic)
	alice.removes("#bob", "carol")
	alice.says("#bob", "two")
	w.run(time.Minute)
	w.sameLogs(attic, cellar)
	later := slices.DeleteFunc(alice.logOf(attic), func(id string) bool { return slices.Contains(before, id) })
	text := alice.core.Blobs("SELECT entry FROM entries WHERE state = 'own' ORDER BY seq DESC LIMIT 1")[0]
	alice.stop()
	for _, id := range later {
		h := attic
		if id == fmt.Sprintf("%x", text) {
			h = cellar
		}
		h.edit("DELETE FROM entries WHERE lower(hex(id)) = ?", id)
	}
	w.cut = func(p *person, h *hubHouse) bool { return p == bob && h == cellar }
	w.run(time.Minute)
	bob.saw("#alice")
	w.cut = nil
	w.run(10 * time.Minute)
	bob.saw("#alice", "alice: two")
	w.sameLogs(attic, cellar)
}

func TestAWipedMirrorIsRefilled(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	alice.says("#bob", "one")
	w.run(5 * time.Second)
	cellar.fall()
	cellar.wipe()
	cellar.rise()
	w.run(10 * time.Minute)
	w.sameLogs(attic, cellar)
	attic.fall()
	bob.says("#alice", "two")
	w.run(time.Second)
	alice.saw("#bob", "alice: one", "bob: two")
}

func TestAMirrorPutBackFromABackup(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	cellar.fall()
	cellar.backup()
	cellar.rise()
	w.run(2 * time.Minute)
	for _, text := range []string{"one", "two", "three"} {
		alice.says("#bob", text)
		w.run(2 * time.Second)
	}
	cellar.fall()
	cellar.restore()
	cellar.rise()
	w.run(10 * time.Minute)
	w.sameLogs(attic, cellar)
	if got := bob.news(); len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "has lost some of #alice") {
		t.Errorf("bob was told %q", got)
	}
}

func TestAHubIsDropped(t *testing.T) {
	w := begin(t)
	alice, bob, _, cellar := w.twoHubs()
	drop := func(p *person, channel string, h *hubHouse) channels.Event {
		events := p.do(channels.DropHub{Channel: channel, Hub: h.address().Fingerprint})
		return events[len(events)-1]
	}
	if e, failed := drop(bob, "#alice", w.hub("attic")).(channels.Failed); !failed || !strings.Contains(e.Text, "alice added that hub") {
		t.Errorf("bob dropped alice's hub: %+v", e)
	}
	if _, done := drop(bob, "#alice", cellar).(channels.Done); !done {
		t.Error("bob may not drop his own hub")
	}
	w.run(time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"attic"}) {
			t.Errorf("%s sees the hubs %q", p.name, got)
		}
	}
	bob.restart() // it is not kept there again by itself
	w.run(time.Minute)
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic"}) {
		t.Errorf("alice sees the hubs %q", got)
	}
	w.goesOn(alice, bob, "on")
	if e, failed := drop(alice, "#bob", w.hub("attic")).(channels.Failed); !failed || !strings.Contains(e.Text, "the only hub") {
		t.Errorf("alice dropped the only hub: %+v", e)
	}
	bob.do(channels.Mirror{Channel: "#alice"})
	w.run(time.Minute)
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Errorf("alice sees the hubs %q", got)
	}
	w.sameLogs(w.hub("attic"), cellar)
}

// Two members drop the channel's two hubs at the same time. It does not end by that.
func TestBothHubsAreDropped(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	alice.do(channels.DropHub{Channel: "#bob", Hub: attic.address().Fingerprint})
	bob.do(channels.DropHub{Channel: "#alice", Hub: cellar.address().Fingerprint})
	w.run(time.Minute)
	alice.says("#bob", "where are you?")
	w.run(time.Minute)
	bob.saw("#alice", "alice: where are you?")
	w.goesOn(alice, bob, "here")
	barn := w.hub("barn")
	alice.owns(barn, false)
	w.run(time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"barn"}) {
			t.Errorf("%s sees the hubs %q", p.name, got)
		}
	}
	w.goesOn(alice, bob, "there")
}

// Each hub that was dropped is told what is under way for ten minutes, and then
// nothing more: also where another was dropped shortly before, and where the clock
// was set back meanwhile.
func TestDroppedHubsAreForgotten(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	barn := alice.own("barn")
	alice.do(channels.Mirror{Channel: "#bob", Hub: barn.address().Fingerprint})
	w.run(time.Minute)
	drop := func(h *hubHouse) {
		t.Helper()
		alice.do(channels.DropHub{Channel: "#bob", Hub: h.address().Fingerprint})
		w.run(5 * time.Minute)
		if alice.core.Number("SELECT count(*) FROM places WHERE dropped > 0") == 0 {
			t.Error("it is forgotten already")
		}
	}
	forgotten := func() {
		t.Helper()
		for _, p := range []*person{alice, bob} {
			if n := p.core.Number("SELECT count(*) FROM places WHERE dropped > 0"); n > 0 {
				t.Errorf("%s still tells %d hubs that were dropped", p.name, n)
			}
		}
	}
	drop(cellar)
	drop(barn)
	w.run(10 * time.Minute)
	forgotten()
	alice.do(channels.Mirror{Channel: "#bob", Hub: barn.address().Fingerprint})
	w.run(time.Minute)
	drop(attic)
	alice.stop()
	alice.skew = -24 * time.Hour
	alice.start()
	w.run(15 * time.Minute)
	forgotten()
	w.goesOn(alice, bob, "on")
}

// What was asked of a hub just before it opened the channel is no sign of a loss.
func TestANewHubHasLostNothing(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.dead("attic")
	before := len(alice.news()) + len(bob.news())
	alice.owns(w.hub("cellar"), false)
	alice.do(channels.Mirror{Channel: "#bob"})
	bob.follows(alice.rescues("#bob")["bob"])
	w.run(time.Minute)
	w.goesOn(alice, bob, "on")
	if got := append(alice.news(), bob.news()...)[before:]; len(got) > 0 {
		t.Errorf("they were told %q", got)
	}
}

// TestWhoLeavesStillLetsIn: who has opened a channel on a hub and leaves before
// the hub was told of the others, tells it nevertheless.
func TestWhoLeavesStillLetsIn(t *testing.T) {
	w := begin(t)
	_, bob := w.two()
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		if p == bob && slices.ContainsFunc(r.Calls, func(c wire.SignedCall) bool { return c.Op == wire.OpOpen }) {
			w.named["cellar"].fall() // it has opened the channel, and nothing else comes through
		}
	}
	cellar := bob.own("cellar")
	w.run(2 * time.Second)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Fatalf("bob sees the hubs %q", got)
	}
	bob.do(channels.Leave{Channel: "#alice"})
	w.run(2 * time.Second)
	w.tweak = nil
	cellar.rise()
	w.run(10 * time.Minute)
	if got := bob.core.Queue(); got != (channels.QueueView{}) {
		t.Errorf("bob has yet to do %+v", got)
	}
	w.sameLogs(w.named["attic"], cellar) // as alice reads them
}

// TestADroppedHubIsClosedWhenTheOthersAreTold: who drops a hub has just missed an answer
// of the other one, and has to read that before he can say so. Until he has, the hub
// that he has dropped takes what the others say, who know no better.
func TestADroppedHubIsClosedWhenTheOthersAreTold(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	w.hold = time.Hour
	w.run(time.Minute)
	w.cut = func(p *person, h *hubHouse) bool { return p == alice && h == attic }
	lost := false
	w.mangle = func(p *person, r channels.Request) int {
		if p == bob && r.Hub == attic.address() && r.Calls[0].Op == wire.OpAck && !lost {
			lost = true
			return 0
		}
		return 1
	}
	bob.says("#alice", "one")
	w.run(15 * time.Minute)
	bob.do(channels.DropHub{Channel: "#alice", Hub: cellar.address().Fingerprint})
	w.run(25 * time.Minute)
	alice.says("#bob", "two")
	w.run(5 * time.Second)
	if n := bob.callsOf(cellar, wire.OpClose); n != 0 || !lost {
		t.Errorf("the cellar was closed %d times, and alice is not told why", n)
	}
	if v, _ := alice.core.Channel("#bob"); len(v.Hubs) != 2 || v.Hubs[1].Standing != channels.Good {
		t.Errorf("alice sees %+v", v.Hubs)
	}
	w.cut = nil
	w.run(2 * time.Hour)
	if n := bob.callsOf(cellar, wire.OpClose); n != 1 {
		t.Errorf("the cellar was closed %d times when alice was told", n)
	}
	bob.saw("#alice", "bob: one", "alice: two")
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic"}) {
		t.Errorf("alice sees the hubs %q", got)
	}
}
