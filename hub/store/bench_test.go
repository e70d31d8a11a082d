package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"hubbub/channels/wire"
)

// crowd is a channel of so many entries of a kilobyte, in a store with a total
// limit, so that a status asks for all there is to ask for.
func crowd(b *testing.B, count int) *SQLite {
	b.Helper()
	limits := DefaultLimits()
	limits.Total = 1 << 40
	s, err := OpenSQLite(filepath.Join(b.TempDir(), "hub.db"), limits)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	furnish(b, s)
	for done := 0; done < count; {
		err := s.Update(context.Background(), noon.Add(time.Duration(done)*time.Millisecond), func(tx Tx) error {
			for range min(5000, count-done) {
				done++
				args := wire.PutArgs{Class: wire.ClassText, Entry: fmt.Appendf(nil, "%-1024d", done)}
				if _, err := tx.Put(channel, root, args); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkStatus asks for a channel's numbers, each time in a transaction of its
// own: what it costs does not depend on how much the channel holds.
func BenchmarkStatus(b *testing.B) {
	for _, count := range []int{100, 100_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			s := crowd(b, count)
			for b.Loop() {
				err := s.View(context.Background(), noon, func(tx Tx) error {
					status, err := tx.Status(channel, root)
					if int(status.Entries) != count {
						b.Fatalf("%+v", status)
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
