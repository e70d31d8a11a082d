package channels

import (
	"time"

	"hubbub/channels/wire"
)

// Views are what the gateway may ask at any time, between two steps. They
// change nothing. All texts and nicks in them are already cleaned: nicks are
// unique within a channel, and never "sysop".

// ChannelView is a channel as it is shown.
type ChannelView struct {
	Name      string
	ID        wire.Channel // by which hubs know it
	Hidden    bool
	Created   time.Time
	Topic     string
	TopicBy   string
	TopicTime time.Time
	Members   []MemberView // the user first, then as they joined
	RemovedBy string       // who removed the user: it can be read, and nothing more; empty: nobody
	Waiting   bool         // joined by a one-time key, the members not yet known
	WaitsFor  string       // whose gateway must come online for that
	Pending   int          // own texts that no hub has yet
	Differ    []string     // nicks of members who have known other operations than the user's for five minutes
	Hubs      []HubView    // none: not opened yet
}

// MemberView is a member of a channel.
type MemberView struct {
	ID          [32]byte
	Token       wire.Token // by which hubs know them; zero if it is not known
	Nick        string
	Own         bool
	Founder     bool
	Above       bool     // may remove the user
	InvitedBy   string   // empty for the founder
	Inviter     [32]byte // the ID of that one, who may be gone; zero if not known
	Since       time.Time
	Heard       time.Time // of the last envelope from them; zero: never
	Fingerprint string    // of their key, to compare aloud
	Waiting     bool      // their sender key has not come yet: they can't be read
	Verified    bool      // the user has compared their key
	Suspended   bool      // another has used the same one-time key: nobody seals to either until one is confirmed
	Namesake    time.Time // when another member of that nick was last heard of, who is gone; zero: there was none
}

// ForkView is an invitation, by a member of a channel, to another one. Its key is
// not shown: Join uses it.
type ForkView struct {
	Channel string
	By      string
	Name    string
	Made    time.Time
	Expires time.Time
}

// Standing is how a hub stands to the user, or to a channel.
type Standing int

// What can be said of a hub.
const (
	Good    Standing = iota // its last answer was a good one
	Unasked                 // nothing was asked of it yet
	Full                    // it answers, and has no room: a quota is used up
	Lost                    // it answers, and does not know the channel (any more)
	PutOut                  // it answers, and lets the user's token in no more
	Odd                     // it answers what makes no sense
	Down                    // it does not answer, or something else does
	Closed                  // it answers, and takes nothing new: it has closed, or the channel was closed there
	Banned                  // it answers, and its owner serves the user no more
)

// HubView is a hub as status shows it. Channel-related fields are zero in
// Core.Hubs.
type HubView struct {
	Address  HubAddress
	Embedded bool
	Own      bool // the user has an account there
	Owner    bool
	Claimed  bool
	Up       bool      // its last answer was a good one
	Heard    time.Time // of that; zero: never
	Trouble  string    // why not Up or Good, or a certificate's fault
	Standing Standing  // of the channel there, or of the hub
	Since    time.Time // when that became Down; zero: it is not
	Closes   time.Time // when it goes, as it says; zero: it does not
	Behind   int       // envelopes still to be put there
	Channels int       // how many live there
	Next     bool      // a channel that is opened now lives there; not of a channel's hub

	// Of a channel's hub:
	By      string    // the nick of who added it; empty while that is not known
	Read    bool      // the channel was read to its head there in this run
	Entries int64     // held there for the channel
	Bytes   int64     // as the hub's quota counts them
	Quota   int64     // bytes; 0: none, or not known
	Counted time.Time // when the hub said so; zero: never
	Rubbish int       // entries that came first from there and make no sense: the hub or a member has made them up
}

// QueueView is how much is still to be done.
type QueueView struct {
	Calls    int // to be made to hubs
	Contents int // to be sealed for somebody
	Held     int // texts that wait for others to be shown
	Losses   int // channels of which a hub has lost something again, and is given it later
}

// InviteView is a one-time key that the user made. Its text is not kept.
type InviteView struct {
	Number  int
	Channel string
	Note    string
	Made    time.Time
	Expires time.Time
	State   string // "open", "used by bob", "revoked", "expired", "being made"
}

// SeenView says up to where a member has the user's texts: their gateway has
// stored them. It does not say that anybody read them.
type SeenView struct {
	Nick   string
	Behind int       // own texts not known to have arrived there
	Time   time.Time // of the newest one that has; zero: none
	Text   string    // the start of that one
}
