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

// rescues makes rescue keys, by whom they are for.
func (p *person) rescues(channel string) map[string]string {
	p.w.t.Helper()
	p.step(channels.Rescue{Ref: 11, Channel: channel})
	p.w.run(5 * time.Second)
	v, ok := last[channels.Rescued](p)
	if !ok || v.Ref != 11 || v.Channel != channel {
		p.w.t.Fatalf("%s got no rescue keys: %v", p.name, p.events)
	}
	keys := map[string]string{}
	for _, k := range v.Keys {
		keys[k.Nick] = k.Key
	}
	return keys
}

// types types a key after a channel's name, and gives what is answered.
func (p *person) types(channel, key string) channels.Event {
	p.w.t.Helper()
	p.ref++
	ref := 1000 + p.ref
	p.step(channels.Redeem{Ref: ref, Channel: channel, Key: key})
	p.w.run(time.Second)
	for _, e := range slices.Backward(p.events) {
		switch e := e.(type) {
		case channels.Done:
			if e.Ref == ref {
				return e
			}
		case channels.Failed:
			if e.Ref == ref {
				return e
			}
		case channels.Shown:
			if e.Ref == ref {
				return e
			}
		}
	}
	p.w.t.Fatalf("%s was answered nothing: %v", p.name, p.events)
	return nil
}

// follows types a rescue key, and demands that it works.
func (p *person) follows(key string) {
	p.w.t.Helper()
	e := p.types("#whatever", key)
	if d, ok := e.(channels.Done); !ok || !strings.Contains(d.Text, "is now kept on") {
		p.w.t.Errorf("%s was answered %+v", p.name, e)
	}
}

// refused types a key and demands that it is refused.
func (p *person) refused(channel, key string, code channels.Code, words string) {
	p.w.t.Helper()
	e := p.types(channel, key)
	if f, ok := e.(channels.Failed); !ok || f.Code != code || !strings.Contains(f.Text, words) {
		p.w.t.Errorf("%s was answered %+v, not %q with %q", p.name, e, code, words)
	}
}

// three are alice, bob and carol, who talk in one channel, on alice's hub and bob's.
func (w *world) three() (alice, bob, carol *person) {
	w.t.Helper()
	alice, bob = w.two()
	carol = w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(time.Minute)
	bob.owns(w.hub("cellar"), false)
	w.run(time.Minute)
	for p, name := range map[*person]string{alice: "#bob", bob: "#alice", carol: "#c"} {
		if v, _ := p.core.Channel(name); len(v.Hubs) != 2 {
			w.t.Fatalf("%s has %s on %d hubs", p.name, name, len(v.Hubs))
		}
	}
	alice.says("#bob", "one")
	w.run(time.Second)
	bob.says("#alice", "two")
	w.run(time.Minute)
	return alice, bob, carol
}

// dead is when no hub of theirs is left.
func (w *world) dead(names ...string) {
	for _, name := range names {
		w.hub(name).fall()
	}
	w.run(time.Hour)
}

func TestEveryHubDies(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol := w.three()
	w.dead("attic", "cellar")
	alice.says("#bob", "is anybody there?")
	bob.do(channels.SetTopic{Channel: "#alice", Text: "lost at sea"})
	carol.owns(w.hub("loft"), false)
	keys := carol.rescues("#c")
	if len(keys) != 2 || carol.core.Number("SELECT count(*) FROM rescues") != 0 {
		t.Fatalf("for %d people; %d are kept", len(keys), carol.core.Number("SELECT count(*) FROM rescues"))
	}
	v, _ := last[channels.Rescued](carol)
	if v.Local || v.Hub != w.hub("loft").address() || v.Expires.Sub(w.now) < 6*24*time.Hour {
		t.Errorf("carol was told %+v", v)
	}
	carol.says("#c", "here I am")
	w.run(time.Hour)
	alice.follows(keys["alice"])
	w.run(time.Minute)
	alice.saw("#bob", "alice: one", "bob: two", "alice: is anybody there?", "carol: here I am")
	bob.follows(strings.ToLower(keys["bob"][:30]) + "\n " + keys["bob"][30:])
	w.run(time.Minute)
	bob.says("#alice", "and I")
	w.run(time.Minute)
	want := []string{"alice: one", "bob: two", "carol: here I am", "alice: is anybody there?", "bob: and I"}
	bob.saw("#alice", want...)
	carol.saw("#c", want...)
	w.same("#c", map[*person]string{alice: "#bob", bob: "#alice"}, carol)
	for p, name := range map[*person]string{alice: "#bob", bob: "#alice", carol: "#c"} {
		v, _ := p.core.Channel(name)
		if v.Topic != "lost at sea" || v.Pending != 0 {
			t.Errorf("%s sees %+v", p.name, v)
		}
		if got := p.infos(name); slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "lost") && !strings.Contains(l, "sea") }) {
			t.Errorf("%s was told %q", p.name, got)
		}
	}
	// It is a channel like others: somebody new comes in.
	dave := w.person("dave")
	dave.redeems("#d", bob.invites("#alice"))
	w.run(time.Minute)
	carol.says("#c", "welcome")
	w.run(time.Minute)
	dave.saw("#d", "carol: welcome")
}

// Each of two makes rescue keys and knows nothing of the other's: both hubs are
// followed.
func TestTwoRescuesAtOnce(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol := w.three()
	w.dead("attic", "cellar")
	carol.owns(w.hub("loft"), false)
	bob.owns(w.hub("shed"), false)
	byCarol, byBob := carol.rescues("#c"), bob.rescues("#alice")
	alice.follows(byCarol["alice"])
	carol.follows(byBob["carol"])
	alice.says("#bob", "here")
	w.run(5 * time.Minute)
	bob.says("#alice", "and here")
	w.run(5 * time.Minute)
	want := []string{"alice: one", "bob: two", "alice: here", "bob: and here"}
	for p, name := range map[*person]string{alice: "#bob", bob: "#alice", carol: "#c"} {
		p.saw(name, want...)
		if v, _ := p.core.Channel(name); len(v.Hubs) != 4 {
			t.Errorf("%s has it on %d hubs", p.name, len(v.Hubs))
		}
	}
	w.same("#c", map[*person]string{alice: "#bob", bob: "#alice"}, carol)
	// bob's own key from carol comes late, and is of no more use.
	if d, ok := bob.types("#alice", byCarol["bob"]).(channels.Done); !ok || !strings.Contains(d.Text, "was not needed") {
		t.Errorf("bob was answered %+v", d)
	}
}

// Two have gone apart in what they know, and a rescue brings them together.
// The user who drops a hub in the very moment in which he reaches none any more has
// nowhere to say so, and the others don't know.
func TestARescueOfWhoHasDroppedTheHub(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol := w.three()
	drop := channels.DropHub{Channel: "#bob", Hub: w.hub("cellar").address().Fingerprint}
	w.hub("attic").fall()
	w.cut = func(p *person, h *hubHouse) bool { return p == alice }
	alice.do(drop)
	alice.says("#bob", "which one was it?")
	w.run(time.Hour)
	w.cut = nil
	alice.follows(bob.rescues("#alice")["alice"])
	w.run(10 * time.Minute)
	for p, name := range map[*person]string{alice: "#bob", bob: "#alice", carol: "#c"} {
		if v, _ := p.core.Channel(name); !slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return h.Address == w.hub("cellar").address() && h.Up }) {
			t.Errorf("%s has %s on %+v", p.name, name, v.Hubs)
		}
		if lines := fmt.Sprint(p.lines(name)); !strings.Contains(lines, "which one was it?") {
			t.Errorf("%s has %v", p.name, lines)
		}
	}
	// Once it is known that no other answers, the one that does is not dropped.
	if e, failed := alice.do(drop)[0].(channels.Failed); !failed || !strings.Contains(e.Text, "no other hub of #bob answers") {
		t.Errorf("alice drops the last hub: %+v", e)
	}
}

func TestARescueOfThoseWhoLackOperations(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.run(time.Minute)
	w.hub("attic").fall()
	for i := range 3 {
		alice.do(channels.SetTopic{Channel: "#bob", Text: fmt.Sprint("topic ", i)})
		bob.do(channels.SetNick{Nick: fmt.Sprint("bob", i)})
	}
	w.run(time.Hour)
	bob.owns(w.hub("cellar"), false)
	w.run(time.Minute)
	alice.follows(bob.rescues("#alice")["alice"])
	w.run(5 * time.Minute)
	w.same("#bob", map[*person]string{bob: "#alice"}, alice)
	if got := alice.nicks("#bob"); !slices.Equal(got, []string{"alice", "bob2"}) {
		t.Errorf("alice sees %q", got)
	}
	if v, _ := bob.core.Channel("#alice"); v.Topic != "topic 2" {
		t.Errorf("bob sees the topic %q", v.Topic)
	}
	alice.says("#bob", "again")
	w.run(time.Second)
	bob.says("#alice", "and again")
	w.run(time.Second)
	alice.saw("#bob", "alice: again", "bob2: and again")
	bob.saw("#alice", "alice: again", "bob2: and again")
}

func TestRescueKeysThatAreNoGood(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol := w.three()
	mallory := w.person("mallory")
	w.dead("attic", "cellar")
	carol.owns(w.hub("loft"), false)
	keys := carol.rescues("#c")

	before := alice.operations("#bob")
	alice.refused("#bob", keys["bob"], channels.CodeNotPossible, "is for bob: ask carol")
	carol.refused("#c", keys["bob"], channels.CodeNotPossible, "you made this rescue key yourself, for bob")
	mallory.refused("#loot", keys["bob"], channels.CodeNotPossible, "lets nobody in")
	if _, ok := mallory.core.Channel("#loot"); ok || !slices.Equal(alice.operations("#bob"), before) {
		t.Error("they changed something")
	}
	mistyped := []byte(keys["bob"])
	for i := len(mistyped) - 6; ; i++ {
		if mistyped[i] != 'A' {
			mistyped[i] = 'A'
			break
		}
	}
	bob.refused("#nowhere", string(mistyped), channels.CodeMistyped, "mistyped")
	bob.refused("#nowhere", keys["bob"][:len(keys["bob"])-3], channels.CodeMistyped, "cut off")

	bob.follows(keys["bob"]) // none of that has spoilt it
	if d, ok := bob.types("#other", keys["bob"]).(channels.Done); !ok || !strings.Contains(d.Text, "already") {
		t.Errorf("the second time bob was answered %+v", d)
	}
	w.run(time.Minute)
	mallory.refused("#loot", keys["bob"], channels.CodeRevoked, "revoked") // its slot is closed
	w.hold = 6 * time.Hour
	w.hub("attic").rise() // so that nobody tries them all the time
	w.hub("cellar").rise()
	w.run(8 * 24 * time.Hour)
	alice.refused("#nowhere", keys["alice"], channels.CodeExpired, "expired")
}

func TestWhoMayMakeRescueKeys(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	fails := func(p *person, channel string, code channels.Code, words string) {
		t.Helper()
		events := p.do(channels.Rescue{Ref: 3, Channel: channel})
		if f, ok := events[len(events)-1].(channels.Failed); !ok || f.Ref != 3 || f.Code != code || !strings.Contains(f.Text, words) {
			t.Errorf("%s was answered %+v", p.name, events)
		}
	}
	fails(alice, "#bob", channels.CodeUnknownChannel, "not in #bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	fails(alice, "#bob", channels.CodeNotPossible, "nobody else")
	key := alice.invites("#bob")
	alice.stop()
	bob.redeems("#alice", key)
	fails(bob, "#alice", channels.CodeNotPossible, "before alice")
	alice.start()
	w.run(time.Minute)
	fails(bob, "#alice", channels.CodeNoHub, "no hub of yours")

	// The embedded hub will do where there is no other, for those on one machine.
	bob.owns(w.hub("cellar"), true)
	w.hub("attic").fall()
	w.run(time.Minute)
	keys := bob.rescues("#alice")
	if v, _ := last[channels.Rescued](bob); !v.Local {
		t.Errorf("bob was told %+v", v)
	}
	alice.follows(keys["alice"])
	w.run(time.Minute)
	w.goesOn(alice, bob, "at home")
}

// A hub that does not answer makes no rescue keys, and whoever waits hears it. A
// gateway that dies before it could show them shows them then.
func TestMakingRescueKeysIsInterrupted(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.run(time.Minute)
	w.hub("attic").fall()
	w.run(time.Minute)
	bob.owns(w.hub("cellar"), false)
	w.run(time.Minute)
	w.hub("cellar").fall()
	bob.do(channels.Rescue{Ref: 4, Channel: "#alice", Hub: w.hub("cellar").address().Fingerprint})
	w.run(3 * time.Minute)
	if f, ok := last[channels.Failed](bob); !ok || f.Ref != 4 || f.Code != channels.CodeHub || !strings.Contains(f.Text, "cellar.example") {
		t.Errorf("bob was told %+v", f)
	}
	if n := bob.core.Number("SELECT count(*) FROM rescues"); n != 0 || count[channels.Rescued](bob) != 0 {
		t.Errorf("%d secrets are kept", n)
	}
	w.hub("cellar").rise()
	w.run(10 * time.Minute)
	if n := bob.core.Number("SELECT count(*) FROM calls WHERE op = 'offer'"); n != 0 {
		t.Errorf("%d slots are offered still", n)
	}
	bob.do(channels.Rescue{Ref: 5, Channel: "#alice"})
	events := bob.do(channels.Rescue{Ref: 6, Channel: "#alice"})
	if f, ok := events[len(events)-1].(channels.Failed); !ok || !strings.Contains(f.Text, "being made already") {
		t.Errorf("bob was answered %+v", events)
	}
	bob.restart()
	w.run(time.Minute)
	v, ok := last[channels.Rescued](bob)
	if !ok || len(v.Keys) != 1 || v.Ref != 0 || count[channels.Rescued](bob) != 1 {
		t.Fatalf("bob was told %+v", v)
	}
	alice.follows(v.Keys[0].Key)
	w.run(time.Minute)
	w.goesOn(alice, bob, "again")
}

// A hub can take a rescue away, and change nothing in it.
func TestALyingHubAndARescue(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol := w.three()
	w.dead("attic", "cellar")
	carol.owns(w.hub("loft"), false)
	keys := carol.rescues("#c")
	before := alice.operations("#bob")
	var other []byte
	change := func(f func(*wire.PeekResult)) {
		w.take = func(p *person, a channels.Answered) bool {
			for i := range a.Results {
				var r wire.PeekResult
				if a.Results[i].Error == nil && codec.Unmarshal(a.Results[i].Value, &r) == nil && len(r.Blob) > 0 {
					f(&r)
					a.Results[i].Value = mustMarshal(t, r)
				}
			}
			return false
		}
	}
	change(func(r *wire.PeekResult) { other = slices.Clone(r.Blob) })
	bob.types("#x", keys["bob"])
	for name, lie := range map[string]func(*wire.PeekResult){
		"a flipped bit":             func(r *wire.PeekResult) { r.Blob[100] ^= 1 },
		"another version":           func(r *wire.PeekResult) { r.Blob[0] = 1 },
		"a later version":           func(r *wire.PeekResult) { r.Blob[0] = 3 },
		"cut off":                   func(r *wire.PeekResult) { r.Blob = r.Blob[:len(r.Blob)-1] },
		"the rescue of another":     func(r *wire.PeekResult) { r.Blob = other },
		"as if somebody renewed it": func(r *wire.PeekResult) { r.Number = 2 },
	} {
		change(lie)
		e := alice.types("#x", keys["alice"])
		if f, ok := e.(channels.Failed); !ok || f.Code != channels.CodeHub || !strings.Contains(f.Text, "tampered") {
			t.Errorf("%s: alice was answered %+v", name, e)
		}
		if v, _ := alice.core.Channel("#bob"); len(v.Hubs) != 2 || !slices.Equal(alice.operations("#bob"), before) {
			t.Errorf("%s: something has changed: %+v", name, v.Hubs)
		}
	}
	w.take = nil
	alice.follows(keys["alice"])
	w.run(time.Minute)
	alice.says("#bob", "all the same")
	w.run(time.Minute)
	carol.saw("#c", "alice: one", "bob: two", "alice: all the same")
}
