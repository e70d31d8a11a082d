package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// Request is what came over HTTP, by whatever road.
type Request struct {
	Method      string
	Query       string // what follows the "?"
	ContentType string
	Length      int64 // of the body, as Content-Length says; -1 if it does not
	Body        io.Reader
	Address     string // the client's IP address, without a port; empty: not known
	Visit       Visit  // for the page
}

// Reply is what goes back over HTTP.
type Reply struct {
	Status int
	Header [][2]string // names and values, Content-Length among them
	Body   []byte      // is not sent in answer to a HEAD
}

const textType = "text/plain; charset=utf-8"

// Serve answers one HTTP request. It never panics.
func (h *Hub) Serve(ctx context.Context, r Request) (reply Reply) {
	defer func() {
		if cause := recover(); cause != nil {
			h.config.Log.Error("answering a request", "panic", cause, "stack", string(debug.Stack()))
			reply = Refuse(&Refusal{Status: wire.StatusFailed, Text: "The hub failed."})
		}
	}()
	switch r.Method {
	case "GET", "HEAD":
		return h.get(r)
	case "POST":
		return h.post(ctx, r)
	}
	reply = Refuse(&Refusal{Status: wire.StatusMethod, Text: "A hub answers GET and POST."})
	reply.Header = append(reply.Header, [2]string{"Allow", "GET, HEAD, POST"})
	return reply
}

// get answers with the keys, or with the page for people.
func (h *Hub) get(r Request) Reply {
	if r.Query != wire.KeysQuery {
		page := Page{Unclaimed: h.unclaimed(), URL: r.Visit.URL(), Contact: h.config.Contact}
		page.Awaited, page.Another = h.awaited()
		return page.reply()
	}
	keys, err := h.Keys()
	if err != nil {
		h.config.Log.Error("answering a request", "error", err)
		return Failed(err)
	}
	return replyWith(wire.StatusSealed, wire.ContentType, keys)
}

// unclaimed says whether the hub has no owner yet, as far as its folder tells, and
// makes the owner key that an empty claim.txt asks for: a hubd opens its hub once.
func (h *Hub) unclaimed() bool {
	if err := h.settleClaim(); err != nil {
		h.config.Log.Error("making another owner key", "error", err)
	}
	_, ok, err := ReadClaim(h.config.Data)
	return ok && err == nil
}

// post answers a sealed request.
func (h *Hub) post(ctx context.Context, r Request) Reply {
	request, refused := r.read()
	if refused == nil {
		v := h.visitorOf(r.Address)
		answer, err := h.answer(ctx, v, request)
		if err == nil {
			return replyWith(wire.StatusSealed, wire.ContentType, answer)
		}
		if !errors.As(err, &refused) {
			refused = &Refusal{Status: wire.StatusFailed, Text: "The hub failed."}
		}
	}
	h.noteUnsealed()
	return Refuse(refused)
}

// read reads the body of a request, if it can be one. A body without a length
// is refused: what is chunked arrives empty in CGI.
func (r Request) read() ([]byte, *Refusal) {
	mediaType, _, _ := strings.Cut(r.ContentType, ";")
	switch {
	case r.Length < 0:
		return nil, &Refusal{Status: wire.StatusLengthRequired, Text: "A request needs a Content-Length."}
	case r.Length > wire.MaxRequest:
		return nil, refusal(wire.ErrTooLarge)
	case !strings.EqualFold(strings.TrimSpace(mediaType), wire.ContentType):
		return nil, &Refusal{Status: wire.StatusMediaType, Text: "A request is of type " + wire.ContentType + "."}
	case r.Length == 0:
		return nil, &Refusal{Status: wire.StatusMalformed, Text: "The request is empty."}
	}
	if here, ok := r.Body.(*bytes.Buffer); ok && int64(here.Len()) >= r.Length {
		return here.Next(int(r.Length)), nil // a copy less of what may be a megabyte
	}
	request := make([]byte, r.Length)
	if _, err := io.ReadFull(r.Body, request); err != nil {
		return nil, &Refusal{Status: wire.StatusMalformed, Text: "The request is shorter than its Content-Length."}
	}
	return request, nil
}

// Failed is the reply where there is no hub, or it cannot answer. What is
// wrong is for the log; a stranger is told the kind of it.
func Failed(err error) Reply {
	switch {
	case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrBusy), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return Refuse(&Refusal{Status: wire.StatusBusy, Text: "The hub is busy, or has no room. Come back later.", Retry: 30 * time.Second})
	}
	return Refuse(&Refusal{Status: wire.StatusFailed,
		Text: "The hub failed. If it is yours: the web server's error log says why."})
}

// Refuse makes a reply of a refusal.
func Refuse(r *Refusal) Reply {
	reply := replyWith(r.Status, textType, []byte(r.Text+"\n"))
	if r.Retry > 0 {
		seconds := int64((r.Retry + time.Second - 1) / time.Second)
		reply.Header = append(reply.Header, [2]string{"Retry-After", fmt.Sprint(seconds)})
	}
	return reply
}

// replyWith makes a reply that nobody keeps a copy of.
func replyWith(status int, contentType string, body []byte) Reply {
	return Reply{Status: status, Body: body, Header: [][2]string{
		{"Content-Type", contentType},
		{"Content-Length", fmt.Sprint(len(body))},
		{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
	}}
}
