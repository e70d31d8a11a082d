//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
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
	talk := func() {
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
	talk()
	for _, attack := range []struct {
		name string
		do   func(testing.TB, string) (end func())
	}{
		{"ten thousand lines of random bytes", randomLines},
		{"a line of 64 MiB", endlessLine},
		{"a thousand idle connections", idlers},
		{"a client that stops reading", deafClient},
	} {
		began := time.Now()
		end := attack.do(t, aliceG.Addr())
		talk()
		further := dialTalker(t, aliceG.Addr(), "alice@"+attack.name[:5])
		further.Hears("alice", "#bob", fmt.Sprintf("hello no %d.", said))
		further.Close()
		end()
		talk()
		t.Logf("%s: %v, at most %d MiB held", attack.name, time.Since(began).Round(time.Millisecond), aliceG.Resident()>>20)
	}
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

// randomLines sends ten thousand lines of bytes of any kind, line breaks among
// them, over twenty connections, half of them registered. What lives through
// its part must still answer a PING.
func randomLines(t testing.TB, addr string) func() {
	rng := rand.New(rand.NewPCG(1, 2))
	answered := 0
	for n := range 20 {
		c := rawConn(t, addr)
		if n%2 == 0 {
			fmt.Fprintf(c, "NICK mallory\r\nUSER mallory 0 * :m\r\n")
		}
		go func() {
			for range 500 {
				c.Write(randomLine(rng))
			}
			fmt.Fprintf(c, "\r\nPING :still here\r\n")
		}()
		for r := bufio.NewScanner(c); r.Scan(); {
			if strings.HasSuffix(r.Text(), ":still here") {
				answered++
				break
			}
		}
		c.Close()
	}
	if answered < 20 {
		t.Errorf("of 20 connections %d answered after the noise", answered)
	}
	return func() {}
}

// randomLine is up to 600 bytes. A third begin with what reaches further into
// the gateway.
func randomLine(rng *rand.Rand) []byte {
	b := make([]byte, 20+rng.IntN(580))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	if rng.IntN(3) == 0 {
		copy(b, []string{"@a ", "PRIVMSG #bob :", "JOIN ", "NOTICE bob :", "CAP REQ :", ":x!y@z ", "WHO ", "AUTHENTICATE "}[rng.IntN(8)])
	}
	return append(b, '\r', '\n')
}

// endlessLine sends 64 MiB without a line break. The connection lives on.
func endlessLine(t testing.TB, addr string) func() {
	c := rawConn(t, addr)
	fmt.Fprintf(c, "NICK mallory\r\nUSER mallory 0 * :m\r\nPRIVMSG #bob :")
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = 'a'
	}
	for n := range 64 {
		if _, err := c.Write(b); err != nil {
			t.Errorf("after %d MiB: %v", n, err)
			break
		}
	}
	fmt.Fprintf(c, "\r\nPING :after all\r\n")
	r := bufio.NewScanner(c)
	for r.Scan() && !strings.HasSuffix(r.Text(), ":after all") {
	}
	if r.Err() != nil {
		t.Errorf("no answer after the long line: %v", r.Err())
	}
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

// deafClient asks for much and reads nothing, until nothing more is taken.
func deafClient(t testing.TB, addr string) func() {
	c := rawConn(t, addr)
	fmt.Fprintf(c, "NICK mallory\r\nUSER mallory 0 * :m\r\n")
	c.SetWriteDeadline(time.Now().Add(3 * time.Second))
	ask := []byte(strings.Repeat("WHO #bob\r\nNAMES #bob\r\nVERSION\r\nHELP\r\n", 1000))
	for n := 0; ; n++ {
		if _, err := c.Write(ask); err != nil {
			break
		}
		if n == 1000 {
			t.Error("40 MB of questions were taken, and no answer was read")
			break
		}
	}
	return func() { c.Close() }
}
