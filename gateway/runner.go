package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// runner carries out the core's requests, a goroutine each, and gives each
// answer to deliver. It is the gateway's carrier. A hub has one client, so that
// its requests share connections and what is known of its keys and clock.
type runner struct {
	ctx     context.Context // ends every request
	options hubclient.Options
	deliver func(channels.Answered)

	// embedded is where the gateway's own hub is now. Its port may have been
	// another when the core last heard of it.
	embedded channels.HubAddress

	mu      sync.Mutex
	clients map[hubclient.Address]*hubclient.Client
	cancels map[channels.RequestID]context.CancelFunc
	running sync.WaitGroup
}

var _ carrier = (*runner)(nil)

// newRunner returns a runner whose requests end with ctx.
func newRunner(ctx context.Context, o hubclient.Options, deliver func(channels.Answered)) *runner {
	return &runner{
		ctx: ctx, options: o, deliver: deliver,
		clients: make(map[hubclient.Address]*hubclient.Client),
		cancels: make(map[channels.RequestID]context.CancelFunc),
	}
}

// Carry makes the request in a goroutine of its own.
func (r *runner) Carry(request channels.Request) {
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.Lock()
	r.cancels[request.ID] = cancel
	r.mu.Unlock()
	r.running.Go(func() {
		defer r.Cancel(request.ID)
		answered, ok := r.ask(ctx, request)
		if ok {
			r.deliver(answered)
		}
	})
}

// Cancel ends a request; nothing is delivered of one that is cancelled in time.
func (r *runner) Cancel(id channels.RequestID) {
	r.mu.Lock()
	cancel := r.cancels[id]
	delete(r.cancels, id)
	r.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// Wait returns when all requests have ended, after ctx has.
func (r *runner) Wait() { r.running.Wait() }

// ask makes one request. ok is false if it was cancelled.
func (r *runner) ask(ctx context.Context, request channels.Request) (answered channels.Answered, ok bool) {
	address := hubclient.Address{URL: request.Hub.URL, Fingerprint: request.Hub.Fingerprint}
	if address.Fingerprint == r.embedded.Fingerprint && r.embedded.URL != "" {
		address.URL = r.embedded.URL
	}
	answer, err := r.client(address).Do(ctx, request.Calls)
	if ctx.Err() != nil {
		return channels.Answered{}, false
	}
	answered = channels.Answered{Request: request.ID}
	if err != nil {
		slog.Info("a hub gave no usable answer", "hub", address.URL, "err", err)
		answered.Failure = hubFailure(err)
		return answered, true
	}
	answered.Results, answered.Note = answer.Results, answer.Certificate
	if answer.URL != request.Hub.URL {
		answered.URL = answer.URL
	}
	return answered, true
}

// client returns the client for a hub.
func (r *runner) client(a hubclient.Address) *hubclient.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clients[a]
	if c == nil {
		c = hubclient.New(a, r.options)
		r.clients[a] = c
	}
	return c
}

// hubFailure is an error of hubclient in the core's terms. What another moment
// may mend is Unreachable, so that it is tried again without being told as the
// hub's refusal.
func hubFailure(err error) *channels.HubFailure {
	var e *hubclient.Error
	if !errors.As(err, &e) { // the calls could not be sealed
		return &channels.HubFailure{Kind: channels.Refused, Text: err.Error()}
	}
	f := &channels.HubFailure{Kind: channels.Refused, Text: e.Kind.String(), Retry: e.Retry}
	if e.Text != "" {
		f.Text += ": " + e.Text
	}
	switch e.Kind {
	case hubclient.Unreachable, hubclient.Busy, hubclient.Failed:
		f.Kind = channels.Unreachable
	case hubclient.NotAHub:
		f.Kind = channels.NotAHub
	case hubclient.WrongKey:
		f.Kind = channels.WrongKey
	}
	return f
}

// probeTimeout is how long a hub that the user adds may take to say who it is.
const probeTimeout = 30 * time.Second

// identify asks, in a goroutine, who the hub at a URL is.
func (r *runner) identify(url string, then func(foundHub, error)) {
	r.running.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, probeTimeout)
		defer cancel()
		probed, err := hubclient.ProbeKeys(ctx, url, r.options)
		if err != nil {
			then(foundHub{}, err)
			return
		}
		then(foundHub{
			Address: channels.HubAddress{URL: probed.URL, Fingerprint: wire.FingerprintOf(probed.Keys.Hub)},
			Note:    probed.Certificate,
		}, nil)
	})
}
