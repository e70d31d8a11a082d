package channels

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// When sender keys and prekeys are replaced (docs/protocol.md, section 17).
const (
	senderKeyMost  = 200            // envelopes under one sender key
	senderKeyOld   = 24 * time.Hour //
	healSmall      = time.Minute    // between new sender keys for newer prekeys of others
	healLarge      = time.Hour      // the same, in large channels
	smallChannel   = 8              // members
	prekeyOld      = 24 * time.Hour // a prekey that opened a box is replaced then
	prekeyKept     = 7 * 24 * time.Hour
	chainKept      = 30 * 24 * time.Hour
	seenWithin     = time.Minute // a receipt of one who only reads waits so long for others
	seenMost       = time.Hour   // between two of them
	keepBytes      = 30 * 24 * time.Hour
	keepIDs        = 120 * 24 * time.Hour
	keepSigned     = 90 * 24 * time.Hour // as long as hubs keep what somebody has not read
	longestTimer   = 7 * 24 * time.Hour
	cleanEvery     = time.Hour
	inviteKeptOver = 24 * time.Hour
)

// sending is one's own sender key.
type sending struct {
	key   session.SenderKey
	began time.Time
	run   int64
}

func (s *step) sending(ch *channel) (sending, bool) {
	return first(s.book, func(r row) (v sending) {
		var key, chain []byte
		var began int64
		scan(r, &key, &chain, &v.key.Iteration, &began, &v.run)
		v.key.ID, v.key.Chain = session.KeyID(key), session.Secret(chain)
		v.began = moment(began)
		return v
	}, "SELECT key, chain, iteration, began, run FROM sending WHERE channel = ?", ch.row)
}

// senderKey is one's own sender key, as it is now.
func (s *step) senderKey(ch *channel) (session.SenderKey, bool) {
	v, ok := s.sending(ch)
	return v.key, ok
}

// keepSenderKey writes down that the sender key has moved on. What it sealed
// with is gone with that.
func (s *step) keepSenderKey(ch *channel, key session.SenderKey) {
	s.book.run(`INSERT INTO sending (channel, key, chain, iteration, began, run) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (channel) DO UPDATE SET chain = excluded.chain, iteration = excluded.iteration WHERE key = excluded.key`,
		ch.row, key.ID[:], key.Chain[:], key.Iteration, stamp(s.now), s.run)
	s.forgot()
}

// purpose is what a sender key is needed for.
type purpose int

const (
	forOther    purpose = iota
	forText             // it must not be worn
	forFarewell         // a removal, which whom it removes is to read
)

// ensureSenderKey starts a new sender key if the one there is may not be used
// (any more), and says whether it did. What is no text goes under an old key,
// too: else two who only acknowledge each other's keys would never come to rest.
//
// A farewell is to be read by those whom it removes, too, and by nobody who was
// removed before.
func (s *step) ensureSenderKey(ch *channel, what purpose, farewell ...session.Member) (fresh bool, err error) {
	v, ok := s.sending(ch)
	if !ok || ch.rekey || v.run != s.run || v.key.Spent() ||
		s.exposed(ch, farewell...) || what == forText && s.worn(ch, v) {
		return true, s.newSenderKey(ch, farewell...)
	}
	return false, nil
}

// exposed says that somebody has the sender key who is not to read on, but for
// those given.
func (s *step) exposed(ch *channel, but ...session.Member) bool {
	if ch.state != stateMember {
		return false
	}
	view := s.view(ch)
	return slices.ContainsFunc(list(s.book, readBytes, "SELECT member FROM given WHERE channel = ?", ch.row),
		func(member []byte) bool {
			return !view.Live(roster.Member(member)) && !slices.Contains(but, session.Member(member))
		})
}

// worn says that a sender key is too old for another text, or has sealed too much.
func (s *step) worn(ch *channel, v sending) bool {
	return v.key.Iteration > senderKeyMost || s.now.Sub(v.began) >= senderKeyOld || s.newerPrekeys(ch, v.began)
}

// newerPrekeys says that a member has shown a newer prekey since one's sender
// key began, and that it is time to answer with a new one.
func (s *step) newerPrekeys(ch *channel, began time.Time) bool {
	least := healSmall
	if len(s.others(ch)) >= smallChannel {
		least = healLarge
	}
	if ch.state == stateWaiting || s.now.Sub(began) < least {
		return false
	}
	for _, m := range s.others(ch) {
		if s.book.number("SELECT count(*) FROM peers WHERE channel = ? AND member = ? AND number > 0 AND shown >= ?", ch.row, m.ID[:], stamp(began)) > 0 {
			return true
		}
	}
	return false
}

// newSenderKey starts a sender key with a key envelope: it has a box for every
// other member, and for those to whom it is to say farewell, and publishes a new
// prekey of one's own.
func (s *step) newSenderKey(ch *channel, farewell ...session.Member) error {
	prekey, err := session.NewPrekey()
	if err != nil {
		return err
	}
	number := s.nextPrekey(ch)
	s.keepPrekey(ch, number, prekey)
	recipients := s.recipients(ch, farewell...)
	s.book.run("DELETE FROM sending WHERE channel = ?", ch.row)
	s.book.run("DELETE FROM given WHERE channel = ?", ch.row)
	ch.rekey = false
	content := session.FreshKey{Prekey: session.NumberedPrekey{Number: number, Public: prekey.Public}}
	key := session.NewSenderKey()
	key.ID = session.OwnKeyID(session.Secret(ch.key.Seed()), [8]byte(key.ID[:8]))
	seq, err := s.seal(ch, key, content, recipients)
	if err != nil {
		return err
	}
	s.published(ch, number, seq)
	for _, r := range recipients {
		if _, member := s.view(ch).Member(roster.Member(r.Member)); !member && !slices.Contains(farewell, r.Member) {
			continue // the invite prekey
		}
		s.book.run("INSERT INTO given (channel, member) VALUES (?, ?) ON CONFLICT DO NOTHING", ch.row, r.Member[:])
	}
	return nil
}

// ownKeyID says that a key id is one's own.
func (s *step) ownKeyID(ch *channel, id session.KeyID) bool {
	return session.OwnKeyID(session.Secret(ch.key.Seed()), [8]byte(id[:8])) == id
}

// nextPrekey is the number of one's next prekey: later than all before, even if
// this is a restored copy that does not know them.
func (s *step) nextPrekey(ch *channel) int64 {
	return max(s.book.number("SELECT max(number) FROM prekeys WHERE channel = ?", ch.row)+1, s.now.Unix())
}

// recipients are those to whom a sender key is given: all other members, or,
// while they are not known, whoever has the invite prekey; and those to whom it is
// to say farewell.
func (s *step) recipients(ch *channel, farewell ...session.Member) []session.Recipient {
	if ch.state == stateWaiting || ch.state == stateRedeeming {
		return []session.Recipient{{Member: ch.blob.Invite, Prekey: session.PrekeyPublic(ch.blob.Prekey)}}
	}
	var to []session.Recipient
	known := true
	for _, m := range append(s.byPrekey(ch), s.goneOf(ch, farewell)...) {
		if len(to) == session.MaxBoxes {
			break
		}
		r, ok := s.recipient(ch, m)
		copied := slices.ContainsFunc(to, func(o session.Recipient) bool { return o.Prekey == r.Prekey })
		if ok && !copied {
			to = append(to, r)
		}
		known = known && s.book.number("SELECT max(number) FROM peers WHERE channel = ? AND member = ?", ch.row, m.ID[:]) > 0
	}
	// Until all have shown a newcomer their present prekeys, he seals to the invite
	// prekey too: those in their joins may be deleted. Not so once somebody has left,
	// who may have it.
	switch {
	case ch.blob != nil && (known || s.anyHasInvite(ch)):
		ch.blob = nil
	case ch.blob != nil && len(to) < session.MaxBoxes:
		to = append(to, session.Recipient{Member: ch.blob.Invite, Prekey: session.PrekeyPublic(ch.blob.Prekey)})
	}
	return to
}

// goneOf are those of some who are no members any more.
func (s *step) goneOf(ch *channel, some []session.Member) (gone []roster.MemberView) {
	for _, r := range s.view(ch).Removed {
		if slices.Contains(some, session.Member(r.ID)) {
			gone = append(gone, r.MemberView)
		}
	}
	return gone
}

// anyGone says that somebody has left, or was removed.
func (s *step) anyGone(ch *channel) bool {
	return slices.ContainsFunc(s.view(ch).Removed, func(r roster.RemovedView) bool {
		return r.Why == roster.ReasonRemoved || r.Why == roster.ReasonLeft
	})
}

// anyHasInvite says that somebody who is gone may have the invite prekey by which
// one came: all but those of whom its maker knew that they were gone when he signed
// the invite. What the offer says of the members does not count: it may be forged.
func (s *step) anyHasInvite(ch *channel) bool {
	me, ok := s.view(ch).Member(roster.Member(ch.self))
	if !ok {
		return true
	}
	later := map[roster.Hash]bool{}
	for _, op := range s.since(ch, me.Invite) {
		later[op.Hash()] = true
	}
	before := map[roster.Member]bool{}
	for _, op := range s.ops(ch).All() {
		if later[op.Hash()] || s.view(ch).Void(op.Hash()) != "" {
			continue
		}
		switch args := op.Op().Args.(type) {
		case roster.Remove:
			before[args.Member] = true
		case roster.Leave:
			before[op.Op().By] = true
		}
	}
	return slices.ContainsFunc(s.view(ch).Removed, func(r roster.RemovedView) bool {
		return (r.Why == roster.ReasonRemoved || r.Why == roster.ReasonLeft) && !before[r.ID]
	})
}

// byPrekey are the others, who has shown a prekey first before those who show
// the same: a copy is sealed to nobody, and keeps nobody from being sealed to.
func (s *step) byPrekey(ch *channel) []roster.MemberView {
	others := s.others(ch)
	shown := map[roster.Member]int64{}
	for _, m := range others {
		shown[m.ID] = s.book.number("SELECT shown FROM peers WHERE channel = ? AND member = ?", ch.row, m.ID[:])
	}
	slices.SortStableFunc(others, func(a, b roster.MemberView) int { return cmp.Compare(shown[a.ID], shown[b.ID]) })
	return others
}

// recipient is a member with the newest prekey that is known.
func (s *step) recipient(ch *channel, m roster.MemberView) (session.Recipient, bool) {
	r := session.Recipient{Member: session.Member(m.ID)}
	public, _ := first(s.book, readBytes, "SELECT prekey FROM peers WHERE channel = ? AND member = ? AND number >= 0", ch.row, m.ID[:])
	if len(public) != session.PrekeySize {
		public = m.Prekey
	}
	r.Prekey = session.PrekeyPublic(public)
	return r, session.CheckPrekey(&r.Prekey) == nil
}

// give hands one's sender key, as it is now, to a newcomer who has none yet; and to
// whom has it if it is the one that he is to be given again.
func (s *step) give(ch *channel, to session.Member, again []byte) error {
	m, ok := s.view(ch).Member(roster.Member(to))
	if !ok || m.Suspended {
		return nil
	}
	key, ok := s.senderKey(ch)
	if !ok || s.given(ch, to) && !bytes.Equal(again, key.ID[:]) {
		return nil
	}
	r, ok := s.recipient(ch, m)
	if !ok {
		return nil
	}
	prekey, ok := s.newestPrekey(ch)
	if !ok {
		return nil
	}
	_, err := s.seal(ch, key, session.Give{Prekey: prekey}, []session.Recipient{r})
	if err == nil {
		s.book.run("INSERT INTO given (channel, member) VALUES (?, ?) ON CONFLICT DO NOTHING", ch.row, to[:])
	}
	return err
}

// giveAgain has one's sender key given to a member, though he was given it. That he
// was stays noted: if he is removed before that is sealed it is replaced all the same.
func (s *step) giveAgain(ch *channel, to session.Member, key session.KeyID) {
	content := append(to[:], key[:]...)
	if s.view(ch).Live(roster.Member(to)) &&
		s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ? AND content = ?", ch.row, outGive, content) == 0 {
		s.enqueue(ch, item{kind: outGive, content: content})
	}
}

// keepPrekey writes down a new prekey of one's own.
func (s *step) keepPrekey(ch *channel, number int64, k session.Prekey) {
	s.book.run("INSERT INTO prekeys (channel, number, seed, made) VALUES (?, ?, ?, ?)", ch.row, number, k.Seed[:], stamp(s.now))
}

// published notes which envelope publishes a prekey: one's newest.
func (s *step) published(ch *channel, number, seq int64) {
	s.book.run("UPDATE prekeys SET envelope = ?, seq = ? WHERE channel = ? AND number = ?", ch.head[:], seq, ch.row, number)
}

// newestPrekey is one's own newest prekey, as others seal to it.
func (s *step) newestPrekey(ch *channel) (session.NumberedPrekey, bool) {
	own := s.ownPrekeys(ch)
	if len(own) == 0 || own[0].number == 0 {
		return session.NumberedPrekey{}, false
	}
	return session.NumberedPrekey{Number: own[0].number, Public: own[0].key.Public}, true
}

// sealPrekey publishes a new prekey.
func (s *step) sealPrekey(ch *channel) error {
	prekey, err := session.NewPrekey()
	if err != nil {
		return err
	}
	number := s.nextPrekey(ch)
	s.keepPrekey(ch, number, prekey)
	seq, err := s.sealContent(ch, session.FreshPrekey{Prekey: session.NumberedPrekey{Number: number, Public: prekey.Public}})
	if err == nil {
		s.published(ch, number, seq)
	}
	return err
}

// ownPrekey is a prekey of one's own.
type ownPrekey struct {
	number int64
	key    session.Prekey
}

// ownPrekeys are one's own prekeys that are kept, the newest first. Expanding a
// seed costs more than all else, so it is done once.
func (s *step) ownPrekeys(ch *channel) []ownPrekey {
	type seeded struct {
		number int64
		seed   []byte
	}
	var own []ownPrekey
	for _, v := range list(s.book, func(r row) (v seeded) { scan(r, &v.number, &v.seed); return v },
		"SELECT number, seed FROM prekeys WHERE channel = ? ORDER BY number DESC", ch.row) {
		own = append(own, ownPrekey{v.number, s.expand(ch, v.seed)})
	}
	return own
}

// expand is the prekey of a seed.
func (s *step) expand(ch *channel, seed []byte) session.Prekey {
	key := session.Secret(seed)
	if k, ok := ch.prekeys[key]; ok {
		return k
	}
	k, err := session.PrekeyFromSeed(key)
	if err != nil {
		panic("channels: " + err.Error()) // any 32 bytes are a seed
	}
	if ch.prekeys == nil || len(ch.prekeys) > 64 {
		ch.prekeys = map[session.Secret]session.Prekey{}
	}
	ch.prekeys[key] = k
	return k
}

// showPrekey notes a member's prekey, if it is newer than what is known. What was
// sealed to the one in his join alone, which he may have deleted, is given to him
// again, if the invite prekey was not there to make up for that (recipients).
func (s *step) showPrekey(ch *channel, from session.Member, p session.NumberedPrekey) {
	known := s.book.number("SELECT coalesce(max(number), -1) FROM peers WHERE channel = ? AND member = ?", ch.row, from[:])
	deleted := known <= 0 && p.Number > 0 && s.anyGone(ch) || known > 0 && p.Number-known > int64(prekeyKept/time.Second) // they are numbered by the clock
	if key, ok := s.senderKey(ch); ok && deleted && s.given(ch, from) {
		s.giveAgain(ch, from, key.ID)
	}
	s.book.run(`UPDATE peers SET number = ?, prekey = ?, shown = ? WHERE channel = ? AND member = ? AND number < ?`,
		p.Number, p.Public[:], stamp(s.now), ch.row, from[:], p.Number)
}

// retirePrekeys deletes one's own prekeys that nobody seals to any more: all
// members have the envelope that publishes a newer one, or a hub has had it for
// a week and was read to its head.
func (s *step) retirePrekeys(ch *channel) {
	if ch.state != stateMember {
		return
	}
	least := int64(-1) // of one's own envelopes that a member has
	for _, m := range s.others(ch) {
		n := s.book.number("SELECT delivered FROM peers WHERE channel = ? AND member = ?", ch.row, m.ID[:])
		if least < 0 || n < least {
			least = n
		}
	}
	newest := s.book.number("SELECT max(number) FROM prekeys WHERE channel = ? AND seq > 0 AND seq <= ?", ch.row, least)
	if s.readWhole(ch) {
		newest = max(newest, s.book.number("SELECT max(number) FROM prekeys WHERE channel = ? AND taken > 0 AND taken <= ?",
			ch.row, stamp(s.now.Add(-prekeyKept))))
	}
	if s.book.run("DELETE FROM prekeys WHERE channel = ? AND number < ?", ch.row, newest) > 0 {
		ch.prekeys = nil
		s.forgot()
	}
}
