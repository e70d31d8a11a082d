package storetest

import (
	"fmt"
	"strings"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// guest lets name have an account with the key.
func (w *world) guest(name string, key byte, change ...func(*wire.GuestArgs)) error {
	w.Helper()
	args := wire.GuestArgs{Name: name, Quota: 50_000, Key: store.KeyHash{'g', key}, Expires: w.now.Add(wire.InviteValid).Unix()}
	for _, c := range change {
		c(&args)
	}
	return w.update(func(tx store.Tx) error { return tx.Guest(args) })
}

func (w *world) claimGuest(as wire.Token, key byte) error {
	w.Helper()
	return w.claim(as, store.KeyHash{'g', key}, nil)
}

func (w *world) dropGuest(name string) error {
	w.Helper()
	return w.update(func(tx store.Tx) error { return tx.DropGuest(wire.DropGuestArgs{Name: name}) })
}

// guests reads all guests, few at a time.
func (w *world) guests() (all []wire.Guest) {
	w.Helper()
	for after := ""; ; {
		var result wire.GuestsResult
		w.ok(w.view(func(tx store.Tx) (err error) {
			result, err = tx.Guests(wire.GuestsArgs{After: after}, 2)
			return err
		}))
		if len(result.Guests) > 2 || (result.More && len(result.Guests) != 2) {
			w.Fatalf("%+v", result)
		}
		all = append(all, result.Guests...)
		if !result.More {
			return all
		}
		after = all[len(all)-1].Name
	}
}

func guestsClaim(w *world) {
	w.lounge()
	w.refused(wire.CodeDenied, w.claimGuest(bob, 1))
	w.ok(w.guest("bob", 1))
	made := w.now
	w.ok(w.guest("bob", 1)) // the answer was lost
	w.refused(wire.CodeUsed, w.guest("carol", 1))
	w.refused(wire.CodeUsed, w.guest("carol", 0, func(a *wire.GuestArgs) { a.Key = ownKey }))
	if got := w.guests(); len(got) != 1 || got[0] != (wire.Guest{Name: "bob", Quota: 50_000, Made: made.Unix(), Expires: w.expires(got[0])}) {
		w.Fatalf("%+v", got)
	}

	w.ok(w.claimGuest(bob, 1))
	claimed := w.now
	w.ok(w.claimGuest(bob, 1))
	w.refused(wire.CodeUsed, w.claimGuest(carol, 1))
	if s := w.status(wire.Channel{}, bob); s.Owner || s.Quota != 50_000 {
		w.Errorf("%+v", s)
	}
	w.ok(w.guest("bob", 1)) // he was quick
	w.refused(wire.CodeUsed, w.guest("bob", 2))
	w.ok(w.openChannel(bob, cellar, bob))
	want := wire.Guest{Name: "bob", Quota: 50_000, Channels: 1, Made: made.Unix(), Claimed: claimed.Unix()}
	if got := w.guests(); len(got) != 1 || got[0] != want {
		w.Errorf("%+v", got)
	}
}

// expires is when a guest's key does, if that makes sense.
func (w *world) expires(g wire.Guest) int64 {
	if until := time.Unix(g.Expires, 0).Sub(w.now); until <= wire.InviteValid-time.Minute || until > wire.InviteValid {
		w.Errorf("it expires in %s", until)
	}
	return g.Expires
}

// A key that was replaced, or has expired, is of no use; whoever has an account
// uses up none.
func guestsKeys(w *world) {
	w.ok(w.guest("bob", 1))
	w.ok(w.guest("bob", 2, func(a *wire.GuestArgs) { a.Quota = 7 }))
	w.refused(wire.CodeDenied, w.claimGuest(bob, 1))
	w.ok(w.guest("carol", 3))
	w.ok(w.claimGuest(bob, 2))
	w.ok(w.claimGuest(bob, 3))
	if s := w.status(wire.Channel{}, bob); s.Quota != 7 {
		w.Errorf("who has claimed twice has %+v", s)
	}
	w.ok(w.claimGuest(carol, 3))
	w.ok(w.claim(owner, ownKey, &store.Account{Owner: true}))
	w.ok(w.guest("dave", 4))
	w.ok(w.claimGuest(owner, 4))
	if s := w.status(wire.Channel{}, owner); !s.Owner || s.Quota != 0 {
		w.Errorf("the owner has become %+v", s)
	}
	w.now = w.now.Add(wire.InviteValid)
	w.refused(wire.CodeExpired, w.claimGuest(dave, 4))
	w.refused(wire.CodeExpired, w.guest("erin", 5, func(a *wire.GuestArgs) { a.Expires = w.now.Unix() - 10 }))
	w.refused(wire.CodeExpired, w.guest("erin", 5, func(a *wire.GuestArgs) { a.Expires = 1 << 60 }))
	w.ok(w.guest("dave", 6))
	w.ok(w.claimGuest(dave, 6))
	// A guest who takes an owner's key is the owner, and no guest any more.
	w.ok(w.claim(bob, store.KeyHash{7}, &store.Account{Owner: true}))
	names := ""
	for _, g := range w.guests() {
		names += g.Name + " "
	}
	if names != "carol dave " {
		w.Errorf("%q", names)
	}
}

func guestsNames(w *world) {
	good := []string{"bob", "Bob", "b", "böb", "bob's aunt", "ボブ", "...", strings.Repeat("x", 64), "0"}
	for i, name := range good {
		w.ok(w.guest(name, byte(i)))
	}
	for _, name := range []string{"", " bob", "bob ", "bo\nb", "bo\x00b", "bo\x7fb", "bo\u202eb", "bo\u200bb", "bo\u00a0b", "bo\xffb",
		strings.Repeat("x", 65), "\t", "\ufeffbob"} {
		w.refused(wire.CodeBad, w.guest(name, 200))
	}
	for _, quota := range []int64{-1, 1 << 53, -1 << 63} {
		w.refused(wire.CodeBad, w.guest("carol", 201, func(a *wire.GuestArgs) { a.Quota = quota }))
	}
	got := w.guests()
	if len(got) != len(good) {
		w.Fatalf("%+v", got)
	}
	for i := 1; i < len(got); i++ {
		if got[i-1].Name >= got[i].Name {
			w.Errorf("%q stands before %q", got[i-1].Name, got[i].Name)
		}
	}
}

func droppedGuestsAreOut(w *world) {
	w.refused(wire.CodeUnknown, w.dropGuest("bob"))
	w.ok(w.guest("carol", 2))
	w.ok(w.dropGuest("carol"))
	w.refused(wire.CodeDenied, w.claimGuest(carol, 2))

	w.ok(w.guest("bob", 1))
	w.ok(w.claimGuest(bob, 1))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.openChannel(bob, cellar, alice))
	w.put(alice, "hello")
	w.ok(w.dropGuest("bob"))
	w.refused(wire.CodeDenied, w.claimGuest(bob, 1))
	w.refused(wire.CodeDenied, w.openChannel(bob, lounge, alice))
	w.refused(wire.CodeDenied, w.openChannel(bob, wire.Channel{1}, alice))
	for _, c := range w.channels() {
		if !c.Closed || c.Guest != "" {
			w.Errorf("%+v", c)
		}
	}
	_, err := w.tryPut(alice, "are you there?")
	w.refused(wire.CodeClosed, err)
	w.log("hello")
	if got := w.guests(); len(got) != 0 {
		w.Errorf("%+v", got)
	}
	// Let in again he has his channels again, if he opens them.
	w.ok(w.guest("bob", 3))
	w.ok(w.claimGuest(bob, 3))
	_, err = w.tryPut(alice, "are you there?")
	w.refused(wire.CodeClosed, err)
	w.ok(w.openChannel(bob, lounge, alice))
	w.put(alice, "I am")
	w.log("hello", "I am")
}

// Nobody opens more channels than a hub can bear.
func guestsOpenOnlySoMany(w *world) {
	w.ok(w.guest("bob", 1))
	w.ok(w.claimGuest(bob, 1))
	open := func(i int) error {
		return w.update(func(tx store.Tx) error {
			return tx.Open(wire.Channel{1, byte(i), byte(i >> 8)}, bob, wire.OpenArgs{Root: alice})
		})
	}
	for day := range 4 {
		w.ok(w.update(func(tx store.Tx) error {
			for i := 256 * day; i < 256*(day+1); i++ {
				if err := tx.Open(wire.Channel{1, byte(i), byte(i >> 8)}, bob, wire.OpenArgs{Root: alice}); err != nil {
					return err
				}
			}
			return nil
		}))
		w.now = w.now.Add(24 * time.Hour)
	}
	w.refused(wire.CodeFull, open(1024))
	w.ok(open(1023))
	w.ok(w.claim(owner, ownKey, &store.Account{Owner: true}))
	w.ok(w.openChannel(owner, lounge, alice))
}

func bannedAreNotServed(w *world) {
	ban := func(name string, channel wire.Channel, token wire.Token, lift ...bool) error {
		w.Helper()
		return w.update(func(tx store.Tx) error {
			return tx.Ban(wire.BanArgs{Name: name, Channel: channel, Token: token, Lift: len(lift) > 0})
		})
	}
	talk := func(as wire.Token) error {
		w.Helper()
		_, err := w.tryFetch(as, wire.FetchArgs{}, wire.MaxFetch)
		_, putErr := w.tryPut(as, fmt.Sprint("from ", as, w.now))
		if fmt.Sprint(err) != fmt.Sprint(putErr) {
			w.Errorf("fetch: %v; put: %v", err, putErr)
		}
		return putErr
	}
	none, nobody := wire.Channel{}, wire.Token{}
	w.ok(w.guest("bob", 1))
	w.ok(w.claimGuest(bob, 1))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.grant(alice, carol, alice))
	w.ok(w.offer(alice, 1))
	for _, err := range []error{ban("nobody", none, nobody), ban("", cellar, nobody), ban("", lounge, dave), ban("", cellar, alice)} {
		w.refused(wire.CodeUnknown, err)
	}
	for _, err := range []error{ban("", none, nobody), ban("bob", lounge, nobody), ban("bob", none, alice), ban("", none, alice)} {
		w.refused(wire.CodeBad, err)
	}

	w.ok(ban("", lounge, carol))
	w.ok(ban("", lounge, carol))
	w.refused(wire.CodeBanned, talk(carol))
	w.refused(wire.CodeBanned, w.revoke(carol, carol))
	w.ok(talk(alice))
	_, err := w.redeem(1, carol, "carol's join")
	w.refused(wire.CodeBanned, err)
	w.ok(ban("", lounge, carol, true))
	w.ok(talk(carol))

	w.ok(ban("", lounge, nobody))
	w.refused(wire.CodeBanned, talk(alice))
	w.refused(wire.CodeBanned, talk(carol))
	w.refused(wire.CodeDenied, talk(dave))
	w.refused(wire.CodeBanned, w.openChannel(bob, lounge, alice))
	_, err = w.peek()
	w.refused(wire.CodeBanned, err)
	_, err = w.redeem(1, dave, "dave's join")
	w.refused(wire.CodeBanned, err)
	w.ok(w.openChannel(bob, cellar, alice))
	w.ok(ban("", lounge, nobody, true))
	w.ok(talk(alice))

	w.ok(ban("bob", none, nobody))
	w.refused(wire.CodeBanned, talk(alice))
	w.refused(wire.CodeBanned, w.claimGuest(bob, 1))
	w.refused(wire.CodeBanned, w.openChannel(bob, wire.Channel{1}, alice))
	w.refused(wire.CodeBanned, w.update(func(tx store.Tx) error { _, err := tx.Status(none, bob); return err }))
	if g := w.guests(); len(g) != 1 || !g[0].Banned {
		w.Errorf("%+v", g)
	}
	for _, c := range w.channels() {
		if !c.Banned || c.Guest != "bob" {
			w.Errorf("%+v", c)
		}
	}
	w.ok(ban("bob", none, nobody, true))
	w.ok(talk(alice))
	w.ok(talk(carol))

	// Also before he has claimed.
	w.ok(w.guest("dave", 2))
	w.ok(ban("dave", none, nobody))
	w.refused(wire.CodeBanned, w.claimGuest(dave, 2))
	w.ok(ban("dave", none, nobody, true))
	w.ok(w.claimGuest(dave, 2))
	_, err = w.redeem(1, dave, "dave's join")
	w.ok(err)
}

// Of a guest who is banned the channels that the owner is in go on, as the owner's,
// without the guest.
func theOwnersChannelsAreKept(w *world) {
	ban := func(args wire.BanArgs) error {
		return w.update(func(tx store.Tx) error { return tx.Ban(args) })
	}
	put := func(as wire.Token) error { _, err := w.tryPut(as, fmt.Sprint("from ", as, w.now)); return err }
	w.ok(w.claim(owner, ownKey, &store.Account{Owner: true}))
	w.ok(w.guest("bob", 1))
	w.ok(w.claimGuest(bob, 1))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.grant(alice, carol, alice))
	w.ok(w.openChannel(bob, cellar, alice))
	w.ok(w.openChannel(owner, wire.Channel{7}, dave))
	for _, args := range []wire.BanArgs{
		{Channel: cellar, Keep: []wire.Channel{lounge}}, {Name: "bob", Lift: true, Keep: []wire.Channel{lounge}},
		{Name: "bob", Keep: make([]wire.Channel, wire.MaxKept+1)},
	} {
		w.refused(wire.CodeBad, ban(args))
	}
	w.refused(wire.CodeUnknown, ban(wire.BanArgs{Name: "nobody", Keep: []wire.Channel{lounge}}))
	w.ok(put(alice))
	for range 2 {
		w.ok(ban(wire.BanArgs{Name: "bob", Keep: []wire.Channel{lounge, {7}, {9}}}))
		w.ok(put(carol))
		w.refused(wire.CodeBanned, put(alice))
	}
	for _, c := range w.channels() {
		if kept := c.Channel != cellar; c.Banned == kept || (c.Guest == "") != kept {
			w.Errorf("%+v", c)
		}
	}
	w.refused(wire.CodeBanned, w.openChannel(bob, wire.Channel{1}, alice))
	w.ok(ban(wire.BanArgs{Name: "bob", Lift: true}))
	w.refused(wire.CodeBanned, put(alice))
	w.ok(ban(wire.BanArgs{Channel: lounge, Token: alice, Lift: true}))
	w.ok(put(alice))
	w.ok(w.update(func(tx store.Tx) error { return tx.DropGuest(wire.DropGuestArgs{Name: "bob"}) }))
	w.ok(put(carol))
}

func quotasAreSet(w *world) {
	quota := func(args wire.QuotaArgs) error {
		w.Helper()
		return w.update(func(tx store.Tx) error { return tx.Quota(args) })
	}
	w.ok(w.guest("bob", 1))
	w.ok(quota(wire.QuotaArgs{Name: "bob", Quota: 1000}))
	w.ok(w.claimGuest(bob, 1))
	if s := w.status(wire.Channel{}, bob); s.Quota != 1000 {
		w.Errorf("%+v", s)
	}
	w.ok(w.openChannel(bob, lounge, alice))
	_, err := w.tryPut(alice, long("one", 2000))
	w.refused(wire.CodeFull, err)
	w.ok(quota(wire.QuotaArgs{Name: "bob", Quota: 0}))
	w.put(alice, long("one", 2000))
	if g := w.guests(); len(g) != 1 || g[0].Quota != 0 || g[0].Bytes != 2000+store.Overhead {
		w.Errorf("%+v", g)
	}
	for _, args := range []wire.QuotaArgs{{}, {Name: "bob", Channel: lounge}, {Name: "bob", Quota: -1}, {Channel: lounge, Quota: 1 << 53}} {
		w.refused(wire.CodeBad, quota(args))
	}
	for _, args := range []wire.QuotaArgs{{Name: "carol"}, {Channel: cellar, Quota: 7}} {
		w.refused(wire.CodeUnknown, quota(args))
	}

	// A channel's own: its texts make room for all that comes, and what lasts is
	// neither dropped nor refused.
	w.ok(quota(wire.QuotaArgs{Channel: lounge, Quota: 10_000}))
	if s := w.status(lounge, alice); s.Quota != 10_000 {
		w.Errorf("%+v", s)
	}
	w.put(alice, long("key", 3000), asKeep)
	w.put(alice, long("two", 2000))
	w.put(alice, long("three", 2000))
	w.log(long("key", 3000), long("two", 2000), long("three", 2000))
	if result := w.put(alice, long("another key", 6000), asKeep); !result.Full {
		w.Errorf("%+v", result)
	}
	w.log(long("key", 3000), long("another key", 6000))
	w.put(alice, long("third key", 6000), asKeep)
	_, err = w.tryPut(alice, "no room")
	w.refused(wire.CodeFull, err)
	w.log(long("key", 3000), long("another key", 6000), long("third key", 6000))
	w.ok(quota(wire.QuotaArgs{Channel: lounge, Quota: 0}))
	w.put(alice, "room again")
	// It may be greater than the limit of texts, too.
	w.ok(quota(wire.QuotaArgs{Channel: lounge, Quota: 200_000}))
	for i := range 4 {
		if result := w.put(alice, long(fmt.Sprint("text ", i), 30_000)); result.Full {
			w.Errorf("%+v", result)
		}
	}
}

// Whoever fills his quota with the texts of one channel still lets people in to
// another, and gives them keys.
func lastingEntriesMakeRoomElsewhere(w *world) {
	w.ok(w.guest("bob", 1))
	w.ok(w.claimGuest(bob, 1))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.openChannel(bob, cellar, alice))
	for i := range 4 {
		w.put(alice, long(fmt.Sprint("text ", i), 12_000))
	}
	inCellar := func(class wire.Class, entry string) error {
		w.Helper()
		return w.update(func(tx store.Tx) error {
			_, err := tx.Put(cellar, alice, wire.PutArgs{Class: class, Entry: []byte(entry)})
			return err
		})
	}
	w.refused(wire.CodeFull, inCellar(wire.ClassText, long("text", 12_000)))
	w.log(long("text 0", 12_000), long("text 1", 12_000), long("text 2", 12_000), long("text 3", 12_000))
	w.ok(inCellar(wire.ClassKeep, long("key", 20_000)))
	w.log(long("text 2", 12_000), long("text 3", 12_000))
	w.ok(inCellar(wire.ClassKeep, long("key 2", 29_000)))
	w.log()
	w.refused(wire.CodeFull, inCellar(wire.ClassKeep, long("key 3", 12_000)))
	if s := w.status(cellar, alice); s.Entries != 2 || s.Bytes != 49_000+2*store.Overhead || s.Bytes > s.Quota {
		w.Errorf("%+v", s)
	}
}

// What a guest's invites hold is bounded by his quota, too, but not by his texts.
func invitesHaveTheirQuota(w *world) {
	w.ok(w.guest("bob", 1))
	w.ok(w.claimGuest(bob, 1))
	w.ok(w.openChannel(bob, lounge, alice))
	w.ok(w.openChannel(bob, cellar, alice))
	for i := range 4 {
		w.put(alice, long(fmt.Sprint("text ", i), 12_000))
	}
	offer := func(channel wire.Channel, slot byte, number int64, size int) error {
		w.Helper()
		return w.update(func(tx store.Tx) error {
			return tx.Offer(channel, alice, wire.OfferArgs{Slot: wire.Slot{slot}, Number: number, Invite: invite, Expires: 1 << 40, Blob: make([]byte, size)})
		})
	}
	w.ok(offer(lounge, 1, 1, 20_000))
	w.ok(offer(cellar, 2, 1, 30_000))
	w.refused(wire.CodeFull, offer(cellar, 3, 1, 1))
	w.refused(wire.CodeFull, offer(lounge, 1, 2, 20_001))
	w.ok(offer(lounge, 1, 2, 10_000))
	w.ok(offer(cellar, 3, 1, 10_000))
	w.ok(w.withdraw(alice))
	w.ok(offer(lounge, 4, 1, 10_000))
}

// A quota that was made small does not cost one request everything.
func aQuotaShrinksInBites(w *world) {
	limits := store.DefaultLimits()
	w.open(limits)
	w.lounge()
	w.ok(w.update(func(tx store.Tx) error {
		for i := range 100 {
			if _, err := tx.Put(lounge, alice, wire.PutArgs{Class: wire.ClassText, Entry: []byte(long(fmt.Sprint("text ", i), 50_000))}); err != nil {
				return err
			}
		}
		return nil
	}))
	w.ok(w.update(func(tx store.Tx) error { return tx.Quota(wire.QuotaArgs{Channel: lounge, Quota: 60_000}) }))
	puts, entries := 0, int64(100)
	for w.status(lounge, alice).Bytes > 60_000 {
		w.put(alice, fmt.Sprint("put ", puts))
		now := w.status(lounge, alice).Entries
		if puts++; now < entries-7 || now > entries {
			w.Fatalf("%d entries after %d", now, entries)
		}
		entries = now
	}
	if puts < 15 || puts > 30 {
		w.Errorf("it took %d puts", puts)
	}
}
