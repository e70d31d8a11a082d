package channels

import (
	"fmt"
	"time"

	"hubbub/channels/wire"
)

// A hub may fail in the middle of a joining, for ever, and nobody knows whether it
// has taken it. So the very same bytes go to the channel's other hubs at once. One
// that refuses them may do so because the members have seen the joining where it
// was taken, and have closed the slot: then they let the joiner's token in there,
// and he tries whether it is.

// doubtful is how long a joiner tries that before he is told that it may be in vain.
const doubtful = 20 * time.Second

// unredeemed takes that a hub did not answer a redeeming.
func (s *step) unredeemed(f *flight, why HubFailure) {
	for _, row := range f.calls {
		p, ok := first(s.book, readCall, selectCalls+"WHERE id = ?", row)
		ch := s.channels[p.channel]
		if !ok || p.op != wire.OpRedeem || ch == nil || ch.state != stateRedeeming {
			continue
		}
		s.redeemElsewhere(ch, p)
		if s.noneAnswers(ch) {
			s.warnJoiner(ch, "the hub does not answer (%s): joining %s goes on when it does. If it does not come back, ask for a new one-time key", cleanLine(why.Text))
		}
	}
}

// redeemElsewhere has a redeeming repeated on the hubs where nothing is under way.
func (s *step) redeemElsewhere(ch *channel, p pending) {
	for _, h := range s.placesOf(ch) {
		if h != p.hub && s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND hub = ?", ch.row, h) == 0 {
			s.call(pending{hub: h, channel: ch.row, op: wire.OpRedeem, args: p.args})
		}
	}
}

// noneAnswers says that all hubs of a channel were asked and none has answered.
func (s *step) noneAnswers(ch *channel) bool {
	for _, h := range s.placesOf(ch) {
		if s.memory.hubs[h].failures == 0 {
			return false
		}
	}
	return true
}

// warnJoiner tells somebody whose joining takes longer why, once.
func (s *step) warnJoiner(ch *channel, text, why string) {
	if r := s.redemption(ch); !r.warned {
		s.book.run("UPDATE redeemed SET warned = 1 WHERE channel = ?", ch.row)
		s.emit(Warn{Channel: r.name, Text: fmt.Sprintf(text, why, r.name)})
	}
}

// inDoubt says that another hub than the one that has answered this redeeming may
// have taken it.
func (s *step) inDoubt(p pending) bool {
	return s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND op = ? AND id <> ?", p.channel, string(wire.OpRedeem), p.row) > 0
}

// knock has a joiner try whether members have let his token in on a hub that has
// refused his redeeming.
func (s *step) knock(ch *channel, p pending, e *wire.Error) {
	if e.Code == wire.CodeUsed {
		s.usedToo(p.hub, s.redemption(ch).name)
	}
	s.call(pending{hub: p.hub, channel: ch.row, op: wire.OpStatus})
}

// knocked takes the answer to that.
func (s *step) knocked(p pending, result wire.Result) verdict {
	ch := s.channels[p.channel]
	switch {
	case ch == nil:
		return answered
	case result.Error == nil && ch.state == stateRedeeming:
		s.admittedBy(ch, p.hub)
		s.redeemedAll(ch, 0)
		return answered
	case result.Error == nil:
		s.enter(ch, p.hub)
		return answered
	case ch.state != stateRedeeming:
		return answered // he reads it now, and asks again in that way
	}
	if s.now.Sub(moment(s.book.number("SELECT made FROM calls WHERE id = ?", p.row))) > doubtful {
		h, _ := s.hub(p.hub)
		s.warnJoiner(ch, "the hub of your one-time key does not answer, and %s does not take the key: whether you have joined %s is not known. If you are not let in within a few minutes, ask for a new one-time key", h.address.URL)
	}
	return later
}

// supersede ends a joining that hangs, since its user has another key for that
// channel.
func (s *step) supersede(id [32]byte) {
	for _, ch := range s.sorted() {
		if ch.id != id || ch.state != stateRedeeming {
			continue
		}
		r := s.redemption(ch)
		ref := s.memory.joining[r.slot]
		delete(s.memory.joining, r.slot)
		s.remove(ch)
		if ref != 0 {
			s.fail(ref, r.name, CodeNotPossible, "a newer one-time key for that channel is used in its place")
		}
	}
}
