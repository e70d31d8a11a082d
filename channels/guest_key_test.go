package channels_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// Whoever has stolen the key of a guest's account loses it when the owner drops the
// guest: with his next one-time key the guest has another account, in which his
// channels go on, and nothing that was said is lost.
func TestAGuestsStolenAccountKey(t *testing.T) {
	w := begin(t)
	alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
	attic := alice.own("attic")
	bob.guestOf(alice, attic)
	bob.do(channels.Join{Channel: "#carol"})
	carol.redeems("#bob", bob.invites("#carol"))
	w.run(10 * time.Second)
	account := func() []byte {
		return bob.core.Blobs("SELECT account FROM hubs WHERE account IS NOT NULL")[0]
	}
	stolen := account()
	bob.guestOf(alice, attic) // a second key, while the account stands
	if !bytes.Equal(account(), stolen) {
		t.Error("bob has another account, though the hub knows the one he has")
	}
	alice.asks(attic, wire.OpDropGuest, wire.DropGuestArgs{Name: "bob"}, nil)
	w.run(time.Minute)
	bob.says("#carol", "while it was closed")
	w.run(2 * time.Minute)
	bob.guestOf(alice, attic)
	w.run(2 * time.Minute)
	if bytes.Equal(account(), stolen) {
		t.Error("bob's new account has the key that was stolen")
	}
	for _, call := range []wire.SignedCall{
		{Op: wire.OpStatus, Key: ed25519.NewKeyFromSeed(stolen)},
		{Op: wire.OpOpen, Channel: wire.Channel{9}, Args: wire.OpenArgs{Root: wire.Token{9}}, Key: ed25519.NewKeyFromSeed(stolen)},
	} {
		results, err := attic.exchange(channels.Request{Hub: attic.address(), Calls: []wire.SignedCall{call}})
		if err != nil || results[0].Error == nil || results[0].Error.Code != wire.CodeDenied {
			t.Errorf("with the stolen key %s is answered %+v, %v", call.Op, results, err)
		}
	}
	carol.saw("#bob", "bob: while it was closed")
	carol.says("#bob", "here again")
	w.run(10 * time.Second)
	bob.saw("#carol", "bob: while it was closed", "carol: here again")
	for _, p := range []*person{bob, carol} {
		if v, _ := p.core.Channel("#" + map[*person]string{bob: "carol", carol: "bob"}[p]); v.Hubs[0].Standing != channels.Good || v.Pending != 0 {
			t.Errorf("%s sees %+v, and %d texts wait", p.name, v.Hubs, v.Pending)
		}
	}
}

// A key that the hub does not know costs nobody the account that he had there: the hub
// may know it again, when its owner has put a backup back.
func TestAWrongKeyForTheHubLosesNoAccount(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	attic := alice.own("attic")
	bob.guestOf(alice, attic)
	w.run(10 * time.Second)
	account := func() []byte {
		return bob.core.Blobs("SELECT account FROM hubs WHERE account IS NOT NULL")[0]
	}
	was := account()
	attic.edit("DELETE FROM accounts WHERE owner = 0")
	bob.do(channels.UseHub{Ref: 77, Hub: attic.address(), Secret: [16]byte{1, 2, 3}})
	w.run(time.Minute)
	if f, ok := last[channels.Failed](bob); !ok || f.Ref != 77 {
		t.Errorf("bob was told %+v", bob.events)
	}
	if !bytes.Equal(was, account()) {
		t.Error("the account's private key is gone")
	}
}
