package wire

// The calls of a hub's owner. Each is signed by an account key that owns the hub,
// names no channel in Call.Channel, and is CodeDenied to anybody else
// (docs/protocol.md, section 7). Those that write are done in the order in which
// they were asked for: a request that was made before what was done last for the
// account, or that was done already, is CodeBusy, and is to be sealed anew.
const (
	OpReport    Op = "report"     // how the hub is: no args, ReportResult
	OpChannels  Op = "channels"   // the channels on it: ChannelsArgs, ChannelsResult
	OpGuests    Op = "guests"     // the accounts on it: GuestsArgs, GuestsResult
	OpGuest     Op = "guest"      // let somebody have an account: GuestArgs
	OpDropGuest Op = "drop-guest" // take a guest's account back: DropGuestArgs
	OpQuota     Op = "quota"      // how much a guest or a channel may hold: QuotaArgs
	OpBan       Op = "ban"        // serve somebody no more, or again: BanArgs
	OpExport    Op = "export"     // read what a hub is, to put it up elsewhere: ExportArgs, ExportResult
	OpImport    Op = "import"     // make an empty hub what another was: ImportArgs
	OpRetire    Op = "retire"     // say when the hub goes: RetireArgs
)

// OpClose ends a channel on a hub: it is signed by the token that is the root of
// the channel's tree there, and has no args. What is there can still be read
// until all have it; nothing new is taken (CodeClosed). OpOpen by the same account
// and root opens it again.
const OpClose Op = "close"

// CodeClosed refuses what would be new in a channel that was closed on the hub, or
// on a hub that retires and has passed its time.
const CodeClosed Code = "closed"

// CodeBanned refuses everything to whom the hub's owner serves no more.
const CodeBanned Code = "banned"

// MaxGuestName is the length of a guest's name in bytes: UTF-8, printable, no space
// at its ends.
const MaxGuestName = 64

// ReportResult is how a hub is. Times are unix seconds of the hub's clock; what it
// counts, it counts since Since, and roughly.
type ReportResult struct {
	Software   string           `cbor:"software"`
	Schema     int64            `cbor:"schema"`  // version of the database's schema
	Journal    string           `cbor:"journal"` // "wal", or "persist" where shared memory fails
	Generation [16]byte         `cbor:"generation"`
	Time       int64            `cbor:"time"`
	Since      int64            `cbor:"since"`
	Free       int64            `cbor:"free"` // bytes of the disk that are free; -1: not to be known
	Size       int64            `cbor:"size"` // bytes of the data folder's files
	Bytes      int64            `cbor:"bytes"`
	Limit      int64            `cbor:"limit"` // bytes of all channels together; 0 is no limit
	Entries    int64            `cbor:"entries"`
	Channels   int64            `cbor:"channels"`
	Tokens     int64            `cbor:"tokens"`
	Slots      int64            `cbor:"slots"`  // open ones
	Guests     int64            `cbor:"guests"` // accounts that do not own the hub, those not claimed yet among them
	Held       int64            `cbor:"held"`   // requests that may wait at once
	Waiting    int64            `cbor:"waiting"`
	Requests   int64            `cbor:"requests"`
	Refusals   map[string]int64 `cbor:"refusals,omitempty"` // by Code; "unsealed" for what could not be opened
	Unfetched  int64            `cbor:"unfetched"`          // when the oldest entry came that somebody has not acked; 0: none
	Closes     int64            `cbor:"closes,omitempty"`   // see RetireArgs
	Damaged    []string         `cbor:"damaged,omitempty"`  // names of databases that were set aside
}

// ChannelsArgs reads the channels behind After in the order of their ids.
type ChannelsArgs struct {
	After Channel `cbor:"after"`
}

// ChannelsResult is some of the channels on a hub.
type ChannelsResult struct {
	Channels []HubChannel `cbor:"channels,omitempty"`
	More     bool         `cbor:"more,omitempty"`
}

// HubChannel is a channel as its hub's owner sees it.
type HubChannel struct {
	Channel   Channel `cbor:"channel"`
	Guest     string  `cbor:"guest,omitempty"` // who opened it; empty: an owner
	Entries   int64   `cbor:"entries"`
	Bytes     int64   `cbor:"bytes"`
	Quota     int64   `cbor:"quota"` // bytes; 0: as the hub's limits are
	Tokens    int64   `cbor:"tokens"`
	Last      int64   `cbor:"last"`      // when the last entry came, unix seconds; 0: never
	Unfetched int64   `cbor:"unfetched"` // entries that somebody has not acked
	Closed    bool    `cbor:"closed,omitempty"`
	Banned    bool    `cbor:"banned,omitempty"`
}

// GuestsArgs reads the guests whose names are behind After.
type GuestsArgs struct {
	After string `cbor:"after"`
}

// GuestsResult is some of a hub's guests, by name.
type GuestsResult struct {
	Guests []Guest `cbor:"guests,omitempty"`
	More   bool    `cbor:"more,omitempty"`
}

// Guest is somebody whom the owner gave an account.
type Guest struct {
	Name     string `cbor:"name"`
	Quota    int64  `cbor:"quota"` // bytes over all channels; 0 is no limit
	Bytes    int64  `cbor:"bytes"`
	Channels int64  `cbor:"channels"`
	Made     int64  `cbor:"made"`              // when the owner made it, unix seconds
	Claimed  int64  `cbor:"claimed,omitempty"` // when the guest took it; 0: not yet
	Expires  int64  `cbor:"expires,omitempty"` // until when it can be claimed, if it was not
	Banned   bool   `cbor:"banned,omitempty"`
}

// GuestArgs lets whoever has the account key with this hash (SHA-256, as claim
// makes it) claim an account. The same again succeeds; another key for a
// name that is not claimed yet takes the place of the first; a name that is
// claimed is CodeUsed, as is another's key. CodeExpired: Expires is over.
type GuestArgs struct {
	Name    string   `cbor:"name"`
	Quota   int64    `cbor:"quota"`
	Key     [32]byte `cbor:"key"`
	Expires int64    `cbor:"expires"` // unix seconds, hub time
}

// DropGuestArgs takes an account back: it opens no more channels, its key is no
// key any more (CodeDenied), and the channels that it opened are closed (OpClose). CodeUnknown: no such guest.
type DropGuestArgs struct {
	Name string `cbor:"name"`
}

// QuotaArgs bounds a guest (Name) or a channel (Channel). CodeUnknown: there is none.
type QuotaArgs struct {
	Name    string  `cbor:"name,omitempty"`
	Channel Channel `cbor:"channel"`
	Quota   int64   `cbor:"quota"` // bytes; 0 is no limit of its own
}

// BanArgs bans a guest (Name) with all channels that he opened, a channel, or one
// token in a channel; or lifts that. Nothing is deleted by it. CodeUnknown: there
// is none.
type BanArgs struct {
	Name    string  `cbor:"name,omitempty"`
	Channel Channel `cbor:"channel"`
	Token   Token   `cbor:"token"` // zero: the whole channel
	Lift    bool    `cbor:"lift,omitempty"`

	// Keep are channels that the guest opened and that go on, since the owner is in them:
	// they are the owner's from then on, and of them the guest's own token alone, which is
	// the root, is banned. That is not lifted with the guest's ban.
	Keep []Channel `cbor:"keep,omitempty"`
}

// MaxKept is how many channels one ban may keep.
const MaxKept = 1024

// ExportArgs reads what makes a hub itself, all but entries, from After on (empty:
// the start).
type ExportArgs struct {
	After []byte `cbor:"after,omitempty"`
}

// ExportResult is a piece of an export: opaque records, in the order in which
// they are to be imported. They hold the hub's private keys.
type ExportResult struct {
	Records [][]byte `cbor:"records,omitempty"`
	Next    []byte   `cbor:"next,omitempty"` // the next After; empty: that was all
}

// ImportArgs gives records to a hub that is empty but for its owner, in the order
// of their export; with Done it becomes the exported one, keys, owners and all,
// and knows whoever has imported it no more. CodeUsed: it has channels or guests
// already. CodeBad: the records are not all there; it is as it was, and the first
// record begins anew.
type ImportArgs struct {
	Records [][]byte `cbor:"records,omitempty"`
	Done    bool     `cbor:"done,omitempty"`
}

// RetireArgs says when the hub goes: each fetch and status says so from now on, and
// from At on nothing new is taken (CodeClosed), while what is there can be read.
// At 0 takes that back.
type RetireArgs struct {
	At int64 `cbor:"at"` // unix seconds, hub time
}
