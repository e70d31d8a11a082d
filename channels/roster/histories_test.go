package roster

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// How many small histories are made; and of how many all subsets are gone
// through, which are smaller still.
const (
	smallHistories = 300
	everyWhole     = 8 // one in so many
)

// TestSmallHistories makes hundreds of small histories, of four people, two
// invites and two removals and what else they do at the same time, each knowing
// only what had reached him; and goes through them in every order at once. The
// replicas of a history are the subsets of its operations, and each step from one
// to a larger one is taken. That every step arrives at the same set, with the same
// to say, whatever it had said before, is that all orders do; that it is what the
// rules say is held by asking them one by one (plain).
//
// Of each history all subsets are gone through that causal delivery makes (with
// an operation all that it names); of the smaller histories all there are.
func TestSmallHistories(t *testing.T) {
	total := &tally{kinds: map[Kind]int{}, states: map[Reason]int{}}
	for seed := range uint64(smallHistories) {
		whole := seed%everyWhole == 0
		if testing.Short() && seed%4 != 0 {
			continue // under the race detector
		}
		ops := smallHistory(t, seed, whole && !testing.Short())
		r := newReplicas(t, seed, ops)
		r.all(!whole || testing.Short())
		total.add(r)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d histories, %d sets, %d steps between them, %.0f orders; %d wholly gone through; with %v; gone are %v; %d were in doubt, %d forked",
		total.histories, total.sets, total.steps, total.orders, total.whole, total.kinds, total.states, total.suspended, total.forks)
	total.enough(t)
}

// tally is what was in the histories: a test that draws nothing of interest is none.
type tally struct {
	histories, sets, steps, whole, suspended, forks int
	orders                                          float64
	kinds                                           map[Kind]int
	states                                          map[Reason]int
}

func (c *tally) add(r *replicas) {
	c.histories++
	c.sets += len(r.at)
	c.steps += r.steps
	c.orders += r.orders[1<<len(r.ops)-1]
	if len(r.at) == 1<<len(r.ops) {
		c.whole++
	}
	for _, op := range r.ops {
		c.kinds[op.Op().Args.Kind()]++
	}
	last := r.at[1<<len(r.ops)-1].Evaluate()
	for _, m := range last.Members {
		if m.Suspended {
			c.suspended++
		}
	}
	for _, m := range last.Removed {
		c.states[m.Why]++
	}
	c.forks += len(last.Forks)
}

func (c *tally) enough(t *testing.T) {
	t.Helper()
	for _, k := range []Kind{KindInvite, KindJoin, KindRemove, KindConfirm, KindLeave, KindRevoke} {
		if c.kinds[k] < c.histories/5 {
			t.Errorf("only %d of %s in %d histories", c.kinds[k], k, c.histories)
		}
	}
	if c.states[ReasonRemoved] < c.histories/2 || c.states[ReasonCut] == 0 || c.states[ReasonInvite] == 0 || c.suspended == 0 || c.forks == 0 {
		t.Errorf("too little comes of them: %v, %d in doubt, %d forked", c.states, c.suspended, c.forks)
	}
}

// replicas are the sets that a history's operations make, by which of them are
// there.
type replicas struct {
	t     *testing.T
	seed  uint64
	ops   []*Signed
	below []int // of each operation, those that it names
	at    map[int]*Set
	steps int

	orders map[int]float64 // in how many each can have come about
}

func newReplicas(t *testing.T, seed uint64, ops []*Signed) *replicas {
	r := &replicas{t: t, seed: seed, ops: ops, below: make([]int, len(ops)), at: map[int]*Set{0: NewSet(ops[0].Channel())}, orders: map[int]float64{0: 1}}
	place := map[Hash]int{}
	for i, op := range ops {
		place[op.hash] = i
	}
	for i, op := range ops {
		for _, h := range op.names {
			if j, ok := place[h]; ok {
				r.below[i] |= 1 << j
			}
		}
	}
	return r
}

// all takes every step from every set, smaller ones first.
func (r *replicas) all(causal bool) {
	r.at[0].Evaluate()
	todo := []int{0}
	for len(todo) > 0 {
		from := todo[0]
		todo = todo[1:]
		for i := range r.ops {
			if from&(1<<i) != 0 || causal && r.below[i]&^from != 0 {
				continue
			}
			to := from | 1<<i
			got := r.step(from, i)
			r.orders[to] += r.orders[from]
			if r.at[to] == nil {
				r.at[to] = got
				todo = append(todo, to)
				r.sensible(got)
			} else if err := sameSet(got, r.at[to]); err != nil {
				r.t.Fatalf("seed %d: %0*b and then %d: %v", r.seed, len(r.ops), from, i, err)
			}
			if err := noneCameBack(r.at[from].view, got.view); err != nil {
				r.t.Fatalf("seed %d: %0*b and then %d: %v", r.seed, len(r.ops), from, i, err)
			}
		}
	}
}

// step is what a set that has said something becomes by one more operation.
func (r *replicas) step(from, op int) *Set {
	r.steps++
	s := *r.at[from]
	s.ops, s.named, s.heads, s.missing = maps.Clone(s.ops), maps.Clone(s.named), maps.Clone(s.heads), maps.Clone(s.missing)
	if isNew, err := s.Add(r.ops[op]); err != nil || !isNew {
		r.t.Fatalf("seed %d: adding %d to %b: %v %v", r.seed, op, from, isNew, err)
	}
	s.Evaluate()
	return &s
}

// sensible holds what holds of every set.
func (r *replicas) sensible(s *Set) {
	r.t.Helper()
	for _, err := range []error{sensibleMembers(s.view), sensibleInvites(s.view), sensibleGraph(s), byThoseAbove(s.view), sameByTheRules(s)} {
		if err != nil {
			r.t.Fatalf("seed %d: %v", r.seed, err)
		}
	}
}

// byThoseAbove holds that nobody was put out by anybody who is not above him.
func byThoseAbove(v *View) error {
	for _, r := range v.Removed {
		for _, by := range r.By {
			if by != r.ID && !v.Above(by, r.ID) {
				return fmt.Errorf("%x was removed by %x", r.ID[:2], by[:2])
			}
		}
	}
	return nil
}

// sameSet says what two replicas differ in that hold the same set: in anything
// that they say, and in anything that they keep for the next step.
func sameSet(a, b *Set) error {
	if !maps.Equal(a.named, b.named) || !maps.Equal(a.heads, b.heads) || !maps.Equal(a.missing, b.missing) {
		return fmt.Errorf("they keep other things of one set")
	}
	countA, sumA := a.Fingerprint()
	countB, sumB := b.Fingerprint()
	if countA != countB || sumA != sumB {
		return fmt.Errorf("the fingerprints of one set are %x and %x", sumA, sumB)
	}
	for i, n := range a.graph.nodes {
		m := b.graph.nodes[i]
		if n.hash != m.hash || n.depth != m.depth || n.chain != m.chain || a.view.e.why[i] != b.view.e.why[i] {
			return fmt.Errorf("%s: at %d, depth %d, %q, and at %d, depth %d, %q", n.op.Args.Kind(), n.place, n.depth, a.view.e.why[n.place], m.place, m.depth, b.view.e.why[m.place])
		}
	}
	v, w := *a.view, *b.view
	v.e, w.e = nil, nil
	if !reflect.DeepEqual(v, w) {
		return fmt.Errorf("one says\n%+v\nthe other\n%+v", v, w)
	}
	if a.view.SafetyNumber() != b.view.SafetyNumber() {
		return fmt.Errorf("the safety numbers differ")
	}
	return nil
}

// smallHistory makes a history from a seed: alice has founded a channel and
// brought bob; carol and dave come by two invites, or both by one; there are two
// removals, and what else the seed has them do. Each acts knowing what he knows.
func smallHistory(t *testing.T, seed uint64, smaller bool) []*Signed {
	d := &drawn{Rand: rand.New(rand.NewPCG(seed, 4)), all: found(t, "alice"), knows: map[string]*story{},
		left: map[string]int{"invite": 2, "join": 2, "remove": 2}}
	d.all.brings("alice", "bob")
	d.knows["alice"], d.knows["bob"] = d.all.copy(), d.all.copy()
	beside := []string{"confirm", "confirm", "leave", "revoke", "say", "fork"}
	d.Shuffle(len(beside), func(i, j int) { beside[i], beside[j] = beside[j], beside[i] })
	if smaller {
		beside = beside[:2]
	}
	for _, what := range beside {
		d.left[what]++
	}
	for i := 0; i < 200 && slices.Max(slices.Collect(maps.Values(d.left))) > 0; i++ {
		d.act()
	}
	return d.all.set.All()
}

// drawn is a history in the making.
type drawn struct {
	*rand.Rand
	all     *story
	knows   map[string]*story // of those who are in
	invites []drawnInvite
	left    map[string]int // how often each may still happen
}

type drawnInvite struct {
	hash Hash
	by   string
	note string
}

// some draws one of a few names.
func (d *drawn) some(list []string) string { return list[d.IntN(len(list))] }

// act has somebody do something; at times he hears first from somebody else.
func (d *drawn) act() {
	who := d.some(slices.Sorted(maps.Keys(d.knows)))
	s := d.knows[who]
	if d.IntN(5) < 2 {
		s.merge(d.knows[d.some(slices.Sorted(maps.Keys(d.knows)))])
	}
	var open []string
	for _, what := range slices.Sorted(maps.Keys(d.left)) {
		if d.left[what] > 0 {
			open = append(open, what)
		}
	}
	// The two invites first, mostly: else there is nobody to quarrel with.
	what := d.some(open)
	switch {
	case d.left["invite"] > 0 && d.IntN(3) > 0:
		what = "invite"
	case d.left["join"] > 0 && d.IntN(3) == 0:
		what = "join"
	}
	if d.does(what, who, s) {
		d.left[what]--
	}
}

// does has somebody do one thing, and says whether he could.
func (d *drawn) does(what, who string, s *story) bool {
	switch what {
	case "invite":
		note := fmt.Sprint("invite ", d.left["invite"])
		d.invites = append(d.invites, drawnInvite{d.made(s.draft(who, invitation(note)), s), who, note})
		return true
	case "join":
		return d.joins()
	case "leave":
		d.made(s.draft(who, Leave{Seq: int64(d.IntN(9))}), s)
		return true
	case "say":
		d.made(s.draft(who, []Args{Topic{"what " + who + " says"}, Nick{who + "2"}, HubAdd{URL: "http://" + who + ".example/", Key: hubKey(who)}}[d.IntN(3)]), s)
		return true
	case "fork":
		return d.forks(who, s)
	}
	args := d.about(what, s)
	if args == nil {
		return false
	}
	if r, ok := args.(Remove); ok && (r.Member == member(who) || d.IntN(8) > 0 && !s.set.Evaluate().Above(member(who), r.Member)) {
		return false
	}
	d.made(s.draft(who, args), s)
	return true
}

// made has an operation be.
func (d *drawn) made(op *Signed, s *story) Hash {
	s.add(op)
	return d.all.add(op)
}

// about draws an operation that is about another.
func (d *drawn) about(what string, s *story) Args {
	v := s.set.Evaluate()
	var joins []Hash
	for _, op := range s.set.All() {
		if op.op.Args.Kind() == KindJoin {
			joins = append(joins, op.hash)
		}
	}
	switch {
	case what == "remove" && len(v.Members) > 1:
		m := v.Members[d.IntN(len(v.Members))]
		r, err := v.Removal(m.ID, int64(d.IntN(9)))
		if err != nil {
			return nil
		}
		if d.IntN(4) == 0 { // as of some time ago
			r.Head = m.Join
		}
		r.Joins = slices.DeleteFunc(r.Joins, func(Hash) bool { return d.IntN(3) == 0 })
		return r
	case what == "confirm" && len(joins) > 1:
		return Confirm{joins[1+d.IntN(len(joins)-1)]}
	case what == "revoke" && len(d.invites) > 0:
		i := d.invites[d.IntN(len(d.invites))]
		if s.set.Has(i.hash) {
			return Revoke{i.hash}
		}
	}
	return nil
}

// joins has carol or dave come, on one of the two invites, used or not.
func (d *drawn) joins() bool {
	if len(d.invites) == 0 {
		return false
	}
	who := []string{"carol", "dave"}[2-d.left["join"]]
	i := d.invites[d.IntN(len(d.invites))]
	s := &story{t: d.all.t, set: NewSet(d.all.set.Channel()), time: d.all.time}
	if d.IntN(4) > 0 {
		s.merge(d.knows[i.by]) // he was told before he did anything
	}
	d.made(d.all.join(who, i.hash, i.note), s)
	d.knows[who] = s
	if d.IntN(2) == 0 {
		d.knows[i.by].merge(s)
	}
	return true
}

// forks has somebody's gateway, restored from a copy, sign what it does not know
// that it has signed.
func (d *drawn) forks(who string, s *story) bool {
	last := s.set.tip(member(who))
	if last.op.N < 2 || d.IntN(2) == 0 {
		return false
	}
	before := s.set.Get(last.op.Prev).Op()
	d.made(s.sign(who, Op{
		Channel: s.set.Channel(), By: member(who), N: before.N + 1, Prev: last.op.Prev, Time: s.time, Args: Topic{"forked by " + who},
	}), s)
	return true
}
