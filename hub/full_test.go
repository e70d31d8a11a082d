//go:build linux

package hub_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// smallDisk mounts a file system of so many bytes, for which the test must be
// root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 || os.Getenv("CI") != "true" {
		t.Skip("a full disk is mounted for this test: as root, and with CI=true")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// When the disk is full, what needs room is refused as such, what does not goes
// on, nothing is lost, and all is well once there is room again.
func TestTheDiskIsFull(t *testing.T) {
	disk := smallDisk(t, "4m")
	s := begin(t, func(c *hub.Config) { c.Data = filepath.Join(disk, "data") })
	s.data = filepath.Join(disk, "data")
	s.lounge("bob")
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast, 300<<10)

	stored := 0
	for range 200 {
		_, err := s.as("alice").Put(lounge, strings.Repeat("x", 50_000+stored))
		if hubtest.IsCode(err, wire.CodeFull) {
			break
		}
		s.ok(err)
		stored++
	}
	if stored == 200 {
		t.Fatal("the disk does not get full")
	}
	// Not a byte is left, and the next process opens everything anew.
	s.ok(s.hub.Close())
	fill(t, filepath.Join(disk, "rest"), 0)
	s.open()
	results, err := s.client.Do(context.Background(),
		s.as("alice").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: make([]byte, 60_000)}),
		s.as("bob").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 100}))
	s.ok(err)
	s.refused(wire.CodeFull, hubtest.Read(results[0], nil))
	var fetched wire.FetchResult
	s.ok(hubtest.Read(results[1], &fetched))
	if len(fetched.Entries) == 0 && stored > 0 {
		t.Error("nothing can be read any more")
	}
	status, err := s.as("bob").Status(lounge)
	s.ok(err)
	if int(status.Entries) != stored {
		t.Errorf("%d entries, and %d were stored", status.Entries, stored)
	}
	s.ok(os.Remove(ballast))
	_, err = s.as("alice").Put(lounge, "there is room again")
	s.ok(err)
	s.reopen()
	status, err = s.as("bob").Status(lounge)
	s.ok(err)
	if int(status.Entries) != stored+1 {
		t.Errorf("%d entries, and %d were stored", status.Entries, stored+1)
	}
}

// fill writes a file of all the room on the disk but for some.
func fill(t *testing.T, path string, leave int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for err == nil {
		var n int
		n, err = f.Write(make([]byte, 4096))
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(0, size-leave)); err != nil {
		t.Fatal(err)
	}
}

// A hub that cannot even be made for want of room says so, and begins once
// there is some.
func TestTheDiskIsFullFromTheStart(t *testing.T) {
	disk := smallDisk(t, "1m")
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast, 0)
	data := filepath.Join(disk, "data")
	h, err := hub.Open(hub.Config{Data: data})
	if err == nil {
		h.Close()
		t.Fatal("a hub on a full disk")
	}
	if reply := hub.Failed(err); reply.Status != wire.StatusBusy {
		t.Errorf("status %d: %v", reply.Status, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h, err = hub.Open(hub.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, ok, err := hub.ReadClaim(data); !ok || err != nil {
		t.Error("no owner key", err)
	}
}

// A data folder that cannot be written to still answers who reads, or says that
// it cannot; once it can be written to again, nothing is lost.
func TestADiskThatIsReadOnly(t *testing.T) {
	disk := smallDisk(t, "8m")
	s := begin(t, func(c *hub.Config) { c.Data = filepath.Join(disk, "data") })
	s.data = filepath.Join(disk, "data")
	s.lounge("bob")
	_, err := s.as("alice").Put(lounge, "hello")
	s.ok(err)
	s.ok(s.hub.Close())
	remount := func(flags uintptr) {
		t.Helper()
		s.ok(syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|flags, ""))
	}
	remount(syscall.MS_RDONLY)
	s.open()
	_, err = s.as("alice").Put(lounge, "lost")
	s.refused(wire.CodeInternal, err)
	if !strings.Contains(s.log.String(), "read-only") && !strings.Contains(s.log.String(), "readonly") {
		t.Errorf("the log says %q", &s.log)
	}
	if _, err := s.as("bob").Fetch(lounge, wire.FetchArgs{Wait: 10}); err != nil {
		s.refused(wire.CodeInternal, err)
	}
	if reply := s.hub.Serve(context.Background(), hub.Request{Method: "GET", Length: -1}); reply.Status != wire.StatusSealed {
		t.Error("the page:", reply.Status)
	}
	s.ok(s.hub.Close())
	remount(0)
	s.open()
	result, err := s.as("bob").Fetch(lounge, wire.FetchArgs{})
	s.ok(err)
	if len(result.Entries) != 1 || string(result.Entries[0].Bytes) != "hello" {
		t.Errorf("%+v", result)
	}
	_, err = s.as("alice").Put(lounge, "hello again")
	s.ok(err)
}
