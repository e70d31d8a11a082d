package channels

import (
	"time"

	"hubbub/channels/wire"
)

// What is done later for a channel. There is one timer of a kind; they outlast
// restarts.
const (
	timerUnsent  = "unsent"  // say that texts are on no hub yet
	timerSeen    = "seen"    // send a receipt, if nothing else has carried it
	timerParents = "parents" // show texts whose parents did not come
	timerGaps    = "gaps"    // ask for what is missing
	timerPrekeys = "prekeys" // replace one's prekey, delete old ones
	timerDrain   = "drain"   // seal more
	timerDropped = "dropped" // forget hubs that were dropped
	timerInvites = "invites" // delete what is held of revoked invites
	timerLost    = "lost"    // give a hub back what it has lost again
	timerOps     = "ops"     // ask for operations, and give them
	timerWaiting = "waiting" // read again what a hub may have kept from a joiner
	timerPutOut  = "put out" // revoke the tokens of those who were removed
	timerRemoved = "removed" // delete the keys of a channel from which one was removed
	timerDiffer  = "differ"  // tell who knows other operations
	timerShut    = "shut"    // tell that no hub lets one in
	timerOffers  = "offers"  // give one-time keys without an own hub

	timerNewcomers = "newcomers" // tell those all who came by a one-time key
)

// timer sets a timer. One that is set already and comes sooner stays.
func (s *step) timer(ch *channel, kind string, at time.Time) {
	s.book.run(`INSERT INTO timers (channel, kind, at) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET at = min(at, excluded.at)`, ch.row, kind, stamp(at))
}

// timerIfNone sets a timer if it is not set.
func (s *step) timerIfNone(ch *channel, kind string, at time.Time) {
	s.book.run("INSERT INTO timers (channel, kind, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", ch.row, kind, stamp(at))
}

// timers does what is due.
func (s *step) timers() {
	type due struct {
		channel int64
		kind    string
	}
	if s.memory.cleaned.IsZero() || s.now.Sub(s.memory.cleaned) >= cleanEvery {
		s.clean()
	}
	s.tellDown()
	for _, d := range list(s.book, func(r row) (d due) { scan(r, &d.channel, &d.kind); return d },
		"SELECT channel, kind FROM timers WHERE at <= ? ORDER BY at, channel, kind", stamp(s.now)) {
		s.book.run("DELETE FROM timers WHERE channel = ? AND kind = ?", d.channel, d.kind)
		ch := s.channels[d.channel]
		if ch == nil {
			continue
		}
		switch d.kind {
		case timerUnsent:
			s.unsent(ch)
		case timerSeen:
			s.receipt(ch)
		case timerParents:
			s.release(ch)
			s.retry(ch)
		case timerGaps:
			s.mindGaps(ch)
		case timerPrekeys:
			s.mindPrekeys(ch)
		case timerDropped:
			s.forgetDropped(ch)
		case timerOps:
			s.mindOps(ch)
		case timerInvites:
			s.closeRevoked(ch)
		case timerRemoved:
			s.forgetKeys(ch)
		case timerDiffer:
			s.mindDiffering(ch)
		case timerShut:
			s.tellShut(ch)
		case timerPutOut:
			s.admitAll(ch)
		case timerNewcomers:
			s.mindNewcomers(ch)
		case timerOffers:
			s.giveAllTaken(ch)
		case timerWaiting:
			s.stillWaiting(ch)
		case timerLost:
			s.lostAgain(ch)
		case timerDrain: // settle seals
		}
	}
}

// seenDue has a receipt sent some time, for one who only reads.
func (s *step) seenDue(ch *channel) {
	at := s.now.Add(seenWithin)
	if soonest := ch.saw.Add(seenMost); soonest.After(at) {
		at = soonest
	}
	s.timerIfNone(ch, timerSeen, at)
}

// receipt sends a bare receipt, if something calls for it.
func (s *step) receipt(ch *channel) {
	if ch.state != stateMember && ch.state != stateWaiting ||
		s.book.number("SELECT count(*) FROM peers WHERE channel = ? AND seq > told AND acted > told", ch.row) == 0 ||
		s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ?", ch.row, outSeen) > 0 {
		return
	}
	if rests := s.restsTill(ch); rests.After(s.now) {
		s.timer(ch, timerSeen, rests)
		return
	}
	ch.saw = s.now
	s.enqueue(ch, item{kind: outSeen})
}

// mindPrekeys replaces one's newest prekey if it has opened a box and is a day
// old, and deletes those that nobody needs any more.
func (s *step) mindPrekeys(ch *channel) {
	if ch.state != stateMember {
		return
	}
	s.retirePrekeys(ch)
	made := s.book.number(`SELECT made FROM prekeys WHERE channel = ? AND opened > 0 AND number = (SELECT max(number) FROM prekeys WHERE channel = ?)`, ch.row, ch.row)
	worn := moment(made).Add(prekeyOld)
	switch {
	case made > 0 && worn.After(s.now):
		s.timerIfNone(ch, timerPrekeys, worn)
	case made > 0 && s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ?", ch.row, outPrekey) == 0:
		s.enqueue(ch, item{kind: outPrekey})
	}
	if s.book.number("SELECT count(*) FROM prekeys WHERE channel = ?", ch.row) > 1 || made > 0 && !worn.After(s.now) {
		s.timerIfNone(ch, timerPrekeys, s.now.Add(prekeyOld))
	}
}

// clean deletes what is kept for a time only.
func (s *step) clean() {
	s.memory.cleaned = s.now
	s.forgetAsked()
	s.staleForks()
	before := func(d time.Duration) int64 { return stamp(s.now.Add(-d)) }
	if s.book.run("UPDATE entries SET bytes = NULL WHERE received < ? AND bytes IS NOT NULL AND NOT EXISTS (SELECT 1 FROM calls WHERE entry = entries.id)", before(keepBytes)) > 0 {
		s.forgot()
	}
	if s.book.run("UPDATE entries SET signed = NULL WHERE received < ? AND signed IS NOT NULL", before(keepSigned)) > 0 {
		s.forgot()
	}
	s.book.run("DELETE FROM entries WHERE received < ? AND NOT EXISTS (SELECT 1 FROM held WHERE entry = entries.id)", before(keepIDs))
	for _, ch := range s.sorted() {
		// What was sealed before one was away is still to be read.
		if s.readWhole(ch) && s.book.run("DELETE FROM chains WHERE channel = ? AND began < ?", ch.row, before(chainKept)) > 0 {
			s.forgot()
		}
	}
	for _, v := range list(s.book, readInvite, selectInvites+"WHERE state = ? AND expires < ?", inviteOpen, before(0)) {
		s.book.run("UPDATE invites SET state = ?, ended = ? WHERE id = ?", inviteExpired, stamp(s.now), v.row)
	}
	// A join that a hub took in time may be read a day late, or when one is back.
	for _, v := range list(s.book, readInvite, selectInvites+`WHERE expires < ? AND ("join" IS NOT NULL OR prekey IS NOT NULL)`, before(inviteKeptOver)) {
		if ch := s.channels[v.channel]; ch == nil || ch.state != stateMember || len(s.placesOf(ch)) == 0 || s.readWhole(ch) {
			s.close(v, v.state)
		}
	}
	s.book.run("DELETE FROM invites WHERE state <> ? AND state <> ? AND ended > 0 AND ended < ? AND NOT EXISTS (SELECT 1 FROM calls WHERE about = invites.id AND op = ?)",
		inviteOpen, inviteMaking, before(prekeyKept), string(wire.OpOffer))
	for _, ch := range s.sorted() {
		if ch.state == stateRedeeming && s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND made >= ?", ch.row, before(keepBytes)) == 0 {
			s.emit(Warn{Channel: s.redemption(ch).name, Text: "the hub has not answered for a month: the one-time key is given up"})
			s.remove(ch)
		}
	}
	// What a hub has not taken in a month it will not take. What no hub has yet is kept.
	// So are the tokens to be let in and put out: each is asked for once.
	s.book.run(`DELETE FROM calls WHERE made < ? AND op NOT IN ('grant', 'revoke') AND NOT EXISTS (SELECT 1 FROM entries e JOIN lines l ON l.channel = e.channel AND l.seq = e.seq
		WHERE e.id = calls.entry AND e.state = 'own' AND l.own = 1 AND l.sent = 0)`, before(keepBytes))
	s.book.run("UPDATE redeemed SET secret = NULL WHERE secret IS NOT NULL AND NOT EXISTS (SELECT 1 FROM calls WHERE channel = redeemed.channel AND op = 'redeem')")
}
