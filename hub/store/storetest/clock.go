package storetest

import (
	"fmt"
	"time"

	"hubbub/channels/wire"
)

const day = 24 * time.Hour

// old furnishes the lounge with entries of every age, some of which were dropped,
// and returns those that are left.
func (w *world) old() (left []string) {
	w.Helper()
	w.lounge(bob)
	w.put(alice, long("dropped", 60_000))
	w.later(60 * day)
	for i := range 3 {
		left = append(left, fmt.Sprint("key ", i))
		w.put(alice, left[i], asKeep)
		w.later(day)
	}
	left = append(left, long("last", 60_000))
	w.ack(alice, w.put(alice, left[3]).Position)
	w.log(left...)
	return left
}

// remembers wants the first entry to be remembered.
func (w *world) remembers() {
	w.Helper()
	if result := w.put(bob, long("dropped", 60_000)); !result.Had {
		w.Fatalf("an entry that was dropped came back: %+v", result)
	}
}

// A clock that is ahead for some days forgets nothing, and afterwards all is as if
// it had never been.
func aClockAheadForgetsNothing(w *world) {
	left := w.old()
	right := w.now
	w.now = w.now.Add(400 * day)
	left = append(left, "from the future")
	w.put(bob, "from the future")
	for range 6 {
		w.later(day)
		w.remembers()
		w.log(left...)
	}
	w.now = right.Add(6 * day)
	w.later(day)
	w.remembers()
	w.log(left...)
	w.later(30 * day)
	w.remembers()
	w.later(55 * day)
	w.put(alice, "now they are old")
	w.log("from the future", "now they are old")
}

// Once it is right again, what is due goes as ever.
func aClockPutRightForgetsAgain(w *world) {
	w.old()
	w.later(8 * day)
	right := w.now
	w.now = w.now.Add(400 * day)
	w.put(bob, "from the future")
	w.later(day)
	w.now = right.Add(day)
	w.put(bob, "put right")
	for _, member := range []wire.Token{alice, bob} {
		w.ack(member, w.status(lounge, alice).Head)
	}
	w.log("from the future", "put right")
	w.later(8 * day)
	w.put(bob, "a week later")
	w.log("a week later")
}

// If it stays there, what is due goes after a week.
func aClockThatStaysAheadForgets(w *world) {
	left := w.old()
	w.now = w.now.Add(400 * day)
	left = append(left, "after the jump")
	w.put(bob, "after the jump")
	w.later(7*day - time.Hour)
	w.log(left...)
	w.remembers()
	w.later(2 * time.Hour)
	w.put(bob, "a week after the jump")
	w.log("after the jump", "a week after the jump")
	if result := w.put(bob, long("dropped", 60_000)); !result.New {
		w.Fatalf("%+v", result)
	}
}

// What was stored while the clock was years ahead goes in its time after the clock
// went back, and does not keep what came later.
func aClockThatWasAhead(w *world) {
	w.lounge(bob)
	right := w.now
	w.now = w.now.Add(20 * 365 * day)
	future := w.put(alice, "from the future", asKeep)
	for i := range 3 {
		w.put(alice, long(fmt.Sprint("large ", i), 60_000))
		w.now = w.now.Add(30 * day)
	}
	again := func(want bool) {
		w.Helper()
		if result := w.put(alice, long("large 0", 60_000), asAgain); result.New != want {
			w.Fatalf("%+v", result)
		}
	}
	again(true) // noted as put again in the future
	w.now = right.Add(time.Hour)
	present := w.put(alice, "now", asKeep)
	if present.Position <= future.Position {
		w.Fatal("positions", future, present)
	}
	w.put(alice, long("large 3", 60_000))
	again(true)
	w.put(alice, long("large 4", 60_000))
	again(false)
	w.ack(alice, present.Position)
	w.ack(bob, present.Position)
	w.later(6 * day)
	w.put(bob, "on the sixth day")
	w.log("from the future", "now", long("large 4", 60_000), "on the sixth day")
	w.later(day)
	w.put(bob, "a week after it went back")
	w.log(long("large 4", 60_000), "on the sixth day", "a week after it went back")
	w.later(89*day + 12*time.Hour)
	w.put(bob, "on day 96")
	w.log("a week after it went back", "on day 96")
	w.later(121 * day)
	for i := range 3 {
		if result := w.put(alice, long(fmt.Sprint("large ", i), 60_000)); !result.New {
			w.Fatalf("remembered for too long: %+v", result)
		}
	}
}

// A machine that does not know the time when it starts begins in 1970, and is told
// the time a little later.
func aClockThatBeginsAnew(w *world) {
	left := w.old()
	right := w.now
	w.now = time.Date(1970, 1, 1, 0, 0, 5, 0, time.UTC)
	for i := range 20 {
		w.now = w.now.Add(time.Minute)
		left = append(left, fmt.Sprint("in 1970: ", i))
		w.put(bob, left[len(left)-1])
	}
	w.remembers()
	w.log(left...)
	w.now = right.Add(time.Hour)
	w.put(bob, "told the time")
	left = append(left, "told the time")
	w.later(8 * day)
	w.remembers()
	w.log(left...)
	last := w.fetch(alice, wire.FetchArgs{})
	w.ack(alice, last.Head)
	w.ack(bob, last.Head)
	w.put(bob, "seen by all")
	w.log("seen by all")
}

// A hub that is asked for something every few days only still forgets.
func quietHubsForget(w *world) {
	w.lounge(bob)
	w.put(alice, "goodnight")
	begun := w.now
	for w.status(lounge, alice).Entries > 0 {
		w.now = w.now.Add(3*day + time.Hour)
		for range 8 {
			w.write()
		}
		if w.now.Sub(begun) > 110*day {
			w.Fatal("nothing is forgotten after", w.now.Sub(begun))
		}
	}
	if w.now.Sub(begun) < 90*day {
		w.Fatal("forgotten after", w.now.Sub(begun))
	}
}
