package channels

import (
	"fmt"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// Members who know other operations than oneself see another roster, as long as
// that lasts. It mends itself within seconds (opsync.go); where it does not, the
// user is told: somebody lies, or a hub does, or something is lost.

// differsLong is how long members may know other operations before that is told.
const differsLong = 5 * time.Minute

// differing is a member's fingerprint, and since when it is another than one's own.
type differing struct {
	opsTold
	since time.Time // zero: it is not, as far as is known
	heard time.Time // when he has shown it last
	told  bool
}

const selectDiffering = "SELECT member, count, hash, head, since, heard, told FROM fingerprints WHERE channel = ? "

func readDiffering(r row) (d differing) {
	var member, hash []byte
	var since, heard int64
	scan(r, &member, &d.count, &hash, &d.head, &since, &heard, &d.told)
	d.member, d.hash = session.Member(member), session.ID(hash)
	d.since, d.heard = moment(since), moment(heard)
	return d
}

// mindDiffering looks at who knows other operations, when one's own have changed or
// time has passed.
func (s *step) mindDiffering(ch *channel) {
	if ch.state != stateMember {
		return
	}
	for _, d := range list(s.book, readDiffering, selectDiffering+"ORDER BY member", ch.row) {
		before := d
		if !s.showsMore(ch, d.opsTold) {
			d.since = time.Time{} // what he has not is news: he may have it now
		}
		s.minded(ch, before, d)
	}
}

// showsOps does so when a member has shown which he knows.
func (s *step) showsOps(ch *channel, from session.Member) {
	before, ok := first(s.book, readDiffering, selectDiffering+"AND member = ?", ch.row, from[:])
	if !ok || ch.state != stateMember {
		return
	}
	d := before
	d.heard = s.now
	if d.since.IsZero() {
		d.since = s.now
	}
	s.minded(ch, before, d)
}

// minded tells of a member who differs, or does not any more, and keeps what has
// changed of that.
func (s *step) minded(ch *channel, before, d differing) {
	live := s.view(ch).Live(roster.Member(d.member))
	switch {
	case s.same(ch, d.opsTold):
		if d.told && live {
			s.info(ch, "%s knows the same members as you again", s.nickOf(ch, d.member))
		}
		d.since, d.heard, d.told = time.Time{}, time.Time{}, false
	case d.told || d.since.IsZero() || !live:
	case s.differs(ch, d):
		d.told = s.tellDiffering(ch, d)
	case s.showsMore(ch, d.opsTold):
		s.timer(ch, timerDiffer, d.since.Add(differsLong))
	}
	if d.since != before.since || d.told != before.told || d.heard != before.heard {
		s.book.run("UPDATE fingerprints SET since = ?, heard = ?, told = ? WHERE channel = ? AND member = ?",
			stamp(d.since), stamp(d.heard), d.told, ch.row, d.member[:])
	}
}

// same says that a member has shown the very operations that are here.
func (c *Core) same(ch *channel, f opsTold) bool {
	count, hash := c.ops(ch).Fingerprint()
	return f.count == int64(count) && f.hash == hash && (len(f.head) == 0 || c.ops(ch).Has(roster.Hash(f.head)))
}

// differs says that a live member has known other operations for a while: he has
// shown some that are not here; or has gone on showing that he lacks some, which
// were not new.
func (c *Core) differs(ch *channel, d differing) bool {
	if d.since.IsZero() || !c.view(ch).Live(roster.Member(d.member)) || c.same(ch, d.opsTold) {
		return false
	}
	until := d.heard
	if c.showsMore(ch, d.opsTold) {
		until = c.memory.now
	}
	return until.Sub(d.since) >= differsLong
}

// tellDiffering tells so, unless what is missing here could not be asked for yet.
func (s *step) tellDiffering(ch *channel, d differing) bool {
	count, _ := s.ops(ch).Fingerprint()
	nick, missing := s.nickOf(ch, d.member), d.count-int64(count)
	if !s.showsMore(ch, d.opsTold) {
		s.info(ch, "%s does not know the same members as you: %s missing there, and %s's gateway was not given that by anybody yet", nick, changes(-missing), nick)
		return true
	}
	if asked, _ := s.askedFor(ch, d.opsTold); asked == 0 {
		s.timer(ch, timerDiffer, s.now.Add(differsLong))
		return false
	}
	s.info(ch, "%s does not know the same members as you: %s missing here, asked for, and not come yet. If it stays so, compare who is in %s over another way: /msg sysop safety %s", nick, changes(missing), ch.name, ch.name)
	return true
}

// changes counts operations, for people, with their verb.
func changes(n int64) string {
	switch {
	case n == 1:
		return "1 change is"
	case n > 1 && n < 100_000:
		return fmt.Sprintf("%d changes are", n)
	}
	return "some changes are"
}

// differ are the nicks of those who have known other operations for a while.
func (c *Core) differ(ch *channel) (nicks []string) {
	if ch.state != stateMember {
		return nil
	}
	for _, d := range list(c.book, readDiffering, selectDiffering+"AND since > 0 ORDER BY member", ch.row) {
		if c.differs(ch, d) {
			nicks = append(nicks, c.nickOf(ch, d.member))
		}
	}
	return nicks
}
