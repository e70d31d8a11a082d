package channels

import (
	"hubbub/channels/roster"
)

// setNick changes the user's nick, in all channels.
func (s *step) setNick(in SetNick) {
	if !checkNick(in.Nick) {
		s.fail(in.Ref, "", CodeBadNick, "a nick is at most %d bytes of letters, digits and -_[]{}\\|`^, does not begin with a digit, and is not sysop", maxNick)
		return
	}
	old := s.nick
	if in.Nick == old {
		s.emit(Renamed{Ref: in.Ref, Old: old, New: old, Own: true})
		return
	}
	s.book.set("nick", in.Nick)
	s.nick = in.Nick
	s.emit(Renamed{Ref: in.Ref, Old: old, New: in.Nick, Own: true})
	for _, ch := range s.sorted() {
		switch ch.state {
		case stateMember:
			s.announceNick(ch)
		case stateWaiting: // told when the members are known
			s.ops(ch)
			s.refresh(ch)
		}
	}
}

// announceNick tells a channel the user's nick.
func (s *step) announceNick(ch *channel) {
	if _, err := s.announce(ch, roster.Nick{Nick: s.nick}); err != nil {
		s.emit(Warn{Channel: ch.name, Text: err.Error()})
	}
}

// setTopic changes a channel's topic.
func (s *step) setTopic(in SetTopic) {
	ch := s.named(in.Channel)
	switch {
	case ch == nil:
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
		return
	case ch.state == stateWaiting:
		s.fail(in.Ref, ch.name, CodeNotPossible, "you can set the topic once %s has been online", s.waitsFor(ch))
		return
	case ch.state != stateMember:
		s.fail(in.Ref, ch.name, CodeNotPossible, "you were removed from %s", ch.name)
		return
	}
	text, ok := cleanTopic(in.Text)
	if !ok || len(text) > roster.MaxTopic {
		s.fail(in.Ref, ch.name, CodeBadText, "a topic is UTF-8 and has at most %d bytes", roster.MaxTopic)
		return
	}
	// Operations may not hold control characters: formatting is left out.
	if _, err := s.announce(ch, roster.Topic{Text: cutText(text, roster.MaxTopic)}); err != nil {
		s.fail(in.Ref, ch.name, CodeInternal, "%v", err)
		return
	}
	for i := range s.out.Events {
		if t, ok := s.out.Events[i].(Topic); ok && t.Own && t.Channel == ch.name {
			t.Ref = in.Ref
			s.out.Events[i] = t
		}
	}
}
