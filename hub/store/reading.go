package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Open is OpenSQLite where that succeeds. Where it does not because the disk is
// full or cannot be written to, it returns a Store all the same: one that can
// View, and fails all else as OpenSQLite has failed. It is Passing, for what was
// wrong may pass at any time.
func Open(path string, limits Limits) (Store, error) {
	return openOrRead(path, limits, !onNetwork(filepath.Dir(path)))
}

// OpenRollback is Open, but never with a write-ahead log: a database that has one
// is turned to a rollback journal.
func OpenRollback(path string, limits Limits) (Store, error) {
	return openOrRead(path, limits, false)
}

func openOrRead(path string, limits Limits, wal bool) (Store, error) {
	s, err := openSQLite(path, limits, wal)
	if err == nil {
		return s, nil
	}
	if _, statErr := os.Stat(path); statErr != nil || !(errors.Is(err, ErrFull) || errors.Is(err, ErrReadOnly)) {
		return nil, err
	}
	return &reading{path: path, limits: limits, cause: err}, nil
}

// Passing is a Store that is not to be kept: the next one may be able to do more.
type Passing interface {
	Store
	Passing()
}

// reading is a database that can only be read. It is opened anew for each View.
//
// SQLite cannot read a database with a write-ahead log without a file for the
// log's index, which it cannot make here. On a full disk the index can be in
// memory, for one connection alone at a time. On a disk that cannot be written
// to, not even that lock can be had: but neither does anybody write there, so a
// database whose log is empty can be read as it is.
type reading struct {
	path   string
	limits Limits
	cause  error
}

func (r *reading) Passing() {}

func (r *reading) Close() error { return nil }

func (r *reading) Update(context.Context, time.Time, func(Tx) error) error { return r.cause }

func (r *reading) Waited(context.Context, time.Time, [32]byte) (bool, error) { return false, r.cause }

func (r *reading) Note(context.Context, time.Time, func(Tx) error) error { return r.cause }

func (r *reading) Journal() (string, error) { return "", r.cause }

func (r *reading) View(ctx context.Context, now time.Time, f func(Tx) error) error {
	options := []string{"_pragma", "locking_mode=EXCLUSIVE"}
	if errors.Is(r.cause, ErrReadOnly) {
		if log, err := os.Stat(r.path + "-wal"); err == nil && log.Size() > 0 {
			return r.cause // there is something in it that would be missed
		}
		options = []string{"mode", "ro", "immutable", "1"}
	}
	s := &SQLite{db: connect(r.path, options...), path: r.path, limits: r.limits}
	s.db.SetMaxOpenConns(1)
	defer s.db.Close()
	if version, err := s.version(); err != nil || version != len(migrations) {
		return errors.Join(r.cause, err)
	}
	return classify(s.transact(ctx, now, true, func(t *tx) error { return f(t) }))
}

// isReadOnly says whether err is about a file or folder that cannot be written
// to.
func isReadOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, os.ErrPermission) || errors.Is(err, ErrReadOnly)
}

// asReadOnly gives err that name.
func asReadOnly(err error) error { return fmt.Errorf("%w: %w", ErrReadOnly, err) }
