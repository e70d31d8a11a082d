package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

func accountKeyIsUsedOnce(w *world) {
	w.refused(wire.CodeDenied, w.claim(owner, ownKey, nil))
	w.ok(w.claim(owner, ownKey, &store.Account{Owner: true}))
	w.ok(w.claim(owner, ownKey, nil))
	w.refused(wire.CodeUsed, w.claim(bob, ownKey, nil))
	w.refused(wire.CodeUsed, w.claim(bob, ownKey, &store.Account{Owner: true}))
	w.ok(w.claim(bob, store.KeyHash{2}, &store.Account{Quota: 1000}))
	// The owner takes a guest's key: he stays the owner.
	w.ok(w.claim(owner, store.KeyHash{3}, &store.Account{Quota: 1000}))
	if s := w.status(wire.Channel{}, owner); !s.Owner || s.Quota != 0 {
		w.Fatalf("%+v", s)
	}
	if s := w.status(wire.Channel{}, bob); s.Owner || s.Quota != 1000 {
		w.Fatalf("%+v", s)
	}
}

// What is known of owners outside the store makes them owners of an empty one,
// and changes nothing in one that knows them.
func ownersComeBack(w *world) {
	w.lounge()
	w.ok(w.claim(bob, store.KeyHash{2}, &store.Account{Quota: 1000}))
	w.ok(w.claim(carol, store.KeyHash{3}, &store.Account{Owner: true}))
	owners := w.owners()
	want := []store.Owner{{Token: owner, Key: ownKey}, {Token: carol, Key: store.KeyHash{3}}}
	if len(owners) != 2 || !slices.Contains(owners, want[0]) || !slices.Contains(owners, want[1]) {
		w.Fatalf("%x, want %x", owners, want)
	}
	own := func(o store.Owner) {
		w.Helper()
		w.ok(w.update(func(tx store.Tx) error { return tx.Own(o) }))
	}
	own(store.Owner{Token: bob, Key: store.KeyHash{2}})
	own(want[0])
	if s := w.status(wire.Channel{}, bob); s.Owner || s.Quota != 1000 {
		w.Errorf("a guest became %+v", s)
	}
	w.fresh()
	w.refused(wire.CodeDenied, w.openChannel(owner, lounge, alice))
	own(want[0])
	w.ok(w.openChannel(owner, lounge, alice))
	w.ok(w.claim(owner, ownKey, nil))
	w.refused(wire.CodeUsed, w.claim(bob, ownKey, nil))
	if s := w.status(wire.Channel{}, owner); !s.Owner || s.Quota != 0 {
		w.Errorf("%+v", s)
	}
	if got := w.owners(); len(got) != 1 || got[0] != want[0] {
		w.Errorf("%x", got)
	}
}

func (w *world) owners() (owners []store.Owner) {
	w.Helper()
	w.ok(w.store.View(context.Background(), w.now, func(tx store.Tx) (err error) {
		owners, err = tx.Owners()
		return err
	}))
	return owners
}

func onlyAccountsOpenChannels(w *world) {
	w.refused(wire.CodeDenied, w.openChannel(owner, lounge, alice))
	w.lounge()
	w.ok(w.openChannel(owner, lounge, alice))
	w.refused(wire.CodeDenied, w.openChannel(owner, lounge, bob))
	w.refused(wire.CodeDenied, w.openChannel(alice, cellar, alice))
	w.refused(wire.CodeBad, w.openChannel(owner, wire.Channel{}, alice))
	w.put(alice, "hello")
	w.ok(w.revoke(alice, alice))
	w.refused(wire.CodeRevoked, w.openChannel(owner, lounge, alice))
}

func strangersAreRefused(w *world) {
	w.lounge()
	position := w.put(alice, "hello").Position
	for name, call := range map[string]func(store.Tx, wire.Channel) error{
		"put": func(tx store.Tx, c wire.Channel) error {
			_, err := tx.Put(c, bob, wire.PutArgs{Class: wire.ClassText, Entry: []byte("hi")})
			return err
		},
		"fetch": func(tx store.Tx, c wire.Channel) error {
			_, err := tx.Fetch(c, bob, wire.FetchArgs{Limit: 1}, wire.MaxFetch)
			return err
		},
		"ack": func(tx store.Tx, c wire.Channel) error {
			return tx.Ack(c, bob, wire.AckArgs{Position: position})
		},
		"grant": func(tx store.Tx, c wire.Channel) error {
			return tx.Grant(c, bob, wire.GrantArgs{Token: carol, Under: alice})
		},
		"revoke": func(tx store.Tx, c wire.Channel) error {
			return tx.Revoke(c, bob, wire.RevokeArgs{Token: alice})
		},
		"offer": func(tx store.Tx, c wire.Channel) error {
			return tx.Offer(c, bob, wire.OfferArgs{Slot: slotOne, Number: 1, Blob: []byte("card")})
		},
		"withdraw": func(tx store.Tx, c wire.Channel) error {
			return tx.Withdraw(c, bob, wire.WithdrawArgs{Slot: slotOne})
		},
		"status": func(tx store.Tx, c wire.Channel) error { _, err := tx.Status(c, bob); return err },
	} {
		w.Log(name)
		w.refused(wire.CodeDenied, w.update(func(tx store.Tx) error { return call(tx, lounge) }))
		w.refused(wire.CodeUnknown, w.update(func(tx store.Tx) error { return call(tx, cellar) }))
		w.ok(w.grant(alice, bob, alice))
		w.ok(w.revoke(alice, bob))
		w.refused(wire.CodeRevoked, w.update(func(tx store.Tx) error { return call(tx, lounge) }))
		w.fresh()
		w.lounge()
	}
	w.log()
}

// fresh puts an empty store in the place of the world's.
func (w *world) fresh() {
	limits := store.DefaultLimits()
	w.open(limits)
}

func quotasOfGuests(w *world) {
	w.ok(w.claim(bob, store.KeyHash{2}, &store.Account{Quota: 50_000}))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.openChannel(bob, cellar, alice))
	w.put(alice, long("one", 20_000))
	w.put(alice, long("key", 20_000), asKeep)
	_, err := w.tryPut(alice, long("another key", 20_000), asKeep)
	w.refused(wire.CodeFull, err)
	if result := w.put(alice, long("two", 20_000)); !result.Full {
		w.Fatalf("%+v", result)
	}
	w.log(long("key", 20_000), long("two", 20_000))
	// A text that all of the channel's own could not make room for.
	_, err = w.tryPut(alice, long("three", 40_000))
	w.refused(wire.CodeFull, err)
	w.refused(wire.CodeFull, w.update(func(tx store.Tx) error {
		_, err := tx.Put(cellar, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte(long("elsewhere", 20_000))})
		return err
	}))
	w.log(long("key", 20_000), long("two", 20_000))
}

func waitedIsRemembered(w *world) {
	note := func() bool {
		before, err := w.store.Waited(context.Background(), w.now, [32]byte{7})
		w.ok(err)
		return before
	}
	if note() {
		w.Fatal("seen before the first time")
	}
	w.now = w.now.Add(wire.EncSeen - time.Second)
	if !note() {
		w.Fatal("forgotten too early")
	}
	w.later(2 * time.Second)
	if note() {
		w.Fatal("remembered for too long")
	}
}

func aRefusalLeavesTheRestStanding(w *world) {
	w.lounge()
	w.ok(w.update(func(tx store.Tx) error {
		if _, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte("one")}); err != nil {
			return err
		}
		_, err := tx.Put(lounge, bob, wire.PutArgs{Class: wire.ClassText, Entry: []byte("two")})
		w.refused(wire.CodeDenied, err)
		_, err = tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte("three")})
		return err
	}))
	w.log("one", "three")
}

func anErrorUndoesEverything(w *world) {
	w.lounge()
	mishap := errors.New("a mishap")
	err := w.store.Update(context.Background(), w.now, func(tx store.Tx) error {
		_, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte("one")})
		w.ok(err)
		return mishap
	})
	if !errors.Is(err, mishap) {
		w.Fatal(err)
	}
	w.log()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.store.Update(ctx, w.now, func(store.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
		w.Fatal(err)
	}
}

func generationStays(w *world) {
	one := w.generation()
	w.lounge()
	w.later(30 * time.Hour)
	if two := w.generation(); one != two || one == ([16]byte{}) {
		w.Fatalf("%x, then %x", one, two)
	}
	w.ok(w.update(func(tx store.Tx) error {
		three, err := tx.Generation()
		if one != three {
			w.Errorf("%x, and %x in a transaction that writes", one, three)
		}
		return err
	}))
}

func (w *world) generation() (g [16]byte) {
	w.Helper()
	w.ok(w.store.View(context.Background(), w.now, func(tx store.Tx) (err error) {
		g, err = tx.Generation()
		return err
	}))
	return g
}
