package storetest

import (
	"context"
	"fmt"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// view runs f in a transaction that reads, and returns what f does.
func (w *world) view(f func(store.Tx) error) (result error) {
	w.Helper()
	w.ok(w.store.View(context.Background(), w.now, func(tx store.Tx) error { result = f(tx); return nil }))
	return result
}

// channels lists all channels, few at a time.
func (w *world) channels() (all []wire.HubChannel) {
	w.Helper()
	for after := (wire.Channel{}); ; {
		var result wire.ChannelsResult
		w.ok(w.view(func(tx store.Tx) (err error) {
			result, err = tx.Channels(wire.ChannelsArgs{After: after}, 1)
			return err
		}))
		all = append(all, result.Channels...)
		if !result.More {
			return all
		}
		after = all[len(all)-1].Channel
	}
}

func (w *world) close(as wire.Token) error {
	w.Helper()
	return w.update(func(tx store.Tx) error { return tx.Close(lounge, as) })
}

// newCalls is each call that would bring something new into the lounge.
func (w *world) newCalls() map[string]func(store.Tx) error {
	return map[string]func(store.Tx) error{
		"put": func(tx store.Tx) error {
			_, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte("new")})
			return err
		},
		"put again": func(tx store.Tx) error {
			_, err := tx.Put(lounge, bob, wire.PutArgs{Class: wire.ClassKeep, Entry: []byte("new"), Again: true})
			return err
		},
		"grant": func(tx store.Tx) error {
			return tx.Grant(lounge, alice, wire.GrantArgs{Token: dave, Under: alice})
		},
		"offer": func(tx store.Tx) error {
			return tx.Offer(lounge, alice, wire.OfferArgs{Slot: wire.Slot{9}, Number: 1, Invite: invite, Expires: 1 << 40, Blob: []byte("card")})
		},
		"renew": func(tx store.Tx) error {
			return tx.Offer(lounge, alice, wire.OfferArgs{Slot: slotOne, Number: 2, Invite: invite, Expires: 1 << 40, Blob: []byte("card")})
		},
		"redeem": func(tx store.Tx) error {
			_, err := tx.Redeem(invite, wire.RedeemArgs{Slot: slotOne, Number: 1, Token: dave, Entries: [][]byte{[]byte("join")}})
			return err
		},
	}
}

// furnish puts something of everything into the lounge, bob's slot (the second)
// redeemed by carol.
func (w *world) furnish() (offer wire.OfferArgs) {
	w.Helper()
	w.lounge(bob)
	offer = wire.OfferArgs{Slot: slotOne, Number: 1, Invite: invite, Expires: w.now.Add(wire.InviteValid).Unix(), Blob: []byte("card")}
	w.ok(w.update(func(tx store.Tx) error { return tx.Offer(lounge, alice, offer) }))
	second := offer
	second.Slot = wire.Slot{2}
	w.ok(w.update(func(tx store.Tx) error { return tx.Offer(lounge, bob, second) }))
	w.ok(w.redeemSecond(carol))
	w.put(alice, "hello")
	return offer
}

func (w *world) redeemSecond(token wire.Token) error {
	w.Helper()
	return w.update(func(tx store.Tx) error {
		_, err := tx.Redeem(invite, wire.RedeemArgs{Slot: wire.Slot{2}, Number: 1, Token: token, Entries: [][]byte{[]byte("carol's join")}})
		return err
	})
}

// asBefore makes calls that bring nothing new: they have the outcome that they had.
func (w *world) asBefore(offer wire.OfferArgs) {
	w.Helper()
	if result := w.put(alice, "hello"); result.New || result.Position == 0 {
		w.Errorf("%+v", result)
	}
	w.ok(w.grant(alice, bob, alice))
	w.ok(w.update(func(tx store.Tx) error { return tx.Offer(lounge, alice, offer) }))
	w.ok(w.redeemSecond(carol))
	w.refused(wire.CodeUsed, w.redeemSecond(dave))
	_, err := w.peek()
	w.ok(err)
	w.ack(bob, w.status(lounge, bob).Head)
	w.log("carol's join", "hello")
}

func closedChannelsTakeNothingNew(w *world) {
	offer := w.furnish()
	for _, as := range []wire.Token{bob, dave, owner} {
		w.refused(wire.CodeDenied, w.close(as))
	}
	if w.fetch(bob, wire.FetchArgs{}).Closed {
		w.Error("it is closed")
	}
	w.ok(w.close(alice))
	w.ok(w.close(alice))
	if !w.fetch(bob, wire.FetchArgs{}).Closed {
		w.Error("it is not closed")
	}
	for name, call := range w.newCalls() {
		w.Log(name)
		w.refused(wire.CodeClosed, w.update(call))
	}
	w.asBefore(offer)
	w.ok(w.update(func(tx store.Tx) error { return tx.Withdraw(lounge, bob, wire.WithdrawArgs{Slot: wire.Slot{7}}) }))
	w.ok(w.withdraw(bob))
	w.ok(w.revoke(alice, carol))
	w.refused(wire.CodeUnknown, w.update(func(tx store.Tx) error { return tx.Close(cellar, alice) }))

	// Its account opens it again, another does not.
	w.ok(w.claim(dave, store.KeyHash{4}, &store.Account{Owner: true}))
	w.refused(wire.CodeClosed, w.openChannel(dave, lounge, alice))
	w.refused(wire.CodeDenied, w.openChannel(owner, lounge, bob))
	w.ok(w.openChannel(owner, lounge, alice))
	w.put(alice, "hello again")
	w.log("carol's join", "hello", "hello again")
}

// What was asked for before a channel was closed, or opened again, and comes late
// or once more, does not undo that.
func closingHasAnOrder(w *world) {
	w.lounge()
	asked := func(at time.Time, f func(store.Tx) error) error {
		w.Helper()
		return w.update(func(tx store.Tx) error { tx.Asked(at.Unix()); return f(tx) })
	}
	open := func(tx store.Tx) error { return tx.Open(lounge, owner, wire.OpenArgs{Root: alice}) }
	shut := func(tx store.Tx) error { return tx.Close(lounge, alice) }
	first := w.now
	w.now = w.now.Add(time.Minute)
	second := w.now
	w.ok(asked(second, shut))
	w.refused(wire.CodeBusy, asked(first, open))
	w.refused(wire.CodeBusy, asked(second, open))
	w.now = w.now.Add(time.Minute)
	third := w.now
	w.ok(asked(third, open))
	w.put(alice, "one")
	w.refused(wire.CodeBusy, asked(second, shut))
	w.put(alice, "two")
	w.ok(asked(third.Add(time.Second), shut))
	_, err := w.tryPut(alice, "three")
	w.refused(wire.CodeClosed, err)
	// A clock that was a year ahead then is no reason to wait a year.
	w.now = w.now.Add(365 * 24 * time.Hour)
	w.ok(asked(w.now, open))
	w.ok(asked(w.now.Add(time.Second), shut))
	w.now = w.now.Add(-365 * 24 * time.Hour)
	w.ok(asked(w.now, open))
	w.put(alice, "four")
}

// Of a closed channel goes first what all have, and after 90 days the rest.
func closedChannelsAreForgotten(w *world) {
	w.furnish()
	w.ok(w.openChannel(owner, cellar, alice))
	w.ok(w.close(alice))
	head := w.status(lounge, alice).Head
	for _, as := range []wire.Token{alice, bob} {
		w.ack(as, head)
	}
	w.later(3 * time.Hour)
	w.log("carol's join", "hello")
	w.ack(carol, head)
	w.later(time.Hour)
	for range 16 {
		w.write()
	}
	w.log()
	if result := w.fetch(bob, wire.FetchArgs{After: head, ID: idOf("hello")}); !result.Closed || result.Restored || result.Head != head {
		w.Errorf("%+v", result)
	}
	w.refused(wire.CodeUsed, w.redeemSecond(dave))
	w.later(89 * 24 * time.Hour)
	if !w.fetch(bob, wire.FetchArgs{}).Closed {
		w.Error("forgotten too early")
	}
	w.later(3 * 24 * time.Hour)
	for range 40 {
		w.write()
	}
	_, err := w.tryFetch(bob, wire.FetchArgs{}, wire.MaxFetch)
	w.refused(wire.CodeUnknown, err)
	if c := w.channels(); len(c) != 1 || c[0].Channel != cellar {
		w.Errorf("%+v", c)
	}
	if _, err := w.peek(); err == nil {
		w.Error("its slots are still there")
	}
}

// Nobody acks a channel that nobody uses any more: it goes after 90 days, in bites.
func closedChannelsGoInBites(w *world) {
	w.lounge(bob)
	w.ok(w.update(func(tx store.Tx) error {
		for i := range 300 {
			if _, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte(fmt.Sprint("entry ", i))}); err != nil {
				return err
			}
		}
		return nil
	}))
	w.ok(w.close(alice))
	w.later(30 * 24 * time.Hour)
	if n := w.status(lounge, alice).Entries; n != 300 {
		w.Fatalf("%d entries", n)
	}
	w.later(61 * 24 * time.Hour)
	last := w.status(lounge, alice).Entries
	for range 1000 {
		var n int64
		err := w.view(func(tx store.Tx) error {
			s, err := tx.Status(lounge, alice)
			n = s.Entries
			return err
		})
		if err != nil {
			w.refused(wire.CodeUnknown, err)
			return
		}
		if last-n > 100 {
			w.Fatalf("%d entries, then %d", last, n)
		}
		last = n
		w.write()
	}
	w.Errorf("%d entries are still there", last)
}

func retiredHubsTakeNothingNew(w *world) {
	offer := w.furnish()
	w.ok(w.guest("bob", 1))
	retire := func(at int64) error {
		w.Helper()
		return w.update(func(tx store.Tx) error { return tx.Retire(wire.RetireArgs{At: at}) })
	}
	closes := func(want int64) {
		w.Helper()
		result := w.fetch(bob, wire.FetchArgs{})
		member, account := w.status(lounge, bob).Closes, w.status(wire.Channel{}, owner).Closes
		if result.Closes != want || member != want || account != want || result.Closed {
			w.Errorf("%d, %d, %d, want %d", result.Closes, member, account, want)
		}
	}
	for _, at := range []int64{-1, 1 << 53} {
		w.refused(wire.CodeBad, retire(at))
	}
	closes(0)
	at := w.now.Add(time.Hour).Unix()
	w.ok(retire(at))
	closes(at)
	w.put(alice, "hello")
	w.now = w.now.Add(2 * time.Hour)
	for name, call := range w.newCalls() {
		w.Log(name)
		w.refused(wire.CodeClosed, w.update(call))
	}
	w.asBefore(offer)
	w.ok(w.openChannel(owner, lounge, alice))
	w.refused(wire.CodeClosed, w.openChannel(owner, cellar, alice))
	w.refused(wire.CodeClosed, w.claimGuest(bob, 1))
	w.refused(wire.CodeClosed, w.guest("carol", 2))
	w.ok(w.close(alice))
	w.refused(wire.CodeClosed, w.openChannel(owner, lounge, alice))
	w.ok(retire(0))
	closesNot := w.fetch(bob, wire.FetchArgs{})
	if closesNot.Closes != 0 || !closesNot.Closed {
		w.Errorf("%+v", closesNot)
	}
	w.ok(w.openChannel(owner, lounge, alice))
	w.put(alice, "hello, new world")
	w.ok(w.claimGuest(bob, 1))
}

// What an account asks for is done once, and nothing of it after what was asked
// for later.
func ownersAskInOrder(w *world) {
	w.lounge()
	w.ok(w.claim(bob, store.KeyHash{2}, &store.Account{Owner: true}))
	inOrder := func(as wire.Token, at time.Time, enc byte) error {
		w.Helper()
		return w.update(func(tx store.Tx) error {
			tx.Asked(at.Unix())
			return tx.InOrder(as, [32]byte{enc})
		})
	}
	early := w.now
	w.now = w.now.Add(time.Minute)
	w.ok(inOrder(owner, w.now, 1))
	w.refused(wire.CodeBusy, inOrder(owner, w.now, 1))
	w.refused(wire.CodeBusy, inOrder(owner, early, 2))
	w.ok(inOrder(owner, w.now, 3))
	w.ok(inOrder(bob, early, 4))
	w.refused(wire.CodeBusy, inOrder(bob, early, 3))
	// Not even an hour later, when it is just good; and a clock that was ahead
	// shuts nobody out.
	w.now = w.now.Add(wire.MaxSkew)
	w.refused(wire.CodeBusy, inOrder(owner, early.Add(time.Minute), 1))
	ahead := w.now.Add(365 * 24 * time.Hour)
	back := w.now
	w.now = ahead
	w.ok(inOrder(owner, ahead, 5))
	w.now = back
	w.ok(inOrder(owner, back, 6))
	w.refused(wire.CodeBusy, inOrder(owner, early, 7))
}
