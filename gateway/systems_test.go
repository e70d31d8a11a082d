package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// systems are those that .ci/package makes programs for.
var systems = []string{"linux/amd64", "linux/arm64", "linux/386", "linux/arm", "freebsd/amd64", "freebsd/arm64",
	"openbsd/amd64", "darwin/amd64", "darwin/arm64", "windows/amd64"}

// TestItCompilesEverywhere has the types of all packages and their tests checked
// for each system, from the source of all that they import: compiling that takes
// fifteen times as long.
func TestItCompilesEverywhere(t *testing.T) {
	if os.Getenv("CI") != "true" || testing.Short() {
		t.Skip("with CI=true alone, and without -short, for it takes a while")
	}
	for _, system := range systems {
		t.Run(strings.Replace(system, "/", "-", 1), func(t *testing.T) { checkTypes(t, system) })
	}
}

// source is what go list says of the source of a package.
type source struct {
	ImportPath, Dir, Name string
	Standard              bool
	GoFiles               []string
	ImportMap             map[string]string
	Error                 *struct{ Err string }
}

// checkTypes checks the types of all packages for a system, those of others as
// far as their functions' bodies.
func checkTypes(t *testing.T, system string) {
	goos, arch, _ := strings.Cut(system, "/")
	list := exec.Command("go", "list", "-e", "-deps", "-test", "-json=ImportPath,Dir,Name,Standard,GoFiles,ImportMap,Error", "./...")
	list.Dir = ".."
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	known, checked := map[string]*types.Package{"unsafe": types.Unsafe}, 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var s source
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if s.Error != nil {
			t.Fatalf("%s: %s", s.ImportPath, s.Error.Err)
		}
		if s.ImportPath == "unsafe" || strings.HasSuffix(s.ImportPath, ".test") || len(s.GoFiles) == 0 {
			continue
		}
		ours := s.ImportPath+"/" == module || strings.HasPrefix(s.ImportPath, module)
		if known[s.ImportPath], err = s.check(arch, known, !ours); err != nil {
			t.Errorf("%v", err)
		}
		if ours {
			checked++
		}
	}
	if checked < len(rooms) {
		t.Errorf("of %d packages %d were checked", len(rooms), checked)
	}
}

// check checks the types of a package whose imports are known, and returns all
// that is wrong with it.
func (s source) check(arch string, known map[string]*types.Package, withoutBodies bool) (*types.Package, error) {
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range s.GoFiles {
		f, err := parser.ParseFile(set, filepath.Join(s.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	var wrong []error
	conf := types.Config{
		Sizes: types.SizesFor("gc", arch), IgnoreFuncBodies: withoutBodies, Error: func(err error) { wrong = append(wrong, err) },
		Importer: importerFunc(func(path string) (*types.Package, error) {
			if at, ok := s.ImportMap[path]; ok {
				path = at
			}
			if p := known[path]; p != nil {
				return p, nil
			}
			return nil, fmt.Errorf("nothing is known of %s", path)
		}),
	}
	path, _, _ := strings.Cut(s.ImportPath, " ") // in front of the test that it is built for
	p, _ := conf.Check(path, set, files, nil)
	return p, errors.Join(wrong...)
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
