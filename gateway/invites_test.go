package main

import (
	"image/color"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hubbub/channels"
)

func someInvited() channels.Invited {
	return channels.Invited{Number: 3, Channel: "#bob", Note: "bob", Key: someKey(), Name: "#alice", Expires: time.Date(2026, 3, 4, 5, 6, 0, 0, time.Local), Local: true}
}

// The rows of the QR code come one after the other, and then at once the line
// to type: 19 rows and three lines at most are on a screen of 80×24 together.
func TestInvitedIsShown(t *testing.T) {
	ev := someInvited()
	var shown []string
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob")
		c := r.connect("alice")
		c.turn()
		r.happen(ev)
		got := c.turn()

		const from = ":sysop!sysop@hubbub PRIVMSG alice :"
		for i, l := range got { // IRC needs the colon before a space only
			if rest, ok := strings.CutPrefix(l, strings.TrimSuffix(from, ":")); ok {
				got[i] = from + strings.TrimPrefix(rest, ":")
			}
		}
		var rows []string
		first, last := -1, -1
		for i, l := range got {
			if row, ok := strings.CutPrefix(l, from+"\x0300,01"); ok {
				rows = append(rows, strings.TrimSuffix(row, "\x0f"))
				last = i
				if first < 0 {
					first = i
				}
			}
			if strings.HasPrefix(l, ":sysop") && len(l) > 510 {
				t.Errorf("a line of %d bytes", len(l))
			}
		}
		if len(rows) == 0 || last-first+1 != len(rows) {
			t.Fatalf("%d rows between lines %d and %d of %s", len(rows), first, last, quoteLines(got))
		}
		if len(rows) > 19 || utf8.RuneCountInString(rows[0]) > 60 {
			t.Errorf("%d rows of %d columns", len(rows), utf8.RuneCountInString(rows[0]))
		}
		shown = rows
		if want := from + "/join #alice " + ev.Key; got[last+1] != want {
			t.Errorf("after the QR code\n got %q\nwant %q", got[last+1], want)
		}
		has(t, got, from, "to one person, once, until Wed 4 Mar 05:06")
		has(t, got, from, "works on this machine alone", "/msg sysop help hub")
		has(t, got[:first], from, "Who has a #alice open already types another name in its place, such as #alice2")
		has(t, got, ":sysop!sysop@hubbub NOTICE #bob :", "for bob is in your query with sysop", "this machine alone")
	})
	if read := scan(t, shown, color.White, color.Black); read != ev.Key {
		t.Errorf("the QR code says %q, want %q", read, ev.Key)
	}
}

// Who else is attached is not shown it, and nobody who comes later.
func TestInvitedIsShownOnce(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		r.channel("#bob")
		asker, other := r.connect("alice"), r.connect("alice", "batch")
		has(t, asker.ask("INVITE bob #bob"), "/join #alice HTTP://HUB.EXAMPLE/#ABCDEFGH")
		hasNot(t, other.turn(), "ABCDEFGH")
		hasNot(t, r.connect("alice").turn(), "ABCDEFGH")
	})
}

// With nobody attached the key is in its file, and the next client is told.
func TestInvitedWhileNobodyIsThere(t *testing.T) {
	ircTest(t, settings{}, "alice", func(r *rig) {
		ev := someInvited()
		r.happen(ev)
		var path string
		r.do(func() { path = filepath.Join(r.g.sysop.invites.dir, "3-bob.txt") })
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "/join #alice "+ev.Key) {
			t.Fatalf("%v: %q", err, text)
		}
		c := r.dial()
		got := c.register("alice", "alice")
		has(t, got, path)
		hasNot(t, got, ev.Key)
	})
}

func TestInviteFiles(t *testing.T) {
	f := inviteFiles{t.TempDir()}
	ev := someInvited()
	path, err := f.save(ev)
	if err != nil {
		t.Fatal(err)
	}
	if got := permissions(t, path); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("the file is %v", got)
	}
	text, _ := os.ReadFile(path)
	var rows []string
	for _, l := range strings.Split(string(text), "\n") {
		if strings.ContainsAny(l, "█▀▄") {
			rows = append(rows, l)
		}
	}
	if read := scan(t, rows, color.White, color.Black); read != ev.Key {
		t.Errorf("the file's QR code says %q", read)
	}

	if _, err := f.save(channels.Invited{Number: 4, Channel: "#../../x", Key: ev.Key}); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(f.dir, "notes.txt"), nil, 0o600)
	if got := names(t, f.dir); got != "3-bob.txt 4-______x.txt notes.txt" {
		t.Errorf("files %s", got)
	}
	err = f.prune([]channels.InviteView{{Number: 3, State: "open"}, {Number: 4, State: "used by mallory"}})
	if got := names(t, f.dir); err != nil || got != "3-bob.txt notes.txt" {
		t.Errorf("after 4 was used: %s, %v", got, err)
	}
	err = f.prune(nil)
	if got := names(t, f.dir); err != nil || got != "notes.txt" {
		t.Errorf("after 3 is forgotten: %s, %v", got, err)
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}
