package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hubbub/channels"
)

// FuzzCommands holds the dispatcher: whatever a client sends, nothing panics,
// and every line that is written is one.
func FuzzCommands(f *testing.F) {
	for _, s := range []string{
		"JOIN #a,#b x\nPART #bob\nPRIVMSG bob :hi\nPRIVMSG #bob :\x01ACTION x\x01\nINVITE bob #work\nINVITE\nTOPIC #bob\nTOPIC #bob :x\nNAMES\nLIST #bob\nKICK #bob bob",
		"MODE #bob\nMODE #bob b\nMODE #bob +ovk x\nMODE alice +i-i\nMODE #,#bob\nWHO #bob %tcuihsnfdlaor,1\nWHO\nWHO bob\nWHO #bob,#work\nWHOIS\nWHOIS bob\nWHOIS x bob\nWHOWAS\nWHOWAS x",
		"ISON bob\nUSERHOST bob alice x\nAWAY :x\nAWAY\nHELP\nHELP join\nINFO\nLUSERS\nMOTD\nSETNAME :x\nTIME\nVERSION\nADMIN\nPING x\nPING\nPONG hubbub-line-1\nNICK x\nNICK\nQUIT",
		"CAP LS 302\nCAP REQ :batch echo-message -batch\nCAP LIST\nCAP END\nCAP\nAUTHENTICATE PLAIN\nPASS x\nUSER a 0 * :b",
		"PRIVMSG sysop :help\nPRIVMSG sysop :status #bob\nPRIVMSG sysop :join #x HTTP://X/#ABC\nPRIVMSG sysop :leave #bob\nPRIVMSG sysop :leave #bob\nPRIVMSG sysop :hub add http://x y\nPRIVMSG sysop :safety\nPRIVMSG sysop :seen #bob\nPRIVMSG sysop :revoke 1",
		"KICK #bob bob :x\nKICK #bob,#work bob,x\nKICK , ,\nPRIVMSG sysop :kick bob\nPRIVMSG sysop :verify #bob bob no\nPRIVMSG sysop :confirm bob\nPRIVMSG sysop :share bob 5\nPRIVMSG sysop :fork #bob #x without bob\nPRIVMSG sysop :members #bob\nWHOIS bob\nPRIVMSG sysop :status #bob",
		"JOIN 0\nJOIN ,\nPART ,\nPRIVMSG , :x\nPRIVMSG :\nMODE :\nWHO :\nNAMES :\nNOTICE # :x\nPRIVMSG #bob :\xff",
	} {
		f.Add([]byte(s))
	}
	keys := f.TempDir()
	f.Fuzz(func(t *testing.T, raw []byte) {
		g := newGateway(settings{Version: "fuzz"}, &scripted{nick: "alice", marks: map[string]int64{}})
		g.carrier = &carried{}
		g.sysop.invites = inviteFiles{keys}
		g.sysop.identify = func(string, func(foundHub, error)) {}
		s := g.core.(*scripted)
		for _, name := range []string{"#bob", "#work"} {
			s.open(name, time.Now())
			v := s.view(name)
			v.Members = append(v.Members, channels.MemberView{Nick: "bob", Founder: true, InvitedBy: "x"})
		}
		c := &client{g: g, conn: newConn(nowhere{}), since: time.Now(), heard: time.Now(), joined: map[string]string{}}
		g.connected(c)
		if !bytes.HasPrefix(raw, []byte("\n")) { // registered first
			g.received(c, line{command: "NICK", params: []string{"alice"}}, nil)
			g.received(c, line{command: "USER", params: []string{"a", "0", "*", "r"}}, nil)
		}
		for one := range bytes.SplitSeq(raw, []byte("\n")) {
			l, err := parseLine(one)
			g.received(c, l, err)
		}
		written := string(c.conn.queue)
		if written != "" && !strings.HasSuffix(written, "\r\n") {
			t.Fatalf("written: %q", written)
		}
		for one := range strings.SplitSeq(strings.TrimSuffix(written, "\r\n"), "\r\n") {
			if len(one) > maxBody+100 || strings.ContainsAny(one, "\r\n\x00") {
				t.Fatalf("written: %q", one)
			}
		}
	})
}

// nowhere is a connection that takes everything and gives nothing.
type nowhere struct{ net.Conn }

func (nowhere) Read([]byte) (int, error)           { return 0, net.ErrClosed }
func (nowhere) Write(b []byte) (int, error)        { return len(b), nil }
func (nowhere) SetDeadline(time.Time) error        { return nil }
func (nowhere) SetReadDeadline(t time.Time) error  { return nil }
func (nowhere) SetWriteDeadline(t time.Time) error { return nil }
func (nowhere) Close() error                       { return nil }

// FuzzShow holds what is shown: whatever a member managed to send past the
// core, each line that is written is one, is UTF-8 of bounded length, and no
// CTCP but ACTION is among them.
func FuzzShow(f *testing.F) {
	f.Add("bob", "hello")
	f.Add("x\r\nQUIT :bye", "a\r\nQUIT :b\x00\x01VERSION\x01")
	f.Add("sysop", "\x01DCC SEND x\x01")
	f.Add("", "")
	f.Add(strings.Repeat("é", 40), strings.Repeat("\x0304,05é", 300))
	f.Fuzz(func(t *testing.T, nick, text string) {
		g := newGateway(settings{Version: "fuzz"}, &scripted{nick: "alice", marks: map[string]int64{}})
		g.carrier = &carried{}
		s := g.core.(*scripted)
		s.open("#bob", time.Now())
		v := s.view("#bob")
		v.Topic, v.TopicBy = text, nick
		v.Members = append(v.Members, channels.MemberView{Nick: nick, Founder: true, InvitedBy: nick, Fingerprint: text, Suspended: true, Namesake: time.Now()})
		v.Differ = []string{nick, text}
		c := &client{g: g, conn: newConn(nowhere{}), since: time.Now(), heard: time.Now(), joined: map[string]string{}}
		g.connected(c)
		c.caps = capServerTime | capExtendedJoin | capBatch
		for _, l := range []string{"NICK alice", "USER a 0 * :r", "WHOIS " + nick, "WHO #bob", "WHO #bob %tcuihsnfdlaor", "NAMES #bob", "TOPIC #bob", "LIST", "PRIVMSG sysop :members #bob", "PRIVMSG sysop :status #bob", "PRIVMSG sysop :safety #bob"} {
			l, err := parseLine([]byte(l))
			g.received(c, l, err)
		}
		for _, kind := range []channels.LineKind{channels.Text, channels.Action, channels.Notice, channels.Info} {
			s.pending = append(s.pending,
				s.line(channels.Line{Channel: "#bob", From: nick, Kind: kind, Text: cut(text, 2000), Time: time.Now()}),
				s.line(channels.Line{Channel: "#bob", From: nick, Kind: kind, Text: cut(text, 2000), Time: time.Now(), Quoted: text, Said: time.Now()}))
		}
		s.pending = append(s.pending,
			channels.Renamed{Channel: "#bob", Old: nick, New: nick + "_"}, channels.Renamed{Channel: "#bob", Old: nick, New: text},
			channels.Left{Channel: "#bob", Nick: nick, By: text}, channels.Joined{Channel: "#bob", Nick: nick, By: text},
			channels.Topic{Channel: "#bob", Nick: nick, Text: text, Time: time.Now()}, channels.Forked{Channel: "#bob", By: nick, Name: text},
			channels.Warn{Channel: "#bob", Text: text}, channels.Warn{Text: text}, channels.Failed{Channel: "#bob", Text: text}, channels.Done{Text: text})
		g.step(channels.Tick{})
		for one := range strings.SplitSeq(strings.TrimSuffix(string(c.conn.queue), "\r\n"), "\r\n") {
			body := one
			if strings.HasPrefix(one, "@") {
				_, body, _ = strings.Cut(one, " ")
			}
			_, ctcp, _ := strings.Cut(body, "\x01")
			if len(body) > maxBody-2 || strings.ContainsAny(body, "\r\n\x00\x1b") || !utf8.ValidString(body) || ctcp != "" && !strings.HasPrefix(ctcp, "ACTION ") {
				t.Fatalf("written: %q", one)
			}
		}
	})
}
