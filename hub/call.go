package hub

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// maxRoom bounds the entries and blobs in all results of a request, so that
// the answer, padded, stays below wire.MaxResponse, and a process small.
const maxRoom = 7 << 17

// entryRoom is what an entry takes in an answer beside its bytes.
const entryRoom = 64

// job is a call that is to be done.
type job struct {
	call   *wire.Call
	op     *operation
	args   any   // the op's arguments, decoded
	failed error // why the call is refused before the database is asked
	value  any   // its result
	err    error // or why it has none
}

// answer is one request's answer in the making.
type answer struct {
	hub   *Hub
	from  visitor
	enc   [32]byte // of the request
	asked int64    // when it was made, as its maker says
	room  int      // bytes left for entries and blobs

	admitted  bool                // its visitor's budget is not spent
	news      bool                // something was written that others may be waiting for
	inOrder   map[wire.Token]bool // owners whose request it is, and is in order
	alone     bool                // hub.conf's owner has taken the place of all others
	importing *importing          // what this transaction imports
}

// operation is how an op's calls are done.
type operation struct {
	writes bool
	decode func(codec.Raw) (any, error) // and the arguments as they came are not used again
	do     func(*answer, store.Tx, *wire.Call, any) (any, error)
}

// operations are the calls that the hub knows.
var operations = map[wire.Op]*operation{
	wire.OpClaim: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.ClaimArgs) (any, error) {
		return a.claim(tx, c, args)
	}),
	wire.OpOpen: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.OpenArgs) (any, error) {
		return nil, a.asAccount(tx, c.Token, func() error { return tx.Open(c.Channel, c.Token, args) })
	}),
	wire.OpGrant: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.GrantArgs) (any, error) {
		return nil, tx.Grant(c.Channel, c.Token, args)
	}),
	wire.OpRevoke: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.RevokeArgs) (any, error) {
		err := tx.Revoke(c.Channel, c.Token, args)
		a.news = a.news || err == nil // to those who wait and are put out
		return nil, err
	}),
	wire.OpPut: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.PutArgs) (any, error) {
		result, err := tx.Put(c.Channel, c.Token, args)
		a.news = a.news || result.New
		return result, err
	}),
	wire.OpFetch: operationOf(false, func(a *answer, tx store.Tx, c *wire.Call, args wire.FetchArgs) (any, error) {
		return a.fetch(tx, c, args)
	}),
	wire.OpAck: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.AckArgs) (any, error) {
		return nil, tx.Ack(c.Channel, c.Token, args)
	}),
	wire.OpOffer: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.OfferArgs) (any, error) {
		return nil, tx.Offer(c.Channel, c.Token, args)
	}),
	wire.OpPeek: operationOf(false, func(a *answer, tx store.Tx, c *wire.Call, args wire.PeekArgs) (any, error) {
		if a.room < wire.MaxBlob {
			return nil, &wire.Error{Code: wire.CodeBusy, Text: "the answer has no room for another slot"}
		}
		result, err := tx.Peek(c.Token, args)
		a.room -= len(result.Blob)
		return result, err
	}),
	wire.OpRedeem: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.RedeemArgs) (any, error) {
		result, err := tx.Redeem(c.Token, args)
		a.news = a.news || err == nil
		return result, err
	}),
	wire.OpWithdraw: operationOf(true, func(a *answer, tx store.Tx, c *wire.Call, args wire.WithdrawArgs) (any, error) {
		return nil, tx.Withdraw(c.Channel, c.Token, args)
	}),
	wire.OpClose:     closeOperation,
	wire.OpReport:    reportOperation,
	wire.OpChannels:  channelsOperation,
	wire.OpGuests:    guestsOperation,
	wire.OpGuest:     guestOperation,
	wire.OpDropGuest: dropGuestOperation,
	wire.OpQuota:     quotaOperation,
	wire.OpBan:       banOperation,
	wire.OpExport:    exportOperation,
	wire.OpImport:    importOperation,
	wire.OpRetire:    retireOperation,
	wire.OpStatus: operationOf(false, func(a *answer, tx store.Tx, c *wire.Call, _ struct{}) (any, error) {
		return a.status(tx, c)
	}),
}

// operationOf makes an operation of what it does with its decoded arguments.
func operationOf[A any](writes bool, do func(*answer, store.Tx, *wire.Call, A) (any, error)) *operation {
	return &operation{
		writes: writes,
		decode: func(raw codec.Raw) (any, error) {
			var args A
			if _, none := any(args).(struct{}); none && len(raw) == 0 {
				return args, nil
			}
			err := codec.UnmarshalOver(raw, &args)
			return args, err
		},
		do: func(a *answer, tx store.Tx, c *wire.Call, args any) (any, error) {
			return do(a, tx, c, args.(A))
		},
	}
}

func (a *answer) fetch(tx store.Tx, c *wire.Call, args wire.FetchArgs) (any, error) {
	generation, err := tx.Generation()
	if err != nil {
		return nil, err
	}
	result, err := tx.Fetch(c.Channel, c.Token, args, a.room)
	if err != nil {
		return nil, err
	}
	for _, e := range result.Entries {
		a.room -= len(e.Bytes) + entryRoom
	}
	result.Generation = generation
	return result, nil
}

func (a *answer) status(tx store.Tx, c *wire.Call) (any, error) {
	generation, err := tx.Generation()
	if err != nil {
		return nil, err
	}
	result, err := tx.Status(c.Channel, c.Token)
	if c.Channel == (wire.Channel{}) && !isFault(err) {
		// Of an owner whom the database does not know there is nothing in it.
		var account store.Account
		account, err = a.account(tx, c.Token, false)
		result.Owner = account.Owner
	}
	result.Software, result.Generation = Software, generation
	return result, err
}

// do does the calls of a request, in their order and in one transaction, and
// holds the request if it waits. The error is *crowded, or nil.
func (h *Hub) do(ctx context.Context, from visitor, opened *wire.Opened) (results []wire.Result, err error) {
	defer func() { h.tally(ctx, from, results, err) }()
	if from.limited && len(opened.Calls) > manyCalls {
		if err := h.admitted(ctx, from); isCrowded(err) {
			return nil, err
		}
	}
	verified := verify(opened)
	jobs := make([]*job, len(opened.Calls))
	for i := range opened.Calls {
		jobs[i] = readJob(&opened.Calls[i], verified[i])
	}
	a := &answer{hub: h, from: from, enc: opened.Enc, asked: opened.Time, room: maxRoom}
	if err := a.run(ctx, jobs); isCrowded(err) {
		return nil, err
	} else if err != nil && ctx.Err() == nil { // whose client has gone has not failed
		h.config.Log.Error("answering a request", "error", err)
		if lacksRoom(err) {
			a.runEach(ctx, jobs)
		}
	}
	if waiting(jobs) {
		a.hold(ctx, opened.Enc, jobs)
	}
	results = make([]wire.Result, len(jobs))
	for i, j := range jobs {
		results[i] = h.result(j)
	}
	return results, nil
}

// verify says of each call whether its signature verifies. Many signatures are
// half of what a request costs, so all processors share them.
func verify(opened *wire.Opened) []bool {
	verified := make([]bool, len(opened.Calls))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(verified)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(verified); i = int(next.Add(1)) - 1 {
				verified[i] = opened.Verify(i)
			}
		})
	}
	all.Wait()
	return verified
}

// readJob decodes a call.
func readJob(call *wire.Call, verified bool) *job {
	j := &job{call: call}
	j.op = operations[j.call.Op]
	switch {
	case j.op == nil:
		j.failed = &wire.Error{Code: wire.CodeBad, Text: "the hub does not know this call"}
	case !verified:
		j.failed = &wire.Error{Code: wire.CodeDenied, Text: "the call's signature does not verify"}
	default:
		args, err := j.op.decode(j.call.Args)
		call.Args = nil // it may be large, and is not needed any more
		if j.args = args; err != nil {
			j.failed = &wire.Error{Code: wire.CodeBad, Text: "the call's arguments cannot be read"}
		}
	}
	return j
}

// run does jobs in one transaction. If that fails, all of them fail with it.
func (a *answer) run(ctx context.Context, jobs []*job) error {
	writes, any := false, false
	for _, j := range jobs {
		if j.err = j.failed; j.err == nil {
			any, writes = true, writes || j.op.writes
		}
	}
	if !any {
		return nil
	}
	room, inOrder := a.room, a.inOrder
	err := a.hub.transact(ctx, writes, func(tx store.Tx) error {
		a.room, a.news, a.alone, a.inOrder = room, false, false, maps.Clone(inOrder) // it may be done a second time, with a new database
		tx.Asked(a.asked)
		if !a.admitted {
			if err := a.from.admit(tx); err != nil {
				return err
			}
		}
		for _, j := range jobs {
			if j.failed != nil {
				continue
			}
			j.value, j.err = j.op.do(a, tx, j.call, j.args)
			if isFault(j.err) {
				return j.err
			}
		}
		return nil
	})
	a.endImport(ctx, err == nil)
	if err != nil {
		a.room, a.news, a.alone, a.inOrder = room, false, false, inOrder
		for _, j := range jobs {
			if j.failed == nil {
				j.value, j.err = nil, err
			}
		}
		return err
	}
	a.admitted = true
	a.committed(ctx, jobs)
	return nil
}

// transact runs f in a transaction that writes, or one that reads.
func (h *Hub) transact(ctx context.Context, writes bool, f func(store.Tx) error) error {
	return h.withStore(func(data store.Store) error {
		if writes {
			return data.Update(ctx, h.config.Now(), f)
		}
		return data.View(ctx, h.config.Now(), f)
	})
}

// lacksRoom says whether a transaction has failed that may have been one of
// several calls only some of which write.
func lacksRoom(err error) bool {
	return errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrReadOnly)
}

// runEach does jobs one by one: on a disk that is full, or that cannot be written
// to, those that need no room succeed.
func (a *answer) runEach(ctx context.Context, jobs []*job) {
	for _, j := range jobs {
		if err := a.run(ctx, []*job{j}); err != nil && !lacksRoom(err) {
			a.hub.config.Log.Error("answering a call", "op", j.call.Op, "error", err)
		}
	}
}

// committed does what follows once a transaction is on the disk.
func (a *answer) committed(ctx context.Context, jobs []*job) {
	if a.news {
		a.news = false
		if err := a.hub.bell.ring(); err != nil {
			a.hub.config.Log.Error("waking those who wait", "error", err)
		}
	}
	a.keepOwners(ctx, jobs)
	for _, j := range jobs {
		if args, ok := j.args.(wire.ClaimArgs); ok && (j.err == nil || isCode(j.err, wire.CodeUsed)) {
			a.hub.forgetClaim(args.Secret)
		}
	}
}
