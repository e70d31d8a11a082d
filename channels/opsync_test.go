package channels_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// operations are the hashes of what somebody has of a channel's operations.
func (p *person) operations(channel string) []string {
	var hashes []string
	for _, h := range p.core.Blobs("SELECT o.hash FROM operations o JOIN channels c ON c.id = o.channel WHERE c.name = ? ORDER BY o.hash", channel) {
		hashes = append(hashes, fmt.Sprintf("%x", h[:4]))
	}
	return hashes
}

// same holds that all have the same operations.
func (w *world) same(channel string, others map[*person]string, p *person) {
	w.t.Helper()
	want := p.operations(channel)
	for o, name := range others {
		if got := o.operations(name); !slices.Equal(got, want) {
			w.t.Errorf("%s has %q\n%s has %q", o.name, got, p.name, want)
		}
	}
}

// forgets deletes operations behind somebody's back, as if they had never come.
func (p *person) forgets(where string, args ...any) {
	p.w.t.Helper()
	before := p.core.Number("SELECT count(*) FROM operations")
	p.core.Tamper("DELETE FROM operations WHERE "+where, args...)
	if p.core.Number("SELECT count(*) FROM operations") == before {
		p.w.t.Fatal("nothing was deleted")
	}
}

// sealed is how many envelopes somebody has sealed.
func (p *person) sealed() int64 { return p.core.Number("SELECT sum(seq) FROM channels") }

// asked is how often somebody has asked for operations.
func (p *person) asked() int64 { return p.core.Number("SELECT coalesce(sum(asked), 0) FROM ops_asked") }

func TestToldWhileSomebodyJoins(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	w.run(time.Minute)
	key := alice.invites("#bob")
	w.run(time.Minute)
	carol := w.person("carol")
	// Her join is at the hub after 60 ms, and here after 80: alice then tells her
	// what she knows, bob has just sealed something of which she has no key.
	w.at(w.now.Add(70*time.Millisecond), func() {
		bob.do(channels.SetTopic{Channel: "#alice", Text: "told in between"})
		bob.do(channels.Invite{Channel: "#alice", Note: "dave"})
	})
	carol.redeems("#c", key)
	w.run(2 * time.Second)
	if v, _ := carol.core.Channel("#c"); v.Topic != "" || v.Waiting {
		t.Fatalf("carol knows of it: this tests nothing: %+v", v)
	}
	w.run(time.Minute)
	if v, _ := carol.core.Channel("#c"); v.Topic != "told in between" || v.TopicBy != "bob" {
		t.Errorf("carol sees the topic %q of %q", v.Topic, v.TopicBy)
	}
	w.same("#c", map[*person]string{alice: "#bob", bob: "#alice"}, carol)
	if carol.asked() != 1 || alice.asked()+bob.asked() != 0 {
		t.Errorf("carol has asked %d times, the others %d", carol.asked(), alice.asked()+bob.asked())
	}
	// What belongs to bob's invite came with it: she lets in who uses it.
	alice.stop()
	bob.stop()
	v, _ := last[channels.Invited](bob)
	dave := w.person("dave")
	dave.redeems("#d", v.Key)
	w.run(time.Minute)
	if got := carol.nicks("#c"); !slices.Contains(got, "dave") {
		t.Errorf("carol sees %q", got)
	}
	before := []int64{carol.sealed(), carol.asked()}
	w.run(6 * time.Hour)
	if after := carol.sealed(); after-before[0] > 3 || carol.asked() != before[1] {
		t.Errorf("in six hours of silence carol sealed %d envelopes, and asked %d times", after-before[0], carol.asked()-before[1])
	}
}

// Two have each what the other lacks, and one does not know who is in: all
// that is missing comes from others.
func TestMembersWhoLackOperations(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(time.Minute)
	alice.do(channels.SetTopic{Channel: "#bob", Text: "one"})
	w.run(time.Second)
	carol.do(channels.SetNick{Nick: "karola"})
	w.run(time.Second)
	bob.do(channels.SetTopic{Channel: "#alice", Text: "two"})
	w.run(time.Minute)
	all := alice.operations("#bob")
	w.same("#bob", map[*person]string{bob: "#alice", carol: "#c"}, alice)

	bob.forgets("id > (SELECT min(id) FROM operations WHERE bytes = ?)", bob.core.Blobs("SELECT bytes FROM operations ORDER BY id LIMIT 1 OFFSET 5")[0])
	carol.forgets("id = (SELECT max(id) FROM operations)")
	if got := bob.nicks("#alice"); slices.Contains(got, "karola") {
		t.Fatalf("bob sees %q: this tests nothing", got)
	}
	alice.says("#bob", "hello")
	w.run(time.Minute)
	for p, name := range map[*person]string{alice: "#bob", bob: "#alice", carol: "#c"} {
		if got := p.operations(name); !slices.Equal(got, all) {
			t.Errorf("%s has %q, not %q", p.name, got, all)
		}
		if v, _ := p.core.Channel(name); v.Topic != "two" {
			t.Errorf("%s sees the topic %q", p.name, v.Topic)
		}
	}
	w.run(time.Second)
	carol.says("#c", "hi")
	w.run(time.Second)
	bob.saw("#alice", "alice: hello", "karola: hi")
}

// Of many who could give only one does, mostly.
func TestOneGives(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	people := []*person{alice}
	for i := range 5 {
		p := w.person(fmt.Sprint("p", i))
		p.redeems("#p", alice.invites("#bob"))
		w.run(2 * time.Second)
		people = append(people, p)
	}
	alice.do(channels.SetTopic{Channel: "#bob", Text: "one"})
	w.run(3 * time.Hour) // receipts are sent
	before := int64(0)
	for _, p := range people {
		before += p.sealed()
	}
	bob.forgets("id = (SELECT max(id) FROM operations)")
	alice.says("#bob", "hello")
	w.run(50 * time.Second)
	w.same("#bob", map[*person]string{bob: "#alice"}, alice)
	after := int64(0)
	for _, p := range people {
		after += p.sealed()
	}
	if n := after - before - 1; n < 1 || n > 2 {
		t.Errorf("%d have given", n)
	}
}

// A member who says to have what does not exist is asked for it a few times.
func TestLyingMembers(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, m := w.withMallory()
	w.run(time.Hour)
	w.hold = time.Hour
	lies := func(hash byte) {
		b := m.body(session.Seen{})
		b.Members = session.Members{Count: 1000, Hash: session.ID{hash}}
		m.sends(b)
	}
	for range 40 { // the same lie, for days
		lies(1)
		w.run(3 * time.Hour)
	}
	if alice.asked() != 4 || bob.asked() != 4 {
		t.Errorf("alice asked %d times, bob %d", alice.asked(), bob.asked())
	}
	before := []int64{alice.asked(), bob.asked()}
	for i := range 60 { // ever new ones
		lies(byte(2 + i))
		w.run(time.Minute)
	}
	for i, p := range []*person{alice, bob} {
		if n := p.asked() - before[i]; n < 2 || n > 12 { // of one fingerprint and that before it
			t.Errorf("%s asked %d times in an hour", p.name, n)
		}
	}
	w.hold = 0
	w.run(time.Minute)
	w.goesOn(alice, bob, "the liar is not heard")
}

// Who asks for all, time and again, is given it now and then.
func TestAskingWithoutEnd(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, m := w.withMallory()
	w.run(time.Hour)
	before := alice.sealed() + bob.sealed()
	for i := range 180 {
		b := m.body(session.Need{Heads: []session.ID{{0, byte(i)}, session.ID(m.set.All()[0].Hash())}})
		b.Members = session.Members{Count: 1} // that she has all would show else
		m.sends(b)
		w.run(10 * time.Second)
	}
	given := alice.core.Number("SELECT count(*) FROM ops_wanted WHERE last > 0") + bob.core.Number("SELECT count(*) FROM ops_wanted WHERE last > 0")
	asked := alice.asked() + bob.asked()
	if n := alice.sealed() + bob.sealed() - before; given == 0 || n > 2*(7+4)+4 { // gifts in half an hour, askings for what was named, receipts
		t.Errorf("they sealed %d envelopes for her in half an hour, and asked %d times", n, asked)
	}
	// It keeps nobody from being heard who asks for something else.
	before = alice.core.Number("SELECT count(*) FROM calls WHERE again = 1")
	m.says(session.Need{IDs: []session.ID{session.ID(bob.core.Blobs("SELECT entry FROM entries WHERE state = 'own' ORDER BY id LIMIT 1")[0])}})
	w.run(50 * time.Millisecond)
	if alice.core.Number("SELECT count(*) FROM calls WHERE again = 1") == before {
		t.Error("alice does not hear that she asks for an envelope")
	}
	w.run(time.Minute)
	w.goesOn(alice, bob, "all the same")
}

// An operation that names what nobody has is passed on like any other.
func TestWhatRestsOnNothingIsGiven(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, m := w.withMallory()
	m.operates(roster.Topic{Text: "of nothing"}, func(op *roster.Op) {
		op.Heads = append(op.Heads, roster.Hash{0xff, 1})
	})
	w.run(time.Minute)
	bob.do(channels.SetTopic{Channel: "#alice", Text: "of something"})
	w.run(time.Minute)
	bob.forgets("id >= (SELECT max(id) - 1 FROM operations)")
	alice.says("#bob", "hello")
	w.run(time.Minute)
	w.same("#bob", map[*person]string{bob: "#alice"}, alice)
	asked := bob.asked()
	w.run(3 * time.Hour)
	if bob.asked() != asked || alice.asked() != 0 {
		t.Errorf("bob asked %d times more, alice %d", bob.asked()-asked, alice.asked())
	}
	w.goesOn(alice, bob, "and on")
}
