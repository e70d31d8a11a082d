package channels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// retires has somebody tell a hub of hers when it goes. A zero time takes it back.
func (p *person) retires(h *hubHouse, at time.Time) {
	p.w.t.Helper()
	args := wire.RetireArgs{}
	if !at.IsZero() {
		args.At = at.Unix()
	}
	p.asks(h, wire.OpRetire, args, nil)
}

// asks has somebody ask a hub something, and demands an answer; result may be nil.
func (p *person) asks(h *hubHouse, op wire.Op, args, result any) {
	p.w.t.Helper()
	p.ref++
	ref := 1000 + p.ref
	p.step(channels.AskHub{Ref: ref, Hub: h.address().Fingerprint, Op: op, Args: args})
	p.w.run(time.Second)
	said, _ := last[channels.HubSaid](p)
	if said.Ref != ref || said.Result.Error != nil {
		p.w.t.Fatalf("%s asks %s %q, which answers %+v", p.name, h.name, op, said.Result.Error)
	}
	if result != nil {
		if err := said.Decode(result); err != nil {
			p.w.t.Fatalf("%s asks %s %q: %v", p.name, h.name, op, err)
		}
	}
}

// fetchSays changes what a fetch has found.
func (w *world) fetchSays(value codec.Raw, change func(*wire.FetchResult)) codec.Raw {
	w.t.Helper()
	var f wire.FetchResult
	if err := codec.Unmarshal(value, &f); err != nil {
		w.t.Fatal(err)
	}
	change(&f)
	out, err := codec.Marshal(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// send has all who wait at the hub answered.
func (h *hubHouse) send() {
	for _, v := range slices.Clone(h.held) {
		h.w.at(h.w.now.Add(time.Millisecond), func() { h.look(v, true) })
	}
}

// told are the times at which somebody was told that a hub goes, or stays.
func (p *person) toldCloses() (told []channels.HubCloses) {
	for _, e := range p.events {
		if c, ok := e.(channels.HubCloses); ok {
			told = append(told, c)
		}
	}
	return told
}

// calls are how often somebody has asked a hub something.
func (p *person) callsOf(h *hubHouse, op wire.Op) (n int) {
	for _, r := range p.made {
		for _, c := range r.Calls {
			if c.Op == op && r.Hub.Fingerprint == h.address().Fingerprint {
				n++
			}
		}
	}
	return n
}

func hasLine(t *testing.T, who string, lines []string, parts ...string) {
	t.Helper()
	if !slices.ContainsFunc(lines, func(l string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(l, part) })
	}) {
		t.Errorf("%s was not told %q, but %q", who, parts, lines)
	}
}

func TestAHubThatGoesIsLeftForAnother(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	alice.says("#bob", "one")
	w.run(5 * time.Second)
	at := w.now.Add(7 * 24 * time.Hour).Truncate(time.Second)
	alice.retires(attic, at)
	w.run(2 * time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"cellar"}) {
			t.Errorf("%s sees the hubs %q", p.name, got)
		}
		told := p.toldCloses()
		if len(told) != 1 || !told[0].At.Equal(at) || told[0].Hub.URL != attic.url || !slices.Equal(told[0].Channels, []string{p.channel}) || told[0].Only != nil {
			t.Errorf("%s was told %+v", p.name, told)
		}
		hasLine(t, p.name, p.infos(p.channel), attic.url+" closes on 11 May 2026, 12:00 UTC. "+p.channel+" goes on over "+cellar.url)
	}
	hasLine(t, "alice", alice.infos("#bob"), "#bob is not kept on "+attic.url+" any more, which closes: "+cellar.url+" has all of it")
	w.run(20 * time.Minute)
	if a, b := alice.callsOf(attic, wire.OpClose), bob.callsOf(attic, wire.OpClose); a != 1 || b != 0 {
		t.Errorf("the attic was asked to close the channel %d times by who opened it there, %d times by the other", a, b)
	}
	attic.fall()
	bob.says("#alice", "two")
	w.run(2 * time.Second)
	alice.saw("#bob", "alice: one", "bob: two")
	for _, p := range []*person{alice, bob} {
		if q := p.core.Queue(); q != (channels.QueueView{}) {
			t.Errorf("%s has yet to do %+v", p.name, q)
		}
	}
}

// Nobody leaves a hub that goes before another has all, and somebody who stands
// above its owner only when that one does not.
func TestAHubThatGoesIsLeftWhenAnotherHasAll(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	attic.fall()
	alice.says("#bob", "one")
	w.run(2 * time.Minute)
	bob.retires(cellar, w.now.Add(3*24*time.Hour))
	w.run(10 * time.Minute)
	if got := bob.hubsOf("#alice"); len(got) != 2 {
		t.Fatalf("bob has left his hub though no other has all: %q", got)
	}
	bob.stop()
	w.hold = time.Hour
	attic.rise()
	w.run(20 * time.Hour)
	if got := alice.hubsOf("#bob"); len(got) != 2 {
		t.Errorf("alice took bob's hub out of the channel at once: %q", got)
	}
	w.run(6 * time.Hour)
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic"}) {
		t.Errorf("alice, who let bob in, still has %q a day later", got)
	}
}

func TestTheOnlyHubGoes(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.hub("attic")
	at := w.now.Add(7 * 24 * time.Hour).Truncate(time.Second)
	alice.retires(attic, at)
	w.hold = time.Hour
	w.run(time.Minute)
	if told := bob.toldCloses(); len(told) != 1 || !slices.Equal(told[0].Only, []string{"#alice"}) {
		t.Fatalf("bob was told %+v", told)
	}
	hasLine(t, "bob", bob.infos("#alice"), "the only one of #alice, closes on ", "/msg sysop help hub add")
	before := len(bob.infos("#alice"))
	w.run(5 * 24 * time.Hour)
	bob.restart()
	if n := len(bob.infos("#alice")); n != before {
		t.Errorf("bob was told again too early: %q", bob.infos("#alice")[before:])
	}
	w.run(26 * time.Hour)
	if got := bob.infos("#alice"); len(got) != before+1 || !strings.Contains(got[before], "the only one of #alice, closes on ") {
		t.Errorf("a day before bob was told %q", got)
	}
	if told := bob.toldCloses(); len(told) != 1 {
		t.Errorf("bob was told %d times that the hub goes", len(told))
	}
	w.run(2 * 24 * time.Hour)

	asked := bob.callsOf(attic, wire.OpPut)
	bob.says("#alice", "into the void")
	w.run(24 * time.Hour)
	if n := bob.callsOf(attic, wire.OpPut) - asked; n == 0 || n > 60 { // a text and a receipt
		t.Errorf("in a day bob has put %d times what a hub that has closed does not take", n)
	}
	hasLine(t, "bob", bob.news(), "takes nothing new for #alice any more", "It has no other that can be reached", "/msg sysop help hub rescue")
	if v, _ := bob.core.Channel("#alice"); v.Pending != 1 || v.Hubs[0].Standing != channels.Closed || !v.Hubs[0].Closes.Equal(at) {
		t.Errorf("bob has %d texts to send, and the hub is %+v", v.Pending, v.Hubs)
	}
	cellar := bob.own("cellar")
	w.run(time.Minute)
	if v, _ := bob.core.Channel("#alice"); v.Pending != 0 {
		t.Errorf("%d texts still wait, though %s takes them", v.Pending, cellar.name)
	}
	// The others cannot read of it at the attic any more: they need a rescue key.
	bob.do(channels.Rescue{Ref: 5, Channel: "#alice"})
	w.run(time.Minute)
	keys, ok := last[channels.Rescued](bob)
	if !ok {
		t.Fatalf("no rescue keys: %v", bob.events[len(bob.events)-1])
	}
	alice.do(channels.Redeem{Ref: 6, Channel: "#bob", Key: keys.Keys[0].Key})
	w.run(time.Minute)
	alice.saw("#bob", "bob: into the void")
}

// Where the user adds a hub in time all goes there by itself, and who had opened the
// channel on the one that goes leaves that.
func TestAChannelMovesToANewHub(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.hub("attic")
	alice.says("#bob", "one")
	alice.retires(attic, w.now.Add(7*24*time.Hour))
	w.run(time.Minute)
	cellar := bob.own("cellar")
	w.run(time.Minute)
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"cellar"}) {
		t.Errorf("alice sees the hubs %q", got)
	}
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"cellar"}) {
		t.Errorf("bob sees the hubs %q", got)
	}
	attic.fall()
	alice.says("#bob", "two")
	w.run(time.Second)
	bob.saw("#alice", "alice: one", "alice: two")
	alice.do(channels.Join{Channel: "#new"})
	alice.step(channels.Invite{Ref: 3, Channel: "#new"})
	w.run(10 * time.Second)
	if _, made := last[channels.Invited](alice); made && len(alice.hubsOf("#new")) > 0 && alice.hubsOf("#new")[0] == "attic" {
		t.Errorf("a channel was opened on a hub that goes and is down: %q", alice.hubsOf("#new"))
	}
	_ = cellar
}

func TestAHubStaysAfterAll(t *testing.T) {
	w := begin(t)
	alice, bob, attic, _ := w.twoHubs()
	alice.retires(attic, w.now.Add(7*24*time.Hour))
	w.run(2 * time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"cellar"}) {
		t.Fatalf("bob sees the hubs %q", got)
	}
	// Alice hears of it by another channel there.
	alice.do(channels.Join{Channel: "#carol"})
	carol := w.person("carol")
	w.named["attic"] = attic
	alice.step(channels.Invite{Ref: 7, Channel: "#carol"})
	w.run(5 * time.Second)
	key, ok := last[channels.Invited](alice)
	if !ok {
		t.Fatalf("no key: %v", alice.events[len(alice.events)-1])
	}
	carol.redeems("#alice", key.Key)
	w.run(2 * time.Minute)
	alice.retires(attic, time.Time{})
	w.run(15 * time.Minute)
	hasLine(t, "carol", carol.infos("#alice"), "stays after all")
	if told := alice.toldCloses(); len(told) != 2 || !told[1].At.IsZero() {
		t.Errorf("alice was told %+v", told)
	}
	if got := alice.hubsOf("#bob"); !slices.Equal(got, []string{"attic", "cellar"}) {
		t.Errorf("#bob is on %q, though alice's hub stays", got)
	}
}

// That it stays is heard as soon as that it goes: somebody may be about to look for
// another hub.
func TestAHubStaysAfterAllAtOnce(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.hub("attic")
	for _, at := range []time.Time{w.now.Add(7 * 24 * time.Hour), {}} {
		alice.retires(attic, at)
		attic.send()
		w.run(10 * time.Second)
	}
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if told := p.toldCloses(); len(told) != 2 || told[0].At.IsZero() || !told[1].At.IsZero() {
			t.Errorf("%s was told %+v", p.name, told)
		}
		hasLine(t, p.name, p.infos(p.channel), "stays after all")
	}
}

// Where no channel is read on it any more nobody would hear of it there: its owner
// knows by what he has asked for, and the channels come back.
func TestAHubThatAllHaveLeftStays(t *testing.T) {
	w := begin(t)
	alice, bob, attic, _ := w.twoHubs()
	alice.retires(attic, w.now.Add(7*24*time.Hour))
	w.run(20 * time.Minute)
	if got := bob.hubsOf("#alice"); !slices.Equal(got, []string{"cellar"}) {
		t.Fatalf("bob sees the hubs %q", got)
	}
	alice.retires(attic, time.Time{})
	w.run(30 * time.Second)
	if told := alice.toldCloses(); len(told) != 2 || !told[1].At.IsZero() {
		t.Errorf("alice was told %+v", told)
	}
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		if got := p.hubsOf(p.channel); !slices.Equal(got, []string{"attic", "cellar"}) {
			t.Errorf("%s sees the hubs %q", p.name, got)
		}
	}
	w.goesOn(alice, bob, "on")
}

// A guest who has left it hears so when he asks the hub how it is, or his gateway does.
func TestAGuestHearsThatAHubStays(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.hub("attic")
	bob.guestOf(alice, attic)
	carol := w.person("carol")
	carol.guestOf(alice, attic)
	closes := func(p *person) time.Time { return p.core.Hubs()[0].Closes }
	alice.retires(attic, w.now.Add(7*24*time.Hour))
	w.run(time.Minute)
	carol.asks(attic, wire.OpStatus, nil, nil)
	if closes(carol).IsZero() || closes(bob).IsZero() {
		t.Errorf("carol, who has no channel there, knows that it closes on %v, bob on %v", closes(carol), closes(bob))
	}
	alice.retires(attic, time.Time{})
	w.run(time.Minute)
	carol.restart()
	w.run(time.Minute)
	if !closes(carol).IsZero() || !closes(bob).IsZero() {
		t.Errorf("carol still takes it to close on %v, bob on %v", closes(carol), closes(bob))
	}
}

// A hub that says now this and now that tires nobody.
func TestAHubThatGoesAndStaysByTurns(t *testing.T) {
	w := begin(t)
	_, bob := w.two()
	attic := w.hub("attic")
	n := 0
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		for i := range a.Results {
			if r.Calls[i].Op == wire.OpFetch && a.Results[i].Error == nil {
				n++
				a.Results[i].Value = w.fetchSays(a.Results[i].Value, func(f *wire.FetchResult) {
					f.Closes = []int64{0, w.now.Unix() + int64(n), -1, 1 << 62, w.now.Unix() - 1}[n%5]
				})
			}
		}
	}
	attic.send()
	w.run(time.Hour)
	if told := len(bob.toldCloses()); told == 0 || told > 8 {
		t.Errorf("in an hour bob was told %d times", told)
	}
}

func TestWhoIsBannedGoesOnOverOtherHubs(t *testing.T) {
	w := begin(t)
	alice, bob, attic, _ := w.twoHubs()
	banned := true
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		if p != bob || !banned || r.Hub.Fingerprint != attic.address().Fingerprint {
			return
		}
		for i := range a.Results {
			a.Results[i] = wire.Result{Error: &wire.Error{Code: wire.CodeBanned, Text: "not you"}}
		}
	}
	attic.send()
	w.run(time.Second)
	bob.says("#alice", "still here")
	w.run(2 * time.Second)
	alice.saw("#bob", "bob: still here")
	asked := attic.asked
	w.hold = time.Hour
	w.run(6 * time.Hour)
	if got := bob.news(); len(got) != 1 || !strings.Contains(got[0], "the owner of the hub "+attic.url+` serves you no more in #alice: it says "not you" (banned). It goes on over other hubs.`) {
		t.Errorf("bob was told %q", got)
	}
	if v, _ := bob.core.Channel("#alice"); v.Hubs[0].Standing != channels.Banned && v.Hubs[1].Standing != channels.Banned {
		t.Errorf("bob sees %+v", v.Hubs)
	}
	fetches := 0
	for _, r := range bob.made {
		if r.Hub.Fingerprint == attic.address().Fingerprint {
			fetches++
		}
	}
	if fetches > 60 {
		t.Errorf("bob has asked the hub %d times (%d in all since)", fetches, attic.asked-asked)
	}
	banned = false
	w.run(2 * time.Hour)
	if got := bob.news(); len(got) != 2 || got[1] != "the hub "+attic.url+" serves you in #alice again: the ban there was taken back. What it missed is put there" {
		t.Errorf("bob was told %q", got)
	}
	bob.says("#alice", "back")
	w.run(10 * time.Second)
	w.sameLogs(attic, w.hub("cellar"))
	if v, _ := bob.core.Channel("#alice"); v.Hubs[0].Standing != channels.Good || v.Hubs[1].Standing != channels.Good {
		t.Errorf("bob sees %+v", v.Hubs)
	}
}

func TestAskingAHub(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	attic := w.hub("attic")
	status := func(ref channels.Ref) channels.AskHub {
		return channels.AskHub{Ref: ref, Hub: attic.address().Fingerprint, Op: wire.OpStatus}
	}
	for ref := range channels.Ref(3) {
		alice.do(status(100 + ref))
	}
	w.run(time.Second)
	var refs []channels.Ref
	for _, e := range alice.events {
		if said, ok := e.(channels.HubSaid); ok {
			var r wire.StatusResult
			if said.Result.Error != nil || codec.Unmarshal(said.Result.Value, &r) != nil || !r.Owner || said.Hub != attic.address() {
				t.Errorf("the hub says %+v", said)
			}
			refs = append(refs, said.Ref)
		}
	}
	if !slices.Equal(refs, []channels.Ref{100, 101, 102}) {
		t.Errorf("answers came to %v", refs)
	}
	for _, r := range alice.made {
		if n := len(r.Calls); n > 0 && r.Calls[0].Op == wire.OpStatus && r.Calls[0].Channel == (wire.Channel{}) && n != 1 {
			t.Errorf("one request asks %d things", n)
		}
	}
	failed := func(p *person, in channels.AskHub) string {
		p.do(in)
		w.run(5 * time.Second)
		f, _ := last[channels.Failed](p)
		if f.Ref != in.Ref {
			return "nothing"
		}
		return fmt.Sprint(f.Code, ": ", f.Text)
	}
	if got := failed(bob, status(5)); !strings.HasPrefix(got, string(channels.CodeNoHub)+": you have no account on that hub") {
		t.Errorf("who has no account there is told %q", got)
	}
	attic.fall()
	if got := failed(alice, status(6)); got != "hub: "+attic.url+": it does not answer" {
		t.Errorf("of a hub that is down alice is told %q", got)
	}
	attic.rise()
	w.run(2 * time.Minute)
	asked := alice.callsOf(attic, wire.OpStatus)
	alice.do(status(7))
	alice.do(status(8))
	alice.restart()
	w.run(time.Minute)
	if said, _ := last[channels.HubSaid](alice); said.Ref == 7 || said.Ref == 8 {
		t.Error("a hub was asked again after a restart")
	}
	_ = asked
}

// guest gives somebody an account on a hub of another's.
func (p *person) guestOf(owner *person, h *hubHouse) {
	p.w.t.Helper()
	key := wire.AccountKey{Fingerprint: h.address().Fingerprint}
	copy(key.Secret[:], p.name)
	owner.asks(h, wire.OpGuest, wire.GuestArgs{Name: p.name, Key: key.Hash(), Expires: p.w.now.Add(time.Hour).Unix()}, nil)
	p.step(channels.UseHub{Ref: 1, Hub: h.address(), Secret: key.Secret})
	p.w.run(time.Second)
	if ready, ok := last[channels.HubReady](p); !ok || ready.Owner {
		p.w.t.Fatalf("%s is no guest of %s: %v", p.name, h.name, p.events)
	}
}

// The channels of a guest who is dropped are closed: all in them are told once, and
// nobody's texts are lost.
func TestAGuestIsDropped(t *testing.T) {
	w := begin(t)
	alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
	attic := alice.own("attic")
	bob.guestOf(alice, attic)
	bob.do(channels.Join{Channel: "#carol"})
	carol.redeems("#bob", bob.invites("#carol"))
	w.run(10 * time.Second)
	alice.asks(attic, wire.OpDropGuest, wire.DropGuestArgs{Name: "bob"}, nil)
	w.run(time.Minute)
	for _, p := range []*person{bob, carol} {
		hasLine(t, p.name, p.news(), "takes nothing new for #", "the channel was closed there. It has no other that can be reached")
	}
	bob.says("#carol", "into the void")
	w.hold = time.Hour
	w.run(3 * time.Hour)
	if n := len(bob.news()); n != 1 {
		t.Errorf("bob was told %q", bob.news())
	}
	if v, _ := bob.core.Channel("#carol"); v.Pending != 1 || v.Hubs[0].Standing != channels.Closed {
		t.Errorf("bob sees %+v, and %d texts wait", v.Hubs, v.Pending)
	}
	bob.own("cellar")
	bob.do(channels.Rescue{Ref: 4, Channel: "#carol"})
	w.run(time.Minute)
	keys, _ := last[channels.Rescued](bob)
	if len(keys.Keys) != 1 {
		t.Fatalf("no rescue keys: %v", bob.events[len(bob.events)-1])
	}
	carol.do(channels.Redeem{Channel: "#bob", Key: keys.Keys[0].Key})
	w.run(time.Minute)
	carol.saw("#bob", "bob: into the void")
}

// A channel that was closed on a hub when it was dropped there can be kept there again.
func TestADroppedHubIsUsedAgain(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	bob.do(channels.DropHub{Channel: "#alice", Hub: cellar.address().Fingerprint})
	w.run(15 * time.Minute)
	var list wire.ChannelsResult
	if bob.asks(cellar, wire.OpChannels, wire.ChannelsArgs{}, &list); len(list.Channels) != 1 || !list.Channels[0].Closed {
		t.Fatalf("the cellar has %+v", list.Channels)
	}
	bob.do(channels.Mirror{Ref: 3, Channel: "#alice", Hub: cellar.address().Fingerprint})
	w.run(time.Minute)
	attic.fall()
	alice.says("#bob", "in the cellar")
	w.run(2 * time.Second)
	bob.saw("#alice", "alice: in the cellar")
}
