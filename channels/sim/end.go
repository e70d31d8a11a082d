package sim

import (
	"slices"
	"time"

	"hubbub/channels"
)

// end ends the faults, has all live parts meet, and everybody say something.
func (w *World) end() {
	w.tell("the faults end")
	w.calm = true
	w.ended = w.now
	for _, h := range w.houses {
		if h.dead {
			continue
		}
		h.rise()
		h.honest()
		h.broken = nil
		if h.limits.Total != 0 {
			h.fit(0)
		}
		h.restoreOwner()
	}
	for _, p := range w.people {
		p.awake()
		for _, l := range p.lines {
			l.cut = false
		}
		p.start()
	}
	for _, h := range w.houses {
		h.tellMoved()
	}
	w.settle(6 * time.Hour)
	for _, tk := range w.talks {
		w.giveUpKeys(tk)
		tk.strand()
		tk.resolve()
		tk.rescueAll()
		if tk.resolve() {
			tk.strandAll()
		}
		if w.chance(0.5) {
			tk.dropDead()
		}
		for _, s := range tk.live() {
			if _, ok := s.p.core.Channel(tk.name); ok {
				s.say()
			}
		}
	}
	if !w.settle(5 * 24 * time.Hour) {
		w.unsettled()
	}
}

// settle lets time pass until there is nothing left to do, and says whether that
// came.
func (w *World) settle(most time.Duration) bool {
	end := w.now.Add(most)
	for d := 20 * time.Second; w.now.Before(end); d = min(2*d, 12*time.Hour) {
		w.run(d)
		for _, p := range w.people {
			p.look()
		}
		if w.settled() {
			w.tell("settled")
			return true
		}
	}
	return false
}

// settled says that there is nothing left to do.
func (w *World) settled() bool {
	for _, tk := range w.talks {
		for _, j := range tk.joins {
			if !j.done && !j.excused() {
				return false
			}
		}
		for _, s := range tk.seats {
			if s.out() && !s.left && s.untold() {
				return false
			}
		}
		for _, s := range tk.live() {
			v, ok := s.p.core.Channel(tk.name)
			if !ok || !s.orphan() && (v.Waiting || len(v.Members) > 1 && v.Pending > 0 || slices.ContainsFunc(v.Hubs, s.behind)) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(w.people, func(p *person) bool { return p.left() > 0 }) && !slices.ContainsFunc(w.talks, (*talk).differs)
}

// differs says that two members see different channels: what a leaver said last may
// have been sealed before he heard of one of them, who then hears of it by the next
// receipt of the others, within an hour.
func (tk *talk) differs() bool {
	var first *seat
	for _, s := range tk.live() {
		switch {
		case s.orphan():
		case first == nil:
			first = s
		case s.sees() != first.sees():
			return true
		}
	}
	return false
}

// behind says that a member has yet to hear from a hub that lives, to read it, or to put
// something there: who is alone, too, and while another hub is lost. Where nobody need
// have let him in, only if somebody has.
func (s *seat) behind(h channels.HubView) bool {
	alive := s.talk.alive(h)
	if alive == nil || s.unlet(alive) && h.Standing != channels.Good && h.Standing != channels.Down {
		return false
	}
	return !h.Up || !h.Read || h.Behind > 0
}

// deceived says that a hub has lied, and there was not always an honest one
// beside it. Then texts may be missing, people may wait and operations lack, and
// nobody can notice: what holds still is that all is shown once at most, in order,
// and to nobody else, and that no key is used twice.
func (tk *talk) deceived() bool {
	lies, lost := 0, false
	for _, h := range tk.w.houses {
		if h.lied {
			lies += h.lies
		} else {
			lost = lost || h.dead || h.lineage > 0
		}
	}
	return lies > 0 && (tk.alone || lost)
}

// orphan says that somebody may wait for ever to be let in: who invited him has
// left, or has forgotten him.
func (s *seat) orphan() bool {
	return s.talk.deceived() || s.underEvil() || s.join != nil && (s.join.by.weak || s.unannounced()) || s.weak || s.rival || s.stranded
}

// unannounced says that who invited somebody was gone before he could let him in,
// and none of those who are in has heard of him who was in when the key was made:
// whom the offer does not name he does not believe.
func (s *seat) unannounced() bool {
	by := s.join.by
	return (by.left || by.out()) && !s.in && !slices.ContainsFunc(s.knownBy, func(o *seat) bool {
		return o != s && !o.left && !o.out() && !o.weak && s.join.knew[o.id]
	})
}

// left is how much a gateway has yet to do.
func (p *person) left() int {
	if p.evil || p.hoards {
		return 0
	}
	q := p.core.Queue()
	if p.w.anyEvil() || p.doubtsAny() {
		q.Held = 0 // what a malicious one says may wait for what never was, a suspended one's for a confirmation
	}
	n := q.Held + q.Losses
	lost := slices.ContainsFunc(p.w.houses, func(h *house) bool {
		return slices.ContainsFunc(p.w.talks, func(tk *talk) bool {
			s := p.seat(tk)
			return tk.lost(h) || s != nil && s.unlet(h)
		})
	})
	if !lost {
		n += q.Calls
	}
	for _, tk := range p.w.talks {
		if slices.ContainsFunc(tk.seats, func(s *seat) bool { return s.p == p && s.guesses && !s.away }) {
			// He tries on, for he knows it of hubs alone; and what waits for something that
			// is missing waits on, since no hub lets him ask for it.
			return q.Losses
		}
		s := p.seat(tk)
		if s == nil {
			continue
		}
		if v, _ := p.core.Channel(tk.name); v.Waiting && s.orphan() {
			return q.Losses // and others' texts, too
		}
		if s.orphan() || s.out() {
			return q.Held + q.Losses // contents wait for who lets him in
		}
	}
	return n + q.Contents
}

// unlet says that nobody need have let a member in on a hub: whose hub it is, and who
// has invited him, are gone; or he was put out there, and nobody has heard why.
func (s *seat) unlet(h *house) bool {
	if s.unheardOut() && s.putOut(h) {
		return true
	}
	stays := func(o *seat) bool { return !o.left && !o.out() }
	owner := slices.ContainsFunc(s.talk.seats, func(o *seat) bool { return o.p == h.owner && stays(o) && !o.again })
	return !owner && (s.inviter() == nil || !stays(s.inviter()))
}

// strand notes who came in by a hub that has lost its memory before anybody saw
// it: nobody knows of him, and the hub does not let him in any more.
func (tk *talk) strand() {
	for _, s := range tk.live() {
		v, ok := s.p.core.Channel(tk.name)
		if ok && v.Waiting && s.join != nil && s.join.hub != nil && (tk.lost(s.join.hub) || s.join.hub.lineage != s.join.lineage) {
			tk.w.tell("nobody knows that %s came into %s", s.p.name, tk.name)
			s.stranded = true
		}
	}
}

// unsettled says what is left to do.
func (w *World) unsettled() {
	for _, tk := range w.talks {
		for _, j := range tk.joins {
			if !j.done && !j.excused() {
				w.wrong(Rest, "%s never came in by %s's key", j.p.name, j.by.p.name)
			}
		}
		for _, s := range tk.live() {
			v, ok := s.p.core.Channel(tk.name)
			if !ok || !s.orphan() && (v.Waiting || v.Pending > 0 && len(v.Members) > 1) {
				w.wrong(Rest, "%s is in %s: %v, waiting: %v, unsent texts: %d", s.p.name, tk.name, ok, v.Waiting, v.Pending)
			}
		}
	}
	for _, p := range w.people {
		if p.left() > 0 {
			p.stuck = true
			w.wrong(Rest, "%s has yet to do: %+v", p.name, p.core.Queue())
		}
	}
}

// tellStuck tells what a gateway has yet to do.
func (p *person) tellStuck() {
	for _, r := range p.phonebook(7, `SELECT h.url, coalesce(c.name, ''), coalesce(c.state, ''), k.op, k.carry, k.made, k.due FROM calls k
		JOIN hubs h ON h.id = k.hub LEFT JOIN channels c ON c.id = k.channel ORDER BY k.id`) {
		p.w.tell("%s would still ask: %v, made %v, due %v", p.name, r[:5], time.Unix(0, r[5].(int64)).UTC(), time.Unix(0, r[6].(int64)).UTC())
	}
	for _, r := range p.phonebook(3, "SELECT c.name, o.kind, o.made FROM outbox o JOIN channels c ON c.id = o.channel ORDER BY o.id") {
		p.w.tell("%s would still seal: %v, made %v", p.name, r[:2], time.Unix(0, r[2].(int64)).UTC())
	}
	for _, r := range p.phonebook(4, "SELECT c.name, hex(h.sender), h.seq, h.since FROM held h JOIN channels c ON c.id = h.channel ORDER BY h.entry") {
		p.w.tell("%s holds: %v, since %v", p.name, r[:3], time.Unix(0, r[3].(int64)).UTC())
	}
}

// giveUpKeys ends the tries to come in by keys that lead nowhere.
func (w *World) giveUpKeys(tk *talk) {
	for _, j := range tk.joins {
		if !j.done && j.excused() {
			j.done = true
		}
	}
}

// checkSilence lets some time pass in which nobody does anything: a gateway has
// one fetch a hub that waits, and not much else.
func (w *World) checkSilence() {
	w.run(2 * time.Minute) // for receipts
	w.plan.hold = 0
	for _, h := range w.houses {
		for _, l := range slices.Clone(h.held) { // as long as real ones
			w.after(l.r.Wait, func() { h.look(l, true) })
		}
	}
	const silence = 3 * time.Minute
	before := make([]int, len(w.people))
	for i, p := range w.people {
		before[i] = p.requests
	}
	w.run(silence)
	for i, p := range w.people {
		hubs := len(w.houses)
		if p.options.Unlinked {
			hubs *= len(w.talks) // each channel has fetches of its own
		}
		n, most := p.requests-before[i], hubs*(int(silence/(25*time.Second))+4)+6
		if n > most {
			w.wrong(Rest, "%s made %d requests in %v of silence, more than %d", p.name, n, silence, most)
		}
		if len(p.flying) > 2*hubs {
			w.wrong(Rest, "%s has %d requests under way", p.name, len(p.flying))
		}
	}
}

// noMore has nothing happen any more.
func (w *World) noMore() {
	for _, p := range w.people {
		if p.core != nil {
			p.do(channels.Tick{})
			p.stop()
		}
		if p.stuck && w.options.Tell {
			p.tellStuck()
		}
	}
}
