package channels_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// standing is what a hub answers to somebody who reads a channel there: nothing if
// it lets him, else a refusal's code. It may be asked with keys that were kept.
func (h *hubHouse) answers(k kept) wire.Code {
	h.w.t.Helper()
	fetch := wire.SignedCall{Op: wire.OpFetch, Channel: k.channel, Args: wire.FetchArgs{Limit: 1}, Key: k.token}
	results, err := h.exchange(channels.Request{Hub: h.address(), Calls: []wire.SignedCall{fetch}})
	if err != nil {
		h.w.t.Fatal(err)
	}
	if results[0].Error != nil {
		return results[0].Error.Code
	}
	return ""
}

// kept is what somebody has of a channel, and keeps though he leaves.
type kept struct {
	channel wire.Channel
	token   ed25519.PrivateKey
}

func (p *person) keeps() kept {
	return kept{
		wire.Channel(p.core.Blobs("SELECT channel FROM channels ORDER BY id")[0]),
		ed25519.NewKeyFromSeed(p.core.Blobs("SELECT token FROM channels ORDER BY id")[0]),
	}
}

// house is alice's channel on her hub and on bob's, with carol, whom bob brought,
// and dave, whom carol did.
func (w *world) house() (alice, bob, carol, dave *person, attic, cellar *hubHouse) {
	w.t.Helper()
	alice, bob, attic, cellar = w.twoHubs()
	carol = w.joins("carol", bob, "#alice")
	dave = w.joins("dave", carol, "#c")
	w.run(time.Minute)
	return alice, bob, carol, dave, attic, cellar
}

// A removal takes the token away on all hubs, by whoever opened them, and on those
// that are down later. Those below stay.
func TestTokensAreRevokedOnAllHubs(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, dave, attic, cellar := w.house()
	c, d := carol.keeps(), dave.keeps()
	cellar.fall()
	w.run(time.Minute)
	bob.restart() // he who opened the cellar has to remember
	alice.removes("#bob", "carol")
	w.run(5 * time.Second)
	carol.hears("#c", "alice has removed you")
	if code := attic.answers(c); code != "" {
		t.Errorf("carol was put out at once: %q", code) // else her gateway could not read by whom
	}
	w.run(5 * time.Minute)
	alice.restart()
	bob.restart()
	cellar.rise()
	w.run(15 * time.Minute)
	for _, h := range []*hubHouse{attic, cellar} {
		if code := h.answers(c); code != wire.CodeRevoked {
			t.Errorf("%s answers carol with %q", h.name, code)
		}
		if code := h.answers(d); code != "" {
			t.Errorf("%s answers dave with %q", h.name, code)
		}
	}
	attic.fall()
	dave.says("#c", "by the cellar")
	w.run(10 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.lines(p.channel); !slices.Contains(got, "dave: by the cellar") {
			t.Errorf("%s saw %q", p.name, got)
		}
	}

	// A hub that comes later never lets her in.
	attic.rise()
	loft := dave.own("loft")
	dave.do(channels.Mirror{Channel: "#c", Hub: loft.address().Fingerprint})
	w.run(2 * time.Minute)
	if code := loft.answers(alice.keeps()); code != "" {
		t.Errorf("the loft answers alice with %q", code)
	}
	if code := loft.answers(c); code != wire.CodeDenied && code != wire.CodeRevoked {
		t.Errorf("the loft answers carol with %q", code)
	}
	// Nor one that was wiped.
	attic.fall()
	attic.wipe()
	attic.rise()
	w.run(15 * time.Minute)
	if code := attic.answers(c); code != wire.CodeDenied && code != wire.CodeRevoked {
		t.Errorf("the attic answers carol with %q", code)
	}
	if code := attic.answers(d); code != "" {
		t.Errorf("the attic answers dave with %q", code)
	}
}

// Who is away when he is removed hears it from the hubs, and what he had to say is
// told as not sent.
func TestRemovedWhileAway(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, _, attic, cellar := w.house()
	away := true
	w.cut = func(p *person, h *hubHouse) bool { return away && p == carol }
	w.run(time.Minute)
	carol.says("#c", "does anybody hear me?")
	carol.says("#c", "hello?")
	bob.removes("#alice", "carol")
	w.run(2 * time.Minute)
	if attic.answers(carol.keeps()) != wire.CodeRevoked || cellar.answers(carol.keeps()) != wire.CodeRevoked {
		t.Error("she is let in still")
	}
	away = false
	w.run(10 * time.Minute)
	l := carol.hears("#c", "it could be bob or alice")
	if !strings.Contains(l, "What was said so far stays here") {
		t.Errorf("carol was told %q", l)
	}
	carol.hears("#c", "not sent, and nobody gets it: “does anybody hear me?”, “hello?”")
	if v, _ := carol.core.Channel("#c"); v.Pending != 0 {
		t.Errorf("%d of her texts are still pending", v.Pending)
	}
	if got := carol.fails(channels.Send{Channel: "#c", Kind: channels.Text, Text: "still?"}, channels.CodeNotPossible); !strings.Contains(got, "you were removed") {
		t.Errorf("carol was told %q", got)
	}
	before := len(carol.made)
	told := len(carol.infos("#c"))
	w.hold = time.Hour
	w.run(20 * time.Hour)
	if n := len(carol.made) - before; n > 4 {
		t.Errorf("her gateway asks on: %d requests", n)
	}
	carol.restart()
	w.run(time.Minute)
	if n := len(carol.infos("#c")); n != told {
		t.Errorf("she is told again: %q", carol.infos("#c")[told:])
	}
	for _, p := range []*person{alice, bob} {
		for _, l := range append(p.lines("#bob"), p.lines("#alice")...) {
			if strings.Contains(l, "hear me") {
				t.Errorf("%s saw %q", p.name, l)
			}
		}
	}
}

// What waits to be sent when the removal comes is told as not sent, in words.
func TestWhatWaitedWhenOneIsRemoved(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.named["attic"]
	attic.fall()
	w.run(10 * time.Second)
	bob.says("#alice", "one")
	bob.says("#alice", "two")
	alice.removes("#bob", "bob")
	w.run(10 * time.Second)
	w.cut = func(p *person, h *hubHouse) bool { return p == bob }
	attic.rise()
	w.run(20 * time.Second) // the hub has the removal now
	w.cut = nil
	bob.restart() // he asks at once: before the hub puts him out
	w.run(10 * time.Second)
	bob.hears("#alice", "alice has removed you from #alice")
	bob.hears("#alice", "not sent, and nobody gets it: “one”, “two”")
	if got := alice.lines("#bob"); len(got) != 0 {
		t.Errorf("alice saw %q", got)
	}
	if got := bob.history("#alice"); !slices.Equal(got, []string{"bob: one", "bob: two"}) {
		t.Errorf("bob has kept %q", got)
	}
}

// The last of the others is told, too, though nobody is left to tell; and by a
// gateway that has no sender key to tell it with.
func TestTheLastOtherIsTold(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "hello")
	w.run(2 * time.Second)
	alice.restart()
	alice.removes("#bob", "bob")
	w.run(10 * time.Second)
	bob.hears("#alice", "alice has removed you from #alice")
	bob.saw("#alice", "alice: hello")
	alice.says("#bob", "he is gone")
	carol := w.joins("carol", alice, "#bob")
	w.run(10 * time.Second)
	carol.saw("#c", "alice: he is gone")
	bob.saw("#alice", "alice: hello")
	if n := alice.core.Number("SELECT count(*) FROM outbox"); n != 0 {
		t.Errorf("alice has %d things to say still", n)
	}
}

// A hub that was down while a removal had the invites renewed shows the older offer.
// Who comes by it is understood all the same, by whoever has renewed it too; and
// where the newer offer is, the older invite prekey is of no use.
func TestWhoComesByAnOlderOffer(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, dave, _, cellar := w.house()
	key := carol.invites("#c")
	w.run(30 * time.Second)
	off := w.islands()
	cellar.fall()
	w.run(time.Minute)
	prekey := dave.core.Blobs("SELECT prekey FROM invites WHERE state = 'open'")[0]
	alice.removes("#bob", "dave")
	w.run(30 * time.Second)
	newer := bob.core.Blobs("SELECT prekey FROM invites WHERE state = 'open'")[0]
	if bytes.Equal(prekey, newer) || !bytes.Equal(newer, carol.core.Blobs("SELECT prekey FROM invites WHERE state = 'open'")[0]) {
		t.Fatal("the invite was not renewed for all: this tests nothing")
	}
	off[alice], off[bob], off[carol] = true, true, true
	w.run(time.Minute)
	carol.restart()
	cellar.rise()
	frank := w.person("frank")
	frank.redeems("#c", cellar.elsewhere(key))
	frank.says("#c", "I am frank")
	w.run(10 * time.Second)
	off[alice], off[bob] = false, false
	w.run(3 * time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.lines(p.channel); !slices.Contains(got, "frank: I am frank") {
			t.Errorf("%s saw %q", p.name, got)
		}
	}
	off[carol] = false
	w.run(10 * time.Minute)
	if got := carol.lines("#c"); !slices.Contains(got, "frank: I am frank") {
		t.Errorf("carol saw %q", got)
	}
	w.agree(map[*person]string{alice: "#bob", bob: "#alice", carol: "#c", frank: "#c"}, "alice", "bob", "carol", "frank")
	w.hold = time.Hour
	w.run(2 * 24 * time.Hour)
	for _, p := range []*person{alice, bob, carol} {
		if n := p.core.Number("SELECT count(*) FROM invite_seeds"); n != 0 {
			t.Errorf("%s has %d invite prekeys still", p.name, n)
		}
	}
}

// A hub that somebody added before he was removed, and of which the remover had not
// heard, is none of the channel's: whoever has used it leaves it when he hears of that,
// and is not there alone.
func TestAHubThatARemovalDidNotKnowOf(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	w.run(time.Minute)
	away := true
	w.cut = func(p *person, _ *hubHouse) bool { return away && p == alice }
	w.run(time.Minute)
	bob.own("cellar")
	w.run(time.Minute)
	if got := carol.hubsOf("#c"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Fatalf("carol is on %q", got)
	}
	alice.removes("#bob", "bob")
	away = false
	w.run(2 * time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {carol, "#c"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"attic"}) {
			t.Errorf("%s sees the hubs %q", p.name, got)
		}
	}
}
