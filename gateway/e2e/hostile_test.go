//go:build linux

package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// memoryLimit is what a gateway may hold, whatever is done to its port.
const memoryLimit = 100 << 20

// TestHostilePort does what a broken or hostile program on one's own machine
// may do to the IRC port, while two people talk.
func TestHostilePort(t *testing.T) {
	aliceG, bobG := startGateway(t, "alice"), startGateway(t, "bob")
	alice, bob := dialTalker(t, aliceG.Addr(), "alice"), dialTalker(t, bobG.Addr(), "bob")
	bob.Redeem(alice.Invite("#bob", "bob"))
	said := 0
	talk := func(t *testing.T) {
		t.Helper()
		said++
		hello, reply := fmt.Sprintf("hello no %d.", said), fmt.Sprintf("I hear you, %d.", said)
		alice.Say("#bob", hello)
		bob.Hears("alice", "#alice", hello)
		bob.Say("#alice", reply)
		alice.Hears("bob", "#bob", reply)
		if held := aliceG.Resident(); held > memoryLimit {
			t.Errorf("the gateway holds %d MiB", held>>20)
		}
	}
	talk(t)
	for _, attack := range []struct {
		name string
		do   func(testing.TB, string) (end func())
	}{
		{"ten thousand lines of random bytes", randomLines},
		{"a line of 64 MiB", endlessLine},
		{"a thousand idle connections", idlers},
		{"a client that stops reading", deafClient},
	} {
		t.Run(attack.name, func(t *testing.T) {
			end := attack.do(t, aliceG.Addr())
			talk(t)
			end()
			talk(t)
		})
	}
	t.Logf("at most %d MiB held", aliceG.Resident()>>20)
}

// rawConn connects without a word.
func rawConn(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// randomLines sends bytes of any kind, line breaks among them, over as many
// connections as the gateway takes them; half of them registered.
func randomLines(t testing.TB, addr string) func() {
	rng := rand.New(rand.NewPCG(1, 2))
	var c net.Conn
	for n := range 10_000 {
		if c == nil {
			c = rawConn(t, addr)
			go io.Copy(io.Discard, c)
			if n%2 == 1 {
				fmt.Fprintf(c, "NICK mallory\r\nUSER mallory 0 * :m\r\n")
			}
		}
		b := make([]byte, 1+rng.IntN(600))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if n%3 == 0 { // beginnings that reach further into the gateway
			copy(b, []string{"@a ", "PRIVMSG #bob :", "JOIN ", "NICK :", "CAP REQ :", ":x!y@z ", "WHO ", "AUTHENTICATE "}[rng.IntN(8)])
		}
		if _, err := c.Write(append(b, '\r', '\n')); err != nil {
			c.Close()
			c = nil
		}
	}
	return func() {
		if c != nil {
			c.Close()
		}
	}
}

// endlessLine sends 64 MiB without a line break, or as much as is taken.
func endlessLine(t testing.TB, addr string) func() {
	c := rawConn(t, addr)
	go io.Copy(io.Discard, c)
	fmt.Fprintf(c, "NICK mallory\r\nUSER mallory 0 * :m\r\nPRIVMSG #bob :")
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = 'a'
	}
	for range 64 {
		if _, err := c.Write(b); err != nil {
			break
		}
	}
	c.Write([]byte("\r\n"))
	return func() { c.Close() }
}

// idlers opens a thousand connections that say nothing.
func idlers(t testing.TB, addr string) func() {
	var all []net.Conn
	for range 1000 {
		c, err := net.DialTimeout("tcp", addr, 10*time.Second)
		if err != nil {
			break // refused: that is an answer, too
		}
		all = append(all, c)
	}
	return func() {
		for _, c := range all {
			c.Close()
		}
	}
}

// deafClient asks for much and reads nothing.
func deafClient(t testing.TB, addr string) func() {
	c := rawConn(t, addr)
	fmt.Fprintf(c, "NICK mallory\r\nUSER mallory 0 * :m\r\n")
	for range 20_000 {
		if _, err := fmt.Fprintf(c, "WHO #bob\r\nNAMES #bob\r\nVERSION\r\nHELP\r\n"); err != nil {
			break // the gateway has given it up
		}
	}
	return func() { c.Close() }
}
