package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// four are alice, who founded a channel on her hub, bob, who has a hub as well,
// carol and dave.
func (w *world) four() (alice, bob, carol, dave *person) {
	w.t.Helper()
	alice, bob = w.two()
	bob.owns(w.hub("cellar"), false)
	for _, name := range []string{"carol", "dave"} {
		p := w.person(name)
		p.redeems("#alice", alice.invites("#bob"))
		w.run(5 * time.Second)
	}
	w.run(time.Minute)
	return alice, bob, w.people[2], w.people[3]
}

// forks are the invitations to other channels that somebody may follow.
func (p *person) forks() (names []string) {
	p.w.t.Helper()
	forks, err := p.core.Forks()
	if err != nil {
		p.w.t.Fatal(err)
	}
	for _, f := range forks {
		names = append(names, f.Channel+" "+f.By+" "+f.Name)
	}
	return names
}

// secrets counts what of one-time keys a phonebook still holds for a fork.
func (p *person) secrets() int64 {
	return p.core.Number("SELECT count(*) FROM forking") + p.core.Number("SELECT count(*) FROM forks") +
		p.core.Number("SELECT count(*) FROM held") + p.core.Number("SELECT count(*) FROM outbox WHERE kind = 'fork'")
}

// allTalk has each of these say something in a channel, and demands that all see it.
func allTalk(t *testing.T, channel string, people ...*person) {
	t.Helper()
	var want []string
	for _, p := range people {
		p.says(channel, "this is "+p.name)
		p.w.run(2 * time.Second)
		want = append(want, p.name+": this is "+p.name)
	}
	for _, p := range people {
		if got := p.history(channel); !slices.Equal(got, want) {
			t.Errorf("%s has in %s %q", p.name, channel, got)
		}
	}
}

func TestForkWithTheFounderGone(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, dave := w.four()
	alice.stop()
	w.hub("attic").fall() // and her hub with her
	w.run(time.Minute)
	bob.do(channels.Fork{Ref: 6, Channel: "#alice", Name: "#new", Without: []string{"DAVE"}})
	w.run(30 * time.Second)
	d, ok := last[channels.Done](bob)
	if !ok || d.Ref != 6 || d.Text != "#new is founded, and 2 of #alice are invited, each with a key for nobody else" {
		t.Errorf("bob was told %+v", d)
	}
	if count[channels.Invited](bob) != 0 {
		t.Error("bob was shown one-time keys")
	}
	if f, ok := last[channels.Forked](carol); !ok || f != (channels.Forked{Channel: "#alice", By: "bob", Name: "#new"}) {
		t.Errorf("carol was told %+v", f)
	}
	carol.restart()
	if got := carol.forks(); !slices.Equal(got, []string{"#alice bob #new"}) {
		t.Errorf("carol can follow %q", got)
	}
	carol.do(channels.Join{Ref: 4, Channel: "#NEW"})
	w.run(30 * time.Second)
	if v, ok := last[channels.Shown](carol); !ok || v != (channels.Shown{Ref: 4, Channel: "#new"}) {
		t.Errorf("carol was told %+v", v)
	}
	if got := carol.forks(); got != nil || carol.secrets() != 0 || bob.secrets() != 0 {
		t.Errorf("carol can follow %q; %d and %d secrets are left", got, carol.secrets(), bob.secrets())
	}
	allTalk(t, "#new", bob, carol)
	if count[channels.Forked](dave) != 0 || dave.forks() != nil {
		t.Errorf("dave was told of it: %q", dave.forks())
	}
	// Alice comes back: the key waits for her.
	w.hub("attic").rise()
	alice.start()
	w.run(3 * time.Minute)
	if got := alice.forks(); !slices.Equal(got, []string{"#bob bob #new"}) {
		t.Errorf("alice can follow %q", got)
	}
	alice.do(channels.Join{Channel: "#new"})
	w.run(30 * time.Second)
	got := bob.nicks("#new")
	slices.Sort(got)
	if !slices.Equal(got, []string{"alice", "bob", "carol"}) {
		t.Errorf("in #new are %q", got)
	}
	// Keys stand in no history.
	for _, p := range w.people {
		if n := p.core.Number("SELECT count(*) FROM lines WHERE text LIKE '%HTTP:%'"); n != 0 {
			t.Errorf("%s has %d keys in the history", p.name, n)
		}
	}
}

func TestForkRefused(t *testing.T) {
	w := begin(t)
	alice, bob, _, dave := w.four()
	for _, c := range []struct {
		p    *person
		in   channels.Fork
		code channels.Code
	}{
		{bob, channels.Fork{Channel: "#nowhere", Name: "#new"}, channels.CodeUnknownChannel},
		{bob, channels.Fork{Channel: "#alice", Name: "new"}, channels.CodeBadName},
		{bob, channels.Fork{Channel: "#alice", Name: "#alice"}, channels.CodeTaken},
		{bob, channels.Fork{Channel: "#alice", Name: "#new", Without: []string{"eve"}}, channels.CodeNoMember},
		{bob, channels.Fork{Channel: "#alice", Name: "#new", Without: []string{"bob"}}, channels.CodeNotPossible},
		{bob, channels.Fork{Channel: "#alice", Name: "#new", Without: []string{"alice", "carol", "dave"}}, channels.CodeNotPossible},
		{dave, channels.Fork{Channel: "#alice", Name: "#new"}, channels.CodeNoHub},
	} {
		c.p.failed(c.in, c.code)
		if len(c.p.core.Channels()) != 1 {
			t.Errorf("%+v founded a channel", c.in)
		}
	}
	dave.owns(w.hub("inside"), true) // which the others cannot reach
	dave.failed(channels.Fork{Channel: "#alice", Name: "#new"}, channels.CodeNoHub)
	if n := alice.core.Number("SELECT count(*) FROM forks"); n != 0 {
		t.Errorf("alice has %d invitations", n)
	}
}

// The hub of the new channel is down at first, or that of the old one: the
// invitations follow, over restarts.
func TestForkFollowsLater(t *testing.T) {
	long(t)
	for _, down := range []string{"cellar", "attic"} {
		t.Run(down, func(t *testing.T) {
			w := begin(t)
			alice, bob := w.two()
			bob.do(channels.UseHub{Hub: w.hub("cellar").address(), Secret: w.hub("cellar").secret})
			w.run(10 * time.Second)
			bob.do(channels.DropHub{Channel: "#alice", Hub: w.hub("cellar").address().Fingerprint}) // the old one is on alice's alone
			w.run(15 * time.Minute)
			if v, _ := bob.core.Channel("#alice"); len(v.Hubs) != 1 {
				t.Fatalf("the old channel is on %d hubs", len(v.Hubs))
			}
			h := w.hub(down)
			h.down = true // nobody has noticed yet
			bob.do(channels.Fork{Ref: 3, Channel: "#alice", Name: "#new"})
			w.run(5 * time.Minute)
			bob.restart()
			w.run(10 * time.Minute)
			if _, ok := last[channels.Done](bob); !ok {
				t.Errorf("bob was told nothing: %v", bob.events)
			}
			if got := alice.forks(); got != nil {
				t.Errorf("alice can follow %q", got)
			}
			h.rise()
			w.run(10 * time.Minute)
			alice.do(channels.Join{Channel: "#new"})
			w.run(30 * time.Second)
			allTalk(t, "#new", alice, bob)
			if bob.secrets() != 0 || alice.secrets() != 0 {
				t.Errorf("%d and %d secrets are left", bob.secrets(), alice.secrets())
			}
		})
	}
}

// A hub that refuses some of the invites, or the channel, is told of once.
func TestAHubRefusesAFork(t *testing.T) {
	long(t)
	for op, invited := range map[wire.Op]int{wire.OpOffer: 2, wire.OpOpen: 0} {
		t.Run(string(op), func(t *testing.T) {
			w := begin(t)
			alice, bob, carol, dave := w.four()
			refuse := 1
			if op == wire.OpOpen {
				refuse = 9
			}
			w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
				for i, c := range r.Calls {
					if p == bob && c.Op == op && refuse > 0 && a.Failure == nil {
						refuse--
						a.Results[i] = wire.Result{Error: &wire.Error{Code: wire.CodeDenied}}
					}
				}
			}
			bob.do(channels.Fork{Ref: 3, Channel: "#alice", Name: "#new"})
			w.run(time.Minute)
			n := len(alice.forks()) + len(carol.forks()) + len(dave.forks())
			d, done := last[channels.Done](bob)
			f, failed := last[channels.Failed](bob)
			if n != invited || (invited > 0) != (done && d.Ref == 3) || (invited == 0) != (failed && f.Ref == 3) {
				t.Errorf("%d are invited, bob was told %+v, %+v", n, d, f)
			}
			told := slices.DeleteFunc(bob.infos("#alice"), func(s string) bool { return !strings.Contains(s, "could be invited") })
			if len(told) != 1 || bob.secrets() != 0 {
				t.Errorf("bob was told %q, and has %d secrets", told, bob.secrets())
			}
		})
	}
}

// Who leaves the old channel, or is put out of it, while the hub of the new one is
// down invites nobody any more, and is shown no keys.
func TestForkEndsWithTheOldChannel(t *testing.T) {
	long(t)
	for name, ends := range map[string]func(alice, bob *person){
		"left":    func(_, bob *person) { bob.do(channels.Leave{Channel: "#alice"}) },
		"removed": func(alice, _ *person) { alice.do(channels.Remove{Channel: "#bob", Nick: "bob"}) },
		"alone":   func(alice, _ *person) { alice.do(channels.Leave{Channel: "#bob"}) },
		"gone":    func(_, bob *person) { bob.do(channels.Leave{Channel: "#new"}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t)
			alice, bob := w.two()
			w.options.Mirror = channels.MirrorNever
			bob.restart()
			bob.owns(w.hub("cellar"), false)
			w.hub("cellar").down = true // nobody has noticed yet
			bob.do(channels.Fork{Ref: 3, Channel: "#alice", Name: "#new"})
			w.run(time.Minute)
			ends(alice, bob)
			w.run(3 * time.Minute)
			w.hub("cellar").rise()
			w.run(10 * time.Minute)
			if count[channels.Invited](bob) != 0 || bob.secrets() != 0 || alice.forks() != nil {
				t.Errorf("bob has %d secrets, alice can follow %q", bob.secrets(), alice.forks())
			}
			if name == "gone" {
				return
			}
			for _, i := range bob.core.Invites() {
				if i.State != "revoked" {
					t.Errorf("an invite is left: %+v", i)
				}
			}
			if got := bob.infos("#new"); !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "not invited to #new yet are not") }) {
				t.Errorf("bob was told %q", got)
			}
		})
	}
}

// Two fork under one name: both are kept, under different names.
func TestTwoForksOfOneName(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, _ := w.four()
	alice.do(channels.Fork{Channel: "#bob", Name: "#new"})
	bob.do(channels.Fork{Channel: "#alice", Name: "#New"})
	w.run(30 * time.Second)
	got := carol.forks()
	slices.Sort(got)
	if len(got) != 2 || !strings.HasPrefix(got[0], "#alice alice #") || !strings.HasPrefix(got[1], "#alice bob #") || foldedName(got[0]) == foldedName(got[1]) {
		t.Fatalf("carol can follow %q", got)
	}
	if got := bob.forks(); !slices.Equal(got, []string{"#alice alice #new2"}) {
		t.Errorf("bob, who has a #New, can follow %q", got)
	}
	bob.do(channels.Join{Channel: "#new2"})
	w.run(30 * time.Second)
	for _, f := range got {
		carol.do(channels.Join{Channel: f[strings.LastIndexByte(f, ' ')+1:]})
		w.run(30 * time.Second)
	}
	if n := len(carol.core.Channels()); n != 3 || carol.forks() != nil {
		t.Errorf("carol is in %d channels, and can follow %q", n, carol.forks())
	}
	allTalk(t, "#new2", bob)
	if got := alice.history("#new"); !slices.Equal(got, []string{"bob: this is bob"}) {
		t.Errorf("alice has in #new %q", got)
	}
}

func foldedName(f string) string { return strings.ToLower(f[strings.LastIndexByte(f, ' '):]) }

// Keys that are not used, or are of no use, do not stay.
func TestForksEnd(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = time.Hour
	alice, bob, carol, dave := w.four()
	bob.do(channels.Fork{Channel: "#alice", Name: "#new"})
	w.run(30 * time.Second)
	// Bob takes carol's back.
	for _, i := range bob.core.Invites() {
		if i.Note == "carol" {
			bob.do(channels.Revoke{Invite: i.Number})
		}
	}
	w.run(30 * time.Second)
	if text := carol.failedLater(channels.Join{Channel: "#new"}); !strings.Contains(text, "revoked") {
		t.Errorf("carol was told %q", text)
	}
	if carol.forks() != nil || carol.secrets() != 0 {
		t.Errorf("carol can still follow %q", carol.forks())
	}
	// The hub does not answer: the key is still good.
	w.hub("cellar").fall()
	if text := dave.failedLater(channels.Join{Channel: "#new"}); !strings.Contains(text, "still good") || len(dave.forks()) != 1 {
		t.Errorf("dave was told %q", text)
	}
	w.hub("cellar").rise()
	w.run(8 * 24 * time.Hour)
	for _, p := range []*person{alice, dave} {
		if p.forks() != nil || p.secrets() != 0 {
			t.Errorf("%s can follow %q after a week, and has %d secrets", p.name, p.forks(), p.secrets())
		}
	}
}

// failedLater demands that an input fails after a hub was asked.
func (p *person) failedLater(in channels.Input) string {
	p.w.t.Helper()
	before := len(p.events)
	p.do(in)
	p.w.run(30 * time.Second)
	for _, e := range p.events[before:] {
		if f, ok := e.(channels.Failed); ok {
			return f.Text
		}
	}
	p.w.t.Errorf("%s: %+v did not fail", p.name, in)
	return ""
}

// TestWhoForksDies has all gateways die once, after each of their steps.
func TestWhoForksDies(t *testing.T) {
	afterEachStep(t, 14, func(t *testing.T, w *world, dies func()) {
		alice, bob, carol := w.newcomer()
		bob.owns(w.hub("cellar"), false)
		w.run(time.Minute)
		dies()
		bob.do(channels.Fork{Ref: 5, Channel: "#alice", Name: "#new"})
		w.run(3 * time.Minute)
		for _, p := range []*person{alice, carol} {
			for range 3 { // who is not answered does it again
				p.do(channels.Join{Channel: "#new"})
				w.run(time.Minute)
			}
		}
		allTalk(t, "#new", bob, alice, carol)
		for _, p := range w.people {
			if n := p.secrets(); n != 0 {
				t.Errorf("%s still holds %d secrets", p.name, n)
			}
		}
	})
}

// In a crowd, each is sent a key of his own, in few envelopes.
func TestForkOfACrowd(t *testing.T) {
	long(t)
	w := roomy(t)
	people := w.crowd(20)
	founder, guests := people[0], people[1:]
	before := founder.core.Number("SELECT seq FROM channels WHERE name = '#c'")
	founder.do(channels.Fork{Ref: 1, Channel: "#c", Name: "#new", Without: []string{guests[0].name}})
	w.run(30 * time.Second)
	if n := founder.core.Number("SELECT seq FROM channels WHERE name = '#c'") - before; n > 2 { // a key envelope may be due
		t.Errorf("it took %d envelopes", n)
	}
	for i, p := range guests {
		if want := min(i, 1); len(p.forks()) != want {
			t.Errorf("%s can follow %q", p.name, p.forks())
		}
	}
	if founder.secrets() != 0 {
		t.Errorf("%d secrets are left", founder.secrets())
	}
}
