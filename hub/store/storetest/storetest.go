// Package storetest is the conformance suite of hub/store: whatever is a
// store.Store passes it.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// Run runs the suite. open returns a new, empty store, which the suite closes.
func Run(t *testing.T, open func(testing.TB, store.Limits) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*world)
	}{
		{"AccountKeyIsUsedOnce", accountKeyIsUsedOnce},
		{"OwnersComeBack", ownersComeBack},
		{"OnlyAccountsOpenChannels", onlyAccountsOpenChannels},
		{"StrangersAreRefused", strangersAreRefused},
		{"EntriesComeInOrder", entriesComeInOrder},
		{"PutIsSafeToRepeat", putIsSafeToRepeat},
		{"FetchReadsInPieces", fetchReadsInPieces},
		{"FetchNoticesARestoredHub", fetchNoticesARestoredHub},
		{"FullChannelDropsItsOldestText", fullChannelDropsItsOldestText},
		{"KeepHasAQuotaOfItsOwn", keepHasAQuotaOfItsOwn},
		{"DroppedEntriesAreNotRefilled", droppedEntriesAreNotRefilled},
		{"AckedEntriesGoAfterAWeek", ackedEntriesGoAfterAWeek},
		{"EntriesGoAfterNinetyDays", entriesGoAfterNinetyDays},
		{"SilentChannelsAreForgottenToo", silentChannelsAreForgottenToo},
		{"GrantsMakeATree", grantsMakeATree},
		{"RevokeTakesDownTheBranch", revokeTakesDownTheBranch},
		{"RevokeKeepsWhomItNames", revokeKeepsWhomItNames},
		{"LeavingPutsNobodyElseOut", leavingPutsNobodyElseOut},
		{"TheRootLeaves", theRootLeaves},
		{"SlotNumbersOnlyGoUp", slotNumbersOnlyGoUp},
		{"RedeemIsOnce", redeemIsOnce},
		{"RedeemIsAllOrNothing", redeemIsAllOrNothing},
		{"WithdrawnIsForEver", withdrawnIsForEver},
		{"SlotsExpire", slotsExpire},
		{"RevokeWithdrawsSlots", revokeWithdrawsSlots},
		{"QuotasOfGuests", quotasOfGuests},
		{"JoiningMakesRoom", joiningMakesRoom},
		{"QuotaIsWhatBinds", quotaIsWhatBinds},
		{"StatusCounts", statusCounts},
		{"StatusStaysRight", statusStaysRight},
		{"WaitedIsRemembered", waitedIsRemembered},
		{"ARefusalLeavesTheRestStanding", aRefusalLeavesTheRestStanding},
		{"AnErrorUndoesEverything", anErrorUndoesEverything},
		{"GenerationStays", generationStays},
		{"ExpiredSlotsMakeRoom", expiredSlotsMakeRoom},
		{"ChainsCostLittle", chainsCostLittle},
		{"TokensAreOfOneChannel", tokensAreOfOneChannel},
		{"AClockThatJumps", aClockThatJumps},
		{"AClockAheadForgetsNothing", aClockAheadForgetsNothing},
		{"AClockPutRightForgetsAgain", aClockPutRightForgetsAgain},
		{"AClockThatStaysAheadForgets", aClockThatStaysAheadForgets},
		{"AClockThatWasAhead", aClockThatWasAhead},
		{"AClockThatBeginsAnew", aClockThatBeginsAnew},
		{"QuietHubsForget", quietHubsForget},
		{"ReplaysChangeNothing", replaysChangeNothing},
		{"GuestsClaim", guestsClaim},
		{"GuestsKeys", guestsKeys},
		{"GuestsNames", guestsNames},
		{"DroppedGuestsAreOut", droppedGuestsAreOut},
		{"GuestsOpenOnlySoMany", guestsOpenOnlySoMany},
		{"BannedAreNotServed", bannedAreNotServed},
		{"TheOwnersChannelsAreKept", theOwnersChannelsAreKept},
		{"QuotasAreSet", quotasAreSet},
		{"LastingEntriesMakeRoomElsewhere", lastingEntriesMakeRoomElsewhere},
		{"InvitesHaveTheirQuota", invitesHaveTheirQuota},
		{"AQuotaShrinksInBites", aQuotaShrinksInBites},
		{"ClosedChannelsTakeNothingNew", closedChannelsTakeNothingNew},
		{"ClosingHasAnOrder", closingHasAnOrder},
		{"ClosedChannelsAreForgotten", closedChannelsAreForgotten},
		{"ClosedChannelsGoInBites", closedChannelsGoInBites},
		{"RetiredHubsTakeNothingNew", retiredHubsTakeNothingNew},
		{"OwnersAskInOrder", ownersAskInOrder},
		{"ExportsAreImported", exportsAreImported},
		{"GreatHubsAreExported", greatHubsAreExported},
		{"NonsenseIsNotImported", nonsenseIsNotImported},
		{"RingsAreNotImported", ringsAreNotImported},
		{"ReportsCount", reportsCount},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{T: t, now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}
			w.open = func(limits store.Limits) {
				w.store = open(t, limits)
				t.Cleanup(func() {
					if err := w.store.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			limits := store.DefaultLimits()
			limits.Text, limits.Keep, limits.Tokens, limits.Slots = 100_000, 100_000, 20, 3
			w.open(limits)
			test.run(w)
		})
	}
}

// world is a store and the time there.
type world struct {
	*testing.T
	store  store.Store
	now    time.Time
	open   func(store.Limits)
	claims int // see later
}

// The cast. A token is a name here: signatures are verified elsewhere.
var (
	owner   = token("the owner's account")
	alice   = token("alice")
	bob     = token("bob")
	carol   = token("carol")
	dave    = token("dave")
	invite  = token("an invite's key")
	lounge  = wire.Channel(sha256.Sum256([]byte("lounge")))
	cellar  = wire.Channel(sha256.Sum256([]byte("cellar")))
	slotOne = wire.Slot{1}
	ownKey  = store.KeyHash{1}
)

func token(name string) wire.Token { return wire.Token(sha256.Sum256([]byte(name))) }

func idOf(entry string) wire.EntryID { return sha256.Sum256([]byte(entry)) }

// update runs f in a transaction of its own and returns what f does.
func (w *world) update(f func(store.Tx) error) error {
	w.Helper()
	w.now = w.now.Add(time.Second)
	var result error
	err := w.store.Update(context.Background(), w.now, func(tx store.Tx) error {
		result = f(tx)
		if refusal := (*wire.Error)(nil); errors.As(result, &refusal) {
			return nil
		}
		return result
	})
	if err != nil {
		w.Fatal("update:", err)
	}
	return result
}

// ok wants no refusal.
func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// refused wants a refusal with code.
func (w *world) refused(code wire.Code, err error) {
	w.Helper()
	var refusal *wire.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		w.Fatalf("got %v, want a refusal: %s", err, code)
	}
}

// later lets time pass, and small writes elsewhere with it, in which old
// things are forgotten.
func (w *world) later(d time.Duration) {
	w.Helper()
	for ; d > 23*time.Hour; d -= 23 * time.Hour {
		w.now = w.now.Add(23 * time.Hour)
		w.write()
	}
	w.now = w.now.Add(d)
	for range 8 { // two rounds of what tidying does turn by turn
		w.write()
	}
}

// write writes something that no channel has to do with.
func (w *world) write() {
	w.Helper()
	w.claims++
	w.ok(w.claim(token("somebody"), store.KeyHash{9, byte(w.claims), byte(w.claims >> 8)}, &store.Account{}))
}

// lounge opens the lounge for alice, and lets others in below her.
func (w *world) lounge(others ...wire.Token) {
	w.Helper()
	w.ok(w.claim(owner, ownKey, &store.Account{Owner: true}))
	w.ok(w.openChannel(owner, lounge, alice))
	for _, other := range others {
		w.ok(w.grant(alice, other, alice))
	}
}

func (w *world) claim(as wire.Token, key store.KeyHash, unused *store.Account) error {
	w.Helper()
	return w.update(func(tx store.Tx) error { _, err := tx.Claim(as, key, unused); return err })
}

func (w *world) openChannel(as wire.Token, channel wire.Channel, root wire.Token) error {
	w.Helper()
	return w.update(func(tx store.Tx) error { return tx.Open(channel, as, wire.OpenArgs{Root: root}) })
}

func (w *world) grant(as, token, under wire.Token) error {
	w.Helper()
	return w.update(func(tx store.Tx) error {
		return tx.Grant(lounge, as, wire.GrantArgs{Token: token, Under: under})
	})
}

func (w *world) revoke(as, token wire.Token, keep ...wire.Token) error {
	w.Helper()
	return w.update(func(tx store.Tx) error {
		return tx.Revoke(lounge, as, wire.RevokeArgs{Token: token, Keep: keep})
	})
}

// tryPut puts entry, text by default.
func (w *world) tryPut(as wire.Token, entry string, options ...func(*wire.PutArgs)) (result wire.PutResult, err error) {
	w.Helper()
	args := wire.PutArgs{Class: wire.ClassText, Entry: []byte(entry)}
	for _, option := range options {
		option(&args)
	}
	err = w.update(func(tx store.Tx) error { result, err = tx.Put(lounge, as, args); return err })
	return result, err
}

func asKeep(args *wire.PutArgs)  { args.Class = wire.ClassKeep }
func asAgain(args *wire.PutArgs) { args.Again = true }

func (w *world) put(as wire.Token, entry string, options ...func(*wire.PutArgs)) wire.PutResult {
	w.Helper()
	result, err := w.tryPut(as, entry, options...)
	w.ok(err)
	return result
}

// fetch reads with a limit of 100 and room for everything.
func (w *world) tryFetch(as wire.Token, args wire.FetchArgs, room int) (result wire.FetchResult, err error) {
	w.Helper()
	if args.Limit == 0 {
		args.Limit = 100
	}
	viewErr := w.store.View(context.Background(), w.now, func(tx store.Tx) error {
		result, err = tx.Fetch(lounge, as, args, room)
		return nil
	})
	w.ok(viewErr)
	return result, err
}

func (w *world) fetch(as wire.Token, args wire.FetchArgs) wire.FetchResult {
	w.Helper()
	result, err := w.tryFetch(as, args, wire.MaxResponse)
	w.ok(err)
	return result
}

// log wants the lounge's log to be these entries.
func (w *world) log(want ...string) {
	w.Helper()
	result := w.fetch(alice, wire.FetchArgs{})
	var got []string
	for _, e := range result.Entries {
		got = append(got, string(e.Bytes))
	}
	if fmt.Sprint(short(got)) != fmt.Sprint(short(want)) {
		w.Fatalf("the log is %q, want %q", short(got), short(want))
	}
}

// short cuts long entries, for messages.
func short(entries []string) []string {
	var s []string
	for _, e := range entries {
		s = append(s, e[:min(len(e), 12)])
	}
	return s
}

func (w *world) ack(as wire.Token, position int64) {
	w.Helper()
	w.ok(w.update(func(tx store.Tx) error { return tx.Ack(lounge, as, wire.AckArgs{Position: position}) }))
}

// offer puts up slotOne.
func (w *world) offer(as wire.Token, number int64, change ...func(*wire.OfferArgs)) error {
	w.Helper()
	args := wire.OfferArgs{Slot: slotOne, Number: number, Invite: invite,
		Expires: w.now.Add(wire.InviteValid).Unix(), Blob: []byte("card")}
	for _, c := range change {
		c(&args)
	}
	return w.update(func(tx store.Tx) error { return tx.Offer(lounge, as, args) })
}

func (w *world) peek() (result wire.PeekResult, err error) {
	w.Helper()
	viewErr := w.store.View(context.Background(), w.now, func(tx store.Tx) error {
		result, err = tx.Peek(invite, wire.PeekArgs{Slot: slotOne})
		return nil
	})
	w.ok(viewErr)
	return result, err
}

// redeem takes slotOne for token.
func (w *world) redeem(number int64, token wire.Token, entries ...string) (result wire.RedeemResult, err error) {
	w.Helper()
	args := wire.RedeemArgs{Slot: slotOne, Number: number, Token: token}
	for _, e := range entries {
		args.Entries = append(args.Entries, []byte(e))
	}
	err = w.update(func(tx store.Tx) error { result, err = tx.Redeem(invite, args); return err })
	return result, err
}

func (w *world) withdraw(as wire.Token) error {
	w.Helper()
	return w.update(func(tx store.Tx) error {
		return tx.Withdraw(lounge, as, wire.WithdrawArgs{Slot: slotOne})
	})
}

func (w *world) status(channel wire.Channel, as wire.Token) wire.StatusResult {
	w.Helper()
	var s wire.StatusResult
	w.ok(w.store.View(context.Background(), w.now, func(tx store.Tx) (err error) {
		s, err = tx.Status(channel, as)
		return err
	}))
	return s
}

// long is an entry of n bytes that begins with name.
func long(name string, n int) string {
	return name + string(bytes.Repeat([]byte("."), n-len(name)))
}
