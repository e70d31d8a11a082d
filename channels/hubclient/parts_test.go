package hubclient

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// large returns n calls with entries of size bytes.
func large(t *testing.T, n, size int) []wire.SignedCall {
	calls := puts(t, n)
	for i := range calls {
		calls[i].Args = wire.PutArgs{Class: wire.ClassText, Entry: make([]byte, size)}
	}
	return calls
}

// sizes are those of the requests that came.
func (h *testHub) sizes() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var sizes []int64
	for _, r := range h.seen {
		if r.Method == http.MethodPost {
			sizes = append(sizes, r.ContentLength)
		}
	}
	return sizes
}

// outcomes are what a test hub answers: each call's place in its request. A
// refusal shows as its code.
func outcomes(t *testing.T, a Answer) string {
	t.Helper()
	var all []any
	for _, r := range a.Results {
		if r.Error != nil {
			all = append(all, r.Error.Code)
			continue
		}
		var put wire.PutResult
		if err := codec.Unmarshal(r.Value, &put); err != nil {
			t.Fatal(err)
		}
		all = append(all, put.Position)
	}
	return strings.TrimSpace(fmt.Sprintln(all...))
}

// A hub that says how large its requests may be gets none that is larger, and
// all that was asked is answered, in its order.
func TestRequestsAreSplit(t *testing.T) {
	h := newTestHub(t)
	h.limits = map[string]int64{"request": 120 << 10}
	c := h.client(h.serve())
	answer, err := c.Do(t.Context(), large(t, 7, 50<<10))
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(t, answer); got != "1 2 1 2 1 2 1" {
		t.Errorf("answered %s", got)
	}
	if answer.URL == "" || answer.HubTime.IsZero() {
		t.Errorf("answer %+v", answer)
	}
	for _, size := range h.sizes() {
		if size > 120<<10 {
			t.Errorf("a request of %d bytes", size)
		}
	}
	h.change(func() { h.limits = map[string]int64{"calls": 3} })
	c.places[0].forget(c.places[0].fresh())
	if answer, err = c.Do(t.Context(), puts(t, 7)); err != nil || outcomes(t, answer) != "1 2 3 1 2 3 1" {
		t.Errorf("answered %v, %v", answer.Results, err)
	}
}

// A call that is too large for the hub holds up no other.
func TestOneCallIsTooLarge(t *testing.T) {
	h := newTestHub(t)
	h.limits = map[string]int64{"request": 120 << 10}
	c := h.client(h.serve())
	for at, want := range []string{"full 1 2", "1 full 1", "1 2 full"} {
		calls := large(t, 3, 10)
		calls[at].Args = wire.PutArgs{Class: wire.ClassText, Entry: make([]byte, 120<<10)}
		answer, err := c.Do(t.Context(), calls)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcomes(t, answer); got != want {
			t.Errorf("call %d is too large, answered %s", at, got)
		}
	}
	_, err := c.Do(t.Context(), large(t, 2, 120<<10))
	kind(t, err, TooLarge)
}

// What was answered before a hub went away stays answered.
func TestHubGoesAwayBetweenParts(t *testing.T) {
	h := newTestHub(t)
	h.limits = map[string]int64{"request": 120 << 10}
	var posts atomic.Int32
	h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		away := r.Method == http.MethodPost && posts.Add(1) > 1
		if away {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return away
	}
	c := h.client(h.serve())
	answer, err := c.Do(t.Context(), large(t, 5, 50<<10))
	if err != nil {
		t.Fatal(err)
	}
	if got := outcomes(t, answer); got != "1 2 busy busy busy" {
		t.Errorf("answered %s", got)
	}
	if _, err := c.Do(t.Context(), large(t, 5, 50<<10)); err == nil {
		t.Error("nothing was answered, and there is no error")
	}
}

// Where a web server takes less than the hub says, or the hub says nothing, the
// client finds out how much, and remembers.
func TestWebServerTakesLess(t *testing.T) {
	h := newTestHub(t)
	h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if r.ContentLength > 128<<10 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return true
		}
		return false
	}
	c := h.client(h.serve())
	for range 2 {
		answer, err := c.Do(t.Context(), large(t, 12, 30<<10))
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Results) != 12 {
			t.Errorf("%d answers", len(answer.Results))
		}
	}
	refused := 0
	for _, size := range h.sizes() {
		if size > 128<<10 {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d requests were too large, of %d", refused, h.sizes())
	}
	h.change(func() {
		h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
			return r.Method == http.MethodPost
		}
	})
	_, err := c.Do(t.Context(), large(t, 12, 30<<10))
	kind(t, err, TooLarge)
}
