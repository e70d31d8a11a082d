package channels_test

import (
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// slowOffers has a person hear late what a hub answers to offers.
func (w *world) slowOffers(p *person, h *hubHouse, late time.Duration) {
	w.take = func(o *person, a channels.Answered) bool {
		i := slices.IndexFunc(o.made, func(r channels.Request) bool { return r.ID == a.Request })
		if o != p || i < 0 || o.made[i].Hub != h.address() ||
			!slices.ContainsFunc(o.made[i].Calls, func(c wire.SignedCall) bool { return c.Op == wire.OpOffer }) {
			return false
		}
		w.at(w.now.Add(late), func() { o.step(a) })
		return true
	}
}

// leads is the hub that a one-time key leads to, once there is one, and when.
func (p *person) leads(channel string) (hub string, took time.Duration) {
	p.w.t.Helper()
	begun, before := p.w.now, count[channels.Invited](p)
	p.step(channels.Invite{Ref: 7, Channel: channel})
	for range 100 {
		p.w.run(100 * time.Millisecond)
		if count[channels.Invited](p) == before {
			continue
		}
		v, _ := last[channels.Invited](p)
		key, err := wire.ParseOneTimeKey(v.Key)
		if err != nil {
			p.w.t.Fatal(err)
		}
		return p.w.hubs[key.Fingerprint].name, p.w.now.Sub(begun)
	}
	p.w.t.Fatalf("%s got no key: %v", p.name, p.events)
	return "", 0
}

func TestAKeyLeadsToOnesOwnHub(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	for _, v := range []struct {
		*person
		channel   string
		own       *hubHouse
		late      time.Duration
		to        string
		from, til time.Duration
	}{
		{alice, "#bob", attic, 0, "attic", 0, time.Second},
		{alice, "#bob", attic, 2 * time.Second, "attic", 2 * time.Second, 2500 * time.Millisecond},
		{alice, "#bob", attic, 8 * time.Second, "cellar", 3 * time.Second, 3500 * time.Millisecond},
		{bob, "#alice", cellar, 2 * time.Second, "cellar", 2 * time.Second, 2500 * time.Millisecond},
		{bob, "#alice", attic, 8 * time.Second, "cellar", 0, time.Second},
	} {
		w.slowOffers(v.person, v.own, v.late)
		to, took := v.leads(v.channel)
		if to != v.to || took < v.from || took > v.til {
			t.Errorf("a key of %s leads to %s after %v, with %s late by %v", v.name, to, took, v.own.name, v.late)
		}
		w.run(time.Minute)
	}
}

// An own hub that does not answer is not waited for, and gets the offer when it is
// back.
func TestAKeyWhileOnesOwnHubIsDown(t *testing.T) {
	w := begin(t)
	alice, _, attic, cellar := w.twoHubs()
	w.take = func(p *person, a channels.Answered) bool {
		i := slices.IndexFunc(p.made, func(r channels.Request) bool { return r.ID == a.Request })
		if p == alice && p.made[i].Hub == attic.address() && a.Failure != nil { // it takes a while to notice
			w.at(w.now.Add(time.Second), func() { p.step(a) })
			return true
		}
		return false
	}
	attic.fall()
	to, took := alice.leads("#bob")
	if to != "cellar" || took > 2*time.Second {
		t.Errorf("it leads to %s after %v", to, took)
	}
	if n := alice.core.Number("SELECT count(*) FROM calls WHERE op = 'offer'"); n != 1 {
		t.Errorf("%d offers are to be made", n)
	}
	attic.rise()
	w.run(10 * time.Minute)
	cellar.fall()
	v, _ := last[channels.Invited](alice)
	carol := w.person("carol")
	carol.redeems("#c", attic.keyOf(t, v.Key))
}

// A hub that is opened while a key is being made is named, though nothing comes of
// the key.
func TestAHubIsOpenedWhileAKeyIsMade(t *testing.T) {
	for _, revoked := range []bool{false, true} {
		w := begin(t)
		alice, bob := w.two()
		attic := w.hub("attic")
		w.take = func(p *person, a channels.Answered) bool {
			if p != bob || a.Failure == nil {
				return false
			}
			w.at(w.now.Add(5*time.Second), func() { p.step(a) })
			return true
		}
		attic.fall()
		w.run(10 * time.Second)
		bob.do(channels.Invite{Ref: 7, Channel: "#alice"})
		bob.owns(w.hub("cellar"), false)
		if revoked {
			bob.do(channels.Revoke{Ref: 8, Invite: int(bob.core.Number("SELECT max(id) FROM invites"))})
		}
		w.run(10 * time.Second)
		if _, failed := last[channels.Failed](bob); !failed || count[channels.Invited](bob) > 0 {
			t.Fatalf("bob got a key: %v", bob.events)
		}
		attic.rise()
		w.run(5 * time.Minute)
		if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic", "cellar"}) {
			t.Errorf("alice sees the hubs %q", got)
		}
		w.goesOn(alice, bob, "on")
	}
}

// keyOf is a one-time key as if it led to that hub.
func (h *hubHouse) keyOf(t *testing.T, key string) string {
	k, err := wire.ParseOneTimeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k.URL, k.Fingerprint = h.url, h.address().Fingerprint
	return k.String()
}
