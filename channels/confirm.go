package channels

import (
	"fmt"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// confirm says which of those who came by one key is the right one.
func (s *step) confirm(in Confirm) {
	ch, m, ok := s.about(in.Ref, in.Channel, in.Nick, "confirm anybody")
	if !ok {
		return
	}
	view, id := s.view(ch), roster.Member(m.id)
	v, _ := view.Member(id)
	inviter := roster.Member(v.Inviter)
	switch {
	case !v.Suspended:
		s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("%s is a member of %s like all others: there is nothing to confirm", m.nick, ch.name)})
		return
	case !view.Above(roster.Member(ch.self), id):
		s.fail(in.Ref, ch.name, CodeNotAllowed, "%s", s.whoMay(ch, m, "confirm"))
		return
	case !view.Live(inviter) && s.suspendedHere(ch, inviter):
		by := s.nickOf(ch, session.Member(inviter))
		s.fail(in.Ref, ch.name, CodeNotAllowed, "%s was brought in by %s, who is not confirmed: /msg sysop confirm %s %s first", m.nick, by, ch.name, by)
		return
	}
	if _, err := s.announce(ch, roster.Confirm{Join: v.Join}); err != nil {
		s.fail(in.Ref, ch.name, CodeInternal, "%v", err)
		return
	}
	s.hurry(s.placesOf(ch)...)
	if !s.view(ch).Live(id) {
		s.fail(in.Ref, ch.name, CodeNotAllowed, "another who came by that key was confirmed before %s, and that holds: if %s is the right one, remove the other and make a new key for %s", m.nick, m.nick, m.nick)
		return
	}
	s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("%s is confirmed as the one for whom the key was", m.nick)})
}

// suspendedHere says that a member waits to be confirmed.
func (c *Core) suspendedHere(ch *channel, id roster.Member) bool {
	v, ok := c.view(ch).Member(id)
	return ok && v.Suspended
}
