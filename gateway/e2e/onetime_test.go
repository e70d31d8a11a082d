//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOneTimeMeansOnce hands one key to fifty people, each with a gateway of
// their own, who redeem it in the same moment: hub.cgi processes decide.
func TestOneTimeMeansOnce(t *testing.T) {
	long(t)
	const people = 50
	hub := startCGI(t)
	alice := dialTalker(t, startGateway(t, "alice").Addr(), "alice")
	addHub(alice, hub)
	command := alice.Invite("#bob", "bob")

	joiners := make([]*talker, people)
	for i := range joiners {
		name := fmt.Sprintf("bob%02d", i)
		joiners[i] = dialTalker(t, startGateway(t, name).Addr(), name)
	}
	for _, k := range joiners {
		k.Send("JOIN " + strings.TrimPrefix(command, "/join "))
	}
	joined := 0
	for _, k := range joiners {
		answer := k.Await("an answer", func(l line) bool {
			return l.Command == "JOIN" && l.Source == k.Nick || strings.Contains(l.last(), "used this one-time key already")
		})
		if answer.Command == "JOIN" {
			joined++
			k.Say("#alice", "it is me, "+k.Nick)
			alice.Hears(k.Nick, "#bob", "it is me, "+k.Nick)
		}
	}
	if joined != 1 {
		t.Errorf("%d of %d are in", joined, people)
	}
}

// TestMistypedKeys types keys that are wrong in themselves. They are refused, and
// the user is told, before anything is asked of any hub.
func TestMistypedKeys(t *testing.T) {
	hub := startHubd(t)
	alice := dialTalker(t, startGateway(t, "alice").Addr(), "alice")
	addHub(alice, hub)
	capture, through := record(t, hub.URL)
	key := strings.Replace(keyOf(alice.Invite("#bob", "bob")), strings.ToUpper(hub.URL), strings.ToUpper(through), 1)
	bob := dialTalker(t, startGateway(t, "bob").Addr(), "bob")
	for what, spoilt := range map[string]string{
		"a wrong letter":                 flip(key, len(key)-20),
		"a wrong last one":               flip(key, len(key)-2),
		"the end cut off":                key[:len(key)-7],
		"one letter twice":               key + key[len(key)-1:],
		"a URL that it was not made for": key,
	} {
		seen := len(bob.Lines())
		bob.Send("JOIN #alice " + spoilt)
		bob.Sync()
		if !refused(bob.Lines()[seen:]) {
			t.Errorf("%s: the key is not refused:\n%s", what, bob.Said())
		}
	}
	if n := capture.Connections(); n != 0 {
		t.Errorf("mistyped keys led to %d connections", n)
	}
	bob.Send("JOIN #alice " + strings.Replace(key, strings.ToUpper(through), strings.ToUpper(hub.URL), 1))
	bob.Await("#alice", func(l line) bool { return l.Command == "JOIN" && l.Source == "bob" })
}

// refused tells whether a JOIN was answered with 475 and with words of sysop.
func refused(lines []line) bool {
	numeric, words := false, false
	for _, l := range lines {
		numeric = numeric || l.Command == "475"
		words = words || strings.EqualFold(l.Source, "sysop") && (strings.Contains(l.last(), "mistyped") || strings.Contains(l.last(), "cut off"))
	}
	return numeric && words
}

// TestClosedKeys tries a key that was revoked, and one whose time is over.
func TestClosedKeys(t *testing.T) {
	t.Parallel()
	hub := startHubd(t)
	// Her keys are good for a minute, and her clock is behind by nearly as much:
	// by the hub's clock a key of hers lasts for seconds.
	config := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(config, []byte("invite_valid = \"1m\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	alice := dialTalker(t, startGateway(t, "alice", arguments("-config", config), clockOff("-55s")).Addr(), "alice")
	addHub(alice, hub)
	bob := dialTalker(t, startGateway(t, "bob").Addr(), "bob")

	revoked := alice.Invite("#revoked", "bob")
	alice.Say("sysop", "revoke 1")
	alice.SysopSays("shows what is still open")
	bob.Send("JOIN #revoked " + keyOf(revoked))
	bob.SysopSays("was revoked: ask for a new one")

	expired := alice.Invite("#expired", "bob")
	made := time.Now()
	await(t, "the key's time to be over", func() bool { return time.Since(made) > 6*time.Second }, alice.Said)
	bob.Send("JOIN #expired " + keyOf(expired))
	bob.SysopSays("has expired: ask for a new one")
	for _, l := range bob.Lines() {
		if l.Command == "JOIN" {
			t.Errorf("a closed key opened a channel: %s", l.Raw)
		}
	}
}

// flip changes one character of a key to another that keys are made of.
func flip(key string, i int) string {
	c := byte('A')
	if key[i] == c {
		c = 'B'
	}
	return key[:i] + string(c) + key[i+1:]
}
