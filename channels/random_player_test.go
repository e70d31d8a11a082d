package channels_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// player is somebody with a gateway in a random world.
type player struct {
	g        *randomWorld
	name     string
	dir      string
	copies   int
	core     *channels.Core // nil: not running
	life     int            // counts runs
	flying   map[channels.RequestID]*letter
	wake     time.Time
	skew     time.Duration // of the clock
	ref      channels.Ref
	asked    map[channels.Ref]func(channels.Event) // what comes of an input
	warnings []string
	requests int
	failed   int // steps, since the disk was full
	behind   int // steps in a row that wanted to be woken at once
	keys     everHad
	offered  []wire.OfferArgs
}

// start starts the gateway.
func (p *player) start() {
	core, err := channels.Open(p.dir, channels.Options{Nick: p.name, Quick: true})
	if err != nil {
		p.g.t.Fatalf("%s: %v", p.name, err)
	}
	p.core, p.flying, p.asked = core, map[channels.RequestID]*letter{}, map[channels.Ref]func(channels.Event){}
	p.life++
	p.behind = 0
	p.do(channels.Start{})
	if p.core != nil && p.life == 1 {
		p.do(channels.Delivered{Client: "all"}) // from the first line on
	}
}

// die ends the gateway as a kill does: its files stay as they are, what it had
// asked may be on its way. Some time later it is started again.
func (p *player) die() {
	p.g.tell("%s's gateway dies", p.name)
	p.copies++
	dir := fmt.Sprintf("%s.%d", p.dir, p.copies)
	if err := copyBook(p.dir, dir); err != nil {
		p.g.t.Fatal(err)
	}
	p.keys.gather(p.core) // before its files are no more
	if err := p.core.Close(); err != nil {
		p.g.t.Fatal(err)
	}
	p.core, p.dir = nil, dir
	p.life++
	again := time.Duration(p.g.rng.Int64N(int64(time.Minute)))
	if p.g.chance(0.3) {
		again = 0
	}
	p.g.after(again, func() {
		if p.core == nil {
			p.g.tell("%s's gateway starts", p.name)
			p.start()
		}
	})
}

// copyBook copies a phonebook as it is on disk, without what a process has of it
// in memory.
func copyBook(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*"))
	if err != nil {
		return err
	}
	errs := []error{os.MkdirAll(to, 0o700)}
	for _, f := range files {
		if strings.HasSuffix(f, "-shm") {
			continue
		}
		content, err := os.ReadFile(f)
		errs = append(errs, err, os.WriteFile(filepath.Join(to, filepath.Base(f)), content, 0o600))
	}
	return errors.Join(errs...)
}

// do gives an input, and carries out what comes of it, as far as the gateway
// lives to do it.
func (p *player) do(in channels.Input) []channels.Event {
	g := p.g
	now := g.now.Add(p.skew)
	out, err := p.step(in, now)
	if err != nil {
		g.t.Fatalf("%s: %T: %v", p.name, in, err)
	}
	p.record(in, out)
	p.pace(out, now)
	die, mute := g.fault(g.faults.Death), false
	if die {
		mute = g.chance(0.4) // before anything of it is carried out
	}
	if mute {
		p.die()
		return out.Events
	}
	for _, id := range out.Cancel {
		if l := p.flying[id]; l != nil {
			l.cancelled = true
			g.by(l.r).unhold(l)
			delete(p.flying, id)
		}
	}
	for _, r := range out.Requests {
		if die && g.chance(0.5) {
			p.die()
			return out.Events
		}
		p.send(r)
	}
	p.told(out.Events)
	p.sleep(out.Wake)
	if die && p.core != nil {
		p.die()
	}
	return out.Events
}

// sleep has a Tick come when it is asked for.
func (p *player) sleep(wake time.Time) {
	if p.wake = wake; wake.IsZero() {
		return
	}
	life := p.life
	p.g.at(latest(wake.Add(-p.skew), p.g.now.Add(time.Millisecond)), func() {
		if p.life == life && p.wake.Equal(wake) {
			p.do(channels.Tick{})
		}
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// send carries a request, and its answer back.
func (p *player) send(r channels.Request) {
	g, life := p.g, p.life
	l := &letter{r: r}
	p.flying[r.ID] = l
	p.requests++
	l.back = func(a channels.Answered) {
		if g.fault(g.faults.Answer) {
			g.tell("the answer to %s's %d is lost", p.name, r.ID)
			a = failure(r, "the answer was lost")
		}
		times := 1
		if g.fault(g.faults.Twice) {
			times = 2
		}
		for range times {
			g.after(g.delay(), func() {
				if p.life == life && !l.cancelled {
					delete(p.flying, r.ID)
					p.do(a)
				}
			})
		}
	}
	if g.fault(g.faults.Request) {
		g.after(g.delay(), func() { l.back(failure(r, "the connection broke")) })
		return
	}
	g.after(g.delay(), func() {
		// A request of a gateway that died meanwhile may be on its way.
		if !l.cancelled && (p.life == life || g.chance(0.5)) {
			g.by(r).deliver(l)
		}
	})
}

// record keeps what a step has made.
func (p *player) record(in channels.Input, out channels.Output) {
	p.g.used.record(p.g.t, p.name, out.Requests)
	p.keys.gather(p.core)
	what := fmt.Sprintf("%T", in)
	switch in := in.(type) {
	case channels.Answered:
		what = fmt.Sprintf("Answered %d", in.Request)
		if in.Failure != nil {
			what += ": " + in.Failure.Text
		}
		for _, r := range in.Results {
			what += resultLine(r)
		}
	case channels.Tick:
	default:
		what = fmt.Sprintf("%T%+v", in, in)
	}
	p.g.tell("%s: %.300s", p.name, strings.TrimPrefix(what, "channels."))
	for _, r := range out.Requests {
		for _, c := range r.Calls {
			var offer wire.OfferArgs
			if args, ok := c.Args.(codec.Raw); ok && c.Op == wire.OpOffer && codec.Unmarshal(args, &offer) == nil {
				p.offered = append(p.offered, offer)
			}
		}
		p.g.tell("    asks %d (waits %v):%s", r.ID, r.Wait, callsLine(r.Calls))
	}
	for _, e := range out.Events {
		p.g.tell("    %.200s", fmt.Sprintf("%T%+v", e, e))
	}
}

// pace holds that a gateway never runs in circles.
func (p *player) pace(out channels.Output, now time.Time) {
	if out.Wake.IsZero() || out.Wake.After(now) {
		p.behind = 0
		return
	}
	if p.behind++; p.behind > 20 {
		p.g.t.Fatalf("%s's gateway wants to be woken at once, again and again", p.name)
	}
}

// told takes the events.
func (p *player) told(events []channels.Event) {
	for _, e := range events {
		switch e := e.(type) {
		case channels.Warn:
			p.warnings = append(p.warnings, e.Text)
		case channels.Shown:
			p.hear(e.Ref, e)
		case channels.Failed:
			p.hear(e.Ref, e)
		case channels.Invited:
			p.hear(e.Ref, e)
		}
	}
}

func (p *player) hear(ref channels.Ref, e channels.Event) {
	if f := p.asked[ref]; f != nil {
		delete(p.asked, ref)
		f(e)
	}
}

// ask makes a ref whose event is awaited.
func (p *player) ask(f func(channels.Event)) channels.Ref {
	p.ref++
	p.asked[p.ref] = f
	return p.ref
}

// seat is where somebody sits in a talk, nil if he doesn't.
func (p *player) seat(tk *talk) *seat {
	for _, s := range tk.seats {
		if s.p == p && !s.left {
			return s
		}
	}
	return nil
}

// look notices in which talks somebody sits.
func (p *player) look() {
	if p.core == nil {
		return
	}
	for _, tk := range p.g.talks {
		v, ok := p.core.Channel(tk.name)
		if s := p.seat(tk); s != nil && !ok {
			p.turnedAway(s)
			continue
		}
		if !ok || p.seat(tk) != nil {
			continue
		}
		s := &seat{talk: tk, p: p, id: v.Members[0].ID}
		if !v.Members[0].Own {
			p.g.t.Fatalf("%s is not the first whom %s sees in %s", p.name, p.name, tk.name)
		}
		for _, j := range tk.joins {
			if j.p == p && !j.done {
				j.done, s.knew, s.join = true, j.knew, j
			}
		}
		tk.seats = append(tk.seats, s)
	}
}

// turnedAway ends the seat of one who has come by a key that was revoked, or
// whose inviter had left, before anybody knew that he had.
func (p *player) turnedAway(s *seat) {
	if s.join == nil || !s.join.revoked && !s.join.by.left {
		p.g.wrong("%s was put out of %s", p.name, s.talk.name)
	}
	s.left = true
	p.warnings = slices.DeleteFunc(p.warnings, func(w string) bool { return strings.Contains(w, "were not let into") })
}

// others are the ids of the other members whom somebody knows.
func (s *seat) others() map[[32]byte]bool {
	ids := map[[32]byte]bool{}
	if v, ok := s.p.core.Channel(s.talk.name); ok {
		for _, m := range v.Members {
			if !m.Own {
				ids[m.ID] = true
			}
		}
	}
	return ids
}

// say sends a text.
func (p *player) say(s *seat) {
	p.g.texts++
	m := &said{text: fmt.Sprintf("n%d from %s", p.g.texts, p.name), kind: channels.LineKind(1 + p.g.rng.IntN(3)), to: s.others()}
	switch p.g.rng.IntN(8) {
	case 0:
		m.text += "\nand more\nand yet more"
	case 1:
		m.text += strings.Repeat(" and so on", p.g.rng.IntN(3000))
	}
	if v, _ := p.core.Channel(s.talk.name); v.Waiting {
		m.unnamed, m.to = true, maps.Clone(s.knew)
	}
	for _, e := range p.do(channels.Send{Channel: s.talk.name, Kind: m.kind, Text: m.text}) {
		if l, ok := e.(channels.Line); ok && l.Own && l.Text == m.text {
			s.texts = append(s.texts, m)
			return
		}
	}
	p.g.t.Errorf("%s may not speak in %s", p.name, s.talk.name)
}

// invite makes a one-time key for somebody who is not in.
func (p *player) invite(s *seat) {
	tk, g := s.talk, p.g
	p.do(channels.Invite{Channel: tk.name, Ref: p.ask(func(e channels.Event) {
		v, ok := e.(channels.Invited)
		if !ok {
			return
		}
		var free []*player
		for _, q := range g.players {
			q.look()
			if q.seat(tk) == nil && !slices.ContainsFunc(tk.joins, func(j *joining) bool { return j.p == q && !j.done }) {
				free = append(free, q)
			}
		}
		if len(free) == 0 {
			return
		}
		j := &joining{number: v.Number, p: free[g.rng.IntN(len(free))], key: v.Key, by: s, knew: s.others()}
		j.knew[s.id] = true
		tk.joins = append(tk.joins, j)
		g.after(time.Duration(g.rng.Int64N(int64(30*time.Second))), func() { j.p.redeem(tk, j) })
	})})
}

// redeem joins by a key, and does so again until it works or is refused for
// good.
func (p *player) redeem(tk *talk, j *joining) {
	p.look()
	if j.done {
		return
	}
	p.g.after(30*time.Second, func() { p.redeem(tk, j) })
	if p.core == nil {
		return
	}
	p.do(channels.Redeem{Channel: tk.name, Key: j.key, Ref: p.ask(func(e channels.Event) {
		f, failed := e.(channels.Failed)
		if !failed || f.Code == channels.CodeHub || f.Code == channels.CodeNotPossible {
			return
		}
		p.g.tell("%s can't join: %s", p.name, f.Code)
		j.done = true
		if refused := j.revoked || j.by.left; refused { // and told so, whatever the words
			p.warnings = nil
		} else if f.Code != channels.CodeRevoked {
			p.g.t.Errorf("%s was told of a key that nobody else has: %s", p.name, f.Code)
		}
	})})
}

// revoke closes an open key of one's own.
func (p *player) revoke() {
	for _, v := range p.core.Invites() {
		if v.State == "open" {
			for _, tk := range p.g.talks {
				for _, j := range tk.joins {
					if j.by.p == p && j.number == v.Number {
						j.revoked = true
					}
				}
			}
			p.do(channels.Revoke{Invite: v.Number})
			return
		}
	}
}

// leave leaves a talk, if others stay in it.
func (p *player) leave(s *seat) {
	if len(s.talk.live()) < 2 {
		return
	}
	v, _ := p.core.Channel(s.talk.name)
	s.clean = v.Pending == 0
	s.left = true
	p.do(channels.Leave{Channel: s.talk.name})
}
