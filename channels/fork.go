package channels

import (
	"fmt"
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// fork founds a channel and invites the others of another one there. All of it is
// in the phonebook at once; the one-time keys follow when a hub has taken them.
func (s *step) fork(in Fork) {
	old, ok := s.entitled(in.Ref, in.Channel, "fork it")
	if !ok {
		return
	}
	guests, ok := s.guests(in, old)
	if !ok {
		return
	}
	switch {
	case !checkChannelName(in.Name):
		s.fail(in.Ref, in.Name, CodeBadName, "a channel's name is # and up to %d bytes without blanks, commas and colons", maxChannelName-1)
		return
	case s.named(in.Name) != nil:
		s.emit(Failed{Ref: in.Ref, Channel: in.Name, Code: CodeTaken, Suggest: s.freeName(in.Name), Text: fmt.Sprintf("you are in %s already", in.Name)})
		return
	}
	h, ok := s.choose()
	if !ok {
		s.fail(in.Ref, in.Name, CodeNoHub, "there is no hub to open %s on: /msg sysop help hub", in.Name)
		return
	}
	if h.embedded && !s.livesPrivately(old) {
		s.fail(in.Ref, in.Name, CodeNoHub, "there is no hub to open %s on but that of this gateway, which the others cannot reach: /msg sysop help hub", in.Name)
		return
	}
	if err := s.forkOn(in, old, h, guests); err != nil {
		s.fail(in.Ref, in.Name, CodeInternal, "%v", err)
	}
}

// guests are whom a fork invites: the members that one seals to, but for those
// that the user leaves out. Of these each must be one, for a nick that is misspelt
// would let somebody in.
func (s *step) guests(in Fork, old *channel) (guests []shownMember, ok bool) {
	without := map[session.Member]bool{}
	for _, nick := range in.Without {
		i := slices.IndexFunc(old.shown, func(m shownMember) bool { return sameNick(m.nick, nick) })
		switch {
		case i < 0:
			s.fail(in.Ref, old.name, CodeNoMember, "%s; nobody was invited", s.noSuchMember(old, nick))
			return nil, false
		case old.shown[i].id == old.self:
			s.fail(in.Ref, old.name, CodeNotPossible, "you cannot leave yourself out")
			return nil, false
		}
		without[old.shown[i].id] = true
	}
	view := s.view(old)
	for _, m := range old.shown {
		if m.id != old.self && !without[m.id] && view.Live(roster.Member(m.id)) {
			guests = append(guests, m)
		}
	}
	if len(guests) == 0 {
		s.fail(in.Ref, old.name, CodeNotPossible, "there is nobody in %s to be invited", old.name)
		return nil, false
	}
	return guests, true
}

// forkOn founds the new channel, and has a hub open it with an invite for each.
func (s *step) forkOn(in Fork, old *channel, h hub, guests []shownMember) error {
	ch, err := s.found(in.Name)
	if err != nil {
		return err
	}
	s.addPlace(ch, h.row)
	s.book.run("UPDATE places SET joined = 0 WHERE channel = ? AND hub = ?", ch.row, h.row)
	s.openFirst(ch, h.row)
	for _, m := range guests {
		invite, err := s.makeInvite(ch, []int64{h.row}, Invite{Note: m.nick})
		if err != nil {
			return err
		}
		s.book.run("INSERT INTO forking (channel, fork, member, invite) VALUES (?, ?, ?, ?)", old.row, ch.row, m.id[:], invite)
	}
	s.memory.forking[ch.row] = in.Ref
	s.emit(Shown{Channel: ch.name})
	s.hurry(h.row)
	return nil
}

// forking is a member who is to be invited to another channel.
type forking struct {
	channel, fork int64
	member        session.Member
	invite        int64
	key           string
	expires       time.Time
}

const selectForking = "SELECT channel, fork, member, invite, key, expires FROM forking "

func readForking(r row) (f forking) {
	var member []byte
	var expires int64
	scan(r, &f.channel, &f.fork, &member, &f.invite, &f.key, &expires)
	f.member, f.expires = session.Member(member), moment(expires)
	return f
}

// forkingBy finds whom an invite is for, if a fork has made it.
func (s *step) forkingBy(invite int64) (forking, bool) {
	return first(s.book, readForking, selectForking+"WHERE invite = ?", invite)
}

// unlist deletes that a member is to be invited.
func (s *step) unlist(f forking) {
	s.book.run("DELETE FROM forking WHERE channel = ? AND fork = ? AND member = ?", f.channel, f.fork, f.member[:])
	s.forgot()
}

// forkTaken takes a one-time key that a hub keeps the slot of. It says false if
// no fork has made it.
func (s *step) forkTaken(v invitation, key wire.OneTimeKey) bool {
	f, ok := s.forkingBy(v.row)
	old, ch := s.channels[f.channel], s.channels[f.fork]
	if !ok || old == nil || ch == nil {
		return ok
	}
	s.book.run("UPDATE forking SET key = ?, expires = ? WHERE invite = ?", key.String(), stamp(v.expires), v.row)
	if s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ?", old.row, outFork) == 0 {
		s.enqueue(old, item{kind: outFork})
		s.hurry(s.placesOf(old)...)
	}
	s.tellForked(old, ch, "")
	return true
}

// forkWaits takes that a hub does not answer yet. It says false of an invite that
// no fork has made; the others are offered when it does.
func (s *step) forkWaits(invite int64, why string) bool {
	f, ok := s.forkingBy(invite)
	if !ok {
		return false
	}
	ch := s.channels[f.fork]
	if ref, waits := s.memory.forking[f.fork]; waits && ch != nil {
		delete(s.memory.forking, f.fork)
		s.emit(Done{Ref: ref, Text: fmt.Sprintf("%s is founded, but its hub has not taken it yet (%s): the others are invited when it has", ch.name, why)})
	}
	return true
}

// forkRefused takes that a hub does not take an invite. It says false if no fork
// has made it.
func (s *step) forkRefused(invite int64, why string) bool {
	f, ok := s.forkingBy(invite)
	if !ok {
		return false
	}
	s.unlist(f)
	if old, ch := s.channels[f.channel], s.channels[f.fork]; old != nil && ch != nil {
		s.infoOnce(old, fmt.Sprintf("not all of %s could be invited to %s: %s", old.name, ch.name, why))
		s.tellForked(old, ch, why)
	}
	return true
}

// tellForked tells the user, when all keys are made, that the others are invited.
func (s *step) tellForked(old, ch *channel, why string) {
	if s.book.number("SELECT count(*) FROM forking f JOIN invites i ON i.id = f.invite WHERE f.fork = ? AND f.key = '' AND i.state = ?", ch.row, inviteMaking) > 0 {
		return
	}
	ref, waits := s.memory.forking[ch.row]
	delete(s.memory.forking, ch.row)
	n := s.book.number("SELECT count(*) FROM invites WHERE channel = ? AND own = 1 AND state = ?", ch.row, inviteOpen)
	text := fmt.Sprintf("%s is founded, and %d of %s are invited, each with a key for nobody else", ch.name, n, old.name)
	if n == 1 {
		text = fmt.Sprintf("%s is founded, and 1 of %s is invited, with a key for nobody else", ch.name, old.name)
	}
	switch {
	case waits && n == 0:
		s.fail(ref, ch.name, CodeHub, "%s is founded, but nobody could be invited: %s", ch.name, why)
	case waits:
		s.emit(Done{Ref: ref, Text: text})
	case n > 0:
		s.info(ch, "%s", text)
	}
}

// forksSealed is how many bytes of asides go into one envelope, about.
const forksSealed = 50_000

// sealForks seals the one-time keys to other channels that are made, to each
// member his, as many in an envelope as it takes.
func (s *step) sealForks(ch *channel) error {
	var asides []session.Aside
	size, fork := 0, int64(0)
	flush := func() error {
		if len(asides) == 0 {
			return nil
		}
		if _, err := s.ensureSenderKey(ch, forOther); err != nil {
			return err
		}
		_, err := s.sealContent(ch, session.Asides{Asides: asides})
		asides, size = nil, 0
		return err
	}
	for _, f := range list(s.book, readForking, selectForking+"WHERE channel = ? AND key <> '' ORDER BY fork, member", ch.row) {
		if f.fork != fork || size > forksSealed || len(asides) == session.MaxAsides {
			if err := flush(); err != nil {
				return err
			}
			fork = f.fork
		}
		s.unlist(f)
		aside, ok, err := s.forkAside(ch, f)
		if err != nil {
			return err
		}
		if ok {
			asides = append(asides, aside)
			size += len(aside.Enc) + len(aside.Sealed) + 100
		}
	}
	return flush()
}

// forkAside is the key to another channel for one member, unless he is none any
// more or the key is of no more use.
func (s *step) forkAside(ch *channel, f forking) (session.Aside, bool, error) {
	to := s.channels[f.fork]
	if to == nil || to.name == "" || !f.expires.After(s.now) ||
		s.book.number("SELECT count(*) FROM invites WHERE id = ? AND state = ?", f.invite, inviteOpen) == 0 {
		return session.Aside{}, false, nil
	}
	aside, ok, err := s.aside(ch, f.member, session.Fork{Key: f.key, Name: to.name, Expires: f.expires.UnixMilli()})
	if err == nil && !ok {
		s.info(ch, "%s is no member any more to whom anything is sent, and was not invited to %s", s.nickOf(ch, f.member), to.name)
		s.unforked(f)
	}
	return aside, ok, err
}

// endForks gives up inviting members of one channel to another, since one of the
// two has ended for the user.
func (s *step) endForks(ch *channel, why string) {
	var told []int64
	for _, f := range list(s.book, readForking, selectForking+"WHERE channel = ? OR fork = ? ORDER BY fork, member", ch.row, ch.row) {
		s.unlist(f)
		to := s.channels[f.fork]
		if to == nil || to == ch {
			continue
		}
		s.unforked(f)
		if slices.Contains(told, f.fork) {
			continue
		}
		told = append(told, f.fork)
		s.info(to, "those who were not invited to %s yet are not: %s", to.name, why)
		if ref, waits := s.memory.forking[f.fork]; waits {
			delete(s.memory.forking, f.fork)
			s.fail(ref, to.name, CodeNotPossible, "not all could be invited: %s", why)
		}
	}
}

// unforked closes the invite of a member who is not to be invited any more.
func (s *step) unforked(f forking) {
	v, ok := first(s.book, readInvite, selectInvites+"WHERE id = ? AND state IN (?, ?)", f.invite, inviteOpen, inviteMaking)
	to := s.channels[f.fork]
	if !ok || to == nil || to.state != stateMember {
		return
	}
	if err := s.retract(to, v); err != nil {
		s.emit(Warn{Channel: to.name, Text: err.Error()})
	}
}

// staleForks gives up invitations that nobody took in time: those that no hub
// would have, and those of others that the user has not followed.
func (s *step) staleForks() {
	for _, f := range list(s.book, readForking, selectForking+"WHERE EXISTS (SELECT 1 FROM invites WHERE id = forking.invite AND expires <= ?) OR NOT EXISTS (SELECT 1 FROM invites WHERE id = forking.invite)", stamp(s.now)) {
		s.unlist(f)
		if old, ch := s.channels[f.channel], s.channels[f.fork]; old != nil && ch != nil {
			s.info(ch, "%s was not invited to %s: no hub could be reached in time", s.nickOf(old, f.member), ch.name)
		}
	}
	if s.book.run("DELETE FROM forks WHERE expires <= ?", stamp(s.now)) > 0 {
		s.forgot()
	}
}
