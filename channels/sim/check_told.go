package sim

import (
	"strings"
)

// checkTold holds what users were told against what has happened.
func (w *World) checkTold() {
	restored := false
	for _, p := range w.people {
		restored = restored || p.restored
	}
	rivals := false
	for _, tk := range w.talks {
		for _, j := range tk.joins {
			rivals = rivals || j.leaked || j.revoked || j.by.left
		}
	}
	w.checkOutages()
	w.checkRestored()
	for _, p := range w.people {
		for _, t := range p.told {
			if t.kind != "warn" {
				continue
			}
			excused := false
			for _, e := range []struct {
				words string
				when  bool
			}{
				{"goes on when it does", true},
				{"have texts from you that this gateway does not know", p.restored},
				{"two different things came", restored},
				{"were not let into", rivals},
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

// checkRestored holds that who has gone on from a copy of his phonebook was told,
// if others have what he does not know of.
func (w *World) checkRestored() {
	for _, tk := range w.talks {
		for _, s := range tk.live() {
			for _, m := range s.texts {
				if m.forgotten && m.got && !w.lossy() && s.p.heard("have texts from you that this gateway does not know", tk.name) == 0 {
					w.wrong(Told, "%s was not told that others in %s have texts that the phonebook does not know", s.p.name, tk.name)
					break
				}
			}
		}
	}
}
