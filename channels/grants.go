package channels

import (
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// What one has had a hub do with a token.
const (
	tokenGranted = "granted"
	tokenRevoked = "revoked"
)

// admit has a hub let in who is to be let in, and put out who is not, as far as
// it is one's own to say: whoever opened the channel there does it for all,
// others for those whom they have invited (docs/protocol.md, section 21).
func (s *step) admit(ch *channel, hub int64) {
	p := s.placeAt(ch.row, hub)
	if ch.state != stateMember || p.dropped || p.opened != 1 && !p.entered {
		return
	}
	view := s.view(ch)
	if !view.Live(roster.Member(ch.self)) {
		return
	}
	for _, m := range view.Members {
		if session.Member(m.ID) == ch.self || m.Suspended || p.opened != 1 && session.Member(m.Inviter) != ch.self {
			continue
		}
		if s.toAdmit(ch, hub, m.Token, tokenGranted) {
			s.grant(ch, hub, m.Token, s.under(ch, hub, view, m))
		}
	}
	if p.opened == 1 {
		s.putOut(ch, hub, view)
	}
}

// admitAll does so on all hubs of a channel.
func (s *step) admitAll(ch *channel) {
	if ch.state != stateMember {
		return
	}
	for _, h := range s.placesOf(ch) {
		s.admit(ch, h)
	}
}

// toAdmit notes what is to become of a token on a hub, and says whether that is new.
func (s *step) toAdmit(ch *channel, hub int64, token roster.Token, state string) bool {
	return s.book.run(`INSERT INTO admitted (channel, hub, token, state) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET state = excluded.state WHERE state <> excluded.state AND state <> ?`,
		ch.row, hub, token[:], state, tokenRevoked) > 0
}

func (s *step) grant(ch *channel, hub int64, token, under roster.Token) {
	s.call(pending{hub: hub, channel: ch.row, op: wire.OpGrant, args: mustEncode(wire.GrantArgs{Token: wire.Token(token), Under: wire.Token(under)})})
}

// under is the token below which a member is let in: that of the nearest above
// him in the tree of invitations who was let in before, else one's own.
func (s *step) under(ch *channel, hub int64, view *roster.View, m roster.MemberView) roster.Token {
	own := roster.Token(public(ch.token))
	for above, ok := view.Member(m.Inviter); ok; above, ok = view.Member(above.Inviter) {
		if session.Member(above.ID) == ch.self {
			return own
		}
		if s.book.number("SELECT count(*) FROM admitted WHERE channel = ? AND hub = ? AND token = ? AND state = ?", ch.row, hub, above.Token[:], tokenGranted) > 0 {
			return above.Token
		}
	}
	return own
}

// putOut revokes the tokens of those who are no members any more, on a hub that
// one has opened the channel on. Members below them stay.
func (s *step) putOut(ch *channel, hub int64, view *roster.View) {
	for _, r := range view.Removed {
		if _, live := view.Member(r.ID); live || session.Member(r.ID) == ch.self || r.Token == (roster.Token{}) || !s.toAdmit(ch, hub, r.Token, tokenRevoked) {
			continue
		}
		args := wire.RevokeArgs{Token: wire.Token(r.Token)}
		for _, m := range view.Members {
			args.Keep = append(args.Keep, wire.Token(m.Token))
		}
		s.call(pending{hub: hub, channel: ch.row, op: wire.OpRevoke, args: mustEncode(args)})
	}
}

// granted takes the answer to a grant. Where the hub's tree has nobody to put a
// member under, he comes under oneself.
func (s *step) granted(p pending, result wire.Result) verdict {
	ch := s.channels[p.channel]
	if result.Error == nil || ch == nil {
		return answered
	}
	var args wire.GrantArgs
	own := wire.Token(public(ch.token))
	switch {
	case transient(result.Error.Code), result.Error.Code == wire.CodeUnknown && ch.state != stateLeaving:
		return later // one who has left opens no channel again that the hub has lost
	case result.Error.Code == wire.CodeDenied && codec.Unmarshal(p.args, &args) == nil && args.Under != own:
		s.grant(ch, p.hub, roster.Token(args.Token), roster.Token(own))
	}
	return answered
}
