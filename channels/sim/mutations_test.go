package sim

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	mutate     = flag.Bool("mutations", false, "build the house broken in each way of the table, and live worlds in it until that is noticed")
	mutateOnly = flag.String("mutation", "", "only those with this in their name")
	mutateMost = flag.Int("most", 300, "how many worlds at most, for each")
)

// mutation is a deliberately broken build: what must be noticed, and by which
// invariant.
type mutation struct {
	name   string
	file   string // in the folder channels
	old    string // occurs once in it
	new    string
	breaks Invariant
}

var mutations = []mutation{
	{"newcomers are not given the present keys", "keys.go",
		"if !ok || s.given(ch, to) && !bytes.Equal(again, key.ID[:]) {",
		"if !ok || !bytes.Equal(again, key.ID[:]) {", Once},
	{"prekeys are deleted too early", "keys.go",
		`if s.book.run("DELETE FROM prekeys WHERE channel = ? AND number < ?", ch.row, newest) > 0 {`,
		`newest = s.book.number("SELECT max(number) FROM prekeys WHERE channel = ?", ch.row)
	if s.book.run("DELETE FROM prekeys WHERE channel = ? AND number < ?", ch.row, newest) > 0 {`, Once},
	{"one member of each three gets no box", "keys.go",
		"if ok && !copied {", "if ok && !copied && len(to) != 1 {", Once},
	{"what comes again is shown again", "need.go",
		"; ok && state != entryUnopened {\n		return", "; ok && state == entryVoid {\n		return", Once},

	{"who left keeps the sender key", "keys.go",
		"		s.exposed(ch, farewell...) || ", "		", Private},
	{"newcomers seal to an invite prekey that who left has", "keys.go",
		"case ch.blob != nil && (known || s.anyHasInvite(ch)):", "case ch.blob != nil && known:", Private},
	{"texts are sealed before a hub was read", "outbox.go",
		"		if !s.atHead(ch) {\n			continue", "		if false {\n			continue", Private},

	{"a leave puts nobody out", "roster/cuts.go",
		"p.cuts = append(p.cuts, cut{p, n, nil, a.Seq})", "", Same},
	{"hubs that others name are not used", "hubs.go",
		"	if id != 0 && s.addPlace(ch, id) {", "	if false {", Same},
	{"a topic that comes later is not looked at", "roster/set.go",
		"	s.graph, s.view = nil, nil\n	return true, nil",
		"	if _, is := op.op.Args.(Topic); !is || s.view == nil {\n		s.graph, s.view = nil, nil\n	}\n	return true, nil", Same},

	{"a removal puts nobody out", "roster/cuts.go",
		"subject.cuts = append(subject.cuts, cut{p, e.graph.at[a.Head], setOf(a.Joins), a.Seq})", "", Same},
	{"what lies beyond a cut counts", "roster/cuts.go",
		"			if !past[n.place] {", "			if !past[n.place] && n.place < 0 {", Same},
	{"anybody's removal of anybody stands", "roster/cuts.go",
		"case !above(p, subject):", "case p == subject:", Same},
	{"anybody may remove", "remove.go",
		"case !view.MayRemove(roster.Member(ch.self), id):", "case id == view.Founder:", Same},
	{"all joins by a removed member's keys stay", "roster/cuts.go",
		"if c.joins != nil && !c.joins[join] {", "if c.joins != nil && !c.joins[join] && p == nil {", Same},
	{"no joins by a removed member's keys stay", "roster/cuts.go",
		"if c.joins != nil && !c.joins[join] {", "if c.joins != nil {", Same},
	{"rivals are all let in", "roster/evaluate.go",
		"q.suspended = p.suspended || doubt && !q.confirmed", "q.suspended = p.suspended || doubt && q == nil", Same},
	{"suspended members are sealed to", "channel.go",
		"if session.Member(m.ID) != ch.self && !m.Suspended {", "if session.Member(m.ID) != ch.self {", Private},
	{"who is removed is sealed to as before", "keys.go",
		"	for _, m := range append(s.byPrekey(ch), s.goneOf(ch, farewell)...) {",
		"	for _, r := range s.view(ch).Removed {\n		farewell = append(farewell, session.Member(r.ID))\n	}\n	for _, m := range append(s.byPrekey(ch), s.goneOf(ch, farewell)...) {", Private},
	{"invites are not renewed after a removal", "remove.go",
		"s.renewInvites(ch, true) //", "_ = s.renewInvites //", Private},
	{"tokens of removed members are not revoked", "grants.go",
		"r.Token != (roster.Token{}) && (opened || below) {", "r.Token != (roster.Token{}) && r.Why == roster.ReasonLeft && (opened || below) {", Private},
	{"what is for one alone is sealed to another", "share.go",
		"	aside, err := session.SealAside(ch.id, ch.self, r, number, w)", "	for _, o := range s.others(ch) {\n		if x, is := s.recipient(ch, o); is {\n			r.Prekey = x.Prekey\n		}\n	}\n	aside, err := session.SealAside(ch.id, ch.self, r, number, w)", Once},
	{"what is shared is shown twice", "share.go",
		"		s.line(ch, line, from, true)\n", "		s.line(ch, line, from, true)\n		s.line(ch, line, from, true)\n", Once},

	{"the chain is not written down as it moves on", "keys.go",
		"ON CONFLICT (channel) DO UPDATE SET chain = excluded.chain, iteration = excluded.iteration WHERE key = excluded.key",
		"ON CONFLICT (channel) DO NOTHING", Keys},
	{"a new run goes on with the old sender key", "keys.go",
		"v.run != s.run || ", "", Keys},

	{"nothing is carried between hubs", "carry.go",
		"	if ch.state != stateMember && ch.state != stateWaiting {\n		return\n	}\n	due := s.now.Add(s.carryWait(ch))",
		"	if true {\n		return\n	}\n	due := s.now.Add(s.carryWait(ch))", Rest},
	{"a hub that lost something is not refilled", "carry.go",
		"	s.putBackSlots(ch, hub)\n	s.refill(ch, hub)\n}", "	s.putBackSlots(ch, hub)\n}", Rest},
	{"nobody is let in on further hubs", "grants.go",
		"	s.call(pending{hub: hub, channel: ch.row, op: wire.OpGrant,", "	_ = (pending{hub: hub, channel: ch.row, op: wire.OpGrant,", Rest},
	{"a hub that does not answer is asked without end", "sync.go",
		"	return d*3/4 + randomDuration(d/2)", "	return d * 0", Rest},
	{"timers are lost at a restart", "core.go",
		`s.book.run("UPDATE timers SET at = min(at, ?)", stamp(s.now.Add(longestTimer)))`, `s.book.run("DELETE FROM timers")`, Rest},

	{"a text is called sent when it is sealed", "outbox.go",
		`"UPDATE lines SET seq = ? WHERE id = ?"`, `"UPDATE lines SET seq = ?, sent = 1 WHERE id = ?"`, Sent},
	{"what a full hub refuses is forgotten", "outbox.go",
		"		s.stand(ch, p.hub, Full, words(e))\n		return later", "		s.stand(ch, p.hub, Full, words(e))\n		return answered", Sent},
	{"the outbox is lost at a restart", "core.go",
		"	s.mirrors()\n	s.clean()\n}", "	s.mirrors()\n	s.book.run(\"DELETE FROM outbox\")\n	s.clean()\n}", Sent},

	{"a hub that does not answer is not told of", "notices.go",
		`s.emit(News{Text: fmt.Sprintf("the hub %s does not answer`, `_ = (News{Text: fmt.Sprintf("the hub %s does not answer`, Told},
	{"a hub that is back is not told of", "notices.go",
		"	s.emit(News{Text: text})", "	_ = (News{Text: text})", Told},
	{"a restored copy is not noticed", "gaps.go",
		"	if known > 0 || ch.alarmed {\n		return", "	if known >= 0 {\n		return", Told},
	{"a fork is cried out where there is none", "gaps.go",
		"	if others > 0 {\n", "	if others > 0 || b.Seq%7 == 5 {\n", Told},
}

// source is the file that a mutation changes.
func (m mutation) source() string { return filepath.Join("..", filepath.FromSlash(m.file)) }

// changed is the file as the mutation has it.
func (m mutation) changed(t *testing.T) []byte {
	text, err := os.ReadFile(m.source())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		t.Fatalf("%s: what it changes occurs %d times in %s: bring the table up to date", m.name, n, m.file)
	}
	return []byte(strings.Replace(string(text), m.old, m.new, 1))
}

// TestMutationsStand holds that the table still fits the house.
func TestMutationsStand(t *testing.T) {
	caught := map[Invariant]int{}
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) { m.changed(t) })
		caught[m.breaks]++
	}
	for _, i := range []Invariant{Once, Private, Same, Keys, Rest, Sent, Told} {
		if caught[i] < 2 {
			t.Errorf("%s: %d broken builds, fewer than 2", i, caught[i])
		}
	}
}

// TestMutations holds that each broken build is noticed, by the invariant that
// it breaks: else the simulator would hold nothing.
func TestMutations(t *testing.T) {
	if !*mutate {
		t.Skip("it takes half an hour: -mutations")
	}
	for _, m := range mutations {
		if strings.Contains(m.name, *mutateOnly) {
			t.Run(strings.ReplaceAll(m.name, " ", "-"), m.run)
		}
	}
}

var failedSeed = regexp.MustCompile(`(?m)^    --- FAIL: TestSim/(\d+)`)

// TestMutationsOfTheRoster holds that those of the roster are noticed by its own
// small histories, too.
func TestMutationsOfTheRoster(t *testing.T) {
	if !*mutate {
		t.Skip("it takes two minutes: -mutations")
	}
	for _, m := range mutations {
		if !strings.HasPrefix(m.file, "roster/") || !strings.Contains(m.name, *mutateOnly) {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			out, err := exec.Command("go", "test", "-overlay", m.overlay(t), "-run", "^TestSmallHistories$", "../roster").CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSmallHistories") {
				t.Errorf("mutation %q was not caught: %v\n%s", m.name, err, out)
			}
		})
	}
}

// overlay is a file that has go build the house with the mutation.
func (m mutation) overlay(t *testing.T) string {
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	source, err := filepath.Abs(m.source())
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{source: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{changed: m.changed(t), overlay: list} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// run builds the house with the mutation, and lives worlds until it is noticed.
func (m mutation) run(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "sim.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", m.overlay(t), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%s can't be built: %v\n%s", m.name, err, out)
	}
	others := map[string]int{}
	for seed := *firstSeed; seed < *firstSeed+uint64(*mutateMost); seed++ {
		out, err := exec.Command(binary, "-test.run=^TestSim$", "-test.failfast", "-test.timeout=1h", "-inside",
			"-seeds="+strconv.FormatUint(*firstSeed+uint64(*mutateMost)-seed, 10), "-first="+strconv.FormatUint(seed, 10)).CombinedOutput()
		if err == nil {
			break
		}
		f := failedSeed.FindSubmatch(out)
		if f == nil {
			t.Fatalf("%s: %v\n%s", m.name, err, out)
		}
		if seed, err = strconv.ParseUint(string(f[1]), 10, 64); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), string(m.breaks)+":") {
			t.Logf("mutation %q caught by invariant %q after %d seeds%s", m.name, m.breaks, seed-*firstSeed+1, more(others))
			return
		}
		for _, i := range []Invariant{Sound, Once, Private, Same, Keys, Rest, Sent, Told} {
			if strings.Contains(string(out), string(i)+":") {
				others[string(i[:2])]++
			}
		}
	}
	t.Errorf("mutation %q was not caught by %q in %d seeds%s", m.name, m.breaks, *mutateMost, more(others))
}

// more says by which other invariants a mutation was noticed before.
func more(others map[string]int) string {
	if len(others) == 0 {
		return ""
	}
	return fmt.Sprintf(" (and before by others: %v)", others)
}
