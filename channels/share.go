package channels

// share sends the last messages of a channel to one member.
func (s *step) share(in Share) {
	s.fail(in.Ref, in.Channel, CodeNotPossible, "not yet")
}
