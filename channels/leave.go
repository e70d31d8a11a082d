package channels

import (
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// leave leaves a channel for good. What the others are to be told is sealed
// now and put when a hub can be reached; all else is deleted.
func (s *step) leave(in Leave) {
	ch := s.named(in.Channel)
	if ch == nil {
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
		return
	}
	name := ch.name
	for _, h := range s.placesOf(ch) {
		if !s.placeAt(ch.row, h).entered {
			s.removePlace(ch.row, h) // nobody lets one in there any more
		}
	}
	places := s.placesOf(ch)
	s.endForks(ch, "you have left "+name)
	if len(places) == 0 || ch.state == stateRemoved {
		s.remove(ch)
		s.emit(Gone{Ref: in.Ref, Channel: name})
		return
	}
	s.sealFarewells(ch)
	if !s.alone(ch) {
		s.sealLeave(ch)
	}
	s.putOutNow(ch, places)
	s.revokeSelf(ch, places)
	ch.name, ch.state = "", stateLeaving
	s.forget(ch)
	s.emit(Gone{Ref: in.Ref, Channel: name})
}

// sealLeave seals that the user leaves. It does not wait for the channel to be
// read to the head, as texts do: it tells nobody a secret.
func (s *step) sealLeave(ch *channel) {
	name := ch.name
	ch.name = "" // nothing of it is to be shown
	defer func() { ch.name = name }()
	op, err := s.operate(ch, roster.Leave{Seq: ch.seq})
	if err == nil {
		_, err = s.ensureSenderKey(ch, forOther)
	}
	if err == nil {
		_, err = s.sealContent(ch, session.Ops{Ops: append(s.untold(ch), op.Bytes())})
	}
	if err != nil {
		s.emit(Warn{Channel: name, Text: "the others could not be told that you left: " + err.Error()})
	}
}

// untold are one's own operations that wait to be told: the one that one leaves
// by rests on them.
func (s *step) untold(ch *channel) (ops [][]byte) {
	for _, content := range list(s.book, readBytes, "SELECT content FROM outbox WHERE channel = ? AND kind = ? ORDER BY id", ch.row, outOps) {
		var told session.Ops
		if err := codec.Unmarshal(content, &told); err == nil {
			ops = append(ops, told.Ops...)
		}
	}
	for _, v := range s.making(ch.row) {
		if op := s.ops(ch).Get(v.op); op != nil {
			ops = append(ops, op.Bytes())
		}
	}
	return ops
}

// revokeSelf puts one's own token out on all hubs, once what was to be told is
// there. Those whom one has let in stay.
func (s *step) revokeSelf(ch *channel, places []int64) {
	args := wire.RevokeArgs{Token: wire.Token(public(ch.token))}
	for _, m := range s.others(ch) {
		args.Keep = append(args.Keep, wire.Token(m.Token))
	}
	for _, h := range places {
		s.call(pending{hub: h, channel: ch.row, op: wire.OpRevoke, args: mustEncode(args)})
	}
}

// forget deletes a channel's keys and history. What is still to be put stays,
// with the token that it takes.
func (s *step) forget(ch *channel) {
	s.forgetPlaces(ch)
	for _, table := range []string{"lines", "outbox", "sending", "given", "chains", "prekeys", "invites", "redeemed", "peers", "operations", "timers", "held", "fingerprints", "ops_asked", "ops_wanted", "newcomers", "forking", "rescues", "rescued", "missed"} {
		s.book.run("DELETE FROM "+table+" WHERE channel = ?", ch.row)
	}
	// The hubs are not read any more: nothing is carried, but for what is one's own.
	s.book.run("DELETE FROM calls WHERE channel = ? AND carry = 1 AND entry NOT IN (SELECT id FROM entries WHERE channel = ? AND state = ?)", ch.row, ch.row, entryOwn)
	s.book.run("UPDATE calls SET carry = 0, due = 0 WHERE channel = ? AND carry = 1", ch.row)
	s.book.run("DELETE FROM entries WHERE channel = ? AND NOT EXISTS (SELECT 1 FROM calls WHERE entry = entries.id)", ch.row)
	// Whom one was to let in needs that all the more when one is gone.
	s.book.run("DELETE FROM calls WHERE channel = ? AND op NOT IN (?, ?, ?)", ch.row, string(wire.OpPut), string(wire.OpGrant), string(wire.OpRevoke))
	s.book.run("UPDATE channels SET member = zeroblob(32) WHERE id = ?", ch.row)
	ch.set, ch.shown, ch.prekeys, ch.blob = nil, nil, nil, nil
	s.forgot()
}

// left removes channels of which nothing is left to be put.
func (s *step) left() {
	for _, ch := range s.sorted() {
		if ch.state == stateLeaving && s.book.number("SELECT count(*) FROM calls WHERE channel = ?", ch.row) == 0 {
			s.remove(ch)
		}
	}
}
