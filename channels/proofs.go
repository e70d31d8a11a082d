package channels

import (
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// A newcomer knows of the others but the prekeys in their joinings, which may be
// deleted long ago; and who is away does not show him a newer one. So whoever tells
// him all hands on the newest of each, as its owner signed it: nobody can put a
// prekey of his own in another's place, and be sealed to after he is gone.

// maxPeers bounds how many members a joiner is told prekeys of before he knows who
// they are.
const maxPeers = 256

// prove keeps the proof of a member's newest prekey.
func (s *step) prove(ch *channel, b session.Body, signed session.Signed) {
	p, ok := session.ShownIn(b)
	if !ok {
		return
	}
	s.keepProof(ch, b.From, p, session.Shown{Header: signed.Header, Body: signed.Body, Signature: signed.Signature})
}

func (s *step) keepProof(ch *channel, of session.Member, p session.NumberedPrekey, proof session.Shown) {
	s.book.run("UPDATE peers SET proof = ? WHERE channel = ? AND member = ? AND number = ? AND number > 0", mustEncode(proof), ch.row, of[:], p.Number)
}

// sealPrekeys hands on the others' newest prekeys.
func (s *step) sealPrekeys(ch *channel) error {
	var pieces []session.Prekeys
	size := 0
	for _, b := range list(s.book, readBytes, "SELECT proof FROM peers WHERE channel = ? AND length(proof) > 0 ORDER BY heard, member", ch.row) {
		var shown session.Shown
		if codec.Unmarshal(b, &shown) != nil {
			continue
		}
		if from, _, err := session.OpenShown(ch.id, shown); err != nil || !s.view(ch).Live(roster.Member(from)) {
			continue
		}
		if n := len(pieces); n == 0 || size+len(shown.Body) > session.MaxShownBytes || len(pieces[n-1].Shown) == session.MaxShownPrekeys {
			pieces, size = append(pieces, session.Prekeys{}), 0
		}
		last := &pieces[len(pieces)-1]
		last.Shown = append(last.Shown, shown)
		size += len(shown.Body)
	}
	for _, p := range pieces {
		if _, err := s.ensureSenderKey(ch, forOther); err != nil {
			return err
		}
		if _, err := s.sealContent(ch, p); err != nil {
			return err
		}
	}
	return nil
}

// takePrekeys takes prekeys that a member has handed on. A joiner takes them of
// whomever: he seals to nobody before he knows the members.
func (s *step) takePrekeys(ch *channel, c session.Prekeys) {
	for _, shown := range c.Shown {
		from, p, err := session.OpenShown(ch.id, shown)
		if err != nil || from == ch.self {
			continue
		}
		if ch.state == stateWaiting {
			if s.book.number("SELECT count(*) FROM peers WHERE channel = ?", ch.row) >= maxPeers {
				return
			}
			s.book.run("INSERT INTO peers (channel, member, shown) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", ch.row, from[:], stamp(s.now))
		} else if _, ok := s.view(ch).Member(roster.Member(from)); !ok {
			continue
		}
		s.showPrekey(ch, from, p)
		s.keepProof(ch, from, p, shown)
	}
}
