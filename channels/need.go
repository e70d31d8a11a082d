package channels

import (
	"errors"
	"maps"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// What others ask for is given.
const (
	needPause  = time.Minute      // in which a member may ask for session.MaxNeed things
	givenPause = 20 * time.Hour   // between two askings of a member for one envelope or sender key that are heeded
	refillMost = 20 * time.Second // random wait before one gives what was another's
)

// heeds says that a member has not asked for this for so long.
func (s *step) heeds(a asker, pause time.Duration) bool {
	if last, ok := s.memory.asked[a]; ok && s.now.Sub(last) < pause {
		return false
	}
	s.memory.asked[a] = s.now
	return true
}

// mayAsk says that a member has room to ask for n things more, and counts them.
// It is as much as one asking can hold, in one or in several: what he has asked for
// in an hour may come at once.
func (s *step) mayAsk(a asker, n int) bool {
	until := s.memory.asked[a] // when all that he asked for counts no more
	if until.Before(s.now) {
		until = s.now
	}
	until = until.Add(time.Duration(n) * needPause / session.MaxNeed)
	if until.Sub(s.now) > needPause {
		return false
	}
	s.memory.asked[a] = until
	return true
}

// forgetAsked forgets what was asked for so long ago that it is given again.
func (s *step) forgetAsked() {
	maps.DeleteFunc(s.memory.asked, func(_ asker, last time.Time) bool { return s.now.Sub(last) >= givenPause })
}

// answerNeed gives a member what he misses, if it is here: the same bytes
// again, or one's own sender key, or one's own texts if that key is gone.
func (s *step) answerNeed(ch *channel, from session.Member, need session.Need) {
	n := max(len(need.IDs), len(need.Keys))
	if n == 0 || !s.mayAsk(asker{channel: ch.row, member: from}, n) {
		return
	}
	for _, id := range need.IDs {
		e, ok := first(s.book, readEntry, selectEntries+"WHERE channel = ? AND entry = ? AND bytes IS NOT NULL", ch.row, id[:])
		if !ok || e.state == entryVoid || !s.heeds(asker{channel: ch.row, member: from, id: id}, givenPause) {
			continue
		}
		due := s.now
		if e.state != entryOwn {
			due = due.Add(randomDuration(refillMost))
		}
		for _, h := range s.placesOf(ch) {
			if s.book.number("SELECT count(*) FROM calls WHERE entry = ? AND hub = ?", e.row, h) == 0 {
				s.call(pending{hub: h, channel: ch.row, op: wire.OpPut, entry: e.row, again: true, carry: e.state != entryOwn, due: due})
			}
		}
	}
	for _, k := range need.Keys {
		used := s.book.number("SELECT EXISTS (SELECT 1 FROM entries WHERE channel = ? AND state = ? AND key = ?)", ch.row, entryOwn, k.ID[:]) > 0
		if k.From != ch.self || !used || !s.view(ch).Live(roster.Member(from)) || !s.heeds(asker{channel: ch.row, member: from, key: k.ID}, givenPause) {
			continue
		}
		if key, ok := s.senderKey(ch); ok && key.ID == k.ID {
			s.giveAgain(ch, from, key.ID)
		}
		s.sendAgain(ch, from, k.ID)
	}
}

// sendAgain sends the envelopes under one's own sender key again, as they were
// signed, to a member who has lost it: the newest first, since each is taken only
// where the next one names it. What was sealed before he became a member was not
// for him; and what was sealed before another did is sent to him alone.
func (s *step) sendAgain(ch *channel, to session.Member, key session.KeyID) {
	latest := int64(0)
	for _, m := range s.others(ch) {
		latest = max(latest, s.cameAt(ch, session.Member(m.ID)))
	}
	for _, e := range list(s.book, readEntry, selectEntries+"WHERE channel = ? AND state = ? AND key = ? AND signed IS NOT NULL AND seq > ? ORDER BY seq DESC",
		ch.row, entryOwn, key[:], s.cameAt(ch, to)) {
		if e.seq > latest {
			s.enqueue(ch, item{kind: outAgain, content: e.signed})
		} else {
			s.enqueue(ch, item{kind: outAnew, content: mustEncode(anew{to, e.signed})})
		}
	}
}

// cameAt is one's own seq when somebody became a member.
func (s *step) cameAt(ch *channel, member session.Member) int64 {
	return s.book.number("SELECT since FROM peers WHERE channel = ? AND member = ?", ch.row, member[:])
}

// anew is what the outbox keeps of an envelope that is sent again to one member.
type anew struct {
	For   session.Member `cbor:"for"`
	Again []byte         `cbor:"again"` // CBOR of a session.Again
}

// sealAnew seals it, if he is a member still.
func (s *step) sealAnew(ch *channel, content []byte) error {
	var v anew
	var again session.Again
	if err := errors.Join(codec.Unmarshal(content, &v), codec.Unmarshal(v.Again, &again)); err != nil {
		return err
	}
	aside, ok, err := s.aside(ch, v.For, again)
	if err != nil || !ok {
		return err
	}
	seq, err := s.sealContent(ch, session.Asides{Asides: []session.Aside{aside}})
	if err == nil { // like any again, it is not sent again itself
		s.book.run("UPDATE entries SET signed = NULL WHERE channel = ? AND state = ? AND seq = ?", ch.row, entryOwn, seq)
	}
	return err
}

// takeAgain takes what was lost. It is taken only for the envelope that is here
// and does not open, or in the place that its sender's next envelope names.
func (s *step) takeAgain(ch *channel, a session.Again) {
	if state, ok := first(s.book, readString, "SELECT state FROM entries WHERE channel = ? AND entry = ?", ch.row, a.ID[:]); ok && state != entryUnopened {
		return
	}
	b, err := session.OpenAgain(ch.id, a)
	if err != nil || b.From == ch.self {
		return
	}
	next := s.book.number("SELECT count(*) FROM entries WHERE channel = ? AND sender = ? AND seq = ? AND prev = ? AND state = ?",
		ch.row, b.From[:], b.Seq+1, a.ID[:], entryOpened)
	filled := s.book.number("SELECT count(*) FROM entries WHERE channel = ? AND sender = ? AND seq = ? AND state = ?", ch.row, b.From[:], b.Seq, entryOpened)
	e, ok := first(s.book, readEntry, selectEntries+"WHERE channel = ? AND entry = ?", ch.row, a.ID[:])
	if filled > 0 || next == 0 && !isHeader(e.bytes, a.Header) {
		return
	}
	if !ok {
		e = entryRecord{id: a.ID}
		e.row = s.book.insert("INSERT INTO entries (channel, entry, class, state, received) VALUES (?, ?, ?, ?, ?)",
			ch.row, a.ID[:], string(wire.ClassText), entryUnopened, stamp(s.now))
	}
	switch b.Content.(type) {
	case session.Need: // it was heeded, or is too old
		s.book.run("UPDATE entries SET state = ?, sender = ?, seq = ?, prev = ? WHERE id = ?", entryOpened, b.From[:], b.Seq, b.Prev[:], e.row)
		s.link(ch, e, b, heldBody{Seen: b.Seen, Time: b.Time})
	default:
		s.apply(ch, e, b)
	}
}

// isHeader says that an envelope's header has this hash. What its sender has signed
// with it is that envelope's body.
func isHeader(envelope []byte, hash session.ID) bool {
	v, err := session.Parse(envelope)
	return err == nil && v.HeaderHash() == hash
}
