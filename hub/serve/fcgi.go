package main

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"hubbub/hub/web"
)

// serveFastCGI serves until ctx is done, a request at a time on each connection.
// Then nothing new is taken, and the answers under way are given.
//
// net/http/fcgi would do, but that there a panic in a request ends the process,
// that a connection may have any number of requests of any size under way, and
// that nobody gets to know that a client is gone.
func serveFastCGI(ctx context.Context, d *door, server web.Server, log *slog.Logger) error {
	defer context.AfterFunc(ctx, d.leave)()
	over, cut := context.WithCancel(context.Background())
	defer cut()
	var open sync.WaitGroup
	for {
		conn, err := d.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			open.Go(func() { newFcgiConn(conn, server, log).serve(ctx, over) })
			continue
		case ctx.Err() != nil:
			if !within(grace, open.Wait) {
				log.Warn("some answers were not finished")
			}
			return nil
		case errors.As(err, &passing) && passing.Temporary(): // as when no descriptors are left
			log.Warn("taking a connection", "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		return err
	}
}

// within waits for something, so long at most, and says whether it has come.
func within(most time.Duration, wait func()) bool {
	done := make(chan struct{})
	go func() { wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(most):
		return false
	}
}

// fcgiConn is a connection from a web server. One goroutine serves it.
type fcgiConn struct {
	net.Conn
	in     recordReader
	server web.Server
	log    *slog.Logger

	mu      sync.Mutex // for deadlines
	resting bool       // no request is under way
	leaving bool       // there will be no other
	enough  bool       // nothing more is read of the request under way
}

func newFcgiConn(conn net.Conn, server web.Server, log *slog.Logger) *fcgiConn {
	return &fcgiConn{Conn: conn, in: recordReader{in: bufio.NewReader(conn)}, server: server, log: log}
}

// serve answers requests until the connection ends: after the one under way
// when ctx is done, and at once when over is.
func (c *fcgiConn) serve(ctx, over context.Context) {
	defer c.Close()
	defer logPanic(c.log)
	defer context.AfterFunc(over, func() { c.Close() })()
	defer context.AfterFunc(ctx, c.leave)()
	for {
		r, err := c.next()
		if err != nil {
			return
		}
		if again := c.answer(over, r); !again || ctx.Err() != nil {
			return
		}
	}
}

// rest sets how long the next request may take to come.
func (c *fcgiConn) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting, c.enough = true, false
	if c.leaving {
		c.SetReadDeadline(time.Now().Add(farewell))
		return
	}
	c.SetReadDeadline(time.Now().Add(idle))
}

// busy sets how long what is being read may take; 0 is for ever.
func (c *fcgiConn) busy(most time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting = false
	switch {
	case c.enough:
	case most == 0:
		c.SetReadDeadline(time.Time{})
	default:
		c.SetReadDeadline(time.Now().Add(most))
	}
}

// finish ends the reading of a request, for good: feed, which may be about to wait
// for who has sent it all, is not to wait without end.
func (c *fcgiConn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enough = true
	c.SetReadDeadline(time.Unix(1, 0))
}

// leave has the connection end when it rests, and soon if it does now.
func (c *fcgiConn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	if c.resting {
		c.SetReadDeadline(time.Now().Add(farewell))
	}
}

// write writes records.
func (c *fcgiConn) write(records []byte) error {
	c.SetWriteDeadline(time.Now().Add(transfer(int64(len(records)))))
	_, err := c.Write(records)
	return err
}
