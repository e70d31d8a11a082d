// Package web is the hub as an http.Handler: for hubd, for the hub that is
// embedded in the gateway, and for tests, which so run the real one.
package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// maxDrain bounds what is read of a body that is refused, so that its sender,
// who may not listen before he has sent it all, gets to know why.
const maxDrain = 16 << 20

// Server answers requests: a *hub.Hub, or what stands before one.
type Server interface {
	Serve(context.Context, hub.Request) hub.Reply
}

// Handler answers every request to it as the hub does, whatever its path: a
// hub is one URL. A request that waits is given up with its client.
func Handler(h Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		reply := h.Serve(r.Context(), hub.Request{
			Method:      r.Method,
			Query:       r.URL.RawQuery,
			ContentType: r.Header.Get("Content-Type"),
			Length:      r.ContentLength,
			Body:        io.LimitReader(r.Body, wire.MaxRequest),
			Address:     address,
			Visit:       visit(r),
		})
		io.Copy(io.Discard, io.LimitReader(r.Body, maxDrain))
		for _, header := range reply.Header {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(reply.Status)
		if r.Method != http.MethodHead {
			w.Write(reply.Body)
		}
	})
}

// visit is what is known of a request. A FastCGI server's request says nothing
// of the web server before it.
func visit(r *http.Request) hub.Visit {
	v := hub.Visit{Host: r.Host, Path: r.URL.EscapedPath(), Script: r.URL.EscapedPath(), TLS: r.TLS != nil}
	if !v.TLS && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		v.TLS, v.Behind = true, true
	}
	if address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		v.Address, v.Port, _ = net.SplitHostPort(address.String())
	}
	return v
}
