package sim

import (
	"fmt"
	"maps"
	"time"
)

// backup is a copy of a phonebook.
type backup struct {
	dir   string
	at    time.Time
	said  map[*seat]int  // how many texts had been accepted
	knows map[*said]bool // those that had been sealed
	joins map[*talk]map[*joining]bool

	history map[string][]heard // as it was shown
}

// putBack copies somebody's phonebook, and puts the copy back some time later, as
// a backup that is older than it should be.
func (w *World) putBack() bool {
	p := pick(w, w.people)
	if !p.on() || len(p.backups) > 0 || p.evil {
		return false
	}
	b := &backup{dir: fmt.Sprint(p.dir, " copied"), at: w.now, said: map[*seat]int{}, knows: map[*said]bool{}, joins: map[*talk]map[*joining]bool{}, history: maps.Clone(p.history)}
	p.look()
	for _, tk := range w.talks {
		if s := p.seat(tk); s != nil {
			b.said[s] = len(s.texts)
			for _, m := range s.texts {
				b.knows[m] = m.sealed
			}
		}
		b.joins[tk] = map[*joining]bool{}
		for _, j := range tk.joins {
			b.joins[tk][j] = true
		}
	}
	p.backups = append(p.backups, b)
	w.tell("%s makes a copy of the phonebook", p.name)
	p.stop()
	w.must(copyFolder(p.dir, b.dir))
	p.start()
	w.after(time.Second+w.some(w.plan.length/2), func() { p.putBack(b) })
	return true
}

func (p *person) putBack(b *backup) {
	w := p.w
	if w.calm || !p.on() {
		return
	}
	p.look()
	seats := 0
	for _, tk := range w.talks {
		s := p.seat(tk)
		if s == nil {
			continue
		}
		if _, was := b.said[s]; !was {
			return // he came in since
		}
		seats++
		for _, j := range tk.joins {
			if j.by == s && !b.joins[tk][j] && !j.done || j.p == p && !j.done {
				return // a key would be forgotten that somebody has
			}
		}
	}
	if seats != len(b.said) {
		return // he has left since
	}
	w.tell("%s puts the copy of %v back", p.name, w.now.Sub(b.at))
	p.stop()
	w.must(copyFolder(b.dir, p.dir))
	p.restored, p.history = true, b.history // what came since is not in it, and can't be shared
	w.mishaps["a phonebook was put back"]++
	for s, n := range b.said {
		s.weak = true
		for i, m := range s.texts {
			switch {
			case i >= n:
				m.forgotten = true
			case m.sealed && !b.knows[m]:
				m.sealed, m.twice = false, true
			}
		}
	}
	for _, tk := range w.talks {
		for _, j := range tk.joins {
			j.unknown = j.unknown || j.p == p && !j.done && j.tried.After(b.at)
		}
	}
	p.start()
	p.lacksWindows()
}

// lacksWindows notes that a copy has no window of a talk that somebody came to, and was
// removed from, since it was made.
func (p *person) lacksWindows() {
	if p.core == nil {
		return
	}
	for _, tk := range p.w.talks {
		if _, ok := p.core.Channel(tk.name); ok {
			continue
		}
		for _, s := range tk.seats {
			s.away = s.away || s.p == p && s.removed
		}
	}
}
