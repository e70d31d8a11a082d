package roster

// person is a member id that has joined, or tried to.
type person struct {
	id      Member
	join    *node     // his found or join
	invite  *node     // that he joined on; nil where inviter is
	inviter *person   // nil for the founder, and for an id with more than one join
	invited []*person // by their joins, in canonical order
	rank    int       // steps below who has no inviter
	ops     []*node   // all that he signed, in canonical order

	reason    Reason // why his join does not count; empty if it does
	cuts      []cut  // that stand; any puts him out
	suspended bool
	confirmed bool
}

// seat builds the tree of who invited whom, from the founder down, out of the
// joins and invites alone: whether they count is judged after, on this tree.
// So it never changes when operations come, but for one thing: an id with more
// than one join has no inviter and is void, with all below him. If the lowest,
// the first or any other of his joins gave him his place, he could slip out
// from under who removed him by signing another.
func (e *evaluation) seat(found *node) {
	ops := make(map[Member][]*node)
	joins := make(map[Member]int)
	for _, n := range e.graph.nodes {
		ops[n.op.By] = append(ops[n.op.By], n)
		if _, ok := n.op.Args.(Join); ok {
			joins[n.op.By]++
		}
	}
	e.order = []*person{{id: found.op.By, join: found, ops: ops[found.op.By]}}
	candidates := make(map[Member][]*person) // by inviter
	for _, n := range e.graph.nodes {
		a, ok := n.op.Args.(Join)
		if !ok || n.op.By == found.op.By {
			continue
		}
		p := &person{id: n.op.By, join: n, invite: e.graph.at[a.Invite], ops: ops[n.op.By]}
		switch {
		case joins[p.id] > 1:
			p.invite, p.reason = nil, ReasonReused
			e.order = append(e.order, p)
			joins[p.id] = 0 // he is listed once
		case joins[p.id] == 0:
		case p.invite == nil:
			e.why[n.place] = ReasonWaits
		case !opens(p.invite, a.Key):
			e.why[n.place] = ReasonAbout
		default:
			candidates[p.invite.op.By] = append(candidates[p.invite.op.By], p)
		}
	}
	for i := 0; i < len(e.order); i++ {
		p := e.order[i]
		e.people[p.id] = p
		p.invited = candidates[p.id]
		for _, q := range p.invited {
			q.inviter, q.rank = p, p.rank+1
		}
		e.order = append(e.order, p.invited...)
	}
}

// opens says whether an operation is an invite with this key.
func opens(n *node, key InviteKey) bool {
	a, ok := n.op.Args.(Invite)
	return ok && a.Key == key
}

// above says whether p stands on the way from q, which is not p, to the
// founder. Either may be nil: nobody.
func above(p, q *person) bool {
	if p == nil || q == nil || p.rank >= q.rank {
		return false
	}
	for q.rank > p.rank {
		q = q.inviter
	}
	return p == q
}
