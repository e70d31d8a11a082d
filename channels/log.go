package channels

import (
	"crypto/sha256"

	"hubbub/channels/wire"
)

// log takes the entries of a channel's log that came from a hub, and says how
// many. Their positions grow: what does not is passed over.
func (s *step) log(ch *channel, hub int64, r wire.FetchResult) (read int) {
	at := place{ch.row, hub}
	if s.lostSome(ch, hub, r) {
		return 0 // it is read from the start next
	}
	position := s.placeAt(ch.row, hub).position
	if !ascending(position, r.Entries) {
		s.refused(ch, hub, nil) // to go on behind any of them would pass over others
		return 0
	}
	s.enter(ch, hub)
	s.noteClosed(ch, hub, r)
	s.book.run("UPDATE places SET tries = 0 WHERE channel = ? AND hub = ? AND tries > 0", ch.row, hub)
	var id [32]byte
	for _, e := range r.Entries {
		s.entry(ch, hub, e)
		position, id = e.Position, sha256.Sum256(e.Bytes)
		read++
	}
	if read > 0 {
		s.book.run(`UPDATE places SET position = ?, entry = ?, unacked = unacked + ?,
			ack_after = CASE WHEN unacked + ? >= ? THEN ? WHEN ack_after > 0 THEN ack_after ELSE ? END
			WHERE channel = ? AND hub = ?`,
			position, id[:], read, read, ackAfter, stamp(s.now), stamp(s.now.Add(ackWithin)), ch.row, hub)
	}
	switch {
	case r.More:
		delete(s.memory.head, at)
	case !s.memory.head[at]:
		s.memory.head[at] = true
		s.carryLater(ch, hub)
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

// readWhole says that a channel was read to the head on all of its hubs that answer
// and let one in, one at least: what was sealed long ago has come, as far as it will.
func (s *step) readWhole(ch *channel) bool {
	for _, id := range s.placesOf(ch) {
		h, ok := s.hub(id)
		if ok && h.up && s.placeAt(ch.row, id).entered && !s.memory.head[place{ch.row, id}] {
			return false
		}
	}
	return s.atHead(ch)
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
