package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// runner carries out the core's requests, a goroutine each, and gives each
// answer to deliver. It is the gateway's carrier. The requests of one line to a
// hub have one client, so that they share connections and what is known of the
// hub's keys and clock; those of two lines share nothing.
type runner struct {
	ctx     context.Context // ends every request
	options hubclient.Options
	deliver func(channels.Answered)
	ways    ways // set before the first request

	// embedded is where the gateway's own hub is now. Its port may have been
	// another when the core last heard of it.
	embedded channels.HubAddress

	mu      sync.Mutex
	clients map[clientKey]*lineClient
	cancels map[channels.RequestID]context.CancelFunc
	running sync.WaitGroup
}

// clientKey says what shares a client.
type clientKey struct {
	hub  wire.Fingerprint
	line uint64 // channels.Request.Line
}

// lineClient is a client and who uses it.
type lineClient struct {
	*hubclient.Client
	asking int       // requests under way
	used   time.Time // when the last one ended
}

// Clients that nobody uses are kept for a while, and not too many of them: each
// may hold connections.
const (
	idleClients = 64
	idleFor     = 15 * time.Minute
)

var _ carrier = (*runner)(nil)

// newRunner returns a runner whose requests end with ctx.
func newRunner(ctx context.Context, o hubclient.Options, deliver func(channels.Answered)) *runner {
	return &runner{
		ctx: ctx, options: o, deliver: deliver,
		clients: make(map[clientKey]*lineClient),
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
	address := r.ways.address(request)
	if address.Fingerprint == r.embedded.Fingerprint && r.embedded.URL != "" {
		address = hubclient.Address{URL: r.embedded.URL, Fingerprint: address.Fingerprint, Proxy: hubclient.Direct}
	}
	client := r.client(clientKey{address.Fingerprint, request.Line}, address)
	defer r.done(client)
	answer, err := client.Do(ctx, request.Calls)
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
	switch {
	case answer.Location == address.URL && answer.URL != request.Hub.URL:
		answered.URL = answer.URL
	case answer.Location == address.URL:
	case slices.ContainsFunc(request.Others, func(l channels.Location) bool { return l.URL == answer.Location }):
		answered.URL, answered.Note = answer.Location, elsewhere(answer)
	default: // a URL of the file is for this gateway alone: the core must not tell others of it
		answered.Note = elsewhere(answer)
	}
	return answered, true
}

// elsewhere is the note for an answer from another URL than the first.
func elsewhere(a hubclient.Answer) string {
	note := "it answers at " + a.Location
	if a.Trouble != "" {
		note += ", for at its first address " + a.Trouble
	}
	if a.Certificate != "" {
		note += "; " + a.Certificate
	}
	return note
}

// client returns the client for a line, which asks at a from now on. It is to
// be given to done.
func (r *runner) client(l clientKey, a hubclient.Address) *lineClient {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep()
	c := r.clients[l]
	if c == nil {
		c = &lineClient{Client: hubclient.New(a, r.options)}
		r.clients[l] = c
	} else {
		c.Locate(a)
	}
	c.asking++
	return c
}

// done takes back what client gave.
func (r *runner) done(c *lineClient) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.asking--
	c.used = time.Now()
}

// sweep closes clients that nobody uses: those of long ago, and the oldest of
// too many.
func (r *runner) sweep() {
	var idle []clientKey
	for l, c := range r.clients {
		if c.asking == 0 {
			idle = append(idle, l)
		}
	}
	slices.SortFunc(idle, func(a, b clientKey) int { return r.clients[b].used.Compare(r.clients[a].used) })
	for i, l := range idle {
		if c := r.clients[l]; i >= idleClients || time.Since(c.used) > idleFor {
			c.Close()
			delete(r.clients, l)
		}
	}
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
	case hubclient.Unreachable, hubclient.Private, hubclient.Busy, hubclient.Failed:
		f.Kind = channels.Unreachable
	case hubclient.NotAHub:
		f.Kind = channels.NotAHub
	case hubclient.WrongKey:
		f.Kind = channels.WrongKey
	default:
		if !e.Own { // anybody on the way can say so
			f.Kind = channels.Unreachable
		}
	}
	return f
}

// probeTimeout is how long a hub that the user adds may take to say who it is.
const probeTimeout = time.Minute

// identify asks, in a goroutine, who the hub at a URL is.
func (r *runner) identify(url string, then func(foundHub, error)) {
	r.running.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, probeTimeout)
		defer cancel()
		named := []channels.Location{{URL: url}}
		probed, err := hubclient.ProbeKeys(ctx, r.ways.location(named[0], r.ways.hub(named)), r.options)
		if err != nil {
			then(foundHub{}, err)
			return
		}
		named[0].URL = probed.URL
		served, err := hubclient.DataServed(ctx, r.ways.location(named[0], r.ways.hub(named)), r.options)
		if err != nil {
			then(foundHub{}, err)
			return
		}
		then(foundHub{
			Address: channels.HubAddress{URL: probed.URL, Fingerprint: wire.FingerprintOf(probed.Keys.Hub)},
			Note:    probed.Certificate,
			Served:  served,
		}, nil)
	})
}
