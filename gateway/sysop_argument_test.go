package main

import (
	"strings"
	"testing"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// Whatever is typed after a command, with nothing right, sysop answers, in few lines,
// and says what to type: nothing is silent, and nothing is done.
func TestEachCommandWithWrongArguments(t *testing.T) {
	acts := func(in channels.Input) bool {
		switch in := in.(type) {
		case channels.Delivered, channels.Tick, channels.Start:
			return false
		case channels.AskHub:
			switch in.Op {
			case wire.OpReport, wire.OpChannels, wire.OpGuests, wire.OpStatus, wire.OpExport:
				return false
			}
		}
		return true
	}
	answers := func(in channels.AskHub) any {
		switch in.Op {
		case wire.OpReport:
			return wire.ReportResult{}
		case wire.OpChannels:
			return wire.ChannelsResult{}
		case wire.OpGuests:
			return wire.GuestsResult{}
		}
		return nil
	}
	wrong := []string{
		"nosuch", "#nosuch", "#nosuch nosuch", "nosuch nosuch nosuch nosuch nosuch", "#bob nosuch extra words here", "https://nosuch.example/",
		"https://bob.example/hub.cgi", "#bob https://nosuch.example/", "http://", "0", "-1", "#", "two", "#bob #carol", "abcdef",
	}
	ownerTest(t, answers, func(r *rig, core *consulted, say func(string) []string) {
		for _, cmd := range sysopCommands {
			if cmd.name == "join" || cmd.name == "nick" || cmd.name == "version" {
				continue // which take nearly anything
			}
			for _, args := range append([]string{""}, wrong...) {
				before := len(given[channels.Input](r))
				got := say(strings.TrimSpace(cmd.name + " " + args))
				if len(got) == 0 || len(got) > 12 && cmd.name != "help" {
					t.Errorf("%s %s: %d lines: %s", cmd.name, args, len(got), quoteLines(got))
				}
				if strings.HasPrefix(cmd.args, "[") || cmd.args == "" || cmd.name == "revoke" && (args == "0" || args == "-1") {
					continue // which are right
				}
				for _, in := range given[channels.Input](r)[before:] {
					if acts(in) {
						t.Errorf("%s %s has done %T %+v: %s", cmd.name, args, in, in, quoteLines(got))
					}
				}
				if text := strings.Join(got, "\n"); !strings.Contains(text, "/msg sysop ") && !strings.Contains(text, "ours: ") && !strings.Contains(text, "ts hubs: ") &&
					!strings.Contains(text, "configuration") && !strings.Contains(text, "The hubs that you know: ") && !strings.Contains(text, "/invite ") {
					t.Errorf("%s %s: nothing to type in %s", cmd.name, args, quoteLines(got))
				}
			}
		}
	})
}

// Of a hub that is not the user's, has not taken his key, or is no hub of his at all,
// each of an owner's commands says so, and what to do.
func TestOwnersCommandsOnOthersHubs(t *testing.T) {
	commands := []string{
		"hub guests %s", "hub channels %s", "hub guest add dora 5MB %s", "hub guest drop dora %s", "hub quota dora %s", "hub quota dora 5MB %s",
		"hub ban dora %s", "hub unban dora %s", "hub ban #bob bob %s", "hub retire %s", "hub retire %s 7", "hub retire off %s", "hub export %s x.age",
	}
	ownerTest(t, func(channels.AskHub) any { return nil }, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			core.hubs[1].Owner = false
			core.hubs[2].Owner, core.hubs[2].Claimed, core.hubs[2].Trouble = false, false, "nothing listens there"
		})
		for _, command := range commands {
			for hub, want := range map[string]string{
				"one":         "You are a guest on https://one.example/hub.cgi: that is for its owner alone.",
				"two":         "https://two.example/hub.cgi has not taken your key yet: nothing listens there. It is asked again by itself; ",
				"bob.example": "https://bob.example/hub.cgi is no hub of yours: bob has added it. /msg sysop hub list shows yours.",
				"three":       "There is no such hub: three. ",
			} {
				line := strings.Replace(command, "%s", hub, 1)
				if got := say(line); !strings.Contains(strings.Join(got, "\n"), want) && !(hub == "three" && strings.Contains(line, "quota") && strings.Contains(strings.Join(got, "\n"), "three is no size")) {
					t.Errorf("%q is answered with %s\nwant %q", line, quoteLines(got), want)
				}
			}
		}
		for _, in := range given[channels.AskHub](r) {
			t.Errorf("a hub was asked %+v", in)
		}
		said{
			{"hub guests", "https://two.example/hub.cgi has not taken your key yet"},
			{"hub status two", "has not taken your key yet"},
			{"hub forget two", "Forget https://two.example/hub.cgi? Your account there is deleted, and new channels go elsewhere. It has not taken your key yet, which stays good."},
			{"hub forget one", "To come back takes a new key from its owner."},
		}.wants(t, say)
		r.do(func() { core.hubs = core.hubs[:2] })
		said{
			{"hub guests", "You own no hub: you are a guest on those that you use."},
		}.wants(t, say)
		r.do(func() { core.hubs = core.hubs[:1] })
		said{{"hub guests", "You have no hub that people elsewhere can reach."}, {"hub forget embedded", "The embedded hub is inside this gateway"}}.wants(t, say)
	})
}
