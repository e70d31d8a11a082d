package hub_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
	"hubbub/hub/store"
)

// idOf is the id of an entry.
func idOf(entry string) wire.EntryID { return sha256.Sum256([]byte(entry)) }

// lounge is a channel.
var lounge = wire.Channel{'l', 'o', 'u', 'n', 'g', 'e'}

// scene is a hub in this process, with its clock in the test's hand.
type scene struct {
	*testing.T
	hub    *hub.Hub
	client *hubtest.Client
	data   string
	now    time.Time
	log    bytes.Buffer
}

// begin opens a hub. change may change its configuration.
func begin(t *testing.T, change ...func(*hub.Config)) *scene {
	t.Helper()
	s := &scene{T: t, data: filepath.Join(t.TempDir(), "data"), now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.open(change...)
	t.Cleanup(func() {
		if err := s.hub.Close(); err != nil {
			t.Error(err)
		}
		if names := hub.Damaged(s.data); len(names) > 0 {
			t.Errorf("set aside, though nothing was damaged on purpose: %q", names)
		}
	})
	return s
}

// withoutWAL has the tests of this package open their databases as where there is
// no shared memory: TestAllWithoutWAL runs them so.
var withoutWAL = flag.Bool("without-wal", false, "keep rollback journals")

func openStore(path string, limits store.Limits) (store.Store, error) {
	if *withoutWAL {
		return store.OpenRollback(path, limits)
	}
	return store.Open(path, limits)
}

// What holds with a write-ahead log holds without one.
func TestAllWithoutWAL(t *testing.T) {
	if *withoutWAL || testing.Short() {
		t.Skip("it runs all others")
	}
	c := exec.Command(os.Args[0], "-without-wal", "-test.timeout", "10m")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func (s *scene) open(change ...func(*hub.Config)) {
	s.Helper()
	config := hub.Config{Data: s.data, Store: openStore, Now: func() time.Time { return s.now },
		Log: slog.New(slog.NewTextHandler(&s.log, nil))}
	for _, c := range change {
		c(&config)
	}
	h, err := hub.Open(config)
	if err != nil {
		s.Fatal(err)
	}
	s.hub = h
	s.client = hubtest.NewDirectClient(s, h)
}

// reopen is what the next process does.
func (s *scene) reopen() {
	s.Helper()
	if err := s.hub.Close(); err != nil {
		s.Fatal(err)
	}
	s.open()
}

func (s *scene) as(name string) hubtest.Person { return s.client.As(s, name) }

// claimKey is what claim.txt says.
func (s *scene) claimKey() wire.AccountKey {
	s.Helper()
	key, ok, err := hub.ReadClaim(s.data)
	if err != nil || !ok {
		s.Fatal("there is no owner key:", err)
	}
	return key
}

// lounge opens the lounge for alice, with the others below her.
func (s *scene) lounge(others ...string) {
	s.Helper()
	if _, err := s.as("owner").Claim(s.claimKey()); err != nil {
		s.Fatal(err)
	}
	s.ok(s.as("owner").Open(lounge, "alice"))
	for _, other := range others {
		s.ok(s.as("alice").Grant(lounge, other, "alice"))
	}
}

func (s *scene) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) refused(code wire.Code, err error) {
	s.Helper()
	if !hubtest.IsCode(err, code) {
		s.Fatalf("got %v, want a refusal: %s", err, code)
	}
}

// status wants a refusal that is not sealed.
func (s *scene) status(want int, err error) {
	s.Helper()
	var refusal *hub.Refusal
	if !errors.As(err, &refusal) || refusal.Status != want {
		s.Fatalf("got %v, want status %d", err, want)
	}
}

func TestWhoeverReadsClaimTxtOwnsTheHub(t *testing.T) {
	s := begin(t)
	key := s.claimKey()
	if key.Fingerprint != s.hub.Fingerprint() {
		t.Fatal("claim.txt names another hub")
	}
	text, err := os.ReadFile(filepath.Join(s.data, "claim.txt"))
	s.ok(err)
	if !strings.Contains(string(text), "/msg sysop hub add URL KEY") {
		t.Errorf("claim.txt does not say what to do:\n%s", text)
	}
	_, err = s.as("mallory").Claim(wire.AccountKey{Secret: [16]byte{1}})
	s.refused(wire.CodeDenied, err)
	s.refused(wire.CodeDenied, s.as("mallory").Open(lounge, "mallory"))

	account, err := s.as("owner").Claim(key)
	s.ok(err)
	if !account.Owner {
		t.Error("who claimed is not the owner")
	}
	if _, ok, _ := hub.ReadClaim(s.data); ok {
		t.Error("claim.txt is still there")
	}
	_, err = s.as("owner").Claim(key) // the answer was lost
	s.ok(err)
	_, err = s.as("mallory").Claim(key)
	s.refused(wire.CodeUsed, err)
	s.ok(s.as("owner").Open(lounge, "alice"))

	// Another start makes no new key; an empty file asks for one.
	s.reopen()
	if _, ok, _ := hub.ReadClaim(s.data); ok {
		t.Error("claim.txt came back")
	}
	s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
	s.reopen()
	account, err = s.as("owner's new laptop").Claim(s.claimKey())
	s.ok(err)
	if !account.Owner {
		t.Error("who claimed with the second key is no owner")
	}
}

func TestTwoPeopleTalk(t *testing.T) {
	s := begin(t)
	s.lounge()
	slot := wire.Slot{1}
	s.ok(s.as("alice").Offer(lounge, wire.OfferArgs{Slot: slot, Number: 1, Invite: hubtest.Token("invite"),
		Expires: s.now.Add(time.Hour).Unix(), Blob: []byte("card")}))
	card, err := s.as("invite").Peek(slot)
	s.ok(err)
	_, err = s.as("invite").Redeem(wire.RedeemArgs{Slot: slot, Number: card.Number, Token: hubtest.Token("bob"),
		Entries: [][]byte{[]byte("bob's join")}})
	s.ok(err)
	put, err := s.as("bob").Put(lounge, "hello, alice")
	s.ok(err)
	result, err := s.as("alice").Fetch(lounge, wire.FetchArgs{})
	s.ok(err)
	if len(result.Entries) != 2 || string(result.Entries[1].Bytes) != "hello, alice" || result.Entries[1].Position != put.Position {
		t.Fatalf("%+v", result)
	}
	s.ok(s.as("alice").Ack(lounge, result.Head))
	s.ok(s.as("alice").Withdraw(lounge, slot))
	status, err := s.as("bob").Status(lounge)
	s.ok(err)
	if status.Entries != 2 || status.Tokens != 2 || status.Software != hub.Software || status.Generation != result.Generation {
		t.Fatalf("%+v", status)
	}
	s.ok(s.as("alice").Revoke(lounge, "bob"))
	_, err = s.as("bob").Put(lounge, "are you there?")
	s.refused(wire.CodeRevoked, err)
	if s.log.Len() > 0 {
		t.Errorf("the hub has complained: %s", &s.log)
	}
}

// What comes in one request is answered in its order, and one refusal among
// them changes nothing for the others.
func TestManyCallsInOneRequest(t *testing.T) {
	s := begin(t)
	s.lounge()
	var calls []wire.SignedCall
	put := func(name, text string) {
		calls = append(calls, s.as(name).Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}))
	}
	for i := range 62 {
		put("alice", fmt.Sprint("line ", i))
	}
	put("mallory", "let me in")
	calls = append(calls, s.as("alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 100}))
	results, err := s.client.Do(context.Background(), calls...)
	s.ok(err)
	s.refused(wire.CodeDenied, hubtest.Read(results[62], nil))
	var fetched wire.FetchResult
	s.ok(hubtest.Read(results[63], &fetched))
	if len(fetched.Entries) != 62 || string(fetched.Entries[61].Bytes) != "line 61" {
		t.Fatalf("%d entries", len(fetched.Entries))
	}
}

// All that 256 calls ask for does not fit in one answer: the hub says that
// there is more.
func TestAnAnswerHasItsSize(t *testing.T) {
	s := begin(t)
	s.lounge()
	for i := range 40 {
		_, err := s.as("alice").Put(lounge, fmt.Sprint(i, strings.Repeat(" ", 60_000)))
		s.ok(err)
	}
	slot := wire.Slot{1}
	s.ok(s.as("alice").Offer(lounge, wire.OfferArgs{Slot: slot, Number: 1, Invite: hubtest.Token("invite"),
		Expires: s.now.Add(time.Hour).Unix(), Blob: make([]byte, wire.MaxBlob)}))
	var calls []wire.SignedCall
	for range wire.MaxCalls / 2 {
		calls = append(calls, s.as("alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 100}),
			s.as("invite").Sign(wire.OpPeek, wire.Channel{}, wire.PeekArgs{Slot: slot}))
	}
	results, err := s.client.Do(context.Background(), calls...)
	s.ok(err)
	var first, last wire.FetchResult
	s.ok(hubtest.Read(results[0], &first))
	s.ok(hubtest.Read(results[len(results)-2], &last))
	if len(first.Entries) != wire.MaxFetch/60_002 || !first.More || len(last.Entries) != 0 || !last.More {
		t.Errorf("%d entries first, %d last", len(first.Entries), len(last.Entries))
	}
	s.ok(hubtest.Read(results[1], new(wire.PeekResult)))
	s.refused(wire.CodeBusy, hubtest.Read(results[len(results)-1], nil))
}

func TestTheHubsKeysAreRenewedWeekly(t *testing.T) {
	s := begin(t)
	s.lounge()
	old := *s.client
	first, err := old.Hub.Newest()
	s.ok(err)
	s.now = s.now.Add(wire.KeyMade - time.Second)
	s.ok(s.client.FetchKeys())
	if key, err := s.client.Hub.Newest(); err != nil || key.ID != first.ID {
		t.Error("another key within the week", err)
	}
	s.now = s.now.Add(2 * time.Second)
	s.ok(s.client.FetchKeys())
	second, err := s.client.Hub.Newest()
	s.ok(err)
	if second.ID == first.ID || len(s.client.Hub.Keys) != 2 {
		t.Errorf("after a week there are %d keys", len(s.client.Hub.Keys))
	}
	// The old one is good for another week, in another process too.
	s.reopen()
	old.Hub = hubtest.NewDirectClient(t, s.hub).Hub
	s.now = s.now.Add(6 * 24 * time.Hour)
	_, err = s.client.As(t, "alice").Put(lounge, "with the second key")
	s.ok(err)
}

func TestAKeyThatIsOverIsGone(t *testing.T) {
	s := begin(t)
	s.lounge()
	var file struct {
		Version  int    `cbor:"version"`
		Identity []byte `cbor:"identity"`
		Keys     []struct {
			ID   wire.KeyID `cbor:"id"`
			Seed []byte     `cbor:"seed"`
			Made int64      `cbor:"made"`
		} `cbor:"keys"`
	}
	text, err := os.ReadFile(filepath.Join(s.data, "keys"))
	s.ok(err)
	s.ok(codec.Unmarshal(text, &file))
	request, _, err := s.client.Seal(s.as("alice").Sign(wire.OpStatus, lounge, nil))
	s.ok(err)
	s.now = s.now.Add(wire.KeyKept)
	_, err = s.client.Post(context.Background(), request)
	s.status(wire.StatusUnknownKey, err)
	s.ok(s.client.FetchKeys())
	if _, err := s.as("alice").Status(lounge); err != nil {
		t.Error("with the new key:", err)
	}
	later, err := os.ReadFile(filepath.Join(s.data, "keys"))
	s.ok(err)
	if seed := file.Keys[0].Seed; len(seed) != 32 || bytes.Contains(later, seed) {
		t.Error("the key that is over is still in the file")
	}
	if !bytes.Contains(later, file.Identity) {
		t.Error("the hub has another identity")
	}
}

func TestTimeIsTheHubs(t *testing.T) {
	s := begin(t)
	s.lounge()
	for _, off := range []time.Duration{-59 * time.Minute, 59 * time.Minute} {
		_, err := s.client.Late(off).As(t, "alice").Status(lounge)
		s.ok(err)
	}
	for _, off := range []time.Duration{-61 * time.Minute, 61 * time.Minute, 90 * 365 * 24 * time.Hour} {
		request, exchange, err := s.client.Late(off).Seal(s.as("alice").Sign(wire.OpStatus, lounge, nil))
		s.ok(err)
		answer, err := s.client.Post(context.Background(), request)
		s.ok(err)
		response, err := exchange.OpenResponse(answer)
		s.ok(err)
		if response.Error == nil || response.Error.Code != wire.CodeTime || response.Time != s.now.Unix() {
			t.Errorf("off by %s: %+v", off, response)
		}
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	s := begin(t)
	s.lounge()
	ctx := context.Background()
	request, _, err := s.client.Seal(s.as("alice").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte("hello")}))
	s.ok(err)
	for i := 0; i < len(request); i += 7 {
		broken := bytes.Clone(request)
		broken[i] ^= 1
		want := wire.StatusMalformed
		if 1 <= i && i < 9 {
			want = wire.StatusUnknownKey
		}
		_, err := s.client.Post(ctx, broken)
		s.status(want, err)
	}
	_, err = s.client.Post(ctx, request[:len(request)-1])
	s.status(wire.StatusMalformed, err)
	_, err = s.client.Post(ctx, make([]byte, wire.MaxRequest+1))
	s.status(wire.StatusTooLarge, err)

	alice := s.as("alice")
	for name, call := range map[string]wire.SignedCall{
		"an unknown op":     alice.Sign("dance", lounge, nil),
		"no arguments":      alice.Sign(wire.OpPut, lounge, nil),
		"other arguments":   alice.Sign(wire.OpPut, lounge, wire.AckArgs{Position: 3}),
		"arguments to none": alice.Sign(wire.OpStatus, lounge, wire.AckArgs{Position: 3}),
	} {
		results, err := s.client.Do(ctx, call)
		s.ok(err)
		if err := hubtest.Read(results[0], nil); !hubtest.IsCode(err, wire.CodeBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	result, err := alice.Fetch(lounge, wire.FetchArgs{})
	s.ok(err)
	if len(result.Entries) != 0 {
		t.Error("something of it was stored")
	}
}

// A clock that was a year ahead for a while leaves the hub with a key to seal
// to, before and after.
func TestAClockThatJumps(t *testing.T) {
	s := begin(t)
	s.lounge()
	for _, jump := range []time.Duration{365 * 24 * time.Hour, -364 * 24 * time.Hour, -24 * time.Hour, 8 * 24 * time.Hour} {
		s.now = s.now.Add(jump)
		s.ok(s.client.FetchKeys())
		if _, err := s.as("alice").Status(lounge); err != nil {
			t.Errorf("after %s: %v", jump, err)
		}
	}
}

// Whatever happens within, a stranger learns that the hub failed, and no more.
func TestAPanicIsAnAnswer(t *testing.T) {
	broken := false
	s := begin(t, func(c *hub.Config) {
		now := c.Now
		c.Now = func() time.Time {
			if broken {
				panic("the clock is broken")
			}
			return now()
		}
	})
	broken = true
	reply := s.hub.Serve(context.Background(), hub.Request{Method: "GET", Query: "keys"})
	if reply.Status != wire.StatusFailed || strings.Contains(string(reply.Body), "clock") {
		t.Errorf("%d, %s", reply.Status, reply.Body)
	}
	if !strings.Contains(s.log.String(), "the clock is broken") || !strings.Contains(s.log.String(), "hub_test.go") {
		t.Errorf("the log says %q", &s.log)
	}
}
