package sim

import (
	"fmt"
	"slices"
	"time"

	"hubbub/channels"
)

// reachable says that a member knows a hub of the channel that is not dead.
func (s *seat) reachable() bool {
	v, ok := s.p.core.Channel(s.talk.name)
	return ok && (len(v.Hubs) == 0 || slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return s.talk.alive(h) != nil }))
}

// knows says that a member knows another.
func (s *seat) knows(o *seat) bool {
	v, _ := s.p.core.Channel(s.talk.name)
	return !v.Waiting && slices.ContainsFunc(v.Members, func(m channels.MemberView) bool { return m.ID == o.id })
}

// on says that a member knows that the channel is kept on a hub.
func (s *seat) on(h *house) bool {
	v, _ := s.p.core.Channel(s.talk.name)
	return slices.ContainsFunc(v.Hubs, func(o channels.HubView) bool { return o.Address.Fingerprint == h.hub.Fingerprint() })
}

// cutOff are those who cannot meet the others, or most of them: they know no hub
// any more that is not lost, or only such as the others do not know.
func (tk *talk) cutOff() (cut []*seat) {
	var most []*seat // who meet
	met := map[*seat]bool{}
	for _, s := range tk.live() {
		if met[s] || !s.reachable() {
			continue
		}
		island := []*seat{s}
		met[s] = true
		for i := 0; i < len(island); i++ {
			for _, o := range tk.live() {
				if !met[o] && island[i].speaks(o) {
					island = append(island, o)
					met[o] = true
				}
			}
		}
		if len(island) > len(most) {
			most = island
		}
	}
	for _, s := range tk.live() {
		if !slices.Contains(most, s) {
			cut = append(cut, s)
		}
	}
	return cut
}

// speaks says that two meet on a hub that lets both in, or is to, and that is not lost to
// the channel: where it is forgotten, and whose hub it is has left, nobody meets anybody.
func (s *seat) speaks(o *seat) bool {
	return slices.ContainsFunc(s.talk.w.houses, func(h *house) bool {
		return !s.talk.lost(h) && s.on(h) && o.on(h) && !s.forgotten(h) && !o.forgotten(h)
	})
}

// forgotten says that a hub was put back to before it let a member in, and that nobody
// is there who may do so again: neither whose hub it is nor who has invited him has ever
// heard that he came, or they are gone.
func (s *seat) forgotten(h *house) bool {
	if h.lineage == 0 || s.p == h.owner || !s.denied(h) {
		return false
	}
	return !slices.ContainsFunc(s.talk.live(), func(o *seat) bool {
		return (o.p == h.owner || o == s.inviter()) && o.on(h) && o.knows(s)
	})
}

// denied says that a hub does not know a member any more.
func (s *seat) denied(h *house) bool {
	v, _ := s.p.core.Channel(s.talk.name)
	return slices.ContainsFunc(v.Hubs, func(o channels.HubView) bool {
		return o.Address.Fingerprint == h.hub.Fingerprint() && o.Standing == channels.Lost
	})
}

// rescueAll brings those back who are cut off: somebody who has a hub makes rescue
// keys, and hands them on.
func (tk *talk) rescueAll() {
	for round := range 4 {
		cut := tk.cutOff()
		if len(cut) == 0 {
			return
		}
		by, h := tk.rescuer(cut, round)
		if by == nil {
			break
		}
		tk.w.mishaps["a rescue"]++
		by.rescue(h)
		tk.w.run(time.Minute)
	}
	tk.strandAll()
}

// strandAll notes who is cut off for good.
func (tk *talk) strandAll() {
	for _, s := range tk.cutOff() {
		tk.w.tell("nobody can bring %s back into %s", s.p.name, tk.name)
		s.stranded = true
	}
}

// rescuer finds who can bring most of those back who are cut off, and the hub to
// do it with. In the first round, if nobody has a hub, somebody gets one. Where nobody
// knows them, one of them brings the others to himself.
func (tk *talk) rescuer(cut []*seat, round int) (by *seat, h *house) {
	most := 0
	var first *seat // who would do it if he had a hub
	reaches := func(s, o *seat) bool { return o != s && s.knows(o) && slices.Contains(cut, o) }
	if !slices.ContainsFunc(tk.live(), func(s *seat) bool { return slices.ContainsFunc(cut, func(o *seat) bool { return reaches(s, o) }) }) {
		reaches = func(s, o *seat) bool { return o != s && s.knows(o) && slices.Contains(cut, s) }
	}
	for _, s := range tk.live() {
		n := 0
		for _, o := range tk.live() {
			if reaches(s, o) {
				n++
			}
		}
		if !slices.Contains(cut, s) {
			n *= 2 // who is not cut off himself knows where the others are
		}
		if n > 0 && first == nil {
			first = s
		}
		for _, o := range tk.w.houses {
			if o.owner == s.p && !o.dead && o.owned() && n > most {
				by, h, most = s, o, n
			}
		}
	}
	if by == nil && first != nil && round == 0 {
		by, h = first, tk.w.build(fmt.Sprint("haven", len(tk.w.houses)))
		first.p.owns(h)
		tk.w.run(5 * time.Second)
	}
	return by, h
}

// rescue makes rescue keys, which those who are cut off redeem.
func (s *seat) rescue(h *house) {
	p, tk := s.p, s.talk
	tk.w.tell("%s makes rescue keys for %s, to %s", p.name, tk.name, h.name)
	p.do(channels.Rescue{Channel: tk.name, Hub: h.hub.Fingerprint(), Ref: p.ask(func(e channels.Event) {
		r, ok := e.(channels.Rescued)
		if !ok {
			tk.w.tell("%s can't: %+v", p.name, e)
			return
		}
		v, _ := p.core.Channel(tk.name)
		for _, k := range r.Keys {
			i := slices.IndexFunc(v.Members, func(m channels.MemberView) bool { return m.Nick == k.Nick })
			if i < 0 {
				tk.w.wrong(Sound, "%s has made a rescue key for %s, whom nobody knows", p.name, k.Nick)
				continue
			}
			o := tk.member(v.Members[i].ID)
			if o == nil || o.left || o.on(h) {
				continue
			}
			o.rescued = true
			tk.w.after(tk.w.some(20*time.Second), func() {
				o.p.do(channels.Redeem{Channel: tk.name, Key: k.Key, Ref: o.p.ask(func(e channels.Event) {
					// Who is right to refuse it has put out who made it, and could tell nobody.
					if f, failed := e.(channels.Failed); failed && o.knows(s) {
						tk.w.wrong(Rest, "%s's rescue key is refused: %s %s", o.p.name, f.Code, f.Text)
					}
				})})
			})
		}
	})})
}

// dropDead ends that channels are kept on hubs that are dead, as far as anybody
// may say so.
func (tk *talk) dropDead() {
	for _, h := range tk.w.houses {
		for _, s := range tk.live() {
			if h.dead && s.p.core != nil {
				s.p.do(channels.DropHub{Channel: tk.name, Hub: h.hub.Fingerprint()})
			}
		}
	}
}

// moves has a hub move to another URL. Its owner tells the others.
func (w *World) moves() bool {
	h := w.house()
	if h == nil || len(h.urls) > 0 {
		return false
	}
	h.urls = append(h.urls, h.url)
	h.url, h.moved = "https://"+h.name+".example.org/moved/", w.now
	w.tell("%s moves to %s", h.name, h.url)
	w.shake(nil, h)
	h.hangUp(func(*letter) bool { return true })
	w.after(w.between(time.Second, time.Hour), func() {
		if p := h.owner; p.on() && !h.dead {
			p.do(channels.MoveHub{Hub: h.address()})
		}
	})
	return true
}

// find tells everybody who still asks a hub where it was that it has moved.
func (h *house) tellMoved() {
	if len(h.urls) == 0 || h.dead {
		return
	}
	for _, p := range h.w.people {
		p.do(channels.MoveHub{Hub: h.address()})
	}
}
