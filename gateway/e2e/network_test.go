//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// network is a few machines that are not on any other network: namespaces with
// cables between them. All of it lies within the namespaces, nothing on the
// machine that the test runs on, and all of it goes with the test.
type network struct {
	t    testing.TB
	name string // begins the names of its namespaces, so that tests can run at once
	ends int
}

// networks counts them.
var networks atomic.Int64

// newNetwork prepares a network, for which the test must be root.
func newNetwork(t testing.TB) *network {
	t.Helper()
	if os.Getuid() != 0 || !inCI() {
		t.Skip("machines of their own are made for this test: as root, and with CI=true")
	}
	need(t, "ip")
	return &network{t: t, name: fmt.Sprintf("hubbub%d-%d", os.Getpid(), networks.Add(1))}
}

// machine is one of them: a network namespace.
type machine struct {
	*network
	name string
}

// Machine adds a machine. It knows nobody but itself.
func (n *network) Machine(name string) *machine {
	n.t.Helper()
	m := &machine{n, n.name + "-" + name}
	n.ip("netns", "add", m.name)
	n.t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", m.name).CombinedOutput(); err != nil {
			n.t.Errorf("taking %s away: %v: %s", m.name, err, out)
		}
	})
	m.ip("link", "set", "lo", "up")
	return m
}

// Switch makes the machine one that others can be plugged into, with an address
// such as 10.0.0.1/24.
func (m *machine) Switch(address string) {
	m.t.Helper()
	m.ip("link", "add", "switch", "type", "bridge")
	m.ip("address", "add", address, "dev", "switch")
	m.ip("link", "set", "switch", "up")
}

// Plug lays a cable to a machine with a switch, and gives its end here an address.
func (m *machine) Plug(to *machine, address string) {
	m.t.Helper()
	m.ends++
	here, there := fmt.Sprintf("end%d", m.ends), fmt.Sprintf("port%d", m.ends)
	m.network.ip("link", "add", here, "netns", m.name, "type", "veth", "peer", "name", there, "netns", to.name)
	to.ip("link", "set", there, "master", "switch")
	to.ip("link", "set", there, "up")
	m.ip("address", "add", address, "dev", here)
	m.ip("link", "set", here, "up")
}

// Unplugged cuts the machine off, or puts its cables back.
func (m *machine) Unplugged(yes bool) {
	m.t.Helper()
	state := "up"
	if yes {
		state = "down"
	}
	m.ip("link", "set", "switch", state)
}

// Default sends what goes to unknown places to an address.
func (m *machine) Default(via string) {
	m.t.Helper()
	m.ip("route", "add", "default", "via", via)
}

func (m *machine) ip(args ...string) {
	m.t.Helper()
	m.network.ip(append([]string{"-netns", m.name}, args...)...)
}

func (n *network) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// Command is a command line to run there.
func (m *machine) Command(argv ...string) []string {
	return append([]string{"ip", "netns", "exec", m.name}, argv...)
}

// Dial connects from there. Where a socket belongs is settled when it is made,
// by the thread that makes it.
func (m *machine) Dial(address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var f *os.File
		if f, err = os.Open("/run/netns/" + m.name); err != nil {
			return
		}
		defer f.Close()
		if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		conn, err = net.DialTimeout("tcp", address, 2*time.Second)
	}()
	<-done
	return conn, err
}

// TestNetwork holds the network of tests to what they need of it: who is
// plugged in together reaches each other, and nobody else does.
func TestNetwork(t *testing.T) {
	n := newNetwork(t)
	hub, alice, bob := n.Machine("hub"), n.Machine("alice"), n.Machine("bob")
	hub.Switch("10.77.0.1/24")
	alice.Plug(hub, "10.77.0.2/24")
	// A port that nobody listens on is refused by the machine that was reached.
	reaches := func(m *machine) bool {
		_, err := m.Dial("10.77.0.1:1")
		return errors.Is(err, unix.ECONNREFUSED)
	}
	if !reaches(alice) {
		t.Error("alice does not reach the hub")
	}
	if reaches(bob) {
		t.Error("bob reaches the hub")
	}
	hub.Unplugged(true)
	if reaches(alice) {
		t.Error("alice reaches the hub, which is cut off")
	}
	hub.Unplugged(false)
	await(t, "alice to reach the hub again", func() bool { return reaches(alice) }, func() string { return "" })
}
