package roster

import "slices"

// hubs folds the hub+ and hub- that count into the channel's hubs, in the order
// of the first hub+ that stands for each.
func (e *evaluation) hubs() []HubView {
	byKey := make(map[HubFingerprint][]*node)
	for _, n := range e.graph.nodes {
		if a, ok := n.op.Args.(HubAdd); ok && e.why[n.place] == "" {
			byKey[a.Key] = append(byKey[a.Key], n)
		}
	}
	var hubs []HubView
	at := make(map[HubFingerprint]int)
	for _, n := range e.graph.nodes {
		a, ok := n.op.Args.(HubAdd)
		if !ok || e.why[n.place] != "" || !e.stands(n, byKey[a.Key]) {
			continue
		}
		if _, ok := at[a.Key]; !ok {
			at[a.Key] = len(hubs)
			hubs = append(hubs, HubView{Key: a.Key})
		}
		h := &hubs[at[a.Key]]
		h.Entries = append(h.Entries, HubEntry{Op: n.hash, By: n.op.By, URL: a.URL})
	}
	return hubs
}

// stands says that a hub+ was neither taken back nor replaced by a later one
// with the same key, which only who added it, or somebody above him, may do:
// others cannot lead a hub's address astray, but add one beside it. What is
// replaced stays so when its replacement is taken back.
func (e *evaluation) stands(n *node, same []*node) bool {
	if e.counts(e.drops[n.hash]) {
		return false
	}
	author := e.people[n.op.By]
	return !slices.ContainsFunc(same, func(m *node) bool {
		return m.place > n.place && (m.op.By == n.op.By || above(e.people[m.op.By], author))
	})
}
