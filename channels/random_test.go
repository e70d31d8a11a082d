package channels_test

import (
	"bytes"
	"flag"
	"fmt"
	"testing"
	"testing/cryptotest"
	"time"
)

var (
	worlds     = flag.Int("worlds", 8, "how many random worlds are run")
	firstWorld = flag.Uint64("firstworld", 1, "the seed of the first of them")
	people     = flag.Int("people", 0, "how many people are in each; 0: as the seed says")
	tell       = flag.Bool("tell", false, "tell the story of each random world")
)

// TestRandomWorlds lets a few people talk over the real hub while nearly all
// goes wrong that can: the hub is down for spells, requests and answers get lost,
// come late, twice and out of order, gateways die between any two things that
// they do, clocks are off and jump. Then the faults end, and everybody must have
// everything, once and in order (checkWorld), and no phonebook's files a key that
// was deleted: that is what the simulator (package sim), which plays many more and
// wilder worlds, cannot see. Each seed is another world, always the same:
//
//	go test ./channels -run TestRandomWorlds -firstworld=17 -worlds=1 -tell
func TestRandomWorlds(t *testing.T) {
	n := *worlds
	if testing.Short() {
		n = min(n, 1)
	}
	for seed := *firstWorld; seed < *firstWorld+uint64(n); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g := newRandomWorld(t, seed)
			g.live()
			g.checkWorld()
			g.finish()
		})
	}
}

// TestARandomWorldRepeats holds a world against the same one again: what is not
// drawn from its seed would make it another.
func TestARandomWorldRepeats(t *testing.T) {
	long(t)
	var stories [2][]byte
	for i := range stories {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			g := newRandomWorld(t, 5)
			g.live()
			stories[i] = g.story.Bytes()
		})
	}
	a, b := bytes.Split(stories[0], []byte("\n")), bytes.Split(stories[1], []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			t.Fatalf("line %d is\n\t%s\nand then\n\t%s", i, a[i], b[i])
		}
	}
	if len(a) != len(b) || len(a) < 100 {
		t.Errorf("%d lines, then %d", len(a), len(b))
	}
}

// finish says what failed, and how to see it again.
func (g *randomWorld) finish() {
	if *tell {
		g.t.Logf("the story of world %d:\n%s", g.seed, g.story.Bytes())
	}
	if g.t.Failed() {
		g.t.Logf("see it again: go test ./channels -run 'TestRandomWorlds$' -firstworld=%d -worlds=1 -tell", g.seed)
	}
}

// newRandomWorld makes the world of a seed: its people, its hub, and how much
// goes wrong in it.
func newRandomWorld(t *testing.T, seed uint64) *randomWorld {
	cryptotest.SetGlobalRandom(t, seed)
	g := emptyRandomWorld(t, seed)
	g.faults = g.drawFaults()
	g.tell("world %d: %+v", seed, g.faults)
	g.calm = true // until they have begun
	n := 2 + g.rng.IntN(3)
	if *people > 0 {
		n = *people
	}
	for i := range n {
		p := &player{g: g, name: []string{"ann", "ben", "cat", "dan"}[i], dir: g.dir + fmt.Sprintf("/%d", i)}
		if g.chance(0.6) {
			p.skew = time.Duration(g.rng.Int64N(int64(6*time.Hour))) - 3*time.Hour
		}
		g.players = append(g.players, p)
		p.start()
	}
	g.found("#den", g.players[0])
	if g.chance(0.3) {
		g.found("#pub", g.players[1])
	}
	g.calm = false
	return g
}
