package channels

import "time"

// wake is when there is something to do again without an input.
func (s *step) wake() time.Time {
	var wake time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	at(s.memory.truncate)
	at(moment(s.book.number("SELECT min(at) FROM timers")))
	for _, h := range s.hubs() {
		at(s.tellsOf(h))
		at(s.mindsClosing(h))
		at(h.movesAt())
		state := s.memory.hubs[h.row]
		if !s.busy(h, state) {
			continue
		}
		if state.retry.After(s.now) {
			at(state.retry)
			continue
		}
		working := false
		for _, l := range s.lines(h) {
			line := s.memory.lines[l]
			if line.fetch == 0 && line.paused.After(s.now) {
				at(line.paused)
			}
			working = working || line.work != 0
		}
		at(s.soonest("SELECT min(retry) FROM places WHERE hub = ? AND retry > ? AND dropped = 0", h))
		if !working || s.options.Unlinked {
			at(s.soonestCall(h))
		}
	}
	return wake
}

// busy says that there is something to ask of a hub.
func (s *step) busy(h hub, state hubState) bool {
	return s.book.number("SELECT EXISTS (SELECT 1 FROM places WHERE hub = ?) OR EXISTS (SELECT 1 FROM calls WHERE hub = ?)", h.row, h.row) > 0 || s.probes(h, state)
}

// soonest is a time of a hub's that is yet to come: query takes the hub and now.
func (s *step) soonest(query string, h hub) time.Time {
	return moment(s.book.number(query, h.row, stamp(s.now)))
}

// soonestCall is when the next call that now waits for its time may be made.
func (s *step) soonestCall(h hub) time.Time {
	var soonest time.Time
	for _, query := range []string{
		"SELECT min(due) FROM calls WHERE hub = ? AND due > ?",
		`SELECT min(later) FROM places p WHERE hub = ? AND later > ?
			AND EXISTS (SELECT 1 FROM calls WHERE hub = p.hub AND channel = p.channel AND carry = 0)`,
		`SELECT min(carry) FROM places p WHERE hub = ? AND carry > ? AND entered = 1
			AND EXISTS (SELECT 1 FROM calls WHERE hub = p.hub AND channel = p.channel AND carry = 1)`,
		"SELECT min(ack_after) FROM places WHERE hub = ? AND unacked > 0 AND entered = 1 AND dropped = 0 AND ack_after > ?",
	} {
		if t := s.soonest(query, h); !t.IsZero() && (soonest.IsZero() || t.Before(soonest)) {
			soonest = t
		}
	}
	return soonest
}
