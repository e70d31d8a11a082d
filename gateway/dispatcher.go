package main

import (
	"context"
	"log/slog"
	"time"

	"hubbub/channels"
)

// core is what the dispatcher needs of channels.Core: the step machine and its
// views. Only the dispatcher's goroutine calls it.
type core interface {
	Step(in channels.Input, now time.Time) (channels.Output, error)
	Nick() string
	Channels() []channels.ChannelView
	Channel(name string) (channels.ChannelView, bool)
	Backlog(client string) ([]channels.Line, error)
	Hubs() []channels.HubView
	Invites() []channels.InviteView
	Safety(channel string) (string, error)
	Seen(channel string) ([]channels.SeenView, error)
	Forks() ([]channels.ForkView, error)
}

var _ core = (*channels.Core)(nil)

// carrier carries out what a step asks of hubs. Neither method blocks: each
// answer comes back later through gateway.answered.
type carrier interface {
	Carry(channels.Request)
	Cancel(channels.RequestID)
}

// gateway is one user's: the core, and the IRC clients attached to it. The
// dispatcher, which is the goroutine of run, owns every field below done; all
// else reaches it through do.
type gateway struct {
	settings  settings
	started   time.Time
	inbox     chan func()   // what readers, hub answers and timers have for the dispatcher
	done      chan struct{} // closed when run returns
	comparing chan struct{} // bounds how many passwords are compared at a time

	core       core
	carrier    carrier
	sysop      sysop
	clients    map[*client]struct{}
	lastClient int64
	asked      map[channels.Ref]*asked
	lastRef    channels.Ref
	queue      []channels.Input // to be stepped when the step under way is shown
	stepping   bool
	wake       *time.Timer                // Output.Wake
	again      []channels.Input           // failed steps that must not be lost
	broken     bool                       // the last step failed, and the user was told
	retry      *time.Timer                // when to take again
	rolls      map[string]map[string]bool // who clients have been told is in a channel, by folded names
	waiting    map[string]bool            // channels whose members are not known yet, folded
	unheard    []unheard                  // what no client was there to be told
	invited    map[string]bool            // of which forks which client names have been told
}

// settings are what the configuration says about IRC.
type settings struct {
	Version  string
	Password password
	Now      func() time.Time // the gateway's clock; nil: the machine's
}

// newGateway prepares a gateway; set carrier, then call run.
func newGateway(s settings, c core) *gateway {
	if s.Now == nil {
		s.Now = time.Now
	}
	return &gateway{
		settings:  s,
		started:   s.Now(),
		inbox:     make(chan func(), 16),
		done:      make(chan struct{}),
		comparing: make(chan struct{}, 2),
		core:      c,
		wake:      stoppedTimer(),
		retry:     stoppedTimer(),
		clients:   make(map[*client]struct{}),
		rolls:     make(map[string]map[string]bool),
		waiting:   make(map[string]bool),
		asked:     make(map[channels.Ref]*asked),
		invited:   make(map[string]bool),
	}
}

// run is the dispatcher. It begins with channels.Start and ends with ctx, when
// it tells every client and closes it. The core stays open.
func (g *gateway) run(ctx context.Context) {
	defer close(g.done)
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	g.step(channels.Start{})
	g.noteWaiting()
	for {
		select {
		case f := <-g.inbox:
			f()
		case <-g.wake.C:
			g.step(channels.Tick{})
		case <-g.retry.C:
			g.stepAgain()
		case <-sweep.C:
			g.sweep()
		case <-ctx.Done():
			g.closeAll("the gateway is stopping")
			return
		}
	}
}

// do has the dispatcher call f, after what was given to it before. It reports
// false, and f is not called, when the dispatcher has stopped. Never call it
// from the dispatcher itself.
func (g *gateway) do(f func()) bool {
	select {
	case <-g.done:
		return false
	default:
	}
	select {
	case g.inbox <- f:
		return true
	case <-g.done:
		return false
	}
}

// answered brings a hub's answer to the dispatcher. Any goroutine may call it.
func (g *gateway) answered(a channels.Answered) {
	g.do(func() { g.step(a) })
}

// step gives the core an input, has its requests carried out and shows its
// events. An input that comes up while events are shown waits its turn, so
// that clients see events in the core's order.
func (g *gateway) step(in channels.Input) {
	g.queue = append(g.queue, in)
	if g.stepping {
		return
	}
	g.stepping = true
	for len(g.queue) > 0 {
		in, g.queue = g.queue[0], g.queue[1:]
		g.stepOne(in)
	}
	g.stepping = false
	g.showRanks()
	g.markAll()
}

func (g *gateway) stepOne(in channels.Input) {
	now := g.settings.Now()
	out, err := g.core.Step(in, now)
	if err != nil {
		g.stepFailed(in, err)
		return
	}
	if g.broken {
		g.broken = false
		g.tellAll("The phonebook can be written again.")
	}
	for _, id := range out.Cancel {
		g.carrier.Cancel(id)
	}
	for _, r := range out.Requests {
		g.carrier.Carry(r)
	}
	if out.Wake.IsZero() {
		g.wake.Stop()
	} else {
		g.wake.Reset(max(out.Wake.Sub(now), shortestWake))
	}
	for _, ev := range vacateFirst(out.Events) {
		g.show(ev)
	}
}

// shortestWake keeps a wake time in the past from becoming a busy loop.
const shortestWake = 5 * time.Millisecond

// stepFailed handles the phonebook's own failure: disk full, file gone. Whoever
// asked is told; an answer of a hub, and the Start, are tried again, for they
// come only once.
func (g *gateway) stepFailed(in channels.Input, err error) {
	slog.Error("the phonebook could not be written", "err", err)
	switch in := in.(type) {
	case channels.Answered, channels.Start, channels.Tick:
		if len(g.again) == 0 {
			g.retry.Reset(retryStep)
		}
		g.again = append(g.again, in)
		if !g.broken {
			g.broken = true
			g.tellAll("The phonebook cannot be written (" + err.Error() + "): until it can, nothing comes in and nothing goes out. Make room on the disk. Nothing is lost.")
		}
	case channels.Delivered: // the lines come again, that is all
	default:
		g.show(channels.Failed{
			Ref:  refOf(in),
			Code: channels.CodeInternal,
			Text: "the phonebook could not be written (" + err.Error() + "): nothing was done; make room on the disk, then try again",
		})
	}
}

const retryStep = time.Second

// stepAgain gives the core what failed before.
func (g *gateway) stepAgain() {
	again := g.again
	g.again = nil
	for _, in := range again {
		g.step(in)
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}
