package channels

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// forked is a member's invitation of the user to another channel.
type forked struct {
	row           int64
	channel, nick string // where he said so, and his nick then
	member        session.Member
	name          string // that it has here
	key           string
	private       bool
	made, expires time.Time
}

// forksMost is how many open ones of one member are kept: the newest.
const forksMost = 8

// openForks are those that can be followed, the oldest first, each under a name
// that no channel has.
func (c *Core) openForks() []forked {
	forks := list(c.book, func(r row) (f forked) {
		var member []byte
		var made, expires int64
		scan(r, &f.row, &f.channel, &f.nick, &member, &f.name, &f.key, &f.private, &made, &expires)
		f.member, f.made, f.expires = session.Member(member), moment(made), moment(expires)
		return f
	}, "SELECT id, channel, nick, member, name, key, private, made, expires FROM forks WHERE expires > ? ORDER BY id", stamp(c.memory.now))
	for i, f := range forks {
		if c.named(f.name) != nil {
			forks[i].name = c.unusedName(f.name, forks) // the user has a channel of that name since
		}
	}
	return forks
}

// unusedName is a name like the one given that no channel has, and no fork.
func (c *Core) unusedName(name string, forks []forked) string {
	free := name
	for n := 2; c.named(free) != nil || slices.ContainsFunc(forks, func(f forked) bool { return sameName(f.name, free) }); n++ {
		suffix := fmt.Sprint(n)
		free = strings.ToValidUTF8(name[:min(len(name), maxChannelName-len(suffix))], "") + suffix
	}
	return free
}

// takeFork keeps a member's invitation to another channel.
func (s *step) takeFork(ch *channel, from session.Member, v session.Fork) {
	s.forgot() // it has waited for its turn
	key, err := wire.ParseOneTimeKey(v.Key)
	if err != nil {
		s.tellUnreadable(ch, from)
		return
	}
	expires := time.UnixMilli(v.Expires).UTC()
	if latest := s.now.Add(inviteMost); expires.After(latest) {
		expires = latest
	}
	slot := session.DeriveInvite(key.Secret).Slot
	if ch.name == "" || !expires.After(s.now) || s.book.number("SELECT count(*) FROM redeemed WHERE slot = ?", slot[:])+
		s.book.number("SELECT count(*) FROM forks WHERE key = ?", key.String()) > 0 {
		return
	}
	private := s.options.Private || s.livesPrivately(ch)
	if wire.PrivateURL(key.URL) && !private {
		s.infoOnce(ch, fmt.Sprintf("%s invites you to another channel, on a hub at an address that can be reached from some places only: hubbub does not go there on the word of others. Ask %s for a one-time key over another way",
			s.nickOf(ch, from), s.nickOf(ch, from)))
		return
	}
	name, ok := cleanText(v.Name)
	if !ok || !checkChannelName(name) {
		name = ch.name
	}
	name = s.unusedName(name, s.openForks())
	s.book.run("INSERT INTO forks (channel, nick, member, name, key, private, made, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		ch.name, s.nickOf(ch, from), from[:], name, key.String(), private, stamp(s.now), stamp(expires))
	s.book.run("DELETE FROM forks WHERE member = ? AND id NOT IN (SELECT id FROM forks WHERE member = ? ORDER BY id DESC LIMIT ?)", from[:], from[:], forksMost)
	s.emit(Forked{Channel: ch.name, By: s.nickOf(ch, from), Name: name})
}

// joinFork follows a member's invitation, if there is one of that name. It says
// false if there is none.
func (s *step) joinFork(in Join) bool {
	forks := s.openForks()
	i := slices.IndexFunc(forks, func(f forked) bool { return sameName(f.name, in.Channel) })
	if i < 0 {
		return s.joiningFork(in)
	}
	f := forks[i]
	key, err := wire.ParseOneTimeKey(f.key)
	switch {
	case err != nil:
		s.dropFork(f.row)
		s.fail(in.Ref, f.name, CodeMistyped, "%v: ask %s to invite you again", err, f.nick)
		return true
	case s.nick == "":
		s.fail(in.Ref, f.name, CodeBadNick, "choose a nick first: /nick NAME")
		return true
	}
	keys := session.DeriveInvite(key.Secret)
	if s.redeemedBefore(Redeem{Ref: in.Ref, Channel: f.name}, keys.Slot) {
		return true
	}
	s.peek(&peek{ref: in.Ref, name: f.name, key: key, keys: keys, fork: f.row, private: f.private})
	return true
}

// joiningFork answers for a name under which a one-time key is being redeemed: who
// joins it again means that, and does not found another.
func (s *step) joiningFork(in Join) bool {
	for _, ch := range s.sorted() {
		if ch.state != stateRedeeming {
			continue
		}
		if r := s.redemption(ch); sameName(r.name, in.Channel) {
			s.memory.joining[r.slot] = in.Ref
			s.hurry(s.placesOf(ch)...)
			return true
		}
	}
	return false
}

// dropFork deletes an invitation that was used, or cannot be.
func (s *step) dropFork(row int64) {
	if row != 0 && s.book.run("DELETE FROM forks WHERE id = ?", row) > 0 {
		s.forgot()
	}
}
