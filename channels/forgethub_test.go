package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// forgetsHub has somebody forget a hub of his, and says what he is told.
func (p *person) forgetsHub(h *hubHouse) string {
	p.w.t.Helper()
	events := p.do(channels.ForgetHub{Ref: 9, Hub: h.address().Fingerprint})
	for _, e := range events {
		switch e := e.(type) {
		case channels.Done:
			return e.Text
		case channels.Failed:
			return string(e.Code) + ": " + e.Text
		}
	}
	p.w.t.Fatalf("%s forgets %s and hears %+v", p.name, h.name, events)
	return ""
}

// A channel that another hub has leaves the one that is forgotten, for all; that hub
// forgets it, and is none of the user's, also after a restart.
func TestAHubIsForgotten(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	if got := bob.forgetsHub(attic); got != "no hub: that is no hub of yours: /msg sysop hub list" {
		t.Errorf("of alice's hub bob is told %q", got)
	}
	if got := bob.forgetsHub(cellar); got != cellar.url+" is none of your hubs any more. #alice goes on over other hubs, and the others are told" {
		t.Errorf("bob is told %q", got)
	}
	w.run(time.Minute)
	for range 2 {
		for _, p := range []struct {
			*person
			channel string
		}{{alice, "#bob"}, {bob, "#alice"}} {
			if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"attic"}) {
				t.Errorf("%s sees the hubs %q", p.name, got)
			}
		}
		if got := bob.core.Hubs(); len(got) != 0 {
			t.Errorf("bob's hubs are %+v", got)
		}
		bob.restart()
		w.run(20 * time.Minute)
	}
	w.goesOn(alice, bob, "on")
	if n := bob.callsOf(cellar, wire.OpClose); n != 1 {
		t.Errorf("the cellar was asked to close the channel %d times", n)
	}
	asked := cellar.asked
	w.run(time.Hour)
	if n := cellar.asked - asked; n != 0 {
		t.Errorf("the cellar was asked %d times since", n)
	}
	for _, p := range []*person{alice, bob} {
		if q := p.core.Queue(); q != (channels.QueueView{}) {
			t.Errorf("%s has yet to do %+v", p.name, q)
		}
	}
}

// A hub that is gone for good is forgotten, though a channel was never opened there.
func TestADeadHubIsForgotten(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	cellar.fall()
	w.run(time.Minute)
	bob.do(channels.Join{Channel: "#new"})
	bob.do(channels.AskHub{Ref: 4, Hub: cellar.address().Fingerprint, Op: wire.OpReport})
	if got := bob.forgetsHub(cellar); !strings.Contains(got, "#alice goes on over other hubs") || strings.Contains(got, "#new") {
		t.Errorf("bob is told %q", got)
	}
	w.run(time.Hour)
	if f, _ := last[channels.Failed](bob); f.Ref != 4 {
		t.Errorf("who had asked the hub something hears %+v", f)
	}
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic"}) {
		t.Errorf("alice sees the hubs %q", got)
	}
	w.goesOn(alice, bob, "on")
	barn := bob.own("barn")
	w.run(time.Minute)
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic", "barn"}) {
		t.Errorf("alice sees the hubs %q", got)
	}
	attic.fall()
	w.goesOn(alice, bob, "over "+barn.name)
}

// What has no other hub stays on one that is forgotten, and goes on there, until the
// user has another.
func TestAForgottenHubKeepsWhatHasNoOther(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.hub("attic")
	if got := alice.forgetsHub(attic); got != attic.url+" is none of your hubs any more. Still there, since no other hub of it answers, or another member keeps it there: #bob" {
		t.Errorf("alice is told %q", got)
	}
	w.run(time.Minute)
	alice.restart()
	w.goesOn(alice, bob, "on")
	if v, _ := alice.core.Channel("#bob"); len(v.Hubs) != 1 || v.Hubs[0].Own || v.Hubs[0].Owner {
		t.Errorf("alice sees %+v", v.Hubs)
	}
	// Whom she lets in now is let in there, too.
	carol := w.person("carol")
	carol.redeems("#alice", alice.invites("#bob"))
	w.run(time.Minute)
	carol.says("#alice", "me, too")
	w.run(10 * time.Second)
	if got := bob.lines("#alice"); !slices.Contains(got, "carol: me, too") {
		t.Errorf("bob saw %q", got)
	}
	alice.own("barn")
	w.run(time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"attic", "barn"}) {
		t.Errorf("bob sees the hubs %q", got)
	}
	if e, done := last[channels.Done](alice); !done || e.Ref != 9 {
		t.Errorf("%+v", e)
	}
	alice.do(channels.DropHub{Ref: 12, Channel: "#bob", Hub: attic.address().Fingerprint})
	w.run(time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"barn"}) {
		t.Errorf("bob sees the hubs %q", got)
	}
}

// A hub that another member keeps the channel on, too, is that member's to drop; and
// one that was forgotten can be added again.
func TestAForgottenHubOfAnother(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	alice.guestOf(bob, cellar)
	alice.do(channels.Mirror{Ref: 3, Channel: "#bob", Hub: cellar.address().Fingerprint})
	w.run(time.Minute)
	if got := alice.forgetsHub(cellar); !strings.Contains(got, "another member keeps it there: #bob") {
		t.Errorf("alice is told %q", got)
	}
	w.run(20 * time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Errorf("bob sees the hubs %q", got)
	}
	attic.fall()
	w.goesOn(alice, bob, "on")
	attic.rise()
	w.run(10 * time.Minute)
	if got := alice.forgetsHub(attic); !strings.Contains(got, "#bob goes on over other hubs") {
		t.Errorf("alice is told %q", got)
	}
	w.run(time.Minute)
	alice.do(channels.UseHub{Ref: 5, Hub: attic.address(), Secret: attic.secret})
	w.run(10 * time.Second)
	if f, failed := last[channels.Failed](alice); !failed || f.Ref != 5 || f.Code != channels.CodeUsed {
		t.Errorf("with the key of the account that she has forgotten alice hears %+v", f)
	}
}
