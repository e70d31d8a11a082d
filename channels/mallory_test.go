package channels_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// mallory is a member like others, but for her gateway, which is her own work.
// It has taken over from a common one.
type mallory struct {
	*person
	t       testing.TB
	channel session.Channel
	key     ed25519.PrivateKey
	token   []byte
	self    session.Member
	seq     int64
	head    session.ID
	sender  session.SenderKey
	set     *roster.Set
	members map[session.Member]session.PrekeyPublic // the others
	keys    map[session.Member]session.KeyID        // their newest sender keys
}

// withMallory are alice and bob in one channel with mallory.
func (w *world) withMallory() (alice, bob *person, m *mallory) {
	w.t.Helper()
	alice, bob = w.two()
	p := w.person("mallory")
	p.redeems("#m", alice.invites("#bob"))
	w.run(2 * time.Second)
	for _, s := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}, {p, "#m"}} {
		s.says(s.channel, "hello from "+s.name)
		w.run(time.Second)
	}
	w.run(time.Minute)
	m = &mallory{person: p, t: w.t}
	m.take()
	w.people = slices.DeleteFunc(w.people, func(q *person) bool { return q == p })
	return alice, bob, m
}

// take takes over what mallory's gateway has in its phonebook.
func (m *mallory) take() {
	one := func(query string) []byte { return m.core.Blobs(query)[0] }
	m.channel = session.Channel(one("SELECT channel FROM channels"))
	m.key = ed25519.NewKeyFromSeed(one("SELECT member FROM channels"))
	m.self = session.Member(m.key.Public().(ed25519.PublicKey))
	m.token = one("SELECT token FROM channels")
	m.seq = m.core.Number("SELECT seq FROM channels")
	m.head = session.ID(one("SELECT head FROM channels"))
	m.sender = session.SenderKey{
		ID: session.KeyID(one("SELECT key FROM sending")), Chain: session.Secret(one("SELECT chain FROM sending")),
		Iteration: int(m.core.Number("SELECT iteration FROM sending")),
	}
	m.set = roster.NewSet(roster.Channel(m.channel))
	for _, b := range m.core.Blobs("SELECT bytes FROM operations") {
		op, err := roster.Parse(b)
		if err != nil {
			m.t.Fatal(err)
		}
		_, _ = m.set.Add(op)
	}
	m.members, m.keys = map[session.Member]session.PrekeyPublic{}, map[session.Member]session.KeyID{}
	for _, id := range m.core.Blobs("SELECT member FROM peers WHERE number >= 0 ORDER BY member") {
		m.members[session.Member(id)] = session.PrekeyPublic(m.core.Blobs("SELECT prekey FROM peers WHERE member = ?", id)[0])
		m.keys[session.Member(id)] = session.KeyID(m.core.Blobs("SELECT key FROM chains WHERE sender = ? ORDER BY began DESC", id)[0])
	}
	if len(m.members) != 2 {
		m.t.Fatalf("mallory knows %d members", len(m.members))
	}
	m.stop()
}

// id is a member's id.
func (p *person) id(channel string) session.Member {
	v, _ := p.core.Channel(channel)
	return v.Members[0].ID
}

// body is the next body of mallory's.
func (m *mallory) body(c session.Content) session.Body {
	count, hash := m.set.Fingerprint()
	return session.Body{
		From: m.self, Seq: m.seq + 1, Prev: m.head, Time: m.w.now.UnixMilli(),
		Members: session.Members{Count: int64(count), Hash: hash}, Content: c,
	}
}

// puts seals a body, whatever is in it, and puts it on the hub.
func (m *mallory) puts(body []byte, to ...session.Recipient) []byte {
	m.t.Helper()
	sealed, err := session.Seal(session.Sealing{Channel: m.channel, From: m.key, Key: m.sender, Recipients: to, Body: body})
	if err != nil {
		m.t.Fatal(err)
	}
	m.sender, m.head = sealed.Next, sealed.ID
	m.seq++
	m.putEntry(sealed.Envelope)
	return sealed.Envelope
}

// says seals a content as it is to be.
func (m *mallory) says(c session.Content, to ...session.Recipient) []byte {
	m.t.Helper()
	return m.sends(m.body(c), to...)
}

func (m *mallory) sends(b session.Body, to ...session.Recipient) []byte {
	m.t.Helper()
	encoded, err := session.EncodeBody(b)
	if err != nil {
		m.t.Fatal(err)
	}
	return m.puts(encoded, to...)
}

// everybody gets a box.
func (m *mallory) everybody() (to []session.Recipient) {
	for id, prekey := range m.members {
		to = append(to, session.Recipient{Member: id, Prekey: prekey})
	}
	return to
}

// operates signs an operation and tells it.
func (m *mallory) operates(args roster.Args, change func(*roster.Op)) {
	m.t.Helper()
	op, err := m.set.Draft(roster.Member(m.self), m.w.now.UnixMilli(), args)
	if err != nil {
		m.t.Fatal(err)
	}
	if change != nil {
		change(&op)
	}
	signed, err := roster.Sign(op, m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	_, _ = m.set.Add(signed)
	m.says(session.Ops{Ops: [][]byte{signed.Bytes()}})
}

// attacks are what mallory does, with alice and bob in the channel.
var attacks = map[string]func(alice, bob *person, m *mallory){
	"shows bob's prekey as her own": func(_, bob *person, m *mallory) {
		m.says(session.FreshPrekey{Prekey: session.NumberedPrekey{Number: session.MaxNumber, Public: m.members[bob.id("#alice")]}})
	},
	"claims to have seen what was never sent": func(alice, bob *person, m *mallory) {
		for _, seq := range []int64{session.MaxNumber, 17} {
			b := m.body(session.Seen{})
			b.Seen = []session.Head{{From: alice.id("#bob"), Seq: seq, ID: session.ID{1}}, {From: bob.id("#alice"), Seq: seq, ID: session.ID{2}}}
			m.sends(b)
		}
	},
	"jumps to the last number": func(_, _ *person, m *mallory) {
		m.seq = session.MaxNumber - 1
		m.says(session.Text{Text: "the last"})
	},
	"speaks as bob": func(_, bob *person, m *mallory) {
		b := m.body(session.Text{Text: "I am bob"})
		b.From = bob.id("#alice")
		m.sends(b)
	},
	"names an operation that does not exist": func(_, _ *person, m *mallory) {
		m.operates(roster.Topic{Text: "of nothing"}, func(op *roster.Op) {
			op.Heads = append(op.Heads, roster.Hash{0xff, 1})
		})
	},
	"uses bob's key id": func(_, bob *person, m *mallory) {
		m.sender = session.NewSenderKey()
		m.sender.ID = m.keys[bob.id("#alice")]
		prekey, _ := session.NewPrekey()
		m.says(session.FreshKey{Prekey: session.NumberedPrekey{Number: 3, Public: prekey.Public}}, m.everybody()...)
	},
	"sends rubbish in all places": func(_, _ *person, m *mallory) {
		for _, body := range [][]byte{{0}, {0xff}, []byte("hello"), make([]byte, 50_000), mustMarshal(m.t, map[string]int{"from": 1})} {
			m.puts(body)
		}
		m.says(session.Snapshot{Count: 1000, Index: 3, Ops: [][]byte{{1}, {2, 3}, make([]byte, 30_000)}})
		m.says(session.Ops{Ops: [][]byte{[]byte("no operation"), m.set.All()[0].Bytes()[1:]}})
		m.says(session.Need{IDs: []session.ID{{}, {1}}, Keys: []session.KeyName{{}}})
		m.says(session.Again{ID: session.ID{5}, Body: []byte("no body")})
		m.says(session.Asides{Asides: []session.Aside{{Sealed: make([]byte, 100)}}})
	},
	"sends bodies that are nearly right": func(_, _ *person, m *mallory) {
		for _, change := range []func(map[string]any){
			func(b map[string]any) { b["seq"] = -1 },
			func(b map[string]any) { b["seq"] = int64(1) << 62 },
			func(b map[string]any) { b["time"] = -5 },
			func(b map[string]any) { b["kind"] = "" },
			func(b map[string]any) { b["kind"] = "later" },
			func(b map[string]any) { b["prev"] = []byte{1} },
			func(b map[string]any) { b["more"] = 1 },
			func(b map[string]any) {
				b["kind"], b["content"] = "prekey", map[string]any{"prekey": map[string]any{"number": 4, "public": make([]byte, 1215)}}
			},
			func(b map[string]any) {
				b["kind"], b["content"] = "prekey", map[string]any{"prekey": map[string]any{"number": 4, "public": make([]byte, session.PrekeySize)}}
			},
		} {
			b := map[string]any{
				"from": m.self, "seq": m.seq + 1, "prev": m.head, "time": 1, "kind": "text",
				"members": map[string]any{"count": 1, "hash": session.ID{}}, "content": map[string]any{"text": "x"},
			}
			change(b)
			m.puts(mustMarshal(m.t, b))
		}
	},
	"puts envelopes that are none": func(_, _ *person, m *mallory) {
		e := m.says(session.Text{Text: "a good one"})
		for _, change := range []func([]byte) []byte{
			func(e []byte) []byte { e[18], e[19] = 0xff, 0xff; return e },
			func(e []byte) []byte { e[18], e[19] = 0, 1; return e },
			func(e []byte) []byte { e[17] = 255; return e },
			func(e []byte) []byte { return append(e, e...) },
			func(e []byte) []byte { return e[:1] },
			func(e []byte) []byte { return append([]byte{session.FormJoin}, make([]byte, 1023)...) },
		} {
			m.putEntry(change(bytes.Clone(e)))
		}
	},
	"signs two texts in one place": func(_, _ *person, m *mallory) {
		seq, head := m.seq, m.head
		m.says(session.Text{Text: "this"})
		m.seq, m.head = seq, head
		m.says(session.Text{Text: "and that"})
	},
	"removes the founder": func(alice, _ *person, m *mallory) {
		m.operates(roster.Remove{Member: roster.Member(alice.id("#bob")), Seq: 1}, nil)
	},
	"lives in all times": func(_, _ *person, m *mallory) {
		for _, at := range []int64{0, 1, session.MaxTime} {
			b := m.body(session.Text{Text: fmt.Sprint("at ", at)})
			b.Time = at
			m.sends(b)
		}
	},
	"has the channel live in many places": func(_, _ *person, m *mallory) {
		for i := range 60 {
			m.operates(roster.HubAdd{URL: fmt.Sprintf("http://h%d.example/", i), Key: roster.HubFingerprint{byte(i), 7}}, nil)
		}
	},
}

// TestAHostileMember has mallory do what she can: alice and bob go on as if she
// was not there, and new members can come.
func TestAHostileMember(t *testing.T) {
	long(t)
	for i, name := range slices.Sorted(maps.Keys(attacks)) {
		attack := attacks[name]
		if testing.Short() && i%5 != 0 {
			continue
		}
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			w := begin(t)
			alice, bob, m := w.withMallory()
			attack(alice, bob, m)
			w.run(time.Minute)
			alice.says("#bob", "what was that?") // what mallory lets only some have is waited for once
			w.run(15 * time.Second)
			w.goesOn(alice, bob, "first")
			alice.restart()
			bob.restart()
			w.run(5 * time.Second)
			w.goesOn(alice, bob, "second")
			carol := w.person("carol")
			carol.redeems("#c", alice.invites("#bob"))
			w.run(5 * time.Second)
			if v, _ := carol.core.Channel("#c"); v.Waiting {
				t.Errorf("carol waits for %s", v.WaitsFor)
			}
			carol.says("#c", "hi all")
			w.run(time.Minute)
			if got := alice.lines("#bob"); !slices.Contains(got, "carol: hi all") {
				t.Errorf("alice saw %q", got)
			}
			w.goesOn(alice, bob, "third")
			if got := carol.lines("#c"); !slices.Contains(got, "bob: third from bob") {
				t.Errorf("carol saw %q", got)
			}
			for _, p := range []*person{alice, bob, carol} {
				checkLines(t, p, w.now)
			}
		})
	}
}

// goesOn has alice and bob talk, as they did.
func (w *world) goesOn(alice, bob *person, what string) {
	w.t.Helper()
	a, b := what+" from alice", what+" from bob"
	alice.says("#bob", a)
	w.run(time.Second)
	bob.says("#alice", b)
	w.run(90 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		got := slices.DeleteFunc(p.lines(p.channel), func(l string) bool { return l != "alice: "+a && l != "bob: "+b })
		if !slices.Equal(got, []string{"alice: " + a, "bob: " + b}) {
			w.t.Errorf("%s: %s saw %q of %q, was told %q", what, p.name, got, p.lines(p.channel), p.infos(p.channel))
		}
		if v, _ := p.core.Channel(p.channel); v.Pending != 0 {
			w.t.Errorf("%s: %s has %d texts that are not sent", what, p.name, v.Pending)
		}
	}
}

// checkLines holds that no line is what an IRC client cannot show, or of a time
// that cannot be.
func checkLines(t *testing.T, p *person, now time.Time) {
	t.Helper()
	for _, e := range p.events {
		l, ok := e.(channels.Line)
		if !ok {
			continue
		}
		if l.Time.After(now) || l.Time.Before(now.Add(-24*time.Hour)) {
			t.Errorf("%s has a line of %v: %q", p.name, l.Time, l.Text)
		}
		if strings.ContainsAny(l.Text, "\x00\r\x07\u202e") || strings.ContainsAny(l.From, " \n\x00\u202e:!@") {
			t.Errorf("%s has a line that is not clean: %+v", p.name, l)
		}
	}
}

// putEntry puts an entry on the hub with mallory's token.
func (m *mallory) putEntry(entry []byte) {
	m.t.Helper()
	h := m.w.hub("attic")
	h.ask(channels.Request{Hub: h.address(), Calls: []wire.SignedCall{{
		Op: wire.OpPut, Channel: wire.Channel(m.channel), Args: wire.PutArgs{Class: wire.ClassKeep, Entry: entry}, Key: ed25519.NewKeyFromSeed(m.token),
	}}}, func(a channels.Answered) {
		if a.Failure != nil || a.Results[0].Error != nil {
			m.t.Fatalf("putting: %+v", a)
		}
	})
}

func mustMarshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestANeedIsNotAnEcho: what somebody asks for is given, but not as often as he
// likes.
func TestANeedIsNotAnEcho(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, m := w.withMallory()
	for i := range 20 {
		alice.says("#bob", fmt.Sprint("text ", i))
	}
	w.run(time.Minute)
	id := alice.id("#bob")
	var need session.Need
	for range session.MaxNeed {
		need.Keys = append(need.Keys, session.KeyName{From: id, ID: m.keys[id]})
	}
	for _, e := range alice.core.Blobs("SELECT entry FROM entries") {
		need.IDs = append(need.IDs, session.ID(e))
	}
	before := alice.core.Number("SELECT count(*) FROM entries WHERE state = 'own'")
	for range 10 {
		m.says(need)
		w.run(time.Minute)
	}
	w.run(10 * time.Minute)
	if n := alice.core.Number("SELECT count(*) FROM entries WHERE state = 'own'") - before; n > 60 {
		t.Errorf("for ten needs alice sent %d envelopes", n)
	}
	w.goesOn(alice, bob, "after")
}

// TestNoMoreIsGivenAMinuteThanOneNeedHolds: what somebody asks for beyond that is
// passed over, in however many needs he does.
func TestNoMoreIsGivenAMinuteThanOneNeedHolds(t *testing.T) {
	w := begin(t)
	alice, bob, m := w.withMallory()
	var ids []session.ID
	for i := range 3 {
		alice.says("#bob", fmt.Sprint("text ", i))
		ids = append(ids, session.ID(lastEntry(alice)))
		w.run(time.Second)
	}
	much := session.Need{IDs: make([]session.ID, session.MaxNeed-1)}
	much.IDs[0] = ids[0]
	m.says(much)
	m.says(session.Need{IDs: ids[1:2]})
	m.says(session.Need{IDs: ids[2:]})
	w.run(30 * time.Second)
	for i, want := range []bool{true, true, false} {
		if alice.putAgain(ids[i]) != want {
			t.Errorf("alice gives text %d: %v", i, !want)
		}
	}
	m.says(session.Need{IDs: ids[2:]}) // there is room again
	w.run(time.Second)
	if !alice.putAgain(ids[2]) {
		t.Error("alice gives nothing half a minute later")
	}
	w.goesOn(alice, bob, "after")
}

// again is how many envelopes somebody has put once more.
func (p *person) again() (n int) {
	for _, r := range p.made {
		for _, c := range r.Calls {
			if put, ok := c.Args.(wire.PutArgs); ok && put.Again {
				n++
			}
		}
	}
	return n
}

// TestTheSameIsGivenOnce: who asks for the same each minute is given it once a
// day, and keys that never were are not remembered.
func TestTheSameIsGivenOnce(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, m := w.withMallory()
	for i := range 10 {
		alice.says("#bob", fmt.Sprint("text ", i))
	}
	w.run(time.Minute)
	var need session.Need
	for _, e := range bob.core.Blobs("SELECT entry FROM entries WHERE state = 'opened' AND bytes IS NOT NULL") {
		need.IDs = append(need.IDs, session.ID(e))
	}
	for i := range 100 {
		need.Keys = append(need.Keys, session.KeyName{From: alice.id("#bob"), ID: session.KeyID{byte(i), 1}})
	}
	asks := func() int {
		m.says(need)
		w.run(61 * time.Second)
		return alice.again() + bob.again()
	}
	once := asks()
	if once < 10 {
		t.Fatalf("%d of %d are given", once, len(need.IDs))
	}
	for range 5 {
		if n := asks(); n != once {
			t.Errorf("the same is given again: %d, then %d", once, n)
		}
	}
	if n := alice.core.Heeded(); n > len(need.IDs)+10 {
		t.Errorf("alice remembers %d askings", n)
	}
	w.run(30 * time.Hour)
	if n := alice.core.Heeded(); n > 10 {
		t.Errorf("alice remembers %d askings for a day", n)
	}
	if n := asks(); n < once+10 {
		t.Errorf("the next day it is not given: %d, then %d", once, n)
	}
}

// TestForgedAgain: a text that comes again is what its sender signed, or nothing.
func TestForgedAgain(t *testing.T) {
	w := begin(t)
	alice, bob, m := w.withMallory()
	w.hide = nil
	bob.says("#alice", "one")
	w.run(time.Second)
	lost := bob.core.Blobs("SELECT entry FROM entries WHERE state = 'own' ORDER BY id DESC LIMIT 1")[0]
	b := m.body(session.Text{Text: "bob says so"})
	b.From = bob.id("#alice")
	forged, err := session.EncodeBody(b)
	if err != nil {
		t.Fatal(err)
	}
	var header [32]byte
	rand.Read(header[:])
	signature := ed25519.Sign(m.key, slices.Concat([]byte("hubbub/1 envelope"), m.channel[:], header[:], forged))
	for _, id := range [][]byte{lost, header[:]} {
		m.says(session.Again{ID: session.ID(id), Header: header, Body: forged, Signature: [64]byte(signature)})
	}
	w.run(time.Minute)
	for _, l := range alice.lines("#bob") {
		if strings.Contains(l, "says so") {
			t.Errorf("alice saw %q", l)
		}
	}
	w.goesOn(alice, bob, "after")
}

// TestWhoIsRemovedKeepsNoKeyInUse: a member can ask for a sender key again, and who
// shows a prekey that is much newer is given it by himself. Whoever is removed before
// that is done, or does it afterwards, as long as a hub takes it, has that key already:
// it is replaced all the same.
func TestWhoIsRemovedKeepsNoKeyInUse(t *testing.T) {
	for _, c := range []struct {
		name   string
		before bool
		does   func(m *mallory, bob session.Member)
	}{
		{"a need before", true, (*mallory).asksForKey},
		{"a need after", false, (*mallory).asksForKey},
		{"a prekey before", true, (*mallory).showsFarPrekey},
		{"a prekey after", false, (*mallory).showsFarPrekey},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := begin(t)
			alice, bob, m := w.withMallory()
			key := bob.core.Blobs("SELECT key FROM sending")[0]
			if c.before { // bob learns of both at once
				away := true
				w.cut = func(p *person, _ *hubHouse) bool { return away && p == bob }
				w.run(time.Minute)
				c.does(m, bob.id("#alice"))
				alice.removes("#bob", "mallory")
				w.run(time.Second)
				away = false
				w.run(10 * time.Second)
			} else {
				alice.removes("#bob", "mallory")
				w.run(5 * time.Second)
				c.does(m, bob.id("#alice"))
				w.run(5 * time.Second)
			}
			bob.says("#alice", "not for mallory")
			w.run(5 * time.Second)
			if lines := alice.lines("#bob"); !slices.Contains(lines, "bob: not for mallory") {
				t.Fatalf("alice saw %q", lines)
			}
			if bytes.Equal(bob.core.Blobs("SELECT key FROM sending")[0], key) {
				t.Error("bob goes on with a sender key that mallory has")
			}
		})
	}
}

func (m *mallory) asksForKey(bob session.Member) {
	m.says(session.Need{Keys: []session.KeyName{{From: bob, ID: m.keys[bob]}}})
}

func (m *mallory) showsFarPrekey(session.Member) {
	prekey, err := session.NewPrekey()
	if err != nil {
		m.t.Fatal(err)
	}
	m.says(session.FreshPrekey{Prekey: session.NumberedPrekey{Number: m.w.now.AddDate(1, 0, 0).Unix(), Public: prekey.Public}})
}
