package sim

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"
	"slices"

	"hubbub/channels/session"
)

// thief is somebody who was put out, or has left: with a copy of his phonebook and
// everything that the hubs hold, which are in league with him, he opens whatever
// can be opened. He is no gateway, and does not stop at anything.
type thief struct {
	channel session.Channel
	self    session.Member
	senders []session.Member
	locks   []lock
	known   map[session.Secret]bool // seeds among locks
	chains  map[session.KeyID][]session.ReceiverChain
	read    []string
	aside   []string // what was for others alone
}

// lock is a prekey, and for whom what is sealed to it is.
type lock struct {
	prekey    session.Prekey
	recipient session.Member
}

// checkThieves has each who is out look at all that the hubs hold. What was sealed
// by who knew it he must not be able to read.
func (w *World) checkThieves() {
	var log [][]byte
	for _, tk := range w.talks {
		for _, s := range tk.seats {
			dir := s.ghost
			if dir == "" && s.removed && !s.away {
				dir = s.p.dir // he has it all yet
			}
			if s.suspended && !s.left {
				dir = s.p.dir
			}
			if dir == "" || !s.left && !s.suspended {
				continue
			}
			if log == nil {
				log = w.everything()
			}
			s.steal(dir, log)
		}
	}
}

// everything is all that is at the hubs.
func (w *World) everything() (log [][]byte) {
	for _, h := range w.houses {
		if !h.hasData() {
			continue
		}
		for _, r := range h.read(1, "SELECT bytes FROM entries ORDER BY position") {
			log = append(log, []byte(r[0].(string)))
		}
	}
	return log
}

// steal reads what can be read with a phonebook.
func (s *seat) steal(dir string, log [][]byte) {
	w := s.talk.w
	w.tell("%s looks at %s as a thief", s.p.name, s.talk.name)
	t := s.thief(dir)
	if t == nil {
		return
	}
	for again := true; again; {
		again = false
		var left [][]byte
		for _, entry := range log {
			if t.open(entry) {
				again = true
			} else {
				left = append(left, entry)
			}
		}
		log = left
	}
	for _, what := range t.aside {
		w.wrong(Private, "%s can read a %s in %s that was for another", s.p.name, what, s.talk.name)
	}
	for _, text := range t.read {
		m := w.texts[text]
		if m == nil || m.from == s || m.from.talk != s.talk || !m.sealed || m.twice {
			continue
		}
		if m.gone[s.id] || m.last && !m.alone && !m.to[s.id] || m.alone && s.knownOut(m.from) {
			w.wrong(Private, "%s is out of %s, and can read: %.40q", s.p.name, s.talk.name, text)
		}
	}
}

// knownOut says that somebody was put out before another came in, and that all
// that is to be done then was done: the other's key is of no use to him.
func (s *seat) knownOut(o *seat) bool {
	w := s.talk.w
	return o.join != nil && !w.lossy() && !w.crowded() && !o.underEvil() && slices.ContainsFunc(s.standing(), func(c *cut) bool {
		return c.sure() && !c.told.IsZero() && c.told.Before(o.join.began) && c.knew[o.join.by.id]
	})
}

// thief reads the keys in a phonebook, nil if he is not in the talk there.
func (s *seat) thief(dir string) *thief {
	w, book := s.talk.w, filepath.Join(dir, "phonebook.db")
	rows := w.read(book, 2, "SELECT channel, member FROM channels WHERE name = ?", s.talk.name)
	if len(rows) == 0 {
		return nil
	}
	t := &thief{channel: session.Channel([]byte(rows[0][0].(string))), known: map[session.Secret]bool{}, chains: map[session.KeyID][]session.ReceiverChain{}}
	t.self = session.Member(ed25519.NewKeyFromSeed([]byte(rows[0][1].(string))).Public().(publicKey))
	if t.self != s.id {
		return nil // he is in again
	}
	for _, o := range s.talk.seats {
		t.senders = append(t.senders, o.id)
	}
	const here = " JOIN channels c ON c.id = x.channel WHERE c.name = ?"
	for _, r := range w.read(book, 1, "SELECT x.seed FROM prekeys x"+here, s.talk.name) {
		t.take([]byte(r[0].(string)), t.self)
	}
	for _, r := range w.read(book, 2, "SELECT x.prekey, x.invite FROM invites x"+here+" AND x.prekey IS NOT NULL", s.talk.name) {
		t.take([]byte(r[0].(string)), session.Member([]byte(r[1].(string))))
	}
	for _, r := range w.read(book, 4, "SELECT x.sender, x.key, x.chain, x.iteration FROM chains x"+here, s.talk.name) {
		id := session.KeyID([]byte(r[1].(string)))
		chain := session.NewReceiverChain(session.Member([]byte(r[0].(string))), id, session.Secret([]byte(r[2].(string))), int(r[3].(int64)))
		t.chains[id] = append(t.chains[id], chain)
	}
	return t
}

// take takes a prekey's seed.
func (t *thief) take(seed []byte, recipient session.Member) {
	if len(seed) != 32 || t.known[session.Secret(seed)] {
		return
	}
	t.known[session.Secret(seed)] = true
	if prekey, err := session.PrekeyFromSeed(session.Secret(seed)); err == nil {
		t.locks = append(t.locks, lock{prekey, recipient})
	}
}

// open opens an entry, if anything that he has does.
func (t *thief) open(entry []byte) bool {
	if len(entry) == 0 || entry[0] != session.FormEnvelope {
		return false
	}
	e, err := session.Parse(entry)
	if err != nil {
		return false
	}
	for i := range t.chains[e.KeyID] {
		if t.openWith(e, &t.chains[e.KeyID][i]) {
			return true
		}
	}
	if e.Boxes() == 0 {
		return false
	}
	for _, l := range t.locks {
		for _, sender := range t.senders {
			if _, has := e.Box(session.Tag(&l.prekey.Public, sender, e.KeyID)); !has {
				continue
			}
			chain, err := e.OpenBox(l.prekey, t.channel, sender, l.recipient)
			if err != nil || !t.openWith(e, &chain) {
				continue
			}
			t.chains[e.KeyID] = append(t.chains[e.KeyID], chain)
			return true
		}
	}
	return false
}

func (t *thief) openWith(e session.Envelope, chain *session.ReceiverChain) bool {
	message, next, err := chain.MessageKey(e.Iteration)
	if err != nil {
		return false
	}
	signed, err := e.Open(t.channel, chain.Sender, message)
	if err != nil {
		return false
	}
	*chain = next
	body, err := session.DecodeBody(signed.Body, chain.Sender)
	if err != nil {
		return true
	}
	t.look(body)
	return true
}

// look takes out of a body what he can use.
func (t *thief) look(body session.Body) {
	switch c := body.Content.(type) {
	case session.Text:
		t.read = append(t.read, c.Text)
	case session.Again:
		if b, err := session.OpenAgain(t.channel, c); err == nil {
			t.look(b)
		}
	case session.Asides:
		t.takeAsides(body.From, c)
	case session.Ops:
		t.takeInvites(c.Invites)
	case session.Give:
		t.takeInvites(c.Invites)
	}
}

// takeAsides opens what is for one member alone, if it can be opened.
func (t *thief) takeAsides(from session.Member, c session.Asides) {
	for _, a := range c.Asides {
		for _, l := range t.locks {
			w, err := a.Open(l.prekey, t.channel, from)
			if again, is := w.(session.Again); err == nil && is && a.For == t.self {
				t.look(session.Body{Content: again})
			}
			if err == nil && a.For != t.self {
				t.aside = append(t.aside, fmt.Sprintf("%T", w))
			}
		}
	}
}

func (t *thief) takeInvites(invites []session.OpenInvite) {
	for _, i := range invites {
		t.take(i.Prekey[:], i.Invite)
	}
}
