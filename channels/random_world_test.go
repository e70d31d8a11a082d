package channels_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// randomWorld is a world in which what happens is drawn from a seed.
type randomWorld struct {
	*world
	t       *testing.T
	rng     *rand.Rand
	seed    uint64
	faults  faults
	calm    bool // the faults are over
	posts   []*post
	players []*player
	talks   []*talk
	texts   int
	story   bytes.Buffer
	used    uses
}

// faults says how much goes wrong.
type faults struct {
	Request float64       // requests that get lost
	Answer  float64       // answers that get lost: what was asked is done
	Twice   float64       // answers that come twice
	Hub     float64       // requests that the hub fails at
	Delay   time.Duration // the longest that a request or an answer takes
	Death   float64       // steps after which a gateway dies
	Disk    float64       // steps for which the disk is full
	Length  time.Duration // how long it goes on
	Actions int           // what people do meanwhile
}

// talk is a channel, as the people in it know it: all call it the same.
type talk struct {
	name  string
	seats []*seat
	joins []*joining
}

// seat is one membership of somebody in a talk.
type seat struct {
	talk  *talk
	p     *player
	id    [32]byte
	knew  map[[32]byte]bool // by a joiner: who must get what he says before he knows the members
	texts []*said
	join  *joining // nil: the founder's
	left  bool
	clean bool // left when everything said was at the hub
}

// joining is a one-time key on its way in.
type joining struct {
	p       *player
	key     string
	number  int // of the key, as its maker knows it
	by      *seat
	knew    map[[32]byte]bool
	done    bool
	revoked bool
}

// said is a text that a gateway accepted.
type said struct {
	text    string
	kind    channels.LineKind
	to      map[[32]byte]bool // who must get it
	unnamed bool              // said before the members were known
}

func emptyRandomWorld(t *testing.T, seed uint64) *randomWorld {
	w := newWorld(t)
	// Whether the disk is slow says nothing here.
	if dir, err := os.MkdirTemp("/dev/shm", "hubbub-world-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		w.dir = dir
	}
	g := &randomWorld{world: w, t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 2)), used: uses{}}
	for _, name := range []string{"attic", "cellar"} {
		g.posts = append(g.posts, &post{g: g, h: w.hub(name)})
	}
	return g
}

func (g *randomWorld) drawFaults() faults {
	some := func(most float64) float64 {
		if g.chance(0.35) {
			return 0
		}
		return most * g.rng.Float64()
	}
	return faults{
		Request: some(0.15), Answer: some(0.15), Twice: some(0.2), Hub: some(0.1), Death: some(0.02), Disk: some(0.1),
		Delay:  []time.Duration{30 * time.Millisecond, 2 * time.Second, 20 * time.Second}[g.rng.IntN(3)],
		Length: time.Duration(2+g.rng.IntN(6)) * time.Minute, Actions: 20 + g.rng.IntN(30),
	}
}

// live has the world run its course: the faults, and what comes after.
func (g *randomWorld) live() {
	end := g.now.Add(g.faults.Length)
	for range g.faults.Actions {
		g.at(g.now.Add(time.Duration(g.rng.Int64N(int64(g.faults.Length)))), g.something)
	}
	g.run(end.Sub(g.now))
	g.tell("calm")
	g.calm = true
	for _, o := range g.posts {
		o.down = false
	}
	for _, p := range g.players {
		if p.core == nil {
			p.start()
		}
	}
	for range 48 {
		g.run(5 * time.Minute)
		for _, p := range g.players {
			p.look()
		}
		if g.settled() {
			return
		}
	}
}

// settled says that there is nothing left to do.
func (g *randomWorld) settled() bool {
	for _, tk := range g.talks {
		for _, j := range tk.joins {
			if !j.done {
				return false
			}
		}
		live := tk.live()
		for _, s := range live {
			if v, ok := s.p.core.Channel(tk.name); !ok || v.Waiting || g.roster(s) != g.roster(live[0]) {
				return false
			}
		}
	}
	for _, p := range g.players {
		if p.left() > 0 {
			return false
		}
	}
	return true
}

// something is what somebody does.
func (g *randomWorld) something() {
	p, tk := g.players[g.rng.IntN(len(g.players))], g.talks[g.rng.IntN(len(g.talks))]
	n := g.rng.IntN(100)
	switch {
	case n < 4:
		g.posts[g.rng.IntN(2)].spell(time.Duration(g.rng.Int64N(int64(2 * time.Minute))))
		return
	case p.core == nil:
		return
	case n < 8:
		p.die()
		return
	case n < 12:
		p.skew = time.Duration(g.rng.Int64N(int64(6*time.Hour))) - 3*time.Hour
		g.tell("%s's clock jumps: it is off by %v", p.name, p.skew)
		return
	case n < 16:
		p.do(channels.SetNick{Nick: []string{"ann", "Ann", "ben", "bеn", "zoë", "x_2", p.name}[g.rng.IntN(7)]})
		return
	}
	p.look()
	s := p.seat(tk)
	if s == nil {
		return
	}
	switch {
	case n < 22:
		p.do(channels.SetTopic{Channel: tk.name, Text: fmt.Sprint("topic ", n, g.rng.IntN(1000))})
	case n < 34:
		p.invite(s)
	case n < 36:
		p.revoke()
	case n < 38:
		p.do(channels.Hide{Channel: tk.name})
	case n < 39:
		p.leave(s)
	default:
		for range 1 + g.rng.IntN(3) {
			if p.core != nil {
				p.say(s)
			}
		}
	}
}

// found has somebody claim a hub and open a channel on it.
func (g *randomWorld) found(name string, p *player) {
	h := g.posts[len(g.talks)].h
	p.do(channels.UseHub{Hub: h.address(), Secret: h.secret})
	g.run(5 * time.Second)
	tk := &talk{name: name}
	g.talks = append(g.talks, tk)
	p.do(channels.Join{Channel: name})
	p.look()
	for range 1 + g.rng.IntN(len(g.players)) {
		p.invite(p.seat(tk))
	}
}

// live are the seats of those who are in.
func (tk *talk) live() []*seat {
	return slices.DeleteFunc(slices.Clone(tk.seats), func(s *seat) bool { return s.left })
}

// chance is true this often.
func (g *randomWorld) chance(p float64) bool { return g.rng.Float64() < p }

// fault is true this often, until the world is calm.
func (g *randomWorld) fault(p float64) bool { return !g.calm && g.chance(p) }

// after has something happen later.
func (g *randomWorld) after(d time.Duration, f func()) { g.at(g.now.Add(d), f) }

// delay is how long something takes on its way.
func (g *randomWorld) delay() time.Duration {
	if g.calm || g.chance(0.7) {
		return time.Duration(1+g.rng.IntN(30)) * time.Millisecond
	}
	return time.Duration(1 + g.rng.Int64N(int64(g.faults.Delay)))
}

// tell adds to the world's story.
func (g *randomWorld) tell(format string, args ...any) {
	fmt.Fprintf(&g.story, "%s %s\n", g.now.Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// post carries requests to the hub, and holds those that wait.
type post struct {
	g      *randomWorld
	h      *hubHouse
	down   bool
	writes int // what the hub was asked that may have changed something
	held   []*letter
	known  map[string]known // what a hub in which nothing was changed has answered

	lie     func(channels.Request, []wire.Result) []wire.Result // if set, changes what it answers
	instead func(channels.Request) []wire.Result                // if set, answers in its place, or with nil not
}

// letter is a request on its way, and what is done with its answer.
type letter struct {
	r         channels.Request
	back      func(channels.Answered)
	cancelled bool
	held      bool
}

type known struct {
	writes  int
	results []wire.Result
}

// by is the post that carries to a hub.
func (g *randomWorld) by(r channels.Request) *post {
	for _, o := range g.posts {
		if o.h.address() == r.Hub {
			return o
		}
	}
	g.t.Fatalf("nobody lives at %+v", r.Hub)
	return nil
}

// spell takes the hub down for a while.
func (o *post) spell(d time.Duration) {
	if o.down || o.g.calm {
		return
	}
	o.g.tell("%s is down for %v", o.h.name, d)
	o.down = true
	for _, l := range slices.Clone(o.held) {
		o.unhold(l)
		l.back(failure(l.r, "the connection broke"))
	}
	o.g.after(d, func() { o.down = false })
}

func failure(r channels.Request, why string) channels.Answered {
	return channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: why}}
}

// deliver has the hub answer a request, now or when there is something.
func (o *post) deliver(l *letter) {
	switch {
	case o.down:
		l.back(failure(l.r, "it does not answer"))
		return
	case o.g.fault(o.g.faults.Hub):
		l.back(o.broken(l.r))
		return
	}
	if o.instead != nil {
		if results := o.instead(l.r); results != nil {
			l.back(channels.Answered{Request: l.r.ID, Results: results})
			return
		}
	}
	results, err := o.ask(l.r)
	if err != nil {
		o.g.t.Fatalf("the hub: %v", err)
	}
	if l.r.Wait == 0 || o.lie != nil || news(l.r, results) {
		if o.lie != nil {
			results = o.lie(l.r, results)
		}
		l.back(channels.Answered{Request: l.r.ID, Results: results})
		return
	}
	l.held = true
	o.held = append(o.held, l)
	o.g.after(l.r.Wait, func() { o.wake(l, true) })
}

// broken is what a hub answers that failed: it may have done what it was asked.
func (o *post) broken(r channels.Request) channels.Answered {
	if o.g.chance(0.3) {
		_, _ = o.ask(r)
	}
	if o.g.chance(0.5) {
		return channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Refused, Text: "internal", Retry: time.Second}}
	}
	results := make([]wire.Result, len(r.Calls))
	for i := range results {
		results[i].Error = &wire.Error{Code: wire.CodeInternal, Text: "the hub failed"}
	}
	return channels.Answered{Request: r.ID, Results: results}
}

// ask asks the hub. What it said of the same fetch, when nothing has been
// written since, it would say again.
func (o *post) ask(r channels.Request) ([]wire.Result, error) {
	key := ""
	for _, c := range r.Calls {
		if c.Op != wire.OpFetch {
			key = ""
			break
		}
		key += fmt.Sprintf("%x %x %+v\n", c.Channel, c.Key.Public(), c.Args)
	}
	if k, ok := o.known[key]; ok && k.writes == o.writes {
		return k.results, nil
	}
	if key == "" {
		o.writes++
	}
	results, err := o.h.exchange(r)
	if err != nil {
		return nil, err
	}
	if key == "" {
		for _, l := range slices.Clone(o.held) {
			o.g.after(time.Millisecond, func() { o.wake(l, false) })
		}
		return results, nil
	}
	if o.known == nil {
		o.known = map[string]known{}
	}
	o.known[key] = known{o.writes, results}
	return results, nil
}

// wake has a request that waits look again.
func (o *post) wake(l *letter, over bool) {
	if !l.held || o.down {
		return
	}
	results, err := o.ask(l.r)
	if err != nil {
		o.g.t.Fatalf("the hub: %v", err)
	}
	if over || news(l.r, results) {
		o.unhold(l)
		l.back(channels.Answered{Request: l.r.ID, Results: results})
	}
}

func (o *post) unhold(l *letter) {
	l.held = false
	o.held = slices.DeleteFunc(o.held, func(other *letter) bool { return other == l })
}
