package channels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// What is shown when members come, go, take another nick, or are in doubt.

// noteGone notes when it was learned that somebody is gone.
func (s *step) noteGone(ch *channel, before, now []shownMember) {
	for _, m := range before {
		if m.id != ch.self && findShown(now, m.id) < 0 {
			s.book.run("UPDATE peers SET gone = ? WHERE channel = ? AND member = ? AND gone = 0", stamp(s.now), ch.row, m.id[:])
		}
	}
}

func (s *step) showLeft(ch *channel, before, now []shownMember) {
	view := s.view(ch)
	for _, m := range before {
		if findShown(now, m.id) >= 0 || m.id == ch.self {
			continue
		}
		left := Left{Channel: ch.name, Nick: m.nick}
		why := ""
		for _, r := range view.Removed {
			if session.Member(r.ID) != m.id {
				continue
			}
			switch {
			case r.Why == roster.ReasonRemoved && len(r.By) > 0:
				left.By = s.nickAmong(ch, before, session.Member(r.By[0]))
			case r.Why != roster.ReasonLeft:
				left.By, why = s.whyVoid(ch, before, m, r)
			}
		}
		s.emit(left)
		if why != "" {
			s.info(ch, "%s", why)
		}
	}
}

// whyVoid says who is to be named, and in words why, where somebody is out whom
// nobody has removed: his joining does not count.
func (s *step) whyVoid(ch *channel, before []shownMember, m shownMember, r roster.RemovedView) (by, why string) {
	inviter := s.nickAmong(ch, before, session.Member(r.Inviter))
	if remover, ok := removerOf(s.view(ch), r.Inviter); ok {
		by = s.nickAmong(ch, before, session.Member(remover))
		return by, fmt.Sprintf("%s was brought in by %s while %s removed %s: that does not count. If %s is to be here, make a new one-time key", m.nick, inviter, by, inviter, m.nick)
	}
	if r.Why == roster.ReasonReused {
		return inviter, fmt.Sprintf("%s has joined twice under one key, or somebody above has: neither counts", m.nick)
	}
	return inviter, fmt.Sprintf("%s was brought in by %s, which does not count", m.nick, inviter)
}

// nickAmong is the nick of a member as it is, or was a moment ago.
func (s *step) nickAmong(ch *channel, before []shownMember, id session.Member) string {
	if i := findShown(before, id); i >= 0 {
		return before[i].nick
	}
	return s.nickOf(ch, id)
}

func (s *step) showRenamed(ch *channel, before, now []shownMember) {
	for _, m := range now {
		i := findShown(before, m.id)
		if i >= 0 && before[i].nick != m.nick && m.id != ch.self {
			s.emit(Renamed{Channel: ch.name, Old: before[i].nick, New: m.nick})
			s.tellNamesake(ch, m)
		}
	}
}

func (s *step) showJoined(ch *channel, before, now []shownMember) {
	view := s.view(ch)
	for _, m := range now {
		if findShown(before, m.id) >= 0 {
			continue
		}
		joined := Joined{Channel: ch.name, Nick: m.nick}
		if v, ok := view.Member(roster.Member(m.id)); ok && v.Inviter != (roster.Member{}) {
			joined.By = nickIn(now, session.Member(v.Inviter))
		}
		s.emit(joined)
		s.tellNamesake(ch, m)
	}
}

// tellNamesake points out that a member has a nick by which another was known.
func (s *step) tellNamesake(ch *channel, m shownMember) {
	if s.introduces {
		return // to a newcomer the others are all new
	}
	others := s.bearers(ch, m)
	if len(others) == 0 {
		return
	}
	before := slices.MaxFunc(others, func(a, b bearer) int { return cmp.Compare(a.went(), b.went()) })
	was := ""
	switch {
	case before.gone.IsZero() && sameNick(before.now, m.nick), before.gone.IsZero() && skeleton(baseNick(before.now)) == skeleton(baseNick(m.nick)):
		return // both are here, and one has a suffix
	case before.gone.IsZero():
		was = fmt.Sprintf("who is %s now", before.now)
	case before.why == roster.ReasonRemoved:
		was = "removed on " + dayOf(before.gone)
	default:
		was = "gone since " + dayOf(before.gone)
	}
	s.info(ch, "this %s is not the %s who was here before (%s): a nick is anybody's to take. To know who it is, compare keys: /msg sysop verify %s %s", m.nick, baseNick(m.nick), was, ch.name, m.nick)
}

// went orders those who had a nick: who has gone last is the last, and whoever is
// here is after all.
func (b bearer) went() int64 {
	if b.gone.IsZero() {
		return 1<<63 - 1
	}
	return b.gone.UnixMilli()
}

// dayOf is a day, for people.
func dayOf(t time.Time) string { return t.Format("2 Jan 2006") }

// showSuspended says that somebody else came by the same one-time key, so that
// nobody knows who is the right one; and that one was confirmed.
func (s *step) showSuspended(ch *channel, before, now []shownMember) {
	if ch.state != stateMember {
		return // nobody is known yet
	}
	view := s.view(ch)
	doubted := map[roster.Hash][]shownMember{} // by invite
	var invites []roster.Hash
	for _, m := range now {
		i := findShown(before, m.id)
		v, ok := view.Member(roster.Member(m.id))
		switch {
		case !ok:
		case v.Suspended && (i < 0 || before[i].live):
			if doubted[v.Invite] == nil {
				invites = append(invites, v.Invite)
			}
			doubted[v.Invite] = append(doubted[v.Invite], m)
		case !v.Suspended && i >= 0 && !before[i].live && !s.introduces:
			s.showConfirmed(ch, m, v)
		}
	}
	for _, h := range invites {
		s.tellDoubt(ch, h, doubted[h])
	}
}

// tellDoubt tells of those who are suspended now, all by one invite.
func (s *step) tellDoubt(ch *channel, invite roster.Hash, doubted []shownMember) {
	view := s.view(ch)
	v, _ := view.Member(roster.Member(doubted[0].id))
	by := s.nickOf(ch, session.Member(v.Inviter))
	if s.suspendedHere(ch, v.Inviter) {
		if !slices.ContainsFunc(doubted, func(m shownMember) bool { return m.id == ch.self }) {
			s.info(ch, "%s, whom %s brought in, is told nothing new until %s is confirmed", allOf(nicksOf(doubted)), by, by)
		}
		return
	}
	if slices.ContainsFunc(doubted, func(m shownMember) bool { return m.id == ch.self }) {
		s.info(ch, "somebody else came by the one-time key by which %s brought you in: nobody tells you anything new until %s confirms that you are the right one. Ask over another way, and compare keys",
			by, s.whoIsAbove(ch, ch.self))
		return
	}
	rivals := s.rivals(ch, invite)
	who := s.whoConfirms(ch, roster.Member(doubted[0].id))
	if s.isRevoked(ch, invite) && len(rivals) == 1 {
		s.info(ch, "%s came by a key that %s had revoked: nobody tells %s anything new until %s: /msg sysop confirm %s %s, or /msg sysop remove %s %s",
			doubted[0].nick, by, doubted[0].nick, who, ch.name, doubted[0].nick, ch.name, doubted[0].nick)
		return
	}
	for _, m := range rivals {
		if view.Live(roster.Member(m.id)) {
			s.info(ch, "%s came by the key that %s made%s, by which %s had come before: somebody has got hold of it. Nobody tells %s anything; if %s is the right one and %s is not, remove %s and make a new key",
				allOf(nicksOf(doubted)), by, s.noteOf(ch, invite), m.nick, doubted[0].nick, doubted[0].nick, m.nick, m.nick)
			return
		}
	}
	s.info(ch, "%d came by the key that %s made%s: %s. Somebody has got hold of it. Nobody tells them anything new until %s: /msg sysop confirm %s NICK, once it is clear who is the right one",
		len(rivals), by, s.noteOf(ch, invite), allOf(nicksOf(rivals)), who, ch.name)
}

func (s *step) showConfirmed(ch *channel, m shownMember, v roster.MemberView) {
	if m.id == ch.self {
		s.info(ch, "you are confirmed: you are told again what is said in %s", ch.name)
		return
	}
	s.info(ch, "%s is confirmed as the one for whom %s made the key", m.nick, s.nickOf(ch, session.Member(v.Inviter)))
}

// rivals are the members who came by one invite.
func (c *Core) rivals(ch *channel, invite roster.Hash) (rivals []shownMember) {
	for _, m := range c.present(ch) {
		if v, ok := c.view(ch).Member(roster.Member(m.id)); ok && v.Invite == invite {
			rivals = append(rivals, m)
		}
	}
	return rivals
}

// whoConfirms says who is to confirm a member.
func (c *Core) whoConfirms(ch *channel, id roster.Member) string {
	if c.view(ch).MayRemove(roster.Member(ch.self), id) {
		return "you confirm one"
	}
	if who := c.whoIsAbove(ch, session.Member(id)); who != "nobody" {
		return who + " confirms one"
	}
	return "somebody above them confirms one, and nobody is left who could"
}

// noteOf is for whom an invite was made, in its maker's words, behind "made".
func (c *Core) noteOf(ch *channel, invite roster.Hash) string {
	if op := c.ops(ch).Get(invite); op != nil {
		if a, ok := op.Op().Args.(roster.Invite); ok && a.Note != "" {
			note, _ := cleanTopic(a.Note)
			return " for " + excerpt(note)
		}
	}
	return ""
}

func (c *Core) isRevoked(ch *channel, invite roster.Hash) bool {
	return slices.ContainsFunc(c.view(ch).Invites, func(v roster.InviteView) bool { return v.Hash == invite && v.Revoked })
}

func nicksOf(members []shownMember) (nicks []string) {
	for _, m := range members {
		nicks = append(nicks, m.nick)
	}
	return nicks
}

// allOf lists people.
func allOf(nicks []string) string {
	if n := len(nicks); n > 1 {
		return strings.Join(nicks[:n-1], ", ") + " and " + nicks[n-1]
	}
	return strings.Join(nicks, "")
}
