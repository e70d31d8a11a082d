package channels

import (
	"hubbub/channels/session"
)

// openBox opens a sender's box to a prekey, unless its chain is known.
func (s *step) openBox(ch *channel, v session.Envelope, prekey session.Prekey, sender, recipient session.Member) (session.ReceiverChain, bool) {
	if _, ok := v.Box(session.Tag(&prekey.Public, sender, v.KeyID)); !ok {
		return session.ReceiverChain{}, false
	}
	if s.book.number("SELECT count(*) FROM chains WHERE channel = ? AND key = ? AND sender = ?", ch.row, v.KeyID[:], sender[:]) > 0 {
		return session.ReceiverChain{}, false
	}
	chain, err := v.OpenBox(prekey, ch.id, sender, recipient)
	return chain, err == nil
}

// chains are the chains of a key id, of whatever sender.
func (s *step) chains(ch *channel, key session.KeyID) []session.ReceiverChain {
	found := list(s.book, func(r row) session.ReceiverChain {
		var sender, chain []byte
		var iteration int
		scan(r, &sender, &chain, &iteration)
		return session.NewReceiverChain(session.Member(sender), key, session.Secret(chain), iteration)
	}, "SELECT sender, chain, iteration FROM chains WHERE channel = ? AND key = ?", ch.row, key[:])
	for i := range found {
		c := &found[i]
		type skipped struct {
			iteration int
			message   []byte
		}
		for _, k := range list(s.book, func(r row) (k skipped) { scan(r, &k.iteration, &k.message); return k },
			"SELECT iteration, message FROM skipped WHERE channel = ? AND key = ? AND sender = ?", ch.row, key[:], c.Sender[:]) {
			if c.Skipped == nil {
				c.Skipped = map[int]session.Secret{}
			}
			c.Skipped[k.iteration] = session.Secret(k.message)
		}
	}
	return found
}

// keepChain writes down how a chain has moved on.
func (s *step) keepChain(ch *channel, before, after session.ReceiverChain, isNew bool) {
	if isNew {
		s.book.run("INSERT INTO chains (channel, sender, key, chain, iteration, began) VALUES (?, ?, ?, ?, ?, ?)",
			ch.row, after.Sender[:], after.ID[:], after.Chain[:], after.Iteration, stamp(s.now))
	} else {
		s.book.run("UPDATE chains SET chain = ?, iteration = ? WHERE channel = ? AND key = ? AND sender = ?",
			after.Chain[:], after.Iteration, ch.row, after.ID[:], after.Sender[:])
	}
	for i := range before.Skipped {
		if _, kept := after.Skipped[i]; !kept {
			s.book.run("DELETE FROM skipped WHERE channel = ? AND key = ? AND sender = ? AND iteration = ?", ch.row, after.ID[:], after.Sender[:], i)
		}
	}
	for i, message := range after.Skipped {
		if _, had := before.Skipped[i]; !had {
			s.book.run("INSERT INTO skipped (channel, key, sender, iteration, message) VALUES (?, ?, ?, ?, ?)",
				ch.row, after.ID[:], after.Sender[:], i, message[:])
		}
	}
	s.forgot()
}

// usedPrekey notes that a prekey has opened a box: a day later it is replaced.
func (s *step) usedPrekey(ch *channel, number int64) {
	if s.book.run("UPDATE prekeys SET opened = ? WHERE channel = ? AND number = ? AND opened = 0", stamp(s.now), ch.row, number) > 0 {
		s.timer(ch, timerPrekeys, s.now.Add(prekeyOld))
	}
}

// introduced notes that a member seals to one's own prekey: then he knows the
// members, and does not seal to the invite prekey any more by which he came.
func (s *step) introduced(ch *channel, sender session.Member) {
	s.settled(ch, sender)
	for _, v := range list(s.book, readInvite, selectInvites+"WHERE channel = ? AND state = ? AND by = ? AND prekey IS NOT NULL", ch.row, inviteUsed, sender[:]) {
		s.close(v, inviteUsed)
	}
}
