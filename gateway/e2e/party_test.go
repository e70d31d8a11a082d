//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// party is a group of people: what the story in groups_test.go stands on.
type party struct {
	whole            *testing.T // the story; t is the part of it that is being told
	t                *testing.T
	alice, bob       *person // in irssi, in WeeChat
	carol, dave, eve *person
	irssi, weechat   *terminal
	in, ever         []*person // who is a member now; who ever wanted to be
	said             []utterance
}

// utterance is what somebody said, and to whom: those who were members then.
type utterance struct {
	by   *person
	text string
	to   []*person
}

// part is a subtest. What comes after one that failed has nothing to stand on.
func (c *party) part(name string, f func()) {
	began := time.Now()
	ok := c.whole.Run(name, func(t *testing.T) {
		c.on(t)
		defer c.on(c.whole)
		f()
		t.Logf("took %v", time.Since(began).Round(100*time.Millisecond))
	})
	if !ok {
		c.whole.FailNow()
	}
}

// on has all that fails fail a part, or the whole.
func (c *party) on(t *testing.T) {
	c.t = t
	for _, s := range []*terminal{c.irssi, c.weechat} {
		s.t = t
	}
	for _, p := range c.ever {
		p.t, p.g.t = t, t
		for _, k := range p.ears {
			k.t = t
		}
	}
}

// joined has everybody see that somebody has come in, and by whom.
func (c *party) joined(p, by *person) {
	c.t.Helper()
	for _, other := range c.in {
		other.scribe().Await(p.nick+" joining", func(l line) bool {
			return l.Command == "JOIN" && l.Source == p.nick && l.Params[0] == other.channel
		})
		if other != by {
			other.Told(fmt.Sprintf(`\b%s, invited by %s\b`, p.nick, by.nick))
		}
	}
	c.in = append(c.in, p)
	for _, other := range c.in {
		other.In(c.in...)
	}
	c.irssi.Sees(p.nick, "has joined "+c.alice.channel)
	if p != c.bob {
		c.weechat.Sees(p.nick, "has joined "+c.bob.channel)
	}
}

// gone takes somebody off the list of who is in.
func (c *party) gone(p *person) {
	c.in = slices.DeleteFunc(slices.Clone(c.in), func(o *person) bool { return o == p })
}

// say has somebody say something, as they are wont to: in a client or by a script.
func (c *party) say(p *person, text string) {
	c.t.Helper()
	switch p {
	case c.alice:
		p.Type(c.irssi, text)
	case c.bob:
		p.Type(c.weechat, text)
	default:
		p.Say(text)
	}
	c.said = append(c.said, utterance{p, text, slices.Clone(c.in)})
}

// allSay has all who are in say something.
func (c *party) allSay(when string) {
	c.t.Helper()
	for _, p := range c.in {
		c.say(p, p.nick+", "+when)
	}
	c.heard()
}

// heard waits until everybody has heard what was said to them, and checks that
// all of it came once and in its sender's order, and to nobody else.
func (c *party) heard() {
	c.t.Helper()
	for _, p := range c.ever {
		for _, by := range c.ever {
			due := c.due(by, p)
			await(c.t, fmt.Sprintf("%s to hear all that %s said", p.nick, by.nick), func() bool {
				return len(without(due, texts(p.Heard(by.nick)))) == 0
			}, func() string {
				return fmt.Sprintf("missing: %q\n%s\n%s", without(due, texts(p.Heard(by.nick))), p.scribe().Said(), by.scribe().Said())
			})
		}
	}
	for _, p := range c.ever {
		for _, by := range c.ever {
			if due, got := c.due(by, p), c.known(texts(p.Heard(by.nick))); !slices.Equal(due, got) {
				c.t.Errorf("%s said to %s\n%q\nand what came was\n%q", by.nick, p.nick, due, got)
			}
		}
	}
}

// due is what somebody said to somebody, in order.
func (c *party) due(by, to *person) (all []string) {
	for _, u := range c.said {
		if u.by == by && slices.Contains(u.to, to) {
			all = append(all, u.text)
		}
	}
	return all
}

// known are those of some texts that were said in the group.
func (c *party) known(heard []string) (all []string) {
	for _, text := range heard {
		if slices.ContainsFunc(c.said, func(u utterance) bool { return u.text == text }) {
			all = append(all, text)
		}
	}
	return all
}

// without are those of a list that are not on another.
func without(all, other []string) (rest []string) {
	for _, text := range all {
		if !slices.Contains(other, text) {
			rest = append(rest, text)
		}
	}
	return rest
}

// all waits until everybody who is in sees of a hub what a pattern names.
func (c *party) all(h *hub, pattern string) {
	c.t.Helper()
	for _, p := range c.in {
		p.Sees(h.URL, pattern)
	}
}
