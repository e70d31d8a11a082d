//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub/hubtest"
)

// hub.cgi on a disk that gets full: what is there can be read by every process
// that comes, what is written is refused as such, and when there is room all goes
// on.
func TestTheDiskIsFull(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv("CI") != "true" {
		t.Skip("a full disk is mounted for this test: as root, and with CI=true")
	}
	hubtest.Build(t, "hub/cgi") // elsewhere
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("TMPDIR", disk)
	t.Run("there", func(t *testing.T) { fullAndEmpty(t, disk) }) // whose folders are made on it
}

func fullAndEmpty(t *testing.T, disk string) {
	s := newStage(t)
	alice := s.client.As(t, "alice")
	if _, err := alice.Put(s.lounge, "hello"); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		rest := filepath.Join(disk, "rest")
		fillDisk(t, rest)
		var refused int
		for i := range 8 {
			if _, err := alice.Put(s.lounge, strings.Repeat("x", 60_000+100*round+i)); hubtest.IsCode(err, wire.CodeFull) {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if refused == 0 {
			t.Fatal("the disk does not get full")
		}
		seen, err := alice.Fetch(s.lounge, wire.FetchArgs{})
		if err != nil || len(seen.Entries) < 1+round || string(seen.Entries[0].Bytes) != "hello" {
			t.Fatalf("%d entries, %v", len(seen.Entries), err)
		}
		results, err := s.client.Do(context.Background(),
			alice.Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: bytes.Repeat([]byte("y"), 60_000)}),
			alice.Sign(wire.OpFetch, s.lounge, wire.FetchArgs{Limit: 100, Wait: 10}))
		if err != nil {
			t.Fatal(err)
		}
		if err := hubtest.Read(results[0], nil); !hubtest.IsCode(err, wire.CodeFull) {
			t.Error(err)
		}
		if err := hubtest.Read(results[1], new(wire.FetchResult)); err != nil {
			t.Error(err)
		}
		if err := os.Remove(rest); err != nil {
			t.Fatal(err)
		}
		if put, err := alice.Put(s.lounge, strings.Repeat("z", 10+round)); err != nil || !put.New {
			t.Fatal(put, err)
		}
	}
}

// fillDisk writes a file of all the room on the disk.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
