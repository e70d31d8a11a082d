package channels

import (
	"fmt"
	"strings"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// The user is told once of a hub that fails, and once that it is back: the talk
// goes on meanwhile, if there is another.

const (
	downTold  = time.Minute // a hub that does not answer for so long is told of
	downAgain = time.Hour   // and one that comes and goes not more often than that
	sameAgain = time.Hour   // a standing on a hub that comes and goes, the same

	privateAgain = 24 * time.Hour // a member who names hubs at private addresses
)

// lately says that a time is not long ago. One ahead is of a clock that was set
// back since.
func (s *step) lately(at int64, within time.Duration) bool {
	age := s.now.Sub(moment(at))
	return at != 0 && age >= 0 && age < within
}

// tellsOf is when the user is to be told that a hub does not answer; zero: not
// at all, or he was. A hub of others that was never heard of is one by their word
// alone.
func (s *step) tellsOf(h hub) time.Time {
	if h.account == nil && h.heard.IsZero() {
		return time.Time{}
	}
	if h.since.IsZero() || !h.told.IsZero() || h.embedded || len(s.livingOn(h)) == 0 {
		return time.Time{}
	}
	at := h.since.Add(downTold)
	if again := h.rested.Add(downAgain); !h.rested.IsZero() && again.After(at) {
		at = again
	}
	return at
}

// livingOn are the channels that are kept on a hub and shown.
func (c *Core) livingOn(h hub) []*channel {
	var living []*channel
	for _, row := range list(c.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND dropped = 0 AND joined = 1 ORDER BY channel", h.row) {
		if ch := c.channels[row]; ch != nil && ch.name != "" && (ch.state == stateMember || ch.state == stateWaiting) {
			living = append(living, ch)
		}
	}
	return living
}

// tellDown tells of the hubs that do not answer for a while, or go.
func (s *step) tellDown() {
	for _, h := range s.hubs() {
		s.mindClosing(h)
		if h.moving != "" {
			s.mindMoving(h)
		}
		at := s.tellsOf(h)
		if at.IsZero() || at.After(s.now) {
			continue
		}
		s.book.run("UPDATE hubs SET told = ?, rested = ? WHERE id = ?", stamp(s.now), stamp(s.now), h.row)
		s.emit(News{Text: fmt.Sprintf("the hub %s does not answer: %s. %s", h.address.URL, h.trouble, s.whileDown(h))})
	}
}

// whileDown says what becomes of the channels on a hub that is down.
func (s *step) whileDown(h hub) string {
	var on, alone []string
	for _, ch := range s.livingOn(h) {
		if s.reachable(ch) {
			on = append(on, ch.name)
		} else {
			alone = append(alone, ch.name)
		}
	}
	var words []string
	if len(on) > 0 {
		words = append(words, some(on)+" "+agree(on, "goes", "go")+" on over other hubs, and it gets what it missed when it is back.")
	}
	if len(alone) > 0 {
		words = append(words, "No hub of "+some(alone)+" can be reached: what you write is kept until one is back. If none comes back: /msg sysop hub rescue "+alone[0])
	}
	return strings.Join(words, " ")
}

// reachable says that a hub of the channel answers.
func (c *Core) reachable(ch *channel) bool {
	return c.book.number("SELECT count(*) FROM places p JOIN hubs h ON h.id = p.hub WHERE p.channel = ? AND p.entered = 1 AND p.dropped = 0 AND h.up = 1", ch.row) > 0
}

// some names a few channels.
func some(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	if len(names) > 1 {
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
	return names[0]
}

func agree(names []string, one, many string) string {
	if len(names) == 1 {
		return one
	}
	return many
}

// backUp notes that a hub answers again.
func (s *step) backUp(h hub) {
	if !h.up && h.account != nil && !h.embedded {
		s.mirrors()
	}
	if h.since.IsZero() {
		return
	}
	s.book.run("UPDATE hubs SET since = 0, told = 0 WHERE id = ?", h.row)
	if h.told.IsZero() {
		return
	}
	text := fmt.Sprintf("the hub %s answers again", h.address.URL)
	if n := s.book.number("SELECT count(*) FROM calls WHERE hub = ? AND op = 'put'", h.row); n > 0 {
		text += fmt.Sprintf(": up to %d envelopes that it missed are put there", n)
	}
	s.emit(News{Text: text})
}

// tellsStanding notes that the user is told of a standing, if he was not lately.
func (s *step) tellsStanding(ch *channel, hub int64, standing Standing) bool {
	at := s.book.number("SELECT at FROM standings_told WHERE channel = ? AND hub = ? AND standing = ?", ch.row, hub, int(standing))
	again := sameAgain
	if standing == makesRoom {
		again = roomAgain
	}
	if s.lately(at, again) {
		return false
	}
	s.book.run("INSERT INTO standings_told (channel, hub, standing, at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
		ch.row, hub, int(standing), stamp(s.now))
	return true
}

// makesRoom stands for a hub that drops the oldest texts of a channel to take new
// ones: it is as good as before, and the user had better know.
const makesRoom Standing = -1

const roomAgain = 24 * time.Hour // how often that is told

// tellMakesRoom tells of that.
func (s *step) tellMakesRoom(ch *channel, hub int64) {
	if h, ok := s.hub(hub); ok && ch.name != "" && s.tellsStanding(ch, hub, makesRoom) {
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the hub %s is full for %s: its oldest texts make room for new ones. Who has them keeps them; who was away for long may miss some there. Whose hub it is can give more room", h.address.URL, ch.name)})
	}
}

// tellStanding tells once that a hub answers and refuses a channel. If that comes
// and goes it is told later, should it last.
func (s *step) tellStanding(ch *channel, hub int64) {
	p := s.placeAt(ch.row, hub)
	if p.standing == p.told || p.standing != Good && !s.tellsStanding(ch, hub, p.standing) {
		return
	}
	s.book.run("UPDATE places SET told = ? WHERE channel = ? AND hub = ?", int(p.standing), ch.row, hub)
	if ch.name == "" {
		return
	}
	h, _ := s.hub(hub)
	switch p.standing {
	case Full:
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the hub %s has no room for %s: %s. %s", h.address.URL, ch.name, p.trouble, s.without(ch, hub))})
	case PutOut:
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the hub %s lets you into %s no more: %s. %s", h.address.URL, ch.name, p.trouble, s.without(ch, hub))})
	case Closed:
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the hub %s takes nothing new for %s any more: %s. %s", h.address.URL, ch.name, p.trouble, s.whatNext(ch, hub))})
	case Banned:
		if h.owner {
			s.emit(News{Channel: ch.name, Text: fmt.Sprintf("your hub %s serves you no more in %s, for you have banned the channel there, or the guest who opened it. %s To take it back: /msg sysop help hub unban", h.address.URL, ch.name, s.without(ch, hub))})
			return
		}
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the owner of the hub %s serves you no more in %s: %s. %s", h.address.URL, ch.name, p.trouble, s.whatNext(ch, hub))})
	case Lost:
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the hub %s does not know %s any more: it was wiped, or put back from a backup. %s", h.address.URL, ch.name, s.without(ch, hub))})
	}
}

// tellServed tells that a hub lets the user in again whose owner had banned him there,
// if he was told that.
func (s *step) tellServed(ch *channel, hub int64) {
	if ch.name == "" || s.placeAt(ch.row, hub).told != Banned {
		return
	}
	h, _ := s.hub(hub)
	whose := "the"
	if h.owner {
		whose = "your"
	}
	s.emit(News{Channel: ch.name, Text: fmt.Sprintf("%s hub %s serves you in %s again: the ban there was taken back. What it missed is put there", whose, h.address.URL, ch.name)})
}

// reachableBut says that another hub of the channel than this answers.
func (c *Core) reachableBut(ch *channel, hub int64) bool {
	return c.book.number("SELECT count(*) FROM places p JOIN hubs h ON h.id = p.hub WHERE p.channel = ? AND p.hub <> ? AND p.entered = 1 AND p.dropped = 0 AND h.up = 1", ch.row, hub) > 0
}

// without says what becomes of a channel without one of its hubs.
func (s *step) without(ch *channel, hub int64) string {
	if s.reachableBut(ch, hub) {
		return "It goes on over other hubs."
	}
	return "It has no other that can be reached: what you write is kept."
}

// movedLately is how long after a move a hub may be found to have another database.
const movedLately = time.Hour

// tellLoss tells that a hub has lost something of a channel.
func (s *step) tellLoss(ch *channel, hub int64) {
	if ch.name == "" || s.placeAt(ch.row, hub).told == Lost || !s.tellsStanding(ch, hub, Lost) {
		return // it was told when the hub did not know the channel
	}
	if moved := s.memory.hubs[hub].moved; !moved.IsZero() && s.now.Sub(moved) < movedLately {
		return // it is a copy that was made to move it
	}
	h, _ := s.hub(hub)
	s.emit(News{Channel: ch.name, Text: fmt.Sprintf("the hub %s has lost some of %s: it was wiped, or put back from a backup. Whatever your gateway has is put there again", h.address.URL, ch.name)})
}

// tellPrivate tells, once in a run, of a hub that is not asked; and of those that
// one member names, once a day.
func (s *step) tellPrivate(ch *channel, entry roster.HubEntry, url string) {
	if ch.name == "" || s.memory.private[entry.Op] {
		return
	}
	s.memory.private[entry.Op] = true
	if s.lately(s.book.number("SELECT at FROM private_told WHERE channel = ? AND member = ?", ch.row, entry.By[:]), privateAgain) {
		return
	}
	s.book.run("INSERT INTO private_told (channel, member, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at", ch.row, entry.By[:], stamp(s.now))
	s.emit(News{Channel: ch.name, Text: fmt.Sprintf("%s keeps %s on %s, too. That is a private address, and on your machine it may lead to something else: it is not asked. To have it asked set private_hubs = true in the configuration",
		s.nickOf(ch, session.Member(entry.By)), ch.name, url)})
}
