package main

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

const (
	// patience is how long anything may take beyond what is said for it.
	patience = 30 * time.Second
	// slowest is how many bytes a second who is still there gets through, as
	// gateways see it, too.
	slowest = 8 << 10
	// idle is how long a connection may be without a request.
	idle = 2 * time.Minute

	// Beside those that are held, so many requests are answered at once, and so
	// many of them may be larger than is usual. This bounds memory: requests
	// that take it for good come from members alone.
	atOnce      = 512
	largeAtOnce = 64
	usual       = 128 << 10
)

// transfer is how long n bytes may take.
func transfer(n int64) time.Duration {
	return patience + time.Duration(max(n, 0)/slowest)*time.Second
}

// bounded answers only so many requests at once, and only so many of one address,
// and sends others away for a while.
type bounded struct {
	web.Server
	all, large *places
	origin     func(address string) (netip.Addr, bool) // whom an address stands for; not ok: for many
}

// bound returns next with its bounds, where held requests may wait. Where all come
// through a proxy addresses say nothing.
func bound(next web.Server, held int, proxied bool) *bounded {
	b := &bounded{Server: next, all: newPlaces(held + atOnce), large: newPlaces(largeAtOnce), origin: hub.Origin}
	if proxied {
		b.origin = func(string) (who netip.Addr, ok bool) { return who, false }
	}
	return b
}

// Serve answers a request.
func (b *bounded) Serve(ctx context.Context, r hub.Request) hub.Reply {
	who, known := b.origin(r.Address)
	in := []*places{b.all}
	if r.Length > usual {
		in = append(in, b.large)
	}
	for _, places := range in {
		if !places.enter(who, known) {
			busy := hub.Refuse(&hub.Refusal{Status: wire.StatusBusy, Text: "The hub is busy. Come back later."})
			busy.Header = append(busy.Header, [2]string{"Retry-After", "5"})
			return busy
		}
		defer places.leave(who, known)
	}
	return b.Server.Serve(ctx, r)
}

// places are those for requests. Whoever sends what he has to say as slowly as he
// can has a quarter of them at most, and all networks of one site have half.
type places struct {
	mu    sync.Mutex
	free  int
	share share
}

func newPlaces(n int) *places {
	return &places{free: n, share: newShare(max(1, n/4), max(1, n/2))}
}

// enter takes a place, if there is one for who. One who is not known stands for many.
func (p *places) enter(who netip.Addr, known bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == 0 || known && !p.share.take(who.String(), siteOf(who)) {
		return false
	}
	p.free--
	return true
}

func (p *places) leave(who netip.Addr, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if known {
		p.share.put(who.String(), siteOf(who))
	}
}

// paced gives each request and each answer the time that its bytes may take,
// instead of one time for all. When ctx is done it says with each answer that it
// is the last on its connection; and so it does with that to a chunked request, which
// may have had a length as well: who stands before the hub may have read it otherwise
// (RFC 9112, section 6.1).
func paced(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The request ends with that time, held or not, and whatever length it claims.
		// Where deadlines cannot be set those of the server hold.
		most := wire.MaxWait + transfer(min(r.ContentLength, wire.MaxRequest))
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(most))
		next.ServeHTTP(&pacedWriter{w, ctx, len(r.TransferEncoding) > 0}, r)
	})
}

// pacedWriter does so when an answer begins.
type pacedWriter struct {
	http.ResponseWriter
	ctx  context.Context
	last bool
}

// WriteHeader begins the answer.
func (w *pacedWriter) WriteHeader(status int) {
	if w.last || w.ctx.Err() != nil {
		w.Header().Set("Connection", "close")
	}
	length, _ := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(transfer(length)))
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
