package hubclient

import (
	"context"
	"crypto/hpke"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
)

// atHosts carries requests to what stands under each host's name.
type atHosts struct {
	mu    sync.Mutex
	hosts map[string]http.RoundTripper
	asked []string // "GET host"
}

func (a *atHosts) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	to := a.hosts[r.URL.Host]
	a.asked = append(a.asked, r.Method+" "+r.URL.Host)
	a.mu.Unlock()
	if to == nil {
		return nil, syscall.ECONNREFUSED
	}
	return to.RoundTrip(r)
}

// set has a host be something else from now on; nil: nothing.
func (a *atHosts) set(host string, to http.RoundTripper) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hosts[host] = to
}

// took returns what was asked since the last time.
func (a *atHosts) took() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := strings.Join(a.asked, ", ")
	a.asked = nil
	return asked
}

// twoURLs returns a client for h at b.example, whose first URL is at a.example,
// and third at c.example.
func twoURLs(h *testHub, first http.RoundTripper) (*Client, *atHosts) {
	world := &atHosts{hosts: map[string]http.RoundTripper{"a.example": first, "b.example": inProcess{h}}}
	return New(Address{
		URL: "http://a.example/", Fingerprint: h.fingerprint(),
		Others: []Location{{URL: "http://b.example/"}, {URL: "http://c.example/"}, {URL: "http://b.example/"}},
	}, Options{Transport: world}), world
}

// deaf takes what is sent to h, does it, and loses the answer.
type deaf struct{ h http.Handler }

func (d deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := inProcess{d.h}.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost {
		return answer, err
	}
	return nil, syscall.ECONNRESET
}

// held answers ?keys for h, and takes requests without ever answering them.
type held struct{ h http.Handler }

func (m held) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return inProcess{m.h}.RoundTrip(r)
	}
	return silence{}.RoundTrip(r)
}

// posts answers ?keys for h and every request with a status of its own.
func posts(h http.Handler, status int) http.RoundTripper {
	return inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			answers(status, "text/html", page)(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})}
}

// Whatever is wrong at the first URL, the second is tried, soon, and then stuck
// to; both must be the same hub.
func TestSecondURL(t *testing.T) {
	for name, c := range map[string]struct {
		first  func(*testHub) http.RoundTripper
		within time.Duration
		says   string // of the first
		asked  string
	}{
		"dead":            {func(*testHub) http.RoundTripper { return nil }, 0, "cannot be reached", "GET a, GET b, POST b"},
		"a page":          {func(*testHub) http.RoundTripper { return inProcess{answers(200, "text/html", page)} }, 0, "a web page", "GET a, GET b, POST b"},
		"forbidden":       {func(*testHub) http.RoundTripper { return inProcess{answers(403, "text/html", page)} }, 0, "403", "GET a, GET b, POST b"},
		"no room":         {func(*testHub) http.RoundTripper { return inProcess{answers(503, "text/html", page)} }, 0, "busy", "GET a, GET b, POST b"},
		"another hub":     {func(*testHub) http.RoundTripper { return inProcess{newTestHub(t)} }, 0, "another hub", "GET a, GET b, POST b"},
		"silent":          {func(*testHub) http.RoundTripper { return silence{} }, hasty, "no answer in time", "GET a, GET b, POST b"},
		"half an answer":  {func(*testHub) http.RoundTripper { return halfAnswer{} }, hasty + wire.MaxKeys/slowest*time.Second, "no answer in time", "GET a, GET b, POST b"},
		"silent to POST":  {func(h *testHub) http.RoundTripper { return held{h} }, hasty, "no answer in time", "GET a, POST a, GET b, POST b"},
		"loses answers":   {func(h *testHub) http.RoundTripper { return deaf{h} }, 0, "connection reset", "GET a, POST a, GET b, POST b"},
		"filters POST":    {func(h *testHub) http.RoundTripper { return posts(h, 400) }, 0, "400", "GET a, POST a, GET b, POST b"},
		"takes no 1 MiB":  {func(h *testHub) http.RoundTripper { return posts(h, 413) }, 0, "413", "GET a, POST a, GET b, POST b"},
		"unknown key":     {func(h *testHub) http.RoundTripper { return posts(h, 409) }, 0, "409", "GET a, POST a, GET a, POST a, GET b, POST b"},
		"redirects POSTs": {func(h *testHub) http.RoundTripper { return posts(h, 307) }, 0, "redirects", "GET a, POST a, GET a, POST a, GET b, POST b"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTestHub(t)
				client, world := twoURLs(h, c.first(h))
				defer client.Close()
				begun := time.Now()
				a, err := client.Do(context.Background(), puts(t, 2))
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took != c.within {
					t.Errorf("it took %v, not %v", took, c.within)
				}
				if a.URL != "http://b.example/" || a.Location != a.URL || !strings.Contains(a.Trouble, c.says) || len(a.Results) != 2 {
					t.Errorf("answered %+v", a)
				}
				if asked := strings.ReplaceAll(world.took(), ".example", ""); asked != c.asked {
					t.Errorf("asked %s, not %s", asked, c.asked)
				}
				for range 3 {
					if a, err := client.Do(context.Background(), puts(t, 1)); err != nil || a.Trouble == "" {
						t.Errorf("%+v, %v", a, err)
					}
				}
				if asked := world.took(); asked != "POST b.example, POST b.example, POST b.example" {
					t.Errorf("then asked %s", asked)
				}
			})
		})
	}
}

// The same with real servers.
func TestSecondURLOnLoopback(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + dead.Addr().String()
	dead.Close()
	h, other := newTestHub(t), newTestHub(t)
	site := httptest.NewServer(answers(200, "text/html", page))
	defer site.Close()
	right := h.serve()
	for _, first := range []string{nobody, site.URL, other.serve().URL} {
		c := New(Address{URL: first + "/", Fingerprint: h.fingerprint(), Others: []Location{{URL: right.URL + "/hub.cgi"}}}, Options{})
		a, err := c.Do(t.Context(), puts(t, 1))
		if err != nil || a.Location != right.URL+"/hub.cgi" || a.Trouble == "" {
			t.Errorf("%+v, %v", a, err)
		}
		c.Close()
	}
	if other.count("POST") != 0 {
		t.Error("another hub was sent a request")
	}
}

// What the hub itself refuses it refuses everywhere.
func TestRefusalIsNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*testHub)
		want   Kind
	}{
		"refused": {func(h *testHub) { h.refuse = &wire.Error{Code: wire.CodeFull} }, Refused},
		"busy":    {func(h *testHub) { h.refuse = &wire.Error{Code: wire.CodeBusy} }, Busy},
		"failed":  {func(h *testHub) { h.refuse = &wire.Error{Code: wire.CodeInternal} }, Failed},
		"clock":   {func(h *testHub) { h.refuse = &wire.Error{Code: wire.CodeTime} }, Clock},
		"version": {func(h *testHub) { h.version++ }, Version},
		"limit":   {func(h *testHub) { h.limits = map[string]int64{"request": 100} }, TooLarge},
		"no key":  {func(h *testHub) { h.keys[0].Until = h.now().Unix() }, Failed},
	} {
		h := newTestHub(t)
		c.change(h)
		client, world := twoURLs(h, inProcess{h})
		_, err := client.Do(t.Context(), puts(t, 1))
		if e := kind(t, err, c.want); !e.Own || e.Tried != 0 {
			t.Errorf("%s: %+v", name, e)
		}
		if asked := world.took(); strings.Contains(asked, "b.example") {
			t.Errorf("%s: asked %s", name, asked)
		}
	}
}

// And what cannot be sealed, or is given up, is no fault of a URL.
func TestOwnFaultsAreNotRepeated(t *testing.T) {
	h := newTestHub(t)
	client, world := twoURLs(h, inProcess{h})
	if _, err := client.Do(t.Context(), nil); !errors.Is(err, wire.ErrMalformed) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Do(ctx, puts(t, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if asked := world.took(); strings.Contains(asked, "b.example") {
		t.Error("asked", asked)
	}
}

// If nothing works, that is what is wrong with the first, and how many others
// there were.
func TestNoURLWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		client, world := twoURLs(h, inProcess{answers(503, "text/html", page)})
		world.set("b.example", silence{})
		begun := time.Now()
		_, err := client.Do(context.Background(), puts(t, 1))
		e := kind(t, err, Busy)
		if e.Text != "(503); nor did its 2 other addresses work" || e.Tried != 3 || e.Retry != 0 {
			t.Errorf("%+v", e)
		}
		if took := time.Since(begun); took != hasty {
			t.Errorf("it took %v", took)
		}
		client.Locate(Address{URL: "http://a.example/", Fingerprint: h.fingerprint(), Others: []Location{{URL: "http://b.example/"}}})
		begun = time.Now()
		_, err = client.Do(context.Background(), puts(t, 1))
		if e := kind(t, err, Busy); e.Text != "(503); nor did its other address work" || e.Tried != 2 {
			t.Errorf("%+v", e)
		}
		if took := time.Since(begun); took != margin {
			t.Errorf("the last one was given %v", took)
		}
	})
}

// Where it worked last is tried first, and the error is still the first URL's.
func TestSecondURLFailsToo(t *testing.T) {
	h := newTestHub(t)
	client, world := twoURLs(h, inProcess{answers(200, "text/html", page)})
	if _, err := client.Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatal(err)
	}
	world.took()
	world.set("b.example", nil)
	_, err := client.Do(t.Context(), puts(t, 1))
	if e := kind(t, err, NotAHub); !strings.HasPrefix(e.Text, "a web page answers there; nor did its 2") {
		t.Error(e)
	}
	if asked := world.took(); asked != "POST b.example, GET a.example, GET c.example" {
		t.Error("asked", asked)
	}
	world.set("c.example", inProcess{h})
	if a, err := client.Do(t.Context(), puts(t, 1)); err != nil || a.Location != "http://c.example/" {
		t.Errorf("%+v, %v", a, err)
	}
	world.set("c.example", nil)
	world.set("a.example", inProcess{h})
	if a, err := client.Do(t.Context(), puts(t, 1)); err != nil || a.Location != "http://a.example/" || a.Trouble != "" {
		t.Errorf("%+v, %v", a, err)
	}
}

// A hub that is back at its first URL is found there after five minutes, and nobody
// waits while it is not.
func TestFirstURLIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		client, world := twoURLs(h, silence{})
		defer client.Close()
		do := func(want, asked string) {
			t.Helper()
			begun := time.Now()
			a, err := client.Do(context.Background(), puts(t, 1))
			if err != nil || a.Location != "http://"+want+".example/" {
				t.Errorf("%+v, %v", a, err)
			}
			if took := time.Since(begun); took > 0 && asked != "" {
				t.Errorf("it took %v", took)
			}
			time.Sleep(time.Minute) // the bubble's
			if got := world.took(); asked != "" && got != asked {
				t.Errorf("asked %s, not %s", got, asked)
			}
		}
		do("b", "")
		for range 3 {
			do("b", "POST b.example")
		}
		time.Sleep(time.Minute)
		for range 2 {
			begun := time.Now()
			if _, err := client.Do(context.Background(), puts(t, 1)); err != nil || time.Since(begun) != 0 {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
		}
		time.Sleep(time.Minute)
		if got := world.took(); strings.Count(got, "GET a.example") != 1 || strings.Count(got, "POST b.example") != 2 {
			t.Error("asked", got)
		}
		world.set("a.example", inProcess{h})
		do("b", "POST b.example")
		time.Sleep(time.Hour)
		if _, err := client.Do(context.Background(), puts(t, 1)); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		world.took()
		do("a", "POST a.example")
	})
}

// It is found there though the caller has put the URL that works first, but not
// if he has put another there.
func TestFirstURLIsBackAfterLocate(t *testing.T) {
	a, b, c := Location{URL: "http://a.example/"}, Location{URL: "http://b.example/"}, Location{URL: "http://c.example/"}
	for want, then := range map[string]Address{
		a.URL: {URL: b.URL, Others: []Location{a, c}},
		c.URL: {URL: c.URL, Others: []Location{a, b}},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHub(t)
			client, world := twoURLs(h, nil)
			defer client.Close()
			then.Fingerprint = h.fingerprint()
			for range 2 {
				if got, err := client.Do(context.Background(), puts(t, 1)); err != nil || got.Location != b.URL {
					t.Errorf("%+v, %v", got, err)
				}
				client.Locate(then)
			}
			world.set("a.example", inProcess{h})
			world.set("c.example", inProcess{h})
			for range 2 {
				time.Sleep(2 * time.Hour)
				if _, err := client.Do(context.Background(), puts(t, 1)); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			}
			if got, err := client.Do(context.Background(), puts(t, 1)); err != nil || got.Location != want {
				t.Errorf("it is asked at %s, %v, not at %s", got.Location, err, want)
			}
		})
	}
}

// Nothing is asked behind the back of a client that was closed.
func TestClosedClientDoesNotLookBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		client, world := twoURLs(h, silence{})
		if _, err := client.Do(context.Background(), puts(t, 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := client.Do(context.Background(), puts(t, 1)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it asks at the first
		begun := time.Now()
		client.Close()
		synctest.Wait()
		world.took()
		time.Sleep(2 * time.Hour)
		if _, err := client.Do(context.Background(), puts(t, 1)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := world.took(); got != "POST b.example" {
			t.Errorf("asked %s; closed %v ago", got, time.Since(begun))
		}
	})
}

// A fetch that a hub was to hold at a URL that works no more is asked for again
// as soon as another request has found that out.
func TestFetchMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		client, world := twoURLs(h, held{h})
		defer client.Close()
		begun := time.Now()
		var all sync.WaitGroup
		all.Go(func() {
			a, err := client.Do(context.Background(), waitingFetch(t, wire.MaxWait))
			if took := time.Since(begun); err != nil || a.Location != "http://b.example/" || took != hasty+3*time.Second {
				t.Errorf("%+v, %v after %v", a, err, took)
			}
		})
		time.Sleep(3 * time.Second)
		if _, err := client.Do(context.Background(), puts(t, 1)); err != nil {
			t.Error(err)
		}
		all.Wait()
		if got := world.took(); strings.Count(got, "POST b.example") != 2 {
			t.Error("asked", got)
		}
	})
}

// A hub may hold a fetch for as long as it was asked to, though it has another
// URL; and if nothing comes of it the other is tried.
func TestHeldFetchWithTwoURLs(t *testing.T) {
	for held, at := range map[time.Duration]string{wire.MaxWait + hasty - time.Second: "a", wire.MaxWait + hasty + time.Second: "b"} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHub(t)
			var first atomic.Bool
			h.held = func(r *http.Request) {
				if first.CompareAndSwap(false, true) {
					select {
					case <-time.After(held):
					case <-r.Context().Done():
					}
				}
			}
			client, _ := twoURLs(h, inProcess{h})
			defer client.Close()
			a, err := client.Do(context.Background(), waitingFetch(t, wire.MaxWait))
			if err != nil || a.Location != "http://"+at+".example/" {
				t.Errorf("held for %v: %+v, %v", held, a, err)
			}
		})
	}
}

// Who gives up while several URLs are tried is told so.
func TestCancelledBetweenURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		client, _ := twoURLs(h, silence{})
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := client.Do(ctx, waitingFetch(t, wire.MaxWait))
		if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A place that proves another key for a while is no reason to believe it: each
// URL proves the fingerprint anew, and its own requests.
func TestOtherHubAtSecondURL(t *testing.T) {
	h, other := newTestHub(t), newTestHub(t)
	client, world := twoURLs(h, nil)
	world.set("b.example", inProcess{other})
	_, err := client.Do(t.Context(), puts(t, 1))
	kind(t, err, Unreachable)
	if other.count("POST") != 0 {
		t.Error("another hub was sent a request")
	}
	// Its ?keys are the hub's, its answers are not.
	mixed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			h.ServeHTTP(w, r)
			return
		}
		other.ServeHTTP(w, r)
	})
	other.change(func() {
		for id, private := range h.private {
			_ = private
			fake, err := wire.KEM().GenerateKey()
			if err != nil {
				t.Fatal(err)
			}
			other.private[id] = hpke.PrivateKey(fake)
		}
	})
	world.set("b.example", inProcess{mixed})
	_, err = client.Do(t.Context(), puts(t, 1))
	kind(t, err, Unreachable)
	world.set("c.example", inProcess{h})
	if a, err := client.Do(t.Context(), puts(t, 1)); err != nil || a.Location != "http://c.example/" {
		t.Errorf("%+v, %v", a, err)
	}
}

// The core may learn of further URLs, and of a hub's moving, while requests are
// under way.
func TestLocate(t *testing.T) {
	h := newTestHub(t)
	client, world := twoURLs(h, nil)
	if _, err := client.Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatal(err)
	}
	world.took()
	b, d := Location{URL: "http://b.example/"}, Location{URL: "http://d.example/"}
	world.set("d.example", inProcess{h})
	do := func(a Address, want, asked string) {
		t.Helper()
		a.Fingerprint = h.fingerprint()
		client.Locate(a)
		got, err := client.Do(t.Context(), puts(t, 1))
		if err != nil || got.Location != want {
			t.Errorf("%+v, %v", got, err)
		}
		if took := world.took(); took != asked {
			t.Errorf("asked %s, not %s", took, asked)
		}
	}
	// What is known of a URL stays known wherever it stands.
	do(Address{URL: d.URL, Others: []Location{b}}, b.URL, "POST b.example")
	do(Address{URL: b.URL, Others: []Location{d}}, b.URL, "POST b.example")
	// One that is gone is asked no more.
	do(Address{URL: d.URL}, d.URL, "GET d.example, POST d.example")
	// The same URL on another's word is another place.
	do(Address{URL: d.URL, Public: true}, d.URL, "GET d.example, POST d.example")
}
