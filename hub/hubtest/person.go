package hubtest

import (
	"context"
	"testing"

	"hubbub/channels/wire"
)

// Person makes calls with the key of that name and fails the test if it cannot
// make them at all. What the hub refuses is returned.
type Person struct {
	t      testing.TB
	name   string
	client *Client
}

// As returns the person of that name.
func (c *Client) As(t testing.TB, name string) Person { return Person{t, name, c} }

// call makes one call.
func (p Person) call(op wire.Op, channel wire.Channel, args, value any) error {
	p.t.Helper()
	err := p.client.Call(context.Background(), p.Sign(op, channel, args), value)
	if err != nil && !isRefusal(err) {
		p.t.Fatalf("%s, %s: %v", p.name, op, err)
	}
	return err
}

func isRefusal(err error) bool {
	_, ok := err.(*wire.Error)
	return ok
}

// Sign returns a call of the person's, to go with others in one request.
func (p Person) Sign(op wire.Op, channel wire.Channel, args any) wire.SignedCall {
	return wire.SignedCall{Op: op, Channel: channel, Args: args, Key: Key(p.name)}
}

// The calls, in the order of wire's list.

func (p Person) Claim(key wire.AccountKey) (result wire.ClaimResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: key.Secret}, &result)
	return result, err
}

func (p Person) Open(channel wire.Channel, root string) error {
	p.t.Helper()
	return p.call(wire.OpOpen, channel, wire.OpenArgs{Root: Token(root)}, nil)
}

func (p Person) Grant(channel wire.Channel, token, under string) error {
	p.t.Helper()
	return p.call(wire.OpGrant, channel, wire.GrantArgs{Token: Token(token), Under: Token(under)}, nil)
}

func (p Person) Revoke(channel wire.Channel, token string, keep ...string) error {
	p.t.Helper()
	args := wire.RevokeArgs{Token: Token(token)}
	for _, name := range keep {
		args.Keep = append(args.Keep, Token(name))
	}
	return p.call(wire.OpRevoke, channel, args, nil)
}

func (p Person) Put(channel wire.Channel, entry string) (result wire.PutResult, err error) {
	p.t.Helper()
	args := wire.PutArgs{Class: wire.ClassText, Entry: []byte(entry)}
	err = p.call(wire.OpPut, channel, args, &result)
	return result, err
}

func (p Person) Fetch(channel wire.Channel, args wire.FetchArgs) (result wire.FetchResult, err error) {
	p.t.Helper()
	if args.Limit == 0 {
		args.Limit = 100
	}
	err = p.call(wire.OpFetch, channel, args, &result)
	return result, err
}

func (p Person) Ack(channel wire.Channel, position int64) error {
	p.t.Helper()
	return p.call(wire.OpAck, channel, wire.AckArgs{Position: position}, nil)
}

func (p Person) Offer(channel wire.Channel, args wire.OfferArgs) error {
	p.t.Helper()
	return p.call(wire.OpOffer, channel, args, nil)
}

func (p Person) Peek(slot wire.Slot) (result wire.PeekResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpPeek, wire.Channel{}, wire.PeekArgs{Slot: slot}, &result)
	return result, err
}

func (p Person) Redeem(args wire.RedeemArgs) (result wire.RedeemResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpRedeem, wire.Channel{}, args, &result)
	return result, err
}

func (p Person) Withdraw(channel wire.Channel, slot wire.Slot) error {
	p.t.Helper()
	return p.call(wire.OpWithdraw, channel, wire.WithdrawArgs{Slot: slot}, nil)
}

func (p Person) Status(channel wire.Channel) (result wire.StatusResult, err error) {
	p.t.Helper()
	err = p.call(wire.OpStatus, channel, nil, &result)
	return result, err
}
