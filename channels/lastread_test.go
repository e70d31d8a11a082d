package channels_test

import (
	"slices"
	"testing"
	"time"

	"hubbub/channels"
)

// TestWhoComesByAHubThatWasDroppedIsLetIn: a one-time key names a hub that is dropped
// as it is used. It takes the joiner, whom the other one refuses, for there is a newer
// offer; so he waits where nobody reads, until whoever has it close the channel looks.
func TestWhoComesByAHubThatWasDroppedIsLetIn(t *testing.T) {
	w := begin(t)
	alice, bob, attic, cellar := w.twoHubs()
	key, dave := alice.invites("#bob"), bob.invites("#alice")
	carol, away := w.person("carol"), true
	w.cut = func(p *person, h *hubHouse) bool { return away && p == carol && h == cellar }
	alice.do(channels.DropHub{Ref: 3, Channel: "#bob", Hub: attic.address().Fingerprint})
	w.run(5 * time.Second)
	carol.redeems("#c", key)
	w.comes("dave", dave)
	away = false
	w.run(5 * time.Minute)
	if v, _ := carol.core.Channel("#c"); !v.Waiting {
		t.Fatal("carol was let in by a hub that nobody reads")
	}
	w.run(8 * time.Minute)
	carol.says("#c", "here I am")
	w.run(time.Minute)
	for _, p := range []struct {
		*person
		channel string
	}{{alice, "#bob"}, {bob, "#alice"}} {
		p.saw(p.channel, "carol: here I am")
	}
	if got := carol.hubsOf("#c"); !slices.Equal(got, []string{"cellar"}) {
		t.Errorf("carol sees the hubs %q", got)
	}
}
