//go:build linux

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHubDiesWhileJoining: the hub that a one-time key names dies for ever while
// Eve joins by that key; the channel is on another hub, too. She comes in over
// that one, or is told in plain words what to do, and a new key works. In the end
// all see her in once, and nobody is half in.
func TestHubDiesWhileJoining(t *testing.T) {
	long(t)
	for _, c := range []struct {
		name string
		at   moment
	}{
		{"before the key was typed", nowhere},
		{"before it had the joining", asking},
		{"before its answer came", answering},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := startCGI(t), startCGI(t)
			alice, bob := newPerson(t, "alice", "#club"), newPerson(t, "bob", "#club")
			addHub(alice.scribe(), a)
			addHub(bob.scribe(), b)
			comesIn(bob, alice)
			alice.Sees(b.URL, isUp)
			bob.Sees(b.URL, isUp)
			g := newGate(t)
			eve := newPerson(t, "eve", "#club", g.Before(a))
			all := []*person{alice, bob, eve}

			key := alice.key("eve")
			if !strings.HasPrefix(strings.ToLower(key), a.URL) {
				t.Fatalf("the key does not name Alice's hub: %s", key)
			}
			g.Stop(c.at)
			if c.at == nowhere {
				a.Destroy(t)
			}
			eve.scribe().Send("JOIN #club " + key)
			if c.at != nowhere {
				g.Caught("the joining")
				a.Destroy(t)
				g.Break()
			}
			began := time.Now()
			if over := eve.getsIn(alice); over {
				t.Logf("in over the other hub after %v", time.Since(began).Round(10*time.Millisecond))
			} else {
				t.Logf("told what to do, and in by a new key after %v", time.Since(began).Round(10*time.Millisecond))
			}
			for _, p := range all {
				p.In(all...)
				p.Sees(b.URL, isUp)
			}
			converse("all in", 3, 20*time.Millisecond, all...).Wait()
			agreed(t, all...)
			for _, p := range all {
				p.In(all...)
			}
		})
	}
}

// newKeyWords are those that tell somebody whose joining came to nothing what to do.
var newKeyWords = regexp.MustCompile(`ask for a (new|further) (one-time )?(key|one)`)

// key makes a one-time key for somebody.
func (p *person) key(whom string) string {
	p.t.Helper()
	return keyOf(p.scribe().Invite(p.channel, whom))
}

// comesIn lets somebody in whom another invites, under the name that the channel
// has for this person.
func comesIn(p, by *person) {
	p.t.Helper()
	p.scribe().Redeem("/join " + p.channel + " " + by.key(p.nick))
}

// getsIn waits until somebody who has typed a key is in, or is told to ask for a
// new one, asks by for it, and is in by that. It says whether the first key did.
func (p *person) getsIn(by *person) bool {
	p.t.Helper()
	k := p.scribe()
	in := func() bool {
		_, ok := k.find(func(l line) bool { return l.Command == "JOIN" && l.Source == p.nick && l.Params[0] == p.channel })
		return ok
	}
	told := func() bool {
		_, ok := k.find(func(l line) bool { return newKeyWords.MatchString(l.last()) })
		return ok
	}
	await(p.t, p.nick+" to be in, or to be told what to do", func() bool { return in() || told() }, k.Said)
	if in() {
		return true
	}
	comesIn(p, by)
	return false
}
