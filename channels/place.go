package channels

import (
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// placeRecord is a channel on a hub, as the phonebook has it.
type placeRecord struct {
	opened     int64 // 1: by the user; -1: by the user, and the hub does not do it again
	joined     bool  // it is read
	entered    bool  // one's own token was let in
	dropped    bool  // the channel is not kept there any more
	standing   Standing
	told       Standing
	tries      int
	trouble    string
	position   int64
	generation []byte
	later      time.Time // calls that keep an order are not made before
	carry      time.Time // others' entries are not put before
	lost       time.Time // when it was found to have lost something
	losses     int       // how often, since it last had not for a day
	entries    int64
	bytes      int64
	quota      int64
	counted    time.Time
}

// placeAt reads how a channel stands on a hub; zero if it is not kept there.
func (c *Core) placeAt(channel, hub int64) placeRecord {
	p, _ := first(c.book, func(r row) (p placeRecord) {
		var later, carry, lost, counted int64
		scan(r, &p.opened, &p.joined, &p.entered, &p.dropped, &p.standing, &p.told, &p.tries, &p.trouble, &p.position, &p.generation,
			&later, &carry, &lost, &p.entries, &p.bytes, &p.quota, &counted, &p.losses)
		p.later, p.carry, p.lost, p.counted = moment(later), moment(carry), moment(lost), moment(counted)
		return p
	}, `SELECT opened, joined, entered, dropped > 0, standing, told, tries, trouble, position, generation, later, carry, lost, entries, bytes, quota, counted, losses
		FROM places WHERE channel = ? AND hub = ?`, channel, hub)
	return p
}

// placesOf lists the hubs that a channel lives on.
func (c *Core) placesOf(ch *channel) []int64 {
	return list(c.book, readNumber, "SELECT hub FROM places WHERE channel = ? AND dropped = 0 ORDER BY hub", ch.row)
}

// addPlace notes that a channel lives on a hub, and says whether that is new.
func (s *step) addPlace(ch *channel, hub int64) bool {
	s.book.run("DELETE FROM calls WHERE channel = ? AND hub = ? AND op IN (?, ?)", ch.row, hub, string(wire.OpFetch), string(wire.OpClose))
	return s.book.run(`INSERT INTO places (channel, hub, joined) VALUES (?, ?, 1)
		ON CONFLICT DO UPDATE SET dropped = 0, closing = 0, retry = 0 WHERE dropped > 0`, ch.row, hub) > 0
}

// removePlace forgets that a channel lived on a hub.
func (s *step) removePlace(channel, hub int64) {
	delete(s.memory.head, place{channel, hub})
	s.book.run("DELETE FROM calls WHERE channel = ? AND hub = ?", channel, hub)
	s.book.run("DELETE FROM admitted WHERE channel = ? AND hub = ?", channel, hub)
	s.book.run("DELETE FROM places WHERE channel = ? AND hub = ?", channel, hub)
}

// forgetPlaces forgets where a channel was read to.
func (s *step) forgetPlaces(ch *channel) {
	for p := range s.memory.head {
		if p.channel == ch.row {
			delete(s.memory.head, p)
		}
	}
}

// enter notes that a hub lets one's token in.
func (s *step) enter(ch *channel, hub int64) {
	p := s.placeAt(ch.row, hub)
	full := p.standing == Full && s.book.number("SELECT EXISTS (SELECT 1 FROM calls WHERE channel = ? AND hub = ?)", ch.row, hub) > 0
	if full || p.standing == Closed { // only a put can show whether that is over
		p.standing, p.trouble = Good, ""
	}
	if !p.entered {
		s.memory.entered[place{ch.row, hub}] = s.memory.last
	}
	if !p.entered || p.standing != Good || p.trouble != "" {
		s.tellServed(ch, hub)
		s.book.run(`UPDATE places SET entered = 1, joined = 1 WHERE channel = ? AND hub = ?`, ch.row, hub)
		s.book.run(`UPDATE places SET standing = 0, told = 0, trouble = '' WHERE channel = ? AND hub = ? AND NOT (standing = ? AND ?) AND standing <> ?`, ch.row, hub, int(Full), full, int(Closed))
		s.admit(ch, hub)
	}
}

// stand notes how a channel stands on a hub where that is not good.
func (s *step) stand(ch *channel, hub int64, standing Standing, trouble string) {
	s.book.run("UPDATE places SET standing = ?, trouble = ? WHERE channel = ? AND hub = ?", int(standing), trouble, ch.row, hub)
	s.tellStanding(ch, hub)
}

// How long a hub is left alone that would not let a channel be read.
const (
	refusedBase   = 5 * time.Second
	refusedMost   = 5 * time.Minute
	refusedPutOut = time.Hour
	refusedOut    = 24 * time.Hour // by all hubs
)

// refused notes that a hub would not let a channel be read.
func (s *step) refused(ch *channel, hub int64, e *wire.Error) {
	delete(s.memory.head, place{ch.row, hub})
	p := s.placeAt(ch.row, hub)
	wait := min(refusedBase<<min(p.tries, 8), refusedMost)
	switch {
	case e == nil:
		s.stand(ch, hub, Odd, "it answered something that makes no sense")
		wait = time.Minute
	case transient(e.Code):
		s.stand(ch, hub, p.standing, words(e))
		wait = refusedBase
	case e.Code == wire.CodeRevoked:
		s.stand(ch, hub, PutOut, words(e))
		s.book.run("UPDATE places SET entered = 0 WHERE channel = ? AND hub = ?", ch.row, hub)
		if ch.state == stateWaiting && s.outEverywhere(ch) {
			s.turnedAway(ch)
			return
		}
		wait = refusedPutOut
		if p.standing != PutOut {
			s.timer(ch, timerShut, s.now.Add(shutLong)) // it may be that only a hub of his own is left
		}
		if s.shutOut(ch) {
			if p.standing != PutOut {
				s.tellOut(ch)
			}
			wait = refusedOut
		}
	case e.Code == wire.CodeBanned:
		s.stand(ch, hub, Banned, words(e))
		s.book.run("UPDATE places SET entered = 0 WHERE channel = ? AND hub = ?", ch.row, hub)
		wait = min(refusedBase<<min(p.tries, 12), refusedPutOut)
	case e.Code == wire.CodeUnknown, e.Code == wire.CodeDenied:
		wait = s.notLetIn(ch, hub, p, e, wait)
	default:
		s.stand(ch, hub, Odd, words(e))
	}
	s.book.run("UPDATE places SET retry = ?, tries = tries + 1 WHERE channel = ? AND hub = ?",
		stamp(s.now.Add(wait+randomDuration(wait/4))), ch.row, hub)
}

// outEverywhere says that no hub is left that lets a joiner in.
func (s *step) outEverywhere(ch *channel) bool {
	return s.book.number("SELECT count(*) FROM places WHERE channel = ? AND entered = 1", ch.row) == 0
}

// notLetIn takes that a hub does not know the channel, or one's token in it:
// it has lost them, or nobody has let one in yet. It says when to ask again.
func (s *step) notLetIn(ch *channel, hub int64, p placeRecord, e *wire.Error, wait time.Duration) time.Duration {
	if p.entered {
		s.lostAll(ch, hub, words(e))
	} else if p.standing == Good {
		s.book.run("UPDATE places SET trouble = ? WHERE channel = ? AND hub = ?", words(e), ch.row, hub)
	}
	h, _ := s.hub(hub)
	// Whoever opened it there may be gone: then who has said that it is kept there
	// opens it again, if it is his own. That another says so is no reason to.
	if p.opened == 0 && e.Code == wire.CodeUnknown && s.options.Mirror == MirrorAsk && ch.state == stateMember && h.account != nil && h.claimed && !s.saidSo(ch, h) {
		s.tellToMirror(ch, h, "was kept on your hub "+h.address.URL+" before, and is not there any more")
	}
	if p.opened != 1 && (p.opened != 0 || e.Code != wire.CodeUnknown || !s.saidSo(ch, h) && !s.toMirror(ch, h)) || h.account == nil || !h.claimed {
		return wait
	}
	if s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND hub = ? AND op = ?", ch.row, hub, string(wire.OpOpen)) > 0 {
		return time.Minute
	}
	s.openFirst(ch, hub)
	if p.tries == 0 {
		wait = 2 * time.Second
	}
	return wait
}

// saidSo says that the user has added a hub to a channel.
func (s *step) saidSo(ch *channel, h hub) bool {
	if ch.state != stateMember {
		return false
	}
	return slices.ContainsFunc(s.ops(ch).All(), func(op *roster.Signed) bool {
		add, ok := op.Op().Args.(roster.HubAdd)
		return ok && session.Member(op.Op().By) == ch.self && wire.Fingerprint(add.Key) == h.address.Fingerprint
	})
}

// toMirror says that a channel is to be kept on a hub of the user's by itself.
func (s *step) toMirror(ch *channel, h hub) bool {
	home, ok := s.home()
	return ok && home.row == h.row && s.options.Mirror == MirrorAuto && ch.state == stateMember &&
		s.book.number("SELECT count(*) FROM unmirrored WHERE channel = ? AND hub = ?", ch.row, h.row) == 0
}
