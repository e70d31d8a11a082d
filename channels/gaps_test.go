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

func TestAWithheldEnvelopeIsGivenUp(t *testing.T) {
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
	w.hide = nil // from here on the hub is honest, but what it withheld is behind us
	w.run(time.Minute)
	// Alice is asked, but the hub has it still and will not append it twice: only
	// a hub that was wiped, or another one, can give it now.
	bob.saw("#alice", "alice: one")
	if got := bob.infos("#alice"); len(got) != 1 || !strings.Contains(got[0], "something from alice is missing") {
		t.Errorf("bob was told %q", got)
	}
	w.hold = time.Hour
	bob.restart() // nothing of the waiting is lost by that
	w.run(73 * time.Hour)
	if got := bob.history("#alice"); !slices.Equal(got, []string{"alice: one", "alice: three"}) {
		t.Errorf("bob has %q", got)
	}
	if got := bob.infos("#alice"); len(got) != 2 || !strings.Contains(got[1], "1 message from alice could not be found") {
		t.Errorf("bob was told %q", got)
	}
}
