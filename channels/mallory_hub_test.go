package channels_test

import (
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/hub"
)

// TestAHubIsNotSentAstray: while a hub does not answer, somebody in another
// channel says that it is elsewhere. That is tried beside where it is known to be.
func TestAHubIsNotSentAstray(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.owns(w.hub("cellar"), false)
	carol.do(channels.Join{Channel: "#carol"})
	alice.redeems("#c", carol.invites("#carol"))
	w.run(5 * time.Second)
	attic := w.hub("attic")
	attic.fall()
	w.run(10 * time.Second)
	before := alice.core.Number("SELECT count(*) FROM operations")
	carol.do(channels.MoveHub{Hub: channels.HubAddress{URL: "http://evil.example/", Fingerprint: attic.address().Fingerprint}})
	w.run(time.Minute)
	if alice.core.Number("SELECT count(*) FROM operations") == before {
		t.Fatal("alice heard of nothing")
	}
	for _, h := range alice.core.Hubs() {
		if h.Address.Fingerprint == attic.address().Fingerprint && h.Address.URL != attic.url {
			t.Errorf("alice asks it at %s", h.Address.URL)
		}
	}
	attic.rise()
	w.run(5 * time.Minute)
	w.goesOn(alice, bob, "still here")
}

// TestTwoJoinByALyingHub: a hub lets two people redeem one key. The first is
// confirmed; the other is read by nobody, and keeps nobody from talking.
func TestTwoJoinByALyingHub(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	key := alice.invites("#bob")
	attic := w.hub("attic")
	attic.fall()
	attic.backup()
	attic.rise()
	w.run(3 * time.Minute)
	carol, mallory := w.person("carol"), w.person("mallory")
	carol.redeems("#c", key)
	w.run(10 * time.Second)

	// The hub's other face knows nothing of carol.
	face := &hubHouse{w: w, name: "face", url: attic.url, data: attic.data + ".backup"}
	opened, err := hub.Open(hub.Config{Data: face.data, Alone: true, Held: 1000, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	face.hub = opened
	w.hubs[attic.hub.Fingerprint()] = face
	mallory.redeems("#m", key)
	mallory.says("#m", "I am carol")
	w.run(2 * time.Second)
	w.hubs[attic.hub.Fingerprint()] = attic
	for _, e := range mallory.core.Blobs("SELECT bytes FROM entries WHERE state IN ('join', 'own') ORDER BY id") {
		alice.puts("#bob", e)
	}
	mallory.stop()
	w.run(time.Minute)
	w.goesOn(alice, bob, "on")
	carol.says("#c", "it's me")
	w.run(15 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		got := p.lines(p.channel)
		if !slices.Contains(got, "carol: it's me") {
			t.Errorf("%s did not hear carol: %q", p.name, got)
		}
		if slices.ContainsFunc(got, func(l string) bool { return l == "mallory: I am carol" }) {
			t.Errorf("%s hears mallory: %q", p.name, got)
		}
	}
	if got := carol.lines("#c"); !slices.Contains(got, "bob: on from bob") {
		t.Errorf("carol saw %q", got)
	}
	if !slices.Contains(alice.nicks("#bob"), "mallory") {
		t.Errorf("alice is not shown that there is another: %q", alice.nicks("#bob"))
	}
}
