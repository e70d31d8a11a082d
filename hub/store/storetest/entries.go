package storetest

import (
	"fmt"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

func entriesComeInOrder(w *world) {
	w.lounge(bob)
	first := w.put(alice, "hello")
	second := w.put(bob, "hi", asKeep)
	if first.Position < w.now.Add(-time.Minute).UnixMicro() || second.Position <= first.Position {
		w.Fatal("positions", first, second)
	}
	// The hub's clock goes back an hour: positions still grow.
	w.now = w.now.Add(-time.Hour)
	third := w.put(alice, "still here")
	if third.Position != second.Position+1 || !third.New {
		w.Fatal("position", third, "after", second)
	}
	result := w.fetch(bob, wire.FetchArgs{})
	if len(result.Entries) != 3 || result.More || result.Restored || result.Head != third.Position {
		w.Fatalf("%+v", result)
	}
	for i, class := range []wire.Class{wire.ClassText, wire.ClassKeep, wire.ClassText} {
		if result.Entries[i].Class != class {
			w.Errorf("entry %d is of class %s, want %s", i, result.Entries[i].Class, class)
		}
	}
	rest := w.fetch(bob, wire.FetchArgs{After: first.Position, ID: idOf("hello")})
	if len(rest.Entries) != 2 || rest.Entries[0].Position != second.Position {
		w.Fatalf("%+v", rest)
	}
}

func putIsSafeToRepeat(w *world) {
	w.lounge(bob)
	first := w.put(alice, "hello")
	again := w.put(bob, "hello", asKeep)
	if again.New || again.Had || again.Position != first.Position {
		w.Fatalf("%+v, then %+v", first, again)
	}
	w.log("hello")
	for _, bad := range []string{"", long("too long", wire.MaxEntry+1)} {
		_, err := w.tryPut(alice, bad)
		w.refused(wire.CodeBad, err)
	}
	_, err := w.tryPut(alice, "hello again", func(args *wire.PutArgs) { args.Class = "precious" })
	w.refused(wire.CodeBad, err)
}

func fetchReadsInPieces(w *world) {
	w.lounge()
	for i := range 5 {
		w.put(alice, long(fmt.Sprint("entry ", i), 1000))
	}
	piece := w.fetch(alice, wire.FetchArgs{Limit: 2})
	if len(piece.Entries) != 2 || !piece.More {
		w.Fatalf("by number: %d entries, more %v", len(piece.Entries), piece.More)
	}
	last := piece.Entries[1]
	piece = w.fetch(alice, wire.FetchArgs{Limit: 3, After: last.Position, ID: idOf(string(last.Bytes))})
	if len(piece.Entries) != 3 || piece.More {
		w.Fatalf("the rest: %d entries, more %v", len(piece.Entries), piece.More)
	}
	for room, want := range map[int]int{999: 0, 1000: 1, 3999: 3, 5000: 5} {
		result, err := w.tryFetch(alice, wire.FetchArgs{}, room)
		w.ok(err)
		if len(result.Entries) != want || result.More != (want < 5) {
			w.Errorf("in %d bytes: %d entries, more %v", room, len(result.Entries), result.More)
		}
	}
	for _, bad := range []wire.FetchArgs{{Limit: -1}, {After: -1}, {Wait: -1}} {
		_, err := w.tryFetch(alice, bad, wire.MaxResponse)
		w.refused(wire.CodeBad, err)
	}
}

func fetchNoticesARestoredHub(w *world) {
	w.lounge()
	one := w.put(alice, "one")
	w.put(alice, "two")
	for _, stranger := range []wire.FetchArgs{
		{After: one.Position, ID: idOf("another")},
		{After: one.Position + 1, ID: idOf("one")},
		{After: w.now.Add(time.Hour).UnixMicro(), ID: idOf("from before the restore")},
	} {
		result := w.fetch(alice, stranger)
		if !result.Restored || len(result.Entries) != 2 {
			w.Errorf("after %+v: restored %v, %d entries", stranger, result.Restored, len(result.Entries))
		}
	}
}

func fullChannelDropsItsOldestText(w *world) {
	w.lounge()
	w.put(alice, long("key", 9000), asKeep)
	var positions []int64
	for i := range 10 {
		result := w.put(alice, long(fmt.Sprint("text ", i), 9744)) // 10,000 with overhead
		if result.Full {
			w.Fatal("full too early, at text", i)
		}
		positions = append(positions, result.Position)
	}
	if result := w.put(alice, long("text 10", 9744)); !result.Full || !result.New {
		w.Fatalf("%+v", result)
	}
	want := []string{long("key", 9000)}
	for i := 1; i <= 10; i++ {
		want = append(want, long(fmt.Sprint("text ", i), 9744))
	}
	w.log(want...)
	// Who had read up to the dropped one goes on as if it were there.
	result := w.fetch(alice, wire.FetchArgs{After: positions[0], ID: idOf(long("text 0", 9744))})
	if result.Restored || len(result.Entries) != 10 {
		w.Fatalf("restored %v, %d entries", result.Restored, len(result.Entries))
	}
	if result := w.put(alice, long("large", 45000)); !result.Full {
		w.Fatalf("%+v", result)
	}
	if s := w.status(lounge, alice); s.Entries != 7 || s.Bytes > 100_000+9256 {
		w.Fatalf("%+v", s)
	}
}

func keepHasAQuotaOfItsOwn(w *world) {
	w.lounge(bob)
	for i := range 10 {
		w.put(alice, long(fmt.Sprint("key ", i), 9744), asKeep)
	}
	_, err := w.tryPut(alice, "one more", asKeep)
	w.refused(wire.CodeFull, err)
	w.put(alice, "but a text")
	w.put(bob, "and another's key", asKeep)
}

func droppedEntriesAreNotRefilled(w *world) {
	w.lounge()
	w.put(alice, long("first", 60000))
	w.put(alice, long("second", 60000))
	if result := w.put(alice, long("first", 60000)); !result.Had || result.New || result.Position != 0 {
		w.Fatalf("%+v", result)
	}
	w.log(long("second", 60000))
	if result := w.put(alice, long("first", 60000), asAgain); !result.New {
		w.Fatalf("again: %+v", result)
	}
	w.put(alice, long("third", 60000))
	if result := w.put(alice, long("first", 60000), asAgain); !result.Had {
		w.Fatalf("again on the same day: %+v", result)
	}
	w.now = w.now.Add(25 * time.Hour)
	if result := w.put(alice, long("first", 60000), asAgain); !result.New {
		w.Fatalf("again on the next day: %+v", result)
	}
	w.put(alice, long("fourth", 60000))
	w.later(121 * 24 * time.Hour)
	if result := w.put(alice, long("first", 60000)); !result.New {
		w.Fatalf("after 120 days: %+v", result)
	}
}

func ackedEntriesGoAfterAWeek(w *world) {
	w.lounge(bob)
	one := w.put(alice, "one")
	two := w.put(alice, "two", asKeep)
	w.ack(alice, two.Position)
	w.ack(bob, two.Position)
	w.ack(bob, one.Position) // acks only go up
	w.later(6 * 24 * time.Hour)
	w.put(alice, "three")
	w.log("one", "two", "three")
	w.later(25 * time.Hour)
	w.put(alice, "four")
	w.log("three", "four")
	if result := w.fetch(bob, wire.FetchArgs{After: one.Position, ID: idOf("one")}); result.Restored {
		w.Fatal("who read up to an expired entry is told that the hub was restored")
	}
	w.later(8 * 24 * time.Hour)
	w.put(alice, "five")
	w.log("three", "four", "five") // bob has not acked them
	w.ok(w.revoke(alice, bob))
	w.ack(alice, w.put(alice, "six").Position)
	w.log("five", "six")
}

func entriesGoAfterNinetyDays(w *world) {
	w.lounge(bob)
	for i := range 100 {
		w.put(alice, fmt.Sprint("text ", i))
	}
	w.later(90*24*time.Hour - time.Hour)
	w.now = w.now.Add(2 * time.Hour)
	w.put(alice, "one")
	if n := w.status(lounge, alice).Entries; n < 20 || n > 90 {
		w.Fatalf("%d entries left: a request forgets a bite, not everything and not nothing", n)
	}
	w.put(alice, "two")
	w.put(alice, "three")
	w.put(alice, "four")
	w.log("one", "two", "three", "four")
}

func silentChannelsAreForgottenToo(w *world) {
	w.lounge()
	w.put(alice, "goodnight")
	w.ok(w.openChannel(owner, cellar, carol))
	w.later(91 * 24 * time.Hour)
	w.log()
	if s := w.status(lounge, alice); s.Entries != 0 || s.Bytes != 0 {
		w.Fatalf("%+v", s)
	}
}

func statusCounts(w *world) {
	w.lounge(bob, carol)
	w.ok(w.revoke(alice, carol))
	head := w.put(alice, "hello", asKeep).Position
	want := wire.StatusResult{Entries: 1, Bytes: 5 + store.Overhead, Quota: 100_000 + 5 + store.Overhead, Head: head, Tokens: 2}
	if s := w.status(lounge, bob); s != want {
		w.Errorf("%+v, want %+v", s, want)
	}
	want = wire.StatusResult{Entries: 1, Bytes: 5 + store.Overhead, Owner: true}
	if s := w.status(wire.Channel{}, owner); s != want {
		w.Errorf("%+v, want %+v", s, want)
	}
}
