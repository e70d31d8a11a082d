package channels

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"hubbub/channels/session"
)

// What was said last of texts that wait (channel.told).
const (
	toldAlone  = "alone"  // nobody is there to send them to
	toldUnsent = "unsent" // no hub has them
)

// unsentAfter is how long a text may be on no hub before the user is told.
const unsentAfter = 4 * time.Second

// backlogMost is how many lines of a channel a client gets that was never here.
const backlogMost = 50

// send puts a text into history and outbox.
func (s *step) send(in Send) {
	ch := s.named(in.Channel)
	if ch == nil {
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
		return
	}
	if ch.state == stateRemoved {
		s.fail(in.Ref, ch.name, CodeNotPossible, "you were removed from %s", ch.name)
		return
	}
	if s.shutOut(ch) {
		s.fail(in.Ref, ch.name, CodeNotPossible, "no hub of %s lets you in any more: it seems that you were removed, and nobody would get this", ch.name)
		return
	}
	if len(in.Text) > MaxText {
		s.fail(in.Ref, ch.name, CodeBadText, "a text may have %d bytes, and this one has %d", MaxText, len(in.Text))
		return
	}
	text, ok := cleanText(in.Text)
	if !ok || text == "" {
		s.fail(in.Ref, ch.name, CodeBadText, "this text is empty, or not UTF-8")
		return
	}
	content := session.Text{Text: text}
	switch in.Kind {
	case Text:
	case Action:
		content.Style = session.StyleAction
	case Notice:
		content.Style = session.StyleNotice
	default:
		s.fail(in.Ref, ch.name, CodeBadText, "this is no kind of text")
		return
	}
	line := Line{Channel: ch.name, From: s.nick, Own: true, Kind: in.Kind, Text: text, Time: s.now, Ref: in.Ref}
	row := s.line(ch, line, ch.self, false)
	s.enqueue(ch, item{kind: outText, line: row, content: mustEncode(content)})
	if s.alone(ch) {
		if ch.told != toldAlone {
			ch.told = toldAlone
			s.info(ch, "nobody is in %s yet: kept, and sent when somebody joins", ch.name)
		}
		return
	}
	s.timerIfNone(ch, timerUnsent, s.now.Add(unsentAfter))
	s.hurry(s.placesOf(ch)...)
}

// line writes a line into history and shows it.
func (s *step) line(ch *channel, l Line, member session.Member, sent bool) int64 {
	if ch.hidden {
		ch.hidden = false
		s.emit(Shown{Channel: ch.name})
	}
	l.ID = s.book.insert(`INSERT INTO lines (channel, nick, member, own, kind, text, time, late, sent, quoted, said) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		ch.row, l.From, member[:], l.Own, int(l.Kind), l.Text, stamp(l.Time), l.Late, sent, l.Quoted, stamp(l.Said))
	s.emit(l)
	return l.ID
}

// info says something of hubbub's own in a channel.
func (s *step) info(ch *channel, format string, args ...any) {
	if ch.name == "" {
		return
	}
	s.line(ch, Line{Channel: ch.name, Kind: Info, Text: fmt.Sprintf(format, args...), Time: s.now}, session.Member{}, true)
}

// showText shows a text of a member's, and nothing if it is none.
func (s *step) showText(ch *channel, from session.Member, b heldBody, late bool) {
	text, ok := cleanText(b.Text)
	if !ok || text == "" || ch.name == "" {
		return
	}
	s.line(ch, Line{
		Channel: ch.name, From: s.nickOf(ch, from), Kind: kindOf(b.Style), Text: text, Late: late,
		Time: s.saneTime(ch, from, b),
	}, from, true)
}

// saneTime is the time that a text claims, but not later than now, and not
// earlier than its sender's line before it or than one's own that it had seen.
func (s *step) saneTime(ch *channel, from session.Member, b heldBody) time.Time {
	t := time.UnixMilli(b.Time).UTC()
	before := moment(s.book.number("SELECT time FROM lines WHERE channel = ? AND member = ? ORDER BY id DESC LIMIT 1", ch.row, from[:]))
	for _, h := range b.Seen {
		if h.From == ch.self {
			own := moment(s.book.number("SELECT max(time) FROM lines WHERE channel = ? AND own = 1 AND seq > 0 AND seq <= ? AND id > (SELECT max(id) - 1000 FROM lines)", ch.row, h.Seq))
			if own.After(before) {
				before = own
			}
		}
	}
	if t.Before(before) {
		t = before
	}
	if t.After(s.now) {
		t = s.now
	}
	return t
}

// unsent tells the user of texts that no hub has after a while: once, until they
// have arrived.
func (s *step) unsent(ch *channel) {
	oldest := s.book.number("SELECT min(time) FROM lines WHERE channel = ? AND sent = 0", ch.row)
	if oldest == 0 || s.alone(ch) || ch.told == toldUnsent {
		return
	}
	if due := moment(oldest).Add(unsentAfter); due.After(s.now) {
		s.timer(ch, timerUnsent, due)
		return
	}
	ch.told = toldUnsent
	s.info(ch, "not sent yet: %s; kept, and sent when it can be", s.whyUnsent(ch))
}

// whyUnsent says what keeps texts from being sent.
func (s *step) whyUnsent(ch *channel) string {
	var why []string
	for _, id := range s.placesOf(ch) {
		h, _ := s.hub(id)
		switch trouble := s.placeAt(ch.row, id).trouble; {
		case !h.up:
			why = append(why, hostOf(h.address.URL)+" cannot be reached")
		case trouble != "":
			why = append(why, hostOf(h.address.URL)+": "+trouble)
		default:
			return hostOf(h.address.URL) + " has not answered yet"
		}
	}
	if len(why) == 0 {
		return "there is no hub"
	}
	return strings.Join(why, ", ")
}

// arrived tells the user that what had to wait is sent, if that was said.
func (s *step) arrived(ch *channel) {
	if ch.told == "" || s.book.number("SELECT count(*) FROM lines WHERE channel = ? AND sent = 0", ch.row) > 0 {
		return
	}
	ch.told = ""
	s.info(ch, "sent: everything kept in %s has arrived at the hub", ch.name)
}

// hostOf is the host of a hub's URL, for people.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return address
}

// delivered notes up to where a client has shown the lines.
func (s *step) delivered(in Delivered) {
	newest := s.book.number("SELECT max(id) FROM lines")
	s.book.run(`INSERT INTO marks (client, line) VALUES (?, ?)
		ON CONFLICT (client) DO UPDATE SET line = excluded.line WHERE line < excluded.line`, in.Client, min(in.Line, newest))
}

const selectLines = `SELECT l.id, l.channel, l.nick, l.own, l.kind, l.text, l.time, l.late, l.quoted, l.said FROM lines l
	JOIN channels c ON c.id = l.channel AND c.name IS NOT NULL AND c.hidden = 0 `

// Backlog is what the client of that name has not been shown yet: lines behind
// its mark, or, if it has none, the last 50 of each channel; in order of ID.
// Hidden channels have none.
func (c *Core) Backlog(client string) (lines []Line, err error) {
	defer guard(&err)
	c.ensure()
	read := func(r row) (l Line) {
		var channel, at, said int64
		scan(r, &l.ID, &channel, &l.From, &l.Own, &l.Kind, &l.Text, &at, &l.Late, &l.Quoted, &said)
		l.Time, l.Said = moment(at), moment(said)
		if ch := c.channels[channel]; ch != nil {
			l.Channel = ch.name
		}
		return l
	}
	if mark, ok := first(c.book, readNumber, "SELECT line FROM marks WHERE client = ?", client); ok {
		return list(c.book, read, selectLines+"WHERE l.id > ? ORDER BY l.id", mark), nil
	}
	return list(c.book, read, selectLines+`WHERE l.id > coalesce((SELECT id FROM lines o WHERE o.channel = l.channel ORDER BY id DESC LIMIT 1 OFFSET ?), 0)
		ORDER BY l.id`, backlogMost), nil
}
