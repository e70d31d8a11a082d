package sim

import (
	"slices"
	"strings"

	"hubbub/channels"
)

// checkTold holds what users were told against what has happened.
func (w *World) checkTold() {
	restored := false
	for _, p := range w.people {
		restored = restored || p.restored
	}
	rivals, evil := false, w.anyEvil()
	for _, tk := range w.talks {
		for _, j := range tk.joins {
			rivals = rivals || j.leaked || j.revoked || j.dubious || j.by.left || j.by.out()
		}
	}
	w.checkOutages()
	w.checkRestored()
	w.checkRemoved()
	for _, p := range w.people {
		for _, t := range p.told {
			if t.kind != "warn" || p.evil || p.hoards {
				continue
			}
			excused := false
			for _, e := range []struct {
				words string
				when  bool
			}{
				{"goes on when it does", true},
				{"have texts from you that this gateway does not know", p.restored},
				{"two different things came", restored || evil},
				{"were not let into", rivals || p.removedAtDoor(t.channel)},
				{"one-time key", rivals || w.lossy() || restored},
			} {
				excused = excused || e.when && strings.Contains(t.text, e.words)
			}
			if !excused {
				w.wrong(Told, "%s was warned without a cause: %s", p.name, t.text)
			}
		}
	}
}

// removedAtDoor says that somebody was removed before he heard that he was let in: then
// all that he hears is that the hubs let him in no more.
func (p *person) removedAtDoor(channel string) bool {
	return slices.ContainsFunc(p.w.talks, func(tk *talk) bool {
		return tk.name == channel && slices.ContainsFunc(tk.seats, func(s *seat) bool { return s.p == p && !s.in && s.out() })
	})
}

// checkRestored holds that who has gone on from a copy of his phonebook was told,
// if others have what he does not know of.
func (w *World) checkRestored() {
	for _, tk := range w.talks {
		for _, s := range tk.live() {
			for _, m := range s.texts {
				if m.forgotten && m.got && !w.lossy() && !s.p.unwarned && s.p.heard("have texts from you that this gateway does not know", tk.name) == 0 {
					w.wrong(Told, "%s was not told that others in %s have texts that the phonebook does not know", s.p.name, tk.name)
					break
				}
			}
		}
	}
}

// checkRemoved holds that who was removed was told so by his own gateway, once.
func (w *World) checkRemoved() {
	for _, tk := range w.talks {
		for _, s := range tk.seats {
			if s.unaware {
				w.wrong(Told, "%s was removed from %s, and was not told", s.p.name, tk.name)
			}
			if !s.removed || s.away {
				continue
			}
			rows := s.p.phonebook(1, `SELECT count(*) FROM lines l JOIN channels c ON c.id = l.channel WHERE c.name = ? AND l.kind = 4 AND l.text LIKE '%What was said so far stays here%'`, tk.name)
			if n := rows[0][0].(int64); n != 1 {
				w.wrong(Told, "%s was told %d times that he was removed from %s", s.p.name, n, tk.name)
			}
		}
	}
}

// untold says that somebody who was removed has not been told anything like it.
func (s *seat) untold() bool {
	if s.underEvil() || s.tooLate() || s.lostInDoor() || !slices.ContainsFunc(s.why(), func(c *cut) bool { return c.sure() && s.hears(c.by) }) {
		return false
	}
	return !slices.ContainsFunc(s.p.told, func(t telling) bool {
		return t.channel == s.talk.name && strings.Contains(t.text, "lets you into "+s.talk.name+" no more")
	})
}

// hears says that somebody can read where another tells him something. He can't where no
// hub that both know has ever let him in: the one by which he came may be another's who
// is out, and is read by nobody else who is in. Nor where such a hub has lost him, of
// which he was told, and one of his own lets him in still: that the others have left
// that one he cannot know.
func (s *seat) hears(o *seat) bool {
	v, _ := s.p.core.Channel(s.talk.name)
	return slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool {
		alive := s.talk.alive(h)
		return alive != nil && o.on(alive) && h.Standing != channels.Unasked && !(h.Standing == channels.Lost && s.onHisOwn(v))
	})
}

// onHisOwn says that a hub of somebody's own lets him in.
func (s *seat) onHisOwn(v channels.ChannelView) bool {
	return slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool {
		alive := s.talk.alive(h)
		return alive != nil && alive.owner == s.p && h.Read
	})
}

// tooLate says that somebody came by a key whose maker had been put out before, and that
// nobody who is in has ever seen him: they need not have heard of that key, and then
// can neither let him in nor tell him.
func (s *seat) tooLate() bool {
	return s.join != nil && s.unannounced() && slices.ContainsFunc(s.join.by.why(), func(c *cut) bool { return c.at.Before(s.join.tried) })
}

// lostInDoor says that somebody was never let in, and that the hub by which he came has
// lost him: of that he was told, and nobody puts his token out there.
func (s *seat) lostInDoor() bool {
	if s.join == nil || s.join.hub == nil || s.p.core == nil || !s.talk.lost(s.join.hub) && s.join.hub.lineage == s.join.lineage {
		return false
	}
	v, _ := s.p.core.Channel(s.talk.name)
	return v.Waiting
}
