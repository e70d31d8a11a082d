package channels_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// lie changes what a hub answers to a call. It says false if it has no answer at
// all.
type lie func(l *liar, c wire.SignedCall, r *wire.Result)

// liar is a hub that lies, and what it has seen.
type liar struct {
	g       *randomWorld
	entries []wire.Entry // that it has ever shown
	blobs   [][]byte     // of slots
	calls   int
}

// fetches makes a lie about fetches.
func fetches(change func(l *liar, f *wire.FetchResult)) lie {
	return func(l *liar, c wire.SignedCall, r *wire.Result) {
		var f wire.FetchResult
		if c.Op != wire.OpFetch || r.Error != nil || codec.Unmarshal(r.Value, &f) != nil {
			return
		}
		change(l, &f)
		r.Value = mustMarshal(l.g.t, f)
	}
}

// refuses makes a hub that refuses calls.
func refuses(op wire.Op, code wire.Code) lie {
	return func(_ *liar, c wire.SignedCall, r *wire.Result) {
		if c.Op == op {
			*r = wire.Result{Error: &wire.Error{Code: code, Text: "\x1b[2J\u202eno\r\n" + strings.Repeat("x", 5000)}}
		}
	}
}

// lies are told for ten minutes. After that the hub is honest again, and all must
// be well.
var lies = map[string]lie{
	"positions go back":       fetches(func(_ *liar, f *wire.FetchResult) { reposition(f, func(i int) int64 { return int64(1000 - i) }) }),
	"positions are negative":  fetches(func(_ *liar, f *wire.FetchResult) { reposition(f, func(i int) int64 { return -5 }) }),
	"positions are the last":  fetches(func(_ *liar, f *wire.FetchResult) { reposition(f, func(i int) int64 { return math.MaxInt64 }) }),
	"positions are zero":      fetches(func(_ *liar, f *wire.FetchResult) { reposition(f, func(i int) int64 { return 0 }) }),
	"heads lie":               fetches(func(_ *liar, f *wire.FetchResult) { f.Head = math.MinInt64 }),
	"generations change":      fetches(func(l *liar, f *wire.FetchResult) { l.calls++; f.Generation = [16]byte{byte(l.calls), 1} }),
	"it is always restored":   fetches(func(_ *liar, f *wire.FetchResult) { f.Restored = true }),
	"there is always more":    fetches(func(_ *liar, f *wire.FetchResult) { f.More = true }),
	"retry is negative":       fetches(func(_ *liar, f *wire.FetchResult) { f.Retry = math.MinInt64 }),
	"retry is far away":       fetches(func(_ *liar, f *wire.FetchResult) { f.Retry = math.MaxInt64 }),
	"retry is a year":         fetches(func(_ *liar, f *wire.FetchResult) { f.Retry = 365 * 24 * 3600 * 1000 }),
	"nothing ever comes":      fetches(func(_ *liar, f *wire.FetchResult) { f.Entries = nil }),
	"all comes again":         fetches(func(l *liar, f *wire.FetchResult) { f.Entries = append(f.Entries, l.entries...) }),
	"all comes again, as new": fetches(func(l *liar, f *wire.FetchResult) { f.Entries = slices.Concat(l.entries, f.Entries); renumber(l, f) }),
	"all comes backwards":     fetches(func(_ *liar, f *wire.FetchResult) { slices.Reverse(f.Entries) }),
	"entries are rubbish": fetches(func(l *liar, f *wire.FetchResult) {
		for i := range 20 {
			l.calls++
			f.Entries = append(f.Entries, wire.Entry{Position: int64(l.calls), Class: "nonsense", Bytes: []byte(fmt.Sprint(i, l.calls))})
		}
		f.Entries = append(f.Entries, wire.Entry{}, wire.Entry{Position: 7, Bytes: make([]byte, 200_000)})
		renumber(l, f)
	}),
	"answers are no CBOR": func(_ *liar, c wire.SignedCall, r *wire.Result) { r.Value = codec.Raw{0xff, 0x00} },
	"answers are another's": func(l *liar, c wire.SignedCall, r *wire.Result) {
		r.Value = mustMarshal(l.g.t, map[string]any{"positions": []int{1}, "more": 3})
	},
	"answers are empty":    func(_ *liar, c wire.SignedCall, r *wire.Result) { *r = wire.Result{} },
	"puts are refused":     refuses(wire.OpPut, wire.CodeFull),
	"puts are denied":      refuses(wire.OpPut, wire.CodeDenied),
	"acks are revoked":     refuses(wire.OpAck, wire.CodeRevoked),
	"acks are busy":        refuses(wire.OpAck, wire.CodeBusy),
	"fetches are unknown":  refuses(wire.OpFetch, wire.CodeUnknown),
	"fetches are denied":   refuses(wire.OpFetch, wire.CodeDenied),
	"fetches are nonsense": refuses(wire.OpFetch, "no such code"),
	"fetches are busy":     refuses(wire.OpFetch, wire.CodeBusy),
	"everything is withdrawn": func(_ *liar, c wire.SignedCall, r *wire.Result) {
		*r = wire.Result{Error: &wire.Error{Code: wire.CodeWithdrawn}}
	},
}

func reposition(f *wire.FetchResult, at func(i int) int64) {
	for i := range f.Entries {
		f.Entries[i].Position = at(i)
	}
}

// renumber gives entries positions as an honest hub would.
func renumber(l *liar, f *wire.FetchResult) {
	for i := range f.Entries {
		l.calls++
		f.Entries[i].Position = l.g.now.UnixMicro() + int64(l.calls)
	}
}

// tells has a hub answer with a lie.
func (g *randomWorld) tells(o *post, v lie) {
	l := &liar{g: g}
	o.lie = func(r channels.Request, results []wire.Result) []wire.Result {
		results = slices.Clone(results)
		for i, c := range r.Calls {
			var f wire.FetchResult
			if c.Op == wire.OpFetch && results[i].Error == nil && codec.Unmarshal(results[i].Value, &f) == nil {
				for _, e := range f.Entries {
					if !slices.ContainsFunc(l.entries, func(o wire.Entry) bool { return sha256.Sum256(o.Bytes) == sha256.Sum256(e.Bytes) }) {
						l.entries = append(l.entries, e)
					}
				}
			}
			v(l, c, &results[i])
		}
		return results
	}
}

// TestALyingHub has a hub lie for ten minutes: no gateway falls over, asks
// without end, or fills its phonebook. Once the hub is honest again, all that was
// said is there.
func TestALyingHub(t *testing.T) {
	long(t)
	for i, name := range slices.Sorted(maps.Keys(lies)) {
		v := lies[name]
		if testing.Short() && i%8 != 0 {
			continue
		}
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			g := emptyRandomWorld(t, 1)
			g.calm = true
			ann, ben := g.twoPlayers()
			tk := g.talks[0]
			ann.say(ann.seat(tk))
			g.run(10 * time.Second)
			g.tells(g.posts[0], v)
			for range 5 {
				ann.say(ann.seat(tk))
				ben.say(ben.seat(tk))
				g.run(2 * time.Minute)
			}
			for _, p := range g.players {
				if p.requests > 700 {
					t.Errorf("%s made %d requests", p.name, p.requests)
				}
				if n := p.core.Number("SELECT sum(length(bytes)) FROM entries"); n > 4<<20 {
					t.Errorf("%s keeps %d bytes of entries", p.name, n)
				}
			}
			g.posts[0].lie = nil
			for _, p := range g.players {
				p.warnings = nil // of the lies
			}
			g.run(2 * time.Hour)
			ann.say(ann.seat(tk))
			ben.say(ben.seat(tk))
			g.run(10 * time.Minute)
			g.checkWorld()
			g.finish()
		})
	}
}

// twoPlayers are two people in a talk.
func (g *randomWorld) twoPlayers() (ann, ben *player) {
	for i, name := range []string{"ann", "ben"} {
		p := &player{g: g, name: name, dir: fmt.Sprintf("%s/%d", g.dir, i)}
		g.players = append(g.players, p)
		p.start()
	}
	g.found("#den", g.players[0])
	g.run(5 * time.Minute)
	for _, p := range g.players {
		p.look()
	}
	if len(g.talks[0].live()) != 2 {
		g.t.Fatal("they did not come together")
	}
	return g.players[0], g.players[1]
}

// TestWrongNumbersOfResults: an answer to something else than was asked is none.
func TestWrongNumbersOfResults(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	g := emptyRandomWorld(t, 1)
	g.calm = true
	ann, ben := g.twoPlayers()
	g.posts[0].lie = func(r channels.Request, results []wire.Result) []wire.Result {
		if g.rng.IntN(2) == 0 {
			return results[:len(results)-1]
		}
		return append(slices.Clone(results), results...)
	}
	ann.say(ann.seat(g.talks[0]))
	g.run(10 * time.Minute)
	g.posts[0].lie = nil
	g.run(10 * time.Minute)
	ben.say(ben.seat(g.talks[0]))
	g.run(time.Minute)
	g.checkWorld()
	g.finish()
}

// TestALyingHubAtTheDoor has a hub lie to who redeems a key: he is told, and is
// not in.
func TestALyingHubAtTheDoor(t *testing.T) {
	long(t)
	peeks := func(change func(p *wire.PeekResult, others [][]byte)) func(*[][]byte, wire.SignedCall, *wire.Result) {
		return func(others *[][]byte, c wire.SignedCall, r *wire.Result) {
			var p wire.PeekResult
			if c.Op == wire.OpPeek && r.Error == nil && codec.Unmarshal(r.Value, &p) == nil {
				change(&p, *others)
				r.Value, _ = codec.Marshal(p)
			}
		}
	}
	for name, v := range map[string]func(*[][]byte, wire.SignedCall, *wire.Result){
		"another invite's blob": peeks(func(p *wire.PeekResult, others [][]byte) { p.Blob = others[0] }),
		"no blob":               peeks(func(p *wire.PeekResult, _ [][]byte) { p.Blob = nil }),
		"half a blob":           peeks(func(p *wire.PeekResult, _ [][]byte) { p.Blob = p.Blob[:len(p.Blob)/2] }),
		"another number":        peeks(func(p *wire.PeekResult, _ [][]byte) { p.Number = 5 }),
		"stale for ever":        func(*[][]byte, wire.SignedCall, *wire.Result) {},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			g := emptyRandomWorld(t, 1)
			g.calm = true
			ann, _ := g.twoPlayers()
			cat := &player{g: g, name: "cat", dir: g.dir + "/cat"}
			cat.start()
			var keys []string
			for range 2 {
				ann.do(channels.Invite{Channel: "#den", Ref: ann.ask(func(e channels.Event) { keys = append(keys, e.(channels.Invited).Key) })})
				g.run(10 * time.Second)
			}
			var blobs [][]byte
			for _, args := range ann.offered {
				blobs = append(blobs, args.Blob)
			}
			g.posts[0].lie = func(r channels.Request, results []wire.Result) []wire.Result {
				results = slices.Clone(results)
				for i, c := range r.Calls {
					v(&blobs, c, &results[i])
				}
				return results
			}
			g.posts[0].instead = func(r channels.Request) []wire.Result {
				if name == "stale for ever" && r.Calls[0].Op == wire.OpRedeem {
					return []wire.Result{{Error: &wire.Error{Code: wire.CodeStale}}}
				}
				return nil
			}
			var told []channels.Event
			before := cat.requests
			cat.do(channels.Redeem{Channel: "#c", Key: keys[1], Ref: cat.ask(func(e channels.Event) { told = append(told, e) })})
			g.run(10 * time.Minute)
			if _, in := cat.core.Channel("#c"); in {
				t.Errorf("cat is in")
			}
			if n := cat.requests - before; n > 60 {
				t.Errorf("cat made %d requests", n)
			}
			g.posts[0].lie, g.posts[0].instead = nil, nil
			if len(told) == 0 && name != "stale for ever" {
				t.Errorf("cat was told nothing")
			}
			g.run(time.Hour)
			cat.do(channels.Redeem{Channel: "#c", Key: keys[1]})
			g.run(time.Minute)
			if v, in := cat.core.Channel("#c"); !in || v.Waiting {
				t.Errorf("with an honest hub cat is in: %v, waiting %v", in, v.Waiting)
			}
		})
	}
}

// TestRedeemedInWordsOnly: a hub says that somebody is in, and stores nothing.
func TestRedeemedInWordsOnly(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	g := emptyRandomWorld(t, 1)
	g.calm = true
	ann, _ := g.twoPlayers()
	cat := &player{g: g, name: "cat", dir: g.dir + "/cat"}
	cat.start()
	key := ""
	ann.do(channels.Invite{Channel: "#den", Ref: ann.ask(func(e channels.Event) { key = e.(channels.Invited).Key })})
	g.run(10 * time.Second)
	g.posts[0].instead = func(r channels.Request) []wire.Result {
		if r.Calls[0].Op != wire.OpRedeem {
			return nil
		}
		return []wire.Result{{Value: mustMarshal(t, wire.RedeemResult{Positions: []int64{5, 6}})}}
	}
	cat.do(channels.Redeem{Channel: "#c", Key: key})
	g.run(time.Minute)
	g.posts[0].instead = nil
	cat.do(channels.Send{Channel: "#c", Kind: channels.Text, Text: "hello?"})
	before := cat.requests
	g.run(time.Hour)
	if n := cat.requests - before; n > 200 {
		t.Errorf("cat made %d requests", n)
	}
	if v, in := cat.core.Channel("#c"); in && v.Hubs[0].Trouble == "" {
		t.Errorf("cat is not told that something is wrong: %+v", v)
	}
	cat.do(channels.Leave{Channel: "#c"})
	g.run(time.Hour)
	if n := cat.core.Number("SELECT count(*) FROM channels"); n != 0 {
		t.Errorf("cat can't leave")
	}
}
