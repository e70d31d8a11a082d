package channels

import (
	"fmt"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// shared is what the outbox keeps of lines that are shared: the aside is sealed
// when its turn comes, to the prekey that the member has then.
type shared struct {
	For   session.Member `cbor:"for"`
	Lines []session.Line `cbor:"lines"`
}

// share sends the last messages of a channel to one member.
func (s *step) share(in Share) {
	ch, m, ok := s.about(in.Ref, in.Channel, in.Nick, "share anything")
	if !ok {
		return
	}
	switch {
	case in.Count < 1 || in.Count > MaxShare:
		s.fail(in.Ref, ch.name, CodeNotPossible, "1 to %d messages can be shared at once", MaxShare)
		return
	case m.id == ch.self:
		s.fail(in.Ref, ch.name, CodeNotPossible, "you have the messages of %s already: name whom they are for", ch.name)
		return
	case !s.view(ch).Live(roster.Member(m.id)):
		s.fail(in.Ref, ch.name, CodeNotPossible, "somebody else has used the same one-time key as %s: until one of the two is confirmed nothing is sent to either", m.nick)
		return
	}
	lines := s.said(ch, in.Count)
	if len(lines) == 0 {
		s.fail(in.Ref, ch.name, CodeNotPossible, "nothing was said in %s yet that could be shared", ch.name)
		return
	}
	for _, share := range session.Shares(lines) {
		s.enqueue(ch, item{kind: outShare, content: mustEncode(shared{m.id, share.Lines})})
	}
	s.hurry(s.placesOf(ch)...)
	s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("%s of %s shared with %s alone", lastOf(len(lines)), ch.name, m.nick)})
}

func lastOf(n int) string {
	if n == 1 {
		return "the last message"
	}
	return fmt.Sprintf("the last %d messages", n)
}

// said are the last lines of a channel that somebody said there, the oldest first.
// What was shared with the user himself is not: it would come as his word what he
// has by hearsay.
func (s *step) said(ch *channel, count int) []session.Line {
	lines := list(s.book, func(r row) session.Line {
		var l session.Line
		var kind int
		var at int64
		scan(r, &l.Nick, &kind, &l.Text, &at)
		switch LineKind(kind) {
		case Action:
			l.Style = session.StyleAction
		case Notice:
			l.Style = session.StyleNotice
		}
		l.Time = max(moment(at).UnixMilli(), 0)
		return l
	}, `SELECT nick, kind, text, time FROM (SELECT * FROM lines WHERE channel = ? AND kind IN (?, ?, ?) AND quoted = '' ORDER BY id DESC LIMIT ?) ORDER BY id`,
		ch.row, int(Text), int(Action), int(Notice), count)
	return lines
}

// sealShare seals what is shared, if he for whom it is may still have it.
func (s *step) sealShare(ch *channel, it item) error {
	var v shared
	if err := codec.Unmarshal(it.content, &v); err != nil {
		return err
	}
	if s.book.number("SELECT count(*) FROM outbox WHERE id = ?", it.row) == 0 {
		return nil // dropped with what stood before it
	}
	aside, ok, err := s.aside(ch, v.For, session.Share{Lines: v.Lines})
	if err != nil {
		return err
	}
	if !ok {
		s.unshare(ch, v.For)
		return nil
	}
	_, err = s.sealContent(ch, session.Asides{Asides: []session.Aside{aside}})
	return err
}

// aside seals something to a member alone, unless he is not one any more.
func (s *step) aside(ch *channel, to session.Member, w session.Whisper) (session.Aside, bool, error) {
	m, ok := s.view(ch).Member(roster.Member(to))
	if !ok || m.Suspended {
		return session.Aside{}, false, nil
	}
	r, ok := s.recipient(ch, m)
	if !ok {
		return session.Aside{}, false, nil
	}
	number := s.book.number("SELECT number FROM peers WHERE channel = ? AND member = ? AND number >= 0 AND length(prekey) = ?", ch.row, to[:], session.PrekeySize)
	aside, err := session.SealAside(ch.id, ch.self, r, number, w)
	return aside, err == nil, err
}

// unshare drops all that was to be shared with a member who may not have it any
// more, and says so.
func (s *step) unshare(ch *channel, member session.Member) {
	for _, it := range list(s.book, readItem, "SELECT id, kind, coalesce(line, 0), content FROM outbox WHERE channel = ? AND kind = ? ORDER BY id", ch.row, outShare) {
		var v shared
		if codec.Unmarshal(it.content, &v) == nil && v.For == member {
			s.book.run("DELETE FROM outbox WHERE id = ?", it.row)
		}
	}
	s.info(ch, "%s is no member any more to whom anything is sent: what you shared was not sent", s.nickOf(ch, member))
}

// unshareAll does so for all, when nobody is there any more.
func (s *step) unshareAll(ch *channel) {
	for {
		it, ok := first(s.book, readItem, "SELECT id, kind, coalesce(line, 0), content FROM outbox WHERE channel = ? AND kind = ? ORDER BY id", ch.row, outShare)
		var v shared
		if !ok || codec.Unmarshal(it.content, &v) != nil {
			return
		}
		s.unshare(ch, v.For)
	}
}

// takeAsides takes what is for the user alone: what is to be shown waits for its
// turn, what was lost is missing.
func (s *step) takeAsides(ch *channel, from session.Member, c session.Asides, held *heldBody) {
	w, unreadable := s.openAside(ch, from, c)
	held.Sealed = unreadable
	switch w := w.(type) {
	case session.Share:
		held.Lines = w.Lines
	case session.Fork:
		held.Fork = &w
	case session.Again:
		s.takeAgain(ch, w)
	}
}

// openAside gives what stands in an envelope for the user alone, if there is
// something. It is opened at once, for its prekey may be deleted before its turn
// comes. Unreadable says that there is something which does not open.
func (s *step) openAside(ch *channel, from session.Member, c session.Asides) (w session.Whisper, unreadable bool) {
	for _, a := range c.Asides {
		if a.For != ch.self {
			continue
		}
		seed, ok := first(s.book, readBytes, "SELECT seed FROM prekeys WHERE channel = ? AND number = ?", ch.row, a.Number)
		if !ok {
			return nil, true
		}
		w, err := a.Open(s.expand(ch, seed), ch.id, from)
		return w, err != nil
	}
	return nil, false
}

// infoMost is how often infoOnce says the same.
const infoMost = time.Hour

// showSaid shows what a member said, whatever it is, when its turn has come.
func (s *step) showSaid(ch *channel, from session.Member, b heldBody, late bool) {
	switch {
	case b.Fork != nil:
		s.takeFork(ch, from, *b.Fork)
	case b.Sealed:
		s.tellUnreadable(ch, from)
	case len(b.Lines) > 0:
		s.showShared(ch, from, b, late)
	default:
		s.showText(ch, from, b, late)
	}
}

// showShared shows the lines that a member has shared with the user.
func (s *step) showShared(ch *channel, from session.Member, b heldBody, late bool) {
	if ch.name == "" {
		return
	}
	line := Line{Channel: ch.name, From: s.nickOf(ch, from), Late: late, Time: s.saneTime(ch, from, b)}
	for _, l := range b.Lines {
		text, ok := cleanText(l.Text)
		if !ok || text == "" {
			continue
		}
		line.Text, line.Quoted, line.Kind = text, freeNick(cleanNick(l.Nick), map[string]bool{"sysop": true}), kindOf(l.Style)
		if line.Said = time.UnixMilli(l.Time).UTC(); line.Said.After(s.now) {
			line.Said = s.now
		}
		s.line(ch, line, from, true)
	}
}

// kindOf is how a text is shown.
func kindOf(style session.Style) LineKind {
	switch style {
	case session.StyleAction:
		return Action
	case session.StyleNotice:
		return Notice
	}
	return Text
}

// tellUnreadable says that something for the user alone does not open: not each
// time, for anybody can send any number of such.
func (s *step) tellUnreadable(ch *channel, from session.Member) {
	s.infoOnce(ch, fmt.Sprintf("%s sent something for you alone that does not open: ask %s to send it again", s.nickOf(ch, from), s.nickOf(ch, from)))
}

// infoOnce says something in a channel that was not said there lately.
func (s *step) infoOnce(ch *channel, text string) {
	if s.book.number("SELECT count(*) FROM lines WHERE channel = ? AND kind = ? AND text = ? AND time > ? AND id > (SELECT max(id) - 1000 FROM lines)", ch.row, int(Info), text, stamp(s.now.Add(-infoMost))) == 0 {
		s.info(ch, "%s", text)
	}
}
