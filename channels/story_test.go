package channels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

func TestTwoPeopleTalk(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "hello")
	w.run(time.Second)
	bob.says("#alice", "hi there")
	w.run(time.Second)
	alice.says("#bob", "how are you?")
	bob.says("#alice", "grüß Gott — 你好")
	w.run(time.Second)
	alice.saw("#bob", "alice: hello", "bob: hi there", "alice: how are you?", "bob: grüß Gott — 你好")
	bob.saw("#alice", "alice: hello", "bob: hi there", "bob: grüß Gott — 你好", "alice: how are you?")

	joined, ok := find[channels.Joined](alice)
	if !ok || joined != (channels.Joined{Channel: "#bob", Nick: "bob", By: "alice"}) {
		t.Errorf("alice was told %+v", joined)
	}
	number, _ := alice.core.Safety("#bob")
	if other, err := bob.core.Safety("#alice"); err != nil || other != number || len(number) != 47 {
		t.Errorf("the safety numbers are %q and %q (%v)", number, other, err)
	}
	seen, err := bob.core.Seen("#alice")
	if err != nil || len(seen) != 1 || seen[0].Behind != 1 || seen[0].Text != "hi there" {
		t.Errorf("bob knows of his texts: %+v, %v", seen, err)
	}
	w.run(2 * time.Hour) // who only reads sends a receipt some time
	if seen, _ = bob.core.Seen("#alice"); seen[0].Behind != 0 || seen[0].Nick != "alice" {
		t.Errorf("two hours later: %+v", seen)
	}
}

func TestNobodyIsThereYet(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	asked := w.hub("attic").asked
	alice.says("#bob", "is anybody here?")
	alice.says("#bob", "hello?")
	w.run(time.Hour)
	if got := alice.infos("#bob"); len(got) != 1 || !strings.Contains(got[0], "nobody is in #bob yet") {
		t.Errorf("alice was told %q", got)
	}
	if w.hub("attic").asked != asked {
		t.Errorf("founding a channel and talking in it asked a hub something")
	}
	if v, _ := alice.core.Channel("#bob"); v.Pending != 2 || len(v.Hubs) != 0 {
		t.Errorf("alice sees %+v", v)
	}
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(10 * time.Second)
	bob.saw("#alice", "alice: is anybody here?", "alice: hello?")
	if v, _ := alice.core.Channel("#bob"); v.Pending != 0 || len(v.Hubs) != 1 {
		t.Errorf("alice sees %+v", v)
	}
}

func TestTheJoinerSpeaksAtOnce(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	alice.stop()

	bob.redeems("#alice", key)
	bob.says("#alice", "I am in")
	w.run(time.Minute)
	v, _ := bob.core.Channel("#alice")
	if !v.Waiting || v.WaitsFor != "alice" || v.Pending != 0 {
		t.Errorf("bob sees %+v", v)
	}
	if got := bob.nicks("#alice"); !slices.Equal(got, []string{"bob", "alice"}) {
		t.Errorf("bob sees %q", got)
	}
	bob.restart() // which takes a new sender key
	bob.says("#alice", "still here")
	w.run(time.Minute)
	bob.stop()
	w.run(time.Hour)

	alice.start() // alone
	w.run(10 * time.Second)
	alice.saw("#bob", "bob: I am in", "bob: still here")
	alice.says("#bob", "welcome")
	w.run(10 * time.Second)
	alice.stop()

	bob.start()
	w.run(10 * time.Second)
	bob.saw("#alice", "bob: I am in", "bob: still here", "alice: welcome")
	if v, _ = bob.core.Channel("#alice"); v.Waiting {
		t.Errorf("bob still waits: %+v", v)
	}
	bob.says("#alice", "thanks")
	w.run(10 * time.Second)
	alice.start()
	w.run(10 * time.Second)
	if got := alice.history("#bob"); !slices.Equal(got, []string{"bob: I am in", "bob: still here", "alice: welcome", "bob: thanks"}) {
		t.Errorf("alice has %q", got)
	}
}

func TestAKeyIsGoodOnce(t *testing.T) {
	w := begin(t)
	alice, bob, mallory := w.person("alice"), w.person("bob"), w.person("mallory")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	mallory.redeems("#loot", key)
	bob.do(channels.Redeem{Ref: 3, Channel: "#alice", Key: key})
	w.run(time.Second)
	f, ok := last[channels.Failed](bob)
	if !ok || f.Code != channels.CodeUsed || f.Ref != 3 {
		t.Errorf("bob was told %+v", f)
	}
	if warned, ok := last[channels.Warn](bob); !ok || !strings.Contains(warned.Text, "somebody else") {
		t.Errorf("bob was warned: %+v", warned)
	}
	if got := bob.core.Channels(); len(got) != 0 {
		t.Errorf("bob is in %+v", got)
	}
	if invites := alice.core.Invites(); len(invites) != 1 || invites[0].State != "used by mallory" || invites[0].Note != "a friend" {
		t.Errorf("alice sees %+v", invites)
	}
	// The same gateway with the same key is one joining.
	mallory.redeems("#loot", key)
	mallory.redeems("#loot", " "+key[:20]+"\n"+key[20:])
	if n := count[channels.Joined](alice); n != 1 {
		t.Errorf("%d joined", n)
	}
}

func TestTwoRedeemAtOnce(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	var joiners []*person
	for i := range 5 {
		p := w.person(fmt.Sprintf("joiner%c", 'a'+i))
		joiners = append(joiners, p)
		p.do(channels.Redeem{Ref: 1, Channel: "#alice", Key: key}) // all peek before anyone redeems
	}
	w.run(5 * time.Second)
	in, used := 0, 0
	for _, p := range joiners {
		if f, ok := last[channels.Failed](p); ok && f.Code == channels.CodeUsed {
			used++
		}
		in += len(p.core.Channels())
	}
	if in != 1 || used != 4 {
		t.Errorf("%d are in, %d were told that the key was used", in, used)
	}
}

func TestKeysThatAreNoGood(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	told := func(key string, want channels.Code) {
		t.Helper()
		bob.events = nil
		asked := w.hub("attic").asked
		bob.do(channels.Redeem{Ref: 4, Channel: "#alice", Key: key})
		w.run(time.Second)
		if f, ok := last[channels.Failed](bob); !ok || f.Code != want || f.Ref != 4 {
			t.Errorf("bob was told %+v, not %q", bob.events, want)
		}
		if want == channels.CodeMistyped && w.hub("attic").asked != asked {
			t.Errorf("a mistyped key led to a request")
		}
	}
	told(key[:len(key)-1], channels.CodeMistyped)
	told(strings.Replace(key, "ATTIC", "ATTIK", 1), channels.CodeMistyped)
	told("x", channels.CodeMistyped)

	alice.do(channels.Revoke{Ref: 5, Invite: alice.core.Invites()[0].Number})
	w.run(time.Second)
	if d, ok := last[channels.Done](alice); !ok || d.Ref != 5 {
		t.Errorf("alice was told %+v", alice.events)
	}
	told(key, channels.CodeRevoked)
	if got := alice.core.Invites()[0].State; got != "revoked" {
		t.Errorf("the key is %q", got)
	}

	alice.do(channels.Invite{Ref: 6, Channel: "#bob", Valid: time.Hour})
	w.run(time.Second)
	short, _ := last[channels.Invited](alice)
	w.run(2 * time.Hour)
	told(short.Key, channels.CodeExpired)
	if got := alice.core.Invites()[0].State; got != "expired" {
		t.Errorf("the key is %q", got)
	}

	w.hub("attic").fall()
	told(alicesThird(w, alice), channels.CodeHub)
}

// alicesThird is a key made while the hub was up, which it then is not.
func alicesThird(w *world, alice *person) string {
	w.hub("attic").rise()
	w.run(2 * time.Minute)
	key := alice.invites("#bob")
	w.hub("attic").fall()
	return key
}

func TestAUselessKeyOnAChannelOneIsIn(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	old := bob.events
	carol := w.person("carol")
	carol.owns(w.hub("cellar"), false)
	carol.do(channels.Join{Channel: "#x"})
	used := carol.invites("#x")
	w.person("dave").redeems("#carol", used)
	bob.events = nil
	for _, key := range []string{"x", used, "", "HTTP://NOWHERE/#A"} {
		bob.redeems("#alice", key)
	}
	for _, e := range bob.events {
		if _, ok := e.(channels.Shown); !ok {
			t.Errorf("bob was told %+v", e)
		}
	}
	_, _ = alice, old
}

func TestABadKeyOnAChannelOfOnesOwn(t *testing.T) {
	w := begin(t)
	alice, carol, bob := w.person("alice"), w.person("carol"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#bob"})
	key := alice.invites("#bob")
	carol.redeems("#alice", key)
	bob.do(channels.Join{Channel: "#alice"})
	for _, c := range []struct {
		key  string
		code channels.Code
	}{{key[:len(key)-9], channels.CodeMistyped}, {key[:len(key)-9] + "AAAAAAAAA", channels.CodeMistyped}, {key, channels.CodeUsed}} {
		bob.events = nil
		bob.do(channels.Redeem{Ref: 5, Channel: "#alice", Key: c.key})
		w.run(time.Second)
		if f, _ := last[channels.Failed](bob); f.Code != c.code || f.Ref != 5 {
			t.Errorf("for %s bob was told %+v", c.key, bob.events)
		}
	}
	// Clients send an x where they know no key.
	bob.events = nil
	bob.redeems("#alice", "x")
	if _, ok := find[channels.Failed](bob); ok {
		t.Errorf("bob was told %+v", bob.events)
	}
}

func TestAKeyForAnotherChannel(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.owns(w.hub("cellar"), false)
	carol.do(channels.Join{Channel: "#x"})
	key := carol.invites("#x")

	bob.do(channels.Redeem{Ref: 3, Channel: "#alice", Key: key})
	w.run(time.Second)
	if f, _ := last[channels.Failed](bob); f.Code != channels.CodeTaken || f.Suggest != "#alice2" {
		t.Errorf("bob was told %+v", f)
	}
	bob.redeems("#alice2", key) // it was not spent by that

	// A channel that is empty of others makes room.
	key = carol.invites("#x")
	erin := w.person("erin")
	erin.do(channels.Join{Channel: "#carol"})
	erin.events = nil
	erin.redeems("#CAROL", key)
	if len(erin.events) < 2 || erin.events[0] != (channels.Gone{Channel: "#carol"}) {
		t.Errorf("erin was told %+v", erin.events)
	}
	w.run(5 * time.Second)
	carol.says("#x", "all here?")
	w.run(5 * time.Second)
	bob.saw("#alice2", "carol: all here?")
	erin.saw("#CAROL", "carol: all here?")
	alice.saw("#bob")
}

func TestThree(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	alice.says("#bob", "before carol")
	w.run(time.Second)
	carol.redeems("#gang", alice.invites("#bob"))
	w.run(2 * time.Second)
	if got := carol.nicks("#gang"); !slices.Equal(got, []string{"carol", "alice", "bob"}) {
		t.Errorf("carol sees %q", got)
	}
	if got := bob.nicks("#alice"); !slices.Equal(got, []string{"bob", "alice", "carol"}) {
		t.Errorf("bob sees %q", got)
	}
	bob.says("#alice", "hi carol")
	w.run(time.Second)
	carol.says("#gang", "hi all")
	w.run(time.Second)
	alice.says("#bob", "now we are three")
	w.run(time.Second)
	want := []string{"bob: hi carol", "carol: hi all", "alice: now we are three"}
	carol.saw("#gang", want...)
	alice.saw("#bob", append([]string{"alice: before carol"}, want...)...)
	bob.saw("#alice", append([]string{"alice: before carol"}, want...)...)
	a, _ := alice.core.Safety("#bob")
	b, _ := bob.core.Safety("#alice")
	c, _ := carol.core.Safety("#gang")
	if a != b || b != c {
		t.Errorf("safety numbers %q %q %q", a, b, c)
	}

	// Bob invites, too; dave is read by all, though only bob let him in.
	dave := w.person("dave")
	dave.redeems("#b", bob.invites("#alice"))
	dave.says("#b", "it's dave")
	w.run(5 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}, {carol, "#gang"}} {
		if got := p.lines(p.channel); got[len(got)-1] != "dave: it's dave" {
			t.Errorf("%s saw %q", p.name, got)
		}
		if j, _ := last[channels.Joined](p.person); j.Nick != "dave" || j.By != "bob" {
			t.Errorf("%s was told %+v", p.name, j)
		}
	}
	carol.says("#gang", "hi dave")
	w.run(5 * time.Second)
	dave.saw("#b", "dave: it's dave", "carol: hi dave")
}

func TestTheHubIsDownWhileTyping(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.hub("attic").fall()
	w.run(time.Second)
	alice.says("#bob", "one")
	alice.says("#bob", "two")
	w.run(3 * time.Second)
	if got := alice.infos("#bob"); len(got) != 0 {
		t.Errorf("too soon: %q", got)
	}
	w.run(3 * time.Second)
	alice.says("#bob", "three")
	w.run(time.Minute)
	if got := alice.infos("#bob"); len(got) != 1 || !strings.Contains(got[0], "not sent yet: attic.example cannot be reached") {
		t.Errorf("alice was told %q", got)
	}
	alice.restart()
	w.run(time.Minute)
	w.hub("attic").rise()
	w.run(2 * time.Minute)
	bob.saw("#alice", "alice: one", "alice: two", "alice: three")
	if got := alice.infos("#bob"); len(got) != 2 || !strings.Contains(got[1], "sent: everything kept in #bob has arrived") {
		t.Errorf("alice was told %q", got)
	}
	if v, _ := alice.core.Channel("#bob"); v.Pending != 0 || !v.Hubs[0].Up {
		t.Errorf("alice sees %+v", v)
	}
}

func TestNickAndTopic(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.do(channels.SetTopic{Ref: 3, Channel: "#bob", Text: "plans\tfor \x02summer\x07"})
	topic, _ := last[channels.Topic](alice)
	if topic.Ref != 3 || topic.Text != "plans for summer" || !topic.Own || topic.Nick != "alice" {
		t.Errorf("alice was told %+v", topic)
	}
	w.run(time.Second)
	if topic, _ = last[channels.Topic](bob); topic.Text != "plans for summer" || topic.Nick != "alice" || topic.Channel != "#alice" || topic.Own {
		t.Errorf("bob was told %+v", topic)
	}
	alice.do(channels.SetNick{Ref: 4, Nick: "alicia"})
	if r, _ := last[channels.Renamed](alice); r != (channels.Renamed{Ref: 4, Old: "alice", New: "alicia", Own: true}) {
		t.Errorf("alice was told %+v", r)
	}
	w.run(time.Second)
	if r, _ := last[channels.Renamed](bob); r != (channels.Renamed{Channel: "#alice", Old: "alice", New: "alicia"}) {
		t.Errorf("bob was told %+v", r)
	}
	// Bob calls himself as alice does: neither sees two of one nick.
	bob.do(channels.SetNick{Nick: "Alicia"})
	w.run(time.Second)
	if got := bob.nicks("#alice"); !slices.Equal(got, []string{"Alicia", "alicia_2"}) {
		t.Errorf("bob sees %q", got)
	}
	if got := alice.nicks("#bob"); !slices.Equal(got, []string{"alicia", "Alicia_2"}) {
		t.Errorf("alice sees %q", got)
	}
	for _, bad := range []string{"", "sysop", "SYSOP", "5bob", "a b", "#a", "a\nb", strings.Repeat("x", 31), "\u202ebob", "ѕysоp"} {
		alice.events = nil
		alice.do(channels.SetNick{Ref: 5, Nick: bad})
		if f, ok := last[channels.Failed](alice); !ok || f.Code != channels.CodeBadNick {
			t.Errorf("%q as a nick: %+v", bad, alice.events)
		}
	}
}

func TestLeaving(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	bob.says("#alice", "bye")
	w.run(time.Second)
	w.hub("attic").fall()
	bob.do(channels.Leave{Ref: 3, Channel: "#alice"})
	if g, ok := last[channels.Gone](bob); !ok || g != (channels.Gone{Ref: 3, Channel: "#alice"}) {
		t.Errorf("bob was told %+v", bob.events)
	}
	bob.restart()
	if got := bob.core.Channels(); len(got) != 0 {
		t.Errorf("bob is in %+v", got)
	}
	w.run(time.Minute)
	w.hub("attic").rise()
	w.run(3 * time.Minute)
	if l, ok := last[channels.Left](alice); !ok || l != (channels.Left{Channel: "#bob", Nick: "bob"}) {
		t.Errorf("alice was told %+v", alice.events)
	}
	alice.saw("#bob", "bob: bye")
	if got := alice.nicks("#bob"); !slices.Equal(got, []string{"alice"}) {
		t.Errorf("alice sees %q", got)
	}
	// The place is free, for the same channel by a new key.
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(3 * time.Second)
	alice.says("#bob", "back again")
	w.run(3 * time.Second)
	bob.saw("#alice", "bob: bye", "alice: back again")
}

func TestTheFounderLeaves(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.redeems("#gang", alice.invites("#bob"))
	w.run(2 * time.Second)
	alice.do(channels.Leave{Channel: "#bob"})
	w.run(2 * time.Second)
	if l, ok := last[channels.Left](bob); !ok || l.Nick != "alice" {
		t.Errorf("bob was told %+v", bob.events)
	}
	bob.says("#alice", "she is gone")
	w.run(5 * time.Second)
	carol.saw("#gang", "bob: she is gone")
}

// TestAStartChangesNothing: what a gateway shows after a start it asks for by
// Channels and Backlog.
func TestAStartChangesNothing(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	alice.says("#bob", "hello")
	alice.do(channels.SetTopic{Channel: "#bob", Text: "a topic"})
	w.run(time.Minute)
	before, _ := alice.core.Channel("#bob")
	for _, p := range w.people {
		p.events = nil
		p.restart()
	}
	w.run(10 * time.Minute)
	for _, p := range w.people {
		if len(p.events) != 0 {
			t.Errorf("%s was told %+v", p.name, p.events)
		}
	}
	after, _ := alice.core.Channel("#bob")
	before.Hubs, after.Hubs = nil, nil
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("alice sees\n%+v, not\n%+v", after, before)
	}
	_ = bob
}

func TestHiding(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	bob.do(channels.Hide{Ref: 3, Channel: "#Alice"})
	if h, _ := last[channels.Hidden](bob); h != (channels.Hidden{Ref: 3, Channel: "#alice"}) {
		t.Errorf("bob was told %+v", h)
	}
	bob.events = nil
	alice.says("#bob", "peek-a-boo")
	w.run(time.Second)
	if len(bob.events) != 2 || bob.events[0] != (channels.Shown{Channel: "#alice"}) {
		t.Errorf("bob was told %+v", bob.events)
	}
	bob.do(channels.Hide{Channel: "#alice"})
	if got := bob.history("#alice"); len(got) != 0 {
		t.Errorf("a hidden channel has a backlog: %q", got)
	}
	bob.do(channels.Join{Ref: 4, Channel: "#alice"})
	if got := bob.history("#alice"); len(got) != 1 {
		t.Errorf("bob has %q", got)
	}
}

func TestWhatClientsWereShown(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	for i := range 60 {
		alice.says("#bob", fmt.Sprint(i))
	}
	w.run(5 * time.Second)
	all, _ := bob.core.Backlog("phone")
	if len(all) != 50 || all[0].Text != "10" || all[49].Text != "59" {
		t.Errorf("a client that was never here gets %d lines", len(all))
	}
	bob.do(channels.Delivered{Client: "phone", Line: all[48].ID})
	bob.do(channels.Delivered{Client: "phone", Line: all[3].ID}) // marks never go back
	bob.restart()
	all, _ = bob.core.Backlog("phone")
	if len(all) != 1 || all[0].Text != "59" || all[0].Channel != "#alice" || all[0].From != "alice" {
		t.Errorf("then it gets %+v", all)
	}
	bob.do(channels.Delivered{Client: "", Line: 1 << 60}) // as far as there are lines, no farther
	alice.says("#bob", "later")
	w.run(time.Second)
	if all, _ = bob.core.Backlog(""); len(all) != 1 || all[0].Text != "later" {
		t.Errorf("the default client gets %+v", all)
	}
}

func TestOpeningWithoutAHubThatAnswers(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.do(channels.Join{Channel: "#bob"})
	alice.do(channels.Invite{Ref: 1, Channel: "#bob"})
	if f, _ := last[channels.Failed](alice); f.Code != channels.CodeNoHub {
		t.Errorf("alice was told %+v", f)
	}
	alice.owns(w.hub("attic"), false)
	w.hub("attic").fall()
	alice.do(channels.Invite{Ref: 2, Channel: "#bob"})
	w.run(time.Minute)
	if f, _ := last[channels.Failed](alice); f.Code != channels.CodeHub || f.Ref != 2 {
		t.Errorf("alice was told %+v", f)
	}
	if got := alice.core.Invites(); len(got) != 0 {
		t.Errorf("there are invites: %+v", got)
	}
	// With the hub down, the embedded one does, for those on this machine.
	alice.owns(w.hub("embedded"), true)
	alice.do(channels.Invite{Ref: 3, Channel: "#bob"})
	w.run(time.Second)
	if i, _ := last[channels.Invited](alice); i.Ref != 3 || !i.Local || i.Name != "#alice" {
		t.Errorf("alice was told %+v", i)
	}
	// Up again, it is preferred.
	w.hub("attic").rise()
	alice.do(channels.UseHub{Hub: w.hub("attic").address()})
	w.run(2 * time.Minute)
	alice.do(channels.Join{Channel: "#carol"})
	alice.do(channels.Invite{Ref: 4, Channel: "#carol"})
	w.run(time.Second)
	if i, _ := last[channels.Invited](alice); i.Ref != 4 || i.Local {
		t.Errorf("alice was told %+v", i)
	}
}

func TestChannelsLiveOnTheHubAddedLast(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("embedded"), true)
	for i, name := range []string{"attic", "cellar", "attic"} {
		if i < 2 {
			alice.owns(w.hub(name), false)
		} else {
			alice.do(channels.UseHub{Hub: w.hub(name).address()})
		}
		channel := "#" + string(rune('a'+i))
		for _, h := range alice.core.Hubs() {
			if is := h.Address == w.hub(name).address(); h.Next != is {
				t.Errorf("after %s was added new channels are said to open on %s: %v", name, h.Address.URL, h.Next)
			}
		}
		alice.do(channels.Join{Channel: channel})
		alice.invites(channel)
		v, _ := alice.core.Channel(channel)
		if len(v.Hubs) != 1 || v.Hubs[0].Address.Fingerprint != w.hub(name).address().Fingerprint {
			t.Errorf("%s was added last, and %s lives on %+v", name, channel, v.Hubs)
		}
	}
	w.hub("attic").fall()
	w.run(time.Minute)
	alice.do(channels.Join{Channel: "#d"})
	alice.invites("#d")
	if v, _ := alice.core.Channel("#d"); len(v.Hubs) != 1 || v.Hubs[0].Address.Fingerprint != w.hub("cellar").address().Fingerprint {
		t.Errorf("with the attic's hub down #d lives on %+v", v.Hubs)
	}
}
