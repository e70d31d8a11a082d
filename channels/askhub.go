package channels

// askHub asks a hub something on the user's account there.
func (s *step) askHub(in AskHub) {
	s.fail(in.Ref, "", CodeNotPossible, "hubs cannot be asked yet")
}
