package main

import (
	"testing"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// Before a hub is forgotten it is said what that means: for channels that another hub
// has, for those that another member keeps there, and for those that have no other.
func TestHubForget(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		at := func(by string, standing channels.Standing) {
			r.do(func() {
				core.hubs[1].By = by
				bobs := core.view("#bob").Hubs[1]
				bobs.Standing = standing
				core.view("#bob").Hubs = []channels.HubView{core.hubs[1], bobs}
			})
		}
		for _, tt := range []struct {
			by       string
			standing channels.Standing
			want     string
		}{
			{"alice", channels.Good, "#bob leaves it, for all members, and goes on over other hubs."},
			{"", channels.Full, "#bob leaves it, for all members, and goes on over other hubs."},
			{"bob", channels.Good, "Another member keeps #bob there, too, and can drop that: it stays, as on somebody else's hub."},
			{"alice", channels.Down, "On NO OTHER hub that answers: #bob. It stays there, as on somebody else's hub, and when that is gone nobody can speak there. With another hub of yours, first: /msg sysop hub mirror #bob URL"},
		} {
			at(tt.by, tt.standing)
			got := say("hub forget one")
			has(t, got, "Forget https://one.example/hub.cgi? Your account there is deleted, and new channels go elsewhere. To be its owner again takes a new key")
			has(t, got, tt.want)
			has(t, got, "Others who have a channel there are not told: ")
			say("hub forget two") // which forgets what was to be said again
		}
		if n := len(given[channels.ForgetHub](r)); n != 0 {
			t.Fatalf("%d hubs were forgotten at once", n)
		}
		say("hub forget one")
		has(t, say("hub forget one"), "Done so. What you have: /msg sysop hub list")
		if got := given[channels.ForgetHub](r); len(got) != 1 || got[0].Hub != (wire.Fingerprint{1}) {
			t.Errorf("forgotten: %+v", got)
		}
		r.do(func() { core.hubs[1].Standing = channels.Down })
		got := say("hub forget one")
		has(t, got, "first: /msg sysop hub rescue #bob")
		hasNot(t, got, "are not told")

		r.do(func() { // forgotten, it has a channel that alice had put there
			was := core.hubs[1]
			was.Own, was.Owner, was.Claimed, was.By = false, false, false, "alice"
			core.view("#bob").Hubs = []channels.HubView{was}
			core.hubs = append(core.hubs[:1], core.hubs[2:]...)
		})
		got = say("hub forget one")
		has(t, got, "https://one.example/hub.cgi is none of your hubs any more: for the channels that you had put there it is as somebody else's.")
		hasNot(t, got, "alice")
	})
}
