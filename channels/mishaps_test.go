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

// TestLeavingWithMuchUntold: who leaves has operations that nobody has heard of
// yet. The one that he leaves by rests on them, and a newcomer needs them all.
func TestLeavingWithMuchUntold(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.hub("attic").fall()
	w.run(time.Second)
	bob.do(channels.SetTopic{Channel: "#alice", Text: "going"})
	bob.do(channels.Invite{Channel: "#alice"})
	bob.do(channels.Leave{Channel: "#alice"})
	w.hub("attic").rise()
	w.run(5 * time.Minute)
	if l, ok := last[channels.Left](alice); !ok || l.Nick != "bob" {
		t.Fatalf("alice was told %+v", alice.events)
	}
	carol := w.person("carol")
	carol.redeems("#gang", alice.invites("#bob"))
	w.run(time.Minute)
	if v, _ := carol.core.Channel("#gang"); v.Waiting || v.Topic != "going" {
		t.Errorf("carol sees %+v", v)
	}
}
