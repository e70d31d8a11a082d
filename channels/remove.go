package channels

// removeMember puts a member out of a channel.
func (s *step) removeMember(in Remove) {
	s.fail(in.Ref, in.Channel, CodeNotPossible, "not yet")
}
