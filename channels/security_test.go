package channels_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testNamed = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]+\b`)
	testMade  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]+)\(`)
)

// TestSecurityNamesTests: the tests that the documents name are there, and the
// tests of secrecy and healing are named.
func TestSecurityNamesTests(t *testing.T) {
	made := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") && !strings.Contains(path, "storetest") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range testMade.FindAllSubmatch(source, -1) {
			made[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatal("there are no documents", err)
	}
	named := map[string]bool{}
	for _, path := range docs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range testNamed.FindAllString(string(text), -1) {
			named[name] = true
			if !made[name] {
				t.Errorf("%s names %s, which is not there", path, name)
			}
		}
	}
	for _, path := range []string{"secrecy_test.go", "healing_test.go", "roster/histories_test.go"} {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testMade.FindAllSubmatch(source, -1) {
			if !named[string(m[1])] {
				t.Errorf("no document names %s", m[1])
			}
		}
	}
}
