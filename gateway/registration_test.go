package main

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

func TestWelcome(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.dial()
		got := c.register("alice", "alice")
		want := "001 002 003 004 005 005 251 252 254 255 265 266 375 372 372 372 372 376"
		if s := strings.Join(numerics(got), " "); s != want {
			t.Errorf("the welcome is\n %s, not\n %s", s, want)
		}
		has(t, got, ":gateway.hubbub 001 alice :Welcome to hubbub, alice")
		has(t, got, ":gateway.hubbub 004 alice gateway.hubbub hubbub-test i bions")
		has(t, got, " 005 alice ", " CASEMAPPING=ascii ", " CHANTYPES=# ", ":are supported by this server")
		has(t, got, " 005 alice ", " TOPICLEN=390 ", " UTF8ONLY WHOX :")
		has(t, got, "375 alice :- gateway.hubbub Message of the day -")
	})
}

// The first nick ever becomes the user's; after that the phonebook's wins.
func TestPhonebookNickWins(t *testing.T) {
	ircTest(t, settings{}, "", func(r *rig) {
		first := r.dial()
		got := first.register("alice", "alice")
		hasNot(t, got, " NICK ")
		second := r.dial()
		got = second.register("alice_", "alice")
		has(t, got, "001 alice_ ")
		has(t, got, ":alice_!alice@hubbub NICK alice")
		first.hears()
		second.wants("USERHOST alice", ":gateway.hubbub 302 alice alice=+alice@hubbub")
		if n := len(given[channels.SetNick](r)); n != 1 {
			t.Errorf("%d SetNick, want the first client's alone", n)
		}
	})
}

func TestNickIsChangedByTheUser(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		a, b := r.connect("alice"), r.connect("alice__")
		r.channel("#bob", "bob")
		a.turn()
		b.turn()
		a.wants("NICK carol", ":alice!alice@hubbub NICK carol")
		b.hears(":alice!alice@hubbub NICK carol")
		a.wants("NICK carol")
		a.wants("NICK", ":gateway.hubbub 431 carol :Give a nick")
		a.wants("NICK SysOp", ":gateway.hubbub 433 carol SysOp :sysop is the gateway's own: choose another nick")
		has(t, a.ask("NICK a!b"), "432 carol a!b")
		has(t, a.ask("NICK 1a"), "432 carol 1a")
		has(t, a.ask("NICK "+strings.Repeat("x", 31)), "432 carol ")
		has(t, a.ask("NICK badger"), "432 carol badger :that nick is not possible")
	})
}

// A first nick that the core does not take leaves the client unregistered.
func TestFirstNickRefused(t *testing.T) {
	ircTest(t, settings{}, "", func(r *rig) {
		c := r.dial()
		has(t, c.register("badger", "x"), "432 badger badger :that nick is not possible")
		has(t, c.ask("NICK alice"), "001 alice ")
	})
}

func TestBeforeRegistration(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.dial()
		c.wants("JOIN :", ":gateway.hubbub 451 * :You have not registered") // irssi's probe
		c.wants("PRIVMSG #bob :hi", ":gateway.hubbub 451 * :You have not registered")
		c.wants("PING :x", ":gateway.hubbub PONG gateway.hubbub x")
		c.wants("USER a", ":gateway.hubbub 461 * USER :Give a user name and a real name")
		c.register("alice", "alice")
		c.wants("USER a 0 * :a", ":gateway.hubbub 462 alice :You are registered already")
		c.wants("PASS a", ":gateway.hubbub 462 alice :You are registered already")
		c.wants("JOIN :", ":gateway.hubbub 461 alice JOIN :Not enough parameters")
		has(t, c.ask("OPER a b"), "421 alice OPER :Unknown command.")
	})
}

func TestCapabilities(t *testing.T) {
	const all = "batch cap-notify echo-message extended-join message-tags multi-prefix server-time setname znc.in/self-message"
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.dial()
		c.wants("CAP LS 302", ":gateway.hubbub CAP * LS :"+all)
		c.send("USER alice 0 * :alice")
		c.hears() // negotiation holds registration up
		c.wants("CAP REQ :server-time batch", ":gateway.hubbub CAP * ACK :server-time batch")
		c.wants("CAP REQ :echo-message no-such-thing", ":gateway.hubbub CAP * NAK :echo-message no-such-thing")
		c.wants("CAP REQ :sasl", ":gateway.hubbub CAP * NAK sasl")
		c.wants("CAP LIST", ":gateway.hubbub CAP * LIST :batch cap-notify server-time")
		c.wants("CAP REQ :-batch", ":gateway.hubbub CAP * ACK -batch")
		c.wants("CAP FOO", ":gateway.hubbub 410 * FOO :Invalid CAP command")
		has(t, c.ask("CAP END", "NICK alice"), " 001 alice ")
		c.wants("CAP LIST", ":gateway.hubbub CAP alice LIST :cap-notify server-time")
		c.wants("CAP REQ setname", ":gateway.hubbub CAP alice ACK setname")
		c.wants("SETNAME :Alice A", ":alice!alice@hubbub SETNAME :Alice A")
		c.wants("CAP END")
	})
	ircTest(t, settings{Password: "s"}, "alice", func(r *rig) {
		c := r.dial()
		c.wants("CAP LS", ":gateway.hubbub CAP * LS :"+strings.Replace(all, "server-time", "sasl server-time", 1))
		c.wants("CAP LS 302", ":gateway.hubbub CAP * LS :"+strings.Replace(all, "server-time", "sasl=PLAIN server-time", 1))
	})
}

func TestClientPassword(t *testing.T) {
	for name, lines := range map[string][]string{
		"before CAP END":          {"PASS s3cret", "CAP LS", "NICK alice", "USER alice 0 * :a", "CAP END"},
		"after CAP END":           {"CAP LS", "CAP END", "PASS s3cret", "NICK alice", "USER alice 0 * :a"},
		"last":                    {"CAP LS", "NICK alice", "USER alice 0 * :a", "CAP END", "PASS s3cret"},
		"without capabilities":    {"PASS s3cret", "NICK alice", "USER alice 0 * :a"},
		"more than once, the end": {"PASS s3cret", "PASS s3cret", "NICK alice", "USER alice 0 * :a"},
	} {
		t.Run(name, func(t *testing.T) {
			ircTest(t, settings{Password: "s3cret"}, "alice", func(r *rig) {
				c := r.dial()
				has(t, c.ask(lines...), " 001 alice ")
			})
		})
	}
	t.Run("wrong", func(t *testing.T) {
		ircTest(t, settings{Password: "s3cret"}, "alice", func(r *rig) {
			c := r.dial()
			has(t, c.ask("PASS guess"), " 464 * :Wrong password")
			if !c.closed() {
				t.Error("the connection stays open")
			}
		})
	})
	t.Run("none", func(t *testing.T) {
		ircTest(t, settings{Password: "s3cret"}, "alice", func(r *rig) {
			c := r.dial()
			c.wants("NICK alice")
			c.wants("USER alice 0 * :a")
			has(t, c.ask("JOIN #bob"), " 451 ")
			time.Sleep(passwordGrace + time.Second)
			got := c.turn()
			has(t, got, " 464 alice :This gateway wants its password")
			has(t, got, "ERROR :Closing link: no password")
		})
	})
}

func TestSASL(t *testing.T) {
	plain := func(user, password string) string {
		return "AUTHENTICATE " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))
	}
	ircTest(t, settings{Password: "s3cret"}, "alice", func(r *rig) {
		c := r.dial()
		c.ask("CAP LS 302", "CAP REQ :sasl", "NICK alice", "USER alice 0 * :a")
		c.wants("AUTHENTICATE SCRAM-SHA-256",
			":gateway.hubbub 908 alice PLAIN :are available SASL mechanisms",
			":gateway.hubbub 904 alice :SASL authentication failed")
		c.wants("AUTHENTICATE PLAIN", "AUTHENTICATE +")
		c.wants("AUTHENTICATE *", ":gateway.hubbub 906 alice :SASL authentication aborted")
		c.wants("AUTHENTICATE PLAIN", "AUTHENTICATE +")
		c.wants("AUTHENTICATE !!!", ":gateway.hubbub 904 alice :SASL authentication failed")
		c.wants("AUTHENTICATE PLAIN", "AUTHENTICATE +")
		c.wants(plain("alice@laptop", "s3cret"),
			":gateway.hubbub 900 alice alice!alice@hubbub alice@laptop :You are logged in",
			":gateway.hubbub 903 alice :SASL authentication successful")
		c.wants("AUTHENTICATE PLAIN", ":gateway.hubbub 907 alice :You have authenticated already")
		has(t, c.ask("CAP END"), " 001 alice ")
		r.channel("#bob", "bob")
		r.happen(channels.Line{Channel: "#bob", From: "bob", Kind: channels.Text, Text: "hi", Time: time.Now()})
		c.turn()
		marks := given[channels.Delivered](r)
		if len(marks) != 1 || marks[0].Client != "laptop" {
			t.Errorf("delivered: %+v, want one of laptop", marks)
		}
	})
	ircTest(t, settings{Password: "s3cret"}, "alice", func(r *rig) {
		c := r.dial()
		c.ask("CAP LS 302", "CAP REQ :sasl", "NICK alice", "USER alice 0 * :a", "AUTHENTICATE PLAIN")
		has(t, c.ask(plain("alice", "guess")), "904 alice :SASL authentication failed: wrong password")
		if !c.closed() {
			t.Error("the connection stays open")
		}
	})
	ircTest(t, settings{Password: "s3cret"}, "alice", func(r *rig) {
		c := r.dial()
		c.ask("CAP LS 302", "CAP REQ :sasl", "AUTHENTICATE PLAIN")
		var got []string
		for range 12 {
			got = append(got, c.ask("AUTHENTICATE "+strings.Repeat("A", saslChunk))...)
		}
		has(t, got, "905 * :SASL message too long")
	})
}

func TestSilentClients(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		never := r.dial()
		c := r.connect("alice")
		time.Sleep(registerTimeout + sweepEvery + lingerTime)
		has(t, never.turn(), "ERROR :Closing link: registration took too long")
		if !never.closed() {
			t.Error("who does not register stays")
		}
		time.Sleep(pingAfter)
		has(t, c.turn(), "PING gateway.hubbub")
		c.answersPings(false)
		time.Sleep(pingAfter + sweepEvery)
		has(t, c.turn(), "PING gateway.hubbub")
		time.Sleep(silentTimeout)
		has(t, c.turn(), "ERROR :Closing link: ping timeout")
		if !c.closed() {
			t.Error("the silent one stays")
		}
	})
}
