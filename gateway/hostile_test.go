package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// heapLimit is what the gateway may hold, whatever is done to its port.
const heapLimit = 100 << 20

// TestHostileConnections does to a real port what a broken or hostile program
// may do, and asks each time whether another client is still served, and what
// it costs.
func TestHostileConnections(t *testing.T) {
	core := &scripted{nick: "alice", marks: map[string]int64{}}
	g := newGateway(settings{Version: "test"}, core)
	g.carrier = &carried{}
	g.sysop.invites = inviteFiles{t.TempDir()}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go g.run(ctx)
	go g.serve(l, nil)
	t.Cleanup(func() { l.Close(); cancel(); <-g.done })
	addr := l.Addr().String()
	good := attach(t, addr)
	good.do("JOIN #bob", " 366 ")
	for _, attack := range []struct {
		name string
		do   func(t *testing.T, addr string)
	}{
		{"10,000 lines of random bytes", randomLines},
		{"a line of 64 MiB", endlessLine},
		{"a first line of 64 MiB", endlessFirstLine},
		{"1,000 idle connections", idlers},
		{"a client that stops reading", deaf},
		{"100 clients that stop reading", manyDeaf},
	} {
		t.Run(attack.name, func(t *testing.T) {
			start, before := time.Now(), heap()
			attack.do(t, addr)
			after := heap()
			good.do("PING x", " PONG ")
			g.do(func() {
				g.core.(*scripted).pending = []channels.Event{core.line(fromBob(attack.name, time.Now()))}
				g.step(channels.Tick{})
			})
			good.do("PING y", attack.name)
			await(t, "a new client is served", func() bool { return greeted(addr) })
			t.Logf("%d KiB more held, %d MiB in all, %v", (int64(after)-int64(before))>>10, after>>20, time.Since(start).Round(time.Millisecond))
			if after > heapLimit {
				t.Errorf("%d MiB are held", after>>20)
			}
		})
	}
}

// heap is what the process holds now.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// goodClient is a client that behaves.
type goodClient struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func attach(t *testing.T, addr string) *goodClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	c := &goodClient{t, conn, bufio.NewReader(conn)}
	c.do("NICK alice\r\nUSER alice 0 * :a", " 376 ")
	return c
}

// greeted reports whether a new client gets in.
func greeted(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, "NICK alice\r\nUSER alice 0 * :a\r\nQUIT\r\n")
	all, _ := io.ReadAll(conn)
	return strings.Contains(string(all), " 376 ")
}

// await polls, for a while.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("never: %s", what)
}

// do sends a line and reads until one with want.
func (c *goodClient) do(line, want string) {
	c.t.Helper()
	fmt.Fprintf(c.conn, "%s\r\n", line)
	for {
		got, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("waiting for %q: %v", want, err)
		}
		if token, ok := strings.CutPrefix(got, "PING "); ok {
			fmt.Fprintf(c.conn, "PONG %s", token)
		}
		if _, token, ok := strings.Cut(got, " PING "); ok {
			fmt.Fprintf(c.conn, "PONG %s", token)
		}
		if strings.Contains(got, want) {
			return
		}
	}
}

// hostile connects without a word.
func hostile(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

func randomLines(t *testing.T, addr string) {
	rng := rand.New(rand.NewPCG(1, 2))
	for half, hello := range []string{"", "NICK alice\r\nUSER m 0 * :m\r\n"} {
		conn := hostile(t, addr)
		go io.Copy(io.Discard, conn)
		io.WriteString(conn, hello)
		for n := range 5000 {
			b := make([]byte, 1+rng.IntN(600))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			if n%2 == 1 {
				copy(b, []string{"@a ", "PRIVMSG #bob :", "JOIN #", "CAP REQ :", ":x!y@z ", "WHO ", "TOPIC #bob :"}[rng.IntN(7)])
			}
			if _, err := conn.Write(append(b, "\r\n"...)); err != nil {
				t.Fatalf("half %d, line %d: %v", half, n, err)
			}
		}
		conn.Close()
	}
}

func endlessLine(t *testing.T, addr string) {
	conn := hostile(t, addr)
	go io.Copy(io.Discard, conn)
	io.WriteString(conn, "NICK alice\r\nUSER m 0 * :m\r\nPRIVMSG #bob :")
	pour(t, conn)
}

func endlessFirstLine(t *testing.T, addr string) { pour(t, hostile(t, addr)) }

// pour sends 64 MiB without a line break.
func pour(t *testing.T, conn net.Conn) {
	b := []byte(strings.Repeat("a", 1<<20))
	for range 64 {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(conn, "\r\n")
}

func idlers(t *testing.T, addr string) {
	for range 1000 {
		hostile(t, addr)
	}
}

// deaf asks for a lot and reads nothing, until it can't write either.
func deaf(t *testing.T, addr string) {
	conn := hostile(t, addr)
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	io.WriteString(conn, "NICK alice\r\nUSER m 0 * :m\r\n")
	for range 1000 {
		if _, err := io.WriteString(conn, strings.Repeat("HELP\r\nVERSION\r\nMOTD\r\nWHO #bob\r\n", 1000)); err != nil {
			return
		}
	}
	t.Error("the gateway goes on reading")
}

func manyDeaf(t *testing.T, addr string) {
	for range 100 {
		conn := hostile(t, addr)
		conn.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		io.WriteString(conn, "NICK alice\r\nUSER m 0 * :m\r\n")
		for {
			if _, err := io.WriteString(conn, strings.Repeat("HELP\r\nVERSION\r\nMOTD\r\nWHO #bob\r\n", 100)); err != nil {
				break
			}
		}
	}
}
