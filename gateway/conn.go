package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of one connection. With maxClients they bound what all take.
const (
	maxLine      = maxTags + maxBody // what the reader holds of one line
	maxQueue     = 512 << 10         // bytes that wait to be written; past it the client is closed
	fullQueue    = 64 << 10          // bytes past which nothing more is read from it
	writeChunk   = 16 << 10
	writeTimeout = 30 * time.Second // for one chunk
	lingerTime   = time.Second      // for the client to read why it is closed
)

// conn is an IRC connection: lines in, bounded and parsed by one goroutine;
// bytes out, queued here and written by another. Whoever queues never waits.
type conn struct {
	net   net.Conn
	lines *bufio.Reader
	first bool // the next line is the first

	mu      sync.Mutex
	queue   []byte
	writing int           // bytes in the writer's hands
	closing bool          // the writer ends when the queue is empty
	wake    chan struct{} // tells the writer of a change; holds one
	room    chan struct{} // tells the reader of a change; holds one
}

func newConn(n net.Conn) *conn {
	return &conn{
		net:   n,
		lines: bufio.NewReaderSize(n, maxLine),
		first: true,
		wake:  make(chan struct{}, 1),
		room:  make(chan struct{}, 1),
	}
}

// errHTTP and errTLS say that no IRC client is at the other end.
var (
	errHTTP = errors.New("this is HTTP, not IRC")
	errTLS  = errors.New("this is TLS, not plain IRC")
)

// readLine waits for the next line. A line that is too long is read to its end
// in bounded memory, and errTooLong; errBadLine and errEmptyLine are lines,
// too; any other error ends the connection.
func (c *conn) readLine() (line, error) {
	if c.first {
		c.first = false
		if err := c.checkFirst(); err != nil {
			return line{}, err
		}
	}
	raw, err := c.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = c.lines.ReadSlice('\n')
		}
		if err != nil {
			return line{}, err
		}
		return line{}, errTooLong
	}
	if err != nil {
		return line{}, err
	}
	return parseLine(raw)
}

// checkFirst looks at the first bytes, for a TLS hello and for a browser that
// was made to speak to this port (HTTP methods: RFC 9110 §9; PRI: RFC 9113 §3.4).
func (c *conn) checkFirst() error {
	head, err := c.lines.Peek(1)
	if err != nil {
		return err
	}
	if head[0] == 0x16 { // a handshake record (RFC 8446 §5.1)
		return errTLS
	}
	raw, _ := c.peekLine()
	for _, method := range []string{"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"} {
		if bytes.HasPrefix(raw, []byte(method+" ")) {
			return errHTTP
		}
	}
	if bytes.Contains(raw, []byte(" HTTP/")) {
		return errHTTP
	}
	return nil
}

// peekLine waits for a line, or as much of it as the buffer holds, and leaves
// it unread.
func (c *conn) peekLine() ([]byte, error) {
	for n := 1; ; n = c.lines.Buffered() + 1 {
		_, err := c.lines.Peek(min(n, c.lines.Size()))
		raw, _ := c.lines.Peek(c.lines.Buffered())
		if end := bytes.IndexByte(raw, '\n'); end >= 0 {
			return raw[:end], nil
		}
		if err != nil || len(raw) == c.lines.Size() {
			return raw, err
		}
	}
}

// enqueue takes bytes to be written. It reports false when the client is too
// far behind, or is being closed.
func (c *conn) enqueue(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || len(c.queue)+c.writing+len(b) > maxQueue {
		return false
	}
	c.queue = append(c.queue, b...)
	nudge(c.wake)
	return true
}

// waitRoom waits until little enough is queued that the client may ask for
// more, so that one who does not read is not read either.
func (c *conn) waitRoom() {
	for c.isFull() {
		<-c.room
	}
}

// isFull reports whether so much is queued that nothing more is read.
func (c *conn) isFull() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closing && len(c.queue)+c.writing > fullQueue
}

// close has the writer end once it has written all that is queued.
func (c *conn) close() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	nudge(c.wake)
	nudge(c.room)
}

// abandon is close without what is queued: the client does not read.
func (c *conn) abandon() {
	c.mu.Lock()
	c.closing, c.queue = true, nil
	c.mu.Unlock()
	nudge(c.wake)
	nudge(c.room)
	c.net.SetDeadline(time.Unix(1, 0)) // both goroutines return at once
}

// isClosing reports whether close was called.
func (c *conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// write is the writer's goroutine. It returns when all is written after close,
// or on the first error; the reader then ends, too.
func (c *conn) write() {
	for {
		chunk, more := c.take()
		if len(chunk) > 0 {
			c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
			if _, err := c.net.Write(chunk); err != nil {
				c.abandon()
				return
			}
			c.wrote()
			continue
		}
		if !more {
			if half, ok := c.net.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			}
			c.net.SetReadDeadline(time.Now()) // the reader ends, too
			return
		}
		<-c.wake
	}
}

// drain reads what the client still sends, until it has ended too or
// lingerTime is over, and closes. Closed at once, a socket with unread bytes
// would be reset, and the client never read the last lines.
func (c *conn) drain() {
	c.net.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, c.net)
	c.net.Close()
}

// take hands the writer a piece of the queue; more is false when no more will come.
func (c *conn) take() (chunk []byte, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.queue), writeChunk)
	chunk, c.queue = c.queue[:n:n], c.queue[n:]
	if len(c.queue) == 0 {
		c.queue = nil
	}
	c.writing = n
	return chunk, !c.closing
}

func (c *conn) wrote() {
	c.mu.Lock()
	c.writing = 0
	c.mu.Unlock()
	nudge(c.room)
}

// nudge tells whoever waits on a channel of one that something changed.
func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
