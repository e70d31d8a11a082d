package channels

import (
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// Members carry what one hub has to the others (docs/protocol.md, section 21).

// How long a member waits before he carries, so that not everyone does.
const (
	carryLeast = 300 * time.Millisecond
	carryEach  = 500 * time.Millisecond // a random part of that for each other member
	carryMost  = 20 * time.Second
)

// How long after a loss another one of the same hub is not believed: twice as
// long after each that follows.
const (
	lossPause     = 10 * time.Minute
	lossPauseMost = 24 * time.Hour
)

// lossUntil is until when that is.
func (p placeRecord) lossUntil() time.Time {
	return p.lost.Add(min(lossPause<<min(max(p.losses-1, 0), 10), lossPauseMost))
}

// carryWait draws how long to wait before one carries to a hub.
func (s *step) carryWait(ch *channel) time.Duration {
	return carryLeast + randomDuration(min(time.Duration(max(len(s.others(ch)), 1))*carryEach, carryMost))
}

// spread has an entry of another's put on the channel's other hubs than the one it
// was read from, unless it shows up there first. What does not open is not spread:
// a hub may have made it up.
func (s *step) spread(ch *channel, e entryRecord) {
	if ch.state != stateMember && ch.state != stateWaiting {
		return
	}
	due := s.now.Add(s.carryWait(ch))
	for _, h := range s.placesOf(ch) {
		if h == e.hub || s.book.number("SELECT count(*) FROM calls WHERE entry = ? AND hub = ?", e.row, h) > 0 {
			continue
		}
		s.call(pending{hub: h, channel: ch.row, op: wire.OpPut, entry: e.row, carry: true, due: due})
	}
}

// carryLater is called when a hub was read to its head: now it is known what it
// lacks, to others too.
func (s *step) carryLater(ch *channel, hub int64) {
	s.book.run("UPDATE places SET carry = ? WHERE channel = ? AND hub = ?", stamp(s.now.Add(s.carryWait(ch))), ch.row, hub)
}

// refill has everything of the last 30 days that makes sense put on a hub that
// may lack it. What is there, or was dropped for good, it will not take twice.
func (s *step) refill(ch *channel, hub int64) {
	s.book.run(`INSERT INTO calls (hub, channel, op, entry, carry, made, due)
		SELECT ?, channel, 'put', id, 1, ?, ? FROM entries e
		WHERE channel = ? AND bytes IS NOT NULL AND state IN ('own', 'opened', 'join') AND received > ?
			AND NOT EXISTS (SELECT 1 FROM calls WHERE entry = e.id AND hub = ?)
		ORDER BY id`, hub, stamp(s.now), stamp(s.now.Add(s.carryWait(ch))), ch.row, stamp(s.now.Add(-keepBytes)), hub)
}

// lostSome notices by what a hub answers to a fetch that its database is another
// than before: it was wiped, or put back from a backup. It says whether the answer
// is of no use, since the hub has to be read from the start.
func (s *step) lostSome(ch *channel, hub int64, r wire.FetchResult) (again bool) {
	p := s.placeAt(ch.row, hub)
	changed := len(p.generation) == 16 && [16]byte(p.generation) != r.Generation
	if changed || len(p.generation) != 16 {
		s.book.run("UPDATE places SET generation = ? WHERE channel = ? AND hub = ?", r.Generation[:], ch.row, hub)
	}
	if !r.Restored && (!changed || p.position == 0) {
		return false
	}
	if !r.Restored && s.lostJustNow(p) {
		s.timer(ch, timerLost, p.lossUntil())
		return false // it is not read from the start each time it says so
	}
	s.book.run("UPDATE places SET position = 0, entry = x'' WHERE channel = ? AND hub = ?", ch.row, hub)
	s.lostAll(ch, hub, "")
	return !r.Restored
}

// lostJustNow says that a hub was found to have lost something a short time ago;
// not where the clock has gone back since.
func (s *step) lostJustNow(p placeRecord) bool {
	return !p.lost.IsZero() && !p.lost.After(s.now) && s.now.Before(p.lossUntil())
}

// lostAll has a hub that has lost something, perhaps all, given back what it
// lacks: tokens, slots, entries. Why is what it says, if it does not know the
// channel now.
func (s *step) lostAll(ch *channel, hub int64, why string) {
	p := s.placeAt(ch.row, hub)
	if why != "" {
		s.stand(ch, hub, Lost, "it does not know the channel any more: "+why)
		s.book.run("UPDATE places SET entered = 0 WHERE channel = ? AND hub = ?", ch.row, hub)
		s.timer(ch, timerShut, s.now.Add(shutLong))
	}
	if s.lostJustNow(p) {
		// A hub that says so each time is not given everything each time.
		s.timer(ch, timerLost, p.lossUntil())
		return
	}
	s.giveBack(ch, hub)
	if why == "" {
		s.tellLoss(ch, hub)
	}
}

// giveBack gives a hub all that it may lack.
func (s *step) giveBack(ch *channel, hub int64) {
	s.book.run("UPDATE places SET losses = CASE WHEN lost < ? THEN 1 ELSE losses + 1 END, lost = ? WHERE channel = ? AND hub = ?",
		stamp(s.now.Add(-2*lossPauseMost)), stamp(s.now), ch.row, hub)
	s.book.run("DELETE FROM admitted WHERE channel = ? AND hub = ?", ch.row, hub)
	s.admit(ch, hub)
	s.putBackSlots(ch, hub)
	s.refill(ch, hub)
}

// lostAgain does so where a hub has lost something again, soon after it was
// given everything.
func (s *step) lostAgain(ch *channel) {
	for _, h := range s.placesOf(ch) {
		if p := s.placeAt(ch.row, h); !p.lost.IsZero() && s.now.Sub(p.lossUntil()) < lossPause {
			s.giveBack(ch, h)
		}
	}
}

// putBackSlots offers the open one-time keys on a hub that may have lost them,
// and closes there those that are closed.
func (s *step) putBackSlots(ch *channel, hub int64) {
	if ch.state != stateMember {
		return
	}
	for _, v := range list(s.book, readInvite, selectInvites+"WHERE channel = ? AND expires > ? AND state <> ? ORDER BY id", ch.row, stamp(s.now), inviteMaking) {
		if v.state != inviteOpen {
			s.call(pending{hub: hub, channel: ch.row, op: wire.OpWithdraw, args: mustEncode(wire.WithdrawArgs{Slot: wire.Slot(v.slot)}), about: v.row})
			continue
		}
		if len(v.prekey) != 32 || len(v.refresh) != 32 || !v.own {
			continue
		}
		prekey := s.expand(ch, v.prekey)
		blob, err := session.RefreshBlob(v.card, session.Secret(v.refresh), v.slot, s.offer(ch, ch.self, s.placesOf(ch), v.number, prekey.Public))
		if err != nil {
			continue
		}
		s.call(pending{hub: hub, channel: ch.row, op: wire.OpOffer, about: v.row, args: mustEncode(wire.OfferArgs{
			Slot: wire.Slot(v.slot), Number: v.number, Invite: wire.Token(v.invite), Expires: v.expires.Unix(), Blob: blob,
		})})
	}
}

// statuses adds calls for the numbers of the channels on a hub, where those that
// are known are old.
func (s *step) statuses(h hub, f *flight, calls []wire.SignedCall) []wire.SignedCall {
	old := countedOld
	if len(calls) == 0 {
		old = countedOldest
	}
	for _, id := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND entered = 1 AND dropped = 0 AND counted < ? AND retry <= ? ORDER BY channel",
		h.row, stamp(s.now.Add(-old)), stamp(s.now)) {
		ch := s.channels[id]
		if ch == nil || len(calls) == wire.MaxCalls || !s.carries(f.line, id) || ch.state != stateMember {
			continue
		}
		calls = append(calls, wire.SignedCall{Op: wire.OpStatus, Channel: wire.Channel(ch.id), Key: ch.token})
		f.counts = append(f.counts, id)
	}
	return calls
}

// How old what a hub said of itself may be: while one speaks with it, and at all.
const (
	countedOld    = 10 * time.Minute
	countedOldest = 6 * time.Hour
)

// counted takes what a hub says of a channel.
func (s *step) counted(channel, hub int64, result wire.Result) {
	var r wire.StatusResult
	if decode(result, &r) != nil {
		r = wire.StatusResult{} // asked again no sooner
	}
	s.book.run("UPDATE places SET entries = ?, bytes = ?, quota = ?, counted = ? WHERE channel = ? AND hub = ?",
		max(r.Entries, 0), max(r.Bytes, 0), max(r.Quota, 0), stamp(s.now), channel, hub)
}

// livesPrivately says that a channel is on a hub at a private address, by the
// user's own word: then other such hubs of it may be asked, too.
func (c *Core) livesPrivately(ch *channel) bool {
	for _, id := range c.placesOf(ch) {
		if h, ok := c.hub(id); ok && h.trusted && wire.PrivateURL(h.address.URL) {
			return true
		}
	}
	return false
}

// public says that a hub's further URLs, which others have named, must not lead
// to a private address, nor its own if it is not the user's word.
func (s *step) public(h hub) bool {
	if s.options.Private {
		return false
	}
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND dropped = 0", h.row) {
		if ch := s.channels[row]; ch != nil && s.livesPrivately(ch) {
			return false
		}
	}
	return true
}

// hubView finds a hub among those that operations name.
func hubView(view *roster.View, key wire.Fingerprint) (roster.HubView, bool) {
	for _, v := range view.Hubs {
		if wire.Fingerprint(v.Key) == key {
			return v, true
		}
	}
	return roster.HubView{}, false
}
