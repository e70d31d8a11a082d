package sim

import (
	"fmt"
	"time"

	"hubbub/channels"
)

// live has the world run its course: the faults, and what comes after.
func (w *World) live() {
	w.begin()
	end := w.now.Add(w.plan.length)
	for range w.plan.acts {
		w.at(w.now.Add(w.some(w.plan.length)), w.act)
	}
	for range w.plan.mishaps {
		w.at(w.now.Add(w.some(w.plan.length)), w.mishap)
	}
	for range w.plan.late {
		w.at(w.now.Add(w.some(w.plan.length)), w.lateHub)
	}
	if w.plan.liar {
		w.at(w.now.Add(w.some(w.plan.length)), w.lying)
	}
	if w.plan.evil {
		w.at(w.now.Add(w.some(w.plan.length)), w.evil)
	}
	w.run(end.Sub(w.now))
	w.end()
	w.check()
}

// act is what somebody does.
func (w *World) act() {
	if w.calm {
		return
	}
	p, tk := pick(w, w.people), pick(w, w.talks)
	n := w.rng.IntN(100)
	if !p.on() {
		return
	}
	if n < 6 {
		p.do(channels.SetNick{Nick: pick(w, []string{"ann", "Ann", "ben", "bеn", "zoë", "x_2", p.name})})
		return
	}
	p.look()
	s := p.seat(tk)
	if s == nil {
		return
	}
	switch {
	case n < 12:
		p.do(channels.SetTopic{Channel: tk.name, Text: fmt.Sprint("topic ", n, w.rng.IntN(1000))})
	case n < 26:
		s.invite(nil)
	case n < 28:
		p.revoke()
	case n < 30:
		p.do(channels.Hide{Channel: tk.name})
	case n < 34:
		s.leave()
	case n < 37 && hubsMost > 1:
		w.dropOrMirror(s)
	case n < 49:
		s.quarrel()
	case n < 54:
		s.share()
	case n < 57:
		s.fork()
	case n < 61:
		s.leak()
	case n < 64:
		s.confirm()
	default:
		for range 1 + w.rng.IntN(3) {
			if p.on() && p.seat(tk) == s {
				s.say()
			}
		}
	}
}

// mishap is something that goes wrong.
func (w *World) mishap() {
	if w.calm {
		return
	}
	total := 0
	for _, m := range mishaps {
		total += m.weight
	}
	n := w.rng.IntN(total)
	for _, m := range mishaps {
		if n -= m.weight; n < 0 {
			w.happens(m)
			return
		}
	}
}

func (w *World) happens(m mishap) {
	if m.do(w) {
		w.mishaps[m.name]++
	}
}

// mishap is a kind of fault. do says whether it could happen.
type mishap struct {
	name   string
	weight int
	do     func(w *World) bool
}

// mishaps are what goes wrong, and how often beside each other.
var mishaps []mishap

func init() {
	mishaps = []mishap{
		{"a gateway dies", 6, func(w *World) bool {
			p := pick(w, w.people)
			if p.core != nil {
				p.die()
			}
			return true
		}},
		{"a gateway is switched off", 6, (*World).switchOff},
		{"a gateway's machine sleeps", 4, (*World).snooze},
		{"a gateway's clock jumps", 6, func(w *World) bool {
			p := pick(w, w.people)
			w.shake(p, nil)
			p.skew = w.some(6*time.Hour) - 3*time.Hour
			if w.chance(0.2) {
				p.skew *= 24
			}
			w.tell("%s's clock jumps: it is off by %v", p.name, p.skew)
			return true
		}},
		{"a hub's clock jumps", 4, func(w *World) bool {
			h := pick(w, w.houses)
			h.skew = w.some(6*time.Hour) - 3*time.Hour
			w.tell("%s's clock jumps: it is off by %v", h.name, h.skew)
			return true
		}},
		{"a way is cut", 10, (*World).cutWay},
		{"a hub is down", 10, (*World).spell},
		{"a hub fails", 6, (*World).failing},
		{"a hub is full", 4, (*World).fullHub},
		{"a hub is wiped", 5, (*World).wipe},
		{"a hub is rolled back", 5, (*World).rollBack},
		{"a hub dies for ever", 4, (*World).hubDies},
		{"a phonebook is put back", 4, (*World).putBack},
		{"a hub moves", 3, (*World).moves},
	}
}

// house is any hub that is not dead, nil if all are.
func (w *World) house() *house {
	var alive []*house
	for _, h := range w.houses {
		if !h.dead {
			alive = append(alive, h)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	return pick(w, alive)
}

func (w *World) switchOff() bool {
	p := pick(w, w.people)
	if p.core == nil {
		return false
	}
	d := w.between(time.Minute, w.plan.length)
	w.tell("%s's gateway is off for %v", p.name, d)
	p.stop()
	p.off = true
	w.after(d, func() { p.start() })
	return true
}

func (w *World) snooze() bool {
	p := pick(w, w.people)
	if !p.on() {
		return false
	}
	d := w.between(time.Minute, w.plan.length)
	w.tell("%s's machine sleeps for %v", p.name, d)
	p.asleep = true
	w.shake(p, nil)
	w.after(d, p.awake)
	return true
}

// cutWay parts a gateway from a hub.
func (w *World) cutWay() bool {
	h, p := w.house(), pick(w, w.people)
	if h == nil {
		return false
	}
	l := p.line(h)
	d := w.between(10*time.Second, w.plan.length)
	w.tell("the way from %s to %s is cut for %v", p.name, h.name, d)
	l.cut = true
	w.shake(p, nil)
	h.hangUp(func(o *letter) bool { return o.way == l })
	w.after(d, func() {
		l.cut = false
		w.shake(p, nil)
	})
	return true
}

// spell takes a hub down for a while.
func (w *World) spell() bool {
	h := w.house()
	if h == nil || h.down {
		return false
	}
	d := w.between(10*time.Second, min(w.plan.length, 2*24*time.Hour))
	w.tell("%s is down for %v", h.name, d)
	h.fall()
	w.after(d, func() { h.rise() })
	return true
}

func (h *house) fall() {
	h.outage = h.witness(false)
	h.w.shake(nil, h)
	h.down = true
	h.hangUp(func(*letter) bool { return true })
}

func (h *house) rise() {
	if h.down {
		h.w.tell("%s is back", h.name)
		h.outage.to = h.w.now
	}
	h.down = false
}

// failing has a hub fail in one of the ways.
func (w *World) failing() bool {
	h := w.house()
	if h == nil || h.broken != nil {
		return false
	}
	name := pick(w, breakageNames)
	d := w.between(10*time.Second, min(w.plan.length, 24*time.Hour))
	w.tell("%s answers for %v: %s", h.name, d, name)
	h.broken = breakages[name]
	w.shake(nil, h)
	w.after(d, func() {
		h.broken = nil
		w.shake(nil, h)
	})
	return true
}

func (w *World) fullHub() bool {
	h := w.house()
	if h == nil || h.limits.Total != 0 {
		return false
	}
	d := w.between(time.Minute, min(w.plan.length, 24*time.Hour))
	w.tell("%s is full for %v", h.name, d)
	h.fit(1)
	w.after(d, func() { h.fit(0) })
	return true
}

// wipe has a hub lose its database. Its owner notices some time, and claims it
// again.
func (w *World) wipe() bool {
	h := w.house()
	if h == nil || !h.hasData() {
		return false
	}
	d := w.between(time.Minute, time.Hour)
	w.tell("%s is wiped, and claimed again in %v", h.name, d)
	h.wipe()
	w.after(d, h.restoreOwner)
	return true
}

// restoreOwner has the owner of a hub that was wiped claim it again.
func (h *house) restoreOwner() {
	if h.dead || !h.wiped {
		return
	}
	h.reclaim()
	h.wiped = false
	var try func(n int)
	secret := h.secret
	try = func(n int) {
		if h.secret != secret || n > 40 || h.dead {
			return
		}
		p := h.owner
		if !p.on() {
			h.w.after(min(20*time.Second<<min(n, 7), time.Hour), func() { try(n + 1) })
			return
		}
		ready := false
		p.do(channels.UseHub{Hub: h.address(), Secret: secret, Ref: p.ask(func(e channels.Event) {
			_, ready = e.(channels.HubReady)
		})})
		h.w.after(min(20*time.Second<<min(n, 7), time.Hour), func() {
			if !ready {
				try(n + 1)
			}
		})
	}
	try(0)
}

// rollBack copies a hub's folder, and puts the copy back some time later.
func (w *World) rollBack() bool {
	h := w.house()
	if h == nil || !h.hasData() {
		return false
	}
	if h.backup == "" {
		w.tell("%s is backed up", h.name)
		h.save()
		w.after(w.some(w.plan.length/2), func() {
			if !w.calm && !h.dead {
				w.tell("%s is rolled back", h.name)
				h.rollBack()
			}
		})
		return true
	}
	return false
}

// hubDies ends a hub for ever.
func (w *World) hubDies() bool {
	h := w.house()
	if h == nil || hubsMost == 1 {
		return false
	}
	w.tell("%s dies for ever", h.name)
	h.witness(false)
	w.shake(nil, h)
	h.dead = true
	h.hangUp(func(*letter) bool { return true })
	return true
}

// lateHub gives somebody a hub who had none.
func (w *World) lateHub() {
	if w.calm || len(w.houses) >= len(hubNames) {
		return
	}
	h := w.build(hubNames[len(w.houses)])
	pick(w, w.people).owns(h)
	w.mishaps["a late hub"]++
}

// lying has a hub lie for a while.
func (w *World) lying() {
	h := w.house()
	if h == nil || w.calm {
		return
	}
	v := newLiar(h)
	h.lie, h.lied = v, true
	w.shake(nil, h)
	for _, tk := range w.talks {
		for _, s := range tk.live() {
			v, ok := channels.ChannelView{}, false
			if s.p.core != nil {
				v, ok = s.p.core.Channel(tk.name)
			}
			tk.alone = tk.alone || !ok || len(v.Hubs) < 2
		}
	}
	d := w.between(time.Minute, w.plan.length)
	w.tell("%s lies for %v: %+v", h.name, d, *v)
	w.mishaps["a hub lies"]++
	w.after(d, func() { h.honest() })
}

func (h *house) honest() {
	if h.lie != nil {
		h.w.tell("%s is honest again", h.name)
		h.lie = nil
		clear(h.cached)
	}
}

// dropOrMirror has somebody end that a channel is kept on a hub, or keep it on his
// own.
func (w *World) dropOrMirror(s *seat) {
	v, ok := s.p.core.Channel(s.talk.name)
	switch {
	case !ok || len(v.Hubs) == 0:
	case len(v.Hubs) > 1 && w.chance(0.4):
		for _, h := range w.houses {
			w.shake(nil, h)
		}
		hub := pick(w, v.Hubs).Address.Fingerprint
		s.p.do(channels.DropHub{Channel: s.talk.name, Hub: hub})
		s.quits = append(s.quits, hub)
	default:
		s.p.do(channels.Mirror{Channel: s.talk.name})
	}
}
