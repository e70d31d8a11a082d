package channels

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// The states of an entry.
const (
	entryOwn      = "own"
	entryOpened   = "opened"
	entryJoin     = "join"     // a sealed join, understood
	entryUnopened = "unopened" // it may open yet: with a key that is still to come
	entryVoid     = "void"     // nobody will ever make sense of it
)

// entryRecord is an entry of a channel's log as the phonebook has it.
type entryRecord struct {
	row    int64
	hub    int64 // where it was read first; 0: nowhere, or that is not known
	id     session.ID
	class  wire.Class
	bytes  []byte // nil after 30 days
	state  string
	key    []byte // envelopes: the key id
	boxes  int
	sender session.Member
	seq    int64
	prev   session.ID
	signed []byte
}

const selectEntries = `SELECT id, hub, entry, class, bytes, state, key, boxes, coalesce(sender, x''), coalesce(seq, 0), coalesce(prev, x''), signed FROM entries `

func readEntry(r row) entryRecord {
	var e entryRecord
	var id, sender, prev []byte
	var class string
	scan(r, &e.row, &e.hub, &id, &class, &e.bytes, &e.state, &e.key, &e.boxes, &sender, &e.seq, &prev, &e.signed)
	e.id, e.class = session.ID(id), wire.Class(class)
	if len(sender) > 0 {
		e.sender = session.Member(sender)
	}
	if len(prev) > 0 {
		e.prev = session.ID(prev)
	}
	return e
}

// keepEntry writes an entry down.
func (s *step) keepEntry(ch *channel, e entryRecord) int64 {
	id := sha256.Sum256(e.bytes)
	if e.key == nil && len(e.bytes) > 0 && e.bytes[0] == session.FormEnvelope {
		if v, err := session.Parse(e.bytes); err == nil {
			e.key, e.boxes = v.KeyID[:], v.Boxes()
		}
	}
	return s.book.insert(`INSERT INTO entries (channel, hub, entry, class, bytes, state, key, boxes, sender, seq, prev, signed, received)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		ch.row, e.hub, id[:], string(e.class), e.bytes, e.state, e.key, e.boxes, e.sender[:], e.seq, e.prev[:], e.signed, stamp(s.now))
}

// entry takes one entry that came from a hub. Whatever is in it, the log is
// read on.
func (s *step) entry(ch *channel, hub int64, e wire.Entry) {
	id := sha256.Sum256(e.Bytes)
	if known, ok := first(s.book, readNumber, "SELECT id FROM entries WHERE channel = ? AND entry = ?", ch.row, id[:]); ok {
		s.hubHas(ch, known)
		s.book.run("DELETE FROM calls WHERE entry = ? AND hub = ?", known, hub)
		return
	}
	class := wire.ClassText
	if e.Class == wire.ClassKeep {
		class = wire.ClassKeep
	}
	if len(e.Bytes) == 0 || len(e.Bytes) > wire.MaxEntry {
		s.rubbish(ch, hub)
		return
	}
	record := entryRecord{hub: hub, class: class, bytes: e.Bytes, state: entryUnopened, id: id}
	record.row = s.keepEntry(ch, record)
	if !s.try(ch, record) && record.row%64 == 0 {
		s.boundUnopened(ch)
	}
	if state, _ := first(s.book, readString, "SELECT state FROM entries WHERE id = ?", record.row); state == entryVoid {
		s.rubbish(ch, hub)
	}
	s.retry(ch)
}

// rubbish counts what a hub has given for an entry and is none: it, or a member,
// has made it up.
func (s *step) rubbish(ch *channel, hub int64) {
	s.book.run("UPDATE places SET rubbish = rubbish + 1 WHERE channel = ? AND hub = ?", ch.row, hub)
}

// try opens an entry if it can, and says whether it did.
func (s *step) try(ch *channel, e entryRecord) bool {
	if len(e.bytes) == 0 {
		return false
	}
	switch e.bytes[0] {
	case session.FormJoin:
		if !s.letIn(ch, e.bytes) {
			return false
		}
		s.setState(e.row, entryJoin)
		s.spread(ch, e)
		s.retryBoxed(ch)
		return true
	case session.FormEnvelope:
		v, err := session.Parse(e.bytes)
		if err != nil {
			s.setState(e.row, entryVoid)
			return false
		}
		if s.ownKeyID(ch, v.KeyID) {
			s.foundOwn(ch, v.KeyID)
			return false
		}
		return s.openEnvelope(ch, e, v)
	}
	s.setState(e.row, entryVoid)
	return false
}

func (s *step) setState(entry int64, state string) {
	s.book.run("UPDATE entries SET state = ?, bytes = CASE WHEN ? = 'void' THEN NULL ELSE bytes END WHERE id = ?", state, state, entry)
}

// maxUnopened is how many bytes are kept of a channel that may open yet.
const maxUnopened = 64 << 20

// boundUnopened gives up the older half of what does not open if it is too much.
func (s *step) boundUnopened(ch *channel) {
	const unopened = "FROM entries WHERE channel = ? AND state = 'unopened'"
	if s.book.number("SELECT sum(length(bytes)) "+unopened, ch.row) > maxUnopened {
		s.book.run("UPDATE entries SET state = 'void', bytes = NULL WHERE id IN (SELECT id "+unopened+
			" ORDER BY id LIMIT (SELECT count(*) / 2 "+unopened+"))", ch.row, ch.row)
	}
}

// openEnvelope opens an envelope with a chain that is known, or with one from
// a box in it.
func (s *step) openEnvelope(ch *channel, e entryRecord, v session.Envelope) bool {
	for _, chain := range s.chains(ch, v.KeyID) {
		if s.openWith(ch, e, v, chain, false) {
			return true
		}
	}
	if v.Boxes() == 0 {
		return false
	}
	for _, t := range s.untried(ch, e.row) {
		chain, ok := s.openBox(ch, v, t.own.key, t.sender, ch.self)
		if ok && s.openWith(ch, e, v, chain, true) {
			s.usedPrekey(ch, t.own.number)
			s.introduced(ch, t.sender)
			return true
		}
	}
	for _, i := range list(s.book, readInvite, selectInvites+"WHERE channel = ? AND prekey IS NOT NULL ORDER BY id", ch.row) {
		for _, m := range s.view(ch).Members {
			if m.Invite != i.op || session.Member(m.ID) == ch.self {
				continue
			}
			for _, seed := range s.seeds(i) {
				chain, ok := s.openBox(ch, v, s.expand(ch, seed), session.Member(m.ID), i.invite)
				if ok && s.openWith(ch, e, v, chain, true) {
					return true
				}
			}
		}
	}
	return false
}

// senders are those whose envelopes may be opened: of a joiner who does not
// know the members yet, those who may let him in.
func (s *step) senders(ch *channel) []session.Member {
	if ch.state == stateWaiting {
		return s.doorkeepers(ch)
	}
	var senders []session.Member
	view := s.view(ch)
	for _, m := range view.Members {
		if session.Member(m.ID) != ch.self {
			senders = append(senders, session.Member(m.ID))
		}
	}
	for _, r := range view.Removed {
		if r.Why == roster.ReasonRemoved || r.Why == roster.ReasonLeft {
			senders = append(senders, session.Member(r.ID))
		}
	}
	return senders
}

// openWith opens an envelope with a chain. Only when the signature has verified
// is anything written down: the chain without the key that was used, and what
// the envelope says.
func (s *step) openWith(ch *channel, e entryRecord, v session.Envelope, chain session.ReceiverChain, isNew bool) bool {
	message, next, err := chain.MessageKey(v.Iteration)
	if err != nil {
		return false
	}
	signed, err := v.Open(ch.id, chain.Sender, message)
	if err != nil {
		if errors.Is(err, session.ErrPadding) {
			s.setState(e.row, entryVoid)
		}
		return false
	}
	s.keepChain(ch, chain, next, isNew)
	if isNew {
		s.retryKey(ch, v.KeyID)
	}
	body, err := session.DecodeBody(signed.Body, chain.Sender)
	if err != nil {
		s.setState(e.row, entryVoid)
		return true
	}
	s.apply(ch, e, body)
	s.prove(ch, body, signed)
	return true
}

// apply takes what an envelope says.
func (s *step) apply(ch *channel, e entryRecord, b session.Body) {
	s.book.run("UPDATE entries SET state = ?, sender = ?, seq = ?, prev = ? WHERE id = ?", entryOpened, b.From[:], b.Seq, b.Prev[:], e.row)
	s.spread(ch, e)
	s.book.run("INSERT INTO peers (channel, member, heard) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET heard = excluded.heard",
		ch.row, b.From[:], stamp(s.now))
	held := holdBody(b)
	switch c := b.Content.(type) {
	case session.Ops:
		s.takeOps(ch, b.From, c)
	case session.FreshKey:
		s.showPrekey(ch, b.From, c.Prekey)
	case session.FreshPrekey:
		s.showPrekey(ch, b.From, c.Prekey)
	case session.Give:
		s.showPrekey(ch, b.From, c.Prekey)
		s.takeInvites(ch, b.From, c.Invites)
	case session.Snapshot:
		if len(s.learnBytes(ch, c.Ops)) > 0 {
			s.retryBoxed(ch)
		}
		s.newcomersTold(ch, b.From, c.Ops)
	case session.Prekeys:
		s.takePrekeys(ch, c)
	case session.Need:
		s.answerNeed(ch, b.From, c)
	case session.Again:
		s.takeAgain(ch, c)
	case session.Asides:
		s.takeAsides(ch, b.From, c, &held)
	}
	s.meetMembers(ch, b.From, b.Members)
	s.newcomerKnows(ch, b)
	s.compareOps(ch, b)
	switch b.Content.(type) {
	case session.Seen, session.Unknown:
	default:
		s.book.run("UPDATE peers SET acted = max(acted, ?) WHERE channel = ? AND member = ?", b.Seq, ch.row, b.From[:])
		s.seenDue(ch)
	}
	s.link(ch, e, b, held)
}

// takeOps takes operations, and the secrets of invites.
func (s *step) takeOps(ch *channel, from session.Member, c session.Ops) {
	if len(s.learnBytes(ch, c.Ops)) > 0 {
		s.retryBoxed(ch)
	}
	s.takeInvites(ch, from, c.Invites)
	s.closeInvites(ch)
}

// takeInvites keeps what members hold of open invites. One who was removed could
// name an invite prekey of his own as the newest: his are passed over.
func (s *step) takeInvites(ch *channel, from session.Member, invites []session.OpenInvite) {
	if ch.state == stateMember && s.putOutHere(ch, from) {
		return
	}
	for _, i := range invites {
		v := s.rosterInvite(ch, i.Invite)
		if v == nil || v.State == roster.InviteRevoked || v.State == roster.InviteVoid || session.Slot(v.Slot) != i.Slot {
			continue
		}
		if known, ok := first(s.book, readInvite, selectInvites+"WHERE channel = ? AND slot = ? AND state IN (?, ?) AND prekey IS NOT NULL", ch.row, i.Slot[:], inviteOpen, inviteUsed); ok {
			seed := i.Prekey[:]
			if known.state == inviteOpen && known.number < i.Number {
				seed = known.prekey
			}
			if !bytes.Equal(i.Prekey[:], known.prekey) {
				s.keepSeed(known.row, seed)
			}
		}
		s.book.run(`INSERT INTO invites (channel, invite, op, slot, number, "join", prekey, refresh, card, note, made, expires, state)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (channel, slot) DO UPDATE SET number = excluded.number, prekey = excluded.prekey
			WHERE state = excluded.state AND number < excluded.number`,
			ch.row, i.Invite[:], v.Hash[:], i.Slot[:], i.Number, i.Join[:], i.Prekey[:], i.Refresh[:], i.Card,
			v.Note, stamp(s.now), v.Expires*1e6, inviteOpen)
		s.retryBoxed(ch)
	}
}

// putOutHere says that somebody was removed, or is suspended; not that he has left.
func (s *step) putOutHere(ch *channel, id session.Member) bool {
	view := s.view(ch)
	return s.suspendedHere(ch, roster.Member(id)) || slices.ContainsFunc(view.Removed, func(r roster.RemovedView) bool {
		return session.Member(r.ID) == id && r.Why != roster.ReasonLeft
	})
}

// rosterInvite finds an invite by its key.
func (s *step) rosterInvite(ch *channel, key session.Member) *roster.InviteView {
	view := s.view(ch)
	for i := range view.Invites {
		if session.Member(view.Invites[i].Key) == key {
			return &view.Invites[i]
		}
	}
	return nil
}

// closeInvites deletes the secrets of invites that were revoked by others.
func (s *step) closeInvites(ch *channel) {
	for _, v := range list(s.book, readInvite, selectInvites+"WHERE channel = ? AND state = ?", ch.row, inviteOpen) {
		if i := s.rosterInvite(ch, v.invite); i != nil && (i.State == roster.InviteRevoked || i.State == roster.InviteVoid) {
			s.withdraw(ch, v)
			s.closeSoon(ch, v)
		}
	}
}

// meetMembers is called with what another knows of the roster. When a joiner has
// as many operations, and the same if they are as many, he knows the members; but
// not on the word of somebody who is none by these very operations. That an
// operation names others which nobody has keeps nobody waiting.
func (s *step) meetMembers(ch *channel, from session.Member, of session.Members) {
	if ch.state != stateWaiting {
		return
	}
	count, hash := s.ops(ch).Fingerprint()
	whole := int64(count) > of.Count || int64(count) == of.Count && hash == of.Hash
	if !whole || !s.view(ch).Live(roster.Member(from)) || !s.view(ch).Live(roster.Member(ch.self)) {
		return
	}
	ch.state = stateMember
	inviter := s.inviterOf(ch)
	ch.rekey = true // a sender key of which all members have a box
	s.introduces = true
	s.refresh(ch)
	s.introduces = false
	if from != ch.blob.Inviter {
		s.info(ch, "%s has told you who is in %s: %s, who made your one-time key, was not there", s.nickOf(ch, from), ch.name, inviter)
	}
	s.book.run("DELETE FROM outbox WHERE channel = ? AND kind = ?", ch.row, outGive)
	s.place(ch, s.ops(ch).All())
	s.known(ch)
	s.retryBoxed(ch)
	if me, ok := s.view(ch).Member(roster.Member(ch.self)); ok && me.Nick != s.nick {
		s.announceNick(ch)
	}
}

// heldBody is what is kept of a body that waits.
type heldBody struct {
	Text   string         `cbor:"text,omitempty"`
	Style  session.Style  `cbor:"style,omitempty"`
	Lines  []session.Line `cbor:"lines,omitempty"`  // shared with the user alone
	Fork   *session.Fork  `cbor:"fork,omitempty"`   // the same
	Sealed bool           `cbor:"sealed,omitempty"` // there is something for him that does not open
	Seen   []session.Head `cbor:"seen,omitempty"`
	Time   int64          `cbor:"time"`
}

func holdBody(b session.Body) heldBody {
	h := heldBody{Seen: b.Seen, Time: b.Time}
	if t, ok := b.Content.(session.Text); ok {
		h.Text, h.Style = t.Text, t.Style
	}
	return h
}

// speaks says that there is something to show.
func (h heldBody) speaks() bool {
	return h.Text != "" || len(h.Lines) > 0 || h.Fork != nil || h.Sealed
}

func readHeld(r row) heldBody {
	var h heldBody
	if err := codec.Unmarshal(readBytes(r), &h); err != nil {
		panic(brokenPhonebook{err})
	}
	return h
}
