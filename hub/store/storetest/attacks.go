package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// Invites that have expired do not count as open for ever, and what is left of
// them can still be renewed.
func expiredSlotsMakeRoom(w *world) {
	w.lounge()
	numbered := func(n byte) func(*wire.OfferArgs) {
		return func(args *wire.OfferArgs) { args.Slot = wire.Slot{n} }
	}
	for round := range byte(5) {
		for n := range byte(3) { // as many as the test's limits allow
			w.ok(w.offer(alice, 1, numbered(1+3*round+n)))
		}
		w.refused(wire.CodeFull, w.offer(alice, 1, numbered(200)))
		w.now = w.now.Add(wire.InviteValid)
		w.refused(wire.CodeFull, w.offer(alice, 1, numbered(200))) // a clock may still think them good
		w.now = w.now.Add(wire.MaxSkew)
	}
	w.ok(w.offer(alice, 1, numbered(100)))
	// Time that went back does not bring an invite without its card.
	w.now = w.now.Add(-wire.InviteValid)
	_, err := w.peek()
	w.refused(wire.CodeExpired, err)
	w.now = w.now.Add(wire.InviteValid)
	w.ok(w.offer(alice, 2))
	if slot, err := w.peek(); err != nil || string(slot.Blob) != "card" {
		w.Fatal(slot, err)
	}
	w.ok(w.offer(alice, 2, numbered(101)))
	w.refused(wire.CodeFull, w.offer(alice, 2, numbered(4))) // renewed, it would be a fourth
}

// A long chain of tokens, each let in by the one before, is put out in no time,
// whomever the call would keep.
func chainsCostLittle(w *world) {
	limits := store.DefaultLimits()
	w.open(limits)
	w.lounge()
	var chain []wire.Token
	w.ok(w.update(func(tx store.Tx) error {
		under := alice
		for i := range int(limits.Tokens) - 1 {
			next := token(fmt.Sprint("link ", i))
			if err := tx.Grant(lounge, alice, wire.GrantArgs{Token: next, Under: under}); err != nil {
				return err
			}
			chain, under = append(chain, next), next
		}
		return nil
	}))
	begin := time.Now()
	for range 20 {
		w.ok(w.revoke(alice, chain[0], chain[1:]...))
		chain = chain[1:]
	}
	if took := time.Since(begin); took > time.Minute { // on a busy machine, too: each link looked at for each would take far longer
		w.Errorf("it took %s", took)
	}
	w.ok(w.update(func(tx store.Tx) error { _, err := tx.Put(lounge, chain[0], textArgs("here")); return err }))
}

func textArgs(entry string) wire.PutArgs {
	return wire.PutArgs{Class: wire.ClassText, Entry: []byte(entry)}
}

// What a call of one channel's token asks of another is refused, whatever it is.
func tokensAreOfOneChannel(w *world) {
	w.lounge(bob)
	w.ok(w.openChannel(owner, cellar, carol))
	w.ok(w.offer(alice, 1))
	for name, attempt := range map[string]func(store.Tx) error{
		"put": func(tx store.Tx) error { _, err := tx.Put(lounge, carol, textArgs("x")); return err },
		"fetch": func(tx store.Tx) error {
			_, err := tx.Fetch(lounge, carol, wire.FetchArgs{Limit: 1}, 1<<20)
			return err
		},
		"ack": func(tx store.Tx) error { return tx.Ack(lounge, carol, wire.AckArgs{Position: 1}) },
		"grant": func(tx store.Tx) error {
			return tx.Grant(lounge, carol, wire.GrantArgs{Token: dave, Under: alice})
		},
		"grant under": func(tx store.Tx) error {
			return tx.Grant(cellar, carol, wire.GrantArgs{Token: dave, Under: alice})
		},
		"revoke": func(tx store.Tx) error { return tx.Revoke(cellar, carol, wire.RevokeArgs{Token: bob}) },
		"renew": func(tx store.Tx) error {
			return tx.Offer(cellar, carol, wire.OfferArgs{Slot: slotOne, Number: 2, Invite: invite,
				Expires: math.MaxInt64, Blob: []byte("carol's card")})
		},
		"withdraw": func(tx store.Tx) error { return tx.Withdraw(cellar, carol, wire.WithdrawArgs{Slot: slotOne}) },
		"peek":     func(tx store.Tx) error { _, err := tx.Peek(carol, wire.PeekArgs{Slot: slotOne}); return err },
		"redeem": func(tx store.Tx) error {
			_, err := tx.Redeem(carol, wire.RedeemArgs{Slot: slotOne, Number: 1, Token: carol, Entries: [][]byte{{1}}})
			return err
		},
		"the owner's status": func(tx store.Tx) error { _, err := tx.Status(wire.Channel{}, alice); return err },
		"status":             func(tx store.Tx) error { _, err := tx.Status(lounge, owner); return err },
	} {
		if err := w.update(attempt); err == nil {
			w.Errorf("%s succeeded", name)
		} else {
			w.refused(wire.CodeDenied, err)
		}
	}
	if slot, err := w.peek(); err != nil || string(slot.Blob) != "card" {
		w.Error(slot, err)
	}
	w.log()
}

// Whatever the hub's clock does, positions grow, nobody's entries are mixed up,
// and numbers at their ends break nothing.
func aClockThatJumps(w *world) {
	w.lounge()
	last, args := int64(0), wire.FetchArgs{Limit: 1}
	var want []string
	for i, jump := range []time.Duration{0, 24 * time.Hour, -48 * time.Hour, 20 * 24 * time.Hour, -3 * time.Second, -19 * 24 * time.Hour,
		-60 * 365 * 24 * time.Hour, 60 * 365 * 24 * time.Hour} {
		w.now = w.now.Add(jump)
		entry := fmt.Sprint("entry ", i)
		want = append(want, entry)
		put := w.put(alice, entry)
		if put.Position <= last {
			w.Errorf("after %s the position is %d, and was %d", jump, put.Position, last)
		}
		last = put.Position
		if got := w.fetch(alice, args); len(got.Entries) != 1 || got.Restored || string(got.Entries[0].Bytes) != entry {
			w.Fatalf("after %s: %+v", jump, got)
		}
		args.After, args.ID = put.Position, idOf(entry)
	}
	w.log(want...)
	for _, strange := range []wire.FetchArgs{{After: math.MaxInt64, Limit: 1}, {After: last + 1, ID: idOf("entry 0"), Limit: math.MaxInt}} {
		if got := w.fetch(alice, strange); !got.Restored || len(got.Entries) == 0 {
			w.Errorf("%+v: %+v", strange, got)
		}
	}
	for _, bad := range []wire.FetchArgs{{After: -1, Limit: 1}, {After: math.MinInt64, Limit: 1}, {Limit: -1}, {Limit: math.MinInt}, {Limit: 1, Wait: -1}} {
		_, err := w.tryFetch(alice, bad, 1<<20)
		w.refused(wire.CodeBad, err)
	}
	w.ack(alice, math.MaxInt64)
	w.put(alice, "after an ack of what will be")
	w.log(append(want, "after an ack of what will be")...)
}

// step is a call as somebody recorded it.
type step struct {
	name string
	call func(store.Tx) error
}

// Everything that was said to the hub, said again in any order by somebody who
// recorded it, changes nothing.
func replaysChangeNothing(w *world) {
	put := func(as wire.Token, entry string, class wire.Class, again bool) step {
		return step{"put " + entry, func(tx store.Tx) error {
			_, err := tx.Put(lounge, as, wire.PutArgs{Class: class, Entry: []byte(entry), Again: again})
			return err
		}}
	}
	offer := func(slot byte, number int64, card string) step {
		args := wire.OfferArgs{Slot: wire.Slot{slot}, Number: number, Invite: invite,
			Expires: w.now.Add(wire.InviteValid).Unix(), Blob: []byte(card)}
		return step{"offer " + card, func(tx store.Tx) error { return tx.Offer(lounge, alice, args) }}
	}
	redeem := func(slot byte, number int64, as wire.Token, entry string) step {
		args := wire.RedeemArgs{Slot: wire.Slot{slot}, Number: number, Token: as, Entries: [][]byte{[]byte(entry)}}
		return step{"redeem " + entry, func(tx store.Tx) error { _, err := tx.Redeem(invite, args); return err }}
	}
	grant := func(token, under wire.Token) step {
		return step{"grant", func(tx store.Tx) error {
			return tx.Grant(lounge, alice, wire.GrantArgs{Token: token, Under: under})
		}}
	}
	revoke := func(token wire.Token, keep ...wire.Token) step {
		return step{"revoke", func(tx store.Tx) error {
			return tx.Revoke(lounge, alice, wire.RevokeArgs{Token: token, Keep: keep})
		}}
	}
	steps := []step{
		{"claim", func(tx store.Tx) error { _, err := tx.Claim(owner, ownKey, &store.Account{Owner: true}); return err }},
		{"open", func(tx store.Tx) error { return tx.Open(lounge, owner, wire.OpenArgs{Root: alice}) }},
		put(alice, "one", wire.ClassText, false), offer(1, 1, "card 1"), offer(1, 2, "card 2"), redeem(1, 2, bob, "bob's join"),
		put(bob, "two", wire.ClassText, false), put(bob, "key", wire.ClassKeep, false), grant(carol, bob), grant(dave, carol),
		offer(2, 1, "card 3"), {"withdraw", func(tx store.Tx) error {
			return tx.Withdraw(lounge, alice, wire.WithdrawArgs{Slot: wire.Slot{2}})
		}},
		put(dave, "three", wire.ClassText, true), revoke(bob, dave), revoke(dave),
		{"ack", func(tx store.Tx) error { return tx.Ack(lounge, alice, wire.AckArgs{Position: 5}) }},
		offer(3, 4, "card 4"), put(alice, "four", wire.ClassText, false),
	}
	for _, s := range steps {
		if err := w.update(s.call); err != nil {
			w.Fatal(s.name, err)
		}
	}
	before := w.everything()
	order := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		s := steps[order.IntN(len(steps))]
		if err := w.update(s.call); err != nil {
			_ = err.(*wire.Error) // whether it is refused matters less than what it changes
		}
		if after := w.everything(); after != before {
			w.Fatalf("%s, replayed, has changed\n%s\ninto\n%s", s.name, before, after)
		}
	}
}

// everything is what of the lounge can be seen from outside.
func (w *world) everything() string {
	w.Helper()
	var seen string
	w.ok(w.store.View(context.Background(), w.now, func(tx store.Tx) error {
		log, err := tx.Fetch(lounge, alice, wire.FetchArgs{Limit: 100}, 1<<20)
		if err != nil {
			return err
		}
		status, err := tx.Status(lounge, alice)
		seen = fmt.Sprintf("%+v %+v", log, status)
		for _, token := range []wire.Token{bob, carol, dave} {
			_, err := tx.Status(lounge, token)
			seen += fmt.Sprint("\n", err)
		}
		for slot := range byte(5) {
			result, err := tx.Peek(invite, wire.PeekArgs{Slot: wire.Slot{slot}})
			seen += fmt.Sprintf("\n%+v %v", result, err)
		}
		return err
	}))
	return fmt.Sprintf("%s\n%x", seen, sha256.Sum256([]byte(seen)))
}
