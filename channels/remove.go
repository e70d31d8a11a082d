package channels

import (
	"fmt"
	"slices"
	"strings"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// removeMember puts a member out of a channel. The operation is sealed under the
// sender key that he has, so that his own gateway tells him; everything after it
// under one that he has not.
func (s *step) removeMember(in Remove) {
	ch, m, ok := s.about(in.Ref, in.Channel, in.Nick, "remove anybody")
	if !ok {
		return
	}
	view, id := s.view(ch), roster.Member(m.id)
	switch {
	case m.id == ch.self:
		s.fail(in.Ref, ch.name, CodeNotAllowed, "you cannot remove yourself: to leave %s for good, /msg sysop leave %s", ch.name, ch.name)
		return
	case !view.MayRemove(roster.Member(ch.self), id):
		s.fail(in.Ref, ch.name, CodeNotAllowed, "%s", s.whoMay(ch, m, "remove"))
		return
	}
	remove, err := view.Removal(id, s.shownUpTo(ch, m.id))
	if err != nil {
		s.fail(in.Ref, ch.name, CodeNotPossible, "%s cannot be removed: %v", m.nick, err)
		return
	}
	if err := s.announceRemoval(ch, remove); err != nil {
		s.fail(in.Ref, ch.name, CodeInternal, "%v", err)
		return
	}
	s.closeInvites(ch)       // his own
	s.renewInvites(ch, true) // all others: he has their secrets
	s.hurry(s.placesOf(ch)...)
	s.emit(Done{Ref: in.Ref, Text: s.removalText(ch, m)})
	s.tellHubsOf(ch, m)
}

// removalText says what a removal has done, and what it cannot do.
func (s *step) removalText(ch *channel, m shownMember) string {
	text := fmt.Sprintf("%s is removed from %s, for good: to come back takes a new one-time key. %s can read nothing that is sent by those who know of it; what was sent before they did stays readable to %s", m.nick, ch.name, m.nick, m.nick)
	if !s.reachable(ch) && !s.alone(ch) {
		text += ". No hub answers now: the others are told when one does"
	}
	return text
}

// tellHubsOf tells which hubs of the channel are those of a member who was removed:
// they read nothing, but their owner sees how much comes and when.
func (s *step) tellHubsOf(ch *channel, m shownMember) {
	hubs := s.view(ch).Hubs
	for _, v := range hubs {
		if slices.ContainsFunc(v.Entries, func(e roster.HubEntry) bool { return session.Member(e.By) != m.id }) {
			continue
		}
		url := cleanLine(v.Entries[len(v.Entries)-1].URL)
		if len(hubs) == 1 {
			s.info(ch, "the only hub of %s was added by %s, who may close it: keep %s on another, by /msg sysop hub mirror %s, and then drop it, by /msg sysop hub drop %s %s", ch.name, m.nick, ch.name, ch.name, ch.name, url)
			continue
		}
		s.info(ch, "%s added the hub %s: who owns it still sees how much is said there, and when. To go on without: /msg sysop hub drop %s %s", m.nick, url, ch.name, url)
	}
}

// shownUpTo is the seq of the last envelope of a member's of which the text was
// shown here: what a removal lets stand.
func (s *step) shownUpTo(ch *channel, member session.Member) int64 {
	if seq := s.peer(ch, member).seq; seq > 0 {
		return seq
	}
	return -1
}

// about finds the channel and the member that an input names, where the user may
// say something of him. What he wants to do stands behind "you can".
func (s *step) about(ref Ref, channel, nick, what string) (*channel, shownMember, bool) {
	ch, ok := s.entitled(ref, channel, what)
	if !ok {
		return nil, shownMember{}, false
	}
	for _, m := range ch.shown {
		if sameNick(m.nick, nick) {
			return ch, m, true
		}
	}
	s.fail(ref, ch.name, CodeNoMember, "%s", s.noSuchMember(ch, nick))
	return nil, shownMember{}, false
}

// entitled finds the channel that an input names, where the user is a member.
func (s *step) entitled(ref Ref, channel, what string) (*channel, bool) {
	ch := s.named(channel)
	switch {
	case ch == nil:
		s.fail(ref, channel, CodeUnknownChannel, "you are not in %s", channel)
	case ch.state == stateRemoved:
		s.fail(ref, ch.name, CodeNotPossible, "you were removed from %s", ch.name)
	case ch.state != stateMember:
		s.fail(ref, ch.name, CodeNotPossible, "you can %s once %s has been online and let you in", what, s.waitsFor(ch))
	case !s.view(ch).Live(roster.Member(ch.self)):
		s.fail(ref, ch.name, CodeNotPossible, "somebody else came by the same one-time key as you: you can %s once %s has confirmed that you are the right one", what, s.whoIsAbove(ch, ch.self))
	default:
		return ch, true
	}
	return nil, false
}

// noSuchMember says that nobody is called so, or that he is gone.
func (s *step) noSuchMember(ch *channel, nick string) string {
	for _, r := range s.view(ch).Removed {
		switch {
		case !sameNick(cleanNick(r.Nick), nick):
		case r.Why == roster.ReasonLeft:
			return fmt.Sprintf("%s has left %s", nick, ch.name)
		default:
			return fmt.Sprintf("%s is not in %s any more", nick, ch.name)
		}
	}
	return fmt.Sprintf("nobody in %s is called %s", ch.name, nick)
}

// whoMay says in words who could do to a member what the user may not.
func (c *Core) whoMay(ch *channel, m shownMember, verb string) string {
	view, id := c.view(ch), roster.Member(m.id)
	if id == view.Founder {
		return fmt.Sprintf("%s founded %s: nobody can %s the founder. To go on without: /msg sysop fork %s #new", m.nick, ch.name, verb, ch.name)
	}
	v, _ := view.Member(id)
	by := c.nickOf(ch, session.Member(v.Inviter))
	if len(view.Removers(id)) == 0 {
		return fmt.Sprintf("%s was brought in by %s, and all who stand above %s are gone: nobody can %s %s any more. To go on without: /msg sysop fork %s #new", m.nick, by, m.nick, verb, m.nick, ch.name)
	}
	return fmt.Sprintf("%s was brought in by %s: only %s can %s %s", m.nick, by, c.whoIsAbove(ch, m.id), verb, m.nick)
}

// whoIsAbove names the live members above somebody, the nearest first.
func (c *Core) whoIsAbove(ch *channel, member session.Member) string {
	var nicks []string
	for _, id := range c.view(ch).Removers(roster.Member(member)) {
		nicks = append([]string{c.nickOf(ch, session.Member(id))}, nicks...)
	}
	return anyOf(nicks)
}

// anyOf lists alternatives.
func anyOf(nicks []string) string {
	switch n := len(nicks); n {
	case 0:
		return "nobody"
	case 1:
		return nicks[0]
	default:
		return strings.Join(nicks[:n-1], ", ") + " or " + nicks[n-1]
	}
}
