package channels_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// renews offers alice's newest invite again, with a higher number and a new
// invite prekey, as after a removal.
func (w *world) renews(alice *person, channel string) {
	w.t.Helper()
	one := func(column string) []byte {
		return alice.core.Blobs("SELECT " + column + " FROM invites ORDER BY id DESC LIMIT 1")[0]
	}
	prekey, err := session.NewPrekey()
	if err != nil {
		w.t.Fatal(err)
	}
	h := w.hub("attic")
	blob, err := session.RefreshBlob(one("card"), session.Secret(one("refresh")), session.Slot(one("slot")), session.Offer{
		Number: 2, Prekey: prekey.Public, Nicks: []string{"alice"}, Hubs: []session.Hub{{URL: h.url, Fingerprint: h.hub.Fingerprint()}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	args := wire.OfferArgs{
		Slot: wire.Slot(one("slot")), Number: 2, Invite: wire.Token(one("invite")),
		Expires: alice.core.Number("SELECT max(expires) FROM invites") / 1e9, Blob: blob,
	}
	token := alice.core.Blobs("SELECT token FROM channels WHERE name = ?", channel)[0]
	id := alice.core.Blobs("SELECT channel FROM channels WHERE name = ?", channel)[0]
	h.ask(channels.Request{Hub: h.address(), Calls: []wire.SignedCall{{
		Op: wire.OpOffer, Channel: wire.Channel(id), Args: args, Key: ed25519.NewKeyFromSeed(token),
	}}}, func(a channels.Answered) {
		if a.Failure != nil || a.Results[0].Error != nil {
			w.t.Fatalf("renewing: %+v", a)
		}
	})
	alice.core.Tamper("UPDATE invites SET number = 2, prekey = ? WHERE state = 'open'", prekey.Seed[:])
}

func TestTheBlobIsRenewedWhileSomebodyJoins(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	peeks := 0
	w.mangle = func(p *person, r channels.Request) int {
		if r.Calls[0].Op == wire.OpPeek {
			if peeks++; peeks == 1 {
				w.renews(alice, "#bob")
			}
		}
		return 1
	}
	bob.do(channels.Redeem{Ref: 9, Channel: "#alice", Key: key})
	bob.do(channels.Redeem{Ref: 10, Channel: "#alice", Key: key})
	w.run(20 * time.Second)
	if s, ok := last[channels.Shown](bob); !ok || s.Ref != 9 || peeks != 2 {
		t.Fatalf("bob was told %+v after %d peeks", bob.events, peeks)
	}
	bob.says("#alice", "in")
	alice.says("#bob", "hello")
	w.run(5 * time.Second)
	alice.saw("#bob", "alice: hello", "bob: in")
	bob.saw("#alice", "bob: in", "alice: hello")
}

func TestTheHubGoesDownWhileSomebodyJoins(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	w.mangle = func(p *person, r channels.Request) int {
		if r.Calls[0].Op == wire.OpRedeem {
			w.mangle = nil
			w.hub("attic").fall() // it took the joining, and does not get to say so
			return 0
		}
		return 1
	}
	bob.do(channels.Redeem{Ref: 9, Channel: "#alice", Key: key})
	w.run(10 * time.Second)
	if v, ok := last[channels.Warn](bob); !ok || !strings.Contains(v.Text, "joining #alice goes on") {
		t.Errorf("bob was told %+v", bob.events)
	}
	bob.restart()
	bob.do(channels.Redeem{Ref: 11, Channel: "#alice", Key: key}) // the user is impatient
	w.run(time.Minute)
	if got := bob.core.Channels(); len(got) != 0 {
		t.Errorf("bob sees %+v", got)
	}
	w.hub("attic").rise()
	w.run(2 * time.Minute)
	if s, ok := last[channels.Shown](bob); !ok || s != (channels.Shown{Ref: 11, Channel: "#alice"}) {
		t.Errorf("bob was told %+v", bob.events)
	}
	if n := count[channels.Joined](alice); n != 1 {
		t.Errorf("%d joined", n)
	}
}

func TestOnesOwnKey(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	alice.redeems("#bob", key)
	alice.do(channels.Redeem{Ref: 5, Channel: "#alice", Key: key})
	if f, ok := last[channels.Failed](alice); !ok || f.Code != channels.CodeNotPossible || !strings.Contains(f.Text, "#bob") {
		t.Errorf("alice was told %+v", alice.events)
	}
}

func TestWhatAJoinerCannotDoYet(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	alice.stop()
	bob.redeems("#alice", key)
	bob.do(channels.Invite{Ref: 1, Channel: "#alice"})
	bob.do(channels.SetTopic{Ref: 2, Channel: "#alice", Text: "x"})
	for _, e := range bob.events[1:] {
		if f, ok := e.(channels.Failed); !ok || f.Code != channels.CodeNotPossible || !strings.Contains(f.Text, "alice") {
			t.Errorf("bob was told %+v", e)
		}
	}
	bob.do(channels.SetNick{Nick: "robert"}) // told when there is somebody to tell
	bob.do(channels.Leave{Channel: "#alice"})
	w.run(5 * time.Second)
}

func TestAJoinerLeavesBeforeAnybodyKnowsHim(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	alice.stop()
	bob.redeems("#alice", key)
	bob.do(channels.SetNick{Nick: "robert"})
	bob.says("#alice", "wrong door")
	w.run(time.Second)
	bob.do(channels.Leave{Ref: 4, Channel: "#alice"})
	w.run(5 * time.Second)
	if len(bob.core.Channels()) != 0 || bob.core.Number("SELECT count(*) FROM channels") != 0 {
		t.Errorf("something of the channel is left")
	}
	alice.start()
	w.run(5 * time.Second)
	alice.saw("#bob", "bob: wrong door")
	if l, ok := last[channels.Left](alice); !ok || l.Nick != "bob" {
		t.Errorf("alice was told %+v", alice.events)
	}
}

// TestRevokedTooLate: a key is revoked while the hub is down, and redeemed
// before the hub hears of that. Nobody is left waiting.
func TestRevokedTooLate(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	w.hub("attic").fall()
	w.run(time.Second)
	alice.do(channels.Revoke{Invite: alice.core.Invites()[0].Number})
	alice.stop()
	w.hub("attic").rise()
	bob.redeems("#alice", key)
	bob.says("#alice", "in?")
	w.run(5 * time.Second)
	alice.start()
	w.run(20 * time.Minute)
	if len(bob.core.Channels()) != 0 {
		t.Errorf("bob still is in %+v", bob.core.Channels())
	}
	if v, ok := last[channels.Warn](bob); !ok || !strings.Contains(v.Text, "not let into #alice") {
		t.Errorf("bob was told %+v", bob.events)
	}
	alice.saw("#bob")
	if got := alice.nicks("#bob"); len(got) != 1 {
		t.Errorf("alice sees %q", got)
	}
	if n := alice.core.Number(`SELECT count(*) FROM invites WHERE "join" IS NOT NULL OR prekey IS NOT NULL`); n != 0 {
		t.Errorf("alice keeps the secrets of %d invites", n)
	}
}

// TestRevokedTooLateAndLetIn: another has let in meanwhile who came by the key. He
// has a hub of his own, too, and must not go on there alone, knowing nothing.
func TestRevokedTooLateAndLetIn(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	key := alice.invites("#bob")
	carol := w.person("carol")
	carol.owns(w.hub("cellar"), false)
	off := w.islands()
	off[alice] = true
	w.run(time.Second)
	carol.redeems("#c", key)
	w.run(5 * time.Minute)
	carol.says("#c", "alice is away")
	w.run(time.Minute)
	bob.saw("#alice", "carol: alice is away")
	for _, v := range alice.core.Invites() {
		if v.State == "open" {
			alice.do(channels.Revoke{Invite: v.Number})
		}
	}
	off[alice] = false
	w.run(10 * time.Minute)
	carol.hears("#c", "alice has removed you from #c")
	for p, channel := range map[*person]string{alice: "#bob", bob: "#alice"} {
		if got := p.nicks(channel); len(got) != 2 {
			t.Errorf("%s sees %q", p.name, got)
		}
	}
}

// TestRemovedAtTheDoor: somebody is removed before he hears that he was let in. He is
// told that this may be why the hub lets him in no more.
func TestRemovedAtTheDoor(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	alice.stop()
	bob.redeems("#alice", key)
	w.run(time.Second)
	bob.stop()
	alice.start()
	w.run(5 * time.Second)
	alice.removes("#bob", "bob")
	w.run(2 * time.Minute)
	bob.start()
	w.run(5 * time.Second)
	if v, ok := last[channels.Warn](bob); !ok || !strings.Contains(v.Text, "not let into #alice") || !strings.Contains(v.Text, "alice has removed you") {
		t.Errorf("bob was told %+v", bob.events)
	}
}
