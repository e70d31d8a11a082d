package main

import (
	"image/color"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// rescueKey is a rescue key's text; they look like one-time keys.
func rescueKey(n byte) string {
	return wire.OneTimeKey{URL: "https://two.example/hub.cgi", Fingerprint: wire.Fingerprint{2}, Secret: [16]byte{n}}.String()
}

// rescueTest is mirrorTest with a core that makes a key for each other member.
func rescueTest(t *testing.T, story func(r *rig, core *consulted, say func(string) []string)) {
	t.Helper()
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			core.answer = func(in channels.Input) channels.Event {
				ev := channels.Rescued{Ref: refOf(in), Channel: in.(channels.Rescue).Channel, Hub: core.hubs[2].Address, Expires: time.Now().Add(24 * time.Hour)}
				for i, m := range core.view(ev.Channel).Members[1:] {
					ev.Keys = append(ev.Keys, channels.RescueKey{Nick: m.Nick, Key: rescueKey(byte(i))})
				}
				return ev
			}
		})
		story(r, core, say)
	})
}

// pictureIn takes the rows of a QR code out of what sysop said.
func pictureIn(lines []string) (rows []string) {
	for _, l := range lines {
		if row, ok := strings.CutPrefix(l, "\x0300,01"); ok {
			rows = append(rows, strings.TrimSuffix(row, "\x0f"))
		}
	}
	return rows
}

func TestHubRescue(t *testing.T) {
	rescueTest(t, func(r *rig, core *consulted, say func(string) []string) {
		got := say("hub rescue #bob")
		has(t, got, "Opening #bob on your hub, and making a key for each of the others…")
		has(t, got, "#bob goes on at https://two.example/hub.cgi. This rescue key lets bob follow, until")
		has(t, got, "/msg sysop hub rescue "+rescueKey(0))
		if read := scan(t, pictureIn(got), color.White, color.Black); read != rescueKey(0) {
			t.Errorf("the QR code says %q", read)
		}
		r.channel("#many", "bob", "carol", "dave")
		got = say("hub rescue #many")
		wantsSaid(t, "hub rescue #many", got[2:],
			"For bob, who types:", "/msg sysop hub rescue "+rescueKey(0),
			"For carol, who types:", "/msg sysop hub rescue "+rescueKey(1),
			"For dave, who types:", "/msg sysop hub rescue "+rescueKey(2),
			"One of them again, with its QR code: /msg sysop hub rescue #many NICK")
		if n := len(given[channels.Rescue](r)); n != 2 {
			t.Errorf("%d rescues", n)
		}
	})
}

// One member's key is shown again, with its code, as long as it is good; none is
// made for that.
func TestHubRescueShowsAKeyAgain(t *testing.T) {
	rescueTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#many", "bob", "carol")
		has(t, say("hub rescue #many carol"), "There are no rescue keys for #many to show", "To make some: /msg sysop hub rescue #many")
		hasNot(t, say("hub rescue #many"), "\x0300,01")
		got := say("hub rescue #MANY Carol")
		has(t, got, "This rescue key lets carol follow")
		if read := scan(t, pictureIn(got), color.White, color.Black); read != rescueKey(1) {
			t.Errorf("the QR code says %q", read)
		}
		hasNot(t, got, rescueKey(0))
		has(t, say("hub rescue #many dave"), "No rescue key was made for dave. There is one for bob, carol.")
		time.Sleep(25 * time.Hour)
		core.answer = nil
		has(t, say("hub rescue #many carol"), "There are no rescue keys for #many to show")
		if n := len(given[channels.Rescue](r)); n != 1 {
			t.Errorf("%d rescues", n)
		}
	})
}

func TestHubRescueSaysWhatIsWrong(t *testing.T) {
	rescueTest(t, func(r *rig, core *consulted, say func(string) []string) {
		said{
			{"hub rescue", "Which channel? /msg sysop hub rescue #chan or KEY."},
			{"hub rescue #nowhere", "You have no channel #nowhere."},
			{"hub rescue #carol", "Nobody else is in #carol"},
			{"hub rescue ,, https://two.example/", "with the whole key from http on"},
		}.wants(t, say)
		r.do(func() { core.hubs = core.hubs[:1] })
		has(t, say("hub rescue #bob"), "To bring #bob back there must be a hub", "docs/hub.md")
		if n := len(given[channels.Rescue](r)) + len(given[channels.Redeem](r)); n != 0 {
			t.Errorf("the core was told %d times", n)
		}
	})
}

// Other clients are not shown the keys, nor is who attaches later; with nobody
// attached they can be asked for.
func TestRescueKeysAreShownOnce(t *testing.T) {
	rescueTest(t, func(r *rig, core *consulted, say func(string) []string) {
		other := r.connect("alice")
		say("hub rescue #bob")
		hasNot(t, other.turn(), rescueKey(0))
		hasNot(t, r.connect("alice").turn(), rescueKey(0))
	})
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.happen(channels.Rescued{Channel: "#bob", Keys: []channels.RescueKey{{Nick: "bob", Key: rescueKey(0)}, {Nick: "dave"}}, Expires: time.Now().Add(time.Hour)})
		c := r.dial()
		got := c.register("alice", "alice")
		has(t, got, "while no client was here. To see one: /msg sysop hub rescue #bob NICK, for bob, dave")
		hasNot(t, got, rescueKey(0))
	})
}

// A rescue key may come with spaces, in pieces, and with any channel's name or
// none: it says itself which channel it is for.
func TestHubRescueTakesAKey(t *testing.T) {
	key := rescueKey(5)
	for name, lines := range map[string][]string{
		"as printed":    {"hub rescue " + key},
		"with a name":   {"hub rescue #bob " + key},
		"another name":  {"hub rescue #whatever " + key},
		"with spaces":   {"hub rescue bob " + key[:20] + " " + key[20:50] + "   " + key[50:]},
		"in two pieces": {"hub rescue #bob " + key[:60], key[60:]},
	} {
		t.Run(name, func(t *testing.T) {
			mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
				core.answers[key] = channels.Done{Text: "#bob goes on at https://two.example/hub.cgi"}
				var last []string
				for _, l := range lines {
					last = say(l)
				}
				wantsSaid(t, "the key", last, "#bob goes on at https://two.example/hub.cgi. How it is: /msg sysop status #chan")
				if got := given[channels.Redeem](r); len(got) != 1 || got[0].Key != key {
					t.Errorf("the core was given %d keys", len(got))
				}
			})
		})
	}
}

func TestHubRescueTakesNoOtherKey(t *testing.T) {
	key := rescueKey(6)
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		core.answers[key] = channels.Failed{Code: channels.CodeExpired, Text: "this key's time is over"}
		has(t, say("hub rescue "+key), "This key's time is over.")
		core.answers[key] = channels.Shown{Channel: "#bob"}
		has(t, say("hub rescue "+key), "That key changed nothing")
		core.answers[key] = channels.Failed{Code: channels.CodeTaken, Text: "that is a one-time key for another channel", Suggest: "#bob2"}
		has(t, say("hub rescue "+key), "/msg sysop join #bob2 and the key")
		delete(core.answers, key)
		has(t, say("hub rescue #new "+key), "That was a one-time key, to join a channel: you are in #new now.")
		hasNot(t, say("hub rescue "+key), key)
	})
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		has(t, say("hub rescue "+key), "You are in no channel with anybody that such a key could be for.")
	})
}

// A rescue key after /join brings its channel back, and opens none.
func TestJoinWithARescueKey(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.core.answers["K"] = channels.Done{Text: "#bob goes on at https://two.example/hub.cgi"}
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.turn()
		const done = ":sysop!sysop@hubbub PRIVMSG alice :#bob goes on at https://two.example/hub.cgi."
		c.wants("JOIN #bob K", done)
		c.wants("JOIN #other K",
			":gateway.hubbub 475 alice #other :Cannot join channel (+k): that was a rescue key, for a channel that you have", done)
		c.ask("PART #bob")
		got := c.ask("JOIN #bob K")
		has(t, got, ":alice!alice@hubbub JOIN #bob")
		has(t, got, done)
		if len(given[channels.Join](r)) != 1 {
			t.Error("#other was opened")
		}
	})
}
