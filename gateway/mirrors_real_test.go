package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// realHub is a hub on loopback that can be taken away and put up elsewhere.
type realHub struct {
	t    *testing.T
	hub  *hub.Hub
	key  wire.AccountKey
	site *httptest.Server
}

func startRealHub(t *testing.T) *realHub {
	t.Helper()
	folder := t.TempDir()
	opened, err := hub.Open(hub.Config{Data: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	key, ok, err := hub.ReadClaim(folder)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	h := &realHub{t: t, hub: opened, key: key}
	h.start()
	t.Cleanup(func() { h.site.Close() })
	return h
}

// start serves the hub at a new address.
func (h *realHub) start() { h.site = httptest.NewServer(web.Handler(h.hub)) }

// die takes the hub away: whoever waits there is cut off.
func (h *realHub) die() {
	h.site.CloseClientConnections()
	h.site.Close()
}

func (h *realHub) url() string { return h.site.URL + "/" }

// talker is a client of a gateway of its own, over a real connection.
type talker struct {
	t     *testing.T
	conn  net.Conn
	in    *bufio.Scanner
	asked int
}

// realTalker starts a gateway and registers with it.
func realTalker(t *testing.T, nick string, settings ...string) *talker {
	t.Helper()
	return realTalkerIn(t, t.TempDir(), nick, settings...)
}

// realTalkerIn is realTalker, with the gateway's data in a folder.
func realTalkerIn(t *testing.T, folder, nick string, settings ...string) *talker {
	t.Helper()
	address, _, stop := servedIn(t, folder, strings.Join(settings, "\n"))
	t.Cleanup(stop)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := &talker{t: t, conn: conn, in: bufio.NewScanner(conn)}
	p.says("NICK "+nick+"\r\nUSER "+nick+" 0 * :"+nick, " 001 ")
	return p
}

// longestTurn bounds each wait for something that goes over real connections. It is
// longer than a request may be held, 25 s: one that came just after a hub's closing
// was settled has heard of it only when it is answered.
const longestTurn = 45 * time.Second

// says sends a line, and returns the first line after it that has all the parts.
func (p *talker) says(line string, parts ...string) string {
	p.t.Helper()
	fmt.Fprintf(p.conn, "%s\r\n", line)
	return p.hears(parts...)
}

// hears reads on until a line comes that has all the parts; not at all without any.
func (p *talker) hears(parts ...string) string {
	p.t.Helper()
	if len(parts) == 0 {
		return ""
	}
	var before []string
	for p.conn.SetDeadline(time.Now().Add(longestTurn)); p.in.Scan(); {
		l := p.in.Text()
		if token, ok := strings.CutPrefix(l, ":gateway.hubbub PING "); ok {
			fmt.Fprintf(p.conn, "PONG %s\r\n", token)
		}
		found := true
		for _, part := range parts {
			found = found && strings.Contains(l, part)
		}
		if found {
			return l
		}
		before = append(before, l)
	}
	p.t.Fatalf("no line with %q, but %s", parts, quoteLines(before))
	return ""
}

// sysop asks sysop, and returns all of its answer that comes at once.
func (p *talker) sysop(command string) (said []string) {
	p.t.Helper()
	p.asked++
	fmt.Fprintf(p.conn, "PRIVMSG sysop :%s\r\nPING asked-%d\r\n", command, p.asked)
	for p.conn.SetDeadline(time.Now().Add(longestTurn)); p.in.Scan(); {
		l := p.in.Text()
		if _, ok := strings.CutPrefix(l, ":gateway.hubbub PONG"); ok && strings.Contains(l, fmt.Sprintf("asked-%d", p.asked)) {
			return said
		}
		if text, ok := strings.CutPrefix(l, ":sysop!sysop@hubbub PRIVMSG "); ok {
			_, text, _ = strings.Cut(text, " ")
			said = append(said, strings.TrimPrefix(text, ":"))
		}
	}
	p.t.Fatalf("no answer to %q: %v", command, p.in.Err())
	return nil
}

// waitsFor asks sysop again until its answer has a line with all the parts.
func (p *talker) waitsFor(command string, parts ...string) []string {
	p.t.Helper()
	var said []string
	for end := time.Now().Add(longestTurn); time.Now().Before(end); {
		said = p.sysop(command)
		for _, l := range said {
			found := true
			for _, part := range parts {
				found = found && strings.Contains(l, part)
			}
			if found {
				return said
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("%q has no line with %q, but %s", command, parts, quoteLines(said))
	return nil
}

// waitsWhile asks sysop again until its answer has no such words any more.
func (p *talker) waitsWhile(command, words string) {
	p.t.Helper()
	for end := time.Now().Add(longestTurn); time.Now().Before(end); {
		if !strings.Contains(strings.Join(p.sysop(command), "\n"), words) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("%q still has %q", command, words)
}

// keyAtEnd is the end of a line that ends in a one-time key or a rescue key.
func keyAtEnd(line string) string { return line[strings.LastIndexByte(line, ' ')+1:] }

// getTogether has alice open #bob on a hub of hers, and bob join it as #alice.
func getTogether(alice, bob *talker, on *realHub) {
	alice.t.Helper()
	alice.says("PRIVMSG sysop :hub add "+on.url()+" "+on.key.String(), "is ready. It is yours")
	alice.says("JOIN #bob", " 366 ")
	key := keyAtEnd(alice.says("INVITE bob #bob", "PRIVMSG alice :/join #alice "))
	bob.says("JOIN #alice "+key, " 366 ")
	alice.hears(":bob!bob@hubbub JOIN #bob")
	bob.says("PRIVMSG #alice :hello there")
	alice.hears("PRIVMSG #bob :hello there")
}

// Two people, each with a hub: either hub dies, moves, is dropped, and they talk on.
// Nothing in it is scripted but what is typed.
func TestMirrorsForReal(t *testing.T) {
	first, second := startRealHub(t), startRealHub(t)
	alice, bob := realTalker(t, "alice"), realTalker(t, "bob")

	getTogether(alice, bob, first)
	bob.says("PRIVMSG sysop :hub add "+second.url()+" "+second.key.String(), "is ready. It is yours")
	bob.hears("Channels that you have already are kept there as well from now on.")
	bob.waitsFor("status #alice", "hub "+second.url()+": yours; up")
	alice.waitsFor("status #bob", "hub "+second.url()+": added by bob; up")
	got := alice.waitsFor("status #bob", "All is well.")
	has(t, got, "hub "+first.url()+": yours; up")
	has(t, got, "    last heard ", "read to its newest entry")
	alice.waitsFor("status #bob", " MiB, ", " entries") // how much the hub holds, now or when it was asked last

	first.die()
	bob.says("PRIVMSG #alice :are you there?")
	alice.hears("PRIVMSG #bob :are you there?")
	alice.says("PRIVMSG #bob :of course")
	bob.hears("PRIVMSG #alice :of course")
	got = alice.waitsFor("status #bob", "hub "+first.url()+": yours; DOWN since ")
	has(t, got, "    cannot be reached: ")
	has(t, got, "It is yours: look after it.", "/msg sysop hub drop #bob URL", "#bob goes on without it.")
	got = bob.waitsFor("status #alice", "hub "+first.url()+": added by alice; DOWN since ")
	has(t, got, "#alice goes on without it, and it gets what it misses when it is back: nothing to do.")
	has(t, bob.sysop("hub drop #alice "+first.url()), "Alice added that hub: only alice")

	old := first.url()
	has(t, alice.sysop("hub moved "+old+" "+second.url()), "Asking "+second.url())
	alice.hears("Another hub answers at " + second.url())
	first.start()
	alice.says("PRIVMSG sysop :hub moved "+old+" "+first.url(), "is asked at "+first.url()+" from now on, and the others are told so in #bob")
	alice.waitsFor("status #bob", "hub "+first.url()+": yours; up")
	bob.waitsFor("status #alice", "; up") // at one URL or the other
	alice.waitsFor("status #bob", "All is well.")

	has(t, alice.sysop("hub drop #bob "+first.url()), "#bob is not kept on "+first.url()+" any more.")
	bob.waitsWhile("status #alice", "added by alice")
	has(t, bob.sysop("status #alice"), "hub "+second.url()+": yours; up")
	has(t, alice.sysop("status #bob"), "It lives on somebody else's hub alone. To keep it on yours as well: /msg sysop hub mirror #bob")
	has(t, bob.sysop("hub drop #alice "+second.url()), "It is the only hub of #alice")

	alice.says("PRIVMSG sysop :hub mirror #bob", "#bob is kept on "+first.url()+" too, from now on.")
	bob.waitsFor("status #alice", ": added by alice; up")                                 // where it was, or where it is: it was told both
	has(t, bob.sysop("hub drop #alice "+first.url()), "Alice added that hub: only alice") // by either
	second.die()
	bob.says("PRIVMSG #alice :still here")
	alice.hears("PRIVMSG #bob :still here")
}

// Who wants to be asked is told once what to type, and nothing happens before.
func TestMirrorOnAskingForReal(t *testing.T) {
	first, second := startRealHub(t), startRealHub(t)
	alice, bob := realTalker(t, "alice"), realTalker(t, "bob", `mirror = "ask"`)
	getTogether(alice, bob, first)
	bob.says("PRIVMSG sysop :hub add "+second.url()+" "+second.key.String(), "Channels that you have already stay where they are. To keep one there as well: /msg sysop hub mirror #chan")
	bob.hears(":sysop!sysop@hubbub NOTICE #alice :#alice lives on hubs of others alone. To keep it on yours too: /msg sysop hub mirror #alice")
	has(t, bob.sysop("status #alice"), "It lives on somebody else's hub alone. To keep it on yours as well: /msg sysop hub mirror #alice")
	hasNot(t, bob.sysop("status #alice"), second.url())
	bob.says("PRIVMSG sysop :hub mirror #alice", "#alice is kept on "+second.url()+" too, from now on.")
	alice.waitsFor("status #bob", "hub "+second.url()+": added by bob; up")
}

// The only hub is gone for ever. Who has another makes rescue keys; two others
// follow, one by sysop and one by /join under some name; and what was written
// meanwhile arrives.
func TestRescueForReal(t *testing.T) {
	first, second := startRealHub(t), startRealHub(t)
	alice, bob, carol := realTalker(t, "alice"), realTalker(t, "bob"), realTalker(t, "carol")
	getTogether(alice, bob, first)
	carol.says("JOIN #all "+keyAtEnd(alice.says("INVITE carol #bob", "PRIVMSG alice :/join #alice ")), " 366 ")
	bob.hears(":carol!carol@hubbub JOIN #alice")
	carol.waitsFor("status", "#all: with alice, bob")
	has(t, bob.sysop("hub rescue #alice"), "To bring #alice back there must be a hub")

	first.die()
	bob.says("PRIVMSG #alice :written into the void")
	bob.hears("NOTICE #alice :", "ot sent yet")
	has(t, alice.waitsFor("status #bob", "DOWN since"), "No hub of it can be reached")
	alice.says("PRIVMSG sysop :hub add "+second.url()+" "+second.key.String(), "are kept there as well from now on.")

	alice.says("PRIVMSG sysop :hub rescue #bob", "PRIVMSG alice :#bob goes on at "+second.url()+". Each of these rescue keys lets one member follow, until ")
	alice.hears("For bob, who types:")
	forBob := keyAtEnd(alice.hears("/msg sysop hub rescue HTTP://"))
	alice.hears("For carol, who types:")
	forCarol := keyAtEnd(alice.hears("/msg sysop hub rescue HTTP://"))
	alice.hears("NOTICE #bob :The 2 rescue keys are in your query with sysop")
	alice.says("PRIVMSG sysop :hub rescue #bob carol", "This rescue key lets carol follow, until ")
	alice.hears("/msg sysop hub rescue " + forCarol)

	bob.says("PRIVMSG sysop :hub rescue "+forCarol, "This rescue key is for carol")
	bob.says("PRIVMSG sysop :hub rescue "+forBob, "#alice is now kept on "+second.url()+" too")
	alice.hears("PRIVMSG #bob :", "written into the void")
	bob.says("PRIVMSG sysop :hub rescue "+forBob, "You have used this rescue key already")

	carol.says("JOIN #wrong "+forCarol, " 475 carol #wrong :Cannot join channel (+k): that was a rescue key")
	carol.hears("PRIVMSG carol :#all is now kept on " + second.url() + " too")
	carol.hears("PRIVMSG #all :", "written into the void")
	carol.says("PRIVMSG #all :here we are")
	alice.hears(":carol!carol@hubbub PRIVMSG #bob :here we are")
	bob.hears(":carol!carol@hubbub PRIVMSG #alice :here we are")
	has(t, carol.sysop("status #all"), "hub "+second.url()+": added by alice; up")
	hasNot(t, carol.sysop("list"), "#wrong")
}
