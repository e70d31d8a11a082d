package hubtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/lock"
)

// Conversation is the suite that a hub passes, however it is served: from its
// first start to a member being put out. The hub must be new.
func Conversation(t *testing.T, r *Running) {
	s := &suite{T: t, Running: r, client: NewClient(t, r.URL), lounge: wire.Channel{'l', 'o', 'u', 'n', 'g', 'e'}}
	for _, step := range []struct {
		name string
		run  func(*suite)
	}{
		{"PageForPeople", pageForPeople},
		{"OtherRequestsAreRefused", otherRequestsAreRefused},
		{"ClaimAndOpen", claimAndOpen},
		{"OneTimeMeansOnce", oneTimeMeansOnce},
		{"TheyTalk", theyTalk},
		{"WaitingIsWoken", waitingIsWoken},
		{"ReplayedWaitIsAnsweredAtOnce", replayedWaitIsAnsweredAtOnce},
		{"WithdrawAndRevoke", withdrawAndRevoke},
		{"LeavingLeavesTheRest", leavingLeavesTheRest},
		{"NothingOfTheDataIsServed", nothingOfTheDataIsServed},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(s.in(t)) }) {
			t.Fatalf("the log says:\n%s", r.complaints())
		}
	}
}

// suite is a hub, and a channel on it.
type suite struct {
	*testing.T
	*Running
	client *Client
	lounge wire.Channel
}

// in returns the suite for a step of the test.
func (s *suite) in(t *testing.T) *suite {
	step := *s
	step.T = t
	return &step
}

func (s *suite) as(name string) Person { return s.client.As(s, name) }

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) refused(code wire.Code, err error) {
	s.Helper()
	if !IsCode(err, code) {
		s.Fatalf("got %v, want a refusal: %s", err, code)
	}
}

// get asks for a URL and follows nothing.
func (s *suite) get(method, url string) (*http.Response, string) {
	s.Helper()
	request, err := http.NewRequest(method, url, nil)
	s.ok(err)
	response, err := httpClient.Transport.RoundTrip(request)
	s.ok(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.ok(err)
	return response, string(body)
}

func pageForPeople(s *suite) {
	for _, query := range []string{"", "?utm=somebody", "?-version", "?-data+elsewhere"} {
		response, body := s.get(http.MethodGet, s.URL+query)
		if response.StatusCode != 200 || !strings.Contains(body, "claim.txt") || strings.Contains(body, s.Data) {
			s.Fatalf("the page: %s\n%s", response.Status, body)
		}
		for name, want := range map[string]string{
			"Content-Type": hub.PageType, "Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := response.Header.Get(name); got != want {
				s.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	// Where the hub has the browser try something, more is allowed behind this.
	response, body := s.get(http.MethodGet, s.URL)
	if policy := response.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, hub.ContentSecurityPolicy()) {
		s.Errorf("the policy is %q\n%s", policy, body)
	}
	response, body = s.get(http.MethodHead, s.URL)
	if response.StatusCode != 200 || body != "" {
		s.Errorf("HEAD: %s, %q", response.Status, body)
	}
	if s.client.Hub.Software != hub.Software {
		s.Errorf("?keys says %q", s.client.Hub.Software)
	}
}

// anyRefusal stands for 411 or 400: an empty body comes with a length of zero,
// or without any.
const anyRefusal = 4

func otherRequestsAreRefused(s *suite) {
	post := func(contentType string, body io.Reader) (int, string) {
		s.Helper()
		request, err := http.NewRequest(http.MethodPost, s.URL, body)
		s.ok(err)
		request.Header.Set("Content-Type", contentType)
		response, err := httpClient.Transport.RoundTrip(request)
		s.ok(err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		s.ok(err)
		return response.StatusCode, string(text)
	}
	request, _, err := s.client.Seal(s.as("alice").Sign(wire.OpStatus, s.lounge, nil))
	s.ok(err)
	unknown := bytes.Clone(request)
	unknown[3] ^= 1
	for _, test := range []struct {
		what, contentType string
		body              io.Reader
		want              int
	}{
		{"a form", "application/x-www-form-urlencoded", strings.NewReader("name=value"), wire.StatusMediaType},
		{"noise", wire.ContentType, strings.NewReader("noise"), wire.StatusMalformed},
		{"an unknown key", wire.ContentType, bytes.NewReader(unknown), wire.StatusUnknownKey},
		{"nothing", wire.ContentType, http.NoBody, anyRefusal},
		{"too much", wire.ContentType, bytes.NewReader(make([]byte, wire.MaxRequest+1)), wire.StatusTooLarge},
	} {
		status, text := post(test.contentType, test.body)
		if status != test.want && (test.want != anyRefusal || status < 400 || status > 499) {
			s.Errorf("%s: status %d, want %d", test.what, status, test.want)
		}
		if strings.Contains(text, s.Data) || strings.Contains(text, "goroutine") {
			s.Errorf("%s: the answer tells too much:\n%s", test.what, text)
		}
	}
	// What is far too large a web server may refuse itself, as it likes.
	if status, _ := post(wire.ContentType, bytes.NewReader(make([]byte, 8*wire.MaxRequest))); status < 400 {
		s.Errorf("much too much: status %d", status)
	}
	// A web server may take a chunked request together and pass it on whole, or
	// refuse it (Go's own does). If it does neither, the hub has to notice.
	status, _ := post(wire.ContentType, io.MultiReader(bytes.NewReader(request)))
	if status != wire.StatusLengthRequired && status != wire.StatusSealed && status != wire.StatusMalformed {
		s.Errorf("a chunked request: status %d", status)
	}
	response, _ := s.get(http.MethodDelete, s.URL)
	if response.StatusCode != wire.StatusMethod {
		s.Errorf("DELETE: %s", response.Status)
	}
}

func claimAndOpen(s *suite) {
	key := s.Claim(s)
	if key.Fingerprint != s.client.Hub.Fingerprint() {
		s.Fatal("claim.txt is another hub's")
	}
	_, err := s.as("owner").Claim(key)
	s.ok(err)
	if _, err := os.Stat(filepath.Join(s.Data, "claim.txt")); !errors.Is(err, fs.ErrNotExist) {
		s.Error("claim.txt after the claim:", err)
	}
	_, err = s.as("mallory").Claim(key)
	s.refused(wire.CodeUsed, err)
	s.refused(wire.CodeDenied, s.as("mallory").Open(s.lounge, "mallory"))
	s.ok(s.as("owner").Open(s.lounge, "alice"))
	s.ok(s.as("alice").Grant(s.lounge, "bob", "alice"))
}

// oneTimeMeansOnce has fifty people redeem one key at the same time.
func oneTimeMeansOnce(s *suite) {
	slot := wire.Slot{1}
	s.ok(s.as("alice").Offer(s.lounge, wire.OfferArgs{Slot: slot, Number: 1, Invite: Token("invite"),
		Expires: time.Now().Add(time.Hour).Unix(), Blob: []byte("card")}))
	card, err := s.as("invite").Peek(slot)
	s.ok(err)
	const rivals = 50
	var all sync.WaitGroup
	errs := make([]error, rivals)
	for i := range rivals {
		all.Go(func() {
			name := "rival " + string(rune('0'+i))
			errs[i] = s.client.Call(context.Background(), s.as("invite").Sign(wire.OpRedeem, wire.Channel{}, wire.RedeemArgs{
				Slot: slot, Number: card.Number, Token: Token(name), Entries: [][]byte{[]byte("join of " + name), []byte("key of " + name)},
			}), new(wire.RedeemResult))
		})
	}
	all.Wait()
	winner, used := "", 0
	for i, err := range errs {
		switch {
		case err == nil:
			winner += "rival " + string(rune('0'+i))
		case IsCode(err, wire.CodeUsed):
			used++
		default:
			s.Error(err)
		}
	}
	if used != rivals-1 {
		s.Fatalf("%d of %d were told that the key was used", used, rivals)
	}
	result, err := s.as(winner).Fetch(s.lounge, wire.FetchArgs{})
	s.ok(err)
	if len(result.Entries) != 2 || string(result.Entries[0].Bytes) != "join of "+winner {
		s.Fatalf("the log has %d entries", len(result.Entries))
	}
	_, err = s.as("invite").Peek(slot)
	s.refused(wire.CodeUsed, err)
}

func theyTalk(s *suite) {
	var calls []wire.SignedCall
	for i := range 64 {
		text := strings.Repeat(string(rune('a'+i%26)), 1000+i)
		calls = append(calls, s.as("alice").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}))
	}
	results, err := s.client.Do(context.Background(), calls...)
	s.ok(err)
	for _, result := range results {
		var put wire.PutResult
		s.ok(Read(result, &put))
		if !put.New {
			s.Errorf("%+v", put)
		}
	}
	fetched, err := s.as("bob").Fetch(s.lounge, wire.FetchArgs{})
	s.ok(err)
	if len(fetched.Entries) != 66 || fetched.More {
		s.Fatalf("%d entries", len(fetched.Entries))
	}
	// The largest there is, there and back.
	large := strings.Repeat("x", wire.MaxEntry)
	for i := range 12 {
		_, err := s.as("bob").Put(s.lounge, large[i:])
		s.ok(err)
	}
	fetched, err = s.as("alice").Fetch(s.lounge, s.after(fetched))
	s.ok(err)
	if len(fetched.Entries) != 12 {
		s.Fatalf("%d large entries", len(fetched.Entries))
	}
	s.ok(s.as("alice").Ack(s.lounge, fetched.Head))
}

// after reads on behind what was fetched.
func (s *suite) after(fetched wire.FetchResult) wire.FetchArgs {
	last := fetched.Entries[len(fetched.Entries)-1]
	return wire.FetchArgs{After: last.Position, ID: entryID(last.Bytes)}
}

// waitingIsWoken has bob wait in one process, and alice put in another.
func waitingIsWoken(s *suite) {
	args := s.head("bob")
	args.Wait = wire.MaxWait.Milliseconds()
	result := make(chan wire.FetchResult, 1)
	go func() {
		r, _ := s.as("bob").Fetch(s.lounge, args)
		result <- r
	}()
	s.untilHeld()
	start := time.Now()
	_, err := s.as("alice").Put(s.lounge, "wake up")
	s.ok(err)
	r := <-result
	if took := time.Since(start); len(r.Entries) != 1 || string(r.Entries[0].Bytes) != "wake up" || took > wire.MaxWait/2 {
		s.Fatalf("%d entries after %s", len(r.Entries), took)
	}
}

// head is somebody's fetch of what comes next.
func (s *suite) head(name string) wire.FetchArgs {
	var args wire.FetchArgs
	for {
		fetched, err := s.as(name).Fetch(s.lounge, args)
		s.ok(err)
		if len(fetched.Entries) > 0 {
			args = s.after(fetched)
		}
		if !fetched.More {
			return args
		}
	}
}

// untilHeld waits until the hub holds a request. To look at a place is to take it
// for a moment, so that a request may be at any.
func (s *suite) untilHeld() {
	s.Helper()
	for over := time.Now().Add(20 * time.Second); time.Now().Before(over); time.Sleep(5 * time.Millisecond) {
		places, _ := filepath.Glob(filepath.Join(s.Data, "held", "[0-9]*"))
		for _, place := range places {
			release, free, err := lock.Try(place)
			if err == nil && !free {
				return
			}
			if free {
				release()
			}
		}
	}
	s.Fatal("the hub does not hold the request")
}

// replayedWaitIsAnsweredAtOnce has a recorded request sent again while the hub
// holds it.
func replayedWaitIsAnsweredAtOnce(s *suite) {
	args := s.head("bob")
	args.Wait, args.Limit = wire.MaxWait.Milliseconds(), 1
	request, _, err := s.client.Seal(s.as("bob").Sign(wire.OpFetch, s.lounge, args))
	s.ok(err)
	answered := make(chan error, 2)
	post := func() {
		_, err := s.client.Post(context.Background(), request)
		answered <- err
	}
	go post()
	s.untilHeld()
	go post()
	err = <-answered // either may have come first to where that is noted
	s.untilHeld()
	_, putErr := s.as("alice").Put(s.lounge, "never mind")
	s.ok(errors.Join(err, putErr, <-answered))
}

func withdrawAndRevoke(s *suite) {
	slot := wire.Slot{2}
	s.ok(s.as("bob").Offer(s.lounge, wire.OfferArgs{Slot: slot, Number: 1, Invite: Token("another invite"),
		Expires: time.Now().Add(time.Hour).Unix(), Blob: bytes.Repeat([]byte("card"), wire.MaxBlob/4)}))
	card, err := s.as("another invite").Peek(slot)
	s.ok(err)
	if len(card.Blob) != wire.MaxBlob {
		s.Errorf("a blob of %d bytes", len(card.Blob))
	}
	s.ok(s.as("alice").Withdraw(s.lounge, slot))
	_, err = s.as("another invite").Peek(slot)
	s.refused(wire.CodeWithdrawn, err)
	s.ok(s.as("alice").Revoke(s.lounge, "bob"))
	_, err = s.as("bob").Put(s.lounge, "let me in")
	s.refused(wire.CodeRevoked, err)
	status, err := s.as("alice").Status(s.lounge)
	s.ok(err)
	if status.Entries != 80 || status.Tokens != 2 || status.Software != hub.Software {
		s.Errorf("%+v", status)
	}
	account, err := s.as("owner").Status(wire.Channel{})
	s.ok(err)
	if !account.Owner || account.Entries != 80 {
		s.Errorf("%+v", account)
	}
}

// leavingLeavesTheRest has who opened the channel leave it: those whom she has let
// in go on, and can let others in.
func leavingLeavesTheRest(s *suite) {
	s.ok(s.as("alice").Grant(s.lounge, "erin", "alice"))
	s.ok(s.as("alice").Grant(s.lounge, "frank", "erin"))
	s.ok(s.as("alice").Revoke(s.lounge, "alice"))
	_, err := s.as("alice").Put(s.lounge, "one more thing")
	s.refused(wire.CodeRevoked, err)
	s.ok(s.as("erin").Grant(s.lounge, "grace", "frank"))
	s.ok(s.as("erin").Revoke(s.lounge, "erin"))
	_, err = s.as("frank").Put(s.lounge, "both are gone")
	s.ok(err)
	_, err = s.as("grace").Put(s.lounge, "and we are here")
	s.ok(err)
}

// nothingOfTheDataIsServed asks for every file that the hub keeps, and for those
// beside it that say where that is, in every way that may lead to one: while a
// request is held, so that the database's journal is there, and an owner key.
func nothingOfTheDataIsServed(s *suite) {
	if s.Web == "" {
		s.Skip("no web server is there")
	}
	conf := filepath.Join(s.Web, hub.ConfigName)
	if _, err := os.Stat(conf); err != nil && !strings.HasSuffix(s.URL, "/hub") {
		s.ok(os.WriteFile(conf, []byte("# Nothing is as it is.\nheld = 8\n"), 0o644))
	}
	s.anotherClaim(s)
	args := s.head("grace")
	args.Wait = wire.MaxWait.Milliseconds()
	held := make(chan error, 1)
	go func() {
		_, err := s.as("grace").Fetch(s.lounge, args)
		held <- err
	}()
	s.untilHeld()
	hidden := s.hide(s)
	journal := "hub.db-wal"
	if text, err := os.ReadFile(conf); err == nil && strings.Contains(string(text), "wal = false") {
		journal = "hub.db-journal"
	}
	for _, name := range []string{"hub.db", journal, "keys", "claim.txt"} {
		if _, ok := hidden.names[filepath.Join(s.Data, name)]; !ok {
			s.Errorf("there is no %s to ask for", name)
		}
	}
	found, asked := s.served(s, hidden)
	for _, what := range found {
		s.Error("served:", what)
	}
	if asked < 300 {
		s.Errorf("it was asked %d times only", asked)
	}
	_, err := s.as("grace").Put(s.lounge, "that was all")
	s.ok(errors.Join(err, <-held))
}

// anotherClaim is a new owner key of a hub that may have been claimed before: what
// its owner does who has lost his phonebook.
func (r *Running) anotherClaim(t testing.TB) wire.AccountKey {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.Data, "claim.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, page, err := readHTTP(httpClient.Get(r.URL)); status != 200 {
		t.Fatalf("the page: status %d, %v\n%s", status, err, page)
	}
	return r.Claim(t)
}
