//go:build linux

package e2e

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"hubbub/hub/hubtest"
)

// hubd is a hub over HTTP whose process can be killed and started again.
type hubd struct {
	*hub
	t       testing.TB
	on      *machine // nil: here
	address string
	cmd     *exec.Cmd
}

// runHubd starts hubd on this machine, with a data folder.
func runHubd(t testing.TB, data string) *hubd {
	t.Helper()
	return runHubdAt(t, nil, net.JoinHostPort("127.0.0.1", "0"), data)
}

// runHubdAt starts hubd on a machine, at an address. Port 0 is a free one.
func runHubdAt(t testing.TB, on *machine, address, data string) *hubd {
	t.Helper()
	if host, port, _ := net.SplitHostPort(address); port == "0" {
		address = net.JoinHostPort(host, strconv.Itoa(freePort(t)))
	}
	h := &hubd{hub: &hub{Running: &hubtest.Running{URL: "http://" + address + "/", Data: data}}, t: t, on: on, address: address}
	t.Cleanup(h.Kill)
	h.Start()
	return h
}

// Start starts the process and waits until it listens.
func (h *hubd) Start() {
	h.t.Helper()
	argv := []string{hubtest.Build(h.t, "hub/serve"), "-listen", h.address, "-data", h.Data}
	if h.on != nil {
		argv = h.on.Command(argv...)
	}
	h.cmd = exec.Command(argv[0], argv[1:]...)
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	await(h.t, "hubd to listen", func() bool {
		conn, err := h.dial()
		if err == nil {
			conn.Close()
		} else if !errors.Is(err, unix.ECONNREFUSED) {
			h.t.Fatal(err)
		}
		return err == nil
	}, func() string { return h.address })
}

func (h *hubd) dial() (net.Conn, error) {
	if h.on != nil {
		return h.on.Dial(h.address)
	}
	return net.Dial("tcp", h.address)
}

// Kill ends the process as a power cut would.
func (h *hubd) Kill() {
	if h.cmd == nil {
		return
	}
	h.cmd.Process.Signal(syscall.SIGKILL)
	h.cmd.Wait()
	h.cmd = nil
}

// dataFolder is a folder for a hub of a test.
func dataFolder(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data")
}
