package channels

import (
	"errors"

	"hubbub/channels/session"
)

// sealContent seals a content with one's own sender key, moves that on, and
// queues the envelope for every hub: all in this step's transaction. It returns
// the envelope's seq.
func (s *step) sealContent(ch *channel, c session.Content) (int64, error) {
	key, ok := s.senderKey(ch)
	if !ok {
		return 0, errors.New("there is no sender key")
	}
	return s.seal(ch, key, c, nil)
}

// seal seals a content with a sender key, with boxes for the recipients.
func (s *step) seal(ch *channel, key session.SenderKey, c session.Content, recipients []session.Recipient) (int64, error) {
	count, hash := s.ops(ch).Fingerprint()
	body, heads, err := encodeBody(session.Body{
		From: ch.self, Seq: ch.seq + 1, Prev: ch.head, Time: s.now.UnixMilli(),
		Members: session.Members{Count: int64(count), Hash: hash}, Content: c,
	}, s.heads(ch))
	if err != nil {
		return 0, err
	}
	sealed, err := session.Seal(session.Sealing{Channel: ch.id, From: ch.key, Key: key, Recipients: recipients, Body: body})
	if err != nil {
		return 0, err
	}
	s.keepSenderKey(ch, sealed.Next)
	record := entryRecord{class: classOf(c), bytes: sealed.Envelope, state: entryOwn, sender: ch.self, seq: ch.seq + 1, prev: ch.head}
	if mayAgain(c) && len(body) <= againMost {
		record.signed = mustEncode(session.Again{ID: sealed.ID, Header: sealed.Signed.Header, Body: sealed.Signed.Body, Signature: sealed.Signed.Signature})
	}
	ch.seq, ch.head, ch.spoke = record.seq, sealed.ID, s.now
	s.put(ch, s.keepEntry(ch, record))
	for _, h := range heads {
		s.book.run("UPDATE peers SET told = ? WHERE channel = ? AND member = ?", h.Seq, ch.row, h.From[:])
	}
	return ch.seq, nil
}

// encodeBody encodes a body with the heads that it is to tell: of a text with as
// many as leave its envelope no longer than one head does, so that how long it is
// does not depend on how many talk. The others are told later.
func encodeBody(b session.Body, heads []session.Head) ([]byte, []session.Head, error) {
	b.Seen = heads
	body, err := session.EncodeBody(b)
	if _, text := b.Content.(session.Text); !text || len(heads) < 2 || err != nil {
		return body, heads, err
	}
	b.Seen = heads[:1]
	least, err := session.EncodeBody(b)
	for err == nil && session.EnvelopeSize(len(body)) != session.EnvelopeSize(len(least)) {
		heads = heads[:len(heads)-1]
		b.Seen = heads
		body, err = session.EncodeBody(b)
	}
	return body, heads, err
}

// heads are the newest envelopes that one has of others, of those first who
// were not told yet.
func (s *step) heads(ch *channel) []session.Head {
	return list(s.book, func(r row) (h session.Head) {
		var from, id []byte
		scan(r, &from, &h.Seq, &id)
		h.From, h.ID = session.Member(from), session.ID(id)
		return h
	}, `SELECT member, seq, head FROM peers WHERE channel = ? AND seq > 0 ORDER BY seq > told DESC, heard DESC, member LIMIT ?`,
		ch.row, session.MaxSeen)
}

// againMost is the longest body that fits into another when it is sent again.
const againMost = 61_000

// mayAgain says that a content is kept as it was signed, for who loses the key
// that it is sealed with: all but what holds secrets of others' invites, which are
// to be deleted.
func mayAgain(c session.Content) bool {
	switch c := c.(type) {
	case session.Again:
		return false
	case session.Ops:
		return len(c.Invites) == 0
	case session.Give:
		return len(c.Invites) == 0
	}
	return true
}
