package roster

import (
	"math/bits"
	"testing"
)

// quarrel is a small history with everything in it that order could touch:
// alice brings bob; carol and dave both join on the one key that bob gave out;
// alice removes bob and keeps both joins, while bob removes carol; and alice
// confirms dave.
func quarrel(t *testing.T) []*Signed {
	s := found(t, "alice")
	s.brings("alice", "bob")
	invite, _ := s.brings("bob", "carol")
	dave := s.add(s.join("dave", invite, "carol"))
	alice := s.copy()
	alice.removes("alice", "bob")
	s.removes("bob", "carol")
	s.merge(alice)
	s.does("alice", Confirm{dave})
	s.hasMembers("alice", "dave")
	s.hasRemoved(map[string]Reason{"bob": ReasonRemoved, "carol": ReasonRemoved})
	return s.set.All()
}

// Every order of its first eight operations.
func TestEveryOrderOfAQuarrel(t *testing.T) {
	ops := quarrel(t)[:8]
	want := told(setOfOps(t, ops))
	orders := 0
	permute(ops, len(ops), func() {
		orders++
		s := setOfOps(t, ops)
		if orders%50 != 0 { // all that it says is slow: the rest is held to the members
			s.Evaluate()
			if len(s.view.Members) != 2 || len(s.view.Removed) != 2 {
				t.Fatalf("%d members, %d removed", len(s.view.Members), len(s.view.Removed))
			}
			return
		}
		if got := told(s); got != want {
			t.Fatalf("one order says\n%s\nanother\n%s", got, want)
		}
	})
	if orders != 40320 {
		t.Errorf("%d orders", orders)
	}
}

// permute calls f for each order of the first n (Heap's algorithm).
func permute(ops []*Signed, n int, f func()) {
	if n == 1 {
		f()
		return
	}
	for i := range n {
		permute(ops, n-1, f)
		j := 0
		if n%2 == 0 {
			j = i
		}
		ops[j], ops[n-1] = ops[n-1], ops[j]
	}
}

// From every subset one more operation leads to a larger one, whichever way: so
// whatever has come, what is removed stays removed.
func TestEveryStepOfAQuarrel(t *testing.T) {
	ops := quarrel(t)
	if len(ops) != 9 {
		t.Fatalf("%d operations", len(ops))
	}
	subset := func(mask int) []*Signed {
		var list []*Signed
		for i, op := range ops {
			if mask&(1<<i) != 0 {
				list = append(list, op)
			}
		}
		return list
	}
	views, texts := map[int]*View{}, map[int]string{}
	for mask := 1; mask < 1<<len(ops); mask++ {
		s := setOfOps(t, subset(mask))
		views[mask], texts[mask] = s.Evaluate(), told(s)
	}
	for mask := 1; mask < 1<<len(ops); mask++ {
		for i, op := range ops {
			if mask&(1<<i) != 0 {
				continue
			}
			s := setOfOps(t, subset(mask))
			s.Evaluate()
			if _, err := s.Add(op); err != nil {
				t.Fatal(err)
			}
			to := mask | 1<<i
			if got := told(s); got != texts[to] {
				t.Fatalf("%d operations and then the %d. say\n%s\nwant\n%s", bits.OnesCount(uint(mask)), i, got, texts[to])
			}
			if err := noneCameBack(views[mask], views[to]); err != nil {
				t.Fatalf("%v, from %b to %b", err, mask, to)
			}
		}
	}
}
