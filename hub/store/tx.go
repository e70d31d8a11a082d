package store

import (
	"database/sql"
	"errors"
	"time"

	"hubbub/channels/wire"
)

// tx implements Tx.
type tx struct {
	sql        *sql.Tx
	path       string // of the database
	now        time.Time
	limits     Limits
	statements map[string]*sql.Stmt
	touched    []int64 // channels whose oldest entries tidy looks at
	wrote      bool
	reads      bool                // it is not to write
	spent      map[BudgetKey]int64 // when the budgets of those come back whom it has refused

	asked   int64  // when what is done was asked for
	closing *int64 // what hub.closes says, once it was read

	was, clock clock // before and after this transaction, if it writes
	noted      bool  // it has noted the time

	file    generationFile // as it was before the transaction began
	hasFile bool
}

// commit ends the transaction.
func (t *tx) commit() error {
	if err := t.sql.Commit(); err != nil || !t.noted {
		return err
	}
	// All is on the disk. What the file says besides may be old.
	_ = t.mark()
	return nil
}

// statement prepares query, once in a transaction: 64 puts share theirs.
func (t *tx) statement(query string) (*sql.Stmt, error) {
	if s := t.statements[query]; s != nil {
		return s, nil
	}
	s, err := t.sql.Prepare(query)
	if err == nil {
		t.statements[query] = s
	}
	return s, err
}

// exec runs a query that writes.
func (t *tx) exec(query string, args ...any) error {
	s, err := t.statement(query)
	if err != nil {
		return err
	}
	t.wrote = true
	_, err = s.Exec(args...)
	return err
}

// query runs a query for several rows.
func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.statement(query)
	if err != nil {
		return nil, err
	}
	return s.Query(args...)
}

// row reads one row into values; ok is false if there is none.
func (t *tx) row(query string, args []any, values ...any) (ok bool, err error) {
	s, err := t.statement(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRow(args...).Scan(values...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// touch has the channel's oldest entries looked at before the commit.
func (t *tx) touch(channel int64) {
	for _, n := range t.touched {
		if n == channel {
			return
		}
	}
	t.touched = append(t.touched, channel)
}

// member is a channel as one of its live tokens sees it.
type member struct {
	n           int64 // the channel's number in the database
	account     []byte
	last        int64
	oldest      int64
	text, keep  int64 // bytes in the channel
	entries     int64
	kept, acked int64 // the token's own
	quota       int64 // of the channel; 0: none of its own
	closed      bool
}

// member returns the channel for a call of token. Refusals: CodeUnknown,
// CodeDenied, CodeBanned, CodeRevoked.
func (t *tx) member(channel wire.Channel, token wire.Token) (member, error) {
	var m member
	var banned bool
	var closes int64
	var revoked, kept, acked sql.NullInt64
	ok, err := t.row(`SELECT c.n, c.account, c.last, c.oldest, c.text, c.keep, c.entries, c.quota, c.closed > 0,
			c.banned OR coalesce(t.banned, 0) OR coalesce(a.banned, 0), t.revoked, t.keep, t.acked,
			coalesce((SELECT closes FROM hub), 0)
		FROM channels c LEFT JOIN tokens t ON t.channel = c.n AND t.token = ?
		LEFT JOIN accounts a ON a.token = c.account WHERE c.channel = ?`,
		[]any{token[:], channel[:]},
		&m.n, &m.account, &m.last, &m.oldest, &m.text, &m.keep, &m.entries, &m.quota, &m.closed,
		&banned, &revoked, &kept, &acked, &closes)
	if ok {
		t.closing = &closes
	}
	switch {
	case err != nil:
		return member{}, err
	case !ok:
		return member{}, refuse(wire.CodeUnknown, "no such channel here")
	case !revoked.Valid:
		return member{}, refuse(wire.CodeDenied, "not a member's token")
	case banned:
		return member{}, errBanned
	case revoked.Int64 != 0:
		return member{}, refuse(wire.CodeRevoked, "this token was put out")
	}
	m.kept, m.acked = kept.Int64, acked.Int64
	return m, nil
}

// charge is what an entry of size bytes counts.
func charge(size int) int64 { return int64(size) + Overhead }
