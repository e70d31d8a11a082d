package roster

import "fmt"

// View is what a set of operations means. It is shared by all who evaluate the
// same set: do not change it. All its lists are in an order that depends on the
// set alone: that of the operations they come from, by depth and then by hash.
type View struct {
	Channel Channel
	Founder Member // zero while the found is missing: then nobody is a member
	Members []MemberView
	Removed []RemovedView
	Invites []InviteView
	Hubs    []HubView
	Topic   TopicView
	Forks   []Fork

	e *evaluation
}

// MemberView is a member. One who is Suspended is to be shown, but nobody seals
// to him, and of what he signs only invites and removals have an effect: he
// joined on an invite that others joined on too or that was revoked, and nobody
// has confirmed him; or he stands below such a one. A confirm ends it.
type MemberView struct {
	ID        Member
	Nick      string
	Token     Token
	Prekey    []byte // number 0, from his found or join
	Inviter   Member // zero for the founder
	Join      Hash   // his found or join
	Invite    Hash   // that he joined on; zero for the founder
	Suspended bool
	Confirmed bool // his join is the one that its invite's confirms name
}

// RemovedView is a member id that is no more, and will never be one again: a
// removed one, one who left, one whose join is void. Where the removed person
// had never become a member, he is listed too.
type RemovedView struct {
	MemberView
	Why Reason   // ReasonRemoved, ReasonLeft, or why his join does not count
	By  []Member // who removed him, the highest first; himself where he left
	Seq int64    // his texts after this are void; -1 is all
}

// InviteState says what an invite is good for.
type InviteState string

const (
	InviteOpen    InviteState = "open"
	InviteUsed    InviteState = "used"    // somebody joined on it
	InviteRevoked InviteState = "revoked" // and nobody joined on it
	InviteVoid    InviteState = "void"    // its inviter was removed, or the operation does not count
)

// InviteView is an invite. Whether it has expired is for those who have a
// clock.
type InviteView struct {
	Invite
	Hash      Hash
	By        Member
	State     InviteState
	Revoked   bool   // by an operation that counts, whatever State is
	Joins     []Hash // on it that are not void
	Confirmed Hash   // of Joins, the one confirmed; zero if none is
}

// HubView is one hub of the channel: one key. It lasts while one of its hub+
// does.
type HubView struct {
	Key     HubFingerprint
	Entries []HubEntry // that are neither taken back nor replaced; at least one
}

// HubEntry is a hub+ that stands. The address that was set last is the last.
type HubEntry struct {
	Op  Hash
	By  Member
	URL string
}

// TopicView is the channel's topic.
type TopicView struct {
	Text string
	By   Member // zero if none was ever set
	Op   Hash
}

// Fork is an alarm: one member signed several operations in one place of his
// chain. His keys are used twice, after a theft or from a restored copy. All
// of them count as they would alone; somebody above may remove him.
type Fork struct {
	By  Member
	N   int64
	Ops []Hash // ascending
}

// Reason says why an operation does not count, or a member is no more. The
// empty reason is that it counts. The others are words for logs.
type Reason string

const (
	// These may pass when more operations come.
	ReasonUnknown   Reason = "it is not in the set"
	ReasonFound     Reason = "the channel's found is missing"
	ReasonStranger  Reason = "its author is not known to have been invited"
	ReasonGap       Reason = "an operation before it by its author is missing"
	ReasonWaits     Reason = "an operation that it rests on is missing or waits itself"
	ReasonSuspended Reason = "its author is suspended"

	// These are for good.
	ReasonChain     Reason = "it does not follow its author's operation before"
	ReasonAbout     Reason = "what it is about is of the wrong kind, or has another key"
	ReasonReused    Reason = "its author's id, or one above him, was used for more than one joining"
	ReasonInvite    Reason = "the invite does not count"
	ReasonJoin      Reason = "its author's join does not count"
	ReasonCut       Reason = "it lies beyond what a removal or leave lets stand"
	ReasonAuthority Reason = "its author does not stand above what it is about"

	ReasonRemoved Reason = "removed" // in RemovedView only
	ReasonLeft    Reason = "left"    // in RemovedView only
)

// pending says that the reason is only that something has not come yet.
func (r Reason) pending() bool {
	return r == ReasonUnknown || r == ReasonFound || r == ReasonStranger || r == ReasonGap || r == ReasonWaits
}

// Member returns a member, suspended or not.
func (v *View) Member(id Member) (MemberView, bool) {
	for _, m := range v.Members {
		if m.ID == id {
			return m, true
		}
	}
	return MemberView{}, false
}

// Live says whether somebody is a member and not suspended: one to seal to.
func (v *View) Live(id Member) bool {
	m, ok := v.Member(id)
	return ok && !m.Suspended
}

// Void says why an operation does not count: the empty reason if it does. A
// removal or leave that counts has an effect even if its author is out, or
// operations before it are missing.
func (v *View) Void(h Hash) Reason {
	n := v.e.graph.at[h]
	if n == nil {
		return ReasonUnknown
	}
	return v.e.why[n.place]
}

// Above says whether a invited b, or invited somebody above b. This never
// changes, whoever leaves or is removed. Nobody is above himself.
func (v *View) Above(a, b Member) bool {
	return above(v.e.people[a], v.e.people[b])
}

// MayRemove says whether a, a live member, may remove b, a member.
func (v *View) MayRemove(a, b Member) bool {
	_, is := v.Member(b)
	return is && v.Live(a) && v.Above(a, b)
}

// Removers returns the live members who may remove b, the highest first. Once
// the founder has left there is nobody above those he invited.
func (v *View) Removers(b Member) []Member {
	var list []Member
	if _, is := v.Member(b); !is {
		return nil
	}
	for p := v.e.people[b].inviter; p != nil; p = p.inviter {
		if v.Live(p.id) {
			list = append([]Member{p.id}, list...)
		}
	}
	return list
}

// Removal returns the removal of a member that leaves standing all that counts
// now: his operations, the joins on his invites, and his texts up to seq. Take
// joins away from it to remove those with him. It is an error if he is no
// member, or has let in more than MaxJoins.
func (v *View) Removal(id Member, seq int64) (Remove, error) {
	if _, is := v.Member(id); !is {
		return Remove{}, fmt.Errorf("removing %x: no such member", id[:4])
	}
	p := v.e.people[id]
	last := p.join
	for _, n := range p.ops {
		if v.e.why[n.place] == "" && n.chain == chainWhole && n.op.N >= last.op.N {
			last = n
		}
	}
	r := Remove{Member: id, Head: last.hash, Seq: seq}
	for _, q := range p.invited {
		if q.reason == "" {
			r.Joins = append(r.Joins, q.join.hash)
		}
	}
	if len(r.Joins) > MaxJoins {
		return Remove{}, fmt.Errorf("removing %x: he has let in %d, more than %d", id[:4], len(r.Joins), MaxJoins)
	}
	sortHashes(r.Joins)
	return r, nil
}
