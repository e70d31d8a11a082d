package wire

import (
	"crypto/ed25519"

	"hubbub/channels/codec"
)

// Op names what a call asks of a hub.
type Op string

// The calls of hubbub/1. Each is safe to repeat and harmless to replay
// (docs/protocol.md, section 7).
const (
	OpClaim    Op = "claim"    // take the right to open channels: account key, ClaimArgs
	OpOpen     Op = "open"     // open a channel: account key, OpenArgs
	OpGrant    Op = "grant"    // let a token in: member's token, GrantArgs
	OpRevoke   Op = "revoke"   // put a token and what it granted out: member's token, RevokeArgs
	OpPut      Op = "put"      // append an entry: member's token, PutArgs
	OpFetch    Op = "fetch"    // read entries, perhaps waiting: member's token, FetchArgs
	OpAck      Op = "ack"      // say up to where one has stored: member's token, AckArgs
	OpOffer    Op = "offer"    // put up or renew an invite's slot: member's token, OfferArgs
	OpPeek     Op = "peek"     // read a slot, changing nothing: invite key, PeekArgs
	OpRedeem   Op = "redeem"   // take a slot, once: invite key, RedeemArgs
	OpWithdraw Op = "withdraw" // close a slot for good: member's token, WithdrawArgs
	OpStatus   Op = "status"   // how the hub and the channel are: member's token or account key, no args
)

// Channel is a channel's id: the hash of its found operation (roster).
type Channel [32]byte

// Token is the Ed25519 public key that a call is signed with: a member's token
// key, an account key, or an invite key (see Op).
type Token [ed25519.PublicKeySize]byte

// EntryID is the SHA-256 of an entry's bytes.
type EntryID [32]byte

// Slot is the id of an invite's slot, derived from its secret (session).
type Slot [16]byte

// Class says how an entry is kept when a channel is full.
type Class string

const (
	ClassText Class = "text" // the oldest are dropped when the channel is full
	ClassKeep Class = "keep" // operations and keys: never dropped, with a quota of their own per token
)

// Call is one call as it travels: Args are the canonical CBOR of the op's
// argument struct, empty for none.
type Call struct {
	Op        Op        `cbor:"op"`
	Channel   Channel   `cbor:"channel"` // zero where the op knows no channel: claim, peek, redeem
	Token     Token     `cbor:"token"`
	Args      codec.Raw `cbor:"args,omitempty"`
	Signature []byte    `cbor:"signature"`
}

// SignedCall is a call that is yet to be signed: the signature covers the
// request it goes into, so it is made when that is sealed.
type SignedCall struct {
	Op      Op
	Channel Channel
	Args    any // the op's argument struct, or nil
	Key     ed25519.PrivateKey
}

// Result answers one call: an Error, or the op's result struct in Value
// (empty for an op that has none).
type Result struct {
	Error *Error    `cbor:"error,omitempty"`
	Value codec.Raw `cbor:"value,omitempty"`
}

// ClaimArgs turns an owner's or guest's one-time account key into an account,
// held by the key that signs the call. The same key repeating it gets the same
// answer; another gets CodeUsed.
type ClaimArgs struct {
	Secret [16]byte `cbor:"secret"`
}

// ClaimResult says what the account may do.
type ClaimResult struct {
	Owner bool  `cbor:"owner"`
	Quota int64 `cbor:"quota"` // bytes over all its channels; 0 is no limit
}

// OpenArgs opens Call.Channel with Root as the root of its tree of tokens. The
// call is signed by the account key. Opening again with the same root succeeds;
// with another it is CodeDenied.
type OpenArgs struct {
	Root Token `cbor:"root"`
}

// GrantArgs lets Token in, as a child of Under (the caller or one below it).
// A token that is in stays where it is, and the call succeeds; one that was
// revoked is never let in again: CodeRevoked.
type GrantArgs struct {
	Token Token `cbor:"token"`
	Under Token `cbor:"under"`
}

// RevokeArgs puts Token out. A Token below the caller goes with all below it;
// the tokens in Keep (each below Token) move, with what is below them, to the
// caller. One in Keep that stands below another in it stays there, and one that
// is not below Token is passed over: hubs need not know the same tokens. Where
// Token is the caller it goes alone, whatever Keep says: those below it stay where
// they are. Open slots that those put out were the first to offer are withdrawn.
type RevokeArgs struct {
	Token Token   `cbor:"token"`
	Keep  []Token `cbor:"keep,omitempty"`
}

// PutArgs appends an entry of at most MaxEntry bytes. Again overrides that
// the hub has dropped this entry before, once per id and day.
type PutArgs struct {
	Class Class  `cbor:"class"`
	Entry []byte `cbor:"entry"`
	Again bool   `cbor:"again,omitempty"`
}

// PutResult says what became of a put. A dropped entry (Had) is not stored.
type PutResult struct {
	Position int64 `cbor:"position"`       // where the entry is; 0 if Had
	New      bool  `cbor:"new,omitempty"`  // false: the hub held it already
	Had      bool  `cbor:"had,omitempty"`  // the hub held and dropped it
	Full     bool  `cbor:"full,omitempty"` // older texts were dropped to make room
}

// FetchArgs reads the entries behind position After. ID is the id of the entry
// at After as the caller knows it (zero for After 0): a hub that does not know
// the pair was restored or wiped, says so in FetchResult.Restored and reads
// from the start. Wait > 0 holds the request until something arrives on any of
// its waiting fetches, Wait milliseconds are over, or the hub's limit is.
type FetchArgs struct {
	After int64   `cbor:"after"`
	ID    EntryID `cbor:"id"`
	Limit int     `cbor:"limit"`          // entries at most; the hub also stops at MaxFetch bytes
	Wait  int64   `cbor:"wait,omitempty"` // milliseconds
}

// FetchResult is what a fetch found.
type FetchResult struct {
	Entries    []Entry  `cbor:"entries,omitempty"`
	More       bool     `cbor:"more,omitempty"`     // the head was not reached: fetch again at once
	Head       int64    `cbor:"head"`               // the channel's last position
	Generation [16]byte `cbor:"generation"`         // of the database; never in a backup of it
	Restored   bool     `cbor:"restored,omitempty"` // After and ID are not known here
	Retry      int64    `cbor:"retry,omitempty"`    // ms: not held, for too many are; come back then
	Closes     int64    `cbor:"closes,omitempty"`   // when the hub goes, unix seconds of its clock (RetireArgs)
	Closed     bool     `cbor:"closed,omitempty"`   // the channel was closed here (OpClose)
}

// Entry is one entry of a channel's log. Positions grow and are not dense.
type Entry struct {
	Position int64  `cbor:"position"` // max(last + 1, unix microseconds)
	Class    Class  `cbor:"class"`
	Bytes    []byte `cbor:"bytes"`
}

// AckArgs says that the caller's gateway has stored everything up to Position,
// so that the hub may forget it when all have.
type AckArgs struct {
	Position int64 `cbor:"position"`
}

// OfferArgs puts up a slot of Call.Channel, or renews it: only a higher Number
// is taken (the same bytes again succeed). A slot that was redeemed or
// withdrawn stays so: CodeUsed, CodeWithdrawn. Any member's token may renew it,
// with the Invite it was offered with.
type OfferArgs struct {
	Slot    Slot   `cbor:"slot"`
	Number  int64  `cbor:"number"`  // from 1
	Invite  Token  `cbor:"invite"`  // the invite key's public half: signs peek and redeem
	Expires int64  `cbor:"expires"` // unix seconds, hub time
	Blob    []byte `cbor:"blob"`    // at most MaxBlob bytes
}

// PeekArgs reads a slot.
type PeekArgs struct {
	Slot Slot `cbor:"slot"`
}

// PeekResult is a slot that is open. Others answer CodeUsed, CodeWithdrawn,
// CodeExpired or CodeUnknown.
type PeekResult struct {
	Number  int64  `cbor:"number"`
	Expires int64  `cbor:"expires"` // unix seconds, hub time
	Blob    []byte `cbor:"blob"`
}

// RedeemArgs binds a slot to Token for ever, lets Token in below the token that
// first offered the slot, and appends Entries (class keep), all in one atomic write.
// Number must be the slot's current one, else CodeStale: peek again. The same
// Token with the same Entries gets the same answer; anyone else CodeUsed.
type RedeemArgs struct {
	Slot    Slot     `cbor:"slot"`
	Number  int64    `cbor:"number"`
	Token   Token    `cbor:"token"`
	Entries [][]byte `cbor:"entries"` // 1 to 16
}

// RedeemResult says where the entries are.
type RedeemResult struct {
	Positions []int64 `cbor:"positions"`
}

// WithdrawArgs closes a slot of Call.Channel for good; any member's token may.
// A redeemed slot stays redeemed and the call succeeds. A slot that was never
// offered here is closed too, in case the offer comes later.
type WithdrawArgs struct {
	Slot Slot `cbor:"slot"`
}

// StatusResult is what a member (Channel set) or an account may know.
type StatusResult struct {
	Software   string   `cbor:"software"` // name and version of the hub
	Generation [16]byte `cbor:"generation"`
	Entries    int64    `cbor:"entries"`
	Bytes      int64    `cbor:"bytes"` // as the quota counts them: with 256 for each entry
	Quota      int64    `cbor:"quota"` // bytes; 0 is no limit
	Head       int64    `cbor:"head"`
	Tokens     int64    `cbor:"tokens"`
	Owner      bool     `cbor:"owner,omitempty"`
	Closes     int64    `cbor:"closes,omitempty"` // when the hub goes, unix seconds of its clock
}
