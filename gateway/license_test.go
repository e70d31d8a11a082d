package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var writeLicense = flag.Bool("license", false, "write LICENSE anew from the modules that the programs contain")

// programs are what people build and hand on.
var programs = []string{"./gateway", "./hub/cgi", "./hub/serve"}

// notices are names of files that a module's licence asks to be kept. SQLite's
// list of everything ever near it is left out: what of it is linked is here by
// itself.
var notices = []string{"LICENSE", "COPYING", "LICENSE-GO", "LICENSE-MMAP-GO", "LICENSE-SQLITE", "LICENSE-3RD-PARTY.md", "PATENTS"}

// notice is one text, and the modules that it is the licence of.
type notice struct {
	modules []string
	text    string
}

// TestLicenseNamesWhatTheProgramsContain: LICENSE has hubbub's own licence, and
// then that of Go and of every module linked into a program, on any system.
func TestLicenseNamesWhatTheProgramsContain(t *testing.T) {
	all := gatherNotices(t)
	if *writeLicense {
		writeLicenseFile(t, all)
	}
	raw, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	license := string(raw)
	if !strings.HasPrefix(license, "MIT License\n\nCopyright (c) 2026 The hubbub authors\n") {
		t.Error("LICENSE does not begin with hubbub's own")
	}
	for _, n := range all {
		for _, m := range n.modules {
			if !strings.Contains(license, "\n  "+m+"\n") {
				t.Errorf("LICENSE does not name %s; go test ./gateway -run License -license writes it anew", m)
			}
		}
		if !strings.Contains(license, n.text) {
			t.Errorf("LICENSE lacks the text for %v", n.modules)
		}
	}
}

// gatherNotices collects the texts, each once, in the order of the modules.
func gatherNotices(t *testing.T) (all []notice) {
	t.Helper()
	folders := map[string]string{}
	for _, system := range []string{"linux", "windows", "darwin", "freebsd", "openbsd"} {
		for _, p := range goList(t, system, append([]string{"-deps"}, programs...)...) {
			if p.Module != nil && p.Module.Path != strings.TrimSuffix(module, "/") {
				folders[p.Module.Path] = p.Module.Dir
			}
		}
	}
	add := func(module, file string) bool {
		raw, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		text := strings.TrimSpace(strings.ReplaceAll(string(raw), "\r\n", "\n"))
		i := slices.IndexFunc(all, func(n notice) bool { return n.text == text })
		if i < 0 {
			all, i = append(all, notice{text: text}), len(all)
		}
		all[i].modules = append(all[i].modules, module)
		return true
	}
	add("Go", filepath.Join(folders["golang.org/x/sys"], "LICENSE")) // Go's own is the same text
	for _, path := range slices.Sorted(maps.Keys(folders)) {
		found := false
		for _, name := range notices {
			if path == "modernc.org/sqlite" && name == "LICENSE-3RD-PARTY.md" {
				continue
			}
			found = add(path, filepath.Join(folders[path], name)) || found
		}
		if !found {
			t.Errorf("%s has no licence in %s", path, folders[path])
		}
	}
	return all
}

// writeLicenseFile writes LICENSE: hubbub's own licence as it stands there, and
// behind it the others.
func writeLicenseFile(t *testing.T, all []notice) {
	t.Helper()
	const line = "--------------------------------------------------------------------------------"
	old, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	own, _, _ := strings.Cut(string(old), line)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\nThe programs also contain Go's runtime and standard library, and the modules\nbelow, under these licences.\n", strings.TrimSpace(own), line)
	for _, n := range all {
		fmt.Fprintf(&b, "\n%s\n\n", line)
		for _, m := range n.modules {
			fmt.Fprintf(&b, "  %s\n", m)
		}
		fmt.Fprintf(&b, "\n%s\n", n.text)
	}
	if err := os.WriteFile("../LICENSE", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
