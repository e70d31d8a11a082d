package channels

import (
	"fmt"
	"slices"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// letIn takes a sealed join: somebody has redeemed a one-time key.
func (s *step) letIn(ch *channel, entry []byte) bool {
	slot, err := session.ParseJoin(entry)
	if err != nil {
		return false
	}
	v, ok := first(s.book, readInvite, selectInvites+`WHERE channel = ? AND slot = ? AND "join" IS NOT NULL`, ch.row, slot[:])
	if !ok {
		return false
	}
	bytes, err := session.OpenJoin(ch.id, session.Secret(v.join), entry)
	if err != nil {
		return false
	}
	op, err := roster.Parse(bytes)
	if err != nil {
		return false
	}
	args, ok := op.Op().Args.(roster.Join)
	if !ok || session.Member(args.Key) != v.invite || !slices.Equal(args.Invite[:], v.op[:]) {
		return false
	}
	joiner := session.Member(op.Op().By)
	s.learn(ch, op)
	s.welcome(ch, v, op, joiner)
	return true
}

// welcome gives a joiner what he needs to take part.
func (s *step) welcome(ch *channel, v invitation, join *roster.Signed, joiner session.Member) {
	s.withdraw(ch, v)
	if v.state == inviteOpen || v.state == inviteMaking {
		// The join key and the invite prekey stay until the joiner uses a sender
		// key of which all have a box: until then he seals to the invite prekey.
		s.book.run("UPDATE invites SET state = ?, by = ?, ended = ?, secret = NULL WHERE id = ?", inviteUsed, joiner[:], stamp(s.now), v.row)
	}
	inviter := session.Member(s.ops(ch).Get(v.op).Op().By) == ch.self
	if v.state == inviteRevoked && inviter {
		s.turnAway(ch, joiner)
	}
	if ch.state != stateMember || !s.view(ch).Live(roster.Member(joiner)) {
		s.newcomer(ch, joiner, v.op)
		return
	}
	s.timerIfNone(ch, timerUnsent, s.now.Add(unsentAfter)) // for texts that waited for somebody to come
	s.newcomer(ch, joiner, v.op)
	if !inviter {
		return
	}
	confirm := s.announce
	if len(s.others(ch)) == 1 {
		confirm = s.operate // the snapshot tells him
	}
	if _, err := confirm(ch, roster.Confirm{Join: join.Hash()}); err != nil {
		s.emit(Warn{Channel: ch.name, Text: err.Error()})
	}
}

// turnAway removes who has joined by a key that was revoked before the hub knew. He
// may have been let in by another meanwhile: so he is told as all are who are
// removed, and the hubs put him out when he has had time to read it.
func (s *step) turnAway(ch *channel, joiner session.Member) {
	remove, err := s.view(ch).Removal(roster.Member(joiner), -1)
	if err != nil {
		return // he is none already
	}
	if err := s.announceRemoval(ch, remove); err != nil {
		s.emit(Warn{Channel: ch.name, Text: err.Error()})
	}
}

// turnedAway takes that a hub has put out a joiner before he heard that anybody let
// him in, which somebody may have: he who has removed him since, say.
func (s *step) turnedAway(ch *channel) {
	s.ops(ch) // for the nick
	by := s.inviterOf(ch)
	s.emit(Warn{Channel: ch.name, Text: fmt.Sprintf("you were not let into %s: the one-time key was revoked, %s has removed you, or %s has left or was removed meanwhile. What you wrote there has reached nobody; ask one of the others for a new one", ch.name, by, by)})
	s.emit(Gone{Channel: ch.name})
	s.remove(ch)
}
