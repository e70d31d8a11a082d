package channels

import (
	"fmt"
	"slices"
	"time"

	"hubbub/channels/session"
)

// What is missing in somebody's chain is first waited for, since another hub may
// have it or somebody carries it; then it is asked for, the hubs are read once
// more, and in the end it is passed (docs/protocol.md, section 18).

// How long is waited for what is missing.
const (
	needFirst  = 5 * time.Second  // before the first asking, and a random while more
	needRandom = 15 * time.Second //
	needAgain  = 24 * time.Hour   // between askings for one envelope, or one key
	needMost   = 3                // askings
	needRest   = needPause + 5*time.Second
	rereadWait = 2 * time.Minute  // after an asking that brought nothing
	rereadMost = 24 * time.Hour   // between two readings of all
	rereadJoin = 10 * time.Minute // after a joining that nobody has let in
	gapOffline = 5 * time.Minute  // while no hub is read to the head
	missedKept = 7 * 24 * time.Hour
)

// findGaps notes which senders' chains have holes, and when to do something.
func (s *step) findGaps(ch *channel) {
	for _, id := range list(s.book, readBytes, "SELECT DISTINCT sender FROM held WHERE channel = ? ORDER BY sender", ch.row) {
		p := s.peer(ch, session.Member(id))
		if _, ok := s.afterGap(ch, p); !ok {
			continue
		}
		if p.gap == 0 {
			s.book.run("UPDATE peers SET gap = ? WHERE channel = ? AND member = ?", stamp(s.now), ch.row, id)
		}
		if p.gap == 0 || slices.ContainsFunc(s.holes(ch, p), func(m hole) bool { return m.asked == 0 }) {
			s.timer(ch, timerGaps, s.now.Add(needFirst+randomDuration(needRandom)))
		}
	}
}

// afterGap is the first envelope behind a hole in a sender's chain.
func (s *step) afterGap(ch *channel, p peer) (entryRecord, bool) {
	e, ok := first(s.book, readEntry, selectEntries+"WHERE channel = ? AND sender = ? AND seq > ? AND state = ? ORDER BY seq", ch.row, p.member[:], p.seq, entryOpened)
	return e, ok && e.seq > p.seq+1
}

// hole is what is to be asked for: an envelope that a later one names, or the
// sender key of one that is here and does not open.
type hole struct {
	id    []byte    // the envelope's
	key   []byte    // nil: the envelope is not here
	seq   int64     // of the envelope that names it
	asked int       // how often it was asked for
	at    time.Time // when last
}

// what is the name under which an asking is noted.
func (m hole) what() []byte {
	if m.key != nil {
		return m.key
	}
	return m.id
}

// holes lists what is missing in a sender's chain, as far as it is known: of
// each hole its last envelope.
func (s *step) holes(ch *channel, p peer) []hole {
	all := list(s.book, func(r row) (m hole) { scan(r, &m.id, &m.seq, &m.key); return m }, `
		SELECT e.prev, e.seq, (SELECT key FROM entries WHERE channel = e.channel AND entry = e.prev) FROM entries e
		WHERE e.channel = ? AND e.sender = ? AND e.seq > ? AND e.state = ?
			AND NOT EXISTS (SELECT 1 FROM entries WHERE channel = e.channel AND entry = e.prev AND state <> ?)
		ORDER BY e.seq, e.id LIMIT ?`,
		ch.row, p.member[:], p.seq+1, entryOpened, entryUnopened, session.MaxNeed)
	for i := range all {
		m := &all[i]
		if len(m.key) != len(session.KeyID{}) {
			m.key = nil
		}
		first(s.book, func(r row) (at int64) {
			scan(r, &m.asked, &at)
			m.at = moment(at)
			return at
		}, "SELECT asked, at FROM missed WHERE channel = ? AND what = ?", ch.row, m.what())
	}
	return all
}

// mindGaps asks for what is missing, or gives it up.
func (s *step) mindGaps(ch *channel) {
	if !s.atHead(ch) {
		if s.book.number("SELECT count(*) FROM peers WHERE channel = ? AND gap > 0", ch.row) > 0 {
			s.timer(ch, timerGaps, s.now.Add(gapOffline))
		}
		return
	}
	s.book.run("DELETE FROM missed WHERE channel = ? AND at < ?", ch.row, stamp(s.now.Add(-missedKept)))
	rested := moment(s.book.number("SELECT max(at) FROM missed WHERE channel = ? AND asked > 0", ch.row))
	if !rested.IsZero() {
		rested = rested.Add(needRest) // of a full one nobody would heed the next sooner
	}
	var need session.Need
	var next time.Time
	for _, id := range list(s.book, readBytes, "SELECT member FROM peers WHERE channel = ? AND gap > 0 ORDER BY member", ch.row) {
		next = earlier(next, s.mindGap(ch, s.peer(ch, session.Member(id)), rested, &need))
	}
	if len(need.IDs)+len(need.Keys) > 0 {
		s.enqueue(ch, item{kind: outNeed, content: mustEncode(need)})
	}
	if !next.IsZero() {
		s.timer(ch, timerGaps, next)
	}
}

// mindGap does so for one sender, and says when to look again.
func (s *step) mindGap(ch *channel, p peer, rested time.Time, need *session.Need) (next time.Time) {
	e, ok := s.afterGap(ch, p)
	if !ok {
		s.book.run("UPDATE peers SET gap = 0 WHERE channel = ? AND member = ?", ch.row, p.member[:])
		return next
	}
	all := s.holes(ch, p)
	if over := s.gapEnds(p, e, all); !over.After(s.now) {
		s.giveUp(ch, p, e)
		return next // release has found the next hole, if there is one
	} else {
		next = over
	}
	asks := false
	for _, m := range all {
		when := p.since()
		if m.asked > 0 {
			when = m.at.Add(needAgain)
		}
		switch {
		case m.asked >= needMost:
		case when.After(s.now):
			next = earlier(next, when)
		case rested.After(s.now):
			next = earlier(next, rested)
		case s.askFor(ch, p, m, need):
			asks = true
			next = earlier(next, s.now.Add(rereadWait))
		default:
			next = earlier(next, s.now.Add(needRest)) // there was no room for more
		}
		if m.asked > 0 {
			next = earlier(next, s.reread(ch, m))
		}
	}
	if asks {
		s.tellMissing(ch, p)
	}
	return next
}

// since is the soonest that something is asked for.
func (p peer) since() time.Time { return moment(p.gap).Add(needFirst) }

// gapEnds is when the first hole in a sender's chain is passed: a while after
// what is missing there was asked for the last time.
func (s *step) gapEnds(p peer, e entryRecord, all []hole) time.Time {
	if len(all) == 0 || all[0].seq != e.seq {
		// What is there is here, and says nothing; or nothing is there, and the sender
		// has left out numbers.
		if e.seq == p.seq+2 || e.prev == p.head {
			return s.now
		}
		since := s.book.number("SELECT since FROM held WHERE entry = ?", e.row)
		return moment(max(since, 1)).Add(needMost * needAgain)
	}
	if all[0].asked < needMost {
		return s.now.Add(needAgain)
	}
	return all[0].at.Add(needAgain)
}

// askFor adds something to what is asked for, if there is room.
func (s *step) askFor(ch *channel, p peer, m hole, need *session.Need) bool {
	switch {
	case m.key != nil && len(need.Keys) < session.MaxNeed:
		need.Keys = append(need.Keys, session.KeyName{From: p.member, ID: session.KeyID(m.key)})
	case m.key == nil && len(need.IDs) < session.MaxNeed:
		need.IDs = append(need.IDs, session.ID(m.id))
	default:
		return false
	}
	s.book.run(`INSERT INTO missed (channel, what, asked, at) VALUES (?, ?, 1, ?)
		ON CONFLICT DO UPDATE SET asked = asked + 1, at = excluded.at`, ch.row, m.what(), stamp(s.now))
	return true
}

// reread has all hubs of a channel read from the start, some time after an asking
// that brought nothing: one of them may have kept back what it shows now, and
// nobody can put that there again. It says when to look again.
func (s *step) reread(ch *channel, m hole) (next time.Time) {
	last := moment(s.book.number("SELECT at FROM missed WHERE channel = ? AND what = x''", ch.row))
	if !last.IsZero() && s.now.Sub(last) < rereadMost {
		return next
	}
	if at := m.at.Add(rereadWait); at.After(s.now) {
		return at
	}
	s.book.run(`INSERT INTO missed (channel, what, asked, at) VALUES (?, x'', 0, ?) ON CONFLICT DO UPDATE SET at = excluded.at`, ch.row, stamp(s.now))
	for _, h := range s.placesOf(ch) {
		s.readAgain(ch, h)
	}
	return next
}

// stillWaiting has a joiner who does not know the members yet read all hubs from
// the start: one of them may have kept from him what lets him in, and he knows of
// nothing that is missing.
func (s *step) stillWaiting(ch *channel) {
	if ch.state != stateWaiting {
		return
	}
	for _, h := range s.placesOf(ch) {
		s.readAgain(ch, h)
	}
	s.timer(ch, timerWaiting, s.now.Add(rereadMost))
}

// readAgain has a channel read on a hub from the start.
func (s *step) readAgain(ch *channel, hub int64) {
	s.book.run("UPDATE places SET position = 0, entry = x'' WHERE channel = ? AND hub = ?", ch.row, hub)
	delete(s.memory.head, place{ch.row, hub})
	for l, state := range s.memory.lines {
		f := s.memory.flights[state.fetch]
		if l.hub != hub || f == nil || !slices.Contains(f.channels, ch.row) {
			continue
		}
		delete(s.memory.flights, state.fetch) // what it answers stands behind the rest
		s.out.Cancel = append(s.out.Cancel, state.fetch)
		state.fetch = 0
		s.memory.lines[l] = state
	}
}

// tellMissing tells the user how many envelopes of a sender are missing, once
// they are asked for.
func (s *step) tellMissing(ch *channel, p peer) {
	upto := s.book.number("SELECT max(seq) FROM entries WHERE channel = ? AND sender = ? AND state = ?", ch.row, p.member[:], entryOpened)
	from := max(p.seq, p.upto)
	n := upto - from - s.book.number("SELECT count(DISTINCT seq) FROM entries WHERE channel = ? AND sender = ? AND seq > ? AND state = ?",
		ch.row, p.member[:], from, entryOpened)
	if n > 0 {
		s.book.run("UPDATE peers SET missing = missing + ?, upto = ? WHERE channel = ? AND member = ?", n, upto, ch.row, p.member[:])
	}
	if p.missing > 0 || n <= 0 {
		return
	}
	them, are := "them", "are"
	if n == 1 {
		them, are = "it", "is"
	}
	s.info(ch, "%s from %s %s missing: hubbub looks for %s, and shows what came after when that is found, or in three days", messages(n), s.nickOf(ch, p.member), are, them)
}

// filled tells the user that what was missing has come, as far as it has, when
// nothing is missing any more.
func (s *step) filled(ch *channel, member session.Member) {
	p := s.peer(ch, member)
	if p.missing == 0 || p.seq < p.upto {
		return
	}
	s.book.run("UPDATE peers SET missing = 0, upto = 0, lost = 0 WHERE channel = ? AND member = ?", ch.row, member[:])
	switch came := p.missing - p.lost; {
	case came <= 0:
	case p.missing == 1:
		s.info(ch, "the missing message from %s has come", s.nickOf(ch, member))
	case p.lost == 0:
		s.info(ch, "the %d missing messages from %s have come", came, s.nickOf(ch, member))
	case came == 1:
		s.info(ch, "1 of the %d missing messages from %s has come", p.missing, s.nickOf(ch, member))
	default:
		s.info(ch, "%d of the %d missing messages from %s have come", came, p.missing, s.nickOf(ch, member))
	}
}

// giveUp passes a hole in a sender's chain.
func (s *step) giveUp(ch *channel, p peer, e entryRecord) {
	n := e.seq - p.seq - 1
	if e.prev == p.head {
		n = 0
	} else if s.book.number("SELECT count(*) FROM entries WHERE channel = ? AND entry = ? AND state = ?", ch.row, e.prev[:], entryVoid) > 0 {
		n-- // it is here, and says nothing
	}
	if n > 0 {
		s.info(ch, "%s from %s could not be found and must be taken for lost", messages(n), s.nickOf(ch, p.member))
	}
	s.book.run("UPDATE peers SET seq = ?, head = ?, gap = 0, lost = lost + min(?, missing - lost) WHERE channel = ? AND member = ?",
		e.seq-1, e.prev[:], e.seq-p.seq-1, ch.row, p.member[:])
	s.filled(ch, p.member)
	s.release(ch)
}

func messages(n int64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}
