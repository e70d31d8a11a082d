package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// hall is a listener without a network, for virtual time.
type hall struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHall() *hall { return &hall{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (h *hall) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *hall) Close() error   { h.once.Do(func() { close(h.closed) }); return nil }
func (h *hall) Addr() net.Addr { return &net.UnixAddr{Name: "hall", Net: "unix"} }

// enter connects to who serves the hall.
func (h *hall) enter() net.Conn {
	here, there := net.Pipe()
	h.conns <- there
	return here
}

// dribble sends text a byte a second until nobody takes it.
func dribble(conn net.Conn, text string) {
	for i := range text {
		if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// slowOne is a client that keeps a connection for as long as it is let, and when
// that is over.
type slowOne struct {
	over string // the road
	does func(net.Conn)
	deaf bool // it does not listen
	most time.Duration
}

const aPost = "POST / HTTP/1.1\r\nHost: hub\r\nContent-Type: application/octet-stream\r\nContent-Length: "

// whole is how long a request of any size has to come.
const whole = patience + wire.MaxRequest/slowest*time.Second

var slowOnes = map[string]slowOne{
	"says nothing":        {overHTTP, func(net.Conn) {}, false, 10 * time.Second},
	"dribbles its header": {overHTTP, func(c net.Conn) { dribble(c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 1000)) }, false, 10 * time.Second},
	"sends no body":       {overHTTP, func(c net.Conn) { fmt.Fprint(c, aPost+"1000\r\n\r\n") }, false, wire.MaxWait + patience},
	"dribbles a body":     {overHTTP, func(c net.Conn) { fmt.Fprint(c, aPost+"80000\r\n\r\n"); dribble(c, strings.Repeat("x", 80000)) }, false, wire.MaxWait + patience + 9*time.Second},
	"claims a terabyte":   {overHTTP, func(c net.Conn) { fmt.Fprint(c, aPost+"1099511627776\r\n\r\n"); dribble(c, strings.Repeat("x", 1000)) }, false, wire.MaxWait + whole},
	"claims all there is": {overHTTP, func(c net.Conn) {
		fmt.Fprint(c, aPost+"9223372036854775807\r\n\r\n")
		dribble(c, strings.Repeat("x", 1000))
	}, false, wire.MaxWait + whole},
	"dribbles chunks": {overHTTP, func(c net.Conn) {
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n")
		dribble(c, strings.Repeat("1\r\nx\r\n", 1000))
	}, false, wire.MaxWait + patience},
	"keeps its connection":       {overHTTP, func(c net.Conn) { fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: hub\r\n\r\n") }, false, idle},
	"does not take its answer":   {overHTTP, func(c net.Conn) { fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: hub\r\n\r\n") }, true, patience},
	"shakes no hands":            {overHTTPS, func(net.Conn) {}, false, 10 * time.Second},
	"shakes half a hand":         {overHTTPS, func(c net.Conn) { fmt.Fprint(c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") }, false, 10 * time.Second},
	"shakes hands and is silent": {overHTTPS, func(c net.Conn) { tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake() }, false, 10 * time.Second},
	"has no request":             {overFastCGI, func(net.Conn) {}, false, idle},
	"begins":                     {overFastCGI, func(c net.Conn) { c.Write(begin(1, responder, 0)) }, false, whole},
	"is managed for ever":        {overFastCGI, func(c net.Conn) { dribble(c, strings.Repeat(string(appendRecord(nil, 99, 7, nil)), 100)) }, false, idle},
	"dribbles its parameters": {overFastCGI, func(c net.Conn) {
		c.Write(begin(1, responder, 0))
		dribble(c, string(about(1, "X", strings.Repeat("x", 1000))))
	}, false, whole},
	"finishes no body": {overFastCGI, func(c net.Conn) {
		c.Write(begin(1, responder, keepConnection))
		c.Write(about(1, "REQUEST_METHOD", "POST", "CONTENT_LENGTH", "1000"))
		c.Write(appendRecord(nil, stdin, 1, []byte("half")))
	}, false, whole},
	"keeps its record open": {overFastCGI, func(c net.Conn) { c.Write([]byte{1, stdin, 0, 1, 255, 255, 255, 0}) }, false, idle},
	"rests between requests": {overFastCGI, func(c net.Conn) {
		c.Write(bytes.Join([][]byte{begin(1, responder, keepConnection), about(1, "REQUEST_METHOD", "GET"), appendRecord(nil, stdin, 1, nil)}, nil))
	}, false, idle},
	"takes no records": {overFastCGI, func(c net.Conn) {
		c.Write(bytes.Join([][]byte{begin(1, responder, keepConnection), about(1, "REQUEST_METHOD", "GET"), appendRecord(nil, stdin, 1, nil)}, nil))
	}, true, patience},
}

// Whoever keeps a connection, or a request, for as long as he is let is not let for
// long, and leaves his places to others.
func TestSlowOnesAreGivenUp(t *testing.T) {
	var own *ownCertificate
	for name, slow := range slowOnes {
		t.Run(name, func(t *testing.T) {
			if own == nil && slow.over == overHTTPS {
				var err error
				if own, err = selfSigned(t.TempDir(), slog.New(slog.DiscardHandler)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) { slow.isGivenUp(t, own) })
		})
	}
}

// visited says whether somebody has a place.
func (d *door) visited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.share.of) > 0
}

func (s slowOne) isGivenUp(t *testing.T, own *ownCertificate) {
	server := bound(serverFunc(func(_ context.Context, r hub.Request) hub.Reply {
		if r.Length > wire.MaxRequest {
			return saying("too large")
		}
		io.Copy(io.Discard, r.Body)
		return saying(strings.Repeat("ok", 5000))
	}), 1, false)
	all := server.all.free
	here := newHall()
	d := newDoor(road{Listener: here}, 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		log := slog.New(slog.DiscardHandler)
		switch s.over {
		case overFastCGI:
			ended <- serveFastCGI(ctx, d, server, log)
		case overHTTPS:
			ended <- serveHTTP(ctx, d, web.Handler(server), &tls.Config{GetCertificate: own.get}, log)
		default:
			ended <- serveHTTP(ctx, d, web.Handler(server), nil, log)
		}
	}()
	begun := time.Now()
	conn := here.enter()
	var doing sync.WaitGroup
	doing.Go(func() { s.does(conn) })
	switch {
	case s.deaf: // until the server has closed its end, which gives the place back
		for d.visited() && time.Since(begun) < time.Hour {
			time.Sleep(100 * time.Millisecond)
		}
	case s.over == overHTTPS: // its handshake is what reads
		doing.Wait()
		fallthrough
	default:
		io.Copy(io.Discard, conn)
	}
	if took := time.Since(begun); took > s.most+2*time.Second || took < s.most-time.Second {
		t.Errorf("it was given up after %s, not after %s", took, s.most)
	}
	synctest.Wait()
	if s.deaf {
		conn.Close()
	}
	doing.Wait()
	time.Sleep(time.Second)
	synctest.Wait()
	// The next has both places: that of the connection, and that of a request.
	next := here.enter()
	if s.over == overHTTP {
		go fmt.Fprint(next, "GET / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
		if text, err := io.ReadAll(next); err != nil || !bytes.Contains(text, []byte("okok")) {
			t.Errorf("the next gets %.100q, %v", text, err)
		}
	}
	next.Close()
	synctest.Wait()
	if server.all.free != all || len(server.all.share.of) > 0 {
		t.Errorf("%d of %d places are free", server.all.free, all)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
