package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// aside seals something of mallory's for somebody.
func (m *mallory) aside(to session.Member, number int64, w session.Whisper) session.Aside {
	m.t.Helper()
	a, err := session.SealAside(m.channel, m.self, session.Recipient{Member: to, Prekey: m.members[to]}, number, w)
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

func TestAsidesOfAHostileMember(t *testing.T) {
	w := begin(t)
	alice, bob, m := w.withMallory()
	// What alice shares with bob mallory has, too, and cannot use.
	before := m.w.now
	alice.do(channels.Share{Channel: "#bob", Nick: "bob", Count: 1})
	w.run(15 * time.Second)
	want := []string{"alice [mallory]: hello from mallory"}
	if got := bob.quoted("#alice"); !slices.Equal(got, want) {
		t.Fatalf("bob has %q since %v", got, before)
	}
	var stolen session.Aside
	for _, b := range alice.core.Blobs("SELECT signed FROM entries WHERE state = 'own' AND signed IS NOT NULL ORDER BY id") {
		if a, ok := againOf(t, m.channel, b).Content.(session.Asides); ok {
			stolen = a.Asides[0]
		}
	}
	if stolen.For != bob.id("#alice") {
		t.Fatal("alice has sealed no aside for bob")
	}
	number := stolen.Number
	m.says(session.Asides{Asides: []session.Aside{stolen}})
	wrong := m.aside(stolen.For, number, session.Share{Lines: []session.Line{{Nick: "eve", Text: "of another prekey"}}})
	for _, n := range []int64{number + 1, 0, session.MaxNumber} {
		wrong.Number = n
		m.says(session.Asides{Asides: []session.Aside{wrong}})
	}
	var rubbish []session.Aside
	for i := range 40 {
		rubbish = append(rubbish, session.Aside{For: session.Member{byte(i)}, Number: number, Sealed: make([]byte, 100+i)})
	}
	m.says(session.Asides{Asides: rubbish})
	w.run(time.Minute)
	if got := bob.quoted("#alice"); !slices.Equal(got, want) {
		t.Errorf("bob has %q", got)
	}
	told := slices.DeleteFunc(bob.infos("#alice"), func(s string) bool { return !strings.Contains(s, "does not open") })
	if len(told) != 1 {
		t.Errorf("bob was told %q", told)
	}
	// What opens is shown as hers, cleaned, and not from the future.
	m.says(session.Asides{Asides: []session.Aside{m.aside(stolen.For, number, session.Share{Lines: []session.Line{
		{Nick: "sysop", Text: "\u202egood", Time: session.MaxTime}, {Nick: "a b\x00:", Text: "\x01\x07", Time: 1}, {Nick: "::", Text: "x\r\ny\x07"},
	}})}})
	w.run(time.Minute)
	if got := bob.quoted("#alice"); !slices.Equal(got, append(want, "mallory [sysop_2]: good", "mallory [somebody]: x\ny")) {
		t.Errorf("bob has %q", got)
	}
	for _, e := range bob.events {
		if l, ok := e.(channels.Line); ok && l.Quoted != "" && l.Said.After(w.now) {
			t.Errorf("bob was shown %+v", l)
		}
	}
	alice.says("#bob", "still there?")
	w.run(time.Minute)
	if got := bob.history("#alice"); got[len(got)-1] != "alice: still there?" {
		t.Errorf("bob has %q", got)
	}
	if got := alice.quoted("#bob"); got != nil {
		t.Errorf("alice has %q", got)
	}
}

// againOf is the body of an envelope of one's own, as it is kept to be sent again.
func againOf(t *testing.T, channel session.Channel, signed []byte) session.Body {
	t.Helper()
	var again session.Again
	if err := codec.Unmarshal(signed, &again); err != nil {
		t.Fatal(err)
	}
	body, err := session.OpenAgain(channel, again)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Who was left out has the envelope, and the hub's database, and learns nothing.
func TestWhoIsLeftOutLearnsNothing(t *testing.T) {
	w := begin(t)
	alice, bob, m := w.withMallory()
	bob.owns(w.hub("cellar"), false)
	bob.do(channels.Fork{Channel: "#alice", Name: "#secretname", Without: []string{"mallory"}})
	w.run(30 * time.Second)
	var asides []session.Aside
	for _, b := range bob.core.Blobs("SELECT signed FROM entries e JOIN channels c ON c.id = e.channel WHERE c.name = '#alice' AND e.state = 'own' AND signed IS NOT NULL") {
		if strings.Contains(string(b), "secretname") || strings.Contains(string(b), "CELLAR.EXAMPLE") {
			t.Error("the key or the name stands in an envelope that all can open")
		}
		if a, ok := againOf(t, m.channel, b).Content.(session.Asides); ok {
			asides = append(asides, a.Asides...)
		}
	}
	if len(asides) != 1 || asides[0].For != alice.id("#bob") {
		t.Fatalf("bob has sealed %d asides", len(asides))
	}
	for _, seed := range m.person.seeds() {
		prekey, err := session.PrekeyFromSeed(seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []session.Member{asides[0].For, m.self} {
			a := asides[0]
			a.For = to
			if w, err := a.Open(prekey, m.channel, bob.id("#alice")); err == nil {
				t.Errorf("mallory has opened %+v", w)
			}
		}
	}
}

// seeds are the prekeys that a person has, of a gateway that does not run.
func (p *person) seeds() (seeds []session.Secret) {
	p.w.t.Helper()
	p.start()
	defer p.stop()
	for _, s := range p.core.Blobs("SELECT seed FROM prekeys") {
		seeds = append(seeds, session.Secret(s))
	}
	if len(seeds) == 0 {
		p.w.t.Fatal("there are no prekeys")
	}
	return seeds
}

// What mallory sends as invitations is bounded, and leads nobody astray.
func TestForksOfAHostileMember(t *testing.T) {
	w := begin(t)
	_, bob, m := w.withMallory()
	to := bob.id("#alice")
	number := bob.core.Number("SELECT max(number) FROM prekeys")
	send := func(f session.Fork) {
		m.says(session.Asides{Asides: []session.Aside{m.aside(to, number, f)}})
		w.run(time.Second)
	}
	key := func(url string, n byte) string {
		return wire.OneTimeKey{URL: url, Fingerprint: w.hub("attic").address().Fingerprint, Secret: [16]byte{n, 1}}.String()
	}
	never := w.now.Add(1000 * 24 * time.Hour).UnixMilli()
	send(session.Fork{Key: "no key at all", Name: "#x", Expires: never})
	send(session.Fork{Key: key("http://192.168.1.1/", 0), Name: "#home", Expires: never})
	send(session.Fork{Key: key("http://attic.example/hub.cgi", 1), Name: "#past", Expires: w.now.UnixMilli() - 1})
	if got := bob.forks(); got != nil {
		t.Errorf("bob can follow %q", got)
	}
	if got := bob.infos("#alice"); len(got) < 2 || !strings.Contains(got[len(got)-2], "does not open") || !strings.Contains(got[len(got)-1], "does not go there") {
		t.Errorf("bob was told %q", got)
	}
	for i := range 20 {
		send(session.Fork{Key: key("http://attic.example/hub.cgi", byte(2+i)), Name: "#loot", Expires: never})
	}
	send(session.Fork{Key: key("http://attic.example/hub.cgi", 21), Name: "#again", Expires: never})
	send(session.Fork{Key: key("http://attic.example/hub.cgi", 22), Name: "no, name:\n", Expires: never})
	got := bob.forks()
	if len(got) != 8 || got[len(got)-1] != "#alice mallory #alice2" {
		t.Errorf("bob can follow %q", got)
	}
	forks, _ := bob.core.Forks()
	if latest := w.now.Add(90 * 24 * time.Hour); forks[0].Expires.After(latest) {
		t.Errorf("one is good until %v", forks[0].Expires)
	}
	if text := bob.failedLater(channels.Join{Channel: "#alice2"}); !strings.Contains(text, "knows nothing of this one-time key") || len(bob.forks()) != 7 {
		t.Errorf("bob was told %q", text)
	}
	// A hub at an address that only some can reach is not asked on her word, and one
	// that is known is not looked for elsewhere on it.
	made := len(bob.made)
	send(session.Fork{Key: key("http://elsewhere.example/hub.cgi", 99), Name: "#else", Expires: never})
	bob.failedLater(channels.Join{Channel: "#else"})
	for _, r := range bob.made[made:] {
		if r.Hub.URL == "http://elsewhere.example/hub.cgi" && !r.Public {
			t.Errorf("asked at %s without care", r.Hub.URL)
		}
	}
	if url := string(bob.core.Blobs("SELECT url FROM hubs")[0]); url != "http://attic.example/hub.cgi" {
		t.Errorf("bob looks for the hub at %s", url)
	}
}
