package store

import (
	"hubbub/channels/wire"
)

// Report implements Tx.
func (t *tx) Report() (r wire.ReportResult, err error) {
	r.Limit = max(0, t.limits.Total)
	now := t.now.Unix()
	for _, q := range []struct {
		query  string
		args   []any
		values []any
	}{
		{`PRAGMA user_version`, nil, []any{&r.Schema}},
		{`PRAGMA journal_mode`, nil, []any{&r.Journal}},
		{`SELECT count(*), coalesce(sum(entries), 0), coalesce(sum(text + keep), 0) FROM channels`, nil,
			[]any{&r.Channels, &r.Entries, &r.Bytes}},
		{`SELECT count(*) FROM tokens WHERE revoked = 0`, nil, []any{&r.Tokens}},
		// By the index, so that no blob is read.
		{`SELECT count(*) FROM channels c CROSS JOIN slots s INDEXED BY slots_channel
			ON s.channel = c.n AND s.state = 0 AND s.expires > ?`, []any{now}, []any{&r.Slots}},
		{`SELECT (SELECT count(*) FROM accounts WHERE name IS NOT NULL) + (SELECT count(*) FROM keys)`, nil, []any{&r.Guests}},
	} {
		if _, err := t.row(q.query, q.args, q.values...); err != nil {
			return r, err
		}
	}
	if r.Closes, err = t.Closes(); err != nil {
		return r, err
	}
	if r.Unfetched, err = t.unfetched(); err != nil {
		return r, err
	}
	return r, t.counted(&r)
}

// acked is up to where all of the channel's tokens have acked.
const acked = `(SELECT coalesce(min(acked), 1 << 62) FROM tokens WHERE channel = c.n AND revoked = 0)`

// unfetched is when the oldest entry came that somebody has not acked.
func (t *tx) unfetched() (at int64, err error) {
	_, err = t.row(`SELECT coalesce(min((SELECT e.at FROM entries e WHERE e.channel = c.n AND e.position > `+acked+`
		ORDER BY e.position LIMIT 1)), 0) FROM channels c WHERE c.entries > 0`, nil, &at)
	return at, err
}

// counted reads what was counted.
func (t *tx) counted(r *wire.ReportResult) error {
	rows, err := t.query(`SELECT name, n FROM counts`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		switch name {
		case "since":
			r.Since = n
		case "requests":
			r.Requests = n
		default:
			if r.Refusals == nil {
				r.Refusals = make(map[string]int64)
			}
			r.Refusals[name] = n
		}
	}
	return rows.Err()
}

// Channels implements Tx.
func (t *tx) Channels(args wire.ChannelsArgs, limit int) (result wire.ChannelsResult, err error) {
	rows, err := t.query(`SELECT c.channel, coalesce(a.name, ''), c.entries, c.text + c.keep, c.quota,
			(SELECT count(*) FROM tokens WHERE channel = c.n AND revoked = 0), c.last / 1000000,
			(SELECT count(*) FROM entries e WHERE e.channel = c.n AND e.position > `+acked+`),
			c.closed > 0, c.banned OR coalesce(a.banned, 0)
		FROM channels c LEFT JOIN accounts a ON a.token = c.account WHERE c.channel > ? ORDER BY c.channel LIMIT ?`,
		args.After[:], limit+1)
	if err != nil {
		return result, err
	}
	defer rows.Close()
	for rows.Next() {
		if len(result.Channels) == limit {
			result.More = true
			break
		}
		var c wire.HubChannel
		var id []byte
		err := rows.Scan(&id, &c.Guest, &c.Entries, &c.Bytes, &c.Quota, &c.Tokens, &c.Last, &c.Unfetched, &c.Closed, &c.Banned)
		if err != nil {
			return result, err
		}
		if len(id) != len(c.Channel) {
			return result, errDamaged
		}
		c.Channel = wire.Channel(id)
		result.Channels = append(result.Channels, c)
	}
	return result, rows.Err()
}
