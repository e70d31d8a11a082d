package roster

import (
	"fmt"
	"slices"
	"testing"
)

func TestAGapIsWaitedFor(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	first := s.does("bob", Topic{"one"})
	second := s.does("bob", Topic{"two"})
	late := s.without(first)
	late.isVoid(second, ReasonGap)
	if got := late.set.Evaluate().Topic.Text; got != "" {
		t.Errorf("the topic is %q, from beyond a gap", got)
	}
	if m := late.set.Missing(); !slices.Equal(m, []Hash{first}) {
		t.Errorf("missing are %x, want %x", m, first)
	}
	late.merge(s)
	late.isVoid(second, "")
	if got := late.set.Evaluate().Topic.Text; got != "two" {
		t.Errorf("the topic is %q", got)
	}
}

// Whoever names what does not exist must not silence those who trust him.
func TestAMissingHeadDelaysNothing(t *testing.T) {
	s := found(t, "alice")
	_, join := s.brings("alice", "bob")
	h := s.add(s.sign("bob", Op{
		Channel: s.set.Channel(), By: member("bob"), N: 1, Prev: join, Heads: []Hash{{0xee}}, Args: Topic{"hello"},
	}))
	s.isVoid(h, "")
	if m := s.set.Missing(); !slices.Equal(m, []Hash{{0xee}}) {
		t.Errorf("missing are %x", m)
	}
}

func TestABrokenChainNeverCounts(t *testing.T) {
	s := found(t, "alice")
	_, join := s.brings("alice", "bob")
	topic := s.does("alice", Topic{"hers"})
	channel := s.set.Channel()
	for name, op := range map[string]Op{
		"skips a place":          {Channel: channel, By: member("bob"), N: 2, Prev: join, Args: Topic{"x"}},
		"follows somebody else":  {Channel: channel, By: member("bob"), N: 3, Prev: topic, Args: Topic{"x"}},
		"takes a place for N 0":  {Channel: channel, By: member("bob"), N: 1, Prev: topic, Args: Topic{"x"}},
		"follows another's join": {Channel: channel, By: member("alice"), N: 1, Prev: join, Args: Topic{"x"}},
	} {
		one := s.copy()
		by := "bob"
		if op.By == member("alice") {
			by = "alice"
		}
		h := one.add(one.sign(by, op))
		one.isVoid(h, ReasonChain)
		next := one.add(one.sign(by, Op{Channel: channel, By: op.By, N: op.N + 1, Prev: h, Args: Topic{"y"}}))
		one.isVoid(next, ReasonChain)
		if got := one.set.Evaluate().Topic.Text; got != "hers" {
			t.Errorf("%s: the topic is %q", name, got)
		}
		if tip := one.set.tip(op.By); tip.hash == h || tip.hash == next {
			t.Errorf("%s: a draft would go on from it", name)
		}
	}
}

func TestOfTwoTopicsTheDeeperThenTheHash(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	alice, bob := s.copy(), s.copy()
	hers := alice.does("alice", Topic{"hers"})
	his := bob.does("bob", Topic{"his"})
	alice.merge(bob)
	want := "his"
	if compareHash(hers, his) > 0 {
		want = "hers"
	}
	if got := alice.set.Evaluate().Topic.Text; got != want {
		t.Errorf("the topic is %q, want %q", got, want)
	}
	if alice.set.Depth(hers) != alice.set.Depth(his) {
		t.Error("operations made at the same time stand at different depths")
	}
	alice.does("alice", Topic{"settled"})
	bob.does("bob", Nick{"robert"})
	bob.does("bob", Nick{"rob"})
	bob.does("bob", Topic{"his again"}) // by now the deepest
	alice.merge(bob)
	if got := alice.set.Evaluate().Topic.Text; got != "his again" {
		t.Errorf("the topic is %q", got)
	}
	if m, _ := alice.set.Evaluate().Member(member("bob")); m.Nick != "rob" {
		t.Errorf("bob's nick is %q", m.Nick)
	}
	alice.does("alice", Topic{""})
	if got := alice.set.Evaluate().Topic; got.Text != "" || got.By != member("alice") {
		t.Errorf("the topic is %+v after it was cleared", got)
	}
}

// Bob's gateway was restored from a copy: it signs another operation number 2.
func TestAForkIsShownAndCounts(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	s.does("bob", Nick{"robert"})
	copied := s.copy()
	_, carol := s.brings("bob", "carol")
	restored := copied.does("bob", Topic{"hello"})
	s.merge(copied)
	s.hasMembers("alice", "bob", "carol")
	s.isVoid(carol, "")
	s.isVoid(restored, "")
	forks := s.set.Evaluate().Forks
	if len(forks) != 1 || forks[0].By != member("bob") || forks[0].N != 2 || len(forks[0].Ops) != 2 || !slices.Contains(forks[0].Ops, restored) {
		t.Fatalf("forks are %+v", forks)
	}

	// A cut on one branch voids the other.
	cut := s.copy()
	cut.does("alice", Remove{Member: member("bob"), Head: restored, Joins: []Hash{carol}, Seq: 1})
	cut.hasMembers("alice")
	cut.hasRemoved(map[string]Reason{"bob": ReasonRemoved, "carol": ReasonInvite})

	// What he signs knowing both has both before it.
	s.does("alice", Topic{"I know both"})
	s.does("bob", Leave{Seq: 1})
	s.isVoid(restored, "")
	s.hasMembers("alice", "carol")
}

func TestAllIsInCanonicalOrder(t *testing.T) {
	s := found(t, "alice")
	for i := range 5 {
		s.brings("alice", fmt.Sprint("bob", i))
	}
	at := map[Hash]int{}
	for i, op := range s.set.All() {
		at[op.Hash()] = i
		for _, h := range op.names {
			if j, ok := at[h]; !ok || j >= i {
				t.Errorf("%s comes before what it names", op.Op().Args.Kind())
			}
		}
	}
	if len(at) != s.set.Len() || s.set.Depth(Hash(s.set.Channel())) != 0 || s.set.Depth(Hash{1}) != 0 {
		t.Error("All, Len and Depth disagree")
	}
}

// A crowd of hostile heads cannot press an honest one's operation down.
func TestADraftNamesTheDeepestHeads(t *testing.T) {
	s := found(t, "alice")
	_, join := s.brings("alice", "bob")
	for i := range MaxHeads + 20 {
		s.add(s.sign("bob", Op{Channel: s.set.Channel(), By: member("bob"), N: 1, Prev: join, Args: Topic{fmt.Sprint(i)}}))
	}
	deep := s.does("bob", Nick{"robert"})
	deepest := s.set.Depth(deep)
	if n := len(s.set.Get(deep).Op().Heads); n != MaxHeads {
		t.Fatalf("a draft names %d heads", n)
	}
	h := s.does("alice", Topic{"quiet"})
	op := s.set.Get(h).Op()
	if len(op.Heads) > MaxHeads || !slices.Contains(op.Heads, deep) || s.set.Depth(h) != deepest+1 {
		t.Errorf("%d heads at depth %d, want the one at %d among them", len(op.Heads), s.set.Depth(h), deepest)
	}
	if got := s.set.Evaluate().Topic.Text; got != "quiet" {
		t.Errorf("the topic is %q", got)
	}
}

func TestADraftNeedsABeginning(t *testing.T) {
	s := found(t, "alice")
	if _, err := s.set.Draft(member("bob"), 1, Topic{"x"}); err == nil {
		t.Error("a draft by one who never joined")
	}
}
