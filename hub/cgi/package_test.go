package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostBytes is how large hub.cgi may be: it is uploaded by people with slow lines.
const mostBytes = 9_000_000

// packed makes hub.cgi as it is given to people, from the source in root.
func packed(t *testing.T, root, platform string) []byte {
	t.Helper()
	folder := t.TempDir()
	c := exec.Command("bash", filepath.Join(root, ".ci", "package"), "-only", "hub.cgi", folder, platform)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path := filepath.Join(folder, strings.ReplaceAll(platform, "/", "-"), "hub.cgi")
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	if want := fmt.Sprintf("%x  %s/hub.cgi\n", sha256.Sum256(program), strings.ReplaceAll(platform, "/", "-")); err != nil || string(sums) != want {
		t.Errorf("SHA256SUMS: %q, not %q, %v", sums, want, err)
	}
	return program
}

// heavy is what makes hub.cgi much larger as soon as anything imports it:
// templates, because they call methods by name, have the linker keep all methods
// of everything.
var heavy = []string{"text/template", "log/slog", "net/http", "crypto/tls"}

func TestNothingHeavyIsImported(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		if slices.Contains(heavy, name) {
			t.Errorf("hub.cgi imports %s, by whatever way", name)
		}
	}
}

// hub.cgi stays small, and is the same to the byte wherever it is made: in
// another folder, without git, by somebody with other settings.
func TestPackage(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is missing: apt-get install bash")
	}
	const root, platform = "../..", "linux/amd64"
	program := packed(t, root, platform)
	t.Logf("hub.cgi for %s: %d bytes", platform, len(program))
	if len(program) > mostBytes {
		t.Errorf("hub.cgi is larger than %d bytes", mostBytes)
	}
	t.Run("again elsewhere", func(t *testing.T) {
		if os.Getenv("CI") != "true" {
			t.Skip("with CI=true alone, for it copies the source")
		}
		elsewhere := filepath.Join(t.TempDir(), "a folder", "hubbub")
		for _, name := range []string{"go.mod", "go.sum", "LICENSE", ".ci", "channels", "hub"} {
			copyTree(t, filepath.Join(root, name), filepath.Join(elsewhere, name))
		}
		t.Setenv("GOFLAGS", "-ldflags=-X=main.unknown=1")
		t.Setenv("GOAMD64", "v3")
		t.Setenv("CGO_ENABLED", "1")
		if again := packed(t, elsewhere, platform); !bytes.Equal(program, again) {
			t.Errorf("%x and then %x", sha256.Sum256(program), sha256.Sum256(again))
		}
	})
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err = os.MkdirAll(filepath.Dir(to), 0o755); err == nil {
		var content []byte
		if content, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, content, info.Mode())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
