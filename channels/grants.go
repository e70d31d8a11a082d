package channels

import (
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// What one has had a hub do with a token.
const (
	tokenGranted = "granted"
	tokenLeaves  = "leaves" // it is revoked in a while
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
	s.putOut(ch, hub, view, p.opened == 1)
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

// putOut revokes the tokens of those who are no members any more, when it is time.
func (s *step) putOut(ch *channel, hub int64, view *roster.View, opened bool) {
	for _, r := range s.toPutOut(ch, view, opened) {
		if until := s.lingers(ch, hub, r); until.After(s.now) {
			s.timer(ch, timerPutOut, until)
			continue
		}
		s.revokeToken(ch, hub, view, r)
	}
}

// putOutNow does so for those who were removed, and at once: the user leaves.
func (s *step) putOutNow(ch *channel, places []int64) {
	view := s.view(ch)
	for _, hub := range places {
		for _, r := range s.toPutOut(ch, view, s.placeAt(ch.row, hub).opened == 1) {
			if r.Why != roster.ReasonLeft {
				s.revokeToken(ch, hub, view, r)
			}
		}
	}
}

// toPutOut are those whose tokens one revokes on a hub: whoever opened the channel
// there does it for all who are no members any more, others for those below them
// who were removed.
func (s *step) toPutOut(ch *channel, view *roster.View, opened bool) (out []roster.RemovedView) {
	for _, r := range view.Removed {
		_, live := view.Member(r.ID)
		below := r.Why != roster.ReasonLeft && view.Above(roster.Member(ch.self), r.ID)
		if !live && session.Member(r.ID) != ch.self && r.Token != (roster.Token{}) && (opened || below) {
			out = append(out, r)
		}
	}
	return out
}

// revokeToken has a hub put out a token, once. The members below it stay.
func (s *step) revokeToken(ch *channel, hub int64, view *roster.View, r roster.RemovedView) {
	if !s.toAdmit(ch, hub, r.Token, tokenRevoked) {
		return
	}
	args := wire.RevokeArgs{Token: wire.Token(r.Token)}
	for _, m := range view.Members {
		args.Keep = append(args.Keep, wire.Token(m.Token))
	}
	s.call(pending{hub: hub, channel: ch.row, op: wire.OpRevoke, args: mustEncode(args)})
}

// How long a member who was removed is let in still where he can read by whom: so
// long after the hub has what was to be put there. He reads nothing else.
const (
	farewellFor  = 45 * time.Second
	farewellLook = 10 * time.Minute // when it is looked again, at latest, whether the hub has that

	// Who leaves has his token revoked himself. Whoever else does it puts out those
	// below him of whom he does not know: so he gives those time who came by the
	// leaver's key in the same moment, and looks first who is there.
	leaverFor  = 10 * time.Minute
	leaverLook = time.Minute
)

// lingers says until when the token of a member who is gone is not to be revoked
// on a hub; zero or past: it is to be.
func (s *step) lingers(ch *channel, hub int64, r roster.RemovedView) time.Time {
	gone := moment(s.book.number("SELECT gone FROM peers WHERE channel = ? AND member = ?", ch.row, r.ID[:]))
	left := r.Why == roster.ReasonLeft
	if !left && (gone.IsZero() || gone.After(s.now.Add(time.Minute))) {
		return time.Time{} // it is old, or the clock was set back
	}
	var state string
	var at int64
	first(s.book, func(r row) bool { scan(r, &state, &at); return true },
		"SELECT state, at FROM admitted WHERE channel = ? AND hub = ? AND token = ?", ch.row, hub, r.Token[:])
	since := earlier(moment(at), s.now)
	switch {
	case state == tokenRevoked:
		return time.Time{}
	case left && state == tokenLeaves:
		if over := since.Add(leaverFor); over.After(s.now) || s.memory.head[place{ch.row, hub}] {
			return over
		}
		return s.now.Add(leaverLook)
	case !left && s.unsaid(ch, hub):
		s.book.run("UPDATE admitted SET at = ? WHERE channel = ? AND hub = ? AND token = ? AND state = ?", stamp(s.now), ch.row, hub, r.Token[:], tokenLeaves)
		return s.now.Add(min(max(s.now.Sub(gone)/4, farewellFor), farewellLook))
	case state == tokenLeaves:
		return since.Add(farewellFor)
	}
	s.book.run(`INSERT INTO admitted (channel, hub, token, state, at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at`, ch.row, hub, r.Token[:], tokenLeaves, stamp(s.now))
	if left {
		return s.now.Add(leaverFor)
	}
	return s.now.Add(farewellFor)
}

// unsaid says that a hub, which has room, is yet to be given what one has to say.
func (s *step) unsaid(ch *channel, hub int64) bool {
	return s.placeAt(ch.row, hub).standing != Full &&
		(s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ?", ch.row, outRemoval) > 0 ||
			s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND hub = ? AND op = ? AND carry = 0", ch.row, hub, string(wire.OpPut)) > 0)
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
	case transient(result.Error.Code), (result.Error.Code == wire.CodeUnknown || result.Error.Code == wire.CodeClosed) && ch.state != stateLeaving:
		return later // one who has left opens no channel again that the hub has lost
	case result.Error.Code == wire.CodeDenied && codec.Unmarshal(p.args, &args) == nil && args.Under != own:
		s.grant(ch, p.hub, roster.Token(args.Token), roster.Token(own))
	}
	return answered
}
