package hub_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// everyCall is a call of each kind, by those who may make it.
func (s *scene) everyCall() []wire.SignedCall {
	slot := wire.Slot{1}
	return append(s.ownersCalls("owner"),
		s.as("owner").Sign(wire.OpOpen, wire.Channel{9}, wire.OpenArgs{Root: hubtest.Token("alice")}),
		s.as("owner").Sign(wire.OpStatus, wire.Channel{}, nil),
		s.as("alice").Sign(wire.OpGrant, lounge, wire.GrantArgs{Token: hubtest.Token("carol"), Under: hubtest.Token("bob")}),
		s.as("bob").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte("new")}),
		s.as("bob").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassKeep, Entry: bytes.Repeat([]byte("k"), 50_000)}),
		s.as("bob").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1000, Wait: 1}),
		s.as("alice").Sign(wire.OpAck, lounge, wire.AckArgs{Position: 1 << 60}),
		s.as("alice").Sign(wire.OpStatus, lounge, nil),
		s.as("alice").Sign(wire.OpOffer, lounge, wire.OfferArgs{Slot: slot, Number: 2, Invite: hubtest.Token("invite"),
			Expires: s.now.Add(time.Hour).Unix(), Blob: []byte("card")}),
		s.as("invite").Sign(wire.OpPeek, wire.Channel{}, wire.PeekArgs{Slot: slot}),
		s.as("invite").Sign(wire.OpRedeem, wire.Channel{}, wire.RedeemArgs{Slot: slot, Number: 2, Token: hubtest.Token("dave"), Entries: [][]byte{[]byte("join")}}),
		s.as("alice").Sign(wire.OpWithdraw, lounge, wire.WithdrawArgs{Slot: slot}),
		s.as("alice").Sign(wire.OpRevoke, lounge, wire.RevokeArgs{Token: hubtest.Token("carol")}),
		s.as("mallory").Sign(wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: [16]byte{1}}),
	)
}

// furnished is a database with something in each of its tables, as its file's bytes.
func (s *scene) furnished() (path string, whole []byte) {
	s.Helper()
	s.lounge("bob")
	for i := range 30 {
		_, err := s.as("alice").Put(lounge, fmt.Sprint("entry ", i, strings.Repeat("x", 300*i)))
		s.ok(err)
	}
	s.ok(s.as("alice").Offer(lounge, wire.OfferArgs{Slot: wire.Slot{1}, Number: 1, Invite: hubtest.Token("invite"),
		Expires: s.now.Add(time.Hour).Unix(), Blob: bytes.Repeat([]byte("card"), 1000)}))
	s.ok(s.hub.Close())
	path = filepath.Join(s.data, "hub.db")
	whole, err := os.ReadFile(path)
	s.ok(err)
	return path, whole
}

// putDatabase puts a database into the folder, for the next start.
func (s *scene) putDatabase(path string, content []byte) {
	s.Helper()
	for _, end := range []string{"-wal", "-shm", "-journal"} {
		os.Remove(path + end)
	}
	s.ok(os.WriteFile(path, content, 0o600))
	before := time.Now().Add(-time.Hour) // what was written only just now may still be on its way
	s.ok(os.Chtimes(path, before, before))
}

// damages are ways in which a database may be damaged.
func damages(whole []byte, rounds int) map[string][]byte {
	random := rand.New(rand.NewPCG(5, 6))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	all := map[string][]byte{
		"noise":             noise(len(whole)),
		"a noisy header":    append(noise(100), whole[100:]...),
		"half":              whole[:len(whole)/2],
		"half a page":       whole[:2048],
		"a byte":            whole[:1],
		"a web page":        []byte("<!DOCTYPE html><title>404</title>" + strings.Repeat(" ", 5000)),
		"zeros":             make([]byte, len(whole)),
		"zeros at the end":  append(bytes.Clone(whole[:len(whole)-20_000]), make([]byte, 20_000)...),
		"another's version": append(bytes.Clone(whole[:60]), append([]byte{0, 0, 0, 99}, whole[64:]...)...),
	}
	for i := range rounds / 3 {
		all[fmt.Sprint("cut off in round ", i)] = whole[:1+random.IntN(len(whole)-1)]
		page := random.IntN(len(whole)/4096) * 4096
		all[fmt.Sprint("a page of noise in round ", i)] = append(bytes.Clone(whole[:page]), append(noise(4096), whole[page+4096:]...)...)
	}
	for i := range rounds {
		flipped := bytes.Clone(whole)
		for range 1 << (i % 9) {
			flipped[random.IntN(len(flipped))] ^= 1 << random.IntN(8)
		}
		all[fmt.Sprint("bits of round ", i)] = flipped
	}
	return all
}

// A database that is damaged in whatever way never makes the hub fail. Where that
// shows, it is set aside, with a line in the log, and the same request finds a new
// one; where it does not, calls may fail as internal, with a line as well.
func TestADamagedDatabase(t *testing.T) {
	s := begin(t)
	path, whole := s.furnished()
	rounds, aside := 60, 0
	if testing.Short() {
		rounds = 15
	}
	for name, content := range damages(whole, rounds) {
		s.putDatabase(path, content)
		s.open()
		s.log.Reset()
		for _, call := range s.everyCall() { // each by itself, and so after what the others have done
			s.fails(name, call)
		}
		if _, err := s.client.Do(context.Background(), s.everyCall()...); err != nil {
			t.Errorf("%s: all at once: %v", name, err)
		}
		if strings.Contains(s.log.String(), "panic") {
			t.Errorf("%s: %.2000s", name, &s.log)
		}
		if reply := s.hub.Serve(context.Background(), hub.Request{Method: "GET", Length: -1}); reply.Status != wire.StatusSealed {
			t.Errorf("%s: the page: %d", name, reply.Status)
		}
		if s.wasSetAside(name, content) {
			aside++
			s.worksAnew(name)
		}
		s.hub.Close()
		s.forgetAside()
	}
	if aside < rounds/2 {
		t.Errorf("only %d were set aside", aside)
	}
	s.putDatabase(path, whole)
	s.open()
	if result, err := s.as("bob").Fetch(lounge, wire.FetchArgs{}); err != nil || len(result.Entries) != 30 {
		t.Errorf("%d entries, %v", len(result.Entries), err)
	}
}

// fails makes a call to a hub with a damaged database. If that fails the log has a
// line, and who has called does not learn where.
func (s *scene) fails(damage string, call wire.SignedCall) {
	s.Helper()
	results, err := s.client.Do(context.Background(), call)
	if err != nil {
		s.Errorf("%s: %s: %v", damage, call.Op, err)
		return
	}
	refusal := results[0].Error
	if refusal == nil || refusal.Code != wire.CodeInternal {
		return
	}
	if s.log.Len() == 0 || strings.Contains(refusal.Text, s.data) {
		s.Errorf("%s: %s: %v, and the log says %q", damage, call.Op, refusal, &s.log)
	}
}

// certain are the damages that no hub can overlook, and that leave nothing to be
// written to before.
var certain = map[string]bool{"noise": true, "a noisy header": true, "a web page": true, "zeros": true, "half": true}

// wasSetAside says whether the database was, once, and wants the log to name it.
func (s *scene) wasSetAside(damage string, content []byte) bool {
	s.Helper()
	names := hub.Damaged(s.data)
	if damage == "another's version" {
		// A newer program's: it is to be put back, and the data is left to it.
		left, err := os.ReadFile(filepath.Join(s.data, "hub.db"))
		if len(names) > 0 || err != nil || !bytes.Equal(left, content) || !strings.Contains(s.log.String(), "newer version") {
			s.Errorf("%s: %q were set aside (%v), and the log says %.500q", damage, names, err, &s.log)
		}
		return false
	}
	if len(names) > 1 || (certain[damage] && len(names) == 0) {
		s.Errorf("%s: set aside: %q", damage, names)
	}
	if len(names) == 0 {
		return false
	}
	if !strings.Contains(s.log.String(), names[0]) {
		s.Errorf("%s: the log does not name %s: %.500q", damage, names[0], &s.log)
	}
	if kept, err := os.ReadFile(filepath.Join(s.data, names[0])); certain[damage] && (err != nil || !bytes.Equal(kept, content)) {
		s.Errorf("%s: what was there is gone (%v)", damage, err)
	}
	return true
}

// worksAnew has the hub's owner open the lounge on the new database.
func (s *scene) worksAnew(damage string) {
	s.Helper()
	s.ok(s.as("owner").Open(lounge, "alice"))
	put, err := s.as("alice").Put(lounge, damage)
	s.ok(err)
	if result, err := s.as("alice").Fetch(lounge, wire.FetchArgs{}); err != nil || len(result.Entries) == 0 ||
		result.Entries[len(result.Entries)-1].Position != put.Position {
		s.Errorf("%s: with a new database: %+v, %v", damage, result, err)
	}
	if len(hub.Damaged(s.data)) != 1 {
		s.Errorf("%s: the new one was set aside as well", damage)
	}
}

// forgetAside deletes what was set aside.
func (s *scene) forgetAside() {
	s.Helper()
	paths, err := filepath.Glob(filepath.Join(s.data, "hub.db-damaged-*"))
	s.ok(err)
	for _, path := range paths {
		s.ok(os.Remove(path))
	}
}

// What is wrong with the files beside the database is no harm.
func TestDamagedFilesBesideTheDatabase(t *testing.T) {
	s := begin(t)
	path, whole := s.furnished()
	for _, name := range []string{"hub.db-wal", "hub.db-shm", "hub.db-journal", "hub.db-lock", "hub.db-generation", "bell", "held/0"} {
		for _, damage := range []int{0, 1, 32, 5000, 70_000} {
			s.putDatabase(path, whole)
			s.ok(os.MkdirAll(filepath.Join(s.data, "held"), 0o700))
			s.ok(os.WriteFile(filepath.Join(s.data, name), bytes.Repeat([]byte("noise"), damage/5+1)[:damage], 0o600))
			s.log.Reset()
			s.open()
			if _, err := s.as("alice").Put(lounge, name); err != nil {
				t.Errorf("%s of %d bytes: %v: %s", name, damage, err, &s.log)
			}
			if result, err := s.as("bob").Fetch(lounge, wire.FetchArgs{Wait: 1}); err != nil || len(result.Entries) != 31 {
				t.Errorf("%s of %d bytes: %d entries, %v", name, damage, len(result.Entries), err)
			}
			s.ok(s.hub.Close())
		}
	}
	s.open()
}
