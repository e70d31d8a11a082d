package store

import (
	"context"
	"database/sql"
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
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, classify(err)
	}
	defer sqlTx.Rollback()
	t := &tx{sql: sqlTx, now: now, limits: s.limits, statements: make(map[string]*sql.Stmt)}
	if before, err = t.noteWaited(enc); err == nil {
		err = t.tidy()
	}
	if err != nil {
		return false, classify(err)
	}
	return before, classify(sqlTx.Commit())
}
