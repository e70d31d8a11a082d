package hub_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// cellar is a channel of a guest's.
var cellar = wire.Channel{'c', 'e', 'l', 'l', 'a', 'r'}

// guestKey is the account key of a guest.
func (s *scene) guestKey(name string) wire.AccountKey {
	sum := sha256.Sum256([]byte("account key of " + name))
	return wire.AccountKey{Fingerprint: s.hub.Fingerprint(), Secret: [16]byte(sum[:])}
}

// guestArgs lets name have an account.
func (s *scene) guestArgs(name string) wire.GuestArgs {
	return wire.GuestArgs{Name: name, Quota: 100_000, Key: s.guestKey(name).Hash(), Expires: s.now.Add(24 * time.Hour).Unix()}
}

// guest has name be a guest, with the cellar if he is the first.
func (s *scene) guest(name string) {
	s.Helper()
	s.ok(s.as("owner").Guest(s.guestArgs(name)))
	result, err := s.as(name).Claim(s.guestKey(name))
	s.ok(err)
	if result.Owner || result.Quota != 100_000 {
		s.Fatalf("%+v", result)
	}
}

// ownersCalls is each call that is the owner's alone. None changes anything.
func (s *scene) ownersCalls(as string) []wire.SignedCall {
	none := wire.Channel{}
	return []wire.SignedCall{
		s.as(as).Sign(wire.OpReport, none, nil),
		s.as(as).Sign(wire.OpChannels, none, wire.ChannelsArgs{}),
		s.as(as).Sign(wire.OpGuests, none, wire.GuestsArgs{}),
		s.as(as).Sign(wire.OpGuest, none, s.guestArgs("gus")),
		s.as(as).Sign(wire.OpQuota, none, wire.QuotaArgs{Channel: lounge}),
		s.as(as).Sign(wire.OpBan, none, wire.BanArgs{Channel: lounge, Lift: true}),
		s.as(as).Sign(wire.OpRetire, none, wire.RetireArgs{}),
		s.as(as).Sign(wire.OpExport, none, wire.ExportArgs{}),
	}
}

func TestOnlyTheOwnerMay(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	s.guest("gus")
	s.guest("gert")
	s.ok(s.as("owner").Ban(wire.BanArgs{Name: "gert"}))
	for who, want := range map[string]wire.Code{"owner": "", "gus": wire.CodeDenied, "gert": wire.CodeBanned,
		"alice": wire.CodeDenied, "mallory": wire.CodeDenied} {
		calls := append(s.ownersCalls(who), s.as(who).Sign(wire.OpImport, wire.Channel{}, wire.ImportArgs{}),
			s.as(who).Sign(wire.OpDropGuest, wire.Channel{}, wire.DropGuestArgs{Name: "gustav"}))
		results, err := s.client.Do(context.Background(), calls...)
		s.ok(err)
		for i, r := range results {
			var got wire.Code
			if r.Error != nil {
				got = r.Error.Code
			}
			if want := want; want == "" && calls[i].Op == wire.OpDropGuest {
				want = wire.CodeUnknown
				if got != want {
					t.Errorf("%s: %s: %q", who, calls[i].Op, got)
				}
				continue
			}
			if got != want {
				t.Errorf("%s: %s: %q, want %q", who, calls[i].Op, got, want)
			}
		}
	}
	// In a channel they have no meaning, and arguments have to make sense.
	for _, call := range []wire.SignedCall{
		s.as("owner").Sign(wire.OpReport, lounge, nil), s.as("owner").Sign(wire.OpRetire, lounge, wire.RetireArgs{}),
		s.as("owner").Sign(wire.OpReport, wire.Channel{}, wire.RetireArgs{}), s.as("owner").Sign(wire.OpBan, wire.Channel{}, nil),
		s.as("owner").Sign(wire.OpExport, wire.Channel{}, wire.ExportArgs{After: []byte("nonsense")}),
		s.as("owner").Sign(wire.OpGuest, wire.Channel{}, wire.GuestArgs{Name: "bo\nb", Expires: 1 << 40}),
	} {
		s.refused(wire.CodeBad, s.client.Call(context.Background(), call, nil))
	}
}

// A guest's whole story, told to the owner as it goes.
func TestAGuest(t *testing.T) {
	s := begin(t)
	s.lounge()
	_, err := s.as("gus").Claim(s.guestKey("gus"))
	s.refused(wire.CodeDenied, err)
	s.guest("gus")
	_, err = s.as("mallory").Claim(s.guestKey("gus")) // a stolen key
	s.refused(wire.CodeUsed, err)
	s.ok(s.as("gus").Open(cellar, "gus's token"))
	_, err = s.as("gus's token").Put(cellar, strings.Repeat("x", 60_000))
	s.ok(err)
	result, err := s.as("gus's token").Put(cellar, strings.Repeat("y", 60_000))
	s.ok(err)
	if !result.Full {
		t.Errorf("%+v", result)
	}
	guests, err := s.as("owner").Guests("")
	s.ok(err)
	if len(guests.Guests) != 1 || guests.Guests[0].Bytes < 60_000 || guests.Guests[0].Channels != 1 {
		t.Errorf("%+v", guests)
	}
	channels, err := s.as("owner").Channels(wire.Channel{})
	s.ok(err)
	if len(channels.Channels) != 2 || channels.Channels[0].Channel != cellar || channels.Channels[0].Guest != "gus" || channels.Channels[1].Guest != "" {
		t.Errorf("%+v", channels)
	}
	s.now = s.now.Add(time.Second)
	s.ok(s.as("owner").Quota(wire.QuotaArgs{Name: "gus", Quota: 10}))
	_, err = s.as("gus's token").Put(cellar, strings.Repeat("z", 61_000))
	s.refused(wire.CodeFull, err)
	s.ok(s.as("owner").DropGuest("gus"))
	_, err = s.as("gus").Claim(s.guestKey("gus"))
	s.refused(wire.CodeDenied, err)
	_, err = s.as("gus's token").Put(cellar, "hello")
	s.refused(wire.CodeClosed, err)
	s.refused(wire.CodeUnknown, s.as("owner").DropGuest("gus"))
	// His wiped hub knows the owner, and no guest.
	s.guest("gus")
	s.loseDatabase("keys", "owner")
	_, err = s.as("gus").Claim(s.guestKey("gus"))
	s.refused(wire.CodeDenied, err)
	if guests, err := s.as("owner").Guests(""); err != nil || len(guests.Guests) != 0 {
		t.Errorf("%+v, %v", guests, err)
	}
	s.guest("gus")
}

// Whoever waits hears at once that he is banned, that his channel was closed, that
// the hub goes; and then waits again.
func TestWhoWaitsIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone)
		s.now = time.Now()
		s.lounge("bob")
		var result wire.FetchResult
		var err error
		wait := func(who string, act func() error) (took time.Duration) {
			t.Helper()
			start := time.Now()
			done := make(chan time.Duration)
			go func() {
				result, err = s.as(who).Fetch(lounge, wire.FetchArgs{Wait: 20_000})
				done <- time.Since(start)
			}()
			synctest.Wait()
			time.Sleep(2 * time.Second)
			if report, reportErr := s.as("owner").Report(); reportErr != nil || report.Waiting != 1 {
				t.Errorf("%+v, %v", report, reportErr)
			}
			s.ok(act())
			return <-done
		}
		at := time.Now().Add(time.Hour).Unix()
		if took := wait("bob", func() error { return s.as("owner").Retire(at) }); took != 2*time.Second || err != nil || result.Closes != at {
			t.Errorf("%s: %+v, %v", took, result, err)
		}
		if took := wait("bob", func() error { return s.as("owner").Quota(wire.QuotaArgs{Channel: lounge, Quota: 7}) }); took != 20*time.Second || err != nil {
			t.Errorf("%s: %+v, %v", took, result, err)
		}
		if took := wait("alice", func() error {
			return s.as("owner").Ban(wire.BanArgs{Channel: lounge, Token: hubtest.Token("bob")})
		}); took != 20*time.Second || err != nil {
			t.Errorf("%s: %+v, %v", took, result, err)
		}
		if took := wait("alice", func() error { return s.as("owner").Ban(wire.BanArgs{Channel: lounge}) }); took != 2*time.Second || !hubtest.IsCode(err, wire.CodeBanned) {
			t.Errorf("%s: %+v, %v", took, result, err)
		}
		s.ok(s.as("owner").Ban(wire.BanArgs{Channel: lounge, Lift: true}))
		if took := wait("alice", func() error { return s.as("alice").Close(lounge) }); took != 2*time.Second || err != nil || !result.Closed {
			t.Errorf("%s: %+v, %v", took, result, err)
		}
		// Where all is closed nobody waits, but beside what is not.
		begun := time.Now()
		if result, err = s.as("alice").Fetch(lounge, wire.FetchArgs{Wait: 20_000}); err != nil || time.Since(begun) != 0 || result.Retry != time.Minute.Milliseconds() {
			t.Errorf("%s: %+v, %v", time.Since(begun), result, err)
		}
		s.ok(s.as("owner").Open(cellar, "alice"))
		results, err := s.client.Do(context.Background(), s.as("alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1, Wait: 20_000}),
			s.as("alice").Sign(wire.OpFetch, cellar, wire.FetchArgs{Limit: 1, Wait: 20_000}))
		s.ok(err)
		var closed wire.FetchResult
		if s.ok(hubtest.Read(results[0], &closed)); time.Since(begun) != 20*time.Second || !closed.Closed || closed.Retry != 0 {
			t.Errorf("%s: %+v", time.Since(begun), closed)
		}
		s.ok(s.hub.Close())
	})
}

// What somebody on the way has recorded of the owner, or has kept back, changes
// nothing any more once the owner has asked for something else.
func TestTheOwnersRecordings(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	var recording [][]byte
	record := func(op wire.Op, args any) []byte {
		t.Helper()
		s.now = s.now.Add(2 * time.Second)
		request, _, err := s.client.Seal(s.as("owner").Sign(op, wire.Channel{}, args))
		s.ok(err)
		return request
	}
	post := func(request []byte) error {
		t.Helper()
		_, err := s.client.Post(context.Background(), request)
		s.ok(err)
		recording = append(recording, request)
		return nil
	}
	bob := wire.BanArgs{Channel: lounge, Token: hubtest.Token("bob")}
	lift := bob
	lift.Lift = true
	late := [][]byte{record(wire.OpBan, bob), record(wire.OpRetire, wire.RetireArgs{At: 1}), record(wire.OpDropGuest, wire.DropGuestArgs{Name: "gus"})}
	post(record(wire.OpGuest, s.guestArgs("gus")))
	post(record(wire.OpDropGuest, wire.DropGuestArgs{Name: "gus"}))
	post(record(wire.OpGuest, s.guestArgs("gus")))
	post(record(wire.OpGuest, s.guestArgs("gert")))
	post(record(wire.OpDropGuest, wire.DropGuestArgs{Name: "gert"}))
	post(record(wire.OpBan, bob))
	post(record(wire.OpBan, lift))
	post(record(wire.OpRetire, wire.RetireArgs{At: s.now.Unix() + 7}))
	post(record(wire.OpRetire, wire.RetireArgs{}))
	post(record(wire.OpQuota, wire.QuotaArgs{Channel: lounge, Quota: 10}))
	post(record(wire.OpQuota, wire.QuotaArgs{Channel: lounge, Quota: 20}))
	recording = append(recording, late...)
	look := func() string {
		t.Helper()
		guests, err := s.as("owner").Guests("")
		s.ok(err)
		channels, err := s.as("owner").Channels(wire.Channel{})
		s.ok(err)
		status, err := s.as("bob").Status(lounge)
		s.ok(err)
		return fmt.Sprintf("%+v %+v %+v", guests, channels, status)
	}
	before := look()
	if !strings.Contains(before, "gus") || strings.Contains(before, "gert") || !strings.Contains(before, "Quota:20") {
		t.Fatal(before)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 4 * len(recording) {
		s.now = s.now.Add(20 * time.Second)
		_, err := s.client.Post(context.Background(), recording[random.IntN(len(recording))])
		s.ok(err)
		if after := look(); after != before {
			t.Fatalf("it was\n%s\nand is\n%s", before, after)
		}
	}
	// Who asks anew is heard.
	s.ok(s.as("owner").Ban(bob))
	_, err := s.as("bob").Status(lounge)
	s.refused(wire.CodeBanned, err)
}

// Several of the owner's calls in one request are one after the other.
func TestManyOwnersCallsInOneRequest(t *testing.T) {
	s := begin(t)
	s.lounge()
	none := wire.Channel{}
	calls := []wire.SignedCall{
		s.as("owner").Sign(wire.OpGuest, none, s.guestArgs("gus")),
		s.as("owner").Sign(wire.OpQuota, none, wire.QuotaArgs{Name: "gus", Quota: 5}),
		s.as("owner").Sign(wire.OpGuests, none, wire.GuestsArgs{}),
		s.as("owner").Sign(wire.OpDropGuest, none, wire.DropGuestArgs{Name: "gus"}),
		s.as("owner").Sign(wire.OpGuest, none, s.guestArgs("gert")),
	}
	results, err := s.client.Do(context.Background(), calls...)
	s.ok(err)
	var guests wire.GuestsResult
	for i, r := range results {
		if i == 2 {
			s.ok(hubtest.Read(r, &guests))
		} else {
			s.ok(hubtest.Read(r, nil))
		}
	}
	if len(guests.Guests) != 1 || guests.Guests[0].Quota != 5 {
		t.Errorf("%+v", guests)
	}
}

func TestTheReport(t *testing.T) {
	s := begin(t, func(c *hub.Config) { c.Held = 5 })
	s.lounge("bob")
	_, err := s.as("alice").Put(lounge, "hello")
	s.ok(err)
	for i := range 200 {
		s.refused(wire.CodeDenied, s.as(fmt.Sprint("mallory ", i)).Open(cellar, "mallory"))
	}
	for range 40 {
		_, err := s.client.Post(context.Background(), []byte("nonsense"))
		s.status(wire.StatusMalformed, err)
	}
	r, err := s.as("owner").Report()
	s.ok(err)
	status, err := s.as("alice").Status(lounge)
	s.ok(err)
	journal := "wal"
	if *withoutWAL {
		journal = "persist"
	}
	if r.Software != hub.Software || r.Schema != 3 || r.Journal != journal || r.Generation != status.Generation || r.Time != s.now.Unix() ||
		r.Since < 1 || r.Since > r.Time || r.Free <= 0 || r.Size < 10_000 || r.Entries != 1 || r.Channels != 1 || r.Tokens != 2 || r.Held != 5 || r.Waiting != 0 ||
		r.Unfetched != s.now.Unix() || len(r.Damaged) != 0 {
		t.Errorf("%+v", r)
	}
	// By samples of one in 16 some 250 requests; all that was refused, or could not be opened.
	if r.Requests < 50 || r.Requests > 800 || r.Refusals["denied"] != 200 || r.Refusals["unsealed"] != 40 || len(r.Refusals) != 2 {
		t.Errorf("%d requests, %v", r.Requests, r.Refusals)
	}
}

// One refusal is counted as one, each by its code, also where the hub was opened anew
// for each request.
func TestRefusalsAreCountedToTheLast(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	for i := range 21 {
		s.refused(wire.CodeDenied, s.as("mallory").Open(cellar, "mallory"))
		if i < 5 {
			_, err := s.as("alice").Status(cellar)
			s.refused(wire.CodeUnknown, err)
		}
		r, err := s.as("owner").Report()
		s.ok(err)
		if want := map[string]int64{"denied": int64(i + 1), "unknown": int64(min(i+1, 5))}; !maps.Equal(r.Refusals, want) {
			t.Fatalf("after %v refusals the hub tells of %v", want, r.Refusals)
		}
	}
}

// However much is asked for at once, it fits in the answer.
func TestOwnersAnswersHaveTheirSize(t *testing.T) {
	s := begin(t)
	s.lounge()
	name := func(i int) string { return fmt.Sprintf("%04d%s", i, strings.Repeat("ü", 30)) }
	for i := 0; i < 1200; i += 200 {
		var calls []wire.SignedCall
		for j := i; j < i+200; j++ {
			args := s.guestArgs(name(j))
			args.Quota, args.Expires = 1<<53-1, 1<<53-1
			calls = append(calls, s.as("owner").Sign(wire.OpGuest, wire.Channel{}, args))
		}
		results, err := s.client.Do(context.Background(), calls...)
		s.ok(err)
		s.ok(hubtest.Read(results[199], nil))
	}
	all := 0
	for after, more := "", true; more; {
		page, err := s.as("owner").Guests(after)
		s.ok(err)
		for i, g := range page.Guests {
			if g.Name != name(all+i) {
				t.Fatalf("%q is number %d", g.Name, all+i)
			}
		}
		all += len(page.Guests)
		after, more = page.Guests[len(page.Guests)-1].Name, page.More
	}
	if all != 1200 {
		t.Errorf("%d guests", all)
	}
	for _, call := range s.ownersCalls("owner") {
		var calls []wire.SignedCall
		for range wire.MaxCalls {
			calls = append(calls, call)
		}
		results, err := s.client.Do(context.Background(), calls...)
		s.ok(err)
		for i, r := range results {
			if err := r.Error; err != nil && (i == 0 || err.Code != wire.CodeBusy) {
				t.Errorf("%s: the %d. is %v", call.Op, i, err)
			}
		}
	}
}
