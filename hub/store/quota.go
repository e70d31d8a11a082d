package store

import (
	"math"

	"hubbub/channels/wire"
)

// What bounds how much there is: a channel's texts, by the hub's limit, or all
// that is in it, by a quota of its own; an account's channels together; and all
// channels. Where one of them is spent the oldest texts go, and entries of class
// keep never do. Those are refused only where an account's quota, or the hub's, has
// no texts left that could go.

// shrink is how many bytes of texts beyond what is needed go in one transaction
// where a bound was made smaller.
const shrink = 256 << 10

// noLimit is what is left where nothing limits.
const noLimit = math.MaxInt64

// fit makes room for size bytes of class, which may drop the oldest texts:
// dropped says so. Refusals: CodeFull.
func (t *tx) fit(m *member, class wire.Class, size int64) (dropped bool, err error) {
	texts, more := t.limits.Text, size // that there may be, and come
	if m.quota > 0 {
		texts = m.quota - m.keep
	}
	switch {
	case class == wire.ClassKeep && m.kept+size > t.limits.Keep:
		return false, refuse(wire.CodeFull, "the token's quota of lasting entries is spent")
	case class == wire.ClassText && size > texts:
		return false, refuse(wire.CodeFull, "the channel has no room for so long an entry")
	case class == wire.ClassKeep && m.quota == 0:
		more = 0
	}
	if dropped, err = t.makeRoom(m, class, size); err != nil {
		return false, err
	}
	over := min(m.text+more-texts, m.text)
	if over <= 0 {
		return dropped, nil
	}
	return true, t.dropOldest(m, min(over, size+shrink))
}

// makeRoom makes room for size bytes where the account's quota, or the hub's, is
// spent: the channel's own texts make it, if there are enough, and for what
// lasts those of the account's other channels, too. Refusals: CodeFull.
func (t *tx) makeRoom(m *member, class wire.Class, size int64) (dropped bool, err error) {
	account, err := t.accountLeft(m.account)
	if err != nil {
		return false, err
	}
	total, err := t.totalLeft()
	if err != nil {
		return false, err
	}
	lacks := size - max(0, min(account, total))
	if lacks <= 0 {
		return false, nil
	}
	if own := m.text; own < lacks {
		if class == wire.ClassText {
			return false, noRoom(account < size)
		}
		if enough, err := t.makeRoomElsewhere(m, lacks-own); err != nil || !enough {
			return false, orElse(err, noRoom(account < size))
		}
		lacks = own
	}
	return true, t.dropOldest(m, lacks)
}

// orElse is err, if it is one, or other.
func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// noRoom refuses what would take an account, or the hub, beyond its quota.
func noRoom(account bool) error {
	if account {
		return refuse(wire.CodeFull, "the account's quota is spent")
	}
	return refuse(wire.CodeFull, "the hub has no room left")
}

// makeRoomElsewhere drops size bytes of texts in the other channels of m's
// account, the fullest first. If there are not so many it drops none.
func (t *tx) makeRoomElsewhere(m *member, size int64) (enough bool, err error) {
	const others = `FROM channels WHERE account = ? AND n <> ? AND text > 0`
	var texts int64
	if _, err := t.row(`SELECT coalesce(sum(text), 0) `+others, []any{m.account, m.n}, &texts); err != nil || texts < size {
		return false, err
	}
	for size > 0 {
		var o member
		ok, err := t.row(`SELECT n, oldest, text `+others+` ORDER BY text DESC, n LIMIT 1`, []any{m.account, m.n}, &o.n, &o.oldest, &o.text)
		if err != nil || !ok {
			return false, err
		}
		before := o.text
		if err := t.dropOldest(&o, min(size, o.text)); err != nil {
			return false, err
		}
		if o.text == before {
			return false, errDamaged // it has fewer texts than it counts
		}
		size -= before - o.text
	}
	return true, nil
}

// accountLeft is how many bytes the account's quota leaves; less than none where
// it was made smaller.
func (t *tx) accountLeft(account []byte) (int64, error) {
	var quota, used int64
	if _, err := t.row(`SELECT quota FROM accounts WHERE token = ?`, []any{account}, &quota); err != nil || quota <= 0 {
		return noLimit, err
	}
	_, err := t.row(`SELECT coalesce(sum(text + keep), 0) FROM channels WHERE account = ?`, []any{account}, &used)
	return quota - used, err
}

// totalLeft is how many bytes the hub's limit leaves.
func (t *tx) totalLeft() (int64, error) {
	if t.limits.Total <= 0 {
		return noLimit, nil
	}
	var used int64
	_, err := t.row(`SELECT coalesce(sum(text + keep), 0) FROM channels`, nil, &used)
	return t.limits.Total - used, err
}

// quota is how many bytes the channel may hold, all in all, before its oldest
// texts are dropped or entries refused: whatever binds first of its own quota, or
// else the limit of texts, its account's quota and the hub's.
func (t *tx) quota(m *member) (int64, error) {
	account, err := t.accountLeft(m.account)
	if err != nil {
		return 0, err
	}
	total, err := t.totalLeft()
	if err != nil {
		return 0, err
	}
	own := t.limits.Text - m.text
	if m.quota > 0 {
		own = m.quota - m.text - m.keep
	}
	left := min(own, account, total)
	return max(1, m.text+m.keep+left), nil // 0 would be no limit
}

// maxNumber is the greatest number of the protocol.
const maxNumber = 1<<53 - 1

// checkQuota refuses what is no quota.
func checkQuota(quota int64) error {
	if quota < 0 || quota > maxNumber {
		return refuse(wire.CodeBad, "a quota is a number of bytes, or 0 for none")
	}
	return nil
}

// Quota implements Tx.
func (t *tx) Quota(args wire.QuotaArgs) error {
	if err := checkQuota(args.Quota); err != nil {
		return err
	}
	switch {
	case (args.Name == "") == (args.Channel == wire.Channel{}):
		return refuse(wire.CodeBad, "a quota is a guest's or a channel's")
	case args.Name == "":
		return t.change(`UPDATE channels SET quota = ? WHERE channel = ? RETURNING n`, "no such channel here", args.Quota, args.Channel[:])
	}
	return t.changeGuest(`UPDATE accounts SET quota = ? WHERE name = ? RETURNING 1`,
		`UPDATE keys SET quota = ? WHERE name = ? RETURNING 1`, args.Quota, args.Name)
}

// change runs an update that returns what it has changed. Refusals: CodeUnknown.
func (t *tx) change(update, unknown string, args ...any) error {
	var changed int64
	t.wrote = true
	ok, err := t.row(update, args, &changed)
	if err == nil && !ok {
		err = refuse(wire.CodeUnknown, unknown)
	}
	return err
}

// changeGuest runs the one of two updates whose guest there is: one who has
// claimed, or one who has not.
func (t *tx) changeGuest(claimed, unclaimed string, args ...any) error {
	err := t.change(claimed, "no such guest here", args...)
	if isCode(err, wire.CodeUnknown) {
		err = t.change(unclaimed, "no such guest here", args...)
	}
	return err
}
