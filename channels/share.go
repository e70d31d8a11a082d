package channels

import "hubbub/channels/session"

// share sends the last messages of a channel to one member.
func (s *step) share(in Share) {
	s.fail(in.Ref, in.Channel, CodeNotPossible, "not yet")
}

// takeAsides takes what is for the user alone.
func (s *step) takeAsides(ch *channel, from session.Member, c session.Asides) {}
