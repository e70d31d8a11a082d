//go:build linux

package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestApart: Alice reaches only the hub a, Bob only the hub b, and Carol both.
// All three talk, for Carol's gateway carries. What Bob sends to a vanishes
// without a word, as behind a firewall; Alice has no way to b at all.
func TestApart(t *testing.T) {
	long(t)
	n := newNetwork(t)
	t.Parallel()
	hubA, hubB := n.Machine("hub-a"), n.Machine("hub-b")
	hubA.Switch("10.77.1.1/24")
	hubB.Switch("10.77.2.1/24")
	home := map[string]*machine{}
	for _, name := range []string{"alice", "bob", "carol"} {
		home[name] = n.Machine(name)
	}
	home["alice"].Plug(hubA, "10.77.1.2/24")
	home["carol"].Plug(hubA, "10.77.1.3/24")
	home["carol"].Plug(hubB, "10.77.2.3/24")
	home["bob"].Plug(hubB, "10.77.2.2/24")
	home["bob"].Default("10.77.2.1")
	a := runHubdAt(t, hubA, "10.77.1.1:8080", dataFolder(t))
	b := runHubdAt(t, hubB, "10.77.2.1:8080", dataFolder(t))

	private := "private_hubs = true\n"
	alice := newPerson(t, "alice", "#carol", at(home["alice"]), configured(private))
	bob := newPerson(t, "bob", "#carol", at(home["bob"]), configured(private))
	carol := newPerson(t, "carol", "#alice", at(home["carol"]), configured(private))
	addHub(alice.scribe(), a.hub)
	addHub(carol.scribe(), b.hub)
	carol.joins(alice)
	carol.Sees(b.URL, isUp)
	// It leads to her own hub, which is the one that Bob reaches.
	bob.scribe().Redeem(carol.scribe().Invite(carol.channel, "bob"))
	all := []*person{alice, bob, carol}
	for _, p := range all {
		p.In(all...)
	}
	carol.Say("hello to both of you")
	alice.Say("hello from where a is")
	bob.Say("hello from where b is")
	agreed(t, all...)

	carol.Sees(a.URL, isUp)
	carol.Sees(b.URL, isUp)
	alice.Sees(a.URL, isUp)
	alice.Sees(b.URL, isDown)
	bob.Sees(b.URL, isUp)
	bob.Sees(a.URL, isDown)

	const lines = 20
	converse("one way", lines, 300*time.Millisecond, alice).Wait()
	agreed(t, all...)
	converse("the other way", lines, 300*time.Millisecond, bob).Wait()
	agreed(t, all...)
	carried := append(delays("one way", alice, bob), delays("the other way", bob, alice)...)
	straight := append(delays("one way", alice, carol), delays("the other way", bob, carol)...)
	if len(carried) != 2*lines || len(straight) != 2*lines {
		t.Fatalf("%d and %d delays of %d lines", len(carried), len(straight), 2*lines)
	}
	_, _, text := spread(straight)
	t.Logf("lines that Carol got from their hub: %s", text)
	p50, _, text := spread(carried)
	t.Logf("lines that Carol's gateway carried: %s", text)
	if p50 > 5*time.Second {
		t.Errorf("the median of carried lines is %v", p50)
	}

	// While Carol is away they write on; it comes when she is back.
	carol.Restart(func() {
		alice.Say("are you there?")
		bob.Say("is anybody there?")
		alice.scribe().Arrived(alice.channel)
		bob.scribe().Arrived(bob.channel)
		if alice.heardText("bob", "is anybody there?") {
			t.Error("Alice heard Bob, and nobody carried it")
		}
	})
	back := time.Now()
	agreed(t, all...)
	t.Logf("what they wrote while nobody carried was there %v after Carol's gateway came back", time.Since(back).Round(time.Millisecond))
	converse("all at once", 10, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
}

// TestMembersPrivateHub: a member's hub at a private address is not asked for
// anything, unless the channel was there before or the configuration allows it.
func TestMembersPrivateHub(t *testing.T) {
	long(t)
	n := newNetwork(t)
	t.Parallel()
	hubs := n.Machine("hubs")
	hubs.Switch("203.0.113.1/24") // for documentation, and public to a gateway
	hubs.ip("address", "add", "10.77.3.1/24", "dev", "switch")
	public := runHubdAt(t, hubs, "203.0.113.1:8080", dataFolder(t))
	private := runHubdAt(t, hubs, "10.77.3.1:8080", dataFolder(t))
	start := func(name, host string, options ...option) *person {
		m := n.Machine(name)
		m.Plug(hubs, "203.0.113."+host+"/24")
		end := "end" + strconv.Itoa(m.ends)
		m.ip("address", "add", "10.77.3."+host+"/24", "dev", end)
		return newPerson(t, name, "#chat", append(options, at(m))...)
	}
	alice, bob := start("alice", "2"), start("bob", "3")
	carol := start("carol", "4", configured("private_hubs = true\n"))
	all := []*person{alice, bob, carol}
	addHub(alice.scribe(), public.hub)
	addHub(bob.scribe(), private.hub)
	for _, p := range all[1:] {
		command := alice.scribe().Invite("#chat", p.nick)
		p.scribe().Redeem("/join #chat " + keyOf(command))
	}
	for _, p := range all {
		p.In(all...)
	}
	// By itself Bob's gateway does not keep it where the others may not reach it.
	bob.scribe().Say("sysop", "hub mirror #chat "+private.URL)
	bob.Sees(private.URL, isUp)
	carol.Sees(private.URL, isUp)
	converse("public", 5, 20*time.Millisecond, all...).Wait()
	agreed(t, all...)
	for _, p := range all {
		p.Sees(public.URL, isUp)
	}
	if l := alice.HubLines(private.URL); strings.Contains(l, "up\n") || strings.Contains(l, "holds") {
		t.Errorf("alice's gateway asked the private address: %s", l)
	}
}
