package hub

import (
	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// What the hub's owner may ask for. Of what he asks to be written, each is done in
// the order in which it was asked for (store.Tx.InOrder).

var (
	reportOperation = ownersOperation(false, func(a *answer, tx store.Tx, _ struct{}) (any, error) {
		return a.report(tx)
	})
	channelsOperation = ownersOperation(false, func(a *answer, tx store.Tx, args wire.ChannelsArgs) (any, error) {
		limit, err := a.page(channelRoom)
		if err != nil {
			return nil, err
		}
		result, err := tx.Channels(args, limit)
		a.room -= len(result.Channels) * channelRoom
		return result, err
	})
	guestsOperation = ownersOperation(false, func(a *answer, tx store.Tx, args wire.GuestsArgs) (any, error) {
		limit, err := a.page(guestRoom)
		if err != nil {
			return nil, err
		}
		result, err := tx.Guests(args, limit)
		a.room -= len(result.Guests) * guestRoom
		return result, err
	})
	guestOperation = ownersOperation(true, func(_ *answer, tx store.Tx, args wire.GuestArgs) (any, error) {
		return nil, tx.Guest(args)
	})
	dropGuestOperation = ownersOperation(true, func(a *answer, tx store.Tx, args wire.DropGuestArgs) (any, error) {
		return nil, a.told(tx.DropGuest(args))
	})
	quotaOperation = ownersOperation(true, func(_ *answer, tx store.Tx, args wire.QuotaArgs) (any, error) {
		return nil, tx.Quota(args)
	})
	banOperation = ownersOperation(true, func(a *answer, tx store.Tx, args wire.BanArgs) (any, error) {
		return nil, a.told(tx.Ban(args))
	})
	retireOperation = ownersOperation(true, func(a *answer, tx store.Tx, args wire.RetireArgs) (any, error) {
		return nil, a.told(tx.Retire(args))
	})
	exportOperation = ownersOperation(false, func(a *answer, tx store.Tx, args wire.ExportArgs) (any, error) {
		return a.export(tx, args)
	})
	importOperation = ownersOperation(true, func(a *answer, tx store.Tx, args wire.ImportArgs) (any, error) {
		return nil, a.importRecords(tx, args)
	})

	// A channel's root closes it, who need not own the hub.
	closeOperation = operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, _ struct{}) (any, error) {
		return nil, a.told(tx.Close(c.Channel, c.Token))
	})
)

// ownersOperation makes an operation that only an account which owns the hub may
// ask for.
func ownersOperation[A any](writes bool, do func(*answer, store.Tx, A) (any, error)) *operation {
	return operationOf(writes, func(a *answer, tx store.Tx, c *wire.Call, args A) (any, error) {
		if err := a.mayOwn(tx, c, writes); err != nil {
			return nil, err
		}
		return do(a, tx, args)
	})
}

// mayOwn refuses an owner's call of anybody else, and one out of order.
func (a *answer) mayOwn(tx store.Tx, c *wire.Call, writes bool) error {
	if c.Channel != (wire.Channel{}) {
		return &wire.Error{Code: wire.CodeBad, Text: "the call is of no channel"}
	}
	account, err := a.account(tx, c.Token, writes)
	switch {
	case err != nil:
		return err
	case !account.Owner:
		return &wire.Error{Code: wire.CodeDenied, Text: "only the hub's owner may"}
	case !writes || a.inOrder[c.Token]:
		return nil
	}
	if err := tx.InOrder(c.Token, a.enc); err != nil {
		return err
	}
	if a.inOrder == nil {
		a.inOrder = make(map[wire.Token]bool)
	}
	a.inOrder[c.Token] = true
	return nil
}

// told has those who wait look again after what has succeeded.
func (a *answer) told(err error) error {
	a.news = a.news || err == nil
	return err
}

// What one member of a list takes in an answer, and how many there are at most.
const (
	channelRoom = 400
	guestRoom   = 300
	pageSize    = 500
)

// page is how many members of a list there is room for in the answer.
func (a *answer) page(size int) (limit int, err error) {
	if limit = min(pageSize, a.room/size); limit < 1 {
		err = noRoom()
	}
	return limit, err
}

// noRoom refuses what would make the answer too long.
func noRoom() error {
	return &wire.Error{Code: wire.CodeBusy, Text: "the answer has no room for more"}
}
