package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
		w.ok(w.update(func(tx store.Tx) error { return tx.Own(o, false) }))
	}
	own(want[0])
	if got := w.owners(); !slices.Equal(got, owners) {
		w.Errorf("%x", got)
	}
	own(store.Owner{Token: bob, Key: store.KeyHash{9}})
	if s := w.status(wire.Channel{}, bob); !s.Owner || s.Quota != 0 {
		w.Errorf("a guest became %+v", s)
	}
	w.ok(w.update(func(tx store.Tx) error { return tx.Own(store.Owner{Token: bob, Key: store.KeyHash{9}}, true) }))
	if got := w.owners(); len(got) != 1 || got[0] != (store.Owner{Token: bob, Key: store.KeyHash{2}}) {
		w.Errorf("%x", got)
	}
	w.refused(wire.CodeDenied, w.openChannel(owner, cellar, alice))
	w.put(alice, "hello")
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
	if result := w.put(alice, long("two", 20_000)); !result.Full {
		w.Fatalf("%+v", result)
	}
	w.log(long("key", 20_000), long("two", 20_000))
	// A text that all of the channel's own could not make room for.
	_, err := w.tryPut(alice, long("three", 40_000))
	w.refused(wire.CodeFull, err)
	w.refused(wire.CodeFull, w.update(func(tx store.Tx) error {
		_, err := tx.Put(cellar, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte(long("elsewhere", 20_000))})
		return err
	}))
	w.log(long("key", 20_000), long("two", 20_000))
	if s := w.status(lounge, alice); s.Quota != 50_000 || s.Bytes != 40_000+2*store.Overhead {
		w.Errorf("%+v", s)
	}
	if s := w.status(cellar, alice); s.Quota != 10_000-2*store.Overhead || s.Bytes != 0 {
		w.Errorf("%+v", s)
	}
	// What must be kept takes the room of texts, and of nothing else.
	if result := w.put(alice, long("another key", 20_000), asKeep); !result.Full {
		w.Fatalf("%+v", result)
	}
	w.log(long("key", 20_000), long("another key", 20_000))
	_, err = w.tryPut(alice, long("a third key", 20_000), asKeep)
	w.refused(wire.CodeFull, err)
	w.log(long("key", 20_000), long("another key", 20_000))
}

// Who joins takes the room of texts, where there is no other.
func joiningMakesRoom(w *world) {
	w.ok(w.claim(bob, store.KeyHash{2}, &store.Account{Quota: 50_000}))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.offer(alice, 1))
	w.put(alice, long("key", 20_000), asKeep)
	w.put(alice, long("one", 10_000))
	w.put(alice, long("two", 10_000))
	if _, err := w.redeem(1, carol, long("join", 8_000), long("key of carol's", 9_000)); err != nil {
		w.Fatal(err)
	}
	w.log(long("key", 20_000), long("two", 10_000), long("join", 8_000), long("key of carol's", 9_000))
	w.ok(w.offer(alice, 1, func(args *wire.OfferArgs) { args.Slot, args.Invite = wire.Slot{2}, invite }))
	w.refused(wire.CodeFull, w.update(func(tx store.Tx) error {
		_, err := tx.Redeem(invite, wire.RedeemArgs{Slot: wire.Slot{2}, Number: 1, Token: dave, Entries: [][]byte{make([]byte, 20_000)}})
		return err
	}))
	if s := w.status(lounge, alice); s.Tokens != 2 || s.Entries != 4 {
		w.Errorf("%+v", s)
	}
}

// What binds is what the status says: the hub's limit of everything, too.
func quotaIsWhatBinds(w *world) {
	limits := store.DefaultLimits()
	limits.Text, limits.Total = 30_000, 70_000
	w.open(limits)
	w.lounge()
	w.ok(w.openChannel(owner, cellar, alice))
	quota := func(channel wire.Channel, as wire.Token, want int64) {
		w.Helper()
		if s := w.status(channel, as); s.Quota != want {
			w.Errorf("%d bytes of %d, want %d", s.Bytes, s.Quota, want)
		}
	}
	const entry = 10_000 + store.Overhead
	quota(lounge, alice, 30_000)
	quota(wire.Channel{}, owner, 70_000)
	w.put(alice, long("one", 10_000))
	w.put(alice, long("key", 10_000), asKeep)
	quota(lounge, alice, 30_000+entry)
	quota(cellar, alice, 30_000)
	for i := range 3 {
		w.ok(w.update(func(tx store.Tx) error {
			_, err := tx.Put(cellar, alice, wire.PutArgs{Class: wire.ClassKeep, Entry: []byte(long(fmt.Sprint(i), 10_000))})
			return err
		}))
	}
	quota(lounge, alice, 70_000-3*entry)
	quota(cellar, alice, 70_000-2*entry)
	quota(wire.Channel{}, owner, 70_000)
	for i := range 5 { // more than there is room for: the lounge's texts go
		w.put(alice, long(fmt.Sprint("text ", i), 10_000))
		if s := w.status(lounge, alice); s.Bytes > s.Quota {
			w.Fatalf("%+v", s)
		}
	}
}

// Whatever happens to entries, the status counts those that are there.
func statusStaysRight(w *world) {
	w.lounge(bob, carol)
	random := rand.New(rand.NewPCG(7, 8))
	for i := range 400 {
		as := []wire.Token{alice, bob}[random.IntN(2)]
		var options []func(*wire.PutArgs)
		if random.IntN(20) == 0 {
			options = append(options, asKeep)
		}
		if random.IntN(4) == 0 {
			options = append(options, asAgain)
		}
		_, err := w.tryPut(as, long(fmt.Sprint("entry ", random.IntN(300)), 20+random.IntN(4000)), options...)
		if err != nil {
			w.refused(wire.CodeFull, err)
		}
		switch random.IntN(30) {
		case 0:
			w.now = w.now.Add(23 * time.Hour)
		case 1:
			head := w.status(lounge, alice).Head
			w.ack(alice, head)
			w.ack(bob, head)
			w.ack(carol, head)
		}
		if i%20 != 19 {
			continue
		}
		want, s := wire.StatusResult{}, w.status(lounge, carol)
		for _, e := range w.all() {
			want.Entries++
			want.Bytes += int64(len(e.Bytes)) + store.Overhead
			want.Head = e.Position
		}
		if s.Entries != want.Entries || s.Bytes != want.Bytes || (want.Entries > 0 && s.Head != want.Head) {
			w.Fatalf("%+v, and there are %+v", s, want)
		}
	}
}

// all reads the lounge's whole log.
func (w *world) all() (entries []wire.Entry) {
	w.Helper()
	args := wire.FetchArgs{Limit: 1000}
	for {
		result := w.fetch(alice, args)
		entries = append(entries, result.Entries...)
		if !result.More {
			return entries
		}
		last := entries[len(entries)-1]
		args.After, args.ID = last.Position, idOf(string(last.Bytes))
	}
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
