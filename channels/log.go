package channels

import (
	"crypto/sha256"
	"time"

	"hubbub/channels/wire"
)

// refused notes that a hub would not let a channel be read.
func (s *step) refused(ch *channel, hub int64, e *wire.Error) {
	delete(s.memory.head, place{ch.row, hub})
	text, wait := "it answered something that makes no sense", time.Minute
	if e != nil {
		text = words(e)
		switch e.Code {
		case wire.CodeBusy, wire.CodeInternal, wire.CodeTime:
			wait = 5 * time.Second
		case wire.CodeRevoked:
			if ch.state == stateWaiting {
				s.turnedAway(ch)
				return
			}
			wait = time.Hour
		case wire.CodeUnknown, wire.CodeDenied:
			wait = s.reopen(ch, hub)
		}
	}
	s.book.run("UPDATE places SET trouble = ?, retry = ? WHERE channel = ? AND hub = ?",
		text, stamp(s.now.Add(wait+randomDuration(wait/4))), ch.row, hub)
}

// reopen opens a channel again on a hub that has lost it, if one may, and says
// when to read there again.
func (s *step) reopen(ch *channel, hub int64) time.Duration {
	h, _ := s.hub(hub)
	opened := s.book.number("SELECT opened FROM places WHERE channel = ? AND hub = ?", ch.row, hub) == 1
	if !opened || h.account == nil || !h.claimed {
		return 5 * time.Minute
	}
	if s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND hub = ? AND op = ?", ch.row, hub, string(wire.OpOpen)) > 0 {
		return time.Minute
	}
	s.open(ch, hub)
	s.refill(ch, hub)
	return 2 * time.Second
}

// log takes the entries of a channel's log that came from a hub, and says how
// many. Their positions grow: what does not is passed over.
func (s *step) log(ch *channel, hub int64, r wire.FetchResult) (read int) {
	at := place{ch.row, hub}
	if r.Restored {
		s.book.run("UPDATE places SET position = 0, entry = x'' WHERE channel = ? AND hub = ?", ch.row, hub)
		s.refill(ch, hub)
	}
	position := s.book.number("SELECT position FROM places WHERE channel = ? AND hub = ?", ch.row, hub)
	if !ascending(position, r.Entries) {
		s.refused(ch, hub, nil) // to go on behind any of them would pass over others
		return 0
	}
	var id [32]byte
	for _, e := range r.Entries {
		s.entry(ch, hub, e)
		position, id = e.Position, sha256.Sum256(e.Bytes)
		read++
	}
	if read > 0 {
		s.book.run(`UPDATE places SET position = ?, entry = ?, trouble = '', unacked = unacked + ?,
			ack_after = CASE WHEN unacked + ? >= ? THEN ? WHEN ack_after > 0 THEN ack_after ELSE ? END
			WHERE channel = ? AND hub = ?`,
			position, id[:], read, read, ackAfter, stamp(s.now), stamp(s.now.Add(ackWithin)), ch.row, hub)
	} else {
		s.book.run("UPDATE places SET trouble = '' WHERE channel = ? AND hub = ? AND trouble <> ''", ch.row, hub)
	}
	if r.More {
		delete(s.memory.head, at)
	} else {
		s.memory.head[at] = true
	}
	return read
}

// ascending says that entries stand behind a position, each behind the one before.
func ascending(position int64, entries []wire.Entry) bool {
	for _, e := range entries {
		if e.Position <= position {
			return false
		}
		position = e.Position
	}
	return true
}

// refill puts what was sent and received in the last 30 days on a hub that has
// lost it. What is still there, or was dropped for good, it will not take twice.
func (s *step) refill(ch *channel, hub int64) {
	due := stamp(s.now.Add(randomDuration(20 * time.Second)))
	s.book.run(`INSERT INTO calls (hub, channel, op, entry, made, due)
		SELECT ?, channel, 'put', id, ?, ? FROM entries e
		WHERE channel = ? AND bytes IS NOT NULL AND state <> 'void' AND received > ?
			AND NOT EXISTS (SELECT 1 FROM calls WHERE entry = e.id AND hub = ?)
		ORDER BY id`, hub, stamp(s.now), due, ch.row, stamp(s.now.Add(-keepBytes)), hub)
}

// atHead says that a channel was read to the head on one of its hubs, and that
// what comes there now is being waited for.
func (s *step) atHead(ch *channel) bool {
	for _, h := range s.placesOf(ch) {
		if s.memory.head[place{ch.row, h}] {
			return true
		}
	}
	return false
}
