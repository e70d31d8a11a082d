package channels

import (
	"time"

	"hubbub/channels/wire"
)

// Output is what a step asks to be carried out, in this order: Cancel,
// Requests, Events. All of it is in the phonebook already.
type Output struct {
	Cancel   []RequestID // waiting requests whose answers are of no more use
	Requests []Request
	Events   []Event
	Wake     time.Time // when to give Tick; zero: not needed
}

// RequestID names a request within one run of the gateway.
type RequestID uint64

// HubAddress is where a hub is, and who: a hub is proven by its key alone
// (docs/protocol.md, section 2).
type HubAddress struct {
	URL         string
	Fingerprint wire.Fingerprint
}

// Request is one sealed request to be made. Whatever comes of it goes back in
// as Answered, once; a cancelled one need not be answered.
type Request struct {
	ID     RequestID
	Hub    HubAddress
	Public bool       // Hub.URL is another member's word: no private address is to be asked for it
	Others []Location // where the hub may be reached otherwise, to be tried in turn
	Calls  []wire.SignedCall
	Wait   time.Duration // how long the hub may hold it; 0: it answers at once
	Line   uint64        // requests of two lines share no connection (Options.Unlinked); 0: those that may
}

// Location is a further URL of a hub.
type Location struct {
	URL    string
	Public bool // as Request.Public
}

// FailureKind tells why a hub gave no usable answer.
type FailureKind int

// What the user is told depends on these.
const (
	Unreachable FailureKind = iota + 1 // no connection, or it broke
	NotAHub                            // something answers there, but it is not a hub: HTML, a login page
	WrongKey                           // another hub answers there
	Refused                            // the hub refused the request as a whole: Text has its words
)

// HubFailure is a request that came to nothing.
type HubFailure struct {
	Kind  FailureKind
	Text  string        // for status, lower case, without the URL
	Retry time.Duration // not sooner than this; 0: as the core sees fit
}

// Event is something to show or to tell.
type Event interface{ event() }

// LineKind is how a line is shown.
type LineKind int

const (
	Text   LineKind = iota + 1 // what somebody said
	Action                     // what somebody does: /me
	Notice                     // what somebody said, as a NOTICE
	Info                       // hubbub's own words about the channel: pending, arrived, missing
)

// Line is a line of a channel's history. Lines are numbered in the order in
// which they are shown, over all channels. They are the history: the phonebook
// keeps them, and each client name is shown each of them once.
type Line struct {
	ID      int64
	Channel string
	From    string // the nick to show; empty for Info
	Own     bool
	Kind    LineKind
	Text    string // may hold line breaks: clean it, and cut it as the client needs
	Time    time.Time
	Late    bool // shown after lines it should have preceded
	Ref     Ref  // of the Send, if Own

	// Of a line that From has shared (Share):
	Quoted string    // the nick of who said it, in From's words; empty: it is no such line
	Said   time.Time // when, in From's words
}

// Shown says that a channel is to be shown as joined: it is new, or was hidden.
type Shown struct {
	Ref     Ref
	Channel string
}

// Hidden says that a channel is no longer shown.
type Hidden struct {
	Ref     Ref
	Channel string
}

// Gone says that a channel was left for good, or was replaced while empty.
type Gone struct {
	Ref     Ref
	Channel string
}

// Joined says that a member came in.
type Joined struct {
	Channel string
	Nick    string
	By      string // who invited
}

// Forked says that a member of a channel invites the user to another one. Join with
// that name joins it; Core.Forks lists what is open.
type Forked struct {
	Channel string // in which he said so
	By      string // his nick
	Name    string // that the new one will have here
}

// Left says that a member is gone.
type Left struct {
	Channel string
	Nick    string
	By      string // who removed; empty: left of their own
}

// Renamed says that a member's nick, as shown, changed. With Own it is the
// user's, in all channels, and Channel is empty.
type Renamed struct {
	Ref     Ref
	Channel string
	Old     string
	New     string
	Own     bool
}

// Topic says that a channel's topic changed.
type Topic struct {
	Ref     Ref
	Channel string
	Nick    string
	Text    string
	Time    time.Time
	Own     bool
}

// Invited gives a one-time key to hand on. It is shown once and kept nowhere
// in the history.
type Invited struct {
	Ref     Ref
	Number  int // InviteView.Number
	Channel string
	Note    string
	Key     string
	Name    string // what the other may call the channel: "#" and the user's nick
	Expires time.Time
	Local   bool // the channel lives on the embedded hub: the key works on this machine alone
}

// HubReady says that a hub of one's own can be used.
type HubReady struct {
	Ref      Ref
	Hub      HubAddress
	Embedded bool
	Owner    bool
}

// HubSaid answers AskHub: the op's result struct in Result.Value, or the hub's
// refusal.
type HubSaid struct {
	Ref    Ref
	Hub    HubAddress
	Result wire.Result
}

// HubCloses tells, once, that a hub goes at a time, or (zero) that it stays after
// all, and which channels are on it. Those of Only are on no other hub: somebody has
// to add one, or they end with it.
type HubCloses struct {
	Hub      HubAddress
	At       time.Time
	Channels []string
	Only     []string
}

// Rescued gives rescue keys to hand on. They are kept nowhere in the history.
type Rescued struct {
	Ref     Ref
	Channel string
	Hub     HubAddress // that they lead to
	Keys    []RescueKey
	Expires time.Time
	Local   bool // the hub is the embedded one: the keys work on this machine alone
}

// RescueKey is a rescue key for one member.
type RescueKey struct {
	Nick string
	Key  string
}

// News tells the user something once that belongs to no line of a channel and is
// no cause for alarm: a hub does not answer and another carries on, or it is back.
// Channel may be empty.
type News struct {
	Channel string
	Text    string
}

// Done says that an input took effect; Text is for the user.
type Done struct {
	Ref  Ref
	Text string
}

// Warn tells the user something that belongs to no line of a channel, loudly:
// somebody else used your one-time key. Channel may be empty.
type Warn struct {
	Channel string
	Text    string
}

// Code tells why an input failed.
type Code string

const (
	CodeUnknownChannel Code = "no such channel"
	CodeNoHub          Code = "no hub"           // none to open the channel on
	CodeHub            Code = "hub"              // the hub could not be reached, or refused
	CodeBadName        Code = "bad channel name" //
	CodeBadNick        Code = "bad nick"         //
	CodeNickTaken      Code = "nick taken"       //
	CodeBadText        Code = "bad text"         // too long, or not UTF-8
	CodeMistyped       Code = "mistyped key"     // its check fails, or it is cut off
	CodeUsed           Code = "used key"         // another took it: somebody else has the key
	CodeExpired        Code = "expired key"
	CodeRevoked        Code = "revoked key"
	CodeTaken          Code = "name taken" // Suggest has a free name
	CodeUnknownInvite  Code = "no such invite"
	CodeNoMember       Code = "no such member"
	CodeNotAllowed     Code = "not allowed"  // Text says who may
	CodeNotPossible    Code = "not possible" // Text says why
	CodeInternal       Code = "internal error"
)

// Failed says that an input did not take effect and why, and what to do next.
type Failed struct {
	Ref     Ref
	Channel string
	Code    Code
	Text    string
	Suggest string // CodeTaken: a free channel name
}

func (Line) event()      {}
func (Shown) event()     {}
func (Hidden) event()    {}
func (Gone) event()      {}
func (Joined) event()    {}
func (Forked) event()    {}
func (Left) event()      {}
func (Renamed) event()   {}
func (Topic) event()     {}
func (Invited) event()   {}
func (HubReady) event()  {}
func (HubSaid) event()   {}
func (HubCloses) event() {}
func (Rescued) event()   {}
func (News) event()      {}
func (Done) event()      {}
func (Warn) event()      {}
func (Failed) event()    {}
