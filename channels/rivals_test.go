package channels_test

import (
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// elsewhere is a one-time key as it would be if another of the channel's hubs had
// been asked for it.
func (h *hubHouse) elsewhere(key string) string {
	h.w.t.Helper()
	k, err := wire.ParseOneTimeKey(key)
	if err != nil {
		h.w.t.Fatal(err)
	}
	k.URL, k.Fingerprint = h.url, h.hub.Fingerprint()
	return k.String()
}

// rivals are eve and mallory, who come by one key, on one hub each, while the hubs
// cannot be reached by anybody else; then all can. The inviter is alice.
func (w *world) rivals(alice *person, attic, cellar *hubHouse) (eve, mallory *person) {
	w.t.Helper()
	key := alice.invites("#bob")
	w.run(10 * time.Second)
	eve, mallory = w.person("eve"), w.person("mallory")
	apart := true
	w.cut = func(p *person, h *hubHouse) bool {
		return apart && !(p == eve && h == attic || p == mallory && h == cellar)
	}
	w.run(time.Minute)
	eve.redeems("#c", key)
	mallory.redeems("#c", cellar.elsewhere(key))
	w.run(5 * time.Second)
	alice.stop()
	apart = false
	w.run(10 * time.Minute)
	return eve, mallory
}

// Two who come by one key are told nothing until one of them is confirmed.
func TestTwoOnOneKey(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	carol := w.joins("carol", bob, "#alice")
	w.run(time.Minute)
	eve, mallory := w.rivals(alice, attic, cellar)
	for _, p := range []struct {
		*person
		channel string
	}{{bob, "#alice"}, {carol, "#c"}} {
		p.hears(p.channel, "2 came by the key that alice made for a friend: ")
		p.hears(p.channel, "Nobody tells them anything new until alice confirms one: /msg sysop confirm "+p.channel+" NICK")
		for _, nick := range []string{"eve", "mallory"} {
			if !p.member(p.channel, nick).Suspended {
				t.Errorf("%s does not see that %s is suspended", p.name, nick)
			}
		}
	}
	bob.says("#alice", "who of you is it?")
	w.run(time.Minute)
	for _, p := range []*person{eve, mallory} {
		if got := p.lines("#c"); slices.Contains(got, "bob: who of you is it?") {
			t.Errorf("%s read it", p.name)
		}
	}
	if got := bob.fails(channels.Confirm{Channel: "#alice", Nick: "eve"}, channels.CodeNotAllowed); got != "eve was brought in by alice: only alice can confirm eve" {
		t.Errorf("bob was told %q", got)
	}
	// The inviter's gateway confirms the first that it sees, by itself.
	alice.start()
	w.run(10 * time.Minute)
	right, wrong := eve, mallory
	if alice.member("#bob", "eve").Suspended {
		right, wrong = mallory, eve
	}
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}, {carol, "#c"}} {
		if p.member(p.channel, right.name).Suspended || !p.member(p.channel, wrong.name).Suspended {
			t.Errorf("%s sees %+v and %+v", p.name, p.member(p.channel, right.name), p.member(p.channel, wrong.name))
		}
	}
	bob.hears("#alice", right.name+" is confirmed as the one for whom alice made the key")
	bob.says("#alice", "so it is you")
	w.run(time.Minute)
	if got := right.lines("#c"); !slices.Contains(got, "bob: so it is you") {
		t.Errorf("%s saw %q", right.name, got)
	}
	if got := wrong.lines("#c"); len(got) != 0 {
		t.Errorf("%s saw %q", wrong.name, got)
	}
	// What is once confirmed stays: the other is removed, and gets a new key if need be.
	if got := alice.fails(channels.Confirm{Channel: "#bob", Nick: wrong.name}, channels.CodeNotAllowed); got != right.name+" was confirmed before, by you, and that stays: if "+
		wrong.name+" is the right one, remove "+right.name+" and make a new key for "+wrong.name {
		t.Errorf("alice was told %q", got)
	}
	alice.removes("#bob", wrong.name)
	w.run(10 * time.Minute)
	if got := carol.nicks("#c"); slices.Contains(got, wrong.name) {
		t.Errorf("carol sees %q", got)
	}
	if got := alice.done(channels.Confirm{Channel: "#bob", Nick: right.name}); got != right.name+" is a member of #bob like all others: there is nothing to confirm" {
		t.Errorf("alice was told %q", got)
	}
}

// Somebody above the inviter confirms in his place.
func TestSomebodyAboveConfirms(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	carol := w.joins("carol", alice, "#bob")
	w.run(time.Minute)
	key := bob.invites("#alice")
	w.run(10 * time.Second)
	eve, mallory := w.person("eve"), w.person("mallory")
	apart := true
	w.cut = func(p *person, h *hubHouse) bool {
		return apart && !(p == eve && h == attic || p == mallory && h == cellar)
	}
	w.run(time.Minute)
	eve.redeems("#c", attic.elsewhere(key))
	mallory.redeems("#c", key)
	w.run(5 * time.Second)
	bob.stop()
	apart = false
	w.run(10 * time.Minute)
	carol.hears("#c", "Nobody tells them anything new until bob or alice confirms one")
	alice.hears("#bob", "until you confirm one: /msg sysop confirm #bob NICK")
	alice.restart()
	if got := alice.done(channels.Confirm{Channel: "#bob", Nick: "mallory"}); got != "mallory is confirmed as the one for whom the key was" {
		t.Errorf("alice was told %q", got)
	}
	w.run(time.Minute)
	bob.start() // his gateway confirms by itself whom it sees first: alice's word holds
	w.run(10 * time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}, {carol, "#c"}} {
		if !p.member(p.channel, "eve").Suspended || p.member(p.channel, "mallory").Suspended {
			t.Errorf("%s sees eve %+v and mallory %+v", p.name, p.member(p.channel, "eve"), p.member(p.channel, "mallory"))
		}
	}
	carol.says("#c", "welcome")
	w.run(time.Minute)
	if got := mallory.lines("#c"); !slices.Contains(got, "carol: welcome") {
		t.Errorf("mallory saw %q", got)
	}
	if got := eve.lines("#c"); len(got) != 0 {
		t.Errorf("eve saw %q", got)
	}
}
