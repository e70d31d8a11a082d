package hub_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// first is a data folder that a hub of the first version has left, and the time
// at which it did.
func first(t *testing.T) (data string, then time.Time) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	packed, err := os.Open("testdata/first/hub.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	database, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(database)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"hub.db": whole}
	for _, name := range []string{"keys", "owner"} {
		if files[name], err = os.ReadFile(filepath.Join("testdata/first", name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(data, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data, time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
}

// A new program over the old one is an upgrade: what a hub of the first version
// has kept is all there, and means the same. Many requests come first.
func TestAnUpgradeKeepsAll(t *testing.T) {
	data, then := first(t)
	s := &scene{T: t, data: data, now: then}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			h, err := hub.Open(hub.Config{Data: data, Now: func() time.Time { return then }})
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			if _, err := hubtest.NewDirectClient(t, h).As(t, "bob").Status(lounge); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.open()
	defer func() { s.ok(s.hub.Close()) }()

	lines := []string{"carol joins", "carol's key"}
	for i := range 12 {
		lines = append(lines, fmt.Sprintf("line %d %*d", i, 300*(i%4), 0))
	}
	lines = append(lines, "bob's operation")
	result, err := s.as("bob").Fetch(lounge, wire.FetchArgs{})
	s.ok(err)
	if len(result.Entries) != len(lines) || result.Head != 1795389488405539 {
		t.Fatalf("%d entries, head %d", len(result.Entries), result.Head)
	}
	for i, e := range result.Entries {
		if string(e.Bytes) != lines[i] || (e.Class == wire.ClassKeep) != (i < 2 || i == 14) {
			t.Errorf("entry %d is %.30q, of class %s", i, e.Bytes, e.Class)
		}
	}
	put, err := s.as("alice").Put(lounge, lines[2])
	s.ok(err)
	if put.New || put.Position != result.Entries[2].Position {
		t.Errorf("what was there is put anew: %+v", put)
	}
	s.refused(wire.CodeRevoked, s.as("alice").Grant(lounge, "mallory", "alice"))
	_, err = s.as("alice in the den").Put(wire.Channel{'d', 'e', 'n'}, "hello")
	s.ok(err)

	account, err := s.as("owner").Status(wire.Channel{})
	s.ok(err)
	if !account.Owner || account.Entries != 16 {
		t.Errorf("%+v", account)
	}
	for slot, code := range map[byte]wire.Code{1: wire.CodeUsed, 2: wire.CodeWithdrawn} {
		_, err := s.as(fmt.Sprint("invite ", slot)).Peek(wire.Slot{slot})
		s.refused(code, err)
	}
	again, err := s.as("invite 1").Redeem(wire.RedeemArgs{Slot: wire.Slot{1}, Number: 1, Token: hubtest.Token("carol"),
		Entries: [][]byte{[]byte("carol joins"), []byte("carol's key")}})
	s.ok(err)
	if len(again.Positions) != 2 || again.Positions[0] != result.Entries[0].Position {
		t.Errorf("%+v", again)
	}
	card, err := s.as("invite 3").Peek(wire.Slot{3})
	s.ok(err)
	_, err = s.as("invite 3").Redeem(wire.RedeemArgs{Slot: wire.Slot{3}, Number: card.Number, Token: hubtest.Token("dave"), Entries: [][]byte{[]byte("dave joins")}})
	s.ok(err)
	_, err = s.as("dave").Put(lounge, "hello from dave")
	s.ok(err)
	if report, err := s.as("owner").Report(); err != nil || report.Schema < 3 || report.Entries != 18 || report.Channels != 2 || len(report.Damaged) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
