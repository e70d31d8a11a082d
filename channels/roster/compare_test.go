package roster

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Who is told the whole of what another has gives him all that he lacks. What is
// there already he gives only where something is missing on the way to it.
func TestWhatIsBeyond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := history(t)
		mine, theirs := NewSet(all[0].Channel()), NewSet(all[0].Channel())
		for _, op := range all {
			for _, s := range []*Set{mine, theirs} {
				if rapid.IntRange(0, 5).Draw(t, "has") == 0 && op != all[0] {
					continue
				}
				if _, err := s.Add(op); err != nil {
					t.Fatal(err)
				}
			}
		}
		gaps := len(mine.Missing()) > 0 || len(theirs.Missing()) > 0
		known := mine.Known()
		if len(known) == 0 || len(known) > MaxHeads || !slices.IsSortedFunc(known, compareHash) || len(slices.Compact(slices.Clone(known))) != len(known) {
			t.Fatalf("known are %x", known)
		}
		given, unknown := theirs.Beyond(known)
		for _, h := range unknown {
			if theirs.Has(h) || !slices.Contains(known, h) {
				t.Fatalf("%x is unknown", h)
			}
		}
		for _, op := range given {
			if gaps || !mine.Has(op.hash) {
				continue
			}
			if len(unknown) == 0 {
				t.Fatalf("%s %x is there already", op.op.Args.Kind(), op.hash[:4])
			}
		}
		for _, op := range theirs.All() {
			if !mine.Has(op.hash) && !slices.Contains(given, op) {
				t.Fatalf("%s %x is missing there and not given", op.op.Args.Kind(), op.hash[:4])
			}
		}
		sets := slices.IsSortedFunc(given, func(a, b *Signed) int { return theirs.order().at[a.hash].place - theirs.order().at[b.hash].place })
		if !sets {
			t.Fatal("not in the order in which they are to be applied")
		}
	})
}

// An operation below which something is missing stands for nothing: what it
// rests on is given, and it once more.
func TestKnownLeavesOutWhatHasAHole(t *testing.T) {
	s := found(t, "alice")
	_, bob := s.brings("alice", "bob")
	topic := s.does("bob", Topic{"told while somebody came in"})
	after := s.does("alice", Topic{"told later"})
	if got := s.set.Known(); !slices.Contains(got, after) {
		t.Errorf("known %x, without %x", got, after)
	}
	carol := s.without(topic)
	if got := carol.set.Known(); !slices.Contains(got, bob) || slices.Contains(got, after) {
		t.Errorf("carol knows %x, with %x", got, bob)
	}
	given, unknown := s.set.Beyond(carol.set.Known())
	if len(unknown) != 0 || len(given) != 2 || given[0].Hash() != topic || given[1].Hash() != after {
		t.Errorf("given %v, unknown %x", given, unknown)
	}
	if given, unknown := s.set.Beyond([]Hash{after, {1}}); len(given) != 0 || !slices.Equal(unknown, []Hash{{1}}) {
		t.Errorf("given %v, unknown %x", given, unknown)
	}
	if got := NewSet(s.set.Channel()).Known(); len(got) != 0 {
		t.Errorf("an empty set knows %x", got)
	}
}

// Of many heads the deepest are told: the rest is given once more.
func TestKnownOfManyHeads(t *testing.T) {
	s := found(t, "alice")
	var people []string
	for i := range MaxHeads + 6 {
		name := string(rune('a'+i/26)) + string(rune('a'+i%26))
		s.brings("alice", name)
		people = append(people, name)
	}
	apart := s.copy()
	for _, name := range people {
		own := s.copy()
		apart.add(own.draft(name, Topic{name}))
	}
	known := apart.set.Known()
	given, unknown := apart.set.Beyond(known)
	if len(known) > MaxHeads || len(unknown) != 0 || len(given) > MaxHeads+6-knownHeads {
		t.Errorf("%d told, %d given, %d unknown", len(known), len(given), len(unknown))
	}
}

// Two who went on apart for long give each other little more than what is
// missing, though neither knows the other's newest.
func TestKnownToThoseWhoWentApart(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	for i := range 300 {
		s.does([]string{"alice", "bob"}[i%2], Topic{fmt.Sprint("b", i)})
	}
	for _, apart := range []int{1, 10, 100} {
		mine, theirs := s.copy(), s.copy()
		for i := range apart {
			mine.does("alice", Topic{fmt.Sprint("a", i)})
			theirs.does("bob", Topic{fmt.Sprint("b", i)})
		}
		given, unknown := theirs.set.Beyond(mine.set.Known())
		if len(unknown) == 0 || len(given) < apart || len(given) > 2*apart+2 {
			t.Errorf("after %d apart %d are given, %d are unknown", apart, len(given), len(unknown))
		}
	}
}
