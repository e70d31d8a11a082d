package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/session"
)

// removes has somebody remove a member, and demands that it is done.
func (p *person) removes(channel, nick string) string {
	p.w.t.Helper()
	return p.done(channels.Remove{Ref: 21, Channel: channel, Nick: nick})
}

// done gives an input that is to be answered with Done at once, and returns its words.
func (p *person) done(in channels.Input) string {
	p.w.t.Helper()
	for _, e := range p.do(in) {
		switch e := e.(type) {
		case channels.Done:
			return e.Text
		case channels.Failed:
			p.w.t.Fatalf("%s: %+v failed: %+v", p.name, in, e)
		}
	}
	p.w.t.Fatalf("%s: %+v was not answered", p.name, in)
	return ""
}

// fails gives an input that is to fail at once with this code, and returns its words.
func (p *person) fails(in channels.Input, code channels.Code) string {
	p.w.t.Helper()
	for _, e := range p.do(in) {
		if f, ok := e.(channels.Failed); ok {
			if f.Code != code {
				p.w.t.Errorf("%s: %+v failed with %+v, not %q", p.name, in, f, code)
			}
			return f.Text
		}
	}
	p.w.t.Fatalf("%s: %+v did not fail", p.name, in)
	return ""
}

// member finds a member as a person sees him.
func (p *person) member(channel, nick string) channels.MemberView {
	p.w.t.Helper()
	v, _ := p.core.Channel(channel)
	for _, m := range v.Members {
		if m.Nick == nick {
			return m
		}
	}
	p.w.t.Fatalf("%s sees no %s in %s", p.name, nick, channel)
	return channels.MemberView{}
}

// hears demands that a channel's info lines have these words, and returns the line.
func (p *person) hears(channel, words string) string {
	p.w.t.Helper()
	for _, l := range p.infos(channel) {
		if strings.Contains(l, words) {
			return l
		}
	}
	p.w.t.Errorf("%s was not told %q in %s, but %q", p.name, words, channel, p.infos(channel))
	return ""
}

// joins has somebody come in by a key of another's, under the nick of his own.
func (w *world) joins(name string, by *person, at string) *person {
	w.t.Helper()
	p := w.person(name)
	p.redeems("#c", by.invites(at))
	w.run(5 * time.Second)
	return p
}

// five are alice, who founded, bob and carol, whom she brought, dave, whom bob, and
// eve, whom dave did. All call the channel #c, but alice #bob and bob #alice.
func (w *world) five() (alice, bob, carol, dave, eve *person) {
	w.t.Helper()
	alice, bob = w.two()
	carol = w.joins("carol", alice, "#bob")
	dave = w.joins("dave", bob, "#alice")
	eve = w.joins("eve", dave, "#c")
	w.run(time.Minute)
	return alice, bob, carol, dave, eve
}

func TestARemovalIsObeyed(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(2 * time.Second)
	for _, say := range []func(){
		func() { bob.says("#alice", "it's me") }, func() { carol.says("#c", "hello") }, func() { alice.says("#bob", "hm") },
	} {
		say()
		w.run(2 * time.Second)
	}
	if text := alice.removes("#bob", "bob"); !strings.Contains(text, "stays readable to bob") {
		t.Errorf("alice was told %q", text)
	}
	w.run(5 * time.Second)

	for _, p := range []*person{alice, carol} {
		if l, ok := last[channels.Left](p); !ok || l.Nick != "bob" || l.By != "alice" {
			t.Errorf("%s was told %+v", p.name, p.events)
		}
	}
	if l := bob.hears("#alice", "alice has removed you"); !strings.Contains(l, "ask alice for a new one-time key") {
		t.Errorf("bob was told %q", l)
	}
	if count[channels.Left](bob) != 0 {
		t.Errorf("bob left by himself: %+v", bob.events)
	}
	bob.fails(channels.Send{Ref: 3, Channel: "#alice", Kind: channels.Text, Text: "but"}, channels.CodeNotPossible)
	saw := len(bob.lines("#alice"))
	carol.says("#c", "is he gone?")
	alice.says("#bob", "yes")
	w.run(5 * time.Second)
	if got := bob.lines("#alice"); len(got) != saw {
		t.Errorf("bob reads on: %q", got[saw:])
	}
	if got := carol.lines("#c"); !slices.Contains(got, "alice: yes") {
		t.Errorf("carol saw %q", got)
	}
	w.run(time.Hour)
	asked := len(bob.made)
	bob.restart()
	w.hold = time.Hour
	w.run(24 * time.Hour)
	if n := len(bob.made); n != asked {
		t.Errorf("bob's gateway asks on: %+v", bob.made[asked:])
	}
	if got := bob.history("#alice"); !slices.Contains(got, "alice: hm") {
		t.Errorf("bob has kept %q", got)
	}
	if n := bob.core.Number("SELECT (SELECT count(*) FROM chains) + (SELECT count(*) FROM prekeys) + (SELECT count(*) FROM sending) + (SELECT count(*) FROM calls)"); n != 0 {
		t.Errorf("bob has kept %d keys and calls", n)
	}
	bob.do(channels.Leave{Channel: "#alice"})
	if len(bob.core.Channels()) != 0 {
		t.Errorf("bob is in %+v", bob.core.Channels())
	}
}

// A gateway that does not obey says something nevertheless: it counts for nobody.
func TestTheRemovedCountForNobody(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	bob.says("#alice", "it's me")
	w.run(5 * time.Second)
	w.take = func(p *person, a channels.Answered) bool { return p == bob } // he hears of nothing any more
	alice.removes("#bob", "bob")
	w.run(5 * time.Second)
	bob.forge("#alice", func(b *session.Body) { b.Content = session.Text{Text: "I'm still here"} })
	w.run(5 * time.Second)
	if got := carol.lines("#c"); slices.Contains(got, "bob: I'm still here") {
		t.Errorf("carol saw %q", got)
	}
}

func TestWhoMayRemoveWhom(t *testing.T) {
	w := begin(t)
	alice, bob, carol, dave, eve := w.five()
	for _, c := range []struct {
		p       *person
		channel string
		nick    string
		code    channels.Code
		words   string
	}{
		{carol, "#c", "dave", channels.CodeNotAllowed, "dave was brought in by bob: only bob or alice can remove dave"},
		{carol, "#c", "eve", channels.CodeNotAllowed, "eve was brought in by dave: only dave, bob or alice can remove eve"},
		{dave, "#c", "bob", channels.CodeNotAllowed, "bob was brought in by alice: only alice can remove bob"},
		{bob, "#alice", "alice", channels.CodeNotAllowed, "alice founded #alice: nobody can remove the founder. To go on without: /msg sysop fork #alice #new"},
		{bob, "#alice", "bob", channels.CodeNotAllowed, "you cannot remove yourself: to leave #alice for good, /msg sysop leave #alice"},
		{bob, "#alice", "mallory", channels.CodeNoMember, "nobody in #alice is called mallory"},
		{bob, "#nowhere", "alice", channels.CodeUnknownChannel, "you are not in #nowhere"},
	} {
		if got := c.p.fails(channels.Remove{Channel: c.channel, Nick: c.nick}, c.code); got != c.words {
			t.Errorf("%s removes %s: %q, not\n\t%q", c.p.name, c.nick, got, c.words)
		}
	}
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}, {carol, "#c"}, {dave, "#c"}, {eve, "#c"}} {
		if n := len(p.nicks(p.channel)); n != 5 {
			t.Errorf("%s sees %q", p.name, p.nicks(p.channel))
		}
	}
	// Once all above are gone, there is nobody left to do it.
	alice.do(channels.Leave{Channel: "#bob"})
	w.run(time.Minute)
	if got := carol.fails(channels.Remove{Channel: "#c", Nick: "bob"}, channels.CodeNotAllowed); !strings.Contains(got, "nobody can remove bob any more") {
		t.Errorf("carol was told %q", got)
	}
	if got := carol.fails(channels.Remove{Channel: "#c", Nick: "alice"}, channels.CodeNoMember); got != "alice has left #c" {
		t.Errorf("carol was told %q", got)
	}
	bob.removes("#alice", "Dave")
	w.run(time.Minute)
	if got, want := carol.nicks("#c"), []string{"carol", "bob", "eve"}; !slices.Equal(got, want) {
		t.Errorf("carol sees %q", got)
	}
	if l, _ := last[channels.Left](eve); l != (channels.Left{Channel: "#c", Nick: "dave", By: "bob"}) {
		t.Errorf("eve was told %+v", l)
	}
	eve.says("#c", "I am here still")
	w.run(10 * time.Second)
	if got := carol.lines("#c"); !slices.Contains(got, "eve: I am here still") {
		t.Errorf("carol saw %q", got)
	}
	if got := carol.fails(channels.Remove{Channel: "#c", Nick: "dave"}, channels.CodeNoMember); got != "dave is not in #c any more" {
		t.Errorf("carol was told %q", got)
	}
}
