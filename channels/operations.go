package channels

import (
	"crypto/sha256"
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// operate signs an operation of the user's and adds it to the channel's.
func (s *step) operate(ch *channel, args roster.Args) (*roster.Signed, error) {
	op, err := s.ops(ch).Draft(roster.Member(ch.self), s.now.UnixMilli(), args)
	if err != nil {
		return nil, err
	}
	signed, err := roster.Sign(op, ch.key)
	if err != nil {
		return nil, err
	}
	s.learn(ch, signed)
	return signed, nil
}

// announce operates, and tells the others if there are any. Who comes later
// learns of it from a snapshot.
func (s *step) announce(ch *channel, args roster.Args) (*roster.Signed, error) {
	signed, err := s.operate(ch, args)
	if err == nil {
		s.tell(ch, signed)
	}
	return signed, err
}

// tell queues operations for the others.
func (s *step) tell(ch *channel, ops ...*roster.Signed) {
	if s.alone(ch) {
		return
	}
	var told session.Ops
	for _, op := range ops {
		told.Ops = append(told.Ops, op.Bytes())
	}
	s.enqueue(ch, item{kind: outOps, content: mustEncode(told)})
}

// alone says that there is nobody to seal to.
func (c *Core) alone(ch *channel) bool {
	return ch.state != stateWaiting && len(c.others(ch)) == 0
}

// learn adds operations to the channel's and shows what they change. It
// returns those that are new.
func (s *step) learn(ch *channel, ops ...*roster.Signed) (learned []*roster.Signed) {
	set := s.ops(ch)
	for _, op := range ops {
		isNew, err := set.Add(op)
		if err != nil || !isNew {
			continue // of another channel
		}
		hash := op.Hash()
		s.book.run("INSERT INTO operations (channel, hash, bytes) VALUES (?, ?, ?)", ch.row, hash[:], op.Bytes())
		learned = append(learned, op)
	}
	if len(learned) > 0 {
		s.refresh(ch)
		s.place(ch, learned)
		s.admitAll(ch)
		s.mindDiffering(ch)
	}
	return learned
}

// learnBytes learns what came from others, and drops what is no operation.
func (s *step) learnBytes(ch *channel, list [][]byte) []*roster.Signed {
	var ops []*roster.Signed
	for _, b := range list {
		// Most of a snapshot is known: its signatures were verified before.
		if s.knows(ch, b) {
			continue
		}
		if op, err := roster.Parse(b); err == nil {
			ops = append(ops, op)
		}
	}
	return s.learn(ch, ops...)
}

// knows says that an operation is known in these very bytes.
func (s *step) knows(ch *channel, op []byte) bool {
	if set := s.ops(ch); len(ch.known) != set.Len() {
		ch.known = make(map[[32]byte]bool, set.Len())
		for _, known := range set.All() {
			ch.known[sha256.Sum256(known.Bytes())] = true
		}
	}
	return ch.known[sha256.Sum256(op)]
}

// refresh shows what has changed in a channel's roster.
func (s *step) refresh(ch *channel) {
	view := s.view(ch)
	s.standing(ch, view)
	before, now := ch.shown, s.present(ch)
	ch.shown = now
	if ch.name == "" || ch.state == stateRemoved {
		return
	}
	s.giveTo(ch, before, now)
	s.tellVoid(ch)
	s.noteGone(ch, before, now)
	s.showLeft(ch, before, now)
	s.showRenamed(ch, before, now)
	s.showJoined(ch, before, now)
	s.showSuspended(ch, before, now)
	if ch.state != stateWaiting && view.Topic.Op != ch.topic {
		ch.topic = view.Topic.Op
		s.showTopic(ch)
	}
	if n := len(view.Forks); n > ch.forks {
		ch.forks = n
		s.forked(ch, session.Member(view.Forks[n-1].By))
	}
}

// giveTo hands one's sender key to those who have become members, or were
// confirmed.
func (s *step) giveTo(ch *channel, before, now []shownMember) {
	if ch.state != stateMember {
		return
	}
	for _, m := range now {
		if m.id != ch.self {
			s.book.run("INSERT INTO peers (channel, member, shown) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", ch.row, m.id[:], stamp(s.now))
		}
	}
	for _, m := range now {
		i := findShown(before, m.id)
		if m.live && m.id != ch.self && (i < 0 || !before[i].live) {
			if !s.introduces { // else he was there before the user
				s.book.run("UPDATE peers SET since = ? WHERE channel = ? AND member = ?", ch.seq, ch.row, m.id[:])
			}
			s.enqueue(ch, item{kind: outGive, content: m.id[:]})
			s.unsuspended(ch, m.id)
		}
	}
}

func (s *step) showTopic(ch *channel) {
	t := s.topic(ch)
	own := session.Member(s.view(ch).Topic.By) == ch.self
	s.emit(Topic{Channel: ch.name, Nick: t.by, Text: t.text, Time: t.time, Own: own})
}

// topicShown is a topic as clients may be told.
type topicShown struct {
	text, by string
	time     time.Time
}

// topic is the channel's topic.
func (c *Core) topic(ch *channel) topicShown {
	view := c.view(ch)
	if view.Topic.By == (roster.Member{}) {
		return topicShown{}
	}
	text, _ := cleanTopic(view.Topic.Text)
	t := topicShown{text: text, by: c.nickOf(ch, session.Member(view.Topic.By))}
	if op := c.ops(ch).Get(view.Topic.Op); op != nil {
		t.time = time.UnixMilli(op.Op().Time).UTC()
	}
	return t
}

// present are the members to be shown, in the order in which they joined.
func (c *Core) present(ch *channel) []shownMember {
	var ids []session.Member
	var raw []string
	own := -1
	add := func(id session.Member, nick string) {
		if id == ch.self {
			own = len(ids)
			if c.nick != "" {
				nick = c.nick
			}
		}
		ids, raw = append(ids, id), append(raw, nick)
	}
	if ch.state == stateWaiting || ch.state == stateRedeeming {
		add(ch.blob.Inviter, ch.blob.Nick)
		add(ch.self, c.nick)
	} else {
		for _, m := range c.view(ch).Members {
			add(session.Member(m.ID), m.Nick)
		}
		if own < 0 {
			add(ch.self, c.nick) // removed, but it is still this user's window
		}
	}
	nicks := displayNicks(raw, own)
	members := make([]shownMember, len(ids))
	for i, id := range ids {
		members[i] = shownMember{id, nicks[i], c.view(ch).Live(roster.Member(id))}
	}
	return members
}

// nickOf is the nick under which a member is shown, or was.
func (c *Core) nickOf(ch *channel, id session.Member) string {
	c.ops(ch)
	if i := findShown(ch.shown, id); i >= 0 {
		return ch.shown[i].nick
	}
	for _, r := range c.view(ch).Removed {
		if session.Member(r.ID) == id {
			return cleanNick(r.Nick)
		}
	}
	if m, ok := c.view(ch).Member(roster.Member(id)); ok {
		return cleanNick(m.Nick)
	}
	return "somebody"
}

func nickIn(shown []shownMember, id session.Member) string {
	if i := findShown(shown, id); i >= 0 {
		return shown[i].nick
	}
	return "somebody"
}

func findShown(shown []shownMember, id session.Member) int {
	return slices.IndexFunc(shown, func(m shownMember) bool { return m.id == id })
}
