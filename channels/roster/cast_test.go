package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"
)

// story is one channel as one who has seen everything would have it. Its
// people's keys come from their names, so that every run is the same.
type story struct {
	t    testing.TB
	set  *Set
	time int64
}

func key(use, name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(use + " " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public[K ~[32]byte](k ed25519.PrivateKey) K {
	return K(k.Public().(ed25519.PublicKey))
}

func member(name string) Member { return public[Member](key("member", name)) }
func token(name string) Token   { return public[Token](key("token", name)) }

func prekey(name string) []byte {
	sum := sha256.Sum256([]byte("prekey " + name))
	return bytes.Repeat(sum[:], PrekeySize/32)
}

func hubKey(name string) HubFingerprint {
	sum := sha256.Sum256([]byte("hub " + name))
	var k HubFingerprint
	copy(k[:], sum[:])
	return k
}

// found begins a story: the channel that founder has founded.
func found(t testing.TB, founder string) *story {
	t.Helper()
	s := &story{t: t, time: 1_800_000_000_000}
	op := DraftFound(member(founder), s.time, Found{Nick: founder, Token: token(founder), Prekey: prekey(founder)})
	signed, err := SignFound(op, key("token", founder), key("member", founder))
	if err != nil {
		t.Fatal(err)
	}
	s.set = NewSet(signed.Channel())
	s.add(signed)
	return s
}

func (s *story) add(op *Signed) Hash {
	s.t.Helper()
	if _, err := s.set.Add(op); err != nil {
		s.t.Fatal(err)
	}
	return op.Hash()
}

// sign makes an operation without adding it.
func (s *story) sign(by string, op Op) *Signed {
	s.t.Helper()
	signed, err := Sign(op, key("member", by))
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

// draft makes by's next operation without adding it: by knows the whole story.
func (s *story) draft(by string, args Args) *Signed {
	s.t.Helper()
	s.time += 1000
	op, err := s.set.Draft(member(by), s.time, args)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.sign(by, op)
}

// does is what by does, knowing the whole story.
func (s *story) does(by string, args Args) Hash {
	s.t.Helper()
	return s.add(s.draft(by, args))
}

// invites opens an invite whose key is that of its note.
func (s *story) invites(by, note string) Hash {
	s.t.Helper()
	return s.does(by, invitation(note))
}

func invitation(note string) Invite {
	slot := sha256.Sum256([]byte("slot " + note))
	return Invite{Key: public[InviteKey](key("invite", note)), Slot: Slot(slot[:16]), Expires: 1_800_600_000_000, Note: note}
}

// join makes who's join on an invite whose note is given.
func (s *story) join(who string, invite Hash, note string) *Signed {
	s.t.Helper()
	s.time += 1000
	op := DraftJoin(s.set.Channel(), member(who), s.time, Join{
		Invite: invite, Key: public[InviteKey](key("invite", note)),
		Nick: who, Token: token(who), Prekey: prekey(who),
	})
	signed, err := SignJoin(op, key("invite", note), key("token", who), key("member", who))
	if err != nil {
		s.t.Fatal(err)
	}
	return signed
}

// brings is an invite by a member and the join of whom he meant.
func (s *story) brings(by, who string) (invite, join Hash) {
	s.t.Helper()
	invite = s.invites(by, who)
	return invite, s.add(s.join(who, invite, who))
}

// copy is the story of somebody who now goes his own way; merge is his meeting
// the first again.
func (s *story) copy() *story {
	s.t.Helper()
	c := &story{t: s.t, set: NewSet(s.set.Channel()), time: s.time}
	c.merge(s)
	return c
}

func (s *story) merge(with *story) {
	s.t.Helper()
	for _, op := range with.set.All() {
		s.add(op)
	}
}

// without is the story as one has it who lacks some operations.
func (s *story) without(missing ...Hash) *story {
	s.t.Helper()
	c := &story{t: s.t, set: NewSet(s.set.Channel()), time: s.time}
	for _, op := range s.set.All() {
		if !slices.Contains(missing, op.Hash()) {
			c.add(op)
		}
	}
	return c
}

// removes is by's removal of who, with all that now counts left standing but
// the joins given.
func (s *story) removes(by, who string, joins ...Hash) Hash {
	s.t.Helper()
	return s.does(by, s.removal(who, joins...))
}

func (s *story) removal(who string, voided ...Hash) Remove {
	s.t.Helper()
	r, err := s.set.Evaluate().Removal(member(who), 7)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Joins = slices.DeleteFunc(r.Joins, func(h Hash) bool { return slices.Contains(voided, h) })
	return r
}

// hasMembers holds the members to a list of the nicks that they joined with,
// sorted; "bob?" is suspended.
func (s *story) hasMembers(want ...string) {
	s.t.Helper()
	got := []string{}
	for _, m := range s.set.Evaluate().Members {
		name := s.joinedAs(m)
		if m.Suspended {
			name += "?"
		}
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.t.Errorf("members are %v, want %v", got, want)
	}
}

// hasRemoved holds those removed to a list of nick and reason.
func (s *story) hasRemoved(want map[string]Reason) {
	s.t.Helper()
	got := map[string]Reason{}
	for _, r := range s.set.Evaluate().Removed {
		got[s.joinedAs(r.MemberView)] = r.Why
	}
	if !maps.Equal(got, want) {
		s.t.Errorf("removed are %v, want %v", got, want)
	}
}

func (s *story) joinedAs(m MemberView) string {
	switch a := s.set.Get(m.Join).Op().Args.(type) {
	case Found:
		return a.Nick
	case Join:
		return a.Nick
	}
	s.t.Fatalf("%x joined by something else", m.ID)
	return ""
}

// isVoid holds an operation to why it does not count; empty: it does.
func (s *story) isVoid(h Hash, want Reason) {
	s.t.Helper()
	if got := s.set.Evaluate().Void(h); got != want {
		s.t.Errorf("%s %x: got %q, want %q", s.set.Get(h).Op().Args.Kind(), h[:4], got, want)
	}
}

func signWith(use, name, label string, op []byte) []byte {
	return ed25519.Sign(key(use, name), labelled(label, op))
}
