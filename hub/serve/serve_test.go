package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// hubd is a running hubd.
type hubd struct {
	*exec.Cmd
	address string
	data    string
	log     chan struct{} // closed when hubd has said all it will
}

// wait waits for its end.
func (d *hubd) wait() error {
	<-d.log
	return d.Wait()
}

// startHubd starts hubd with flags, and reads where it listens.
func startHubd(t *testing.T, flags ...string) *hubd {
	t.Helper()
	return launch(t, exec.Command(hubtest.Build(t, "hub/serve"), flags...))
}

// launch starts hubd by a command, and reads where it listens.
func launch(t *testing.T, command *exec.Cmd) *hubd {
	t.Helper()
	d := &hubd{Cmd: command, log: make(chan struct{})}
	log, err := d.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Process.Kill()
		d.wait()
	})
	lines := bufio.NewScanner(log)
	lines.Scan()
	for _, field := range strings.Fields(lines.Text()) {
		if value, ok := strings.CutPrefix(field, "address="); ok {
			d.address = value
		}
		if value, ok := strings.CutPrefix(field, "data="); ok {
			d.data = value
		}
	}
	first := lines.Text()
	go func() {
		defer close(d.log)
		for lines.Scan() {
			t.Log(lines.Text())
		}
	}()
	if d.address == "" {
		t.Fatalf("hubd does not say where it listens, but %s", first)
	}
	return d
}

// Told to stop, hubd sends home who waits, with an answer, and ends in order.
func TestHubdEndsInOrder(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		d := startHubd(t, "-listen", "127.0.0.1:0", "-data", filepath.Join(t.TempDir(), "data"))
		client := hubtest.NewClient(t, "http://"+d.address+"/")
		key, _, err := hub.ReadClaim(d.data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.As(t, "owner").Claim(key); err != nil {
			t.Fatal(err)
		}
		lounge := wire.Channel{1}
		if err := client.As(t, "owner").Open(lounge, "alice"); err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		go func() {
			answered <- client.Call(context.Background(), client.As(t, "alice").Sign(wire.OpFetch, lounge,
				wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()}), new(wire.FetchResult))
		}()
		untilExists(t, filepath.Join(d.data, "held", "0"))
		begin := time.Now()
		if err := d.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Errorf("%s: who waited got %v", signal, err)
		}
		if err := d.wait(); err != nil || time.Since(begin) > grace {
			t.Errorf("%s: %v after %s", signal, err, time.Since(begin))
		}
		if _, err := os.Stat(filepath.Join(d.data, "hub.db-wal")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the database was not closed: %v", signal, err)
		}
	}
}

// untilExists waits for a file.
func untilExists(t *testing.T, path string) {
	t.Helper()
	for over := time.Now().Add(time.Minute); time.Now().Before(over); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatal("there is no", path)
}

// Its Unix socket is for its user and group, one that was left behind is
// replaced, and one in use is not taken.
func TestUnixSocket(t *testing.T) {
	folder, err := os.MkdirTemp("", "hubd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	socket := filepath.Join(folder, "fcgi")
	flags := []string{"-fcgi", socket, "-data", filepath.Join(folder, "data")}
	first := startHubd(t, flags...)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info, err)
	}
	out, err := exec.Command(first.Path, flags...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another program listens on "+socket) {
		t.Errorf("a second hubd on the socket: %v, %s", err, out)
	}
	first.Process.Kill()
	first.wait()
	second := startHubd(t, flags...)
	if conn, err := net.Dial("unix", socket); err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	second.Process.Signal(syscall.SIGTERM)
	if err := second.wait(); err != nil {
		t.Error(err)
	}
}

// What is wrong with the command line is said, with what to do.
func TestFlags(t *testing.T) {
	program := hubtest.Build(t, "hub/serve")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().String()
	data := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, flags := range map[string][]string{
		"nothing to listen on":   {"-data", data},
		"address already in use": {"-data", data, "-listen", taken},
		"is not a folder":        {"-data", file, "-listen", "127.0.0.1:0"},
		"it takes no arguments":  {"-data", data, "-listen", "127.0.0.1:0", "more"},
		"not defined":            {"-speed", "high"},
	} {
		out, err := exec.Command(program, flags...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v, %s", flags, err, out)
		}
	}
	out, err := exec.Command(program, "-version").Output()
	if err != nil || strings.TrimSpace(string(out)) != hub.Software {
		t.Errorf("-version: %v, %s", err, out)
	}
}
