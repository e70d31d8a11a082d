package channels_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// steals copies somebody's phonebook, file by file, and returns where to.
func (p *person) steals() string {
	p.w.t.Helper()
	dir := filepath.Join(p.w.dir, fmt.Sprint("copy of ", p.name, " at ", p.w.now.Unix()))
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		p.w.t.Fatal(err)
	}
	return dir
}

// thief is a spy with the keys of a copied phonebook.
func thief(t testing.TB, dir string) *spy {
	t.Helper()
	files := t.TempDir() // opened, the copy might change
	if err := os.CopyFS(files, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	core, err := channels.Open(files, channels.Options{Quick: true})
	if err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	s := newSpy(t)
	s.keys(core)
	return s
}

// talk has people say something in turn, and returns what.
func (w *world) talk(people []*person, what string, n int, pause time.Duration) (texts []string) {
	w.t.Helper()
	for i := range n {
		text := fmt.Sprint(what, " ", i)
		people[i%len(people)].says("#c", text)
		texts = append(texts, text)
		w.run(pause)
	}
	return texts
}

// TestForwardSecrecy: who copies bob's phonebook, and has all that the hub ever
// held, cannot read what bob's gateway had opened and deleted the keys of. Which
// keys were deleted is looked up in the copied files themselves.
func TestForwardSecrecy(t *testing.T) {
	long(t)
	w := roomy(t)
	people := w.crowd(3)
	alice, bob := people[0], people[1]
	var ever everHad
	all := newSpy(t) // to show that the attack is one: with what bob ever had, all opens
	bob.watch = func() { ever.gather(bob.core); all.keys(bob.core) }
	before := w.talk(people, "before", 12, 10*time.Second)
	later := w.talk(people, "later", 12, 70*time.Second)
	w.hide = hides(alice, bob)
	alice.says("#c", "held back by the hub")
	w.run(5 * time.Second)
	w.hide = nil
	alice.says("#c", "which bob could open")
	w.run(45 * time.Second) // the write-ahead log is truncated within 30 s
	dir := bob.steals()

	var now everHad
	now.gather(bob.core)
	gone := len(ever) - len(now)
	for _, f := range filesOf(t, dir) {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if found := deleted(content, ever, now); found != "" {
			t.Errorf("%s was deleted, and is in %s", found, filepath.Base(f))
		}
	}
	s := thief(t, dir)
	s.copies(w.hub("attic"))
	all.copies(w.hub("attic"))
	s.attack()
	all.attack()
	for i, text := range slices.Concat(before, later) {
		if i%3 != 1 && !all.texts()[text] { // of bob's own keys only what they have become is ever written down
			t.Errorf("%q does not open with all keys that bob ever had", text)
		}
	}
	read := s.texts()
	for _, text := range before {
		if read[text] {
			t.Errorf("the thief reads %q", text)
		}
	}
	if !read["held back by the hub"] {
		t.Error("the thief does not read what bob could have: is he one?")
	}
	window := 0
	for i, text := range later {
		if read[text] {
			window = max(window, len(later)-i)
		}
	}
	t.Logf("of %d keys %d were deleted; of what bob had opened the thief reads the last %d texts, of the %s before he came, and not the %d before those",
		len(ever), gone, window, time.Duration(window)*70*time.Second, len(before)+len(later)-window)
	if gone < 20 || window > len(later)/2 {
		t.Errorf("%d keys were deleted, and the last %d texts are still open to him", gone, window)
	}
}

// hides has the hub withhold from one what another puts there from now on.
func hides(from, to *person) func(*person, wire.Entry) bool {
	own := map[session.ID]bool{}
	for _, id := range from.core.Blobs("SELECT entry FROM entries WHERE state = 'own'") {
		own[session.ID(id)] = true
	}
	return func(p *person, e wire.Entry) bool {
		return p == to && !own[sha256.Sum256(e.Bytes)] && slices.ContainsFunc(from.core.Blobs("SELECT entry FROM entries WHERE state = 'own'"),
			func(id []byte) bool { return session.ID(id) == sha256.Sum256(e.Bytes) })
	}
}

func filesOf(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no phonebook in %s: %v", dir, err)
	}
	return files
}

// TestHealing: who has copied bob's phonebook, and only reads, goes blind when bob
// and whoever speaks have renewed their keys, which talking does. How many texts he
// could read until then is printed: he comes when bob has just spoken, and bob
// speaks again when all others have.
func TestHealing(t *testing.T) {
	long(t)
	for _, n := range []int{2, 8, 50} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			if n > 8 {
				long(t)
			}
			w := roomy(t)
			w.hold = time.Hour
			people := w.crowd(n)
			inTurn := slices.Concat(people[2:], people[:2])
			w.talk(inTurn[n/2:], "before", max(n/2, 6), time.Minute)
			w.heals(people[1], inTurn, 2*n+30, time.Minute, 2*n+20)
		})
	}
}

// TestHealingOfAReader: bob says nothing, and still goes on to have new prekeys.
func TestHealingOfAReader(t *testing.T) {
	long(t)
	w := roomy(t)
	w.hold = time.Hour
	people := w.crowd(3)
	w.talk(people, "before", 6, time.Minute)
	others := []*person{people[0], people[2]}
	w.heals(people[1], others, 60, time.Hour, 52)
}

// heals has somebody's phonebook copied, and others talk on: of n texts the thief
// can read some, but none after so many as are the most.
func (w *world) heals(p *person, people []*person, n int, pause time.Duration, most int) {
	w.t.Helper()
	s := thief(w.t, p.steals())
	texts := w.talk(people, "after", n, pause)
	w.run(time.Minute)
	s.copies(w.hub("attic"))
	s.attack()
	read, count, last := s.texts(), 0, 0
	for i, text := range texts {
		if read[text] {
			count, last = count+1, i+1
		}
	}
	w.t.Logf("%d members, of whom %d speak in turn, a text in %v: the thief reads %d texts, and none after the %d. (%v)",
		len(w.people), len(people), pause, count, last, time.Duration(last)*pause)
	if count == 0 {
		w.t.Error("the thief reads nothing: is he one?")
	}
	if last > most || most >= n {
		w.t.Errorf("of %d texts the thief still reads the %d., more than %d", n, last, most)
	}
}

// TestAThiefWhoSpeaks: a copied phonebook has the signing key, too. Whoever uses it
// is bob to all others, and does not go blind: he shows them prekeys of his own as
// bob's. They see that bob's keys are used twice as soon as bob speaks, too. What
// ends it is that bob is removed.
func TestAThiefWhoSpeaks(t *testing.T) {
	long(t)
	w := roomy(t)
	people := w.crowd(3)
	alice, bob, carol := people[0], people[1], people[2]
	w.talk(people, "before", 6, 40*time.Second)
	dir := bob.steals()
	s := thief(t, dir)
	m := &mallory{t: t, person: &person{w: w, name: "bob's thief"}}
	var err error
	if m.core, err = channels.Open(dir, channels.Options{Quick: true}); err != nil {
		t.Fatal(err)
	}
	m.take()
	prekey, err := session.NewPrekey()
	if err != nil {
		t.Fatal(err)
	}
	s.prekey(prekey.Seed)
	m.sender = session.NewSenderKey()
	m.says(session.FreshKey{Prekey: session.NumberedPrekey{Number: w.now.Add(365 * 24 * time.Hour).Unix(), Public: prekey.Public}}, m.everybody()...)
	m.says(session.Text{Text: "it's me, bob"})
	w.run(time.Minute)
	for _, p := range []*person{alice, carol} {
		if !slices.Contains(p.lines("#c"), "bob: it's me, bob") {
			t.Errorf("%s does not take the thief for bob: %q", p.name, p.lines("#c"))
		}
	}
	others := w.talk([]*person{alice, carol}, "to bob, as they think", 20, 70*time.Second)
	bob.says("#c", "and it's me")
	w.run(2 * time.Minute)
	for _, p := range []*person{alice, carol} {
		if !slices.ContainsFunc(p.events, func(e channels.Event) bool {
			v, ok := e.(channels.Warn)
			return ok && strings.Contains(v.Text, "two different things came as the same one from bob")
		}) {
			t.Errorf("%s is not told that bob's keys are used twice", p.name)
		}
	}
	alice.removes("#c", "bob")
	w.run(time.Minute)
	saw := len(carol.lines("#c"))
	m.sealsOn(session.Text{Text: "it's still me"})
	after := w.talk([]*person{alice, carol}, "without bob", 10, 70*time.Second)
	if got := carol.lines("#c")[saw:]; len(got) != len(after) {
		t.Errorf("carol saw %q", got)
	}
	s.copies(w.hub("attic"))
	s.taps(w.people...)
	s.attack()
	s.readsAll(others...)
	s.readsNone(after...)
}

// sealsOn seals a content, and has the hub take it though it has put its sender out.
func (m *mallory) sealsOn(c session.Content) {
	m.t.Helper()
	body, err := session.EncodeBody(m.body(c))
	if err != nil {
		m.t.Fatal(err)
	}
	sealed, err := session.Seal(session.Sealing{Channel: m.channel, From: m.key, Key: m.sender, Body: body})
	if err != nil {
		m.t.Fatal(err)
	}
	m.w.people[0].puts("#c", sealed.Envelope)
}
