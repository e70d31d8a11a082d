package channels

import (
	"fmt"

	"hubbub/channels/session"
)

// verify notes that the user has compared a member's key, or takes that back.
// Nobody else hears of it. A member's key never changes: who comes back with
// another key is another member.
func (s *step) verify(in Verify) {
	ch := s.named(in.Channel)
	if ch == nil {
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
		return
	}
	s.ops(ch)
	for _, m := range ch.shown {
		if !sameNick(m.nick, in.Nick) {
			continue
		}
		if m.id == ch.self {
			s.fail(in.Ref, ch.name, CodeNoMember, "that is yourself: the others compare your key with what you see as it")
			return
		}
		s.noteVerified(ch, m.id, in.Verified)
		text := fmt.Sprintf("%s in %s is noted as verified: the key %s will stand for nobody else", m.nick, ch.name, fingerprint(m.id))
		if !in.Verified {
			text = fmt.Sprintf("%s in %s is not noted as verified any more", m.nick, ch.name)
		}
		s.emit(Done{Ref: in.Ref, Text: text})
		return
	}
	s.fail(in.Ref, ch.name, CodeNoMember, "%s", s.noSuchMember(ch, in.Nick))
}

func (s *step) noteVerified(ch *channel, member session.Member, verified bool) {
	at := int64(0)
	if verified {
		at = stamp(s.now)
	}
	s.book.run("INSERT INTO peers (channel, member, verified) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET verified = excluded.verified",
		ch.row, member[:], at)
}
