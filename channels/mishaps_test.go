package channels_test

import (
	"testing"
	"time"

	"hubbub/channels"
)

// Small stories of what went wrong in random worlds, each as short as it can be.

// TestAnInviteThatCameToNothing: its operations stand in one's own chain, so the
// others need them to take what comes after.
func TestAnInviteThatCameToNothing(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.hub("attic").fall()
	alice.do(channels.Invite{Channel: "#bob"})
	w.run(time.Minute)
	if f, _ := last[channels.Failed](alice); f.Code != channels.CodeHub {
		t.Fatalf("alice was told %+v", f)
	}
	w.hub("attic").rise()
	w.run(time.Minute)
	alice.do(channels.SetTopic{Channel: "#bob", Text: "plans"})
	w.run(time.Minute)
	if v, _ := bob.core.Channel("#alice"); v.Topic != "plans" {
		t.Errorf("bob sees the topic %q", v.Topic)
	}
}

// TestAKeyIsRevokedBeforeAHubHasIt: the same.
func TestAKeyIsRevokedBeforeAHubHasIt(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.do(channels.Invite{Channel: "#bob"})
	alice.do(channels.Revoke{Invite: alice.core.Invites()[0].Number})
	w.run(time.Minute)
	alice.do(channels.SetTopic{Channel: "#bob", Text: "plans"})
	w.run(time.Minute)
	if v, _ := bob.core.Channel("#alice"); v.Topic != "plans" {
		t.Errorf("bob sees the topic %q", v.Topic)
	}
}
