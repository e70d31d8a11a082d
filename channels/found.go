package channels

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// join shows a channel, or founds it.
func (s *step) join(in Join) {
	if ch := s.named(in.Channel); ch != nil {
		s.show(ch, in.Ref)
		return
	}
	if s.joinFork(in) {
		return
	}
	if !checkChannelName(in.Channel) {
		s.fail(in.Ref, in.Channel, CodeBadName, "a channel's name is # and up to %d bytes without blanks, commas and colons", maxChannelName-1)
		return
	}
	if s.nick == "" {
		s.fail(in.Ref, in.Channel, CodeBadNick, "choose a nick first: /nick NAME")
		return
	}
	ch, err := s.found(in.Channel)
	if err != nil {
		s.fail(in.Ref, in.Channel, CodeInternal, "%v", err)
		return
	}
	s.emit(Shown{Ref: in.Ref, Channel: ch.name})
}

// show shows a channel if it is hidden, and says so in any case.
func (s *step) show(ch *channel, ref Ref) {
	ch.hidden = false
	s.emit(Shown{Ref: ref, Channel: ch.name})
}

// found founds a channel, in the phonebook alone.
func (s *step) found(name string) (*channel, error) {
	key, token := newSigningKey(), newSigningKey()
	prekey, err := session.NewPrekey()
	if err != nil {
		return nil, err
	}
	args := roster.Found{Nick: s.nick, Token: roster.Token(public(token)), Prekey: prekey.Public[:]}
	rand.Read(args.Salt[:])
	op, err := roster.SignFound(roster.DraftFound(roster.Member(public(key)), s.now.UnixMilli(), args), token, key)
	if err != nil {
		return nil, fmt.Errorf("founding a channel: %w", err)
	}
	ch := s.add(name, stateMember, session.Channel(op.Hash()), key, token, nil)
	s.keepPrekey(ch, 0, prekey)
	ch.set = roster.NewSet(roster.Channel(ch.id))
	ch.shown = []shownMember{{ch.self, s.nick, true}}
	s.learn(ch, op)
	return ch, nil
}

// open has a channel opened on a hub, with one's own token as its root.
func (s *step) open(ch *channel, hub int64) {
	args := wire.OpenArgs{Root: wire.Token(public(ch.token))}
	s.call(pending{hub: hub, channel: ch.row, op: wire.OpOpen, args: mustEncode(args)})
}

// openedOn takes the answer to an open.
func (s *step) openedOn(p pending, result wire.Result) verdict {
	if result.Error != nil {
		if transient(result.Error.Code) && !s.awaited(p.channel, words(result.Error)) {
			s.notRescued(p.channel, p.hub, CodeHub, "the hub does not open the channel now: "+words(result.Error))
			return later // nobody waits for it
		}
		s.unopened(p, result.Error)
		s.notMirrored(p.channel, p.hub, words(result.Error))
		return answered
	}
	s.book.run("UPDATE places SET opened = 1, later = 0, retry = CASE WHEN tries > 1 THEN retry ELSE 0 END WHERE channel = ? AND hub = ?", p.channel, p.hub)
	if ch := s.channels[p.channel]; ch != nil {
		s.book.run("DELETE FROM admitted WHERE channel = ? AND hub = ?", p.channel, p.hub) // it knows nobody yet
		s.enter(ch, p.hub)
		s.mirrored(ch, p.hub)
	}
	return answered
}

// awaited says that somebody waits for an invite to a channel, and had better hear
// that it is not opened now.
func (s *step) awaited(channel int64, why string) bool {
	return slices.ContainsFunc(s.making(channel), func(v invitation) bool { return !s.forkWaits(v.row, why) })
}

// newSigningKey draws an Ed25519 key.
func newSigningKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	return ed25519.NewKeyFromSeed(seed)
}

// public is the public half of an Ed25519 key.
func public(key ed25519.PrivateKey) [32]byte {
	return [32]byte(key.Public().(ed25519.PublicKey))
}

// hide stops showing a channel.
func (s *step) hide(in Hide) {
	ch := s.named(in.Channel)
	if ch == nil {
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
		return
	}
	ch.hidden = true
	s.emit(Hidden{Ref: in.Ref, Channel: ch.name})
}
