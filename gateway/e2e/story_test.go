//go:build linux

package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// The names in the stories. They are long enough that finding one in a capture
// of sealed traffic is no accident.
const (
	aliceNick = "aliceliddell"
	bobNick   = "bobdobalina"
)

// pair is two people, each with a client and a gateway.
type pair struct {
	t            testing.TB
	name         string    // of the story, and its golden screens
	alice, bob   *terminal // irssi, WeeChat
	aliceG, bobG *gateway
	command      string // what alice's sysop said that bob is to type
}

// connectIrssi types what the gateway's terminal says for irssi.
func connectIrssi(g *gateway, s *terminal) {
	s.t.Helper()
	for _, command := range g.Commands("irssi") {
		s.Line(command)
	}
	s.Await("the end of the greeting", func(screen string) bool {
		return strings.Contains(screen, "End of MOTD") || strings.Contains(screen, "End of /MOTD") ||
			strings.Contains(screen, "MOTD File is missing") || strings.Contains(screen, "Mode change")
	})
}

// connectWeeChat types what the gateway's terminal says for WeeChat.
func connectWeeChat(g *gateway, s *terminal) {
	s.t.Helper()
	for _, command := range g.Commands("weechat") {
		s.Line(command)
	}
	s.Await("the end of the greeting", func(screen string) bool {
		return strings.Contains(screen, "End of") || strings.Contains(screen, "MOTD")
	})
}

// commandOnScreen reads `/join #name KEY` off a screen, over the client's line
// breaks, as somebody does who copies it.
func commandOnScreen(t testing.TB, screen, name string) string {
	t.Helper()
	i := strings.Index(screen, "/join "+name)
	if i < 0 {
		t.Fatalf("no line to type on the screen:\n%s", frame(screen))
	}
	var text strings.Builder
	for n, row := range strings.Split(screen[i:], "\n") {
		if n > 0 && (isBar(row) || newLine.MatchString(row)) {
			break
		}
		if bar := strings.LastIndex(row, "| "); bar >= 0 {
			row = row[bar+2:]
		}
		if n == 1 && !strings.Contains(text.String(), "HTTP") {
			text.WriteString(" ")
		}
		text.WriteString(strings.TrimSpace(row))
	}
	fields := strings.Fields(text.String())
	if len(fields) < 3 || !strings.HasPrefix(fields[2], "HTTP") {
		t.Fatalf("the line to type is cut off: %q\n%s", text.String(), frame(screen))
	}
	return strings.Join(fields[:3], " ")
}

// newLine is the time that begins a line, behind WeeChat's list of buffers.
var newLine = regexp.MustCompile(`^([^│]*│)?\d\d:\d\d(:\d\d)? `)

// isBar tells the clients' status bars from rows of text.
func isBar(row string) bool {
	row = strings.TrimLeft(row, "│ ")
	return strings.HasPrefix(row, "[")
}

// keyOf is the one-time key of a `/join #name KEY`.
func keyOf(command string) string { return strings.Fields(command)[2] }

// Invite lets alice, in irssi, invite bob: the code is scanned off her screen
// and must say what the line to type says.
func (p *pair) Invite() {
	p.t.Helper()
	p.alice.Line("/join #" + bobNick)
	p.alice.Sees("has joined #"+bobNick, "was synced in", "[#"+bobNick+"]")
	p.alice.Line("/invite " + bobNick)
	p.alice.Sees("is in your query with sysop (/query sysop)")
	p.alice.Line("/query sysop")
	p.command = scanInvite(p.alice, "#"+aliceNick)
}

// scanInvite reads a one-time key off the query with sysop: the code with a
// decoder, without scrolling; the line to type, which says the same, from the
// same screen or, if the code leaves no room, a page above.
func scanInvite(s *terminal, name string) string {
	s.t.Helper()
	screen := s.Await("a QR code", func(string) bool { rows, _ := qrRows(s.Styled()); return rows >= 17 })
	if _, together := qrRows(s.Styled()); !together {
		s.t.Fatalf("the rows of the QR code do not stand together:\n%s", frame(screen))
	}
	scanned := readQR(s.t, s.Styled())
	if !strings.Contains(screen, "/join "+name) {
		s.Keys("PPage")
		screen = s.Sees("/join " + name)
		s.Keys("NPage")
		s.Await("the QR code again", func(string) bool { rows, _ := qrRows(s.Styled()); return rows >= 17 })
	}
	command := commandOnScreen(s.t, screen, name)
	if keyOf(command) != scanned {
		s.t.Errorf("the QR code says\n%s, the line to type\n%s", scanned, keyOf(command))
	}
	return command
}

// Redeem lets bob, in WeeChat, type the line. What both clients then show of the
// channel comes in no fixed order, so the windows are cleared before they talk.
func (p *pair) Redeem() {
	p.t.Helper()
	p.bob.Line(p.command)
	p.bob.Sees(bobNick, "has joined #"+aliceNick)
	p.bob.Sees("[+o " + aliceNick + "]")
	p.bob.Sees("Channel created on")
	p.bob.Line("/buffer clear")
	p.alice.Line("/window goto #" + bobNick)
	p.alice.Sees(bobNick, "has joined #"+bobNick)
	p.alice.Line("/clear")
}

// Talk is the conversation: hello, /me, topic, nick, all the world's letters, a
// paste of four lines and a text of 2,000 characters, each both ways.
func (p *pair) Talk() {
	p.t.Helper()
	a, b := p.alice, p.bob
	a.Line("hello from irssi")
	b.Sees(aliceNick, "hello from irssi")
	b.Line("hello from WeeChat")
	a.Sees(bobNick + "> hello from WeeChat")

	a.Line("/me waves a handkerchief")
	b.Sees("* | " + aliceNick + " waves a handkerchief")
	b.Line("/me bows deeply")
	a.Sees("* " + bobNick + " bows deeply")

	a.Line("/topic croquet at noon")
	b.Sees(aliceNick, "croquet at noon")
	b.Line("/topic tea at six")
	a.Sees(bobNick+" changed the topic", "tea at six")

	a.Line("žluťoučký kůň, 日本語, ελληνικά, 🐎 ß")
	b.Sees("žluťoučký kůň, 日本語, ελληνικά, 🐎 ß")
	b.Line("naïve façade — “quoted” … ☃")
	a.Sees("naïve façade — “quoted” … ☃")

	golden(p.t, "irssi", p.name+"-irssi-talk", a.Screen())
	golden(p.t, "weechat", p.name+"-weechat-talk", b.Screen())

	a.Paste("irssi paste one\nirssi paste two\nirssi paste three\nirssi paste four\n")
	b.Sees("irssi paste one", "irssi paste two", "irssi paste three", "irssi paste four")
	b.Paste("weechat paste one\nweechat paste two\nweechat paste three\nweechat paste four\n")
	b.Sees("Paste 4 lines")
	b.Keys("C-y")
	a.Sees("weechat paste one", "weechat paste two", "weechat paste three", "weechat paste four")

	a.Line(longText("irssi"))
	b.Sees("irssi221")
	b.Line(longText("wchat"))
	a.Sees("wchat221")

	a.Line("/nick alicethegreat")
	b.Sees(aliceNick, "now known as", "alicethegreat")
	b.Line("/nick bobthebuilder")
	a.Sees(bobNick, "now known as", "bobthebuilder")
	a.Line("goodbye from irssi")
	b.Sees("alicethegreat", "goodbye from irssi")
	b.Line("goodbye from WeeChat")
	a.Sees("bobthebuilder> goodbye from WeeChat")

	golden(p.t, "irssi", p.name+"-irssi-end", a.Screen())
	golden(p.t, "weechat", p.name+"-weechat-end", b.Screen())
}

// longText is a text of 2,000 characters of which no part can be missed unseen.
func longText(word string) string {
	var b strings.Builder
	for i := 0; b.Len() < 2000; i++ {
		fmt.Fprintf(&b, "%s%03d ", word, i)
	}
	return b.String()[:1999] + "."
}

// Transcript attaches a further client to each gateway, with a name of its own,
// and compares the history that it is given with what was said, whole and in order.
func (p *pair) Transcript() {
	p.t.Helper()
	said := []string{"hello from irssi", "hello from WeeChat", "\x01ACTION waves a handkerchief\x01", "\x01ACTION bows deeply\x01",
		"žluťoučký kůň, 日本語, ελληνικά, 🐎 ß", "naïve façade — “quoted” … ☃",
		"irssi paste one", "irssi paste two", "irssi paste three", "irssi paste four",
		"weechat paste one", "weechat paste two", "weechat paste three", "weechat paste four",
		longText("irssi"), longText("wchat"), "goodbye from irssi", "goodbye from WeeChat"}
	for _, g := range []*gateway{p.aliceG, p.bobG} {
		k := dialTalker(p.t, g.Addr(), "reader@transcript", "server-time", "znc.in/self-message")
		k.Hears("bobthebuilder", k.channel(), "goodbye from WeeChat")
		k.Sync()
		var got strings.Builder
		for _, l := range k.Lines() {
			if l.Command == "PRIVMSG" && strings.HasPrefix(l.Params[0], "#") {
				got.WriteString(l.text())
			}
		}
		// A long text comes in several lines, cut anywhere: only its characters count.
		want := strings.Join(said, "")
		if squeeze(got.String()) != squeeze(want) {
			p.t.Errorf("the history of %s's gateway is\n%q, said was\n%q", g.name, got.String(), want)
		}
		k.Close()
	}
}

// channel is the one channel that the gateway has joined the client to.
func (k *talker) channel() string {
	k.t.Helper()
	return k.Await("a channel", func(l line) bool { return l.Command == "JOIN" }).Params[0]
}

// ownNick is what the gateway calls the client.
func (k *talker) ownNick() string {
	nick := k.Nick
	for _, l := range k.Lines() {
		if l.Command == "001" {
			nick = l.Params[0]
		}
		if l.Command == "NICK" && l.Source == nick {
			nick = l.last()
		}
	}
	return nick
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// Arrived waits until a hub has all that was said in a channel.
func (k *talker) Arrived(channel string) {
	k.t.Helper()
	await(k.t, "all texts to be on a hub, for "+k.Nick, func() bool {
		seen := len(k.Lines())
		k.Say("sysop", "list")
		k.Sync()
		for _, l := range k.Lines()[seen:] {
			if strings.Contains(l.last(), "on no hub yet") {
				return false
			}
		}
		return true
	}, k.Said)
}
