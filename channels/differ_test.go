package channels_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

func (p *person) differ(channel string) []string {
	v, _ := p.core.Channel(channel)
	return v.Differ
}

// A member who goes on showing operations that nobody gives is told of in words,
// once, and no longer than it lasts.
func TestWhoKnowsOtherOperations(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	bob.says("#alice", "one")
	w.run(time.Minute)
	lies := session.Members{Count: bob.core.Number("SELECT count(*) FROM operations") + 2, Hash: session.ID{1}}
	bob.forge("#alice", func(b *session.Body) { b.Members, b.Content = lies, session.Text{Text: "hm"} })
	w.run(4 * time.Minute)
	if got := alice.differ("#bob"); len(got) != 0 {
		t.Errorf("alice sees %q", got)
	}
	w.run(2 * time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {carol, "#c"}} {
		if got := p.differ(p.channel); !slices.Equal(got, []string{"bob"}) {
			t.Errorf("%s sees %q", p.name, got)
		}
		p.hears(p.channel, "bob does not know the same members as you: 2 changes are missing here, asked for, and not come yet")
	}
	w.run(20 * time.Minute)
	told := 0
	for _, l := range alice.infos("#bob") {
		if strings.Contains(l, "does not know the same") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("alice was told %d times: %q", told, alice.infos("#bob"))
	}
	alice.restart()
	if got := alice.differ("#bob"); !slices.Equal(got, []string{"bob"}) {
		t.Errorf("alice sees %q", got)
	}
	bob.says("#alice", "two") // as he is
	w.run(time.Minute)
	if got := alice.differ("#bob"); len(got) != 0 {
		t.Errorf("alice sees %q", got)
	}
	alice.hears("#bob", "bob knows the same members as you again")
}

// A member who goes on showing that he lacks something is told of as well; not one
// who is only slow, or silent.
func TestWhoLacksOperations(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	bob.says("#alice", "one")
	w.run(time.Minute)
	carol := w.joins("carol", alice, "#bob")
	w.run(time.Minute)
	deaf := true
	w.hide = func(p *person, e wire.Entry) bool { return deaf && p == bob } // nobody can give him anything
	bob.forgets("id = (SELECT max(id) FROM operations)")
	bob.says("#alice", "two")
	w.run(time.Hour)
	if got := alice.differ("#bob"); len(got) != 0 {
		t.Errorf("he was silent since, and alice sees %q", got)
	}
	bob.says("#alice", "three")
	w.run(time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {carol, "#c"}} {
		if got := p.differ(p.channel); !slices.Equal(got, []string{"bob"}) {
			t.Errorf("%s sees %q", p.name, got)
		}
		p.hears(p.channel, "bob does not know the same members as you: 1 change is missing there, and bob's gateway was not given that by anybody yet")
	}
	deaf = false
	bob.restart()
	alice.says("#bob", "four")
	w.run(time.Hour)
	bob.says("#alice", "five")
	w.run(time.Minute)
	alice.hears("#bob", "bob knows the same members as you again")
	if got := alice.differ("#bob"); len(got) != 0 {
		t.Errorf("alice sees %q", got)
	}
}

// People who come, go, and are cut off for a while differ for nobody.
func TestNobodyDiffersForLong(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol, dave, eve := w.five()
	cutOff := map[*person]bool{}
	w.hold = 10 * time.Minute
	w.cut = func(p *person, h *hubHouse) bool { return cutOff[p] }
	cutOff[bob] = true
	w.run(time.Hour)
	alice.removes("#bob", "dave")
	carol.do(channels.SetTopic{Channel: "#c", Text: "who is where"})
	w.run(time.Hour)
	bob.says("#alice", "when I am back")
	cutOff[bob], cutOff[eve] = false, true
	w.run(10 * time.Minute)
	eve.says("#c", "and I")
	cutOff[eve] = false
	w.run(2 * time.Hour)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}, {carol, "#c"}, {dave, "#c"}, {eve, "#c"}} {
		for _, l := range p.infos(p.channel) {
			if strings.Contains(l, "the same members") {
				t.Errorf("%s was told %q", p.name, l)
			}
		}
		if got := p.differ(p.channel); len(got) != 0 {
			t.Errorf("%s sees %q", p.name, got)
		}
	}
}
