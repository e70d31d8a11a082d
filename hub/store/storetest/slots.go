package storetest

import (
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

func slotNumbersOnlyGoUp(w *world) {
	w.lounge(bob)
	_, err := w.peek()
	w.refused(wire.CodeUnknown, err)
	expires := w.now.Add(time.Hour).Unix()
	until := func(args *wire.OfferArgs) { args.Expires = expires }
	w.ok(w.offer(alice, 2, until))
	w.ok(w.offer(alice, 2, until))
	w.refused(wire.CodeStale, w.offer(alice, 2, until, func(args *wire.OfferArgs) { args.Blob = []byte("another card") }))
	w.refused(wire.CodeStale, w.offer(alice, 1, until))
	w.ok(w.offer(bob, 3, until, func(args *wire.OfferArgs) { args.Blob = []byte("bob's card") }))
	slot, err := w.peek()
	w.ok(err)
	if slot.Number != 3 || slot.Expires != expires || string(slot.Blob) != "bob's card" {
		w.Fatalf("%+v", slot)
	}
	for _, bad := range []func(*wire.OfferArgs){
		func(args *wire.OfferArgs) { args.Number = 0 },
		func(args *wire.OfferArgs) { args.Blob = nil },
		func(args *wire.OfferArgs) { args.Blob = make([]byte, wire.MaxBlob+1) },
	} {
		w.refused(wire.CodeBad, w.offer(alice, 4, bad))
	}
	w.refused(wire.CodeDenied, w.offer(alice, 4, func(args *wire.OfferArgs) { args.Invite = token("another key") }))
	w.ok(w.openChannel(owner, cellar, alice))
	w.refused(wire.CodeDenied, w.update(func(tx store.Tx) error {
		return tx.Offer(cellar, alice, wire.OfferArgs{Slot: slotOne, Number: 9, Invite: invite, Blob: []byte("card")})
	}))
	w.refused(wire.CodeDenied, w.update(func(tx store.Tx) error {
		return tx.Withdraw(cellar, alice, wire.WithdrawArgs{Slot: slotOne})
	}))
	w.ok(w.offer(alice, 1, func(args *wire.OfferArgs) { args.Slot = wire.Slot{2} }))
	w.ok(w.offer(alice, 1, func(args *wire.OfferArgs) { args.Slot = wire.Slot{3} }))
	w.refused(wire.CodeFull, w.offer(alice, 1, func(args *wire.OfferArgs) { args.Slot = wire.Slot{4} }))
}

func redeemIsOnce(w *world) {
	w.lounge(bob)
	w.put(alice, "hello")
	w.ok(w.offer(bob, 1))
	w.ok(w.offer(alice, 2)) // renewed by another: carol still comes below bob
	_, err := w.redeem(1, carol, "carol's join", "carol's key")
	w.refused(wire.CodeStale, err)
	first, err := w.redeem(2, carol, "carol's join", "carol's key")
	w.ok(err)
	w.log("hello", "carol's join", "carol's key")
	if len(first.Positions) != 2 || first.Positions[1] <= first.Positions[0] {
		w.Fatalf("%+v", first)
	}
	again, err := w.redeem(1, carol, "carol's join", "carol's key")
	w.ok(err)
	if len(again.Positions) != 2 || again.Positions[0] != first.Positions[0] || again.Positions[1] != first.Positions[1] {
		w.Fatalf("%+v, then %+v", first, again)
	}
	_, err = w.redeem(2, carol, "carol's other join")
	w.refused(wire.CodeUsed, err)
	_, err = w.redeem(2, dave, "carol's join", "carol's key")
	w.refused(wire.CodeUsed, err)
	_, err = w.peek()
	w.refused(wire.CodeUsed, err)
	w.refused(wire.CodeUsed, w.offer(bob, 3))
	w.ok(w.withdraw(alice))
	_, err = w.peek()
	w.refused(wire.CodeUsed, err)
	w.put(carol, "I am in")
	result := w.fetch(carol, wire.FetchArgs{})
	if e := result.Entries[1]; e.Class != wire.ClassKeep || e.Position != first.Positions[0] {
		w.Fatalf("%+v", e)
	}
	w.refused(wire.CodeDenied, w.revoke(carol, bob))
	w.ok(w.revoke(bob, carol))
}

func redeemIsAllOrNothing(w *world) {
	w.lounge()
	w.ok(w.offer(alice, 1))
	_, err := w.redeem(1, bob)
	w.refused(wire.CodeBad, err)
	_, err = w.redeem(1, bob, "join", "")
	w.refused(wire.CodeBad, err)
	// The second entry is beyond the newcomer's quota.
	_, err = w.redeem(1, bob, long("join", 60_000), long("key", 60_000))
	w.refused(wire.CodeFull, err)
	_, err = w.tryFetch(bob, wire.FetchArgs{}, wire.MaxFetch)
	w.refused(wire.CodeDenied, err)
	w.log()
	var other error
	w.ok(w.update(func(tx store.Tx) error {
		_, other = tx.Redeem(alice, wire.RedeemArgs{Slot: slotOne, Number: 1, Token: bob, Entries: [][]byte{[]byte("join")}})
		return nil
	}))
	w.refused(wire.CodeDenied, other) // not the invite key
	_, err = w.redeem(1, bob, "join")
	w.ok(err)
	// Whoever was put out does not come back with another one-time key.
	w.ok(w.revoke(alice, bob))
	second := func(args *wire.OfferArgs) { args.Slot = wire.Slot{2} }
	w.ok(w.offer(alice, 1, second))
	w.refused(wire.CodeRevoked, w.update(func(tx store.Tx) error {
		_, err := tx.Redeem(invite, wire.RedeemArgs{Slot: wire.Slot{2}, Number: 1, Token: bob, Entries: [][]byte{[]byte("again")}})
		return err
	}))
}

func withdrawnIsForEver(w *world) {
	w.lounge(bob)
	w.ok(w.offer(alice, 1))
	w.ok(w.withdraw(bob))
	w.ok(w.withdraw(alice))
	_, err := w.peek()
	w.refused(wire.CodeWithdrawn, err)
	_, err = w.redeem(1, carol, "join")
	w.refused(wire.CodeWithdrawn, err)
	w.refused(wire.CodeWithdrawn, w.offer(alice, 2))

	w.fresh()
	w.lounge()
	w.ok(w.withdraw(alice)) // overtook the offer
	w.refused(wire.CodeWithdrawn, w.offer(alice, 1))
	_, err = w.redeem(1, carol, "join")
	w.refused(wire.CodeWithdrawn, err)
	w.log()
}

func slotsExpire(w *world) {
	w.lounge()
	w.ok(w.offer(alice, 1))
	w.now = w.now.Add(wire.InviteValid)
	_, err := w.peek()
	w.refused(wire.CodeExpired, err)
	_, err = w.redeem(1, bob, "join")
	w.refused(wire.CodeExpired, err)
	w.later(60 * 24 * time.Hour)
	_, err = w.peek()
	w.refused(wire.CodeExpired, err)
	w.ok(w.offer(alice, 2))
	if slot, err := w.peek(); err != nil || string(slot.Blob) != "card" {
		w.Fatal(slot, err)
	}
	_, err = w.redeem(2, bob, "join")
	w.ok(err)
	// A redeem repeated after the expiry is still answered.
	w.later(60 * 24 * time.Hour)
	_, err = w.redeem(2, bob, "join")
	w.ok(err)
}

func revokeWithdrawsSlots(w *world) {
	w.lounge(bob)
	w.ok(w.grant(bob, carol, bob))
	w.ok(w.offer(carol, 1))
	w.ok(w.offer(alice, 2))
	w.ok(w.revoke(alice, bob))
	_, err := w.redeem(2, dave, "join")
	w.refused(wire.CodeWithdrawn, err)
}
