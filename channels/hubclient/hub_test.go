package hubclient

import (
	"crypto/ed25519"
	"crypto/hpke"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// testHub is the least that speaks wire as a hub does: it answers every call
// with the position given, and remembers what it was asked.
type testHub struct {
	t        testing.TB
	identity ed25519.PrivateKey

	mu      sync.Mutex
	keys    []wire.HubKey
	private map[wire.KeyID]hpke.PrivateKey
	ahead   time.Duration // its clock beyond ours
	limits  map[string]int64
	version int
	refuse  *wire.Error                                       // refuses every request with it, if set
	spoil   func(w http.ResponseWriter, r *http.Request) bool // answers instead, if it returns true
	held    func(r *http.Request)                             // is called before each POST is answered
	asked   []string                                          // "GET keys" or "POST", in order
	seen    []*http.Request                                   // without their bodies
	times   []int64                                           // of the requests opened
}

func newTestHub(t testing.TB) *testHub {
	t.Helper()
	_, identity, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &testHub{t: t, identity: identity, private: make(map[wire.KeyID]hpke.PrivateKey), version: wire.Version}
	h.newKey()
	return h
}

func (h *testHub) now() time.Time { return time.Now().Add(h.ahead) }

// newKey makes the hub's next X-Wing key, the only one it shows.
func (h *testHub) newKey() {
	private, err := wire.KEM().GenerateKey()
	if err != nil {
		h.t.Fatal(err)
	}
	from := h.now().Unix()
	key := wire.HubKeyOf(private, from, from+int64(wire.KeyKept/time.Second))
	h.keys = []wire.HubKey{key}
	h.private[key.ID] = private
}

func (h *testHub) fingerprint() wire.Fingerprint {
	return wire.FingerprintOf(wire.Token(h.identity.Public().(ed25519.PublicKey)))
}

// change changes the hub while it serves.
func (h *testHub) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// count returns how often the hub was asked for what.
func (h *testHub) count(what string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, asked := range h.asked {
		if asked == what {
			n++
		}
	}
	return n
}

func (h *testHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	h.mu.Lock()
	what := r.Method
	if r.Method == http.MethodGet {
		what += " " + r.URL.RawQuery
	}
	h.asked = append(h.asked, what)
	h.seen = append(h.seen, r.Clone(r.Context()))
	spoil, held := h.spoil, h.held
	h.mu.Unlock()
	if spoil != nil && spoil(w, r) {
		return
	}
	if r.Method == http.MethodGet {
		h.serveKeys(w)
		return
	}
	if held != nil {
		held(r)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	status, answer := h.open(body)
	w.Header().Set("Content-Type", wire.ContentType)
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func (h *testHub) serveKeys(w http.ResponseWriter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer, err := wire.SignHubKeys(h.identity, wire.HubKeys{
		Keys: h.keys, Time: h.now().Unix(), Versions: []int{h.version}, Software: "test hub", Limits: h.limits,
	})
	if err != nil {
		h.t.Error(err)
	}
	w.Header().Set("Content-Type", wire.ContentType)
	_, _ = w.Write(answer)
}

// open answers one sealed request.
func (h *testHub) open(request []byte) (int, []byte) {
	o, err := wire.OpenRequest(request, h.fingerprint(), func(id wire.KeyID) (hpke.PrivateKey, bool) {
		private, ok := h.private[id]
		return private, ok
	})
	if err == wire.ErrUnknownKey {
		return wire.StatusUnknownKey, nil
	}
	if err != nil {
		return wire.StatusMalformed, nil
	}
	h.times = append(h.times, o.Time)
	r := wire.Response{Time: h.now().Unix(), Error: h.refuse}
	if off := time.Duration(o.Time-r.Time) * time.Second; r.Error == nil && off.Abs() > wire.MaxSkew {
		r.Error = &wire.Error{Code: wire.CodeTime}
	}
	for i := range o.Calls {
		if r.Error != nil {
			break
		}
		if !o.Verify(i) {
			r.Results = append(r.Results, wire.Result{Error: &wire.Error{Code: wire.CodeDenied}})
			continue
		}
		value, err := codec.Marshal(wire.PutResult{Position: int64(i + 1), New: true})
		if err != nil {
			h.t.Error(err)
		}
		r.Results = append(r.Results, wire.Result{Value: value})
	}
	response, err := o.SealResponse(r)
	if err != nil {
		h.t.Error(err)
	}
	return wire.StatusSealed, response
}

// serve puts the hub on loopback and returns where.
func (h *testHub) serve() *httptest.Server {
	s := httptest.NewServer(h)
	h.t.Cleanup(s.Close)
	return s
}

// address is the hub's address on s.
func (h *testHub) address(s *httptest.Server) Address {
	return Address{URL: s.URL + "/hub.cgi", Fingerprint: h.fingerprint()}
}

// client returns a client for the hub on s.
func (h *testHub) client(s *httptest.Server) *Client {
	c := New(h.address(s), Options{})
	h.t.Cleanup(c.Close)
	return c
}

// inProcess carries requests to a handler without a network, as synctest wants.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	p.handler.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// puts returns n calls of a new member.
func puts(t testing.TB, n int) []wire.SignedCall {
	t.Helper()
	_, member, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	calls := make([]wire.SignedCall, n)
	for i := range calls {
		calls[i] = wire.SignedCall{Op: wire.OpPut, Args: wire.PutArgs{Class: wire.ClassText, Entry: []byte("hello")}, Key: member}
	}
	return calls
}

// waitingFetch is a fetch that the hub may hold for the time given.
func waitingFetch(t testing.TB, wait time.Duration) []wire.SignedCall {
	calls := puts(t, 1)
	calls[0].Op, calls[0].Args = wire.OpFetch, wire.FetchArgs{Limit: 1, Wait: wait.Milliseconds()}
	return calls
}
