//go:build linux

package hubtest

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Hosting is shared web hosting as a newcomer gets it: an account of his own,
// whose programs run as that user, and nothing in it. He has FTP, and no shell.
type Hosting struct {
	User  string
	Home  string // what FTP shows him
	Space string // the folder in there for programs
	URL   string // that folder's, ending in "/"

	ErrorLog  string
	AccessLog string // with all that a browser told the server of each request

	credential *syscall.Credential
}

// StartHosting makes a fresh user and starts Apache with mod_cgid and suexec for
// him. Both are gone after the test. It needs root, and CI=true.
func StartHosting(t testing.TB) *Hosting {
	t.Helper()
	if os.Getuid() != 0 || !inCI() {
		t.Skip("this makes a user of its own: as root, and with CI=true")
	}
	need(t, apacheProgram, "apache2")
	need(t, "/usr/lib/apache2/suexec", "apache2-suexec-custom")
	h := &Hosting{User: "hubbub-" + strings.ToLower(rand.Text()[:8])}
	if out, err := exec.Command("useradd", "--create-home", "--shell", "/usr/sbin/nologin", h.User).CombinedOutput(); err != nil {
		t.Fatalf("making the user %s: %v\n%s", h.User, err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("userdel", "--remove", "--force", h.User).CombinedOutput(); err != nil {
			t.Errorf("removing the user %s: %v\n%s", h.User, err, out)
		}
	})
	u, err := user.Lookup(h.User)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	h.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	h.Home = u.HomeDir
	h.Space = filepath.Join(h.Home, "public_html", "cgi-bin")
	if err := os.Chmod(h.Home, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(h.Space, 0o755); err != nil {
		t.Fatal(err)
	}
	giveTo(t, filepath.Dir(h.Space), h.User)
	s := newSite(t, Setup{}, "", "")
	h.AccessLog = filepath.Join(s.home, "access.log")
	h.ErrorLog = s.apache(t, event, []string{"cgid", "userdir", "suexec"}, "ScriptSock {{home}}/cgi.sock\nUserDir public_html\n"+
		"CustomLog "+h.AccessLog+" \"%r referer=%{Referer}i cookie=%{Cookie}i agent=%{User-Agent}i\"\n"+spaceRules(filepath.Dir(h.Home)))
	h.URL = s.origin() + "/~" + h.User + "/cgi-bin/"
	return h
}

// Upload puts a file up as FTP does: as the user, and with the permissions that
// his FTP program happens to give. name is below Space.
func (h *Hosting) Upload(t testing.TB, name string, content []byte, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(h.Space, name)
	h.as(t, content, "mkdir", "-p", filepath.Dir(path))
	h.as(t, content, "dd", "of="+path, "status=none")
	h.Chmod(t, name, mode)
}

// Chmod changes a file's permissions, as FTP programs and file managers can.
func (h *Hosting) Chmod(t testing.TB, name string, mode os.FileMode) {
	t.Helper()
	h.as(t, nil, "chmod", strconv.FormatUint(uint64(mode), 8), filepath.Join(h.Space, name))
}

// Download reads a file as FTP does. name is below Home.
func (h *Hosting) Download(t testing.TB, name string) []byte {
	t.Helper()
	return h.as(t, nil, "cat", filepath.Join(h.Home, name))
}

// as runs a program as the user.
func (h *Hosting) as(t testing.TB, input []byte, name string, args ...string) []byte {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Stdin = h.Home, bytes.NewReader(input)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: h.credential}
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %q as %s: %v\n%s", name, args, h.User, err, &complaints)
	}
	return out
}
