package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// export reads an export in pieces of room bytes.
func (w *world) export(room int) (all [][]byte) {
	w.Helper()
	for after, pieces := []byte(nil), 0; ; pieces++ {
		var records [][]byte
		w.ok(w.view(func(tx store.Tx) (err error) {
			records, after, err = tx.Export(after, room)
			return err
		}))
		size := 0
		for _, r := range records {
			size += len(r)
		}
		if size > room && len(records) > 1 {
			w.Fatalf("a piece of %d bytes", size)
		}
		if all = append(all, records...); len(after) == 0 {
			return all
		}
		if len(records) == 0 || pieces > 10_000 {
			w.Fatal("the export does not end")
		}
	}
}

// imports stages records and imports them.
func (w *world) imports(identity byte, records [][]byte) error {
	w.Helper()
	return w.update(func(tx store.Tx) error {
		for _, r := range records {
			if err := tx.Stage(r); err != nil {
				return err
			}
		}
		err := tx.Import([32]byte{identity}, tx.Staged)
		if unstaged := tx.Unstage(); unstaged != nil {
			return unstaged
		}
		return err
	})
}

func (w *world) imported() (identity [32]byte) {
	w.Helper()
	w.ok(w.view(func(tx store.Tx) (err error) {
		identity, err = tx.Imported()
		return err
	}))
	return identity
}

// wholeHub puts something of everything into the store.
func (w *world) wholeHub() {
	w.Helper()
	w.furnish()
	w.ok(w.guest("bob", 1))
	w.ok(w.guest("dave", 2, func(a *wire.GuestArgs) { a.Quota = 0 }))
	w.ok(w.claimGuest(bob, 1))
	w.ok(w.openChannel(bob, cellar, bob))
	w.ok(w.update(func(tx store.Tx) error { return tx.Close(cellar, bob) }))
	w.ok(w.update(func(tx store.Tx) error { return tx.Ban(wire.BanArgs{Name: "dave"}) }))
	w.ok(w.update(func(tx store.Tx) error { return tx.Ban(wire.BanArgs{Channel: lounge, Token: bob}) }))
	w.ok(w.update(func(tx store.Tx) error { return tx.Quota(wire.QuotaArgs{Channel: lounge, Quota: 40_000}) }))
	w.ok(w.update(func(tx store.Tx) error { return tx.Withdraw(lounge, alice, wire.WithdrawArgs{Slot: wire.Slot{3}}) }))
	for i := range 5 { // drops the oldest
		w.put(alice, long(fmt.Sprint("text ", i), 10_000))
	}
	w.ok(w.grant(alice, dave, alice))
	w.ok(w.revoke(alice, dave))
	w.ok(w.update(func(tx store.Tx) error { return tx.Retire(wire.RetireArgs{At: w.now.Unix() + 1000}) }))
}

// Whatever the store knows but entries is the same in the store that has imported
// it.
func exportsAreImported(w *world) {
	w.wholeHub()
	head, generation := w.status(lounge, alice).Head, w.generation()
	guests, channels := w.guests(), w.channels()
	records := w.export(1 << 20)
	if again := w.export(1); !slices.EqualFunc(records, again, bytes.Equal) {
		w.Fatalf("%d records, in small pieces %d", len(records), len(again))
	}
	if w.imported() != ([32]byte{}) {
		w.Error("something was imported")
	}
	w.refused(wire.CodeUsed, w.imports(1, records))

	w.fresh()
	w.ok(w.claim(carol, store.KeyHash{9}, &store.Account{Owner: true}))
	w.ok(w.imports(1, records))
	if w.imported() != [32]byte{1} {
		w.Error("it does not know what was imported")
	}
	if w.generation() == generation {
		w.Error("it is the same generation")
	}
	if got := w.owners(); len(got) != 1 || got[0].Token != owner {
		w.Errorf("its owners are %x", got)
	}
	for i := range channels {
		channels[i].Entries, channels[i].Bytes, channels[i].Unfetched = 0, 0, 0
	}
	for i := range guests {
		guests[i].Bytes = 0
	}
	if got := w.guests(); !slices.Equal(got, guests) {
		w.Errorf("%+v, want %+v", got, guests)
	}
	slices.SortFunc(channels, func(a, b wire.HubChannel) int { return bytes.Compare(a.Channel[:], b.Channel[:]) })
	if got := w.channels(); !slices.Equal(got, channels) {
		w.Errorf("%+v, want %+v", got, channels)
	}
	w.importedTalks(head)
	w.refused(wire.CodeUsed, w.imports(2, records))
}

// importedTalks has people go on in a lounge that was imported.
func (w *world) importedTalks(head int64) {
	w.Helper()
	w.refused(wire.CodeDenied, w.openChannel(carol, wire.Channel{1}, alice))
	w.refused(wire.CodeUsed, w.redeemSecond(dave))
	w.refused(wire.CodeWithdrawn, w.offer(alice, 1, func(a *wire.OfferArgs) { a.Slot = wire.Slot{3} }))
	w.refused(wire.CodeRevoked, w.grant(alice, dave, alice))
	_, err := w.tryPut(bob, "hello")
	w.refused(wire.CodeBanned, err)
	if card, err := w.peek(); err != nil || string(card.Blob) != "card" {
		w.Errorf("%+v, %v", card, err)
	}
	result := w.fetch(alice, wire.FetchArgs{After: head, ID: idOf(long("text 4", 10_000))})
	if !result.Restored || result.Head != head || result.Closes != 0 {
		w.Errorf("%+v", result)
	}
	if result := w.put(alice, "hello"); !result.Had {
		w.Errorf("what was dropped before comes back: %+v", result)
	}
	if result := w.put(alice, long("text 4", 10_000)); !result.New || result.Position <= head {
		w.Errorf("%+v", result)
	}
	w.ok(w.grant(alice, token("erin"), alice))
	_, err = w.redeem(1, token("frank"), "frank's join")
	w.ok(err)
	w.refused(wire.CodeClosed, w.update(func(tx store.Tx) error {
		_, err := tx.Put(cellar, bob, wire.PutArgs{Class: wire.ClassText, Entry: []byte("hello")})
		return err
	}))
	w.refused(wire.CodeUsed, w.claimGuest(carol, 1))
	w.refused(wire.CodeBanned, w.claimGuest(carol, 2))
}

// A great hub is exported in pieces, each token and each dropped entry once.
func greatHubsAreExported(w *world) {
	limits := store.DefaultLimits()
	limits.Tokens, limits.Text = 1<<20, 400*(store.Overhead+20)
	w.open(limits)
	w.lounge()
	w.ok(w.update(func(tx store.Tx) error {
		for i := range 1050 {
			if err := tx.Grant(lounge, alice, wire.GrantArgs{Token: token(fmt.Sprint(i)), Under: alice}); err != nil {
				return err
			}
		}
		for i := range 1450 {
			entry := []byte(long(fmt.Sprint("entry ", i), 20))
			if _, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: entry}); err != nil {
				return err
			}
		}
		return nil
	}))
	records := w.export(100_000)
	w.fresh()
	w.ok(w.imports(1, records))
	if s := w.status(lounge, alice); s.Tokens != 1051 || s.Entries != 0 {
		w.Errorf("%+v", s)
	}
	w.ok(w.update(func(tx store.Tx) error {
		for i := range 1450 {
			entry := []byte(long(fmt.Sprint("entry ", i), 20))
			result, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: entry})
			if err != nil || result.Had != (i < 1050) {
				return fmt.Errorf("entry %d: %+v, %w", i, result, err)
			}
		}
		return nil
	}))
}

// Records that make no sense change nothing, and nothing of them is kept.
func nonsenseIsNotImported(w *world) {
	w.wholeHub()
	good := w.export(1 << 20)
	w.fresh()
	w.ok(w.claim(carol, store.KeyHash{9}, &store.Account{Owner: true}))
	random := rand.New(rand.NewPCG(5, 6))
	tried, refused := 0, 0
	try := func(records [][]byte) {
		w.Helper()
		tried++
		if err := w.imports(1, records); err == nil {
			// What is still a hub may be taken; it must be one that works.
			w.channels()
			w.guests()
			w.export(1 << 20)
			w.fresh()
			w.ok(w.claim(carol, store.KeyHash{9}, &store.Account{Owner: true}))
			return
		} else {
			w.refused(wire.CodeBad, err)
		}
		refused++
		if len(w.channels())+len(w.guests()) > 0 || w.imported() != ([32]byte{}) {
			w.Fatal("something of it is there")
		}
		if got := w.owners(); len(got) != 1 || got[0].Token != carol {
			w.Fatalf("its owners are %x", got)
		}
	}
	try(nil)
	try([][]byte{{}})
	try([][]byte{[]byte("nonsense")})
	for i := range good {
		without := slices.Delete(slices.Clone(good), i, i+1)
		try(without)
		try(append(slices.Clone(without), good[i]))
	}
	for range 50 {
		records := slices.Clone(good)
		i := random.IntN(len(records))
		records[i] = bytes.Clone(records[i])
		records[i][random.IntN(len(records[i]))] ^= 1 << random.IntN(8)
		try(records)
	}
	if refused < tried/3 {
		w.Errorf("%d of %d were refused", refused, tried)
	}
	w.ok(w.imports(1, good))
}

// Tokens that stand in a ring, or below nobody, are no tree.
func ringsAreNotImported(w *world) {
	w.lounge(bob)
	w.ok(w.grant(alice, carol, bob))
	records := w.export(1 << 20)
	for name, change := range map[string][2]wire.Token{
		"a ring": {alice, carol}, "nobody": {alice, token("nobody")}, "no root": {alice, wire.Token{}},
	} {
		w.fresh()
		w.ok(w.claim(owner, ownKey, &store.Account{Owner: true}))
		changed := slices.Clone(records)
		for i, r := range changed {
			// bob's parent is alice: let it be another.
			if bytes.Contains(r, []byte("tokens")) && bytes.Contains(r, bob[:]) {
				at := bytes.LastIndex(r, change[0][:])
				if name == "no root" {
					at = bytes.Index(r, append([]byte("token\x58\x20"), alice[:]...)) + len("token\x58\x20")
				} else {
					at = bytes.Index(r, append([]byte("parent\x58\x20"), alice[:]...)) + len("parent\x58\x20")
				}
				changed[i] = slices.Concat(r[:at], change[1][:], r[at+len(change[1]):])
			}
		}
		if slices.EqualFunc(changed, records, bytes.Equal) {
			w.Fatal("nothing was changed")
		}
		w.Log(name)
		w.refused(wire.CodeBad, w.imports(1, changed))
	}
	w.fresh()
	w.ok(w.imports(1, records))
	w.put(carol, "hello")
}

// The report counts what there is.
func reportsCount(w *world) {
	w.wholeHub()
	report := func() (r wire.ReportResult) {
		w.Helper()
		w.ok(w.view(func(tx store.Tx) (err error) {
			r, err = tx.Report()
			return err
		}))
		return r
	}
	r := report()
	entries, bytes := int64(0), int64(0)
	for _, c := range w.channels() {
		entries, bytes = entries+c.Entries, bytes+c.Bytes
	}
	if r.Schema != 3 || r.Journal != "wal" && r.Journal != "persist" || r.Channels != 2 || r.Entries != entries || r.Bytes != bytes || entries == 0 ||
		r.Tokens != 4 || r.Slots != 1 || r.Guests != 2 || r.Limit != 0 || r.Closes != w.now.Unix()+1000-1 && r.Closes == 0 {
		w.Errorf("%+v", r)
	}
	if first := w.all()[0].Position / 1_000_000; r.Unfetched != first {
		w.Errorf("the oldest is of %d, not %d", r.Unfetched, first)
	}
	for _, as := range []wire.Token{alice, carol} {
		w.ack(as, 1<<52)
	}
	if r := report(); r.Unfetched == 0 {
		w.Error("bob has not acked")
	}
	w.ok(w.update(func(tx store.Tx) error { return tx.Ban(wire.BanArgs{Channel: lounge, Token: bob, Lift: true}) }))
	w.ack(bob, 1<<52)
	if r := report(); r.Unfetched != 0 {
		w.Errorf("%+v", r)
	}
	for _, c := range w.channels() {
		if c.Channel == lounge && (c.Unfetched != 0 || c.Quota != 40_000 || c.Guest != "" || c.Tokens != 3 || c.Last != w.status(lounge, alice).Head/1_000_000) {
			w.Errorf("%+v", c)
		}
	}
	w.now = w.now.Add(wire.InviteValid + time.Hour)
	if r := report(); r.Slots != 0 {
		w.Errorf("%d open slots", r.Slots)
	}
}
