package channels_test

import (
	"container/heap"
	"testing"
	"testing/cryptotest"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// world is a small world in virtual time: people with their cores, and the real
// hubs, in one goroutine. What is asked of a hub is sealed and opened as on the
// wire; only waiting is the world's own, since a hub waits in real time.
type world struct {
	t       testing.TB
	dir     string
	now     time.Time
	queue   queue
	turn    int
	options channels.Options // of all gateways, but for their nicks
	hubs    map[wire.Fingerprint]*hubHouse
	named   map[string]*hubHouse
	people  []*person
	latency time.Duration // one way
	hold    time.Duration // how long hubs hold what waits, if longer than it asks for: so that days pass in few steps

	// mangle, if set, is asked what becomes of an answer: how often it arrives.
	mangle func(p *person, r channels.Request) int
	// hide, if set, says which entries a hub withholds from whom.
	hide func(p *person, e wire.Entry) bool
	// tweak, if set, may change what a hub answers somebody.
	tweak func(p *person, r channels.Request, a *channels.Answered)
	// cut, if set, says that somebody cannot reach a hub.
	cut func(p *person, h *hubHouse) bool
	// take, if set, may take an answer away from whom it is for.
	take func(p *person, a channels.Answered) bool
}

// begin makes a world that is the same each time.
func begin(t *testing.T) *world {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	return newWorld(t)
}

// long is called by tests that take long under the race detector: the core is
// one goroutine, and its shorter stories show it as well.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes long")
	}
}

func newWorld(t testing.TB) *world {
	_, bench := t.(*testing.B)
	return &world{
		t: t, options: channels.Options{Quick: !bench}, dir: t.TempDir(), now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), latency: 20 * time.Millisecond,
		hubs: map[wire.Fingerprint]*hubHouse{}, named: map[string]*hubHouse{},
	}
}

// two are alice and bob, who talk in a channel on alice's hub.
func (w *world) two() (alice, bob *person) {
	w.t.Helper()
	alice, bob = w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Ref: 2, Channel: "#bob"})
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(2 * time.Second)
	return alice, bob
}

// redeems joins by a key, and demands that it works.
func (p *person) redeems(channel, key string) {
	p.w.t.Helper()
	p.step(channels.Redeem{Ref: 9, Channel: channel, Key: key})
	p.w.run(500 * time.Millisecond)
	v, ok := last[channels.Shown](p)
	if !ok || v.Ref != 9 || v.Channel != channel {
		p.w.t.Fatalf("%s did not get in: %v", p.name, p.events)
	}
}

// at has something happen at a time.
func (w *world) at(t time.Time, f func()) {
	w.turn++
	heap.Push(&w.queue, &happening{t, w.turn, f})
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	most := 5000 + int(d/time.Minute)*len(w.people)*400
	for steps := 0; len(w.queue) > 0 && !w.queue[0].at.After(end); steps++ {
		if steps > most {
			w.t.Fatalf("the world does not come to rest: %d things have happened in %v", steps, w.now.Sub(end.Add(-d)))
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

// history is what a channel's lines are in the phonebook, without hubbub's own.
func (p *person) history(channel string) []string {
	p.w.t.Helper()
	all, err := p.core.Backlog("somebody who was never here")
	if err != nil {
		p.w.t.Fatal(err)
	}
	var lines []string
	for _, l := range all {
		if l.Channel == channel && l.Kind != channels.Info {
			lines = append(lines, l.From+": "+l.Text)
		}
	}
	return lines
}
