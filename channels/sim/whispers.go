package sim

import (
	"fmt"
	"slices"
	"time"

	"hubbub/channels"
)

// What is for one member alone: shared lines, and invitations to other channels.

// heard is a line of somebody's history.
type heard struct {
	said *said // nil: nobody here has
	nick string
}

// sharing is what somebody shares with one other.
type sharing struct {
	from, to *seat
	lines    []heard // what he may quote, in order
	must     int     // so many of the last of them he must
}

// share has somebody share the last messages with another.
func (s *seat) share() {
	p, w := s.p, s.talk.w
	v, ok := p.core.Channel(s.talk.name)
	if !ok || len(v.Members) < 2 || v.Waiting {
		return
	}
	m := pick(w, v.Members[1:])
	o := s.talk.member(m.ID)
	if o == nil || m.Suspended {
		return
	}
	n := 1 + w.rng.IntN(12)
	lines := slices.Clone(p.history[s.talk.name])
	lines = lines[max(0, len(lines)-n):]
	ref := p.ask(func(channels.Event) {})
	for _, e := range p.do(channels.Share{Channel: s.talk.name, Nick: m.Nick, Count: n, Ref: ref}) {
		switch e := e.(type) {
		case channels.Done:
			if e.Ref == ref {
				w.mishaps["a share"]++
				w.tell("%s shares %d lines with %s", p.name, len(lines), o.p.name)
				s.talk.sharings = append(s.talk.sharings, &sharing{s, o, lines, len(lines)})
			}
		case channels.Failed:
			if e.Ref == ref && len(lines) > 0 && !s.removed && !s.suspendedIn(v) {
				w.wrong(Sent, "%s can't share %d lines with %s in %s: %s %s", p.name, len(lines), o.p.name, s.talk.name, e.Code, e.Text)
			}
		}
	}
}

// quote is a line that somebody has in his history, as another's quote.
type quote struct {
	member string
	nick   string
	text   string
}

// checkQuotes holds that somebody has what was shared with him, once, as it was
// said, and nothing that was shared with others.
func (s *seat) checkQuotes() {
	w := s.talk.w
	taken := map[*sharing]int{} // how many of its lines
	for _, r := range s.p.phonebook(3, `SELECT l.member, l.quoted, l.text FROM lines l JOIN channels c ON c.id = l.channel
		WHERE c.name = ? AND l.quoted <> '' ORDER BY l.id`, s.talk.name) {
		q := quote{r[0].(string), r[1].(string), r[2].(string)}
		if !s.quoted(q, taken) {
			i := Once
			if slices.ContainsFunc(s.talk.sharings, func(v *sharing) bool { return v.to != s && v.has(q, 0) >= 0 }) && len(s.sharedBy(q.member)) == 0 {
				i = Private
			}
			w.wrong(i, "%s has a quote that nobody has shared with him, or has it twice: %s: %.40q", s.p.name, q.nick, q.text)
		}
	}
	for _, v := range s.talk.sharings {
		ends := []*seat{v.from, v.to}
		if v.to != s || taken[v] == len(v.lines) || slices.ContainsFunc(ends, func(e *seat) bool { return e.left || e.out() || e.weak || e.rival || e.orphan() }) {
			continue
		}
		w.wrong(Once, "%s has not all of the %d lines that %s has shared with him, but up to %d", s.p.name, len(v.lines), v.from.p.name, taken[v])
	}
}

// sharedBy are the sharings of a member with somebody.
func (s *seat) sharedBy(member string) []*sharing {
	return slices.DeleteFunc(slices.Clone(s.talk.sharings), func(v *sharing) bool { return v.to != s || string(v.from.id[:]) != member })
}

// quoted finds what a quote is of, and takes note of it.
func (s *seat) quoted(q quote, taken map[*sharing]int) bool {
	for _, v := range s.sharedBy(q.member) {
		if at := v.has(q, taken[v]); at >= 0 {
			taken[v] = at + 1
			return true
		}
	}
	return false
}

// has is where a line stands in what is shared, -1 if it doesn't, from one on.
func (v *sharing) has(q quote, from int) int {
	for i := from; i < len(v.lines); i++ {
		if l := v.lines[i]; l.said != nil && l.said.text == q.text && l.nick == q.nick {
			return i
		}
	}
	return -1
}

// fork has somebody found another channel with those who are in this one.
func (s *seat) fork() {
	p, w := s.p, s.talk.w
	v, ok := p.core.Channel(s.talk.name)
	if !ok || len(v.Members) < 2 || v.Waiting || len(w.talks) > 2 {
		return
	}
	name := fmt.Sprint("#fork", len(w.talks))
	var without []string
	if len(v.Members) > 2 && w.chance(0.4) {
		without = []string{pick(w, v.Members[1:]).Nick}
	}
	ref := p.ask(func(channels.Event) {})
	for _, e := range p.do(channels.Fork{Channel: s.talk.name, Name: name, Without: without, Ref: ref}) {
		switch e := e.(type) {
		case channels.Done:
			if e.Ref == ref {
				s.forked(name, v, without)
			}
		case channels.Failed:
			if e.Ref == ref {
				w.tell("%s can't fork %s: %s %s", p.name, s.talk.name, e.Code, e.Text)
			}
		}
	}
}

// forked takes that a gateway has founded another channel: those who were in the
// old one are on their way in.
func (s *seat) forked(name string, v channels.ChannelView, without []string) {
	p, w := s.p, s.talk.w
	w.mishaps["a fork"]++
	w.tell("%s forks %s as %s", p.name, s.talk.name, name)
	tk := &talk{w: w, name: name}
	w.talks = append(w.talks, tk)
	if p.core == nil {
		p.start() // it died behind that
	}
	now, ok := p.core.Channel(name)
	if !ok {
		w.fatal(Sound, "%s has forked %s, and %s is not there", p.name, s.talk.name, name)
	}
	p.sitDown(tk, now)
	for _, m := range v.Members[1:] {
		o := s.talk.member(m.ID)
		if o == nil || m.Suspended || slices.Contains(without, m.Nick) {
			continue
		}
		j := &joining{p: o.p, by: tk.seats[0], knew: map[memberID]bool{tk.seats[0].id: true}, made: w.now, forked: [2]*seat{s, o}}
		tk.joins = append(tk.joins, j)
		w.after(10*time.Second+w.some(5*time.Minute), func() { j.accept(tk) })
	}
}

// accept joins a forked channel, once the invitation has come.
func (j *joining) accept(tk *talk) {
	p, w := j.p, j.p.w
	p.look()
	if j.done {
		return
	}
	if j.tries++; j.tries > 60 {
		return
	}
	w.after(min(30*time.Second<<min(j.tries, 8), 2*time.Hour), func() { j.accept(tk) })
	if !p.on() {
		return
	}
	forks, err := p.core.Forks()
	w.must(err)
	if i := slices.IndexFunc(forks, func(f channels.ForkView) bool { return f.Name == tk.name }); i >= 0 {
		p.do(channels.Join{Channel: tk.name})
	}
}

// unforked says that an invitation into a forked channel may have come to nothing:
// who made it, or whom it was for, is out of the old one, or has forgotten it.
func (j *joining) unforked() bool {
	if j.forked[0] == nil {
		return false
	}
	return slices.ContainsFunc(j.forked[:], func(s *seat) bool { return s.left || s.out() || s.weak || s.rival || s.orphan() }) || j.p.w.lossy() || j.p.restored
}
