package hubtest

import (
	"context"
	"sync"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// Lies are what a hub does otherwise than it should behind its seal, where only
// a hub itself can lie. Each may be nil; all of them may be called by several
// goroutines at once.
type Lies struct {
	// Refuse refuses a call with a code; "" does it.
	Refuse func(op wire.Op, channel wire.Channel, caller wire.Token) wire.Code
	// Drop answers a put as if it were done, and keeps nothing.
	Drop func(channel wire.Channel, caller wire.Token, args wire.PutArgs) bool
	// Hide leaves an entry out of what caller fetches, head and all.
	Hide func(channel wire.Channel, caller wire.Token, entry wire.Entry) bool
	// Fetched changes what a fetch has found, after Hide.
	Fetched func(channel wire.Channel, caller wire.Token, result *wire.FetchResult)
	// Generation is told instead of the real one.
	Generation func(real [16]byte) [16]byte
	// Twice lets anybody redeem a slot that another has redeemed.
	Twice bool
}

// LyingStore is s, with lies told about it: lies is asked at each transaction.
// It is for hub.Config.Store.
func LyingStore(s store.Store, lies func() Lies) store.Store {
	return &lyingStore{Store: s, lies: lies, offers: make(map[wire.Slot]offered)}
}

type lyingStore struct {
	store.Store
	lies func() Lies

	mu     sync.Mutex
	offers map[wire.Slot]offered // for Twice
}

// offered is who has put up a slot, and where.
type offered struct {
	channel wire.Channel
	by      wire.Token
}

func (s *lyingStore) Update(ctx context.Context, now time.Time, f func(store.Tx) error) error {
	return s.Store.Update(ctx, now, func(tx store.Tx) error { return f(s.lying(tx, now)) })
}

func (s *lyingStore) View(ctx context.Context, now time.Time, f func(store.Tx) error) error {
	return s.Store.View(ctx, now, func(tx store.Tx) error { return f(s.lying(tx, now)) })
}

func (s *lyingStore) lying(tx store.Tx, now time.Time) store.Tx {
	return &lyingTx{Tx: tx, s: s, lies: s.lies(), now: now}
}

// lyingTx is a transaction with lies.
type lyingTx struct {
	store.Tx
	s    *lyingStore
	lies Lies
	now  time.Time
}

// refusal is the lie about a call, or nil.
func (t *lyingTx) refusal(op wire.Op, channel wire.Channel, caller wire.Token) error {
	if t.lies.Refuse == nil {
		return nil
	}
	if code := t.lies.Refuse(op, channel, caller); code != "" {
		return &wire.Error{Code: code, Text: "the hub refuses, as the test has it"}
	}
	return nil
}

func (t *lyingTx) Claim(caller wire.Token, key store.KeyHash, unused *store.Account) (store.Account, error) {
	if err := t.refusal(wire.OpClaim, wire.Channel{}, caller); err != nil {
		return store.Account{}, err
	}
	return t.Tx.Claim(caller, key, unused)
}

func (t *lyingTx) Open(channel wire.Channel, caller wire.Token, args wire.OpenArgs) error {
	if err := t.refusal(wire.OpOpen, channel, caller); err != nil {
		return err
	}
	return t.Tx.Open(channel, caller, args)
}

func (t *lyingTx) Grant(channel wire.Channel, caller wire.Token, args wire.GrantArgs) error {
	if err := t.refusal(wire.OpGrant, channel, caller); err != nil {
		return err
	}
	return t.Tx.Grant(channel, caller, args)
}

func (t *lyingTx) Revoke(channel wire.Channel, caller wire.Token, args wire.RevokeArgs) error {
	if err := t.refusal(wire.OpRevoke, channel, caller); err != nil {
		return err
	}
	return t.Tx.Revoke(channel, caller, args)
}

func (t *lyingTx) Put(channel wire.Channel, caller wire.Token, args wire.PutArgs) (wire.PutResult, error) {
	if err := t.refusal(wire.OpPut, channel, caller); err != nil {
		return wire.PutResult{}, err
	}
	if t.lies.Drop != nil && t.lies.Drop(channel, caller, args) {
		status, err := t.Tx.Status(channel, caller)
		return wire.PutResult{Position: max(status.Head+1, t.now.UnixMicro()), New: true}, err
	}
	return t.Tx.Put(channel, caller, args)
}

func (t *lyingTx) Fetch(channel wire.Channel, caller wire.Token, args wire.FetchArgs, room int) (wire.FetchResult, error) {
	if err := t.refusal(wire.OpFetch, channel, caller); err != nil {
		return wire.FetchResult{}, err
	}
	result, err := t.Tx.Fetch(channel, caller, args, room)
	if err != nil {
		return result, err
	}
	t.hide(channel, caller, args, &result)
	if t.lies.Fetched != nil {
		t.lies.Fetched(channel, caller, &result)
	}
	return result, nil
}

// hide leaves out what is to be hidden; the head is then the last that is shown.
func (t *lyingTx) hide(channel wire.Channel, caller wire.Token, args wire.FetchArgs, result *wire.FetchResult) {
	if t.lies.Hide == nil {
		return
	}
	var shown []wire.Entry
	for _, e := range result.Entries {
		if !t.lies.Hide(channel, caller, e) {
			shown = append(shown, e)
		}
	}
	if len(shown) < len(result.Entries) && !result.More {
		result.Head = args.After
		if len(shown) > 0 {
			result.Head = shown[len(shown)-1].Position
		}
	}
	result.Entries = shown
}

func (t *lyingTx) Ack(channel wire.Channel, caller wire.Token, args wire.AckArgs) error {
	if err := t.refusal(wire.OpAck, channel, caller); err != nil {
		return err
	}
	return t.Tx.Ack(channel, caller, args)
}

func (t *lyingTx) Offer(channel wire.Channel, caller wire.Token, args wire.OfferArgs) error {
	if err := t.refusal(wire.OpOffer, channel, caller); err != nil {
		return err
	}
	err := t.Tx.Offer(channel, caller, args)
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if _, known := t.s.offers[args.Slot]; err == nil && !known {
		t.s.offers[args.Slot] = offered{channel, caller}
	}
	return err
}

func (t *lyingTx) Peek(caller wire.Token, args wire.PeekArgs) (wire.PeekResult, error) {
	if err := t.refusal(wire.OpPeek, wire.Channel{}, caller); err != nil {
		return wire.PeekResult{}, err
	}
	return t.Tx.Peek(caller, args)
}

func (t *lyingTx) Redeem(caller wire.Token, args wire.RedeemArgs) (wire.RedeemResult, error) {
	if err := t.refusal(wire.OpRedeem, wire.Channel{}, caller); err != nil {
		return wire.RedeemResult{}, err
	}
	result, err := t.Tx.Redeem(caller, args)
	if t.lies.Twice && (IsCode(err, wire.CodeUsed) || IsCode(err, wire.CodeWithdrawn)) {
		return t.redeemAgain(args, err)
	}
	return result, err
}

// redeemAgain lets in one who comes too late.
func (t *lyingTx) redeemAgain(args wire.RedeemArgs, late error) (result wire.RedeemResult, err error) {
	t.s.mu.Lock()
	slot, known := t.s.offers[args.Slot]
	t.s.mu.Unlock()
	if !known {
		return result, late
	}
	if err := t.Tx.Grant(slot.channel, slot.by, wire.GrantArgs{Token: args.Token, Under: slot.by}); err != nil {
		return result, err
	}
	for _, entry := range args.Entries {
		put, err := t.Tx.Put(slot.channel, args.Token, wire.PutArgs{Class: wire.ClassKeep, Entry: entry, Again: true})
		if err != nil {
			return result, err
		}
		result.Positions = append(result.Positions, put.Position)
	}
	return result, nil
}

func (t *lyingTx) Withdraw(channel wire.Channel, caller wire.Token, args wire.WithdrawArgs) error {
	if err := t.refusal(wire.OpWithdraw, channel, caller); err != nil {
		return err
	}
	return t.Tx.Withdraw(channel, caller, args)
}

func (t *lyingTx) Generation() ([16]byte, error) {
	real, err := t.Tx.Generation()
	if err == nil && t.lies.Generation != nil {
		return t.lies.Generation(real), nil
	}
	return real, err
}

func (t *lyingTx) Status(channel wire.Channel, caller wire.Token) (wire.StatusResult, error) {
	if err := t.refusal(wire.OpStatus, channel, caller); err != nil {
		return wire.StatusResult{}, err
	}
	return t.Tx.Status(channel, caller)
}
