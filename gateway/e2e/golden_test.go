//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// drawnWith are the versions that drew the golden screens (Debian 12). With
// others, a screen is only searched for what it must show.
var drawnWith = map[string]string{"irssi": "irssi 1.4.3", "weechat": "3.8"}

var versions sync.Map

// sameVersion tells whether the golden screens hold for the installed program.
func sameVersion(program string) bool {
	v, ok := versions.Load(program)
	if !ok {
		out, _ := exec.Command(program, "--version").Output()
		v, _ = versions.LoadOrStore(program, string(out))
	}
	return strings.HasPrefix(v.(string), drawnWith[program])
}

// masks hide what differs between two runs, in as many characters, for the
// width decides where a client breaks a line.
var masks = []*regexp.Regexp{
	regexp.MustCompile(`\b\d\d:\d\d(:\d\d)?\b`),
	regexp.MustCompile(`\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b`),
	regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)( +\d{1,2}\b)?`),
	regexp.MustCompile(`\b\d\d x+\b`), // the day before a month
	regexp.MustCompile(`\b20\d\d\b`),
	regexp.MustCompile(`127\.0\.0\.1[:/ ]\d+`),
	regexp.MustCompile(`\b[A-Z2-7]{50,}\b`),     // an owner's key
	regexp.MustCompile(`cgi-bin/[a-z2-7]{10}/`), // a folder on web space
}

// Of these not even the width is always the same; they end their line.
var started = regexp.MustCompile(`started on .*|synced in \d+ secs`)

// mask replaces every variable part of a screen by x's, rune by rune.
func mask(screen string) string {
	for _, m := range masks {
		screen = m.ReplaceAllStringFunc(screen, func(s string) string { return strings.Repeat("x", len([]rune(s))) })
	}
	return started.ReplaceAllString(screen, "xxx")
}

// theKey is a line to type, with what a client's line breaks make of its key.
var theKey = regexp.MustCompile(`(?m)(/join #\S+)\s+(│[^|]*\| )?HTTP(.*\n)+?(\s*│?\s*\[)`)

// qrRow is a row of a QR code, drawn in half-blocks.
var qrRow = regexp.MustCompile(`[█▀▄][█▀▄ ]{20,}[█▀▄]`)

// hideKey takes a one-time key off a screen, as text and as QR code: every key
// is another, and its length depends on the hub's port.
func hideKey(screen string) string {
	screen = theKey.ReplaceAllString(screen, "$1 KEY\n$4")
	return qrRow.ReplaceAllStringFunc(screen, func(s string) string { return strings.Repeat("▒", len([]rune(s))) })
}

// golden compares a screen of the program with testdata/NAME.txt.
func golden(t testing.TB, program, name, screen string) {
	t.Helper()
	if !sameVersion(program) {
		t.Logf("%s is not the one that drew %s.txt: not compared", program, name)
		return
	}
	path := filepath.Join("testdata", name+".txt")
	got := mask(screen)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the screen of %s is not that of %s:\n%s", program, path, lineDiff(string(want), got))
	}
}

// lineDiff shows where two screens differ, line by line.
func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i := range max(len(w), len(g)) {
		var wl, gl string
		if i < len(w) {
			wl = w[i]
		}
		if i < len(g) {
			gl = g[i]
		}
		if wl == gl {
			fmt.Fprintf(&b, "  %s\n", gl)
		} else {
			fmt.Fprintf(&b, "- %s\n+ %s\n", wl, gl)
		}
	}
	return b.String()
}
