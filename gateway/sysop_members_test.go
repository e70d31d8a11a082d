package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// sysopGroup is groupTest with sysop's answers, as sysopTest has them.
func sysopGroup(t *testing.T, story func(r *rig, core *consulted, say func(string) []string)) {
	t.Helper()
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
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

func TestSysopMembers(t *testing.T) {
	sysopGroup(t, func(r *rig, core *consulted, say func(string) []string) {
		since := "; since " + dayAndTime(time.Now(), time.Now())
		const next = "Who stands below you, however far, you can remove: /kick NICK. Keys: /whois NICK"
		r.do(func() {
			all := r.core.view("#work").Members
			all[1].Verified, all[1].Heard = true, time.Now()
			all[2].Suspended = true
			all[3].Namesake = time.Now()
		})
		wantsSaid(t, "members", say("members"),
			"#work has 4 members:",
			"  alice: you; founder"+since,
			"    bob: since "+since[8:]+"; verified; last heard just now",
			"    carol: since "+since[8:]+"; SUSPENDED until confirmed; last heard never",
			"      dave: since "+since[8:]+"; NOT the one of that nick who was here before; last heard never",
			next)

		// The founder is gone, and another has carol's nick.
		r.do(func() {
			v := r.core.view("#work")
			v.Members[0].Founder, v.Members[0].Inviter, v.Members[0].InvitedBy = false, [32]byte{2}, "bob"
			v.Members[1].Inviter, v.Members[1].InvitedBy, v.Members[1].Above = [32]byte{99}, "carol", true
			v.Members[2].Suspended, v.Members[3].Inviter = false, [32]byte{99}
			v.Members[3].Namesake = time.Time{}
		})
		wantsSaid(t, "tree #work", say("tree #work"),
			"#work has 4 members:",
			"  bob: invited by carol (who is gone); above you"+since+"; verified; last heard just now",
			"    alice: you"+since,
			"      carol: since "+since[8:]+"; last heard never",
			"  dave: invited by carol (who is gone)"+since+"; last heard never",
			next)
	})
}

// The channel may be left out where the nick is in one alone.
func TestSysopFindsTheMember(t *testing.T) {
	tests := []struct {
		said, want string
		channel    string // of the input that the core is given; empty: none
	}{
		{"verify bob", "", "#work"},
		{"verify #work bob", "", "#work"},
		{"verify work BOB", "", "#work"},
		{"verify carol", "carol is in #work, #bob, and may be another person in each. Which channel? /msg sysop verify #chan NICK", ""},
		{"verify bob carol", "", "#bob"}, // a channel without its #
		{"verify bob no", "", "#work"},
		{"verify bob yes", "Only no may follow the nick: /msg sysop verify #work bob no", ""},
		{"verify", "Whom? /msg sysop verify #chan NICK", ""},
		{"verify #work", "Whom? /msg sysop verify #work NICK In #work: bob, carol, dave", ""},
		{"verify #none bob", "You have no channel #none.", ""},
		{"verify eve", "Nobody in your channels is called eve. /msg sysop members #chan shows who is in one.", ""},
		{"verify #work eve", "Nobody in #work is called eve. In #work: bob, carol, dave", ""},
		{"verify alice", "That is yourself.", ""},
		{"remove bob dave", "One at a time: /msg sysop remove #work NICK", ""},
		{"confirm bob dave", "One at a time: /msg sysop confirm #work NICK", ""},
	}
	sysopGroup(t, func(r *rig, core *consulted, say func(string) []string) {
		r.channel("#bob", "carol")
		for _, tt := range tests {
			before := len(given[channels.Verify](r))
			core.does(func(ref channels.Ref) channels.Event { return channels.Done{Ref: ref, Text: "noted"} })
			got := strings.Join(say(tt.said), "\n")
			if tt.want != "" && !strings.Contains(got, tt.want) {
				t.Errorf("%q is answered with %q, want %q", tt.said, got, tt.want)
			}
			all := given[channels.Verify](r)[before:]
			switch {
			case tt.channel == "" && len(all) > 0:
				t.Errorf("%q: the core was given %+v", tt.said, all)
			case tt.channel != "" && (len(all) != 1 || all[0].Channel != tt.channel || all[0].Verified == strings.HasSuffix(tt.said, " no")):
				t.Errorf("%q: the core was given %+v, want %s", tt.said, all, tt.channel)
			}
		}
	})
}

// What each command gives the core, and what it answers then.
func TestSysopOnMembers(t *testing.T) {
	tests := []struct {
		said, done string
		input      channels.Input
		want       []string
	}{
		{"verify dave", "dave in #work is noted as verified", channels.Verify{Channel: "#work", Nick: "dave", Verified: true},
			[]string{"dave in #work is noted as verified. Was it another key that you compared? /msg sysop verify #work dave no"}},
		{"verify #work dave NO", "it is not noted any more", channels.Verify{Channel: "#work", Nick: "dave"},
			[]string{"It is not noted any more."}},
		{"confirm bob", "bob is confirmed", channels.Confirm{Channel: "#work", Nick: "bob"},
			[]string{"bob is confirmed. Who the other is you may find out; to put them out: /msg sysop remove #work carol"}},
		{"remove #work carol", "carol is removed", channels.Remove{Channel: "#work", Nick: "carol"},
			[]string{"carol is removed. Those who came in through carol stay: dave."}},
		{"kick bob", "", channels.Remove{Channel: "#work", Nick: "bob"}, []string{"bob is removed."}},
		{"share dave 100", "100 messages go to dave", channels.Share{Channel: "#work", Nick: "dave", Count: 100},
			[]string{"100 messages go to dave."}},
		{"fork #work #new", "", channels.Fork{Channel: "#work", Name: "#new"},
			[]string{"#new is founded, and the others of #work are invited. Who has joined: /msg sysop members #new"}},
		{"fork work new WITHOUT Bob, carol", "", channels.Fork{Channel: "#work", Name: "#new", Without: []string{"bob", "carol"}},
			[]string{"#new is founded, and the others of #work are invited. Who has joined: /msg sysop members #new"}},
	}
	for _, tt := range tests {
		t.Run(tt.said, func(t *testing.T) {
			sysopGroup(t, func(r *rig, core *consulted, say func(string) []string) {
				r.do(func() { r.core.view("#work").Members[2].Suspended = true })
				var got channels.Input
				core.answer = func(in channels.Input) channels.Event {
					got = in
					return channels.Done{Ref: refOf(in), Text: tt.done}
				}
				wantsSaid(t, tt.said, say(tt.said), tt.want...)
				if !sameInput(got, tt.input) {
					t.Errorf("the core was given %+v, want %+v", got, tt.input)
				}
				core.does(func(ref channels.Ref) channels.Event {
					return channels.Failed{Ref: ref, Channel: "#work", Code: channels.CodeNotAllowed, Text: "only zoe can do that"}
				})
				wantsSaid(t, tt.said, say(tt.said), "Only zoe can do that.")
			})
		})
	}
}

// sameInput compares two inputs, their Refs aside.
func sameInput(a, b channels.Input) bool {
	switch a := a.(type) {
	case channels.Verify:
		a.Ref = 0
		return channels.Input(a) == b
	case channels.Confirm:
		a.Ref = 0
		return channels.Input(a) == b
	case channels.Remove:
		a.Ref = 0
		return channels.Input(a) == b
	case channels.Share:
		a.Ref = 0
		return channels.Input(a) == b
	case channels.Fork:
		f, ok := b.(channels.Fork)
		return ok && a.Channel == f.Channel && a.Name == f.Name && slices.Equal(a.Without, f.Without)
	}
	return false
}

// What is mistyped reaches the core in no case.
func TestSysopOnMembersMistyped(t *testing.T) {
	tests := []struct{ said, want string }{
		{"share dave", "How many of the last messages? /msg sysop share #work dave N, with N from 1 to 500."},
		{"share dave 0", "with N from 1 to 500"},
		{"share dave 501", "with N from 1 to 500"},
		{"share dave all", "with N from 1 to 500"},
		{"share 100", "Nobody in your channels is called 100."},
		{"fork", "/msg sysop fork #chan #new [without NICK …]"},
		{"fork #work", "what is the new one to be called?"},
		{"fork #work #new bob", "what is the new one to be called?"},
		{"fork #work #new without", "what is the new one to be called?"},
		{"fork #work #new without eve", "Nobody in #work is called eve, so nothing was done."},
		{"fork #work #work", "needs a name that none of your channels has"},
		{"fork #work #a,b", "needs a name that none of your channels has"},
		{"fork #none #new", "You have no channel #none."},
		{"members #none", "You have no channel #none."},
		{"memb", "Did you mean /msg sysop members [#chan]?"},
		{"verfy bob", "Did you mean /msg sysop verify [#chan] NICK or /msg sysop version?"},
		{"help fork", "For when the founder is lost"},
		{"help confirm", "by the same one-time key"},
		{"help share", "They alone are shown it, as quoted by you"},
	}
	sysopGroup(t, func(r *rig, core *consulted, say func(string) []string) {
		core.answer = func(in channels.Input) channels.Event {
			t.Errorf("the core was given %+v", in)
			return channels.Done{Ref: refOf(in)}
		}
		for _, tt := range tests {
			if got := strings.Join(say(tt.said), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("%q is answered with %q\nwant %q", tt.said, got, tt.want)
			}
		}
	})
}

func TestSysopSafetySaysHowToVerify(t *testing.T) {
	sysopGroup(t, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			all := r.core.view("#work").Members
			all[1].Verified, all[2].Suspended = true, true
		})
		wantsSaid(t, "safety", say("safety"),
			"The safety number of #work (with bob, carol, dave):",
			"    12345 67890 12345 67890 12345 67890 12345 67890",
			"Read it to each other aloud. If it is the same with all, nobody sits in between; if not, do not trust #work.",
			"Not in it, for nobody knows yet who is the right one: carol.",
			"Compared, as you noted: bob.",
			"To note whom you have compared it with: /msg sysop verify #work dave")
	})
}

// status says in words who is suspended, and with whom one does not agree.
func TestSysopStatusOfMembers(t *testing.T) {
	sysopGroup(t, func(r *rig, core *consulted, say func(string) []string) {
		hub := channels.HubView{Address: channels.HubAddress{URL: "https://example.org/"}, Own: true, Owner: true, Claimed: true, Up: true, Heard: time.Now(), Read: true}
		r.do(func() {
			v := r.core.view("#work")
			v.Hubs = []channels.HubView{hub}
			v.Members[2].Suspended = true
			v.Differ = []string{"bob", "dave"}
		})
		got := say("status #work")
		has(t, got, "  carol: invited by alice; SUSPENDED until confirmed; last heard never")
		has(t, got, "carol is suspended, and gets nothing: ", "/msg sysop confirm #work carol")
		has(t, got, "bob and dave and you have not known the same about the members of #work for five minutes or more: ", "compare /msg sysop members #work with them")
		hasNot(t, got, "All is well")

		r.do(func() {
			v := r.core.view("#work")
			v.Members[0].Suspended, v.Members[0].InvitedBy, v.Differ = true, "bob", nil
		})
		has(t, say("status #work"), "Somebody else came by the same one-time key as you", "Ask bob by another way")

		r.do(func() {
			v := r.core.view("#work")
			v.Members[0].Suspended, v.RemovedBy, v.Hubs = false, "bob", nil
		})
		got = say("status #work")
		has(t, got, "#work: with bob, carol, dave; you were REMOVED by bob")
		has(t, got, "Nothing is asked of its hubs any more")
		has(t, got, "stays here to be read", "/msg sysop leave #work")
		hasNot(t, got, "can't be read until")
		has(t, say("members #work"), "You were removed from #work by bob. As you knew it last:")
		hasNot(t, got, "NO HUB")
		hasNot(t, got, "rescue")
	})
}
