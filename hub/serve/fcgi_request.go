package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"

	"hubbub/channels/wire"
	"hubbub/hub"
)

const (
	// maxParams bounds what a web server says about a request.
	maxParams = 64 << 10
	// maxDrain bounds what is read of a body that is refused, so that its sender,
	// who may not listen before he has sent it all, gets to know why.
	maxDrain = 16 << 20
)

// fcgiRequest is a request whose parameters were read.
type fcgiRequest struct {
	id     uint16
	keep   bool // the web server wants to ask more on the connection
	params map[string]string
}

// next reads records until a request has begun and said what it is about.
func (c *fcgiConn) next() (*fcgiRequest, error) {
	c.rest()
	var r *fcgiRequest
	var text []byte
	for {
		rec, err := c.in.read()
		switch {
		case err != nil:
			return nil, err
		case rec.request == 0:
			err = c.manage(rec)
		case rec.kind == beginRequest && r == nil:
			c.busy(transfer(wire.MaxRequest))
			r, err = c.begin(rec)
		case r == nil || rec.request != r.id:
			err = c.other(rec)
		case rec.kind == abortRequest:
			return nil, errors.Join(context.Canceled, c.write(appendEnd(nil, r.id, requestComplete)))
		case rec.kind != params:
			err = errRecord
		case len(rec.content) > 0:
			if text = append(text, rec.content...); len(text) > maxParams {
				err = errRecord
			}
		default:
			var ok bool
			if r.params, ok = readPairs(text); !ok {
				return nil, errRecord
			}
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// begin begins a request; none if it is for another role than the hub's.
func (c *fcgiConn) begin(rec record) (*fcgiRequest, error) {
	if len(rec.content) < 3 {
		return nil, errRecord
	}
	if binary.BigEndian.Uint16(rec.content) != responder {
		return nil, c.write(appendEnd(nil, rec.request, unknownRole))
	}
	return &fcgiRequest{id: rec.request, keep: rec.content[2]&keepConnection != 0}, nil
}

// other answers a record of no request that is under way: a further one is told
// that there is one at a time, and what is left of those before is passed over.
func (c *fcgiConn) other(rec record) error {
	if rec.kind != beginRequest {
		return nil
	}
	return c.write(appendEnd(nil, rec.request, cannotMultiplex))
}

// manage answers a record that is about the connection.
func (c *fcgiConn) manage(rec record) error {
	if rec.kind == getValues {
		return c.write(appendRecord(nil, getValuesResult, 0, appendPair(nil, "FCGI_MPXS_CONNS", "0")))
	}
	return c.write(appendRecord(nil, unknownType, 0, []byte{rec.kind, 0, 0, 0, 0, 0, 0, 0}))
}

// answer answers a request. It says whether another can follow.
func (c *fcgiConn) answer(over context.Context, r *fcgiRequest) (again bool) {
	ctx, cancel := context.WithCancel(over)
	defer cancel()
	out, in := io.Pipe()
	whole := make(chan bool, 1)
	go func() {
		defer close(whole)
		defer logPanic(c.log)
		whole <- c.feed(r, in, cancel)
	}()
	reply := c.reply(ctx, r, out)
	// What is left is taken: a web server may listen only when it has sent all.
	_, _ = io.CopyN(io.Discard, out, maxDrain)
	out.CloseWithError(io.ErrClosedPipe)
	c.finish() // feed waits no longer for who goes away
	good := <-whole
	err := c.write(replyRecords(r.id, reply, r.params["REQUEST_METHOD"] == http.MethodHead))
	return err == nil && good && r.keep
}

// feed reads the request's body into to. Then it waits for the web server going
// away, with which the request is given up, until the deadline for reading. It
// says whether the connection is good for another request.
func (c *fcgiConn) feed(r *fcgiRequest, to *io.PipeWriter, giveUp func()) bool {
	for end := false; !end; {
		rec, err := c.in.read()
		switch {
		case err != nil:
		case rec.request == 0:
			err = c.manage(rec)
		case rec.request != r.id:
			err = c.other(rec)
		case rec.kind == abortRequest:
			err = context.Canceled
		case rec.kind == stdin:
			end = len(rec.content) == 0
			_, _ = to.Write(rec.content) // whoever reads may have had enough
		}
		if err != nil {
			to.CloseWithError(io.ErrUnexpectedEOF)
			giveUp()
			return false
		}
	}
	c.busy(0)
	to.Close()
	_, err := c.in.in.Peek(1)
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return true
	}
	giveUp() // it has closed the connection, or says that it is about to
	return false
}

// reply is what the hub has to say. What panics is answered as a failure.
func (c *fcgiConn) reply(ctx context.Context, r *fcgiRequest, body io.Reader) (reply hub.Reply) {
	defer func() {
		if cause := recover(); cause != nil {
			c.log.Error("answering a request", "panic", cause, "stack", string(debug.Stack()))
			reply = hub.Refuse(&hub.Refusal{Status: wire.StatusFailed, Text: "The hub failed."})
		}
	}()
	request, err := hub.RequestOf(func(name string) string { return r.params[name] })
	if err != nil {
		return hub.Refuse(&hub.Refusal{Status: wire.StatusMalformed, Text: "This is not a request."})
	}
	request.Body = io.LimitReader(body, wire.MaxRequest)
	return c.server.Serve(ctx, request)
}

// replyRecords are the records of a reply: a document response (RFC 3875,
// section 6.2.1), without its body in answer to a HEAD.
func replyRecords(id uint16, reply hub.Reply, head bool) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "Status: %d %s\r\n", reply.Status, http.StatusText(reply.Status))
	for _, header := range reply.Header {
		fmt.Fprintf(&text, "%s: %s\r\n", header[0], header[1])
	}
	text.WriteString("\r\n")
	if !head {
		text.Write(reply.Body)
	}
	var records []byte
	for text.Len() > 0 {
		records = appendRecord(records, stdout, id, text.Next(maxContent))
	}
	records = appendRecord(records, stdout, id, nil)
	return appendEnd(records, id, requestComplete)
}

// logPanic is deferred: a panic ends the request or connection that it comes
// from, and nothing else.
func logPanic(log *slog.Logger) {
	if cause := recover(); cause != nil {
		log.Error("speaking FastCGI", "panic", cause, "stack", string(debug.Stack()))
	}
}
