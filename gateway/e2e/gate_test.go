//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// gate is a proxy that one gateway alone has, between it and a hub: what passes
// there can be stopped at a moment, so that a hub dies in the middle of a call.
type gate struct {
	t      testing.TB
	server *httptest.Server

	mu     sync.Mutex
	at     moment
	caught chan struct{} // closed when something has been stopped
	end    chan struct{} // closed when those who are stopped are let go
	broken bool          // and then they are not let through
}

// moment is where a request is stopped.
type moment int

const (
	nowhere   moment = iota
	asking           // before the hub has it
	answering        // when the hub has done it, before the gateway knows
)

// aLook is the longest request that asks a hub for something and gives it
// nothing: a fetch, a peek. What brings an envelope, an offer or a joining is
// longer (docs/protocol.md, sections 3 and 4).
const aLook = 1 + 8 + 1120 + 1024 + 16

func newGate(t testing.TB) *gate {
	g := &gate{t: t}
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.Break()
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

// Before has a gateway go to a hub through the gate.
func (g *gate) Before(h *hub) option {
	return configured(fmt.Sprintf("[[hub]]\nurl = %q\nproxy = %q\n", h.URL, g.server.URL))
}

// Stop stops the first request that gives the hub something, at a moment, and
// all that come after it.
func (g *gate) Stop(at moment) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at, g.broken = at, false
	g.caught, g.end = make(chan struct{}), make(chan struct{})
}

// Caught waits until there is one.
func (g *gate) Caught(what string) {
	g.t.Helper()
	await(g.t, what+" to be on its way", func() bool { return isClosed(g.caught) }, func() string { return "nothing came to the gate" })
}

// Break breaks the connections of all that were stopped. Nothing is stopped any more.
func (g *gate) Break() { g.letGo(true) }

// Open lets all that were stopped through. Nothing is stopped any more.
func (g *gate) Open() { g.letGo(false) }

func (g *gate) letGo(broken bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at != nowhere {
		g.at, g.broken = nowhere, broken
		close(g.end)
	}
}

// passes stops a request if it is to be, and says whether it may go on then.
func (g *gate) passes(at moment, gives bool) bool {
	g.mu.Lock()
	if g.at != at || !gives && !isClosed(g.caught) {
		g.mu.Unlock()
		return true
	}
	if !isClosed(g.caught) {
		close(g.caught)
	}
	end := g.end
	g.mu.Unlock()
	<-end
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.broken
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// ServeHTTP carries a request to the hub and its answer back. Where that fails
// the connection breaks, as it does without a proxy.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	gives := len(body) > aLook
	if err != nil || !g.passes(asking, gives) {
		panic(http.ErrAbortHandler)
	}
	answer, text, err := carry(r, body)
	if err != nil || !g.passes(answering, gives) {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	w.Write(text)
}

func carry(r *http.Request, body []byte) (*http.Response, []byte, error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Proxy-Connection")
	answer, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, text, err
}
