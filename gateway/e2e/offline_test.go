//go:build linux

package e2e

import "testing"

// TestInviterAway lets the joiner redeem and write while the inviter's gateway
// is down; then both are down; then the inviter comes up alone and reads.
func TestInviterAway(t *testing.T) {
	hub := startHubd(t)
	aliceG := startGateway(t, "alice")
	alice := dialTalker(t, aliceG.Addr(), "alice")
	addHub(alice, hub)
	command := alice.Invite("#bob", "bob")
	alice.Close()
	aliceG.Kill()

	bobG := startGateway(t, "bob")
	bob := dialTalker(t, bobG.Addr(), "bob")
	bob.Redeem(command)
	bob.Say("#alice", "are you there? I left the key under the mat")
	bob.Say("#alice", "and fed the cat")
	bob.Sync()
	bob.Arrived("#alice") // bob may go now
	bob.Close()
	bobG.Kill()

	aliceG.Start()
	alice = dialTalker(t, aliceG.Addr(), "alice")
	alice.Hears("bob", "#bob", "I left the key under the mat")
	alice.Hears("bob", "#bob", "and fed the cat")
	alice.Say("#bob", "thank you")
	alice.Sync()

	bobG.Start()
	bob = dialTalker(t, bobG.Addr(), "bob")
	bob.Hears("alice", "#alice", "thank you")
}
