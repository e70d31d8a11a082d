// Package hub is the hub: one sealed request in, one sealed answer out, bytes
// to bytes. It knows no HTTP: hub/cgi and hub/web carry its requests, and
// Serve tells both what to answer.
//
// The order of work in a request is: its size, then its seal, for which the
// hub's keys are a file, then its time, and only then the database. So a
// stranger who does not know the hub's keys costs it next to nothing.
package hub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// Software is the hub's name and version, as it tells them at ?keys and in
// status.
const Software = "hubbub-hub/0.1.0"

// Config says where a hub keeps its data, and its limits.
type Config struct {
	Data   string        // the data folder; it is made if it does not exist
	Limits store.Limits  // the zero value is store.DefaultLimits
	Held   int           // how many requests may wait at once, over all processes; 0 is DefaultHeld, NoneHeld none
	Wait   time.Duration // the longest that a request is held; 0 is wire.MaxWait, which it is at most

	// Request is how large a request the web server before the hub lets through,
	// which gateways are told; 0 is wire.MaxRequest.
	Request int64

	// Contact is how people reach whoever runs the hub: the page shows it.
	Contact string

	// Owner is an account that owns the hub from its first start on, so that
	// there is nothing to claim; zero is none.
	Owner wire.Token

	// Proxied says that all requests come through another server, which the
	// address they seem to come from is of: there are no budgets by address then.
	Proxied bool

	// Alone says that no other process serves the same data folder, so that
	// waiting requests need not be told through it.
	Alone bool
	// Store opens what is kept between requests, at the first that needs it;
	// nil is store.Open. path is a name in the data folder.
	Store func(path string, limits store.Limits) (store.Store, error)
	Now   func() time.Time // the hub's clock; nil is time.Now
	Log   Logger           // nil is silence
}

// databaseName is the file of what the hub keeps between requests.
const databaseName = "hub.db"

// DefaultHeld fits web space that allows some twenty processes.
const DefaultHeld = 8

// NoneHeld is for a web server that answers one request at a time: who would have
// to wait is told when to come back.
const NoneHeld = -1

// Hub is a hub. It is safe for use by several goroutines.
type Hub struct {
	config Config
	keys   *keyring
	bell   *bell

	opening sync.Mutex // holds store while it is opened
	store   store.Store

	leaving  chan struct{} // closed when nobody is to be held any more
	sendHome sync.Once
}

// Open makes or opens the data folder and the hub's keys in it. It does not
// open the database yet.
func Open(config Config) (*Hub, error) {
	data, err := filepath.Abs(config.Data)
	if err != nil || config.Data == "" {
		return nil, fmt.Errorf("opening the hub: its data folder %q: %w", config.Data, err)
	}
	config.Data = data
	if config.Limits == (store.Limits{}) {
		config.Limits = store.DefaultLimits()
	}
	if config.Held == 0 {
		config.Held = DefaultHeld
	}
	if config.Wait <= 0 || config.Wait > wire.MaxWait {
		config.Wait = wire.MaxWait
	}
	if config.Store == nil {
		config.Store = store.Open
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = silence{}
	}
	if err := makeFolder(data); err != nil {
		return nil, fmt.Errorf("opening the hub: %w", err)
	}
	h := &Hub{config: config, bell: newBell(data, config.Alone), leaving: make(chan struct{})}
	if err := h.settleImport(); err != nil {
		return nil, fmt.Errorf("opening the hub: %w", errors.Join(err, h.Close()))
	}
	keys, err := openKeyring(data, config.Owner != (wire.Token{}), config.Now())
	if err != nil {
		return nil, fmt.Errorf("opening the hub: %w", errors.Join(err, h.Close()))
	}
	h.keys = keys
	if err := h.settleClaim(); err != nil {
		return nil, fmt.Errorf("opening the hub: %w", errors.Join(err, h.Close()))
	}
	return h, nil
}

// Close ends the use of the hub. It is always to be called, after the last
// answer.
func (h *Hub) Close() error {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.store == nil {
		return nil
	}
	err := h.store.Close()
	h.store = nil
	return err
}

// Fingerprint names the hub.
func (h *Hub) Fingerprint() wire.Fingerprint { return h.keys.self.Load().fingerprint }

// Keys is the answer to ?keys (wire.HubKeys, signed). It makes a new X-Wing
// key if the newest is a week old.
func (h *Hub) Keys() ([]byte, error) {
	now := h.config.Now()
	is, keys, err := h.keys.current(now)
	if err != nil {
		if len(keys) == 0 {
			return nil, fmt.Errorf("showing the hub's keys: %w", err)
		}
		h.config.Log.Error("renewing the hub's keys", "error", err)
	}
	limits := wire.DefaultLimits()
	limits["wait"] = h.config.Wait.Milliseconds()
	if h.config.Request > 0 {
		limits["request"] = min(h.config.Request, wire.MaxRequest)
	}
	return wire.SignHubKeys(is.identity, wire.HubKeys{
		Keys: keys, Time: now.Unix(), Versions: []int{wire.Version}, Software: Software, Limits: limits,
	})
}

// Answer answers one sealed request. Any error is a *Refusal: what the hub
// says where it cannot say it sealed. A request that waits is held until
// something arrives, its time is over, or ctx is.
func (h *Hub) Answer(ctx context.Context, request []byte) ([]byte, error) {
	return h.answer(ctx, visitor{}, request)
}

func (h *Hub) answer(ctx context.Context, visitor visitor, request []byte) ([]byte, error) {
	opened, err := h.keys.open(request, h.config.Now())
	if err != nil {
		return nil, refusal(err)
	}
	now := h.config.Now()
	response := wire.Response{Time: now.Unix()}
	skew := now.Sub(time.Unix(opened.Time, 0)).Abs()
	if opened.Time < 0 || skew > wire.MaxSkew {
		response.Error = &wire.Error{Code: wire.CodeTime, Text: "the request's time is not the hub's"}
	} else {
		response.Results, err = h.do(ctx, visitor, opened)
		var crowd *crowded
		if errors.As(err, &crowd) {
			return nil, crowd.refusal()
		}
		response.Time = h.config.Now().Unix()
	}
	answer, err := opened.SealResponse(response)
	if err != nil {
		h.config.Log.Error("sealing an answer", "error", err)
		return nil, &Refusal{Status: wire.StatusFailed, Text: "The hub failed."}
	}
	return answer, nil
}

// data opens the database, if that was not done, or could not be as it should.
func (h *Hub) data() (store.Store, error) {
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.store != nil {
		return h.store, nil
	}
	s, err := h.config.Store(filepath.Join(h.config.Data, databaseName), h.config.Limits)
	if err != nil {
		return nil, err
	}
	if _, passing := s.(store.Passing); !passing {
		h.store = s
	}
	return s, nil
}

// Refusal is an answer that is not sealed: a status of HTTP (wire's Status…)
// and a sentence for people.
type Refusal struct {
	Status int
	Text   string
	Retry  time.Duration // when to come back, in whole seconds; 0: does not say
}

// Error says both.
func (r *Refusal) Error() string { return fmt.Sprintf("status %d: %s", r.Status, r.Text) }

// refusal says how an unopened request is refused.
func refusal(err error) *Refusal {
	switch {
	case errors.Is(err, wire.ErrUnknownKey):
		return &Refusal{Status: wire.StatusUnknownKey, Text: "The request is sealed to a key this hub does not have any more. Ask for ?keys."}
	case errors.Is(err, wire.ErrTooLarge):
		return &Refusal{Status: wire.StatusTooLarge, Text: "The request is too large."}
	}
	return &Refusal{Status: wire.StatusMalformed, Text: "This is not a request that the hub can open."}
}

// Now is the hub's clock.
func (h *Hub) Now() time.Time { return h.config.Now() }
