package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hubbub/hub/hubtest"
)

// Wrong combinations are refused, with what to do.
func TestWrongFlags(t *testing.T) {
	for flags, want := range map[string]string{
		"-tls-cert c":                              "name its file with -tls-key",
		"-tls-key k":                               "name that file with -tls-cert",
		"-tls-cert c -tls-key k -acme a.example":   "choose between -tls-cert and -acme",
		"-tls-self-signed -acme a.example":         "choose between -tls-self-signed and -acme",
		"-acme-server https://ca.example":          "name the domain with -acme",
		"-http :80":                                "name the address with -listen",
		"-listen :1 -http :1 -tls-self-signed":     "a port each",
		"-listen :443 -acme *.example.org":         "name each domain",
		"-listen :443 -acme 192.0.2.1":             "use -tls-self-signed",
		"-listen :443 -acme ::1":                   "use -tls-self-signed",
		"-listen :443 -acme https://a.example.org": "a domain such as",
		"-listen :443 -acme localhost":             "a domain such as",
		"-listen :443 -acme a.example.org,":        "a domain such as",
		"-listen :1 more":                          "addresses go behind their flags",
	} {
		if _, err := parse(strings.Fields(flags), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", flags, err)
		}
	}
	s, err := parse(strings.Fields("-listen :443 -http :80 -fcgi x -acme A.example.org,b.example.org"), io.Discard)
	if err != nil || strings.Join(s.domains(), " ") != "a.example.org b.example.org" {
		t.Errorf("%v, %v", s.domains(), err)
	}
}

// Every flag is explained by -h and in the documentation.
func TestFlagsAreExplained(t *testing.T) {
	var help strings.Builder
	if _, err := parse([]string{"-h"}, &help); err == nil {
		t.Error("-h is no flag")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "hub.md"))
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(?m)^  (-[a-z-]+)`).FindAllStringSubmatch(help.String(), -1)
	if len(flags) < 10 {
		t.Errorf("-h says %s", help.String())
	}
	for _, flag := range flags {
		if !strings.Contains(string(text), "| `"+flag[1]) {
			t.Errorf("docs/hub.md does not explain %s", flag[1])
		}
	}
}

// The units for systemd are such as systemd understands, and leave hubd little
// that it could do to the machine.
func TestUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("systemd-analyze is missing: apt-get install systemd")
		}
		t.Skip("systemd-analyze is missing: apt-get install systemd")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "hubd.service"))
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/hubd (.*)$`).FindStringSubmatch(string(text))
	if command == nil {
		t.Fatal("it starts something else")
	}
	if _, err := parse(strings.Fields(command[1]), io.Discard); err != nil {
		t.Error(err)
	}
	folder := t.TempDir()
	unit, socket := filepath.Join(folder, "hubd.service"), filepath.Join(folder, "hubd.socket")
	started := strings.Replace(string(text), "/usr/local/bin/hubd", hubtest.Build(t, "hub/serve"), 1)
	for path, text := range map[string]string{unit: started, socket: socketUnit(t)} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit, socket).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v, %s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", unit).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze security: %v, %s", err, out)
	}
	exposure := regexp.MustCompile(`Overall exposure level for hubd.service: ([0-9.]+)`).FindSubmatch(out)
	if exposure == nil {
		t.Fatalf("%s", out)
	}
	if n, err := strconv.ParseFloat(string(exposure[1]), 64); err != nil || n > 1.5 {
		t.Errorf("exposure %s of 10, %v", exposure[1], err)
	}
}

// socketUnit is the one that docs/hub.md shows.
func socketUnit(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "hub.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- hubd.socket -->\n```\n")
	unit, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/hub.md shows no hubd.socket")
	}
	return unit
}
