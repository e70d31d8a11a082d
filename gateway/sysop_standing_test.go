package main

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hubbub/channels"
)

func TestBytesOf(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 KiB", 1: "0.0 KiB", 1024: "1 KiB", 1536: "1.5 KiB", 99 << 10: "99 KiB", 1<<20 - 1: "1024 KiB",
		1 << 20: "1 MiB", 3355443: "3.2 MiB", 256 << 20: "256 MiB", 3 << 30: "3 GiB", 5000 << 30: "5000 GiB",
	} {
		if got := bytesOf(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// status #chan has a few short lines a hub, and tells what is refused from what
// is down.
func TestStatusOfHubs(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		now := time.Now()
		since := now.Add(-5 * time.Hour)
		tests := []struct {
			name string
			hub  func(*channels.HubView)
			want []string
			next string
		}{
			{"good", func(h *channels.HubView) {
				h.Read, h.Entries, h.Bytes, h.Quota, h.Counted = true, 1204, 3355443, 256<<20, now.Add(-10*time.Minute)
			}, []string{
				"  hub https://bob.example/hub.cgi: added by bob; up",
				"    last heard just now; read to its newest entry",
				"    10 minutes ago it held 3.2 MiB of 256 MiB, 1204 entries",
			}, "All is well."},
			{"good, not read, no quota", func(h *channels.HubView) {
				h.Behind, h.Entries, h.Bytes, h.Counted = 12, 1, 5000, now.Add(-time.Second)
			}, []string{
				"  hub https://bob.example/hub.cgi: added by bob; up",
				"    last heard just now; not read to its newest entry yet",
				"    12 envelopes still to be put there",
				"    holds 4.9 KiB, 1 entry (asked just now)",
			}, "All is well."},
			{"nearly full", func(h *channels.HubView) {
				h.Read, h.Entries, h.Bytes, h.Quota, h.Counted = true, 40000, 255<<20, 256<<20, now
			}, []string{
				"  hub https://bob.example/hub.cgi: added by bob; up",
				"    last heard just now; read to its newest entry",
				"    holds 255 MiB of 256 MiB, 40000 entries (asked just now)",
				"    nearly full: its oldest texts make room for new ones",
			}, "All is well."},
			{"not asked", func(h *channels.HubView) { h.Standing, h.Up, h.Heard = channels.Unasked, false, time.Time{} }, []string{
				"  hub https://bob.example/hub.cgi: added by bob; not asked yet",
			}, "All is well."},
			{"down", func(h *channels.HubView) {
				h.Standing, h.Up, h.Since, h.Heard, h.Trouble = channels.Down, false, since, since, "the hub cannot be reached: connection refused"
			}, []string{
				"  hub https://bob.example/hub.cgi: added by bob; DOWN since " + moment(since),
				"    the hub cannot be reached: connection refused",
				"    last heard 5 hours ago",
			}, "https://bob.example/hub.cgi is down. #bob goes on without it, and it gets what it misses when it is back: nothing to do."},
			{"down today", func(h *channels.HubView) { h.Standing, h.Up, h.Since = channels.Down, false, now }, []string{
				"  hub https://bob.example/hub.cgi: added by bob; DOWN since " + now.Local().Format("15:04"),
				"    last heard just now",
			}, "https://bob.example/hub.cgi is down."},
			{"at a private address", func(h *channels.HubView) {
				h.Standing, h.Up, h.Heard, h.Trouble = channels.Down, false, time.Time{}, notAsked+": it is somebody's word"
			}, []string{
				"  hub https://bob.example/hub.cgi: added by bob; DOWN",
				"    is not asked at a private address: it is somebody's word",
				"    last heard never",
			}, "If it is in your own network: /msg sysop hub moved https://bob.example/hub.cgi https://bob.example/hub.cgi"},
			{"full", func(h *channels.HubView) { h.Standing, h.Trouble, h.Behind = channels.Full, "the channel is full", 1 }, []string{
				"  hub https://bob.example/hub.cgi: added by bob; up, but FULL: a quota is used up",
				"    the channel is full",
				"    last heard just now",
				"    1 envelope still to be put there",
			}, "It is for bob to see to: the limits are in its hub.conf. #bob goes on without it."},
			{"lost", func(h *channels.HubView) { h.Standing = channels.Lost }, []string{
				"  hub https://bob.example/hub.cgi: added by bob; up, but it has LOST the channel",
				"    last heard just now",
			}, "It is filled again by itself"},
			{"put out", func(h *channels.HubView) { h.Standing = channels.PutOut }, []string{
				"  hub https://bob.example/hub.cgi: added by bob; up, but it LETS YOU IN NO MORE",
				"    last heard just now",
			}, "has put you out there. #bob goes on without it."},
			{"odd", func(h *channels.HubView) { h.Standing = channels.Odd }, []string{
				"  hub https://bob.example/hub.cgi: added by bob; answers what makes NO SENSE",
				"    last heard just now",
			}, "none of it is believed."},
		}
		for _, tt := range tests {
			var lines []string
			r.do(func() {
				h := someHub("https://bob.example/hub.cgi", 3)
				h.Own, h.Owner, h.By, h.Heard = false, false, "bob", now
				tt.hub(&h)
				core.view("#bob").Hubs[0].Read = true
				core.view("#bob").Hubs[1] = h
				lines = hubLines(h, core.view("#bob").Hubs, now)
			})
			sameLines(t, tt.name, lines, tt.want)
			got := say("status #bob")
			has(t, got, tt.next)
			if tt.next != "All is well." {
				hasNot(t, got, "All is well")
			}
			for _, l := range lines[1:] { // beside the time and the nick, on 80 columns
				if n := utf8.RuneCountInString(l); n > 65 {
					t.Errorf("%s: %d columns: %q", tt.name, n, l)
				}
			}
		}
	})
}

// What to do next, when no hub serves a channel, or one alone.
func TestNextForChannel(t *testing.T) {
	ours, bobs := someHub("https://one.example/", 1), someHub("https://bob.example/", 3)
	bobs.Own, bobs.Owner, bobs.By = false, false, "bob"
	as := func(h channels.HubView, s channels.Standing) channels.HubView {
		h.Standing, h.Up = s, s != channels.Down
		return h
	}
	fell := as(bobs, channels.Down)
	fell.Since = time.Now().Add(time.Minute)
	two := []channels.MemberView{{Nick: "alice", Own: true}, {Nick: "bob", Heard: time.Now()}}
	tests := []struct {
		name string
		hubs []channels.HubView
		own  bool
		want string
		not  string
	}{
		{"no hub", nil, true, "It is on no hub: what you write is kept and sent when it is on one.\n", "invite"},
		{"both up", []channels.HubView{ours, bobs}, true, "All is well.", "rescue"},
		{"mine down", []channels.HubView{as(ours, channels.Down), bobs}, true, "It is yours: look after it. Moved: /msg sysop hub moved URL NEWURL. Gone for good: /msg sysop hub drop #bob URL, or, for all your channels, /msg sysop hub forget URL. #bob goes on without it", "rescue"},
		{"all down", []channels.HubView{as(ours, channels.Down), as(bobs, channels.Down)}, true, "No hub of it can be reached: what you write is kept and sent when one can.\n", "goes on"},
		{"all down, with a hub", []channels.HubView{as(bobs, channels.Down)}, true, "If none comes back, this brings it back on a hub of yours, with a key for each of the others: /msg sysop hub rescue #bob", "help hub"},
		{"all down, without", []channels.HubView{as(bobs, channels.Down)}, false, "one of you who has another hub can bring it back: /msg sysop help hub rescue", "a hub of yours"},
		{"bob's alone", []channels.HubView{bobs}, true, "/msg sysop hub mirror #bob", "help hub"},
		{"bob's alone, no own", []channels.HubView{bobs}, false, "/msg sysop help hub", "hub mirror"},
		{"mine alone, full", []channels.HubView{as(ours, channels.Full)}, true, "raise the limits in its hub.conf (docs/hub.md)", "goes on"},
		{"put out of the only one", []channels.HubView{as(bobs, channels.PutOut)}, true, "/msg sysop hub rescue #bob", "goes on"},
		{"mine alone is left", []channels.HubView{ours, fell}, true, "Only your own hub is left of it, and nobody else was heard since.", "All is well"},
		{"mine is left, and bob is there", []channels.HubView{ours, as(bobs, channels.Down)}, true, "#bob goes on without it, and it gets what it misses", "rescue"},
		{"put out, other down", []channels.HubView{as(bobs, channels.PutOut), as(ours, channels.Down)}, true, "Until a hub takes them, your texts are kept here.", "goes on"},
	}
	for _, tt := range tests {
		got := strings.Join(nextForChannel(channels.ChannelView{Name: "#bob", Members: two, Hubs: tt.hubs}, tt.own), "\n")
		if !strings.Contains(got, tt.want) || strings.Contains(got, tt.not) {
			t.Errorf("%s: %q\nwant %q, and not %q", tt.name, got, tt.want, tt.not)
		}
	}
}
