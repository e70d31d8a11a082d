package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// aDoor is a door on loopback.
func aDoor(t *testing.T, most, each int) *door {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return newDoor(road{Listener: listener}, most, each)
}

// knock connects to a door.
func knock(t *testing.T, d *door) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Clients that send nothing more do not keep others waiting.
func TestSlowClients(t *testing.T) {
	d := aDoor(t, 100, 100)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serveHTTP(ctx, d, http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler))
	}()
	var slow []net.Conn
	for range 20 {
		conn := knock(t, d)
		conn.Write([]byte("GET / HT"))
		slow = append(slow, conn)
	}
	response, err := http.Get("http://" + d.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	for _, conn := range slow {
		conn.Close()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Who stands before a door when it is closed is let in; who comes later finds
// it shut.
func TestDoorTakesWhoStandsThere(t *testing.T) {
	d := aDoor(t, 100, 100)
	for range 30 {
		knock(t, d)
	}
	d.leave()
	d.leave()
	let := 0
	for {
		conn, err := d.Accept()
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		let++
	}
	if let != 30 {
		t.Errorf("%d of 30 were let in", let)
	}
	if conn, err := net.Dial("tcp", d.Addr().String()); err == nil {
		conn.Close()
		t.Error("somebody came in afterwards")
	}
	// One that waits for somebody is closed as well, and so is a full one.
	empty, full := aDoor(t, 1, 1), aDoor(t, 1, 1)
	knock(t, full)
	if _, err := full.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*door{empty, full} {
		over := make(chan error, 1)
		go func() { _, err := d.Accept(); over <- err }()
		d.leave()
		if err := <-over; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

// One address has its share of a door's places, and gets them back.
func TestDoorSharesPlaces(t *testing.T) {
	d := aDoor(t, 10, 2)
	var in []net.Conn
	for range 2 {
		knock(t, d)
		conn, err := d.Accept()
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, conn)
	}
	third := knock(t, d)
	accepted := make(chan net.Conn)
	go func() {
		conn, err := d.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- conn
	}()
	if _, err := third.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the third gets %v", err)
	}
	in[0].Close()
	in[0].Close() // twice is once
	fourth := knock(t, d)
	conn := <-accepted
	if conn.RemoteAddr().String() != fourth.LocalAddr().String() || len(d.places) != 2 {
		t.Errorf("in is %s, not %s; %d places are taken", conn.RemoteAddr(), fourth.LocalAddr(), len(d.places))
	}
}

// The networks of one site of IPv6 have twice what an address has of a door's places.
func TestDoorSharesPlacesBySite(t *testing.T) {
	d := aDoor(t, 40, 10)
	addresses := func(site string) (all []string) {
		for i := range 8 {
			for j := range 5 {
				all = append(all, addressOf(from{addr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("%s:%x::%x", site, i, j))}}))
			}
		}
		return all
	}
	in := 0
	for _, site := range []string{"2001:db8:1", "2001:db8:2"} {
		for _, address := range addresses(site) {
			if d.enter(address) {
				in++
			}
		}
	}
	if in != 40 {
		t.Errorf("%d of two sites are in", in)
	}
	for _, address := range addresses("2001:db8:1")[:20] {
		d.places <- struct{}{}
		d.exit(address)
	}
	for _, address := range addresses("2001:db8:1")[20:] {
		if !d.enter(address) {
			t.Error("places are not given back")
		}
	}
}

// So many requests are answered at once, fewer of them if they are large, and
// the next is told to come back.
func TestBounded(t *testing.T) {
	release := make(chan struct{})
	var begun, ended sync.WaitGroup
	b := bound(serverFunc(func(context.Context, hub.Request) hub.Reply {
		begun.Done()
		<-release
		return saying("ok")
	}), 10, false)
	fill := func(n int, length int64) {
		begun.Add(n)
		for range n {
			ended.Go(func() {
				if reply := b.Serve(t.Context(), hub.Request{Length: length}); reply.Status != 200 {
					t.Errorf("status %d", reply.Status)
				}
			})
		}
		begun.Wait()
	}
	busy := func(length int64) {
		t.Helper()
		reply := b.Serve(t.Context(), hub.Request{Length: length})
		if reply.Status != wire.StatusBusy || !hasHeader(reply, "Retry-After") {
			t.Errorf("a request of %d bytes: status %d, %v", length, reply.Status, reply.Header)
		}
	}
	fill(largeAtOnce, usual+1)
	busy(usual + 1)
	fill(10+atOnce-largeAtOnce, usual)
	busy(1)
	close(release)
	ended.Wait()
	begun.Add(1)
	if reply := b.Serve(t.Context(), hub.Request{Length: usual + 1}); reply.Status != 200 {
		t.Errorf("afterwards: status %d", reply.Status)
	}
}

// One address has a quarter of the places for requests, of IPv6 one network, and all
// networks of one site have half; those that stand for many have all, and so has everybody behind a proxy.
func TestPlacesAreShared(t *testing.T) {
	for _, test := range []struct {
		addresses []string // that ask in turn
		length    int64
		proxied   bool
		want      int
	}{
		{[]string{"203.0.113.7"}, 1, false, 128},
		{[]string{"203.0.113.7", "203.0.113.8"}, 1, false, 256},
		{[]string{"203.0.113.7", "::ffff:203.0.113.7"}, 1, false, 128},
		{[]string{"2001:db8::1", "2001:db8::2:1", "2001:db8::f:0:0:1"}, 1, false, 128},
		{[]string{"2001:db8::1", "2001:db8:0:1::1"}, 1, false, 256},
		{[]string{"2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:ffff::1"}, 1, false, 256},
		{[]string{"2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1"}, 1, false, 384},
		{[]string{"203.0.113.7"}, usual + 1, false, largeAtOnce / 4},
		{[]string{"127.0.0.1"}, 1, false, atOnce},
		{[]string{"10.1.2.3"}, usual + 1, false, largeAtOnce},
		{[]string{""}, 1, false, atOnce},
		{[]string{"203.0.113.7"}, 1, true, atOnce},
	} {
		release := make(chan struct{})
		begun := make(chan struct{})
		b := bound(serverFunc(func(context.Context, hub.Request) hub.Reply {
			begun <- struct{}{}
			<-release
			return saying("ok")
		}), 0, test.proxied)
		var all sync.WaitGroup
		in := 0
		for i, refused := 0, 0; refused < len(test.addresses); i++ {
			over := make(chan hub.Reply, 1)
			all.Go(func() {
				over <- b.Serve(t.Context(), hub.Request{Length: test.length, Address: test.addresses[i%len(test.addresses)]})
			})
			select {
			case <-begun:
				in++
			case reply := <-over:
				if refused++; reply.Status != wire.StatusBusy {
					t.Errorf("%q: status %d", test.addresses, reply.Status)
				}
			}
		}
		close(release)
		all.Wait()
		if in != test.want {
			t.Errorf("%q with %d bytes: %d are let in, not %d", test.addresses, test.length, in, test.want)
		}
		if len(b.all.share.of)+len(b.large.share.of) > 0 || b.all.free != atOnce || b.large.free != largeAtOnce {
			t.Errorf("%q: %d and %d places are free afterwards", test.addresses, b.all.free, b.large.free)
		}
	}
}

// Somebody who sends hundreds of bodies as slowly as he can fills his share of the
// places, over real connections, and nobody else's.
func TestSlowBodiesOfOneAddress(t *testing.T) {
	server := bound(serverFunc(func(_ context.Context, r hub.Request) hub.Reply {
		io.Copy(io.Discard, r.Body)
		return saying("ok")
	}), 0, false)
	server.origin = func(address string) (netip.Addr, bool) { // on loopback all would stand for many
		who, err := netip.ParseAddr(address)
		return who, err == nil
	}
	d := aDoor(t, 2*atOnce, 2*atOnce)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serveHTTP(ctx, d, web.Handler(server), nil, slog.New(slog.DiscardHandler)) }()
	other := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	var slow []net.Conn
	for range atOnce/4 + 20 {
		conn, err := other.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, aPost+"1000\r\n\r\nslowly")
		slow = append(slow, conn)
	}
	refused := 0
	for over := time.Now().Add(20 * time.Second); refused < 20 && time.Now().Before(over); {
		server.all.mu.Lock()
		taken := atOnce - server.all.free
		server.all.mu.Unlock()
		if taken < atOnce/4 {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		conn, err := other.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, aPost+"5\r\n\r\nnoise")
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != wire.StatusBusy || response.Header.Get("Retry-After") == "" {
			t.Errorf("one more of his: %v, %v", response, err)
		}
		conn.Close()
		refused++
	}
	if refused == 0 {
		t.Error("he did not get his share")
	}
	response, err := http.Post("http://"+d.Addr().String()+"/", wire.ContentType, strings.NewReader("somebody else"))
	if err != nil || response.StatusCode != 200 {
		t.Errorf("somebody else gets %v, %v", response, err)
	} else {
		response.Body.Close()
	}
	for _, conn := range slow {
		conn.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if server.all.free != atOnce || len(server.all.share.of) > 0 {
		t.Errorf("%d places are free afterwards", server.all.free)
	}
}

// from is a connection that comes from somewhere.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

// A door counts a network of IPv6 as one: who has one of its addresses has them all.
func TestAddressOf(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.2",
		"2001:db8::1": "2001:db8::", "2001:db8::ffff:0:0:1": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::", "::1": "::1",
	} {
		if got := addressOf(from{addr: &net.TCPAddr{IP: net.ParseIP(text), Port: 7}}); got != want {
			t.Errorf("%s counts as %q, not %q", text, got, want)
		}
	}
	if got := addressOf(from{addr: &net.UnixAddr{Name: "@", Net: "unix"}}); got != "" {
		t.Errorf("a Unix socket counts as %q", got)
	}
}

// deadlines is a writer that notes the time which it is given.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Duration
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.read = time.Until(at)
	return nil
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.write = time.Until(at)
	return nil
}

// What is large has more time, a held request has what it needs, and who is told
// the last answer is told so.
func TestPaced(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	answer := func(body, reply int) *deadlines {
		handler := paced(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(reply))
			w.WriteHeader(200)
		}))
		d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		handler.ServeHTTP(d, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", body))))
		return d
	}
	about := func(what string, got, want time.Duration) {
		t.Helper()
		if got > want || got < want-5*time.Second {
			t.Errorf("%s has %s, not %s", what, got, want)
		}
	}
	small, large := answer(1000, 1000), answer(wire.MaxRequest, wire.MaxResponse)
	about("a small request", small.read, wire.MaxWait+patience)
	about("its answer", small.write, patience)
	about("a large request", large.read, wire.MaxWait+patience+128*time.Second)
	about("its answer", large.write, patience+256*time.Second)
	if small.Header().Get("Connection") != "" {
		t.Error("the connection is to be closed")
	}
	cancel()
	if answer(1, 1).Header().Get("Connection") != "close" {
		t.Error("the connection is to be kept")
	}
}

func hasHeader(r hub.Reply, name string) bool {
	for _, header := range r.Header {
		if header[0] == name {
			return true
		}
	}
	return false
}

var _ web.Server = (*bounded)(nil)
