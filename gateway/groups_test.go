package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// groupTest is ircTest with alice's client and #work: alice founded it, bob and
// carol came in through her, dave through carol.
func groupTest(t *testing.T, story func(r *rig, core *consulted, c *ircClient)) {
	t.Helper()
	ircTest(t, settings{}, "alice", func(r *rig) {
		core := &consulted{scripted: r.core}
		r.do(func() { r.g.core = core })
		c := r.connect("alice")
		r.channel("#work", "bob", "carol", "dave")
		r.do(func() {
			all := r.core.view("#work").Members
			for i := range all {
				all[i].ID = [32]byte{byte(i + 1)}
				all[i].Fingerprint = strings.ToUpper(fmt.Sprintf("%x", [4]byte{0xa0 + byte(i)}))
			}
			all[1].Inviter, all[2].Inviter, all[3].Inviter = all[0].ID, all[0].ID, all[2].ID
			all[3].InvitedBy = "carol"
		})
		c.turn()
		story(r, core, c)
	})
}

// does has the core answer an input with an event, and with what else happens.
func (c *consulted) does(ev func(channels.Ref) channels.Event) {
	c.answer = func(in channels.Input) channels.Event { return ev(refOf(in)) }
}

func TestKick(t *testing.T) {
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		core.does(func(ref channels.Ref) channels.Event { return channels.Done{Ref: ref, Text: "gone, for good"} })
		c.wants("KICK #work bob", ":sysop!sysop@hubbub NOTICE #work :Gone, for good.")
		c.wants("KICK #WORK BOB :bob", ":sysop!sysop@hubbub NOTICE #work :Gone, for good.") // what irssi puts there
		c.wants("KICK #work carol :too loud",
			":sysop!sysop@hubbub NOTICE #work :Gone, for good. Those who came in through carol stay: dave.",
			":sysop!sysop@hubbub NOTICE #work :Your reason was told to nobody, for nothing carries it: say it to whom it concerns.")
		var got []channels.Remove
		for _, in := range given[channels.Remove](r) {
			in.Ref = 0
			got = append(got, in)
		}
		if want := []channels.Remove{{Channel: "#work", Nick: "bob"}, {Channel: "#work", Nick: "bob"}, {Channel: "#work", Nick: "carol"}}; !slices.Equal(got, want) {
			t.Errorf("the core was given %+v", got)
		}
	})
}

// A KICK has one channel and several nicks, or as many channels as nicks, and no
// more at once than ISUPPORT tells.
func TestKickOfSeveral(t *testing.T) {
	tests := []struct {
		line string
		want string   // in the answer; empty: none
		gone []string // channel and nick
	}{
		{"KICK #work bob,carol", "Those who came in through carol stay: dave.", []string{"#work bob", "#work carol"}},
		{"KICK #work,#other bob,carol", "", []string{"#work bob", "#other carol"}},
		{"KICK #work,#none bob,carol", "403 alice #none :No such channel", []string{"#work bob"}},
		{"KICK #work,#other bob", "461 alice KICK :Give one channel, or as many as nicks", nil},
		{"KICK #work a,b,c,d,e", "407 alice a,b,c,d,e :Too many at once", nil},
		{"KICK #work ,", "", nil},
		{"KICK #work", "461 alice KICK :", nil},
		{"KICK #none bob", "403 alice #none :", nil},
		{"KICK #work Alice", "482 alice #work :That is yourself: /msg sysop leave #work leaves for good", nil},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			groupTest(t, func(r *rig, core *consulted, c *ircClient) {
				r.channel("#other", "carol")
				core.does(func(ref channels.Ref) channels.Event { return channels.Done{Ref: ref} })
				got := c.ask(tt.line)
				if tt.want != "" {
					has(t, got, tt.want)
				} else if len(got) > 0 {
					t.Errorf("answered %s", quoteLines(got))
				}
				var gone []string
				for _, in := range given[channels.Remove](r) {
					gone = append(gone, in.Channel+" "+in.Nick)
				}
				if !slices.Equal(gone, tt.gone) {
					t.Errorf("removed %q, want %q", gone, tt.gone)
				}
			})
		})
	}
	if !slices.Contains(features, "TARGMAX=JOIN:,KICK:4,LIST:,NAMES:,NOTICE:4,PART:,PRIVMSG:4,WHOIS:1") {
		t.Error("ISUPPORT tells another number")
	}
}

func TestKickFails(t *testing.T) {
	tests := []struct {
		code channels.Code
		text string
		want []string
	}{
		{channels.CodeNoMember, "nobody in #work is called eve", []string{
			":gateway.hubbub 441 alice eve #work :They aren't on that channel",
			":sysop!sysop@hubbub NOTICE #work :Nobody in #work is called eve. /msg sysop members #work shows who is in it."}},
		{channels.CodeNotAllowed, "eve was brought in by bob: only bob can remove eve", []string{
			":gateway.hubbub 482 alice #work :eve was brought in by bob: only bob can remove eve."}},
		{channels.CodeNotPossible, "you were removed from #work", []string{
			":gateway.hubbub FAIL KICK NOT_POSSIBLE #work :you were removed from #work",
			":sysop!sysop@hubbub NOTICE #work :You were removed from #work."}},
	}
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		for _, tt := range tests {
			core.does(func(ref channels.Ref) channels.Event {
				return channels.Failed{Ref: ref, Channel: "#work", Code: tt.code, Text: tt.text}
			})
			c.wants("KICK #work eve :bye", tt.want...)
		}
	})
}

// Everybody sees who was let in by whom, and who was put out by whom: live, or
// when a client comes.
func TestWhoLetsInAndPutsOut(t *testing.T) {
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		come := func(nick, by string) {
			r.do(func() {
				v := r.core.view("#work")
				v.Members = append(v.Members, channels.MemberView{Nick: nick, InvitedBy: by})
			})
			r.happen(channels.Joined{Channel: "#work", Nick: nick, By: by})
		}
		come("erin", "dave")
		c.hears(":erin!erin@hubbub JOIN #work", ":sysop!sysop@hubbub NOTICE #work :New here: erin, invited by dave.")
		come("frank", "alice") // she knows whom she has let in
		c.hears(":frank!frank@hubbub JOIN #work")
		r.happen(channels.Left{Channel: "#work", Nick: "erin", By: "carol"}, channels.Left{Channel: "#work", Nick: "frank"})
		c.hears(":carol!carol@hubbub KICK #work erin :removed by carol", ":frank!frank@hubbub PART #work")

		c.ask("QUIT")
		come("grace", "bob")
		r.happen(channels.Left{Channel: "#work", Nick: "dave", By: "carol"}, channels.Left{Channel: "#work", Nick: "bob"})
		got := r.dial().register("alice", "alice")
		at := clockMark(time.Now(), time.Now(), "")
		for _, said := range []string{"New here: grace, invited by bob.", "Gone: dave, removed by carol.", "Gone: bob, who left."} {
			has(t, got, ":sysop!sysop@hubbub NOTICE #work :"+at+said)
		}
		hasNot(t, r.dial().register("alice", "alice"), "New here")
	})
}

// Who joins learns the members at once: none of them is new.
func TestMembersOfAJoinedChannelAreNotNew(t *testing.T) {
	for _, attached := range []bool{true, false} {
		ircTest(t, settings{}, "bob", func(r *rig) {
			var c *ircClient
			if attached {
				c = r.connect("bob")
			}
			r.do(func() {
				r.core.open("#work", time.Now())
				r.core.view("#work").Waiting = true
			})
			r.happen(channels.Shown{Channel: "#work"})
			r.do(func() { r.core.view("#work").Waiting = false })
			r.happen(channels.Joined{Channel: "#work", Nick: "alice"}, channels.Joined{Channel: "#work", Nick: "carol", By: "alice"})
			if !attached {
				c = r.connect("bob")
			}
			hasNot(t, c.turn(), "New here")
			r.happen(channels.Joined{Channel: "#work", Nick: "dave", By: "carol"})
			has(t, c.turn(), "NOTICE #work :New here: dave, invited by carol.")
		})
	}
}

func TestWhoisInAGroup(t *testing.T) {
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		since := time.Now()
		at, year := dayAndTime(since, since), since.Local().Format("2 Jan 2006 15:04")
		time.Sleep(26 * time.Hour)
		c.wants("WHOIS dave",
			":gateway.hubbub 311 alice dave dave hubbub * dave",
			":gateway.hubbub 319 alice dave #work",
			":gateway.hubbub 312 alice dave gateway.hubbub :your own gateway",
			":gateway.hubbub 320 alice dave :in #work: invited by carol, on "+at+"; not heard yet",
			":gateway.hubbub 320 alice dave :in #work: key A3000000; not verified. Compared? /msg sysop verify #work dave",
			":gateway.hubbub 318 alice dave :End of /WHOIS list")
		r.do(func() {
			m := &r.core.view("#work").Members[3]
			m.Verified, m.Suspended, m.Namesake, m.Heard = true, true, since.AddDate(-1, 0, 0), time.Now()
			m.Inviter, m.InvitedBy = [32]byte{77}, "bob" // of whom there is another
		})
		got := c.ask("WHOIS dave")
		has(t, got, " 320 alice dave :in #work: invited by bob (who is gone), on "+at+"; last heard just now, on ")
		has(t, got, " 320 alice dave :in #work: key A3000000; verified: you have compared it")
		has(t, got, " 320 alice dave :in #work: SUSPENDED, and gets nothing: ", "/msg sysop help confirm")
		has(t, got, " 320 alice dave :in #work: NOT the dave who was here before and was last heard on "+strings.Replace(year, since.Local().Format("2006"), fmt.Sprint(since.Local().Year()-1), 1))
		has(t, c.ask("WHOIS alice"), " 320 alice alice :in #work: your key is A0000000")
	})
}

// @ is the founder and whoever may remove the user, in NAMES and in WHO.
func TestRanksInAGroup(t *testing.T) {
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		r.do(func() {
			all := r.core.view("#work").Members
			all[0].Founder, all[2].Founder = false, true
			all[2].Above, all[1].Above = true, true
		})
		has(t, c.ask("NAMES #work"), " 353 alice @ #work :alice @bob @carol dave")
		got := c.ask("WHO #work %nf")
		for _, want := range []string{"354 alice alice H", "354 alice bob H@", "354 alice carol H@", "354 alice dave H"} {
			if !slices.Contains(got, ":gateway.hubbub "+want) {
				t.Errorf("no %q in %s", want, quoteLines(got))
			}
		}
		for _, change := range []string{"+o dave", "-o carol", "+oo bob dave"} {
			c.wants("MODE #work "+change, ":gateway.hubbub 482 alice #work :Who stands above whom is settled by who invited whom, and can't be changed: /msg sysop members shows it")
		}
	})
}

// Each client name is told once of an invitation to another channel.
func TestForkedIsAnInvite(t *testing.T) {
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		shown := []string{
			":bob!bob@hubbub INVITE alice #new",
			":sysop!sysop@hubbub NOTICE #work :bob invites you from #work to another channel. To join it: /join #new",
		}
		expires := time.Now().Add(time.Hour)
		r.do(func() {
			r.core.forks = []channels.ForkView{{Channel: "#work", By: "bob", Name: "#new", Expires: expires}}
		})
		r.happen(channels.Forked{Channel: "#work", By: "bob", Name: "#new"})
		c.hears(shown...)
		hasNot(t, r.dial().register("alice", "alice"), "INVITE")
		phone := r.dial()
		got := phone.register("alice", "alice@phone")
		for _, l := range shown {
			has(t, got, l)
		}
		hasNot(t, r.dial().register("alice", "alice@phone"), "INVITE")

		// Another one of that name, while no client of that name is here.
		phone.ask("QUIT")
		r.do(func() { r.core.forks[0].Made = time.Now() })
		has(t, r.dial().register("alice", "alice@phone"), ":bob!bob@hubbub INVITE alice #new")
		has(t, c.ask("PRIVMSG sysop :list"), "#new: not joined yet; bob of #work invites you until "+moment(expires)+": /join #new")
		has(t, c.ask("JOIN #new"), "JOIN #new")
	})
}

// What was shared stands under the sharer's nick, and says whose it was.
func TestQuotedLines(t *testing.T) {
	groupTest(t, func(r *rig, core *consulted, c *ircClient) {
		echo := r.connect("alice", "server-time")
		now := time.Now()
		at := dayAndTime(now.Add(-time.Hour), now)
		quote := func(kind channels.LineKind, text string, said time.Time) channels.Line {
			return channels.Line{Channel: "#work", From: "carol", Kind: kind, Text: text, Time: now, Quoted: "bob", Said: said}
		}
		r.happen(
			quote(channels.Text, "hello\nthere", now.Add(-time.Hour)),
			quote(channels.Action, "waves", now.Add(-time.Hour)),
			quote(channels.Notice, "take note", now.AddDate(-1, 0, 0)),
			quote(channels.Text, "when?", time.Time{}))
		year := now.AddDate(-1, 0, 0).Local().Format("2 Jan 2006 15:04")
		said := []string{
			":carol!carol@hubbub PRIVMSG #work :[bob, " + at + "] hello",
			":carol!carol@hubbub PRIVMSG #work :[bob, " + at + "] there",
			":carol!carol@hubbub PRIVMSG #work :[bob, " + at + "] * bob waves",
			":carol!carol@hubbub NOTICE #work :[bob, " + year + "] take note",
			":carol!carol@hubbub PRIVMSG #work :[bob] when?",
		}
		c.hears(said...)
		var tagged []string
		for _, l := range said {
			tagged = append(tagged, "@time="+timeTag(now)+" "+l) // of the sharing
		}
		echo.hears(tagged...)

		got := r.dial().register("alice", "alice@phone")
		mark := clockMark(now, now, "")
		for _, l := range said {
			prefix, text, _ := strings.Cut(l, ":[")
			has(t, got, prefix+":"+mark+"["+text)
		}
		r.happen(channels.Line{Channel: "#work", From: "carol", Kind: channels.Text, Text: strings.Repeat("ab ", 400), Time: now, Quoted: "b!o b\r\nQUIT\x01", Said: now})
		for _, l := range c.turn() {
			if !strings.HasPrefix(l, ":carol!carol@hubbub PRIVMSG #work :[b_o_b__QUIT_, ") || len(l) > maxBody-2 {
				t.Errorf("%q", l)
			}
		}
	})
}
