package channels_test

import (
	"container/heap"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub"
)

// world is a small world in virtual time: people with their cores, and the real
// hubs, in one goroutine. What is asked of a hub is sealed and opened as on the
// wire; only waiting is the world's own, since a hub waits in real time.
type world struct {
	t       testing.TB
	dir     string
	now     time.Time
	queue   queue
	turn    int
	options channels.Options // of all gateways, but for their nicks
	hubs    map[wire.Fingerprint]*hubHouse
	named   map[string]*hubHouse
	people  []*person
	latency time.Duration // one way
	hold    time.Duration // how long hubs hold what waits, if longer than it asks for: so that days pass in few steps

	// mangle, if set, is asked what becomes of an answer: how often it arrives.
	mangle func(p *person, r channels.Request) int
	// hide, if set, says which entries a hub withholds from whom.
	hide func(p *person, e wire.Entry) bool
	// cut, if set, says that somebody cannot reach a hub.
	cut func(p *person, h *hubHouse) bool
	// take, if set, may take an answer away from whom it is for.
	take func(p *person, a channels.Answered) bool
}

// begin makes a world that is the same each time.
func begin(t *testing.T) *world {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	return newWorld(t)
}

func newWorld(t testing.TB) *world {
	_, bench := t.(*testing.B)
	return &world{
		t: t, options: channels.Options{Quick: !bench}, dir: t.TempDir(), now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), latency: 20 * time.Millisecond,
		hubs: map[wire.Fingerprint]*hubHouse{}, named: map[string]*hubHouse{},
	}
}

// hubHouse is a hub and the line to it.
type hubHouse struct {
	w       *world
	name    string
	url     string
	data    string
	hub     *hub.Hub
	down    bool
	held    []*held
	asked   int
	secret  [16]byte
	entries int
}

// held is a request that waits at a hub.
type held struct {
	answer func(channels.Answered)
	r      channels.Request
	until  time.Time
	gone   bool
}

func (w *world) hub(name string) *hubHouse {
	if h := w.named[name]; h != nil {
		return h
	}
	h := &hubHouse{w: w, name: name, url: "http://" + name + ".example/hub.cgi", data: filepath.Join(w.dir, name)}
	h.open()
	key, ok, err := hub.ReadClaim(h.data)
	if err != nil || !ok {
		w.t.Fatalf("the claim of %s: %v %v", name, ok, err)
	}
	h.secret = key.Secret
	w.named[name], w.hubs[h.hub.Fingerprint()] = h, h
	return h
}

func (h *hubHouse) open() {
	opened, err := hub.Open(hub.Config{Data: h.data, Alone: true, Held: 1000, Now: func() time.Time { return h.w.now }})
	if err != nil {
		h.w.t.Fatal(err)
	}
	h.hub = opened
	h.w.t.Cleanup(func() { opened.Close() })
}

func (h *hubHouse) address() channels.HubAddress {
	return channels.HubAddress{URL: h.url, Fingerprint: h.hub.Fingerprint()}
}

// ask carries a request to the hub.
func (h *hubHouse) ask(r channels.Request, answer func(channels.Answered)) {
	if h.down {
		answer(channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "it does not answer"}})
		return
	}
	h.asked++
	results, err := h.exchange(r)
	if err != nil {
		answer(channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Refused, Text: err.Error()}})
		return
	}
	if r.Wait > 0 && !news(r, results) {
		v := &held{answer: answer, r: r, until: h.w.now.Add(max(r.Wait, h.w.hold))}
		h.held = append(h.held, v)
		h.w.at(v.until, func() { h.look(v, true) })
		return
	}
	answer(channels.Answered{Request: r.ID, Results: results})
	if r.Wait == 0 {
		h.ring()
	}
}

// ring has all that waits look again.
func (h *hubHouse) ring() {
	for _, v := range slices.Clone(h.held) {
		h.w.at(h.w.now.Add(time.Millisecond), func() { h.look(v, false) })
	}
}

// look answers a waiting request if there is something, or if its time is over.
func (h *hubHouse) look(v *held, over bool) {
	if v.gone || h.down {
		return
	}
	results, err := h.exchange(v.r)
	if err != nil {
		h.w.t.Fatalf("a waiting request: %v", err)
	}
	if over || news(v.r, results) {
		h.drop(v)
		v.answer(channels.Answered{Request: v.r.ID, Results: results})
	}
}

func (h *hubHouse) drop(v *held) {
	v.gone = true
	h.held = slices.DeleteFunc(h.held, func(o *held) bool { return o == v })
}

// news says that a waiting request is to be answered at once.
func news(r channels.Request, results []wire.Result) bool {
	for i, c := range r.Calls {
		if c.Op != wire.OpFetch {
			continue
		}
		var f wire.FetchResult
		if results[i].Error != nil || codec.Unmarshal(results[i].Value, &f) != nil || len(f.Entries) > 0 || f.More || f.Restored {
			return true
		}
	}
	return false
}

// exchange seals a request, has the hub answer it, and opens the answer.
func (h *hubHouse) exchange(r channels.Request) ([]wire.Result, error) {
	shown, err := h.hub.Keys()
	if err != nil {
		return nil, err
	}
	keys, err := wire.OpenHubKeys(shown)
	if err != nil {
		return nil, err
	}
	if keys.Fingerprint() != r.Hub.Fingerprint {
		return nil, fmt.Errorf("another hub")
	}
	key, err := keys.Newest()
	if err != nil {
		return nil, err
	}
	calls := slices.Clone(r.Calls)
	for i := range calls {
		if f, ok := calls[i].Args.(wire.FetchArgs); ok {
			f.Wait = 0
			calls[i].Args = f
		}
	}
	sealed, exchange, err := wire.SealRequest(key, r.Hub.Fingerprint, h.w.now.Unix(), calls)
	if err != nil {
		h.w.t.Fatalf("sealing a request: %v", err)
	}
	answer, err := h.hub.Answer(context.Background(), sealed)
	if err != nil {
		return nil, err
	}
	response, err := exchange.OpenResponse(answer)
	if err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, response.Error
	}
	return response.Results, nil
}

// fall takes the hub down: what waits there breaks off.
func (h *hubHouse) fall() {
	h.down = true
	for _, v := range slices.Clone(h.held) {
		h.drop(v)
		v.answer(channels.Answered{Request: v.r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "the connection broke"}})
	}
}

func (h *hubHouse) rise() { h.down = false }

// backup copies the hub's folder, restore puts it back, wipe deletes the
// database in it but not the keys. The hub is down meanwhile.
func (h *hubHouse) backup() {
	h.hub.Close()
	if err := os.CopyFS(h.data+".backup", os.DirFS(h.data)); err != nil {
		h.w.t.Fatal(err)
	}
	h.open()
}

func (h *hubHouse) restore() {
	h.hub.Close()
	if err := errors.Join(os.RemoveAll(h.data), os.Rename(h.data+".backup", h.data)); err != nil {
		h.w.t.Fatal(err)
	}
	h.open()
}

func (h *hubHouse) wipe() {
	h.hub.Close()
	files, err := filepath.Glob(filepath.Join(h.data, "*.db*"))
	if err != nil || len(files) == 0 {
		h.w.t.Fatal("there is nothing to wipe")
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			h.w.t.Fatal(err)
		}
	}
	h.open()
}

// person is somebody with a gateway.
type person struct {
	w      *world
	name   string
	dir    string
	core   *channels.Core // nil: not running
	life   int            // counts runs: answers to an earlier one are lost
	events []channels.Event
	flying map[channels.RequestID]func() // what cancels them
	wake   time.Time
	ref    channels.Ref
	skew   time.Duration // of the clock
	steps  int
	made   []channels.Request // all that it ever made
	crash  int                // the step after which the gateway dies; 0: never
	mute   bool               // it dies before anything is carried out
}

// person makes somebody, with a gateway that runs and an embedded hub of no use.
func (w *world) person(name string) *person {
	p := &person{w: w, name: name, dir: filepath.Join(w.dir, "phonebook of "+name+" 100%?#")}
	w.people = append(w.people, p)
	p.start()
	return p
}

func (p *person) start() {
	p.w.t.Helper()
	if p.core != nil {
		p.w.t.Fatalf("%s runs already", p.name)
	}
	options := p.w.options
	options.Nick = p.name
	core, err := channels.Open(p.dir, options)
	if err != nil {
		p.w.t.Fatalf("%s: %v", p.name, err)
	}
	p.core, p.flying, p.wake = core, map[channels.RequestID]func(){}, time.Time{}
	p.life++
	p.step(channels.Start{})
}

// stop ends the gateway without a word to anybody. What it asked of hubs is
// still done there, and its answers are lost.
func (p *person) stop() {
	p.w.t.Helper()
	if err := p.core.Close(); err != nil {
		p.w.t.Fatal(err)
	}
	p.core = nil
	p.life++
}

func (p *person) restart() {
	p.w.t.Helper()
	p.stop()
	p.start()
}

// step gives an input and carries out what comes of it.
func (p *person) step(in channels.Input) []channels.Event {
	p.w.t.Helper()
	out, err := p.core.Step(in, p.w.now.Add(p.skew))
	if err != nil {
		p.w.t.Fatalf("%s: %T: %v", p.name, in, err)
	}
	p.steps++
	dies := p.steps == p.crash
	if dies && p.mute {
		p.restart()
		return nil
	}
	p.carryOut(out)
	if dies {
		p.restart()
	}
	return out.Events
}

// carryOut does what a step has asked for.
func (p *person) carryOut(out channels.Output) {
	p.events = append(p.events, out.Events...)
	for _, id := range out.Cancel {
		if cancel := p.flying[id]; cancel != nil {
			cancel()
		}
		delete(p.flying, id)
	}
	for _, r := range out.Requests {
		p.request(r)
	}
	p.wake = time.Time{}
	if !out.Wake.IsZero() {
		p.wake = out.Wake.Add(-p.skew)
		if p.wake.Before(p.w.now.Add(time.Millisecond)) {
			p.wake = p.w.now.Add(time.Millisecond)
		}
		life, wake := p.life, p.wake
		p.w.at(p.wake, func() {
			if p.life == life && p.wake.Equal(wake) {
				p.step(channels.Tick{})
			}
		})
	}
}

// request carries a request to its hub, and the answer back.
func (p *person) request(r channels.Request) {
	life, cancelled := p.life, false
	p.made = append(p.made, r)
	var waiting *held
	h := p.w.hubs[r.Hub.Fingerprint]
	p.flying[r.ID] = func() {
		cancelled = true
		if waiting != nil && h != nil {
			h.drop(waiting)
		}
	}
	back := func(a channels.Answered) {
		times := 1
		if p.w.mangle != nil {
			times = p.w.mangle(p, r)
		}
		if times == 0 {
			a = channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "the answer was lost"}}
			times = 1
		}
		if p.w.cut != nil && h != nil && p.w.cut(p, h) {
			a = channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "no route there"}}
		}
		p.w.withhold(p, r, a.Results)
		for range times {
			p.w.at(p.w.now.Add(p.w.latency), func() {
				if p.life == life && !cancelled && (p.w.take == nil || !p.w.take(p, a)) {
					delete(p.flying, r.ID)
					p.step(a)
				}
			})
		}
	}
	p.w.at(p.w.now.Add(p.w.latency), func() {
		switch {
		case cancelled:
		case h != nil && p.w.cut != nil && p.w.cut(p, h):
			back(channels.Answered{Request: r.ID})
		case h == nil || !strings.EqualFold(h.url, r.Hub.URL):
			back(channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "no such host"}})
		default:
			before := len(h.held)
			h.ask(r, back)
			if len(h.held) > before {
				waiting = h.held[len(h.held)-1]
			}
		}
	})
}

// putsOut has a hub put a member out of the first channel that the person is
// in, who has opened it there.
func (p *person) putsOut(h *hubHouse, other *person) {
	p.w.t.Helper()
	id := p.core.Blobs("SELECT channel FROM channels")[0]
	key := ed25519.NewKeyFromSeed(p.core.Blobs("SELECT token FROM channels")[0])
	token := ed25519.NewKeyFromSeed(other.core.Blobs("SELECT token FROM channels")[0]).Public().(ed25519.PublicKey)
	results, err := h.exchange(channels.Request{Hub: h.address(), Calls: []wire.SignedCall{{
		Op: wire.OpRevoke, Channel: wire.Channel(id), Args: wire.RevokeArgs{Token: wire.Token(token)}, Key: key,
	}}})
	if err != nil || results[0].Error != nil {
		p.w.t.Fatalf("putting %s out: %v %+v", other.name, err, results)
	}
	h.ring()
}

// puts puts any bytes into the log of a channel, with the person's own token.
func (p *person) puts(channel string, entry []byte) {
	p.w.t.Helper()
	id := p.core.Blobs("SELECT channel FROM channels WHERE name = ?", channel)[0]
	token := p.core.Blobs("SELECT token FROM channels WHERE name = ?", channel)[0]
	h := p.w.named["attic"]
	h.ask(channels.Request{Hub: h.address(), Calls: []wire.SignedCall{{
		Op: wire.OpPut, Channel: wire.Channel(id), Args: wire.PutArgs{Class: wire.ClassKeep, Entry: entry}, Key: ed25519.NewKeyFromSeed(token),
	}}}, func(a channels.Answered) {
		if a.Failure != nil || a.Results[0].Error != nil {
			p.w.t.Fatalf("putting: %+v", a)
		}
	})
}

// withhold takes entries out of answers.
func (w *world) withhold(p *person, r channels.Request, results []wire.Result) {
	if w.hide == nil {
		return
	}
	for i := range results {
		var f wire.FetchResult
		if r.Calls[i].Op != wire.OpFetch || codec.Unmarshal(results[i].Value, &f) != nil {
			continue
		}
		f.Entries = slices.DeleteFunc(f.Entries, func(e wire.Entry) bool { return w.hide(p, e) })
		value, err := codec.Marshal(f)
		if err != nil {
			w.t.Fatal(err)
		}
		results[i].Value = value
	}
}

// do gives an input of the user's, and its events.
func (p *person) do(in channels.Input) []channels.Event { p.w.t.Helper(); return p.step(in) }

// owns makes a hub the person's own.
func (p *person) owns(h *hubHouse, embedded bool) {
	p.w.t.Helper()
	p.step(channels.UseHub{Ref: 1, Hub: h.address(), Secret: h.secret, Embedded: embedded})
	p.w.run(time.Second)
	if _, ok := find[channels.HubReady](p); !ok {
		p.w.t.Fatalf("%s could not claim %s: %v", p.name, h.name, p.events)
	}
}

// invites makes a one-time key for a channel.
func (p *person) invites(channel string) string {
	p.w.t.Helper()
	p.step(channels.Invite{Ref: 7, Channel: channel, Note: "a friend"})
	p.w.run(time.Second)
	v, ok := last[channels.Invited](p)
	if !ok || v.Ref != 7 {
		p.w.t.Fatalf("%s got no key: %v", p.name, p.events)
	}
	return v.Key
}

// says sends a text.
func (p *person) says(channel, text string) {
	p.w.t.Helper()
	p.ref++
	for _, e := range p.step(channels.Send{Ref: p.ref, Channel: channel, Kind: channels.Text, Text: text}) {
		if f, ok := e.(channels.Failed); ok {
			p.w.t.Fatalf("%s could not say %q: %+v", p.name, text, f)
		}
	}
}

// lines are the texts that a person saw in a channel, own ones too, as
// "nick: text".
func (p *person) lines(channel string) []string {
	var lines []string
	for _, e := range p.events {
		if l, ok := e.(channels.Line); ok && l.Channel == channel && l.Kind != channels.Info {
			lines = append(lines, l.From+": "+l.Text)
		}
	}
	return lines
}

// infos are hubbub's own words in a channel.
func (p *person) infos(channel string) []string {
	var lines []string
	for _, e := range p.events {
		if l, ok := e.(channels.Line); ok && l.Channel == channel && l.Kind == channels.Info {
			lines = append(lines, l.Text)
		}
	}
	return lines
}

// saw holds the lines of a channel against what they should be.
func (p *person) saw(channel string, want ...string) {
	p.w.t.Helper()
	if got := p.lines(channel); !slices.Equal(got, want) {
		p.w.t.Errorf("%s saw in %s\n\t%q, not\n\t%q", p.name, channel, got, want)
	}
}

// nicks are those in a channel, the user first.
func (p *person) nicks(channel string) []string {
	p.w.t.Helper()
	v, ok := p.core.Channel(channel)
	if !ok {
		p.w.t.Fatalf("%s is not in %s", p.name, channel)
	}
	var nicks []string
	for _, m := range v.Members {
		nicks = append(nicks, m.Nick)
	}
	return nicks
}

// find is the first event of a type.
func find[E channels.Event](p *person) (e E, ok bool) {
	for _, v := range p.events {
		if e, ok = v.(E); ok {
			return e, true
		}
	}
	return e, false
}

// last is the last event of a type.
func last[E channels.Event](p *person) (e E, ok bool) {
	for _, v := range slices.Backward(p.events) {
		if e, ok = v.(E); ok {
			return e, true
		}
	}
	return e, false
}

// count counts the events of a type.
func count[E channels.Event](p *person) (n int) {
	for _, v := range p.events {
		if _, ok := v.(E); ok {
			n++
		}
	}
	return n
}

// two are alice and bob, who talk in a channel on alice's hub.
func (w *world) two() (alice, bob *person) {
	w.t.Helper()
	alice, bob = w.person("alice"), w.person("bob")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Ref: 2, Channel: "#bob"})
	bob.redeems("#alice", alice.invites("#bob"))
	w.run(2 * time.Second)
	return alice, bob
}

// redeems joins by a key, and demands that it works.
func (p *person) redeems(channel, key string) {
	p.w.t.Helper()
	p.step(channels.Redeem{Ref: 9, Channel: channel, Key: key})
	p.w.run(500 * time.Millisecond)
	v, ok := last[channels.Shown](p)
	if !ok || v.Ref != 9 || v.Channel != channel {
		p.w.t.Fatalf("%s did not get in: %v", p.name, p.events)
	}
}

// at has something happen at a time.
func (w *world) at(t time.Time, f func()) {
	w.turn++
	heap.Push(&w.queue, &happening{t, w.turn, f})
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	most := 5000 + int(d/time.Minute)*len(w.people)*400
	for steps := 0; len(w.queue) > 0 && !w.queue[0].at.After(end); steps++ {
		if steps > most {
			w.t.Fatalf("the world does not come to rest: %d things have happened in %v", steps, w.now.Sub(end.Add(-d)))
		}
		h := heap.Pop(&w.queue).(*happening)
		if h.at.After(w.now) {
			w.now = h.at
		}
		h.do()
	}
	w.now = end
}

type happening struct {
	at   time.Time
	turn int
	do   func()
}

// queue is what is to happen, by time, then in the order in which it was set.
type queue []*happening

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].turn < q[j].turn
}
func (q *queue) Push(h any) { *q = append(*q, h.(*happening)) }
func (q *queue) Pop() any {
	old := *q
	h := old[len(old)-1]
	*q = old[:len(old)-1]
	return h
}

// history is what a channel's lines are in the phonebook, without hubbub's own.
func (p *person) history(channel string) []string {
	p.w.t.Helper()
	all, err := p.core.Backlog("somebody who was never here")
	if err != nil {
		p.w.t.Fatal(err)
	}
	var lines []string
	for _, l := range all {
		if l.Channel == channel && l.Kind != channels.Info {
			lines = append(lines, l.From+": "+l.Text)
		}
	}
	return lines
}
