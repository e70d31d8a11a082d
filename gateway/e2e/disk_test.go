//go:build linux

package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// disk is a small file system of its own, which can be filled to the last byte.
type disk struct {
	t      testing.TB
	folder string
}

// newDisk mounts one of so many bytes.
func newDisk(t testing.TB, size string) *disk {
	t.Helper()
	return mountAt(t, t.TempDir(), "size="+size)
}

// mountAt mounts a disk over a folder, for which the test must be root.
func mountAt(t testing.TB, folder, options string) *disk {
	t.Helper()
	needDisks(t)
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, options); err != nil {
		t.Fatalf("mounting a disk: %v", err)
	}
	t.Cleanup(func() {
		err := syscall.Unmount(folder, 0)
		for end := time.Now().Add(patience); err == syscall.EBUSY && time.Now().Before(end); err = syscall.Unmount(folder, 0) {
			time.Sleep(50 * time.Millisecond) // a program that answers a request there is ending
		}
		if err != nil {
			t.Error(err)
		}
	})
	return &disk{t, folder}
}

// needDisks skips the test where no disk can be mounted.
func needDisks(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 || !inCI() {
		t.Skip("a small disk is mounted for this test: as root, and with CI=true")
	}
}

func (d *disk) ballast() string { return filepath.Join(d.folder, "ballast") }

// Fill leaves no byte on the disk.
func (d *disk) Fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

// Empty makes room again.
func (d *disk) Empty() {
	d.t.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.t.Fatal(err)
	}
}

// sound has SQLite look over a database that nobody uses.
func sound(t testing.TB, file string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		t.Errorf("%s: %q, %v", filepath.Base(file), said, err)
	}
}

// TestHubsDiskFull fills the disk of one of two hubs. The talk goes on, status
// says what is the matter, and when there is room the hub gets what it lacks.
func TestHubsDiskFull(t *testing.T) {
	long(t)
	needDisks(t)
	t.Parallel()
	t.Run("hubd", func(t *testing.T) {
		t.Parallel()
		d := newDisk(t, "4m")
		h := runHubd(t, filepath.Join(d.folder, "data"))
		hubsDiskFull(t, d, h.hub, h.Kill)
	})
	t.Run("cgi", func(t *testing.T) {
		t.Parallel()
		h := startCGI(t)
		hubsDiskFull(t, ownDisk(t, h, "4m"), h, func() { h.end(t) })
	})
}

// ownDisk puts a hub's data folder on a disk of its own.
func ownDisk(t testing.TB, h *hub, size string) *disk {
	t.Helper()
	info, err := os.Stat(h.Data)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	kept := h.Data + "-kept"
	if err := os.Rename(h.Data, kept); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	d := mountAt(t, h.Data, fmt.Sprintf("size=%s,mode=0700,uid=%d,gid=%d", size, owner.Uid, owner.Gid))
	if out, err := exec.Command("cp", "-a", kept+"/.", h.Data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.RemoveAll(kept); err != nil {
		t.Fatal(err)
	}
	return d
}

// hubsDiskFull has b's disk be full for a while; end ends that hub.
func hubsDiskFull(t *testing.T, d *disk, b *hub, end func()) {
	a := startCGI(t)
	alice, bob, carol := newPerson(t, "alice", "#bob"), newPerson(t, "bob", "#alice"), newPerson(t, "carol", "#alice")
	all := []*person{alice, bob, carol}
	addHub(alice.scribe(), a)
	addHub(bob.scribe(), b)
	bob.joins(alice)
	carol.joins(alice)
	for _, p := range all {
		p.In(all...)
		p.Sees(a.URL, isUp)
		p.Sees(b.URL, isUp)
	}
	converse("room for all", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)

	d.Fill()
	// Enough that a hub finds no room for it in pages that it has.
	words := strings.TrimSpace(strings.Repeat("a long text ", 30))
	carol.Restart(func() {
		for n := range 40 {
			alice.Say("full " + strconv.Itoa(n) + " " + words)
			bob.Say("and full " + strconv.Itoa(n) + " " + words)
		}
		agreed(t, alice, bob)
		for _, p := range all[:2] {
			p.Sees(b.URL, `up, but FULL`)
			p.Sees(a.URL, isUp)
			p.Told(`has no room for`)
		}
		d.Empty()
		emptied := time.Now()
		for _, p := range all[:2] {
			p.Sees(b.URL, isUp)
			p.Refilled(b.URL)
		}
		t.Logf("the hub had what it lacked %v after there was room", time.Since(emptied).Round(time.Millisecond))
		// Carol comes back when the other hub is gone: all that she has missed
		// is on the one that had no room for it then.
		a.Destroy(t)
	})
	agreed(t, all...)
	converse("there is room", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
	for _, p := range all[:2] {
		if n := p.TimesTold(`has no room for`); n != 1 {
			t.Errorf("%s was told %d times that there is no room", p.nick, n)
		}
	}
	end()
	sound(t, filepath.Join(b.Data, "hub.db"))
}

// Refilled waits until nothing is to be put on a hub. One that has refused a channel
// is left alone twice as long each time.
func (p *person) Refilled(url string) {
	p.t.Helper()
	awaitFor(p.t, 3*patience, "nothing to be put on "+url+" any more, for "+p.nick, func() bool {
		time.Sleep(100 * time.Millisecond)
		return !strings.Contains(p.HubLines(url), "still to be put")
	}, p.Status)
}

// TestGatewaysDiskFull fills the disk that a gateway keeps everything on. What
// is typed then is refused in plain words, and nobody gets it; what the others
// say comes when there is room.
func TestGatewaysDiskFull(t *testing.T) {
	long(t)
	d := newDisk(t, "6m")
	t.Parallel()
	hub := runHubd(t, dataFolder(t))
	bob := newPerson(t, "bob", "#alice")
	alice := newPerson(t, "alice", "#bob", arguments("-data", filepath.Join(d.folder, "data")))
	alice.g.Data = filepath.Join(d.folder, "data")
	all := []*person{alice, bob}
	addHub(bob.scribe(), hub.hub)
	alice.scribe().Redeem("/join #bob " + keyOf(bob.scribe().Invite("#alice", "alice")))
	for _, p := range all {
		p.In(all...)
	}
	converse("room for all", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)

	d.Fill()
	refused, kept := alice.sayUntilRefused()
	t.Logf("on a full disk %d texts were kept and %d refused", len(kept), len(refused))
	for n := range 20 {
		bob.Say("can you hear me? " + strconv.Itoa(n) + strings.Repeat(" hello", 50))
	}
	bob.scribe().Arrived(bob.channel)
	alice.Told(`(?i)cannot be written|full`)
	d.Empty()
	alice.Told(`(?i)can be written again`)
	for _, text := range kept {
		alice.Typed(text)
	}
	alice.Say("there is room again")
	agreed(t, all...)
	for _, text := range refused {
		if bob.heardText("alice", text) {
			t.Errorf("%q was refused, and Bob got it", text)
		}
	}

	// A power cut on a full disk, and a start on one.
	alice.Settled()
	d.Fill()
	alice.g.Kill()
	said, code := alice.g.startRefused(t)
	if !strings.Contains(strings.ToLower(said), "full") && !strings.Contains(strings.ToLower(said), "room") {
		t.Errorf("started on a full disk, the gateway ends with %d and says\n%s", code, said)
	}
	d.Empty()
	sound(t, filepath.Join(alice.g.Data, "phonebook.db"))
	bob.Say("you were away")
	alice.g.Start()
	alice.Attach()
	converse("after a power cut", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
}

// sayUntilRefused says texts until some were refused, and finds out which.
func (p *person) sayUntilRefused() (refused, kept []string) {
	p.t.Helper()
	for n := 0; len(refused) < 5; n++ {
		if n == 200 {
			p.t.Fatalf("the disk is full, and 200 texts were taken\n%s", p.scribe().Said())
		}
		text := "on a full disk " + strconv.Itoa(n)
		seen := len(p.scribe().Lines())
		p.scribe().Say(p.channel, text+" "+strings.TrimSpace(strings.Repeat("words ", 50)))
		p.scribe().Sync()
		text += " " + strings.TrimSpace(strings.Repeat("words ", 50))
		var answer []string
		echoed := false
		for _, l := range p.scribe().Lines()[seen:] {
			echoed = echoed || l.Command == "PRIVMSG" && l.Source == p.nick
			if l.Command == "NOTICE" || l.Command == "FAIL" || l.Command == "404" {
				answer = append(answer, l.Raw)
			}
		}
		clear := strings.Contains(strings.Join(answer, "\n"), "could not be written")
		switch {
		case echoed && !clear:
			kept = append(kept, text)
		case clear && !echoed:
			refused = append(refused, text)
		default:
			p.t.Fatalf("%q was echoed: %v, and answered %q", text, echoed, answer)
		}
	}
	return refused, kept
}

// startRefused starts the gateway's command, which is to end by itself.
func (g *gateway) startRefused(t testing.TB) (said string, code int) {
	t.Helper()
	cmd := exec.Command(g.argv[0], g.argv[1:]...)
	cmd.Env = append(buildEnv(), "HOME="+g.Home)
	over := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer over.Stop()
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() < 1 {
		t.Errorf("the gateway started on a full disk: %v", err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
