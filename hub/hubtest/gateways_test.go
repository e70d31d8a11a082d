package hubtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// gateway is a gateway without IRC: a core, and what carries its requests to
// real hubs over real HTTP.
type gateway struct {
	t      *testing.T
	name   string
	core   *channels.Core
	do     chan func()         // carried out by the one goroutine that owns the core
	events chan channels.Event // what the core showed
	over   context.Context     // ends all requests
	asking sync.WaitGroup

	// These belong to the core's goroutine.
	wake    *time.Timer
	clients map[wire.Fingerprint]*hubclient.Client
	going   bool // no request is to wait at a hub any more
}

// startGateway starts a gateway with an empty phonebook.
func startGateway(t *testing.T, name string) *gateway {
	t.Helper()
	core, err := channels.Open(t.TempDir(), channels.Options{Nick: name, Private: true, Quick: true})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(context.Background())
	g := &gateway{t: t, name: name, core: core, over: over, do: make(chan func()), events: make(chan channels.Event, 1000),
		wake: time.NewTimer(time.Hour), clients: make(map[wire.Fingerprint]*hubclient.Client)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		g.run()
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		g.asking.Wait()
		for _, c := range g.clients {
			c.Close()
		}
		if err := core.Close(); err != nil {
			t.Error(err)
		}
	})
	g.give(channels.Start{})
	return g
}

// run owns the core.
func (g *gateway) run() {
	for {
		select {
		case f := <-g.do:
			f()
		case <-g.wake.C:
			g.step(channels.Tick{})
		case <-g.over.Done():
			return
		}
	}
}

// inside has the core's goroutine do f, unless the gateway has ended.
func (g *gateway) inside(f func()) {
	select {
	case g.do <- f:
	case <-g.over.Done():
	}
}

func (g *gateway) give(in channels.Input) { g.inside(func() { g.step(in) }) }

// step gives the core an input, and carries out what comes of it.
func (g *gateway) step(in channels.Input) {
	out, err := g.core.Step(in, time.Now())
	if err != nil {
		g.t.Errorf("%s: %T: %v", g.name, in, err)
	}
	for _, request := range out.Requests {
		if g.going {
			request.Calls = atOnce(request.Calls)
		}
		client := g.clients[request.Hub.Fingerprint]
		if client == nil {
			client = hubclient.New(hubclient.Address{URL: request.Hub.URL, Fingerprint: request.Hub.Fingerprint}, hubclient.Options{})
			g.clients[request.Hub.Fingerprint] = client
		}
		g.asking.Go(func() { g.ask(client, request) })
	}
	for _, event := range out.Events {
		g.events <- event
	}
	if out.Wake.IsZero() {
		out.Wake = time.Now().Add(time.Hour)
	}
	g.wake.Reset(time.Until(out.Wake))
}

// atOnce are calls of which none waits.
func atOnce(calls []wire.SignedCall) []wire.SignedCall {
	calls = slices.Clone(calls)
	for i, call := range calls {
		if fetch, ok := call.Args.(wire.FetchArgs); ok {
			fetch.Wait = 0
			calls[i].Args = fetch
		}
	}
	return calls
}

// ask makes a request, and gives the core the answer.
func (g *gateway) ask(client *hubclient.Client, request channels.Request) {
	answer, err := client.Do(g.over, request.Calls)
	answered := channels.Answered{Request: request.ID, Results: answer.Results, Note: answer.Certificate}
	if err != nil {
		answered.Failure = &channels.HubFailure{Kind: channels.Unreachable, Text: err.Error()}
	}
	g.give(answered)
}

// await returns the next event of a kind that is the one.
func await[E channels.Event](g *gateway, is func(E) bool) E {
	g.t.Helper()
	over := time.After(30 * time.Second)
	var seen []string
	for {
		select {
		case event := <-g.events:
			if e, ok := event.(E); ok && is(e) {
				return e
			}
			seen = append(seen, fmt.Sprintf("%.200s", fmt.Sprintf("%T%+v", event, event)))
		case <-over:
			var hubs []channels.HubView
			g.inside(func() { hubs = g.core.Hubs() })
			g.t.Fatalf("%s waits for %T in vain; what came: %s\nhubs: %+v", g.name, *new(E), strings.Join(seen, "\n"), hubs)
		}
	}
}

// hears waits for a line of a text from somebody.
func (g *gateway) hears(from, text string) {
	g.t.Helper()
	await(g, func(l channels.Line) bool { return l.From == from && l.Text == text && !l.Own })
}

func (g *gateway) says(channel, text string) {
	g.give(channels.Send{Channel: channel, Kind: channels.Text, Text: text})
}

// gatewaysTalk is a conversation as people have it: al makes the hub at r his
// own by the key that he reads in its folder, invites bo, and they talk. Texts
// are sealed by one core and opened by the other; what lies between is real. The
// hub is proven by its fingerprint, which is in both keys, whatever its certificate.
func gatewaysTalk(t *testing.T, r *Running) {
	al, bo := startGateway(t, "al"), startGateway(t, "bo")
	key := r.anotherClaim(t)
	al.give(channels.UseHub{Hub: channels.HubAddress{URL: r.URL, Fingerprint: key.Fingerprint}, Secret: key.Secret})
	await(al, func(ready channels.HubReady) bool { return ready.Hub.URL == r.URL })
	al.give(channels.Join{Channel: "#den"})
	al.give(channels.Invite{Channel: "#den"})
	invited := await(al, func(channels.Invited) bool { return true })
	bo.give(channels.Redeem{Channel: "#al", Key: invited.Key})
	await(bo, func(channels.Shown) bool { return true })
	bo.says("#al", "hello, it is me")
	al.hears("bo", "hello, it is me")
	al.says("#den", "welcome")
	bo.hears("al", "welcome")
	long := strings.Repeat("and so on, ", channels.MaxText/11)
	for i := range 3 {
		al.says("#den", fmt.Sprint("question ", i))
		bo.hears("al", fmt.Sprint("question ", i))
		bo.says("#al", fmt.Sprint(i, long[4:]))
		al.hears("bo", fmt.Sprint(i, long[4:]))
	}
	bo.checkCertificate(strings.HasPrefix(r.URL, "https:"))
	// One more word sends home those who wait at the hub, so that its server
	// can end.
	quiet := make(chan struct{})
	for _, g := range []*gateway{al, bo} {
		g.inside(func() { g.going = true; quiet <- struct{}{} })
		<-quiet
	}
	al.says("#den", "good night")
	bo.hears("al", "good night")
}

// checkCertificate wants a certificate that nobody has signed noted, and
// nothing said if there is none.
func (g *gateway) checkCertificate(https bool) {
	g.t.Helper()
	views := make(chan []channels.HubView)
	g.inside(func() { views <- g.core.Hubs() })
	for _, hub := range <-views {
		if !hub.Up || https != strings.Contains(hub.Trouble, "certificate") {
			g.t.Errorf("%s is told of the hub: %+v", g.name, hub)
		}
	}
}
