package roster

import "slices"

// Evaluate says what the operations mean together. It is a pure function of the
// set, kept until the next Add.
//
// It goes from the founder down. First the tree of who invited whom is built
// (seat), then the removals that stand are found on it (cutAll). Then each
// person is judged, after all who are above him: which of his operations count,
// and whether those count who joined on his invites (judge, settle). What
// counts is then folded into topic, nicks and hubs in canonical order.
func (s *Set) Evaluate() *View {
	if s.view == nil {
		s.view = evaluate(s.channel, s.order())
	}
	return s.view
}

// evaluation is the work of one Evaluate, and what View's methods ask.
type evaluation struct {
	graph  *graph
	why    []Reason           // by place: why an operation does not count
	order  []*person          // those in the tree, each after his inviter
	people map[Member]*person // those in the tree

	confirms map[Hash][]*node // by the join they are about
	revokes  map[Hash][]*node // by the invite
	drops    map[Hash][]*node // by the hub+
}

func evaluate(channel Channel, g *graph) *View {
	e := &evaluation{
		graph: g, why: make([]Reason, len(g.nodes)), people: make(map[Member]*person),
		confirms: make(map[Hash][]*node), revokes: make(map[Hash][]*node), drops: make(map[Hash][]*node),
	}
	found := g.at[Hash(channel)]
	if found == nil {
		e.whyAll(ReasonFound)
		return &View{Channel: channel, e: e}
	}
	e.whyAll(ReasonStranger)
	e.seat(found)
	e.cutAll()
	e.index()
	for _, p := range e.order {
		e.judge(p)
	}
	return e.view(channel)
}

func (e *evaluation) whyAll(r Reason) {
	for i := range e.why {
		e.why[i] = r
	}
}

// index finds operations by what they are about.
func (e *evaluation) index() {
	for _, n := range e.graph.nodes {
		switch a := n.op.Args.(type) {
		case Confirm:
			e.confirms[a.Join] = append(e.confirms[a.Join], n)
		case Revoke:
			e.revokes[a.Invite] = append(e.revokes[a.Invite], n)
		case HubDrop:
			e.drops[a.Hub] = append(e.drops[a.Hub], n)
		}
	}
}

// judge says of each of a person's operations whether it counts, and then of
// each join on his invites. All above him have been judged.
func (e *evaluation) judge(p *person) {
	beyond := e.beyond(p)
	for _, n := range p.ops {
		switch n.op.Args.(type) {
		case Remove, Leave: // cutAll has judged them
		default:
			e.why[n.place] = e.reason(p, n, beyond)
		}
	}
	joins := make(map[*node][]*person) // by invite
	for _, q := range p.invited {
		joins[q.invite] = append(joins[q.invite], q)
	}
	for invite, list := range joins {
		e.settle(p, invite, list)
	}
}

// reason says why one of p's operations does not count, if it does not.
func (e *evaluation) reason(p *person, n *node, beyond func(*node) bool) Reason {
	_, invite := n.op.Args.(Invite)
	switch {
	case n == p.join && p.reason == "" && p.suspended:
		return ReasonSuspended
	case n == p.join:
		return p.reason
	case n.op.N == 0: // a further join
		return ReasonReused
	case p.reason.pending():
		return ReasonWaits
	case p.reason != "":
		return ReasonJoin
	case n.chain == chainGap:
		return ReasonGap
	case n.chain == chainBroken:
		return ReasonChain
	case beyond(n):
		return ReasonCut
	case p.suspended && !invite:
		return ReasonSuspended
	}
	return e.authority(p, n)
}

// authority says why an operation that is about another does not count: p must
// have signed that one, or be above who did. A join is its joiner's alone: to
// confirm it p must be above him.
func (e *evaluation) authority(p *person, n *node) Reason {
	var about Hash
	var kind Kind
	switch a := n.op.Args.(type) {
	case Revoke:
		about, kind = a.Invite, KindInvite
	case Confirm:
		about, kind = a.Join, KindJoin
	case HubDrop:
		about, kind = a.Hub, KindHubAdd
	default:
		return ""
	}
	m := e.graph.at[about]
	if m == nil {
		return ReasonWaits
	}
	if m.op.Args.Kind() != kind {
		return ReasonAbout
	}
	q := e.people[m.op.By]
	switch {
	case q == nil:
		return ReasonWaits
	case above(p, q), p == q && kind != KindJoin:
		return ""
	}
	return ReasonAuthority
}

// settle says which joins on an invite of p count, and which of their joiners
// are suspended. One-time means once: where several joined, or where the invite
// was revoked, none but the confirmed is trusted. One whose inviter is
// suspended is too.
func (e *evaluation) settle(p *person, invite *node, joiners []*person) {
	var rivals []*person
	for _, q := range joiners {
		switch why := e.why[invite.place]; {
		case p.reason == ReasonReused:
			q.reason = ReasonReused
		case why.pending():
			q.reason = ReasonWaits
		case why != "":
			q.reason = ReasonInvite
		case !p.keeps(q.join.hash):
			q.reason = ReasonCut
		default:
			rivals = append(rivals, q)
		}
	}
	doubt := len(rivals) > 1 || e.counts(e.revokes[invite.hash])
	confirmed := e.confirmed(rivals)
	for _, q := range rivals {
		q.confirmed = q == confirmed
		q.suspended = p.suspended || doubt && !q.confirmed
	}
}

// confirmed returns who of those who joined on one invite is confirmed, if any:
// of two confirms that of the higher signer holds, then the lower hash.
func (e *evaluation) confirmed(rivals []*person) *person {
	var best *node
	var who *person
	for _, q := range rivals {
		for _, n := range e.confirms[q.join.hash] {
			if e.why[n.place] == "" && (best == nil || e.outranks(n, best)) {
				best, who = n, q
			}
		}
	}
	return who
}

func (e *evaluation) outranks(n, m *node) bool {
	a, b := e.people[n.op.By].rank, e.people[m.op.By].rank
	return a < b || a == b && compareHash(n.hash, m.hash) < 0
}

// counts says whether any of these operations counts.
func (e *evaluation) counts(list []*node) bool {
	return slices.ContainsFunc(list, func(n *node) bool { return e.why[n.place] == "" })
}
