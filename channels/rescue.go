package channels

// rescue makes rescue keys.
func (s *step) rescue(in Rescue) {
	s.fail(in.Ref, in.Channel, CodeInternal, "this is not built yet")
}
