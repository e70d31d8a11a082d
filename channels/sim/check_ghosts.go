package sim

import (
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// checkGhosts has each who left look at all that the hubs hold, with the copy of
// his phonebook that he has kept: hubs that are in league with him show him
// everything. What was sealed by who knew that he had left he must not be able
// to read.
func (w *World) checkGhosts() {
	for _, tk := range w.talks {
		for _, s := range tk.seats {
			if s.left && s.ghost != "" {
				s.haunt()
			}
		}
	}
}

// haunt starts the copy, and answers all it asks.
func (s *seat) haunt() {
	w := s.talk.w
	core, err := channels.Open(s.ghost, channels.Options{Nick: s.p.name, Quick: true})
	w.must(err)
	defer core.Close()
	w.tell("%s's ghost looks at %s", s.p.name, s.talk.name)
	logs := map[wire.Fingerprint][]wire.Entry{}
	for _, h := range w.houses {
		if !h.hasData() {
			continue
		}
		for _, r := range h.read(3, "SELECT position, keep, bytes FROM entries ORDER BY position") {
			class := wire.ClassText
			if r[1].(int64) == 1 {
				class = wire.ClassKeep
			}
			logs[h.hub.Fingerprint()] = append(logs[h.hub.Fingerprint()], wire.Entry{Position: r[0].(int64), Class: class, Bytes: []byte(r[2].(string))})
		}
	}
	now := s.p.clock()
	var lines []channels.Line
	var todo []channels.Request
	step := func(in channels.Input) {
		out, err := core.Step(in, now)
		w.must(err)
		todo = append(todo, out.Requests...)
		for _, e := range out.Events {
			if l, ok := e.(channels.Line); ok {
				lines = append(lines, l)
			}
		}
	}
	step(channels.Start{})
	for n := 0; n < 60; n++ {
		if len(todo) == 0 {
			now = now.Add(11 * time.Second)
			step(channels.Tick{})
			continue
		}
		r := todo[0]
		todo = todo[1:]
		step(channels.Answered{Request: r.ID, Results: collude(r, logs[r.Hub.Fingerprint])})
	}
	for _, l := range lines {
		if m := w.texts[l.Text]; m != nil && m.from != s && m.from.talk == s.talk && m.sealed && m.to != nil && !m.to[s.id] && !m.alone {
			w.wrong(Private, "%s has left, and reads: %.40q", s.p.name, l.Text)
		}
	}
}

// collude answers a request as who left would like it.
func collude(r channels.Request, log []wire.Entry) []wire.Result {
	results := make([]wire.Result, len(r.Calls))
	for i, c := range r.Calls {
		var value any
		switch args := c.Args.(type) {
		case wire.FetchArgs:
			f := wire.FetchResult{Head: args.After, Generation: [16]byte{1}}
			for _, e := range log {
				if e.Position > args.After && len(f.Entries) < 300 {
					f.Entries, f.Head = append(f.Entries, e), e.Position
				}
			}
			value = f
		case wire.PutArgs:
			value = wire.PutResult{Position: 1, New: true}
		default:
			continue
		}
		results[i].Value, _ = codec.Marshal(value)
	}
	return results
}
