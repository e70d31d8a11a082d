package channels

import (
	"time"

	"hubbub/channels/wire"
)

// A hub that moves and still answers where it was (MoveHub.Leaves) is asked there
// until the others can read where it is now; then it is told to take nothing new, so
// that nobody goes on at a place that is left.

// leaveWithin is how long a hub may take for that.
const leaveWithin = time.Minute

// beginMove has the others told where a hub is now.
func (s *step) beginMove(h hub, url string, ref Ref) {
	s.book.run("UPDATE hubs SET moving = ?, moving_since = ? WHERE id = ?", url, stamp(s.now), h.row)
	s.memory.moving[h.row] = ref
	to := h
	to.address.URL = url
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND dropped = 0 ORDER BY channel", h.row) {
		if ch := s.channels[row]; ch != nil && ch.state == stateMember {
			s.sayMoved(ch, to)
		}
	}
	s.hurry(h.row)
}

// movesAt is when a hub is asked at its new place at latest; zero: it does not move.
func (h hub) movesAt() time.Time {
	if h.moving == "" {
		return time.Time{}
	}
	return h.movingFrom.Add(leaveWithin)
}

// mindMoving goes on with a move.
func (s *step) mindMoving(h hub) {
	over := !h.up || !h.movesAt().After(s.now)
	asked := s.book.number("SELECT count(*) FROM calls WHERE hub = ? AND op = ?", h.row, string(wire.OpRetire)) > 0
	switch {
	case over:
		s.finishMove(h, "")
	case asked || s.saysThere(h):
	default:
		s.call(pending{hub: h.row, op: wire.OpRetire, args: mustEncode(wire.RetireArgs{At: s.now.Unix()})})
	}
}

// saysThere says that the others are yet to be told something at a hub.
func (s *step) saysThere(h hub) bool {
	return s.book.number(`SELECT EXISTS (SELECT 1 FROM calls WHERE hub = ?1 AND op = 'put' AND carry = 0)
		OR EXISTS (SELECT 1 FROM outbox o JOIN places p ON p.channel = o.channel WHERE p.hub = ?1 AND p.dropped = 0 AND o.kind = ?2)`, h.row, outOps) > 0
}

// retired takes the answer of a hub that was told, at the place that is left, to
// take nothing new.
func (s *step) retired(p pending, result wire.Result) verdict {
	if result.Error != nil && transient(result.Error.Code) {
		return later
	}
	h, ok := s.hub(p.hub)
	if !ok || h.moving == "" {
		return answered
	}
	what := "Where it was it takes nothing new"
	if result.Error != nil {
		what = "Where it was it goes on: " + words(result.Error)
	}
	s.finishMove(h, what)
	return answered
}

// finishMove has a hub asked at its new place alone.
func (s *step) finishMove(h hub, what string) {
	if what == "" {
		what = "Where it was it does not answer, or not in time: take it down there"
	}
	s.book.run("DELETE FROM calls WHERE hub = ? AND op = ?", h.row, string(wire.OpRetire))
	s.book.run("UPDATE hubs SET moving = '', closes = 0, closes_said = 0, reminded = 0 WHERE id = ?", h.row)
	s.book.run("DELETE FROM locations WHERE hub = ? AND url = ?", h.row, h.address.URL)
	s.relocate(h.row, h.moving)
	s.reopened(h)
	s.cancelFetches(h)
	state := s.memory.hubs[h.row]
	state.retry = s.now
	s.memory.hubs[h.row] = state
	ref := s.memory.moving[h.row]
	delete(s.memory.moving, h.row)
	s.emit(Done{Ref: ref, Text: "the hub is asked at " + h.moving + " from now on, and the others are told so. " + what})
}

// cancelFetches ends what waits at a hub, so that it is asked anew.
func (s *step) cancelFetches(h hub) {
	for _, l := range s.lines(h) {
		state := s.memory.lines[l]
		if s.memory.flights[state.fetch] != nil {
			delete(s.memory.flights, state.fetch)
			s.out.Cancel = append(s.out.Cancel, state.fetch)
			state.fetch = 0
			s.memory.lines[l] = state
		}
	}
}
