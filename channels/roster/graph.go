package roster

import (
	"cmp"
	"slices"
)

// graph is a set's operations with what they name, in canonical order.
type graph struct {
	nodes []*node // by depth, then by hash: parents before children
	at    map[Hash]*node
	sum   *[32]byte // Fingerprint's, once asked for
}

// node is an operation in the graph. Parents that are not in the set are left
// out: they delay nothing. What has to wait for the author's own chain is told
// by chain.
type node struct {
	*Signed
	parents  []*node
	children []*node
	waits    int // parents whose depth is not known yet
	depth    int
	place    int   // index in graph.nodes
	chain    chain // of the operation itself and those before it by its author
}

// chain says how an author's chain stands below one of his operations.
type chain uint8

const (
	chainWhole  chain = iota // every one is here, down to his found or join
	chainGap                 // one is missing: it may come
	chainBroken              // one follows something that is not his operation n−1: for good
)

// order returns the graph of the set, made anew after Add.
func (s *Set) order() *graph {
	if s.graph == nil {
		s.graph = newGraph(s.ops)
	}
	return s.graph
}

func newGraph(ops map[Hash]*Signed) *graph {
	g := &graph{nodes: make([]*node, 0, len(ops)), at: make(map[Hash]*node, len(ops))}
	room := make([]node, 0, len(ops))
	for h, op := range ops {
		room = append(room, node{Signed: op})
		n := &room[len(room)-1]
		g.at[h] = n
		g.nodes = append(g.nodes, n)
	}
	g.link()
	slices.SortFunc(g.nodes, (*node).compare)
	for i, n := range g.nodes {
		n.place = i
		n.chain = g.chainBelow(n)
	}
	return g
}

// link finds each node's parents, and its depth from theirs. No circle can be
// made of hashes, so every node comes to its turn.
func (g *graph) link() {
	var ready []*node
	for _, n := range g.nodes {
		for _, h := range n.names {
			if p := g.at[h]; p != nil {
				n.parents = append(n.parents, p)
				p.children = append(p.children, n)
			}
		}
		n.waits = len(n.parents)
		if n.op.Args.Kind() != KindFound {
			n.depth = 1
		}
		if n.waits == 0 {
			ready = append(ready, n)
		}
	}
	for len(ready) > 0 {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		for _, c := range n.children {
			c.depth = max(c.depth, n.depth+1)
			if c.waits--; c.waits == 0 {
				ready = append(ready, c)
			}
		}
	}
}

// chainBelow is called in canonical order, so that the node before is done.
func (g *graph) chainBelow(n *node) chain {
	if n.op.N == 0 {
		return chainWhole
	}
	prev := g.at[n.op.Prev]
	switch {
	case prev == nil:
		return chainGap
	case prev.op.By != n.op.By || prev.op.N != n.op.N-1:
		return chainBroken
	}
	return prev.chain
}

// compare is the canonical order: by depth, then by hash.
func (n *node) compare(m *node) int {
	if n.depth != m.depth {
		return cmp.Compare(n.depth, m.depth)
	}
	return compareHash(n.hash, m.hash)
}
