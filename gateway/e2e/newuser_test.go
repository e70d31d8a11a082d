//go:build linux

package e2e

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

// TestNewUser is the way that the README shows: two commands, no configuration.
func TestNewUser(t *testing.T) {
	long(t)
	need(t, "irssi", "weechat", "tmux", "zbarimg")
	t.Parallel()
	mustBeFree(t, "127.0.0.1:6667")
	p := &pair{t: t, name: "newuser"}
	p.aliceG = startPlain(t, "alice", "go", "run", "./gateway")
	p.alice = patientIrssi(t, aliceNick)
	connectIrssi(p.aliceG, p.alice)
	golden(t, "irssi", "newuser-connected", p.alice.Screen())
	p.Invite()
	golden(t, "irssi", "newuser-invite", hideKey(p.alice.Screen()))

	p.bobG = startGateway(t, "bob")
	p.bob = startWeeChat(t, bobNick)
	connectWeeChat(p.bobG, p.bob)
	p.Redeem()
	p.Talk()
	p.Transcript()
}

// TestWeeChatInvites is the other way round: the code is scanned off WeeChat's
// narrower screen, and irssi joins.
func TestWeeChatInvites(t *testing.T) {
	long(t)
	need(t, "irssi", "weechat", "tmux", "zbarimg")
	t.Parallel()
	bobG, aliceG := startGateway(t, "bob"), startGateway(t, "alice")
	bob, alice := startWeeChat(t, bobNick), startIrssi(t, aliceNick)
	connectWeeChat(bobG, bob)
	bob.Line("/join #" + aliceNick)
	bob.Sees("has joined #" + aliceNick)
	bob.Line("/invite " + aliceNick)
	bob.Await("sysop's query in the list", func(screen string) bool {
		return strings.Contains(screen, ".sysop") || strings.Contains(screen, " sysop")
	})
	bob.Line("/buffer sysop")
	command := scanInvite(bob, "#"+bobNick)
	golden(t, "weechat", "weechat-invite", hideKey(bob.Screen()))

	connectIrssi(aliceG, alice)
	alice.Line(command)
	alice.Sees("has joined #" + bobNick)
	alice.Line("may I come in?")
	bob.Line("/buffer #" + aliceNick)
	bob.Sees(aliceNick, "may I come in?")
	bob.Line("please do")
	alice.Sees(bobNick + "> please do")
}

// TestVersion asks the built program what it is.
func TestVersion(t *testing.T) {
	out, err := exec.Command(gatewayBinary(t), "-version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "hubbub") {
		t.Errorf("-version: %v %q", err, out)
	}
}

// TestSecondStart starts a gateway on a data folder in use, and on a port in use:
// each refusal names the flag that helps.
func TestSecondStart(t *testing.T) {
	g := startGateway(t, "alice")
	for _, c := range []struct{ flags, wants []string }{
		{[]string{"-data", g.Data, "-listen", "127.0.0.1:0"}, []string{"-data", "running"}},
		{[]string{"-data", t.TempDir(), "-listen", g.Addr()}, []string{"-listen"}},
	} {
		cmd := exec.Command(gatewayBinary(t), c.flags...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() < 1 {
			t.Errorf("%q: it ended with %v: %s", c.flags, err, out)
		}
		for _, want := range c.wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("%q: it does not speak of %q: %s", c.flags, want, out)
			}
		}
	}
}

// mustBeFree skips the test if somebody, perhaps the user's own gateway, has an address.
func mustBeFree(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		lack(t, "the port is taken: "+err.Error())
	}
	l.Close()
}
