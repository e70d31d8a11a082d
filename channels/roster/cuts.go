package roster

// cut is what a removal or leave that stands lets stand of its subject.
type cut struct {
	by    *person
	head  *node         // nil while it is missing
	joins map[Hash]bool // on his invites; nil: all
	seq   int64
}

// cutAll finds the removals and leaves that stand. A removal stands if its
// author is above its subject in the tree, and nothing else matters: not
// whether its author has been put out, nor what is missing before it, nor on
// which branch of his chain it is. So no operation that comes later, and no
// other removal, undoes it. And since nobody is above those above him, no two
// can remove each other.
func (e *evaluation) cutAll() {
	for _, p := range e.order {
		for _, n := range p.ops {
			switch a := n.op.Args.(type) {
			case Remove:
				subject := e.people[a.Member]
				switch {
				case subject == nil:
					e.why[n.place] = ReasonWaits
				case !above(p, subject):
					e.why[n.place] = ReasonAuthority
				default:
					e.why[n.place] = ""
					subject.cuts = append(subject.cuts, cut{p, e.graph.at[a.Head], setOf(a.Joins), a.Seq})
				}
			case Leave:
				e.why[n.place] = ""
				p.cuts = append(p.cuts, cut{p, n, nil, a.Seq})
			}
		}
	}
}

// beyond returns which of a person's operations lie beyond a cut, as a function
// of them: of several cuts, beyond any. At or before its head are the head and
// all that can be reached from it by what operations name, so that both
// branches of a forked chain are, once he has signed anything knowing both.
// While the head, or an operation of the chain below it, is missing, nothing
// that has a whole chain can be told to be beyond: then the cut only puts him
// out and holds back joins and texts. A head that is not his operation at all
// leaves nothing but his join.
func (e *evaluation) beyond(p *person) func(*node) bool {
	var pasts [][]bool // by place
	for _, c := range p.cuts {
		switch {
		case c.head == nil:
		case c.head.op.By != p.id || c.head.chain == chainBroken:
			return func(n *node) bool { return n != p.join }
		case c.head.chain == chainWhole:
			pasts = append(pasts, e.graph.past(c.head, p.join.depth))
		}
	}
	return func(n *node) bool {
		for _, past := range pasts {
			if !past[n.place] {
				return true
			}
		}
		return false
	}
}

// past marks n and what can be reached from it by the operations named, down
// to the depth given.
func (g *graph) past(n *node, floor int) []bool {
	marked := make([]bool, len(g.nodes))
	marked[n.place] = true
	todo := []*node{n}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range n.parents {
			if p.depth >= floor && !marked[p.place] {
				marked[p.place] = true
				todo = append(todo, p)
			}
		}
	}
	return marked
}

// keeps says whether every cut of p lets a join on one of his invites stay.
func (p *person) keeps(join Hash) bool {
	for _, c := range p.cuts {
		if c.joins != nil && !c.joins[join] {
			return false
		}
	}
	return true
}

// removed says whether somebody else put p out.
func (p *person) removed() bool {
	for _, c := range p.cuts {
		if c.by != p {
			return true
		}
	}
	return false
}

func setOf(list []Hash) map[Hash]bool {
	set := make(map[Hash]bool, len(list))
	for _, h := range list {
		set[h] = true
	}
	return set
}
