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
