package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
)

var (
	account = wire.Token{1}
	root    = wire.Token{2}
	channel = wire.Channel{3}
	noon    = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
)

// mustOpen opens a store and closes it with the test.
func mustOpen(t testing.TB, path string) *SQLite {
	t.Helper()
	s, err := OpenSQLite(path, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// furnish opens a channel, of which root is the root.
func furnish(t testing.TB, s Store) {
	t.Helper()
	err := s.Update(context.Background(), noon, func(tx Tx) error {
		if _, err := tx.Claim(account, KeyHash{}, &Account{Owner: true}); err != nil {
			return err
		}
		return tx.Open(channel, account, wire.OpenArgs{Root: root})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// put puts a text of root's.
func put(s Store, entry string) error {
	return s.Update(context.Background(), noon, func(tx Tx) error {
		_, err := tx.Put(channel, root, wire.PutArgs{Class: wire.ClassText, Entry: []byte(entry)})
		return err
	})
}

// entries reads the log.
func entries(t testing.TB, s Store) []string {
	t.Helper()
	var texts []string
	err := s.View(context.Background(), noon, func(tx Tx) error {
		args := wire.FetchArgs{Limit: maxFetch}
		for more := true; more; {
			result, err := tx.Fetch(channel, root, args, wire.MaxFetch)
			if err != nil {
				return err
			}
			for _, e := range result.Entries {
				texts = append(texts, string(e.Bytes))
				args.After, args.ID = e.Position, idOf(e.Bytes)
			}
			more = result.More
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func mode(t testing.TB, s *SQLite) string {
	t.Helper()
	var mode string
	if err := s.db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
		t.Fatal(err)
	}
	return mode
}

// A path may have any character in it, and nobody else may read the files.
func TestFilesAreTheOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b#c%20d&e=f ä.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if mode(t, s) != "wal" {
		t.Error("journal mode", mode(t, s))
	}
	files, _ := os.ReadDir(filepath.Dir(path))
	if len(files) != 7 { // database, WAL, its index, three locks, generation
		t.Error(files)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 || !strings.HasPrefix(file.Name(), filepath.Base(path)) {
			t.Error(file.Name(), info.Mode())
		}
	}
}

func TestNewerDataIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	if _, err := s.db.Exec("PRAGMA user_version=7"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := OpenSQLite(path, DefaultLimits())
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "put the newer one back") {
		t.Fatal(err)
	}
}

// noSharedMemory makes this folder like hosting where files cannot be shared as
// memory: here because a link to nowhere is in the place of that file.
func noSharedMemory(t testing.TB, path string) {
	t.Helper()
	if err := os.Symlink("nowhere", path+"-shm"); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutSharedMemoryTheJournalIsARollbackJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	noSharedMemory(t, path)
	s := mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil || mode(t, s) != "persist" {
		t.Fatal(err, mode(t, s))
	}
}

// The same after a move there, with the data as it was.
func TestAMoveToHostingWithoutSharedMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	// A process that was killed leaves its WAL.
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	database, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "hub.db")
	if err := errors.Join(os.WriteFile(moved, database, 0o600), os.WriteFile(moved+"-wal", wal, 0o600)); err != nil {
		t.Fatal(err)
	}
	noSharedMemory(t, moved)
	for range 2 {
		s = mustOpen(t, moved)
		if got := entries(t, s); len(got) != 1 || got[0] != "hello" || mode(t, s) != "persist" {
			t.Fatal(got, mode(t, s))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// No room on the disk is said as such, has changed nothing, and passes.
func TestNoRoomChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	s.db.SetMaxOpenConns(1)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("PRAGMA max_page_count=1"); err != nil { // as many as there are
		t.Fatal(err)
	}
	large := strings.Repeat("x", 60_000)
	if err := put(s, large); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if got := entries(t, s); len(got) != 1 || got[0] != "hello" {
		t.Fatal(len(got), "entries")
	}
	if _, err := s.db.Exec("PRAGMA max_page_count=1000000"); err != nil {
		t.Fatal(err)
	}
	if err := put(s, large); err != nil {
		t.Fatal(err)
	}
}

// Several processes' worth of connections write at once, and nobody is told
// that the database is locked.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	const writers, each = 8, 25
	var all sync.WaitGroup
	failures := make(chan error, writers*each)
	furnish(t, mustOpen(t, path))
	for w := range writers {
		all.Go(func() {
			s, err := OpenSQLite(path, DefaultLimits())
			if err != nil {
				failures <- err
				return
			}
			defer s.Close()
			for i := range each {
				if err := put(s, fmt.Sprintf("writer %d, entry %d", w, i)); err != nil {
					failures <- err
				}
			}
		})
	}
	all.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if got := entries(t, mustOpen(t, path)); len(got) != writers*each {
		t.Errorf("%d entries, want %d", len(got), writers*each)
	}
}

// Everybody comes first.
func TestManyFirstRequests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := OpenSQLite(path, DefaultLimits())
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			generationOf(t, s)
		})
	}
	all.Wait()
}

// Whom somebody else keeps from the database for too long, as a backup program
// may that holds it, is told to come back; who reads is not kept; and once it is
// let go all goes on.
func TestALockedDatabase(t *testing.T) {
	whole := busyTimeout
	busyTimeout = 100 * time.Millisecond
	defer func() { busyTimeout = whole }()
	for _, wal := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "hub.db")
		s, err := openSQLite(path, DefaultLimits(), wal)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		furnish(t, s)
		if err := put(s, "hello"); err != nil {
			t.Fatal(err)
		}
		other := mustOpen(t, path)
		lock := "BEGIN EXCLUSIVE"
		conn, err := other.db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.ExecContext(context.Background(), lock); err != nil {
			t.Fatal(err)
		}
		if err := put(s, "kept out"); !errors.Is(err, ErrBusy) {
			t.Errorf("wal %v: %v", wal, err)
		}
		if _, err := s.Waited(context.Background(), noon, [32]byte{1}); !errors.Is(err, ErrBusy) {
			t.Errorf("wal %v: %v", wal, err)
		}
		third, err := OpenSQLite(path, DefaultLimits())
		if wal {
			if err != nil {
				t.Fatal(err)
			}
			if got := entries(t, third); len(got) != 1 {
				t.Errorf("%q", got)
			}
			third.Close()
		} else if !errors.Is(err, ErrBusy) { // a rollback journal lets nobody in
			t.Errorf("wal %v: %v", wal, err)
		}
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := put(s, "let in"); err != nil {
			t.Error(err)
		}
		if got := entries(t, s); len(got) != 2 || got[1] != "let in" {
			t.Errorf("%q", got)
		}
	}
}

// Who turns a write-ahead log waits for those who have it open.
func TestTurningALogThatIsOpen(t *testing.T) {
	whole := busyTimeout
	busyTimeout = 100 * time.Millisecond
	defer func() { busyTimeout = whole }()
	path := filepath.Join(t.TempDir(), "hub.db")
	other, err := openSQLite(path, DefaultLimits(), true)
	if err != nil {
		t.Fatal(err)
	}
	if mode, err := other.Journal(); mode != "wal" || err != nil {
		t.Skip("there is no write-ahead log here:", mode, err)
	}
	begun := time.Now()
	if _, err := openSQLite(path, DefaultLimits(), false); !errors.Is(err, ErrBusy) || time.Since(begun) < busyTimeout {
		t.Errorf("%v, after %v", err, time.Since(begun))
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := openSQLite(path, DefaultLimits(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if mode, err := s.Journal(); mode != "persist" || err != nil {
		t.Error(mode, err)
	}
}

// older makes a database as the version did whose migrations were so many, and
// closes it.
func older(t *testing.T, path string, wal bool, count int) {
	t.Helper()
	all := migrations
	migrations = all[:count]
	defer func() { migrations = all }()
	s, err := openSQLite(path, DefaultLimits(), wal)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, sql := range []string{
		`INSERT INTO accounts VALUES (x'` + fmt.Sprintf("%x", account[:]) + `', x'` + strings.Repeat("07", 32) + `', 1, 0)`,
		`INSERT INTO channels (n, channel, account, root, last, entries, text) VALUES (1, x'` + fmt.Sprintf("%x", channel[:]) + `', x'` +
			fmt.Sprintf("%x", account[:]) + `', x'` + fmt.Sprintf("%x", root[:]) + `', 5, 1, 261)`,
		`INSERT INTO tokens (channel, token) VALUES (1, x'` + fmt.Sprintf("%x", root[:]) + `')`,
		fmt.Sprintf(`INSERT INTO entries VALUES (1, 1, 5, x'%x', x'%x', 0, %d, x'%x')`, idOf([]byte("hello")), root[:], noon.Unix(), "hello"),
	} {
		if _, err := s.db.Exec(sql); err != nil {
			t.Fatal(sql, err)
		}
	}
}

// A database of every older version is brought up to date, with what is in it,
// also where it has been moved to hosting without shared memory.
func TestAnOlderDatabaseIsBroughtUpToDate(t *testing.T) {
	for count := 1; count < len(migrations); count++ {
		for _, wal := range []bool{true, false} {
			for _, shared := range []bool{true, false} {
				path := filepath.Join(t.TempDir(), "hub.db")
				older(t, path, wal, count)
				before, ok := readGeneration(path)
				if !ok {
					t.Fatal("no generation")
				}
				if !shared {
					noSharedMemory(t, path)
				}
				for range 2 {
					s := mustOpen(t, path)
					if version, err := s.version(); err != nil || version != len(migrations) {
						t.Fatal(version, err)
					}
					if got := entries(t, s); len(got) != 1 || got[0] != "hello" {
						t.Errorf("version %d, wal %v, shared %v: %q", count, wal, shared, got)
					}
					if generationOf(t, s) != before.name {
						t.Errorf("version %d, wal %v, shared %v: another generation", count, wal, shared)
					}
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				}
				s := mustOpen(t, path)
				if err := put(s, "hello again"); err != nil {
					t.Fatal(err)
				}
				if got := entries(t, s); len(got) != 2 {
					t.Errorf("%q", got)
				}
			}
		}
	}
}
