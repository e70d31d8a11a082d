package sim

import (
	"fmt"
	"time"

	"hubbub/channels"
)

// net is how bad the ways to the hubs are.
type net struct {
	Request float64 // requests that get lost
	Answer  float64 // answers that get lost: what was asked is done
	Twice   float64 // answers that come twice
	Stray   float64 // requests that come to the hub long after
	Slow    float64 // of requests and answers, take up to Delay
	Delay   time.Duration
}

// plan is what is drawn of a world before it begins.
type plan struct {
	people  int
	hubs    int // that are there from the beginning; more come late
	late    int
	talks   int
	length  time.Duration // how long the faults go on
	acts    int           // what people do meanwhile
	mishaps int           // what happens to them
	net     net
	death   float64       // steps after which a gateway dies
	hold    time.Duration // how long hubs hold what waits, if longer than it asks for: so that days pass in few steps
	exact   bool          // hubs are asked also what they would answer as before
	liar    bool
	evil    bool
	steps   int // no more faults after so many
}

func (p plan) String() string {
	return fmt.Sprintf("%d people, %d hubs and %d late, %d acts and %d mishaps in %v, net %+v, death %.3f", p.people, p.hubs, p.late, p.acts, p.mishaps, p.length.Round(time.Second), p.net, p.death)
}

// draw draws a plan.
func (w *World) draw() plan {
	some := func(often, most float64) float64 {
		if !w.chance(often) {
			return 0
		}
		return most * w.rng.Float64()
	}
	p := plan{
		people: w.drawPeople(), talks: 1,
		net: net{
			Request: some(0.6, 0.12), Answer: some(0.6, 0.12), Twice: some(0.5, 0.2), Stray: some(0.3, 0.03), Slow: some(0.7, 0.5),
			Delay: pick(w, []time.Duration{time.Second, 5 * time.Second, 20 * time.Second}),
		},
		death: some(0.6, 0.015), hold: 3 * time.Hour, exact: w.chance(0.03), liar: w.chance(0.12),
		evil: w.chance(0.15),
	}
	switch n := w.rng.IntN(10); {
	case n < 6:
		p.length = 2*time.Minute + w.some(8*time.Minute)
	case n < 9:
		p.length = time.Hour + w.some(11*time.Hour)
	default:
		p.length = 24*time.Hour + w.some(5*24*time.Hour)
	}
	if p.length > time.Hour { // more steps, so fewer of them go wrong
		p.death /= 3
	}
	p.steps = 1000
	p.acts = 4 + w.rng.IntN(10)
	p.mishaps = w.rng.IntN(5)
	if w.chance(0.1) {
		p.talks = 2
	}
	p.hubs = 1 + w.rng.IntN(min(3, p.people, hubsMost))
	if p.hubs < min(3, hubsMost) && w.chance(0.3) {
		p.late = 1
	}
	if p.people > 8 {
		p.talks, p.acts, p.mishaps, p.death, p.length = 1, 4, 1, 0, 10*time.Minute
		p.hubs, p.late = min(p.hubs, 1), 0
		p.liar = false // what it hides from each of fifty they ask each other for, through itself: that takes minutes of computing, and ends with it
	}
	return p
}

// hubsMost is how many hubs a channel has at most.
const hubsMost = 3

// crowd is how many are in the largest worlds, three in a thousand: each takes as long
// as fifty others.
const crowd = 50

func (w *World) drawPeople() int {
	switch n := w.rng.IntN(1000); {
	case n < 3:
		return crowd
	case n < 440:
		return 2
	case n < 780:
		return 3
	case n < 900:
		return 4
	case n < 950:
		return 5
	case n < 970:
		return 6
	case n < 985:
		return 7
	}
	return 8
}

// begin makes the people and their first hub, while all is well.
func (w *World) begin() {
	w.plan = w.draw()
	w.tell("world %d: %v", w.seed, w.plan)
	w.calm = true
	for i := range w.plan.people {
		p := w.person(fmt.Sprintf("%c%d", 'a'+i%26, i))
		if i < len(names) {
			p.name = names[i]
		}
		p.options.Nick = p.name
		p.options.Mirror = pick(w, []channels.MirrorPolicy{channels.MirrorAuto, channels.MirrorAuto, channels.MirrorAuto, channels.MirrorAsk, channels.MirrorNever})
		p.options.Unlinked = w.chance(0.1)
		if w.chance(0.5) {
			p.skew = w.some(6*time.Hour) - 3*time.Hour
		}
		p.start()
	}
	for i := range w.plan.hubs {
		h := w.build(hubNames[i])
		if w.chance(0.3) {
			h.skew = w.some(4*time.Hour) - 2*time.Hour
		}
		w.people[i].owns(h)
	}
	w.run(3 * time.Second)
	for i := range w.plan.talks {
		w.found([]string{"#den", "#pub"}[i], w.people[i%len(w.people)])
	}
	w.calm = false
}

var (
	names    = []string{"ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"}
	hubNames = []string{"attic", "barn", "cellar", "den"}
)

// owns has somebody claim a hub, until he has it.
func (p *person) owns(h *house) {
	h.owner = p
	w := p.w
	w.tell("%s has the hub %s", p.name, h.name)
	var try func(n int)
	try = func(n int) {
		if h.owner != p || h.dead || n > 40 || h.owned() {
			return
		}
		w.after(min(20*time.Second<<min(n, 7), time.Hour), func() { try(n + 1) })
		if p.on() {
			p.do(channels.UseHub{Hub: h.address(), Secret: h.secret})
		}
	}
	try(0)
}

// owned says that a hub's owner has claimed it, as far as he knows.
func (h *house) owned() bool {
	if h.owner == nil || h.owner.core == nil || h.wiped {
		return false
	}
	for _, v := range h.owner.core.Hubs() {
		if v.Address.Fingerprint == h.hub.Fingerprint() {
			return v.Claimed
		}
	}
	return false
}

// found has somebody open a channel, and invite whoever is to be in at once.
func (w *World) found(name string, p *person) {
	tk := &talk{w: w, name: name}
	w.talks = append(w.talks, tk)
	p.do(channels.Join{Channel: name})
	v, ok := p.core.Channel(name)
	if !ok {
		w.fatal(Sound, "%s could not found %s", p.name, name)
	}
	p.sitDown(tk, v)
	if len(w.people) == crowd {
		w.gather(tk)
		return
	}
	for range 1 + w.rng.IntN(len(w.people)) {
		tk.seats[0].invite(nil)
	}
}

// gather has a crowd come in while hardly anybody is there: else each would be
// given each one's key by itself, which takes two minutes of computing.
func (w *World) gather(tk *talk) {
	founder := w.people[0]
	for _, p := range w.people[1:] {
		if p.core != nil {
			p.stop()
			p.off = true
		}
		tk.seats[0].invite(p)
		w.run(time.Second)
	}
	founder.stop()
	for _, j := range tk.joins {
		j.p.start()
		j.redeem(tk)
		w.run(2 * time.Second)
		j.p.look()
		j.p.stop()
	}
	for _, p := range w.people {
		p.start()
	}
	w.run(10 * time.Second)
}
