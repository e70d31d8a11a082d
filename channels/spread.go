package channels

import (
	"encoding/binary"
	"time"

	"hubbub/channels/roster"
)

// exposedEach is for each member how much longer those who only read may take to
// start a sender key without somebody who is gone: at most seenMost in all.
const exposedEach = time.Minute

// restsTill is when one who only reads is to acknowledge something, where that takes
// a new sender key because somebody is gone: in a channel of 50 all would start one
// in the same minute, of 64 KiB each. Whoever has something to say does so at once.
func (s *step) restsTill(ch *channel) time.Time {
	if !s.exposed(ch) {
		return time.Time{}
	}
	view := s.view(ch)
	var gone int64
	for _, member := range list(s.book, readBytes, "SELECT member FROM given WHERE channel = ?", ch.row) {
		if !view.Live(roster.Member(member)) {
			gone = max(gone, s.book.number("SELECT gone FROM peers WHERE channel = ? AND member = ?", ch.row, member))
		}
	}
	if gone == 0 {
		return time.Time{}
	}
	// Ids are as good as drawn, so the members spread by themselves.
	spread := min(time.Duration(len(view.Members))*exposedEach, seenMost)
	return moment(gone).Add(time.Duration(binary.BigEndian.Uint64(ch.self[:8]) % uint64(spread)))
}
