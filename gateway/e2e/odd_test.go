//go:build linux

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/hubtest"
)

// TestOddHub has one of a channel's two hubs answer what no hub should, in each
// way that broken hosting, a network in between or a liar would. The talk goes
// on by the other, nothing that a gateway knows changes, status names the hub
// and what is wrong, and when it is itself again it gets what it lacks.
func TestOddHub(t *testing.T) {
	long(t)
	t.Parallel()
	const (
		notHub = `DOWN.*\n.*is not at its address: `
		odd    = notHub + `what answers there is not a hub, or its answers are changed`
	)
	for _, way := range []struct {
		name string
		odd  func(t *testing.T, f *hubtest.Front)
		says string // status, of the odd hub
	}{
		{"a page", always(hubtest.HTML), notHub + `a web page`},
		{"a login page", always(hubtest.Login), notHub},
		{"an error", always(hubtest.Status(http.StatusInternalServerError)), `DOWN.*\n.*answers 500`},
		{"not found", always(hubtest.Status(http.StatusNotFound)), notHub + `there is no such page`},
		{"half an answer", always(hubtest.Half), `DOWN.*\n.*cannot be reached`},
		{"no answer", always(hubtest.Cut), `DOWN.*\n.*cannot be reached`},
		{"hanging", always(hubtest.Hang), `DOWN.*\n.*(time|answer)`},
		{"garbage", always(hubtest.Garbage), odd},
		{"garbage for requests alone", func(t *testing.T, f *hubtest.Front) { f.DoPosts(hubtest.Garbage) }, odd},
		{"a bit changed", func(t *testing.T, f *hubtest.Front) { f.DoPosts(hubtest.Changed) }, odd},
		{"old answers", func(t *testing.T, f *hubtest.Front) { f.DoPosts(f.Replay) }, odd},
		{"another hub's answers", func(t *testing.T, f *hubtest.Front) { f.DoPosts(another(t).Replay) }, odd},
		{"another hub", func(t *testing.T, f *hubtest.Front) { f.Do(another(t).Instead) }, `DOWN.*\n.*another hub has taken its place`},
		{"no room", func(t *testing.T, f *hubtest.Front) { f.Refuse(wire.CodeFull) }, `up, but FULL`},
		{"busy", func(t *testing.T, f *hubtest.Front) { f.Refuse(wire.CodeBusy) }, `busy`},
		{"denied", func(t *testing.T, f *hubtest.Front) { f.Refuse(wire.CodeDenied) }, `up, but`},
		{"failing", func(t *testing.T, f *hubtest.Front) { f.Refuse(wire.CodeInternal) }, `internal`},
		// These anybody in the channel could have put there.
		{"entries that are none", func(t *testing.T, f *hubtest.Front) { f.Lie(hubtest.Lies{Fetched: noise}) }, "NO SENSE"},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			oddStory(t, way.odd, way.says)
		})
	}
}

func always(b hubtest.Behaviour) func(*testing.T, *hubtest.Front) {
	return func(_ *testing.T, f *hubtest.Front) { f.Do(b) }
}

// another is another hub, which has answered something.
func another(t *testing.T) *hubtest.Front {
	t.Helper()
	f := hubtest.StartFront(t)
	mallory := dialTalker(t, startGateway(t, "mallory").Addr(), "mallory")
	addHub(mallory, &hub{Running: f.Running})
	mallory.Invite("#trap", "anybody")
	return f
}

// noise puts an entry that nobody has sent into what is fetched.
func noise(_ wire.Channel, _ wire.Token, result *wire.FetchResult) {
	for i := range result.Entries {
		result.Entries[i].Bytes = []byte(strings.Repeat("noise", 300))
	}
}

func oddStory(t *testing.T, odd func(*testing.T, *hubtest.Front), says string) {
	good, front := hubtest.StartHandler(t), hubtest.StartFront(t)
	alice, bob := newPerson(t, "alice", "#bob"), newPerson(t, "bob", "#alice")
	all := []*person{alice, bob}
	addHub(alice.scribe(), &hub{Running: good})
	addHub(bob.scribe(), &hub{Running: front.Running})
	bob.joins(alice)
	for _, p := range all {
		p.In(all...)
		p.Sees(good.URL, isUp)
		p.Sees(front.URL, isUp)
	}
	alice.scribe().Send("TOPIC #bob :croquet at noon")
	converse("all is well", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
	for _, p := range all {
		p.Refilled(front.URL)
	}
	before := []string{alice.knows(), bob.knows()}

	odd(t, front)
	converse("one is odd", 10, 50*time.Millisecond, all...).Wait()
	agreed(t, all...)
	p50, _, text := spread(append(delays("one is odd", alice, bob), delays("one is odd", bob, alice)...))
	t.Logf("lines while the hub is odd: %s", text)
	if p50 > 2*time.Second {
		t.Errorf("the median is %v", p50)
	}
	for _, p := range all {
		p.Sees(front.URL, says)
		p.Sees(good.URL, isUp)
	}
	t.Logf("status says:\n%s", alice.HubLines(front.URL))
	for i, p := range all {
		if now := p.knows(); now != before[i] {
			t.Errorf("%s's gateway knew\n%s\nand knows now\n%s", p.nick, before[i], now)
		}
	}

	front.Lie(hubtest.Lies{})
	front.Do(hubtest.Honest)
	honest := time.Now()
	for _, p := range all {
		p.Sees(front.URL, isUp)
		p.Refilled(front.URL)
	}
	t.Logf("it was up and had everything %v after it was honest again", time.Since(honest).Round(time.Millisecond))
	converse("all is well again", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
}

// knows is what the gateway knows of the channel, but for what passes.
func (p *person) knows() string {
	p.t.Helper()
	var b strings.Builder
	seen := len(p.scribe().Lines())
	p.scribe().Send("TOPIC " + p.channel)
	p.scribe().Sync()
	for _, l := range p.scribe().Lines()[seen:] {
		if l.Command == "332" {
			b.WriteString(l.last() + "\n")
		}
	}
	b.WriteString(strings.Join(p.scribe().members(p.channel), " ") + "\n")
	b.WriteString(strings.Join(p.scribe().Sysop("safety "+p.channel), "\n") + "\n")
	for _, l := range p.scribe().Sysop("status " + p.channel) {
		if name, _, ok := strings.Cut(strings.TrimSpace(l), ": "); ok && strings.HasPrefix(name, "hub ") {
			b.WriteString(name + "\n")
		}
	}
	return b.String()
}
