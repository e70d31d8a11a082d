package main

import (
	"bytes"
	"context"
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
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// Whatever a web server and a stranger put into the environment, and make of a
// query, the answer is the page, and nothing is written outside the folder.
func TestStrangeEnvironments(t *testing.T) {
	s := newStage(t)
	folder := filepath.Dir(s.program)
	elsewhere := t.TempDir()
	script := filepath.Join(elsewhere, "hub.cgi")
	if err := os.WriteFile(script, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, hub.ConfigName), []byte("data = \"here\""), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ arguments, environment []string }{
		{[]string{"-version"}, nil},
		{[]string{"-data", elsewhere}, nil},
		{nil, []string{"SCRIPT_FILENAME=" + script, "DOCUMENT_ROOT=" + elsewhere, "PATH_TRANSLATED=" + script}},
		{nil, []string{"PATH_INFO=/../../../../etc/passwd", "SCRIPT_NAME=", "REQUEST_URI=//"}},
		{nil, []string{"HTTP_PROXY=http://127.0.0.1:1/", "http_proxy=http://127.0.0.1:1/", "HTTP_HOST=evil\r\nX: y"}},
		{nil, []string{"HOME=" + elsewhere, "TMPDIR=" + elsewhere, "SQLITE_TMPDIR=" + elsewhere, "PWD=" + elsewhere}},
		{nil, []string{"CONTENT_LENGTH=7"}},
		{nil, []string{"HTTP_X=" + strings.Repeat("x", 100_000), "QUERY_STRING=" + strings.Repeat("keys&", 20_000)}},
	} {
		c := exec.Command(s.program, test.arguments...)
		c.Env = append([]string{"REQUEST_METHOD=GET"}, test.environment...)
		c.Dir = elsewhere
		var log bytes.Buffer
		c.Stderr = &log
		out, err := c.Output()
		if err != nil || checkResponse(t, out, "GET") != wire.StatusSealed || !bytes.Contains(out, []byte("hubbub")) {
			t.Errorf("%.200q: %v\n%.200s", test, err, out)
		}
		if bytes.Contains(out, []byte(folder)) || bytes.Contains(out, []byte("evil")) || log.Len() > 0 {
			t.Errorf("%.200q: %.200s\nlog: %s", test, out, &log)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(elsewhere, "*")); len(found) != 2 {
		t.Error("something was made elsewhere:", found)
	}
	if found, _ := filepath.Glob(filepath.Join(folder, "*")); len(found) != 2 {
		t.Error("not just the program and its data:", found)
	}
}

// A request that comes a byte at a time, or not at all, is given up.
func TestASlowRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		var sender sync.WaitGroup
		defer sender.Wait()
		defer out.Close()
		sender.Go(func() {
			for {
				if _, err := out.Write([]byte{1}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		begin := time.Now()
		r, err := readInTime(environment("REQUEST_METHOD=POST", "CONTENT_LENGTH=1000"), in)
		if !errors.Is(err, errSlow) || time.Since(begin) != readTime || r.Method != "POST" {
			t.Errorf("%+v, %v after %s", r, err, time.Since(begin))
		}
		if reply := refused(err); reply.Status != wire.StatusMalformed {
			t.Error("status", reply.Status)
		}
	})
}

// killed runs a process for a request, and kills it after a while. It returns
// what was answered, which is nothing if it was killed before.
func (s *stage) killed(request []byte, after time.Duration) []byte {
	s.Helper()
	c := command(s.program, request)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, os.Stderr
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { c.Process.Kill() })
	defer timer.Stop()
	c.Wait()
	_, body, _ := bytes.Cut(out.Bytes(), []byte("\r\n\r\n"))
	return body
}

// acknowledged makes calls in a process that is killed, and says of which it
// had told that they are done.
func (s *stage) acknowledged(after time.Duration, calls ...wire.SignedCall) []bool {
	s.Helper()
	done := make([]bool, len(calls))
	request, exchange, err := s.client.Seal(calls...)
	if err != nil {
		s.Fatal(err)
	}
	answer := s.killed(request, after)
	if len(answer) == 0 {
		return done
	}
	response, err := exchange.OpenResponse(answer)
	if err != nil {
		s.Fatal(err)
	}
	for i, result := range response.Results {
		if result.Error != nil {
			s.Errorf("%s: %v", calls[i].Op, result.Error)
		}
		done[i] = result.Error == nil
	}
	return done
}

// Processes are killed at any point, several at a time. All that was
// acknowledged is there, a redeem is whole or did not happen, and the next
// process finds everything in order.
func TestKilledProcessesLoseNothing(t *testing.T) {
	s := newStage(t)
	random := rand.New(rand.NewPCG(7, 8))
	later := func() time.Duration { return time.Duration(1+random.IntN(30)) * time.Millisecond }
	var all sync.WaitGroup
	var mu sync.Mutex
	stored, joined := make(map[string]bool), make(map[int]bool)
	for round := range 20 {
		slot := wire.Slot{byte(round), 1}
		offer := s.client.As(s, "alice").Sign(wire.OpOffer, s.lounge, wire.OfferArgs{Slot: slot, Number: 1,
			Invite: hubtest.Token("invite"), Expires: time.Now().Add(time.Hour).Unix(), Blob: []byte("card")})
		if err := s.client.Call(context.Background(), offer, nil); err != nil {
			t.Fatal(err)
		}
		texts := []string{fmt.Sprint("text ", round), fmt.Sprintf("text %d %5000d", round, 0)}
		var puts []wire.SignedCall
		for _, text := range texts {
			puts = append(puts, s.client.As(s, "alice").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}))
		}
		redeem := s.client.As(s, "invite").Sign(wire.OpRedeem, wire.Channel{}, wire.RedeemArgs{Slot: slot, Number: 1,
			Token: hubtest.Token(fmt.Sprint("member ", round)), Entries: [][]byte{fmt.Append(nil, "join ", round), fmt.Append(nil, "key ", round)}})
		putDelay, redeemDelay := later(), later()
		all.Go(func() {
			for i, done := range s.acknowledged(putDelay, puts...) {
				mu.Lock()
				stored[texts[i]] = done
				mu.Unlock()
			}
		})
		all.Go(func() {
			done := s.acknowledged(redeemDelay, redeem)[0]
			mu.Lock()
			joined[round] = done
			mu.Unlock()
		})
		all.Wait()
	}
	there := s.entries()
	acknowledged := 0
	for text, done := range stored {
		if done && there[text] == 0 {
			t.Errorf("lost: %.20q", text)
		}
		if done {
			acknowledged++
		}
	}
	for round, done := range joined {
		_, err := s.client.As(t, fmt.Sprint("member ", round)).Status(s.lounge)
		join, key := there[fmt.Sprint("join ", round)], there[fmt.Sprint("key ", round)]
		_, peekErr := s.client.As(t, "invite").Peek(wire.Slot{byte(round), 1})
		in := err == nil
		if (done && !in) || (join > 0) != in || (key > 0) != in || hubtest.IsCode(peekErr, wire.CodeUsed) != in {
			t.Errorf("redeem %d: acknowledged %v, in %v, join %d, key %d, %v", round, done, in, join, key, peekErr)
		}
		if done {
			acknowledged++
		}
	}
	for text, count := range there {
		if count != 1 {
			t.Errorf("%d times: %.20q", count, text)
		}
	}
	t.Logf("%d of 60 calls were acknowledged", acknowledged)
}

// entries counts what alice can read.
func (s *stage) entries() map[string]int {
	s.Helper()
	there := make(map[string]int)
	args := wire.FetchArgs{Limit: 100}
	for {
		result, err := s.client.As(s, "alice").Fetch(s.lounge, args)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range result.Entries {
			there[string(e.Bytes)]++
			args.After, args.ID = e.Position, entryID(e.Bytes)
		}
		if !result.More {
			return there
		}
	}
}

// First starts, several at once and all killed, leave no second hub, no key
// that is nobody's, and an owner key that works: once.
func TestKilledFirstStartsMakeOneHub(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	program := hubtest.Build(t, "hub/cgi")
	for round := range 12 {
		folder := t.TempDir()
		s := &stage{TB: t, program: filepath.Join(folder, "hub.cgi"), lounge: wire.Channel{1}}
		if err := copyProgram(program, s.program); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		shown := make(map[wire.Fingerprint]bool)
		for range 6 {
			delay := time.Duration(500+random.IntN(20_000)) * time.Microsecond
			all.Go(func() {
				c := exec.Command(s.program)
				c.Env = []string{"REQUEST_METHOD=GET", "QUERY_STRING=keys"}
				var out bytes.Buffer
				c.Stdout, c.Stderr = &out, os.Stderr
				if err := c.Start(); err != nil {
					t.Error(err)
					return
				}
				timer := time.AfterFunc(delay, func() { c.Process.Kill() })
				defer timer.Stop()
				c.Wait()
				_, body, _ := bytes.Cut(out.Bytes(), []byte("\r\n\r\n"))
				if keys, err := wire.OpenHubKeys(body); err == nil {
					mu.Lock()
					shown[keys.Fingerprint()] = true
					mu.Unlock()
				}
			})
		}
		all.Wait()
		s.oneHub(round, random, shown)
	}
}

// oneHub wants the hub that was shown, if any was, and claims it with processes
// that are killed until one is acknowledged.
func (s *stage) oneHub(round int, random *rand.Rand, shown map[wire.Fingerprint]bool) {
	s.Helper()
	config, err := hub.Load(filepath.Dir(s.program))
	if err != nil {
		s.Fatal(err)
	}
	h, err := hub.Open(config)
	if err != nil {
		s.Fatal(err)
	}
	defer h.Close()
	s.client = hubtest.NewDirectClient(s, h)
	shown[h.Fingerprint()] = true
	if len(shown) != 1 {
		s.Fatalf("round %d: %d hubs were seen", round, len(shown))
	}
	if left, _ := filepath.Glob(filepath.Join(config.Data, ".new-*")); len(left) > 0 {
		s.Errorf("round %d: left behind: %q", round, left)
	}
	key, ok, err := hub.ReadClaim(config.Data)
	if err != nil || !ok || key.Fingerprint != h.Fingerprint() {
		s.Fatalf("round %d: the owner key: %v, %v", round, ok, err)
	}
	claim := s.client.As(s, "owner").Sign(wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: key.Secret})
	for attempt := 0; !s.acknowledged(time.Duration(1+attempt+random.IntN(15))*time.Millisecond, claim)[0]; attempt++ {
	}
	if _, err := s.client.As(s, "mallory").Claim(key); !hubtest.IsCode(err, wire.CodeUsed) {
		s.Errorf("round %d: a second owner: %v", round, err)
	}
	if account, err := s.client.As(s, "owner").Status(wire.Channel{}); err != nil || !account.Owner {
		s.Errorf("round %d: %+v, %v", round, account, err)
	}
	if _, ok, _ := hub.ReadClaim(config.Data); ok {
		s.Errorf("round %d: the owner key is still there", round)
	}
}

func copyProgram(from, to string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, program, 0o700)
}

// 32 at once write 480 lines, each a process.
func TestManyWriters(t *testing.T) {
	each := 15
	if testing.Short() {
		each = 4
	}
	newStage(t).manyWriters(32, each)
}

// limited is the process for a request, with files limited to so many blocks of
// 512 bytes, as where a quota is spent.
func (s *stage) limited(blocks int, calls ...wire.SignedCall) []wire.Result {
	s.Helper()
	request, exchange, err := s.client.Seal(calls...)
	if err != nil {
		s.Fatal(err)
	}
	c := command("/bin/sh", request)
	c.Args = []string{"sh", "-c", fmt.Sprintf("ulimit -f %d; exec '%s'", blocks, s.program)}
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		s.Fatalf("%v\n%s", err, &log)
	}
	_, body, _ := bytes.Cut(out, []byte("\r\n\r\n"))
	response, err := exchange.OpenResponse(body)
	if err != nil {
		s.Fatalf("%v: %.300s\n%s", err, out, &log)
	}
	return response.Results
}

// Where files may not grow, what needs room is refused as such, the rest goes
// on, and nothing is lost.
func TestFilesThatMayNotGrow(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no /bin/sh")
	}
	s := newStage(t)
	stored := 0
	var put wire.PutResult
	for i := range 60 {
		text := fmt.Sprintf("%d %8000d", i, 0)
		results := s.limited(300, s.client.As(t, "alice").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}),
			s.client.As(t, "alice").Sign(wire.OpFetch, s.lounge, wire.FetchArgs{Limit: 1}))
		var fetched wire.FetchResult
		if err := hubtest.Read(results[1], &fetched); err != nil || len(fetched.Entries) == 0 && stored > 0 {
			t.Fatalf("after %d: %v", stored, err)
		}
		if err := hubtest.Read(results[0], &put); hubtest.IsCode(err, wire.CodeFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		stored++
	}
	if stored == 0 || stored == 60 {
		t.Fatalf("%d were stored", stored)
	}
	if got := len(s.entries()); got != stored {
		t.Errorf("%d are there, and %d were stored", got, stored)
	}
	if _, err := s.client.As(t, "alice").Put(s.lounge, "there is room again"); err != nil {
		t.Error(err)
	}
}
