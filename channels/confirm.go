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
	if other, by, ok := s.confirmedBefore(ch, v.Invite); ok {
		s.fail(in.Ref, ch.name, CodeNotAllowed, "%s was confirmed before, by %s, and that stays: if %s is the right one, remove %s and make a new key for %s", other, by, m.nick, other, m.nick)
		return
	}
	if _, err := s.announce(ch, roster.Confirm{Join: v.Join}); err != nil {
		s.fail(in.Ref, ch.name, CodeInternal, "%v", err)
		return
	}
	s.hurry(s.placesOf(ch)...)
	s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("%s is confirmed as the one for whom the key was", m.nick)})
}

// confirmedBefore finds who of those who came by an invite was confirmed by
// somebody whose word the user's does not replace: by himself, or from above.
func (s *step) confirmedBefore(ch *channel, invite roster.Hash) (nick, by string, ok bool) {
	view, self := s.view(ch), roster.Member(ch.self)
	for _, op := range s.ops(ch).All() {
		a, is := op.Op().Args.(roster.Confirm)
		if !is || view.Void(op.Hash()) != "" || op.Op().By != self && !view.Above(op.Op().By, self) {
			continue
		}
		join := s.ops(ch).Get(a.Join)
		if join == nil {
			continue
		}
		if args, is := join.Op().Args.(roster.Join); is && args.Invite == invite {
			by = "you"
			if op.Op().By != self {
				by = s.nickOf(ch, session.Member(op.Op().By))
			}
			return s.nickOf(ch, session.Member(join.Op().By)), by, true
		}
	}
	return "", "", false
}

// suspendedHere says that a member waits to be confirmed.
func (c *Core) suspendedHere(ch *channel, id roster.Member) bool {
	v, ok := c.view(ch).Member(id)
	return ok && v.Suspended
}
