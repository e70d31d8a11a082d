package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hubbub/channels/wire"
)

// generationOf asks the store.
func generationOf(t testing.TB, s Store) (g [16]byte) {
	t.Helper()
	err := s.View(context.Background(), noon, func(tx Tx) (err error) {
		g, err = tx.Generation()
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return g
}

// folder is a data folder whose hub is opened for each thing that is done, as by
// hub.cgi.
type folder struct {
	testing.TB
	path string // of the folder
	now  time.Time
	puts int
}

func newFolder(t testing.TB) *folder {
	f := &folder{TB: t, path: filepath.Join(t.TempDir(), "data"), now: noon}
	if err := os.Mkdir(f.path, 0o700); err != nil {
		t.Fatal(err)
	}
	s := f.open()
	defer s.Close()
	furnish(t, s)
	return f
}

func (f *folder) open() *SQLite {
	f.Helper()
	s, err := OpenSQLite(filepath.Join(f.path, "hub.db"), DefaultLimits())
	if err != nil {
		f.Fatal(err)
	}
	return s
}

func (f *folder) generation() [16]byte {
	f.Helper()
	s := f.open()
	defer s.Close()
	return generationOf(f, s)
}

// live puts a few texts, over some hours.
func (f *folder) live() {
	f.Helper()
	for range 3 {
		f.now = f.now.Add(time.Hour)
		f.puts++
		s := f.open()
		err := s.Update(context.Background(), f.now, func(tx Tx) error {
			_, err := tx.Put(channel, root, putArgs("text", f.puts))
			return err
		})
		if err != nil {
			f.Fatal(err)
		}
		if err := s.Close(); err != nil {
			f.Fatal(err)
		}
	}
}

// run runs a program, in the folder that the data folder lies in.
func (f *folder) run(name string, args ...string) {
	f.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") == "true" {
			f.Fatalf("%s is missing: apt-get install %s", name, name)
		}
		f.Skipf("%s is missing: apt-get install %s", name, name)
	}
	c := exec.Command(name, args...)
	c.Dir = filepath.Dir(f.path)
	if out, err := c.CombinedOutput(); err != nil {
		f.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// vacuumInto makes a backup through SQLite.
func (f *folder) vacuumInto(copy string) {
	f.Helper()
	s := f.open()
	defer s.Close()
	if _, err := s.db.Exec("VACUUM INTO ?", filepath.Join(filepath.Dir(f.path), copy)); err != nil {
		f.Fatal(err)
	}
}

// A generation stays through all that is not another database.
func TestAGenerationStays(t *testing.T) {
	f := newFolder(t)
	one := f.generation()
	stays := func(what string) {
		t.Helper()
		if f.generation() != one {
			t.Errorf("%s made another generation", what)
		}
	}
	stays("opening it again")
	f.live()
	stays("writing")
	f.run("cp", "-a", "data", "copy")
	f.run("tar", "-cf", "copy.tar", "data")
	f.vacuumInto("copy.db")
	stays("a backup")
	f.live()
	stays("writing after a backup")
	s := f.open()
	for _, sql := range []string{"VACUUM", "REINDEX", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA journal_mode=DELETE"} {
		if _, err := s.db.Exec(sql); err != nil {
			t.Error(sql, err)
		}
		stays(sql)
	}
	s.Close()
	moved := filepath.Join(filepath.Dir(f.path), "moved")
	if err := os.Rename(f.path, moved); err != nil {
		t.Fatal(err)
	}
	f.path = moved
	stays("renaming the folder")
	f.live()
	stays("writing in the renamed folder")
}

// A database that was put there from a backup, in whatever way, is another
// generation, which then stays.
func TestABackupIsAnotherGeneration(t *testing.T) {
	for _, test := range []struct {
		name            string
		backup, restore func(*folder)
	}{
		{"cp of the folder beside it",
			func(f *folder) { f.run("cp", "-a", "data", "copy") },
			func(f *folder) { f.run("rm", "-r", "data"); f.run("mv", "copy", "data") }},
		{"cp over the folder",
			func(f *folder) { f.run("cp", "-a", "data", "copy") },
			func(f *folder) { f.run("cp", "-a", "copy/.", "data") }},
		{"cp of the database",
			func(f *folder) { f.run("cp", "-a", "data/hub.db", "copy.db") },
			func(f *folder) { f.run("rm", "data/hub.db"); f.run("cp", "-a", "copy.db", "data/hub.db") }},
		{"cp over the database",
			func(f *folder) { f.run("cp", "data/hub.db", "copy.db") },
			func(f *folder) { f.run("cp", "copy.db", "data/hub.db") }},
		{"mv over the database",
			func(f *folder) { f.run("cp", "data/hub.db", "copy.db") },
			func(f *folder) { f.run("mv", "copy.db", "data/hub.db") }},
		{"tar",
			func(f *folder) { f.run("tar", "-cf", "copy.tar", "data") },
			func(f *folder) { f.run("tar", "-xf", "copy.tar") }},
		{"tar over the files",
			func(f *folder) { f.run("tar", "-cf", "copy.tar", "data") },
			func(f *folder) { f.run("tar", "--overwrite", "-xf", "copy.tar") }},
		// -I, for all of this happens within one second.
		{"rsync",
			func(f *folder) { f.run("rsync", "-a", "data/", "copy") },
			func(f *folder) { f.run("rsync", "-aI", "--delete", "copy/", "data") }},
		{"rsync in place",
			func(f *folder) { f.run("rsync", "-a", "data/", "copy") },
			func(f *folder) { f.run("rsync", "-aI", "--delete", "--inplace", "copy/", "data") }},
		{"rsync of the database, in place",
			func(f *folder) { f.run("rsync", "-a", "data/hub.db", "copy.db") },
			func(f *folder) { f.run("rsync", "-aI", "--inplace", "copy.db", "data/hub.db") }},
		{"VACUUM INTO",
			func(f *folder) { f.vacuumInto("copy.db") },
			func(f *folder) { f.run("cp", "copy.db", "data/hub.db") }},
		{"a folder that has no generation",
			func(f *folder) { f.run("cp", "-a", "data", "copy"); f.run("rm", "copy/hub.db-generation") },
			func(f *folder) { f.run("rm", "-r", "data"); f.run("mv", "copy", "data") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFolder(t)
			one := f.generation()
			f.live()
			test.backup(f)
			f.live()
			if f.generation() != one {
				t.Error("the backup made another generation")
			}
			test.restore(f)
			two := f.generation()
			if two == one {
				t.Error("a copy has the generation of what it was copied from")
			}
			f.live()
			if f.generation() != two {
				t.Error("the copy's generation does not stay")
			}
		})
	}
}

// A copy that is written to before anybody asks for its generation is one, too.
func TestACopyIsFirstWrittenTo(t *testing.T) {
	f := newFolder(t)
	one := f.generation()
	f.live()
	f.run("cp", "data/hub.db", "copy.db")
	f.live()
	f.live()
	f.run("cp", "copy.db", "data/hub.db")
	for range 5 {
		f.live()
	}
	if f.generation() == one {
		t.Error("a copy has the generation of what it was copied from")
	}
}

// The database is wiped, and a new one begins under its name.
func TestAWipedDatabaseIsAnotherGeneration(t *testing.T) {
	f := newFolder(t)
	one := f.generation()
	f.live()
	if err := os.Remove(filepath.Join(f.path, "hub.db")); err != nil {
		t.Fatal(err)
	}
	s := f.open()
	defer s.Close()
	if two := generationOf(t, s); two == one {
		t.Error("a new database has the generation of the one before")
	}
	furnish(t, s)
	f.live()
	three := f.generation()
	// Emptied, which some hosting's file managers do when they fail.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(f.path, "hub.db"), 0); err != nil {
		t.Fatal(err)
	}
	if f.generation() == three {
		t.Error("an emptied database has the generation of the one before")
	}
}

// The file of an older version is known, and becomes one of this.
func TestAGenerationOfAnOlderVersion(t *testing.T) {
	f := newFolder(t)
	one := f.generation()
	path := filepath.Join(f.path, "hub.db-generation")
	file, ok := readGeneration(filepath.Join(f.path, "hub.db"))
	if !ok {
		t.Fatal("no generation")
	}
	old := []byte(fmtHex(file.name[:]) + " " + file.database + "\n")
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if f.generation() != one {
		t.Error("the file of an older version is not known")
	}
	f.live()
	if f.generation() != one {
		t.Error("it does not stay")
	}
	if file, _ := readGeneration(filepath.Join(f.path, "hub.db")); file.itself == "" || file.count < 3 {
		t.Errorf("it has not become one of this version: %+v", file)
	}
	for _, damage := range []string{"", "\n", "garbage", fmtHex(file.name[:]), fmtHex(file.name[:]) + " x y z", "\x00\x00\x00"} {
		if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		two := f.generation()
		if two == one || f.generation() != two {
			t.Errorf("%q: %x", damage, two)
		}
	}
}

// The time may be noted while somebody reads who has not asked yet, and who knows
// of no such note.
func TestANoteWhileSomebodyReads(t *testing.T) {
	f := newFolder(t)
	one := f.generation()
	s := f.open()
	defer s.Close()
	for range 3 {
		err := s.View(context.Background(), f.now, func(tx Tx) error {
			if _, err := tx.Status(channel, root); err != nil { // it has begun
				return err
			}
			f.live()
			two, err := tx.Generation()
			if two != one {
				t.Error("another generation")
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if f.generation() != one {
		t.Error("another generation")
	}
}

// Processes that note the time at once, and others that ask, know of one
// generation.
func TestManyAskForTheGeneration(t *testing.T) {
	f := newFolder(t)
	one := f.generation()
	done := make(chan error, 4)
	for i := range 4 {
		go func() {
			s, err := OpenSQLite(filepath.Join(f.path, "hub.db"), DefaultLimits())
			for n := range 100 {
				now := noon.Add(time.Duration(n) * time.Hour)
				var g [16]byte
				ask := func(tx Tx) error {
					var err error
					if g, err = tx.Generation(); err == nil && i%2 == 0 {
						_, err = tx.Put(channel, root, putArgs("text", 1000*i+n))
					}
					return err
				}
				if err == nil && i%2 == 0 {
					err = s.Update(context.Background(), now, ask)
				} else if err == nil {
					err = s.View(context.Background(), now, ask)
				}
				if err == nil && g != one {
					err = errOther
				}
			}
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if f.generation() != one {
		t.Error("another generation")
	}
}

var errOther = errors.New("another generation")

func fmtHex(b []byte) string { return fmt.Sprintf("%x", b) }

// putArgs is a text.
func putArgs(name string, n int) wire.PutArgs {
	return wire.PutArgs{Class: wire.ClassText, Entry: fmt.Appendf(nil, "%s %d", name, n)}
}
