package sim

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/roster"
	"hubbub/channels/wire"
)

// checkHubs holds the logs of the hubs against each other, and that there is
// nothing in them that can be read.
func (w *World) checkHubs() {
	logs := map[*house]map[string]map[string]bool{} // by channel: entries that are there, or were
	for _, h := range w.houses {
		if h.dead || !h.hasData() {
			continue
		}
		logs[h] = map[string]map[string]bool{}
		for _, r := range h.read(2, `SELECT c.channel, e.id FROM entries e JOIN channels c ON c.n = e.channel
			UNION ALL SELECT c.channel, d.id FROM had d JOIN channels c ON c.n = d.channel`) {
			channel, id := r[0].(string), r[1].(string)
			if logs[h][channel] == nil {
				logs[h][channel] = map[string]bool{}
			}
			logs[h][channel][id] = true
			if !w.stored[entryID([]byte(id))] {
				w.wrong(Keys, "%s holds what nobody has put there: %s", h.name, short(entryID([]byte(id))))
			}
		}
		w.checkPlain(h)
	}
	for _, tk := range w.talks {
		w.checkMirrors(tk, logs)
	}
}

// hasData says that a hub has a database.
func (h *house) hasData() bool {
	_, err := os.Stat(filepath.Join(h.data, "hub.db"))
	return err == nil
}

// checkMirrors holds that all live hubs of a channel have the same, of what opens.
func (w *World) checkMirrors(tk *talk, logs map[*house]map[string]map[string]bool) {
	var first *house
	channel, opened := "", tk.opened()
	for _, s := range tk.live() {
		if s.orphan() {
			continue
		}
		for _, r := range s.p.phonebook(2, `SELECT c.channel, h.fingerprint FROM places p JOIN channels c ON c.id = p.channel JOIN hubs h ON h.id = p.hub
			WHERE c.name = ? AND p.joined = 1 AND p.dropped = 0`, tk.name) {
			channel = r[0].(string)
			i := slices.IndexFunc(w.houses, func(h *house) bool { f := h.hub.Fingerprint(); return string(f[:]) == r[1].(string) })
			h := w.houses[i]
			if tk.lost(h) || first == h || tk.unheardOut(h) {
				continue
			}
			if first == nil {
				first = h
				continue
			}
			for _, pair := range [][2]*house{{first, h}, {h, first}} {
				n, example := 0, ""
				for id := range logs[pair[0]][channel] {
					if !logs[pair[1]][channel][id] && !pair[1].dropped[entryID([]byte(id))] && opened[id] {
						n++
						if example == "" || id < example {
							example = id
						}
					}
				}
				if n > 0 {
					w.wrong(Rest, "%s lacks %d entries of %s that %s has, such as %s", pair[1].name, n, tk.name, pair[0].name, short(entryID([]byte(example))))
				}
			}
		}
		break // all members have the same hubs: checkSame
	}
}

// unheardOut says that a hub has put out all who are in, and that nobody has heard why:
// nobody can put there what the others say (seat.unheardOut).
func (tk *talk) unheardOut(h *house) bool {
	key := h.hub.Fingerprint()
	return !slices.ContainsFunc(tk.live(), func(s *seat) bool {
		return !s.orphan() && (!s.unheardOut() || len(s.p.phonebook(1, `SELECT 1 FROM places p JOIN channels c ON c.id = p.channel JOIN hubs h ON h.id = p.hub
			WHERE c.name = ? AND h.fingerprint = ? AND p.standing = ?`, tk.name, key[:], int(channels.PutOut))) == 0)
	})
}

// opened are the entries that members who are in could make sense of: what does not
// open, such as the key of one whose invite was revoked, is not carried. What one alone
// of several could open, and nobody in has sealed, is not among them: such as the join of
// the second who came by one key, which nobody understands who has let in the first. If
// what it takes came to that one later, over another hub, he does not know any more which
// hub had the entry, and does not put it on that one.
func (tk *talk) opened() map[string]bool {
	ids, by, members := map[string]bool{}, map[string]int{}, 0
	for _, s := range tk.live() {
		// What one seals after his copy was put back may open for nobody, and he may not know
		// all hubs; nor does what the second seals who came by one key, whom nobody lets in.
		if s.weak || s.rival {
			continue
		}
		members++
		for _, r := range s.p.phonebook(2, `SELECT e.entry, e.state = 'own' FROM entries e JOIN channels c ON c.id = e.channel
			WHERE c.name = ? AND e.state IN ('own', 'opened', 'join')`, tk.name) {
			by[r[0].(string)]++
			ids[r[0].(string)] = ids[r[0].(string)] || r[1].(int64) != 0
		}
	}
	for id, n := range by {
		ids[id] = ids[id] || n >= min(members, 2)
	}
	return ids
}

// awaitPutOut lets the time pass in which hubs are told who is out. Whose hub it is may
// have heard of a removal at the very end: then the removed is to read of it there first,
// and whether all is put there is looked for only after a while.
func (w *World) awaitPutOut() {
	for _, tk := range w.talks {
		if slices.ContainsFunc(tk.seats, func(s *seat) bool { return len(s.standing()) > 0 }) {
			w.run(20 * time.Minute)
			return
		}
	}
}

// checkTokens holds that the hubs of those who are in let nobody in any more who
// was removed.
func (w *World) checkTokens() {
	for _, tk := range w.talks {
		live := slices.DeleteFunc(tk.live(), func(s *seat) bool { return s.orphan() })
		if len(live) == 0 {
			continue
		}
		set := live[0].operations()
		view := set.Evaluate()
		for _, r := range view.Removed {
			s := tk.member(memberID(r.ID))
			if s == nil || !slices.ContainsFunc(s.standing(), (*cut).sure) {
				continue
			}
			channel, token := set.Channel(), r.Token
			for _, h := range w.houses {
				if h.dead || h.lied || h.lineage > 0 || h.crowded || h.owner == s.p || !slices.ContainsFunc(live, func(o *seat) bool { return o.p == h.owner }) || !named(view, h) {
					continue
				}
				if rows := h.read(1, "SELECT t.revoked FROM tokens t JOIN channels c ON c.n = t.channel WHERE c.channel = ? AND t.token = ?", channel[:], token[:]); len(rows) > 0 && rows[0][0].(int64) == 0 {
					w.wrong(Private, "%s was removed from %s, and %s lets him in still", s.p.name, tk.name, h.name)
				}
			}
		}
	}
}

// named says that a channel is kept on a hub: one that was dropped is told of nothing.
func named(view *roster.View, h *house) bool {
	return slices.ContainsFunc(view.Hubs, func(v roster.HubView) bool { return wire.Fingerprint(v.Key) == h.hub.Fingerprint() })
}

// operations are those that somebody has.
func (s *seat) operations() *roster.Set {
	var set *roster.Set
	for _, r := range s.p.phonebook(1, "SELECT o.bytes FROM operations o JOIN channels c ON c.id = o.channel WHERE c.name = ?", s.talk.name) {
		op, err := roster.Parse([]byte(r[0].(string)))
		s.talk.w.must(err)
		if set == nil {
			set = roster.NewSet(op.Channel())
		}
		_, err = set.Add(op)
		s.talk.w.must(err)
	}
	return set
}

// checkPlain holds that a hub can't read what is said.
func (w *World) checkPlain(h *house) {
	files, err := filepath.Glob(filepath.Join(h.data, "*"))
	w.must(err)
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.IsDir() {
			continue
		}
		content, err := os.ReadFile(f)
		w.must(err)
		for _, p := range w.people {
			if at := bytes.Index(content, []byte(" from "+p.name+".")); at >= 0 {
				w.wrong(Private, "%s holds what %s said: %q", h.name, p.name, strings.ToValidUTF8(string(content[max(0, at-10):at+15]), "?"))
			}
		}
	}
}
