package channels

import (
	"fmt"
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// Who came by a one-time key is told all that is known by whoever made the key,
// at once; or, if that one does not, by another of those whom the key's offer
// names (docs/protocol.md, section 19).

// How long another waits for the inviter to tell a newcomer.
const (
	letInAfter  = 30 * time.Second
	letInRandom = time.Minute // a random part of that more, so that not all do it
	letInLater  = time.Minute // whom the newcomer may not expect waits so much longer
)

// outWelcome in the outbox: tells newcomers all operations, and the open invites.
// It is made when its turn comes, as far as there still is need.
const outWelcome = "welcome"

// doorkeepers are those whose envelopes a joiner who does not know the members yet
// can open: his inviter, and those who were members by the offer of his key.
//
// Any of them may be gone since, and not say so: operations prove what they say,
// and not that there are no others. So a removed member whom the offer names still
// can make the joiner believe that he knows the members, until one of them reaches
// him; the joiner seals to the invite prekey till then, which that one has anyway
// (docs/security.md). Nobody whom the inviter, or whoever renewed the offer, has not
// named comes in question at all.
func (c *Core) doorkeepers(ch *channel) []session.Member {
	keepers := []session.Member{ch.blob.Inviter}
	for _, m := range ch.blob.Members {
		if m != ch.blob.Inviter && m != ch.self {
			keepers = append(keepers, m)
		}
	}
	return keepers
}

// waitsFor names those of whom one must come online before the members are known.
func (c *Core) waitsFor(ch *channel) string {
	if ch.blob == nil {
		return ""
	}
	c.ops(ch)
	nicks := []string{c.inviterOf(ch)}
	for i, m := range ch.blob.Members {
		if m == ch.blob.Inviter || m == ch.self || i >= len(ch.blob.Nicks) {
			continue
		}
		if nick := cleanNick(ch.blob.Nicks[i]); !slices.Contains(nicks, nick) {
			nicks = append(nicks, nick)
		}
	}
	const most = 3
	if n := len(nicks); n > most+1 {
		nicks = append(nicks[:most:most], fmt.Sprintf("one of %d others", n-most))
	}
	return anyOf(nicks)
}

// inviterOf is the nick of whoever made the key by which one came.
func (c *Core) inviterOf(ch *channel) string { return nickIn(ch.shown, ch.blob.Inviter) }

// newcomer notes that somebody came by a one-time key, and when he is to be told
// all: by his inviter now, by others if nobody has by then. Who is suspended is
// told once he is not any more.
func (s *step) newcomer(ch *channel, id session.Member, invite roster.Hash) {
	view := s.view(ch)
	m, ok := view.Member(roster.Member(id))
	if !ok || ch.state != stateMember {
		return
	}
	due := s.now
	if session.Member(m.Inviter) != ch.self {
		due = due.Add(randomDuration(letInRandom))
		if view.Live(m.Inviter) {
			due = due.Add(letInAfter)
		}
		if !s.expected(ch, invite, ch.self) && s.anyExpected(ch, invite, m) {
			due = due.Add(letInLater)
		}
	}
	if m.Suspended {
		due = time.Time{}
	}
	count, _ := s.ops(ch).Fingerprint()
	s.book.run("INSERT INTO newcomers (channel, member, due, ops) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET due = excluded.due",
		ch.row, id[:], stamp(due), count)
	switch {
	case m.Suspended:
	case session.Member(m.Inviter) == ch.self:
		// Once is enough for all who came, behind what gives the last of them the key.
		s.book.run("DELETE FROM outbox WHERE channel = ? AND kind = ?", ch.row, outWelcome)
		s.enqueue(ch, item{kind: outWelcome})
	default:
		s.timer(ch, timerNewcomers, due)
	}
}

// expected says that a member surely is among those from whom who came by an invite
// hears: the one who made it, and those of whom he knew when he did. Others are if
// the offer was renewed since.
func (s *step) expected(ch *channel, invite roster.Hash, id session.Member) bool {
	set := s.ops(ch)
	if op := set.Get(invite); op != nil && session.Member(op.Op().By) == id {
		return true
	}
	return !slices.ContainsFunc(s.since(ch, invite), func(op *roster.Signed) bool {
		return op.Op().N == 0 && session.Member(op.Op().By) == id
	})
}

// since are the operations of which the author of an invite did not know then.
func (s *step) since(ch *channel, invite roster.Hash) []*roster.Signed {
	later, _ := s.ops(ch).Beyond([]roster.Hash{invite})
	return later
}

// anyExpected says that there is another member beside the inviter from whom a
// newcomer surely hears.
func (s *step) anyExpected(ch *channel, invite roster.Hash, newcomer roster.MemberView) bool {
	return slices.ContainsFunc(s.others(ch), func(m roster.MemberView) bool {
		return m.ID != newcomer.ID && m.ID != newcomer.Inviter && s.expected(ch, invite, session.Member(m.ID))
	})
}

// unsuspended has a newcomer told who waited to be confirmed.
func (s *step) unsuspended(ch *channel, id session.Member) {
	if s.book.number("SELECT count(*) FROM newcomers WHERE channel = ? AND member = ? AND due = 0", ch.row, id[:]) > 0 {
		if m, ok := s.view(ch).Member(roster.Member(id)); ok {
			s.newcomer(ch, id, m.Invite)
		}
	}
}

// mindNewcomers tells those newcomers all whom nobody else has told in time.
func (s *step) mindNewcomers(ch *channel) {
	if ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)) {
		return
	}
	s.dropNewcomers(ch)
	if s.dueNewcomers(ch) > 0 && !s.queued(ch, outWelcome, nil) {
		if s.atHead(ch) {
			s.enqueue(ch, item{kind: outWelcome})
		} else { // others may have, of whom one does not know yet
			s.book.run("UPDATE newcomers SET due = ? WHERE channel = ? AND due > 0 AND due <= ?",
				stamp(s.now.Add(letInAfter+randomDuration(letInRandom))), ch.row, stamp(s.now))
		}
	}
	if next := s.book.number("SELECT min(due) FROM newcomers WHERE channel = ? AND due > ?", ch.row, stamp(s.now)); next > 0 {
		s.timer(ch, timerNewcomers, moment(next))
	}
}

// dueNewcomers is how many newcomers are to be told now.
func (s *step) dueNewcomers(ch *channel) int64 {
	return s.book.number("SELECT count(*) FROM newcomers WHERE channel = ? AND due > 0 AND due <= ?", ch.row, stamp(s.now))
}

// dropNewcomers forgets those who are gone again.
func (s *step) dropNewcomers(ch *channel) {
	for _, id := range list(s.book, readBytes, "SELECT member FROM newcomers WHERE channel = ? ORDER BY member", ch.row) {
		if _, ok := s.view(ch).Member(roster.Member(id)); !ok {
			s.settled(ch, session.Member(id))
		}
	}
}

// settled notes that a newcomer need not be told any more.
func (s *step) settled(ch *channel, id session.Member) {
	s.book.run("DELETE FROM newcomers WHERE channel = ? AND member = ?", ch.row, id[:])
}

// sealWelcome tells newcomers all, if nobody else has meanwhile.
func (s *step) sealWelcome(ch *channel) error {
	s.dropNewcomers(ch)
	if s.dueNewcomers(ch) == 0 {
		return nil
	}
	if err := s.sealPrekeys(ch); err != nil {
		return err
	}
	if err := s.sealSnapshot(ch); err != nil {
		return err
	}
	s.book.run(`DELETE FROM newcomers WHERE channel = ? AND due > 0
		AND member IN (SELECT member FROM given WHERE channel = newcomers.channel)`, ch.row)
	// Whoever comes next may hear from these, too; and none is sealed to whom is gone.
	fresh := s.anyGone(ch)
	if s.renewInvites(ch, fresh); fresh {
		return nil // it tells them
	}
	return s.sealInvites(ch)
}

// newcomersTold notes that a member has told all operations: those newcomers who
// are among them know the members then, if they can read him: if their key's offer
// names oneself and not him, they can't.
func (s *step) newcomersTold(ch *channel, from session.Member, ops [][]byte) {
	waiting := list(s.book, readBytes, "SELECT member FROM newcomers WHERE channel = ? ORDER BY member", ch.row)
	if len(waiting) == 0 || !s.view(ch).Live(roster.Member(from)) {
		return
	}
	told := map[roster.Hash]bool{}
	for _, b := range ops {
		if op, err := roster.Parse(b); err == nil {
			told[op.Hash()] = true
		}
	}
	for _, id := range waiting {
		m, ok := s.view(ch).Member(roster.Member(id))
		if !ok || !told[m.Join] {
			continue
		}
		if s.doubtful(ch, m.Invite, from) <= s.doubtful(ch, m.Invite, ch.self) {
			s.settled(ch, session.Member(id))
		}
	}
}

// doubtful orders members by how surely those who come by an invite hear from them:
// 0 is who does in any case, 1 whose join was confirmed, since who does that renews the
// offers, and 2 all others, whom an offer may well not name.
func (s *step) doubtful(ch *channel, invite roster.Hash, id session.Member) int {
	if s.expected(ch, invite, id) {
		return 0
	}
	m, _ := s.view(ch).Member(roster.Member(id))
	if slices.ContainsFunc(s.ops(ch).All(), func(op *roster.Signed) bool {
		c, ok := op.Op().Args.(roster.Confirm)
		return ok && c.Join == m.Join
	}) {
		return 1
	}
	return 2
}

// newcomerKnows notes that a newcomer has shown to know as many operations as there
// were when he came. What he lacks still he asks for himself.
func (s *step) newcomerKnows(ch *channel, b session.Body) {
	s.book.run("DELETE FROM newcomers WHERE channel = ? AND member = ? AND ops <= ?", ch.row, b.From[:], b.Members.Count)
}
