package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
	"hubbub/hub/store"
)

// exported is a hub with a bit of everything, and its export, piece by piece.
func exported(t *testing.T) (old *scene, pieces [][][]byte) {
	t.Helper()
	old = begin(t)
	old.lounge("bob")
	old.guest("gus")
	old.ok(old.as("gus").Open(cellar, "gus's token"))
	for i := range 10 {
		// Enough to need several pieces.
		old.ok(old.as("alice").Offer(lounge, wire.OfferArgs{Slot: wire.Slot{byte(i)}, Number: 1, Invite: hubtest.Token("invite"),
			Expires: old.now.Add(24 * time.Hour).Unix(), Blob: bytes.Repeat([]byte{byte(i)}, 100_000)}))
	}
	_, err := old.as("invite").Redeem(wire.RedeemArgs{Slot: wire.Slot{1}, Number: 1, Token: hubtest.Token("carol"), Entries: [][]byte{[]byte("carol's join")}})
	old.ok(err)
	_, err = old.as("bob").Put(lounge, "hello")
	old.ok(err)
	return old, old.export()
}

// export reads all pieces of an export.
func (s *scene) export() (pieces [][][]byte) {
	s.Helper()
	for after, more := []byte(nil), true; more; more = len(after) > 0 {
		result, err := s.as("owner").Export(after)
		s.ok(err)
		size := 0
		for _, r := range result.Records {
			size += len(r)
		}
		if size > 512<<10 || len(result.Records) == 0 {
			s.Fatalf("a piece of %d bytes", size)
		}
		pieces, after = append(pieces, result.Records), result.Next
	}
	return pieces
}

// newHub is an empty hub that somebody owns.
func newHub(t *testing.T, change ...func(*hub.Config)) *scene {
	t.Helper()
	s := begin(t, change...)
	_, err := s.as("new owner").Claim(s.claimKey())
	s.ok(err)
	return s
}

// imports gives the new hub pieces, and has it become the exported one.
func (s *scene) imports(pieces [][][]byte) error {
	s.Helper()
	for _, records := range pieces {
		s.now = s.now.Add(time.Second)
		if err := s.as("new owner").Import(wire.ImportArgs{Records: records}); err != nil {
			return err
		}
	}
	s.now = s.now.Add(time.Second)
	return s.as("new owner").Import(wire.ImportArgs{Done: true})
}

// isOld wants the new hub to be the old one, with which people go on.
func (s *scene) isOld(old *scene, oldClient hubtest.Client) {
	s.Helper()
	if s.hub.Fingerprint() != old.hub.Fingerprint() {
		s.Fatal("it shows another fingerprint")
	}
	before := s.client.Hub.Hub
	s.ok(s.client.FetchKeys())
	if s.client.Hub.Hub != oldClient.Hub.Hub || before == s.client.Hub.Hub {
		s.Fatal("it shows other keys")
	}
	if account, err := s.as("owner").Status(wire.Channel{}); err != nil || !account.Owner {
		s.Errorf("%+v, %v", account, err)
	}
	_, err := s.as("new owner").Status(wire.Channel{})
	s.refused(wire.CodeDenied, err)
	oldStatus, err := old.as("alice").Status(lounge)
	s.ok(err)
	result, err := s.as("alice").Fetch(lounge, wire.FetchArgs{After: oldStatus.Head, ID: idOf("hello")})
	s.ok(err)
	if !result.Restored || result.Generation == oldStatus.Generation {
		s.Errorf("%+v, and before %+v", result, oldStatus)
	}
	put, err := s.as("bob").Put(lounge, "hello")
	s.ok(err)
	if !put.New || put.Position <= oldStatus.Head {
		s.Errorf("%+v", put)
	}
	_, err = s.as("invite").Redeem(wire.RedeemArgs{Slot: wire.Slot{1}, Number: 1, Token: hubtest.Token("mallory"), Entries: [][]byte{{1}}})
	s.refused(wire.CodeUsed, err)
	_, err = s.as("carol").Put(lounge, "I am still here")
	s.ok(err)
	_, err = s.as("mallory").Claim(s.guestKey("gus"))
	s.refused(wire.CodeUsed, err)
	s.refused(wire.CodeUsed, s.as("owner").Import(wire.ImportArgs{Records: [][]byte{{1}}}))
}

func TestAHubMoves(t *testing.T) {
	old, pieces := exported(t)
	if len(pieces) < 2 {
		t.Fatalf("%d pieces", len(pieces))
	}
	s := newHub(t)
	// A client that knows the old hub's keys goes on with them.
	client := *old.client
	before, err := old.client.Hub.Newest()
	s.ok(err)
	s.ok(s.imports(pieces))
	s.isOld(old, client)
	if key, err := s.client.Hub.Newest(); err != nil || key.ID != before.ID {
		t.Error("what is sealed to the old hub's key cannot be opened", err)
	}
	s.reopen()
	if s.hub.Fingerprint() != old.hub.Fingerprint() {
		t.Error("after a start it is another hub")
	}
	// The folder alone says as well who owns it, and nothing else lies there.
	s.loseDatabase("keys", "owner")
	s.ok(s.as("owner").Open(lounge, "alice"))
	s.refused(wire.CodeDenied, s.as("new owner").Open(cellar, "alice"))
	if s.log.Len() > 0 {
		t.Errorf("the hub has complained: %s", &s.log)
	}
}

// Whom hub.conf names owns the place still, and is not waited for any more.
func TestAHubMovesToAPreparedOne(t *testing.T) {
	old, pieces := exported(t)
	named := hubtest.Token("new owner")
	s := begin(t, func(c *hub.Config) { c.Owner = named })
	_, err := s.as("new owner").Claim(wire.AccountKey{Fingerprint: s.hub.Fingerprint(), Secret: wire.OwnerSecret(named)})
	s.ok(err)
	s.ok(s.imports(pieces))
	if s.hub.Fingerprint() != old.hub.Fingerprint() {
		t.Fatal("it is another hub")
	}
	s.ok(s.client.FetchKeys())
	for _, who := range []string{"owner", "new owner"} {
		if account, err := s.as(who).Status(wire.Channel{}); err != nil || !account.Owner {
			t.Errorf("%s: %+v, %v", who, account, err)
		}
	}
	owners, err := os.ReadFile(filepath.Join(s.data, "owner"))
	s.ok(err)
	if !strings.Contains(string(owners), fmt.Sprintf("%x", named[:])) {
		t.Errorf("the folder names\n%s", owners)
	}
}

// An import that ends before it is done leaves the hub as it was, and is begun
// anew; its pieces may come twice, but each has to.
func TestAnImportThatIsNotWhole(t *testing.T) {
	old, pieces := exported(t)
	s := newHub(t)
	fingerprint := s.hub.Fingerprint()
	swapped := slices.Clone(pieces)
	swapped[1] = slices.Clone(swapped[1])
	swapped[1][0], swapped[1][1] = swapped[1][1], swapped[1][0]
	for name, wrong := range map[string][][][]byte{
		"nothing": nil, "no end": pieces[:len(pieces)-1], "no beginning": pieces[1:], "a hole": slices.Delete(slices.Clone(pieces), 1, 2),
		"another order": swapped, "nonsense": {{[]byte("nonsense")}}, "empty records": {{{}}}, "something behind the end": append(slices.Clone(pieces), [][]byte{{1}}),
	} {
		s.refused(wire.CodeBad, s.imports(wrong))
		s.reopen()
		if s.hub.Fingerprint() != fingerprint {
			t.Fatalf("%s: it is another hub", name)
		}
		channels, err := s.as("new owner").Channels(wire.Channel{})
		s.ok(err)
		_, err = s.as("owner").Status(wire.Channel{})
		s.refused(wire.CodeDenied, err)
		if _, err := os.Lstat(filepath.Join(s.data, "import")); len(channels.Channels) > 0 || err == nil {
			t.Fatalf("%s: %+v, %v", name, channels, err)
		}
	}
	s.ok(s.as("new owner").Import(wire.ImportArgs{Records: pieces[0]}))
	s.now = s.now.Add(time.Second)
	twice := append([][][]byte{pieces[0]}, pieces...)
	s.ok(s.imports(append(twice, pieces[len(pieces)-1])))
	s.isOld(old, *old.client)
}

// A hub that has something is not overwritten.
func TestAnImportIsIntoAnEmptyHub(t *testing.T) {
	_, pieces := exported(t)
	for name, fill := range map[string]func(*scene) error{
		"a channel": func(s *scene) error { return s.as("new owner").Open(lounge, "alice") },
		"a guest":   func(s *scene) error { return s.as("new owner").Guest(s.guestArgs("gert")) },
	} {
		s := newHub(t)
		fingerprint := s.hub.Fingerprint()
		s.ok(fill(s))
		s.refused(wire.CodeUsed, s.imports(pieces))
		s.refused(wire.CodeUsed, s.as("new owner").Import(wire.ImportArgs{Records: pieces[0]}))
		if s.reopen(); s.hub.Fingerprint() != fingerprint {
			t.Errorf("%s: it is another hub", name)
		}
	}
	// Not even if it came while the import was under way.
	s := newHub(t)
	for _, records := range pieces {
		s.now = s.now.Add(time.Second)
		s.ok(s.as("new owner").Import(wire.ImportArgs{Records: records}))
	}
	s.ok(s.as("new owner").Open(lounge, "alice"))
	s.refused(wire.CodeUsed, s.as("new owner").Import(wire.ImportArgs{Done: true}))
	_, err := s.as("alice").Put(lounge, "hello")
	s.ok(err)
}

// crashing is a store of which, and of whose folder, a copy is made at two moments
// of a transaction: before it is committed, and right after.
type crashing struct {
	store.Store
	copy func(moment string)
}

func (c crashing) Update(ctx context.Context, now time.Time, f func(store.Tx) error) error {
	err := c.Store.Update(ctx, now, func(tx store.Tx) error {
		err := f(tx)
		c.copy("before")
		return err
	})
	c.copy("after")
	return err
}

// A process that dies in the middle of the import leaves the one hub or the other.
func TestACrashWhileImporting(t *testing.T) {
	old, pieces := exported(t)
	crash := t.TempDir()
	armed := false
	s := newHub(t, func(c *hub.Config) {
		c.Store = func(path string, limits store.Limits) (store.Store, error) {
			s, err := store.Open(path, limits)
			return crashing{s, func(moment string) {
				if armed {
					if err := os.CopyFS(filepath.Join(crash, moment), os.DirFS(filepath.Dir(path))); err != nil {
						t.Error(err)
					}
				}
			}}, err
		}
	})
	fingerprint := s.hub.Fingerprint()
	for _, records := range pieces {
		s.now = s.now.Add(time.Second)
		s.ok(s.as("new owner").Import(wire.ImportArgs{Records: records}))
	}
	armed = true
	s.now = s.now.Add(time.Second)
	s.ok(s.as("new owner").Import(wire.ImportArgs{Done: true}))
	armed = false
	for _, moment := range []string{"before", "after"} {
		if _, err := os.Stat(filepath.Join(crash, moment, "import")); err != nil {
			t.Fatal(moment, err)
		}
		// Killed once more on the way, after each file that is replaced.
		for _, died := range []string{"", "owner", "keys"} {
			again := &scene{T: t, data: filepath.Join(t.TempDir(), "data"), now: s.now.Add(time.Second)}
			s.ok(os.CopyFS(again.data, os.DirFS(filepath.Join(crash, moment))))
			if died != "" && moment == "after" {
				for _, name := range []string{"owner", "keys"} {
					b, err := os.ReadFile(filepath.Join(s.data, name))
					s.ok(err)
					s.ok(os.WriteFile(filepath.Join(again.data, name), b, 0o600))
					if name == died {
						break
					}
				}
			}
			again.open()
			if moment == "before" {
				if again.hub.Fingerprint() != fingerprint {
					t.Fatal("what was not committed took place")
				}
				again.ok(again.imports(pieces))
			}
			again.client.Hub.Hub = s.client.Hub.Hub // as it was before the start
			again.isOld(old, *old.client)
			if left, _ := filepath.Glob(filepath.Join(again.data, "import*")); len(left) > 0 {
				t.Error(left)
			}
			again.ok(again.hub.Close())
		}
	}
}

// Where the disk refuses the last step the hub goes on as the exported one as soon
// as it can; where it refuses an earlier one, nothing has happened.
func TestAnImportThatCannotBeWrittenDown(t *testing.T) {
	old, pieces := exported(t)
	for _, name := range []string{"import.new", "owner.new", "keys.new"} {
		s := newHub(t)
		fingerprint := s.hub.Fingerprint()
		obstacle := filepath.Join(s.data, name, "below")
		s.ok(os.MkdirAll(obstacle, 0o700))
		err := s.imports(pieces)
		s.ok(os.RemoveAll(filepath.Dir(obstacle)))
		if name == "import.new" {
			s.refused(wire.CodeInternal, err)
			if s.reopen(); s.hub.Fingerprint() != fingerprint {
				t.Error("it is another hub")
			}
			s.ok(s.imports(pieces))
		} else {
			s.ok(err)
			if !strings.Contains(s.log.String(), "goes on with the next start") {
				t.Errorf("%s: the log says %q", name, &s.log)
			}
			before := s.client.Hub.Hub
			s.reopen()
			s.client.Hub.Hub = before
		}
		s.isOld(old, *old.client)
	}
}

// Several processes serve the folder: one of two imports at once is done, and all
// become the exported hub.
func TestImportsAtOnce(t *testing.T) {
	old, pieces := exported(t)
	s := newHub(t)
	first := *s.client
	others := make([]*hub.Hub, 3)
	for i := range others {
		h, err := hub.Open(hub.Config{Data: s.data, Now: func() time.Time { return s.now }})
		s.ok(err)
		defer h.Close()
		others[i] = h
	}
	for _, records := range pieces {
		s.now = s.now.Add(time.Second)
		s.ok(s.as("new owner").Import(wire.ImportArgs{Records: records}))
	}
	s.now = s.now.Add(time.Second)
	results := make([]error, len(others))
	var all sync.WaitGroup
	for i, h := range others {
		request, exchange, err := first.Seal(s.as("new owner").Sign(wire.OpImport, wire.Channel{}, wire.ImportArgs{Done: true}))
		s.ok(err)
		all.Go(func() {
			answer, err := h.Answer(context.Background(), request)
			if err != nil {
				results[i] = err
				return
			}
			response, err := exchange.OpenResponse(answer)
			if err == nil && len(response.Results) == 1 && response.Results[0].Error != nil {
				err = response.Results[0].Error
			}
			results[i] = err
		})
	}
	all.Wait()
	done := 0
	for _, err := range results {
		var refusal *hub.Refusal
		switch {
		case err == nil:
			done++
		case hubtest.IsCode(err, wire.CodeDenied): // it was no owner any more
		case errors.As(err, &refusal) && refusal.Status == wire.StatusUnknownKey: // nor was it that hub
		default:
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d imports were done: %v", done, results)
	}
	// Each process, too, that has had no part in it, opens what is sealed to the
	// old hub's keys before it was ever asked for its own.
	for i, h := range append(slices.Clone(others), s.hub) {
		client := hubtest.NewDirectClient(t, old.hub)
		request, exchange, err := client.Seal(old.as("bob").Sign(wire.OpStatus, lounge, nil))
		s.ok(err)
		answer, err := h.Answer(context.Background(), request)
		if err != nil {
			t.Errorf("process %d: %v", i, err)
			continue
		}
		if response, err := exchange.OpenResponse(answer); err != nil || response.Results[0].Error != nil {
			t.Errorf("process %d: %+v, %v", i, response, err)
		}
		if h.Fingerprint() != old.hub.Fingerprint() {
			t.Errorf("process %d is another hub", i)
		}
	}
	s.isOld(old, *old.client)
}

// What is wrong with the file of an import that a process left keeps the hub from
// starting as the wrong one, and is named in the log alone.
func TestAGarbledImportFile(t *testing.T) {
	s := newHub(t)
	s.ok(s.hub.Close())
	path := filepath.Join(s.data, "import")
	s.ok(os.WriteFile(path, []byte("nonsense"), 0o600))
	if h, err := hub.Open(hub.Config{Data: s.data}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, %v", h, err)
	} else if reply := hub.Failed(err); reply.Status != wire.StatusFailed || strings.Contains(string(reply.Body), s.data) {
		t.Errorf("strangers are told %d %s", reply.Status, reply.Body)
	}
	s.ok(os.Remove(path))
	s.open()
}

// Neither keys nor secrets of an export are in the log or in errors.
func TestAnExportIsTheOwnersAlone(t *testing.T) {
	old, pieces := exported(t)
	_, err := old.as("alice").Export(nil)
	old.refused(wire.CodeDenied, err)
	keys, err := os.ReadFile(filepath.Join(old.data, "keys"))
	old.ok(err)
	at := bytes.Index(keys, []byte("identity")) + len("identity") + 2
	identity := keys[at : at+64]
	if !bytes.Contains(pieces[0][0], identity) {
		t.Error("the hub's identity is not in its export")
	}
	if strings.Contains(old.log.String(), fmt.Sprintf("%x", identity[:8])) {
		t.Error("it is in the log")
	}
}
