//go:build linux

package e2e

import "testing"

// TestClocksOff lets two gateways talk of which one's clock is wrong: by less
// than a hub minds, and by more.
func TestClocksOff(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"-20m", "20m", "-3h", "3h"} {
		t.Run(by, func(t *testing.T) {
			hub := startHubd(t)
			aliceG, bobG := startGateway(t, "alice"), startGateway(t, "bob", clockOff(by))
			alice, bob := dialTalker(t, aliceG.Addr(), "alice"), dialTalker(t, bobG.Addr(), "bob")
			addHub(alice, hub)
			bob.Redeem(alice.Invite("#bob", "bob"))
			bob.Say("#alice", "what time is it?")
			alice.Hears("bob", "#bob", "what time is it?")
			alice.Say("#bob", "time for tea")
			bob.Hears("alice", "#alice", "time for tea")
		})
	}
	t.Run("the inviter's, 3h", func(t *testing.T) {
		hub := startHubd(t)
		aliceG, bobG := startGateway(t, "alice", clockOff("3h")), startGateway(t, "bob")
		alice, bob := dialTalker(t, aliceG.Addr(), "alice"), dialTalker(t, bobG.Addr(), "bob")
		addHub(alice, hub)
		bob.Redeem(alice.Invite("#bob", "bob"))
		alice.Say("#bob", "is it late?")
		bob.Hears("alice", "#alice", "is it late?")
		bob.Say("#alice", "not here")
		alice.Hears("bob", "#bob", "not here")
	})
}
