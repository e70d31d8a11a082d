package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// memberID is a member's id in a channel.
type memberID = [32]byte

// talk is a channel, as the people in it know it: all call it the same.
type talk struct {
	w        *World
	name     string
	seats    []*seat
	joins    []*joining
	alone    bool // a hub lied while it was the only one that somebody knew
	sharings []*sharing
}

// seat is one membership of somebody in a talk.
type seat struct {
	talk      *talk
	p         *person
	id        memberID
	knew      map[memberID]bool // by a joiner: who must get what he says before he knows the members
	texts     []*said
	join      *joining // nil: the founder's
	left      bool
	leaves    bool               // about to
	gone      bool               // left by himself, and not turned away
	clean     bool               // left when everything said was at a hub
	ghost     string             // a copy of the phonebook from before that
	weak      bool               // the phonebook was put back from a copy: less is promised (checkTexts)
	evil      bool               // malicious
	in        bool               // has known the members
	knownBy   []*seat            // who has seen him among the members
	rival     bool               // a hub has let two in with one key
	rescued   bool               // was given a rescue key
	again     bool               // was in before
	quits     []wire.Fingerprint // hubs that he has dropped
	cuts      []*cut             // by which he was removed
	removed   bool               // and his gateway knows it
	suspended bool               // in the end, as all see
	doubted   *bool              // whether he is suspended in the end, as others see; nil: they don't see him
	confirms  []*seat            // who has confirmed him by hand
	guesses   bool               // since no hub lets him in
	unaware   bool               // in the end he is out and has not been told
	away      bool               // and he has closed the window
	met       map[memberID]bool  // whom he has ever seen among the members
	stranded  bool               // knows no hub that is not dead, and nobody can tell him of one
}

// joining is a one-time key on its way in.
type joining struct {
	p       *person
	key     string
	number  int // of the key, as its maker knows it
	by      *seat
	knew    map[memberID]bool
	hub     *house // that the key names
	lineage int    // of it, when the key was made
	made    time.Time
	tries   int
	began   time.Time // the first of them
	tried   time.Time // the last
	done    bool
	revoked bool
	leaked  bool     // somebody else has the key, too
	other   *joining // his
	forked  [2]*seat // in the channel that was forked: who invited him in, and he
	dubious bool     // its maker was removed while it was on its way
	unknown bool     // who has used it does not know that: his phonebook was put back from a copy
}

// said is a text that a gateway accepted.
type said struct {
	text      string
	kind      channels.LineKind
	from      *seat
	at        time.Time
	sealed    bool
	alone     bool              // sealed before its sender knew the members
	to        map[memberID]bool // who must get it: the members its sender knew when it was sealed
	gone      map[memberID]bool // who must not: those of whom he knew that they are gone, or suspended
	forgotten bool              // by its sender, whose phonebook was put back from a copy
	twice     bool              // may be shown twice: the copy has sent it again
	last      bool              // said when the faults were over
	got       bool              // another has it in the end
}

// seat is where somebody sits in a talk, nil if he doesn't.
func (p *person) seat(tk *talk) *seat {
	for _, s := range tk.seats {
		if s.p == p && !s.left {
			return s
		}
	}
	return nil
}

// live are the seats of those who are in.
func (tk *talk) live() []*seat {
	return slices.DeleteFunc(slices.Clone(tk.seats), func(s *seat) bool { return s.left || s.out() })
}

// look notices in which talks somebody sits.
func (p *person) look() {
	if p.core == nil {
		return
	}
	p.noteTold()
	for _, tk := range p.w.talks {
		s := p.seat(tk)
		if s == nil && !slices.ContainsFunc(tk.joins, func(j *joining) bool { return j.p == p && !j.done }) && len(tk.seats) > 0 {
			continue
		}
		v, ok := p.core.Channel(tk.name)
		if s != nil && !ok {
			p.turnedAway(s)
			continue
		}
		if ok && s == nil && !p.windowOnly(tk) {
			p.sitDown(tk, v)
		} else if s != nil {
			s.missing(v)
		}
	}
}

func (p *person) sitDown(tk *talk, v channels.ChannelView) {
	if len(v.Members) == 0 || !v.Members[0].Own {
		p.w.fatal(Same, "%s is not the first whom %s sees in %s: %+v", p.name, p.name, tk.name, v)
	}
	s := &seat{talk: tk, p: p, id: v.Members[0].ID}
	s.again = slices.ContainsFunc(tk.seats, func(before *seat) bool { return before.p == p })
	for _, j := range tk.joins {
		if j.p == p && !j.done {
			j.done, s.knew, s.join, s.rival = true, j.knew, j, j.leaked
		}
	}
	tk.seats = append(tk.seats, s)
	p.w.tell("%s sits in %s as %x", p.name, tk.name, s.id[:3])
}

// turnedAway ends the seat of one who has come by a key that was revoked, or
// whose inviter had left, before anybody knew that he had; or who was removed before
// he heard that he was let in.
func (p *person) turnedAway(s *seat) {
	if s.join == nil || len(s.cuts) == 0 && !s.join.revoked && !s.join.by.left && !s.join.by.weak && !s.rival && !s.join.dubious && !s.out() {
		p.w.wrong(Same, "%s was put out of %s", p.name, s.talk.name)
	}
	for _, c := range s.cuts {
		c.forgotten = false // it has come after all
	}
	if p.heard("were not let into") == 0 && p.heard("removed") == 0 {
		p.w.wrong(Told, "%s is out of %s, and was not told why: %v", p.name, s.talk.name, p.told)
	}
	s.left = true
}

// others are the ids of the other members whom somebody knows.
func (s *seat) others() map[memberID]bool {
	ids := map[memberID]bool{}
	if v, ok := s.p.core.Channel(s.talk.name); ok {
		for _, m := range v.Members {
			if !m.Own && !m.Suspended {
				ids[m.ID] = true
			}
		}
	}
	return ids
}

// say has somebody say something new.
func (s *seat) say() {
	w, p := s.talk.w, s.p
	n := len(w.texts) + 1
	m := &said{text: fmt.Sprintf("n%d from %s.", n, p.name), from: s, kind: channels.LineKind(1 + w.rng.IntN(3)), last: w.calm}
	switch w.rng.IntN(12) {
	case 0:
		m.text += "\nand more\nand yet more"
	case 1:
		m.text += strings.Repeat(" and so on", w.rng.IntN(2000))
	}
	w.texts[m.text] = m
	p.saying = m
	p.do(channels.Send{Channel: s.talk.name, Kind: m.kind, Text: m.text})
	if p.saying == m { // it was not accepted: only who dies before it is written has a right to that
		p.saying = nil
		delete(w.texts, m.text)
		if p.core != nil && p.seat(s.talk) == s {
			p.look()
			if !s.left && !s.out() && !s.rival {
				w.wrong(Sent, "%s may not speak in %s", p.name, s.talk.name)
			}
		}
	}
}

// accepted notes that a gateway has taken a text.
func (p *person) accepted(events []channels.Event) {
	m := p.saying
	if m == nil {
		return
	}
	for _, e := range events {
		if l, ok := e.(channels.Line); ok && l.Own && l.Text == m.text {
			m.from.texts = append(m.from.texts, m)
			m.at, p.saying = p.w.now, nil
		}
	}
}

// noteSealed notes which texts a step has sealed: for those who are members now.
func (p *person) noteSealed(out channels.Output) {
	for _, tk := range p.w.talks {
		s := p.seat(tk)
		if s == nil || slices.ContainsFunc(out.Events, func(e channels.Event) bool { return tellsOut(e, tk.name) }) {
			continue // of who is out nothing more is sealed: it is told as not sent
		}
		var waiting []*said
		for i := len(s.texts) - 1; i >= 0 && (!s.texts[i].sealed || s.texts[i].forgotten); i-- {
			if !s.texts[i].forgotten {
				waiting = append(waiting, s.texts[i])
			}
		}
		if len(waiting) == 0 {
			continue
		}
		slices.Reverse(waiting)
		n := p.core.Unsealed(tk.name)
		if n >= len(waiting) {
			continue
		}
		v, ok := p.core.Channel(tk.name)
		if !ok {
			continue
		}
		p.checkReads(tk, out)
		to, gone := s.others(), s.missing(v)
		if v.Waiting {
			to = maps.Clone(s.knew)
		}
		for _, m := range waiting[:len(waiting)-n] {
			m.sealed, m.to, m.gone, m.alone = true, to, gone, v.Waiting
			p.w.tell("    sealed for %d: %.30q", len(to), m.text)
		}
	}
}

// fetches says that a request reads.
func fetches(r channels.Request) bool { return len(r.Calls) > 0 && r.Calls[0].Op == wire.OpFetch }

// checkReads holds that who seals a text is reading: he has read a hub to its
// head, and there is a fetch under way for what comes, or one was answered just
// now (a hub that answers oddly is asked again after a pause). Else he might seal to somebody who has
// left meanwhile.
func (p *person) checkReads(tk *talk, out channels.Output) {
	reads := p.w.now.Sub(p.read) < 2*time.Minute || slices.ContainsFunc(out.Requests, fetches)
	for id, l := range p.flying {
		reads = reads || fetches(l.r) && !slices.Contains(out.Cancel, id)
	}
	if !reads {
		p.w.wrong(Private, "%s seals a text in %s, and reads no hub", p.name, tk.name)
	}
}

// invite makes a one-time key for somebody who is not in.
func (s *seat) invite(for1 *person) {
	tk, p, w := s.talk, s.p, s.talk.w
	if p.core == nil {
		return
	}
	p.do(channels.Invite{Channel: tk.name, Ref: p.ask(func(e channels.Event) {
		v, ok := e.(channels.Invited)
		if !ok {
			return
		}
		q := for1
		if q == nil {
			free := tk.free()
			if len(free) == 0 {
				return
			}
			q = pick(w, free)
		}
		j := s.joining(q, v)
		if q.hoards {
			w.after(time.Minute, func() { j.hoarded(tk) })
			return
		}
		wait := 30 * time.Second
		if w.chance(0.15) {
			wait = w.plan.length / 2
		}
		w.after(w.some(wait), func() { j.redeem(tk) })
	})})
}

// joining hands somebody a one-time key.
func (s *seat) joining(q *person, v channels.Invited) *joining {
	w := s.talk.w
	j := &joining{number: v.Number, p: q, key: v.Key, by: s, knew: s.others(), hub: w.keyHub(v.Key), made: w.now}
	j.lineage = j.hub.lineage
	j.knew[s.id] = true
	s.talk.joins = append(s.talk.joins, j)
	return j
}

// free are those who are neither in nor on their way in.
func (tk *talk) free() (free []*person) {
	for _, q := range tk.w.people {
		q.look()
		if !q.hoards && q.seat(tk) == nil && !slices.ContainsFunc(tk.joins, func(j *joining) bool { return j.p == q && !j.done }) {
			free = append(free, q)
		}
	}
	return free
}

// keyHub is the hub that a one-time key names.
func (w *World) keyHub(key string) *house {
	for _, h := range w.houses {
		for _, url := range append(h.urls, h.url) {
			if len(key) > len(url) && strings.EqualFold(key[:len(url)], url) {
				return h
			}
		}
	}
	w.fatal(Sound, "nobody lives where the key leads: %s", key)
	return nil
}

// redeem joins by a key, and does so again until it works or is refused for
// good.
func (j *joining) redeem(tk *talk) {
	p, w := j.p, j.p.w
	p.look()
	if j.done {
		return
	}
	if j.tries == 0 {
		j.began = w.now
	}
	if j.tries++; j.tries > 60 {
		return
	}
	w.after(min(30*time.Second<<min(j.tries, 8), 2*time.Hour), func() { j.redeem(tk) })
	if p.on() {
		p.putAway(tk)
	}
	if !p.on() {
		return
	}
	j.tried = w.now
	p.do(channels.Redeem{Channel: tk.name, Key: j.key, Ref: p.ask(func(e channels.Event) {
		f, failed := e.(channels.Failed)
		if !failed || f.Code == channels.CodeHub || f.Code == channels.CodeNotPossible || j.done {
			return
		}
		w.tell("%s can't join: %s %s", p.name, f.Code, f.Text)
		j.done = true
		if !j.excused() {
			w.wrong(Rest, "%s was told of a key that nobody else has: %s", p.name, f.Code)
		}
	})})
}

// excused says that a key may come to nothing: it was revoked, its maker is gone
// or has forgotten it, its hub has, or somebody else has the key; or who has it used
// it already, and knows nothing of that: to him the hub says that somebody has.
func (j *joining) excused() bool {
	if j.unforked() || j.forked[0] != nil && (j.revoked || j.dubious || j.by.left || j.by.out() || j.by.weak) {
		return true
	}
	if j.hub == nil {
		return false
	}
	return j.revoked || j.leaked || j.dubious || j.unknown || j.by.left || j.by.out() || j.by.weak || j.hub.dead || j.hub.wiped || j.hub.lineage != j.lineage ||
		j.hub.lie != nil || j.p.w.now.Sub(j.made) > 5*24*time.Hour
}

// revoke closes an open key of somebody's.
func (p *person) revoke() {
	for _, v := range p.core.Invites() {
		if v.State != "open" {
			continue
		}
		for _, tk := range p.w.talks {
			for _, j := range tk.joins {
				if j.by.p == p && (j.number == v.Number || j.forked[0] != nil && v.Channel == tk.name && !j.done) {
					j.revoked = true
				}
			}
		}
		p.do(channels.Revoke{Invite: v.Number})
		return
	}
}

// leave leaves a talk, if others stay in it.
func (s *seat) leave() {
	p, w := s.p, s.talk.w
	if len(s.talk.live()) < 2 || p.core == nil {
		return
	}
	if w.chance(0.5) { // and keeps a copy of what he has
		p.stop()
		s.ghost = p.dir + " of a ghost"
		w.must(copyFolder(p.dir, s.ghost))
		p.start()
		if p.core == nil {
			return // died at once
		}
	}
	v, ok := p.core.Channel(s.talk.name)
	if !ok {
		return
	}
	clean := v.Pending == 0
	s.leaves = true
	w.shake(p, nil)
	defer func() { s.leaves = false }()
	for _, e := range p.do(channels.Leave{Channel: s.talk.name}) {
		if _, gone := e.(channels.Gone); gone {
			s.left, s.clean, s.gone = true, clean, true
			w.tell("%s has left %s", p.name, s.talk.name)
		}
	}
}

// noteShown notes which texts a gateway has shown.
func (p *person) noteShown(events []channels.Event) {
	for _, e := range events {
		if gone, ok := e.(channels.Gone); ok {
			delete(p.history, gone.Channel)
		}
		if l, ok := e.(channels.Line); ok && l.Kind != channels.Info && l.Quoted == "" {
			p.saw[l.Text] = true
			p.history[l.Channel] = append(p.history[l.Channel], heard{p.w.texts[l.Text], l.From})
		}
	}
}

// windowOnly says that a talk that somebody was removed from is still shown to
// him, and that is all.
func (p *person) windowOnly(tk *talk) bool {
	return slices.ContainsFunc(tk.seats, func(s *seat) bool { return s.p == p && s.removed && !s.away })
}
