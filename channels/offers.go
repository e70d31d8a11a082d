package channels

import (
	"fmt"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// offered takes the answer to an offer. The first hub that takes it makes the
// invite good; but where that is a hub of others, an own one is waited for: who
// has it wants his guest to come there.
func (s *step) offered(p pending, result wire.Result) verdict {
	v, ok := first(s.book, readInvite, selectInvites+"WHERE id = ?", p.about)
	making := ok && v.state == inviteMaking
	if making && result.Error != nil && transient(result.Error.Code) && s.forkWaits(v.row, words(result.Error)) {
		return later
	}
	if !making || result.Error != nil && s.giveTaken(v, p.hub) {
		switch {
		case result.Error == nil:
		case transient(result.Error.Code):
			return later
		case result.Error.Code == wire.CodeStale && p.again:
			s.outbid(p)
		}
		return answered
	}
	if result.Error != nil {
		s.book.run("DELETE FROM calls WHERE op = ? AND about = ? AND hub = ?", string(wire.OpOffer), v.row, p.hub)
		s.dropIfRefused(v, "the hub does not take the one-time key: "+words(result.Error))
		return answered
	}
	ch := s.channels[v.channel]
	h, ok := s.hub(p.hub)
	if ch == nil || !ok {
		return answered
	}
	s.enter(ch, p.hub)
	if own := h.account != nil && h.claimed && !h.embedded; own || !s.awaitsOwn(v, p.hub) {
		s.handOut(ch, v, h)
	} else if _, taken := s.memory.took[v.row]; !taken {
		s.memory.took[v.row] = h.row
		s.timer(ch, timerOffers, s.now.Add(ownAwaited))
	}
	return answered
}

// ownAwaited is how long a one-time key that a hub of others has taken waits for
// an own hub to take it.
const ownAwaited = 3 * time.Second

// awaitsOwn says that an own hub that answers is yet to take an offer, another
// than that one.
func (s *step) awaitsOwn(v invitation, but int64) bool {
	return s.book.number(`SELECT count(*) FROM calls c JOIN hubs h ON h.id = c.hub WHERE c.op = ? AND c.about = ? AND c.hub <> ?
		AND h.account IS NOT NULL AND h.claimed = 1 AND h.embedded = 0 AND h.up = 1`, string(wire.OpOffer), v.row, but) > 0
}

// giveTaken gives out a one-time key that a hub of others has taken, unless an
// own hub is yet to answer, another than that one. It says whether there is such
// a key: then what has failed is tried again.
func (s *step) giveTaken(v invitation, but int64) bool {
	row, taken := s.memory.took[v.row]
	ch := s.channels[v.channel]
	h, ok := s.hub(row)
	if !taken || !ok || ch == nil {
		return false
	}
	if !s.awaitsOwn(v, but) {
		s.handOut(ch, v, h)
	}
	return true
}

// giveAllTaken gives out the one-time keys that hubs of others have taken, though
// no own hub has answered.
func (s *step) giveAllTaken(ch *channel) {
	for _, v := range s.making(ch.row) {
		if h, ok := s.hub(s.memory.took[v.row]); ok {
			s.handOut(ch, v, h)
		}
	}
}

// handOut gives out a one-time key that leads to a hub that has taken its offer.
func (s *step) handOut(ch *channel, v invitation, h hub) {
	delete(s.memory.took, v.row)
	s.nameHubs(ch)
	s.book.run("UPDATE invites SET state = ?, secret = NULL WHERE id = ?", inviteOpen, v.row)
	s.forgot()
	if op := s.ops(ch).Get(v.op); op != nil && !s.alone(ch) {
		s.enqueue(ch, item{kind: outOps, content: mustEncode(session.Ops{Ops: [][]byte{op.Bytes()}, Invites: []session.OpenInvite{v.open()}})})
	}
	key := wire.OneTimeKey{URL: h.address.URL, Fingerprint: h.address.Fingerprint, Secret: [16]byte(v.secret)}
	if s.forkTaken(v, key) {
		return
	}
	ref := s.memory.invited[v.row]
	delete(s.memory.invited, v.row)
	s.emit(Invited{
		Ref: ref, Number: int(v.row), Channel: ch.name, Note: v.note, Key: key.String(),
		Name: "#" + s.nick, Expires: v.expires, Local: h.embedded,
	})
}

// unopened takes a hub's refusal to open a channel: the invites that waited
// for it come to nothing.
func (s *step) unopened(p pending, why *wire.Error) {
	for _, v := range s.making(p.channel) {
		s.book.run("DELETE FROM calls WHERE op = ? AND about = ? AND hub = ?", string(wire.OpOffer), v.row, p.hub)
		s.dropIfRefused(v, "the hub does not open the channel: "+words(why))
	}
	if at := s.placeAt(p.channel, p.hub); at.opened == 0 && (!at.entered || !s.isNamed(p.channel, p.hub)) {
		s.removePlace(p.channel, p.hub)
	}
	s.book.run("UPDATE places SET opened = -1, trouble = ?, retry = ? WHERE channel = ? AND hub = ? AND opened = 1",
		"the hub has lost this channel and does not open it again: "+words(why), stamp(s.now.Add(5*time.Minute)), p.channel, p.hub)
}

// isNamed says that the members keep a channel on a hub: who comes back is still let
// in on one that was dropped, and cannot open it there, for another has.
func (s *step) isNamed(channel, hub int64) bool {
	ch := s.channels[channel]
	h, ok := s.hub(hub)
	if ch == nil || !ok {
		return false
	}
	_, named := hubView(s.view(ch), h.address.Fingerprint)
	return named
}

// uninvited drops the invites that a request was to offer which came to
// nothing: whoever waits for one had better hear it now.
func (s *step) uninvited(f *flight, why HubFailure) {
	for _, row := range f.calls {
		p, ok := first(s.book, readCall, selectCalls+"WHERE id = ?", row)
		if !ok || p.op != wire.OpOffer {
			continue
		}
		v, ok := first(s.book, readInvite, selectInvites+"WHERE id = ? AND state = ?", p.about, inviteMaking)
		if !ok {
			continue
		}
		if s.giveTaken(v, f.hub) {
			continue // this hub gets it when it is back
		}
		h, _ := s.hub(f.hub)
		if s.forkWaits(v.row, fmt.Sprintf("%s: %s", h.address.URL, cleanLine(why.Text))) {
			continue // the same
		}
		s.book.run("DELETE FROM calls WHERE id = ?", row)
		s.dropIfRefused(v, fmt.Sprintf("%s: %s", h.address.URL, cleanLine(why.Text)))
		// A channel that is on others already is put there when it answers, invite or not.
		s.book.run(`DELETE FROM calls WHERE channel = ? AND hub = ? AND op = ? AND NOT EXISTS (SELECT 1 FROM calls o WHERE o.channel = calls.channel AND o.hub = calls.hub AND o.op = ?)
			AND NOT EXISTS (SELECT 1 FROM places p WHERE p.channel = calls.channel AND p.hub = calls.hub AND p.joined = 1)`,
			p.channel, f.hub, string(wire.OpOpen), string(wire.OpOffer))
		s.book.run(`DELETE FROM places WHERE channel = ? AND hub = ? AND opened = 0 AND joined = 0
			AND NOT EXISTS (SELECT 1 FROM calls WHERE channel = places.channel AND hub = places.hub)`, p.channel, f.hub)
	}
}

// making lists a channel's invites that no hub has taken yet.
func (s *step) making(channel int64) []invitation {
	return list(s.book, readInvite, selectInvites+"WHERE channel = ? AND state = ? ORDER BY id", channel, inviteMaking)
}

// dropIfRefused drops an invite that no hub is left to take.
func (s *step) dropIfRefused(v invitation, why string) {
	if s.book.number(`SELECT count(*) FROM calls c JOIN places p ON p.channel = c.channel AND p.hub = c.hub
		WHERE c.op = ? AND c.about = ? AND (p.entered = 1 OR EXISTS (SELECT 1 FROM calls WHERE channel = p.channel AND hub = p.hub AND op = 'open'))`,
		string(wire.OpOffer), v.row) > 0 || s.giveTaken(v, 0) {
		return
	}
	s.book.run("DELETE FROM calls WHERE op = ? AND about = ?", string(wire.OpOffer), v.row)
	ch := s.channels[v.channel]
	ref := s.memory.invited[v.row]
	delete(s.memory.invited, v.row)
	s.close(v, inviteRevoked)
	s.book.run("DELETE FROM invites WHERE id = ?", v.row)
	if ch == nil {
		return
	}
	if revoke, err := s.operate(ch, roster.Revoke{Invite: v.op}); err != nil {
		why += " (" + err.Error() + ")"
	} else {
		s.tell(ch, s.ops(ch).Get(v.op), revoke) // all that follows in one's own chain rests on them
	}
	s.nameWaiting(ch)
	if s.forkRefused(v.row, why) {
		return
	}
	s.fail(ref, ch.name, CodeHub, "no one-time key was made: %s", why)
}
