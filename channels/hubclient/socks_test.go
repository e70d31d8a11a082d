package hubclient

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// socksServer is a SOCKS5 proxy (RFC 1928, RFC 1929) that knows where some
// names lead, and remembers what it was asked for.
type socksServer struct {
	t        *testing.T
	leads    map[string]string // a name and port asked for, and where that is
	noAuth   bool              // it takes nobody's name
	password string            // the only one that is let in, if set

	mu    sync.Mutex
	asked []string // "name host:port", the name empty if none was given
	kinds []byte   // of addresses: 3 is a name
	conns int
}

// serveSOCKS puts s on loopback and returns its address.
func (s *socksServer) serve(t *testing.T) string {
	t.Helper()
	s.t = t
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			all.Go(func() {
				defer conn.Close()
				t.Cleanup(func() { conn.Close() })
				_ = s.carry(conn)
			})
		}
	})
	return l.Addr().String()
}

// carry serves one connection.
func (s *socksServer) carry(conn net.Conn) error {
	name, err := s.greet(conn)
	if err != nil {
		return err
	}
	kind, target, err := readTarget(conn)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.asked = append(s.asked, name+" "+target)
	s.kinds = append(s.kinds, kind)
	to := s.leads[target]
	s.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		_, _ = conn.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}) // host unreachable
		return err
	}
	defer out.Close()
	if _, err := conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(out, conn)
		out.Close()
	}()
	_, err = io.Copy(conn, out)
	return err
}

// greet agrees on a method and returns the user's name.
func (s *socksServer) greet(conn net.Conn) (string, error) {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || head[0] != 5 {
		return "", fmt.Errorf("not SOCKS5: %v", err)
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(conn, methods); err != nil {
		return "", err
	}
	// As Tor does: a name is taken wherever one is to be had.
	if s.noAuth || !slices.Contains(methods, 2) {
		_, err := conn.Write([]byte{5, 0})
		return "", err
	}
	if _, err := conn.Write([]byte{5, 2}); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(conn, head[:1]); err != nil {
		return "", err
	}
	name, err := readShort(conn)
	if err != nil {
		return "", err
	}
	password, err := readShort(conn)
	if err != nil {
		return "", err
	}
	if s.password != "" && password != s.password {
		_, _ = conn.Write([]byte{1, 1})
		return "", fmt.Errorf("wrong password")
	}
	_, err = conn.Write([]byte{1, 0})
	return name, err
}

func readShort(r io.Reader) (string, error) {
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return "", err
	}
	b := make([]byte, n[0])
	_, err := io.ReadFull(r, b)
	return string(b), err
}

// readTarget reads a request to connect.
func readTarget(r io.Reader) (kind byte, target string, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, "", err
	}
	host := ""
	switch head[3] {
	case 3:
		host, err = readShort(r)
	case 1, 4:
		ip := make(net.IP, map[byte]int{1: 4, 4: 16}[head[3]])
		_, err = io.ReadFull(r, ip)
		host = ip.String()
	}
	if err != nil {
		return 0, "", err
	}
	var port [2]byte
	_, err = io.ReadFull(r, port[:])
	return head[3], net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(port[:])))), err
}

// names returns the user names that were given, each once.
func (s *socksServer) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, asked := range s.asked {
		var name string
		_, _ = fmt.Sscan(asked, &name)
		if asked[0] == ' ' {
			name = ""
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
