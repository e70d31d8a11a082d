// Package roster is hubbub's membership: a pure function from the set of
// signed operations of one channel to its members, hubs and topic (docs/protocol.md,
// section 14). It does no I/O, reads no clock and draws no randomness.
//
// An operation is made with Set.Draft and Sign (or SignFound, SignJoin),
// travels as Signed.Bytes, is checked by Parse, and kept by Set.Add. What the
// operations mean together is Set.Evaluate.
package roster

import "crypto/ed25519"

// Member is a member's id in one channel: his Ed25519 public key, fresh for
// each channel.
type Member [ed25519.PublicKeySize]byte

// Channel is a channel's id: the Hash of its found operation.
type Channel [32]byte

// Hash names an operation: SHA-256 over a label and the operation's bytes,
// without its signatures.
type Hash [32]byte

// Token is the public half of a member's Ed25519 token key, with which he
// signs his calls to hubs.
type Token [ed25519.PublicKeySize]byte

// InviteKey is the public half of an invite's Ed25519 key, derived from the
// one-time key's secret.
type InviteKey [ed25519.PublicKeySize]byte

// HubFingerprint names a hub by the key that proves it: wire.Fingerprint, as
// one-time keys and signed calls carry it. The hub's ?keys brings the whole key,
// which must match.
type HubFingerprint [16]byte

// Slot is the id of an invite's slot at the hubs.
type Slot [16]byte

// Kind says what an operation does.
type Kind string

// The kinds of hubbub/1. Any other is refused.
const (
	KindFound   Kind = "found"
	KindInvite  Kind = "invite"
	KindRevoke  Kind = "revoke"
	KindJoin    Kind = "join"
	KindConfirm Kind = "confirm"
	KindRemove  Kind = "remove"
	KindLeave   Kind = "leave"
	KindHubAdd  Kind = "hub+"
	KindHubDrop Kind = "hub-"
	KindTopic   Kind = "topic"
	KindNick    Kind = "nick"
)

// Op is one operation, as its author says it. An operation's parents are all
// the operations it names: Prev, Heads and those in Args.
type Op struct {
	Channel Channel // zero in a found, whose hash it is
	By      Member  // the author, who signs it
	N       int64   // its place in the author's own chain, from 0
	Prev    Hash    // the author's operation N−1; zero if N is 0
	Heads   []Hash  // what else its author knew: ascending, without Prev, at most MaxHeads; none if N is 0
	Time    int64   // unix ms as its author claims; decides nothing
	Args    Args    // what it does, and so its kind
}

// Args is what an operation does: one of Found, Invite, Revoke, Join, Confirm,
// Remove, Leave, HubAdd, HubDrop, Topic and Nick (values, not pointers).
type Args interface {
	// Kind is the kind of operation that these are the arguments of.
	Kind() Kind
	// check says what is wrong with them, taken alone.
	check() error
	// names lists the operations that they name, in no order.
	names() []Hash
}

// Found founds a channel; its author is the founder. N is 0.
type Found struct {
	Nick   string   `cbor:"nick"`
	Token  Token    `cbor:"token"`
	Prekey []byte   `cbor:"prekey"` // the founder's X-Wing public key number 0, PrekeySize bytes
	Salt   [16]byte `cbor:"salt"`   // random
}

// Invite lets in whoever holds the invite key, once. Its note is shown to all
// members.
type Invite struct {
	Key     InviteKey `cbor:"key"`
	Slot    Slot      `cbor:"slot"`
	Expires int64     `cbor:"expires"` // unix ms; hubs enforce it, it never voids a join
	Note    string    `cbor:"note"`    // whom it is for, in the inviter's words; may be empty
}

// Revoke closes an invite. It counts from the inviter or anyone above him.
type Revoke struct {
	Invite Hash `cbor:"invite"`
}

// Join makes its author a member, on an invite. N is 0. It is signed by the
// invite key too, which it repeats so that it can be checked alone.
type Join struct {
	Invite Hash      `cbor:"invite"`
	Key    InviteKey `cbor:"key"` // as in the invite
	Nick   string    `cbor:"nick"`
	Token  Token     `cbor:"token"`
	Prekey []byte    `cbor:"prekey"` // the joiner's X-Wing public key number 0, PrekeySize bytes
}

// Confirm says that this join on its invite is the right one. It counts from
// the inviter or anyone above him.
type Confirm struct {
	Join Hash `cbor:"join"`
}

// Remove puts Member out for good. It stands if its author is above Member.
// Void are: Member's operations that are not Head or before it, joins on his
// invites other than Joins, and his texts after Seq.
type Remove struct {
	Member Member `cbor:"member"`          // not the author, who leaves instead
	Head   Hash   `cbor:"head"`            // the last of Member's operations that counts
	Joins  []Hash `cbor:"joins,omitempty"` // ascending, at most MaxJoins
	Seq    int64  `cbor:"seq"`             // of his last text that counts; -1 is none
}

// Leave puts its author out for good. His joins stay, and so do his invites
// that he has not revoked.
type Leave struct {
	Seq int64 `cbor:"seq"` // of his last text that counts; -1 is none
}

// HubAdd says that the channel is kept on a hub. For a hub that its author, or
// somebody below him, had added under the same key it is the new address.
type HubAdd struct {
	URL string         `cbor:"url"`
	Key HubFingerprint `cbor:"key"`
}

// HubDrop takes back a hub+. It counts from the hub+'s author or anyone above
// him.
type HubDrop struct {
	Hub Hash `cbor:"hub"` // the hub+
}

// Topic sets the channel's topic; an empty one clears it.
type Topic struct {
	Text string `cbor:"text"`
}

// Nick changes its author's nick.
type Nick struct {
	Nick string `cbor:"nick"`
}

func (Found) Kind() Kind   { return KindFound }
func (Invite) Kind() Kind  { return KindInvite }
func (Revoke) Kind() Kind  { return KindRevoke }
func (Join) Kind() Kind    { return KindJoin }
func (Confirm) Kind() Kind { return KindConfirm }
func (Remove) Kind() Kind  { return KindRemove }
func (Leave) Kind() Kind   { return KindLeave }
func (HubAdd) Kind() Kind  { return KindHubAdd }
func (HubDrop) Kind() Kind { return KindHubDrop }
func (Topic) Kind() Kind   { return KindTopic }
func (Nick) Kind() Kind    { return KindNick }

func (Found) names() []Hash     { return nil }
func (Invite) names() []Hash    { return nil }
func (a Revoke) names() []Hash  { return []Hash{a.Invite} }
func (a Join) names() []Hash    { return []Hash{a.Invite} }
func (a Confirm) names() []Hash { return []Hash{a.Join} }
func (a Remove) names() []Hash  { return append([]Hash{a.Head}, a.Joins...) }
func (Leave) names() []Hash     { return nil }
func (HubAdd) names() []Hash    { return nil }
func (a HubDrop) names() []Hash { return []Hash{a.Hub} }
func (Topic) names() []Hash     { return nil }
func (Nick) names() []Hash      { return nil }
