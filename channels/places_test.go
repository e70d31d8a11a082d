package channels_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// A hub at a private address that another member has named is not asked, unless
// the channel lives on such a one already, or the user allows it.
func TestPrivateAddresses(t *testing.T) {
	long(t)
	for _, test := range []struct {
		name          string
		first, second string
		allowed       bool
		want          []string
	}{
		{"a private second", "attic.example", "192.168.1.7", false, []string{"attic.example"}},
		{"allowed", "attic.example", "192.168.1.7", true, []string{"192.168.1.7", "attic.example"}},
		{"both private", "192.168.1.8", "10.2.3.4", false, []string{"10.2.3.4", "192.168.1.8"}},
		{"a public second", "127.0.0.1:8000", "cellar.example", false, []string{"127.0.0.1:8000", "cellar.example"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := begin(t)
			w.options.Private = test.allowed
			attic, cellar := w.hub("attic"), w.hub("cellar")
			attic.url, cellar.url = "http://"+test.first+"/hub.cgi", "http://"+test.second+"/hub.cgi"
			alice, bob := w.person("alice"), w.person("bob")
			alice.owns(attic, false)
			bob.owns(cellar, false)
			alice.do(channels.Join{Channel: "#bob"})
			bob.redeems("#alice", alice.invites("#bob"))
			w.run(10 * time.Second)
			bob.do(channels.Mirror{Channel: "#alice"}) // whether or not it does so by itself
			w.run(30 * time.Second)
			v, _ := alice.core.Channel("#bob")
			var got []string
			for _, h := range v.Hubs {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(h.Address.URL, "http://"), "/hub.cgi"))
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("alice asks %q", got)
			}
			for _, r := range alice.made {
				if strings.Contains(r.Hub.URL, test.second) && wire.PrivateURL(r.Hub.URL) && r.Public {
					t.Errorf("%s is asked, and must not lead there", r.Hub.URL)
				}
				if strings.Contains(r.Hub.URL, test.second) && !wire.PrivateURL(r.Hub.URL) && test.name == "a private second" && !r.Public {
					t.Errorf("%s might lead to a private address", r.Hub.URL)
				}
			}
			w.goesOn(alice, bob, "on")
		})
	}
}

// What another member has named is asked at public addresses alone.
func TestAMembersWordIsPublic(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	for _, p := range []struct {
		*person
		own, other *hubHouse
	}{{alice, attic, cellar}, {bob, cellar, attic}} {
		for _, r := range p.made {
			switch {
			case r.Hub == p.own.address() && r.Public:
				t.Fatalf("%s's own hub is not asked at a private address", p.name)
			case r.Hub == p.other.address() && !r.Public && p.person == alice:
				t.Fatalf("bob's hub may lead alice to a private address")
			}
		}
	}
}

// With Unlinked no request brings a hub calls of two channels.
func TestUnlinked(t *testing.T) {
	w := begin(t)
	w.options.Unlinked = true
	alice, bob := w.two()
	carol := w.person("carol")
	alice.do(channels.Join{Channel: "#carol"})
	carol.redeems("#alice", alice.invites("#carol"))
	w.run(10 * time.Second)
	alice.says("#carol", "hi carol")
	w.goesOn(alice, bob, "on")
	carol.saw("#alice", "alice: hi carol")
	lines := map[wire.Channel]uint64{}
	for _, r := range alice.made {
		for _, c := range r.Calls {
			if c.Channel == (wire.Channel{}) {
				continue
			}
			if c.Channel != r.Calls[0].Channel {
				t.Fatalf("one request for two channels: %+v", r.Calls)
			}
			if line, known := lines[c.Channel]; known && line != r.Line || r.Line == 0 {
				t.Fatalf("a channel on lines %d and %d", line, r.Line)
			}
			lines[c.Channel] = r.Line
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d channels were asked for", len(lines))
	}
}

// Nor does the look at one channel's one-time key share a line with that at
// another's, or with anything else.
func TestUnlinkedKeys(t *testing.T) {
	w := begin(t)
	w.options.Unlinked = true
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	for _, name := range []string{"#x", "#y"} {
		alice.do(channels.Join{Channel: name})
		bob.redeems(name, alice.invites(name))
	}
	w.run(10 * time.Second)
	first := map[uint64]wire.Op{}
	peeks := 0
	for _, r := range bob.made {
		for _, c := range r.Calls {
			op, used := first[r.Line]
			if used && (op == wire.OpPeek || c.Op == wire.OpPeek) || r.Line == 0 {
				t.Errorf("line %d has %s and %s", r.Line, op, c.Op)
			}
			first[r.Line] = c.Op
			if c.Op == wire.OpPeek {
				peeks++
			}
		}
	}
	if peeks != 2 {
		t.Errorf("%d keys were looked at", peeks)
	}
}

// A joiner is let in on the channel's other hubs as well, though nobody is online.
func TestAJoinIsRepeatedOnTheOtherHubs(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	key := alice.invites("#bob")
	w.run(5 * time.Second)
	alice.stop()
	bob.stop()
	carol := w.person("carol")
	carol.redeems("#c", key)
	w.run(10 * time.Second)
	if n := len(carol.core.Blobs("SELECT secret FROM redeemed WHERE secret IS NOT NULL")); n > 0 {
		t.Error("the one-time key is kept")
	}
	attic.fall()
	cellar.rise()
	carol.says("#c", "by the cellar")
	w.run(5 * time.Second)
	if v, _ := carol.core.Channel("#c"); v.Pending > 0 {
		t.Errorf("it is not sent: %+v", v.Hubs)
	}
	alice.start()
	w.run(20 * time.Second)
	if got := alice.lines("#bob"); !slices.Contains(got, "carol: by the cellar") {
		t.Errorf("alice has %q", got)
	}
	attic.rise()
	bob.start()
	w.run(10 * time.Minute)
	w.sameLogs(attic, cellar)
}

// Where the first hub only took the joining, members let the joiner in on others.
func TestAJoinerIsGranted(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	cellar.fall()
	w.run(2 * time.Minute)
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(time.Minute)
	cellar.rise()
	w.run(10 * time.Minute)
	attic.fall()
	carol.says("#c", "by the cellar")
	w.run(2 * time.Second)
	if got := bob.lines("#alice"); !slices.Contains(got, "carol: by the cellar") {
		t.Errorf("bob has %q", got)
	}
}

func TestAHubMoves(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	attic.url = "http://elsewhere.example/hub.cgi"
	w.run(3 * time.Minute)
	alice.says("#bob", "by the cellar")
	w.run(2 * time.Second)
	bob.saw("#alice", "alice: by the cellar")
	events := alice.do(channels.MoveHub{Hub: attic.address()})
	if done, ok := events[len(events)-1].(channels.Done); !ok || !strings.Contains(done.Text, "told so in #bob") {
		t.Errorf("it answers %+v", events)
	}
	w.run(10 * time.Minute)
	if v, _ := bob.core.Channel("#alice"); !slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return h.Address == attic.address() }) {
		t.Errorf("bob has the hubs %+v", v.Hubs)
	}
	w.sameLogs(attic, cellar)
	unknown := channels.HubAddress{URL: "http://x.example/"}
	if f, ok := alice.do(channels.MoveHub{Hub: unknown})[0].(channels.Failed); !ok || f.Code != channels.CodeHub {
		t.Errorf("a hub that nobody knows moves")
	}
}

// A guest follows where the owner says that the hub is, and tells those in the channels
// that he has opened there.
func TestAHubMovesWithItsGuests(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	bob.guestOf(alice, attic)
	bob.do(channels.Join{Channel: "#carol"})
	carol := w.person("carol")
	carol.redeems("#bob", bob.invites("#carol"))
	bob.do(channels.Mirror{Channel: "#carol", Hub: attic.address().Fingerprint})
	bob.do(channels.Mirror{Channel: "#carol", Hub: cellar.address().Fingerprint})
	w.run(time.Minute)
	for _, p := range []*person{bob, carol} {
		if got := p.hubsOf("#" + map[*person]string{bob: "carol", carol: "bob"}[p]); len(got) != 2 {
			t.Fatalf("%s has the hubs %q", p.name, got)
		}
	}
	attic.url = "http://elsewhere.example/hub.cgi"
	alice.do(channels.MoveHub{Hub: attic.address()})
	w.run(10 * time.Minute)
	for p, channel := range map[*person]string{alice: "#bob", bob: "#carol", carol: "#bob"} {
		if v, _ := p.core.Channel(channel); !slices.ContainsFunc(v.Hubs, func(h channels.HubView) bool { return h.Address == attic.address() && h.Up }) {
			t.Errorf("%s has the hubs %+v", p.name, v.Hubs)
		}
	}
}

// A hub that has moved does not answer for a while, and what is left where it was does:
// that it takes nothing new there is not the hub's word.
func TestAHubThatMovedIsAway(t *testing.T) {
	w := begin(t)
	alice, bob, attic, _ := w.twoHubs()
	was := attic.url
	attic.url = "http://elsewhere.example/hub.cgi"
	attic.fall()
	if err := os.Remove(filepath.Join(attic.data, "hub.db-generation")); err != nil { // an import has another, too
		t.Fatal(err)
	}
	attic.rise()
	alice.do(channels.MoveHub{Hub: attic.address()})
	w.run(10 * time.Minute)
	for _, p := range []*person{alice, bob} {
		if news := strings.Join(p.news(), "\n"); strings.Contains(news, "wiped") {
			t.Errorf("%s was told %s", p.name, news)
		}
	}
	closed := &wire.Error{Code: wire.CodeClosed, Text: "the channel was closed here"}
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		if p != bob || r.Hub.Fingerprint != attic.address().Fingerprint {
			return
		}
		for i, c := range r.Calls {
			var f wire.FetchResult
			switch {
			case c.Op == wire.OpPut:
				a.Results[i] = wire.Result{Error: closed}
			case c.Op == wire.OpFetch && codec.Unmarshal(a.Results[i].Value, &f) == nil:
				f.Entries, f.Closed, f.Closes = nil, true, w.now.Add(-time.Hour).Unix()
				a.Results[i].Value = mustMarshal(t, f)
			}
		}
		a.URL = was
	}
	w.run(5 * time.Minute)
	bob.says("#alice", "is it there?")
	w.run(5 * time.Minute)
	v, _ := bob.core.Channel("#alice")
	i := slices.IndexFunc(v.Hubs, func(h channels.HubView) bool { return h.Address == attic.address() })
	if i < 0 || v.Hubs[i].Standing == channels.Closed || v.Hubs[i].Up || !strings.Contains(v.Hubs[i].Trouble, "where it was before, it takes nothing new") {
		t.Errorf("bob has the hubs %+v", v.Hubs)
	}
	w.tweak = nil
	w.run(10 * time.Minute)
	if v, _ := bob.core.Channel("#alice"); !v.Hubs[i].Up || v.Hubs[i].Behind > 0 {
		t.Errorf("bob has the hubs %+v", v.Hubs)
	}
}

// Who says where a hub is now, and reads there first of all what was said of it before it
// moved, goes on to try there.
func TestAHubMovesWhileOneWaits(t *testing.T) {
	w := begin(t)
	alice := w.person("alice")
	attic := w.hub("attic")
	alice.owns(attic, false)
	alice.do(channels.Join{Channel: "#c"})
	key := alice.invites("#c")
	alice.stop()
	bob := w.comes("bob", key)
	bob.stop()
	alice.start()
	w.run(10 * time.Second)
	alice.stop()
	attic.url = "http://elsewhere.example/hub.cgi"
	bob.start()
	w.run(10 * time.Second)
	bob.do(channels.MoveHub{Hub: attic.address()})
	w.run(10 * time.Second)
	bob.isIn("#c", 2)
	r := bob.made[len(bob.made)-1]
	at := []string{r.Hub.URL}
	for _, o := range r.Others {
		at = append(at, o.URL)
	}
	if !slices.Contains(at, attic.url) {
		t.Errorf("bob asks the attic at %q alone", at)
	}
}

// A hub that puts somebody out, or has no room for him, is told apart from one
// that is down, and told of once.
func TestRefusals(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	bob.putsOut(cellar, alice)
	w.run(10 * time.Minute)
	alice.says("#bob", "still here")
	w.run(2 * time.Second)
	bob.saw("#alice", "alice: still here")
	v, _ := alice.core.Channel("#bob")
	for _, h := range v.Hubs {
		want := channels.Good
		if h.Address == cellar.address() {
			want = channels.PutOut
		}
		if h.Standing != want {
			t.Errorf("%s stands %d: %q", h.Address.URL, h.Standing, h.Trouble)
		}
	}
	if got := alice.news(); len(got) != 1 || !strings.Contains(got[0], "cellar.example/hub.cgi lets you into #bob no more") {
		t.Errorf("alice was told %q", got)
	}
	w.sameLogs(attic, cellar) // bob carries
}

// TestAHubIsWipedAfterTheClockWasSetBack: when one was let in must not count by
// the clock.
func TestAHubIsWipedAfterTheClockWasSetBack(t *testing.T) {
	w := begin(t)
	alice, _, _, cellar := w.twoHubs()
	alice.skew = -60 * time.Hour
	alice.step(channels.Tick{})
	cellar.fall()
	w.run(2 * time.Minute)
	cellar.rise()
	cellar.wipe()
	before := len(alice.made)
	w.run(10 * time.Minute)
	if n := len(alice.made) - before; n > 100 {
		t.Errorf("alice made %d requests in ten minutes to a hub that has lost the channel", n)
	}
}
