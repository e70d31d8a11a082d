package roster

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// unsigned is an operation as Parse would give it, had somebody signed it: what
// a set makes of operations has nothing to do with signatures any more.
func unsigned(t interface{ Fatal(...any) }, op Op) *Signed {
	body, err := op.encode()
	if err != nil {
		t.Fatal(err)
	}
	return newSigned(op, body, body)
}

// told is all that a set says, as one text.
func told(s *Set) string {
	v := s.Evaluate()
	shown, err := json.Marshal(v) // what is exported
	if err != nil {
		panic(err)
	}
	text := string(shown)
	for _, op := range s.All() {
		text += fmt.Sprintf("\n%x %d %q", op.Hash(), s.Depth(op.Hash()), v.Void(op.Hash()))
	}
	count, sum := s.Fingerprint()
	return text + fmt.Sprintf("\n%x\n%x\n%d %x\n%s", s.Heads(), s.Missing(), count, sum, v.SafetyNumber())
}

// history draws operations of a few ids: mostly as they should be, at times
// about nothing, in a wrong place, on a branch, joining again.
func history(t *rapid.T) []*Signed {
	id := func(i int) Member { return Member{0xaa, byte(i)} }
	root := unsigned(t, Op{By: id(0), Args: Found{Nick: "0", Prekey: make([]byte, PrekeySize)}})
	all := []*Signed{root}
	own := map[Member][]*Signed{id(0): {root}}
	kinds := map[Kind][]*Signed{KindFound: {root}}
	n := rapid.IntRange(1, 40).Draw(t, "operations")
	for range n {
		op := drawOp(t, root.Channel(), id, all, own, kinds)
		signed := unsigned(t, op)
		all = append(all, signed)
		own[op.By] = append(own[op.By], signed)
		kinds[op.Args.Kind()] = append(kinds[op.Args.Kind()], signed)
	}
	return all
}

func drawOp(t *rapid.T, channel Channel, id func(int) Member, all []*Signed, own map[Member][]*Signed, kinds map[Kind][]*Signed) Op {
	by := id(rapid.IntRange(0, 6).Draw(t, "by"))
	some := func(list []*Signed, what string) Hash {
		if len(list) == 0 || rapid.IntRange(0, 15).Draw(t, "astray") == 0 {
			return Hash{0xff, byte(rapid.IntRange(0, 3).Draw(t, what))}
		}
		return list[rapid.IntRange(0, len(list)-1).Draw(t, what)].hash
	}
	args := drawArgs(t, id, some, all, own, kinds)
	op := Op{Channel: channel, By: by, Time: int64(len(all)), Args: args}
	if join, ok := args.(Join); ok {
		if len(own[by]) > 0 && rapid.IntRange(0, 7).Draw(t, "again") != 0 {
			op.Args = Topic{fmt.Sprint(len(all))}
		} else {
			join.Nick = fmt.Sprint(len(all))
			op.Args = join
			return op
		}
	}
	op.N, op.Prev = int64(rapid.IntRange(1, 3).Draw(t, "n")), Hash{0xfe}
	if list := own[by]; len(list) > 0 {
		prev := list[len(list)-1]
		if rapid.IntRange(0, 7).Draw(t, "branch") == 0 {
			prev = list[rapid.IntRange(0, len(list)-1).Draw(t, "prev")]
		}
		op.N, op.Prev = prev.op.N+1, prev.hash
	}
	for range rapid.IntRange(0, 3).Draw(t, "heads") {
		if h := some(all, "head"); h != op.Prev && !slices.Contains(op.Heads, h) {
			op.Heads = append(op.Heads, h)
		}
	}
	sortHashes(op.Heads)
	return op
}

func drawArgs(t *rapid.T, id func(int) Member, some func([]*Signed, string) Hash, all []*Signed, own map[Member][]*Signed, kinds map[Kind][]*Signed) Args {
	about := func(kind Kind) Hash { return some(kinds[kind], string(kind)) }
	switch rapid.SampledFrom([]Kind{
		KindInvite, KindInvite, KindInvite, KindJoin, KindJoin, KindJoin, KindJoin, KindRevoke, KindConfirm,
		KindRemove, KindLeave, KindHubAdd, KindHubDrop, KindTopic, KindNick,
	}).Draw(t, "kind") {
	case KindInvite:
		return Invite{Slot: Slot{byte(len(all))}}
	case KindJoin:
		return Join{Invite: about(KindInvite), Prekey: make([]byte, PrekeySize)}
	case KindRevoke:
		return Revoke{about(KindInvite)}
	case KindConfirm:
		return Confirm{about(KindJoin)}
	case KindRemove:
		r := Remove{Member: id(rapid.IntRange(0, 6).Draw(t, "member")), Seq: int64(rapid.IntRange(-1, 9).Draw(t, "seq"))}
		r.Head = some(own[r.Member], "cut")
		for range rapid.IntRange(0, 3).Draw(t, "joins") {
			if h := about(KindJoin); !slices.Contains(r.Joins, h) {
				r.Joins = append(r.Joins, h)
			}
		}
		sortHashes(r.Joins)
		return r
	case KindLeave:
		return Leave{Seq: int64(rapid.IntRange(-1, 9).Draw(t, "seq"))}
	case KindHubAdd:
		return HubAdd{URL: fmt.Sprint("https://", len(all)), Key: HubFingerprint{byte(rapid.IntRange(0, 2).Draw(t, "hub"))}}
	case KindHubDrop:
		return HubDrop{about(KindHubAdd)}
	case KindNick:
		return Nick{fmt.Sprint(len(all))}
	}
	return Topic{fmt.Sprint(len(all))}
}

func setOfOps(t interface{ Fatal(...any) }, ops []*Signed) *Set {
	var channel Channel
	for _, op := range ops {
		channel = op.Channel()
	}
	s := NewSet(channel)
	for _, op := range ops {
		if added, err := s.Add(op); err != nil || !added {
			t.Fatal("adding", op.hash, added, err)
		}
	}
	return s
}

// Whatever the order, whatever was evaluated on the way, and however often an
// operation came.
func TestTheOrderOfComingDecidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := history(t)
		want := told(setOfOps(t, ops))
		shuffled := rapid.Permutation(ops).Draw(t, "order")
		s := NewSet(ops[0].Channel())
		for i, op := range shuffled {
			if added, err := s.Add(op); err != nil || !added {
				t.Fatal("adding", added, err)
			}
			if i%3 == 0 {
				told(s)
			}
			if added, err := s.Add(shuffled[i/2]); err != nil || added {
				t.Fatal("adding again", added, err)
			}
		}
		if got := told(s); got != want {
			t.Fatalf("in another order:\n%s\nin the first:\n%s", got, want)
		}
	})
}

// What more operations cannot bring back, in whatever order they come.
func TestNoRemovalIsUndone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ops := rapid.Permutation(history(t)).Draw(t, "order")
		s := NewSet(ops[0].Channel())
		var last *View
		for _, op := range ops {
			if _, err := s.Add(op); err != nil {
				t.Fatal(err)
			}
			now := s.Evaluate()
			if last != nil {
				if err := noneCameBack(last, now); err != nil {
					t.Fatalf("%v, when %s by %x came", err, op.op.Args.Kind(), op.op.By[:2])
				}
			}
			last = now
		}
	})
}

func noneCameBack(last, now *View) error {
	reused := map[Member]bool{}
	for _, f := range now.Forks {
		reused[f.By] = reused[f.By] || f.N == 0
	}
	for _, r := range last.Removed {
		if r.Why != ReasonRemoved && r.Why != ReasonLeft && r.Why != ReasonReused {
			continue
		}
		if _, is := now.Member(r.ID); is {
			return fmt.Errorf("%x came back", r.ID[:2])
		}
		i := slices.IndexFunc(now.Removed, func(n RemovedView) bool { return n.ID == r.ID })
		if i < 0 {
			return fmt.Errorf("%x is no longer removed", r.ID[:2])
		}
		if now.Removed[i].Seq > r.Seq {
			return fmt.Errorf("%x has more texts than before: %d, not %d", r.ID[:2], now.Removed[i].Seq, r.Seq)
		}
	}
	for a := range last.e.people {
		for b := range last.e.people {
			// Only who joins a second time leaves the tree, with all below him.
			if last.Above(a, b) && !now.Above(a, b) && len(reused) == 0 {
				return fmt.Errorf("%x is no longer above %x", a[:2], b[:2])
			}
		}
	}
	return nil
}

// What holds of every view.
func TestAViewMakesSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := setOfOps(t, history(t))
		v := s.Evaluate()
		if err := sensibleMembers(v); err != nil {
			t.Fatal(err)
		}
		if err := sensibleInvites(v); err != nil {
			t.Fatal(err)
		}
		if err := sensibleGraph(s); err != nil {
			t.Fatal(err)
		}
	})
}

func sensibleMembers(v *View) error {
	seen := map[Member]bool{}
	for _, r := range v.Removed {
		if seen[r.ID] || v.Live(r.ID) {
			return fmt.Errorf("%x is removed twice, or both removed and live", r.ID[:2])
		}
		seen[r.ID] = true
	}
	for _, m := range v.Members {
		if seen[m.ID] {
			return fmt.Errorf("%x is there twice", m.ID[:2])
		}
		seen[m.ID] = true
		if m.Inviter == (Member{}) != (m.ID == v.Founder) {
			return fmt.Errorf("%x, inviter %x", m.ID[:2], m.Inviter[:2])
		}
		if m.ID != v.Founder && !v.Above(v.Founder, m.ID) {
			return fmt.Errorf("the founder is not above %x", m.ID[:2])
		}
		if m.ID != v.Founder && v.Void(m.Invite) != "" {
			return fmt.Errorf("%x joined on an invite that does not count", m.ID[:2])
		}
		if want := map[bool]Reason{true: ReasonSuspended}[m.Suspended]; v.Void(m.Join) != want {
			return fmt.Errorf("%x: suspended is %v, its join %q", m.ID[:2], m.Suspended, v.Void(m.Join))
		}
		for _, a := range v.Removers(m.ID) {
			if !v.MayRemove(a, m.ID) || v.MayRemove(m.ID, a) {
				return fmt.Errorf("%x and %x may remove each other", a[:2], m.ID[:2])
			}
		}
		if r, err := v.Removal(m.ID, 1); err != nil || r.check() != nil {
			return fmt.Errorf("no removal of %x: %+v, %v", m.ID[:2], r, err)
		}
	}
	return nil
}

// Of those who joined on one invite at most one can be live.
func sensibleInvites(v *View) error {
	live := map[Hash]int{}
	for _, m := range v.Members {
		if !m.Suspended && m.ID != v.Founder {
			live[m.Invite]++
		}
	}
	for _, i := range v.Invites {
		if live[i.Hash] > 1 {
			return fmt.Errorf("%d are live on one invite", live[i.Hash])
		}
		if i.State == InviteOpen && (live[i.Hash] > 0 || len(i.Joins) > 0) {
			return fmt.Errorf("an open invite was used: %+v", i)
		}
	}
	return nil
}

// Heads and Missing are kept from Add to Add: here they are counted afresh.
func sensibleGraph(s *Set) error {
	named := map[Hash]bool{Hash(s.Channel()): true}
	for _, op := range s.All() {
		for _, h := range op.names {
			named[h] = true
			if s.Has(h) && s.Depth(h) >= s.Depth(op.Hash()) {
				return errors.New("an operation is no deeper than what it names")
			}
		}
	}
	var heads, missing []Hash
	for _, op := range s.All() {
		if !named[op.Hash()] {
			heads = append(heads, op.Hash())
		}
	}
	for h := range named {
		if !s.Has(h) {
			missing = append(missing, h)
		}
	}
	sortHashes(heads)
	sortHashes(missing)
	if !slices.Equal(heads, s.Heads()) || !slices.Equal(missing, s.Missing()) {
		return fmt.Errorf("heads %x and missing %x, want %x and %x", s.Heads(), s.Missing(), heads, missing)
	}
	return nil
}

func TestASetIsOfOneChannel(t *testing.T) {
	alice, bob := found(t, "alice"), found(t, "bob")
	for _, h := range []Hash{Hash(bob.set.Channel()), bob.does("bob", Topic{"x"})} {
		if _, err := alice.set.Add(bob.set.Get(h)); !errors.Is(err, ErrChannel) {
			t.Errorf("adding to another channel: %v", err)
		}
	}
	for _, op := range []*Signed{nil, {}} {
		if _, err := alice.set.Add(op); err == nil {
			t.Error("what was never parsed was added")
		}
	}
	if alice.set.Len() != 1 {
		t.Errorf("the set has %d operations", alice.set.Len())
	}
}

func TestFingerprint(t *testing.T) {
	s := found(t, "alice")
	count, before := s.set.Fingerprint()
	other := s.copy()
	if n, sum := other.set.Fingerprint(); n != count || sum != before {
		t.Error("equal sets have two fingerprints")
	}
	s.does("alice", Topic{"x"})
	if n, sum := s.set.Fingerprint(); n != count+1 || sum == before {
		t.Error("another operation made no other fingerprint")
	}
}

func TestSafetyNumber(t *testing.T) {
	s := found(t, "alice")
	alone := s.set.Evaluate().SafetyNumber()
	invite, _ := s.brings("alice", "bob")
	two := s.set.Evaluate().SafetyNumber()
	if len(two) != 8*5+7 || two == alone {
		t.Errorf("the safety numbers are %q and %q", alone, two)
	}
	s.does("bob", Nick{"robert"})
	if got := s.set.Evaluate().SafetyNumber(); got != two {
		t.Errorf("a nick changed it to %q", got)
	}
	s.add(s.join("mallory", invite, "bob"))
	if got := s.set.Evaluate().SafetyNumber(); got != alone {
		t.Errorf("suspended members are in it: %q, want %q", got, alone)
	}
	if other := found(t, "bob").set.Evaluate().SafetyNumber(); other == alone {
		t.Error("two channels have one safety number")
	}
}
