package store

import (
	"context"
	"database/sql"
	"time"
)

// Waited implements Store.
func (s *SQLite) Waited(ctx context.Context, now time.Time, enc [32]byte) (before bool, err error) {
	err = s.note(ctx, now, func(t *tx) (err error) {
		before, err = t.noteWaited(enc)
		return err
	})
	return before, err
}

// Note implements Store.
func (s *SQLite) Note(ctx context.Context, now time.Time, f func(Tx) error) error {
	return s.note(ctx, now, func(t *tx) error { return f(t) })
}

// note runs f in a transaction whose commit does not wait for the disk.
func (s *SQLite) note(ctx context.Context, now time.Time, f func(*tx) error) error {
	done, err := s.inTurn()
	if err != nil {
		return err
	}
	defer done()
	return s.using(func() error { return s.noteNow(context.WithoutCancel(ctx), now, f) })
}

func (s *SQLite) noteNow(ctx context.Context, now time.Time, f func(*tx) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous=NORMAL"); err != nil {
		return err
	}
	defer conn.ExecContext(ctx, "PRAGMA synchronous=FULL")
	t := s.newTx(now)
	sqlTx, err := conn.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return err
	}
	defer sqlTx.Rollback()
	t.sql = sqlTx
	if err := t.observe(); err != nil {
		return err
	}
	if err := f(t); err != nil {
		return err
	}
	if err := t.tidy(); err != nil {
		return err
	}
	return t.commit()
}
