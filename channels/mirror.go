package channels

// mirror keeps a channel on a further hub.
func (s *step) mirror(in Mirror) {
	s.fail(in.Ref, in.Channel, CodeInternal, "this is not built yet")
}

// dropHub ends that a channel is kept on a hub.
func (s *step) dropHub(in DropHub) {
	s.fail(in.Ref, in.Channel, CodeInternal, "this is not built yet")
}

// moveHub notes where a hub is now.
func (s *step) moveHub(in MoveHub) {
	s.fail(in.Ref, "", CodeInternal, "this is not built yet")
}
