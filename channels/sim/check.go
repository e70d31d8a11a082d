package sim

import (
	"fmt"
	"slices"
	"strings"

	"hubbub/channels"
)

// check holds what everybody has in the end against what was said.
func (w *World) check() {
	for _, tk := range w.talks {
		for _, s := range tk.seats {
			s.unaware = s.out() && !s.left && s.untold() && !s.weak
		}
		live := tk.live()
		var whole *seat // whom others are held against
		for _, s := range live {
			s.checkSeat()
			if whole == nil && !s.orphan() {
				whole = s
			}
		}
		for _, s := range live {
			if whole != nil && s != whole && !s.orphan() {
				w.checkSame(s, whole)
			}
		}
		if whole != nil {
			whole.doubts()
		}
		w.tell("%s: %d are in, %d were", tk.name, len(live), len(tk.seats))
	}
	w.awaitPutOut()
	if w.seed%4 == 0 {
		w.checkSilence()
	}
	w.noMore()
	for _, tk := range w.talks {
		live := tk.live()
		for _, s := range tk.seats {
			if !s.left || s.removed && !s.away {
				s.checkHistory()
			}
		}
		w.checkOperations(live)
	}
	w.checkRivals()
	w.checkHubs()
	w.checkTokens()
	w.checkThieves()
	w.checkTold()
}

// checkSeat holds that a member knows the members, and that all he said is at
// the hubs.
func (s *seat) checkSeat() {
	w := s.talk.w
	v, ok := s.p.core.Channel(s.talk.name)
	if !ok {
		w.wrong(Same, "%s is not in %s", s.p.name, s.talk.name)
		return
	}
	if s.orphan() {
		return
	}
	for _, h := range v.Hubs {
		if alive := s.talk.alive(h); alive != nil && !s.unlet(alive) && len(v.Members) > 1 && (h.Behind > 0 || !h.Up) {
			w.wrong(Rest, "%s sees %s in %s as %+v", s.p.name, alive.name, s.talk.name, h)
		}
	}
	s.checkMembers(v)
	for _, m := range v.Members {
		// Who came by an invite of somebody who had left is out, and nobody can say so.
		o := s.talk.member(m.ID)
		if m.Waiting && o != nil && !o.left && !o.out() && !o.orphan() {
			w.wrong(Rest, "%s waits for %s's sender key in %s", s.p.name, m.Nick, s.talk.name)
		}
	}
}

// checkMembers holds that a member sees all who are in, and nobody who has left
// and could say so.
func (s *seat) checkMembers(v channels.ChannelView) {
	w := s.talk.w
	for _, o := range s.talk.seats {
		listed := slices.ContainsFunc(v.Members, func(m channels.MemberView) bool { return m.ID == o.id })
		switch {
		case o.out() && listed && !s.talk.deceived():
			w.wrong(Same, "%s still sees %s in %s, who was removed", s.p.name, o.p.name, s.talk.name)
		case o.orphan() || o.out():
		case o.left && o.gone && listed && !w.lossy() && o.witnessed() && !o.tells():
			w.wrong(Same, "%s still sees %s in %s, who has left", s.p.name, o.p.name, s.talk.name)
		case !o.left && !listed:
			w.wrong(Same, "%s does not see %s in %s", s.p.name, o.p.name, s.talk.name)
		}
	}
}

// witnessed says that somebody is in whom one who left knew, and told so that he
// leaves.
func (s *seat) witnessed() bool {
	return slices.ContainsFunc(s.talk.live(), func(o *seat) bool { return s.met[o.id] && !o.orphan() })
}

// tells says that the gateway of one who left has yet to tell it: who sits in another
// channel, that a hub need not know, is not waited for (person.left).
func (s *seat) tells() bool { return s.p.core != nil && s.p.core.Queue().Calls > 0 }

// alive is the hub that a view shows, if it is not lost to the channel.
func (tk *talk) alive(v channels.HubView) *house {
	for _, h := range tk.w.houses {
		if h.hub.Fingerprint() == v.Address.Fingerprint && !tk.lost(h) {
			return h
		}
	}
	return nil
}

// lost says that a hub is lost to a channel: it is dead, or has lost its memory
// and nobody is left who may open the channel there again.
func (tk *talk) lost(h *house) bool {
	return h.dead || h.lineage > 0 && !slices.ContainsFunc(tk.live(), func(s *seat) bool {
		// Who has come back does not open it again unless he keeps all on his hub.
		return s.p == h.owner && !s.weak && (!s.again || s.p.options.Mirror == channels.MirrorAuto)
	})
}

// quit says that the owner of a hub has left it by himself: who has come back is not
// who named it, and cannot take it back for the others.
func (tk *talk) quit(v channels.HubView) bool {
	return slices.ContainsFunc(tk.live(), func(s *seat) bool {
		return s.again && tk.alive(v).owner == s.p && slices.Contains(s.quits, v.Address.Fingerprint)
	})
}

// member is the seat of a member, nil if nobody here ever had that id.
func (tk *talk) member(id memberID) *seat {
	for _, s := range tk.seats {
		if s.id == id {
			return s
		}
	}
	return nil
}

// doubts notes who is suspended.
func (s *seat) doubts() {
	v, _ := s.p.core.Channel(s.talk.name)
	if by := s.talk.w.late[v.Topic]; by != nil && by.out() {
		s.talk.w.wrong(Same, "%s sees as topic of %s what was signed by who was out: %q", s.p.name, s.talk.name, v.Topic)
	}
	for _, m := range v.Members {
		if o := s.talk.member(m.ID); o != nil {
			o.doubted = &m.Suspended
		}
	}
}

// checkSame holds that two members see the same channel.
func (w *World) checkSame(s, other *seat) {
	a, b := s.sees(), other.sees()
	if a != b {
		w.wrong(Same, "%s sees %s as\n\t%s\n%s as\n\t%s", s.p.name, s.talk.name, a, other.p.name, b)
	}
}

// sees is what must be the same for all members.
func (s *seat) sees() string {
	v, _ := s.p.core.Channel(s.talk.name)
	var members, hubs []string
	for _, m := range v.Members {
		members = append(members, m.Fingerprint[:9]+map[bool]string{true: " suspended"}[m.Suspended])
	}
	for _, h := range v.Hubs {
		if s.talk.alive(h) != nil && !s.talk.quit(h) { // one's own that is dead may not have been told of
			hubs = append(hubs, h.Address.URL)
		}
	}
	slices.Sort(members)
	slices.Sort(hubs)
	safety, _ := s.p.core.Safety(s.talk.name)
	return fmt.Sprintf("topic %q, safety %s, members %q, hubs %q", v.Topic, safety, members, hubs)
}

// checkOperations holds that all members have the same operations.
func (w *World) checkOperations(live []*seat) {
	var first *seat
	var had map[string]bool
	for _, s := range live {
		if s.orphan() {
			continue
		}
		ops := map[string]bool{}
		for _, r := range s.p.phonebook(1, "SELECT hex(hash) FROM operations o JOIN channels c ON c.id = o.channel WHERE c.name = ?", s.talk.name) {
			ops[r[0].(string)] = true
		}
		if first == nil {
			first, had = s, ops
			continue
		}
		for _, x := range []struct {
			a, b *seat
			x, y map[string]bool
		}{{s, first, ops, had}, {first, s, had, ops}} {
			for h := range x.x {
				if !x.y[h] {
					w.wrong(Same, "%s has an operation of %s that %s lacks: %.8s (%d and %d)", x.a.p.name, s.talk.name, x.b.p.name, h, len(x.x), len(x.y))
					break
				}
			}
		}
	}
}

// shown is a line in somebody's history.
type shown struct {
	member string
	own    bool
	kind   int64
	late   bool
	text   string
}

// checkHistory holds what a member has in his history against what all said.
func (s *seat) checkHistory() {
	var lines []shown
	for _, r := range s.p.phonebook(5, `SELECT l.member, l.own, l.kind, l.late, l.text FROM lines l JOIN channels c ON c.id = l.channel
		WHERE c.name = ? AND l.kind <> 4 AND l.quoted = '' ORDER BY l.id`, s.talk.name) {
		lines = append(lines, shown{r[0].(string), r[1].(int64) != 0, r[2].(int64), r[3].(int64) != 0, r[4].(string)})
	}
	s.checkQuotes()
	w := s.talk.w
	claimed := 0
	for _, from := range s.talk.seats {
		claimed += s.checkTexts(from, lines)
	}
	if claimed != len(lines) {
		for _, l := range lines {
			if m := w.texts[l.text]; m == nil || m.from.talk != s.talk {
				w.wrong(Once, "%s has in %s what nobody said: %.60q", s.p.name, s.talk.name, l.text)
			}
		}
	}
}

// checkTexts holds that a member has what another said: once, in order, and
// complete as far as it was for him. It returns how many lines those are.
func (s *seat) checkTexts(from *seat, lines []shown) (claimed int) {
	w := s.talk.w
	last, ended := -1, false
	for _, m := range from.texts {
		at, times, late := -1, 0, false
		for i, l := range lines {
			if l.text != m.text {
				continue
			}
			claimed++
			times++
			if at < 0 {
				at, late = i, l.late
			}
			if l.kind != int64(m.kind) || l.own != (s == from) || l.member != string(from.id[:]) {
				w.wrong(Once, "%s has %.40q as %+v", s.p.name, m.text, l)
			}
		}
		must := s.must(m)
		m.got = m.got || at >= 0 && s != from && !s.left
		switch {
		case times > 1 && !m.twice:
			w.wrong(Once, "%s has %d times: %.40q", s.p.name, times, m.text)
		case at < 0 && must:
			w.wrong(Once, "%s never got: %.40q", s.p.name, m.text)
		case at >= 0 && m.gone[s.id] && s.out() && !m.twice:
			w.wrong(Private, "%s was removed, and has what was said by who knew it: %.40q", s.p.name, m.text)
		case at < 0:
			ended = ended || m.sealed && m.to[s.id]
		case at < last && !late && !from.weak: // of a copy two may stand in one place
			w.wrong(Once, "%s has before what was said before it: %.40q", s.p.name, m.text)
		case ended && !late && !s.toldOfLoss() && !from.weak && !s.weak && from.left:
			w.wrong(Once, "%s has %.40q, but not what came before it, and was not told", s.p.name, m.text)
		}
		if !late { // who is shown it sees that it was said before
			last = max(last, at)
		}
	}
	return claimed
}

// must says that a text is to be in a member's history.
func (s *seat) must(m *said) bool {
	from := m.from
	switch {
	case s == from:
		return !m.forgotten
	case s.out() || s.left:
		return false
	case !m.sealed || !m.to[s.id] || m.forgotten:
		return false
	case s.weak || from.weak || s.rival || from.rival || s.orphan() || from.orphan():
		return false
	case from.left || from.out():
		// Of one who left with texts that were at no hub the first may have come;
		// and of what a hub has lost he can put nothing again. Nor can who was removed,
		// beyond what all had who have done so: perhaps before they heard that he left.
		counts := (!from.left || from.clean) && !from.void() && !s.talk.w.lossy() && !s.talk.w.crowded()
		for _, c := range from.standing() {
			counts = counts && c.saw[m.text] && c.sure()
		}
		return counts
	}
	return true
}

// lossy says that a hub may have lost what nobody else has.
func (w *World) lossy() bool {
	return slices.ContainsFunc(w.houses, func(h *house) bool { return h.dead || h.lineage > 0 || h.lied })
}

// crowded says that a hub was full: then it has dropped older texts for newer
// ones, which only who has said them can put there again.
func (w *World) crowded() bool {
	return slices.ContainsFunc(w.houses, func(h *house) bool { return h.crowded })
}

// toldOfLoss says that a user was told that something is lost.
func (s *seat) toldOfLoss() bool {
	return slices.ContainsFunc(s.p.told, func(t telling) bool {
		return t.channel == s.talk.name && strings.Contains(t.text, "lost")
	})
}

// justTurnedAway says that the gateway of one who was never in has given the channel up,
// and ends before he has looked: he is held to be right in that when he looks.
func (s *seat) justTurnedAway() bool {
	return !s.in && len(s.p.phonebook(1, "SELECT id FROM channels WHERE name = ?", s.talk.name)) == 0
}

// checkBook holds, whenever a gateway ends, that what it has taken is there, and
// that what is called sent is at a hub.
func (p *person) checkBook() {
	w := p.w
	for _, tk := range w.talks {
		s := p.seat(tk)
		if s == nil || s.leaves || s.justTurnedAway() {
			continue
		}
		rows := p.phonebook(5, `SELECT l.text, l.sent, l.seq, coalesce(e.entry, x''),
			(SELECT count(*) FROM outbox o WHERE o.line = l.id) + (SELECT count(*) FROM calls k WHERE k.entry = e.id)
			FROM lines l JOIN channels c ON c.id = l.channel LEFT JOIN entries e ON e.channel = l.channel AND e.seq = l.seq AND e.state = 'own' AND l.seq > 0
			WHERE c.name = ? AND l.own = 1 AND l.kind <> 4 AND l.quoted = '' ORDER BY l.id`, tk.name)
		var want []string
		for _, m := range s.texts {
			if !m.forgotten {
				want = append(want, m.text)
			}
		}
		var got []string
		for _, r := range rows {
			text, sent, id := r[0].(string), r[1].(int64) != 0, r[3].(string)
			got = append(got, text)
			switch {
			case sent && len(id) != 32:
				w.wrong(Sent, "%s calls sent what was never sealed: %.40q", p.name, text)
			case sent && !w.stored[entryID([]byte(id))]:
				w.wrong(Sent, "%s calls sent what no hub has: %.40q", p.name, text)
			case !sent && r[4].(int64) == 0:
				w.wrong(Sent, "%s has neither sent nor is to send: %.40q", p.name, text)
			}
		}
		if !slices.Equal(got, want) {
			w.wrong(Sent, "%s has said in %s\n\t%.40q and has in the history\n\t%.40q", p.name, tk.name, want, got)
		}
	}
}
