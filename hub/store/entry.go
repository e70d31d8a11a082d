package store

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"hubbub/channels/wire"
)

// maxFetch is the most entries in one answer.
const maxFetch = 1024

// isCode says whether err is a refusal with code.
func isCode(err error, code wire.Code) bool {
	var refusal *wire.Error
	return errors.As(err, &refusal) && refusal.Code == code
}

// Put implements Tx.
func (t *tx) Put(channel wire.Channel, caller wire.Token, args wire.PutArgs) (wire.PutResult, error) {
	if err := checkEntry(args.Entry); err != nil {
		return wire.PutResult{}, err
	}
	if args.Class != wire.ClassText && args.Class != wire.ClassKeep {
		return wire.PutResult{}, refuse(wire.CodeBad, "no such class")
	}
	m, err := t.member(channel, caller)
	if err != nil {
		return wire.PutResult{}, err
	}
	id := wire.EntryID(sha256.Sum256(args.Entry))
	if position, err := t.position(m.n, id); err != nil || position != 0 {
		return wire.PutResult{Position: position}, err
	}
	had, err := t.had(m.n, id)
	if err != nil || (had != nil && !(args.Again && t.mayAgain(*had))) {
		return wire.PutResult{Had: had != nil}, err
	}
	if err := t.takes(&m); err != nil {
		return wire.PutResult{}, err
	}
	if err := t.spend(caller, m.account, len(args.Entry)); err != nil {
		return wire.PutResult{}, err
	}
	full, err := t.fit(&m, args.Class, charge(len(args.Entry)))
	if err != nil {
		return wire.PutResult{}, err
	}
	if had != nil {
		if err := t.exec(`UPDATE had SET again = ? WHERE channel = ? AND id = ?`, t.now.Unix(), m.n, id[:]); err != nil {
			return wire.PutResult{}, err
		}
	}
	position, err := t.append(&m, caller, id, args.Class, args.Entry)
	return wire.PutResult{Position: position, New: true, Full: full}, err
}

// checkEntry refuses what cannot be an entry.
func checkEntry(entry []byte) error {
	if len(entry) == 0 || len(entry) > wire.MaxEntry {
		return refuse(wire.CodeBad, "an entry is of 1 to 65536 bytes")
	}
	return nil
}

// position is where the entry is, or 0.
func (t *tx) position(channel int64, id wire.EntryID) (position int64, err error) {
	_, err = t.row(`SELECT position FROM entries WHERE channel = ? AND id = ?`, []any{channel, id[:]}, &position)
	return position, err
}

// had returns, for an entry that was dropped, when it was put again (0 for
// never), and nil for any other.
func (t *tx) had(channel int64, id wire.EntryID) (again *int64, err error) {
	again = new(int64)
	dropped, err := t.row(`SELECT again FROM had WHERE channel = ? AND id = ?`, []any{channel, id[:]}, again)
	if err != nil || !dropped {
		return nil, err
	}
	return again, nil
}

// mayAgain says whether an entry that was put again then may be now; a then that
// has not come is of a clock that was ahead.
func (t *tx) mayAgain(then int64) bool {
	return t.now.Unix() >= then+int64(againOnce.Seconds()) || then > t.now.Add(wire.MaxSkew).Unix()
}

// append adds an entry that is not there yet.
func (t *tx) append(m *member, token wire.Token, id wire.EntryID, class wire.Class, entry []byte) (int64, error) {
	position := max(m.last+1, positionAt(t.now))
	size := charge(len(entry))
	text, keep := size, int64(0)
	if class == wire.ClassKeep {
		text, keep = 0, size
	}
	err := t.exec(`INSERT INTO entries (channel, position, id, token, keep, at, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		m.n, position, id[:], token[:], keep != 0, t.now.Unix(), entry)
	if err != nil {
		return 0, err
	}
	err = t.exec(`UPDATE channels SET last = ?, entries = entries + 1, text = text + ?, keep = keep + ? WHERE n = ?`,
		position, text, keep, m.n)
	if err == nil && keep != 0 {
		err = t.exec(`UPDATE tokens SET keep = keep + ? WHERE channel = ? AND token = ?`, keep, m.n, token[:])
	}
	if err != nil {
		return 0, err
	}
	m.last, m.text, m.keep, m.kept = position, m.text+text, m.keep+keep, m.kept+keep
	t.touch(m.n)
	return position, nil
}

// Fetch implements Tx.
func (t *tx) Fetch(channel wire.Channel, caller wire.Token, args wire.FetchArgs, room int) (wire.FetchResult, error) {
	if args.Limit < 1 || args.After < 0 || args.Wait < 0 {
		return wire.FetchResult{}, refuse(wire.CodeBad, "a fetch is of at least one entry")
	}
	m, err := t.member(channel, caller)
	if err != nil {
		return wire.FetchResult{}, err
	}
	result := wire.FetchResult{Head: m.last, Closed: m.closed}
	if result.Closes, err = t.Closes(); err != nil {
		return wire.FetchResult{}, err
	}
	after := args.After
	known, err := t.knows(m.n, args.After, args.ID)
	if err != nil {
		return wire.FetchResult{}, err
	}
	if !known {
		result.Restored, after = true, 0
	}
	if after >= m.last {
		return result, nil
	}
	result.Entries, result.More, err = t.read(m.n, after, min(args.Limit, maxFetch), min(room, wire.MaxFetch))
	return result, err
}

// knows says whether the entry at position is, or was, the one with this id.
func (t *tx) knows(channel, position int64, id wire.EntryID) (bool, error) {
	if position == 0 {
		return true, nil
	}
	var here []byte
	ok, err := t.row(`SELECT id FROM entries WHERE channel = ? AND position = ?`, []any{channel, position}, &here)
	if err != nil || ok {
		return bytes.Equal(here, id[:]), err
	}
	return t.row(`SELECT id FROM had WHERE channel = ? AND id = ? AND position = ?`, []any{channel, id[:], position}, &here)
}

// read returns up to limit entries after a position, of room bytes together;
// more says that there are others behind them.
func (t *tx) read(channel, after int64, limit, room int) (entries []wire.Entry, more bool, err error) {
	// What there is no room for anyway is not read: that may be asked for again and again.
	rows, err := t.query(`SELECT position, keep, length(bytes), iif(length(bytes) <= ?, bytes, NULL)
		FROM entries WHERE channel = ? AND position > ? ORDER BY position LIMIT ?`, room, channel, after, limit+1)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var e wire.Entry
		var keep bool
		var size int
		if err := rows.Scan(&e.Position, &keep, &size, &e.Bytes); err != nil {
			return nil, false, err
		}
		room -= size
		if len(entries) == limit || room < 0 {
			return entries, true, nil
		}
		e.Class = wire.ClassText
		if keep {
			e.Class = wire.ClassKeep
		}
		entries = append(entries, e)
	}
	return entries, false, rows.Err()
}

// Ack implements Tx.
func (t *tx) Ack(channel wire.Channel, caller wire.Token, args wire.AckArgs) error {
	if args.Position < 0 {
		return refuse(wire.CodeBad, "no such position")
	}
	m, err := t.member(channel, caller)
	if err != nil {
		return err
	}
	position := min(args.Position, m.last)
	if position <= m.acked {
		return nil
	}
	t.touch(m.n)
	return t.exec(`UPDATE tokens SET acked = ? WHERE channel = ? AND token = ?`, position, m.n, caller[:])
}
