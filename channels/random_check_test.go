package channels_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// checkWorld holds what people have in the end against what was said.
func (g *randomWorld) checkWorld() {
	for _, p := range g.players {
		g.checkRest(p)
	}
	for _, tk := range g.talks {
		live := tk.live()
		for _, s := range live {
			s.p.do(channels.Join{Channel: tk.name}) // hidden channels have no backlog
			g.checkSeat(s)
			g.checkHistory(s)
			g.checkSame(s, live[0])
		}
		g.tell("%s: %d are in, %d were", tk.name, len(live), len(tk.seats))
	}
	g.checkSilence()
	g.checkErased()
}

func (g *randomWorld) wrong(format string, args ...any) {
	g.t.Helper()
	g.tell("WRONG: "+format, args...)
	g.t.Errorf(format, args...)
}

// checkRest holds that nothing is left to be done.
func (g *randomWorld) checkRest(p *player) {
	if n := p.left(); n > 0 {
		g.wrong("%s has %d calls to make, contents to seal or texts to show", p.name, n)
	}
	if n := p.core.Number("SELECT count(*) FROM channels WHERE state NOT IN ('member', 'removed')"); n > 0 {
		g.wrong("%s has %d channels that are neither here nor there", p.name, n)
	}
	for _, w := range p.warnings {
		if !strings.Contains(w, "goes on when it does") {
			g.wrong("%s was warned: %s", p.name, w)
		}
	}
}

// left is how much a gateway has yet to do. What is said to nobody waits for
// somebody to come.
func (p *player) left() int64 {
	n := p.core.Number("SELECT (SELECT count(*) FROM calls) + (SELECT count(*) FROM held)")
	for _, tk := range p.g.talks {
		if v, ok := p.core.Channel(tk.name); ok && len(v.Members) > 1 {
			n += p.core.Number("SELECT count(*) FROM outbox o JOIN channels c ON c.id = o.channel WHERE c.name = ?", tk.name)
		}
	}
	return n
}

// checkSeat holds that a member knows the members, and waits for nobody.
func (g *randomWorld) checkSeat(s *seat) {
	v, ok := s.p.core.Channel(s.talk.name)
	if !ok {
		g.wrong("%s is not in %s", s.p.name, s.talk.name)
		return
	}
	odd := slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return h.Behind > 0 || h.Standing != channels.Good })
	if v.Waiting || v.Pending > 0 && len(v.Members) > 1 || len(v.Members) > 1 && odd {
		g.wrong("%s sees of %s: waiting %v, pending %d, hubs %+v", s.p.name, s.talk.name, v.Waiting, v.Pending, v.Hubs)
	}
	for _, m := range v.Members {
		// Who came by an invite of somebody who had left is out, and nobody can say so.
		ghost := !slices.ContainsFunc(s.talk.live(), func(o *seat) bool { return o.id == m.ID })
		if m.Waiting && !(ghost && len(s.talk.live()) < len(s.talk.seats)) {
			g.wrong("%s waits for %s's sender key in %s", s.p.name, m.Nick, s.talk.name)
		}
	}
}

// checkSame holds that two members see the same channel: what was told while one
// came in was asked for since.
func (g *randomWorld) checkSame(s, other *seat) {
	if a, b := g.roster(s), g.roster(other); a != b {
		g.wrong("%s sees %s as\n\t%s\n%s as\n\t%s", s.p.name, s.talk.name, a, other.p.name, b)
	}
}

// roster is what must be the same for all members.
func (g *randomWorld) roster(s *seat) string {
	v, _ := s.p.core.Channel(s.talk.name)
	var members []string
	for _, m := range v.Members {
		members = append(members, m.Fingerprint[:9])
	}
	slices.Sort(members)
	safety, _ := s.p.core.Safety(s.talk.name)
	ops := s.p.core.Number("SELECT count(*) FROM operations o JOIN channels c ON c.id = o.channel WHERE c.name = ?", s.talk.name)
	return fmt.Sprintf("%d operations, topic %q, safety %s, members %q", ops, v.Topic, safety, members)
}

// checkHistory holds what a member has in his history against what all said.
func (g *randomWorld) checkHistory(s *seat) {
	lines, err := s.p.core.Backlog("all")
	if err != nil {
		g.t.Fatal(err)
	}
	var texts []channels.Line
	for _, l := range lines {
		switch {
		case l.Channel != s.talk.name:
		case l.Kind == channels.Info && strings.Contains(l.Text, "does not know the same members"): // for a while, and told so
		case l.Kind == channels.Info:
			if strings.Contains(l.Text, "lost") || strings.Contains(l.Text, "missing") || strings.Contains(l.Text, "could not") {
				g.wrong("%s was told in %s: %s", s.p.name, l.Channel, l.Text)
			}
		default:
			texts = append(texts, l)
		}
	}
	claimed := 0
	for _, from := range s.talk.seats {
		claimed += g.checkTexts(s, from, texts)
	}
	if claimed != len(texts) {
		g.wrong("%s has %d lines in %s, of which %d were said", s.p.name, len(texts), s.talk.name, claimed)
	}
}

// checkTexts holds that a member has what another said: once, in order, and
// complete as far as it was for him. It returns how many lines those are.
func (g *randomWorld) checkTexts(s, from *seat, lines []channels.Line) (claimed int) {
	last, ended := -1, false
	for _, m := range from.texts {
		at := -1
		for i, l := range lines {
			if l.Text != m.text {
				continue
			}
			claimed++
			if at >= 0 {
				g.wrong("%s has twice: %.40q", s.p.name, m.text)
			}
			if at = i; l.Kind != m.kind || l.Own != (s == from) {
				g.wrong("%s has %.40q as %+v", s.p.name, m.text, l)
			}
		}
		// Of one who left with texts that were at no hub, the first may have come.
		must := s == from || m.to[s.id] && (!from.left || from.clean)
		switch {
		case at < 0 && must:
			g.wrong("%s never got: %.40q", s.p.name, m.text)
		case at < 0:
			ended = ended || m.to[s.id]
		case at < last:
			g.wrong("%s has before what was said before it: %.40q", s.p.name, m.text)
		case ended:
			g.wrong("%s has %.40q, but not what came before it", s.p.name, m.text)
		}
		last = max(last, at)
	}
	return claimed
}

// checkSilence lets some time pass in which nobody does anything: a gateway has
// one fetch that waits, and not much else.
func (g *randomWorld) checkSilence() {
	before := make([]int, len(g.players))
	for i, p := range g.players {
		before[i] = p.requests
	}
	const silence = 20 * time.Minute
	g.run(silence)
	for i, p := range g.players {
		n, most := p.requests-before[i], 2*int(silence/wire.MaxWait)+20 // of two hubs
		if n > most {
			g.wrong("%s made %d requests in twenty minutes of silence", p.name, n)
		}
		if len(p.flying) > 4 {
			g.wrong("%s has %d requests under way", p.name, len(p.flying))
		}
	}
}
