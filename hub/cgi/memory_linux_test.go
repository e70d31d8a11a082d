package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hubbub/channels/wire"
	"hubbub/hub/hubtest"
)

// mostMemory is what a process of hub.cgi may take, in bytes, as the system counts
// it (VmHWM): many may run at once, and hosts count them together.
const mostMemory = 15_000_000

// memory runs c, whose answer nobody takes until it has been looked how much memory
// it took, and returns that and the answer.
func memory(t *testing.T, c *exec.Cmd) (most int, answer []byte) {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	size, err := unix.FcntlInt(out.Fd(), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(make([]byte, size)); err != nil { // it is full now
		t.Fatal(err)
	}
	var log bytes.Buffer
	c.Stdout, c.Stderr = out, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	for quiet, over := 0, time.Now().Add(30*time.Second); quiet < 10 && time.Now().Before(over); time.Sleep(5 * time.Millisecond) {
		if quiet++; isBusy(c.Process.Pid) {
			quiet = 0
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &most)
	}
	answer, err = io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	return most << 10, answer[min(size, len(answer)):]
}

// isBusy says whether any thread of a process runs, or waits for a disk.
func isBusy(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(rest, "R") || strings.HasPrefix(rest, "D") {
			return true
		}
	}
	return false
}

// Whatever is asked of it, a process of hub.cgi takes little memory.
func TestMemory(t *testing.T) {
	s := newStage(t)
	entry := func(i, size int) []byte { return fmt.Appendf(nil, "%d %0*d", i, size-10, i) }
	puts := func(count, size int) (calls []wire.SignedCall) {
		for range count {
			s.texts++
			calls = append(calls, s.client.As(t, "alice").Sign(wire.OpPut, s.lounge,
				wire.PutArgs{Class: wire.ClassText, Entry: entry(s.texts, size)}))
		}
		return calls
	}
	s.call(puts(14, wire.MaxEntry)...)
	s.call(puts(14, wire.MaxEntry)...)
	s.call(s.client.As(t, "alice").Sign(wire.OpOffer, s.lounge, wire.OfferArgs{Slot: wire.Slot{1}, Number: 1, Invite: hubtest.Token("invite"),
		Expires: time.Now().Add(time.Hour).Unix(), Blob: make([]byte, wire.MaxBlob)}))
	fetch := s.client.As(t, "alice").Sign(wire.OpFetch, s.lounge, wire.FetchArgs{Limit: 1000})
	for name, request := range map[string][]byte{
		"a put":           s.seal(puts(1, 1024)...),
		"64 puts":         s.seal(puts(64, 1024)...),
		"a megabyte":      s.seal(puts(15, wire.MaxEntry)...),
		"of many calls":   s.seal(puts(wire.MaxCalls, 3600)...),
		"in one call":     s.seal(s.client.As(t, "owner").Sign(wire.OpImport, wire.Channel{}, wire.ImportArgs{Records: [][]byte{make([]byte, 1<<19), make([]byte, 1<<19-1<<15)}})),
		"a stranger's":    s.seal(s.client.As(t, "mallory").Sign(wire.OpImport, wire.Channel{}, wire.ImportArgs{Records: make([][]byte, 65_000)})),
		"an export":       s.seal(s.client.As(t, "owner").Sign(wire.OpExport, wire.Channel{}, wire.ExportArgs{})),
		"a fetch of all":  s.seal(fetch),
		"the same twice":  s.seal(fetch, fetch),
		"256 fetches":     s.seal(bytesOf(256, fetch)...),
		"a slot":          s.seal(s.client.As(t, "invite").Sign(wire.OpPeek, wire.Channel{}, wire.PeekArgs{Slot: wire.Slot{1}})),
		"noise":           bytes.Repeat([]byte("noise"), wire.MaxRequest/5),
		"a short request": s.seal(s.client.As(t, "alice").Sign(wire.OpStatus, s.lounge, nil)),
	} {
		most, answer := memory(t, command(s.program, request))
		if want := map[bool]string{true: "400", false: "200"}[name == "noise"]; !bytes.HasPrefix(answer, []byte("Status: "+want)) {
			t.Errorf("%s: %.100q", name, answer)
		}
		if most > mostMemory || most == 0 {
			t.Errorf("%s took %.1f MB", name, float64(most)/1e6)
		}
		t.Logf("%s: %.1f MB", name, float64(most)/1e6)
	}
	c := exec.Command(s.program)
	c.Env = []string{"REQUEST_METHOD=GET"}
	most, _ := memory(t, c)
	if most > mostMemory || most == 0 {
		t.Errorf("the page took %.1f MB", float64(most)/1e6)
	}
	t.Logf("the page: %.1f MB", float64(most)/1e6)
}

// bytesOf repeats a call.
func bytesOf(n int, call wire.SignedCall) (calls []wire.SignedCall) {
	for range n {
		calls = append(calls, call)
	}
	return calls
}
