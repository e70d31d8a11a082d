//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestProxy: a hub whose name nobody but a SOCKS5 proxy can find, as with Tor;
// and one that does not answer at the URL that it is known by, but at another
// that the configuration names.
func TestProxy(t *testing.T) {
	t.Parallel()
	hidden := runHubd(t, dataFolder(t))
	const name = "http://hubbubhubbubhubbub.onion/"
	socks := startSocks(t, map[string]string{"hubbubhubbubhubbub.onion:80": hidden.address})
	through := configured(fmt.Sprintf("[[hub]]\nurl = %q\nproxy = \"socks5://%s\"\n", name, socks.addr))
	alice := newPerson(t, "alice", "#bob", through)
	bob := newPerson(t, "bob", "#alice", through)
	all := []*person{alice, bob}
	k := alice.scribe()
	k.Say("sysop", "hub add "+name+" "+hidden.Claim(t).String())
	k.SysopSays("is ready. It is yours")
	bob.joins(alice)
	for _, p := range all {
		p.In(all...)
		p.Sees(name, isUp)
	}
	converse("through a proxy", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
	if n := socks.Connections(); n < 4 {
		t.Errorf("only %d connections went through the proxy", n)
	}
	// Without it the hub is down, and not asked for in another way.
	socks.Close()
	alice.Sees(name, isDown)
	bob.Sees(name, isDown)
}

// TestAlso: the first URL of a hub is dead for one of two, who knows another.
func TestAlso(t *testing.T) {
	t.Parallel()
	h := runHubd(t, dataFolder(t))
	recorder, front := record(t, h.URL)
	also := configured(fmt.Sprintf("[[hub]]\nurl = %q\nalso = [%q]\n", front, h.URL))
	alice := newPerson(t, "alice", "#bob", also)
	bob := newPerson(t, "bob", "#alice", also)
	all := []*person{alice, bob}
	k := alice.scribe()
	k.Say("sysop", "hub add "+front+" "+h.Claim(t).String())
	k.SysopSays("is ready. It is yours")
	bob.joins(alice)
	for _, p := range all {
		p.In(all...)
	}
	converse("by the first", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
	if recorder.Connections() == 0 {
		t.Fatal("nothing went by the first URL")
	}
	recorder.Close()
	converse("by the other", 10, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
	for _, p := range all {
		p.Sees(front, isUp)
		p.Sees(front, `answers at`)
	}
}

// socks is a SOCKS5 proxy (RFC 1928) that knows a few names and nothing else.
type socks struct {
	addr  string
	l     net.Listener
	names map[string]string

	mu    sync.Mutex
	conns []net.Conn
}

func startSocks(t testing.TB, names map[string]string) *socks {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &socks{addr: l.Addr().String(), l: l, names: names}
	t.Cleanup(s.Close)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

// Close ends the proxy, and what goes through it.
func (s *socks) Close() {
	s.l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}

// Connections counts those that it made for others.
func (s *socks) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *socks) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	to, err := s.asked(c, r)
	if err != nil {
		return
	}
	there, err := net.Dial("tcp", s.names[to])
	if err != nil {
		c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}) // host unreachable
		return
	}
	defer there.Close()
	s.mu.Lock()
	s.conns = append(s.conns, c)
	s.mu.Unlock()
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() { io.Copy(there, r); there.Close() }()
	io.Copy(c, there)
}

// asked reads the greeting, takes a user name if one is offered, and reads where
// the client wants to go: by name, for it has nobody else to ask.
func (s *socks) asked(c net.Conn, r *bufio.Reader) (string, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(r, methods); err != nil {
		return "", err
	}
	method := byte(0)
	for _, m := range methods {
		method = max(method, m&2)
	}
	c.Write([]byte{5, method})
	if method == 2 { // RFC 1929
		if err := skipStrings(r, 1, 2); err != nil {
			return "", err
		}
		c.Write([]byte{1, 0})
	}
	ask := make([]byte, 5)
	if _, err := io.ReadFull(r, ask); err != nil || ask[1] != 1 || ask[3] != 3 {
		return "", fmt.Errorf("not a CONNECT by name: %v, %v", ask, err)
	}
	name := make([]byte, int(ask[4])+2)
	if _, err := io.ReadFull(r, name); err != nil {
		return "", err
	}
	n := len(name) - 2
	return net.JoinHostPort(string(name[:n]), strconv.Itoa(int(name[n])<<8|int(name[n+1]))), nil
}

// skipStrings reads some bytes, then some strings that begin with their length.
func skipStrings(r *bufio.Reader, bytes, strings int) error {
	if _, err := r.Discard(bytes); err != nil {
		return err
	}
	for range strings {
		n, err := r.ReadByte()
		if err != nil {
			return err
		}
		if _, err := r.Discard(int(n)); err != nil {
			return err
		}
	}
	return nil
}
