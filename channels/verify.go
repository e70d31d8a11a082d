package channels

// verify notes that the user has compared a member's key.
func (s *step) verify(in Verify) {
	s.fail(in.Ref, in.Channel, CodeNotPossible, "not yet")
}
