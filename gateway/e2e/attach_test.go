//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestReconnect kills both gateways under irssi and WeeChat. Both clients come
// back by themselves and send JOIN with the keys they know, which are spent.
func TestReconnect(t *testing.T) {
	long(t)
	need(t, "irssi", "weechat", "tmux")
	t.Parallel()
	aliceG, bobG := startGateway(t, "alice"), startGateway(t, "bob")
	// Bob uses irssi and joins by key; alice uses WeeChat. Bob also has a
	// channel without a key, for which irssi sends "x".
	alice, bob := startWeeChat(t, "alice"), startIrssi(t, "bob")
	connectWeeChat(aliceG, alice)
	connectIrssi(bobG, bob)
	alice.Line("/join #bob")
	alice.Sees("has joined #bob")
	helper := dialTalker(t, aliceG.Addr(), "alice")
	command := helper.Invite("#bob", "bob")
	helper.Close()
	bob.Line("/join #carol")
	bob.Sees("has joined #carol")
	bob.Line(command)
	bob.Sees("has joined #alice")
	bob.Line("here I am")
	alice.Sees("here I am")

	for range 2 {
		aliceG.Kill()
		bobG.Kill()
		alice.Sees("disconnected from server")
		aliceG.Start()
		bobG.Start()
		alice.Line("/reconnect -all")
		alice.Sees("#bob")
		bob.Line("/reconnect")
		bob.Sees("[#alice")
		// Nothing but the channels: no error, no message about a key.
		for _, s := range []*terminal{alice, bob} {
			for _, word := range []string{"Cannot join", "mistyped", "already used", "bad key"} {
				if strings.Contains(s.Screen(), word) {
					t.Errorf("after reconnecting %s shows %q", s.name, word)
				}
			}
		}
	}
	alice.Line("/buffer #bob")
	alice.Line("back again")
	bob.Line("/window goto #alice")
	bob.Sees("back again")
	bob.Line("me too")
	alice.Sees("me too")
}

// TestRejoinLines sends, as irssi does after a dropped connection, all channels
// and keys in one line: "x" where there was none, and keys that are spent.
func TestRejoinLines(t *testing.T) {
	aliceG, bobG := startGateway(t, "alice"), startGateway(t, "bob")
	alice, bob := dialTalker(t, aliceG.Addr(), "alice"), dialTalker(t, bobG.Addr(), "bob")
	command := alice.Invite("#bob", "bob")
	bob.Redeem(command)
	bob.Say("#alice", "hello")
	alice.Hears("bob", "#bob", "hello")
	bob.Send("JOIN #carol")
	bob.Sync()
	bob.Close()

	back := dialTalker(t, bobG.Addr(), "bob")
	back.Sync()
	seen := len(back.Lines())
	back.Send("JOIN #alice,#carol " + keyOf(command) + ",x")
	back.Send("JOIN #carol,#alice x,x")
	back.Send("JOIN #alice " + keyOf(command))
	back.Sync()
	for _, l := range back.Lines()[seen:] {
		if len(l.Command) == 3 && l.Command >= "400" || l.Command == "FAIL" || l.Command == "NOTICE" {
			t.Errorf("joining again is answered %q", l.Raw)
		}
	}
	back.Say("#alice", "still here")
	alice.Hears("bob", "#bob", "still here")
	if who := alice.members("#bob"); len(who) != 2 {
		t.Errorf("after joining again the members are %q", who)
	}
}

// members asks NAMES.
func (k *talker) members(channel string) []string {
	k.t.Helper()
	seen := len(k.Lines())
	k.Send("NAMES " + channel)
	k.Sync()
	var nicks []string
	for _, l := range k.Lines()[seen:] {
		if l.Command == "353" {
			nicks = append(nicks, strings.Fields(l.last())...)
		}
	}
	return nicks
}

// TestSeveralClients attaches two clients to one gateway: each sees what is
// typed in the other, and each gets what it missed, once and in order.
func TestSeveralClients(t *testing.T) {
	aliceG, bobG := startGateway(t, "alice"), startGateway(t, "bob")
	desk, bob := dialTalker(t, aliceG.Addr(), "alice@desk"), dialTalker(t, bobG.Addr(), "bob")
	bob.Redeem(desk.Invite("#bob", "bob"))
	bob.Say("#alice", "first")
	desk.Hears("bob", "#bob", "first")
	phone := dialTalker(t, aliceG.Addr(), "alice@phone")
	phone.Hears("bob", "#bob", "first") // its first time here: the last lines

	desk.Say("#bob", "from the desk")
	phone.Hears("alice", "#bob", "from the desk")
	phone.Say("#bob", "from the phone")
	desk.Hears("alice", "#bob", "from the phone")
	bob.Hears("alice", "#alice", "from the desk")
	bob.Hears("alice", "#alice", "from the phone")

	phone.Sync()
	phone.Close()
	var missed []string
	for n := range 5 {
		missed = append(missed, fmt.Sprintf("missed %d", n))
		bob.Say("#alice", missed[n])
	}
	desk.Hears("bob", "#bob", "missed 4")
	for _, want := range [][]string{missed, nil} {
		phone = dialTalker(t, aliceG.Addr(), "alice@phone")
		if want != nil {
			phone.Hears("bob", "#bob", want[len(want)-1])
		}
		phone.Sync()
		phone.Sync() // the first may come before what is pushed
		var got []string
		for _, l := range phone.Lines() {
			if l.Command == "PRIVMSG" && l.Params[0] == "#bob" {
				got = append(got, l.text())
			}
		}
		if len(got) != len(want) {
			t.Errorf("on attaching again %q was shown, missed was %q", got, want)
		}
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("line %d is %q, not %q", i, got[i], want[i])
			}
		}
		phone.Close()
	}
}
