// Package store is what a hub keeps between requests: accounts, channels with
// their trees of tokens and their logs, and invites' slots. It judges what a
// token may do, and knows neither sealing nor signatures: whoever calls it has
// verified that a call comes from its token.
package store

import (
	"context"
	"errors"
	"time"

	"hubbub/channels/wire"
)

// Store keeps a hub's state. It is safe for use by several goroutines, and by
// several processes at once that open the same one.
type Store interface {
	// Update runs f in one transaction, which is on disk when Update returns
	// nil and has changed nothing when it does not. now is the hub's clock for
	// all of it. f must not keep its Tx. Some old entries are forgotten along
	// the way. Errors: f's, ErrFull, ErrReadOnly, ErrBusy, ErrNewer, a *Damaged,
	// after which the store is empty, or the store's own.
	Update(ctx context.Context, now time.Time, f func(Tx) error) error
	// View runs f in a transaction that reads, of one moment. The Tx's methods
	// that write fail in it.
	View(ctx context.Context, now time.Time, f func(Tx) error) error
	// Note is Update for what is no loss in a power cut: it does not wait for the disk.
	Note(ctx context.Context, now time.Time, f func(Tx) error) error
	// Journal says how the data is kept: "wal", or "persist" where that is not to
	// be had.
	Journal() (string, error)
	// Waited notes that the request of this enc is about to be held, and says
	// whether that was noted before, within wire.EncSeen.
	Waited(ctx context.Context, now time.Time, enc [32]byte) (before bool, err error)
	// Close ends the use of the store. It is always to be called.
	Close() error
}

// Tx is what can be done in a transaction. caller is the token that signed the
// call. A refusal is a *wire.Error and has changed nothing: the transaction
// can go on and be committed. Any other error ends the transaction. Each
// method is safe to repeat (see the argument types in wire).
type Tx interface {
	// Asked says when the request was made that the calls are of, in unix
	// seconds of the hub's clock as its maker knew it. Without it, it is now.
	Asked(at int64)
	// InOrder lets an account's request be done that was neither done before, by
	// its enc, nor made before the last that was. Refusals: CodeBusy.
	InOrder(caller wire.Token, enc [32]byte) error

	// Claim makes caller an account, for the account key with this hash: unused
	// is what that key stands for, nil if it is a guest's or none. Refusals:
	// CodeUsed if another has claimed with it, CodeDenied if it is none,
	// CodeExpired, CodeBanned. An owner stays one; whoever has an account does not
	// use up a guest's key.
	Claim(caller wire.Token, key KeyHash, unused *Account) (Account, error)
	// Account returns caller's account, or refuses: CodeDenied, CodeBanned.
	Account(caller wire.Token) (Account, error)
	// Owners returns the accounts that own the hub.
	Owners() ([]Owner, error)
	// Own makes an account an owner's, in a database that does not know it, or knows
	// it as a guest's: then it is none any more. With alone nobody else owns the hub:
	// the other owners' accounts are gone, their channels stay.
	Own(owner Owner, alone bool) error
	// Open opens a channel, or one again that was closed before it was asked for.
	Open(channel wire.Channel, caller wire.Token, args wire.OpenArgs) error
	// Close takes nothing new into the channel. Only its root may.
	Close(channel wire.Channel, caller wire.Token) error

	Grant(channel wire.Channel, caller wire.Token, args wire.GrantArgs) error
	Revoke(channel wire.Channel, caller wire.Token, args wire.RevokeArgs) error

	Put(channel wire.Channel, caller wire.Token, args wire.PutArgs) (wire.PutResult, error)
	// Fetch returns entries of at most room bytes together, and none if the
	// first does not fit in room. It sets neither Generation nor Retry.
	Fetch(channel wire.Channel, caller wire.Token, args wire.FetchArgs, room int) (wire.FetchResult, error)
	Ack(channel wire.Channel, caller wire.Token, args wire.AckArgs) error

	Offer(channel wire.Channel, caller wire.Token, args wire.OfferArgs) error
	Peek(caller wire.Token, args wire.PeekArgs) (wire.PeekResult, error)
	Redeem(caller wire.Token, args wire.RedeemArgs) (wire.RedeemResult, error)
	Withdraw(channel wire.Channel, caller wire.Token, args wire.WithdrawArgs) error

	// What the hub's owner asks for. That it is he who asks is the caller's to
	// know. Lists have limit members at most.
	Guests(args wire.GuestsArgs, limit int) (wire.GuestsResult, error)
	Guest(args wire.GuestArgs) error
	DropGuest(args wire.DropGuestArgs) error
	Channels(args wire.ChannelsArgs, limit int) (wire.ChannelsResult, error)
	Quota(args wire.QuotaArgs) error
	Ban(args wire.BanArgs) error
	Retire(args wire.RetireArgs) error
	// Closes is when the hub retires, 0 if it does not.
	Closes() (int64, error)
	// Report sets what the database knows.
	Report() (wire.ReportResult, error)
	// Export returns records of together room bytes at most, but one at least,
	// and where the next begin: after is empty for the first, next after the last.
	Export(after []byte, room int) (records [][]byte, next []byte, err error)
	// Stage keeps a record for an import; one that is there already stays where it
	// is. Refusals: CodeUsed where there are channels or guests. Staged hands the records to each, in the order in which they came, until
	// that returns an error. Unstage forgets them.
	Stage(record []byte) error
	Staged(each func(record []byte) error) error
	Unstage() error
	// Import has the store hold what Staged hands it with each, and nothing else;
	// identity is to be known by Imported then. Refusals: as of Stage, and CodeBad
	// for records that make no sense.
	Import(identity [32]byte, staged func(each func(record []byte) error) error) error
	// Imported is the identity of the last import; zeros: there was none.
	Imported() ([32]byte, error)

	// Generation is a random name of this very database: a wiped one, or a copy
	// of it put in its place, has another.
	Generation() ([16]byte, error)
	// Spend takes cost from the budget that key has, if there is so much. Where not
	// wait is how long it takes until there is; the transaction then refuses that
	// key all else. With a cost of 0, and in a View, nothing is taken, but what
	// would be is said: of 1 in place of 0.
	Spend(key BudgetKey, cost int64, budget Budget) (wait time.Duration, err error)
	// Charge takes cost from the budget that key has, or what is left of it.
	Charge(key BudgetKey, cost int64, budget Budget) error
	// Count adds n to what is counted under a name, and notes since when.
	Count(name string, n int64) error

	// Status is of the channel, for its members, or of the account for the
	// zero channel. It sets neither Software nor Generation.
	Status(channel wire.Channel, caller wire.Token) (wire.StatusResult, error)
}

// KeyHash is the SHA-256 of an account key's secret.
type KeyHash [32]byte

// Account is what the holder of an account key may do.
type Account struct {
	Owner bool
	Quota int64 // bytes over all its channels; 0 is no limit
}

// Owner is an account that owns the hub, and the account key that it was
// claimed with.
type Owner struct {
	Token wire.Token
	Key   KeyHash
}

// Limits bound what a channel may hold. Bytes are counted with Overhead for
// each entry.
type Limits struct {
	Text   int64 // bytes of class text in a channel: beyond it the oldest are dropped
	Keep   int64 // bytes of class keep that one token may have in a channel
	Tokens int64 // tokens a channel has ever let in
	Slots  int64 // slots of a channel that are open at once
	Total  int64 // bytes of all channels together; 0 is no limit
	Daily  int64 // bytes that one token may put in a day; 0 is half of Text, and 16 MiB at least
}

// Overhead is what an entry costs beside its bytes: its indexes, and the
// memory that it was here once it is gone.
const Overhead = 256

// DefaultLimits are for web space of a few gigabytes. Keep is wide because key
// envelopes of a lively channel are kept for as long as one member is away.
func DefaultLimits() Limits {
	return Limits{Text: 256 << 20, Keep: 128 << 20, Tokens: 1024, Slots: 64}
}

// How long things are kept (docs/protocol.md, section 7).
const (
	keptAcked = 7 * 24 * time.Hour   // an entry that every token has acked
	keptLong  = 90 * 24 * time.Hour  // any other
	keptHad   = 120 * 24 * time.Hour // the ids of dropped entries
	againOnce = 24 * time.Hour       // between two overrides of one dropped entry
	keptBlob  = 30 * 24 * time.Hour  // a slot's blob after the slot expired
)

// Errors that are not refusals.
var (
	// ErrFull is returned if the disk has no room. Nothing was changed.
	ErrFull = errors.New("no room left for the hub's data")
	// ErrReadOnly is returned if the data cannot be written to. Nothing was
	// changed.
	ErrReadOnly = errors.New("the hub's data cannot be written to")
	// ErrBusy is returned if others held the store for too long.
	ErrBusy = errors.New("the hub's data is busy")
	// ErrNewer is returned for data that a newer version has written.
	ErrNewer = errors.New("the hub's data was written by a newer version")
)

// errDamaged is returned where the database holds what nobody put there.
var errDamaged = errors.New("the hub's data is damaged")

// refuse returns a refusal.
func refuse(code wire.Code, text string) *wire.Error {
	return &wire.Error{Code: code, Text: text}
}
