package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The stories here are of whole gateways in one process: the real core, the
// embedded hub, hubclient and IRC over loopback.

// person is somebody at an IRC client, connected to a gateway of their own.
type person struct {
	*testing.T
	nick, user string
	folder     string
	address    string
	stop       func()
	conn       net.Conn
	in         *bufio.Reader
	heard      []string // lines that no expectation has passed over yet
}

// newPerson starts somebody's gateway and connects to it.
func newPerson(t *testing.T, nick string) *person {
	t.Helper()
	p := &person{T: t, nick: nick, user: nick, folder: t.TempDir(), address: freeAddress(t)}
	p.start()
	p.connect()
	return p
}

// start starts the gateway.
func (p *person) start() {
	p.Helper()
	ctx, cancel := context.WithCancel(p.Context())
	ended := make(chan error, 1)
	// Not p.Output(): the logger that serve sets outlives this test.
	go func() { ended <- serve(ctx, flags{data: p.folder, listen: p.address}, io.Discard, os.Stderr) }()
	stopped := false
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			p.Errorf("the gateway of %s: %v", p.nick, err)
		}
	}
	p.Cleanup(p.stop)
}

// connect connects the client, once the gateway listens.
func (p *person) connect() {
	p.Helper()
	await(p.T, "the gateway listens", func() (ok bool) {
		conn, err := net.Dial("tcp", p.address)
		p.conn = conn
		return err == nil
	})
	if p.conn == nil {
		p.FailNow()
	}
	p.Cleanup(func() { p.conn.Close() })
	p.conn.SetDeadline(time.Now().Add(time.Minute))
	p.in = bufio.NewReader(p.conn)
	p.types("NICK "+p.nick, "USER "+p.user+" 0 * :"+p.nick)
	p.sees(" 376 ")
}

// another connects another client of the same person, under a name of its own.
func (p *person) another(name string) *person {
	p.Helper()
	q := &person{T: p.T, nick: p.nick + "_", user: p.nick + "@" + name, address: p.address}
	q.connect()
	q.nick = p.nick
	q.sees(":" + prefixOf(p.nick) + " JOIN #")
	return q
}

// types sends lines.
func (p *person) types(lines ...string) {
	p.Helper()
	for _, l := range lines {
		if _, err := fmt.Fprintf(p.conn, "%s\r\n", l); err != nil {
			p.Fatal(err)
		}
	}
}

// sees reads until a line that holds all the parts, and returns it.
func (p *person) sees(parts ...string) string {
	p.Helper()
	p.heard = nil
	for {
		l, err := p.in.ReadString('\n')
		if err != nil {
			p.Fatalf("%s waits for %q, has heard %s: %v", p.nick, parts, quoteLines(p.heard), err)
		}
		l = strings.TrimSuffix(l, "\r\n")
		if _, token, ok := strings.Cut(l, "PING "); ok && !strings.Contains(l, "PRIVMSG") {
			p.types("PONG " + token)
			continue
		}
		p.heard = append(p.heard, l)
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(l, part) }) {
			return l
		}
	}
}

// meanwhile returns what comes before the answer to a PING.
func (p *person) meanwhile() []string {
	p.Helper()
	p.types("PING :now")
	p.sees(" PONG ", "now")
	return p.heard[:len(p.heard)-1]
}

// invites makes a one-time key, and returns what the other types.
func (p *person) invites(nick, channel string) string {
	p.Helper()
	p.types("INVITE " + nick + " " + channel)
	p.sees(" 341 " + p.nick + " " + nick + " " + channel)
	l := p.sees(":sysop!sysop@hubbub PRIVMSG " + p.nick + " :/join #")
	_, command, _ := strings.Cut(l, ":/join ")
	return "JOIN " + command
}

// meet brings two people together in #bob and #alice.
func meet(t *testing.T) (alice, bob *person, join string) {
	t.Helper()
	alice, bob = newPerson(t, "alice"), newPerson(t, "bob")
	alice.types("JOIN #bob")
	alice.sees(" 366 alice #bob ")
	join = alice.invites("bob", "#bob")
	bob.types(join)
	bob.sees(":bob!bob@hubbub JOIN #alice")
	alice.sees(":bob!bob@hubbub JOIN #bob")
	return alice, bob, join
}

func TestTwoPeopleTalk(t *testing.T) {
	t.Parallel()
	alice, bob, join := meet(t)
	bob.types("PRIVMSG #alice :hello, Alice: grüße 😀")
	alice.sees(":bob!bob@hubbub PRIVMSG #bob :hello, Alice: grüße 😀")
	alice.types("PRIVMSG #bob :\x01ACTION waves\x01")
	bob.sees(":alice!alice@hubbub PRIVMSG #alice :\x01ACTION waves\x01")
	alice.types("PRIVMSG bob :psst", "NOTICE #bob :take note")
	bob.sees(":alice!alice@hubbub PRIVMSG #alice psst")
	bob.sees(":alice!alice@hubbub NOTICE #alice :take note")
	alice.types("TOPIC #bob :tea at six")
	bob.sees(":alice!alice@hubbub TOPIC #alice :tea at six")
	bob.types("NICK robert")
	bob.sees(":bob!bob@hubbub NICK robert")
	alice.sees(":bob!bob@hubbub NICK robert")
	alice.types("WHOIS robert")
	alice.sees(" 320 alice robert :in #bob: invited by alice, on ", "; last heard ")
	alice.sees(" 320 alice robert :in #bob: key ", "; not verified")

	// what irssi sends after a dropped connection
	bob.types(join, "JOIN #alice x")
	for _, l := range bob.meanwhile() {
		t.Errorf("joining again is answered %q", l)
	}
	bob.types("JOIN #x x")
	bob.sees(" 475 robert #x ")
	bob.types("JOIN #y " + strings.TrimPrefix(join, "JOIN #alice ")[:60])
	bob.sees(" 475 robert #y ")
}

func TestHiddenChannelComesBack(t *testing.T) {
	t.Parallel()
	alice, bob, _ := meet(t)
	alice.types("PART #bob :bye")
	alice.sees(":alice!alice@hubbub PART #bob ")
	bob.types("PRIVMSG #alice :are you there?")
	alice.sees(":alice!alice@hubbub JOIN #bob")
	alice.sees(" 353 alice @ #bob :@alice bob")
	alice.sees(":bob!bob@hubbub PRIVMSG #bob :are you there?")
	alice.types("PART #bob")
	alice.sees(" PART #bob ")
	alice.types("PRIVMSG #bob :yes") // speaking shows it, too
	alice.sees(":alice!alice@hubbub JOIN #bob")
	bob.sees(":alice!alice@hubbub PRIVMSG #alice yes")
	alice.types("PART #bob", "JOIN #bob")
	alice.sees(":alice!alice@hubbub JOIN #bob")
}

// What was missed is shown once, to each client name, also across a restart.
func TestMissedLines(t *testing.T) {
	t.Parallel()
	alice, bob, _ := meet(t)
	phone := alice.another("phone")
	alice.conn.Close()
	for n := range 3 {
		bob.types(fmt.Sprintf("PRIVMSG #alice :missed %d", n))
	}
	phone.sees("PRIVMSG #bob :missed 2")
	alice.connect()
	alice.sees(":bob!bob@hubbub PRIVMSG #bob :", "missed 2")
	var texts []string
	for _, l := range alice.heard {
		if _, text, ok := strings.Cut(l, "PRIVMSG #bob :["); ok {
			texts = append(texts, text[len("15:04] "):])
		}
	}
	if !slices.Equal(texts, []string{"missed 0", "missed 1", "missed 2"}) {
		t.Errorf("missed lines are %q", texts)
	}
	alice.meanwhile()
	alice.stop()
	bob.types("PRIVMSG #alice :while you were down")
	bob.meanwhile()
	alice.start()
	alice.connect()
	alice.sees(":bob!bob@hubbub PRIVMSG #bob :", "while you were down")
	for _, l := range alice.heard {
		if strings.Contains(l, "missed") {
			t.Errorf("shown again: %q", l)
		}
	}
}

// Two clients of one user see what is typed in either.
func TestTwoClientsOfOneUser(t *testing.T) {
	t.Parallel()
	alice, bob, _ := meet(t)
	phone := alice.another("phone")
	alice.types("PRIVMSG #bob :from the desk")
	phone.sees(":alice!alice@hubbub PRIVMSG #bob :from the desk")
	bob.sees(":alice!alice@hubbub PRIVMSG #alice :from the desk")
	phone.types("PRIVMSG #bob :from the phone")
	alice.sees(":alice!alice@hubbub PRIVMSG #bob :from the phone")
	phone.types("NICK alicia")
	alice.sees(":alice!alice@hubbub NICK alicia")
	bob.sees(":alice!alice@hubbub NICK alicia")
}
