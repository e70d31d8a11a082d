package store

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// Stage implements Tx.
func (t *tx) Stage(record []byte) error {
	if err := t.empty(); err != nil {
		return err
	}
	id := sha256.Sum256(record)
	return t.exec(`INSERT INTO staged (id, record) VALUES (?, ?) ON CONFLICT DO NOTHING`, id[:], record)
}

// Staged implements Tx.
func (t *tx) Staged(each func(record []byte) error) error {
	for after := int64(0); ; {
		var record []byte
		ok, err := t.row(`SELECT n, record FROM staged WHERE n > ? ORDER BY n LIMIT 1`, []any{after}, &after, &record)
		if err != nil || !ok {
			return err
		}
		if err := each(record); err != nil {
			return err
		}
	}
}

// Unstage implements Tx.
func (t *tx) Unstage() error { return t.exec(`DELETE FROM staged`) }

// Imported implements Tx.
func (t *tx) Imported() (identity [32]byte, err error) {
	var b []byte
	if _, err := t.row(`SELECT imported FROM hub`, nil, &b); err != nil || len(b) == 0 {
		return identity, err
	}
	return identity, fixed(identity[:], b)
}

// Import implements Tx.
func (t *tx) Import(identity [32]byte, staged func(each func(record []byte) error) error) error {
	if err := t.empty(); err != nil {
		return err
	}
	return t.undoable(func() error {
		if err := t.exec(`DELETE FROM accounts`); err != nil {
			return err
		}
		if err := staged(t.importRecord); err != nil {
			return err
		}
		if err := t.checkImport(); err != nil {
			return err
		}
		t.closing = nil
		return t.exec(`UPDATE hub SET closes = 0, imported = ?`, identity[:])
	})
}

// empty refuses an import where something would be overwritten.
func (t *tx) empty() error {
	var there bool
	_, err := t.row(`SELECT EXISTS (SELECT 1 FROM channels) OR EXISTS (SELECT 1 FROM keys)
		OR EXISTS (SELECT 1 FROM accounts WHERE name IS NOT NULL)`, nil, &there)
	if err == nil && there {
		err = refuse(wire.CodeUsed, "the hub has channels or guests already")
	}
	return err
}

// undoable does something of which nothing remains if it is refused.
func (t *tx) undoable(f func() error) error {
	if err := t.exec(`SAVEPOINT import`); err != nil {
		return err
	}
	err := f()
	var refusal *wire.Error
	if errors.As(err, &refusal) {
		if err := t.exec(`ROLLBACK TO import`); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return errors.Join(err, t.exec(`RELEASE import`))
}

// errNonsense refuses records that cannot be of an export.
var errNonsense = refuse(wire.CodeBad, "the records are not those of a hub")

// importRecord takes over a record.
func (t *tx) importRecord(b []byte) error {
	var r record
	if err := codec.Unmarshal(b, &r); err != nil {
		return errNonsense
	}
	switch {
	case r.Account != nil:
		return t.importAccount(r.Account)
	case r.Key != nil:
		return t.importKey(r.Key)
	case r.Channel != nil:
		return t.importChannel(r.Channel)
	case r.Tokens != nil:
		return t.importTokens(r.Tokens)
	case r.Had != nil:
		return t.importHad(r.Had)
	case r.Slot != nil:
		return t.importSlot(r.Slot)
	}
	return errNonsense
}

// numbers says whether all are numbers of the protocol.
func numbers(all ...int64) bool {
	for _, n := range all {
		if n < 0 || n > maxNumber {
			return false
		}
	}
	return true
}

// add runs an insert, which nothing may be in the way of.
func (t *tx) add(insert string, args ...any) error {
	var added int64
	t.wrote = true
	ok, err := t.row(insert+` ON CONFLICT DO NOTHING RETURNING 1`, args, &added)
	if err == nil && !ok {
		err = errNonsense
	}
	return err
}

func (t *tx) importAccount(a *accountRecord) error {
	if (a.Owner && (a.Name != "" || a.Banned)) || !numbers(a.Quota, a.Made, a.Claimed, a.Asked) {
		return errNonsense
	}
	var name any
	if a.Name != "" {
		if checkGuestName(a.Name) != nil {
			return errNonsense
		}
		name = a.Name
	}
	// What its holder has asked the exported hub for is not to be done here again.
	return t.add(`INSERT INTO accounts (token, key, owner, quota, name, made, claimed, banned, asked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.Token[:], a.Key[:], a.Owner, a.Quota, name, a.Made, a.Claimed, a.Banned, a.Asked+1)
}

func (t *tx) importKey(k *keyRecord) error {
	if checkGuestName(k.Name) != nil || !numbers(k.Quota, k.Made, k.Expires) {
		return errNonsense
	}
	return t.add(`INSERT INTO keys (key, name, quota, made, expires, banned) VALUES (?, ?, ?, ?, ?, ?)`,
		k.Key[:], k.Name, k.Quota, k.Made, k.Expires, k.Banned)
}

func (t *tx) importChannel(c *channelRecord) error {
	if (c.Channel == wire.Channel{}) || !numbers(c.Last, c.Quota, max(c.Closed, -c.Closed)) {
		return errNonsense
	}
	return t.add(`INSERT INTO channels (channel, account, root, last, quota, closed, banned) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.Channel[:], c.Account[:], c.Root[:], c.Last, c.Quota, c.Closed, c.Banned)
}

// importedInto is the number of a channel that was imported before.
func (t *tx) importedInto(channel wire.Channel) (n, last int64, err error) {
	ok, err := t.row(`SELECT n, last FROM channels WHERE channel = ?`, []any{channel[:]}, &n, &last)
	if err == nil && !ok {
		err = errNonsense
	}
	return n, last, err
}

func (t *tx) importTokens(r *tokensRecord) error {
	n, last, err := t.importedInto(r.Channel)
	if err != nil {
		return err
	}
	for _, one := range r.Tokens {
		if (len(one.Parent) != 0 && len(one.Parent) != len(one.Token)) || !numbers(one.Acked) {
			return errNonsense
		}
		err := t.add(`INSERT INTO tokens (channel, token, parent, revoked, acked, banned) VALUES (?, ?, ?, ?, ?, ?)`,
			n, one.Token[:], orNull(one.Parent), one.Revoked, min(one.Acked, last), one.Banned)
		if err != nil {
			return err
		}
	}
	return nil
}

// orNull is b for SQL, NULL if there is none.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

func (t *tx) importHad(r *hadRecord) error {
	n, _, err := t.importedInto(r.Channel)
	if err != nil {
		return err
	}
	for _, one := range r.Had {
		if !numbers(one.Position, one.Until, one.Again) {
			return errNonsense
		}
		err := t.add(`INSERT INTO had (channel, id, position, until, again) VALUES (?, ?, ?, ?, ?)`,
			n, one.ID[:], one.Position, one.Until, one.Again)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) importSlot(s *slotRecord) error {
	n, _, err := t.importedInto(s.Channel)
	if err != nil {
		return err
	}
	open, redeemed := s.State == slotOpen, s.State == slotRedeemed
	unseen := s.State == slotWithdrawn && len(s.Invite) == 0
	if s.State < slotOpen || s.State > slotWithdrawn || !numbers(s.Number, s.Expires) ||
		(len(s.Invite) != len(wire.Token{}) && !unseen) || len(s.Blob) > wire.MaxBlob || (!open && len(s.Blob) > 0) ||
		redeemed != (len(s.Token) == len(wire.Token{})) || redeemed != (len(s.Joined) == sha256.Size) ||
		(!redeemed && len(s.Token)+len(s.Joined)+len(s.Positions) > 0) || len(s.Positions)%8 != 0 {
		return errNonsense
	}
	return t.add(`INSERT INTO slots (slot, channel, offerer, number, invite, expires, blob, state, token, joined, positions)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, s.Slot[:], n, s.Offerer[:], s.Number, orEmpty(s.Invite), s.Expires,
		orNull(s.Blob), s.State, orNull(s.Token), orNull(s.Joined), orNull(s.Positions))
}

// checkImport refuses a hub without an owner, and channels whose tokens are not
// one tree.
func (t *tx) checkImport() error {
	owners, err := t.Owners()
	if err == nil && len(owners) == 0 {
		err = errNonsense
	}
	for n := int64(0); err == nil; {
		var root []byte
		var ok bool
		ok, err = t.row(`SELECT n, root FROM channels WHERE n > ? ORDER BY n LIMIT 1`, []any{n}, &n, &root)
		if err != nil || !ok {
			return err
		}
		var all tree
		if all, err = t.tree(n); err == nil && !all.hangsOn(root) {
			err = errNonsense
		}
	}
	return err
}

// hangsOn says whether each token stands below others up to root, or to one that
// has nobody above it, and root is one of them.
func (all tree) hangsOn(root []byte) bool {
	good := make(map[wire.Token]bool)
	rooted := false
	for token, n := range all {
		rooted = rooted || bytes.Equal(token[:], root)
		path := []wire.Token{token}
		for n.parent != nil && !good[path[len(path)-1]] {
			above := *n.parent
			if n = all[above]; n == nil || len(path) > len(all) {
				return false
			}
			path = append(path, above)
		}
		for _, token := range path {
			good[token] = true
		}
	}
	return rooted
}
