package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// oldWriter writes as a program of the version before this one's does, each time as
// a process of its own: it opens the database, looks at its version, and writes one
// entry. It stops when the version is newer than its own.
func oldWriter(t *testing.T, path string, w, version int, said *sync.Map, one chan<- struct{}) {
	t.Helper()
	for i := 0; ; i++ {
		db := connect(path)
		var found int
		if err := db.QueryRow("PRAGMA user_version").Scan(&found); err != nil {
			t.Error(err)
			db.Close()
			return
		}
		if found > version {
			db.Close()
			return
		}
		entry := fmt.Sprintf("writer %d, entry %d", w, i)
		id := idOf([]byte(entry))
		_, err := db.ExecContext(context.Background(), `BEGIN IMMEDIATE;
			INSERT INTO entries (channel, position, id, token, keep, at, bytes)
				SELECT 1, last + 1, ?1, x'01', 0, ?2, ?3 FROM channels WHERE n = 1;
			UPDATE channels SET last = last + 1, entries = entries + 1, text = text + ?4 WHERE n = 1;
			COMMIT`, id[:], noon.Unix(), []byte(entry), charge(len(entry)))
		db.Close()
		if err != nil {
			t.Error(err)
			return
		}
		said.Store(entry, true)
		select {
		case one <- struct{}{}:
		default:
		}
	}
}

// The new program comes while twenty of the old one write: it waits for its turn,
// brings the database up to date once, and all that the old ones were told is
// stored is there. They see that it is newer then, and write no more.
func TestAnUpgradeWhileOldProgramsWrite(t *testing.T) {
	for _, wal := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "hub.db")
		old := len(migrations) - 1
		older(t, path, wal, old)
		var said sync.Map
		var writers, upgraders sync.WaitGroup
		one := make(chan struct{})
		for w := range 20 {
			writers.Go(func() { oldWriter(t, path, w, old, &said, one) })
		}
		for range 20 {
			<-one
		}
		var upgraded atomic.Int64
		for range 4 {
			upgraders.Go(func() {
				s, err := OpenSQLite(path, DefaultLimits())
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if err := put(s, fmt.Sprint("the new program's ", upgraded.Add(1))); err != nil {
					t.Error(err)
				}
			})
		}
		upgraders.Wait()
		writers.Wait()
		there := make(map[string]bool)
		for _, entry := range entries(t, mustOpen(t, path)) {
			there[entry] = true
		}
		said.Range(func(entry, _ any) bool {
			if !there[entry.(string)] {
				t.Errorf("wal %v: lost: %s", wal, entry)
			}
			return true
		})
		if want := count(&said) + 4 + 1; len(there) != want { // and one that was there
			t.Errorf("wal %v: %d are there, want %d", wal, len(there), want)
		}
		if names := Aside(path); len(names) > 0 {
			t.Errorf("set aside: %q", names)
		}
	}
}

func count(said *sync.Map) (n int) {
	said.Range(func(_, _ any) bool { n++; return true })
	return n
}

// A program that was replaced while it ran, and whose database a newer one has
// brought up to date, does not write to it any more.
func TestAProgramThatWasReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s, other := mustOpen(t, path), mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.db.Exec("PRAGMA user_version=99"); err != nil {
		t.Fatal(err)
	}
	if err := put(s, "too late"); !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
	if err := s.Note(context.Background(), noon, func(tx Tx) error { return tx.Count("requests", 1) }); !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
	if got := entries(t, s); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
