package channels

import (
	"crypto/rand"
	"fmt"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// rescueValid is how long a rescue key is good.
const rescueValid = 7 * 24 * time.Hour

// rescueRecord is a rescue key that is being made. Its row goes, and the secret
// with it, when it was shown.
type rescueRecord struct {
	row     int64
	channel int64
	hub     int64
	member  session.Member // whom it is for
	secret  session.InviteSecret
	expires time.Time
	offered bool // the hub is asked to keep its slot
	taken   bool // it does
}

const selectRescues = "SELECT id, channel, hub, member, secret, expires, offered, taken FROM rescues "

func readRescue(r row) (v rescueRecord) {
	var member, secret []byte
	var expires int64
	scan(r, &v.row, &v.channel, &v.hub, &member, &secret, &expires, &v.offered, &v.taken)
	v.member, v.secret, v.expires = session.Member(member), session.InviteSecret(secret), moment(expires)
	return v
}

// rescue makes rescue keys. They are given out when the hub has taken the slots
// of all.
func (s *step) rescue(in Rescue) {
	ch := s.named(in.Channel)
	h, ok := s.ownHub(in.Hub)
	if in.Hub == (wire.Fingerprint{}) {
		h, ok = s.choose()
	}
	if own, has := s.home(); ok && h.embedded && in.Hub == (wire.Fingerprint{}) && has {
		s.fail(in.Ref, in.Channel, CodeHub, "your hub %s does not answer, and the embedded one is for this machine alone: /msg sysop hub list", own.address.URL)
		return
	}
	switch {
	case ch == nil:
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
	case ch.state == stateWaiting:
		s.fail(in.Ref, ch.name, CodeNotPossible, "you do not know who is in %s before %s has been online", ch.name, s.waitsFor(ch))
	case ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)):
		s.fail(in.Ref, ch.name, CodeNotPossible, "you are not a member of %s any more", ch.name)
	case len(s.others(ch)) == 0:
		s.fail(in.Ref, ch.name, CodeNotPossible, "nobody else is in %s: /invite makes a one-time key for who is to come", ch.name)
	case !ok:
		s.fail(in.Ref, ch.name, CodeNoHub, "there is no hub of yours to go on with: /msg sysop help hub")
	case s.rescuing(ch.row, h.row):
		s.fail(in.Ref, ch.name, CodeNotPossible, "rescue keys for %s are being made already", ch.name)
	default:
		s.makeRescues(ch, h, in.Ref)
	}
}

// rescuing says that rescue keys to a channel on a hub are being made.
func (s *step) rescuing(channel, hub int64) bool {
	return s.book.number("SELECT count(*) FROM rescues WHERE channel = ? AND hub = ?", channel, hub) > 0
}

// makeRescues draws the secrets, and has the hub opened if the channel is not
// kept there.
func (s *step) makeRescues(ch *channel, h hub, ref Ref) {
	for _, m := range s.others(ch) {
		var secret session.InviteSecret
		rand.Read(secret[:])
		s.book.run("INSERT INTO rescues (channel, hub, member, secret, expires) VALUES (?, ?, ?, ?, ?)",
			ch.row, h.row, m.ID[:], secret[:], stamp(s.now.Add(rescueValid).Truncate(time.Second)))
	}
	s.memory.rescuing[place{ch.row, h.row}] = ref
	if at := s.placeAt(ch.row, h.row); at.entered && !at.dropped {
		s.offerRescues(ch, h.row)
	} else {
		s.mirrorOn(ch, h)
	}
	s.hurry(h.row)
}

// offerRescues has a hub keep the slots of the rescue keys that lead to it, once
// the channel is kept there.
func (s *step) offerRescues(ch *channel, hub int64) {
	waiting := list(s.book, readRescue, selectRescues+"WHERE channel = ? AND hub = ? AND offered = 0 ORDER BY id", ch.row, hub)
	if len(waiting) == 0 {
		return
	}
	h, _ := s.hub(hub)
	// Anew, though the channel may be kept there already: one of those whom the keys
	// are for may have dropped the hub, and had no other to say so on.
	if _, err := s.announce(ch, hubAdd(h)); err != nil {
		s.notRescued(ch.row, hub, CodeInternal, err.Error())
		return
	}
	ops := s.rescueOps(ch, h)
	for _, v := range waiting {
		keys := session.DeriveInvite(v.secret)
		blob, err := session.SealRescue(keys, session.Rescue{Channel: ch.id, By: ch.self, For: v.member, Ops: ops})
		if err != nil {
			s.notRescued(ch.row, hub, CodeInternal, err.Error())
			return
		}
		s.book.run("UPDATE rescues SET offered = 1 WHERE id = ?", v.row)
		args := wire.OfferArgs{Slot: wire.Slot(keys.Slot), Number: 1, Invite: wire.Token(keys.ID()), Expires: v.expires.Unix(), Blob: blob}
		s.call(pending{hub: hub, channel: ch.row, op: wire.OpOffer, args: mustEncode(args), about: -v.row})
	}
}

// rescueOps are the operations that a rescue brings, in the order to apply them:
// all, or of too many those that matter most to whoever comes.
func (s *step) rescueOps(ch *channel, h hub) [][]byte {
	all := s.ops(ch).All()
	chosen := map[roster.Hash]bool{}
	size := 0
	choose := func(matters func(*roster.Signed) bool) {
		for i := len(all) - 1; i >= 0; i-- { // the newest first: who comes lacks these
			op := all[i]
			if n := len(op.Bytes()); !chosen[op.Hash()] && matters(op) && size+n <= session.MaxRescue {
				chosen[op.Hash()] = true
				size += n
			}
		}
	}
	choose(func(op *roster.Signed) bool {
		add, ok := op.Op().Args.(roster.HubAdd)
		return ok && wire.Fingerprint(add.Key) == h.address.Fingerprint
	})
	choose(func(op *roster.Signed) bool { return session.Member(op.Op().By) == ch.self })
	choose(func(*roster.Signed) bool { return true })
	var ops [][]byte
	for _, op := range all {
		if chosen[op.Hash()] {
			ops = append(ops, op.Bytes())
		}
	}
	return ops
}

// rescueOffered takes the answer to the offer of a rescue key's slot.
func (s *step) rescueOffered(p pending, result wire.Result) verdict {
	v, ok := first(s.book, readRescue, selectRescues+"WHERE id = ?", -p.about)
	if !ok {
		return answered
	}
	if result.Error != nil {
		s.notRescued(v.channel, v.hub, CodeHub, "the hub does not take them: "+words(result.Error))
		return answered
	}
	s.book.run("UPDATE rescues SET taken = 1 WHERE id = ?", v.row)
	if s.book.number("SELECT count(*) FROM rescues WHERE channel = ? AND hub = ? AND taken = 0", v.channel, v.hub) == 0 {
		s.rescued(v.channel, v.hub)
	}
	return answered
}

// rescued gives out the rescue keys to a channel, and forgets them.
func (s *step) rescued(channel, hub int64) {
	ch := s.channels[channel]
	h, _ := s.hub(hub)
	made := list(s.book, readRescue, selectRescues+"WHERE channel = ? AND hub = ? ORDER BY id", channel, hub)
	ref := s.forgetRescues(channel, hub)
	if ch == nil {
		return
	}
	out := Rescued{Ref: ref, Channel: ch.name, Hub: h.address, Expires: made[0].expires, Local: h.embedded}
	for _, v := range made {
		key := wire.OneTimeKey{URL: h.address.URL, Fingerprint: h.address.Fingerprint, Secret: v.secret}
		out.Keys = append(out.Keys, RescueKey{Nick: s.nickOf(ch, v.member), Key: key.String()})
	}
	s.emit(out)
}

// forgetRescues deletes the secrets of the rescue keys to a channel on a hub, and
// says who waits for them.
func (s *step) forgetRescues(channel, hub int64) Ref {
	s.book.run("DELETE FROM rescues WHERE channel = ? AND hub = ?", channel, hub)
	s.forgot()
	at := place{channel, hub}
	ref := s.memory.rescuing[at]
	delete(s.memory.rescuing, at)
	return ref
}

// notRescued gives up making rescue keys: none is shown, and what the hub has of
// them is closed.
func (s *step) notRescued(channel, hub int64, code Code, why string) {
	made := list(s.book, readRescue, selectRescues+"WHERE channel = ? AND hub = ? ORDER BY id", channel, hub)
	if len(made) == 0 {
		return
	}
	for _, v := range made {
		s.book.run("DELETE FROM calls WHERE op = ? AND about = ?", string(wire.OpOffer), -v.row)
		if v.offered {
			s.closeSlot(channel, hub, session.DeriveInvite(v.secret).Slot)
		}
	}
	ref := s.forgetRescues(channel, hub)
	if ch := s.channels[channel]; ch != nil {
		s.fail(ref, ch.name, code, "no rescue keys were made: %s", why)
	}
}

// closeSlot has a rescue's slot closed.
func (s *step) closeSlot(channel, hub int64, slot session.Slot) {
	s.call(pending{hub: hub, channel: channel, op: wire.OpWithdraw, args: mustEncode(wire.WithdrawArgs{Slot: wire.Slot(slot)})})
}

// unrescued gives up the rescue keys for which a hub was asked that does not
// answer: who waits for them had better choose another.
func (s *step) unrescued(f *flight, why HubFailure) {
	for _, v := range list(s.book, readRescue, selectRescues+"WHERE hub = ? ORDER BY id", f.hub) {
		h, _ := s.hub(f.hub)
		s.notRescued(v.channel, v.hub, CodeHub, fmt.Sprintf("%s: %s", h.address.URL, cleanLine(why.Text)))
	}
}

// takeRescue takes a rescue: the channel goes on on the hub that it leads to.
func (s *step) takeRescue(p *peek, blob []byte, number int64) {
	r, err := session.OpenRescue(p.keys, blob)
	if err != nil || number != 1 || p.renewed != 0 {
		s.tampered(p)
		return
	}
	ch := s.byID(r.Channel)
	switch {
	case ch == nil:
		s.fail(p.ref, p.name, CodeNotPossible, "this is a rescue key: it brings members of a channel to another hub, and lets nobody in. You are not in that channel: ask for a one-time key")
		return
	case r.For != ch.self && r.By == ch.self:
		s.fail(p.ref, ch.name, CodeNotPossible, "you made this rescue key yourself, for %s to use", s.nickOf(ch, r.For))
		return
	case r.For != ch.self:
		s.fail(p.ref, ch.name, CodeNotPossible, "this rescue key is for %s: ask %s for yours", s.nickOf(ch, r.For), s.nickOf(ch, r.By))
		return
	}
	ops, ok := s.checkRescue(ch, p.key.Fingerprint, r)
	if !ok {
		s.fail(p.ref, ch.name, CodeHub, "this rescue key does not show that a member of %s keeps it on that hub: do not use it", ch.name)
		return
	}
	s.goOnAt(ch, p, ops)
}

// byID finds the channel of an id that the user is in.
func (s *step) byID(id session.Channel) *channel {
	for _, ch := range s.sorted() {
		if ch.id == id && (ch.state == stateMember || ch.state == stateWaiting) {
			return ch
		}
	}
	return nil
}

// checkRescue says whether a rescue's operations, with those that are here, have a
// member as its maker, and the hub that its key leads to as one of the channel's.
func (s *step) checkRescue(ch *channel, hub wire.Fingerprint, r session.Rescue) ([]*roster.Signed, bool) {
	set := roster.NewSet(roster.Channel(ch.id))
	for _, op := range s.ops(ch).All() {
		_, _ = set.Add(op)
	}
	var ops []*roster.Signed
	for _, b := range r.Ops {
		op, err := roster.Parse(b)
		if err != nil {
			return nil, false
		}
		if _, err := set.Add(op); err != nil {
			return nil, false // of another channel
		}
		ops = append(ops, op)
	}
	view := set.Evaluate()
	_, kept := hubView(view, hub)
	return ops, kept && view.Live(roster.Member(r.By))
}

// goOnAt has a channel go on on a hub, which the user has named by typing a
// rescue key.
func (s *step) goOnAt(ch *channel, p *peek, ops []*roster.Signed) {
	here := s.meet(HubAddress{URL: p.key.URL, Fingerprint: p.key.Fingerprint}, true)
	if p.lost {
		s.relocate(here, p.key.URL) // it did not answer where it was known, and has answered there
	}
	at := s.placeAt(ch.row, here)
	s.learn(ch, ops...)
	if ch.state == stateRemoved {
		s.fail(p.ref, ch.name, CodeNotPossible, "you are not a member of %s any more", ch.name)
		return
	}
	if s.addPlace(ch, here) {
		s.refill(ch, here)
	}
	s.book.run("UPDATE places SET retry = 0, tries = 0 WHERE channel = ? AND hub = ?", ch.row, here)
	s.book.run("INSERT INTO rescued (slot, channel) VALUES (?, ?) ON CONFLICT DO NOTHING", p.keys.Slot[:], ch.row)
	s.closeSlot(ch.row, here, p.keys.Slot)
	s.hurry(here)
	h, _ := s.hub(here)
	text := fmt.Sprintf("%s is now kept on %s too: what was missing comes from there", ch.name, h.address.URL)
	if at.entered && !at.dropped {
		text = fmt.Sprintf("%s is kept on %s, as you know already: that key was not needed", ch.name, h.address.URL)
	}
	s.emit(Done{Ref: p.ref, Text: text})
}

// tampered answers for a key whose slot holds what its maker did not put there.
func (s *step) tampered(p *peek) {
	s.fail(p.ref, p.name, CodeHub, "what the hub has for this key was tampered with: do not use this key")
}

// followedBefore answers for a rescue key that was taken here.
func (s *step) followedBefore(in Redeem, slot session.Slot) bool {
	ch := s.channels[s.book.number("SELECT channel FROM rescued WHERE slot = ?", slot[:])]
	if ch == nil || ch.name == "" {
		return false
	}
	s.hurry(s.placesOf(ch)...)
	s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("you have used this rescue key already: %s goes on", ch.name)})
	return true
}
