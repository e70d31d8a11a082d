package channels

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// pending is a call that is made until a hub has answered it.
type pending struct {
	row     int64
	hub     int64
	channel int64 // 0: none
	op      wire.Op
	args    []byte // CBOR; of a put and a claim they are made when it is sent
	entry   int64  // put: its row in entries
	again   bool
	about   int64 // offer: the invite's row; below zero a rescue key's
	carry   bool  // put: of an entry that another hub has
	due     time.Time
}

// call queues a call. Calls of a channel reach a hub in this order, but for puts
// that carry what another hub has.
func (s *step) call(p pending) {
	var channel, entry, args any
	if p.channel != 0 {
		channel = p.channel
	}
	if p.entry != 0 {
		entry = p.entry
	}
	if p.args != nil {
		args = p.args
	}
	s.book.run(`INSERT INTO calls (hub, channel, op, args, entry, again, about, carry, made, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.hub, channel, string(p.op), args, entry, p.again, p.about, p.carry, stamp(s.now), stamp(p.due))
}

const selectCalls = `SELECT id, hub, coalesce(channel, 0), op, args, coalesce(entry, 0), again, about, carry, due FROM calls `

func readCall(r row) pending {
	var p pending
	var op string
	var due int64
	scan(r, &p.row, &p.hub, &p.channel, &op, &p.args, &p.entry, &p.again, &p.about, &p.carry, &due)
	p.op, p.due = wire.Op(op), moment(due)
	return p
}

// maxBatch is how many bytes of entries and blobs go into one request.
const maxBatch = 700 << 10

// batch picks the calls that are due on a line, as many as fit in one request.
// Each channel gets its share, so that one with a long outbox holds up no other.
func (s *step) batch(h hub, f *flight, state *lineState) []wire.SignedCall {
	var calls []wire.SignedCall
	size := 0
	channels := s.waiting(h, f.line, state.turn)
	share := max(wire.MaxCalls/max(len(channels), 1), 16)
	for _, channel := range channels {
		for _, p := range s.due(h, channel, share) {
			c, bytes, ok := s.signed(h, p)
			if !ok {
				s.book.run("DELETE FROM calls WHERE id = ?", p.row)
				continue
			}
			if size += bytes; len(calls) > 0 && size > maxBatch || len(calls) == wire.MaxCalls {
				return calls
			}
			calls = append(calls, c)
			f.calls = append(f.calls, p.row)
		}
		state.turn = channel
	}
	return calls
}

// waiting lists the channels that have calls to be made on a line, those first
// whose turn it is. Zero stands for calls of no channel.
func (s *step) waiting(h hub, l line, turn int64) []int64 {
	var channels []int64
	if l.channel == 0 && s.book.number("SELECT EXISTS (SELECT 1 FROM calls WHERE hub = ? AND channel IS NULL)", h.row) > 0 {
		channels = append(channels, 0)
	}
	for _, ch := range list(s.book, readNumber, `SELECT channel FROM places p WHERE hub = ?
		AND EXISTS (SELECT 1 FROM calls WHERE hub = p.hub AND channel = p.channel) ORDER BY channel <= ?, channel`, h.row, turn) {
		if s.carries(l, ch) {
			channels = append(channels, ch)
		}
	}
	return channels
}

// due lists the calls of a channel that may be made on a hub now: those that
// keep an order, and then those that carry what another hub has, once it is known
// what this one has.
func (s *step) due(h hub, channel int64, most int) []pending {
	if channel == 0 {
		return list(s.book, readCall, selectCalls+"WHERE hub = ? AND channel IS NULL AND due <= ? ORDER BY id LIMIT ?", h.row, stamp(s.now), most)
	}
	p := s.placeAt(channel, h.row)
	var due []pending
	if !p.later.After(s.now) {
		due = list(s.book, readCall, selectCalls+"WHERE hub = ? AND channel = ? AND carry = 0 ORDER BY id LIMIT ?", h.row, channel, most)
	}
	if ch := s.channels[channel]; ch != nil && ch.state == stateLeaving {
		return lastWords(due)
	}
	if !p.entered && len(due) > 0 {
		return s.atTheDoor(h, channel, due)
	}
	if p.entered && !p.dropped && !p.carry.After(s.now) && s.memory.head[place{channel, h.row}] {
		due = append(due, list(s.book, readCall, selectCalls+"WHERE hub = ? AND channel = ? AND carry = 1 AND due <= ? ORDER BY id LIMIT ?",
			h.row, channel, stamp(s.now), most)...)
	}
	return due
}

// lastWords are the calls of a channel that one leaves: one's token is revoked when
// the hub has taken or refused what one had to say, and not with it.
func lastWords(due []pending) []pending {
	if i := slices.IndexFunc(due, func(p pending) bool { return p.op == wire.OpRevoke }); i > 0 {
		return due[:i]
	}
	return due
}

// atTheDoor puts that call first that gets one's token let in. Without one there
// is nothing to be made: somebody else has to let it in.
func (s *step) atTheDoor(h hub, channel int64, due []pending) []pending {
	door, ok := first(s.book, readCall, selectCalls+"WHERE hub = ? AND channel = ? AND op IN ('open', 'redeem', 'status') ORDER BY id LIMIT 1", h.row, channel)
	if !ok {
		return nil
	}
	due = slices.DeleteFunc(due, func(p pending) bool { return p.row == door.row })
	return slices.Insert(due, 0, door)
}

// signed makes the call itself, and its size. It is not ok if what it needs is
// no longer there.
func (s *step) signed(h hub, p pending) (c wire.SignedCall, size int, ok bool) {
	c = wire.SignedCall{Op: p.op}
	if p.args != nil {
		c.Args = codec.Raw(p.args)
	}
	ch := s.channels[p.channel]
	if ch != nil {
		c.Channel, c.Key = wire.Channel(ch.id), ch.token
	}
	switch p.op {
	case wire.OpClaim:
		if len(h.secret) != 16 || h.account == nil {
			return c, 0, false
		}
		c.Args, c.Key = wire.ClaimArgs{Secret: [16]byte(h.secret)}, h.account
	case wire.OpOpen, wire.OpRetire:
		c.Key = h.account
	case wire.OpStatus:
		if p.channel == 0 {
			c.Key = h.account
		}
	case wire.OpRedeem:
		secret, found := first(s.book, readBytes, "SELECT secret FROM redeemed WHERE channel = ? AND secret IS NOT NULL", p.channel)
		if !found || len(secret) != 16 {
			return c, 0, false
		}
		c.Channel, c.Key = wire.Channel{}, session.DeriveInvite([16]byte(secret)).Invite
	case wire.OpFetch:
		c.Args = s.lastFetch(p)
	case wire.OpPut:
		put, found := first(s.book, func(r row) (a wire.PutArgs) {
			var class string
			scan(r, &class, &a.Entry)
			a.Class = wire.Class(class)
			return a
		}, "SELECT class, bytes FROM entries WHERE id = ? AND bytes IS NOT NULL", p.entry)
		if !found {
			return c, 0, false
		}
		put.Again = p.again
		c.Args, size = put, len(put.Entry)
	}
	return c, size + len(p.args) + 300, len(c.Key) == ed25519.PrivateKeySize
}

// verdict says what becomes of a call whose answer is here.
type verdict int

const (
	answered verdict = iota // it is done
	later                   // it is to be made again
)

// transient codes are those that may change by themselves.
func transient(code wire.Code) bool {
	switch code {
	case wire.CodeFull, wire.CodeBusy, wire.CodeTime, wire.CodeInternal:
		return true
	}
	return false
}

// worked takes the answers to a request's calls.
func (s *step) worked(f *flight, results []wire.Result) {
	if f.probe {
		s.noteAsked(f, wire.OpStatus, nil, results[0])
	}
	troubled := map[int64]bool{} // a call of this channel did not come through: those behind it may fail for that
	for i, id := range f.calls {
		p, ok := first(s.book, readCall, selectCalls+"WHERE id = ?", id)
		if !ok {
			continue // the channel was left meanwhile
		}
		result := results[i]
		if result.Error != nil && troubled[p.channel] && p.channel != 0 {
			continue
		}
		if s.take1(p, result) == answered {
			s.book.run("DELETE FROM calls WHERE id = ?", id)
			continue
		}
		troubled[p.channel] = true
		s.putOff(p)
	}
	for i, a := range f.acks {
		s.acked(f.hub, a, results[len(f.calls)+i].Error == nil)
	}
	for i, ch := range f.counts {
		s.counted(ch, f.hub, results[len(f.calls)+len(f.acks)+i])
	}
}

// putOff has a call made again later, and those that come after it.
func (s *step) putOff(p pending) {
	at := stamp(s.now.Add(s.patience(p)))
	switch {
	case p.channel == 0:
		s.book.run("UPDATE calls SET due = ? WHERE id = ?", at, p.row)
	case p.carry:
		s.book.run("UPDATE places SET carry = max(carry, ?) WHERE channel = ? AND hub = ?", at, p.channel, p.hub)
	default:
		s.book.run("UPDATE places SET later = ? WHERE channel = ? AND hub = ?", at, p.channel, p.hub)
	}
}

// patience is how long a call waits that a hub would not take yet.
func (s *step) patience(p pending) time.Duration {
	if s.placeAt(p.channel, p.hub).standing == Closed {
		return closedPatience + randomDuration(closedPatience/4)
	}
	age := s.now.Sub(time.Unix(0, s.book.number("SELECT made FROM calls WHERE id = ?", p.row)))
	return min(max(age/4, 2*time.Second), 5*time.Minute) + randomDuration(time.Second)
}

// closedPatience is that of a call to a hub that takes nothing new.
const closedPatience = time.Hour

// take1 takes the answer to one call.
func (s *step) take1(p pending, result wire.Result) verdict {
	if e := result.Error; e != nil && e.Code == wire.CodeBanned {
		switch p.op {
		case wire.OpPut, wire.OpGrant, wire.OpRevoke, wire.OpWithdraw:
			return s.banned(p, e)
		}
	}
	switch p.op {
	case wire.OpClaim:
		return s.claimed(p, result)
	case wire.OpOpen:
		return s.openedOn(p, result)
	case wire.OpOffer:
		if p.about < 0 {
			return s.rescueOffered(p, result)
		}
		return s.offered(p, result)
	case wire.OpRedeem:
		return s.redeemed(p, result)
	case wire.OpStatus:
		if p.channel == 0 {
			return s.accountAnswered(p, result)
		}
		return s.knocked(p, result)
	case wire.OpPut:
		return s.stored(p, result)
	case wire.OpFetch:
		return s.lastRead(p, result)
	case wire.OpClose:
		return s.closedOn(p, result)
	case wire.OpRetire:
		return s.retired(p, result)
	}
	if p.op == wire.OpGrant {
		return s.granted(p, result)
	}
	// withdraw, revoke: what a hub will not have now it will never have.
	if result.Error != nil && transient(result.Error.Code) {
		return later
	}
	return answered
}

// decode reads a result's value.
func decode(result wire.Result, v any) error {
	if result.Error != nil {
		return result.Error
	}
	return codec.Unmarshal(result.Value, v)
}

// cleanLine is what came of asking a hub, as one line for people. In it the hub's
// own words stand in quotes already.
func cleanLine(text string) string {
	text, ok := cleanTopic(strings.ToValidUTF8(text, "?"))
	if !ok {
		return ""
	}
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}

// words are what a hub answers, for people.
func words(e *wire.Error) string { return e.Said() }
