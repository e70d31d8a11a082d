//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// talker is a scripted IRC client: for what needs exactness or bulk, where a
// screen would not do. It speaks lines and knows nothing of numerics.
type talker struct {
	t    testing.TB
	Nick string
	conn net.Conn

	mu    sync.Mutex
	lines []line // all that came, in order
	ended bool   // the connection is gone
	pings int    // barriers so far
	sure  int    // so many of lines are delivered, and the gateway knows it
	watch func(line)
}

// line is one line from the gateway.
type line struct {
	Tags    string
	Source  string // the nick before the !, or the server
	Command string
	Params  []string
	Raw     string
	At      time.Time // when it came
}

// last is the trailing parameter: the text of a PRIVMSG.
func (l line) last() string {
	if len(l.Params) == 0 {
		return ""
	}
	return l.Params[len(l.Params)-1]
}

// timeMark stands before a line that is shown at another time than its own.
var timeMark = regexp.MustCompile(`^(\x01ACTION )?\[(late, )?(\d{4}-\d\d-\d\d )?\d\d:\d\d\] `)

// text is what was said, without the mark of a line that was missed.
func (l line) text() string { return timeMark.ReplaceAllString(l.last(), "$1") }

// parseLine takes a line apart (RFC 1459 §2.3.1, with IRCv3 tags).
func parseLine(raw string) line {
	l := line{Raw: raw}
	rest := raw
	if tags, ok := strings.CutPrefix(rest, "@"); ok {
		l.Tags, rest, _ = strings.Cut(tags, " ")
	}
	if source, ok := strings.CutPrefix(rest, ":"); ok {
		l.Source, rest, _ = strings.Cut(source, " ")
		l.Source, _, _ = strings.Cut(l.Source, "!")
	}
	head, trailing, hasTrailing := strings.Cut(rest, " :")
	fields := strings.Fields(head)
	if len(fields) > 0 {
		l.Command, l.Params = fields[0], fields[1:]
	}
	if hasTrailing {
		l.Params = append(l.Params, trailing)
	}
	return l
}

// dialTalker connects and registers, with capabilities if any are named.
func dialTalker(t testing.TB, addr, nick string, caps ...string) *talker {
	t.Helper()
	k, err := tryTalker(t, addr, nick, caps...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// tryTalker is dialTalker for a gateway that may be gone. A name like
// alice@phone is a nick and, behind the @, the client's own name.
func tryTalker(t testing.TB, addr, name string, caps ...string) (*talker, error) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return register(t, conn, name, caps...)
}

// register makes a talker of a connection.
func register(t testing.TB, conn net.Conn, name string, caps ...string) (*talker, error) {
	t.Helper()
	nick, _, _ := strings.Cut(name, "@")
	k := &talker{t: t, Nick: nick, conn: conn}
	t.Cleanup(func() { conn.Close() })
	go k.read()
	if len(caps) > 0 {
		k.Send("CAP REQ :" + strings.Join(caps, " "))
	}
	k.Send("NICK " + nick)
	k.Send("USER " + name + " 0 * :" + nick)
	if len(caps) > 0 {
		k.Send("CAP END")
	}
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if _, ok := k.find(func(l line) bool { return l.Command == "001" }); ok {
			return k, nil
		}
		if k.Ended() || time.Now().After(end) {
			return nil, fmt.Errorf("%s was not registered; the gateway said:\n%s", nick, k.Said())
		}
	}
}

func (k *talker) read() {
	r := bufio.NewReaderSize(k.conn, 64<<10)
	for {
		raw, err := r.ReadString('\n')
		if err != nil {
			k.mu.Lock()
			k.ended = true
			k.mu.Unlock()
			return
		}
		l := parseLine(strings.TrimRight(raw, "\r\n"))
		l.At = time.Now()
		k.mu.Lock()
		k.lines = append(k.lines, l)
		n := len(k.lines)
		var at int
		if _, err := fmt.Sscanf(l.last(), "taken-%d", &at); err == nil && l.Command == "PONG" {
			k.sure = at
		}
		watch := k.watch
		k.mu.Unlock()
		if watch != nil {
			watch(l)
		}
		if l.Command == "PING" {
			// When the second is answered, the gateway has taken the first.
			k.Send(fmt.Sprintf("PONG :%s\r\nPING :taken-%d", l.last(), n))
		}
	}
}

// Watch has f called with each line as it comes.
func (k *talker) Watch(f func(line)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watch = f
}

// Delivered counts the lines, from the first, that the gateway knows to have
// been delivered: it has taken the PONG to a PING that came behind them.
func (k *talker) Delivered() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sure
}

// Send sends one line. A broken connection shows when something is awaited.
func (k *talker) Send(text string) {
	k.conn.SetWriteDeadline(time.Now().Add(patience))
	k.conn.Write([]byte(text + "\r\n"))
}

// Say sends a text to a channel or nick.
func (k *talker) Say(to, text string) { k.Send("PRIVMSG " + to + " :" + text) }

// Lines is a copy of what came so far.
func (k *talker) Lines() []line {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]line(nil), k.lines...)
}

// Ended tells whether the connection is gone.
func (k *talker) Ended() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended
}

// Said is what came so far, for messages.
func (k *talker) Said() string {
	var b strings.Builder
	lines := k.Lines()
	for _, l := range lines[max(0, len(lines)-60):] {
		b.WriteString("    " + l.Raw + "\n")
	}
	return b.String()
}

func (k *talker) find(ok func(line) bool) (line, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.lines {
		if ok(l) {
			return l, true
		}
	}
	return line{}, false
}

// Await waits for a line, also among those that came before.
func (k *talker) Await(what string, ok func(line) bool) line {
	k.t.Helper()
	var found line
	await(k.t, what+", for "+k.Nick, func() bool {
		l, is := k.find(ok)
		found = l
		return is
	}, k.Said)
	return found
}

// Hears waits for a text from somebody, in a channel or query.
func (k *talker) Hears(from, to, text string) line {
	k.t.Helper()
	return k.Await(fmt.Sprintf("%q from %s to %s", text, from, to), func(l line) bool {
		return (l.Command == "PRIVMSG" || l.Command == "NOTICE") && l.Source == from &&
			len(l.Params) == 2 && strings.EqualFold(l.Params[0], to) && strings.Contains(l.last(), text)
	})
}

// SysopSays waits for words of sysop, wherever they are shown.
func (k *talker) SysopSays(text string) line {
	k.t.Helper()
	return k.Await(fmt.Sprintf("%q from sysop", text), func(l line) bool {
		return (l.Command == "PRIVMSG" || l.Command == "NOTICE") && strings.EqualFold(l.Source, "sysop") && strings.Contains(l.last(), text)
	})
}

// Sysop asks sysop something that is answered at once, and gives the answer.
func (k *talker) Sysop(command string) []string {
	k.t.Helper()
	k.Sync()
	seen := len(k.Lines())
	k.Say("sysop", command)
	k.Sync()
	var answer []string
	for _, l := range k.Lines()[seen:] {
		if strings.EqualFold(l.Source, "sysop") && len(l.Params) == 2 && !strings.HasPrefix(l.Params[0], "#") {
			answer = append(answer, l.last())
		}
	}
	return answer
}

// Sync waits until all that was sent so far is done: a PING is answered.
func (k *talker) Sync() {
	k.t.Helper()
	token := k.Ping()
	k.Await("the answer to a PING", func(l line) bool { return isPong(l, token) })
}

// Ping sends a PING and gives its token.
func (k *talker) Ping() string {
	k.mu.Lock()
	k.pings++
	token := fmt.Sprintf("barrier-%d", k.pings)
	k.mu.Unlock()
	k.Send("PING :" + token)
	return token
}

func isPong(l line, token string) bool { return l.Command == "PONG" && l.last() == token }

// Close drops the connection without QUIT.
func (k *talker) Close() { k.conn.Close() }

// Invite opens a channel, makes a one-time key for somebody and gives the line
// that is to be typed on the other side.
func (k *talker) Invite(channel, whom string) string {
	k.t.Helper()
	k.Send("JOIN " + channel)
	seen := len(k.Lines())
	k.Send("INVITE " + whom + " " + channel)
	var command string
	await(k.t, "a one-time key, for "+k.Nick, func() bool {
		for _, l := range k.Lines()[seen:] {
			if i := strings.Index(l.last(), "/join #"); i >= 0 && strings.EqualFold(l.Source, "sysop") && strings.Contains(l.last(), "HTTP") {
				command = joinCommand(l.last()[i:])
				return true
			}
			if strings.Contains(l.last(), "No key was made") {
				k.t.Fatal(l.Raw)
			}
		}
		return false
	}, k.Said)
	return command
}

// joinCommand cuts `/join #name KEY` out of a text that starts with it.
func joinCommand(text string) string {
	fields := strings.Fields(text)
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// Redeem types the /join command that somebody was given, and waits until the
// channel is there.
func (k *talker) Redeem(command string) {
	k.t.Helper()
	args, ok := strings.CutPrefix(command, "/join ")
	if !ok {
		k.t.Fatalf("not a /join: %q", command)
	}
	name, _, _ := strings.Cut(args, " ")
	self := k.ownNick()
	k.Send("JOIN " + args)
	k.Await(name, func(l line) bool { return l.Command == "JOIN" && l.Source == self && l.Params[0] == name })
}
