package roster

import "slices"

// Whole returns what is to be told of a set to somebody who may have more: the
// operations below which nothing is missing and that no other such names,
// ascending. Who has them has all below them, so these few stand for all; what
// rests on something that is missing is left out. Of more than MaxHeads the
// deepest are returned. It is empty only while the found is not here.
func (s *Set) Whole() []Hash {
	g := s.order()
	whole := make([]bool, len(g.nodes))
	named := make([]bool, len(g.nodes))
	var heads []*node
	for i, n := range g.nodes { // parents before children
		whole[i] = !slices.ContainsFunc(n.names, func(h Hash) bool { return g.at[h] == nil || !whole[g.at[h].place] })
		for _, p := range n.parents {
			named[p.place] = named[p.place] || whole[i]
		}
	}
	for i, n := range g.nodes {
		if whole[i] && !named[i] {
			heads = append(heads, n)
		}
	}
	if len(heads) > MaxHeads {
		heads = heads[len(heads)-MaxHeads:]
	}
	hashes := make([]Hash, len(heads))
	for i, n := range heads {
		hashes[i] = n.hash
	}
	sortHashes(hashes)
	return hashes
}

// Beyond returns the operations of the set that are neither among heads nor
// below them, in the order of All, and which of the heads are not in the set.
func (s *Set) Beyond(heads []Hash) (beyond []*Signed, unknown []Hash) {
	g := s.order()
	had := make([]bool, len(g.nodes))
	for _, h := range heads {
		if n := g.at[h]; n != nil {
			had[n.place] = true
		} else {
			unknown = append(unknown, h)
		}
	}
	for i, n := range slices.Backward(g.nodes) { // children before parents
		for _, p := range n.parents {
			had[p.place] = had[p.place] || had[i]
		}
	}
	for i, n := range g.nodes {
		if !had[i] {
			beyond = append(beyond, n.Signed)
		}
	}
	return beyond, unknown
}
