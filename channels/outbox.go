package channels

import (
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// What the outbox holds: contents to be sealed, or what they are made of when
// their turn comes.
const (
	outText     = "text"     // CBOR of a session.Text
	outOps      = "op"       // CBOR of a session.Ops
	outRemoval  = "removal"  // CBOR of a farewell
	outGive     = "give"     // the newcomer's member id; and, to give him a sender key again that he has, its id
	outSnapshot = "snapshot" // nothing: all operations
	outInvites  = "invites"  // nothing: the invites that are open
	outPrekey   = "prekey"   // nothing: a new one
	outSeen     = "seen"     // nothing
	outNeed     = "need"     // CBOR of a session.Need
	outAgain    = "again"    // CBOR of a session.Again
	outAnew     = "anew"     // CBOR of an anew
	outShare    = "share"    // CBOR of a shared
	outFork     = "fork"     // nothing: the one-time keys to other channels that are made (forking)
)

// item is one thing in the outbox.
type item struct {
	row     int64
	kind    string
	line    int64 // text: its line
	content []byte
}

func readItem(r row) (it item) {
	scan(r, &it.row, &it.kind, &it.line, &it.content)
	return it
}

// enqueue puts something into the outbox of a channel.
func (s *step) enqueue(ch *channel, it item) {
	s.book.run("INSERT INTO outbox (channel, kind, line, content, made) VALUES (?, ?, nullif(?, 0), ?, ?)",
		ch.row, it.kind, it.line, it.content, stamp(s.now))
}

// drainMost is how much is sealed in one step.
const drainMost = 200

// drain seals what is in the outboxes of the channels that have been read to
// the head: so nothing is sealed to somebody who was removed meanwhile.
func (s *step) drain() {
	for _, row := range list(s.book, readNumber, "SELECT DISTINCT channel FROM outbox ORDER BY channel") {
		ch := s.channels[row]
		if ch == nil || ch.state != stateMember && ch.state != stateWaiting {
			continue
		}
		alone := s.alone(ch)
		if alone {
			// Operations travel in the snapshot of whoever comes; texts wait for him.
			// That he is removed is for the last of the others.
			s.unshareAll(ch)
			s.endForks(ch, "nobody is left in "+ch.name)
			s.book.run("DELETE FROM outbox WHERE channel = ? AND kind NOT IN (?, ?)", row, outText, outRemoval)
		}
		if !s.atHead(ch) {
			continue
		}
		// Farewells, as long as the sender key is one that they have whom they are for.
		// Then keys: what is sealed to a newcomer he must be able to read.
		items := list(s.book, readItem, `SELECT id, kind, coalesce(line, 0), content FROM outbox WHERE channel = ? AND (kind = ? OR NOT ?) ORDER BY kind = ? DESC, kind = ? DESC, id LIMIT ?`,
			row, outRemoval, alone, outRemoval, outGive, drainMost)
		bidden := s.bidden(ch)
		for _, it := range items {
			if !s.sealItem(ch, it, bidden) {
				break
			}
			s.book.run("DELETE FROM outbox WHERE id = ?", it.row)
		}
		if len(items) == drainMost {
			s.timer(ch, timerDrain, s.now)
		}
	}
}

// sealItem seals one thing; bidden are those whom the removals among them are for.
// It says false if it has to wait.
func (s *step) sealItem(ch *channel, it item, bidden []session.Member) bool {
	if it.kind != outRemoval {
		bidden = nil
	}
	fresh, err := s.ensureSenderKey(ch, it.purpose(), bidden...)
	if err == nil {
		switch it.kind {
		case outText:
			err = s.sealText(ch, it)
		case outRemoval:
			err = s.sealFarewell(ch, it.content, bidden)
		case outOps:
			err = sealAs[session.Ops](s, ch, it.content)
		case outNeed:
			err = sealAs[session.Need](s, ch, it.content)
		case outAgain:
			err = sealAs[session.Again](s, ch, it.content)
		case outAnew:
			err = s.sealAnew(ch, it.content)
		case outShare:
			err = s.sealShare(ch, it)
		case outFork:
			err = s.sealForks(ch)
		case outGive:
			err = s.give(ch, session.Member(it.content[:32]), it.content[32:])
		case outSnapshot:
			err = s.sealSnapshot(ch)
		case outLack:
			err = s.sealLack(ch)
		case outLend:
			err = s.sealLend(ch, session.Member(it.content))
		case outWelcome:
			err = s.sealWelcome(ch)
		case outInvites:
			err = s.sealInvites(ch)
		case outPrekey:
			if !fresh { // the key envelope had one
				err = s.sealPrekey(ch)
			}
		case outSeen:
			if !fresh { // so had it the heads
				_, err = s.sealContent(ch, session.Seen{})
			}
		}
	}
	if err != nil {
		s.unsealable(ch, it, err)
	}
	return true
}

// purpose is what a sender key is needed for to seal it.
func (it item) purpose() purpose {
	switch it.kind {
	case outText:
		return forText
	case outRemoval:
		return forFarewell
	}
	return forOther
}

// unsealable drops what cannot be sealed, and says so if it is a text.
func (s *step) unsealable(ch *channel, it item, err error) {
	if it.kind != outText {
		s.emit(Warn{Channel: ch.name, Text: "hubbub could not seal what it had to send: " + err.Error()})
		return
	}
	s.book.run("UPDATE lines SET sent = 1 WHERE id = ?", it.line)
	s.info(ch, "your last text could not be sealed and was not sent: %v", err)
}

// sealAs seals a content that is in the outbox as it is.
func sealAs[T session.Content](s *step, ch *channel, content []byte) error {
	var c T
	if err := codec.Unmarshal(content, &c); err != nil {
		return err
	}
	_, err := s.sealContent(ch, c)
	return err
}

func (s *step) sealText(ch *channel, it item) error {
	var text session.Text
	if err := codec.Unmarshal(it.content, &text); err != nil {
		return err
	}
	seq, err := s.sealContent(ch, text)
	if err == nil {
		s.book.run("UPDATE lines SET seq = ? WHERE id = ?", seq, it.line)
	}
	return err
}

// sealSnapshot seals all operations, in as many pieces as it takes.
func (s *step) sealSnapshot(ch *channel) error {
	pieces := inPieces(s.ops(ch).All())
	for i, ops := range pieces {
		if _, err := s.ensureSenderKey(ch, forOther); err != nil {
			return err
		}
		if _, err := s.sealContent(ch, session.Snapshot{Index: i, Count: len(pieces), Ops: ops}); err != nil {
			return err
		}
	}
	return nil
}

// sealInvites hands on the invites that are open, if there are any.
func (s *step) sealInvites(ch *channel) error {
	open := s.openInvites(ch)
	if len(open) == 0 {
		return nil
	}
	_, err := s.sealContent(ch, session.Ops{Invites: open})
	return err
}

// openInvites are a channel's invites that somebody may still redeem.
func (s *step) openInvites(ch *channel) []session.OpenInvite {
	var open []session.OpenInvite
	for _, v := range list(s.book, readInvite, selectInvites+`WHERE channel = ? AND state = ? AND expires > ? AND "join" IS NOT NULL AND refresh IS NOT NULL
		ORDER BY id DESC LIMIT ?`, ch.row, inviteOpen, stamp(s.now), session.MaxInvites) {
		open = append(open, v.open())
	}
	return open
}

// classOf says how hubs keep a content.
func classOf(c session.Content) wire.Class {
	switch c.(type) {
	case session.Text, session.Asides, session.Seen, session.Again, session.Need:
		return wire.ClassText
	}
	return wire.ClassKeep
}

// put queues an entry for every hub of the channel, and for those that it is not
// kept on any more since a moment ago.
func (s *step) put(ch *channel, entry int64) {
	for _, h := range list(s.book, readNumber, "SELECT hub FROM places WHERE channel = ? ORDER BY hub", ch.row) {
		s.call(pending{hub: h, channel: ch.row, op: wire.OpPut, entry: entry})
	}
}

// stored takes the answer to a put.
func (s *step) stored(p pending, result wire.Result) verdict {
	ch := s.channels[p.channel]
	if ch == nil {
		return answered
	}
	if result.Error != nil {
		return s.unstored(ch, p, result.Error)
	}
	var r wire.PutResult
	if decode(result, &r) == nil && r.Full {
		s.tellMakesRoom(ch, p.hub)
	}
	s.hubHas(ch, p.entry)
	if standing := s.placeAt(p.channel, p.hub).standing; standing == Full || standing == Closed {
		s.stand(ch, p.hub, Good, "")
	}
	return answered
}

// hubHas notes that a hub has an entry.
func (s *step) hubHas(ch *channel, entry int64) {
	e, ok := first(s.book, readEntry, selectEntries+"WHERE id = ?", entry)
	if !ok || e.state != entryOwn {
		return
	}
	s.book.run("UPDATE prekeys SET taken = ? WHERE channel = ? AND envelope = ? AND taken = 0", stamp(s.now), ch.row, e.id[:])
	if s.book.run("UPDATE lines SET sent = 1 WHERE channel = ? AND sent = 0 AND seq = ? AND own = 1", ch.row, e.seq) > 0 {
		s.arrived(ch)
	}
}

// unstored takes a hub's refusal of an entry.
func (s *step) unstored(ch *channel, p pending, e *wire.Error) verdict {
	switch {
	case e.Code == wire.CodeFull:
		s.stand(ch, p.hub, Full, words(e))
		return later
	case e.Code == wire.CodeClosed && s.away:
		return later // where it is now the hub has not said so
	case e.Code == wire.CodeClosed && ch.state != stateLeaving:
		s.stand(ch, p.hub, Closed, words(e))
		return later // it may stay after all; and what no other hub has is kept
	}
	if transient(e.Code) {
		s.trouble(ch, p.hub, words(e))
		return later
	}
	if ch.state == stateLeaving {
		return answered
	}
	switch e.Code {
	case wire.CodeUnknown, wire.CodeDenied, wire.CodeRevoked:
		s.refused(ch, p.hub, e)
		if _, member := s.view(ch).Member(roster.Member(ch.self)); member || ch.state == stateWaiting {
			return later // until one is let in (again)
		}
	}
	return answered
}

// trouble notes what is wrong with a channel on a hub.
func (s *step) trouble(ch *channel, hub int64, text string) {
	s.book.run("UPDATE places SET trouble = ? WHERE channel = ? AND hub = ?", text, ch.row, hub)
}
