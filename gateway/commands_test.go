package main

import (
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

func TestJoinAndPart(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		a, b := r.connect("alice"), r.connect("alice", "extended-join")
		joined := []string{
			":alice!alice@hubbub JOIN #bob",
			":gateway.hubbub 353 alice @ #bob @alice",
			":gateway.hubbub 366 alice #bob :End of /NAMES list",
		}
		a.wants("JOIN #bob", joined...)
		b.hears(append([]string{":alice!alice@hubbub JOIN #bob * :alice's name"}, joined[1:]...)...)
		a.wants("JOIN #bob") // again: nothing, as on any server
		a.wants("PART #BOB", ":alice!alice@hubbub PART #bob :Hidden; it goes on receiving, and its next message shows it again")
		b.turn()
		a.wants("PART #bob", ":gateway.hubbub 442 alice #bob :You do not show that channel")
		has(t, a.ask("PART #carol"), "403 alice #carol :No such channel")
		a.wants("JOIN #bob", joined...)
		got := a.ask("JOIN #x,#y")
		has(t, got, "JOIN #x")
		has(t, got, "JOIN #y")
		has(t, a.ask("JOIN x"), "403 alice x :A channel's name begins with #")
		has(t, a.ask("JOIN #"+strings.Repeat("x", 64)), "403 alice #xxx")
		has(t, a.ask("JOIN 0"), "sysop", "JOIN 0 would hide all your channels")
		for _, in := range given[channels.Redeem](r) {
			t.Errorf("redeemed %+v", in)
		}
	})
}

// Keys go with channels by their place; irssi sends x where there was none.
func TestJoinWithKeys(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.core.answers = map[string]channels.Event{
			"K-USED":  channels.Failed{Code: channels.CodeUsed, Text: "that key was used by somebody else"},
			"K-OTHER": channels.Failed{Code: channels.CodeTaken, Text: "that key is for another channel", Suggest: "#alice2"},
			"K-NOHUB": channels.Failed{Code: channels.CodeHub, Text: "the hub could not be reached"},
			"x":       channels.Failed{Code: channels.CodeMistyped, Text: "that is no whole key"},
			"K-MINE":  channels.Shown{Channel: "#a"},
		}
		c := r.connect("alice")
		c.ask("JOIN #a,#b,#c K1,,K3")
		redeemed := given[channels.Redeem](r)
		if len(redeemed) != 2 || redeemed[0].Channel != "#a" || redeemed[0].Key != "K1" || redeemed[1].Channel != "#c" || redeemed[1].Key != "K3" {
			t.Errorf("redeemed %+v", redeemed)
		}
		got := c.ask("JOIN #d K-USED")
		has(t, got, ":gateway.hubbub 475 alice #d :Cannot join channel (+k): that key was used by somebody else")
		has(t, got, ":sysop!sysop@hubbub PRIVMSG alice :Joining #d failed. That key was used by somebody else.")
		has(t, c.ask("JOIN #d x"), "475 alice #d :")
		got = c.ask("JOIN #a K-OTHER")
		has(t, got, ":sysop!sysop@hubbub NOTICE #a :", "/join #alice2 K-OTHER")
		got = c.ask("JOIN #e K-NOHUB")
		has(t, got, "FAIL JOIN HUB #e :the hub could not be reached")
		has(t, got, "PRIVMSG alice :Joining #e failed. The hub could not be reached.")
		has(t, c.ask("JOIN #f K-MINE"), "PRIVMSG alice :That key is for #a, where you are already.")
		c.wants("JOIN #a K-MINE")
		c.wants("JOIN #c K-MINE") // a channel that there is: clients repeat old keys
	})
}

// The exact lines that irssi 1.4 and WeeChat 3.8 send after JOIN.
func TestProbesAfterJoin(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.turn()
		var created string
		r.do(func() { created = unix(r.core.view("#bob").Created) })
		c.wants("MODE #bob",
			":gateway.hubbub 324 alice #bob +ins",
			":gateway.hubbub 329 alice #bob "+created)
		c.wants("WHO #bob %tcuhnfdar,743",
			":gateway.hubbub 354 alice 743 #bob alice hubbub alice H@ 0 0 :alice's name",
			":gateway.hubbub 354 alice 743 #bob bob hubbub bob H 0 0 bob",
			":gateway.hubbub 315 alice #bob :End of /WHO list")
		c.wants("MODE #bob b", ":gateway.hubbub 368 alice #bob :End of channel ban list")
		c.wants("WHO #bob %cuhsnfdar",
			":gateway.hubbub 354 alice #bob alice hubbub gateway.hubbub alice H@ 0 0 :alice's name",
			":gateway.hubbub 354 alice #bob bob hubbub gateway.hubbub bob H 0 0 bob",
			":gateway.hubbub 315 alice #bob :End of /WHO list")
		c.wants("WHO #bob",
			":gateway.hubbub 352 alice #bob alice hubbub gateway.hubbub alice H@ :0 alice's name",
			":gateway.hubbub 352 alice #bob bob hubbub gateway.hubbub bob H :0 bob",
			":gateway.hubbub 315 alice #bob :End of /WHO list")
		r.channel("#carol", "carol")
		c.turn()
		got := c.ask("MODE #bob,#carol", "WHO #bob,#carol %tcuhnfdar,743", "MODE #bob,#carol b")
		if s := strings.Join(numerics(got), " "); s != "324 329 324 329 354 354 354 354 315 368 368" {
			t.Errorf("several at once: %s", s)
		}
		has(t, got, " 315 alice #bob,#carol :")
		c.wants("WHO bob %n", ":gateway.hubbub 354 alice bob", ":gateway.hubbub 315 alice bob :End of /WHO list")
		c.wants("WHO nobody", ":gateway.hubbub 315 alice nobody :End of /WHO list")
		c.wants("WHO alice %nf", ":gateway.hubbub 354 alice alice H", ":gateway.hubbub 315 alice alice :End of /WHO list")
	})
}

func TestModes(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		c.turn()
		c.wants("MODE alice", ":gateway.hubbub 221 alice +")
		c.wants("MODE alice +i", ":alice!alice@hubbub MODE alice +i")
		c.wants("MODE alice", ":gateway.hubbub 221 alice +i")
		has(t, c.ask("MODE alice +o"), "501 alice :")
		has(t, r.dial().register("alice_", "a"), "NICK alice")
		again := r.connect("alice_")
		again.wants("MODE alice_ +i", ":alice!alice@hubbub MODE alice +i")
		has(t, c.ask("MODE bob +i"), "502 alice :")
		has(t, c.ask("MODE #bob +o bob"), "482 alice #bob :Who stands above whom is settled by who invited whom")
		has(t, c.ask("MODE #bob +b *!*@*"), "482 alice #bob :There are no bans")
		has(t, c.ask("MODE #bob +k secret"), "482 alice #bob :A channel has no lasting key")
		has(t, c.ask("MODE #bob +z"), "472 alice z :")
		has(t, c.ask("MODE #no"), "403 alice #no :")
	})
}

func TestTopic(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		a, b := r.connect("alice"), r.connect("alice", "server-time")
		r.channel("#bob", "bob")
		a.turn()
		b.turn()
		a.wants("TOPIC #bob", ":gateway.hubbub 331 alice #bob :No topic is set")
		a.wants("TOPIC #bob :Grüße, and all", ":alice!alice@hubbub TOPIC #bob :Grüße, and all")
		b.hears("@time=2000-01-01T00:00:00.000Z :alice!alice@hubbub TOPIC #bob :Grüße, and all")
		a.wants("TOPIC #bob", ":gateway.hubbub 332 alice #bob :Grüße, and all", ":gateway.hubbub 333 alice #bob alice!alice@hubbub 946684800")
		got := r.dial().register("alice", "x")
		want := "JOIN 332 333 353 366"
		if s := strings.Join(numerics(got), " "); !strings.HasSuffix(s, want) {
			t.Errorf("attaching ends with %s, not %s", s, want)
		}
		has(t, a.ask("TOPIC #no"), "403 ")
	})
}

func TestInvite(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		has(t, c.ask("INVITE bob"), "461 alice INVITE :Say whom and to which channel")
		has(t, c.ask("INVITE bob #bob"), "403 alice #bob :No such channel: /join #bob begins one")
		r.channel("#bob", "robert")
		c.turn()
		has(t, c.ask("INVITE robert #bob"), "443 alice robert #bob :is on the channel already")
		for _, line := range []string{"INVITE bob #bob", "INVITE #bob bob", "INVITE bob"} {
			got := c.ask(line)
			if len(got) == 0 || got[0] != ":gateway.hubbub 341 alice bob #bob" {
				t.Errorf("%s: begins with %s", line, quoteLines(got[:min(1, len(got))]))
			}
			has(t, got, ":sysop!sysop@hubbub PRIVMSG alice :/join #alice HTTP://HUB.EXAMPLE/#ABCDEFGH")
		}
		for _, in := range given[channels.Invite](r) {
			if in.Channel != "#bob" || in.Note != "bob" {
				t.Errorf("%+v", in)
			}
		}
		c.wants("INVITE", ":gateway.hubbub 337 alice :The one-time keys that you made: /msg sysop invites")
	})
}

func TestQueries(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		r.channel("#bob", "bob")
		r.channel("#work", "bob", "carol")
		c.turn()
		time.Sleep(time.Hour)
		r.do(func() { r.core.view("#bob").Members[1].Heard = time.Now().Add(-10 * time.Minute) })
		c.wants("NAMES #bob", ":gateway.hubbub 353 alice @ #bob :@alice bob", ":gateway.hubbub 366 alice #bob :End of /NAMES list")
		c.wants("NAMES #none", ":gateway.hubbub 366 alice #none :End of /NAMES list")
		c.wants("NAMES", ":gateway.hubbub 353 alice @ #bob :@alice bob", ":gateway.hubbub 353 alice @ #work :@alice bob carol", ":gateway.hubbub 366 alice * :End of /NAMES list")
		got := c.ask("WHOIS BOB")
		if s := strings.Join(numerics(got), " "); s != "311 319 312 320 320 320 320 317 318" {
			t.Errorf("WHOIS is %s", s)
		}
		has(t, got, " 311 alice bob bob hubbub * bob")
		has(t, got, " 319 alice bob :#bob #work")
		has(t, got, " 320 alice bob :in #bob: invited by alice, on ", "; last heard 10 minutes ago")
		has(t, got, " 320 alice bob :in #bob: key ABCD EFGH; not verified")
		has(t, got, " 320 alice bob :in #work: invited by alice, on ", "; not heard yet")
		has(t, got, " 317 alice bob 600 946684800 :seconds idle, joined on")
		c.wants("WHOIS nobody", ":gateway.hubbub 401 alice nobody :No such nick", ":gateway.hubbub 318 alice nobody :End of /WHOIS list")
		has(t, c.ask("WHOIS alice alice"), "319 alice alice :@#bob @#work")
		has(t, c.ask("WHOIS sysop"), "311 alice sysop ")
		has(t, c.ask("WHOIS"), "431 alice")
		c.wants("WHOWAS bob", ":gateway.hubbub 406 alice bob :There was no such nickname", ":gateway.hubbub 369 alice bob :End of WHOWAS")
		c.wants("ISON bob nobody Carol sysop", ":gateway.hubbub 303 alice :bob carol sysop")
		c.wants("ISON :bob nobody", ":gateway.hubbub 303 alice bob")
		c.wants("USERHOST bob nobody", ":gateway.hubbub 302 alice bob=+bob@hubbub")
		c.ask("PART #work")
		c.wants("LIST",
			":gateway.hubbub 321 alice Channel :Members  Topic",
			":gateway.hubbub 322 alice #bob 2 :",
			":gateway.hubbub 322 alice #work 3 :(hidden: /join #work shows it)",
			":gateway.hubbub 323 alice :End of /LIST")
	})
}

func TestServerCommands(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		c.wants("PING :a b", ":gateway.hubbub PONG gateway.hubbub :a b")
		has(t, c.ask("PING"), "409 alice")
		has(t, c.ask("AWAY :lunch"), "306 alice")
		has(t, c.ask("WHOIS alice"), "301 alice alice lunch")
		c.wants("USERHOST alice", ":gateway.hubbub 302 alice alice=-alice@hubbub")
		has(t, c.ask("AWAY"), "305 alice")
		has(t, c.ask("VERSION"), "351 alice hubbub-test gateway.hubbub :")
		has(t, c.ask("TIME"), "391 alice gateway.hubbub :Sat, 01 Jan 2000")
		has(t, c.ask("LUSERS"), "251 alice :There are 1 users")
		has(t, c.ask("MOTD"), "376 alice")
		has(t, c.ask("ADMIN"), "423 alice")
		has(t, c.ask("INFO"), "374 alice")
		for topic := range helpTexts {
			got := c.ask("HELP " + topic)
			if n := numerics(got); n[0] != "704" || n[len(n)-1] != "706" {
				t.Errorf("HELP %s: %v", topic, n)
			}
		}
		has(t, c.ask("HELP"), "704 alice INDEX :")
		has(t, c.ask("HELP nonsense"), "524 alice NONSENSE :")
		has(t, c.ask("FOO bar"), "421 alice FOO :")
		has(t, c.ask("SETNAME :"+strings.Repeat("x", 101)), "FAIL SETNAME INVALID_REALNAME :")
		c.wants("TAGMSG #bob")
		has(t, c.ask("QUIT :bye"), "ERROR :Closing link: you quit")
		if !c.closed() {
			t.Error("the connection stays open")
		}
	})
}
