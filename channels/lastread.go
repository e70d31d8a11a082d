package channels

import (
	"crypto/sha256"
	"time"

	"hubbub/channels/wire"
)

// A hub that was dropped is not read any more, but may let in somebody whose one-time
// key names it, and whom no other hub takes: an offer that was made anew since is there.
// So whoever has it close the channel reads it once more to the head, and carries what
// nobody else has.

// lastFetch is the call that does.
func (s *step) lastFetch(p pending) wire.FetchArgs {
	v, _ := first(s.book, readReading, "SELECT channel, position, entry FROM places WHERE channel = ? AND hub = ?", p.channel, p.hub)
	args := wire.FetchArgs{After: v.after, Limit: fetchLimit}
	copy(args.ID[:], v.entry)
	return args
}

// lastRead takes the answer, and has the channel closed there when all was read, or
// the hub does not show it.
func (s *step) lastRead(p pending, result wire.Result) verdict {
	if result.Error != nil && transient(result.Error.Code) {
		return later
	}
	var r wire.FetchResult
	ch := s.channels[p.channel]
	if err := decode(result, &r); err == nil && ch != nil && ch.state == stateMember {
		if r.Restored { // what was read there is not there any more
			s.book.run("UPDATE places SET position = 0, entry = x'' WHERE channel = ? AND hub = ?", ch.row, p.hub)
		}
		if ascending(s.placeAt(ch.row, p.hub).position, r.Entries) {
			for _, e := range r.Entries {
				id := sha256.Sum256(e.Bytes)
				s.entry(ch, p.hub, e)
				s.book.run("UPDATE places SET position = ?, entry = ? WHERE channel = ? AND hub = ?", e.Position, id[:], ch.row, p.hub)
			}
			// It may have had no room for any in this answer. One that lies is not asked without end.
			began := moment(s.book.number("SELECT made FROM calls WHERE id = ?", p.row))
			if r.More && s.now.Before(began.Add(lastReadFor)) {
				return later
			}
		}
	}
	s.call(pending{hub: p.hub, channel: p.channel, op: wire.OpClose})
	return answered
}

// lastReadFor is how long a hub is read that always says that there is more.
const lastReadFor = 24 * time.Hour
