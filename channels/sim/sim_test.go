package sim

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"time"
)

var (
	seeds     = flag.Int("seeds", 0, "how many worlds are lived; 0: 30, or 300 in CI")
	firstSeed = flag.Uint64("first", 1, "the seed of the first of them")
	tell      = flag.Bool("tell", false, "tell the story of each world")
	inside    = flag.Bool("inside", false, "live them in this process, not in two others")
	figures   = flag.Bool("figures", false, "print figures of each world")
)

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(800 << 20)
	os.Exit(m.Run())
}

// number is how many seeds are to be lived.
func number(t *testing.T) int {
	switch {
	case *seeds > 0:
		return *seeds
	case testing.Short(): // under the race detector, where SQLite in Go is ten times slower
		return 2
	case os.Getenv("CI") == "true":
		return 300
	}
	return 30
}

// bundle is how many worlds a process lives: few, since one with a crowd in it
// takes as long as fifty others.
const bundle = 10

// TestSim lives worlds, each drawn from a seed, and holds each to what is
// promised. Randomness is seeded for a whole process, so two at a time share the
// seeds.
func TestSim(t *testing.T) {
	n := number(t)
	if *inside || *tell || n == 1 {
		for seed := *firstSeed; seed < *firstSeed+uint64(n); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { one(t, seed) })
		}
		return
	}
	began := time.Now()
	next := make(chan int)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for done := range next {
				child(t, *firstSeed+uint64(done), min(bundle, n-done))
			}
		})
	}
	for done := 0; done < n; done += bundle {
		next <- done
	}
	close(next)
	both.Wait()
	t.Logf("%d worlds in %v", n, time.Since(began).Round(time.Second))
}

// child lives worlds in a process of its own.
func child(t *testing.T, first uint64, n int) {
	args := []string{"-test.run=^TestSim$", "-test.timeout=24h", "-inside", "-seeds=" + strconv.Itoa(n), "-first=" + strconv.FormatUint(first, 10)}
	if *figures {
		args = append(args, "-figures", "-test.v")
	}
	cmd := exec.Command(os.Args[0], args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || *figures {
		if err != nil {
			t.Errorf("seeds %d to %d: %v", first, first+uint64(n)-1, err)
		}
		t.Logf("%s", out.Bytes())
	}
}

// one lives the world of a seed.
func one(t *testing.T, seed uint64) {
	r, cpu := lives(t, seed, Options{Tell: *tell})
	if *tell {
		t.Logf("the story of world %d:\n%s", seed, r.Story)
	}
	if *figures {
		t.Logf("figures %d %.2fs lived %v, %d texts, %d steps, %d requests, %d exchanges, %v: %v",
			seed, cpu.Seconds(), r.Lived.Round(time.Minute), r.Texts, r.Steps, r.Asked, r.Sealed, r.Mishaps, r.Plan)
	}
	for _, b := range r.Broken {
		t.Errorf("%s: %s", b.Invariant, b.Text)
	}
	if len(r.Broken) > 0 && !*tell {
		t.Logf("world %d: %s, %v\nsee it again: go test ./channels/sim -run Sim -seeds 1 -first %d -tell", seed, r.Plan, r.Mishaps, seed)
	}
}

// lives lives the world of a seed, in memory if there is such a folder.
func lives(t *testing.T, seed uint64, o Options) (Report, time.Duration) {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "hubbub-sim-")
	if err != nil {
		dir = t.TempDir()
	}
	defer os.RemoveAll(dir)
	o.Dir = dir
	cryptotest.SetGlobalRandom(t, seed)
	before := processor()
	r := Run(seed, o)
	return r, processor() - before
}

// TestSimRepeats holds worlds against the same ones again: what is not drawn
// from the seed would make them others.
func TestSimRepeats(t *testing.T) {
	for _, seed := range []uint64{5, 8} {
		var stories [2][]string
		for i := range stories {
			t.Run(fmt.Sprint(seed, "-", i), func(t *testing.T) {
				r, _ := lives(t, seed, Options{Tell: true})
				stories[i] = strings.Split(string(r.Story), "\n")
			})
		}
		a, b := stories[0], stories[1]
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("line %d of world %d is\n\t%s\nand then\n\t%s", i, seed, a[i], b[i])
			}
		}
		if len(a) != len(b) || len(a) < 100 {
			t.Errorf("world %d: %d lines, then %d", seed, len(a), len(b))
		}
	}
}
