package channels

import (
	"hubbub/channels/session"
)

// tries says which envelopes were tried with whose boxes. To find whether a box
// is one's own takes a hash for each member and each of one's prekeys, and in a
// large channel most boxes are others': each is tried once.
type tries struct {
	known map[pair]bool
	pairs []pair        // in the order in which they came up
	done  map[int64]int // by entry: how many of the pairs it was tried with
}

// pair is a member whose box it may be, and the number of one's own prekey that
// it may be sealed to.
type pair struct {
	sender session.Member
	number int64
}

// try is what an envelope's box is to be tried with.
type try struct {
	sender session.Member
	own    *ownPrekey
}

// untried lists what an entry's boxes were not tried with yet, and notes that
// they are.
func (s *step) untried(ch *channel, entry int64) (list []try) {
	own, senders, t := s.ownPrekeys(ch), s.senders(ch), &ch.tries
	if t.done == nil || len(t.pairs) > 8*len(own)*len(senders) { // most are of prekeys that are gone
		*t = tries{known: map[pair]bool{}, done: map[int64]int{}}
	}
	keys, now := map[int64]*ownPrekey{}, map[session.Member]bool{}
	for _, sender := range senders {
		now[sender] = true
	}
	for i := range own {
		keys[own[i].number] = &own[i]
		for _, sender := range senders {
			if p := (pair{sender, own[i].number}); !t.known[p] {
				t.known[p] = true
				t.pairs = append(t.pairs, p)
			}
		}
	}
	done, whole := t.done[entry], true
	for _, p := range t.pairs[done:] {
		key := keys[p.number]
		if key != nil && now[p.sender] {
			list = append(list, try{p.sender, key})
		}
		// Who is no sender now may be one later; a prekey that is gone stays so.
		if whole = whole && (key == nil || now[p.sender]); whole {
			done++
		}
	}
	t.done[entry] = done
	return list
}
