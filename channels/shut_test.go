package channels_test

import (
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// notShut holds that nobody was told that no hub has let him in for a day.
func notShut(t *testing.T, infos []string) {
	t.Helper()
	for _, l := range infos {
		if strings.Contains(l, "for a day") {
			t.Errorf("who is let in was told %q", l)
		}
	}
}

// isWiped has a hub lose all that it had, and be there again.
func (h *hubHouse) isWiped() {
	h.fall()
	h.wipe()
	h.rise()
}

// A hub that is wiped before somebody has read there that he was removed knows nothing
// of him: after a day he is told what may have happened.
func TestAHubIsWipedWhenOneIsRemoved(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	off := w.islands()
	off[bob] = true
	alice.removes("#bob", "bob")
	w.run(20 * time.Second)
	attic := w.named["attic"]
	attic.isWiped()
	w.run(2 * time.Minute)
	off[bob] = false
	w.run(time.Hour)
	if n := len(bob.infos("#alice")); n != 0 {
		t.Errorf("bob was told %q", bob.infos("#alice"))
	}
	w.hold = time.Hour
	w.run(25 * time.Hour)
	bob.hears("#alice", "no hub of #alice has let you in for a day")
	carol.says("#c", "we go on")
	w.run(2 * time.Hour)
	alice.saw("#bob", "carol: we go on")
	notShut(t, append(alice.infos("#bob"), carol.infos("#c")...))
}

// Who is removed where a hub is wiped, and has put the channel on a hub of his own
// meanwhile, reads on there, where nobody else is: after a day he is told, too. Who
// hears of such a hub from others is not.
func TestAHubOfOnesOwnIsNoOthers(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	attic, away := w.named["attic"], true
	w.cut = func(p *person, h *hubHouse) bool { return away && p == bob && h == attic }
	bob.owns(w.hub("cellar"), false)
	bob.do(channels.Mirror{Channel: "#alice", Hub: w.named["cellar"].address().Fingerprint})
	w.run(20 * time.Second)
	alice.removes("#bob", "bob")
	w.run(20 * time.Second)
	attic.isWiped()
	w.run(2 * time.Minute)
	away = false
	w.hold = time.Hour
	w.run(26 * time.Hour)
	bob.hears("#alice", "no hub but your own, of which the others have not heard, of #alice has let you in for a day")
	notShut(t, append(alice.infos("#bob"), carol.infos("#c")...))
}

// Nor is a hub of his own one that is dead, and has never opened the channel.
func TestAHubOfOnesOwnThatIsDeadIsNoOthers(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	bob.own("cellar").fall()
	attic, away := alice.own("attic"), false
	alice.do(channels.Join{Channel: "#bob"})
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(time.Minute)
	w.cut = func(p *person, h *hubHouse) bool { return away && p == bob }
	away = true
	alice.removes("#bob", "bob")
	w.run(20 * time.Second)
	attic.isWiped()
	w.run(2 * time.Minute)
	away = false
	w.hold = time.Hour
	w.run(26 * time.Hour)
	bob.hears("#alice", "no hub but your own, of which the others have not heard, of #alice has let you in for a day")
}

// If the others have heard of it, he is not told, though they say nothing there.
func TestAHubOfOnesOwnIsTheOthersToo(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	carol := w.joins("carol", alice, "#bob")
	bob.owns(w.hub("cellar"), false)
	bob.do(channels.Mirror{Channel: "#alice", Hub: w.named["cellar"].address().Fingerprint})
	w.run(5 * time.Minute)
	off := w.islands()
	off[alice] = true // who had the hub that is wiped
	attic := w.named["attic"]
	attic.isWiped()
	w.hold = time.Hour
	w.run(26 * time.Hour)
	notShut(t, append(bob.infos("#alice"), carol.infos("#c")...))
}
