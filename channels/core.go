package channels

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Options for Open.
type Options struct {
	Nick     string       // used while the phonebook has none; may be empty
	Mirror   MirrorPolicy // empty: MirrorAuto
	Private  bool         // hubs that others name may be at loopback and private addresses
	Unlinked bool         // no hub is to see that channels belong to one gateway
	Quick    bool         // commits do not wait for the disk: for tests without a loss of power
}

// MirrorPolicy says whether channels are kept on the user's own hub, too.
type MirrorPolicy string

// The policies.
const (
	MirrorAuto  MirrorPolicy = "auto"
	MirrorAsk   MirrorPolicy = "ask"   // the user is told how, once a channel
	MirrorNever MirrorPolicy = "never" // but for what the user asks for
)

// ErrNewerPhonebook is returned by Open for a phonebook that a newer hubbub wrote.
var ErrNewerPhonebook = errors.New("the phonebook was written by a newer hubbub: upgrade this one")

// Core is the step machine with its phonebook. It is not safe for concurrent
// use: one goroutine owns it.
type Core struct {
	book     *phonebook
	options  Options
	run      int64              // names this opening of the phonebook: sender keys of others are not used
	memory   memory             // what is not worth keeping
	channels map[int64]*channel // by row: what was read of the phonebook; nil: nothing was yet
	nick     string
}

// Open opens the phonebook in folder dir (made 0700 if missing, the file 0600),
// migrating an older one after copying it.
func Open(dir string, o Options) (*Core, error) {
	book, err := openPhonebook(dir, o.Quick)
	if err != nil {
		return nil, err
	}
	if o.Mirror == "" {
		o.Mirror = MirrorAuto
	}
	c := &Core{book: book, options: o, run: randomNumber(), memory: newMemory()}
	err = book.transaction(func() {
		if book.setting("nick") == "" && checkNick(o.Nick) {
			book.set("nick", o.Nick)
		}
		c.load()
	})
	if err == nil {
		// What an earlier run deleted may still stand in the log it left.
		err = book.truncate()
	}
	if err != nil {
		return nil, errors.Join(err, book.close())
	}
	return c, nil
}

// Close closes the phonebook. Nothing is lost without it.
func (c *Core) Close() error { return c.book.close() }

// load reads what the core keeps at hand of the phonebook.
func (c *Core) load() {
	c.nick = c.book.setting("nick")
	c.channels = map[int64]*channel{}
	for _, ch := range list(c.book, readChannel, selectChannels) {
		c.channels[ch.row] = ch
	}
}

// Step takes one input in one phonebook transaction. A returned error is the
// phonebook's (disk full, file gone): nothing of the input took effect, memory
// is as before, and the same input may be given again. Whatever else fails is
// an event. Own clocks may jump: now is only compared with a margin.
func (c *Core) Step(in Input, now time.Time) (Output, error) {
	saved := c.memory.clone()
	s := &step{Core: c, now: now.Round(0).UTC()}
	err := c.book.transaction(func() {
		if c.channels == nil {
			c.load()
		}
		s.clock()
		s.take(in)
		s.settle()
	})
	if err != nil {
		c.memory = saved
		c.channels = nil // read again by the next step: what is in memory is not in the phonebook
		return Output{}, err
	}
	if s.erase() {
		if err := c.book.truncate(); err != nil {
			c.memory.truncate = s.now.Add(truncateAfter) // the step itself is done: try again then
		}
	}
	return s.out, nil
}

// step is one step under way.
type step struct {
	*Core
	now   time.Time
	out   Output
	again map[int64]*retries // by channel: what may open now
	away  bool               // what is being answered comes from where a hub is not known to be

	introduces bool // a joiner is shown the members for the first time
}

// emit adds to the events.
func (s *step) emit(e Event) { s.out.Events = append(s.out.Events, e) }

// fail answers an input that took no effect.
func (s *step) fail(ref Ref, channel string, code Code, format string, args ...any) {
	s.emit(Failed{Ref: ref, Channel: channel, Code: code, Text: fmt.Sprintf(format, args...)})
}

// take carries out an input.
func (s *step) take(in Input) {
	switch in := in.(type) {
	case Start:
		s.start()
	case Tick:
	case Answered:
		s.answered(in)
	case UseHub:
		s.useHub(in)
	case Join:
		s.join(in)
	case Redeem:
		s.redeem(in)
	case Invite:
		s.invite(in)
	case Revoke:
		s.revoke(in)
	case Send:
		s.send(in)
	case SetNick:
		s.setNick(in)
	case SetTopic:
		s.setTopic(in)
	case Hide:
		s.hide(in)
	case Leave:
		s.leave(in)
	case Remove:
		s.removeMember(in)
	case Confirm:
		s.confirm(in)
	case Share:
		s.share(in)
	case Fork:
		s.fork(in)
	case Verify:
		s.verify(in)
	case Mirror:
		s.mirror(in)
	case DropHub:
		s.dropHub(in)
	case ForgetHub:
		s.forgetHub(in)
	case MoveHub:
		s.moveHub(in)
	case Rescue:
		s.rescue(in)
	case AskHub:
		s.askHub(in)
	case Delivered:
		s.delivered(in)
	default:
		panic(fmt.Sprintf("channels: no such input: %T", in))
	}
}

// settle does what is due now, whatever the input was: it seals, writes the
// channels down, and makes the requests that are not under way.
func (s *step) settle() {
	s.timers()
	s.drain()
	s.left()
	for _, ch := range s.channels {
		s.save(ch)
	}
	s.requests()
	s.out.Wake = s.wake()
}

// start is the first input: what is to be asked of hubs is asked by settle, as
// it is after every step.
func (s *step) start() {
	s.book.run("UPDATE timers SET at = min(at, ?)", stamp(s.now.Add(longestTimer)))
	s.book.run("UPDATE places SET retry = 0, later = 0, carry = 0, ack_after = CASE WHEN unacked > 0 THEN ? ELSE ack_after END", stamp(s.now))
	s.book.run("UPDATE places SET dropped = min(dropped, ?)", stamp(s.now)) // the clock may have been set back
	s.book.run("UPDATE timers SET at = min(at, ?) WHERE kind = ?", stamp(s.now.Add(droppedKept)), timerDropped)
	s.book.run("UPDATE calls SET due = ? WHERE due > ?", stamp(s.now.Add(time.Minute)), stamp(s.now.Add(time.Minute)))
	s.mirrors()
	s.clean()
}

// clock notices that now went back since the last step: then all that waits
// for a time would wait too long.
func (s *step) clock() {
	if back := s.memory.now.Sub(s.now); !s.memory.now.IsZero() && back > time.Minute {
		s.memory.shift(-back)
		s.book.run("UPDATE timers SET at = at - ?", int64(back))
		s.book.run("UPDATE calls SET due = due - ? WHERE due > 0", int64(back))
		for _, column := range []string{"retry", "later", "carry", "lost", "dropped", "closing", "counted"} {
			s.book.run("UPDATE places SET "+column+" = "+column+" - ? WHERE "+column+" > 0", int64(back))
		}
		s.book.run("UPDATE hubs SET since = max(since - ?, since > 0), rested = max(rested - ?, 0)", int64(back), int64(back))
		s.book.run("UPDATE hubs SET closes_told = max(closes_told - ?, 0), moving_since = max(moving_since - ?, 0)", int64(back), int64(back))
		s.book.run("UPDATE held SET since = since - ?", int64(back))
		s.book.run("UPDATE peers SET gap = gap - ? WHERE gap > 0", int64(back))
		s.book.run("UPDATE ops_asked SET at = at - ?", int64(back))
		s.book.run("UPDATE missed SET at = at - ?", int64(back))
		s.book.run("UPDATE newcomers SET due = due - ? WHERE due > 0", int64(back))
		s.book.run("UPDATE fingerprints SET since = since - ?, heard = heard - ? WHERE since > 0", int64(back), int64(back))
		s.book.run("UPDATE admitted SET at = at - ? WHERE at > 0", int64(back))
		s.book.run("UPDATE peers SET gone = gone - ? WHERE gone > 0", int64(back))
		s.book.run("UPDATE ops_wanted SET due = due - ?, last = last - ? WHERE due > 0 OR last > 0", int64(back), int64(back))
		for _, ch := range s.channels {
			ch.saw = ch.saw.Add(-back)
		}
	}
	s.memory.now = s.now
}

// truncateAfter is how long deleted keys may stay in the phonebook's
// write-ahead log.
const truncateAfter = 30 * time.Second

// forgot notes that keys were deleted.
func (s *step) forgot() {
	if s.memory.truncate.IsZero() {
		s.memory.truncate = s.now.Add(truncateAfter)
	}
}

// erase says whether the log is to be truncated now.
func (s *step) erase() bool {
	if s.memory.truncate.IsZero() || s.now.Before(s.memory.truncate) {
		return false
	}
	s.memory.truncate = time.Time{}
	return true
}

// setting reads a setting; empty if it was never set.
func (p *phonebook) setting(name string) string {
	v, _ := first(p, func(r row) (v string) { scan(r, &v); return v }, "SELECT value FROM settings WHERE name = ?", name)
	return v
}

func (p *phonebook) set(name, value string) {
	p.run("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
}

// randomNumber draws a positive number.
func randomNumber() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>1 | 1)
}

// randomDuration draws a duration from 0 up to most.
func randomDuration(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(randomNumber() % int64(most))
}
