package channels

import (
	"slices"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// farewell is a removal in the outbox: it is sealed under a sender key that those
// have whom it puts out, so that their own gateways tell them. Nothing else goes
// under that key afterwards (exposed).
type farewell struct {
	Ops [][]byte         `cbor:"ops"`
	To  []session.Member `cbor:"to"`
}

// announceRemoval signs a removal and has the others told, whom it removes too,
// though he may be the last of them.
func (s *step) announceRemoval(ch *channel, remove roster.Remove) error {
	signed, err := s.operate(ch, remove)
	if err == nil {
		s.enqueue(ch, item{kind: outRemoval, content: mustEncode(farewell{
			Ops: [][]byte{signed.Bytes()}, To: []session.Member{session.Member(remove.Member)},
		})})
	}
	return err
}

// farewells are the removals that are yet to be sealed.
func (s *step) farewells(ch *channel) (all []farewell) {
	for _, content := range list(s.book, readBytes, "SELECT content FROM outbox WHERE channel = ? AND kind = ? ORDER BY id", ch.row, outRemoval) {
		var f farewell
		if codec.Unmarshal(content, &f) == nil {
			all = append(all, f)
		}
	}
	return all
}

// bidden are those whom the removals in the outbox are for: one sender key does
// for all of them.
func (s *step) bidden(ch *channel) (members []session.Member) {
	for _, f := range s.farewells(ch) {
		members = append(members, f.To...)
	}
	return members
}

func (s *step) sealFarewell(ch *channel, content []byte, bidden []session.Member) error {
	var f farewell
	if err := codec.Unmarshal(content, &f); err != nil {
		return err
	}
	// Who has no box of the key there is gets one, if there is none of the others'.
	if slices.ContainsFunc(f.To, func(m session.Member) bool { return !s.given(ch, m) }) {
		if err := s.newSenderKey(ch, bidden...); err != nil {
			return err
		}
	}
	_, err := s.sealContent(ch, session.Ops{Ops: f.Ops})
	return err
}

// sealFarewells seals all of them without waiting for the channel to be read to its
// head, for one who leaves: they tell nobody a secret.
func (s *step) sealFarewells(ch *channel) {
	contents := list(s.book, readBytes, "SELECT content FROM outbox WHERE channel = ? AND kind = ? ORDER BY id", ch.row, outRemoval)
	if len(contents) == 0 || ch.state != stateMember {
		return
	}
	bidden := s.bidden(ch)
	_, err := s.ensureSenderKey(ch, forFarewell, bidden...)
	for _, content := range contents {
		if err == nil {
			err = s.sealFarewell(ch, content, bidden)
		}
	}
	if err != nil {
		s.emit(Warn{Channel: ch.name, Text: "the others could not be told whom you removed: " + err.Error()})
	}
}

// given says that a member has one's sender key.
func (s *step) given(ch *channel, member session.Member) bool {
	return s.book.number("SELECT count(*) FROM given WHERE channel = ? AND member = ?", ch.row, member[:]) > 0
}

// tellVoid has those told why they are out whose joining does not count, since the
// user had removed who brought them in before he heard of them. They get what it
// takes to see that, and nothing else.
func (s *step) tellVoid(ch *channel) {
	if ch.state != stateMember {
		return
	}
	view := s.view(ch)
	for _, r := range view.Removed {
		if r.Why == roster.ReasonRemoved || r.Why == roster.ReasonLeft || r.Why == roster.ReasonReused {
			continue
		}
		by, ok := removerOf(view, r.Inviter)
		if !ok || session.Member(by) != ch.self {
			continue
		}
		if s.book.run(`INSERT INTO peers (channel, member, gone) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET gone = excluded.gone WHERE gone = 0`, ch.row, r.ID[:], stamp(s.now)) == 0 {
			continue // he was told
		}
		ops := s.whyVoidOps(ch, view, r)
		if pieces := inPieces(ops); len(pieces) > 0 {
			s.enqueue(ch, item{kind: outRemoval, content: mustEncode(farewell{Ops: pieces[0], To: []session.Member{session.Member(r.ID)}})})
		}
	}
}

// whyVoidOps are the operations that show why somebody's joining does not count:
// the removals, and all that those above him have signed.
func (s *step) whyVoidOps(ch *channel, view *roster.View, out roster.RemovedView) (ops []*roster.Signed) {
	path := map[roster.Member]bool{view.Founder: true}
	for id := out.Inviter; id != (roster.Member{}) && !path[id]; {
		path[id] = true
		next := roster.Member{}
		if m, ok := view.Member(id); ok {
			next = m.Inviter
		}
		for _, r := range view.Removed {
			if r.ID == id {
				next = r.Inviter
			}
		}
		id = next
	}
	for _, op := range s.ops(ch).All() {
		remove, is := op.Op().Args.(roster.Remove)
		if path[op.Op().By] && (!is || path[remove.Member]) {
			ops = append(ops, op)
		}
	}
	return ops
}
