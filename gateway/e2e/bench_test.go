//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkMessage measures how long a line takes from one IRC client to the
// other: two gateways, hub.cgi under Apache, and a fetch that waits.
func BenchmarkMessage(b *testing.B) {
	hub := startCGI(b)
	alice := dialTalker(b, startGateway(b, "alice").Addr(), "alice")
	bob := dialTalker(b, startGateway(b, "bob").Addr(), "bob")
	addHub(alice, hub)
	bob.Redeem(alice.Invite("#bob", "bob"))
	bob.Say("#alice", "ready")
	alice.Hears("bob", "#bob", "ready")
	alice.Say("#bob", "ready too")
	bob.Hears("alice", "#alice", "ready too")

	heard := make(chan string, 16)
	bob.Watch(func(l line) {
		if l.Command == "PRIVMSG" {
			heard <- l.last()
		}
	})
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		text := fmt.Sprintf("message %d", i)
		sent := time.Now()
		alice.Say("#bob", text)
		select {
		case got := <-heard:
			if got != text {
				b.Fatalf("heard %q, said %q", got, text)
			}
			took = append(took, time.Since(sent))
		case <-time.After(patience):
			b.Fatalf("%q never came", text)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
