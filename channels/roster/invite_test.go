package roster

import (
	"bytes"
	"testing"
)

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

func TestAJoinWaitsForItsInvite(t *testing.T) {
	s := found(t, "alice")
	invite, join := s.brings("alice", "bob")
	late := s.without(invite)
	late.hasMembers("alice")
	late.hasRemoved(map[string]Reason{})
	late.isVoid(join, ReasonWaits)
	late.merge(s)
	late.hasMembers("alice", "bob")
}

func TestNobodyIsAMemberBeforeTheFound(t *testing.T) {
	s := found(t, "alice")
	_, join := s.brings("alice", "bob")
	late := s.without(Hash(s.set.Channel()))
	late.hasMembers()
	late.isVoid(join, ReasonFound)
	if v := late.set.Evaluate(); v.Founder != (Member{}) || v.Above(member("alice"), member("bob")) {
		t.Error("a set without its found knows a founder or an order")
	}
	if m := late.set.Missing(); len(m) != 1 || m[0] != Hash(s.set.Channel()) {
		t.Errorf("missing are %x, want the found", m)
	}
}

func TestAJoinMustHaveItsInvitesKey(t *testing.T) {
	s := found(t, "alice")
	invite := s.invites("alice", "bob")
	forged := s.add(s.join("mallory", invite, "another"))
	s.isVoid(forged, ReasonAbout)
	onFound := s.add(s.join("oscar", Hash(s.set.Channel()), "another"))
	s.isVoid(onFound, ReasonAbout)
	s.hasMembers("alice")
	s.add(s.join("bob", invite, "bob"))
	s.hasMembers("alice", "bob") // the forged join made no rival of him
}

func TestAStrangersOperationsDoNotCount(t *testing.T) {
	s := found(t, "alice")
	join := s.join("mallory", Hash{1}, "nothing")
	s.add(join)
	s.isVoid(s.does("mallory", Topic{"mine"}), ReasonStranger)
	s.isVoid(s.does("mallory", Remove{Member: member("alice")}), ReasonStranger)
	invite := s.invites("mallory", "oscar")
	s.isVoid(s.add(s.join("oscar", invite, "oscar")), ReasonStranger)
	s.hasMembers("alice")
}

// Mallory and Oscar invite each other: nobody leads from them to the founder.
func TestACircleOfInvitesLeadsNowhere(t *testing.T) {
	s := found(t, "alice")
	mallory := s.sign("mallory", Op{Channel: s.set.Channel(), By: member("mallory"), N: 1, Prev: Hash{1}, Args: invitation("oscar")})
	oscar := s.sign("oscar", Op{Channel: s.set.Channel(), By: member("oscar"), N: 1, Prev: Hash{2}, Args: invitation("mallory")})
	s.add(mallory)
	s.add(oscar)
	s.add(s.join("oscar", mallory.Hash(), "oscar"))
	s.add(s.join("mallory", oscar.Hash(), "mallory"))
	s.hasMembers("alice")
	s.hasRemoved(map[string]Reason{})
	if s.set.Evaluate().Above(member("mallory"), member("oscar")) {
		t.Error("a circle has an above")
	}
}

func TestInviteStates(t *testing.T) {
	s := found(t, "alice")
	used, _ := s.brings("alice", "bob")
	open := s.invites("alice", "carol")
	revoked := s.invites("bob", "dave")
	s.does("alice", Revoke{revoked}) // she is above bob
	kept := s.invites("bob", "erin")
	join := s.add(s.join("erin", kept, "erin"))
	voided := s.invites("bob", "frank")
	s.removes("alice", "bob")
	s.brings("erin", "grace")
	beyond := s.invites("bob", "heidi")

	want := map[Hash]InviteState{
		used: InviteUsed, open: InviteOpen, revoked: InviteRevoked, kept: InviteUsed, voided: InviteVoid, beyond: InviteVoid,
	}
	for _, i := range s.set.Evaluate().Invites {
		if state, ok := want[i.Hash]; ok && i.State != state {
			t.Errorf("%q is %s, want %s", i.Note, i.State, state)
		}
		if i.Revoked != (i.Hash == revoked) {
			t.Errorf("%q: revoked is %v", i.Note, i.Revoked)
		}
		if i.Hash == kept && (len(i.Joins) != 1 || i.Joins[0] != join || i.By != member("bob")) {
			t.Errorf("%q is %+v", i.Note, i)
		}
		delete(want, i.Hash)
	}
	if len(want) != 0 {
		t.Errorf("invites not listed: %v", want)
	}
	s.hasMembers("alice", "erin", "grace")
}

// One key, two joins: nobody can tell who was meant before the inviter says so.
func TestRivalsAreSuspendedUntilConfirmed(t *testing.T) {
	s := found(t, "alice")
	invite, bob := s.brings("alice", "bob")
	s.does("bob", Topic{"hello"})
	s.hasMembers("alice", "bob")

	mallory := s.add(s.join("mallory", invite, "bob"))
	s.hasMembers("alice", "bob?", "mallory?")
	s.isVoid(bob, ReasonSuspended)
	if got := s.set.Evaluate().Topic.Text; got != "" {
		t.Errorf("one who is suspended has set the topic %q", got)
	}
	if s.set.Evaluate().Live(member("bob")) {
		t.Error("a suspended member is live")
	}
	_, carol := s.brings("bob", "carol")
	s.hasMembers("alice", "bob?", "mallory?", "carol?")
	s.isVoid(carol, ReasonSuspended)

	s.does("alice", Confirm{bob})
	s.hasMembers("alice", "bob", "mallory?", "carol")
	if got := s.set.Evaluate().Topic.Text; got != "hello" {
		t.Errorf("the topic is %q", got)
	}
	s.isVoid(mallory, ReasonSuspended)
	s.add(s.join("oscar", invite, "bob"))
	s.hasMembers("alice", "bob", "mallory?", "oscar?", "carol") // a confirmed join is never suspended
	for _, m := range s.set.Evaluate().Members {
		if m.Confirmed != (m.ID == member("bob")) {
			t.Errorf("%s: confirmed is %v", m.Nick, m.Confirmed)
		}
	}
	if i := s.set.Evaluate().Invites[0]; i.Confirmed != bob || len(i.Joins) != 3 || i.State != InviteUsed {
		t.Errorf("the invite is %+v", i)
	}
}

// A rival who was removed was still a second use of the key.
func TestARemovedRivalStaysARival(t *testing.T) {
	s := found(t, "alice")
	invite, bob := s.brings("alice", "bob")
	s.add(s.join("mallory", invite, "bob"))
	s.removes("alice", "mallory")
	s.hasMembers("alice", "bob?")
	s.does("alice", Confirm{bob})
	s.hasMembers("alice", "bob")
	s.does("bob", Leave{Seq: 3})
	s.add(s.join("oscar", invite, "bob"))
	s.hasMembers("alice", "oscar?")
}

func TestOnlyThoseAboveConfirm(t *testing.T) {
	s := found(t, "alice")
	_, dave := s.brings("alice", "dave")
	s.brings("alice", "bob")
	invite, carol := s.brings("bob", "carol")
	s.add(s.join("mallory", invite, "carol"))
	for _, who := range []string{"dave", "carol", "mallory"} {
		want := ReasonAuthority
		if who != "dave" {
			want = ReasonSuspended
		}
		s.isVoid(s.does(who, Confirm{carol}), want)
	}
	s.hasMembers("alice", "bob", "dave", "carol?", "mallory?")
	s.isVoid(s.does("alice", Confirm{invite}), ReasonAbout)
	s.isVoid(s.does("alice", Confirm{Hash{9}}), ReasonWaits)
	s.isVoid(s.does("dave", Confirm{dave}), ReasonAuthority) // not even of himself
	s.does("bob", Confirm{carol})
	s.hasMembers("alice", "bob", "dave", "carol", "mallory?")
}

func TestOfTwoConfirmsTheHigherHolds(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	invite, carol := s.brings("bob", "carol")
	mallory := s.add(s.join("mallory", invite, "carol"))
	first := s.does("bob", Confirm{mallory})
	second := s.does("bob", Confirm{carol})
	winner := "carol"
	if compareHash(first, second) < 0 {
		winner = "mallory"
	}
	loser := map[string]string{"carol": "mallory", "mallory": "carol"}[winner]
	s.hasMembers("alice", "bob", winner, loser+"?")

	join := map[string]Hash{"carol": carol, "mallory": mallory}[loser]
	s.does("alice", Confirm{join})
	s.hasMembers("alice", "bob", loser, winner+"?")
}

// Revoked and redeemed at the same time, on two hubs, or by one that lies.
func TestAJoinOnARevokedInviteNeedsAConfirm(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "dave")
	s.brings("alice", "bob")
	invite, carol := s.brings("bob", "carol")
	s.isVoid(s.does("dave", Revoke{invite}), ReasonAuthority)
	s.isVoid(s.does("carol", Revoke{invite}), ReasonAuthority)
	s.isVoid(s.does("alice", Revoke{carol}), ReasonAbout)
	s.isVoid(s.does("alice", Revoke{Hash{9}}), ReasonWaits)
	s.hasMembers("alice", "dave", "bob", "carol")
	s.isVoid(s.does("bob", Revoke{invite}), "")
	s.hasMembers("alice", "dave", "bob", "carol?")
	s.does("alice", Confirm{carol})
	s.hasMembers("alice", "dave", "bob", "carol")
}

// If one of two joins decided where an id stands, its owner could choose, after
// the fact, who is above him.
func TestAnIDJoinsOnce(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	s.brings("alice", "carol")
	_, first := s.brings("bob", "mallory")
	s.brings("mallory", "oscar")
	s.hasMembers("alice", "bob", "carol", "mallory", "oscar")

	second := s.add(s.join("mallory", s.invites("carol", "again"), "again"))
	s.hasMembers("alice", "bob", "carol")
	s.hasRemoved(map[string]Reason{"mallory": ReasonReused, "oscar": ReasonReused})
	s.isVoid(first, ReasonReused)
	s.isVoid(second, ReasonReused)
	s.does("oscar", Leave{Seq: 5}) // which gives him no texts back
	if r := s.gone("oscar"); r.Seq != -1 {
		t.Errorf("oscar is %+v", r)
	}
	if f := s.set.Evaluate().Forks; len(f) != 1 || f[0].By != member("mallory") || f[0].N != 0 || len(f[0].Ops) != 2 {
		t.Errorf("forks are %+v", f)
	}
}

func TestTheFounderDoesNotJoin(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	again := s.add(s.join("alice", s.invites("bob", "again"), "again"))
	s.isVoid(again, ReasonReused)
	s.hasMembers("alice", "bob")
	if v := s.set.Evaluate(); !v.Above(member("alice"), member("bob")) || v.Above(member("bob"), member("alice")) {
		t.Error("the founder came below somebody by joining")
	}
}
