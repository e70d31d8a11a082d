package channels

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// phonebookFile is the phonebook's name in its folder. SQLite keeps
// phonebook.db-wal and phonebook.db-shm beside it.
const phonebookFile = "phonebook.db"

// phonebook is the SQLite database, behind one connection, with its statements
// prepared once. Its methods panic with a brokenPhonebook where SQLite fails;
// guard turns that into an error at the edge of the package, so that the steps
// between need not carry it.
type phonebook struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	path       string
}

// brokenPhonebook is what phonebook's methods panic with.
type brokenPhonebook struct{ err error }

// guard is deferred where a phonebook's panic becomes an error.
func guard(err *error) {
	switch r := recover().(type) {
	case nil:
	case brokenPhonebook:
		*err = fmt.Errorf("phonebook: %w", r.err)
	default:
		panic(r)
	}
}

// openPhonebook opens or makes the phonebook in dir, in the newest schema.
func openPhonebook(dir string, quick bool) (p *phonebook, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the phonebook's folder: %w", err)
	}
	path, err := filepath.Abs(filepath.Join(dir, phonebookFile))
	if err != nil {
		return nil, fmt.Errorf("the phonebook's folder: %w", err)
	}
	if err := makePrivate(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dataSource(path, quick))
	if err != nil {
		return nil, fmt.Errorf("opening the phonebook: %w", err)
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the phonebook: %w", err), db.Close())
	}
	p = &phonebook{db: db, conn: conn, statements: map[string]*sql.Stmt{}, path: path}
	if err := p.migrate(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// makePrivate makes an empty phonebook with mode 0600 if there is none, which
// SQLite's other files then get too, and takes others' rights from one that
// has been copied there.
func makePrivate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("making the phonebook: %w", err)
		}
		return f.Close()
	}
	if err != nil {
		return fmt.Errorf("the phonebook: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("the phonebook is readable by others: %w", err)
		}
	}
	return nil
}

// dataSource is the driver's name for the phonebook at path. secure_delete
// overwrites what is deleted. Every commit is on disk, unless it is quick.
func dataSource(path string, quick bool) string {
	synchronous := "FULL"
	if quick {
		synchronous = "OFF"
	}
	path = filepath.ToSlash(path)
	if path[0] != '/' {
		path = "/" + path // C:/… on Windows
	}
	u := url.URL{Scheme: "file", Path: path}
	u.RawQuery = "_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=secure_delete(ON)" +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous + ")&_pragma=foreign_keys(ON)"
	return u.String()
}

func (p *phonebook) close() error {
	var errs []error
	for _, s := range p.statements {
		errs = append(errs, s.Close())
	}
	errs = append(errs, p.conn.Close(), p.db.Close())
	return errors.Join(errs...)
}

// prepare returns the statement for query, prepared once.
func (p *phonebook) prepare(query string) *sql.Stmt {
	if s, ok := p.statements[query]; ok {
		return s
	}
	s, err := p.conn.PrepareContext(context.Background(), query)
	if err != nil {
		panic(brokenPhonebook{fmt.Errorf("%w in %q", err, query)})
	}
	p.statements[query] = s
	return s
}

// run executes query and returns how many rows it changed.
func (p *phonebook) run(query string, args ...any) int64 {
	n, err := p.execute(query, args).RowsAffected()
	if err != nil {
		panic(brokenPhonebook{err})
	}
	return n
}

// insert executes query and returns the new row's id.
func (p *phonebook) insert(query string, args ...any) int64 {
	id, err := p.execute(query, args).LastInsertId()
	if err != nil {
		panic(brokenPhonebook{err})
	}
	return id
}

func (p *phonebook) execute(query string, args []any) sql.Result {
	r, err := p.prepare(query).ExecContext(context.Background(), args...)
	if err != nil {
		panic(brokenPhonebook{err})
	}
	return r
}

// row is one row of a query's result, to be scanned once.
type row interface{ Scan(dest ...any) error }

// scan reads a row into dest.
func scan(r row, dest ...any) {
	if err := r.Scan(dest...); err != nil {
		panic(brokenPhonebook{err})
	}
}

// list runs query and reads all rows with f before it returns, so that f's
// results may be used in other statements.
func list[T any](p *phonebook, f func(row) T, query string, args ...any) (found []T) {
	rows, err := p.prepare(query).QueryContext(context.Background(), args...)
	if err != nil {
		panic(brokenPhonebook{err})
	}
	defer rows.Close()
	for rows.Next() {
		found = append(found, f(rows))
	}
	if err := rows.Err(); err != nil {
		panic(brokenPhonebook{err})
	}
	return found
}

// first reads the first row of query with f; ok is false if there is none.
func first[T any](p *phonebook, f func(row) T, query string, args ...any) (v T, ok bool) {
	rows, err := p.prepare(query).QueryContext(context.Background(), args...)
	if err != nil {
		panic(brokenPhonebook{err})
	}
	defer rows.Close()
	if rows.Next() {
		v, ok = f(rows), true
	}
	if err := rows.Err(); err != nil {
		panic(brokenPhonebook{err})
	}
	return v, ok
}

// number reads a query's one integer; NULL, or no row, is 0.
func (p *phonebook) number(query string, args ...any) int64 {
	n, _ := first(p, func(r row) (n sql.NullInt64) { scan(r, &n); return n }, query, args...)
	return n.Int64
}

// transaction runs f in one transaction, and leaves the phonebook as it was
// if f or the commit fails.
func (p *phonebook) transaction(f func()) (err error) {
	done := false
	defer func() {
		if !done {
			// A failed COMMIT may have ended the transaction already.
			_, _ = p.conn.ExecContext(context.Background(), "ROLLBACK")
		}
	}()
	defer guard(&err)
	p.run("BEGIN IMMEDIATE")
	f()
	p.run("COMMIT")
	done = true
	return nil
}

// truncate empties the write-ahead log, so that what was deleted is in no file
// any more.
func (p *phonebook) truncate() (err error) {
	defer guard(&err)
	busy, _ := first(p, func(r row) (busy int64) {
		var frames, done int64
		scan(r, &busy, &frames, &done)
		return busy
	}, "PRAGMA wal_checkpoint(TRUNCATE)")
	if busy != 0 {
		return errors.New("phonebook: the write-ahead log is in use")
	}
	return nil
}

// Times are kept as nanoseconds since 1970; the zero time as 0.

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// script executes several statements that are run once.
func (p *phonebook) script(query string) {
	if _, err := p.conn.ExecContext(context.Background(), query); err != nil {
		panic(brokenPhonebook{err})
	}
}
