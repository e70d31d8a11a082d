package sim

import (
	"bytes"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// Invariant is something that always holds, by its short name.
type Invariant string

// The invariants.
const (
	Once    Invariant = "I1 shown once"     // every text is shown exactly once, in its sender's order, to all whom its envelope names
	Private Invariant = "I2 private"        // it is shown to nobody who had left, and to no stranger
	Same    Invariant = "I3 same roster"    // in the end all members have the same roster, topic and hubs
	Keys    Invariant = "I4 keys used once" // no message key and no nonce is used twice, no envelope is changed
	Rest    Invariant = "I5 comes to rest"  // queues drain, mirrors are equal, gaps close or are declared lost, silence is cheap
	Sent    Invariant = "I6 sent is sent"   // "sent" means that a hub has it, and no accepted text is ever lost by its sender
	Told    Invariant = "I7 user told"      // of what goes wrong the user is told, once
	Sound   Invariant = "I0 sound"          // nothing panics or fails that must not
)

// Broken is an invariant that did not hold.
type Broken struct {
	Invariant Invariant
	Text      string
}

// Report is what became of a world.
type Report struct {
	Seed    uint64
	Plan    string
	Broken  []Broken
	Story   []byte // if it was to be told
	Lived   time.Duration
	Texts   int
	Steps   int
	Asked   int // requests
	Sealed  int // of those, exchanges that were sealed and opened
	Mishaps map[string]int
}

// Options for Run.
type Options struct {
	Dir   string   // an empty folder, on memory if possible
	Tell  bool     // keep the story
	Live  bool     // print it as it happens, too
	Force []string // names of mishaps that are to happen, for tests
	Plan  string   // the plan's name; empty: as the seed says
}

// Run lives the world of a seed. The caller has seeded the randomness of
// cryptography with it, too.
func Run(seed uint64, o Options) (r Report) {
	w := &World{
		options: o, seed: seed, rng: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC),
		used: uses{}, stored: map[entryID]bool{}, forged: map[entryID]bool{}, texts: map[string]*said{}, mishaps: map[string]int{}, late: map[string]*seat{},
	}
	w.begun = w.now
	defer func() {
		switch p := recover().(type) {
		case nil, stop:
		default:
			w.broken = append(w.broken, Broken{Sound, fmt.Sprintf("panic: %v\n%s", p, debug.Stack())})
		}
		w.close()
		r = Report{
			Seed: seed, Plan: w.plan.String(), Broken: w.broken, Story: w.story.Bytes(), Lived: w.now.Sub(w.begun),
			Texts: len(w.texts), Steps: w.steps, Asked: w.asked, Sealed: w.sealed, Mishaps: w.mishaps,
		}
	}()
	w.live()
	return r
}

// stop ends a world in which going on makes no sense.
type stop struct{}

// World is a world, from its first day to its last.
type World struct {
	options Options
	seed    uint64
	rng     *rand.Rand
	plan    plan
	begun   time.Time
	now     time.Time
	queue   queue
	turn    int
	calm    bool // the faults are over
	houses  []*house
	people  []*person
	talks   []*talk
	texts   map[string]*said
	used    uses
	stored  map[entryID]bool // entries that a hub has said it holds
	late    map[string]*seat // topics that were signed by who was removed
	fresh   []*cut           // removals of which the hubs are still to be told
	forged  map[entryID]bool // entries that somebody malicious has put
	story   bytes.Buffer
	broken  []Broken
	mishaps map[string]int
	outages []*outage
	ended   time.Time // when the faults did
	steps   int
	asked   int
	sealed  int
}

// wrong notes that an invariant does not hold.
func (w *World) wrong(i Invariant, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.tell("WRONG %s: %s", i, text)
	if len(w.broken) < 40 {
		w.broken = append(w.broken, Broken{i, text})
	}
}

// fatal notes it, and ends the world.
func (w *World) fatal(i Invariant, format string, args ...any) {
	w.wrong(i, format, args...)
	panic(stop{})
}

// must ends the world if what it needs itself does not work.
func (w *World) must(err error) {
	if err != nil {
		w.fatal(Sound, "the world itself: %v", err)
	}
}

// tell adds to the world's story.
func (w *World) tell(format string, args ...any) {
	if !w.options.Tell {
		return
	}
	line := fmt.Sprintf("%s %s\n", w.now.Format("02 15:04:05.000"), fmt.Sprintf(format, args...))
	w.story.WriteString(line)
	if w.options.Live {
		fmt.Print(line)
	}
}

// close lets go of everything.
func (w *World) close() {
	for _, p := range w.people {
		if p.core != nil {
			_ = p.core.Close()
			p.core = nil
		}
	}
	for _, h := range w.houses {
		if h.hub != nil {
			_ = h.hub.Close()
		}
	}
}

// chance is true this often.
func (w *World) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// fault is true this often, until the faults are over, or there were many steps:
// each fault makes for more of them.
func (w *World) fault(p float64) bool { return !w.calm && w.steps < w.plan.steps && w.chance(p) }

// some is a duration from 0 up to most.
func (w *World) some(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(most)))
}

// between is a duration from least to most, the small ones as likely as the large.
func (w *World) between(least, most time.Duration) time.Duration {
	d := least
	for d < most && w.rng.IntN(3) > 0 {
		d *= 2
	}
	return min(d+w.some(d), most)
}

// pick is any of a list.
func pick[T any](w *World, list []T) T { return list[w.rng.IntN(len(list))] }

// at has something happen at a time.
func (w *World) at(t time.Time, f func()) {
	w.turn++
	heap.Push(&w.queue, &happening{t, w.turn, f})
}

// after has something happen later.
func (w *World) after(d time.Duration, f func()) { w.at(w.now.Add(d), f) }

// run lets time pass.
func (w *World) run(d time.Duration) {
	end := w.now.Add(d)
	most := 20_000 + int(d/time.Minute)*len(w.people)*200
	for n := 0; len(w.queue) > 0 && !w.queue[0].at.After(end); n++ {
		if n > most {
			w.fatal(Rest, "the world does not come to rest: %d things have happened in %v", n, w.now.Sub(end.Add(-d)))
		}
		h := heap.Pop(&w.queue).(*happening)
		if h.at.After(w.now) {
			w.now = h.at
		}
		h.do()
	}
	w.now = end
}

type happening struct {
	at   time.Time
	turn int
	do   func()
}

// queue is what is to happen, by time, then in the order in which it was set.
type queue []*happening

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].turn < q[j].turn
}
func (q *queue) Push(h any) { *q = append(*q, h.(*happening)) }
func (q *queue) Pop() any {
	old := *q
	h := old[len(old)-1]
	*q = old[:len(old)-1]
	return h
}
