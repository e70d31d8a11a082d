package hub_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// pieces is a body that comes in pieces, each a while after the one before.
type pieces struct {
	rest  []byte
	pause time.Duration
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	time.Sleep(p.pause)
	n := copy(b, p.rest[:min(len(p.rest), 1+len(p.rest)/3)])
	p.rest = p.rest[n:]
	return n, nil
}

// Ten thousand requests that nobody makes who means well, some of them slow, from
// many at once and while two people talk: each is answered with its status, no
// line of the two is lost, out of order or late for long, and the log says
// nothing.
func TestTenThousandHostileRequests(t *testing.T) {
	count := 10_000
	if testing.Short() {
		count = 1_000
	}
	s := begin(t)
	s.lounge("bob")
	quiet := s.pace()
	turns := make(chan int)
	var attackers sync.WaitGroup
	var statuses [600]atomic.Int64
	for a := range 8 {
		attackers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(a), 31))
			for turn := range turns {
				h := s.client.MakeHostile(t, turn, random)
				r := h.Request()
				r.Address = fmt.Sprint("203.0.113.", turn%100)
				if turn%50 == 0 {
					r.Body = &pieces{h.Body, time.Millisecond}
				}
				reply := s.hub.Serve(context.Background(), r)
				statuses[reply.Status].Add(1)
				if reply.Status != h.Want && !(h.Sealed && reply.Status == wire.StatusBusy) {
					t.Errorf("%s, turn %d: status %d, want %d", h.Kind, turn, reply.Status, h.Want)
				}
				if bytes.Contains(reply.Body, []byte(s.data)) || bytes.Contains(reply.Body, []byte("goroutine")) {
					t.Errorf("%s: the answer tells too much: %.200q", h.Kind, reply.Body)
				}
			}
		})
	}
	go func() {
		for turn := range count {
			turns <- turn
		}
		close(turns)
	}()
	over := make(chan struct{})
	go func() { attackers.Wait(); close(over) }()
	start := time.Now()
	said := s.talkUntil(over)
	attacked := time.Since(start) / time.Duration(max(1, said))
	s.heard(said)
	if said < 10 {
		t.Errorf("only %d lines were said meanwhile", said)
	}
	if text := s.log.String(); text != "" {
		t.Errorf("the log says %.1000q", text)
	}
	t.Logf("%d lines were said meanwhile; statuses: %s", said, shown(&statuses))
	t.Logf("to say and to read a line took %s, and %s when all was quiet: %.1f times as long", attacked, quiet, float64(attacked)/float64(quiet))
}

// pace is how long it takes to say and to read a line when all is quiet. It leaves
// the lounge as it was.
func (s *scene) pace() time.Duration {
	s.Helper()
	const lines = 40
	s.ok(s.as("owner").Open(wire.Channel{1}, "alice"))
	start := time.Now()
	args := wire.FetchArgs{Limit: 10}
	for i := range lines {
		line := fmt.Sprint("quiet ", i)
		put, err := s.as("alice").Put(wire.Channel{1}, line)
		s.ok(err)
		_, err = s.as("alice").Fetch(wire.Channel{1}, args)
		s.ok(err)
		args.After, args.ID = put.Position, idOf(line)
	}
	return time.Since(start) / lines
}

func shown(statuses *[600]atomic.Int64) string {
	var text []string
	for status := range statuses {
		if n := statuses[status].Load(); n > 0 {
			text = append(text, fmt.Sprintf("%d: %d", status, n))
		}
	}
	return strings.Join(text, ", ")
}

// talkUntil has alice say lines, and bob read each, until over. It returns how
// many were said.
func (s *scene) talkUntil(over chan struct{}) (said int) {
	s.Helper()
	args := wire.FetchArgs{Limit: 10}
	for {
		select {
		case <-over:
			return said
		default:
		}
		line := fmt.Sprint("line ", said)
		put, err := s.as("alice").Put(lounge, line)
		s.ok(err)
		result, err := s.as("bob").Fetch(lounge, args)
		s.ok(err)
		if len(result.Entries) != 1 || result.Entries[0].Position != put.Position || string(result.Entries[0].Bytes) != line {
			s.Fatalf("after %q bob reads %+v", line, result)
		}
		args.After, args.ID = put.Position, idOf(line)
		said++
	}
}

// heard wants all lines of alice's to be there, in their order.
func (s *scene) heard(said int) {
	s.Helper()
	args := wire.FetchArgs{Limit: 1000}
	for i := 0; i < said; {
		result, err := s.as("alice").Fetch(lounge, args)
		s.ok(err)
		if len(result.Entries) == 0 {
			s.Fatalf("%d of %d lines are there", i, said)
		}
		for _, e := range result.Entries {
			line := fmt.Sprint("line ", i)
			if string(e.Bytes) != line {
				s.Fatalf("%q in the place of %q", e.Bytes, line)
			}
			args.After, args.ID = e.Position, idOf(line)
			i++
		}
	}
}

// A guest fills his quota with one channel, and goes on trying: he is told that he
// is full, the rest goes on, and his operations and keys stay. The same holds for
// whoever has stolen his key, until the owner drops him.
func TestAGuestFillsHisQuota(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	key := wire.AccountKey{Fingerprint: s.hub.Fingerprint(), Secret: [16]byte{5}}
	const quota = 1 << 20
	results, err := s.client.Do(context.Background(), s.as("owner").Sign(wire.OpGuest, wire.Channel{},
		wire.GuestArgs{Name: "gus", Quota: quota, Key: key.Hash(), Expires: s.now.Add(time.Hour).Unix()}))
	s.ok(err)
	s.ok(hubtest.Read(results[0], nil))
	_, err = s.as("gus").Claim(key)
	s.ok(err)
	_, err = s.as("thief").Claim(key) // who comes second
	s.refused(wire.CodeUsed, err)
	den := wire.Channel{'d', 'e', 'n'}
	s.ok(s.as("gus").Open(den, "gus's root"))
	put := func(who string, class wire.Class, i int) error {
		args := wire.PutArgs{Class: class, Entry: fmt.Appendf(nil, "%s %d %60000d", class, i, 0)}
		return s.client.Call(context.Background(), s.as(who).Sign(wire.OpPut, den, args), new(wire.PutResult))
	}
	kept, refusals := 0, 0
	for i := range 60 {
		s.now = s.now.Add(time.Second)
		if err := put("gus's root", wire.ClassText, i); err != nil {
			s.refused(wire.CodeFull, err)
			refusals++
		}
		if i%2 == 0 {
			switch err := put("gus's root", wire.ClassKeep, i); {
			case err == nil:
				kept++
			default:
				s.refused(wire.CodeFull, err)
				refusals++
			}
		}
		_, err := s.as("alice").Put(lounge, fmt.Sprint("line ", i))
		s.ok(err)
	}
	s.heard(60)
	if kept < 10 || refusals < 10 {
		t.Errorf("%d were kept, %d refused", kept, refusals)
	}
	account, err := s.as("gus").Status(wire.Channel{})
	s.ok(err)
	if account.Bytes > quota || account.Quota != quota {
		t.Errorf("%+v", account)
	}
	result, err := s.as("gus's root").Fetch(den, wire.FetchArgs{Limit: 1000})
	s.ok(err)
	for _, e := range result.Entries {
		if e.Class == wire.ClassKeep {
			kept--
		}
	}
	if kept > 0 && !result.More {
		t.Errorf("%d of the kept entries are gone", kept)
	}
	// Who has his key, as stolen, is no more than he: nothing else is reached with
	// it, and the owner ends it.
	s.refused(wire.CodeDenied, s.as("gus").Open(lounge, "gus"))
	for _, op := range []wire.Op{wire.OpReport, wire.OpGuests, wire.OpRetire, wire.OpExport} {
		results, err := s.client.Do(context.Background(), s.as("gus").Sign(op, wire.Channel{}, nil))
		s.ok(err)
		if results[0].Error == nil || (results[0].Error.Code != wire.CodeDenied && results[0].Error.Code != wire.CodeBad) {
			t.Errorf("%s: %v", op, results[0].Error)
		}
	}
	s.ok(s.as("gus").Open(wire.Channel{1}, "gus's root"))
	results, err = s.client.Do(context.Background(), s.as("owner").Sign(wire.OpDropGuest, wire.Channel{}, wire.DropGuestArgs{Name: "gus"}))
	s.ok(err)
	s.ok(hubtest.Read(results[0], nil))
	s.refused(wire.CodeDenied, s.as("gus").Open(wire.Channel{2}, "gus's root"))
	if err := put("gus's root", wire.ClassText, 1000); !hubtest.IsCode(err, wire.CodeClosed) {
		t.Error(err)
	}
	_, err = s.as("alice").Put(lounge, "line 60")
	s.ok(err)
	s.heard(61)
}

// The hub's clock jumps about while people talk, by hours, years and back: nothing
// is lost, whatever they had to be told of the time is told, and all goes on.
func TestTheClockJumpsWhileTheyTalk(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	s.ok(s.as("alice").Offer(lounge, wire.OfferArgs{Slot: wire.Slot{1}, Number: 1, Invite: hubtest.Token("invite"),
		Expires: s.now.Add(400 * 24 * time.Hour).Unix(), Blob: []byte("card")}))
	right := s.now
	for i, jump := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour, 25 * time.Hour, -25 * time.Hour, 40 * 24 * time.Hour, -400 * 24 * time.Hour,
		0, 30 * 365 * 24 * time.Hour, 0, -10 * 365 * 24 * time.Hour, 0} {
		s.now = right.Add(jump)
		s.ok(s.client.FetchKeys()) // as whoever is told that his key is not known
		_, err := s.as("alice").Put(lounge, fmt.Sprint("line ", i))
		s.ok(err)
		if i%3 == 0 {
			s.reopen()
		}
		s.heard(i + 1)
	}
	s.now = right.Add(time.Hour)
	s.ok(s.client.FetchKeys())
	_, err := s.as("invite").Redeem(wire.RedeemArgs{Slot: wire.Slot{1}, Number: 1, Token: hubtest.Token("carol"), Entries: [][]byte{[]byte("line 12")}})
	s.ok(err)
	s.heard(13)
}

// Two hundred want to wait at once, over several processes' hubs: so many are held
// as may, the others are sent away with when to come back, and nobody who only
// speaks has to wait for a place.
func TestTwoHundredWantToWait(t *testing.T) {
	s := begin(t, func(c *hub.Config) { c.Now = time.Now })
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprint("member ", i))
	}
	s.lounge(names...)
	first, err := s.as("alice").Put(lounge, "line 0")
	s.ok(err)
	var hubs []*hubtest.Client
	for range 4 {
		h, err := hub.Open(hub.Config{Data: s.data})
		s.ok(err)
		defer h.Close()
		hubs = append(hubs, hubtest.NewDirectClient(t, h))
	}
	var all sync.WaitGroup
	var held, sent, woken atomic.Int64
	answered := make(chan struct{}, 200)
	for i := range 200 {
		all.Go(func() {
			r, err := hubs[i%4].As(t, names[i%50]).Fetch(lounge, wire.FetchArgs{After: first.Position, ID: idOf("line 0"), Limit: 10, Wait: 20_000})
			switch {
			case err != nil:
				t.Error(err)
			case r.Retry > 0:
				sent.Add(1)
			default:
				held.Add(1)
				woken.Add(int64(len(r.Entries)))
			}
			answered <- struct{}{}
		})
	}
	for range 200 - hub.DefaultHeld {
		<-answered
	}
	if n := held.Load(); n != 0 {
		t.Errorf("%d were held, and nothing was there to be told", n)
	}
	begin := time.Now()
	_, err = s.as("alice").Put(lounge, "line 1")
	s.ok(err)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("a line took %s", took)
	}
	all.Wait()
	if sent.Load() != 200-hub.DefaultHeld || held.Load() != hub.DefaultHeld || woken.Load() != hub.DefaultHeld {
		t.Errorf("%d were held, %d sent away, %d woken", held.Load(), sent.Load(), woken.Load())
	}
	s.heard(2)
}
