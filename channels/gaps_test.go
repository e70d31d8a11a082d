package channels_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"

	"hubbub/channels/wire"
)

// lastEntry is the id of somebody's newest own envelope.
func lastEntry(p *person) []byte {
	blobs := p.core.Blobs("SELECT entry FROM entries WHERE state = 'own' ORDER BY id DESC LIMIT 1")
	return blobs[0]
}

// withholding has the hub withhold an entry from somebody.
func (w *world) withholding(from *person, id []byte) {
	w.hide = func(p *person, e wire.Entry) bool {
		sum := sha256.Sum256(e.Bytes)
		return p == from && bytes.Equal(sum[:], id)
	}
}

func TestAHubGoesBackToABackup(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	hub := w.hub("attic")
	alice.says("#bob", "one")
	w.run(2 * time.Second)
	hub.fall()
	hub.backup()
	hub.rise()
	w.run(2 * time.Minute)
	alice.says("#bob", "two")
	bob.says("#alice", "2")
	w.run(2 * time.Second)
	bob.stop()
	alice.says("#bob", "three") // bob has not seen this one
	w.run(2 * time.Second)
	hub.fall()
	hub.restore()
	hub.rise()
	w.run(3 * time.Minute)
	bob.start()
	w.run(3 * time.Minute)
	alice.says("#bob", "four")
	bob.says("#alice", "4")
	w.run(3 * time.Minute)
	want := []string{"alice: one", "alice: two", "bob: 2", "alice: three", "alice: four", "bob: 4"}
	got := alice.history("#bob")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("alice has %q", got)
	}
	got = bob.history("#alice")
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("bob has %q", got)
	}
	// A third one reads it all, from what the two have put back.
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(5 * time.Second)
	alice.says("#bob", "hi carol")
	w.run(5 * time.Second)
	carol.saw("#c", "alice: hi carol")
}

func TestAHubIsWiped(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	hub := w.hub("attic")
	alice.says("#bob", "one")
	bob.stop()
	alice.says("#bob", "two")
	w.run(2 * time.Second)
	hub.fall()
	hub.wipe() // and with it, who may talk there
	hub.rise()
	w.run(10 * time.Minute)
	bob.start()
	w.run(10 * time.Minute)
	alice.says("#bob", "three")
	w.run(time.Minute)
	bob.says("#alice", "four")
	w.run(time.Minute)
	bob.saw("#alice", "alice: one", "alice: two", "alice: three", "bob: four")
	alice.saw("#bob", "alice: one", "alice: two", "alice: three", "bob: four")
	if v, _ := alice.core.Channel("#bob"); v.Hubs[0].Standing != channels.Good || v.Hubs[0].Behind > 0 {
		t.Errorf("the hub is not as before: %+v", v.Hubs)
	}
	if n := len(filter(alice.events, func(e channels.Event) bool { _, ok := e.(channels.News); return ok })); n < 1 || n > 2 {
		t.Errorf("alice was told %d times", n)
	}
}

// filter is those of a list that f likes.
func filter[T any](list []T, f func(T) bool) (some []T) {
	for _, v := range list {
		if f(v) {
			some = append(some, v)
		}
	}
	return some
}

// told holds hubbub's words in a channel, in their order, against what each must have in it.
func (p *person) told(channel string, want ...string) {
	p.w.t.Helper()
	got := p.infos(channel)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.Contains(got[i], want[i]) {
			p.w.t.Errorf("%s was told\n\t%q, not\n\t%q", p.name, got, want)
			return
		}
	}
}

func TestAWithheldEnvelopeIsGivenUp(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "one")
	w.run(2 * time.Second)
	alice.says("#bob", "two")
	w.withholding(bob, lastEntry(alice))
	w.run(2 * time.Second)
	alice.says("#bob", "three")
	w.run(2 * time.Second)
	bob.saw("#alice", "alice: one")
	bob.told("#alice") // it may come yet
	w.run(time.Minute)
	// Alice is asked, but the hub says that it has it.
	bob.saw("#alice", "alice: one")
	bob.told("#alice", "1 message from alice is missing: hubbub looks for it")
	w.hold = time.Hour
	bob.restart() // nothing of the waiting is lost by that
	w.run(73 * time.Hour)
	if got := bob.history("#alice"); !slices.Equal(got, []string{"alice: one", "alice: three"}) {
		t.Errorf("bob has %q", got)
	}
	bob.told("#alice", "1 message from alice is missing", "1 message from alice could not be found and must be taken for lost")
}

// A hub that kept something back, and is honest now, is read again: what it has
// lies behind what was read there.
func TestAHubThatKeptSomethingBackIsReadAgain(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "one")
	w.run(2 * time.Second)
	kept := map[[32]byte]bool{}
	w.hide = func(p *person, e wire.Entry) bool {
		id := sha256.Sum256(e.Bytes)
		if p == bob && len(kept) < 3 {
			kept[id] = true
		}
		return kept[id] && p == bob
	}
	for _, text := range []string{"two", "three", "four", "five"} {
		alice.says("#bob", text)
		w.run(time.Second)
	}
	w.run(time.Minute)
	bob.saw("#alice", "alice: one")
	bob.told("#alice", "3 messages from alice are missing: hubbub looks for them")
	w.hide = nil
	w.run(4 * time.Minute)
	bob.saw("#alice", "alice: one", "alice: two", "alice: three", "alice: four", "alice: five")
	bob.told("#alice", "3 messages from alice are missing", "the 3 missing messages from alice have come")
	alice.says("#bob", "six")
	w.run(time.Second)
	bob.says("#alice", "seven")
	w.run(time.Second)
	alice.saw("#bob", bob.lines("#alice")...)
}

// A joiner from whom the hub keeps what lets him in knows of nothing that is
// missing, and reads it again all the same.
func TestAHubThatKeptAJoinerOutIsReadAgain(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Ref: 2, Channel: "#bob"})
	kept, all := map[[32]byte]bool{}, true
	w.hide = func(p *person, e wire.Entry) bool {
		id := sha256.Sum256(e.Bytes)
		kept[id] = kept[id] || all
		return p == bob && kept[id]
	}
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(time.Minute)
	all = false
	alice.says("#bob", "one")
	w.run(time.Minute)
	w.hide = nil
	if v, _ := bob.core.Channel("#alice"); !v.Waiting {
		t.Fatal("nothing was kept from bob")
	}
	w.run(10 * time.Minute)
	if v, _ := bob.core.Channel("#alice"); v.Waiting {
		t.Fatal("bob still waits")
	}
	bob.says("#alice", "two")
	w.run(time.Second)
	alice.saw("#bob", "alice: one", "bob: two")
	bob.saw("#alice", "alice: one", "bob: two")
}

// Where another hub has what one kept back, nobody is asked, and nothing is said.
func TestAnotherHubFillsTheHole(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	bob.owns(w.hub("cellar"), false)
	w.run(time.Minute)
	attic := w.hub("attic")
	alice.says("#bob", "one")
	w.run(time.Second)
	w.hub("cellar").fall() // so that it has it late
	w.run(time.Second)
	hidden := map[[32]byte]bool{}
	alice.says("#bob", "two")
	hidden[[32]byte(lastEntry(alice))] = true
	w.hide = func(p *person, e wire.Entry) bool {
		id := sha256.Sum256(e.Bytes)
		return p == bob && hidden[id] && !attic.down
	}
	w.run(time.Second)
	alice.says("#bob", "three")
	w.run(2 * time.Second)
	bob.saw("#alice", "alice: one")
	attic.fall()
	w.hub("cellar").rise()
	w.run(5 * time.Minute)
	bob.saw("#alice", "alice: one", "alice: two", "alice: three")
	if got := bob.infos("#alice"); slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "missing") || strings.Contains(l, "lost") }) {
		t.Errorf("bob was told %q", got)
	}
}

// Several holes of one sender are asked for together, and what comes is told when
// nothing is missing any more.
func TestSomeOfWhatIsMissingComes(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "one")
	w.run(2 * time.Second)
	var hidden [][]byte
	w.hide = func(p *person, e wire.Entry) bool {
		id := sha256.Sum256(e.Bytes)
		return p == bob && slices.ContainsFunc(hidden, func(h []byte) bool { return bytes.Equal(h, id[:]) })
	}
	for i, text := range []string{"two", "three", "four", "five", "six"} {
		alice.says("#bob", text)
		if i%2 == 0 {
			hidden = append(hidden, lastEntry(alice))
		}
		w.run(time.Second)
	}
	alice.says("#bob", "seven")
	w.run(time.Minute)
	bob.told("#alice", "3 messages from alice are missing")
	if n := bob.core.Number("SELECT count(*) FROM missed WHERE asked = 1"); n != 3 {
		t.Errorf("%d were asked for", n)
	}
	hidden = hidden[1:2] // the hub shows two of them from now on
	w.run(5 * time.Minute)
	bob.saw("#alice", "alice: one", "alice: two", "alice: three")
	w.hold = time.Hour
	w.run(73 * time.Hour)
	bob.saw("#alice", "alice: one", "alice: two", "alice: three", "alice: five", "alice: six", "alice: seven")
	bob.told("#alice", "3 messages from alice are missing", "1 message from alice could not be found", "2 of the 3 missing messages from alice have come")
}

// Who was away when he was asked for one thing, and later for another, gives both
// when he is back: the askings come to him at once, and the next would be a day off.
func TestWhoWasAwayGivesAllThatWasAskedForMeanwhile(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "one")
	w.run(2 * time.Second)
	hidden := map[[32]byte]bool{}
	w.hide = func(p *person, e wire.Entry) bool { return p == bob && hidden[sha256.Sum256(e.Bytes)] }
	ids := map[string][32]byte{}
	for _, text := range []string{"two", "three", "four", "five"} {
		alice.says("#bob", text)
		ids[text] = [32]byte(lastEntry(alice))
		hidden[ids[text]] = text != "three"
		w.run(time.Second)
	}
	alice.stop()
	w.run(time.Minute)
	hidden[ids["five"]] = false // by which bob sees that there was a fourth
	w.run(5 * time.Minute)
	if n := bob.core.Number("SELECT count(DISTINCT at) FROM missed WHERE asked = 1"); n != 2 {
		t.Fatalf("bob has asked %d times", n)
	}
	alice.start()
	w.run(time.Minute)
	for _, text := range []string{"two", "four"} {
		if !alice.putAgain(ids[text]) {
			t.Errorf("alice does not give %q", text)
		}
	}
}

// putAgain says that somebody has put an envelope once more.
func (p *person) putAgain(id [32]byte) bool {
	return slices.ContainsFunc(p.made, func(r channels.Request) bool {
		return slices.ContainsFunc(r.Calls, func(c wire.SignedCall) bool {
			put, ok := c.Args.(wire.PutArgs)
			return ok && put.Again && sha256.Sum256(put.Entry) == id
		})
	})
}
