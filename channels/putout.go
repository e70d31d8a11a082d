package channels

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// What happens to a user who was removed: his gateway tells him by whom, keeps the
// history, deletes all keys and asks no hub any more.

// standing notices that the user was removed.
func (s *step) standing(ch *channel, view *roster.View) {
	if ch.state != stateMember && ch.state != stateWaiting {
		return
	}
	for _, r := range view.Removed {
		if session.Member(r.ID) == ch.self && r.Why != roster.ReasonLeft {
			s.removed(ch, view, r)
			return
		}
	}
}

// removed ends a channel of which the user is no member any more.
func (s *step) removed(ch *channel, view *roster.View, r roster.RemovedView) {
	ch.state = stateRemoved
	s.info(ch, "%s. What was said so far stays here; what is said from now on is not for you, and your gateway does not ask for it. To come back, ask %s for a new one-time key and join under another name, such as %s; to delete all of it: /msg sysop leave %s",
		s.whyOut(ch, view, r), s.whoInvites(ch, view, r), s.freeName(ch.name), ch.name)
	s.tellUnsaid(ch, r.Seq)
	s.tellUndone(ch)
	if s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ?", ch.row, outShare) > 0 {
		s.info(ch, "what you shared last was not sent")
	}
	s.endForks(ch, "you were removed from "+ch.name)
	s.book.run("DELETE FROM outbox WHERE channel = ?", ch.row)
	s.timer(ch, timerRemoved, s.now)
}

// whyOut says by whom and why the user is out.
func (s *step) whyOut(ch *channel, view *roster.View, r roster.RemovedView) string {
	switch {
	case len(r.By) > 0:
		return fmt.Sprintf("%s has removed you from %s", s.nickOf(ch, session.Member(r.By[0])), ch.name)
	case r.Why == roster.ReasonReused:
		return fmt.Sprintf("you are no member of %s: a key of yours, or of somebody above you, was used for two joinings", ch.name)
	}
	inviter := s.nickOf(ch, session.Member(r.Inviter))
	if by, ok := removerOf(view, r.Inviter); ok {
		return fmt.Sprintf("%s has removed %s, who brought you in, before hearing of you: so your joining of %s does not count", s.nickOf(ch, session.Member(by)), inviter, ch.name)
	}
	return fmt.Sprintf("%s, who brought you in, was no member of %s any more: your joining does not count", inviter, ch.name)
}

// whoInvites names somebody who could let the user in again.
func (s *step) whoInvites(ch *channel, view *roster.View, r roster.RemovedView) string {
	if len(r.By) > 0 {
		return s.nickOf(ch, session.Member(r.By[0]))
	}
	if by, ok := removerOf(view, r.Inviter); ok {
		return s.nickOf(ch, session.Member(by))
	}
	return "one of the others"
}

// removerOf is the highest of those who removed somebody, or that one above him
// by whom he came who was removed.
func removerOf(view *roster.View, id roster.Member) (by roster.Member, ok bool) {
	for steps := len(view.Removed); steps >= 0; steps-- {
		found := false
		for _, r := range view.Removed {
			if r.ID != id {
				continue
			}
			if r.Why == roster.ReasonRemoved && len(r.By) > 0 {
				return r.By[0], true
			}
			id, found = r.Inviter, true
			break
		}
		if !found {
			break
		}
	}
	return by, false
}

// tellUnsaid tells which of the user's texts nobody gets: those that no hub has
// taken, and those beyond what the removal lets stand.
func (s *step) tellUnsaid(ch *channel, stands int64) {
	texts := list(s.book, readString, "SELECT text FROM lines WHERE channel = ? AND own = 1 AND sent = 0 ORDER BY id", ch.row)
	if n := len(texts); n > 0 {
		const most = 5
		var quoted []string
		for _, t := range texts[:min(n, most)] {
			quoted = append(quoted, "“"+excerpt(t)+"”")
		}
		if n > most {
			quoted = append(quoted, fmt.Sprintf("and %d more", n-most))
		}
		s.info(ch, "not sent, and nobody gets it: %s", strings.Join(quoted, ", "))
		s.book.run("UPDATE lines SET sent = ? WHERE channel = ? AND sent = 0", lineNotSent, ch.row)
	}
	if n := s.book.number("SELECT count(*) FROM lines WHERE channel = ? AND own = 1 AND sent = 1 AND seq > ?", ch.row, max(stands, 0)); n > 0 {
		s.info(ch, "your last %d texts were sent when you were removed already, or at the same time: the others do not see them, but for those who had them before they heard of it", n)
	}
	ch.told = ""
}

// tellUndone tells which removals of the user's nobody has heard of.
func (s *step) tellUndone(ch *channel) {
	var nicks []string
	for _, id := range s.bidden(ch) {
		nicks = append(nicks, s.nickOf(ch, id))
	}
	if len(nicks) > 0 {
		s.info(ch, "not sent either: that you removed %s. The others see %s still", allOf(nicks), allOf(nicks))
	}
}

// tellOut tells that no hub lets the user in any more, though no removal has come
// here: he may have been away while it was to be read. Hubs may lie, so his keys
// stay: if one lets him in again, he is where he was.
func (s *step) tellOut(ch *channel) {
	who := "whoever has its hub"
	if s.view(ch).Founder != roster.Member(ch.self) {
		who = s.whoIsAbove(ch, ch.self)
	}
	s.info(ch, "no hub of %s lets you in any more: it seems that you were removed. By whom has not reached you; it could be %s. What was said so far stays here. Ask over another way; to come back takes a new one-time key, and to delete all of it: /msg sysop leave %s",
		ch.name, who, ch.name)
	s.tellUnsaid(ch, ch.seq)
	s.book.run("DELETE FROM outbox WHERE channel = ? AND kind = ?", ch.row, outText)
}

// shutLong is how long no hub may let one in before that is told.
const shutLong = 24 * time.Hour

// tellShut tells that no hub has let the user in for a day, though they answer and
// do not say that he was put out: they have lost something, and then nobody has let
// him in again. It may be that he was removed meanwhile. His own hubs that nobody
// else has heard of are none: there he is alone.
func (s *step) tellShut(ch *channel) {
	if ch.state != stateMember || s.shutOut(ch) {
		return
	}
	lone, lost, revoked := s.loneHubs(ch), 0, 0
	for _, hub := range s.placesOf(ch) {
		if s.neverOpened(ch, hub) {
			lone = append(lone, hub)
		}
	}
	for _, hub := range s.placesOf(ch) {
		p := s.placeAt(ch.row, hub)
		switch {
		case slices.Contains(lone, hub):
		case !p.entered && p.standing == Lost:
			lost++
		case !p.entered && p.standing == PutOut:
			revoked++
		default:
			return
		}
	}
	which, why := "no hub", "they have lost the channel, and nobody has let you in again; or"
	if len(lone) > 0 {
		which = "no hub but your own, of which the others have not heard,"
	}
	switch {
	case lost+revoked == 0:
		return
	case lost == 0:
		why = "it seems that"
	}
	s.info(ch, "%s of %s has let you in for a day: %s you were removed meanwhile, and by whom has not reached you: it could be %s. What was said so far stays here, and what you write is kept. Ask over another way",
		which, ch.name, why, s.whoIsAbove(ch, ch.self))
}

// loneHubs are the hubs that the user alone keeps the channel on, and of which no
// other member is known to have heard: nobody has signed anything that follows what
// says so, or shown to know it.
func (s *step) loneHubs(ch *channel) (lone []int64) {
	if s.alone(ch) {
		return nil // nobody is to hear of them
	}
	ops := s.ops(ch)
	for _, d := range list(s.book, readDiffering, selectDiffering, ch.row) {
		if s.same(ch, d.opsTold) {
			return nil
		}
	}
	var others []roster.Hash
	for _, op := range ops.All() {
		if session.Member(op.Op().By) != ch.self {
			others = append(others, op.Hash())
		}
	}
	unheard, _ := ops.Beyond(others)
	for _, v := range s.view(ch).Hubs {
		if !slices.ContainsFunc(v.Entries, func(e roster.HubEntry) bool {
			return session.Member(e.By) != ch.self || !slices.ContainsFunc(unheard, func(op *roster.Signed) bool { return op.Hash() == e.Op })
		}) {
			lone = append(lone, s.book.number("SELECT id FROM hubs WHERE fingerprint = ?", v.Key[:]))
		}
	}
	return lone
}

// neverOpened says that a hub is the user's own, and has yet to open the channel, which
// nobody has named it for: it may be dead for good.
func (s *step) neverOpened(ch *channel, hub int64) bool {
	h, _ := s.hub(hub)
	p := s.placeAt(ch.row, hub)
	_, named := hubView(s.view(ch), h.address.Fingerprint)
	return h.account != nil && p.opened == 0 && !p.entered && !named
}

// shutOut says that no hub lets the user in any more: what he writes would reach nobody.
func (c *Core) shutOut(ch *channel) bool {
	return ch.state == stateMember &&
		c.book.number("SELECT count(*) FROM places WHERE channel = ? AND dropped = 0", ch.row) > 0 &&
		c.book.number("SELECT count(*) FROM places WHERE channel = ? AND dropped = 0 AND standing <> ?", ch.row, int(PutOut)) == 0
}

// lineNotSent: an own text that will never be sent (lines.sent).
const lineNotSent = 2

// forgetKeys deletes what a removed member needs no more: keys, and what was to be
// asked of hubs. The history and the operations stay.
func (s *step) forgetKeys(ch *channel) {
	if ch.state != stateRemoved {
		return
	}
	s.showHeld(ch)
	s.forgetPlaces(ch)
	for _, table := range []string{"sending", "given", "chains", "prekeys", "calls", "ops_asked", "ops_wanted", "newcomers", "missed"} {
		s.book.run("DELETE FROM "+table+" WHERE channel = ?", ch.row)
	}
	s.book.run(`UPDATE invites SET "join" = NULL, prekey = NULL, refresh = NULL, card = NULL, secret = NULL WHERE channel = ?`, ch.row)
	s.book.run("DELETE FROM invite_seeds WHERE invite IN (SELECT id FROM invites WHERE channel = ?)", ch.row)
	s.book.run("UPDATE invites SET state = ?, ended = ? WHERE channel = ? AND state IN (?, ?)", inviteRevoked, stamp(s.now), ch.row, inviteOpen, inviteMaking)
	s.book.run("DELETE FROM entries WHERE channel = ?", ch.row)
	ch.prekeys, ch.blob = nil, nil
	s.forgot()
}

// showHeld shows the texts that waited for what comes before them, which does not
// come any more.
func (s *step) showHeld(ch *channel) {
	type late struct {
		entry, seq int64
		sender     session.Member
	}
	for _, l := range list(s.book, func(r row) (l late) {
		var sender []byte
		scan(r, &l.entry, &sender, &l.seq)
		l.sender = session.Member(sender)
		return l
	}, "SELECT entry, sender, seq FROM held WHERE channel = ? ORDER BY entry", ch.row) {
		body, _ := first(s.book, readHeld, "SELECT body FROM held WHERE entry = ?", l.entry)
		s.book.run("DELETE FROM held WHERE entry = ?", l.entry)
		if s.mayShow(ch, l.sender) && s.counts(ch, l.sender, l.seq) {
			s.showSaid(ch, l.sender, body, true)
		}
	}
}
