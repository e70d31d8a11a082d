package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

func TestVerify(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	if alice.member("#bob", "bob").Verified {
		t.Error("bob is verified by himself")
	}
	text := alice.done(channels.Verify{Channel: "#bob", Nick: "Bob", Verified: true})
	if !strings.Contains(text, alice.member("#bob", "bob").Fingerprint) {
		t.Errorf("alice was told %q", text)
	}
	alice.restart()
	w.run(time.Minute)
	if !alice.member("#bob", "bob").Verified || bob.member("#alice", "alice").Verified {
		t.Error("alice has verified bob, and nobody else anybody")
	}
	// Another nick is no other key.
	bob.do(channels.SetNick{Nick: "robert"})
	w.run(10 * time.Second)
	if !alice.member("#bob", "robert").Verified {
		t.Error("robert is bob")
	}
	alice.done(channels.Verify{Channel: "#bob", Nick: "robert"})
	if alice.member("#bob", "robert").Verified {
		t.Error("that was taken back")
	}
	alice.fails(channels.Verify{Channel: "#bob", Nick: "bob", Verified: true}, channels.CodeNoMember)
	alice.fails(channels.Verify{Channel: "#bob", Nick: "alice", Verified: true}, channels.CodeNoMember)
	alice.fails(channels.Verify{Channel: "#x", Nick: "bob", Verified: true}, channels.CodeUnknownChannel)
}

// Who comes with the nick of somebody who is gone is pointed out, and is not
// verified because that one was.
func TestANewMemberWithAnOldName(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	bob.says("#alice", "I am bob")
	w.run(10 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {carol, "#c"}} {
		p.done(channels.Verify{Channel: p.channel, Nick: "bob", Verified: true})
	}
	heard := alice.member("#bob", "bob").Heard
	w.hold = time.Hour
	w.run(24 * time.Hour)
	left := w.now
	bob.do(channels.Leave{Channel: "#alice"})
	w.run(time.Minute)
	if n := len(alice.infos("#bob")) + len(carol.infos("#c")); n != 0 {
		t.Errorf("alice was told %q", alice.infos("#bob"))
	}
	second := w.person("second")
	second.do(channels.SetNick{Nick: "bob"})
	second.redeems("#c", alice.invites("#bob"))
	w.run(10 * time.Second)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {carol, "#c"}} {
		p.hears(p.channel, "this bob is not the bob who was here before (gone since "+left.Format("2 Jan 2006")+"): a nick is anybody's to take. To know who it is, compare keys: /msg sysop verify "+p.channel+" bob")
		m := p.member(p.channel, "bob")
		if m.Verified || m.Namesake.IsZero() || m.Namesake.Before(heard) {
			t.Errorf("%s sees %+v", p.name, m)
		}
		if m := p.member(p.channel, p.name); !m.Namesake.IsZero() {
			t.Errorf("%s has a namesake: %+v", p.name, m)
		}
	}
	for _, l := range second.infos("#c") {
		if strings.Contains(l, "not the") {
			t.Errorf("the second bob was told %q", l)
		}
	}
	// A look-alike is no better, and one who was removed is called so.
	alice.removes("#bob", "bob")
	w.run(10 * time.Second)
	third := w.person("b0b")
	third.redeems("#c", carol.invites("#c"))
	w.run(10 * time.Second)
	carol.hears("#c", "this b0b is not the b0b who was here before (removed on")
	// Somebody who is here, but was called otherwise.
	carol.do(channels.SetNick{Nick: "caroline"})
	w.run(10 * time.Second)
	fourth := w.person("fourth")
	fourth.do(channels.SetNick{Nick: "carol"})
	fourth.redeems("#c", alice.invites("#bob"))
	w.run(10 * time.Second)
	alice.hears("#bob", "this carol is not the carol who was here before (who is caroline now)")
	if m := alice.member("#bob", "carol"); !m.Namesake.IsZero() {
		t.Errorf("nobody of that nick is gone: %+v", m)
	}
	third.do(channels.SetNick{Nick: "carol"})
	w.run(10 * time.Second)
	if got := alice.nicks("#bob"); !slices.Contains(got, "carol_2") {
		t.Errorf("alice sees %q", got)
	}
}
