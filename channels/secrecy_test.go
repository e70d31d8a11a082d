package channels_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// spied is somebody whose gateway is as it should be, and who keeps a copy of his
// phonebook from after each of its steps.
func (w *world) spied(name string, by *person) (*person, *spy) {
	w.t.Helper()
	p, s := w.person(name), newSpy(w.t)
	p.watch = func() { s.keys(p.core) }
	p.redeems("#c", by.invites("#c"))
	w.run(5 * time.Second)
	return p, s
}

// readsAll and readsNone hold what a spy could read to what he should.
func (s *spy) readsAll(texts ...string) {
	s.t.Helper()
	read := s.texts()
	for _, text := range texts {
		if !read[text] {
			s.t.Errorf("he does not read %q: is he a spy?", text)
		}
	}
}

func (s *spy) readsNone(texts ...string) {
	s.t.Helper()
	read := s.texts()
	for _, text := range texts {
		if read[text] {
			s.t.Errorf("he reads %q", text)
		}
	}
}

// TestARemovedMemberReadsNothingMore: mallory has kept all keys that she ever had,
// and the hub gives her all that it ever held. She reads what was sealed before its
// sender's gateway knew that she was removed, and nothing after: not from who was
// there, not from who comes by an invite that she knew of, nor what he says first.
func TestARemovedMemberReadsNothingMore(t *testing.T) {
	long(t)
	w := roomy(t)
	people := w.crowd(4)
	alice, bob, carol, dave := people[0], people[1], people[2], people[3]
	before := w.talk(people, "before mallory came", 8, 10*time.Second)
	mallory, m := w.spied("mallory", alice)
	with := w.talk(slices.Concat(people, []*person{mallory}), "with mallory", 15, 40*time.Second)
	var others []string
	for i, text := range with {
		if i%5 != 4 { // of her own keys only what they have become is ever written down
			others = append(others, text)
		}
	}
	byBob, byAlice := bob.invites("#c"), alice.invites("#c")
	w.run(10 * time.Second)

	// Bob is away, carol has not heard yet, and from dave the hub keeps it back.
	w.cut = func(p *person, _ *hubHouse) bool { return p == bob }
	w.run(2 * time.Minute)
	bob.says("#c", "typed by bob, who was away")
	w.hide = hides(alice, dave)
	known, removed := len(m.tappedOf(w.people...)), w.now
	alice.removes("#c", "mallory")
	alice.says("#c", "said by alice at once")
	w.run(25 * time.Millisecond)
	carol.says("#c", "said by carol at the same time")
	w.run(2 * time.Second)
	dave.says("#c", "said by dave, who was not told")
	w.run(time.Second)
	w.cut, w.hide = nil, nil
	for heard := 0; heard < len(people); {
		heard = 0
		for _, p := range people {
			if count[channels.Left](p) > 0 {
				heard++
			}
		}
		w.talk([]*person{alice}, "meanwhile", 1, 10*time.Second)
		if w.now.After(removed.Add(15 * time.Minute)) {
			t.Fatalf("only %d of %d know that she is removed", heard, len(people))
		}
	}

	after := w.talk(people, "after", 12, 40*time.Second)
	carol.restart()
	byCarol := carol.invites("#c")
	w.run(10 * time.Second)
	for _, v := range []struct{ name, key string }{{"erin", byBob}, {"frank", byAlice}, {"grace", byCarol}} {
		for _, p := range people {
			p.stop()
		}
		p := w.person(v.name)
		p.redeems("#c", v.key)
		after = append(after, w.talk([]*person{p}, "the first words of "+v.name, 2, time.Second)...)
		for _, p := range people {
			p.start()
		}
		people = append(people, p)
		w.run(10 * time.Second)
	}
	after = append(after, w.talk(people, "with others", 21, 40*time.Second)...)
	alice.done(channels.Share{Ref: 22, Channel: "#c", Nick: "grace", Count: 30})
	w.run(time.Minute)
	for _, p := range people[:4] {
		for _, text := range slices.Concat(with, after) {
			if !slices.ContainsFunc(p.lines("#c"), func(l string) bool { return strings.HasSuffix(l, ": "+text) }) {
				t.Errorf("%s does not have %q", p.name, text)
			}
		}
	}

	m.copies(w.hub("attic"))
	m.taps(w.people...)
	m.attack()
	m.readsNone(before...)
	m.readsAll(others...)
	m.readsAll("said by carol at the same time", "said by dave, who was not told") // the edge
	m.readsNone("said by alice at once", "typed by bob, who was away", "meanwhile 0")
	m.readsNone(after...)
	for _, p := range people[4:] { // the join keys of invites that she knew of stay as they are
		if _, sees := m.joinedBy(p.id("#c")); sees != (p.name != "grace") {
			t.Errorf("that %s has joined: she sees it is %v", p.name, sees)
		}
	}

	late := 0
	for i, id := range m.order {
		b, read := m.read[id]
		if i < known || !read {
			continue
		}
		late++
		sender := slices.IndexFunc(people, func(p *person) bool { return p.id("#c") == b.From })
		_, removal := b.Content.(session.Ops)
		if !removal && people[sender] != carol && people[sender] != dave {
			t.Errorf("late, she opens a %s of %s's", b.Content.Kind(), people[sender].name)
		}
	}
	t.Logf("of %d entries, of which %d were made after the removal, she opens %d, of the latter %d", len(m.order), len(m.order)-known, len(m.read), late)
}

// tappedOf is how many entries somebody has tapped, when he does.
func (s *spy) tappedOf(people ...*person) []session.ID {
	s.taps(people...)
	return s.order
}

// joinedBy says whether he could read the sealed join of somebody.
func (s *spy) joinedBy(id session.Member) (session.ID, bool) {
	for entry, by := range s.joined {
		if session.Member(by) == id {
			return entry, true
		}
	}
	return session.ID{}, false
}

// TestAForgedOffer: what a removed member can do with a hub that obeys her: she
// renews the offer of an invite that she knew of, with an invite prekey of her own.
// She reads what he who comes by it says until he knows the members, which they do
// not, and no more.
func TestAForgedOffer(t *testing.T) {
	long(t)
	for name, members := range map[string]func(bob, mallory *person) []session.Member{
		"that names her":         func(bob, mallory *person) []session.Member { return []session.Member{bob.id("#c"), mallory.id("#c")} },
		"that does not name her": func(bob, _ *person) []session.Member { return []session.Member{bob.id("#c")} },
		"that names nobody":      func(_, _ *person) []session.Member { return nil },
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			w := roomy(t)
			people := w.crowd(3)
			alice, bob, carol := people[0], people[1], people[2]
			mallory, m := w.spied("mallory", alice)
			key := bob.invites("#c")
			w.run(10 * time.Second)
			forged := mallory.forgesOffer(w.hub("attic"), m, members(bob, mallory)...)
			alice.removes("#c", "mallory")
			w.run(time.Minute)
			for _, p := range people {
				p.stop()
			}
			forged()
			erin := w.person("erin")
			erin.redeems("#c", key)
			first := w.talk([]*person{erin}, "to whom it may concern", 3, time.Second)
			alice.start()
			bob.start() // and carol stays away: not all have shown erin a prekey
			w.run(3 * time.Minute)
			if v, _ := erin.core.Channel("#c"); v.Waiting || len(v.Members) != 4 {
				t.Fatalf("erin waits, or knows %d members", len(v.Members))
			}
			known := w.talk([]*person{erin, alice, bob}, "to the members", 6, 40*time.Second)
			carol.start()
			w.run(time.Minute)
			known = append(known, w.talk([]*person{erin, carol, alice, bob}, "to all of them", 8, 40*time.Second)...)
			for _, p := range people {
				for _, text := range known {
					if !slices.ContainsFunc(p.lines("#c"), func(l string) bool { return strings.HasSuffix(l, ": "+text) }) {
						t.Errorf("%s does not have %q", p.name, text)
					}
				}
			}
			m.copies(w.hub("attic"))
			m.taps(w.people...)
			m.attack()
			m.readsAll(first...)
			m.readsNone(known...)
		})
	}
}

// forgesOffer makes what a hub is to show for the invite that is open: an offer with
// a prekey that only mallory has, under a number that is far ahead.
func (p *person) forgesOffer(h *hubHouse, s *spy, members ...session.Member) func() {
	t := p.w.t
	t.Helper()
	const open = "FROM invites WHERE state = 'open' AND refresh IS NOT NULL"
	one := func(column string) []byte {
		all := p.core.Blobs("SELECT " + column + " " + open)
		if len(all) != 1 {
			t.Fatalf("mallory knows %d open invites", len(all))
		}
		return all[0]
	}
	prekey, err := session.NewPrekey()
	if err != nil {
		t.Fatal(err)
	}
	s.prekey(prekey.Seed)
	number, slot := int64(session.MaxNumber-1000), session.Slot(one("slot"))
	nicks := []string{"bob", "mallory"}
	blob, err := session.RefreshBlob(one("card"), session.Secret(one("refresh")), slot, session.Offer{
		Number: number, Prekey: prekey.Public, Nicks: nicks, Members: members, Hubs: []session.Hub{{URL: h.url, Fingerprint: h.hub.Fingerprint()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		h.edit("UPDATE slots SET number = ?, blob = ? WHERE slot = ? AND state = 0", number, blob, slot[:])
	}
}

// edit changes a hub's database, as whoever runs it can.
func (h *hubHouse) edit(query string, args ...any) {
	h.w.t.Helper()
	h.hub.Close()
	defer h.open()
	files, _ := filepath.Glob(filepath.Join(h.data, "*.db"))
	db, err := sql.Open("sqlite", "file:"+files[0])
	if err != nil {
		h.w.t.Fatal(err)
	}
	defer db.Close()
	r, err := db.ExecContext(context.Background(), query, args...)
	if err != nil {
		h.w.t.Fatal(err)
	}
	if n, err := r.RowsAffected(); n != 1 || err != nil {
		h.w.t.Fatal(fmt.Errorf("%d rows: %w", n, err))
	}
}

// TestARemovedMemberLetsSomebodyIn: with a hub that obeys her, mallory can do more
// than read: an offer that she has forged names her as one who lets in, and what she
// tells erin leaves out that she was removed. Erin takes her for a member until one
// of the others reaches him.
func TestARemovedMemberLetsSomebodyIn(t *testing.T) {
	long(t)
	w := roomy(t)
	people := w.crowd(2)
	alice, bob := people[0], people[1]
	p, s := w.spied("mallory", alice)
	w.talk(slices.Concat(people, []*person{p}), "before", 6, 40*time.Second)
	key := bob.invites("#c")
	w.run(10 * time.Second)
	forged := p.forgesOffer(w.hub("attic"), s, bob.id("#c"), p.id("#c"))
	m := &mallory{person: p, t: t}
	m.take()
	w.people = slices.DeleteFunc(w.people, func(q *person) bool { return q == p })
	alice.removes("#c", "mallory")
	w.run(2 * time.Second)
	alice.stop()
	bob.stop()
	forged()
	erin := w.person("erin")
	erin.redeems("#c", key)
	m.letsIn(s, w.hub("attic"))
	w.run(5 * time.Second)
	if v, _ := erin.core.Channel("#c"); v.Waiting || !slices.Contains(erin.nicks("#c"), "mallory") {
		t.Fatalf("erin waits %v, and sees %q", v.Waiting, erin.nicks("#c"))
	}
	deceived := w.talk([]*person{erin}, "to those who seem to be here", 3, 10*time.Second)
	alice.start()
	bob.start()
	w.run(10 * time.Minute)
	if nicks := erin.nicks("#c"); slices.Contains(nicks, "mallory") {
		t.Fatalf("erin still sees %q", nicks)
	}
	known := w.talk([]*person{erin, alice, bob}, "to the members", 9, 40*time.Second)
	s.copies(w.hub("attic"))
	s.taps(w.people...)
	s.attack()
	s.readsAll(deceived...)
	s.readsNone(known...)
}

// letsIn tells the newest joiner all that mallory knew, and gives him her key.
func (m *mallory) letsIn(s *spy, h *hubHouse) {
	m.t.Helper()
	s.copies(h)
	s.attack()
	for _, b := range s.joinOps {
		op, err := roster.Parse(b)
		if err != nil {
			m.t.Fatal(err)
		}
		if isNew, _ := m.set.Add(op); !isNew {
			continue
		}
		prekey, err := session.NewPrekey()
		if err != nil {
			m.t.Fatal(err)
		}
		s.prekey(prekey.Seed)
		args := op.Op().Args.(roster.Join)
		to := session.Recipient{Member: session.Member(op.Op().By), Prekey: session.PrekeyPublic(args.Prekey)}
		m.says(session.Give{Prekey: session.NumberedPrekey{Number: m.w.now.Unix() + 1, Public: prekey.Public}}, to)
	}
	var ops [][]byte
	for _, op := range m.set.All() {
		ops = append(ops, op.Bytes())
	}
	m.says(session.Snapshot{Count: 1, Ops: ops})
}
