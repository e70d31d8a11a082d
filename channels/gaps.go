package channels

import (
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// parentWait is how long is waited for what others' texts had seen.
const parentWait = 10 * time.Second

// retries are the unopened entries to be tried again, since something came
// that may open them.
type retries struct {
	keys  []session.KeyID
	boxed bool // all that have boxes, and sealed joins
}

func (s *step) retryKey(ch *channel, key session.KeyID) {
	r := s.retrying(ch)
	r.keys = append(r.keys, key)
}

func (s *step) retryBoxed(ch *channel) { s.retrying(ch).boxed = true }

func (s *step) retrying(ch *channel) *retries {
	if s.again == nil {
		s.again = map[int64]*retries{}
	}
	if s.again[ch.row] == nil {
		s.again[ch.row] = &retries{}
	}
	return s.again[ch.row]
}

// retry tries unopened entries again, until nothing more opens.
func (s *step) retry(ch *channel) {
	for s.again[ch.row] != nil {
		r := *s.again[ch.row]
		delete(s.again, ch.row)
		for _, key := range r.keys {
			s.tryAll(ch, "channel = ? AND key = ?", ch.row, key[:])
		}
		if r.boxed {
			s.tryAll(ch, "channel = ? AND (boxes > 0 OR key IS NULL)", ch.row)
			s.release(ch)
		}
	}
}

func (s *step) tryAll(ch *channel, where string, args ...any) {
	for _, e := range list(s.book, readEntry, selectEntries+"WHERE state = 'unopened' AND bytes IS NOT NULL AND "+where+" ORDER BY id", args...) {
		s.try(ch, e)
	}
}

// peer is how far a member's envelopes are known.
type peer struct {
	member  session.Member
	seq     int64
	head    session.ID
	await   int64
	gap     int64
	missing int64 // how many the user was told are missing; 0: none
	upto    int64 // the seq behind the last of them
	lost    int64 // how many of them were given up
}

func (s *step) peer(ch *channel, member session.Member) peer {
	p, _ := first(s.book, func(r row) (p peer) {
		var head []byte
		scan(r, &p.seq, &head, &p.await, &p.gap, &p.missing, &p.upto, &p.lost)
		if len(head) > 0 {
			p.head = session.ID(head)
		}
		return p
	}, "SELECT seq, head, awaited, gap, missing, upto, lost FROM peers WHERE channel = ? AND member = ?", ch.row, member[:])
	p.member = member
	return p
}

// link puts an opened envelope into its sender's chain, and releases what has
// waited for it.
func (s *step) link(ch *channel, e entryRecord, b session.Body, body heldBody) {
	p := s.peer(ch, b.From)
	others := s.book.number("SELECT count(*) FROM entries WHERE channel = ? AND sender = ? AND seq = ? AND state = ? AND id <> ?",
		ch.row, b.From[:], b.Seq, entryOpened, e.row)
	if others > 0 {
		s.forked(ch, b.From)
	}
	switch {
	case p.seq > 0 && b.Seq <= p.seq, others > 0:
		// It fills a gap that was given up, or is a second one in its place:
		// releaseLate shows it.
	case p.seq == 0:
		// The first that could be opened: below it nothing is missing.
		s.book.run("UPDATE peers SET seq = ?, head = ? WHERE channel = ? AND member = ?", b.Seq-1, b.Prev[:], ch.row, b.From[:])
	}
	s.book.run("INSERT INTO held (entry, channel, sender, seq, body, since) VALUES (?, ?, ?, ?, ?, ?)",
		e.row, ch.row, b.From[:], b.Seq, mustEncode(body), stamp(s.now))
	s.release(ch)
}

// release shows all that waits no more, of every sender.
func (s *step) release(ch *channel) {
	for progress := true; progress; {
		progress = false
		for _, id := range list(s.book, readBytes, "SELECT DISTINCT sender FROM held WHERE channel = ? ORDER BY sender", ch.row) {
			for s.releaseNext(ch, session.Member(id)) {
				progress = true
			}
			s.releaseLate(ch, session.Member(id))
		}
	}
	s.findGaps(ch)
}

// releaseNext takes the next envelope in a sender's chain, if it is here and
// need not wait for others'.
func (s *step) releaseNext(ch *channel, sender session.Member) bool {
	p := s.peer(ch, sender)
	e, ok := first(s.book, readEntry, selectEntries+"WHERE channel = ? AND sender = ? AND seq = ? AND state = ? ORDER BY id", ch.row, sender[:], p.seq+1, entryOpened)
	if !ok {
		return false
	}
	body, ok := first(s.book, readHeld, "SELECT body FROM held WHERE entry = ?", e.row)
	if ok && body.speaks() {
		if !s.mayShow(ch, sender) {
			return false
		}
		if s.waitsForParents(ch, e, body) {
			return false
		}
	}
	if e.prev != p.head && p.head != (session.ID{}) {
		s.forked(ch, sender)
	}
	s.book.run("DELETE FROM held WHERE entry = ?", e.row)
	s.book.run("UPDATE peers SET seq = ?, head = ?, gap = 0 WHERE channel = ? AND member = ?", e.seq, e.id[:], ch.row, sender[:])
	s.takeHeads(ch, sender, body.Seen)
	missing := s.missingParents(ch, sender, body)
	for _, h := range missing {
		s.book.run("UPDATE peers SET awaited = max(awaited, min(?, seq + ?)) WHERE channel = ? AND member = ?", h.Seq, session.MaxIteration, ch.row, h.From[:])
	}
	if s.counts(ch, sender, e.seq) {
		s.showSaid(ch, sender, body, len(missing) > 0 || e.seq <= p.await)
	}
	if p.missing > 0 {
		s.filled(ch, sender)
	}
	return true
}

// releaseLate shows what comes after its place in its sender's chain was passed.
func (s *step) releaseLate(ch *channel, sender session.Member) {
	if !s.mayShow(ch, sender) {
		return
	}
	type late struct {
		entry, seq int64
	}
	for _, l := range list(s.book, func(r row) (l late) { scan(r, &l.entry, &l.seq); return l },
		"SELECT entry, seq FROM held WHERE channel = ? AND sender = ? AND seq <= ? ORDER BY entry", ch.row, sender[:], s.peer(ch, sender).seq) {
		body, _ := first(s.book, readHeld, "SELECT body FROM held WHERE entry = ?", l.entry)
		s.book.run("DELETE FROM held WHERE entry = ?", l.entry)
		if s.counts(ch, sender, l.seq) {
			s.showSaid(ch, sender, body, true)
		}
	}
}

// mayShow says that a sender's texts are not to be held until somebody above
// has confirmed him, or, while one waits, until the members are known.
func (s *step) mayShow(ch *channel, sender session.Member) bool {
	if ch.state == stateWaiting {
		return sender == ch.blob.Inviter
	}
	view := s.view(ch)
	if m, ok := view.Member(roster.Member(sender)); ok {
		return !m.Suspended
	}
	// Else he was a member once: how far his texts stand is said where he was put
	// out. Of a stranger, whom an offer may have named, nothing is shown.
	return slices.ContainsFunc(view.Removed, func(r roster.RemovedView) bool { return session.Member(r.ID) == sender })
}

// counts says that what a sender said with this seq is not beyond a removal's cut.
func (s *step) counts(ch *channel, sender session.Member, seq int64) bool {
	for _, r := range s.view(ch).Removed {
		if session.Member(r.ID) == sender {
			return seq <= r.Seq
		}
	}
	return true
}

// missingParents are the envelopes of others that a text had seen and that are
// not here, though they should be, and were not waited for before.
func (s *step) missingParents(ch *channel, sender session.Member, b heldBody) []session.Head {
	if !b.speaks() {
		return nil
	}
	var missing []session.Head
	for _, h := range b.Seen {
		if h.From == ch.self || h.From == sender {
			continue
		}
		if p := s.peer(ch, h.From); p.seq > 0 && h.Seq > max(p.seq, p.await) && s.view(ch).Live(roster.Member(h.From)) {
			missing = append(missing, h)
		}
	}
	return missing
}

// waitsForParents says that a text is to be held for what it had seen.
func (s *step) waitsForParents(ch *channel, e entryRecord, b heldBody) bool {
	near := slices.ContainsFunc(s.missingParents(ch, e.sender, b), func(h session.Head) bool {
		return h.Seq <= s.peer(ch, h.From).seq+session.MaxIteration // what is farther away will not come at once
	})
	if !near {
		return false
	}
	since := moment(s.book.number("SELECT since FROM held WHERE entry = ?", e.row))
	if until := since.Add(parentWait); s.now.Before(until) {
		s.timer(ch, timerParents, until)
		return true
	}
	return false
}

// maxJump is how far a member may say that one's own envelopes go beyond what
// one knows.
const maxJump = 100_000

// takeHeads notes what a member has of one's own envelopes.
func (s *step) takeHeads(ch *channel, from session.Member, heads []session.Head) {
	for _, h := range heads {
		if h.From != ch.self {
			continue
		}
		if h.Seq > ch.seq {
			s.behind(ch, h)
			continue
		}
		id, known := first(s.book, readBytes, "SELECT entry FROM entries WHERE channel = ? AND sender = ? AND seq = ? AND state = ?", ch.row, ch.self[:], h.Seq, entryOwn)
		if known && session.ID(id) != h.ID {
			continue // a copy has written in one's place: foundOwn tells of that
		}
		s.book.run("UPDATE peers SET delivered = max(delivered, ?) WHERE channel = ? AND member = ?", h.Seq, ch.row, from[:])
		s.retirePrekeys(ch)
	}
}

// behind takes that a member has more envelopes of one's own than one knows.
// Of a restored copy it is true: to go on where the other stopped keeps others
// from seeing two envelopes in one place. If the log does not prove it, it is
// taken for a lie, by which others would miss what never was.
func (s *step) behind(ch *channel, h session.Head) {
	if ch.alarmed && h.Seq <= ch.seq+maxJump {
		ch.seq, ch.head, ch.rekey = h.Seq, h.ID, true
	}
}

// foundOwn takes an envelope of one's own that one has not written: this is a
// restored copy, or there is another.
func (s *step) foundOwn(ch *channel, key session.KeyID) {
	known := s.book.number("SELECT count(*) FROM entries WHERE channel = ? AND key = ? AND state = ?", ch.row, key[:], entryOwn) +
		s.book.number("SELECT count(*) FROM sending WHERE channel = ? AND key = ?", ch.row, key[:])
	if known > 0 || ch.alarmed {
		return
	}
	ch.alarmed, ch.rekey = true, true
	s.emit(Warn{Channel: ch.name, Text: "others in " + ch.name + " have texts from you that this gateway does not know. Was its data restored from a backup, or copied to another machine? If not, somebody else has your keys: leave, and join again with a new one-time key"})
}

// forked tells the user that a member's keys are used twice.
func (s *step) forked(ch *channel, member session.Member) {
	s.emit(Warn{Channel: ch.name, Text: "two different things came as the same one from " + s.nickOf(ch, member) +
		": that device was restored from a backup, or somebody else has its keys. Ask " + s.nickOf(ch, member) + " over another way"})
}
