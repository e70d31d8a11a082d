package channels

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestThePhonebookIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes are unix's")
	}
	dir := filepath.Join(t.TempDir(), "a b%20c", "#?")
	core, err := Open(dir, Options{Nick: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.Step(Join{Channel: "#bob"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v", info.Mode(), err)
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", "*"))
	if len(files) < 3 {
		t.Fatalf("there is no log beside the phonebook: %q", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, info.Mode(), err)
		}
	}
	if err := core.Close(); err != nil {
		t.Fatal(err)
	}
	// One copied there by hand loses others' rights.
	path := filepath.Join(dir, phonebookFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if core, err = Open(dir, Options{Nick: "ignored"}); err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	if info, _ = os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("it stayed %v", info.Mode())
	}
	if core.Nick() != "alice" {
		t.Errorf("the nick became %q", core.Nick())
	}
	for name, want := range map[string]int64{"foreign_keys": 1, "secure_delete": 1, "synchronous": 2} {
		if got := core.book.number("PRAGMA " + name); got != want {
			t.Errorf("%s is %d", name, got)
		}
	}
}

func TestMigrating(t *testing.T) {
	dir := t.TempDir()
	core, err := Open(dir, Options{Nick: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if err := core.Close(); err != nil {
		t.Fatal(err)
	}
	released := migrations
	defer func() { migrations = released }()

	// A migration that fails changes nothing, and leaves a copy.
	migrations = append(slices.Clone(released), "CREATE TABLE later (n INTEGER) STRICT; INSERT INTO nowhere VALUES (1)")
	if _, err = Open(dir, Options{}); err == nil {
		t.Fatal("a broken migration passed")
	}
	migrations[len(released)] = "CREATE TABLE later (n INTEGER) STRICT; INSERT INTO later VALUES (5)"
	if core, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if core.book.number("SELECT n FROM later") != 5 || core.Nick() != "alice" {
		t.Errorf("the migration did not happen")
	}
	if err := core.Close(); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, fmt.Sprintf("%s.schema%d", phonebookFile, len(released)))
	if info, err := os.Stat(copied); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v %v", info, err)
	}
	if content, err := os.ReadFile(copied); err != nil || !bytes.Contains(content, []byte("alice")) {
		t.Errorf("the copy is of no use: %v", err)
	}

	// What a newer hubbub wrote is not touched.
	migrations = released
	if _, err = Open(dir, Options{}); !errors.Is(err, ErrNewerPhonebook) || !strings.Contains(err.Error(), "upgrade") {
		t.Errorf("a newer phonebook: %v", err)
	}
}

// A failed step leaves everything as it was, in memory too, and the same input
// may be given again.
func TestAFailedStep(t *testing.T) {
	core, err := Open(t.TempDir(), Options{Nick: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	now := time.Now()
	core.book.script("CREATE TEMP TRIGGER full BEFORE INSERT ON lines BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	if _, err := core.Step(Join{Channel: "#bob"}, now); err != nil {
		t.Fatal(err)
	}
	before := core.memory.last
	out, err := core.Step(Send{Channel: "#bob", Kind: Text, Text: "hello"}, now)
	if err == nil || !strings.Contains(err.Error(), "disk full") || len(out.Events) > 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	if v, ok := core.Channel("#bob"); !ok || v.Pending != 0 || core.memory.last != before || core.book.number("SELECT count(*) FROM outbox") != 0 {
		t.Errorf("something remained: %+v", v)
	}
	core.book.script("DROP TRIGGER full")
	if out, err = core.Step(Send{Channel: "#bob", Kind: Text, Text: "hello"}, now); err != nil || len(out.Events) != 2 {
		t.Errorf("again: %+v, %v", out.Events, err)
	}
}
