package channels_test

import (
	"fmt"
	"reflect"
	"testing"
	"testing/cryptotest"
	"time"

	"hubbub/channels"
)

// fullDisk runs f while the disk is full; nil where that can't be had.
var fullDisk func(t testing.TB, f func())

// step gives an input. At times the disk is full: then nothing of it may take
// effect, and the same input works when there is room again.
func (p *player) step(in channels.Input, now time.Time) (channels.Output, error) {
	g := p.g
	if fullDisk == nil || !g.fault(g.faults.Disk) {
		return p.core.Step(in, now)
	}
	before := p.state()
	var out channels.Output
	var err error
	fullDisk(g.t, func() { out, err = p.core.Step(in, now) })
	if err == nil {
		return out, nil // there was nothing to write
	}
	g.tell("%s's disk is full: %v", p.name, err)
	p.failed++
	if len(out.Events)+len(out.Requests)+len(out.Cancel) > 0 || !out.Wake.IsZero() {
		g.wrong("a step of %s's failed, and gave %+v", p.name, out)
	}
	if after := p.state(); !reflect.DeepEqual(before, after) {
		g.wrong("a step of %s's failed, and changed\n\t%+v\nto\n\t%+v", p.name, before, after)
	}
	return p.core.Step(in, now)
}

// state is all that can be seen of a gateway.
func (p *player) state() []any {
	lines, err := p.core.Backlog("all")
	return []any{
		p.core.Nick(), p.core.Channels(), p.core.Invites(), p.core.Hubs(), fmt.Sprint(lines), err,
		p.core.Number("SELECT (SELECT count(*) FROM calls) + 1000 * (SELECT count(*) FROM entries) + 1000000 * (SELECT count(*) FROM outbox)"),
		p.core.Number("SELECT sum(iteration) + sum(seq) FROM channels LEFT JOIN sending ON channels.id = sending.channel"),
	}
}

// TestAFullDisk lets the disk be full at every third step.
func TestAFullDisk(t *testing.T) {
	long(t)
	if fullDisk == nil {
		t.Skip("the disk can't be made to look full here")
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, seed)
			g := emptyRandomWorld(t, seed)
			g.calm = true
			ann, ben := g.twoPlayers()
			g.calm, g.faults.Disk, g.faults.Delay = false, 0.3, time.Second
			tk := g.talks[0]
			for range 20 {
				ann.say(ann.seat(tk))
				ben.say(ben.seat(tk))
				g.run(5 * time.Second)
			}
			g.calm = true
			g.run(10 * time.Minute)
			g.checkWorld()
			if ann.failed < 10 || ben.failed < 10 {
				t.Errorf("the disk was full %d and %d times", ann.failed, ben.failed)
			}
			g.finish()
		})
	}
}
