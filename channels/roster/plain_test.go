package roster

import (
	"fmt"
	"slices"
)

// plain is docs/protocol.md, section 14, once more: rule by rule as it stands
// there, each asked of the operations themselves whenever it is needed. It is slow,
// and so like the text that the two can be read beside each other.
type plain struct {
	ops  map[Hash]*Signed
	all  []*Signed
	memo map[Hash]bool // which operations count
}

func plainly(s *Set) *plain {
	p := &plain{ops: map[Hash]*Signed{}, all: s.All(), memo: map[Hash]bool{}}
	for _, op := range p.all {
		p.ops[op.hash] = op
	}
	return p
}

// sameByTheRules holds what a set says to what the rules say: who is a member, who
// of them is suspended, which operations count, and the topic.
func sameByTheRules(s *Set) error {
	p, v := plainly(s), s.Evaluate()
	var want, got []string
	for _, id := range p.people() {
		if p.member(id) {
			want = append(want, fmt.Sprintf("%x %v", id[:3], p.suspended(id)))
		}
	}
	for _, m := range v.Members {
		got = append(got, fmt.Sprintf("%x %v", m.ID[:3], m.Suspended))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("members, and whether they are suspended, are %q, and by the rules %q", got, want)
	}
	for _, op := range p.all {
		if why := v.Void(op.hash); (why == "") != p.counts(op) {
			return fmt.Errorf("%s by %x: %q; it counts by the rules: %v", op.op.Args.Kind(), op.op.By[:3], why, p.counts(op))
		}
	}
	if topic := p.topic(); topic != v.Topic.Text {
		return fmt.Errorf("the topic is %q, and by the rules %q", v.Topic.Text, topic)
	}
	return nil
}

// topic is that of the last topic that counts.
func (p *plain) topic() string {
	var last *Signed
	for _, op := range p.all {
		if _, is := op.op.Args.(Topic); is && p.counts(op) && (last == nil || p.before(last, op)) {
			last = op
		}
	}
	if last == nil {
		return ""
	}
	return last.op.Args.(Topic).Text
}

// before is canonical order.
func (p *plain) before(a, b *Signed) bool {
	if x, y := p.depth(a), p.depth(b); x != y {
		return x < y
	}
	return compareHash(a.hash, b.hash) < 0
}

func (p *plain) depth(op *Signed) (depth int) {
	if op.op.Args.Kind() == KindFound {
		return 0
	}
	depth = 1
	for _, h := range op.names {
		if parent := p.ops[h]; parent != nil {
			depth = max(depth, 1+p.depth(parent))
		}
	}
	return depth
}

// people are all who have signed anything.
func (p *plain) people() (ids []Member) {
	for _, op := range p.all {
		if !slices.Contains(ids, op.op.By) {
			ids = append(ids, op.op.By)
		}
	}
	return ids
}

func (p *plain) founder() (id Member, ok bool) {
	for _, op := range p.all {
		if op.op.Args.Kind() == KindFound {
			return op.op.By, true
		}
	}
	return id, false
}

// join is somebody's one join, and the invite that it names.
func (p *plain) join(id Member) (join, invite *Signed) {
	for _, op := range p.all {
		if op.op.By != id || op.op.Args.Kind() != KindJoin {
			continue
		}
		if join != nil {
			return nil, nil // an id with two has no place
		}
		join = op
	}
	if join == nil {
		return nil, nil
	}
	args := join.op.Args.(Join)
	if invite = p.ops[args.Invite]; invite == nil {
		return nil, nil
	}
	if i, is := invite.op.Args.(Invite); !is || i.Key != args.Key {
		return nil, nil
	}
	return join, invite
}

// above are those above somebody, the nearest first; seated says that they lead to
// the founder.
func (p *plain) above(id Member) (list []Member, seated bool) {
	founder, ok := p.founder()
	for ok && id != founder && len(list) <= len(p.all) {
		_, invite := p.join(id)
		if invite == nil {
			return nil, false
		}
		id = invite.op.By
		list = append(list, id)
	}
	return list, ok && id == founder
}

func (p *plain) isAbove(a, b Member) bool {
	list, seated := p.above(b)
	return seated && slices.Contains(list, a)
}

// cutsOf are the removals of somebody that stand, and his leaves.
func (p *plain) cutsOf(id Member) (cuts []*Signed) {
	for _, op := range p.all {
		switch a := op.op.Args.(type) {
		case Remove:
			if a.Member == id && p.isAbove(op.op.By, id) {
				cuts = append(cuts, op)
			}
		case Leave:
			if _, seated := p.above(id); op.op.By == id && seated {
				cuts = append(cuts, op)
			}
		}
	}
	return cuts
}

// chain follows prev to the first of its author's operations.
func (p *plain) chain(op *Signed) chain {
	for op.op.N > 0 {
		prev := p.ops[op.op.Prev]
		switch {
		case prev == nil:
			return chainGap
		case prev.op.By != op.op.By || prev.op.N != op.op.N-1:
			return chainBroken
		}
		op = prev
	}
	return chainWhole
}

// reaches says that one operation can be reached from another over parents.
func (p *plain) reaches(from, to Hash, seen map[Hash]bool) bool {
	op := p.ops[from]
	if from == to {
		return true
	}
	if op == nil || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(op.names, func(h Hash) bool { return p.reaches(h, to, seen) })
}

// lets says that a cut lets an operation of whom it cuts stand.
func (p *plain) lets(cut, op *Signed) bool {
	at := cut.hash // a leave is its own head
	if r, is := cut.op.Args.(Remove); is {
		at = r.Head
	}
	head := p.ops[at]
	switch {
	case op.op.N == 0:
		return true // joins are cut by what is said of the inviter
	case head == nil:
		return true
	case head.op.By != op.op.By || p.chain(head) == chainBroken:
		return false
	case p.chain(head) == chainGap:
		return true
	}
	return p.reaches(at, op.hash, map[Hash]bool{})
}

// joined says that somebody's found or join counts.
func (p *plain) joined(id Member) bool {
	if founder, ok := p.founder(); ok && id == founder {
		return true
	}
	join, invite := p.join(id)
	if _, seated := p.above(id); !seated || !p.counts(invite) {
		return false
	}
	for _, cut := range p.cutsOf(invite.op.By) {
		if r, is := cut.op.Args.(Remove); is && !slices.Contains(r.Joins, join.hash) {
			return false
		}
	}
	return true
}

// counts says that an operation counts.
func (p *plain) counts(op *Signed) bool {
	if v, known := p.memo[op.hash]; known {
		return v
	}
	v := p.judge(op)
	p.memo[op.hash] = v
	return v
}

func (p *plain) judge(op *Signed) bool {
	by := op.op.By
	if _, seated := p.above(by); !seated {
		return false
	}
	about := func(h Hash, kind Kind) bool {
		o := p.ops[h]
		return o != nil && o.op.Args.Kind() == kind && (p.isAbove(by, o.op.By) || kind != KindJoin && o.op.By == by)
	}
	authority := true
	switch a := op.op.Args.(type) {
	case Remove:
		return p.isAbove(by, a.Member)
	case Leave:
		return true
	case Join:
		join, _ := p.join(by)
		return join == op && p.joined(by) && !p.suspended(by)
	case Revoke:
		authority = about(a.Invite, KindInvite)
	case Confirm:
		authority = about(a.Join, KindJoin)
	case HubDrop:
		authority = about(a.Hub, KindHubAdd)
	}
	for _, cut := range p.cutsOf(by) {
		if !p.lets(cut, op) {
			return false
		}
	}
	_, invite := op.op.Args.(Invite)
	return authority && p.joined(by) && p.chain(op) == chainWhole && (invite || !p.suspended(by))
}

// suspended says that somebody whose join counts is in doubt, or below one who is.
func (p *plain) suspended(id Member) bool {
	join, invite := p.join(id)
	if founder, _ := p.founder(); id == founder || join == nil {
		return false
	}
	if p.suspended(invite.op.By) {
		return true
	}
	rivals := 0
	var best *Signed // the confirm that holds
	for _, other := range p.people() {
		o, i := p.join(other)
		if i != invite || !p.joined(other) {
			continue
		}
		rivals++
		for _, op := range p.all {
			if c, is := op.op.Args.(Confirm); is && c.Join == o.hash && p.counts(op) && (best == nil || p.outranks(op, best)) {
				best = op
			}
		}
	}
	revoked := slices.ContainsFunc(p.all, func(op *Signed) bool {
		r, is := op.op.Args.(Revoke)
		return is && r.Invite == invite.hash && p.counts(op)
	})
	confirmed := best != nil && best.op.Args.(Confirm).Join == join.hash
	return (rivals > 1 || revoked) && !confirmed
}

// outranks says which of two confirms holds: that of the higher author, then that
// with the lower hash.
func (p *plain) outranks(a, b *Signed) bool {
	if a.op.By != b.op.By {
		return p.isAbove(a.op.By, b.op.By)
	}
	return compareHash(a.hash, b.hash) < 0
}

// member says that somebody is in.
func (p *plain) member(id Member) bool {
	_, seated := p.above(id)
	return seated && p.joined(id) && len(p.cutsOf(id)) == 0
}
