package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// This file holds the house to its plan: docs/architecture.md has the picture.

// rooms are all packages, and what of the house each may import. Imports run
// one way; a new package has to find its place here first.
var rooms = map[string][]string{
	"gateway":             {"channels", "channels/hubclient", "channels/wire", "hub", "hub/web"}, // of hub, for the embedded one and what -make-hub writes
	"gateway/e2e":         {},
	"channels":            {"channels/codec", "channels/roster", "channels/session", "channels/wire"},
	"channels/session":    {"channels/codec"},
	"channels/roster":     {"channels/codec"},
	"channels/wire":       {"channels/codec"},
	"channels/codec":      {},
	"channels/hubclient":  {"channels/wire"},
	"channels/sim":        {"channels", "channels/codec", "channels/roster", "channels/session", "channels/wire", "hub", "hub/store"}, // for tests, in no program
	"hub":                 {"channels/codec", "channels/wire", "hub/lock", "hub/store"},
	"hub/cgi":             {"channels/wire", "hub"},
	"hub/serve":           {"channels/wire", "hub", "hub/web"},
	"hub/web":             {"channels/wire", "hub"},
	"hub/store":           {"channels/codec", "channels/wire", "hub/lock"},
	"hub/store/storetest": {"channels/wire", "hub/store"},
	"hub/lock":            {},
	"hub/hubtest":         {"channels/codec", "channels/wire", "hub", "hub/lock", "hub/store", "hub/web"}, // for tests of hub's rooms, in no program
}

// keepsOut are imports that belong in few rooms, direct ones.
var keepsOut = map[string][]string{
	"gopkg.in/irc.v4":        {"gateway"},
	"filippo.io/age":         {"gateway"},
	"rsc.io/qr":              {"gateway"},
	"database/sql":           {"channels", "channels/sim", "hub/store"},
	"modernc.org/sqlite":     {"channels", "channels/sim", "hub/store"},
	"modernc.org/sqlite/lib": {"channels", "hub/store"},
	"net/http":               {"channels/hubclient", "hub/web", "hub/serve", "hub/hubtest", "gateway"},
	"math/rand":              {},
	"math/rand/v2":           {"channels/sim", "hub/store/storetest", "hub/hubtest", "hub"}, // seeded histories, in tests alone; and which requests a hub counts
}

// pure are the rooms that know neither the network nor time nor SQL.
var pure = []string{"channels/session", "channels/roster"}

// timeless are the rooms that look at no clock and start no goroutine.
var timeless = []string{"channels", "channels/session", "channels/roster", "channels/wire", "channels/codec"}

// withoutHTTP are the rooms that net/http must not come into, by whatever way:
// hub.cgi starts anew for each request.
var withoutHTTP = []string{"hub/cgi", "hub/store", "channels", "channels/wire"}

const module = "hubbub/"

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path, Dir string }
}

// goList runs go list for a system, and names packages as rooms does.
func goList(t *testing.T, system string, args ...string) (all []goPackage) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps,Module"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(cmd.Args[1:], " "), err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportsRunOneWay(t *testing.T) {
	for _, system := range []string{"linux", "windows", "darwin"} {
		for _, p := range goList(t, system, "./...") {
			room := strings.TrimPrefix(p.ImportPath, module)
			allowed, known := rooms[room]
			if !known {
				t.Errorf("%s is in no plan of the house: say where it stands in rooms and in docs/architecture.md", room)
			}
			for _, i := range p.Imports {
				if inside, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, inside) {
					t.Errorf("%s imports %s", room, inside)
				}
				if only, ok := keepsOut[i]; ok && !slices.Contains(only, room) {
					t.Errorf("%s imports %s, which is for %v alone", room, i, only)
				}
				if slices.Contains(pure, room) && (i == "time" || i == "net" || strings.HasPrefix(i, "net/") || i == "os") {
					t.Errorf("%s imports %s", room, i)
				}
			}
			if slices.Contains(withoutHTTP, room) && slices.Contains(p.Deps, "net/http") {
				t.Errorf("net/http comes into %s on %s", room, system)
			}
			if slices.Contains([]string{"util", "common", "helpers", "types"}, path.Base(room)) {
				t.Errorf("%s says nothing about what is in it", room)
			}
		}
	}
}

// clockNames are what package time has that looks at a clock, or waits for it.
var clockNames = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// TestCoreIsAStepMachine: the simulator drives it in virtual time, from one
// goroutine, so it must not look at a clock or start anything.
func TestCoreIsAStepMachine(t *testing.T) {
	for _, room := range timeless {
		files, err := filepath.Glob(filepath.Join("..", room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", room, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", set.Position(n.Pos()))
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clockNames, n.Sel.Name) {
						t.Errorf("%s looks at the clock: time.%s", set.Position(n.Pos()), n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestTopLevel: a newcomer sees the whole house at a glance.
func TestTopLevel(t *testing.T) {
	given := []string{"gateway", "hub", "channels", "docs", "config.example.toml", "go.mod", "go.sum", "README.md", "LICENSE"}
	built := []string{"hub.cgi", "hubd"} // by the README's commands; .gitignore has them
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(given, e.Name()) && !slices.Contains(built, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
	for _, name := range given {
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			t.Error(err)
		}
	}
}
