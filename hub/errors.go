package hub

import (
	"bytes"
	"context"
	"errors"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// isFault says whether err is more than the refusal of one call.
func isFault(err error) bool {
	var refusal *wire.Error
	return err != nil && !errors.As(err, &refusal)
}

// isCode says whether err is a refusal with code.
func isCode(err error, code wire.Code) bool {
	var refusal *wire.Error
	return errors.As(err, &refusal) && refusal.Code == code
}

// wireError is what a client is told of an error: what is wrong with its call,
// or that the hub is in trouble, but nothing about that, which is in the log.
func wireError(err error) *wire.Error {
	var refusal *wire.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, store.ErrFull):
		return &wire.Error{Code: wire.CodeFull, Text: "the hub's disk is full"}
	case errors.Is(err, store.ErrReadOnly):
		return &wire.Error{Code: wire.CodeInternal, Text: "the hub cannot write to its disk, and has logged why"}
	case errors.Is(err, store.ErrNewer):
		return &wire.Error{Code: wire.CodeInternal, Text: "the hub's program is older than its data: its owner has to put the newer one back"}
	case errors.Is(err, store.ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &wire.Error{Code: wire.CodeBusy, Text: "the hub is busy"}
	}
	return &wire.Error{Code: wire.CodeInternal, Text: "the hub failed, and has logged why"}
}

// result is a job's result as it travels.
func (h *Hub) result(j *job) wire.Result {
	if j.err != nil {
		return wire.Result{Error: wireError(j.err)}
	}
	if j.value == nil {
		return wire.Result{}
	}
	var b bytes.Buffer
	b.Grow(roomOf(j.value))
	err := codec.MarshalTo(&b, j.value)
	j.value = nil // it may be large, and is not needed any more
	if err != nil {
		h.config.Log.Error("encoding a result", "op", j.call.Op, "error", err)
		return wire.Result{Error: wireError(err)}
	}
	return wire.Result{Value: b.Bytes()}
}

// roomOf is what a result takes that may be large.
func roomOf(value any) int {
	room := 2 * entryRoom
	switch r := value.(type) {
	case wire.FetchResult:
		for _, e := range r.Entries {
			room += len(e.Bytes) + entryRoom
		}
	case wire.PeekResult:
		room += len(r.Blob)
	}
	return room
}
