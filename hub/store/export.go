package store

import (
	"fmt"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// record is one record of an export: one of its fields is there. What refers to a
// channel names it by its id, and comes behind it.
type record struct {
	Account *accountRecord `cbor:"account,omitempty"`
	Key     *keyRecord     `cbor:"key,omitempty"`
	Channel *channelRecord `cbor:"channel,omitempty"`
	Tokens  *tokensRecord  `cbor:"tokens,omitempty"`
	Had     *hadRecord     `cbor:"had,omitempty"`
	Slot    *slotRecord    `cbor:"slot,omitempty"`
}

// accountRecord is an owner (no name) or a guest who has claimed.
type accountRecord struct {
	Token   wire.Token `cbor:"token"`
	Key     KeyHash    `cbor:"key"`
	Owner   bool       `cbor:"owner"`
	Quota   int64      `cbor:"quota"`
	Name    string     `cbor:"name"`
	Made    int64      `cbor:"made"`
	Claimed int64      `cbor:"claimed"`
	Banned  bool       `cbor:"banned"`
	Asked   int64      `cbor:"asked"`
}

// keyRecord is a guest who has not claimed.
type keyRecord struct {
	Key     KeyHash `cbor:"key"`
	Name    string  `cbor:"name"`
	Quota   int64   `cbor:"quota"`
	Made    int64   `cbor:"made"`
	Expires int64   `cbor:"expires"`
	Banned  bool    `cbor:"banned"`
}

type channelRecord struct {
	Channel wire.Channel `cbor:"channel"`
	Account wire.Token   `cbor:"account"`
	Root    wire.Token   `cbor:"root"`
	Last    int64        `cbor:"last"`
	Quota   int64        `cbor:"quota"`
	Closed  int64        `cbor:"closed"`
	Banned  bool         `cbor:"banned"`
}

// tokensRecord is some of a channel's tokens.
type tokensRecord struct {
	Channel wire.Channel  `cbor:"channel"`
	Tokens  []tokenRecord `cbor:"tokens"`
}

type tokenRecord struct {
	Token   wire.Token `cbor:"token"`
	Parent  []byte     `cbor:"parent,omitempty"`
	Revoked bool       `cbor:"revoked"`
	Acked   int64      `cbor:"acked"`
	Banned  bool       `cbor:"banned"`
}

// hadRecord is some of the entries that a channel has dropped.
type hadRecord struct {
	Channel wire.Channel `cbor:"channel"`
	Had     []dropped    `cbor:"had"`
}

type dropped struct {
	ID       wire.EntryID `cbor:"id"`
	Position int64        `cbor:"position"`
	Until    int64        `cbor:"until"`
	Again    int64        `cbor:"again"`
}

type slotRecord struct {
	Slot      wire.Slot    `cbor:"slot"`
	Channel   wire.Channel `cbor:"channel"`
	Offerer   wire.Token   `cbor:"offerer"`
	Number    int64        `cbor:"number"`
	Invite    []byte       `cbor:"invite,omitempty"`
	Expires   int64        `cbor:"expires"`
	Blob      []byte       `cbor:"blob,omitempty"`
	State     int64        `cbor:"state"`
	Token     []byte       `cbor:"token,omitempty"`
	Joined    []byte       `cbor:"joined,omitempty"`
	Positions []byte       `cbor:"positions,omitempty"`
}

// cursor is where an export goes on: behind that row of that stage.
type cursor struct {
	Stage int    `cbor:"stage"`
	N     int64  `cbor:"n"`   // of the channel
	Key   []byte `cbor:"key"` // the rest of the row's primary key
}

// stages are what is exported, in this order: slots last, for what happens to them
// meanwhile matters most.
var stages = []func(*tx, *cursor) (record, bool, error){
	(*tx).nextAccount, (*tx).nextKey, (*tx).nextChannel, (*tx).nextTokens, (*tx).nextHad, (*tx).nextSlot,
}

// inRecord is how many tokens, or dropped entries, a record has at most.
const inRecord = 1000

// Export implements Tx.
func (t *tx) Export(after []byte, room int) (records [][]byte, next []byte, err error) {
	c := cursor{}
	if len(after) > 0 {
		if err := codec.Unmarshal(after, &c); err != nil || c.Stage < 0 || c.Stage >= len(stages) {
			return nil, nil, refuse(wire.CodeBad, "the export does not go on there")
		}
	}
	for c.Stage < len(stages) {
		before := c
		r, ok, err := stages[c.Stage](t, &c)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			c = cursor{Stage: c.Stage + 1}
			continue
		}
		b, err := codec.Marshal(r)
		if err != nil {
			return nil, nil, err
		}
		if room -= len(b); room < 0 && len(records) > 0 {
			next, err = codec.Marshal(before)
			return records, next, err
		}
		records = append(records, b)
	}
	return records, nil, nil
}

// fixed copies what a column of fixed length holds.
func fixed(to, from []byte) error {
	if len(to) != len(from) {
		return errDamaged
	}
	copy(to, from)
	return nil
}

// allFixed is fixed for pairs of to and from.
func allFixed(pairs ...[]byte) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := fixed(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) nextAccount(c *cursor) (record, bool, error) {
	var a accountRecord
	var token, key []byte
	ok, err := t.row(`SELECT token, key, owner, quota, coalesce(name, ''), made, claimed, banned, asked FROM accounts
		WHERE token > ? ORDER BY token LIMIT 1`, []any{orEmpty(c.Key)},
		&token, &key, &a.Owner, &a.Quota, &a.Name, &a.Made, &a.Claimed, &a.Banned, &a.Asked)
	if err != nil || !ok {
		return record{}, false, err
	}
	c.Key = token
	return record{Account: &a}, true, allFixed(a.Token[:], token, a.Key[:], key)
}

func (t *tx) nextKey(c *cursor) (record, bool, error) {
	var k keyRecord
	var key []byte
	ok, err := t.row(`SELECT key, name, quota, made, expires, banned FROM keys WHERE key > ? ORDER BY key LIMIT 1`,
		[]any{orEmpty(c.Key)}, &key, &k.Name, &k.Quota, &k.Made, &k.Expires, &k.Banned)
	if err != nil || !ok {
		return record{}, false, err
	}
	c.Key = key
	return record{Key: &k}, true, fixed(k.Key[:], key)
}

func (t *tx) nextChannel(c *cursor) (record, bool, error) {
	var r channelRecord
	var channel, account, root []byte
	ok, err := t.row(`SELECT n, channel, account, root, last, quota, closed, banned FROM channels WHERE n > ? ORDER BY n LIMIT 1`,
		[]any{c.N}, &c.N, &channel, &account, &root, &r.Last, &r.Quota, &r.Closed, &r.Banned)
	if err != nil || !ok {
		return record{}, false, err
	}
	return record{Channel: &r}, true, allFixed(r.Channel[:], channel, r.Account[:], account, r.Root[:], root)
}

// nextOf finds the channel that the next row of a table is of, at or behind the
// cursor, whose key is of that column.
func (t *tx) nextOf(table, column string, c *cursor) (channel wire.Channel, ok bool, err error) {
	var n int64
	var id []byte
	ok, err = t.row(fmt.Sprintf(`SELECT c.n, c.channel FROM %s x JOIN channels c ON c.n = x.channel
		WHERE (x.channel, x.%s) > (?, ?) ORDER BY x.channel, x.%s LIMIT 1`, table, column, column),
		[]any{c.N, orEmpty(c.Key)}, &n, &id)
	if err != nil || !ok {
		return channel, false, err
	}
	if n != c.N {
		c.N, c.Key = n, nil
	}
	return channel, true, fixed(channel[:], id)
}

// orEmpty is key for SQL, to which nil would be NULL.
func orEmpty(key []byte) []byte {
	if key == nil {
		return []byte{}
	}
	return key
}

func (t *tx) nextTokens(c *cursor) (record, bool, error) {
	channel, ok, err := t.nextOf("tokens", "token", c)
	if err != nil || !ok {
		return record{}, false, err
	}
	rows, err := t.query(`SELECT token, parent, revoked, acked, banned FROM tokens WHERE channel = ? AND token > ?
		ORDER BY token LIMIT ?`, c.N, orEmpty(c.Key), inRecord)
	if err != nil {
		return record{}, false, err
	}
	defer rows.Close()
	r := tokensRecord{Channel: channel}
	for rows.Next() {
		var one tokenRecord
		var token []byte
		if err := rows.Scan(&token, &one.Parent, &one.Revoked, &one.Acked, &one.Banned); err != nil {
			return record{}, false, err
		}
		if err := fixed(one.Token[:], token); err != nil {
			return record{}, false, err
		}
		r.Tokens, c.Key = append(r.Tokens, one), token
	}
	return record{Tokens: &r}, true, rows.Err()
}

func (t *tx) nextHad(c *cursor) (record, bool, error) {
	channel, ok, err := t.nextOf("had", "id", c)
	if err != nil || !ok {
		return record{}, false, err
	}
	rows, err := t.query(`SELECT id, position, until, again FROM had WHERE channel = ? AND id > ? ORDER BY id LIMIT ?`,
		c.N, orEmpty(c.Key), inRecord)
	if err != nil {
		return record{}, false, err
	}
	defer rows.Close()
	r := hadRecord{Channel: channel}
	for rows.Next() {
		var one dropped
		var id []byte
		if err := rows.Scan(&id, &one.Position, &one.Until, &one.Again); err != nil {
			return record{}, false, err
		}
		if err := fixed(one.ID[:], id); err != nil {
			return record{}, false, err
		}
		r.Had, c.Key = append(r.Had, one), id
	}
	return record{Had: &r}, true, rows.Err()
}

func (t *tx) nextSlot(c *cursor) (record, bool, error) {
	var s slotRecord
	var slot, channel, offerer []byte
	ok, err := t.row(`SELECT s.slot, c.channel, s.offerer, s.number, s.invite, s.expires, s.blob, s.state, s.token, s.joined, s.positions
		FROM slots s JOIN channels c ON c.n = s.channel WHERE s.slot > ? ORDER BY s.slot LIMIT 1`, []any{orEmpty(c.Key)},
		&slot, &channel, &offerer, &s.Number, &s.Invite, &s.Expires, &s.Blob, &s.State, &s.Token, &s.Joined, &s.Positions)
	if err != nil || !ok {
		return record{}, false, err
	}
	c.Key = slot
	return record{Slot: &s}, true, allFixed(s.Slot[:], slot, s.Channel[:], channel, s.Offerer[:], offerer)
}
