package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What is met once, and is not to be found then, changes nothing.
func TestDamageThatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	var damaged *Damaged
	if err := s.damaged(&corruption{}); errors.As(err, &damaged) {
		t.Fatal(err)
	}
	if got := entries(t, s); len(got) != 1 {
		t.Errorf("%q", got)
	}
	// Met again later, with nothing good between, it is believed.
	s.damaged(&corruption{})
	if err := s.damaged(&corruption{}); errors.As(err, &damaged) {
		t.Error("met by two at the same time:", err)
	}
	later(s)
	if err := s.damaged(&corruption{}); !errors.As(err, &damaged) {
		t.Error(err)
	}
}

// later has what was met have been met a while ago.
func later(s *SQLite) {
	if since := s.suspected.Load(); since != nil {
		before := since.Add(-believedAfter)
		s.suspected.Store(&before)
	}
}

// Many transactions meet the same thing that passes, at the same time.
func TestManyMeetWhatPasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var damaged *Damaged
			if err := s.damaged(&corruption{}); errors.As(err, &damaged) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := entries(t, s); len(got) != 1 || len(Aside(path)) > 0 {
		t.Errorf("%q, %q", got, Aside(path))
	}
}

type corruption struct{}

func (*corruption) Error() string { return "malformed" }

// A database that is too large to be looked through in time is not damaged for that.
// Only what is met again and again, as long as that cannot be decided, is believed;
// also by processes that meet it once each.
func TestALookThatIsNotFinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	defer func(was time.Duration) { checkTime = was }(checkTime)
	checkTime = 0
	var damaged *Damaged
	meet := func() error {
		s := mustOpen(t, path) // another process
		err := s.damaged(&corruption{})
		s.Close()
		return err
	}
	passes := func(by time.Duration) { passes(t, path, by) }
	for range 4 { // at the same time
		if err := meet(); errors.As(err, &damaged) {
			t.Fatal(err)
		}
	}
	passes(2 * believedAfter)
	if err := meet(); errors.As(err, &damaged) {
		t.Fatal(err)
	}
	passes(25 * time.Hour) // that is forgotten
	for range 2 {
		if err := meet(); errors.As(err, &damaged) {
			t.Fatal(err)
		}
		passes(2 * believedAfter)
	}
	// One look to the end, and it was nothing.
	checkTime = time.Minute
	if err := meet(); errors.As(err, &damaged) {
		t.Fatal(err)
	}
	checkTime = 0
	passes(wholeFor)
	for range 2 {
		if err := meet(); errors.As(err, &damaged) {
			t.Fatal(err)
		}
		passes(2 * believedAfter)
	}
	if got := entries(t, s); len(got) != 1 {
		t.Errorf("%q", got)
	}
	s.Close()
	if err := meet(); !errors.As(err, &damaged) || damaged.Aside == "" {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + looksEnd); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the new one is suspected:", err)
	}
}

// passes has the looks at the database at path be so much longer ago.
func passes(t testing.TB, path string, by time.Duration) {
	t.Helper()
	text, err := os.ReadFile(path + looksEnd)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for line := range strings.Lines(string(text)) {
		at, mark, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = fmt.Appendf(all, "%d %s\n", n-int64(by/time.Second), mark)
	}
	if err := os.WriteFile(path+looksEnd, all, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Processes that meet it once each look at all of it, and find nothing. They do not do
// so each time; and what is met for a while all the same is believed in the end.
func TestProcessesThatFindNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	var damaged *Damaged
	meet := func() error {
		s := mustOpen(t, path)
		defer s.Close()
		if err := put(s, "this succeeds"); err != nil {
			t.Fatal(err)
		}
		return s.damaged(&corruption{})
	}
	looked := func() string {
		text, err := os.ReadFile(path + looksEnd)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for round := range mostLooks - 1 {
		for again := range 3 {
			if err := meet(); errors.As(err, &damaged) {
				t.Fatal(err)
			}
			if text := looked(); strings.Count(text, wholeMark) != round+1 {
				t.Errorf("round %d, %d: %q", round, again, text)
			}
		}
		passes(t, path, believedAfter)
		if err := meet(); errors.As(err, &damaged) || strings.Count(looked(), wholeMark) != round+1 {
			t.Errorf("looked again after a minute: %v, %q", err, looked())
		}
		passes(t, path, wholeFor)
	}
	if err := meet(); !errors.As(err, &damaged) || len(Aside(path)) != 1 {
		t.Error(err)
	}
	s.Close()
}

// Another program has the database locked, so that it cannot be looked at: that is no
// look to the end.
func TestALookThatIsKeptFromIt(t *testing.T) {
	defer func(was time.Duration) { busyTimeout = was }(busyTimeout)
	busyTimeout = 0
	path := filepath.Join(t.TempDir(), "hub.db")
	s, err := openSQLite(path, DefaultLimits(), false)
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, s)
	s.Close()
	other := connect(path)
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	if got := damageAt(path, &corruption{}); got != isUnchecked {
		t.Errorf("it is %d", got)
	}
}
