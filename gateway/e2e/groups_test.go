//go:build linux

package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestGroups is a group's life: five people, one in irssi, one in WeeChat and
// three by scripts, bring each other in and put each other out, and their hubs
// die in the middle of it.
func TestGroups(t *testing.T) {
	long(t)
	need(t, "irssi", "weechat", "tmux")
	t.Parallel()
	a, b := startCGI(t), startCGI(t)
	aliceToB, carolToB, eveToA := newGate(t), newGate(t), newGate(t)
	c := &party{whole: t, t: t}
	c.alice, c.bob = newPerson(t, "alice", "#club", aliceToB.Before(b)), newPerson(t, "bob", "#club")
	c.carol, c.dave = newPerson(t, "carol", "#club", carolToB.Before(b)), newPerson(t, "dave", "#club")
	c.eve = newPerson(t, "eve", "#club", eveToA.Before(a))
	c.ever = []*person{c.alice, c.bob, c.carol, c.dave, c.eve}
	c.irssi, c.weechat = startIrssi(t, "alice"), startWeeChat(t, "bob")
	connectIrssi(c.alice.g, c.irssi)
	connectWeeChat(c.bob.g, c.weechat)

	c.part("everybody comes in", func() { c.comeIn(a, b) })
	c.part("a hub dies in the middle of an invitation", func() { c.invitationOver(a, b, eveToA) })
	third := startCGI(t)
	c.part("a new hub takes its place", func() { c.replace(third) })
	frank := newPerson(t, "frank", "#club")
	c.ever = append(c.ever, frank)
	c.part("a hub dies in the middle of a removal", func() { c.removalOver(b, third, aliceToB, carolToB, frank) })
	c.part("what was said before is shared", func() { c.share(frank) })
	c.part("who may not is told who could", c.authority)
	c.part("who is who", c.whois)
	c.part("a channel without its founder", c.fork)
	c.part("all came to whom it was said", c.heard)
}

// comeIn has alice found the channel, on her hub and bob's, and the others brought
// in: one after the other, and none of them sees what was said before.
func (c *party) comeIn(a, b *hub) {
	c.irssi.Line("/msg sysop hub add " + a.URL + " " + a.Claim(c.t).String())
	c.irssi.Line("/query sysop")
	c.irssi.Sees("is ready. It is yours")
	c.weechat.Line("/msg sysop hub add " + b.URL + " " + b.Claim(c.t).String())
	c.weechat.Await("sysop's query in the list", sysopsBuffer.MatchString)
	c.weechat.Line("/buffer sysop")
	c.weechat.Sees("is ready. It is yours")

	c.irssi.Line("/join #club")
	c.irssi.Sees("[#club]")
	c.in = []*person{c.alice}
	c.in = []*person{c.alice, c.bob} // what she says now waits for him
	c.say(c.alice, "whoever comes first hears this")
	c.in = []*person{c.alice}
	c.weechat.Line("/join #club " + c.alice.key("bob"))
	c.weechat.Sees("has joined #club")
	c.joined(c.bob, c.alice)
	c.all(a, isUp)
	c.all(b, isUp)
	c.allSay("before carol came")
	c.brings(c.bob, c.carol)
	c.allSay("before dave came")
	c.brings(c.carol, c.dave)
	c.allSay("before eve came")
}

// sysopsBuffer is how the query with sysop stands in WeeChat's list.
var sysopsBuffer = regexp.MustCompile(`(?m)^\d+\.\s*sysop`)

// brings has somebody bring somebody in.
func (c *party) brings(by, p *person) {
	c.t.Helper()
	comesIn(p, by)
	c.joined(p, by)
}

// invitationOver has alice invite eve by a key that names the hub a, which is gone
// for ever when eve's joining has just been done there and she has not heard of it.
func (c *party) invitationOver(a, b *hub, eveToA *gate) {
	key := c.alice.key("eve")
	eveToA.Stop(answering)
	c.eve.scribe().Send("JOIN #club " + key)
	eveToA.Caught("the joining")
	a.Destroy(c.t)
	eveToA.Break()
	began := time.Now()
	over := c.eve.getsIn(c.alice)
	c.joined(c.eve, c.alice)
	c.t.Logf("eve was in %v after the hub's end, by the first key: %v", time.Since(began).Round(10*time.Millisecond), over)
	c.all(a, isDown)
	c.all(b, isUp)
	c.allSay("with one hub")
}

// replace puts a new hub in the place of that which is gone: one command.
func (c *party) replace(by *hub) {
	c.irssi.Line("/msg sysop hub add " + by.URL + " " + by.Claim(c.t).String())
	c.all(by, isUp)
	c.allSay("with a new hub")
}

// removalOver has alice remove carol, while the hub b is gone for ever when it has
// just taken that and she has not heard of it. Carol had brought dave, who stays;
// two one-time keys are open, carol's and alice's.
func (c *party) removalOver(b, left *hub, aliceToB, carolToB *gate, frank *person) {
	// So that it is the other hub that takes them first.
	aliceToB.Stop(asking)
	ofAlice := c.alice.key("frank")
	aliceToB.Open()
	carolToB.Stop(asking)
	ofCarol := c.carol.key("frank")
	carolToB.Open()
	for _, key := range []string{ofAlice, ofCarol} {
		if !strings.HasPrefix(strings.ToLower(key), left.URL) {
			c.t.Fatalf("the key %s does not name %s", key, left.URL)
		}
	}
	c.allSay("before carol is removed")

	aliceToB.Stop(answering)
	c.irssi.Line("/kick carol")
	aliceToB.Caught("the removal")
	b.Destroy(c.t)
	aliceToB.Break()
	began := time.Now()
	c.gone(c.carol)
	for _, p := range c.in {
		p.scribe().Await("the KICK", func(l line) bool {
			return l.Command == "KICK" && l.Source == "alice" && l.Params[0] == "#club" && l.Params[1] == "carol"
		})
	}
	c.t.Logf("all had seen it %v after the hub's end", time.Since(began).Round(10*time.Millisecond))
	c.irssi.Sees("carol was kicked from #club by alice")
	c.weechat.Sees("alice", "has kicked carol")
	c.all(left, isUp)
	c.removed()
	c.carol.Restart(func() { c.say(c.dave, "carol's gateway is off") })
	c.allSay("without carol")
	for _, p := range c.in {
		p.In(c.in...)
	}

	frank.scribe().Send("JOIN #club " + ofCarol)
	frank.Told(newKeyWords.String())
	frank.scribe().Redeem("/join #club " + ofAlice)
	c.joined(frank, c.alice)
}

// removed is how it is for carol: she is told, she says nothing that anybody
// hears, and what she has heard is hers.
func (c *party) removed() {
	c.t.Helper()
	c.carol.Told(`^alice has removed you from #club\.`)
	k := c.carol.scribe()
	seen := len(k.Lines())
	c.carol.Typed("carol, who was removed")
	k.Say("#club", "carol, who was removed")
	c.said = append(c.said, utterance{by: c.carol, text: "carol, who was removed"})
	k.Sync()
	if !slices.ContainsFunc(k.Lines()[seen:], func(l line) bool { return strings.HasPrefix(l.Command, "4") || l.Command == "FAIL" }) {
		c.t.Errorf("carol's text was not refused:\n%s", k.Said())
	}
	later := c.carol.g.Client("carol@later", "server-time", "znc.in/self-message")
	later.Hears("alice", "#club", "alice, before carol is removed")
	later.Hears("bob", "#club", "bob, before dave came")
	later.Close()
}

// authority: whoever may not remove somebody is told who could; ranks can't be given.
func (c *party) authority() {
	k := c.dave.scribe()
	refused := func(words string) {
		c.t.Helper()
		k.Await("482 with "+words, func(l line) bool {
			return l.Command == "482" && regexp.MustCompile(words).MatchString(l.last())
		})
	}
	k.Send("KICK #club alice")
	refused(`(?i)alice founded`)
	k.Send("KICK #club eve")
	refused(`only alice can`)
	k.Send("MODE #club +o dave")
	refused(`who invited whom`)
	k.Send("KICK #club carol")
	k.Await("441", func(l line) bool { return l.Command == "441" && slices.Contains(l.Params, "carol") })
	c.weechat.Line("/kick eve")
	c.weechat.Sees("only alice can")
	c.allSay("nobody was removed")
	for _, p := range c.in {
		p.In(c.in...)
	}
}

// whois: everybody can see who brought whom, and note whose key was compared.
func (c *party) whois() {
	k := c.alice.scribe()
	about := func(nick string) string {
		c.t.Helper()
		k.Sync()
		seen := len(k.Lines())
		k.Send("WHOIS " + nick)
		k.Sync()
		var all []string
		for _, l := range k.Lines()[seen:] {
			if strings.HasPrefix(l.Command, "3") {
				all = append(all, l.last())
			}
		}
		return strings.Join(all, "\n")
	}
	for nick, by := range map[string]string{"bob": "alice", "eve": "alice", "dave": "carol"} {
		if text := about(nick); !strings.Contains(text, "invited by "+by) || !strings.Contains(text, "not verified") {
			c.t.Errorf("WHOIS %s says\n%s", nick, text)
		}
	}
	answer := k.Sysop("verify #club bob")
	if text := about("bob"); !strings.Contains(text, "verified: ") || strings.Contains(text, "not verified") {
		c.t.Errorf("WHOIS bob says, after he was verified\n%s\nsysop said %q", text, answer)
	}
	if text := about("dave"); !strings.Contains(text, "not verified") {
		c.t.Errorf("WHOIS dave says, after bob was verified\n%s", text)
	}
	c.irssi.Line("/whois bob")
	c.irssi.Line("/window goto 1")
	c.irssi.Sees("in #club: invited by alice", "verified: you have compared it")
	c.irssi.Line("/window goto #club")
}

// share: alice re-sends frank, who has just come, what was said before, and nobody
// else sees that.
func (c *party) share(to *person) {
	var before []string
	for _, l := range c.alice.scribe().Lines() {
		if l.Command == "PRIVMSG" && l.Params[0] == "#club" {
			before = append(before, l.Source+": "+l.text())
		}
	}
	before = before[len(before)-5:]
	c.irssi.Line("/msg sysop share #club " + to.nick + " 5")
	quotes := func(p *person) (all []string) {
		for _, l := range p.Heard("alice") {
			if m := quote.FindStringSubmatch(l.text()); m != nil {
				all = append(all, m[1]+": "+m[2])
			}
		}
		return all
	}
	await(c.t, to.nick+" to get five quotes", func() bool { return len(quotes(to)) >= len(before) }, to.scribe().Said)
	c.allSay("after the quotes")
	if got := quotes(to); !slices.Equal(got, before) {
		c.t.Errorf("%s got the quotes\n%q\nand said was\n%q", to.nick, got, before)
	}
	for _, p := range c.ever {
		if got := quotes(p); p != to && len(got) > 0 {
			c.t.Errorf("%s sees what was meant for %s: %q", p.nick, to.nick, got)
		}
	}
}

// quote is a line that somebody has shared: who said it and when.
var quote = regexp.MustCompile(`^\[(\w+), [^]]*\] (.*)$`)

// fork: dave founds a channel with the others, without alice.
func (c *party) fork() {
	c.dave.scribe().Sysop("fork #club #new without alice")
	guests := others(c.dave, others(c.alice, c.in))
	for _, p := range guests {
		p.scribe().Await("the INVITE", func(l line) bool {
			return l.Command == "INVITE" && l.Source == "dave" && l.Params[1] == "#new"
		})
	}
	c.weechat.Line("/join #new")
	for _, p := range others(c.bob, guests) {
		p.scribe().Send("JOIN #new")
	}
	for _, p := range guests {
		p.scribe().Await("#new", func(l line) bool {
			return l.Command == "JOIN" && l.Source == p.nick && l.Params[0] == "#new"
		})
	}
	everybody := append([]*person{c.dave}, guests...)
	for _, p := range everybody {
		await(c.t, "all to be in #new, for "+p.nick, func() bool { return len(p.scribe().members("#new")) == len(everybody) }, p.scribe().Said)
	}
	for _, p := range everybody {
		p.scribe().Say("#new", p.nick+", among ourselves")
	}
	for _, p := range everybody {
		for _, by := range everybody {
			p.scribe().Hears(by.nick, "#new", by.nick+", among ourselves")
		}
	}
	c.weechat.Line("/buffer irc.hubbub.#club")
	c.allSay("in the old place")
	if l, ok := c.alice.scribe().find(func(l line) bool { return l.Command == "INVITE" }); ok {
		c.t.Errorf("alice was invited, too: %s", l.Raw)
	}
}
