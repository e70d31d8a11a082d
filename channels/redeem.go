package channels

import (
	"errors"
	"fmt"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// peek is a one-time key that is being looked at. Nothing of it is in the
// phonebook yet.
type peek struct {
	ref     Ref
	name    string
	key     wire.OneTimeKey
	keys    session.InviteKeys
	lost    bool  // the hub did not answer where it was known
	renewed int64 // the channel's row if it is looked at again, since its blob was renewed
	fork    int64 // the row of the invitation, if a member has sent it (Forked)
	private bool  // fork: and it may lead to a private place
}

// redeem joins a channel by a one-time key.
func (s *step) redeem(in Redeem) {
	there := s.named(in.Channel)
	key, err := wire.ParseOneTimeKey(in.Key)
	switch {
	case err != nil && there != nil && (errors.Is(err, wire.ErrNotAKey) || !s.empty(there)):
		s.show(there, in.Ref)
		return
	case err != nil:
		s.fail(in.Ref, in.Channel, CodeMistyped, "%v: copy it once more, whole", err)
		return
	case there == nil && !checkChannelName(in.Channel):
		s.fail(in.Ref, in.Channel, CodeBadName, "a channel's name is # and up to %d bytes without blanks, commas and colons", maxChannelName-1)
		return
	case s.nick == "":
		s.fail(in.Ref, in.Channel, CodeBadNick, "choose a nick first: /nick NAME")
		return
	}
	keys := session.DeriveInvite(key.Secret)
	if s.redeemedBefore(in, keys.Slot) || s.followedBefore(in, keys.Slot) {
		return
	}
	s.peek(&peek{ref: in.Ref, name: in.Channel, key: key, keys: keys})
}

// redeemedBefore answers for a key that was redeemed here, is being, or was
// made here.
func (s *step) redeemedBefore(in Redeem, slot session.Slot) bool {
	if row := s.book.number("SELECT channel FROM redeemed WHERE slot = ?", slot[:]); row != 0 {
		ch := s.channels[row]
		switch {
		case ch == nil:
			return false
		case ch.name != "":
			s.show(ch, in.Ref)
		default:
			s.memory.joining[slot] = in.Ref // it is under way: who asked last hears of it
			s.hurry(s.placesOf(ch)...)
		}
		return true
	}
	for _, f := range s.memory.flights {
		if f.kind == flightPeek && f.peek.keys.Slot == slot && f.peek.renewed == 0 {
			s.fail(in.Ref, in.Channel, CodeNotPossible, "that key is being looked at already")
			return true
		}
	}
	if row := s.book.number("SELECT channel FROM invites WHERE slot = ? AND own = 1", slot[:]); row != 0 {
		if there := s.named(in.Channel); there != nil {
			s.show(there, in.Ref)
		} else {
			s.fail(in.Ref, in.Channel, CodeNotPossible, "you made this key yourself, for %s: it is for somebody else to use", s.channels[row].name)
		}
		return true
	}
	return false
}

// typed says that the user himself has named the key's hub, or might have: it may
// be at a private place.
func (p *peek) typed() bool { return p.fork == 0 || p.private }

// peek looks at a slot, which changes nothing.
func (s *step) peek(p *peek) {
	h, _ := s.hub(s.meet(HubAddress{URL: p.key.URL, Fingerprint: p.key.Fingerprint}, p.typed()))
	p.lost = !h.up && p.fork == 0
	h.address.URL, h.trusted = p.key.URL, p.typed() // as it was given, whatever else is known
	call := wire.SignedCall{Op: wire.OpPeek, Args: wire.PeekArgs{Slot: wire.Slot(p.keys.Slot)}, Key: p.keys.Invite}
	s.request(h, &flight{hub: h.row, kind: flightPeek, sent: s.now, peek: p}, []wire.SignedCall{call}, 0)
}

// unpeeked takes that the hub of a one-time key does not answer.
func (s *step) unpeeked(p *peek, why HubFailure) {
	if p.renewed != 0 {
		return // the call is still there, and asked again
	}
	s.fail(p.ref, p.name, CodeHub, "%s: %s; the key is still good: try again later. If that hub does not come back, ask for a new one-time key", p.key.URL, cleanLine(why.Text))
}

// peeked takes what a slot holds.
func (s *step) peeked(p *peek, result wire.Result) {
	var r wire.PeekResult
	if err := decode(result, &r); err != nil {
		s.useless(p, result.Error)
		return
	}
	if session.IsRescue(r.Blob) && p.fork == 0 {
		s.takeRescue(p, r.Blob, r.Number)
		return
	}
	card, offer, err := session.OpenBlob(p.keys, r.Blob)
	if err != nil || offer.Number != r.Number {
		s.dropFork(p.fork)
		s.tampered(p)
		return
	}
	if p.renewed != 0 {
		s.redeemRenewed(p, card, offer)
		return
	}
	for _, ch := range s.sorted() {
		if ch.id == card.Channel && ch.name != "" && ch.state != stateRemoved {
			s.dropFork(p.fork)
			s.show(ch, p.ref)
			return
		}
	}
	if there := s.named(p.name); there != nil && !s.empty(there) {
		s.emit(Failed{
			Ref: p.ref, Channel: p.name, Code: CodeTaken, Suggest: s.freeName(p.name),
			Text: fmt.Sprintf("%s is another channel, with people in it", there.name),
		})
		return
	}
	if err := s.joinBy(p, card, offer); err != nil {
		s.fail(p.ref, p.name, CodeInternal, "%v", err)
		return
	}
	s.dropFork(p.fork)
}

// useless answers for a key that a hub does not take. On a channel that one is
// in, such a key means nothing: clients repeat old ones. But a channel with
// nobody else in it was not joined by a key, so this one was typed.
func (s *step) useless(p *peek, e *wire.Error) {
	if p.renewed != 0 {
		return // the hub may have taken one's own joining, and that is made again: its answer counts
	}
	if e != nil && !transient(e.Code) {
		s.dropFork(p.fork)
	}
	if there := s.named(p.name); there != nil && !s.empty(there) && (e == nil || !transient(e.Code)) {
		s.show(there, p.ref)
		return
	}
	s.failKey(p.ref, p.name, e)
}

// failKey says why a hub does not take a one-time key.
func (s *step) failKey(ref Ref, name string, e *wire.Error) {
	code := wire.CodeInternal
	if e != nil {
		code = e.Code
	}
	switch code {
	case wire.CodeUsed:
		text := "somebody else has used this one-time key already. If it was meant for you, tell whoever gave it to you, over another way: a stranger may be in the channel"
		s.emit(Warn{Channel: name, Text: text})
		s.fail(ref, name, CodeUsed, "this one-time key was used already: ask for a new one")
	case wire.CodeExpired:
		s.fail(ref, name, CodeExpired, "this one-time key has expired: ask for a new one")
	case wire.CodeWithdrawn:
		s.fail(ref, name, CodeRevoked, "this one-time key was revoked: ask for a new one")
	case wire.CodeUnknown:
		s.fail(ref, name, CodeExpired, "the hub knows nothing of this one-time key: it has expired, or was never put there; ask for a new one")
	default:
		text := "it answered something that makes no sense"
		if e != nil {
			text = words(e)
		}
		s.fail(ref, name, CodeHub, "the hub does not take this one-time key: %s", text)
	}
}

// empty says that nobody but the user was ever in a channel, so that another
// may take its name.
func (s *step) empty(ch *channel) bool {
	view := s.view(ch)
	return ch.state == stateMember && len(view.Members) == 1 && len(view.Removed) == 0
}

// freeName is a channel name like the one given that is free.
func (s *step) freeName(name string) string {
	for n := 2; ; n++ {
		suffix := fmt.Sprint(n)
		base := name[:min(len(name), maxChannelName-len(suffix))]
		if free := base + suffix; s.named(free) == nil {
			return free
		}
	}
}

// joinBy makes the joiner's keys, join and first sender key, and writes all of it
// down before the hub is asked: these very bytes are repeated until it answers.
func (s *step) joinBy(p *peek, card session.Card, offer session.Offer) error {
	key, token := newSigningKey(), newSigningKey()
	prekey, err := session.NewPrekey()
	if err != nil {
		return err
	}
	s.supersede(card.Channel)
	invite := p.keys.ID()
	join, err := roster.SignJoin(roster.DraftJoin(roster.Channel(card.Channel), roster.Member(public(key)), s.now.UnixMilli(), roster.Join{
		Invite: roster.Hash(card.Invite), Key: roster.InviteKey(invite), Nick: s.nick,
		Token: roster.Token(public(token)), Prekey: prekey.Public[:],
	}), p.keys.Invite, token, key)
	if err != nil {
		return err
	}
	sealed, err := session.SealJoin(card.Channel, p.keys.Slot, p.keys.Join, join.Bytes())
	if err != nil {
		return err
	}
	blob := &welcome{Inviter: card.Inviter, Invite: invite, Prekey: offer.Prekey[:], Nick: offer.Nicks[0], Members: offer.Members, Nicks: offer.Nicks[:len(offer.Members)]}
	ch := s.add("", stateRedeeming, card.Channel, key, token, blob)
	s.keepPrekey(ch, 0, prekey)
	s.learn(ch, join)
	s.book.run("INSERT INTO redeemed (slot, channel, name, secret, invite) VALUES (?, ?, ?, ?, ?)",
		p.keys.Slot[:], ch.row, p.name, p.key.Secret[:], invite[:])
	s.keepEntry(ch, entryRecord{class: wire.ClassKeep, bytes: sealed, state: entryJoin, sender: ch.self})
	here := s.meet(HubAddress{URL: p.key.URL, Fingerprint: p.key.Fingerprint}, p.typed())
	if p.lost {
		s.relocate(here, p.key.URL) // it did not answer where it was known, and has answered there
	}
	s.addPlace(ch, here)
	s.offeredHubs(ch, here, offer)
	s.book.run("UPDATE places SET joined = 0 WHERE channel = ?", ch.row)
	s.memory.joining[p.keys.Slot] = p.ref
	return s.redeemOn(ch, here, p.keys.Slot, offer)
}

// offeredHubs makes the channel's other hubs known. The joining is repeated there
// once the first has taken it, or when it does not answer.
func (s *step) offeredHubs(ch *channel, here int64, offer session.Offer) {
	h, _ := s.hub(here)
	for _, o := range offer.Hubs {
		url, err := wire.CanonicalURL(o.URL)
		if err != nil || wire.PrivateURL(url) && !s.options.Private && !wire.PrivateURL(h.address.URL) {
			continue
		}
		s.addPlace(ch, s.meet(HubAddress{URL: url, Fingerprint: o.Fingerprint}, false))
	}
}

// redeemOn makes the first key envelope and queues the redeeming.
func (s *step) redeemOn(ch *channel, hub int64, slot session.Slot, offer session.Offer) error {
	if err := s.newSenderKey(ch); err != nil {
		return err
	}
	entries := list(s.book, readBytes, "SELECT bytes FROM entries WHERE channel = ? ORDER BY id", ch.row)
	s.book.run("DELETE FROM calls WHERE channel = ?", ch.row) // newSenderKey has queued a put: it goes with the redeeming
	args := wire.RedeemArgs{Slot: wire.Slot(slot), Number: offer.Number, Token: wire.Token(public(ch.token)), Entries: entries}
	s.call(pending{hub: hub, channel: ch.row, op: wire.OpRedeem, args: mustEncode(args)})
	return nil
}

// redeemed takes the answer to a redeeming.
func (s *step) redeemed(p pending, result wire.Result) verdict {
	ch := s.channels[p.channel]
	if ch == nil {
		return answered
	}
	if ch.state != stateRedeeming {
		return s.redeemedToo(ch, p, result)
	}
	switch e := result.Error; {
	case e == nil:
		s.admittedBy(ch, p.hub)
		s.redeemElsewhere(ch, p)
		s.redeemedAll(ch, p.row)
		return answered
	case transient(e.Code):
		return later
	case s.inDoubt(p):
		s.knock(ch, p, e)
		return answered
	case e.Code == wire.CodeStale:
		return s.renewed(ch, p.hub)
	}
	s.notRedeemed(ch, result.Error)
	return answered
}

// admittedBy takes that a hub has let a joiner in.
func (s *step) admittedBy(ch *channel, hub int64) {
	r := s.redemption(ch)
	if there := s.named(r.name); there != nil {
		if s.empty(there) {
			s.remove(there)
			s.emit(Gone{Channel: there.name})
		} else {
			r.name = s.freeName(r.name) // somebody came in meanwhile
		}
	}
	ch.name, ch.state = r.name, stateWaiting
	s.ops(ch)
	ch.shown = s.present(ch)
	s.book.run("UPDATE places SET joined = 1 WHERE channel = ?", ch.row)
	s.enter(ch, hub)
	s.timer(ch, timerWaiting, s.now.Add(rereadJoin))
	ref := s.memory.joining[r.slot]
	delete(s.memory.joining, r.slot)
	s.emit(Shown{Ref: ref, Channel: ch.name})
}

// redeemedToo takes the answer to a redeeming that was repeated on a further hub.
// Where that is refused, members let one in.
func (s *step) redeemedToo(ch *channel, p pending, result wire.Result) verdict {
	switch {
	case result.Error == nil:
		s.enter(ch, p.hub)
	case transient(result.Error.Code):
		return later
	case result.Error.Code == wire.CodeUsed:
		s.usedToo(p.hub, ch.name)
	}
	s.redeemedAll(ch, p.row)
	return answered
}

// usedToo tells that another has used the same key on a further hub.
func (s *step) usedToo(hub int64, channel string) {
	h, _ := s.hub(hub)
	s.emit(Warn{Channel: channel, Text: fmt.Sprintf("somebody else has used your one-time key too, on %s. Tell whoever gave it to you, over another way: a stranger may be in the channel", h.address.URL)})
}

// redeemedAll deletes the one-time key when it is of no more use: but for this
// call no other needs it.
func (s *step) redeemedAll(ch *channel, but int64) {
	if s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND op = ? AND id <> ?", ch.row, string(wire.OpRedeem), but) == 0 {
		s.book.run("UPDATE redeemed SET secret = NULL WHERE channel = ?", ch.row)
		s.forgot()
	}
}

// known is called when a joiner knows the members: from now on they let him in
// on the hubs where he is not yet, and he them.
func (s *step) known(ch *channel) {
	s.book.run("DELETE FROM calls WHERE channel = ? AND op IN (?, ?)", ch.row, string(wire.OpRedeem), string(wire.OpStatus))
	s.redeemedAll(ch, 0)
	s.admitAll(ch)
	s.mirrors()
}

// redemption is a redeeming as the phonebook has it.
type redemption struct {
	slot   session.Slot
	name   string
	secret []byte
	warned bool
}

func (s *step) redemption(ch *channel) redemption {
	r, _ := first(s.book, func(r row) (v redemption) {
		var slot []byte
		scan(r, &slot, &v.name, &v.secret, &v.warned)
		v.slot = session.Slot(slot)
		return v
	}, "SELECT slot, name, secret, warned FROM redeemed WHERE channel = ?", ch.row)
	return r
}

// notRedeemed takes a hub's final refusal.
func (s *step) notRedeemed(ch *channel, e *wire.Error) {
	if ch == nil {
		return
	}
	r := s.redemption(ch)
	ref := s.memory.joining[r.slot]
	delete(s.memory.joining, r.slot)
	s.remove(ch)
	if there := s.named(r.name); there != nil {
		s.show(there, ref)
	}
	s.failKey(ref, r.name, e)
}

// renewed has a slot looked at again: its blob has changed, and with it the
// invite prekey that the first key envelope was sealed to.
func (s *step) renewed(ch *channel, hub int64) verdict {
	r := s.redemption(ch)
	h, ok := s.hub(hub)
	if !ok || len(r.secret) != 16 {
		return later
	}
	secret := [16]byte(r.secret)
	s.peek(&peek{
		ref: s.memory.joining[r.slot], name: r.name, renewed: ch.row, keys: session.DeriveInvite(secret),
		key: wire.OneTimeKey{URL: h.address.URL, Fingerprint: h.address.Fingerprint, Secret: secret},
	})
	return later
}

// redeemRenewed makes the key envelope anew, to the new invite prekey. No hub
// took the old one, so it was never anywhere.
func (s *step) redeemRenewed(p *peek, card session.Card, offer session.Offer) {
	ch := s.channels[p.renewed]
	if ch == nil || ch.state != stateRedeeming || ch.id != card.Channel || ch.blob.Inviter != card.Inviter {
		return
	}
	if !s.newerOffer(ch, offer.Number) {
		return // the hub contradicts itself; the call is made again, later and later
	}
	blob := *ch.blob
	blob.Prekey, blob.Members, blob.Nicks = offer.Prekey[:], offer.Members, offer.Nicks[:len(offer.Members)]
	ch.blob = &blob
	s.book.run("DELETE FROM entries WHERE channel = ? AND state = ?", ch.row, entryOwn)
	s.book.run("DELETE FROM prekeys WHERE channel = ? AND number > 0", ch.row)
	s.book.run("DELETE FROM sending WHERE channel = ?", ch.row)
	s.forgot()
	ch.seq, ch.head = 0, session.ID{}
	hub := s.book.number("SELECT hub FROM calls WHERE channel = ? AND op = ?", ch.row, string(wire.OpRedeem))
	if err := s.redeemOn(ch, hub, p.keys.Slot, offer); err != nil {
		s.emit(Warn{Channel: p.name, Text: err.Error()})
	}
}

// newerOffer says that an offer is newer than that which is being redeemed.
func (s *step) newerOffer(ch *channel, number int64) bool {
	args, ok := first(s.book, readBytes, "SELECT args FROM calls WHERE channel = ? AND op = ?", ch.row, string(wire.OpRedeem))
	var redeeming wire.RedeemArgs
	return ok && codec.Unmarshal(args, &redeeming) == nil && number > redeeming.Number
}
