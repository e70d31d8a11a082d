package roster

import (
	"cmp"
	"slices"
)

// view gathers what has been judged.
func (e *evaluation) view(channel Channel) *View {
	v := &View{Channel: channel, Founder: e.order[0].id, Hubs: e.hubs(), e: e}
	nicks := make(map[Member]string)
	for _, n := range e.graph.nodes {
		if e.why[n.place] != "" {
			continue
		}
		switch a := n.op.Args.(type) {
		case Topic:
			v.Topic = TopicView{Text: a.Text, By: n.op.By, Op: n.hash}
		case Nick:
			nicks[n.op.By] = a.Nick
		}
	}
	people := slices.Clone(e.order)
	slices.SortFunc(people, func(p, q *person) int { return cmp.Compare(p.join.place, q.join.place) })
	for _, p := range people {
		v.add(p, nicks[p.id])
		v.Forks = append(v.Forks, forks(p)...)
	}
	v.Invites = e.invites()
	return v
}

// add lists a person among the members or the removed. One whose join waits for
// something is neither yet.
func (v *View) add(p *person, nick string) {
	m := p.member()
	if nick != "" {
		m.Nick = nick
	}
	switch {
	case len(p.cuts) > 0 || p.reason != "" && !p.reason.pending():
		v.Removed = append(v.Removed, p.gone(m))
	case p.reason == "":
		v.Members = append(v.Members, m)
	}
}

func (p *person) member() MemberView {
	m := MemberView{ID: p.id, Join: p.join.hash, Suspended: p.suspended, Confirmed: p.confirmed}
	switch a := p.join.op.Args.(type) {
	case Found:
		m.Nick, m.Token, m.Prekey = a.Nick, a.Token, a.Prekey
	case Join:
		m.Nick, m.Token, m.Prekey, m.Invite = a.Nick, a.Token, a.Prekey, a.Invite
	}
	if p.inviter != nil {
		m.Inviter = p.inviter.id
	}
	return m
}

func (p *person) gone(m MemberView) RemovedView {
	r := RemovedView{MemberView: m, Why: p.reason, Seq: -1}
	if len(p.cuts) == 0 {
		return r
	}
	r.Why = ReasonLeft
	if p.removed() {
		r.Why = ReasonRemoved
	}
	if p.reason != ReasonReused { // else no cut gives him texts back
		r.Seq = MaxNumber
	}
	cuts := slices.Clone(p.cuts)
	slices.SortStableFunc(cuts, func(a, b cut) int { return cmp.Compare(a.by.rank, b.by.rank) })
	for _, c := range cuts {
		r.Seq = min(r.Seq, c.seq)
		if !slices.Contains(r.By, c.by.id) {
			r.By = append(r.By, c.by.id)
		}
	}
	return r
}

// invites lists the invites of all in the tree.
func (e *evaluation) invites() []InviteView {
	joins := make(map[Hash][]*person) // by invite
	for _, p := range e.order {
		if p.invite != nil && p.reason == "" {
			joins[p.invite.hash] = append(joins[p.invite.hash], p)
		}
	}
	var list []InviteView
	for _, n := range e.graph.nodes {
		a, ok := n.op.Args.(Invite)
		p := e.people[n.op.By]
		if !ok || p == nil {
			continue
		}
		v := InviteView{Invite: a, Hash: n.hash, By: p.id, Revoked: e.counts(e.revokes[n.hash])}
		for _, q := range joins[n.hash] {
			v.Joins = append(v.Joins, q.join.hash)
			if q.confirmed {
				v.Confirmed = q.join.hash
			}
		}
		v.State = e.inviteState(n, p, v)
		list = append(list, v)
	}
	return list
}

func (e *evaluation) inviteState(n *node, p *person, v InviteView) InviteState {
	switch {
	case e.why[n.place] != "":
		return InviteVoid
	case len(v.Joins) > 0:
		return InviteUsed
	case v.Revoked:
		return InviteRevoked
	case p.removed():
		return InviteVoid
	}
	return InviteOpen
}

// forks finds the places of a person's chain that he filled more than once.
func forks(p *person) []Fork {
	at := make(map[int64][]Hash)
	var forked []int64
	for _, n := range p.ops {
		at[n.op.N] = append(at[n.op.N], n.hash)
		if len(at[n.op.N]) == 2 {
			forked = append(forked, n.op.N)
		}
	}
	slices.Sort(forked)
	var list []Fork
	for _, n := range forked {
		sortHashes(at[n])
		list = append(list, Fork{By: p.id, N: n, Ops: at[n]})
	}
	return list
}
