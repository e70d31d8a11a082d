package channels

import (
	"maps"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// memory is what the core knows of this run alone. It is copied before each
// step and put back if the step fails, so everything in it is a value, or is never
// changed once it is there.
type memory struct {
	now      time.Time // of the last step
	last     RequestID
	flights  map[RequestID]*flight
	hubs     map[int64]hubState
	lines    map[line]lineState
	entered  map[place]RequestID  // the last request made before one was let in, in this run
	head     map[place]bool       // read to the head: as long as it is asked for what comes
	invited  map[int64]Ref        // who waits for an invite, by its row
	took     map[int64]int64      // which hub of others has taken an invite's offer, while an own one is waited for
	joining  map[session.Slot]Ref // who waits for a redeeming
	claiming map[int64]Ref        // who waits for an account, by the hub's row
	placing  map[place]Ref        // who waits for a channel to be kept on a further hub
	private  map[roster.Hash]bool // hub+ at private addresses of which the user was told
	rescuing map[place]Ref        // who waits for rescue keys
	moving   map[int64]Ref        // who waits for a hub to be left at its old URL, by its row
	forking  map[int64]Ref        // who waits for the others of a channel to be invited to another, by its row
	asks     []ask                // what hubs are to be asked on the user's accounts; never changed, but replaced
	asked    map[asker]time.Time  // when a member was last given what was missing there; of all: when it counts no more
	cleaned  time.Time            // when old things were deleted last
	truncate time.Time            // when the write-ahead log is to be emptied; zero: not needed
}

// asker is a member of a channel, by its row, who asks for an envelope or a
// sender key, or for anything if both are zero.
type asker struct {
	channel int64
	member  session.Member
	id      session.ID
	key     session.KeyID
}

// place is a channel on a hub, by their rows.
type place struct{ channel, hub int64 }

// hubState is how it goes with a hub.
type hubState struct {
	failures int       // since the last good answer
	retry    time.Time // nothing is asked of it before
	tried    time.Time // when something was asked last
	heard    time.Time // its last good answer
	noted    time.Time // what the phonebook says of that
	moved    time.Time // when it was found to be elsewhere
}

// line is what shares requests to a hub: all channels there, or one, if the hub
// is not to see that they belong together (Options.Unlinked).
type line struct{ hub, channel int64 }

// lineState is what is under way on a line.
type lineState struct {
	fetch  RequestID // 0: none
	work   RequestID // the other request that is
	paused time.Time // no fetch is made before
	idle   int       // waiting fetches that were answered at once, with nothing
	turn   int64     // the channel whose calls went last
}

// flight is a request under way.
type flight struct {
	id       RequestID
	hub      int64
	line     line
	kind     flightKind
	sent     time.Time
	waits    bool
	channels []int64 // fetch: whose call is at that place
	calls    []int64 // work: rows of calls, then come the acks
	acks     []ack
	counts   []int64 // channels that the hub is asked the numbers of, behind the acks
	probe    bool    // work: it only asks how the hub is
	peek     *peek
	ask      AskHub // flightAsk: what is asked
	url      string // where the hub was asked
	astray   bool   // it was another of its URLs that answered
}

type flightKind int

const (
	flightFetch flightKind = iota
	flightWork
	flightPeek
	flightAsk
)

// ack is an acknowledgement under way.
type ack struct {
	channel  int64
	position int64
}

func newMemory() memory {
	return memory{
		flights: map[RequestID]*flight{}, hubs: map[int64]hubState{}, lines: map[line]lineState{}, entered: map[place]RequestID{}, head: map[place]bool{},
		invited: map[int64]Ref{}, took: map[int64]int64{}, joining: map[session.Slot]Ref{}, claiming: map[int64]Ref{}, placing: map[place]Ref{}, rescuing: map[place]Ref{}, moving: map[int64]Ref{}, forking: map[int64]Ref{}, private: map[roster.Hash]bool{}, asked: map[asker]time.Time{},
	}
}

func (m memory) clone() memory {
	m.flights = maps.Clone(m.flights)
	m.hubs = maps.Clone(m.hubs)
	m.lines = maps.Clone(m.lines)
	m.entered = maps.Clone(m.entered)
	m.head = maps.Clone(m.head)
	m.invited = maps.Clone(m.invited)
	m.took = maps.Clone(m.took)
	m.joining = maps.Clone(m.joining)
	m.claiming = maps.Clone(m.claiming)
	m.placing = maps.Clone(m.placing)
	m.private = maps.Clone(m.private)
	m.rescuing = maps.Clone(m.rescuing)
	m.moving = maps.Clone(m.moving)
	m.forking = maps.Clone(m.forking)
	m.asked = maps.Clone(m.asked)
	return m
}

// shift moves all times, after the clock was set.
func (m *memory) shift(by time.Duration) {
	for row, h := range m.hubs {
		for _, t := range []*time.Time{&h.retry, &h.tried, &h.heard, &h.noted} {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
		m.hubs[row] = h
	}
	for l, state := range m.lines {
		if !state.paused.IsZero() {
			state.paused = state.paused.Add(by)
		}
		m.lines[l] = state
	}
	for a, t := range m.asked {
		m.asked[a] = t.Add(by)
	}
	for _, t := range []*time.Time{&m.truncate, &m.cleaned} {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
}
