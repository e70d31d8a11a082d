package store

import (
	"context"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hubbub/channels/wire"
)

// million has TestAMillionTokens run with so many; with a few it shows that it works.
var million = flag.Int("tokens", 20_000, "how many tokens TestAMillionTokens puts in")

// A hub with a million tokens, in channels of a thousand, serves a member of one of
// them as any other hub does: what a request costs depends on his channel.
func TestAMillionTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if err := put(s, "hello"); err != nil {
		t.Fatal(err)
	}
	quiet := rounds(t, s, "with one")
	const each = 1000
	for n := 2; n < 2+*million/each; n++ {
		err := s.Update(context.Background(), noon, func(x Tx) error {
			id := wire.Channel{0: 9, 4: byte(n >> 8), 5: byte(n)}
			if err := x.(*tx).open(id, account, Account{Owner: true}, root); err != nil {
				return err
			}
			for i := range each {
				token := wire.Token(binary.BigEndian.AppendUint64(make([]byte, 24, 32), uint64(n*each+i)))
				if err := x.(*tx).admit(int64(n), token, root, i); err != nil {
					return err
				}
			}
			return nil
		})
		if isCode(err, wire.CodeBusy) {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	crowded := rounds(t, s, "with all")
	if got := entries(t, s); len(got) != 1+2*32 {
		t.Errorf("%d entries are there", len(got))
	}
	if info, err := os.Stat(path); err == nil {
		t.Logf("%d tokens: the database has %.1f MB; a put took %s, and %s with one channel", *million, float64(info.Size())/1e6, crowded, quiet)
	}
}

// rounds puts and reads, in each second of the four in which something else is
// tidied, and returns how long a put took in the middle.
func rounds(t *testing.T, s *SQLite, name string) time.Duration {
	t.Helper()
	begin := time.Now()
	const count = 32
	for i := range count {
		now := noon.Add(time.Duration(i) * time.Second)
		err := s.Update(context.Background(), now, func(tx Tx) error {
			_, err := tx.Put(channel, root, wire.PutArgs{Class: wire.ClassText, Entry: []byte(name + now.String())})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(begin) / count
}
