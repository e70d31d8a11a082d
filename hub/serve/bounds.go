package main

import (
	"context"
	"net/http"
	"strconv"
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

// bounded answers only so many requests at once, and sends others away for a
// while.
type bounded struct {
	web.Server
	all, large chan struct{}
}

// bound returns next with its bounds, where held requests may wait.
func bound(next web.Server, held int) *bounded {
	return &bounded{Server: next, all: make(chan struct{}, held+atOnce), large: make(chan struct{}, largeAtOnce)}
}

// Serve answers a request.
func (b *bounded) Serve(ctx context.Context, r hub.Request) hub.Reply {
	places := []chan struct{}{b.all}
	if r.Length > usual {
		places = append(places, b.large)
	}
	for _, place := range places {
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
		default:
			busy := hub.Refuse(&hub.Refusal{Status: wire.StatusBusy, Text: "The hub is busy. Come back later."})
			busy.Header = append(busy.Header, [2]string{"Retry-After", "5"})
			return busy
		}
	}
	return b.Server.Serve(ctx, r)
}

// paced gives each request and each answer the time that its bytes may take,
// instead of one time for all. When ctx is done it says with each answer that it
// is the last on its connection.
func paced(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The request ends with that time, held or not. Where deadlines cannot be
		// set those of the server hold.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(wire.MaxWait + transfer(r.ContentLength)))
		next.ServeHTTP(&pacedWriter{w, ctx}, r)
	})
}

// pacedWriter does so when an answer begins.
type pacedWriter struct {
	http.ResponseWriter
	ctx context.Context
}

// WriteHeader begins the answer.
func (w *pacedWriter) WriteHeader(status int) {
	if w.ctx.Err() != nil {
		w.Header().Set("Connection", "close")
	}
	length, _ := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(transfer(length)))
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
