//go:build linux

package hub_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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
	if len(fetched.Entries) == 0 || stored == 0 {
		t.Errorf("%d entries were stored, and %d can be read", stored, len(fetched.Entries))
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

// The disk of a hub that runs gets full and empty again: it needs no new start,
// and who waits goes on waiting.
func TestTheDiskFillsUnderARunningHub(t *testing.T) {
	disk := smallDisk(t, "4m")
	s := begin(t, func(c *hub.Config) { c.Data = filepath.Join(disk, "data") })
	s.data = filepath.Join(disk, "data")
	s.lounge("bob")
	for round := range 3 {
		head, err := s.as("alice").Put(lounge, fmt.Sprint("round ", round))
		s.ok(err)
		rest := filepath.Join(disk, "rest")
		fill(t, rest, 0)
		for refused := 0; refused < 3; {
			_, err := s.as("alice").Put(lounge, strings.Repeat("x", 60_000+round*100+refused))
			if err == nil { // in what the log had left
				continue
			}
			s.refused(wire.CodeFull, err)
			refused++
		}
		// What needs room is refused, each by itself, and nothing of it is done.
		results, err := s.client.Do(context.Background(),
			s.as("alice").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassKeep, Entry: make([]byte, 65_000+round)}),
			s.as("bob").Sign(wire.OpFetch, lounge, wire.FetchArgs{After: head.Position, ID: idOf(fmt.Sprint("round ", round)), Limit: 1, Wait: 10}),
			s.as("alice").Sign(wire.OpStatus, lounge, nil))
		s.ok(err)
		s.refused(wire.CodeFull, hubtest.Read(results[0], nil))
		s.ok(hubtest.Read(results[1], new(wire.FetchResult)))
		s.ok(hubtest.Read(results[2], new(wire.StatusResult)))
		s.ok(os.Remove(rest))
		_, err = s.as("alice").Put(lounge, strings.Repeat("y", 60_000+round))
		s.ok(err)
	}
	if strings.Contains(s.log.String(), "panic") {
		t.Errorf("the log says %s", &s.log)
	}
}

// However little room there is, a redeem is done or not, and can be repeated.
func TestNothingIsHalfWritten(t *testing.T) {
	disk := smallDisk(t, "6m")
	s := begin(t, func(c *hub.Config) { c.Data = filepath.Join(disk, "data") })
	s.data = filepath.Join(disk, "data")
	s.lounge()
	full, done := 0, 0
	for i := range 40 {
		slot, invite := wire.Slot{byte(i), 1}, fmt.Sprint("invite ", i)
		s.ok(s.as("alice").Offer(lounge, wire.OfferArgs{Slot: slot, Number: 1, Invite: hubtest.Token(invite),
			Expires: s.now.Add(time.Hour).Unix(), Blob: []byte("card")}))
		args := wire.RedeemArgs{Slot: slot, Number: 1, Token: hubtest.Token(fmt.Sprint("joiner ", i))}
		for n := range 4 {
			args.Entries = append(args.Entries, []byte(fmt.Sprint(i, n, strings.Repeat("j", 20_000))))
		}
		if i%4 == 0 {
			s.ok(s.hub.Close()) // its log with it, and the next begins with nothing
			s.open(func(c *hub.Config) { c.Data = s.data })
		}
		rest := filepath.Join(disk, "rest")
		fill(t, rest, int64(i)*4096)
		before, err := s.as("alice").Status(lounge)
		s.ok(err)
		_, err = s.as(invite).Redeem(args)
		switch after, statusErr := s.as("alice").Status(lounge); {
		case statusErr != nil:
			t.Fatal(statusErr)
		case err == nil:
			done++
			if after.Entries != before.Entries+4 || after.Tokens != before.Tokens+1 {
				t.Errorf("%+v, then %+v", before, after)
			}
		default:
			s.refused(wire.CodeFull, err)
			full++
			if after != before {
				t.Errorf("it was refused, and %+v became %+v", before, after)
			}
		}
		s.ok(os.Remove(rest))
		result, err := s.as(invite).Redeem(args)
		s.ok(err)
		if len(result.Positions) != 4 {
			t.Errorf("%+v", result)
		}
		s.ok(s.as("alice").Revoke(lounge, fmt.Sprint("joiner ", i)))
		if i%8 == 7 { // make room for the next
			s.ok(s.hub.Close())
			s.ok(removeDatabase(s.data))
			s.open(func(c *hub.Config) { c.Data = s.data })
			s.ok(s.as("owner").Open(lounge, "alice"))
		}
	}
	if full < 5 || done < 5 {
		t.Errorf("%d were refused, %d done: the test misses the edge", full, done)
	}
}

// removeDatabase is what somebody does who thinks it is broken.
func removeDatabase(data string) error {
	files, err := filepath.Glob(filepath.Join(data, "hub.db*"))
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

// A data folder that cannot be written to still answers who reads; once it can be
// written to again, nothing is lost.
func TestADiskThatIsReadOnly(t *testing.T) {
	for name, left := range map[string]func(s *scene, while string){
		"after a good end": func(s *scene, _ string) {},
		"after a crash": func(s *scene, while string) {
			for _, name := range []string{"hub.db-wal", "hub.db-shm"} {
				kept, err := os.ReadFile(filepath.Join(while, name))
				s.ok(err)
				s.ok(os.WriteFile(filepath.Join(s.data, name), kept, 0o600))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if *withoutWAL && name == "after a crash" {
				t.Skip("of a write-ahead log")
			}
			disk := smallDisk(t, "8m")
			s := begin(t, func(c *hub.Config) { c.Data = filepath.Join(disk, "data") })
			s.data = filepath.Join(disk, "data")
			s.lounge("bob")
			put, err := s.as("alice").Put(lounge, "hello")
			s.ok(err)
			while := filepath.Join(t.TempDir(), "while") // as it is while the hub runs
			s.ok(os.CopyFS(while, os.DirFS(s.data)))
			s.ok(s.hub.Close())
			left(s, while)
			generation := s.whileReadOnly(disk, put)
			s.open()
			result, err := s.as("bob").Fetch(lounge, wire.FetchArgs{})
			s.ok(err)
			if len(result.Entries) != 1 || string(result.Entries[0].Bytes) != "hello" || result.Generation != generation {
				t.Errorf("%+v", result)
			}
			_, err = s.as("alice").Put(lounge, "hello again")
			s.ok(err)
		})
	}
}

// whileReadOnly makes the disk read-only for a while, and returns the generation
// that the hub named.
func (s *scene) whileReadOnly(disk string, put wire.PutResult) [16]byte {
	s.Helper()
	s.ok(syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	defer func() { s.ok(syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "")) }()
	s.open()
	defer func() { s.ok(s.hub.Close()) }()
	_, err := s.as("alice").Put(lounge, "lost")
	s.refused(wire.CodeInternal, err)
	if !strings.Contains(s.log.String(), "cannot be written to") {
		s.Errorf("the log says %q", &s.log)
	}
	s.refused(wire.CodeInternal, s.as("owner").Open(wire.Channel{7}, "alice"))
	results, err := s.client.Do(context.Background(),
		s.as("bob").Sign(wire.OpAck, lounge, wire.AckArgs{Position: put.Position}),
		s.as("bob").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 10, Wait: 10}),
		s.as("bob").Sign(wire.OpStatus, lounge, nil))
	s.ok(err)
	s.refused(wire.CodeInternal, hubtest.Read(results[0], nil))
	var fetched wire.FetchResult
	s.ok(hubtest.Read(results[1], &fetched))
	if len(fetched.Entries) != 1 || string(fetched.Entries[0].Bytes) != "hello" || fetched.Generation == ([16]byte{}) {
		s.Errorf("%+v", fetched)
	}
	s.ok(hubtest.Read(results[2], new(wire.StatusResult)))
	// Who waits is not held, for it cannot be noted, and has an answer.
	if waits, err := s.as("bob").Fetch(lounge, wire.FetchArgs{After: put.Position, ID: idOf("hello"), Wait: 60_000}); err != nil || waits.Head != put.Position {
		s.Errorf("%+v, %v", waits, err)
	}
	if reply := s.hub.Serve(context.Background(), hub.Request{Method: "GET", Length: -1}); reply.Status != wire.StatusSealed {
		s.Error("the page:", reply.Status)
	}
	return fetched.Generation
}

// A log that cannot be read because its index is not there is not passed over: the
// hub does not tell of an older state than its own.
func TestAReadOnlyDiskWithoutTheLogsIndex(t *testing.T) {
	if *withoutWAL {
		t.Skip("of a write-ahead log")
	}
	disk := smallDisk(t, "8m")
	s := begin(t, func(c *hub.Config) { c.Data = filepath.Join(disk, "data") })
	s.data = filepath.Join(disk, "data")
	s.lounge("bob")
	_, err := s.as("alice").Put(lounge, "in the database")
	s.ok(err)
	s.ok(s.hub.Close())
	s.open()
	_, err = s.as("alice").Put(lounge, "in the log alone")
	s.ok(err)
	log := filepath.Join(s.data, "hub.db-wal")
	while, err := os.ReadFile(log)
	s.ok(err)
	database, err := os.ReadFile(filepath.Join(s.data, "hub.db"))
	s.ok(err)
	s.ok(s.hub.Close())
	s.ok(errors.Join(os.WriteFile(filepath.Join(s.data, "hub.db"), database, 0o600), os.WriteFile(log, while, 0o600)))
	s.ok(syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	s.open()
	_, err = s.as("bob").Fetch(lounge, wire.FetchArgs{})
	s.refused(wire.CodeInternal, err)
	s.ok(s.hub.Close())
	s.ok(syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, ""))
	s.open()
	if result, err := s.as("bob").Fetch(lounge, wire.FetchArgs{}); err != nil || len(result.Entries) != 2 {
		t.Errorf("%+v, %v", result, err)
	}
}
