package channels_test

import (
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// comesByADroppedHub has carol join by the hub attic, which alice has just dropped, and
// which the other hub, with a newer offer, has taken the place of.
func (w *world) comesByADroppedHub() (alice, bob, carol *person, attic *hubHouse) {
	w.t.Helper()
	alice, bob, attic, cellar := w.twoHubs()
	key, dave := alice.invites("#bob"), bob.invites("#alice")
	away := true
	carol = w.person("carol")
	w.cut = func(p *person, h *hubHouse) bool { return away && p == carol && h == cellar }
	alice.do(channels.DropHub{Ref: 3, Channel: "#bob", Hub: attic.address().Fingerprint})
	w.run(5 * time.Second)
	carol.redeems("#c", key)
	w.comes("dave", dave)
	away = false
	return alice, bob, carol, attic
}

// TestWhoComesByAHubThatWasDroppedIsLetIn: a one-time key names a hub that is dropped
// as it is used. It takes the joiner, whom the other one refuses, for there is a newer
// offer; so he waits where nobody reads, until whoever has it close the channel looks.
func TestWhoComesByAHubThatWasDroppedIsLetIn(t *testing.T) {
	w := begin(t)
	alice, bob, carol, attic := w.comesByADroppedHub()
	w.run(5 * time.Minute)
	if v, _ := carol.core.Channel("#c"); !v.Waiting {
		t.Fatal("carol was let in by a hub that nobody reads")
	}
	reads := 0 // the first two times there is no room for entries in the answer
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		for i, c := range r.Calls {
			var f wire.FetchResult
			if p == alice && r.Hub == attic.address() && c.Op == wire.OpFetch && codec.Unmarshal(a.Results[i].Value, &f) == nil && len(f.Entries) > 0 {
				if reads++; reads < 3 {
					f.Entries, f.More = nil, true
					a.Results[i].Value = mustMarshal(t, f)
				}
			}
		}
	}
	w.run(8 * time.Minute)
	w.tweak = nil
	if reads < 3 {
		t.Errorf("alice read the hub %d times", reads)
	}
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

// Where the hub does not show what is there, the joiner is told what to do, and that
// works.
func TestWhoComesByAHubThatIsClosedIsTold(t *testing.T) {
	w := begin(t)
	alice, bob, carol, attic := w.comesByADroppedHub()
	w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
		for i, c := range r.Calls {
			if p == alice && r.Hub == attic.address() && c.Op == wire.OpFetch {
				a.Results[i] = wire.Result{Error: &wire.Error{Code: wire.CodeDenied, Text: "no"}}
			}
		}
	}
	w.run(20 * time.Minute)
	hasLine(t, "carol", carol.news(), "takes nothing new for #c", "Nobody has let you in yet: ask for a new one-time key, and type /msg sysop leave #c before you use it")
	carol.do(channels.Leave{Channel: "#c"})
	carol.redeems("#c", bob.invites("#alice"))
	w.run(time.Minute)
	carol.says("#c", "here I am")
	w.run(time.Minute)
	alice.saw("#bob", "carol: here I am")
}
