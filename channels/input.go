package channels

import (
	"time"

	"hubbub/channels/wire"
)

// Input is what Step takes: something the user did, a hub's answer, or that
// time has passed.
type Input interface{ input() }

// Ref ties what an input leads to, perhaps much later, to whoever gave it. It
// is echoed in events and not kept across restarts. Zero is nobody.
type Ref uint64

// Names of channels are local to the phonebook: "#bob". They are compared
// ignoring the case of ASCII letters, like all names in IRC.

// Start begins: it is the first input after Open. It asks for the requests
// that were under way when the gateway stopped.
type Start struct{}

// Tick says that Output.Wake has come. A Tick too early or too late is harmless.
type Tick struct{}

// Answered gives a hub's answer to a request, or why there is none.
type Answered struct {
	Request RequestID
	Results []wire.Result // one for each call, in order, if Failure is nil
	Failure *HubFailure
	URL     string // where the hub answered, if not at Request.Hub.URL; else empty
	Note    string // a certificate's fault, for status; else empty
}

// UseHub makes a hub of one's own known, and claims it if that is still to be
// done. Later channels are opened on it. It answers with HubReady or Failed.
type UseHub struct {
	Ref      Ref
	Hub      HubAddress
	Secret   [16]byte // from the account key; zero if the hub is claimed already
	Account  []byte   // seed of an account that the hub was given beforehand, with wire.OwnerSecret; nil: one is made
	Embedded bool     // the gateway's own, on loopback: used only where there is no other
	Empty    bool     // it is to become another hub (wire.OpImport): no channel goes there
}

// Join opens a channel by name: shows it if it was hidden; joins it if a member of
// another channel has invited the user to one of that name (Forked); and else founds
// it, in the phonebook alone. It answers with Shown, or Failed.
type Join struct {
	Ref     Ref
	Channel string
}

// Redeem joins the channel that a one-time key is for, under a local name. The
// key may hold spaces and line breaks. It answers with Shown when the hub has
// taken the joining, or Failed (CodeMistyped, CodeUsed, CodeTaken …). A key
// already redeemed here, and a useless key on a channel one is in, just show
// the channel. A rescue key adds a hub to the channel that it is for, whatever
// its name, and answers with Done.
type Redeem struct {
	Ref     Ref
	Channel string
	Key     string
}

// Invite makes a one-time key for a channel, opening it on a hub first if it is
// on none. It answers with Invited or Failed.
type Invite struct {
	Ref     Ref
	Channel string
	Note    string        // whom it is for; a note to oneself and the members
	Valid   time.Duration // zero: a week
}

// Revoke closes an open one-time key of one's own. It answers with Done or Failed.
type Revoke struct {
	Ref    Ref
	Invite int // InviteView.Number
}

// Send puts a text into the outbox. It answers at once with Line (Own), or Failed.
type Send struct {
	Ref     Ref
	Channel string
	Kind    LineKind // Text, Action or Notice
	Text    string   // UTF-8, at most MaxText bytes, no control characters but line breaks and IRC formatting
}

// SetNick changes the user's nick, in all channels. It answers with Renamed or Failed.
type SetNick struct {
	Ref  Ref
	Nick string
}

// SetTopic changes a channel's topic. It answers with Topic or Failed.
type SetTopic struct {
	Ref     Ref
	Channel string
	Text    string
}

// Hide stops showing a channel until Join or its next line; it goes on receiving.
// It answers with Hidden.
type Hide struct {
	Ref     Ref
	Channel string
}

// Leave leaves a channel for good: the others are told, its keys and history
// are deleted. It answers with Gone or Failed.
type Leave struct {
	Ref     Ref
	Channel string
}

// Remove puts a member out of a channel, for good: docs/protocol.md, section 14. It
// answers with Done, or Failed (CodeNoMember; CodeNotAllowed: Text says who could).
type Remove struct {
	Ref     Ref
	Channel string
	Nick    string // as MemberView.Nick
}

// Confirm says that a member who came by a one-time key that somebody else used
// too is the right one. It answers with Done, or Failed (CodeNoMember, CodeNotAllowed).
type Confirm struct {
	Ref     Ref
	Channel string
	Nick    string
}

// Share sends the last messages of a channel to one member, who may have come
// later, for his eyes alone. It answers with Done when they are in the outbox, or
// Failed (CodeNoMember, CodeNotPossible).
type Share struct {
	Ref     Ref
	Channel string
	Nick    string
	Count   int // of messages: 1 to MaxShare
}

// Fork founds a channel and invites the others of another one there, each by a
// one-time key for his eyes alone. It answers with Done when all are in the
// outbox, or when its hub does not answer: then they follow, over restarts; or Failed.
type Fork struct {
	Ref     Ref
	Channel string   // the old one
	Name    string   // the new one's, here and as it is suggested to the others
	Without []string // nicks that are not invited
}

// Verify notes that the user has compared a member's key, or takes that back. It
// is kept in the phonebook alone. It answers with Done or Failed (CodeNoMember).
type Verify struct {
	Ref      Ref
	Channel  string
	Nick     string
	Verified bool
}

// Mirror keeps a channel on a further hub, on which the user has an account. It
// answers with Done when the hub has opened the channel, or Failed.
type Mirror struct {
	Ref     Ref
	Channel string
	Hub     wire.Fingerprint // zero: the hub on which new channels are opened
}

// DropHub ends that a channel is kept on a hub, for all its members. It answers
// with Done or Failed (CodeNotPossible: it is the only one, or somebody else's).
type DropHub struct {
	Ref     Ref
	Channel string
	Hub     wire.Fingerprint
}

// ForgetHub makes a hub none of the user's any more: his account there is deleted.
// Channels that another hub has, which answers, leave it as by DropHub, but for those
// that other members keep there; the others stay there. It answers with Done or Failed.
type ForgetHub struct {
	Ref Ref
	Hub wire.Fingerprint
}

// MoveHub says that a hub that is known answers at another URL now, as whoever
// gives this input has found out. The members of the channels there are told. It
// answers with Done or Failed.
type MoveHub struct {
	Ref Ref
	Hub HubAddress // the fingerprint it is known by, and the new URL

	// Leaves says that what is at the old URL still answers, and is to be left: it is
	// asked there until it has what the others are told, and is told to take nothing new
	// (wire.OpRetire). Done comes then.
	Leaves bool
}

// Rescue makes rescue keys for a channel of which no hub can be reached: one
// for each other member, to be handed on by other ways. They lead to a hub of one's
// own, on which the channel is mirrored first if it is not there. Redeem takes
// them. It answers with Rescued or Failed.
type Rescue struct {
	Ref     Ref
	Channel string
	Hub     wire.Fingerprint // zero: the hub on which new channels are opened
}

// AskHub asks a hub something on which the user has an account: one call, signed
// by the account key (wire.OpReport and its neighbours). It answers with HubSaid, or
// Failed if the hub cannot be reached. It is not asked again after a restart.
type AskHub struct {
	Ref  Ref
	Hub  wire.Fingerprint
	Op   wire.Op
	Args any // the op's argument struct, or nil
}

// Delivered says that a client has shown every line up to Line. Marks never go back.
type Delivered struct {
	Client string // the client's name, "" for the default
	Line   int64
}

func (Start) input()     {}
func (Tick) input()      {}
func (Answered) input()  {}
func (UseHub) input()    {}
func (Join) input()      {}
func (Redeem) input()    {}
func (Invite) input()    {}
func (Revoke) input()    {}
func (Send) input()      {}
func (SetNick) input()   {}
func (SetTopic) input()  {}
func (Hide) input()      {}
func (Leave) input()     {}
func (Remove) input()    {}
func (Confirm) input()   {}
func (Share) input()     {}
func (Fork) input()      {}
func (Verify) input()    {}
func (Mirror) input()    {}
func (DropHub) input()   {}
func (ForgetHub) input() {}
func (MoveHub) input()   {}
func (AskHub) input()    {}
func (Rescue) input()    {}
func (Delivered) input() {}

// MaxText is the longest text in bytes, before CBOR and sealing (docs/protocol.md, section 11).
const MaxText = 60_000

// MaxShare is how many messages can be shared at once.
const MaxShare = 500
