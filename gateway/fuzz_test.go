package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

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
