package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// data is the hub's data folder.
func (s *stage) data() string {
	s.Helper()
	folders, _ := filepath.Glob(filepath.Join(filepath.Dir(s.program), "hub-data-????????????????"))
	if len(folders) != 1 {
		s.Fatal(folders)
	}
	return folders[0]
}

// hostile runs hub.cgi for a hostile request, as a web server does, and returns
// what it says. Every third comes in pieces.
func (s *stage) hostile(h *hubtest.Hostile, turn int) []byte {
	s.Helper()
	c := exec.Command(s.program)
	c.Env = []string{"REQUEST_METHOD=" + h.Method, "QUERY_STRING=" + h.Query, "CONTENT_TYPE=" + h.Type, "REMOTE_ADDR=203.0.113.7"}
	if h.Length >= 0 {
		c.Env = append(c.Env, fmt.Sprint("CONTENT_LENGTH=", h.Length))
	} else if turn%2 == 0 {
		c.Env = append(c.Env, "CONTENT_LENGTH=0", "HTTP_TRANSFER_ENCODING=chunked")
	}
	c.Stdin = bytes.NewReader(h.Body)
	if turn%3 == 0 {
		c.Stdin = io.MultiReader(slowly(h.Body[:len(h.Body)/3]), slowly(h.Body[len(h.Body)/3:]))
	}
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	if err := c.Run(); err != nil {
		// It does not wait for what it will not read.
		var pipe *exec.ExitError
		if errors.As(err, &pipe) {
			s.Errorf("%s: %v\n%s", h.Kind, err, &log)
		}
	}
	if log.Len() > 0 {
		s.Errorf("%s: the log says %s", h.Kind, &log)
	}
	return out.Bytes()
}

// slowly reads b after a while.
func slowly(b []byte) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if len(b) == 0 {
			return 0, io.EOF
		}
		time.Sleep(3 * time.Millisecond)
		n := copy(p, b)
		b = b[n:]
		return n, nil
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Some hundred hostile requests, each a process, four at a time, beside a hub that
// works: each has its answer, and nothing of it is in the log.
func TestHostileRequests(t *testing.T) {
	count := 330
	if testing.Short() {
		count = 66
	}
	s := newStage(t)
	var all sync.WaitGroup
	for a := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(a), 41))
			for turn := a; turn < count; turn += 4 {
				h := s.client.MakeHostile(t, turn, random)
				out := s.hostile(h, turn)
				if status := checkResponse(t, out, h.Method); status != h.Want {
					t.Errorf("%s, turn %d: status %d, want %d", h.Kind, turn, status, h.Want)
				}
				if bytes.Contains(out, []byte(filepath.Dir(s.program))) {
					t.Errorf("%s: it tells where it is", h.Kind)
				}
			}
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	said := 0
	for done := false; !done; said++ {
		if _, err := s.client.As(t, "alice").Put(s.lounge, fmt.Sprint("line ", said)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-over:
			done = true
		default:
		}
	}
	if there := s.entries(); len(there) != said {
		t.Errorf("%d lines are there, and %d were said", len(there), said)
	}
}

// The database is damaged, and many processes find that at the same time: one sets
// it aside, and all go on with a new one, on which its owner is the owner still.
func TestManyProcessesFindTheDatabaseDamaged(t *testing.T) {
	s := newStage(t)
	path := filepath.Join(s.data(), "hub.db")
	before := time.Now().Add(-time.Hour) // what was written only just now may still be on its way
	if err := errors.Join(os.WriteFile(path, bytes.Repeat([]byte("gone "), 5000), 0o600), os.Chtimes(path, before, before)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			var err error
			if i%2 == 0 {
				err = s.client.As(t, "owner").Open(s.lounge, "alice")
			} else if _, err = s.client.As(t, "alice").Fetch(s.lounge, wire.FetchArgs{}); hubtest.IsCode(err, wire.CodeUnknown) {
				err = nil // it was not opened again yet
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if names := hub.Damaged(s.data()); len(names) != 1 {
		t.Errorf("%q", names)
	}
	if _, err := s.client.As(t, "alice").Put(s.lounge, "hello"); err != nil {
		t.Error(err)
	}
	if there := s.entries(); len(there) != 1 {
		t.Errorf("%v", there)
	}
}

// An older hub.cgi beside a newer one's data refuses calls with words, shows its
// page, and changes nothing.
func TestAnOlderProgram(t *testing.T) {
	s := newStage(t)
	path := filepath.Join(s.data(), "hub.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version=99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	request, exchange, err := s.client.Seal(s.client.As(t, "alice").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte("x")}),
		s.client.As(t, "alice").Sign(wire.OpFetch, s.lounge, wire.FetchArgs{Limit: 1, Wait: 1000}))
	if err != nil {
		t.Fatal(err)
	}
	c := command(s.program, request)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(out, []byte("\r\n\r\n"))
	response, err := exchange.OpenResponse(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range response.Results {
		if result.Error == nil || result.Error.Code != wire.CodeInternal || !strings.Contains(result.Error.Text, "put the newer one back") {
			t.Errorf("%v", result.Error)
		}
	}
	if !strings.Contains(log.String(), "put the newer one back") {
		t.Errorf("the log says %q", &log)
	}
	page := exec.Command(s.program)
	page.Env = []string{"REQUEST_METHOD=GET"}
	if out, err := page.Output(); err != nil || checkResponse(t, out, "GET") != wire.StatusSealed {
		t.Errorf("the page: %v\n%.300s", err, out)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) || len(hub.Damaged(s.data())) > 0 {
		t.Error("the newer data was touched", err)
	}
}

// Two hundred processes want to wait at once: so many are held as may, the others
// are sent away at once, and what is said meanwhile is said in no time.
func TestTwoHundredProcessesWantToWait(t *testing.T) {
	if testing.Short() {
		t.Skip("two hundred processes")
	}
	s := newStage(t)
	const members = 10
	for i := range members {
		if err := s.client.As(t, "alice").Grant(s.lounge, fmt.Sprint("member ", i), "alice"); err != nil {
			t.Fatal(err)
		}
	}
	answers := make(chan wire.FetchResult, 200)
	for i := range 200 {
		go func() {
			r, err := s.client.As(t, fmt.Sprint("member ", i%members)).Fetch(s.lounge, wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()})
			if err != nil {
				t.Error(err)
			}
			answers <- r
		}()
	}
	for range 200 - hub.DefaultHeld {
		if r := <-answers; r.Retry == 0 {
			t.Errorf("%+v was held, and nothing was said", r)
		}
	}
	if _, err := s.client.As(t, "alice").Put(s.lounge, "hello"); err != nil {
		t.Error(err)
	}
	for range hub.DefaultHeld {
		if r := <-answers; len(r.Entries) != 1 {
			t.Errorf("woken with %+v", r)
		}
	}
}

// The rule of hub.conf that there be no write-ahead log holds for whatever is
// there: the next processes, many at once, turn the database.
func TestWithoutAWriteAheadLog(t *testing.T) {
	s := newStage(t)
	if _, err := s.client.As(t, "alice").Put(s.lounge, "before"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.program), hub.ConfigName), []byte("wal = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.manyWriters(8, 4)
	files, _ := filepath.Glob(filepath.Join(s.data(), "hub.db-*"))
	for _, file := range files {
		if strings.HasSuffix(file, "-wal") {
			t.Error(filepath.Base(file), "is there")
		}
	}
	if n := s.entries()["before"]; n != 1 {
		t.Errorf("what was there before is there %d times", n)
	}
}

// manyWriters has so many put so many lines each, all at once: none is told that
// the hub is busy, and all is there once, in each writer's order.
func (s *stage) manyWriters(writers, each int) {
	s.Helper()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				if _, err := s.client.As(s, "alice").Put(s.lounge, fmt.Sprintf("writer %d line %d", w, i)); err != nil {
					s.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	all.Wait()
	next := make([]int, writers)
	for _, text := range s.log() {
		var w, i int
		if n, _ := fmt.Sscanf(text, "writer %d line %d", &w, &i); n != 2 {
			continue
		}
		if i != next[w] {
			s.Errorf("line %d of writer %d stands where %d is to be", i, w, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != each {
			s.Errorf("%d lines of writer %d are there", n, w)
		}
	}
}

// log is what alice can read, in order.
func (s *stage) log() (texts []string) {
	s.Helper()
	args := wire.FetchArgs{Limit: 1000}
	for {
		result, err := s.client.As(s, "alice").Fetch(s.lounge, args)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range result.Entries {
			texts = append(texts, string(e.Bytes))
			args.After, args.ID = e.Position, entryID(e.Bytes)
		}
		if !result.More {
			return texts
		}
	}
}

// call makes calls that are to succeed.
func (s *stage) call(calls ...wire.SignedCall) {
	s.Helper()
	results, err := s.client.Do(context.Background(), calls...)
	if err != nil {
		s.Fatal(err)
	}
	for i, result := range results {
		if result.Error != nil {
			s.Fatal(calls[i].Op, result.Error)
		}
	}
}
