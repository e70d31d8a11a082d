package store

import (
	"math"
	"time"

	"hubbub/channels/wire"
)

// bite is how many rows one transaction forgets at a time, so that no request
// pays for a month of silence.
const bite = 32

// old is an entry that is about to be dropped.
type old struct {
	n, position int64
	id, token   []byte
	keep        bool
	at, size    int64
}

// dropOldest drops the channel's oldest texts until size bytes are free.
func (t *tx) dropOldest(m *member, size int64) error {
	for size > 0 {
		batch, err := t.oldest(`channel = ? AND position >= ? AND keep = 0`, m.n, m.oldest)
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, e := range batch {
			if size <= 0 {
				break
			}
			if err := t.drop(m.n, e); err != nil {
				return err
			}
			size -= e.size
			m.text -= e.size
			m.oldest = e.position + 1
		}
	}
	return t.exec(`UPDATE channels SET oldest = ? WHERE n = ?`, m.oldest, m.n)
}

// oldest returns up to a bite of entries, the oldest first. where is a
// condition of this file, args its values.
func (t *tx) oldest(where string, args ...any) ([]old, error) {
	rows, err := t.query(`SELECT n, position, id, token, keep, at, length(bytes) FROM entries WHERE `+where+
		` ORDER BY position LIMIT ?`, append(args, bite)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var batch []old
	for rows.Next() {
		var e old
		if err := rows.Scan(&e.n, &e.position, &e.id, &e.token, &e.keep, &e.at, &e.size); err != nil {
			return nil, err
		}
		e.size += Overhead
		batch = append(batch, e)
	}
	return batch, rows.Err()
}

// drop forgets an entry but for its id.
func (t *tx) drop(channel int64, e old) error {
	if err := t.exec(`DELETE FROM entries WHERE n = ?`, e.n); err != nil {
		return err
	}
	err := t.exec(`INSERT INTO had (channel, id, position, until) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (channel, id) DO UPDATE SET position = ?3, until = ?4`,
		channel, e.id, e.position, t.now.Add(keptHad).Unix())
	if err != nil {
		return err
	}
	text, keep := e.size, int64(0)
	if e.keep {
		text, keep = 0, e.size
		if err := t.exec(`UPDATE tokens SET keep = keep - ? WHERE channel = ? AND token = ?`, keep, channel, e.token); err != nil {
			return err
		}
	}
	return t.exec(`UPDATE channels SET entries = entries - 1, text = text - ?, keep = keep - ? WHERE n = ?`, text, keep, channel)
}

// tidy forgets a little at the end of each transaction that wrote: the oldest
// entries of the channels it touched, and, turn by turn, one thing elsewhere,
// so that channels which nobody uses any more are forgotten as well.
func (t *tx) tidy() error {
	if !t.wrote {
		return nil
	}
	for _, channel := range t.touched {
		if err := t.expire(channel); err != nil {
			return err
		}
	}
	switch now := t.now.Unix(); now % 4 {
	case 0:
		if err := t.forgetClosed(); err != nil {
			return err
		}
		return t.expireTurn(now / 4)
	case 1:
		return t.forgetHad()
	case 2:
		if err := t.forgetBudgets(now); err != nil {
			return err
		}
		const forget = `DELETE FROM waited WHERE enc IN (SELECT enc FROM waited WHERE until < ? OR until > ? LIMIT ?)`
		return t.exec(forget, now, now+int64((wire.EncSeen+wire.MaxSkew)/time.Second), bite)
	default:
		return t.exec(`UPDATE slots SET blob = NULL WHERE slot IN
			(SELECT slot FROM slots WHERE state = 0 AND expires < ? AND blob IS NOT NULL LIMIT ?)`,
			t.due().Add(-keptBlob).Unix(), bite)
	}
}

// forgetHad forgets ids of entries that were dropped long ago.
func (t *tx) forgetHad() error {
	due, never := t.due(), int64(math.MaxInt64)
	if t.clock.back < due.Add(-keptHad).Unix() {
		// They were dropped while the clock was ahead, and it went back long ago.
		never = t.now.Add(keptHad + wire.MaxSkew).Unix()
	}
	return t.exec(`DELETE FROM had WHERE (channel, id) IN (SELECT channel, id FROM had WHERE until < ? OR until > ? LIMIT ?)`,
		due.Unix(), never, bite)
}

// expireTurn expires in the channel whose turn it is.
func (t *tx) expireTurn(turn int64) error {
	var last int64
	if _, err := t.row(`SELECT coalesce(max(n), 0) FROM channels`, nil, &last); err != nil || last == 0 {
		return err
	}
	return t.expire(1 + turn%last)
}

// expire drops a bite of the channel's oldest entries: those that all its
// tokens have acked and that are a week old, and those of 90 days.
func (t *tx) expire(channel int64) error {
	var first, closed int64
	ok, err := t.row(`SELECT e.at, c.closed FROM entries e JOIN channels c ON c.n = e.channel WHERE e.channel = ?
		ORDER BY e.position LIMIT 1`, []any{channel}, &first, &closed)
	acks, aged := t.ackedUntil(closed), t.due().Add(-keptLong).Unix()
	if err != nil || !ok || t.since(first) > acks {
		return err
	}
	batch, err := t.oldest(`channel = ?`, channel)
	if err != nil {
		return err
	}
	// With nobody left in it, all of a channel is acked.
	acked := int64(1)<<62 - 1
	if _, err := t.row(`SELECT coalesce(min(acked), ?) FROM tokens WHERE channel = ? AND revoked = 0`,
		[]any{acked, channel}, &acked); err != nil {
		return err
	}
	for _, e := range batch {
		since := t.since(e.at)
		if since > aged && (e.position > acked || since > acks) {
			return nil
		}
		if err := t.drop(channel, e); err != nil {
			return err
		}
	}
	return nil
}

// noteWaited implements Waited.
func (t *tx) noteWaited(enc [32]byte) (before bool, err error) {
	var until int64
	now := t.now.Unix()
	before, err = t.row(`SELECT until FROM waited WHERE enc = ? AND until > ?`, []any{enc[:], now}, &until)
	if err != nil || before {
		return before, err
	}
	until = t.now.Add(wire.EncSeen).Unix()
	return false, t.exec(`INSERT INTO waited (enc, until) VALUES (?1, ?2) ON CONFLICT (enc) DO UPDATE SET until = ?2`, enc[:], until)
}
