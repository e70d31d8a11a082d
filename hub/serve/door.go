package main

import (
	"net"
	"sync"
	"time"
)

// lastCall is how long those who stand before a door have to come in when it is
// closed: they are there already.
const lastCall = 20 * time.Millisecond

// door is a listener that lets only so many in at once, and that can be closed
// without turning away who stands before it.
type door struct {
	net.Listener
	lasting bool
	places  chan struct{}
	each    int // places that one address may have

	shut     chan struct{} // closed by close
	shutting sync.Once

	mu   sync.Mutex
	from map[string]int // places taken, by address
}

// newDoor returns the door of a road for most connections at once, and each of
// them from one address.
func newDoor(r road, most, each int) *door {
	return &door{Listener: r.Listener, lasting: r.lasting, places: make(chan struct{}, most), each: each,
		shut: make(chan struct{}), from: make(map[string]int)}
}

// Accept lets the next one in when there is a place, and is net.ErrClosed after
// leave.
func (d *door) Accept() (net.Conn, error) {
	for {
		select {
		case d.places <- struct{}{}:
		case <-d.shut:
			select {
			case d.places <- struct{}{}:
			default:
				return nil, d.closed()
			}
		}
		conn, err := d.Listener.Accept()
		if err != nil {
			<-d.places
			select {
			case <-d.shut:
				return nil, d.closed()
			default:
				return nil, err
			}
		}
		address := addressOf(conn)
		if d.enter(address) {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { d.exit(address) })}, nil
		}
		conn.Close()
		<-d.places
	}
}

func (d *door) closed() error {
	d.Listener.Close()
	return net.ErrClosed
}

// leave closes the door, after who stands before it. What waits on a socket of
// systemd's is left for the next hubd.
func (d *door) leave() {
	d.shutting.Do(func() { close(d.shut) })
	limited, ok := d.Listener.(interface{ SetDeadline(time.Time) error })
	if d.lasting || !ok || limited.SetDeadline(time.Now().Add(lastCall)) != nil {
		d.Listener.Close()
	}
}

// enter takes a place of address's.
func (d *door) enter(address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.from[address] >= d.each {
		return false
	}
	d.from[address]++
	return true
}

func (d *door) exit(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.from[address]--; d.from[address] <= 0 {
		delete(d.from, address)
	}
	<-d.places
}

// addressOf is the host that a connection comes from; those on a Unix socket
// are one.
func addressOf(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	return host
}

// guest is a connection that has a place.
type guest struct {
	net.Conn
	leave func()
}

// Close gives the place back.
func (g *guest) Close() error {
	defer g.leave()
	return g.Conn.Close()
}

// CloseWrite ends what is sent, so that net/http can have the last answer read
// before the connection goes.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
