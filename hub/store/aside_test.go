package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// scribble writes over a part of a file as another program would: a process that
// closes a database's file itself gives up its own locks on it.
func scribble(t testing.TB, path string, from int, noise string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), scribblePath+"="+path)
	c.Stdin = strings.NewReader(noise)
	c.Args = append(c.Args, string(rune('0'+from)))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	settle(t, path)
}

// settle has a file have been written a while ago.
func settle(t testing.TB, path string) {
	t.Helper()
	before := time.Now().Add(-2 * settled)
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
}

// scribblePath names, in the environment, the file that this very program is to
// write over: from the page that its argument says, with its standard input.
const scribblePath = "HUBBUB_TEST_SCRIBBLE"

func scribbleOver(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	noise := new(bytes.Buffer)
	if _, err := noise.ReadFrom(os.Stdin); err != nil {
		return err
	}
	_, err = f.WriteAt(noise.Bytes(), 4096*int64(os.Args[1][0]-'0'))
	return errors.Join(err, f.Close())
}

// noise is what is written over three pages.
var noise = strings.Repeat("not what was here. ", 3*4096/19)

// setAside wants the next transaction of s to find the database damaged.
func setAside(t testing.TB, s *SQLite) *Damaged {
	t.Helper()
	err := put(s, "one more")
	var damaged *Damaged
	if !errors.As(err, &damaged) {
		t.Fatalf("got %v, want *Damaged", err)
	}
	return damaged
}

// A database that is damaged is renamed, with all of it that was there; the next
// transaction has a new one, under another generation. So with a log and without.
func TestADamagedDatabaseIsSetAside(t *testing.T) {
	for _, wal := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "hub.db")
		s, err := openSQLite(path, DefaultLimits(), wal)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		furnish(t, s)
		before := generationOf(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		scribble(t, path, 1, noise)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = openSQLite(path, DefaultLimits(), wal); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		damaged := setAside(t, s)
		names := Aside(path)
		if len(names) != 1 || names[0] != damaged.Aside || !strings.HasPrefix(names[0], "hub.db-damaged-2") {
			t.Fatalf("%q, and %q", names, damaged.Aside)
		}
		aside, err := os.ReadFile(filepath.Join(filepath.Dir(path), damaged.Aside))
		if err != nil || !bytes.Equal(aside, whole) {
			t.Errorf("wal %v: what was set aside is not what was there (%v)", wal, err)
		}
		furnish(t, s) // as a new one, it has no account
		if err := put(s, "hello"); err != nil {
			t.Fatal(err)
		}
		if got := entries(t, s); len(got) != 1 || got[0] != "hello" {
			t.Errorf("%q", got)
		}
		if generationOf(t, s) == before {
			t.Error("it is of the same generation")
		}
		if want := map[bool]string{true: "wal", false: "persist"}[wal]; mode(t, s) != want {
			t.Errorf("its journal is %s", mode(t, s))
		}
	}
}

// What is no database at all is set aside when it is opened, and so is another
// program's; one that is empty is taken for a new one.
func TestWhatIsNoDatabase(t *testing.T) {
	for name, content := range map[string]string{"a web page": "<!DOCTYPE html>" + noise, "nothing": ""} {
		path := filepath.Join(t.TempDir(), "hub.db")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		settle(t, path)
		s, err := OpenSQLite(path, DefaultLimits())
		var damaged *Damaged
		if name != "nothing" {
			if !errors.As(err, &damaged) {
				t.Fatalf("%s: %v", name, err)
			}
			if kept, err := os.ReadFile(filepath.Join(filepath.Dir(path), damaged.Aside)); string(kept) != content {
				t.Errorf("%s: it was not kept (%v)", name, err)
			}
			s, err = OpenSQLite(path, DefaultLimits())
		}
		if err != nil {
			t.Fatal(err)
		}
		furnish(t, s)
		s.Close()
	}
	path := filepath.Join(t.TempDir(), "hub.db")
	db := connect(path)
	if _, err := db.Exec("CREATE TABLE recipes (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	settle(t, path)
	var damaged *Damaged
	if _, err := OpenSQLite(path, DefaultLimits()); !errors.As(err, &damaged) {
		t.Fatal(err)
	}
	furnish(t, mustOpen(t, path))
}

// Others have the database open while it is renamed. They go on with the new one,
// and what they leave behind takes nothing of it along.
func TestOthersGoOnWithTheNewDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	s.Close() // all of it is in the database then, and not in its log
	var others []*SQLite
	for range 4 {
		s := mustOpen(t, path)
		if got := entries(t, s); len(got) != 0 { // it has the log open
			t.Fatal(got)
		}
		others = append(others, s)
	}
	one := mustOpen(t, path)
	scribble(t, path, 1, noise)
	scribble(t, path, 4, noise)
	setAside(t, one)
	furnish(t, one)
	if err := put(one, "of the first"); err != nil {
		t.Fatal(err)
	}
	// One ends without having looked.
	if err := others[0].Close(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, s := range others[1:] {
		all.Go(func() {
			if err := put(s, "of the others"); err != nil {
				t.Error(err)
			}
			s.Close()
		})
	}
	all.Wait()
	one.Close()
	s = mustOpen(t, path)
	if got := entries(t, s); len(got) != 2 || got[0] != "of the first" || got[1] != "of the others" {
		t.Errorf("%q", got)
	}
	if names := Aside(path); len(names) != 1 {
		t.Errorf("%q", names)
	}
	var integrity string
	if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Error("integrity:", integrity, err)
	}
}

// Many find it damaged at the same time: one sets it aside, once.
func TestManyFindItDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	s.Close()
	scribble(t, path, 1, noise)
	var all sync.WaitGroup
	var mu sync.Mutex
	named := make(map[string]int)
	for range 12 {
		all.Go(func() {
			for range 2 {
				s, err := OpenSQLite(path, DefaultLimits())
				if err == nil {
					err = s.View(context.Background(), noon, func(tx Tx) error { _, err := tx.Owners(); return err })
					s.Close()
				}
				var damaged *Damaged
				switch {
				case errors.As(err, &damaged):
					mu.Lock()
					named[damaged.Aside]++
					mu.Unlock()
				case err != nil:
					t.Error(err)
				default:
					return
				}
			}
			t.Error("damaged twice")
		})
	}
	all.Wait()
	names := Aside(path)
	if len(names) != 1 || named[names[0]] != 1 {
		t.Errorf("%q are there, and were named so often: %v", names, named)
	}
}

// Where the disk damages whatever is on it the hub does not fill it with damaged
// databases; and none takes the place of another.
func TestNotAllAreSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	for i := range mostAside + 2 {
		if err := os.WriteFile(path, []byte("no database"+strings.Repeat("!", i)), 0o600); err != nil {
			t.Fatal(err)
		}
		settle(t, path)
		_, err := OpenSQLite(path, DefaultLimits())
		var damaged *Damaged
		if set := errors.As(err, &damaged); set != (i < mostAside) {
			t.Fatalf("the %d. time: %v", i+1, err)
		}
		if names := Aside(path); len(names) != min(i+1, mostAside) {
			t.Errorf("%d are set aside: %q", i+1, names)
		}
	}
	if kept, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(kept), "no database!!!") {
		t.Errorf("%q, %v", kept, err)
	}
}

// A process that is killed while it sets a database aside leaves a half of it. The
// next goes on where it ended: nothing of the damaged one is taken for a whole.
func TestSettingAsideIsCutShort(t *testing.T) {
	for after := range 6 {
		path := filepath.Join(t.TempDir(), "hub.db")
		s := mustOpen(t, path)
		furnish(t, s)
		other := mustOpen(t, path) // has its log open all the time
		if err := put(other, "hello"); err != nil {
			t.Fatal(err)
		}
		scribble(t, path, 1, noise)
		contents := make(map[string][]byte)
		for _, end := range []string{"", "-wal"} {
			content, err := os.ReadFile(path + end)
			if err != nil {
				t.Fatal(err)
			}
			contents[end] = content
		}
		killed := false
		left := after
		renameFile = func(from, to string) error {
			if left == 0 {
				killed = true
				panic("killed")
			}
			left--
			return os.Rename(from, to)
		}
		func() {
			defer func() { recover(); renameFile = os.Rename }()
			if _, err := rename(path); err != nil {
				t.Error(err)
			}
		}()
		names := make(map[string]bool)
		damagedOne := func(err error) bool {
			var damaged *Damaged
			if errors.As(err, &damaged) && damaged.Aside != "" {
				names[damaged.Aside] = true
			}
			return errors.As(err, &damaged)
		}
		// One that has had it open all the time, and one that comes.
		err := put(other, "is it there?")
		if killed && !damagedOne(err) {
			t.Fatalf("killed after %d: %v", after, err)
		}
		next, err := OpenSQLite(path, DefaultLimits())
		if damagedOne(err) {
			next, err = OpenSQLite(path, DefaultLimits())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		aside := Aside(path)
		if len(aside) != 1 || killed && (len(names) != 1 || !names[aside[0]]) {
			t.Fatalf("killed after %d: %q, told %v", after, aside, names)
		}
		for end, content := range contents {
			kept, err := os.ReadFile(filepath.Join(filepath.Dir(path), aside[0]) + end)
			if err != nil || !bytes.HasPrefix(kept, content[:min(len(content), 4096)]) {
				t.Errorf("killed after %d: %q of it was not kept (%v)", after, end, err)
			}
		}
		if _, err := os.Stat(path + asideEnd); !errors.Is(err, fs.ErrNotExist) {
			t.Error("it is still said to be cut short:", err)
		}
		furnish(t, next)
		for _, s := range []*SQLite{next, other} {
			if err := put(s, "anew"); err != nil && !damagedOne(err) {
				t.Error(err)
			}
		}
		if got := entries(t, next); len(got) != 1 {
			t.Errorf("killed after %d: %q", after, got)
		}
	}
}

// What cannot be read because it is only on its way here, as a backup that is put back
// by FTP, stays where it is: those who come meanwhile are told to come back, and then
// all of it is there. Only where it was left alone like that is it set aside.
func TestADatabaseOnItsWayIsLeftAlone(t *testing.T) {
	for _, opened := range []bool{false, true} { // by a process that has gone on all the time
		path := filepath.Join(t.TempDir(), "hub.db")
		s := mustOpen(t, path)
		furnish(t, s)
		for i := range 60 {
			if err := put(s, fmt.Sprint(i, strings.Repeat("x", 3000))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		backup, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if opened {
			s = mustOpen(t, path)
		}
		come := func() error {
			if opened {
				return put(s, "hello")
			}
			s, err := OpenSQLite(path, DefaultLimits())
			if err == nil {
				err = errors.Join(put(s, "hello"), s.Close())
			}
			return err
		}
		for _, part := range []int{1000, 5000, len(backup) / 2, len(backup) - 4096} {
			if err := os.WriteFile(path, backup[:part], 0o600); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := come(); !errors.Is(err, ErrBusy) || len(Aside(path)) > 0 {
					t.Fatalf("opened %v, %d of %d bytes: %v, %q are set aside", opened, part, len(backup), err, Aside(path))
				}
			}
		}
		if err := os.WriteFile(path, backup, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := come(); err != nil {
			t.Error(err)
		}
		if got := entries(t, mustOpen(t, path)); len(got) != 61 || len(Aside(path)) > 0 {
			t.Errorf("%d entries, %q are set aside", len(got), Aside(path))
		}
		if opened {
			continue
		}
		if err := os.WriteFile(path, backup[:len(backup)/2], 0o600); err != nil {
			t.Fatal(err)
		}
		settle(t, path)
		if err := come(); len(Aside(path)) != 1 {
			t.Errorf("%v, %q are set aside", err, Aside(path))
		}
	}
}

// A process has died while it set a database aside. What somebody has put in its place
// since is not renamed for that: a file of its own, or one that was written over it.
func TestWhatWasPutThereSinceIsNotSetAside(t *testing.T) {
	for _, over := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "hub.db")
		s := mustOpen(t, path)
		furnish(t, s)
		if err := put(s, "hello"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		backup, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		scribble(t, path, 1, noise)
		if err := writeAside(path, path+asideMark+"20260101-000000"); err != nil {
			t.Fatal(err)
		}
		if !over {
			err = os.Rename(path, path+".old")
		}
		if err = errors.Join(err, os.WriteFile(path, backup, 0o600)); err != nil {
			t.Fatal(err)
		}
		s, err = OpenSQLite(path, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if got := entries(t, s); len(got) != 1 || len(Aside(path)) > 0 {
			t.Errorf("written over %v: %q, %q are set aside", over, got, Aside(path))
		}
		if _, err := os.Stat(path + asideEnd); !errors.Is(err, fs.ErrNotExist) {
			t.Error("it is still said to be cut short:", err)
		}
		s.Close()
	}
}
