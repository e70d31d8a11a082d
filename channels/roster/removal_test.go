package roster

import (
	"slices"
	"testing"
)

func (s *story) gone(who string) RemovedView {
	s.t.Helper()
	for _, r := range s.set.Evaluate().Removed {
		if r.ID == member(who) {
			return r
		}
	}
	s.t.Fatalf("%s was not removed", who)
	return RemovedView{}
}

// family is alice, who brought bob, who brought carol and dave; and erin, whom
// alice brought too.
func family(t *testing.T) *story {
	s := found(t, "alice")
	s.brings("alice", "bob")
	s.brings("bob", "carol")
	s.brings("bob", "dave")
	s.brings("alice", "erin")
	return s
}

func TestWhatComesBeforeTheCutStays(t *testing.T) {
	s := family(t)
	topic := s.does("bob", Topic{"before"})
	s.removes("alice", "bob")
	after := s.does("bob", Topic{"after"})
	invite := s.invites("bob", "frank")
	join := s.add(s.join("frank", invite, "frank"))

	s.hasMembers("alice", "carol", "dave", "erin")
	s.hasRemoved(map[string]Reason{"bob": ReasonRemoved, "frank": ReasonInvite})
	s.isVoid(topic, "")
	s.isVoid(after, ReasonCut)
	s.isVoid(invite, ReasonCut)
	s.isVoid(join, ReasonInvite)
	if v := s.set.Evaluate(); v.Topic.Text != "before" || v.Topic.By != member("bob") || v.Topic.Op != topic {
		t.Errorf("the topic is %+v", v.Topic)
	}
	if r := s.gone("bob"); r.Seq != 7 || !slices.Equal(r.By, []Member{member("alice")}) || r.Inviter != member("alice") {
		t.Errorf("bob is %+v", r)
	}
	if r := s.gone("frank"); r.Seq != -1 || r.By != nil {
		t.Errorf("frank is %+v", r)
	}
}

// A hub shows a join on an open invite of his only after the removal.
func TestAJoinThatARemovalDoesNotNameIsVoid(t *testing.T) {
	s := family(t)
	invite := s.invites("bob", "frank")
	s.removes("alice", "bob")
	frank := s.add(s.join("frank", invite, "frank"))
	s.hasMembers("alice", "carol", "dave", "erin")
	s.isVoid(frank, ReasonCut)
	s.hasRemoved(map[string]Reason{"bob": ReasonRemoved, "frank": ReasonCut})
}

func TestARemovalMayTakeABranchWithIt(t *testing.T) {
	s := family(t)
	s.brings("carol", "grace")
	carol, _ := s.set.Evaluate().Member(member("carol"))
	s.removes("alice", "bob", carol.Join)
	s.hasMembers("alice", "dave", "erin")
	s.hasRemoved(map[string]Reason{"bob": ReasonRemoved, "carol": ReasonCut, "grace": ReasonInvite})
}

// A void rival is none: of two joins on one key, the removal keeps one.
func TestARemovalChoosesAmongRivals(t *testing.T) {
	s := family(t)
	invite, frank := s.brings("bob", "frank")
	mallory := s.add(s.join("mallory", invite, "frank"))
	s.hasMembers("alice", "bob", "carol", "dave", "erin", "frank?", "mallory?")
	s.removes("alice", "bob", mallory)
	s.hasMembers("alice", "carol", "dave", "erin", "frank")
	s.isVoid(frank, "")
}

func TestSeveralRemovalsIntersect(t *testing.T) {
	s := family(t)
	s.brings("carol", "grace")
	s.brings("carol", "heidi")
	early := s.does("carol", Topic{"early"})
	alice, bob := s.copy(), s.copy()
	view := s.set.Evaluate()
	grace, _ := view.Member(member("grace"))
	heidi, _ := view.Member(member("heidi"))

	late := bob.does("carol", Topic{"late"})
	r := bob.removal("carol", grace.Join)
	r.Seq = 9
	bob.does("bob", r)
	bob.hasMembers("alice", "bob", "dave", "erin", "heidi")
	bob.isVoid(late, "")
	alice.removes("alice", "carol", heidi.Join)
	alice.hasMembers("alice", "bob", "dave", "erin", "grace")

	alice.merge(bob)
	alice.hasMembers("alice", "bob", "dave", "erin")
	alice.isVoid(early, "")
	alice.isVoid(late, ReasonCut)
	carol := alice.gone("carol")
	if carol.Seq != 7 || !slices.Equal(carol.By, []Member{member("alice"), member("bob")}) {
		t.Errorf("carol is %+v", carol)
	}
}

func TestOnlyThoseAboveRemove(t *testing.T) {
	s := family(t)
	for _, c := range []struct {
		by, who string
		may     bool
	}{
		{"carol", "bob", false}, {"carol", "alice", false}, {"carol", "dave", false}, {"erin", "carol", false},
		{"bob", "erin", false}, {"bob", "alice", false}, {"bob", "carol", true}, {"alice", "dave", true},
	} {
		one := s.copy()
		if got := one.set.Evaluate().MayRemove(member(c.by), member(c.who)); got != c.may {
			t.Errorf("%s may remove %s: %v", c.by, c.who, got)
		}
		h := one.removes(c.by, c.who)
		want := ReasonAuthority
		if c.may {
			want = ""
		}
		one.isVoid(h, want)
		if _, is := one.set.Evaluate().Member(member(c.who)); is == c.may {
			t.Errorf("after %s removed %s: member is %v", c.by, c.who, is)
		}
	}
	if s.set.Evaluate().Above(member("bob"), member("bob")) || s.set.Evaluate().MayRemove(member("bob"), member("bob")) {
		t.Error("somebody is above himself")
	}
	want := []Member{member("alice"), member("bob")}
	if got := s.set.Evaluate().Removers(member("carol")); !slices.Equal(got, want) {
		t.Errorf("carol's removers are %x, want %x", got, want)
	}
}

// Bob removes carol, not knowing that alice has removed him already.
func TestARemovalStandsBeyondItsSignersCut(t *testing.T) {
	s := family(t)
	alice, bob := s.copy(), s.copy()
	alice.removes("alice", "bob")
	alice.hasMembers("alice", "carol", "dave", "erin")
	removal := bob.removes("bob", "carol")
	topic := bob.does("bob", Topic{"mine"})
	alice.merge(bob)
	alice.hasMembers("alice", "dave", "erin")
	alice.isVoid(removal, "")
	alice.isVoid(topic, ReasonCut)
	if alice.set.Evaluate().MayRemove(member("bob"), member("dave")) {
		t.Error("who was removed is told that he may remove")
	}
}

// He is put out though the hub keeps back what his remover signed before.
func TestARemovalDoesNotWaitForItsSignersChain(t *testing.T) {
	s := family(t)
	before := s.does("alice", Topic{"news"})
	removal := s.removes("alice", "bob")
	late := s.without(before)
	late.hasMembers("alice", "carol", "dave", "erin")
	late.isVoid(removal, "")
}

// The head has not come yet: he is out, and the joins are cut, but none of his
// operations can be said to lie beyond it.
func TestARemovalWhoseHeadIsMissing(t *testing.T) {
	s := family(t)
	s.invites("bob", "frank")
	head := s.does("bob", Topic{"last"})
	s.removes("alice", "bob")
	branch := s.sign("bob", Op{Channel: s.set.Channel(), By: member("bob"), N: 1, Prev: s.gone("bob").Join, Args: Nick{"robert"}})
	s.add(branch)
	s.isVoid(branch.Hash(), ReasonCut)

	late := s.without(head)
	late.hasMembers("alice", "carol", "dave", "erin")
	late.isVoid(branch.Hash(), "")
	if m := late.set.Missing(); !slices.Equal(m, []Hash{head}) {
		t.Errorf("missing are %x, want %x", m, head)
	}
	late.merge(s)
	late.isVoid(branch.Hash(), ReasonCut)
}

// The head is there, but not the way down from it to what he did before: those
// whom the removal keeps are not put out meanwhile.
func TestARemovalWithAGapBelowItsHead(t *testing.T) {
	s := family(t)
	between := s.does("bob", Topic{"between"})
	s.does("bob", Topic{"last"})
	s.removes("alice", "bob")
	late := s.without(between)
	late.hasMembers("alice", "carol", "dave", "erin")
	late.hasRemoved(map[string]Reason{"bob": ReasonRemoved})
	late.merge(s)
	late.hasMembers("alice", "carol", "dave", "erin")
}

func TestARemovalWhoseHeadIsNotHis(t *testing.T) {
	s := family(t)
	carol, _ := s.set.Evaluate().Member(member("carol"))
	erin, _ := s.set.Evaluate().Member(member("erin"))
	r := s.removal("bob")
	r.Head = erin.Join
	s.does("alice", r)
	s.hasMembers("alice", "erin")
	s.isVoid(carol.Invite, ReasonCut)
	s.hasRemoved(map[string]Reason{"bob": ReasonRemoved, "carol": ReasonInvite, "dave": ReasonInvite})
}

func TestARemovalThatComesBeforeTheJoin(t *testing.T) {
	s := found(t, "alice")
	_, join := s.brings("alice", "bob")
	removal := s.removes("alice", "bob")
	late := s.without(join)
	late.isVoid(removal, ReasonWaits)
	late.hasRemoved(map[string]Reason{})
	late.merge(s)
	late.hasMembers("alice")
	late.hasRemoved(map[string]Reason{"bob": ReasonRemoved})
}

func TestLeaving(t *testing.T) {
	s := family(t)
	open := s.invites("bob", "frank")
	s.does("bob", Leave{Seq: 12})
	after := s.does("bob", Topic{"still here"})
	s.hasMembers("alice", "carol", "dave", "erin") // those he brought stay
	s.hasRemoved(map[string]Reason{"bob": ReasonLeft})
	s.isVoid(after, ReasonCut)
	if r := s.gone("bob"); r.Seq != 12 || !slices.Equal(r.By, []Member{member("bob")}) {
		t.Errorf("bob is %+v", r)
	}
	s.add(s.join("frank", open, "frank")) // he had not revoked it
	s.hasMembers("alice", "carol", "dave", "erin", "frank")

	// Removing who has left can still tighten the cut.
	r := s.set.Evaluate().e.people[member("bob")]
	s.does("alice", Remove{Member: member("bob"), Head: r.join.hash, Seq: 3})
	s.hasMembers("alice", "erin")
	if r := s.gone("bob"); r.Why != ReasonRemoved || r.Seq != 3 || len(r.By) != 2 {
		t.Errorf("bob is %+v", r)
	}
}

// Nobody inherits: those whom the founder invited have nobody above them.
func TestTheFounderLeaves(t *testing.T) {
	s := family(t)
	s.does("alice", Leave{Seq: 1})
	s.hasMembers("bob", "carol", "dave", "erin")
	v := s.set.Evaluate()
	if v.Founder != member("alice") || !v.Above(member("alice"), member("bob")) {
		t.Error("the order changed when the founder left")
	}
	if got := v.Removers(member("bob")); len(got) != 0 {
		t.Errorf("bob can be removed by %x", got)
	}
	if got := v.Removers(member("carol")); !slices.Equal(got, []Member{member("bob")}) {
		t.Errorf("carol can be removed by %x", got)
	}
	s.isVoid(s.removes("bob", "erin"), ReasonAuthority)
	s.isVoid(s.removes("alice", "erin"), "") // she remains above, as long as she has her keys
	s.hasMembers("bob", "carol", "dave")
}

func TestRemovalHelps(t *testing.T) {
	s := family(t)
	last := s.does("bob", Nick{"robert"})
	r := s.removal("bob")
	if r.Member != member("bob") || r.Head != last || len(r.Joins) != 2 || r.check() != nil {
		t.Errorf("the removal is %+v", r)
	}
	if _, err := s.set.Evaluate().Removal(member("nobody"), 1); err == nil {
		t.Error("a stranger can be removed")
	}
	s.does("alice", r)
	s.hasMembers("alice", "carol", "dave", "erin")
	if _, err := s.set.Evaluate().Removal(member("bob"), 1); err == nil {
		t.Error("one who was removed can be removed")
	}
}
