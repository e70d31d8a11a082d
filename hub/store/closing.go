package store

import (
	"time"

	"hubbub/channels/wire"
)

// A channel that was closed says when in channels.closed, in unix seconds; one
// that was opened again since says when with a minus before it. Both are the
// times at which it was asked for: so what was asked for before, and comes late or
// again, is told from what is asked for now.

// Close implements Tx.
func (t *tx) Close(channel wire.Channel, caller wire.Token) error {
	m, err := t.member(channel, caller)
	if err != nil {
		return err
	}
	var root bool
	var closed int64
	if _, err := t.row(`SELECT root = ?, closed FROM channels WHERE n = ?`, []any{caller[:], m.n}, &root, &closed); err != nil {
		return err
	}
	switch {
	case !root:
		return refuse(wire.CodeDenied, "only the channel's root may close it")
	case closed > 0:
		return nil
	case t.asked < -closed && !t.ahead(-closed):
		return refuse(wire.CodeBusy, "the channel was opened again since this was asked for")
	}
	t.touch(m.n)
	return t.exec(`UPDATE channels SET closed = ? WHERE n = ?`, max(1, t.asked), m.n)
}

// closeAll closes the channels of an account.
func (t *tx) closeAll(account []byte) error {
	return t.exec(`UPDATE channels SET closed = ? WHERE account = ? AND closed <= 0`, max(1, t.asked), account)
}

// openAgain opens a channel that was closed, for the account that had it, or for
// another where that is no more.
func (t *tx) openAgain(c opened, caller wire.Token) error {
	if err := t.going(); err != nil {
		return err
	}
	if t.asked <= c.closed && !t.ahead(c.closed) {
		return refuse(wire.CodeBusy, "the channel was closed since this was asked for")
	}
	if string(c.account) != string(caller[:]) {
		var other int64
		if ok, err := t.row(`SELECT 1 FROM accounts WHERE token = ?`, []any{c.account}, &other); err != nil {
			return err
		} else if ok {
			return refuse(wire.CodeClosed, "the channel was closed, by others")
		}
	}
	return t.exec(`UPDATE channels SET closed = ?, account = ? WHERE n = ?`, -max(1, t.asked), caller[:], c.n)
}

// ahead says whether a time is of a clock that was ahead: it has not come.
func (t *tx) ahead(at int64) bool { return at > t.now.Add(wire.MaxSkew).Unix() }

// Retire implements Tx.
func (t *tx) Retire(args wire.RetireArgs) error {
	if args.At < 0 || args.At > maxNumber {
		return refuse(wire.CodeBad, "no such time")
	}
	t.closing = nil
	return t.exec(`UPDATE hub SET closes = ?`, args.At)
}

// Closes implements Tx.
func (t *tx) Closes() (int64, error) {
	if t.closing == nil {
		var closes int64
		if _, err := t.row(`SELECT closes FROM hub`, nil, &closes); err != nil {
			return 0, err
		}
		t.closing = &closes
	}
	return *t.closing, nil
}

// going refuses what would be new on a hub that has retired.
func (t *tx) going() error {
	closes, err := t.Closes()
	if err == nil && closes != 0 && t.now.Unix() >= closes {
		err = refuse(wire.CodeClosed, "the hub has retired: it takes nothing new")
	}
	return err
}

// takes refuses what would be new in a channel that was closed, or on a hub that
// has retired.
func (t *tx) takes(m *member) error {
	if m.closed {
		return refuse(wire.CodeClosed, "the channel was closed here")
	}
	return t.going()
}

// The rows of a closed channel go in two steps. What takes room goes when all have
// acked it, and keptClosed has passed; all else after 90 days, so that until then
// whoever comes hears that it was closed.
const keptClosed = wire.EncSeen

// forgetClosed forgets a bite of a channel that was closed long ago.
func (t *tx) forgetClosed() error {
	var n int64
	due := t.due().Add(-keptLong).Unix()
	ok, err := t.row(`SELECT n FROM channels WHERE closed > 0 AND closed < ? ORDER BY closed LIMIT 1`, []any{due}, &n)
	if err != nil || !ok {
		return err
	}
	batch, err := t.oldest(`channel = ?`, n)
	for _, e := range batch {
		if err == nil {
			err = t.drop(n, e)
		}
	}
	if err != nil || len(batch) > 0 {
		return err
	}
	// In this order: who is still in the channel hears of it to the last.
	for _, forget := range []string{
		`DELETE FROM had WHERE (channel, id) IN (SELECT channel, id FROM had WHERE channel = ? LIMIT ?) RETURNING 1`,
		`DELETE FROM slots WHERE slot IN (SELECT slot FROM slots WHERE channel = ? LIMIT ?) RETURNING 1`,
		`DELETE FROM tokens WHERE (channel, token) IN (SELECT channel, token FROM tokens WHERE channel = ? LIMIT ?) RETURNING 1`,
	} {
		if gone, err := t.forgetRows(forget, n); err != nil || gone == closedBite {
			return err
		}
	}
	return t.exec(`DELETE FROM channels WHERE n = ?`, n)
}

// closedBite is how many small rows of a closed channel go at a time.
const closedBite = 8 * bite

// forgetRows forgets up to that many, and says how many.
func (t *tx) forgetRows(forget string, channel int64) (gone int, err error) {
	rows, err := t.query(forget, channel, closedBite)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	t.wrote = true
	for rows.Next() {
		gone++
	}
	return gone, rows.Err()
}

// ackedUntil is the age beyond which what all have acked goes, in a channel that
// was closed then; 0: it is not.
func (t *tx) ackedUntil(closed int64) int64 {
	if closed > 0 && t.since(closed) <= t.due().Add(-keptClosed).Unix() {
		return t.now.Add(time.Hour).Unix()
	}
	return t.due().Add(-keptAcked).Unix()
}
