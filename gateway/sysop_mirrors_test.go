package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// someHub is a hub that answers, of the user's own.
func someHub(url string, number byte) channels.HubView {
	return channels.HubView{
		Address: channels.HubAddress{URL: url, Fingerprint: wire.Fingerprint{number}},
		Own:     true, Owner: true, Claimed: true, Up: true,
	}
}

// mirrorTest is sysopTest with #bob on one of two hubs of the user's, and on
// bob's; #carol is on no hub yet.
func mirrorTest(t *testing.T, story func(r *rig, core *consulted, say func(string) []string)) {
	t.Helper()
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "bob")
		r.channel("#carol")
		bobs := someHub("https://bob.example/hub.cgi", 3)
		bobs.Own, bobs.Owner, bobs.By = false, false, "bob"
		embedded := someHub("http://127.0.0.1:23925/", 9)
		embedded.Embedded = true
		r.do(func() {
			core.hubs = []channels.HubView{embedded, someHub("https://one.example/hub.cgi", 1), someHub("https://two.example/hub.cgi", 2)}
			core.view("#bob").Hubs = []channels.HubView{core.hubs[1], bobs}
			core.answer = func(in channels.Input) channels.Event { return channels.Done{Ref: refOf(in), Text: "done so"} }
		})
		story(r, core, say)
	})
}

// said asks each of some things, and looks for words in the answer.
type said []struct{ said, want string }

func (all said) wants(t *testing.T, say func(string) []string) {
	t.Helper()
	for _, tt := range all {
		if got := say(tt.said); !strings.Contains(strings.Join(got, "\n"), tt.want) {
			t.Errorf("%q is answered with %s\nwant %q", tt.said, quoteLines(got), tt.want)
		}
	}
}

// Of several hubs the list says on which new channels open.
func TestHubListSaysWhereNewChannelsOpen(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		hasNot(t, say("hub list"), "new channels open there")
		r.do(func() { core.hubs[2].Next = true })
		got := say("hub list")
		has(t, got, "hub https://two.example/hub.cgi: yours; ", "; new channels open there")
		if n := strings.Count(strings.Join(got, "\n"), "new channels open there"); n != 1 {
			t.Errorf("%d hubs are said to be the one", n)
		}
		r.do(func() { core.hubs[2].Closes = time.Now().Add(-time.Hour) })
		hasNot(t, say("hub list"), "new channels open there")
	})
}

func TestHubMirror(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		wantsSaid(t, "hub mirror", say("hub mirror #bob https://TWO.example/hub.cgi"),
			"Opening #bob on https://two.example/hub.cgi as well…",
			"Done so. How it is: /msg sysop status #bob")
		say("hub mirror bob two")
		say("hub mirror #bob")
		var to []byte
		for _, in := range given[channels.Mirror](r) {
			if in.Channel != "#bob" {
				t.Errorf("mirrored %s", in.Channel)
			}
			to = append(to, in.Hub[0])
		}
		if string(to) != "\x02\x02\x00" {
			t.Errorf("mirrored on %v, want 2, 2, and then wherever new channels live", to)
		}
	})
}

func TestHubMirrorSaysWhatIsWrong(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		said{
			{"hub mirror", "Which channel? /msg sysop hub mirror #chan [URL]. Yours: #bob, #carol"},
			{"hub mirror #dave", "You have no channel #dave. Yours: #bob, #carol"},
			{"hub mirror #bob https://bob.example/hub.cgi", "There is no such hub: https://bob.example/hub.cgi. Yours: embedded, https://one.example/hub.cgi, https://two.example/hub.cgi"},
			{"hub mirror #bob example", "More than one hub is like that; say more of the one you mean. Yours: https://one.example/hub.cgi, https://two.example/hub.cgi"},
			{"hub mirror #bob ftp://two.example/", "http:// or https://"},
			{"hub mirror #bob https://two.example/hub.cgi#x", "With a # in it that is a key"},
			{"hub mirror #bob two three", "A hub's URL has no spaces."},
			{"hub mirror #carol", "/invite NICK #carol"},
		}.wants(t, say)
		r.do(func() { core.hubs = core.hubs[:1] })
		has(t, say("hub mirror #bob"), "You have no hub that others can reach, to keep #bob on.", "docs/hub.md")
		if n := len(given[channels.Mirror](r)); n != 0 {
			t.Errorf("the core was told %d times", n)
		}
		r.do(func() {
			core.hubs = append(core.hubs, someHub("https://two.example/hub.cgi", 2))
			core.answer = func(in channels.Input) channels.Event {
				return channels.Failed{Ref: refOf(in), Code: channels.CodeHub, Text: "the hub did not answer"}
			}
		})
		has(t, say("hub mirror #bob two"), "The hub did not answer. /msg sysop hub list")
	})
}

func TestHubDrop(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		said{
			{"hub drop #bob", "Which hub? /msg sysop hub drop #bob URL, or a part of the URL. Its hubs: https://one.example/hub.cgi, https://bob.example/hub.cgi"},
			{"hub drop", "Which channel? /msg sysop hub drop #chan URL."},
			{"hub drop #nowhere one", "You have no channel #nowhere."},
			{"hub drop #carol one", "#carol is on no hub,"},
			{"hub drop #bob two.example", "There is no such hub: two.example. Its hubs: https://one"},
			{"hub drop #bob example", "More than one hub is like that"},
			{"hub drop #bob ://", "http:// or https://"},
		}.wants(t, say)
		if n := len(given[channels.DropHub](r)); n != 0 {
			t.Errorf("the core was told %d times", n)
		}
		wantsSaid(t, "hub drop", say("hub drop #bob bob.example"), "Done so. What is left: /msg sysop status #bob")
		if got := given[channels.DropHub](r); len(got) != 1 || got[0].Channel != "#bob" || got[0].Hub != (wire.Fingerprint{3}) {
			t.Errorf("dropped %+v", got)
		}
		r.do(func() {
			core.answer = func(in channels.Input) channels.Event {
				return channels.Failed{Ref: refOf(in), Code: channels.CodeNotPossible, Text: "it is the only hub of #bob"}
			}
		})
		has(t, say("hub drop #bob one"), "It is the only hub of #bob.")
	})
}

// Where a hub was put up anew, two have one URL: their keys tell them apart.
func TestHubsOfOneURL(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			v := core.view("#bob")
			v.Hubs = append(v.Hubs, someHub("https://one.example/hub.cgi", 0xab))
		})
		has(t, say("hub drop #bob one"), "More than one", "https://one.example/hub.cgi (01000000), https://one.example/hub.cgi (ab000000)")
		has(t, say("status #bob"), "  hub https://one.example/hub.cgi (ab000000): yours; up")
		say("hub drop #bob AB000000")
		if got := given[channels.DropHub](r); len(got) != 1 || got[0].Hub != (wire.Fingerprint{0xab}) {
			t.Errorf("dropped %+v", got)
		}
	})
}

// A hub has moved only if it proves at the new place that it is the same.
func TestHubMoved(t *testing.T) {
	const place = "https://new.example/hub.cgi"
	at := func(url string, number byte) foundHub {
		return foundHub{Address: channels.HubAddress{URL: url, Fingerprint: wire.Fingerprint{number}}}
	}
	tests := []struct {
		name, said string
		found      foundHub
		err        error
		want       string
		moves      channels.HubAddress
	}{
		{"one's own", "hub moved one.example HTTPS://new.example/hub.cgi", at(place, 1), nil, "Done so. How it is: /msg sysop hub list", at(place, 1).Address},
		{"another's", "hub moved https://bob.example/hub.cgi " + place, at(place, 3), nil, "Done so.", at(place, 3).Address},
		{"redirected", "hub moved one " + place, at("https://www.new.example/", 1), nil, "Done so.", at("https://www.new.example/", 1).Address},
		{"another hub", "hub moved one " + place, at(place, 7), nil, "it is a new hub: /msg sysop hub add https://new.example/hub.cgi KEY", channels.HubAddress{}},
		{"no hub", "hub moved one " + place, foundHub{}, errors.New("a web page answers there"), "does not answer as a hub: a web page answers there. Nothing was changed: the hub is still looked for at https://one.example/hub.cgi.", channels.HubAddress{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
				r.do(func() {
					r.g.sysop.identify = func(asked string, then func(foundHub, error)) {
						if asked != place {
							t.Errorf("asked %q", asked)
						}
						go r.g.do(func() { then(tt.found, tt.err) })
					}
				})
				got := say(tt.said)
				has(t, got, "Asking "+place+" who it is…")
				has(t, got, tt.want)
				moved := given[channels.MoveHub](r)
				if tt.moves.URL == "" && len(moved) != 0 || tt.moves.URL != "" && (len(moved) != 1 || moved[0].Hub != tt.moves) {
					t.Errorf("moved %+v, want %v", moved, tt.moves)
				}
			})
		})
	}
}

// What can't be is said without asking anybody.
func TestHubMovedSaysWhatIsWrong(t *testing.T) {
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			r.g.sysop.identify = func(asked string, _ func(foundHub, error)) { t.Errorf("asked %q", asked) }
		})
		said{
			{"hub moved", "/msg sysop hub moved URL NEWURL. The hubs that you know: embedded, https://one.example/hub.cgi, https://two.example/hub.cgi, https://bob.example/hub.cgi"},
			{"hub moved one", "Which hub, and where is it now?"},
			{"hub moved one to three", "Which hub, and where is it now?"},
			{"hub moved nowhere https://new.example/", "There is no such hub: nowhere."},
			{"hub moved example https://new.example/", "More than one hub is like that"},
			{"hub moved one new.example", "new.example is no URL: it needs http:// or https:// before it. /msg sysop hub moved URL NEWURL"},
			{"hub moved one https://new.example/?x", "/msg sysop hub moved URL NEWURL"},
			{"hub moved embedded https://new.example/", "embedded_hub.listen"},
		}.wants(t, say)
	})
}

// Adding a hub says what the core has made of older channels.
func TestHubAddSaysWhatBecomesOfOlderChannels(t *testing.T) {
	key := wire.AccountKey{Fingerprint: wire.Fingerprint{9}, Secret: [16]byte{7}}
	added := someHub("https://example.org/", 9)
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		add := func() []string { return say("hub add https://example.org/ " + key.String()) }
		r.do(func() {
			r.g.sysop.identify = func(asked string, then func(foundHub, error)) {
				go r.g.do(func() { then(foundHub{Address: added.Address}, nil) })
			}
		})
		const next = "Next: /join #name and then /invite NICK. "
		has(t, add(), next+"Channels that you have already stay where they are. To keep one there as well: /msg sysop hub mirror #chan")
		r.do(func() { core.view("#carol").Hubs = []channels.HubView{added} })
		has(t, add(), next+"Kept there as well from now on: #carol. The others stay where they are. To keep one there as well: /msg sysop hub mirror #chan")
		r.do(func() { core.view("#bob").Hubs = core.view("#carol").Hubs })
		has(t, add(), next+"Channels that you have already are kept there as well from now on.")
		r.do(func() { core.view("#bob").Hubs, core.view("#carol").Hubs = nil, nil })
		hasNot(t, add(), "already")
	})
}

// A key for this machine alone says what is to come of it when one's hub answers.
func TestLocalKeysSayWhatIsToCome(t *testing.T) {
	for policy, want := range map[channels.MirrorPolicy]string{
		"":                   "the channel is kept there as well, and you can make another key.",
		channels.MirrorAuto:  "the channel is kept there as well, and you can make another key.",
		channels.MirrorAsk:   "/msg sysop hub mirror #bob, and then make another key.",
		channels.MirrorNever: "/msg sysop hub mirror #bob, and then make another key.",
	} {
		mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
			var got string
			r.do(func() {
				r.g.sysop.mirror = policy
				got = r.g.whyLocal("#bob")
				core.hubs = core.hubs[:1]
				if alone := r.g.whyLocal("#bob"); alone != howToGetAHub {
					t.Errorf("without a hub: %q", alone)
				}
			})
			if !strings.HasSuffix(got, want) {
				t.Errorf("%q: %q, want %q", policy, got, want)
			}
		})
	}
}
