package channels_test

import (
	"crypto/ed25519"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

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
	watch  func()             // if set, is called after each step
	spent  time.Duration      // of the processor's time, in steps
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
	begin := processor()
	out, err := p.core.Step(in, p.w.now.Add(p.skew))
	p.spent += processor() - begin
	if err != nil {
		p.w.t.Fatalf("%s: %T: %v", p.name, in, err)
	}
	p.steps++
	if p.watch != nil {
		p.watch()
	}
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
		if p.w.tweak != nil {
			p.w.tweak(p, r, &a)
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
