package channels

import (
	"slices"
	"time"

	"hubbub/channels/wire"
)

// How long is waited, and how much is read at once.
const (
	fetchLimit  = 500              // entries in a channel's fetch
	maxFetched  = 200              // channels in a fetch
	backoffBase = time.Second      //
	backoffMost = time.Minute      // between attempts on a hub that does not answer
	backoffDead = 5 * time.Minute  // after an hour of that
	ackAfter    = 50               // entries are acknowledged together
	ackWithin   = 10 * time.Minute // at latest
	heardNoted  = time.Hour        // how old what the phonebook says of a hub may be
)

// request makes a request to a hub.
func (s *step) request(h hub, f *flight, calls []wire.SignedCall, wait time.Duration) RequestID {
	s.memory.last++
	id := s.memory.last
	f.id, f.url = id, h.address.URL
	s.memory.flights[id] = f
	public := s.public(h)
	s.out.Requests = append(s.out.Requests, Request{
		ID: id, Hub: h.address, Public: public && !h.trusted, Others: s.locations(h, public),
		Calls: calls, Wait: wait, Line: s.lineNumber(id, f),
	})
	return id
}

// peekLines are the numbers of lines on which one-time keys are looked at.
const peekLines = 1 << 63

// lineNumber tells the lines apart for whoever carries a request. Each look at a
// one-time key has its own: two keys may be of two channels.
func (c *Core) lineNumber(id RequestID, f *flight) uint64 {
	if f.kind == flightPeek && c.options.Unlinked {
		return peekLines | uint64(id)
	}
	return uint64(f.line.channel)
}

// requests makes what is to be asked of hubs and is not under way.
func (s *step) requests() {
	for _, h := range s.hubs() {
		if s.memory.hubs[h.row].retry.After(s.now) {
			continue
		}
		for _, l := range s.lines(h) {
			before := s.memory.lines[l]
			state := before
			s.fetch(h, l, &state)
			s.work(h, l, &state)
			if state != before {
				s.memory.lines[l] = state
			}
			if state.fetch != before.fetch || state.work != before.work {
				known := s.memory.hubs[h.row]
				known.tried = s.now
				s.memory.hubs[h.row] = known
			}
		}
	}
}

// lines are those on which a hub is asked.
func (c *Core) lines(h hub) []line {
	lines := []line{{hub: h.row}}
	if c.options.Unlinked {
		for _, ch := range list(c.book, readNumber, "SELECT channel FROM places WHERE hub = ? ORDER BY channel", h.row) {
			lines = append(lines, line{h.row, ch})
		}
	}
	return lines
}

// carries says that a channel's requests go on a line.
func (c *Core) carries(l line, channel int64) bool {
	return !c.options.Unlinked || l.channel == channel
}

// reading is a channel that is read on a hub.
type reading struct {
	channel int64
	after   int64
	entry   []byte
}

const selectReading = `SELECT p.channel, p.position, p.entry FROM places p JOIN channels c ON c.id = p.channel
	WHERE p.hub = ? AND p.joined = 1 AND p.dropped = 0 AND p.retry <= ? AND c.state IN ('waiting', 'member')
	ORDER BY p.channel`

func readReading(r row) (v reading) {
	scan(r, &v.channel, &v.after, &v.entry)
	return v
}

// reading lists the channels that are read on a line.
func (s *step) reading(l line) []reading {
	all := list(s.book, readReading, selectReading, l.hub, stamp(s.now))
	all = slices.DeleteFunc(all, func(v reading) bool { return !s.carries(l, v.channel) })
	return all[:min(len(all), maxFetched)]
}

// fetch asks a hub for what is new in all channels there. One such request is
// under way on a line at any time; it waits once all have been read to their heads.
func (s *step) fetch(h hub, l line, state *lineState) {
	channels := s.reading(l)
	if f := s.memory.flights[state.fetch]; f != nil {
		same := slices.EqualFunc(channels, f.channels, func(v reading, id int64) bool { return v.channel == id })
		if same {
			return
		}
		delete(s.memory.flights, state.fetch)
		s.out.Cancel = append(s.out.Cancel, state.fetch)
		state.fetch = 0
	}
	if len(channels) == 0 || state.paused.After(s.now) {
		return
	}
	wait := wire.MaxWait
	f := &flight{hub: h.row, line: l, kind: flightFetch, sent: s.now}
	for _, v := range channels {
		f.channels = append(f.channels, v.channel)
		if !s.memory.head[place{v.channel, h.row}] {
			wait = 0
		}
	}
	f.waits = wait > 0
	calls := make([]wire.SignedCall, len(channels))
	for i, v := range channels {
		ch := s.channels[v.channel]
		args := wire.FetchArgs{After: v.after, Limit: fetchLimit, Wait: wait.Milliseconds()}
		copy(args.ID[:], v.entry)
		calls[i] = wire.SignedCall{Op: wire.OpFetch, Channel: wire.Channel(ch.id), Args: args, Key: ch.token}
	}
	state.fetch = s.request(h, f, calls, wait)
}

// work asks a hub everything else that is due, one request at a time.
func (s *step) work(h hub, l line, state *lineState) {
	if state.work != 0 {
		return
	}
	f := flight{hub: h.row, line: l, kind: flightWork, sent: s.now}
	calls := s.batch(h, &f, state)
	calls = s.acks(h, &f, calls)
	calls = s.statuses(h, &f, calls)
	if len(calls) == 0 && l.channel == 0 && s.probes(h, s.memory.hubs[h.row]) {
		f.probe = true
		calls = []wire.SignedCall{{Op: wire.OpStatus, Key: h.account}}
	}
	if len(calls) == 0 {
		return
	}
	state.work = s.request(h, &f, calls, 0)
}

// probes says that a hub is asked how it is for no other reason than to know
// whether it answers: one's own, on which the next channel may be opened.
func (c *Core) probes(h hub, state hubState) bool {
	return h.claimed && h.account != nil && !h.embedded && (!h.up || state.heard.IsZero()) &&
		c.book.number("SELECT count(*) FROM places WHERE hub = ? AND joined = 1", h.row) == 0
}

// acks adds the acknowledgements, if one is due or there is a request anyway.
func (s *step) acks(h hub, f *flight, calls []wire.SignedCall) []wire.SignedCall {
	type due struct {
		ack
		after int64
	}
	list := list(s.book, func(r row) (d due) { scan(r, &d.channel, &d.position, &d.after); return d },
		"SELECT channel, position, ack_after FROM places WHERE hub = ? AND unacked > 0 AND entered = 1 AND dropped = 0 AND retry <= ?",
		h.row, stamp(s.now))
	list = slices.DeleteFunc(list, func(d due) bool { return !s.carries(f.line, d.channel) })
	if len(calls) == 0 && !slices.ContainsFunc(list, func(d due) bool { return d.after <= stamp(s.now) }) {
		return calls
	}
	for _, d := range list {
		ch := s.channels[d.channel]
		if len(calls) == wire.MaxCalls || ch == nil || ch.state == stateLeaving || ch.state == stateRemoved {
			continue
		}
		calls = append(calls, wire.SignedCall{Op: wire.OpAck, Channel: wire.Channel(ch.id), Args: wire.AckArgs{Position: d.position}, Key: ch.token})
		f.acks = append(f.acks, d.ack)
	}
	return calls
}

// acked notes that a hub knows up to where a channel was read, or will be told
// again some time.
func (s *step) acked(hub int64, a ack, taken bool) {
	later := stamp(s.now.Add(ackWithin))
	if !taken {
		s.book.run("UPDATE places SET ack_after = ? WHERE channel = ? AND hub = ?", later, a.channel, hub)
		return
	}
	s.book.run(`UPDATE places SET acked = ?, unacked = CASE WHEN position = ? THEN 0 ELSE unacked END,
		ack_after = ? WHERE channel = ? AND hub = ?`, a.position, a.position, later, a.channel, hub)
}

// answered takes a hub's answer, or that there is none.
func (s *step) answered(in Answered) {
	f := s.memory.flights[in.Request]
	if f == nil {
		return // cancelled, or of an earlier run
	}
	delete(s.memory.flights, in.Request)
	state := s.memory.lines[f.line]
	switch in.Request {
	case state.fetch:
		state.fetch = 0
	case state.work:
		state.work = 0
	}
	s.memory.lines[f.line] = state
	if in.Failure == nil && len(in.Results) != f.size() {
		in.Failure = &HubFailure{Kind: NotAHub, Text: "it answered something else than was asked"}
	}
	if in.Failure != nil {
		s.missed(f, *in.Failure)
		return
	}
	f.astray = in.URL != "" && s.book.number("SELECT count(*) FROM locations WHERE hub = ? AND url = ?", f.hub, canonical(in.URL)) > 0
	if f.astray && s.hasLeft(f, in.Results) {
		s.missed(f, HubFailure{Kind: Unreachable, Text: "it does not answer; at " + cleanLine(in.URL) + ", where it was before, it takes nothing new"})
		return
	}
	s.away = f.astray
	defer func() { s.away = false }()
	s.heard(f.hub, in)
	switch f.kind {
	case flightFetch:
		s.fetched(f, in.Results)
	case flightWork:
		s.worked(f, in.Results)
	case flightPeek:
		s.peeked(f.peek, in.Results[0])
	case flightAsk:
		s.asked(f, in.Results[0])
	}
}

// hasLeft says that the answer to a fetch is from a place that the hub has left: all
// has ended there. What it says of the channels is not the hub's word any more.
func (s *step) hasLeft(f *flight, results []wire.Result) bool {
	return f.kind == flightFetch && slices.ContainsFunc(results, func(result wire.Result) bool {
		var r wire.FetchResult
		return decode(result, &r) == nil && r.Closes > 0 && r.Closes <= s.now.Unix()
	})
}

// size is how many calls a flight has.
func (f *flight) size() int {
	if f.kind == flightPeek || f.kind == flightAsk || f.probe {
		return 1
	}
	return len(f.channels) + len(f.calls) + len(f.acks) + len(f.counts)
}

// heard notes a good answer of a hub.
func (s *step) heard(id int64, in Answered) {
	state := s.memory.hubs[id]
	state.failures, state.retry, state.heard = 0, time.Time{}, s.now
	h, _ := s.hub(id)
	if !h.up || h.note != in.Note || s.now.Sub(state.noted) > heardNoted || in.URL != "" {
		state.noted = s.now
		s.book.run("UPDATE hubs SET up = 1, heard = ?, trouble = '', note = ? WHERE id = ?", stamp(s.now), cleanLine(in.Note), id)
		if h.embedded && in.URL != "" { // others can be sent astray on the way: they stay where they are known
			s.relocate(id, in.URL)
		}
	}
	if !h.trusted && !s.public(h) {
		// It was found where one was willing to look for it: it stays known there,
		// whatever becomes of the reason.
		s.book.run("UPDATE hubs SET trusted = 1 WHERE id = ?", id)
	}
	s.memory.hubs[id] = state
	s.backUp(h)
}

// missed notes that a request came to nothing.
func (s *step) missed(f *flight, why HubFailure) {
	state := s.memory.hubs[f.hub]
	state.failures++
	state.retry = s.now.Add(max(backoff(state.failures), why.Retry))
	s.memory.hubs[f.hub] = state
	line := s.memory.lines[f.line]
	line.idle = 0
	s.memory.lines[f.line] = line
	for p := range s.memory.head {
		if p.hub == f.hub {
			delete(s.memory.head, p)
		}
	}
	h, _ := s.hub(f.hub)
	if trouble := cleanLine(why.Text); h.up || h.trouble != trouble {
		s.book.run("UPDATE hubs SET up = 0, trouble = ? WHERE id = ?", trouble, f.hub)
	}
	if f.kind != flightPeek && h.since.IsZero() {
		s.book.run("UPDATE hubs SET since = ? WHERE id = ?", stamp(s.now), f.hub)
	}
	switch f.kind {
	case flightWork:
		s.uninvited(f, why)
		s.unrescued(f, why)
		s.unredeemed(f, why)
		s.unmirrored(f, why)
	case flightPeek:
		s.unpeeked(f.peek, why)
	case flightAsk:
		s.unasked(f, why)
	}
}

// backoff is how long a hub is left alone after so many failures.
func backoff(failures int) time.Duration {
	most := backoffMost
	if failures > 65 { // an hour of minutes
		most = backoffDead
	}
	d := most
	if failures < 16 {
		d = min(backoffBase<<(failures-1), most)
	}
	return d*3/4 + randomDuration(d/2)
}

// fetched takes what a fetch has found.
func (s *step) fetched(f *flight, results []wire.Result) {
	var pause time.Duration
	found, odd := false, false
	var closes closing
	for i, id := range f.channels {
		ch := s.channels[id]
		if ch == nil || ch.state == stateLeaving || ch.state == stateRemoved {
			continue
		}
		var r wire.FetchResult
		if err := decode(results[i], &r); err != nil {
			if f.id > s.memory.entered[place{id, f.hub}] { // else it was asked before one was let in
				s.refused(ch, f.hub, results[i].Error)
			}
			continue
		}
		pause = max(pause, min(time.Duration(r.Retry)*time.Millisecond, time.Minute))
		read := s.log(ch, f.hub, r)
		found = found || read > 0
		odd = odd || r.Restored || read < len(r.Entries) || r.More && read == 0
		closes.says(r)
	}
	news := s.noteCloses(f, closes)
	state := s.memory.lines[f.line]
	// A hub that has nothing and says so too soon is not asked without end.
	if pause == 0 && !news && (odd || !found && f.waits && s.now.Sub(f.sent) < 2*time.Second) {
		state.idle++
		pause = min(backoffBase<<min(state.idle-1, 6), backoffMost)
	} else if found {
		state.idle = 0
	}
	if pause > 0 {
		state.paused = s.now.Add(pause)
	}
	s.memory.lines[f.line] = state
}
