package roster

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

const labelSet = "hubbub/1 operation set"

// ErrChannel is returned for an operation of another channel.
var ErrChannel = errors.New("an operation of another channel")

// Set is a set of one channel's signed operations. It only grows, and all that
// it says depends on what is in it alone, never on the order in which it came.
// It keeps every operation that verifies, whether it counts or not: what counts
// is for Evaluate to say. A Set is for one goroutine.
type Set struct {
	channel Channel
	ops     map[Hash]*Signed
	named   map[Hash]bool // named by an operation that is here
	heads   map[Hash]bool // here, and not named
	missing map[Hash]bool // named, and not here

	graph *graph // of ops; nil after Add
	view  *View  // of ops; nil after Add
}

// NewSet returns an empty set for a channel. Its founder, too, adds his found.
func NewSet(channel Channel) *Set {
	s := &Set{
		channel: channel,
		ops:     make(map[Hash]*Signed),
		named:   make(map[Hash]bool),
		heads:   make(map[Hash]bool),
		missing: make(map[Hash]bool),
	}
	s.name(Hash(channel)) // a set without its found misses it
	return s
}

// Channel returns the channel that the set belongs to.
func (s *Set) Channel() Channel { return s.channel }

// Len returns how many operations are in the set.
func (s *Set) Len() int { return len(s.ops) }

// Add puts an operation into the set and says whether it is new. It takes any
// operation of the channel, in any order; another channel's is ErrChannel.
func (s *Set) Add(op *Signed) (bool, error) {
	if op == nil || op.op.Args == nil {
		return false, errors.New("adding an operation that was never parsed")
	}
	if op.Channel() != s.channel {
		return false, fmt.Errorf("adding %x to %x: %w", op.hash[:4], s.channel[:4], ErrChannel)
	}
	if s.Has(op.hash) {
		return false, nil
	}
	s.ops[op.hash] = op
	for _, h := range op.names {
		s.name(h)
	}
	delete(s.missing, op.hash)
	if !s.named[op.hash] {
		s.heads[op.hash] = true
	}
	s.graph, s.view = nil, nil
	return true, nil
}

// name notes that h is named by something in the set.
func (s *Set) name(h Hash) {
	s.named[h] = true
	delete(s.heads, h)
	if s.ops[h] == nil {
		s.missing[h] = true
	}
}

// Has says whether the operation is in the set.
func (s *Set) Has(h Hash) bool { return s.ops[h] != nil }

// Get returns an operation of the set, or nil.
func (s *Set) Get(h Hash) *Signed { return s.ops[h] }

// All returns every operation, each after all that it names, by depth and then
// by hash (see Depth).
func (s *Set) All() []*Signed {
	g := s.order()
	all := make([]*Signed, len(g.nodes))
	for i, n := range g.nodes {
		all[i] = n.Signed
	}
	return all
}

// Depth returns how deep an operation of the set stands in the graph: 0 for
// found, else one more than the deepest of the operations it names that are in
// the set, at least 1. It is 0 for what is not in the set.
func (s *Set) Depth(h Hash) int {
	if n := s.order().at[h]; n != nil {
		return n.depth
	}
	return 0
}

// Heads returns the operations that no other in the set names, ascending.
func (s *Set) Heads() []Hash { return sorted(s.heads) }

// Missing returns the operations that are named and not in the set, ascending:
// what to ask others for. A hostile member can name what does not exist, so
// asking must end.
func (s *Set) Missing() []Hash { return sorted(s.missing) }

// Fingerprint returns how many operations the set has and a hash over their
// sorted hashes. Sets with one fingerprint are equal; operations that do not
// count are counted too.
func (s *Set) Fingerprint() (int, [32]byte) {
	g := s.order()
	if g.sum == nil {
		all := make([]Hash, 0, len(s.ops))
		for h := range s.ops {
			all = append(all, h)
		}
		sortHashes(all)
		data := []byte(labelSet)
		for _, h := range all {
			data = append(data, h[:]...)
		}
		sum := sha256.Sum256(data)
		g.sum = &sum
	}
	return len(s.ops), *g.sum
}

// Draft returns the next operation of a member who knows this set: in its
// place in his chain, naming what he knows, and unsigned. Of more than MaxHeads
// heads it names the deepest. A member has no next operation before his found
// or join is in the set; those two are drafted by DraftFound and DraftJoin.
func (s *Set) Draft(by Member, time int64, args Args) (Op, error) {
	tip := s.tip(by)
	if tip == nil {
		return Op{}, fmt.Errorf("drafting %s: no operation of its author is known", args.Kind())
	}
	heads := slices.DeleteFunc(s.Heads(), func(h Hash) bool { return h == tip.hash })
	if len(heads) > MaxHeads {
		g := s.order()
		slices.SortFunc(heads, func(a, b Hash) int { return g.at[b].compare(g.at[a]) })
		heads = heads[:MaxHeads]
		sortHashes(heads)
	}
	return Op{
		Channel: s.channel, By: by, N: tip.op.N + 1, Prev: tip.hash,
		Heads: heads, Time: time, Args: args,
	}, nil
}

// DraftFound returns the operation that founds a channel, unsigned.
func DraftFound(by Member, time int64, args Found) Op {
	return Op{By: by, Time: time, Args: args}
}

// DraftJoin returns the operation that joins a channel, unsigned.
func DraftJoin(channel Channel, by Member, time int64, args Join) Op {
	return Op{Channel: channel, By: by, Time: time, Args: args}
}

// tip returns the operation that an author goes on from: the last of his whole
// chain; after a fork of it that with the highest n, then hash. What follows a
// gap is passed over, or a stranger to the chain could put its end anywhere.
func (s *Set) tip(by Member) *node {
	var tip *node
	for _, n := range s.order().nodes {
		if n.op.By != by || n.chain != chainWhole {
			continue
		}
		if tip == nil || n.op.N > tip.op.N || n.op.N == tip.op.N && compareHash(n.hash, tip.hash) > 0 {
			tip = n
		}
	}
	return tip
}

func compareHash(a, b Hash) int { return bytes.Compare(a[:], b[:]) }

func sortHashes(list []Hash) { slices.SortFunc(list, compareHash) }

func sorted(set map[Hash]bool) []Hash {
	list := make([]Hash, 0, len(set))
	for h := range set {
		list = append(list, h)
	}
	sortHashes(list)
	return list
}
