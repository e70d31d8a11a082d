package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
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

func hubKey(name string) HubKey {
	sum := sha256.Sum256([]byte("hub " + name))
	var k HubKey
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

func TestFoundInviteJoin(t *testing.T) {
	s := found(t, "alice")
	invite, join := s.brings("alice", "bob")
	v := s.set.Evaluate()
	if v.Founder != member("alice") || len(v.Members) != 2 {
		t.Fatalf("got founder %x and %d members", v.Founder[:4], len(v.Members))
	}
	bob := v.Members[1]
	if bob.ID != member("bob") || bob.Nick != "bob" || bob.Inviter != member("alice") || bob.Join != join ||
		bob.Invite != invite || bob.Suspended || bob.Confirmed || bob.Token != token("bob") || !bytes.Equal(bob.Prekey, prekey("bob")) {
		t.Errorf("bob is %+v", bob)
	}
	if len(v.Invites) != 1 || v.Invites[0].State != InviteUsed {
		t.Errorf("invites are %+v", v.Invites)
	}
}
