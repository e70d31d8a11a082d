package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
)

// Who is in a talk is held here by the removals that gateways have accepted, and
// by who invited whom: not by what any gateway makes of that.

// cut is a removal of somebody, as its maker's gateway has accepted it.
type cut struct {
	by        *seat
	knew      map[memberID]bool // whom its maker saw: of those who came by the removed one's keys these stay
	saw       map[string]bool   // of the texts of the removed one those that its maker had: they count
	at        time.Time
	told      time.Time // when all was at the hubs that its maker had to say and do
	forgotten bool      // its maker does not know of it any more, and nobody has heard of it
}

// inviter is who let somebody in, nil of the founder.
func (s *seat) inviter() *seat {
	if s.join == nil {
		return nil
	}
	return s.join.by
}

// above says that a member has invited another, or somebody above him.
func (s *seat) above(o *seat) bool {
	for by := o.inviter(); by != nil; by = by.inviter() {
		if by == s {
			return true
		}
	}
	return false
}

// standing are the removals of somebody that have come to anything.
func (s *seat) standing() []*cut {
	return slices.DeleteFunc(slices.Clone(s.cuts), func(c *cut) bool { return c.forgotten })
}

// out says that somebody was removed, whether his gateway has heard of it or not,
// or that his joining counts no more.
func (s *seat) out() bool { return len(s.standing()) > 0 || s.void() }

// void says that somebody's joining does not count, since who removed his inviter,
// or anybody on the way up, had not heard of it.
func (s *seat) void() bool {
	by := s.inviter()
	return by != nil && (by.void() || slices.ContainsFunc(by.standing(), func(c *cut) bool { return !c.knew[s.id] }))
}

// why are the removals by which somebody is out: of him, or of one by whom he came.
func (s *seat) why() []*cut {
	if list := s.standing(); len(list) > 0 || s.inviter() == nil {
		return list
	}
	return s.inviter().why()
}

// remove has somebody put another out, who may or may not stand below him.
func (s *seat) remove(o *seat) {
	p, w := s.p, s.talk.w
	v, ok := p.core.Channel(s.talk.name)
	i := slices.IndexFunc(v.Members, func(m channels.MemberView) bool { return m.ID == o.id })
	if !ok || i < 0 || o == s {
		return
	}
	if w.chance(0.25) {
		o.keep()
		if p.core == nil || o.left {
			return
		}
	}
	ref := p.ask(func(channels.Event) {})
	w.tell("%s would remove %s from %s", p.name, o.p.name, s.talk.name)
	w.shake(o.p, nil)
	for _, e := range p.do(channels.Remove{Channel: s.talk.name, Nick: v.Members[i].Nick, Ref: ref}) {
		switch e := e.(type) {
		case channels.Done:
			if e.Ref == ref {
				s.hasRemoved(o, v)
			}
		case channels.Failed:
			if e.Ref == ref {
				s.mayNot(o, v, e)
			}
		}
	}
}

// hasRemoved takes that a gateway has accepted a removal.
func (s *seat) hasRemoved(o *seat, v channels.ChannelView) {
	w := s.talk.w
	if !s.above(o) {
		w.wrong(Same, "%s could remove %s from %s, and is not above", s.p.name, o.p.name, s.talk.name)
	}
	c := &cut{by: s, at: w.now, knew: map[memberID]bool{}, saw: map[string]bool{}}
	for _, m := range v.Members {
		c.knew[m.ID] = true
	}
	for _, out := range s.talk.seats { // who was removed before has brought in others, who stay
		if out.out() && slices.Contains(out.knownBy, s) {
			c.knew[out.id] = true
		}
	}
	for _, m := range o.texts {
		if s.p.saw[m.text] {
			c.saw[m.text] = true
		}
	}
	o.cuts = append(o.cuts, c)
	w.fresh = append(w.fresh, c)
	w.mishaps["a removal"]++
	for _, j := range s.talk.joins {
		if j.by == o && !j.done {
			j.dubious = true
		}
	}
}

// mayNot takes that a gateway does not accept a removal, and says why.
func (s *seat) mayNot(o *seat, v channels.ChannelView, f channels.Failed) {
	w := s.talk.w
	w.mishaps["a removal without authority"]++
	if s.above(o) && !v.Waiting && !s.removed && !s.rival && !s.suspendedIn(v) {
		w.wrong(Same, "%s may not remove %s from %s, though above: %s %s", s.p.name, o.p.name, s.talk.name, f.Code, f.Text)
	}
	if f.Text == "" || f.Code != channels.CodeNotAllowed && f.Code != channels.CodeNotPossible {
		w.wrong(Told, "%s is not told why %s stays in %s: %+v", s.p.name, o.p.name, s.talk.name, f)
	}
	if f.Code != channels.CodeNotAllowed {
		return
	}
	var could []string
	for _, m := range v.Members {
		if by := s.talk.member(m.ID); by != nil && by.above(o) && !m.Suspended {
			could = append(could, m.Nick)
		}
	}
	if len(could) > 0 && !slices.ContainsFunc(could, func(nick string) bool { return strings.Contains(f.Text, nick) }) {
		w.wrong(Told, "%s is not told that %q could remove %s: %s", s.p.name, could, o.p.name, f.Text)
	}
}

// suspendedIn says that somebody sees that he is suspended.
func (s *seat) suspendedIn(v channels.ChannelView) bool {
	return len(v.Members) > 0 && v.Members[0].Suspended
}

// keep has somebody copy his phonebook, as who expects to be put out would do.
func (s *seat) keep() {
	p, w := s.p, s.talk.w
	if p.core == nil || s.ghost != "" {
		return
	}
	p.stop()
	s.ghost = p.dir + " of a ghost in " + s.talk.name[1:] + " " + string(rune('a'+len(s.talk.seats)))
	w.must(copyFolder(p.dir, s.ghost))
	p.start()
}

// quarrel has people put each other out: by themselves, while they are cut off
// from the others, or several at once.
func (s *seat) quarrel() {
	w, tk := s.talk.w, s.talk
	if by := s.inviter(); by != nil && by.p.on() && by.p.seat(tk) == by && w.chance(0.6) {
		s = by // who stands above
	}
	if w.chance(0.25) {
		s.seclude(10*time.Second + w.some(5*time.Minute))
	}
	o := s.victim()
	if o == nil {
		return
	}
	also := func(by, of *seat) { // about when the other one happens
		if by == nil || of == nil {
			return
		}
		if w.chance(0.3) {
			by.seclude(w.some(2 * time.Minute))
		}
		w.after(w.some(3*time.Second), func() {
			if !w.calm && by.p.on() && by.p.seat(tk) == by {
				by.remove(of)
			}
		})
	}
	switch w.rng.IntN(6) {
	case 0: // one below removes another below him
		also(o, o.victim())
	case 1: // one above removes the same
		also(o.inviter(), o)
	case 2: // or who removes is removed
		also(s.inviter(), s)
	case 3: // or he brings another in, of whom who removes him cannot hear
		if o.p.on() && o.p.seat(tk) == o && s.above(o) {
			s.seclude(2 * time.Minute)
			o.invite(tk.anybody())
			w.after(50*time.Second, func() {
				if !w.calm && s.p.on() && s.p.seat(tk) == s {
					s.remove(o)
				}
			})
			return
		}
	}
	if s.above(o) && w.chance(0.2) {
		s.letter(o)
		return
	}
	if s.p.on() && s.p.seat(tk) == s {
		s.remove(o)
	}
	if w.chance(0.3) {
		o.late()
	}
	if w.chance(0.15) && s.p.on() && s.p.seat(tk) == s {
		s.leave()
	}
}

// letter has somebody make a one-time key, and then put another out, who has copied
// all that he had. When that is told, and nobody else is there, somebody comes by
// the key, who cannot but speak to whoever has the secrets of the invite.
func (s *seat) letter(o *seat) {
	tk, p, w := s.talk, s.p, s.talk.w
	if !p.on() || p.seat(tk) != s {
		return
	}
	p.do(channels.Invite{Channel: tk.name, Ref: p.ask(func(e channels.Event) {
		made, ok := e.(channels.Invited)
		if !ok {
			return
		}
		reader := tk.anybody()
		w.mishaps["a letter"]++
		j := s.joining(reader, made)
		w.after(5*time.Second, func() { // then he has heard of the key
			if w.calm || p.core == nil || o.p.core == nil || o.left || p.seat(tk) != s {
				return
			}
			o.keep()
			s.remove(o)
		})
		w.after(3*time.Minute-time.Second, p.look) // whether all is told
		w.after(3*time.Minute, func() {
			tk.nobodyLooks()
			j.redeem(tk)
		})
		w.after(3*time.Minute+5*time.Second, func() {
			reader.look()
			if r := reader.seat(tk); r != nil && reader.on() && !w.calm {
				r.say()
			}
		})
	})})
}

// late has somebody who was removed, and has not heard of it, do what counts no more.
func (s *seat) late() {
	w := s.talk.w
	if len(s.cuts) == 0 || s.left || !s.p.on() || s.p.seat(s.talk) != s {
		return
	}
	text := fmt.Sprint(lateTopic, len(w.late))
	w.late[text] = s
	s.p.do(channels.SetTopic{Channel: s.talk.name, Text: text})
}

// victim is who somebody would remove: mostly one who stands below.
func (s *seat) victim() *seat {
	w := s.talk.w
	var below, others []*seat
	for _, o := range s.talk.live() {
		if o != s {
			others = append(others, o)
			if s.above(o) {
				below = append(below, o)
			}
		}
	}
	switch {
	case len(below) > 0 && w.chance(0.8):
		return pick(w, below)
	case len(others) > 0 && w.chance(0.4):
		return pick(w, others)
	}
	return nil
}

// seclude cuts somebody off from all hubs for a while.
func (s *seat) seclude(d time.Duration) {
	p, w := s.p, s.talk.w
	w.tell("%s is cut off for %v", p.name, d)
	w.shake(p, nil)
	for _, h := range w.houses {
		l := p.line(h)
		if l.cut {
			continue
		}
		l.cut = true
		h.hangUp(func(o *letter) bool { return o.way == l })
		w.after(d, func() {
			l.cut = false
			w.shake(p, nil)
		})
	}
}

// noteRemoved notes that a gateway has told its user that he was removed.
func (p *person) noteRemoved(events []channels.Event) {
	for _, e := range events {
		l, _ := e.(channels.Line)
		if !tellsOut(e, l.Channel) {
			continue
		}
		p.look() // it may be the first that is heard of his being in
		for _, tk := range p.w.talks {
			if s := p.seat(tk); s != nil && tk.name == l.Channel {
				s.guesses = strings.HasPrefix(l.Text, "no hub ")
				s.isRemoved()
			}
		}
	}
}

// tellsOut says that somebody is told that he is in a channel no more.
func tellsOut(e channels.Event, channel string) bool {
	l, ok := e.(channels.Line)
	return ok && l.Kind == channels.Info && l.Channel == channel && strings.Contains(l.Text, "What was said so far stays here")
}

// isRemoved ends the seat of one whose gateway has heard that he was removed.
func (s *seat) isRemoved() {
	w := s.talk.w
	if len(s.cuts) == 0 && !s.out() && !(s.guesses && s.hubless()) && (s.join == nil || !s.join.revoked && !s.join.dubious && !s.rival && !s.talk.anyWeak()) {
		w.wrong(Same, "%s was removed from %s, by nobody", s.p.name, s.talk.name)
	}
	for _, c := range s.cuts {
		c.forgotten = false // it has come after all
	}
	w.tell("%s is out of %s", s.p.name, s.talk.name)
	s.removed, s.left = true, true
}

// hubless says that all hubs that somebody knows have lost the channel: then he is
// told after a day that he may be out, for all that he can know.
func (s *seat) hubless() bool {
	v, _ := s.p.core.Channel(s.talk.name)
	return !slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return s.talk.alive(h) != nil })
}

// anyWeak says that somebody goes on from a copy of his phonebook.
func (tk *talk) anyWeak() bool {
	return slices.ContainsFunc(tk.seats, func(s *seat) bool { return s.weak })
}

// putAway closes the window of a talk that somebody was removed from, so that he
// may come again.
func (p *person) putAway(tk *talk) {
	if p.core == nil {
		return
	}
	for _, s := range tk.seats {
		if s.p != p || !s.removed || s.away {
			continue
		}
		if s.ghost == "" && p.w.chance(0.3) {
			s.keep()
			if p.core == nil {
				return
			}
		}
		s.checkHistory()
		for _, e := range p.do(channels.Leave{Channel: tk.name}) {
			if _, gone := e.(channels.Gone); gone {
				s.away = true
			}
		}
	}
}

// noteTold notes which of the removals that somebody has made are told, and all that
// hubs are to be told of them.
func (p *person) noteTold() {
	p.w.fresh = slices.DeleteFunc(p.w.fresh, func(c *cut) bool {
		if c.by.p != p || c.by.left {
			return false
		}
		v, _ := p.core.Channel(c.by.talk.name)
		away := slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return !(h.Up && h.Read) && c.by.talk.alive(h) != nil })
		if len(v.Members) < 2 && (away || p.w.now.Sub(c.at) < p.w.plan.hold) {
			return false // what waits in the outbox of who is alone is not counted: for a hub that can't be reached, say
		}
		if q := p.core.Queue(); q.Calls == 0 && q.Contents == 0 {
			c.told = p.w.now
		}
		return !c.told.IsZero()
	})
}

// resolve finds out what became of those removals whose makers may have lost
// them before anybody heard: all who are in must say the same. It says whether any has
// come to nothing.
func (tk *talk) resolve() (any bool) {
	for range tk.seats {
		changed := false
		for _, o := range tk.seats {
			for _, c := range o.standing() {
				if c.sure() || !tk.stillListed(o) && !(o.left && !o.removed && tk.stillBrought(o)) {
					continue
				}
				tk.w.tell("nobody has heard that %s has removed %s from %s", c.by.p.name, o.p.name, tk.name)
				c.forgotten, changed = true, true
			}
		}
		if !changed {
			break
		}
		any = true
	}
	return any
}

// sure says that a removal is known to all in the end.
func (c *cut) sure() bool {
	return c.by.sure()
}

// unheardOut says that who goes on from a copy of his phonebook has removed somebody, or
// one by whom he came, and that nobody has heard of it but the hubs. The members may have
// deleted the prekeys of theirs that the copy knows, since he had shown to know newer
// ones, and they seal to one of his that it has not: neither can ever read the other
// then, nor tell him so.
func (s *seat) unheardOut() bool {
	for o := s; o != nil; o = o.inviter() {
		if slices.ContainsFunc(o.cuts, func(c *cut) bool { return c.forgotten && c.by.weak && (o == s || !c.knew[s.id]) }) {
			return true
		}
	}
	return false
}

// putOut says that a hub has told a member that his token was put out there.
func (s *seat) putOut(h *house) bool {
	v, _ := s.p.core.Channel(s.talk.name)
	return slices.ContainsFunc(v.Hubs, func(o channels.HubView) bool {
		return o.Address.Fingerprint == h.hub.Fingerprint() && o.Standing == channels.PutOut
	})
}

// stillListed says that others, or if there are none he himself, see somebody
// among the members.
func (tk *talk) stillListed(o *seat) bool {
	for _, s := range append(tk.live(), o) {
		if s.orphan() && s != o || s.left || s.p.core == nil {
			continue
		}
		v, _ := s.p.core.Channel(tk.name)
		return slices.ContainsFunc(v.Members, func(m channels.MemberView) bool { return m.ID == o.id })
	}
	return false
}

// stillBrought says that others see one among the members who would be out with
// somebody, by whose key he came. Who has left is listed in no case.
func (tk *talk) stillBrought(by *seat) bool {
	return slices.ContainsFunc(tk.seats, func(o *seat) bool { return o.inviter() == by && o.void() && !o.left && tk.stillListed(o) })
}

// missing notes whom somebody sees, and says whom he saw before and sees no more.
func (s *seat) missing(v channels.ChannelView) (gone map[memberID]bool) {
	if v.Waiting {
		return nil
	}
	s.in = true
	if s.met == nil {
		s.met = map[memberID]bool{}
	}
	gone = maps.Clone(s.met)
	for _, m := range v.Members {
		if m.Suspended {
			gone[m.ID] = true
			continue
		}
		if o := s.talk.member(m.ID); o != nil && !slices.Contains(o.knownBy, s) {
			o.knownBy = append(o.knownBy, s)
		}
		s.met[m.ID] = true
		delete(gone, m.ID)
	}
	return gone
}
