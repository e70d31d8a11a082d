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
	passes := func(by time.Duration) {
		t.Helper()
		times, err := os.ReadFile(path + uncheckedEnd)
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		for _, at := range strings.Fields(string(times)) {
			n, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			text = fmt.Appendf(text, "%d\n", n-int64(by/time.Second))
		}
		if err := os.WriteFile(path+uncheckedEnd, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
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
	if _, err := os.Stat(path + uncheckedEnd); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the new one is suspected:", err)
	}
}
