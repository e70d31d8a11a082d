package main

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"hubbub/hub"
)

// closing is how long who stands before a door is let in when it is closed, with
// more coming all the time.
const closing = time.Second

// door is a listener that lets only so many in at once, and that can be closed
// without turning away who stands before it.
type door struct {
	net.Listener
	lasting bool
	places  chan struct{}

	shut  chan struct{} // closed by leave
	since time.Time     // when that was
	once  sync.Once

	mu    sync.Mutex
	share share
}

// newDoor returns the door of a road for most connections at once, and each of
// them from one address, twice as many from one site.
func newDoor(r road, most, each int) *door {
	return &door{Listener: r.Listener, lasting: r.lasting, places: make(chan struct{}, most),
		shut: make(chan struct{}), share: newShare(each, 2*each)}
}

// Accept lets the next one in when there is a place, and is net.ErrClosed when
// the door is closed.
func (d *door) Accept() (net.Conn, error) {
	for {
		if !d.wait() {
			d.Listener.Close()
			return nil, net.ErrClosed
		}
		conn, err := d.Listener.Accept()
		if err != nil {
			<-d.places
			if d.shutting() {
				continue // it was woken to see that
			}
			return nil, err
		}
		address := addressOf(conn)
		if d.enter(address) {
			return &guest{Conn: conn, leave: sync.OnceFunc(func() { d.exit(address) })}, nil
		}
		conn.Close()
		<-d.places
	}
}

// wait waits for a place. It says whether one is to be given away: when the door
// is being closed, only at once and to who stands before it.
func (d *door) wait() bool {
	if !d.shutting() {
		select {
		case d.places <- struct{}{}:
			return true
		case <-d.shut:
		}
	}
	// What waits on a socket of systemd's is left for the next hubd.
	if d.lasting || time.Since(d.since) > closing || !standing(d.Listener) {
		return false
	}
	select {
	case d.places <- struct{}{}:
		d.deadline(d.since.Add(2 * closing))
		return true
	default:
		return false
	}
}

func (d *door) shutting() bool {
	select {
	case <-d.shut:
		return true
	default:
		return false
	}
}

// deadline ends Accept at a time.
func (d *door) deadline(at time.Time) {
	if limited, ok := d.Listener.(interface{ SetDeadline(time.Time) error }); !ok || limited.SetDeadline(at) != nil {
		d.Listener.Close()
	}
}

// leave closes the door, after who stands before it.
func (d *door) leave() {
	d.once.Do(func() {
		d.since = time.Now()
		close(d.shut)
		d.deadline(d.since)
	})
}

// enter takes a place of address's.
func (d *door) enter(address string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.share.take(address, siteAt(address))
}

func (d *door) exit(address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.share.put(address, siteAt(address))
	<-d.places
}

// addressOf is whom a connection comes from: the host's address, of IPv6 its
// network; those on a Unix socket are one.
func addressOf(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return ""
	}
	if who, ok := hub.Origin(host); ok {
		return who.String()
	}
	return host
}

// siteAt is the site of what addressOf has returned.
func siteAt(address string) string {
	who, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	return siteOf(who)
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
