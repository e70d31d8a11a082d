package hub_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/store"
)

// postFrom sends calls from an address, and returns the status and, of a reply
// that is not sealed, when to come back.
func (s *scene) postFrom(address string, calls ...wire.SignedCall) (status int, retry time.Duration) {
	s.Helper()
	request, _, err := s.client.Seal(calls...)
	s.ok(err)
	reply := s.hub.Serve(context.Background(), hub.Request{Method: "POST", ContentType: wire.ContentType,
		Length: int64(len(request)), Body: bytes.NewReader(request), Address: address})
	for _, header := range reply.Header {
		if header[0] == "Retry-After" {
			seconds, err := strconv.Atoi(header[1])
			s.ok(err)
			retry = time.Duration(seconds) * time.Second
		}
	}
	return reply.Status, retry
}

// strangers are calls of one whom no channel knows.
func (s *scene) strangers(count int) (calls []wire.SignedCall) {
	for range count {
		calls = append(calls, s.as("mallory").Sign(wire.OpStatus, lounge, nil))
	}
	return calls
}

// spend has a stranger ask from an address until he is refused, and returns when
// he is to come back. It gives up after so many requests.
func (s *scene) spend(address string, requests int) (retry time.Duration) {
	s.Helper()
	calls := s.strangers(15)
	for range requests {
		if status, retry := s.postFrom(address, calls...); status == wire.StatusBusy {
			return retry
		}
	}
	return 0
}

// An address from which too many requests come that are refused is told to come
// back, and when; others are not, nor is one that stands for many; and when the
// time is over it is let in again.
func TestAnAddressHasABudget(t *testing.T) {
	s := begin(t)
	s.lounge()
	const theirs, others = "203.0.113.7", "203.0.113.8"
	retry := s.spend(theirs, 3000)
	if retry < time.Second || retry > 10*time.Minute {
		t.Fatal("come back in", retry)
	}
	alice := s.as("alice").Sign(wire.OpStatus, lounge, nil)
	for address, want := range map[string]int{
		theirs: wire.StatusBusy, "::ffff:" + theirs: wire.StatusBusy, others: wire.StatusSealed,
		"": wire.StatusSealed, "no address": wire.StatusSealed,
	} {
		if status, _ := s.postFrom(address, alice); status != want {
			t.Errorf("from %q: status %d, want %d", address, status, want)
		}
	}
	s.reopen() // the next process knows it, too
	if status, _ := s.postFrom(theirs, s.strangers(200)...); status != wire.StatusBusy {
		t.Error("status", status)
	}
	put := s.as("alice").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte("x")})
	if status, _ := s.postFrom(theirs, put); status != wire.StatusBusy {
		t.Error("status", status)
	}
	s.now = s.now.Add(retry)
	if status, _ := s.postFrom(theirs, alice); status != wire.StatusSealed {
		t.Error("when the time is over: status", status)
	}
	text, err := os.ReadFile(filepath.Join(s.data, "hub.db"))
	s.ok(err)
	log, _ := os.ReadFile(filepath.Join(s.data, "hub.db-wal"))
	if bytes.Contains(append(text, log...), []byte{203, 0, 113, 7}) || bytes.Contains(append(text, log...), []byte(theirs)) {
		t.Error("the database names the address")
	}
}

// What is sent again and again counts each time, whichever it was.
func TestARequestSentAgainIsCounted(t *testing.T) {
	s := begin(t)
	s.lounge()
	for _, address := range []string{"203.0.113.7", "203.0.113.8", "203.0.113.9"} {
		request, _, err := s.client.Seal(s.strangers(15)...)
		s.ok(err)
		sent := 0
		for ; sent < 2000; sent++ {
			reply := s.hub.Serve(context.Background(), hub.Request{Method: "POST", ContentType: wire.ContentType,
				Length: int64(len(request)), Body: bytes.NewReader(request), Address: address})
			if reply.Status == wire.StatusBusy {
				break
			}
		}
		if sent == 2000 {
			t.Error("a request was answered", sent, "times")
		}
	}
}

// What a network has is one budget; what is behind a proxy, or on the same
// machine, has none.
func TestAddressesThatStandForMany(t *testing.T) {
	s := begin(t)
	s.lounge()
	if s.spend("2001:db8:1:2:3::4", 3000) == 0 {
		t.Fatal("it has no end")
	}
	alice := s.as("alice").Sign(wire.OpStatus, lounge, nil)
	if status, _ := s.postFrom("2001:db8:1:2:ffff::1", alice); status != wire.StatusBusy {
		t.Error("the same network: status", status)
	}
	if status, _ := s.postFrom("2001:db8:1:3::1", alice); status != wire.StatusSealed {
		t.Error("another network: status", status)
	}
	for _, address := range []string{"127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "fe80::1%eth0", "fd00::1"} {
		if retry := s.spend(address, 40); retry != 0 {
			t.Errorf("%s is to come back in %s", address, retry)
		}
	}
	s.ok(s.hub.Close())
	s.open(func(c *hub.Config) { c.Proxied = true })
	if status, _ := s.postFrom("2001:db8:1:2:ffff::1", alice); status != wire.StatusSealed {
		t.Error("behind a proxy: status", status)
	}
}

// All networks of one customer's have a budget together: whoever has 65,536 of them is
// one all the same.
func TestTheNetworksOfACustomer(t *testing.T) {
	defer hub.CustomersHave(1000)()
	s := begin(t)
	s.lounge()
	calls := s.strangers(15)
	asked, status := 0, wire.StatusSealed
	for ; asked < 1500 && status != wire.StatusBusy; asked++ { // no network asks twice
		status, _ = s.postFrom(fmt.Sprintf("2001:db8:1:%x::1", asked), calls...)
	}
	if status != wire.StatusBusy {
		t.Errorf("after %d: status %d", asked, status)
	}
	if status, _ = s.postFrom("2001:db8:2::1", calls...); status != wire.StatusSealed {
		t.Error("another customer: status", status)
	}
}

// A member who writes without end is refused as busy, with when to come back, each
// call by itself: in the order in which he writes, and what is done already he may
// repeat. Others write on, and he may still read, leave and put out. A day later he
// may write again.
func TestAMemberHasABudget(t *testing.T) {
	s := begin(t, func(c *hub.Config) {
		c.Limits = store.DefaultLimits()
		c.Limits.Daily = 1 << 20
	})
	s.lounge("bob", "carol")
	text := func(i, size int) []byte { return fmt.Appendf(nil, "%d %0*d", i, size, 0) }
	put := func(entry []byte) wire.SignedCall {
		return s.as("bob").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: entry})
	}
	stored := 0
	var refusal *wire.Error
	for ; refusal == nil && stored < 40; stored++ {
		results, err := s.client.Do(context.Background(), put(text(stored, 60_000)))
		s.ok(err)
		refusal = results[0].Error
	}
	stored--
	if refusal == nil || refusal.Code != wire.CodeBusy || !strings.Contains(refusal.Text, "come back in ") || stored < 15 {
		t.Fatalf("after %d: %v", stored, refusal)
	}
	// A small one that came after a large one does not pass it by.
	results, err := s.client.Do(context.Background(), put(text(stored, 60_000)), put(text(99, 1)), put(text(0, 60_000)),
		s.as("bob").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1}), s.as("bob").Sign(wire.OpAck, lounge, wire.AckArgs{Position: 1 << 60}))
	s.ok(err)
	for i, want := range []wire.Code{wire.CodeBusy, wire.CodeBusy, "", "", ""} {
		if got := results[i].Error; (got == nil) != (want == "") || (got != nil && got.Code != want) {
			t.Errorf("call %d: %v, want %q", i, got, want)
		}
	}
	_, err = s.as("carol").Put(lounge, "hello")
	s.ok(err)
	s.reopen()
	s.now = s.now.Add(24 * time.Hour)
	_, err = s.as("bob").Put(lounge, string(text(stored, 60_000)))
	s.ok(err)
	s.ok(s.as("bob").Revoke(lounge, "bob"))
}

// A clock that was far ahead, and is put right, leaves nobody without a budget.
func TestABudgetOfAClockThatWasAhead(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	right := s.now
	for _, ahead := range []time.Duration{26 * time.Hour, 365 * 24 * time.Hour} {
		s.now = right.Add(ahead)
		s.ok(s.client.FetchKeys())
		_, err := s.as("bob").Put(lounge, fmt.Sprint("ahead by ", ahead))
		s.ok(err)
		if status, _ := s.postFrom("203.0.113.7", s.strangers(15)...); status != wire.StatusSealed {
			t.Error("status", status)
		}
		s.now = right
		s.ok(s.client.FetchKeys())
		_, err = s.as("bob").Put(lounge, fmt.Sprint("right after ", ahead))
		s.ok(err)
		if status, _ := s.postFrom("203.0.113.7", s.strangers(15)...); status != wire.StatusSealed {
			t.Error("status", status)
		}
	}
}

// What cannot be opened costs no database: it is not even there.
func TestWhatCannotBeOpenedOpensNothing(t *testing.T) {
	s := begin(t, func(c *hub.Config) {
		c.Store = func(string, store.Limits) (store.Store, error) {
			t.Error("the database is opened")
			return nil, store.ErrBusy
		}
	})
	random := rand.New(rand.NewPCG(21, 22))
	for turn := range 400 {
		h := s.client.MakeHostile(t, turn, random)
		if h.Sealed {
			continue
		}
		if reply := s.hub.Serve(context.Background(), h.Request()); reply.Status != h.Want {
			t.Errorf("%s: status %d, want %d", h.Kind, reply.Status, h.Want)
		}
	}
	for _, query := range []string{"", "keys"} {
		if reply := s.hub.Serve(context.Background(), hub.Request{Method: "GET", Query: query, Length: -1}); reply.Status != wire.StatusSealed {
			t.Errorf("?%s: status %d", query, reply.Status)
		}
	}
	if found, _ := filepath.Glob(filepath.Join(s.data, "hub.db*")); len(found) > 0 {
		t.Error(found)
	}
}
