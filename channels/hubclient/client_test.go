package hubclient

import (
	"context"
	"crypto/hpke"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// positions returns what the test hub answered to each call.
func positions(t *testing.T, a Answer) []int64 {
	t.Helper()
	var list []int64
	for i, result := range a.Results {
		var put wire.PutResult
		if result.Error != nil {
			t.Fatalf("result %d: %v", i, result.Error)
		}
		if err := codec.Unmarshal(result.Value, &put); err != nil {
			t.Fatalf("result %d: %v", i, err)
		}
		list = append(list, put.Position)
	}
	return list
}

func TestDo(t *testing.T) {
	h := newTestHub(t)
	s := h.serve()
	c := h.client(s)
	before := time.Now()
	for range 3 {
		a, err := c.Do(t.Context(), puts(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		if p := positions(t, a); len(p) != 2 || p[0] != 1 || p[1] != 2 {
			t.Errorf("positions %v", p)
		}
		if a.URL != s.URL+"/hub.cgi" || a.Certificate != "" || a.HubTime.Before(before.Add(-time.Second)) || a.HubTime.After(time.Now()) {
			t.Errorf("answer %+v", a)
		}
	}
	if got := strings.Join(h.asked, ", "); got != "GET keys, POST, POST, POST" {
		t.Error("asked:", got)
	}
}

// What is to be seen on the wire is the same for everybody.
func TestOnTheWire(t *testing.T) {
	h := newTestHub(t)
	if _, err := h.client(h.serve()).Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatal(err)
	}
	for _, r := range h.seen {
		allowed := map[string]string{"User-Agent": userAgent, "Accept": "*/*"}
		if r.Method == http.MethodPost {
			allowed["Content-Type"] = wire.ContentType
			allowed["Content-Length"] = r.Header.Get("Content-Length")
			if r.ContentLength < wire.MinPad || len(r.TransferEncoding) != 0 {
				t.Errorf("POST of length %d, %v", r.ContentLength, r.TransferEncoding)
			}
		} else {
			allowed["Cache-Control"] = "no-cache"
		}
		for name, values := range r.Header {
			if len(values) != 1 || values[0] != allowed[name] {
				t.Errorf("%s has %s: %q", r.Method, name, values)
			}
		}
		if r.Proto != "HTTP/1.1" || r.Host == "" || r.URL.Path != "/hub.cgi" {
			t.Errorf("%s %s %s", r.Method, r.URL, r.Proto)
		}
	}
}

// A hub makes new keys and deletes the old ones whenever it likes.
func TestUnknownKey(t *testing.T) {
	h := newTestHub(t)
	c := h.client(h.serve())
	if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatal(err)
	}
	h.change(func() {
		clear(h.private)
		h.newKey()
	})
	if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(h.asked, ", "); got != "GET keys, POST, POST, GET keys, POST" {
		t.Error("asked:", got)
	}
	h.change(func() { clear(h.private); h.asked = nil })
	_, err := c.Do(t.Context(), puts(t, 1))
	if e := kind(t, err, Refused); !strings.Contains(e.Text, "409") {
		t.Error(e)
	}
	if got := strings.Join(h.asked, ", "); got != "POST, GET keys, POST" {
		t.Error("asked, of a hub that never has its key:", got)
	}
}

// Clocks may be wrong by any amount, and may be set right meanwhile.
func TestClock(t *testing.T) {
	for _, ahead := range []time.Duration{0, 20 * time.Minute, -3 * time.Hour, 3 * time.Hour, -24 * 365 * 30 * time.Hour} {
		h := newTestHub(t)
		h.ahead = ahead
		h.keys, h.private = nil, make(map[wire.KeyID]hpke.PrivateKey)
		h.newKey()
		c := h.client(h.serve())
		if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
			t.Errorf("%v ahead: %v", ahead, err)
		}
		if got := strings.Join(h.asked, ", "); got != "GET keys, POST" {
			t.Errorf("%v ahead: asked %s, though ?keys says the time", ahead, got)
		}
		h.change(func() {
			h.ahead += 5 * time.Hour
			h.asked = nil
		})
		a, err := c.Do(t.Context(), puts(t, 1))
		if err != nil {
			t.Fatalf("%v ahead, and then five hours more: %v", ahead, err)
		}
		if off := time.Until(a.HubTime) - ahead - 5*time.Hour; off.Abs() > 5*time.Second {
			t.Errorf("%v ahead, and then five hours more: its time is %v", ahead, a.HubTime)
		}
		if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
			t.Error(err)
		}
		if got := strings.Join(h.asked, ", "); got != "POST, POST, POST" {
			t.Errorf("asked, when the hub's clock changed: %s", got)
		}
	}
}

// A hub that never likes our time is asked twice, not for ever.
func TestClockNeverRight(t *testing.T) {
	h := newTestHub(t)
	h.refuse = &wire.Error{Code: wire.CodeTime}
	_, err := h.client(h.serve()).Do(t.Context(), puts(t, 1))
	kind(t, err, Clock)
	if n := h.count("POST"); n != 2 {
		t.Errorf("%d requests", n)
	}
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Code != wire.CodeTime {
		t.Errorf("%#v", err)
	}
}

// What a hub says of itself is used for a day, and no longer than its key is
// good.
func TestKeysAreAskedAgain(t *testing.T) {
	h := newTestHub(t)
	s := h.serve()
	var mu sync.Mutex
	now := time.Now()
	later := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
		h.change(func() { h.ahead += d })
	}
	c := New(h.address(s), Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	defer c.Close()
	for _, step := range []struct {
		later time.Duration
		keys  int // how often they were asked for by then
	}{{0, 1}, {23 * time.Hour, 1}, {2 * time.Hour, 2}, {time.Hour, 2}, {24 * time.Hour, 3}} {
		later(step.later)
		if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
			t.Fatal(err)
		}
		if n := h.count("GET keys"); n != step.keys {
			t.Errorf("%v later: asked for keys %d times, not %d", step.later, n, step.keys)
		}
	}
	h.change(func() { h.keys[0].Until = h.now().Unix() + 60 })
	later(24 * time.Hour)
	_, err := c.Do(t.Context(), puts(t, 1))
	kind(t, err, Failed)
	h.change(h.newKey)
	h.change(func() { h.keys[0].Until = h.now().Unix() + 60 })
	before := h.count("GET keys")
	for range 2 {
		if _, err := c.Do(t.Context(), puts(t, 1)); err != nil {
			t.Fatal(err)
		}
		later(61 * time.Second)
		h.change(h.newKey)
	}
	if n := h.count("GET keys") - before; n != 2 {
		t.Errorf("a key good for a minute: asked %d times in two", n)
	}
}

// A fetch waits while others are answered, and ten who begin at once ask for
// the keys once.
func TestTogether(t *testing.T) {
	h := newTestHub(t)
	c := h.client(h.serve())
	release := make(chan struct{})
	arrived := make(chan struct{}, 1)
	var first sync.Once
	h.held = func(*http.Request) {
		wait := false
		first.Do(func() { wait = true })
		if wait {
			arrived <- struct{}{}
			<-release
		}
	}
	fetched := make(chan error, 1)
	go func() {
		_, err := c.Do(context.Background(), waitingFetch(t, wire.MaxWait))
		fetched <- err
	}()
	<-arrived
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := c.Do(context.Background(), puts(t, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	select {
	case err := <-fetched:
		t.Error("the fetch did not wait:", err)
	default:
	}
	close(release)
	if err := <-fetched; err != nil {
		t.Error(err)
	}
	if n := h.count("GET keys"); n != 1 {
		t.Errorf("asked for keys %d times", n)
	}
}

// Who asks for the keys does so for all who need them meanwhile.
func TestKeysAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		h.spoil = func(_ http.ResponseWriter, r *http.Request) bool {
			time.Sleep(time.Second) // the bubble's second
			return false
		}
		c := New(Address{URL: "http://hub.example/", Fingerprint: h.fingerprint()}, Options{Transport: inProcess{h}})
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := c.Do(context.Background(), puts(t, 1)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := h.count("GET keys"); n != 1 {
			t.Errorf("asked for keys %d times", n)
		}
	})
}

// What was found wrong is forgotten, and not what another has learnt since.
func TestForget(t *testing.T) {
	h := newTestHub(t)
	c := h.client(h.serve())
	first, err := c.places[0].keys(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	c.places[0].forget(first)
	second, err := c.places[0].keys(t.Context(), true)
	if err != nil || second == first {
		t.Fatal("not asked again:", err)
	}
	c.places[0].forget(first)
	if third, err := c.places[0].keys(t.Context(), true); err != nil || third != second {
		t.Error("what was learnt since is forgotten:", err)
	}
}

// The calls themselves may be wrong; the hub is then not bothered.
func TestCallsThatCannotBeSealed(t *testing.T) {
	h := newTestHub(t)
	h.limits = map[string]int64{"request": 100 << 10}
	c := h.client(h.serve())
	if _, err := c.Do(t.Context(), nil); !errors.Is(err, wire.ErrMalformed) {
		t.Error("no calls:", err)
	}
	large := puts(t, 1)
	large[0].Args = wire.PutArgs{Class: wire.ClassText, Entry: make([]byte, 2<<20)}
	if _, err := c.Do(t.Context(), large); !errors.Is(err, wire.ErrTooLarge) {
		t.Error("2 MiB:", err)
	}
	large[0].Args = wire.PutArgs{Class: wire.ClassText, Entry: make([]byte, 100<<10)}
	_, err := c.Do(t.Context(), large)
	kind(t, err, TooLarge)
	if n := h.count("POST"); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestProbeKeys(t *testing.T) {
	h := newTestHub(t)
	s := h.serve()
	p, err := ProbeKeys(t.Context(), Location{URL: strings.ToUpper(s.URL) + "/hub.cgi"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Keys.Fingerprint() != h.fingerprint() || p.URL != s.URL+"/hub.cgi" || p.Keys.Software != "test hub" {
		t.Errorf("probed %+v", p)
	}
	_, err = ProbeKeys(t.Context(), Location{URL: "example.org"}, Options{})
	kind(t, err, NotAHub)
}
