package roster

import "slices"

// knownHeads is how many of MaxHeads Known spends on the newest operations.
const knownHeads = 48

// Known returns what tells others which operations are in the set, as few as do:
// operations below which nothing is missing, so that who has one of them has all
// below it, ascending. First those that no other such names (the deepest, of
// many); then, for those who do not know these, some older ones, ever farther
// apart down to the found. What rests on something that is missing is left out.
// Known is empty only while the found is not here.
func (s *Set) Known() []Hash {
	g := s.order()
	whole := make([]bool, len(g.nodes))
	named := make([]bool, len(g.nodes))
	var known []*node // in canonical order: parents before children
	for i, n := range g.nodes {
		whole[i] = !slices.ContainsFunc(n.names, func(h Hash) bool { return g.at[h] == nil || !whole[g.at[h].place] })
		if !whole[i] {
			continue
		}
		known = append(known, n)
		for _, p := range n.parents {
			named[p.place] = true
		}
	}
	heads := slices.DeleteFunc(slices.Clone(known), func(n *node) bool { return named[n.place] })
	heads = heads[max(0, len(heads)-knownHeads):]
	for back := 2; back < 2*len(known) && len(heads) < MaxHeads; back *= 2 {
		if n := known[max(0, len(known)-back)]; !slices.Contains(heads, n) {
			heads = append(heads, n)
		}
	}
	hashes := make([]Hash, len(heads))
	for i, n := range heads {
		hashes[i] = n.hash
	}
	sortHashes(hashes)
	return hashes
}

// Beyond returns the operations of the set that are neither among those known to
// somebody nor below them, in the order of All, and which of those are not in the
// set.
func (s *Set) Beyond(known []Hash) (beyond []*Signed, unknown []Hash) {
	g := s.order()
	had := make([]bool, len(g.nodes))
	for _, h := range known {
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
