package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// consulted is a scripted core with what sysop looks at, too.
type consulted struct {
	*scripted
	hubs    []channels.HubView
	invites []channels.InviteView
	seen    []channels.SeenView
	answer  func(channels.Input) channels.Event // to what is not scripted; nil: none
}

func (c *consulted) Hubs() []channels.HubView                 { return c.hubs }
func (c *consulted) Invites() []channels.InviteView           { return c.invites }
func (c *consulted) Seen(string) ([]channels.SeenView, error) { return c.seen, nil }
func (c *consulted) Safety(channel string) (string, error) {
	if len(c.view(channel).Members) < 2 {
		return "", errors.New("nobody else is in " + channel)
	}
	return "12345 67890 12345 67890 12345 67890 12345 67890", nil
}

func (c *consulted) Step(in channels.Input, now time.Time) (channels.Output, error) {
	out, err := c.scripted.Step(in, now)
	switch in := in.(type) {
	case channels.UseHub:
		out.Events = append(out.Events, channels.HubReady{Ref: in.Ref, Hub: in.Hub, Owner: true})
	case channels.Leave:
		out.Events = append(out.Events, channels.Gone{Ref: in.Ref, Channel: in.Channel})
	case channels.Revoke:
		if in.Invite != 7 {
			out.Events = append(out.Events, channels.Failed{Ref: in.Ref, Code: channels.CodeUnknownInvite, Text: "there is no such key"})
			break
		}
		out.Events = append(out.Events, channels.Done{Ref: in.Ref, Text: "the one-time key 7 is closed"})
	case channels.Mirror, channels.DropHub, channels.ForgetHub, channels.MoveHub, channels.Rescue, channels.AskHub,
		channels.Remove, channels.Confirm, channels.Share, channels.Fork, channels.Verify:
		if c.answer != nil {
			out.Events = append(out.Events, c.answer(in))
		}
	}
	return out, err
}

// sysopTest is ircTest with alice's client attached; say says something to
// sysop and returns what sysop answers.
func sysopTest(t *testing.T, story func(r *rig, core *consulted, say func(string) []string)) {
	t.Helper()
	ircTest(t, settings{}, "alice", func(r *rig) {
		core := &consulted{scripted: r.core}
		r.do(func() {
			r.g.core = core
			r.g.sysop.version = "hubbub test"
		})
		c := r.connect("alice")
		story(r, core, func(text string) []string {
			t.Helper()
			var said []string
			for _, l := range c.ask("PRIVMSG sysop :" + text) {
				if rest, ok := strings.CutPrefix(l, ":sysop!sysop@hubbub PRIVMSG alice "); ok {
					said = append(said, strings.TrimPrefix(rest, ":"))
				}
			}
			return said
		})
	})
}

// wantsSaid compares all that sysop said, in one line each.
func wantsSaid(t *testing.T, asked string, got []string, want ...string) {
	t.Helper()
	sameLines(t, asked, got, want)
}

func TestSysopHelp(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		all := say("help")
		if len(all) > 9 {
			t.Errorf("help has %d lines: %s", len(all), quoteLines(all))
		}
		for _, l := range all {
			if len(l) > 400 { // of IRC, without being cut
				t.Errorf("a line of %d bytes: %q", len(l), l)
			}
		}
		listed := say("help all")
		for _, cmd := range sysopCommands {
			has(t, all, cmd.name)
			has(t, listed, "  "+cmd.name)
			has(t, say("help "+cmd.name), cmd.usage()+": "+cmd.help)
		}
		if got := say("help hub"); len(got) > 30 {
			t.Errorf("help hub has %d lines", len(got))
		}
		if got := say("help hub guest"); len(got) != 3 {
			t.Errorf("help hub guest is answered with %s", quoteLines(got))
		}
		if hub, guest := say("hub"), say("hub guest"); quoteLines(hub) != quoteLines(say("help hub")) || quoteLines(guest) != quoteLines(say("help hub guest")) {
			t.Errorf("hub is answered with %s, hub guest with %s", quoteLines(hub), quoteLines(guest))
		}
		has(t, say("help guest"), "  hub guest add NAME [SIZE] [URL]")
		has(t, say("help quota"), "/msg sysop hub quota NAME or CHANNEL [SIZE] [URL]: ")
		has(t, say("help guest add"), "/msg sysop hub guest add NAME [SIZE] [URL]: ")
		has(t, say("help hub ban bob"), "/msg sysop hub ban NAME")
		has(t, say("help hubs"), "/msg sysop hub list: ")
		for _, way := range []string{"HELP", "?", "/help", "/msg sysop help", "  help  "} {
			if got := say(way); len(got) != len(all) {
				t.Errorf("%q is answered with %d lines, help with %d", way, len(got), len(all))
			}
		}
		has(t, say("help hub"), "/msg sysop hub add URL KEY")
		has(t, say("help hub"), "docs/hub.md")
		has(t, say("help hub"), "  hub forget URL")
		has(t, say("help hub list"), "/msg sysop hub list")
		has(t, say("help nonsense"), "/msg sysop help")
	})
}

func TestSysopSaysWhatToType(t *testing.T) {
	tests := []struct{ said, want string }{
		{"stat", "Did you mean /msg sysop status [#chan]?"},
		{"hub", "More about one: /msg sysop help COMMAND"},
		{"HUB guest", "  hub guest drop NAME [URL]"},
		{"hub ad x", "Did you mean /msg sysop hub add URL KEY?"},
		{"hub forgte x", "Did you mean /msg sysop hub forget URL?"},
		{"hubb", "I don't know that command. /msg sysop help hub lists those about hubs."},
		{"hub sandwich", "I don't know that command. /msg sysop help hub lists those about hubs."},
		{"guest add bob", "Did you mean /msg sysop hub guests [URL] or /msg sysop hub guest add NAME [SIZE] [URL] or"},
		{"retire", "Did you mean /msg sysop hub retire [URL] [DAYS or now or off]?"},
		{"make me a sandwich", "/msg sysop help lists all"},
		{"join", "/msg sysop join #name KEY"},
		{"join HTTPS://EXAMPLE.ORG/#ABC", "/msg sysop join #name KEY"},
		{"join ,", "names begin with #"},
		{"revoke", "/msg sysop revoke N"},
		{"revoke nine", "/msg sysop revoke N"},
		{"revoke 9", "There is no such key."},
		{"nick", "/msg sysop nick NAME"},
		{"nick two words", "/msg sysop nick NAME"},
		{"nick bad!", "That nick is not possible."},
		{"hub add", "/msg sysop hub add URL KEY"},
		{"hub add example.org", "with http:// or https:// before"},
		{"hub add https://example.org/", "claim.txt"},
		{"hub add https://example.org/#ABC x", "/msg sysop join #name KEY"},
		{"hub add ftp://example.org/ x", "/msg sysop hub add URL KEY"},
		{"hub add https://example.org/ ABCDEFGHIJKLMNOPQRSTUVWXYZ", "cut off"},
		{"leave", "You have no channel yet: /join #bob and then /invite bob"},
		{"seen", "You have no channel yet"},
		{"safety #nowhere", "You have no channel #nowhere."},
		{"list", "You have no channel yet"},
		{"status", "You have no channel yet"},
		{"invites", "/invite NICK"},
		{"hub list", "/msg sysop hub add URL KEY"},
		{"version", "hubbub test"},
	}
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		for _, tt := range tests {
			got := say(tt.said)
			if !strings.Contains(strings.Join(got, "\n"), tt.want) {
				t.Errorf("%q is answered with %s\nwant %q", tt.said, quoteLines(got), tt.want)
			}
		}
	})
}

// The channel may be left out while there is one, and only then.
func TestSysopFindsTheChannel(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "bob")
		for _, command := range []string{"safety", "safety #bob", "safety BOB", "Safety #Bob"} {
			has(t, say(command), "12345 67890")
		}
		r.channel("#carol", "carol")
		has(t, say("safety"), "Which channel? /msg sysop safety #chan.", "#bob, #carol")
		has(t, say("safety #carol"), "    12345")
		has(t, say("safety #bob #carol"), "One channel at a time")
	})
}

func TestSysopLeaveIsConfirmed(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "bob")
		r.channel("#carol", "carol")
		left := func() int { return len(given[channels.Leave](r)) }

		has(t, say("leave #bob"), "say it again within a minute: /msg sysop leave #bob")
		say("status")
		say("leave #bob") // not confirmed: something else came between
		say("leave #carol")
		say("leave #bob")
		time.Sleep(finishWithin + time.Second)
		has(t, say("leave #bob"), "say it again")
		if n := left(); n != 0 {
			t.Fatalf("left %d channels without being told twice", n)
		}
		has(t, say("LEAVE #BOB"), "You left #bob.")
		if n := left(); n != 1 {
			t.Errorf("left %d times, want once", n)
		}
		has(t, say("leave #bob"), "say it again")
	})
}

// Nobody loses a text without having been told.
func TestSysopLeaveCountsUnsentTexts(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "bob")
		hasNot(t, say("leave #bob"), "not sent yet")
		say("status") // or the next one would confirm it
		r.do(func() { core.view("#bob").Pending = 2 })
		has(t, say("leave #bob"), "2 of your texts are not sent yet and are deleted as well")
	})
}

// Another client's word is not a confirmation.
func TestSysopLeaveIsConfirmedByWhoAsked(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "bob")
		say("leave #bob")
		other := r.connect("alice2")
		has(t, other.ask("PRIVMSG sysop :leave #bob"), "say it again")
		if n := len(given[channels.Leave](r)); n != 0 {
			t.Error("left on two clients' words")
		}
	})
}

// someKey is a one-time key that passes its check.
func someKey() string {
	return wire.OneTimeKey{URL: "http://127.0.0.1:6680/", Fingerprint: wire.Fingerprint{1, 2, 3}, Secret: [16]byte{4, 5, 6}}.String()
}

func TestSysopJoin(t *testing.T) {
	key := someKey()
	tests := []struct {
		name string
		said []string
	}{
		{"as printed", []string{"join #bob " + key}},
		{"with spaces", []string{"join #bob " + key[:20] + " " + key[20:50] + "   " + key[50:]}},
		{"without #", []string{"JOIN bob " + key}},
		{"over two lines", []string{"join #bob " + key[:60], key[60:]}},
		{"over three lines", []string{"/join #bob " + key[:15], key[15:40], key[40:]}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
				var last []string
				for _, said := range tt.said {
					last = say(said)
				}
				has(t, last, "You are in #bob now.")
				all := given[channels.Redeem](r)
				if len(all) != 1 || all[0].Key != key || all[0].Channel != "#bob" {
					t.Errorf("the core was given %d redeems, want one of #bob with the key", len(all))
				}
			})
		})
	}
}

func TestSysopJoinFails(t *testing.T) {
	key := someKey()
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		got := say("join #bob " + key[:60])
		has(t, got, "cut off", "Send me the rest of it now", "/msg sysop join #bob KEY")
		has(t, say("help"), "/msg sysop") // a command is not taken for the rest
		has(t, say(key[60:]), "/msg sysop help lists all")

		core.answers[key] = channels.Failed{Code: channels.CodeUsed, Text: "somebody else used this key"}
		has(t, say("join #bob "+key), "Somebody else used this key.")
		core.answers[key] = channels.Failed{Code: channels.CodeTaken, Text: "#bob is another channel", Suggest: "#bob2"}
		has(t, say("join #bob "+key), "/msg sysop join #bob2")
		for _, l := range say("join #bob " + key) {
			if strings.Contains(l, key) {
				t.Errorf("the key is repeated: %q", l)
			}
		}
	})
}

// Who is in the key's channel already is told so, and not that he has just come in.
func TestSysopJoinWhereOneIs(t *testing.T) {
	key := someKey()
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#trio", "bob")
		core.answers[key] = channels.Shown{Channel: "#trio"}
		for _, named := range []string{"#trio", "#other"} {
			got := say("join " + named + " " + key)
			has(t, got, "You were in #trio already: nothing was done with the key.")
			hasNot(t, got, "hello")
		}
		core.answers[key] = channels.Done{Text: "#trio goes on at https://one.example/hub.cgi"}
		has(t, say("join #trio "+key), "#trio goes on at https://one.example/hub.cgi")
	})
}

func TestSysopOpensAChannel(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		has(t, say("join #bob"), "You are in #bob now.", "/invite")
	})
}

// The account key goes to the hub that it names and no other.
func TestSysopHubAdd(t *testing.T) {
	const url = "https://example.org/hub.cgi"
	right := channels.HubAddress{URL: url, Fingerprint: wire.Fingerprint{9}}
	moved := channels.HubAddress{URL: "https://www.example.org/hub.cgi", Fingerprint: wire.Fingerprint{9}}
	key := wire.AccountKey{Fingerprint: wire.Fingerprint{9}, Secret: [16]byte{7}}
	tests := []struct {
		name   string
		found  foundHub
		err    error
		want   string
		claims channels.HubAddress
	}{
		{"right", foundHub{Address: right}, nil, "It is yours", right},
		{"redirected", foundHub{Address: moved}, nil, "The hub https://www.example.org/hub.cgi is ready", moved},
		{"certificate", foundHub{Address: right, Note: "certificate has expired"}, nil, "Note: certificate has expired.", right},
		{"another hub", foundHub{Address: channels.HubAddress{URL: url, Fingerprint: wire.Fingerprint{8}}}, nil, "is not the one that this key is for", channels.HubAddress{}},
		{"served", foundHub{Address: right, Served: true}, nil, "hands out files of the hub's data folder to everybody", channels.HubAddress{}},
		{"no hub", foundHub{}, errors.New("a web page answers there"), "a web page answers there", channels.HubAddress{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
				r.do(func() {
					r.g.sysop.identify = func(asked string, then func(foundHub, error)) {
						if asked != url {
							t.Errorf("asked %q", asked)
						}
						go r.g.do(func() { then(tt.found, tt.err) })
					}
				})
				got := say("hub add HTTPS://example.org/hub.cgi " + strings.ToLower(key.String()))
				has(t, got, "Asking "+url+" who it is")
				has(t, got, tt.want)
				hasNot(t, got, key.String())
				used := given[channels.UseHub](r)
				if tt.claims.URL == "" {
					if len(used) != 0 {
						t.Error("the account key was used")
					}
					return
				}
				if len(used) != 1 || used[0].Hub != tt.claims || used[0].Secret != key.Secret || used[0].Embedded {
					t.Errorf("used %+v, want %v", used, tt.claims)
				}
			})
		})
	}
}

func TestSysopStatus(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		now := time.Now()
		embedded := channels.HubView{Address: channels.HubAddress{URL: "http://127.0.0.1:6680/"}, Embedded: true, Own: true, Owner: true, Claimed: true, Up: true, Heard: now, Channels: 1}
		core.hubs = []channels.HubView{embedded}
		r.channel("#bob", "bob")
		r.do(func() {
			v := core.view("#bob")
			v.Hubs = []channels.HubView{embedded}
			v.Hubs[0].Channels, v.Hubs[0].Read = 0, true
			v.Members[1].Heard = now.Add(-3 * time.Minute)
			v.Pending = 2
		})
		wantsSaid(t, "status", say("status"),
			"hubbub test. You are alice.",
			"the embedded hub (this machine alone): up; 1 channel",
			"#bob: with bob; 2 texts on no hub yet",
			"More about one: /msg sysop status #chan. You have no hub that others can reach: /msg sysop help hub")
		wantsSaid(t, "status #bob", say("status #bob"),
			"#bob: with bob; 2 texts on no hub yet",
			"  alice: you; founded it",
			"  bob: invited by alice; last heard 3 minutes ago",
			"  the embedded hub (this machine alone): up",
			"    last heard just now; read to its newest entry",
			"All is well. Who has your texts: /msg sysop seen #bob; to compare keys: /msg sysop safety #bob")

		r.do(func() {
			down := channels.HubView{Address: channels.HubAddress{URL: "https://example.org/hub.cgi"}, Own: true, Owner: true, Claimed: true, Standing: channels.Down,
				Heard: now.Add(-50 * time.Hour), Trouble: "cannot be reached: nothing listens there (connection refused)", Behind: 1}
			core.hubs = append(core.hubs, down)
			core.view("#bob").Hubs = []channels.HubView{down}
		})
		wantsSaid(t, "hub list", say("hub list"),
			"the embedded hub (this machine alone): up; 1 channel",
			"hub https://example.org/hub.cgi: yours; DOWN, last heard 2 days ago; cannot be reached: nothing listens there (connection refused); 1 envelope still to be put there",
			"To add another: /msg sysop hub add URL KEY")
		has(t, say("status #bob"), "No hub of it can be reached", "is kept and sent when one can")
	})
}

// Who missed a warning finds it in status.
func TestSysopStatusShowsWarnings(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		at := moment(time.Now())
		for range mostWarnings + 5 {
			r.happen(channels.Warn{Channel: "#bob", Text: "early"})
		}
		r.happen(channels.Warn{Channel: "#bob", Text: "somebody else used your key"}, channels.Warn{Text: "the clock is wrong"})
		got := say("status")
		has(t, got, "WARNING, "+at+": #bob: somebody else used your key")
		has(t, got, "WARNING, "+at+": the clock is wrong")
		if n := strings.Count(strings.Join(got, "\n"), "WARNING"); n != mostWarnings {
			t.Errorf("%d warnings are shown, want the last %d", n, mostWarnings)
		}
	})
}

func TestSysopSeen(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "bob", "carol", "dave", "erin")
		at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
		core.seen = []channels.SeenView{
			{Nick: "bob", Time: at, Text: "see you\nthen"},
			{Nick: "carol", Behind: 2, Time: at, Text: "hello"},
			{Nick: "dave", Behind: 1},
			{Nick: "erin"},
		}
		wantsSaid(t, "seen", say("seen"),
			"bob has all, up to Wed 4 Mar 05:06 (“see you”)",
			"carol has all up to Wed 4 Mar 05:06 (“hello”); 2 later texts not yet, as far as is known",
			"dave does not have your 1 text yet, as far as is known",
			"erin: you have written nothing yet",
			"This says what has arrived at their gateways, not what they have read. Why something has not: /msg sysop status #bob")
	})
}

func TestSysopNick(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		c := r.connect("alice")
		has(t, c.ask("PRIVMSG sysop :nick alicia"), "You are alicia now, in all channels.")
		if got := given[channels.SetNick](r); len(got) != 1 || got[0].Nick != "alicia" {
			t.Errorf("the core was given %+v", got)
		}
	})
}

func TestSysopRevoke(t *testing.T) {
	sysopTest(t, func(r *rig, core *consulted, say func(string) []string) {
		at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
		r.do(func() {
			core.invites = []channels.InviteView{
				{Number: 8, Channel: "#bob", State: "used by bob", Made: at, Expires: at},
				{Number: 7, Channel: "#carol", Note: "carol", State: "open", Made: at, Expires: at.Add(24 * time.Hour)},
			}
		})
		got := say("invites")
		has(t, got, "8: #bob, made Wed 4 Mar 05:06: used by bob")
		has(t, got, "7: #carol for carol, made Wed 4 Mar 05:06: open until Thu 5 Mar 05:06")
		has(t, got, "/msg sysop revoke N")
		has(t, say("revoke 7"), "The one-time key 7 is closed. /msg sysop invites")
		has(t, say("revoke #7"), "The one-time key 7 is closed.")
	})
}
