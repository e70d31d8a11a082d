// Package web is the hub as an http.Handler: for hubd, for the hub that is
// embedded in the gateway, and for tests, which so run the real one.
package web

import (
	"io"
	"net/http"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// maxDrain bounds what is read of a body that is refused, so that its sender,
// who may not listen before he has sent it all, gets to know why.
const maxDrain = 16 << 20

// Handler answers every request to it as the hub does, whatever its path: a
// hub is one URL. A request that waits is given up with its client.
func Handler(h *hub.Hub) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply := h.Serve(r.Context(), hub.Request{
			Method:      r.Method,
			Query:       r.URL.RawQuery,
			ContentType: r.Header.Get("Content-Type"),
			Length:      r.ContentLength,
			Body:        io.LimitReader(r.Body, wire.MaxRequest),
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
