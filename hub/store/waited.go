package store

import (
	"context"
	"time"
)

// Waited implements Store. What it notes is no loss in a power cut, so its
// commit does not wait for the disk.
func (s *SQLite) Waited(ctx context.Context, now time.Time, enc [32]byte) (before bool, err error) {
	s.write.Lock()
	defer s.write.Unlock()
	ctx = context.WithoutCancel(ctx)
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return false, classify(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous=NORMAL"); err != nil {
		return false, classify(err)
	}
	defer conn.ExecContext(ctx, "PRAGMA synchronous=FULL")
	t := s.newTx(now)
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, classify(err)
	}
	defer sqlTx.Rollback()
	t.sql = sqlTx
	if err = t.observe(); err == nil {
		before, err = t.noteWaited(enc)
	}
	if err == nil {
		err = t.tidy()
	}
	if err != nil {
		return false, classify(err)
	}
	return before, classify(t.commit())
}
