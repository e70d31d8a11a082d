package sim

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
)

// person is somebody with a gateway.
type person struct {
	w        *World
	n        int
	name     string
	dir      string
	options  channels.Options
	core     *channels.Core // nil: it does not run
	life     int            // counts runs
	flying   map[channels.RequestID]*letter
	wake     time.Time
	asleep   bool          // the machine sleeps
	missed   []func()      // what happens when it wakes
	off      bool          // it is switched off, until somebody starts it
	skew     time.Duration // of the clock
	lines    map[*house]*line
	ref      channels.Ref
	asked    map[channels.Ref]func(channels.Event) // what comes of an input
	told     []telling
	saw      map[string]bool    // texts that were shown
	history  map[string][]heard // history, as it was shown, by channel
	requests int
	behind   int // steps in a row that wanted to be woken at once
	saying   *said
	backups  []*backup
	restored bool // from a copy, once
	evil     bool // malicious
	hoards   bool // comes by keys that a malicious one has kept
	stuck    bool // has something to do that it does not come to
	shaken   []time.Time
	unwarned bool      // of something that is said once: the gateway died before it was shown
	read     time.Time // when a fetch was answered
}

// telling is something that a user was told.
type telling struct {
	at      time.Time
	kind    string // warn, news, info
	channel string
	text    string
}

// clock is what the gateway takes for the time.
func (p *person) clock() time.Time { return p.w.now.Add(p.skew) }

// on says that the gateway runs.
func (p *person) on() bool { return p.core != nil && !p.asleep }

// awake wakes the machine.
func (p *person) awake() {
	if p.asleep {
		p.w.tell("%s's machine wakes", p.name)
	}
	p.asleep = false
	p.w.shake(p, nil)
	for _, f := range p.missed {
		p.w.after(time.Millisecond, f)
	}
	p.missed = nil
}

// person makes somebody, whose gateway runs.
func (w *World) person(name string) *person {
	p := &person{
		w: w, n: len(w.people), name: name, dir: filepath.Join(w.options.Dir, fmt.Sprint("book ", len(w.people))),
		options: channels.Options{Nick: name, Quick: true}, lines: map[*house]*line{}, saw: map[string]bool{}, history: map[string][]heard{},
	}
	w.people = append(w.people, p)
	return p
}

// start starts the gateway.
func (p *person) start() {
	if p.core != nil {
		return
	}
	p.w.tell("%s's gateway starts", p.name)
	core, err := channels.Open(p.dir, p.options)
	if err != nil {
		p.w.fatal(Sound, "%s's gateway does not start: %v", p.name, err)
	}
	p.core, p.flying, p.asked = core, map[channels.RequestID]*letter{}, map[channels.Ref]func(channels.Event){}
	p.life++
	p.behind, p.off = 0, false
	p.do(channels.Start{})
	if p.core != nil && p.life == 1 {
		p.do(channels.Delivered{Client: everything}) // from the first line on
	}
}

// everything is the client that has not been shown any line.
const everything = "all"

// die ends the gateway as a kill does: what is committed is there, what it had
// asked may be on its way. It is started again after a while.
func (p *person) die() {
	again := p.w.some(time.Minute)
	if p.w.chance(0.3) {
		again = 0
	}
	p.stop()
	p.w.after(again, func() {
		if p.core == nil && !p.off {
			p.start()
		}
	})
}

// stop ends the gateway.
func (p *person) stop() {
	w := p.w
	w.tell("%s's gateway ends", p.name)
	if err := p.core.Close(); err != nil {
		w.fatal(Sound, "%s: %v", p.name, err)
	}
	p.core = nil
	p.life++
	w.shake(p, nil)
	for _, l := range p.flying {
		if l.held {
			l.way.h.letGo(l)
		}
	}
	p.checkBook()
}

// do gives an input, and carries out what comes of it, as far as the gateway
// lives to do it.
func (p *person) do(in channels.Input) []channels.Event {
	w := p.w
	if p.core == nil {
		return nil
	}
	if w.fault(w.plan.death) && w.chance(0.3) { // before anything of it is written
		w.tell("%s's gateway dies before %T", p.name, in)
		p.die()
		return nil
	}
	now := p.clock()
	w.steps++
	out, err := p.core.Step(in, now)
	if err != nil {
		w.fatal(Sound, "%s: %T: %v", p.name, in, err)
	}
	p.story(in, out)
	w.record(p, out.Requests)
	p.accepted(out.Events)
	p.noteSealed(out)
	p.noteShown(out.Events)
	p.noteRemoved(out.Events)
	p.pace(out, now)
	die := w.fault(w.plan.death)
	if die && w.chance(0.4) {
		w.tell("%s's gateway dies before anything of it is carried out", p.name)
		p.unheard(out.Events)
		p.die()
		return out.Events
	}
	for _, id := range out.Cancel {
		if l := p.flying[id]; l != nil {
			l.cancelled = true
			if l.held {
				l.way.h.letGo(l)
			}
			delete(p.flying, id)
		}
	}
	for _, r := range out.Requests {
		if die && w.chance(0.5) {
			p.unheard(out.Events)
			p.die()
			return out.Events
		}
		p.send(r)
	}
	p.sleep(out.Wake)
	p.hear(out.Events)
	if p.core != nil {
		p.noteTold()
	}
	if die && p.core != nil {
		p.die()
	}
	return out.Events
}

// unheard notes that the gateway died before it could show what was to be told once.
func (p *person) unheard(events []channels.Event) {
	for _, e := range events {
		if _, ok := e.(channels.Warn); ok {
			p.unwarned = true
		}
	}
}

// sleep has a Tick come when it is asked for.
func (p *person) sleep(wake time.Time) {
	if p.wake = wake; wake.IsZero() {
		return
	}
	p.tickAt(wake, p.life, latest(wake.Add(-p.skew), p.w.now.Add(time.Millisecond)))
}

func (p *person) tickAt(wake time.Time, life int, at time.Time) {
	p.w.at(at, func() {
		switch {
		case p.life != life || !p.wake.Equal(wake):
		case p.asleep:
			p.missed = append(p.missed, func() { p.tickAt(wake, life, p.w.now) })
		default:
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

// pace holds that a gateway never runs in circles.
func (p *person) pace(out channels.Output, now time.Time) {
	if out.Wake.IsZero() || out.Wake.After(now) {
		p.behind = 0
		return
	}
	if p.behind++; p.behind > 20 {
		p.w.fatal(Rest, "%s's gateway wants to be woken at once, again and again", p.name)
	}
}

// hear takes the events.
func (p *person) hear(events []channels.Event) {
	for _, e := range events {
		switch e := e.(type) {
		case channels.Warn:
			p.told = append(p.told, telling{p.w.now, "warn", e.Channel, e.Text})
		case channels.News:
			p.told = append(p.told, telling{p.w.now, "news", e.Channel, e.Text})
		case channels.Line:
			if e.Kind == channels.Info {
				p.told = append(p.told, telling{p.w.now, "info", e.Channel, e.Text})
			}
		case channels.Shown:
			p.reply(e.Ref, e)
		case channels.Failed:
			p.reply(e.Ref, e)
		case channels.Invited:
			p.reply(e.Ref, e)
		case channels.HubReady:
			p.reply(e.Ref, e)
		case channels.Done:
			p.reply(e.Ref, e)
		case channels.Rescued:
			p.reply(e.Ref, e)
		}
	}
}

func (p *person) reply(ref channels.Ref, e channels.Event) {
	if f := p.asked[ref]; f != nil {
		delete(p.asked, ref)
		f(e)
	}
}

// ask makes a ref whose event is awaited.
func (p *person) ask(f func(channels.Event)) channels.Ref {
	p.ref++
	p.asked[p.ref] = f
	return p.ref
}

// heard counts what a user was told that has these words in it.
func (p *person) heard(words ...string) (n int) {
	for _, t := range p.told {
		if !slices.ContainsFunc(words, func(v string) bool { return !strings.Contains(t.text, v) }) {
			n++
		}
	}
	return n
}
