package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// maxDrain bounds what is read of a body that is refused. A web server may
// write all of a body before it reads the answer, and hang if nobody takes it;
// beyond this it is told by a broken pipe.
const maxDrain = 64 << 20

// readRequest reads the request that CGI's meta-variables (RFC 3875, section
// 4.1) and standard input make up. All of the input is taken, whatever it is:
// see maxDrain.
func readRequest(environment func(string) string, in io.Reader) (hub.Request, error) {
	r, err := hub.RequestOf(environment)
	if err != nil {
		drain(in)
		return r, err
	}
	var body bytes.Buffer
	if 0 < r.Length && r.Length <= wire.MaxRequest {
		body.Grow(int(r.Length) + bytes.MinRead) // or it would grow once more to read nothing
		if _, err := io.CopyN(&body, in, r.Length); err != nil && err != io.EOF {
			return r, fmt.Errorf("reading the request: %w", err)
		}
	}
	drain(in)
	r.Body = &body
	return r, nil
}

// readTime is how long a request may take to arrive. Each is a process, and a
// stranger who sends a byte now and then would otherwise take as many as the
// hosting allows, where the web server has no such limit itself.
const readTime = time.Minute

var errSlow = errors.New("the request has not arrived in time")

// readInTime reads the request as readRequest does, or gives up; the reading
// then goes on for as long as the process does.
func readInTime(environment func(string) string, in io.Reader) (hub.Request, error) {
	type result struct {
		request hub.Request
		err     error
	}
	read := make(chan result, 1)
	go func() {
		request, err := readRequest(environment, in)
		read <- result{request, err}
	}()
	over := time.NewTimer(readTime)
	defer over.Stop()
	select {
	case r := <-read:
		return r.request, r.err
	case <-over.C:
		return hub.Request{Method: environment("REQUEST_METHOD")}, errSlow
	}
}

// drain takes what is left of in.
func drain(in io.Reader) { io.Copy(io.Discard, io.LimitReader(in, maxDrain)) }

// refused is the reply to what is no request.
func refused(error) hub.Reply {
	return hub.Refuse(&hub.Refusal{Status: wire.StatusMalformed, Text: "This is not a request."})
}
