package channels

// fork founds a channel and invites the others of another one there.
func (s *step) fork(in Fork) {
	s.fail(in.Ref, in.Channel, CodeNotPossible, "not yet")
}
