package channels

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// The states of an invite.
const (
	inviteMaking  = "making" // no hub has taken it yet
	inviteOpen    = "open"
	inviteUsed    = "used"
	inviteRevoked = "revoked"
	inviteExpired = "expired"
)

// invitation is an invite as the phonebook has it.
type invitation struct {
	row     int64
	channel int64
	invite  session.Member // the invite key's public half
	op      roster.Hash
	slot    session.Slot
	number  int64
	join    []byte // join key; nil: it is of no more use
	prekey  []byte // seed of the invite prekey; the same
	refresh []byte
	card    []byte
	own     bool
	secret  []byte
	note    string
	made    time.Time
	expires time.Time
	state   string
	by      []byte
}

const selectInvites = `SELECT id, channel, invite, op, slot, number, "join", prekey, refresh, card, own, secret, note, made, expires, state, by FROM invites `

func readInvite(r row) invitation {
	var v invitation
	var invite, op, slot []byte
	var made, expires int64
	scan(r, &v.row, &v.channel, &invite, &op, &slot, &v.number, &v.join, &v.prekey, &v.refresh, &v.card,
		&v.own, &v.secret, &v.note, &made, &expires, &v.state, &v.by)
	v.invite, v.slot = session.Member(invite), session.Slot(slot)
	if len(op) > 0 {
		v.op = roster.Hash(op)
	}
	v.made, v.expires = moment(made), moment(expires)
	return v
}

// The longest that a one-time key may be good, and the shortest.
const (
	inviteMost  = 90 * 24 * time.Hour
	inviteLeast = time.Minute
)

// mostMembers is how many members a channel may have: a key envelope has room for
// so many boxes.
const mostMembers = 50

// invite makes a one-time key. It is given out when a hub has taken its offer.
func (s *step) invite(in Invite) {
	if s.named(in.Channel) == nil {
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s: /join %s first", in.Channel, in.Channel)
		return
	}
	ch, ok := s.entitled(in.Ref, in.Channel, "invite")
	if !ok {
		return
	}
	members, open := len(s.view(ch).Members), s.book.number("SELECT count(*) FROM invites WHERE channel = ? AND state IN (?, ?) AND expires > ?", ch.row, inviteOpen, inviteMaking, stamp(s.now))
	if members+int(open) >= mostMembers {
		s.fail(in.Ref, ch.name, CodeNotPossible, "%s has %d members and %d one-time keys that are open: more than %d members are not possible. To close a key: /msg sysop revoke N", ch.name, members, open, mostMembers)
		return
	}
	hubs := s.placesOf(ch)
	if len(hubs) == 0 {
		h, ok := s.choose()
		if !ok {
			s.fail(in.Ref, ch.name, CodeNoHub, "there is no hub to open %s on: /msg sysop help hub", ch.name)
			return
		}
		s.addPlace(ch, h.row)
		s.book.run("UPDATE places SET joined = 0 WHERE channel = ? AND hub = ?", ch.row, h.row)
		hubs = []int64{h.row}
	}
	for _, h := range hubs {
		if at := s.placeAt(ch.row, h); at.opened == 0 && !at.joined {
			s.openFirst(ch, h)
		}
	}
	row, err := s.makeInvite(ch, hubs, in)
	if err != nil {
		s.fail(in.Ref, ch.name, CodeInternal, "%v", err)
		return
	}
	s.memory.invited[row] = in.Ref
	s.hurry(hubs...)
}

// makeInvite makes an invite's keys and operation, and queues its offers.
func (s *step) makeInvite(ch *channel, hubs []int64, in Invite) (int64, error) {
	var secret session.InviteSecret
	rand.Read(secret[:])
	keys := session.DeriveInvite(secret)
	prekey, err := session.NewPrekey()
	if err != nil {
		return 0, err
	}
	var refresh session.Secret
	rand.Read(refresh[:])
	valid := in.Valid
	if valid <= 0 {
		valid = wire.InviteValid
	}
	expires := s.now.Add(min(max(valid, inviteLeast), inviteMost)).Truncate(time.Second)
	note := cutText(in.Note, roster.MaxNote)
	op, err := s.operate(ch, roster.Invite{
		Key: roster.InviteKey(keys.ID()), Slot: roster.Slot(keys.Slot), Expires: expires.UnixMilli(), Note: note,
	})
	if err != nil {
		return 0, fmt.Errorf("making an invite: %w", err)
	}
	card := session.Card{Channel: ch.id, Inviter: ch.self, Invite: session.ID(op.Hash()), Refresh: refresh}
	blob, err := session.SealBlob(keys, card, s.offer(ch, ch.self, hubs, 1, prekey.Public))
	if err != nil {
		return 0, fmt.Errorf("making an invite: %w", err)
	}
	sealed, err := session.BlobCard(blob)
	if err != nil {
		return 0, fmt.Errorf("making an invite: %w", err)
	}
	id, hash := keys.ID(), op.Hash()
	row := s.book.insert(`INSERT INTO invites (channel, invite, op, slot, number, "join", prekey, refresh, card, own, secret, note, made, expires, state)
		VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)`,
		ch.row, id[:], hash[:], keys.Slot[:], keys.Join[:], prekey.Seed[:], refresh[:], sealed,
		secret[:], note, stamp(s.now), stamp(expires), inviteMaking)
	args := mustEncode(wire.OfferArgs{Slot: wire.Slot(keys.Slot), Number: 1, Invite: wire.Token(id), Expires: expires.Unix(), Blob: blob})
	for _, h := range hubs {
		s.call(pending{hub: h, channel: ch.row, op: wire.OpOffer, args: args, about: row})
	}
	return row, nil
}

// offer is what a blob shows of a channel: the inviter stands first, then one's
// own, who is there now.
func (s *step) offer(ch *channel, inviter session.Member, hubs []int64, number int64, prekey session.PrekeyPublic) session.Offer {
	o := session.Offer{Number: number, Prekey: prekey}
	add := func(id session.Member, nick string) {
		if len(o.Nicks) < session.MaxNicks {
			o.Nicks = append(o.Nicks, nick)
		}
		if len(o.Members) < session.MaxShown {
			o.Members = append(o.Members, id)
		}
	}
	if m, ok := s.view(ch).Member(roster.Member(inviter)); ok && inviter != ch.self {
		add(inviter, m.Nick)
	}
	add(ch.self, s.nick)
	for _, m := range s.others(ch) {
		if session.Member(m.ID) != inviter {
			add(session.Member(m.ID), m.Nick)
		}
	}
	for _, id := range hubs {
		if h, ok := s.hub(id); ok && len(o.Hubs) < session.MaxHubs {
			o.Hubs = append(o.Hubs, session.Hub{URL: h.address.URL, Fingerprint: h.address.Fingerprint})
		}
	}
	return o
}

// renewInvites offers the open invites again, whoever made them, with a higher
// number: for the members have changed. Fresh: with a new invite prekey, since
// somebody is gone who has the old one; then that is told to the others, and
// insisted on.
func (s *step) renewInvites(ch *channel, fresh bool) {
	hubs := s.placesOf(ch)
	var told session.Ops
	for _, v := range list(s.book, readInvite, selectInvites+`WHERE channel = ? AND state IN (?, ?) AND expires > ? AND "join" IS NOT NULL AND prekey IS NOT NULL AND refresh IS NOT NULL
		ORDER BY id DESC LIMIT ?`, ch.row, inviteOpen, inviteMaking, stamp(s.now), session.MaxInvites) {
		step := int64(1)
		if fresh {
			step = 2 // it is above what somebody offers at the same time because of a newcomer
		}
		if s.renewInvite(ch, &v, hubs, v.number+step, fresh) && v.state == inviteOpen {
			told.Invites = append(told.Invites, v.open())
		}
	}
	if fresh && len(told.Invites) > 0 && !s.alone(ch) {
		s.enqueue(ch, item{kind: outOps, content: mustEncode(told)})
	}
}

// renewInvite offers an invite again, and says whether it did: not where its
// inviter is no member any more.
func (s *step) renewInvite(ch *channel, v *invitation, hubs []int64, number int64, fresh bool) bool {
	op := s.ops(ch).Get(v.op)
	if op == nil || !s.view(ch).Live(op.Op().By) || s.view(ch).Void(v.op) != "" {
		return false
	}
	prekey := s.expand(ch, v.prekey)
	if fresh {
		made, err := session.NewPrekey()
		if err != nil {
			return false
		}
		prekey = made
	}
	blob, err := session.RefreshBlob(v.card, session.Secret(v.refresh), v.slot, s.offer(ch, session.Member(op.Op().By), hubs, number, prekey.Public))
	if err != nil {
		return false // among else: no number is higher
	}
	s.keepSeed(v.row, v.prekey)
	v.number, v.prekey = number, prekey.Seed[:]
	s.book.run("UPDATE invites SET number = ?, prekey = ? WHERE id = ?", number, v.prekey, v.row)
	if fresh {
		s.forgot()
	}
	s.book.run("DELETE FROM calls WHERE channel = ? AND op = ? AND about = ?", ch.row, string(wire.OpOffer), v.row)
	args := mustEncode(wire.OfferArgs{Slot: wire.Slot(v.slot), Number: number, Invite: wire.Token(v.invite), Expires: v.expires.Unix(), Blob: blob})
	for _, h := range hubs {
		s.call(pending{hub: h, channel: ch.row, op: wire.OpOffer, args: args, about: v.row, again: fresh})
	}
	return true
}

// outbid offers an invite with a still higher number, after somebody else has
// renewed it: it was renewed because one is gone who has the invite prekey in that.
// If no number is higher, the slot is closed.
func (s *step) outbid(p pending) {
	v, ok := first(s.book, readInvite, selectInvites+`WHERE id = ? AND state = ? AND prekey IS NOT NULL AND refresh IS NOT NULL`, p.about, inviteOpen)
	ch := s.channels[p.channel]
	var args wire.OfferArgs
	if !ok || ch == nil || codec.Unmarshal(p.args, &args) != nil || args.Number != v.number {
		return // it was renewed again since
	}
	if !s.renewInvite(ch, &v, s.placesOf(ch), 2*v.number+1+randomNumber()%16, true) {
		s.withdraw(ch, v)
		return
	}
	if !s.alone(ch) {
		s.enqueue(ch, item{kind: outOps, content: mustEncode(session.Ops{Invites: []session.OpenInvite{v.open()}})})
	}
}

// open is what members hold of the invite.
func (v invitation) open() session.OpenInvite {
	return session.OpenInvite{
		Invite: v.invite, Slot: v.slot, Number: v.number, Join: session.Secret(v.join),
		Prekey: session.Secret(v.prekey), Refresh: session.Secret(v.refresh), Card: v.card,
	}
}

// nameHubs says by operations on which hubs the channel lives.
func (s *step) nameHubs(ch *channel) {
	known := s.view(ch).Hubs
	for _, id := range list(s.book, readNumber, `SELECT hub FROM places p WHERE channel = ? AND opened = 1
		AND NOT EXISTS (SELECT 1 FROM unmirrored WHERE channel = p.channel AND hub = p.hub AND why = ?) ORDER BY hub`, ch.row, mirrorDropped) {
		h, ok := s.hub(id)
		if !ok || h.account == nil || slices.ContainsFunc(known, func(v roster.HubView) bool { return wire.Fingerprint(v.Key) == h.address.Fingerprint }) {
			continue
		}
		_, err := s.announce(ch, hubAdd(h))
		if err != nil {
			s.emit(Warn{Channel: ch.name, Text: err.Error()})
		}
	}
}

// nameWaiting names the hubs that were opened while an invite was being made that
// came to nothing.
func (s *step) nameWaiting(ch *channel) {
	if len(s.making(ch.row)) == 0 && !s.alone(ch) {
		s.nameHubs(ch)
	}
}

// close deletes the secrets of an invite.
func (s *step) close(v invitation, state string) {
	s.book.run(`UPDATE invites SET state = ?, ended = ?, "join" = NULL, prekey = NULL, refresh = NULL, card = NULL, secret = NULL WHERE id = ?`,
		state, stamp(s.now), v.row)
	s.book.run("DELETE FROM invite_seeds WHERE invite = ?", v.row)
	s.forgot()
}

// seedsMost is how many invite prekeys of one invite are kept beside the newest.
const seedsMost = 16

// keepSeed keeps an invite prekey that is not the newest, as long as the invite is
// open: a hub that was down shows it still, and who has looked at it there seals
// his first texts to it. Who was removed has it too, and may read those.
func (s *step) keepSeed(invite int64, seed []byte) {
	if len(seed) == 32 && s.book.number("SELECT count(*) FROM invite_seeds WHERE invite = ?", invite) < seedsMost {
		s.book.run("INSERT INTO invite_seeds (invite, seed) VALUES (?, ?) ON CONFLICT DO NOTHING", invite, seed)
	}
}

// seeds are all invite prekeys by which somebody may come who has an invite.
func (s *step) seeds(v invitation) [][]byte {
	older := list(s.book, readBytes, "SELECT seed FROM invite_seeds WHERE invite = ? AND seed <> ? ORDER BY seed", v.row, v.prekey)
	return append([][]byte{v.prekey}, older...)
}

// closeSoon deletes the secrets of an invite that was revoked, but for those
// that it takes to read who has redeemed it before the hub knew.
func (s *step) closeSoon(ch *channel, v invitation) {
	s.book.run("UPDATE invites SET state = ?, ended = ?, refresh = NULL, card = NULL, secret = NULL WHERE id = ?", inviteRevoked, stamp(s.now), v.row)
	s.forgot()
	s.timer(ch, timerInvites, s.now.Add(revokedKept))
}

// closeRevoked deletes the rest of them when the hubs have closed the slots and
// the log was read to its head after that.
func (s *step) closeRevoked(ch *channel) {
	for _, v := range list(s.book, readInvite, selectInvites+`WHERE channel = ? AND state = ? AND "join" IS NOT NULL`, ch.row, inviteRevoked) {
		waits := s.book.number("SELECT count(*) FROM calls WHERE about = ? AND op = ?", v.row, string(wire.OpWithdraw)) > 0
		if waits || !s.atHead(ch) {
			s.timer(ch, timerInvites, s.now.Add(10*revokedKept))
			continue
		}
		s.close(v, inviteRevoked)
	}
}

// revokedKept is how long what a hub has just closed may still bring a join.
const revokedKept = time.Minute

// withdraw has a slot closed on all hubs of a channel.
func (s *step) withdraw(ch *channel, v invitation) {
	args := mustEncode(wire.WithdrawArgs{Slot: wire.Slot(v.slot)})
	for _, h := range s.placesOf(ch) {
		s.call(pending{hub: h, channel: ch.row, op: wire.OpWithdraw, args: args, about: v.row})
	}
}

// revoke closes an open invite of the user's.
func (s *step) revoke(in Revoke) {
	v, ok := first(s.book, readInvite, selectInvites+"WHERE id = ? AND own = 1", int64(in.Invite))
	ch := s.channels[v.channel]
	if !ok || ch == nil {
		s.fail(in.Ref, "", CodeUnknownInvite, "there is no one-time key of that number: /msg sysop invites")
		return
	}
	switch v.state {
	case inviteUsed:
		s.fail(in.Ref, ch.name, CodeUsed, "that key was used already, by %s", s.nickOf(ch, session.Member(v.by)))
		return
	case inviteRevoked:
		s.emit(Done{Ref: in.Ref, Text: "that key was revoked before"})
		return
	case inviteExpired:
		s.fail(in.Ref, ch.name, CodeExpired, "that key has expired already")
		return
	}
	if err := s.retract(ch, v); err != nil {
		s.fail(in.Ref, ch.name, CodeInternal, "%v", err)
		return
	}
	s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("the one-time key %d for %s is revoked", v.row, ch.name)})
}

// retract closes an invite of the user's that is open, or being made, everywhere.
func (s *step) retract(ch *channel, v invitation) error {
	if v.state == inviteMaking {
		s.tell(ch, s.ops(ch).Get(v.op)) // the others have not heard of it yet
	}
	if _, err := s.announce(ch, roster.Revoke{Invite: v.op}); err != nil {
		return err
	}
	s.book.run("DELETE FROM calls WHERE op = ? AND about = ?", string(wire.OpOffer), v.row)
	delete(s.memory.took, v.row)
	s.withdraw(ch, v)
	s.closeSoon(ch, v)
	s.nameWaiting(ch)
	if ref, waits := s.memory.invited[v.row]; waits {
		delete(s.memory.invited, v.row)
		s.fail(ref, ch.name, CodeRevoked, "the key was revoked before a hub had it")
	}
	s.hurry(s.placesOf(ch)...)
	return nil
}

// cutText is a text on one line of at most so many bytes.
func cutText(text string, most int) string {
	text = strings.ToValidUTF8(text, "")
	text, _ = cleanTopic(text)
	text = strings.Map(func(r rune) rune {
		if ircFormatting(r) {
			return -1
		}
		return r
	}, text)
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
