package hub_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// loseDatabase removes all that the data folder has but what is kept of it.
func (s *scene) loseDatabase(kept ...string) {
	s.Helper()
	s.ok(s.hub.Close())
	keep := make(map[string]bool)
	for _, name := range kept {
		keep[name] = true
	}
	files, err := os.ReadDir(s.data)
	s.ok(err)
	for _, file := range files {
		if !keep[file.Name()] {
			s.ok(os.RemoveAll(filepath.Join(s.data, file.Name())))
		}
	}
	s.open()
}

// A hub that lost everything but its keys and its owner goes on being his.
func TestTheOwnerOutlivesTheDatabase(t *testing.T) {
	s := begin(t)
	key := s.claimKey()
	s.lounge("bob")
	_, err := s.as("alice").Put(lounge, "hello")
	s.ok(err)
	info, err := os.Stat(filepath.Join(s.data, "owner"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal("the owner is not in the folder:", info, err)
	}
	fingerprint := s.hub.Fingerprint()

	s.loseDatabase("keys", "owner")
	if s.hub.Fingerprint() != fingerprint {
		t.Fatal("it is another hub")
	}
	if _, ok, _ := hub.ReadClaim(s.data); ok {
		t.Error("a new owner key lies about")
	}
	// He is shown as the owner before anything of his is in the database.
	if account, err := s.as("owner").Status(wire.Channel{}); err != nil || !account.Owner || account.Entries != 0 {
		t.Errorf("%+v, %v", account, err)
	}
	_, err = s.as("alice").Put(lounge, "hello again")
	s.refused(wire.CodeUnknown, err)
	for _, stranger := range []string{"alice", "mallory"} {
		s.refused(wire.CodeDenied, s.as(stranger).Open(lounge, stranger))
		_, err = s.as(stranger).Status(wire.Channel{})
		s.refused(wire.CodeDenied, err)
		_, err = s.as(stranger).Claim(wire.AccountKey{Secret: [16]byte{1}})
		s.refused(wire.CodeDenied, err)
	}
	s.ok(s.as("owner").Open(lounge, "alice"))
	s.refused(wire.CodeDenied, s.as("owner").Open(lounge, "mallory"))
	s.ok(s.as("alice").Grant(lounge, "bob", "alice"))
	_, err = s.as("bob").Put(lounge, "hello again")
	s.ok(err)
	if account, err := s.as("owner").Status(wire.Channel{}); err != nil || !account.Owner || account.Entries != 1 {
		t.Errorf("%+v, %v", account, err)
	}
	// The old account key is still his, and of no use to anybody else.
	if account, err := s.as("owner").Claim(key); err != nil || !account.Owner {
		t.Errorf("%+v, %v", account, err)
	}
	_, err = s.as("mallory").Claim(key)
	s.refused(wire.CodeUsed, err)
	if s.log.Len() > 0 {
		t.Errorf("the hub has complained: %s", &s.log)
	}
}

// The answer to a claim may be lost together with the database.
func TestAClaimIsRepeatedAfterTheDatabaseWasLost(t *testing.T) {
	s := begin(t)
	key := s.claimKey()
	_, err := s.as("owner").Claim(key)
	s.ok(err)
	s.loseDatabase("keys", "owner")
	_, err = s.as("mallory").Claim(key)
	s.refused(wire.CodeDenied, err)
	_, err = s.as("owner").Claim(wire.AccountKey{Secret: [16]byte{1}})
	s.refused(wire.CodeDenied, err)
	account, err := s.as("owner").Claim(key)
	s.ok(err)
	if !account.Owner {
		t.Errorf("%+v", account)
	}
}

// A hub that an older version served has its owner in the database alone: the
// file is made at the next write, whoever makes it.
func TestAnOlderHubsOwnerIsWrittenDown(t *testing.T) {
	for name, write := range map[string]func(*scene) error{
		"a member's put":   func(s *scene) error { _, err := s.as("alice").Put(lounge, "hello"); return err },
		"the owner's open": func(s *scene) error { return s.as("owner").Open(wire.Channel{'x'}, "alice") },
		"another's claim": func(s *scene) error {
			s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
			s.reopen()
			_, err := s.as("second owner").Claim(s.claimKey())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.lounge()
			s.ok(os.Remove(filepath.Join(s.data, "owner")))
			s.reopen()
			if _, err := s.as("alice").Fetch(lounge, wire.FetchArgs{}); err != nil {
				t.Error(err)
			}
			if _, err := s.as("mallory").Put(lounge, "x"); err == nil {
				t.Error("mallory is let in")
			}
			if _, err := os.Stat(filepath.Join(s.data, "owner")); err == nil {
				t.Error("a call that wrote nothing made the file")
			}
			s.ok(write(s))
			s.loseDatabase("keys", "owner")
			s.ok(s.as("owner").Open(lounge, "alice"))
			if name == "another's claim" {
				s.ok(s.as("second owner").Open(wire.Channel{'y'}, "alice"))
			}
		})
	}
}

// What is wrong with the file is for the log, and takes nothing from anybody.
func TestADamagedOwnerFile(t *testing.T) {
	s := begin(t)
	s.lounge()
	path := filepath.Join(s.data, "owner")
	for _, damage := range []string{"", "garbage\n", strings.Repeat("00", 32) + " 00\n", strings.Repeat("\x00", 5000), strings.Repeat("zz", 32) + " " + strings.Repeat("zz", 32)} {
		s.ok(os.WriteFile(path, []byte(damage), 0o600))
		s.refused(wire.CodeDenied, s.as("mallory").Open(lounge, "mallory"))
		s.ok(s.as("owner").Open(lounge, "alice"))
		text, err := os.ReadFile(path)
		s.ok(err)
		token := hubtest.Token("owner")
		if !strings.Contains(string(text), fmt.Sprintf("%x", token[:])) {
			t.Errorf("%q became %q", damage, text)
		}
	}
	// A file that cannot be written now is written later.
	s.ok(os.Remove(path))
	s.ok(os.Mkdir(path, 0o700))
	_, err := s.as("alice").Put(lounge, "hello")
	s.ok(err)
	s.ok(s.as("owner").Open(lounge, "alice"))
	s.ok(os.Remove(path))
	_, err = s.as("alice").Put(lounge, "hello again")
	s.ok(err)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		t.Error(info, err)
	}
}

// Moved to new hosting with its keys alone, it is a hub without an owner: only
// who can write into its folder gets a key.
func TestKeysWithoutAnOwner(t *testing.T) {
	s := begin(t)
	s.lounge()
	s.loseDatabase("keys")
	s.refused(wire.CodeDenied, s.as("owner").Open(lounge, "alice"))
	if _, err := os.Stat(filepath.Join(s.data, "owner")); err == nil || !os.IsNotExist(err) {
		t.Error("somebody owns it", err)
	}
	s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
	s.reopen()
	_, err := s.as("owner").Claim(s.claimKey())
	s.ok(err)
	s.ok(s.as("owner").Open(lounge, "alice"))
}
