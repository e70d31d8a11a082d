package channels

import (
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// Every body says which operations its sender has, by a fingerprint. Who sees
// that another has more asks for them, naming what he has; who has them gives
// them (docs/protocol.md, section 18).

// How long is waited before operations are asked for, and given.
const (
	opsFirst  = 5 * time.Second  // before the first asking, and a random while more:
	opsRandom = 10 * time.Second // what is missing may be on its way
	opsSecond = 10 * time.Minute // before the second; and after any that brought nothing
	opsAgain  = 24 * time.Hour   // before those that follow
	opsMost   = 4                // askings for one fingerprint
	opsKept   = 30 * 24 * time.Hour
	opsShare  = 5 * time.Second  // a member, of the random wait before they are given …
	opsShared = 20 * time.Second // … which is not longer than this
	opsPause  = 5 * time.Minute  // between two givings to one member
)

// What the outbox holds for that. Both are made when their turn comes, as far as
// there still is need.
const (
	outLack = "lack" // nothing: asks for operations that are missing
	outLend = "lend" // a member id: gives him those that he has asked for
)

// compareOps notes which operations the sender of a body has, which he gives, and
// which he asks for.
func (s *step) compareOps(ch *channel, b session.Body) {
	if ch.state != stateMember && ch.state != stateWaiting {
		return
	}
	newest := s.book.run(`INSERT INTO fingerprints (channel, member, seq, count, hash) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET seq = excluded.seq, count = excluded.count, hash = excluded.hash, head = x'' WHERE excluded.seq > seq`,
		ch.row, b.From[:], b.Seq, b.Members.Count, b.Members.Hash[:]) > 0
	switch c := b.Content.(type) {
	case session.Ops:
		s.opsPassed(ch, b.From, c.Ops)
	case session.Snapshot:
		s.opsPassed(ch, b.From, c.Ops)
	case session.Need:
		s.wants(ch, b.From, c.Heads)
	}
	if newest {
		s.showsOps(ch, b.From)
	}
	if ch.state == stateMember && s.showsMore(ch, opsTold{count: b.Members.Count, hash: b.Members.Hash}) {
		s.timer(ch, timerOps, s.now.Add(opsFirst+randomDuration(opsRandom)))
	}
}

// mindOps asks for operations that are missing, and gives those that others
// miss, as far as either is due.
func (s *step) mindOps(ch *channel) {
	if ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)) {
		return
	}
	for _, next := range []time.Time{s.lack(ch), s.lend(ch)} {
		if !next.IsZero() {
			s.timer(ch, timerOps, next)
		}
	}
}

// opsTold is what a member said last of the operations that he has.
type opsTold struct {
	member session.Member
	count  int64
	hash   session.ID
	head   []byte // one that he has named and that was not here; mostly empty
}

func readOpsTold(r row) (f opsTold) {
	var member, hash []byte
	scan(r, &member, &f.count, &hash, &f.head)
	f.member, f.hash = session.Member(member), session.ID(hash)
	return f
}

// showsMore says that whoever has shown a fingerprint has operations that are
// not here.
func (s *Core) showsMore(ch *channel, f opsTold) bool {
	count, hash := s.ops(ch).Fingerprint()
	return f.count > int64(count) || f.count == int64(count) && f.hash != hash ||
		len(f.head) > 0 && !s.ops(ch).Has(roster.Hash(f.head))
}

// ahead are the fingerprints of members who have operations that are not here.
func (s *step) ahead(ch *channel) (more []opsTold) {
	for _, f := range list(s.book, readOpsTold, "SELECT member, count, hash, head FROM fingerprints WHERE channel = ? ORDER BY member", ch.row) {
		if s.showsMore(ch, f) && s.view(ch).Live(roster.Member(f.member)) {
			more = append(more, f)
		}
	}
	return more
}

// lack asks for what is missing, and says when to look again. For one
// fingerprint is asked opsMost times; and after an asking that brought nothing
// there is none for a while, whatever fingerprints a member makes up.
func (s *step) lack(ch *channel) (next time.Time) {
	s.book.run("DELETE FROM ops_asked WHERE channel = ? AND at < ?", ch.row, stamp(s.now.Add(-opsKept)))
	have, _ := s.ops(ch).Fingerprint()
	var rested time.Time
	if at := s.book.number("SELECT max(at) FROM ops_asked WHERE channel = ? AND have = ?", ch.row, have); at > 0 {
		rested = moment(at).Add(opsSecond)
	}
	due := false
	for _, f := range s.ahead(ch) {
		asked, at := s.askedFor(ch, f)
		if asked >= opsMost {
			continue
		}
		when := rested
		if again := at.Add(opsBetween(asked)); asked > 0 && again.After(when) {
			when = again
		}
		if !when.After(s.now) {
			due = true
			s.book.run(`INSERT INTO ops_asked (channel, count, hash, asked, at, have) VALUES (?, ?, ?, 1, ?, ?)
				ON CONFLICT DO UPDATE SET asked = asked + 1, at = excluded.at, have = excluded.have`, ch.row, f.count, f.hash[:], stamp(s.now), have)
			when = s.now.Add(opsBetween(asked + 1))
		}
		next = earlier(next, when)
	}
	if due && !s.queued(ch, outLack, nil) {
		s.enqueue(ch, item{kind: outLack})
	}
	return next
}

// askedFor says how often was asked for the operations of a fingerprint, and
// when last.
func (s *step) askedFor(ch *channel, f opsTold) (asked int, at time.Time) {
	first(s.book, func(r row) (n int64) {
		scan(r, &asked, &n)
		at = moment(n)
		return n
	}, "SELECT asked, at FROM ops_asked WHERE channel = ? AND count = ? AND hash = ?", ch.row, f.count, f.hash[:])
	return asked, at
}

// opsBetween is how long is waited after so many askings.
func opsBetween(asked int) time.Duration {
	if asked <= 1 {
		return opsSecond
	}
	return opsAgain
}

// earlier is the earlier of two times, of which either may be none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// queued says that the outbox holds such a thing already.
func (s *step) queued(ch *channel, kind string, content []byte) bool {
	return s.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ? AND content IS ?", ch.row, kind, content) > 0
}

// sealLack asks for operations, if some are missing still.
func (s *step) sealLack(ch *channel) error {
	if len(s.ahead(ch)) == 0 {
		return nil
	}
	var need session.Need
	for _, h := range s.ops(ch).Known() {
		need.Heads = append(need.Heads, session.ID(h))
	}
	_, err := s.sealContent(ch, need)
	return err
}

// wanted is what a member has asked for.
type wanted struct {
	member session.Member
	known  []roster.Hash // what he has, and all below
	given  []roster.Hash // what others have given him since
	due    time.Time     // when he is to be given the rest; zero: there is nothing to give
	last   time.Time     // when he was given something from here
}

func readWanted(r row) (w wanted) {
	var member, known, given []byte
	var due, last int64
	scan(r, &member, &known, &given, &due, &last)
	w.member, w.due, w.last = session.Member(member), moment(due), moment(last)
	w.known, w.given = splitHashes(known), splitHashes(given)
	return w
}

const selectWanted = "SELECT member, known, given, due, last FROM ops_wanted WHERE channel = ? "

// wants notes what a member asks for. He gets it after a random wait, so that
// not all give it who have it.
func (s *step) wants(ch *channel, from session.Member, heads []session.ID) {
	if len(heads) == 0 || ch.state != stateMember || !s.view(ch).Live(roster.Member(from)) {
		return
	}
	var known []roster.Hash
	for _, h := range heads {
		known = append(known, roster.Hash(h))
	}
	beyond, unknown := s.ops(ch).Beyond(known)
	if len(unknown) > 0 { // he has what is missing here: it is asked for in turn
		s.book.run("UPDATE fingerprints SET head = ? WHERE channel = ? AND member = ?", unknown[0][:], ch.row, from[:])
		s.timer(ch, timerOps, s.now.Add(opsFirst+randomDuration(opsRandom)))
	}
	if len(beyond) == 0 {
		s.book.run("UPDATE ops_wanted SET due = 0 WHERE channel = ? AND member = ?", ch.row, from[:])
		return
	}
	w, _ := first(s.book, readWanted, selectWanted+"AND member = ?", ch.row, from[:])
	due := s.now.Add(randomDuration(min(time.Duration(len(s.view(ch).Members))*opsShare, opsShared)))
	if soonest := w.last.Add(opsPause); !w.last.IsZero() && soonest.After(due) {
		due = soonest
	}
	due = earlier(w.due, due)
	s.book.run(`INSERT INTO ops_wanted (channel, member, known, due) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET known = excluded.known, given = x'', due = excluded.due`, ch.row, from[:], joinHashes(known), stamp(due))
	s.timer(ch, timerOps, due)
}

// opsPassed notes that a member has told operations: nobody else need give them
// to those who have asked, if they can read him.
func (s *step) opsPassed(ch *channel, from session.Member, ops [][]byte) {
	asked := list(s.book, readWanted, selectWanted+"AND due > 0 ORDER BY member", ch.row)
	if len(asked) == 0 {
		return
	}
	var told []roster.Hash
	for _, b := range ops {
		if op, err := roster.Parse(b); err == nil {
			told = append(told, op.Hash())
		}
	}
	for _, w := range asked {
		if w.member != from && knows(s.beyond(ch, w), from) {
			s.book.run("UPDATE ops_wanted SET given = ? WHERE channel = ? AND member = ?", joinHashes(append(w.given, told...)), ch.row, w.member[:])
		}
	}
}

// beyond are the operations that a member lacks still, by what he has said and
// what others have given him.
func (s *step) beyond(ch *channel, w wanted) []*roster.Signed {
	ops, _ := s.ops(ch).Beyond(w.known)
	given := map[roster.Hash]bool{}
	for _, h := range w.given {
		given[h] = true
	}
	return slices.DeleteFunc(ops, func(op *roster.Signed) bool { return given[op.Hash()] })
}

// knows says that who lacks these operations knows a member all the same, and so
// can read what he seals.
func knows(lacks []*roster.Signed, member session.Member) bool {
	return !slices.ContainsFunc(lacks, func(op *roster.Signed) bool {
		return op.Op().N == 0 && session.Member(op.Op().By) == member
	})
}

// lend has what others have asked for given, and says when to look again.
func (s *step) lend(ch *channel) (next time.Time) {
	for _, w := range list(s.book, readWanted, selectWanted+"AND due > 0 ORDER BY member", ch.row) {
		switch {
		case w.due.After(s.now):
			next = earlier(next, w.due)
		case !s.queued(ch, outLend, w.member[:]):
			s.enqueue(ch, item{kind: outLend, content: w.member[:]})
		}
	}
	return next
}

// sealLend gives a member the operations that he has asked for, and the secrets
// of the invites among them that are open, if nobody else has.
func (s *step) sealLend(ch *channel, to session.Member) error {
	w, _ := first(s.book, readWanted, selectWanted+"AND member = ?", ch.row, to[:])
	s.book.run("UPDATE ops_wanted SET due = 0 WHERE channel = ? AND member = ?", ch.row, to[:])
	ops := s.beyond(ch, w)
	if w.due.IsZero() || s.caughtUp(ch, to) || len(ops) == 0 || !knows(ops, ch.self) {
		return nil
	}
	s.book.run("UPDATE ops_wanted SET last = ? WHERE channel = ? AND member = ?", stamp(s.now), ch.row, to[:])
	var contents []session.Content
	for _, piece := range inPieces(ops) {
		contents = append(contents, session.Ops{Ops: piece})
	}
	invites := slices.DeleteFunc(s.openInvites(ch), func(v session.OpenInvite) bool {
		return !slices.ContainsFunc(ops, func(op *roster.Signed) bool {
			i, ok := op.Op().Args.(roster.Invite)
			return ok && session.Member(i.Key) == v.Invite
		})
	})
	if len(invites) > 0 {
		contents = append(contents, session.Ops{Invites: invites})
	}
	for _, c := range contents {
		if _, err := s.ensureSenderKey(ch, forOther); err != nil {
			return err
		}
		if _, err := s.sealContent(ch, c); err != nil {
			return err
		}
	}
	return nil
}

// caughtUp says that a member is out, or has shown to have what is here.
func (s *step) caughtUp(ch *channel, member session.Member) bool {
	_, hash := s.ops(ch).Fingerprint()
	return !s.view(ch).Live(roster.Member(member)) ||
		s.book.number("SELECT count(*) FROM fingerprints WHERE channel = ? AND member = ? AND hash = ?", ch.row, member[:], hash[:]) > 0
}

// inPieces are operations in as many pieces as it takes to seal them.
func inPieces(ops []*roster.Signed) (pieces [][][]byte) {
	size := session.MaxOps + 1
	for _, op := range ops {
		if size+len(op.Bytes()) > session.MaxOps {
			pieces, size = append(pieces, nil), 0
		}
		pieces[len(pieces)-1] = append(pieces[len(pieces)-1], op.Bytes())
		size += len(op.Bytes())
	}
	return pieces
}

// joinHashes and splitHashes: how the phonebook keeps many.
func joinHashes(hashes []roster.Hash) []byte {
	joined := []byte{}
	for _, h := range hashes {
		joined = append(joined, h[:]...)
	}
	return joined
}

func splitHashes(joined []byte) (hashes []roster.Hash) {
	for h := range slices.Chunk(joined, len(roster.Hash{})) {
		hashes = append(hashes, roster.Hash(h))
	}
	return hashes
}
