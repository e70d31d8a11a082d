package channels

import (
	"crypto/ed25519"
	"fmt"
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
	about   int64 // offer: the invite's row
	due     time.Time
}

// call queues a call. Calls of a channel reach a hub in this order.
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
	s.book.run(`INSERT INTO calls (hub, channel, op, args, entry, again, about, made, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.hub, channel, string(p.op), args, entry, p.again, p.about, stamp(s.now), stamp(p.due))
}

const selectCalls = `SELECT id, hub, coalesce(channel, 0), op, args, coalesce(entry, 0), again, about, due FROM calls `

func readCall(r row) pending {
	var p pending
	var op string
	var due int64
	scan(r, &p.row, &p.hub, &p.channel, &op, &p.args, &p.entry, &p.again, &p.about, &due)
	p.op, p.due = wire.Op(op), moment(due)
	return p
}

// maxBatch is how many bytes of entries and blobs go into one request.
const maxBatch = 700 << 10

// batch picks the calls that are due on a hub, in order, as many as fit in one
// request. A call that is not due yet holds up those of its channel that come
// after it.
func (s *step) batch(h hub) (flight, []wire.SignedCall) {
	f := flight{hub: h.row, kind: flightWork, sent: s.now}
	var calls []wire.SignedCall
	blocked := map[int64]bool{}
	size := 0
	for _, p := range list(s.book, readCall, selectCalls+"WHERE hub = ? ORDER BY id LIMIT 1000", h.row) {
		if blocked[p.channel] || p.due.After(s.now) {
			blocked[p.channel] = true
			continue
		}
		c, bytes, ok := s.signed(h, p)
		if !ok {
			s.book.run("DELETE FROM calls WHERE id = ?", p.row)
			continue
		}
		if size += bytes; len(calls) > 0 && size > maxBatch || len(calls) == wire.MaxCalls {
			break
		}
		calls = append(calls, c)
		f.calls = append(f.calls, p.row)
	}
	return f, calls
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
	case wire.OpOpen:
		c.Key = h.account
	case wire.OpRedeem:
		secret, found := first(s.book, readBytes, "SELECT secret FROM redeemed WHERE channel = ? AND secret IS NOT NULL", p.channel)
		if !found || len(secret) != 16 {
			return c, 0, false
		}
		c.Channel, c.Key = wire.Channel{}, session.DeriveInvite([16]byte(secret)).Invite
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
		s.book.run("UPDATE calls SET due = ? WHERE id = ?", stamp(s.now.Add(s.patience(p))), id)
	}
	for i, a := range f.acks {
		s.acked(f.hub, a, results[len(f.calls)+i].Error == nil)
	}
}

// patience is how long a call waits that a hub would not take yet.
func (s *step) patience(p pending) time.Duration {
	age := s.now.Sub(time.Unix(0, s.book.number("SELECT made FROM calls WHERE id = ?", p.row)))
	return min(max(age/4, 2*time.Second), 5*time.Minute) + randomDuration(time.Second)
}

// take1 takes the answer to one call.
func (s *step) take1(p pending, result wire.Result) verdict {
	switch p.op {
	case wire.OpClaim:
		return s.claimed(p, result)
	case wire.OpOpen:
		return s.openedOn(p, result)
	case wire.OpOffer:
		return s.offered(p, result)
	case wire.OpRedeem:
		return s.redeemed(p, result)
	case wire.OpPut:
		return s.stored(p, result)
	}
	// withdraw, revoke, grant: what a hub will not have now it will never have.
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

// cleanLine is what a hub says, as one line for people.
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
func words(e *wire.Error) string {
	if text := cleanLine(e.Text); text != "" {
		return fmt.Sprintf("%s (%s)", text, e.Code)
	}
	return string(e.Code)
}
