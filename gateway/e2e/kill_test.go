//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestKill has two scripted people say a thousand things while the hub's
// processes and either gateway are killed at random. A line is accepted once a
// later PING was answered. Accepted lines must arrive exactly once and in their
// sender's order, all others at most once. Nothing is ever said a second time.
func TestKill(t *testing.T) {
	long(t)
	for seed := *first; seed < *first+int64(*seeds); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { killRun(t, uint64(seed), 1) })
	}
}

// TestKillTwoHubs is TestKill where Bob has a hub too, on which his gateway
// keeps the conversation: processes of both hubs are killed.
func TestKillTwoHubs(t *testing.T) {
	long(t)
	for seed := *first; seed < *first+int64(*seeds); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { killRun(t, uint64(seed), 2) })
	}
}

const (
	linesEach    = 500
	gatewayKills = 12 // of either gateway together
	hubKills     = 36
)

func killRun(t *testing.T, seed uint64, places int) {
	rng := rand.New(rand.NewPCG(seed, 17))
	var hubs []*hub
	for range places {
		hubs = append(hubs, startCGI(t))
	}
	aliceG, bobG := startGateway(t, "alice"), startGateway(t, "bob")
	introduce(t, hubs, aliceG, bobG)
	var accepted atomic.Int64
	alice := newSpeaker(t, "alice", "#bob", "bob", aliceG, rng.Uint64(), &accepted)
	bob := newSpeaker(t, "bob", "#alice", "alice", bobG, rng.Uint64(), &accepted)

	began := time.Now()
	var speaking sync.WaitGroup
	speaking.Go(alice.speak)
	speaking.Go(bob.speak)
	killed := killAtRandom(t, rng, &accepted, hubs, aliceG, bobG)
	speaking.Wait()
	said := time.Since(began)
	alice.listenTo(bob)
	bob.listenTo(alice)
	t.Logf("%d lines said in %v, %d accepted; %s; all had arrived after %v",
		2*linesEach, said.Round(time.Second), accepted.Load(), killed, time.Since(began).Round(time.Second))
	if accepted.Load() < linesEach {
		t.Errorf("only %d of %d lines were accepted: too few to tell anything", accepted.Load(), 2*linesEach)
	}
	alice.checkHeard(bob)
	bob.checkHeard(alice)
}

// introduce lets alice open a channel on a hub and bob join it, and waits until
// it is on bob's hub, too, if he has one.
func introduce(t *testing.T, hubs []*hub, aliceG, bobG *gateway) {
	t.Helper()
	alice, bob := dialTalker(t, aliceG.Addr(), "alice"), dialTalker(t, bobG.Addr(), "bob")
	addHub(alice, hubs[0])
	if len(hubs) > 1 {
		addHub(bob, hubs[1])
	}
	bob.Redeem(alice.Invite("#bob", "bob"))
	for _, h := range hubs {
		await(t, "the channel to be on "+h.URL, func() bool {
			return hubIs(alice.Sysop("status #bob"), h.URL, isUp)
		}, alice.Said)
	}
	bob.Say("#alice", "ready")
	alice.Hears("bob", "#bob", "ready")
	alice.Say("#bob", "ready too")
	bob.Hears("alice", "#alice", "ready too")
	for _, k := range []*talker{alice, bob} {
		k.Sync()
		k.Close()
	}
}

// killAtRandom kills as the number of accepted lines passes random marks, and
// says what it did.
func killAtRandom(t *testing.T, rng *rand.Rand, accepted *atomic.Int64, hubs []*hub, gateways ...*gateway) string {
	t.Helper()
	atGateway, atHub := map[int64]bool{}, map[int64]bool{}
	for len(atGateway) < gatewayKills {
		atGateway[1+rng.Int64N(linesEach*8/5)] = true
	}
	for len(atHub) < hubKills {
		atHub[1+rng.Int64N(linesEach*8/5)] = true
	}
	g, h := 0, 0
	stalled := time.Now()
	for n := int64(0); n < linesEach*8/5; {
		if accepted.Load() <= n {
			if time.Since(stalled) > 2*patience {
				t.Errorf("nothing was accepted for %v", 2*patience)
				break
			}
			time.Sleep(time.Millisecond)
			continue
		}
		n++
		stalled = time.Now()
		if atHub[n] {
			h += hubs[rng.IntN(len(hubs))].Kill(rng)
		}
		if atGateway[n] {
			victim := gateways[rng.IntN(len(gateways))]
			victim.Kill()
			victim.Start()
			g++
		}
	}
	return fmt.Sprintf("%d gateways and %d hub processes killed", g, h)
}

// speaker says numbered lines through a gateway that may die at any time, and
// comes back as an IRC client would.
type speaker struct {
	t        testing.TB
	nick     string
	channel  string
	other    string // the nick of who is to hear it
	addr     string
	rng      *rand.Rand
	accepted *atomic.Int64

	lines []spoken
	conns []*talker // one after the other
}

// spoken is a line that was sent once.
type spoken struct {
	text     string
	accepted bool
}

func newSpeaker(t testing.TB, nick, channel, other string, g *gateway, seed uint64, accepted *atomic.Int64) *speaker {
	return &speaker{t: t, nick: nick, channel: channel, other: other, addr: g.Addr(), rng: rand.New(rand.NewPCG(seed, 1)), accepted: accepted}
}

// speak says all lines, a few at a time.
func (s *speaker) speak() {
	for len(s.lines) < linesEach {
		k := s.client()
		if k == nil {
			return
		}
		time.Sleep(time.Duration(s.rng.IntN(100)) * time.Millisecond) // to be in between of everything
		from := len(s.lines)
		for range 1 + s.rng.IntN(4) {
			text := fmt.Sprintf("%s says no. %d. of %x", s.nick, len(s.lines), s.rng.Uint32())
			s.lines = append(s.lines, spoken{text: text})
			k.Say(s.channel, text)
		}
		token := k.Ping()
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			if _, ok := k.find(func(l line) bool { return isPong(l, token) }); ok {
				for i := from; i < len(s.lines); i++ {
					s.lines[i].accepted = true
				}
				s.accepted.Add(int64(len(s.lines) - from))
				break
			}
			if k.Ended() {
				break
			}
			if time.Now().After(end) {
				s.t.Errorf("a PING of %s was not answered in %v", s.nick, patience)
				return
			}
		}
	}
}

// client is the connection there is, or a new one; nil if there is none to be had.
func (s *speaker) client() *talker {
	if n := len(s.conns); n > 0 && !s.conns[n-1].Ended() {
		return s.conns[n-1]
	}
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var k *talker
		if k, err = tryTalker(s.t, s.addr, s.nick, "server-time", "message-tags"); err == nil {
			s.conns = append(s.conns, k)
			return k
		}
	}
	s.t.Errorf("%s could not connect again: %v", s.nick, err)
	return nil
}

// listenTo waits until all that the other had accepted was heard.
func (s *speaker) listenTo(other *speaker) {
	s.t.Helper()
	await(s.t, s.nick+" to hear all of "+other.nick, func() bool {
		if s.client() == nil {
			return false
		}
		heard := s.heard()
		for _, l := range other.lines {
			if l.accepted && len(heard[l.text]) == 0 {
				return false
			}
		}
		return true
	}, func() string { return s.missing(other) })
}

// hearing is where a line was heard.
type hearing struct {
	conn, at int
	sure     bool // the gateway knew, before the connection ended, that it was delivered
}

// heard finds all hearings of the other's lines.
func (s *speaker) heard() map[string][]hearing {
	all := map[string][]hearing{}
	for c, k := range s.conns {
		sure := k.Delivered()
		for i, l := range k.Lines() {
			if l.Command == "PRIVMSG" && l.Source == s.other && l.Params[0] == s.channel {
				all[l.text()] = append(all[l.text()], hearing{c, i, i < sure})
			}
		}
	}
	return all
}

func (s *speaker) missing(other *speaker) string {
	var lost []string
	heard := s.heard()
	for _, l := range other.lines {
		if l.accepted && len(heard[l.text]) == 0 {
			lost = append(lost, l.text)
		}
	}
	return fmt.Sprintf("%s did not hear %d lines: %s\n%s", s.nick, len(lost), strings.Join(lost[:min(5, len(lost))], "; "), s.conns[len(s.conns)-1].Said())
}

// checkHeard holds what was heard against what the other said. A line may come
// again only if the gateway could not know that it had been delivered.
func (s *speaker) checkHeard(other *speaker) {
	s.t.Helper()
	heard := s.heard()
	last := hearing{conn: -1}
	repeated := 0
	for i, l := range other.lines {
		at := heard[l.text]
		if len(at) == 0 {
			if l.accepted {
				s.t.Errorf("%s's line %d was accepted and not heard", other.nick, i)
			}
			continue
		}
		for n := 1; n < len(at); n++ {
			repeated++
			if at[n-1].sure || at[n-1].conn == at[n].conn {
				s.t.Errorf("%s's line %d was heard again, though it had been delivered: %v", other.nick, i, at)
			}
		}
		if at[0].conn < last.conn || at[0].conn == last.conn && at[0].at < last.at {
			s.t.Errorf("%s's line %d was heard before an earlier one", other.nick, i)
		}
		last = at[0]
	}
	s.t.Logf("%s heard %d lines of %s, %d of them again after a crash", s.nick, len(heard), other.nick, repeated)
}
