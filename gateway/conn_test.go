package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// FuzzLine holds the wrapper of irc.v4: whatever a client sends, there is no
// panic, and nothing comes through that could end a line; whatever is in a
// message, one line of bounded length is written, which reads back the same.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		"", "@a ", "@a", "@", ":", ": ", ":a", ":a ", "@a :b ", "@a  :b  PING", " ", "PING", "PING :", "PING a :b c", "@a=b;c PRIVMSG #x :hi\x00\r\n",
		"PRIVMSG #x :\x01ACTION a\x01", "JOIN #a,#b x,y", "\x16\x03\x01", "GET / HTTP/1.1", "pr\u0131vmsg a b", "A\rB", "@" + strings.Repeat("a", 9000) + " PING x",
		strings.Repeat("a", 513), "USER a 0 * :\xff\xfe", "TOPIC #a :", "NICK ::", "a : b :c",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			raw = raw[:i+1]
		}
		l, err := parseLine(raw)
		if err != nil {
			if !errors.Is(err, errBadLine) && !errors.Is(err, errEmptyLine) && !errors.Is(err, errTooLong) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		if !isCommand(l.command) {
			t.Fatalf("%q: command %q", raw, l.command)
		}
		for _, p := range l.params {
			if strings.ContainsAny(p, "\r\n\x00") {
				t.Fatalf("%q: parameter %q", raw, p)
			}
		}
		sent := message{from: string(raw), command: l.command, params: append([]string{string(raw)}, l.params...), tags: map[string]string{"time": string(raw)}}.encode()
		checkWritten(t, sent, len(l.params)+1)
	})
}

// checkWritten checks bytes on their way to a client.
func checkWritten(t *testing.T, sent []byte, params int) {
	t.Helper()
	line, ok := bytes.CutSuffix(sent, []byte("\r\n"))
	if !ok || bytes.ContainsAny(line, "\r\n\x00") {
		t.Fatalf("not one line: %q", sent)
	}
	tags, body, _ := strings.Cut(string(line), " ")
	if !strings.HasPrefix(tags, "@time=") || strings.ContainsAny(tags[1:], " ;") {
		t.Fatalf("tags %q", tags)
	}
	if len(body) > maxBody-2 {
		t.Fatalf("a body of %d bytes", len(body))
	}
	if len(body) > maxBody-2-utf8.UTFMax {
		return // it may have been cut
	}
	m, err := irc.ParseMessage(string(line))
	if err != nil || len(m.Params) != params {
		t.Fatalf("%q reads back as %+v, %v", line, m, err)
	}
}

func TestTagsAloneAreNotAPanic(t *testing.T) {
	for _, s := range []string{"@a ", "@a", "@ ", "@a :b ", "@a   "} {
		if _, err := parseLine([]byte(s)); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestEncodeCleans(t *testing.T) {
	for want, m := range map[string]message{
		":a_b PRIVMSG _x :QUIT : x\r\n":                  {from: "a b", command: "PRIVMSG", params: []string{":x", "QUIT :\r\n x"}},
		"PING *_ :\r\n":                                  {command: "PING", params: []string{"\r\n*\x00 \x01", "\n"}},
		":s A * b\r\n":                                   {from: "s", command: "A", params: []string{"", "b"}},
		"@batch=a\\s\\:\\\\;time=x :s A b\r\n":           {from: "s", command: "A", params: []string{"b"}, tags: map[string]string{"time": "x\r\n", "batch": "a ;\\"}},
		"PRIVMSG x " + strings.Repeat("ü", 250) + "\r\n": {command: "PRIVMSG", params: []string{"x", strings.Repeat("ü", 300)}},
	} {
		if got := string(m.encode()); got != want {
			t.Errorf("%+v:\n got %q\nwant %q", m, got, want)
		}
	}
}

func TestTooLongLines(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		tooLong := ":gateway.hubbub 417 alice :Input line was too long"
		ping := func(n int) string { return "PING :" + strings.Repeat("x", n-len("PING :")) }
		got := c.ask(ping(510))
		has(t, got, "PONG")
		hasNot(t, got, " 417 ")
		c.wants(ping(511), tooLong)
		c.wants(ping(8000), tooLong)
		c.wants(ping(20_000), tooLong)
		c.wants(ping(100_000), tooLong)
		tags := func(n int) string { return "@" + strings.Repeat("a", n-2) + " PING x" }
		c.wants(tags(maxTags), ":gateway.hubbub PONG gateway.hubbub x")
		c.wants(tags(maxTags+1), tooLong)
		c.wants("PING still", ":gateway.hubbub PONG gateway.hubbub still")
		c.wants("\x00PI\rNG\x00 a\x00b", ":gateway.hubbub PONG gateway.hubbub ab")
		c.wants("@a ")
		c.wants("")
		c.wants(":x")
		c.wants("\xff\xfe \x01")
	})
}

func TestBrowsersAndTLS(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		for _, first := range []string{
			"POST / HTTP/1.1\r\nHost: localhost:6667\r\n\r\nNICK mallory\r\nUSER m 0 * :m\r\n",
			"GET /#bob HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n", "CONNECT x:1 HTTP/1.1\r\n", "PUT /x HTTP/1.1\r\n", "HEAD / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n", "NICK / HTTP/1.1\r\nNICK m\r\n",
			"GET /" + strings.Repeat("a", 20_000),
		} {
			c := r.dial()
			c.conn.SetWriteDeadline(time.Now().Add(5 * time.Second)) // it is not read to its end
			c.conn.Write([]byte(first))
			if got := c.turn(); len(got) != 0 || !c.closed() {
				t.Errorf("%.30q is answered %q, closed: %v", first, got, c.closed())
			}
		}
		c := r.dial()
		c.conn.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
		got := c.turn()
		has(t, got, "ERROR :", "-notls")
		if !c.closed() {
			t.Error("a TLS connection stays open")
		}
		if done := given[channels.Input](r); len(done) != 1 { // Start
			t.Errorf("%v was done", done)
		}
	})
}

// A client that does not read is given up when its time or its room is over;
// the others notice nothing.
func TestDeafClient(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob", "bob")
		c := r.connect("alice")
		theirs := r.pipe()
		fmt.Fprint(theirs, "NICK alice\r\nUSER alice 0 * :a\r\n")
		synctest.Wait()
		clients := func() (n int) {
			r.do(func() { n = len(r.g.clients) })
			return n
		}
		if clients() != 2 {
			t.Fatal("the deaf one is not there")
		}
		for i := range 100 {
			r.happen(fromBob(fmt.Sprintf("line %d ", i)+strings.Repeat("x", 20_000), time.Now()))
			c.turn()
		}
		r.do(func() {
			for cl := range r.g.clients {
				if n := len(cl.conn.queue); n > maxQueue {
					t.Errorf("%d bytes are queued", n)
				}
			}
		})
		time.Sleep(writeTimeout + time.Second)
		if clients() != 1 {
			t.Error("the deaf one is still there")
		}
		c.wants("PING x", ":gateway.hubbub PONG gateway.hubbub x")
	})
}

// Who asks without reading the answers is not read either, and takes no memory.
func TestAskingWithoutReading(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		theirs := r.pipe()
		asked := make(chan int)
		go func() {
			n := 0
			theirs.SetWriteDeadline(time.Now().Add(10 * time.Second))
			for ; n < 10_000; n++ {
				if _, err := fmt.Fprint(theirs, "NICK alice\r\nUSER alice 0 * :a\r\nHELP\r\nVERSION\r\n"); err != nil {
					break
				}
			}
			asked <- n
		}()
		n := <-asked
		if n > 200 {
			t.Errorf("%d rounds of questions were taken", n)
		}
	})
}

func TestManyConnections(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		c := r.connect("alice")
		var idle []*ircClient
		for range 300 {
			idle = append(idle, r.dial())
		}
		time.Sleep(2 * time.Second)
		open := 0
		for _, i := range idle {
			i.mu.Lock()
			ended := i.ended
			i.mu.Unlock()
			if !ended {
				open++
				continue
			}
			has(t, i.turn(), "ERROR :Closing link: too many connections that do not register")
		}
		if open != maxGuests {
			t.Errorf("%d idle connections are open, not %d", open, maxGuests)
		}
		c.wants("PING x", ":gateway.hubbub PONG gateway.hubbub x")
		has(t, r.dial().register("alice", "alice"), " 001 ")
		var all []*ircClient
		for range maxClients {
			all = append(all, r.connect("alice"))
		}
		has(t, slices.Concat(all[len(all)-1].turn(), []string{fmt.Sprint(all[len(all)-1].closed())}), "true")
		c.wants("PING y", ":gateway.hubbub PONG gateway.hubbub y")
	})
}
