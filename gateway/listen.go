package main

import (
	"errors"
	"log/slog"
	"net"
	"time"
)

// Bounds of how many clients there are: a user has a handful. Together with
// maxLine and maxQueue they bound the memory that connections take.
const (
	maxClients = 64 // registered
	maxGuests  = 64 // not yet registered: past it the oldest has to go
)

// serve takes connections until the listener is closed, and returns why it
// could not go on. refuse, which may be nil, is asked about each connection
// first; what it says is told to the client, and the error is logged.
func (g *gateway) serve(l net.Listener, refuse func(net.Conn) (tell string, err error)) error {
	for {
		n, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil { // out of file descriptors, as a rule
			slog.Warn("taking a connection failed", "err", err)
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-g.done:
				return err
			}
		}
		if refuse != nil {
			if tell, err := refuse(n); err != nil {
				slog.Warn("refused a connection", "err", err)
				go g.turnAway(n, tell)
				continue
			}
		}
		if tcp, ok := n.(*net.TCPConn); ok {
			tcp.SetWriteBuffer(fullQueue) // else the kernel queues megabytes
		}
		go g.talk(n)
	}
}

// turnAway tells a connection why it is not wanted.
func (g *gateway) turnAway(n net.Conn, why string) {
	c := newConn(n)
	c.enqueue(message{command: "ERROR", params: []string{why}}.encode())
	c.close()
	c.write()
	c.drain()
}

// talk is a connection's reader; it starts the writer, and ends when both have.
func (g *gateway) talk(n net.Conn) {
	cn := newConn(n)
	c := &client{g: g, conn: cn, since: time.Now(), heard: time.Now(), joined: make(map[string]string), written: make(chan struct{})}
	go func() {
		defer close(c.written)
		cn.write()
	}()
	if g.do(func() { g.connected(c) }) {
		g.read(c)
	}
	cn.close()
	<-c.written
	cn.drain()
}

// read gives the dispatcher a client's lines until the connection ends, or the
// dispatcher ends it.
func (g *gateway) read(c *client) {
	for {
		c.conn.waitRoom()
		l, err := c.conn.readLine()
		switch {
		case c.conn.isClosing():
		case err == nil, errors.Is(err, errTooLong), errors.Is(err, errBadLine), errors.Is(err, errEmptyLine):
			if !g.do(func() { g.received(c, l, err) }) {
				return
			}
			continue
		case errors.Is(err, errTLS):
			c.conn.enqueue([]byte(notTLS))
		}
		g.do(func() { g.gone(c) })
		return
	}
}

// notTLS answers a TLS hello. It is not TLS, so that somebody who looks sees it.
const notTLS = "ERROR :This port speaks IRC without TLS, for it is on your own machine: connect with -notls (WeeChat: /server add hubbub localhost/6667 -notls)\r\n"

// connected takes a new client in. Those who do not register make room.
func (g *gateway) connected(c *client) {
	g.lastClient++
	c.number = g.lastClient
	g.clients[c] = struct{}{}
	guests, oldest := 0, c
	for other := range g.clients {
		if other.registered {
			continue
		}
		guests++
		if other.number < oldest.number {
			oldest = other
		}
	}
	if guests > maxGuests {
		g.drop(oldest, "too many connections that do not register")
	}
}

// makeRoom sees to it that one more client can register. One that does not
// read has to go for it; if there is none, it reports false.
func (g *gateway) makeRoom() bool {
	registered := 0
	var stuck *client
	g.attached(func(c *client) {
		registered++
		if c.conn.isFull() {
			stuck = c
		}
	})
	if registered < maxClients {
		return true
	}
	if stuck != nil {
		g.abandon(stuck)
	}
	return stuck != nil
}

// gone forgets a client whose connection has ended.
func (g *gateway) gone(c *client) {
	if !c.closed {
		g.forget(c)
		c.conn.close()
	}
}
