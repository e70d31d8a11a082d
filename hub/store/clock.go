package store

import (
	"time"

	"hubbub/channels/wire"
)

// The store forgets by the hub's clock, and a hub's clock is not to be trusted:
// so a jump of it forgets nothing at once. What the store knows of the clock is
// one row, which transactions that write note the time in.
//
// A clock that is further on than a day after the time noted last has jumped, or
// nobody has asked the hub anything for so long. For a week after that the time
// between counts as not passed. If the clock goes back meanwhile, nothing was
// forgotten; if it stays, what was due goes after that week.
//
// What was stored while the clock was ahead, and now is from a time that has not
// come, counts as stored when the clock went back.
type clock struct {
	seen    int64 // the time noted last
	skipped int64 // seconds that do not count as passed
	until   int64 // this time
	back    int64 // when the clock last went back
	count   int64 // of notes: a database that has fewer than it had is an old copy
}

const (
	noteEvery  = 10 * time.Minute   // how often the time is noted
	jumpBeyond = 24 * time.Hour     // what is a jump
	jumpWaits  = 7 * 24 * time.Hour // for how long it does not count
)

// readClock reads the row.
func (t *tx) readClock() (c clock, err error) {
	_, err = t.row(`SELECT seen, skipped, until, back, count FROM clock`, nil, &c.seen, &c.skipped, &c.until, &c.back, &c.count)
	return c, err
}

// observe reads what is known of the clock, and notes the time if it is time.
// A program that was replaced while it ran does not write any more.
func (t *tx) observe() error {
	var version int
	if _, err := t.row("PRAGMA user_version", nil, &version); err != nil {
		return err
	}
	if version > len(migrations) {
		return newer(version)
	}
	was, err := t.readClock()
	if err != nil {
		return err
	}
	t.was = was
	t.clock = was.next(t.now.Unix())
	if t.noted = t.clock.count != was.count; !t.noted {
		return nil
	}
	return t.exec(`UPDATE clock SET seen = ?, skipped = ?, until = ?, back = ?, count = ?`,
		t.clock.seen, t.clock.skipped, t.clock.until, t.clock.back, t.clock.count)
}

// next is the clock when it is now, with a note of it if it is time for one.
func (c clock) next(now int64) clock {
	passed := now - c.seen
	every := int64(noteEvery / time.Second)
	if -every < passed && passed < every {
		return c
	}
	switch {
	case c.seen == 0: // the first time of all
		c.back = now
	case passed < 0:
		c.back = now
		c.skipped = max(0, c.skipped+passed)
		c.until = min(c.until, now+int64(jumpWaits/time.Second))
	case passed > int64(jumpBeyond/time.Second) && (now >= c.until || passed > c.skipped):
		// A smaller jump than the one that is waited for counts at once: else a
		// hub that is asked every few days would wait for ever.
		c.skipped, c.until = passed, now+int64(jumpWaits/time.Second)
	}
	c.seen = now
	c.count++
	return c
}

// due is the time by which the store forgets.
func (t *tx) due() time.Time {
	if now := t.now.Unix(); now < t.clock.until {
		return time.Unix(now-t.clock.skipped, 0)
	}
	return t.now
}

// since is when what bears this time was stored.
func (t *tx) since(at int64) int64 {
	if at > t.now.Add(wire.MaxSkew).Unix() {
		return min(at, t.clock.back)
	}
	return at
}

// positionAt is the position that the clock gives. One that is off by a lifetime
// must not lead to numbers that the protocol does not know.
func positionAt(now time.Time) int64 { return min(now.UnixMicro(), 1<<52) }
