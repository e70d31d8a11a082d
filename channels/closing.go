package channels

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// A hub announces when it goes (docs/protocol.md, section 21). The user is told, in
// each channel on it; whoever had added it takes it out of a channel that another
// hub has all of; and the channels that have no other are told of again.

const (
	closesAgain  = 10 * time.Minute // a hub that says now this and now that is not told of more often
	closesAnew   = 20 * time.Minute // nor one that goes again after it was to stay
	closesRemind = 24 * time.Hour   // so long before, channels that have no other hub are told of again
	closesAbove  = 24 * time.Hour   // so long who stands above waits for whoever had added the hub
	closesMost   = 10 * 365 * 24 * time.Hour
)

// closing is what the answers to a fetch say of that.
type closing struct {
	known bool
	at    int64
}

// says takes what one answer says. That of a channel that was not read to its head
// is not believed yet: what is behind it may say that the hub is elsewhere now.
func (c *closing) says(r wire.FetchResult) {
	if !r.More && !c.known {
		c.known, c.at = true, r.Closes
	}
}

// noteCloses notes when a hub goes, as it says itself where it is now, and says
// whether that is worth an answer of its own.
func (s *step) noteCloses(f *flight, c closing) (news bool) {
	h, ok := s.hub(f.hub)
	if !c.known || !ok || f.astray || h.address.URL != f.url || h.embedded {
		return false
	}
	var at time.Time
	if c.at > 0 && c.at < s.now.Add(closesMost).Unix() {
		at = time.Unix(c.at, 0).UTC()
	}
	if at.Equal(h.closes) {
		return false
	}
	s.book.run("UPDATE hubs SET closes = ?, reminded = 0 WHERE id = ?", stamp(at), h.row)
	if s.hasClosed(h) && (at.IsZero() || at.After(s.now)) {
		s.reopened(h)
	}
	if at.IsZero() {
		s.book.run("DELETE FROM unmirrored WHERE hub = ? AND why = ?", h.row, mirrorCloses)
	}
	s.mirrors() // where it stood for one that stays, or the other way round
	h.closes, h.reminded = at, false
	told := s.tellsClosing(h)
	return !told.IsZero() && !told.After(s.now)
}

// noteAsked notes when a hub goes by what it answers to something else than a fetch.
// Where channels are read it is they who say so, in their order.
func (s *step) noteAsked(f *flight, op wire.Op, args any, result wire.Result) {
	c := closing{known: true}
	var err error
	switch op {
	case wire.OpRetire:
		retire, ok := args.(wire.RetireArgs)
		c.known, c.at = ok && result.Error == nil, retire.At
	case wire.OpReport:
		var r wire.ReportResult
		err = decode(result, &r)
		c.at = r.Closes
	case wire.OpStatus:
		var r wire.StatusResult
		err = decode(result, &r)
		c.at = r.Closes
	default:
		return
	}
	if err == nil && s.book.number("SELECT count(*) FROM places WHERE hub = ? AND joined = 1 AND dropped = 0", f.hub) == 0 {
		s.noteCloses(f, c)
	}
}

// reopened has a hub asked again for what it refused because it had closed.
func (s *step) reopened(h hub) {
	s.book.run("UPDATE places SET standing = 0, told = 0, trouble = '', later = 0, carry = 0 WHERE hub = ? AND standing = ?", h.row, int(Closed))
}

// hasClosed says that a hub's time is over.
func (s *step) hasClosed(h hub) bool { return !h.closes.IsZero() && !h.closes.After(s.now) }

// tellsClosing is when the user is to be told that a hub goes, or stays after all,
// or reminded of it; zero: not at all. That it stays does not wait: he may be about
// to look for another.
func (s *step) tellsClosing(h hub) time.Time {
	rests := closesAgain
	if h.closesSaid.IsZero() {
		rests = closesAnew
	}
	switch {
	case !h.closes.Equal(h.closesSaid) && !h.closes.IsZero() && s.lately(stamp(h.closesTold), rests):
		return h.closesTold.Add(rests)
	case !h.closes.Equal(h.closesSaid):
		return s.now
	case h.closes.IsZero() || h.reminded:
		return time.Time{}
	}
	return h.closes.Add(-closesRemind)
}

// mindClosing does what is to be done about a hub that goes.
func (s *step) mindClosing(h hub) {
	if at := s.tellsClosing(h); !at.IsZero() && !at.After(s.now) {
		if h.closes.Equal(h.closesSaid) {
			s.book.run("UPDATE hubs SET reminded = 1 WHERE id = ?", h.row)
			s.tellCloses(h, true)
		} else {
			soon := h.closes.Before(s.now.Add(closesRemind))
			s.book.run("UPDATE hubs SET closes_said = ?, closes_told = ?, reminded = ? WHERE id = ?", stamp(h.closes), stamp(s.now), soon, h.row)
			s.tellCloses(h, false)
		}
	}
	if h.closes.IsZero() {
		return
	}
	for _, ch := range s.livingOn(h) {
		if s.mayLeave(ch, h) {
			s.leaveClosing(ch, h)
		}
	}
}

// tellCloses tells that a hub goes, or stays after all; again: only where there is
// no other.
func (s *step) tellCloses(h hub, again bool) {
	e := HubCloses{Hub: h.address, At: h.closes}
	for _, ch := range s.livingOn(h) {
		only := !h.closes.IsZero() && s.remaining(ch, h.row) == 0
		switch {
		case h.closes.IsZero():
			s.info(ch, "the hub %s stays after all: its owner has taken back that it closes", h.address.URL)
		case only:
			e.Only = append(e.Only, ch.name)
			s.info(ch, "the hub %s, the only one of %s, closes%s: %s", h.address.URL, ch.name, s.closesWhen(h), s.beforeItCloses(ch, h))
		case !again:
			s.info(ch, "the hub %s closes%s. %s goes on over %s: nothing to do", h.address.URL, s.closesWhen(h), ch.name, s.remainsOn(ch, h))
		}
		e.Channels = append(e.Channels, ch.name)
	}
	if !again && (len(e.Channels) > 0 || h.account != nil) {
		s.emit(e)
	}
}

// closesWhen says when a hub goes.
func (s *step) closesWhen(h hub) string {
	if s.hasClosed(h) {
		return " now"
	}
	return " on " + h.closes.Format("2 January 2006, 15:04 UTC")
}

// beforeItCloses says what is to be done with a channel that has no other hub.
func (s *step) beforeItCloses(ch *channel, h hub) string {
	home, own := s.home()
	switch {
	case own && slices.Contains(s.placesOf(ch), home.row):
		return fmt.Sprintf("%s moves to your hub %s by itself, once that answers", ch.name, home.address.URL)
	case own:
		return fmt.Sprintf("nothing new can be written there then. To keep %s on a hub of yours: /msg sysop hub mirror %s", ch.name, ch.name)
	}
	return fmt.Sprintf("nothing new can be written in %s then, unless one of you keeps it on another hub. If you put one up (/msg sysop help hub add), that is done by itself. What you have received stays here", ch.name)
}

const placeRemains = `FROM places p JOIN hubs h ON h.id = p.hub WHERE p.channel = ? AND p.hub <> ? AND p.dropped = 0 AND p.entered = 1
	AND p.standing IN (0, 2) AND h.closes = 0 AND (h.since = 0 OR h.since > ?)`

// remaining is on how many hubs beside one a channel is that let the user in,
// answer, or did a day ago, and do not close.
func (s *step) remaining(ch *channel, hub int64) int64 {
	return s.book.number("SELECT count(*) "+placeRemains, ch.row, hub, stamp(s.now.Add(-24*time.Hour)))
}

// remainsOn names these.
func (s *step) remainsOn(ch *channel, h hub) string {
	return some(list(s.book, readString, "SELECT h.url "+placeRemains+" ORDER BY h.id", ch.row, h.row, stamp(s.now.Add(-24*time.Hour))))
}

// mayLeave says that the user is to take a hub that goes out of a channel, now: he
// has added it, or it is his, or he stands above who did and that one has not; and
// another hub has all.
func (s *step) mayLeave(ch *channel, h hub) bool {
	v, named := hubView(s.view(ch), h.address.Fingerprint)
	if !named || ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)) {
		return false
	}
	first := h.account != nil
	for _, e := range v.Entries {
		switch {
		case session.Member(e.By) == ch.self:
			first = true
		case h.account == nil && !s.mayTakeBack(ch, e):
			return false // only he who did, or who stands above, can take it back
		}
	}
	if waited := s.now.Sub(h.closesTold) >= closesAbove; !first && !waited && !s.hasClosed(h) {
		return false
	}
	if read := s.memory.head[place{ch.row, h.row}]; !read && (h.up || !s.hasClosed(h)) {
		return false // what it has is yet to be read
	}
	return slices.ContainsFunc(s.placesOf(ch), func(other int64) bool { return other != h.row && s.hasAll(ch, other) })
}

// hasAll says that a hub that stays has all of a channel that the user could put there.
func (s *step) hasAll(ch *channel, hub int64) bool {
	h, _ := s.hub(hub)
	p := s.placeAt(ch.row, hub)
	return h.up && h.closes.IsZero() && p.entered && !p.dropped && p.standing == Good && s.memory.head[place{ch.row, hub}] &&
		s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND hub = ? AND op IN ('open', 'put')", ch.row, hub) == 0
}

// leaveClosing takes a hub that goes out of a channel.
func (s *step) leaveClosing(ch *channel, h hub) {
	if err := s.unname(ch, h, mirrorCloses); err != nil {
		s.emit(Warn{Channel: ch.name, Text: err.Error()})
		return
	}
	s.info(ch, "%s is not kept on %s any more, which closes: %s has all of it", ch.name, h.address.URL, s.remainsOn(ch, h))
}

// closeOn has a hub that was dropped close the channel, if it was the user who has
// opened it there. It says false if there is nothing to wait for any more.
func (s *step) closeOn(ch *channel, hub int64) bool {
	p := s.placeAt(ch.row, hub)
	asked := s.book.number("SELECT closing FROM places WHERE channel = ? AND hub = ?", ch.row, hub)
	switch {
	case p.opened != 1 || ch.state != stateMember:
		return false
	case asked == 0 && s.saidNowhere(ch):
		dropped := s.book.number("SELECT dropped FROM places WHERE channel = ? AND hub = ?", ch.row, hub)
		s.timer(ch, timerDropped, s.now.Add(droppedKept))
		return s.now.Sub(moment(dropped)) <= closeTried
	case asked == 0:
		s.book.run("DELETE FROM calls WHERE channel = ? AND hub = ?", ch.row, hub)
		s.book.run("UPDATE places SET closing = ?, later = 0 WHERE channel = ? AND hub = ?", stamp(s.now), ch.row, hub)
		s.call(pending{hub: hub, channel: ch.row, op: wire.OpFetch})
	case s.now.Sub(moment(asked)) > closeTried:
		return false
	}
	s.timer(ch, timerDropped, s.now.Add(24*time.Hour))
	return true
}

// saidNowhere says that no hub of a channel has all yet that the user had to say there: that
// one was dropped may be among it. If it is closed before, the others do not know why,
// and if he is removed meanwhile they are told no more.
func (s *step) saidNowhere(ch *channel) bool {
	return s.book.number(`SELECT EXISTS (SELECT 1 FROM outbox WHERE channel = ?1 AND kind = ?2)
		OR NOT EXISTS (SELECT 1 FROM places p WHERE p.channel = ?1 AND NOT EXISTS
			(SELECT 1 FROM calls k WHERE k.channel = p.channel AND k.hub = p.hub AND k.op = 'put' AND k.carry = 0))`, ch.row, outOps) > 0
}

// closeTried is how long a hub is asked that does not answer: it may be gone for good.
const closeTried = 7 * 24 * time.Hour

// closedOn takes the answer to that.
func (s *step) closedOn(p pending, result wire.Result) verdict {
	if result.Error != nil && transient(result.Error.Code) {
		return later
	}
	if s.placeAt(p.channel, p.hub).dropped {
		s.removePlace(p.channel, p.hub)
	}
	return answered
}

// noteClosed takes whether a channel was closed on a hub, as that says where it is read.
func (s *step) noteClosed(ch *channel, hub int64, r wire.FetchResult) {
	switch closed := s.placeAt(ch.row, hub).standing == Closed; {
	case r.Closed && !closed:
		s.stand(ch, hub, Closed, "the channel was closed there")
	case closed && !r.Closed && r.Closes == 0:
		s.book.run("UPDATE places SET standing = 0, told = 0, trouble = '', later = 0, carry = 0 WHERE channel = ? AND hub = ?", ch.row, hub)
	}
}

// banned takes that a hub's owner serves the user, or the channel, no more. What is
// to be put there stays queued, for he may think better of it.
func (s *step) banned(p pending, e *wire.Error) verdict {
	ch := s.channels[p.channel]
	if ch == nil || ch.state == stateLeaving {
		return answered
	}
	s.refused(ch, p.hub, e)
	return later
}

// whatNext follows what is said of a channel that no hub takes texts of.
func (s *step) whatNext(ch *channel, hub int64) string {
	text := s.without(ch, hub)
	switch {
	case s.reachableBut(ch, hub):
	case ch.state == stateWaiting: // he knows no other, and cannot bring it to one
		text = fmt.Sprintf("Nobody has let you in yet: ask for a new one-time key, and type /msg sysop leave %s before you use it", ch.name)
	default:
		text = strings.TrimSuffix(text, ".") + ". To bring it to another: /msg sysop help hub rescue"
	}
	return text
}

// mindsClosing is when there is something to be done about a hub that goes.
func (s *step) mindsClosing(h hub) time.Time {
	soonest := s.tellsClosing(h)
	if h.closes.IsZero() {
		return soonest
	}
	for _, t := range []time.Time{h.closes, h.closesTold.Add(closesAbove)} {
		if t.After(s.now) && (soonest.IsZero() || t.Before(soonest)) {
			soonest = t
		}
	}
	return soonest
}
