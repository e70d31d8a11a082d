package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"hubbub/hub/lock"
)

// SQLite is a Store in one SQLite database. Its layout and pragmas are chosen
// for one process a request.
type SQLite struct {
	path   string
	limits Limits
	wal    bool // how a new database keeps its journal

	// mu is held for reading by each transaction, and for writing where another
	// database takes the place of this one (aside.go).
	mu   sync.RWMutex
	db   *sql.DB
	file os.FileInfo // the database's

	suspected atomic.Pointer[time.Time] // since when it seems to be damaged, and was not found to be; nil: it does not

	// write lets one goroutine of this process write at a time, so that they
	// queue here instead of polling SQLite's lock.
	write sync.Mutex
}

// busyTimeout is how long SQLite waits for other processes' locks.
var busyTimeout = 15 * time.Second

// connections is how many a process opens at most: readers beside a writer.
const connections = 4

// OpenSQLite opens the database at path, and makes it if it does not exist.
// Beside it stand SQLite's own files, path-generation, path-lock, path-use-lock and path-turn-lock.
// Errors: ErrFull, ErrReadOnly, ErrBusy, ErrNewer, and *Damaged: then the next
// call makes a new one.
func OpenSQLite(path string, limits Limits) (*SQLite, error) {
	return openSQLite(path, limits, !onNetwork(filepath.Dir(path)))
}

// openSQLite opens or makes the database; wal says whether it may keep a
// write-ahead log, if there is shared memory for that.
func openSQLite(path string, limits Limits, wal bool) (*SQLite, error) {
	s := &SQLite{path: path, limits: limits, wal: wal}
	if err := s.reopen(); err != nil {
		return nil, fmt.Errorf("opening the hub's data: %w", classify(err))
	}
	return s, nil
}

// open opens or makes the database at path. file is what was at path before,
// also where that fails.
func open(path string, wal bool) (db *sql.DB, file os.FileInfo, err error) {
	if release, err := lock.Share(path + "-use-lock"); err == nil {
		defer release()
	}
	file, _ = os.Stat(path)
	s := &SQLite{db: connect(path), path: path, wal: wal}
	ready, err := s.ready()
	if err == nil && !ready {
		err = s.create(wal)
	}
	if err == nil {
		err = s.journal()
	}
	if isShared(err) {
		err = s.withoutSharedMemory()
	}
	if err == nil && file == nil {
		file, err = os.Stat(path)
	}
	if err != nil {
		s.db.Close()
		return nil, file, err
	}
	return s.db, file, nil
}

// connect returns a pool of connections, none of which is open yet. options are
// the driver's, a name and a value each; it applies _journal_mode after
// _pragma, whatever their order here.
func connect(path string, options ...string) *sql.DB {
	query := url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_synchronous":  {"FULL"},
	}
	for i := 0; i < len(options); i += 2 {
		query.Set(options[i], options[i+1])
	}
	// In KiB: a request reads little twice. This opens the database's log, which
	// locking_mode has to come before, and the driver applies them by the alphabet:
	// hence "main.".
	query.Add("_pragma", "main.cache_size=-512")
	// A file URL, with the path percent-encoded: a "?" in it is a character.
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		panic(err) // the driver is linked in
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

// ready says whether the database exists in the version that this program
// knows. It does not make it.
func (s *SQLite) ready() (bool, error) {
	if _, err := os.Stat(s.path); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	version, err := s.version()
	return version == len(migrations), err
}

// version is the database's, 0 of one that is new. Errors: ErrNewer.
func (s *SQLite) version() (version int, err error) {
	err = s.db.QueryRow("PRAGMA user_version").Scan(&version)
	if err == nil && version > len(migrations) {
		err = newer(version)
	}
	return version, err
}

func newer(version int) error {
	return fmt.Errorf("%w: it is of version %d, this program knows %d; put the newer one back", ErrNewer, version, len(migrations))
}

// create makes the database, or brings it to this program's version. One
// process does, the others wait for it.
func (s *SQLite) create(wal bool) error {
	release, err := lock.Wait(s.path + "-lock")
	if err != nil {
		return err
	}
	defer release()
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		f.Close()
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	version, err := s.version()
	if err != nil || version == len(migrations) {
		return err
	}
	if version == 0 {
		if err := s.isEmpty(); err != nil {
			return err
		}
	}
	if version == 0 && wal {
		// Where WAL is not to be had, this says so in its answer or as an error
		// of shared memory; either way the journal is a rollback journal then.
		var mode string
		if err := s.db.QueryRow("PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
			return err
		}
	}
	return s.migrate(version)
}

// isEmpty refuses a database that is of no version, and not empty: none of a
// hub's is so, whatever else has become of it.
func (s *SQLite) isEmpty() error {
	var tables int
	err := s.db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables)
	if err == nil && tables > 0 {
		err = errForeign
	}
	return err
}

// migrate runs the migrations from version on. A new database is a new
// generation, whatever file was here before.
func (s *SQLite) migrate(version int) error {
	tx, err := s.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, migration := range migrations[version:] {
		if _, err := tx.Exec(migration); err != nil {
			return fmt.Errorf("migrating from version %d: %w", version, err)
		}
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version=%d", len(migrations))); err != nil {
		return err
	}
	if version > 0 {
		return tx.Commit()
	}
	err = errors.Join(forgetGeneration(s.path), tx.Commit())
	if err != nil {
		return err
	}
	// Now, for later there may be no room for it.
	var name [16]byte
	rand.Read(name[:])
	_, err = writeGeneration(s.path, name, 0)
	return err
}

// errNoWAL is returned for a database that keeps a write-ahead log and is not to.
var errNoWAL = errors.New("the database keeps a write-ahead log")

// journal makes a database without WAL keep its rollback journal's file
// between transactions, which no database remembers by itself.
func (s *SQLite) journal() error {
	var mode string
	err := s.db.QueryRow("PRAGMA journal_mode").Scan(&mode)
	switch {
	case err != nil:
		return err
	case mode == "wal" && s.wal:
		return nil
	case mode == "wal":
		return errNoWAL
	}
	s.db.Close()
	s.db = connect(s.path, "_journal_mode", "PERSIST")
	return nil
}

// withoutSharedMemory opens a database whose WAL needs shared memory where
// there is none, as after a move to other hosting: one process alone, which
// needs none, turns it to a rollback journal.
func (s *SQLite) withoutSharedMemory() error {
	s.db.Close() // or one who turns it would wait for those who wait for him
	release, err := lock.Wait(s.path + "-lock")
	if err != nil {
		return err
	}
	defer release()
	if !s.hasRollback() {
		db := connect(s.path, "_pragma", "locking_mode=EXCLUSIVE", "_journal_mode", "PERSIST")
		_, err = db.Exec("SELECT 1 FROM sqlite_schema")
		db.Close()
		if err != nil {
			return err
		}
	}
	s.db = connect(s.path, "_journal_mode", "PERSIST")
	version, err := s.version()
	if err == nil && version < len(migrations) {
		err = s.migrate(version)
	}
	return err
}

// hasRollback says whether another process has turned the database meanwhile.
func (s *SQLite) hasRollback() bool {
	db := connect(s.path)
	defer db.Close()
	var mode string
	err := db.QueryRow("PRAGMA journal_mode").Scan(&mode)
	return err == nil && mode != "wal"
}

// Journal implements Store.
func (s *SQLite) Journal() (mode string, err error) {
	err = s.using(func() error { return s.db.QueryRow("PRAGMA journal_mode").Scan(&mode) })
	return mode, err
}

// Close implements Store. The last to close folds the WAL into the database.
func (s *SQLite) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}

// Update implements Store.
func (s *SQLite) Update(ctx context.Context, now time.Time, f func(Tx) error) error {
	done, err := s.inTurn()
	if err != nil {
		return err
	}
	defer done()
	return s.run(ctx, now, false, func(t *tx) error {
		if err := t.observe(); err != nil {
			return err
		}
		if err := f(t); err != nil {
			return err
		}
		return t.tidy()
	})
}

// View implements Store.
func (s *SQLite) View(ctx context.Context, now time.Time, f func(Tx) error) error {
	return s.run(ctx, now, true, func(t *tx) error { return f(t) })
}

// run runs f in a transaction, and sets the database aside if that finds it
// damaged.
func (s *SQLite) run(ctx context.Context, now time.Time, reads bool, f func(*tx) error) error {
	return s.using(func() error { return s.transact(ctx, now, reads, f) })
}

// using does something with the database, which may turn out to be damaged.
func (s *SQLite) using(f func() error) error {
	done, err := s.use()
	if err != nil {
		return classify(err)
	}
	err = func() error { defer done(); return f() }()
	switch {
	case err == nil:
		if s.suspected.Load() != nil {
			s.suspected.Store(nil)
		}
	case isDamage(err):
		err = s.damaged(err)
	}
	return classify(err)
}

// transact runs f in a transaction. Once begun it is not given up with ctx: it is
// short, and interrupting SQLite costs a goroutine for each statement.
func (s *SQLite) transact(ctx context.Context, now time.Time, reads bool, f func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := s.newTx(now)
	t.reads = reads
	sqlTx, err := s.db.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: reads})
	if err != nil {
		return err
	}
	defer sqlTx.Rollback()
	t.sql = sqlTx
	if err := f(t); err != nil {
		return err
	}
	return t.commit()
}

// newTx returns a transaction that has still to begin.
func (s *SQLite) newTx(now time.Time) *tx {
	t := &tx{path: s.path, now: now, limits: s.limits, asked: now.Unix(), statements: make(map[string]*sql.Stmt)}
	t.file, t.hasFile = readGeneration(s.path)
	return t
}

// classify gives SQLite's errors that others act on their names here.
func classify(err error) error {
	code := codeOf(err)
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), code == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR_WRITE, code == sqlite3.SQLITE_IOERR_SHMSIZE:
		// A spent quota (EDQUOT) is a write error to SQLite.
		return fmt.Errorf("%w: %w", ErrFull, err)
	case code&0xff == sqlite3.SQLITE_READONLY, isReadOnly(err):
		return asReadOnly(err)
	case code&0xff == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_PROTOCOL:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// isShared says whether err is about the WAL's shared memory, or a WAL that is
// not to be.
func isShared(err error) bool {
	if errors.Is(err, errNoWAL) {
		return true
	}
	switch codeOf(err) {
	case sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_SHMLOCK,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CANTOPEN_ISDIR:
		return true
	}
	return false
}

// codeOf is SQLite's extended result code in err, or 0.
func codeOf(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
