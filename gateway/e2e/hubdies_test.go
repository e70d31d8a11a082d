//go:build linux

package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHubDies is what hubbub is for: a conversation outlives its hubs. Alice and
// Bob have one each, under Apaches of their own, and talk from irssi and
// WeeChat; Carol has none. Alice's hub is gone for ever in the middle of it; she
// puts up another; Bob's is gone as well; then all of them are, and a rescue key
// brings everything back.
func TestHubDies(t *testing.T) {
	long(t)
	need(t, "irssi", "weechat", "tmux")
	t.Parallel()
	a, b := startCGI(t), startCGI(t)
	c := meet(t, a, b)
	c.firstDies(a, b)
	third := startCGI(t)
	c.replace(third)
	c.secondDies(b, third)
	fourth := startCGI(t)
	c.allDie(third, fourth)
	c.toldOnce(a)
	c.tidy(map[*hub]*person{a: c.alice, b: c.bob, third: c.alice}, fourth)
}

// circle is Alice, Bob and Carol.
type circle struct {
	t              *testing.T
	alice, bob     *person
	carol          *person
	irssi, weechat *terminal // of Alice, of Bob
	all            []*person
}

// What status says of a channel's hub.
const (
	isUp   = `^ *hub \S+: (.*; )?up($|\n)`
	isDown = `^ *hub \S+: (.*; )?DOWN\b`
)

// meet brings them together: Alice on her hub, Bob by her key, whose gateway
// then keeps the conversation on his hub too, and Carol.
func meet(t *testing.T, a, b *hub) *circle {
	t.Helper()
	c := &circle{t: t, alice: newPerson(t, "alice", "#bob"), bob: newPerson(t, "bob", "#alice"), carol: newPerson(t, "carol", "#alice")}
	c.all = []*person{c.alice, c.bob, c.carol}
	c.irssi, c.weechat = startIrssi(t, "alice"), startWeeChat(t, "bob")
	connectIrssi(c.alice.g, c.irssi)
	connectWeeChat(c.bob.g, c.weechat)
	c.irssi.Line("/msg sysop hub add " + a.URL + " " + a.Claim(t).String())
	c.irssi.Line("/query sysop")
	c.irssi.Sees("is ready. It is yours")
	c.weechat.Line("/msg sysop hub add " + b.URL + " " + b.Claim(t).String())
	c.weechat.Await("sysop's query in the list", func(screen string) bool {
		return strings.Contains(screen, ".sysop") || strings.Contains(screen, " sysop")
	})
	c.weechat.Line("/buffer sysop")
	c.weechat.Sees("is ready. It is yours")

	c.weechat.Line(c.alice.scribe().Invite("#bob", "bob"))
	c.weechat.Sees("has joined #alice")
	c.irssi.Line("/window goto #bob")
	c.irssi.Sees("bob", "has joined #bob")
	for _, p := range c.all[:2] {
		p.Sees(a.URL, isUp)
		p.Sees(b.URL, isUp)
	}
	c.carol.joins(c.alice)
	for _, p := range c.all {
		p.In(c.all...)
		p.Sees(a.URL, isUp)
		p.Sees(b.URL, isUp)
	}
	c.alice.Type(c.irssi, "hello from irssi")
	c.bob.Type(c.weechat, "hello from WeeChat")
	c.carol.Say("hello from carol")
	agreed(t, c.all...)
	c.irssi.Sees("bob> hello from WeeChat")
	c.weechat.Sees("alice", "hello from irssi")
	return c
}

// firstDies ends a in the middle of a conversation.
func (c *circle) firstDies(a, b *hub) {
	t := c.t
	speaking := converse("before and after", 40, 50*time.Millisecond, c.all...)
	c.alice.Type(c.irssi, "irssi, just before")
	c.bob.Type(c.weechat, "WeeChat, just before")
	a.Destroy(t)
	c.alice.Type(c.irssi, "irssi, just after")
	c.bob.Type(c.weechat, "WeeChat, just after")
	speaking.Wait()
	agreed(t, c.all...)
	for _, p := range c.all {
		_, _, text := spread(delays("before and after", p, others(p, c.all)...))
		t.Logf("%s's lines around the end of the first hub: %s", p.nick, text)
	}
	c.measure("the first hub is gone", 24)
	for _, p := range c.all {
		p.Sees(a.URL, isDown)
		p.Sees(b.URL, isUp)
	}
	agreed(t, c.all...)
}

// replace puts a new hub in the place of the one that is gone: one command.
func (c *circle) replace(by *hub) {
	t := c.t
	c.irssi.Line("/msg sysop hub add " + by.URL + " " + by.Claim(t).String())
	added := time.Now()
	for _, p := range c.all {
		p.Sees(by.URL, isUp)
	}
	t.Logf("all knew the new hub %v after the command", time.Since(added).Round(time.Millisecond))
	converse("with a new hub", 10, 20*time.Millisecond, c.all...).Wait()
	agreed(t, c.all...)

	// Carol was away when the new hub got what had been said before it was there.
	c.carol.Restart(func() { c.alice.Say("carol is away") })
	agreed(t, c.all...)
}

// secondDies ends Bob's hub: what is left was not there at the beginning.
func (c *circle) secondDies(b, left *hub) {
	t := c.t
	speaking := converse("the second goes", 20, 50*time.Millisecond, c.all...)
	time.Sleep(300 * time.Millisecond) // in the middle of it
	b.Destroy(t)
	speaking.Wait()
	agreed(t, c.all...)
	c.measure("the second hub is gone", 8)
	for _, p := range c.all {
		p.Sees(b.URL, isDown)
		p.Sees(left.URL, isUp)
	}
	agreed(t, c.all...)
}

// allDie ends the last hub. What is said then is kept; Bob puts up another, and
// hands the others rescue keys.
func (c *circle) allDie(last, rescuer *hub) {
	t := c.t
	last.Destroy(t)
	c.alice.Type(c.irssi, "irssi, into the void")
	c.bob.Type(c.weechat, "WeeChat, into the void")
	c.carol.Say("carol, into the void")
	for _, p := range c.all {
		p.Sees(last.URL, isDown)
	}
	c.carol.Restart(func() {})
	for _, p := range c.all {
		if status := p.Status(); !strings.Contains(status, "No hub of it can be reached") {
			t.Errorf("%s's status with all hubs gone:\n%s", p.nick, status)
		}
	}

	c.weechat.Line("/msg sysop hub add " + rescuer.URL + " " + rescuer.Claim(t).String())
	c.bob.Sees(rescuer.URL, isUp)
	lines := c.rescueKeys()
	c.irssi.Line(lines["alice"])
	c.alice.Sees(rescuer.URL, isUp)
	c.carol.scribe().Say("sysop", strings.TrimPrefix(lines["carol"], "/msg sysop "))
	rescued := time.Now()
	agreed(t, c.all...)
	t.Logf("what was said into the void had come %v after the last rescue key was typed", time.Since(rescued).Round(time.Millisecond))
	converse("rescued", 10, 20*time.Millisecond, c.all...).Wait()
	c.alice.Type(c.irssi, "irssi again")
	c.bob.Type(c.weechat, "WeeChat again")
	agreed(t, c.all...)
	for _, p := range c.all {
		p.Sees(rescuer.URL, isUp)
		p.In(c.all...)
	}
	c.irssi.Sees("bob> WeeChat again")
	c.weechat.Sees("alice", "irssi again")
}

// toldOnce holds that the end of a hub was told, and once.
func (c *circle) toldOnce(h *hub) {
	c.t.Helper()
	for _, p := range []*person{c.alice, c.bob} {
		words := regexp.QuoteMeta(h.URL) + ` does not answer`
		p.Told(words)
		if n := p.TimesTold(words); n != 1 {
			c.t.Errorf("%s was told %d times that %s does not answer", p.nick, n, h.URL)
		}
	}
}

// tidy drops the hubs that are gone. What Carol has left is a hub that she knows
// from another alone, and at that after her gateway was started again.
func (c *circle) tidy(gone map[*hub]*person, left *hub) {
	for h, owner := range gone {
		owner.scribe().Say("sysop", "hub drop "+owner.channel+" "+h.URL)
	}
	for h := range gone {
		for _, p := range c.all {
			p.SeesNot(h.URL)
		}
	}
	c.carol.Restart(func() { c.bob.Say("carol is away, and all but one hub are dropped") })
	converse("tidy", 5, 20*time.Millisecond, c.all...).Wait()
	agreed(c.t, c.all...)
	c.carol.Sees(left.URL, isUp)
}

// rescueKeys has Bob make rescue keys: what each of the others is to type.
func (c *circle) rescueKeys() map[string]string {
	c.t.Helper()
	seen := len(c.bob.scribe().Lines())
	c.bob.scribe().Say("sysop", "hub rescue "+c.bob.channel)
	lines := map[string]string{}
	await(c.t, "two rescue keys", func() bool {
		whom := ""
		for _, l := range c.bob.scribe().Lines()[seen:] {
			if nick, ok := strings.CutPrefix(l.last(), "For "); ok {
				whom, _, _ = strings.Cut(nick, ",")
			} else if strings.HasPrefix(l.last(), "/msg sysop hub rescue HTTP") {
				lines[whom] = l.last()
			}
		}
		return len(lines) == 2
	}, c.bob.scribe().Said)
	return lines
}

// measure has irssi and WeeChat say lines by turns, each when the one before is
// on the other's screen, and takes the time from Enter to there. WeeChat itself
// sends no two lines within two seconds.
func (c *circle) measure(when string, lines int) {
	c.t.Helper()
	var took, through []time.Duration
	for n := range lines {
		p, from, to := c.alice, c.irssi, c.weechat
		if n%2 == 1 {
			p, from, to = c.bob, c.weechat, c.irssi
		}
		text := fmt.Sprintf("line %d when %s", n, when)
		p.Typed(text)
		from.Text(text)
		from.Sees(text)
		began := time.Now()
		from.Keys("Enter")
		await(c.t, text+" on the screen of "+to.name, func() bool { return to.shows(text) },
			func() string { return frame(to.Screen()) + p.Status() })
		shown := time.Now()
		took = append(took, shown.Sub(began))
		for _, l := range p.Heard(p.nick) {
			if l.text() == text {
				through = append(through, shown.Sub(l.At))
			}
		}
	}
	p50, _, text := spread(took)
	c.t.Logf("from Enter in one client to the other's screen, when %s: %s", when, text)
	_, _, text = spread(through)
	c.t.Logf("of that since the gateway had the line: %s", text)
	if p50 > 2*time.Second {
		c.t.Errorf("the median is %v, more than 2 s", p50)
	}
}

// others are all but one.
func others(p *person, all []*person) (rest []*person) {
	for _, o := range all {
		if o != p {
			rest = append(rest, o)
		}
	}
	return rest
}

// shows tells whether a text is on the screen now, however it is broken into rows.
func (s *terminal) shows(text string) bool {
	screen := s.Screen()
	if s.flow != nil {
		screen = s.flow(screen)
	}
	return inOrder(screen, []string{text})
}
