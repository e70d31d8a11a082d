//go:build linux

package e2e

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var (
	update = flag.Bool("update", false, "write the golden screens anew")
	seeds  = flag.Int("seeds", 2, "how many seeds the kill test runs")
	first  = flag.Int64("first", 1, "the first seed of the kill test")
)

// patience bounds every wait: far more than is ever needed, for a slow machine.
const patience = 60 * time.Second

func inCI() bool { return os.Getenv("CI") == "true" }

// packages names the Debian package that a program comes in.
var packages = map[string]string{
	"irssi":    "irssi",
	"weechat":  "weechat-curses",
	"tmux":     "tmux",
	"zbarimg":  "zbar-tools",
	"apache2":  "apache2",
	"useradd":  "passwd",
	"ps":       "procps",
	"runuser":  "util-linux",
	"userdel":  "passwd",
	"a2enmod":  "apache2",
	"htpasswd": "apache2-utils",
	"ip":       "iproute2",
	"chromium": "chromium",
}

// need skips the test unless all programs are installed; with CI=true it fails.
func need(t testing.TB, programs ...string) {
	t.Helper()
	var missing []string
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if _, err := os.Stat("/usr/sbin/" + p); err == nil {
			continue
		}
		missing = append(missing, packages[p])
	}
	if len(missing) > 0 {
		lack(t, "not installed: apt-get install "+strings.Join(missing, " "))
	}
}

// lack ends a test for want of something: a skip for a user, a failure in CI.
func lack(t testing.TB, what string) {
	t.Helper()
	if inCI() {
		t.Fatal(what)
	}
	t.Skip(what)
}

// long skips a test that is asked for by CI or by a flag only.
func long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("left out by -short")
	}
}

// await polls until ok holds, and fails the test with what and detail if it
// does not in time.
func await(t testing.TB, what string, ok func() bool, detail func() string) {
	t.Helper()
	awaitFor(t, patience, what, ok, detail)
}

// awaitFor does so for what may take longer.
func awaitFor(t testing.TB, most time.Duration, what string, ok func() bool, detail func() string) {
	t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited %v in vain for %s\n%s", most, what, detail())
}
