package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// leak has somebody make a one-time key that two have in the end, who use it on two
// hubs, if there are as many. Mostly nobody who is in hears of it before both have.
func (s *seat) leak() {
	tk, p, w := s.talk, s.p, s.talk.w
	if p.core == nil {
		return
	}
	p.do(channels.Invite{Channel: tk.name, Ref: p.ask(func(e channels.Event) {
		made, ok := e.(channels.Invited)
		if !ok {
			return
		}
		elsewhere, two := tk.elsewhere(s, made.Key)
		free := tk.free()
		for two && len(free) < 2 { // a stranger got hold of it
			free = append(free, w.stranger())
		}
		if len(free) < 2 {
			return
		}
		first := s.joining(free[0], made)
		made.Key = elsewhere
		second := s.joining(free[1], made)
		first.leaked, first.other, second.leaked, second.other = true, second, true, first
		w.mishaps["a leaked key"]++
		w.tell("%s and %s have one key to %s", free[0].name, free[1].name, tk.name)
		wait := 5 * time.Second // till all hubs have the offer
		if two && w.chance(0.8) {
			w.after(wait, tk.nobodyLooks)
		}
		for _, j := range []*joining{first, second} {
			w.after(wait+time.Millisecond+w.some(3*time.Second), func() { j.redeem(tk) })
		}
	})})
}

// elsewhere is a one-time key as another hub of the talk would have made it, if its
// maker knows one: else the key as it is.
func (tk *talk) elsewhere(s *seat, made string) (key string, two bool) {
	k, err := wire.ParseOneTimeKey(made)
	tk.w.must(err)
	v, _ := s.p.core.Channel(tk.name)
	for _, h := range v.Hubs {
		if o := tk.alive(h); o != nil && o != tk.w.keyHub(made) {
			k.URL, k.Fingerprint, two = o.url, o.hub.Fingerprint(), true
		}
	}
	return k.String(), two
}

// stranger is somebody whom nobody here knew before.
func (w *World) stranger() *person {
	p := w.person(fmt.Sprint("str", len(w.people)))
	p.start()
	return p
}

// anybody is somebody who is neither in a talk nor on his way in.
func (tk *talk) anybody() *person {
	if free := tk.free(); len(free) > 0 {
		return free[0]
	}
	return tk.w.stranger()
}

// nobodyLooks cuts all off who are in a talk, for a while.
func (tk *talk) nobodyLooks() {
	if tk.w.calm || len(tk.live()) > 8 {
		return
	}
	d := 10*time.Second + tk.w.some(50*time.Second)
	for _, s := range tk.live() {
		if s.p.on() {
			s.seclude(d)
		}
	}
}

// confirm has somebody say which of two rivals is the right one, if there are such;
// else that somebody is right whom nobody doubts.
func (s *seat) confirm() {
	p, tk, w := s.p, s.talk, s.talk.w
	v, ok := p.core.Channel(tk.name)
	if !ok || v.Waiting || len(v.Members) < 2 {
		return
	}
	them := slices.DeleteFunc(slices.Clone(v.Members[1:]), func(m channels.MemberView) bool { o := tk.member(m.ID); return o == nil || !o.rival })
	if len(them) == 0 {
		them = v.Members[1:]
	}
	m := pick(w, them)
	o := tk.member(m.ID)
	if o == nil {
		return
	}
	ref := p.ask(func(channels.Event) {})
	w.tell("%s would confirm %s in %s", p.name, o.p.name, tk.name)
	for _, e := range p.do(channels.Confirm{Channel: tk.name, Nick: m.Nick, Ref: ref}) {
		switch e := e.(type) {
		case channels.Done:
			if e.Ref == ref && m.Suspended {
				w.mishaps["a confirmation"]++
				o.confirms = append(o.confirms, s)
				if !s.above(o) {
					w.wrong(Same, "%s could confirm %s in %s, and is not above", p.name, o.p.name, tk.name)
				}
			}
		case channels.Failed:
			if e.Ref == ref && s.above(o) && e.Code == channels.CodeNotAllowed && !strings.Contains(e.Text, "confirmed") && !s.rival && !s.suspendedIn(v) {
				w.wrong(Same, "%s may not confirm %s in %s, though above: %s", p.name, o.p.name, tk.name, e.Text)
			}
		}
	}
}

// doubtsAny says that somebody sees a suspended member.
func (p *person) doubtsAny() bool {
	return slices.ContainsFunc(p.w.talks, func(tk *talk) bool {
		if !slices.ContainsFunc(tk.seats, func(s *seat) bool { return s.rival }) {
			return false
		}
		v, _ := p.core.Channel(tk.name)
		return slices.ContainsFunc(v.Members, func(m channels.MemberView) bool { return m.Suspended })
	})
}

// checkRivals holds that of those who came by one key one at most is let in, as all
// others see it, and whom the founder has confirmed by hand.
func (w *World) checkRivals() {
	for _, tk := range w.talks {
		for _, j := range tk.joins {
			if j.other != nil {
				tk.checkRivals(j)
			}
		}
	}
}

func (tk *talk) checkRivals(j *joining) {
	w, s, o := tk.w, tk.by(j), tk.by(j.other)
	if s == nil || s.doubted == nil {
		return
	}
	s.suspended = *s.doubted
	if s.left || s.out() || o == nil || o.doubted == nil || o.left || o.out() || s.underEvil() {
		return
	}
	if !*s.doubted && !*o.doubted {
		w.wrong(Same, "%s and %s came into %s by one key, and both are let in", s.p.name, o.p.name, tk.name)
	}
	founder := tk.seats[0]
	if j.by != founder && slices.Contains(s.confirms, founder) && !slices.Contains(o.confirms, founder) && founder.sure() && *s.doubted {
		w.wrong(Same, "%s is suspended in %s, though the founder has confirmed him", s.p.name, tk.name)
	}
}

// sure says that somebody is in, so that what he has done there is known to all.
func (s *seat) sure() bool { return !s.left && !s.out() && !s.orphan() }

// by is the seat of who came by a key, nil if he did not.
func (tk *talk) by(j *joining) *seat {
	if i := slices.IndexFunc(tk.seats, func(s *seat) bool { return s.join == j }); i >= 0 {
		return tk.seats[i]
	}
	return nil
}
