package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// conf writes a hub.conf that names the owner, and returns what has a hub be so.
func conf(t *testing.T, owner string) func(*hub.Config) {
	t.Helper()
	folder := t.TempDir()
	text := "owner = \"" + wire.OwnerText(hubtest.Token(owner)) + "\"\n"
	if err := os.WriteFile(filepath.Join(folder, hub.ConfigName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := hub.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *hub.Config) { c.Owner = config.Owner }
}

// Where hub.conf comes later than the first start, the owner key that was made then is
// good no more: there would be two owners.
func TestHubConfComesLate(t *testing.T) {
	s := begin(t)
	key, ok, err := hub.ReadClaim(s.data)
	if s.ok(err); !ok {
		t.Fatal("no owner key was made")
	}
	s.ok(s.hub.Close())
	s.open(conf(t, "owner"))
	if _, ok, _ := hub.ReadClaim(s.data); ok {
		t.Error("the owner key is there still")
	}
	_, err = s.as("mallory").Claim(key)
	s.refused(wire.CodeDenied, err)
	account, err := s.as("owner").Claim(wire.AccountKey{Secret: wire.OwnerSecret(hubtest.Token("owner"))})
	if s.ok(err); !account.Owner {
		t.Error("who is named does not own it")
	}
}

// A hub that is given its owner's account has nothing to claim, and is his
// from the first request on; so it stays when it loses its database.
func TestHubConfNamesTheOwner(t *testing.T) {
	owned := conf(t, "owner")
	s := begin(t, owned)
	if _, ok, _ := hub.ReadClaim(s.data); ok {
		t.Error("there is an owner key, though the hub has an owner")
	}
	secret := wire.AccountKey{Secret: wire.OwnerSecret(hubtest.Token("owner"))}
	others := wire.AccountKey{Secret: wire.OwnerSecret(hubtest.Token("mallory"))}
	for round := range 3 {
		// Who knows the account, which is no secret, gets nothing by it.
		for _, key := range []wire.AccountKey{secret, others, {}} {
			_, err := s.as("mallory").Claim(key)
			if round == 0 || key != secret {
				s.refused(wire.CodeDenied, err)
			} else {
				s.refused(wire.CodeUsed, err)
			}
		}
		s.refused(wire.CodeDenied, s.as("mallory").Open(lounge, "mallory"))
		for range 2 {
			if account, err := s.as("owner").Claim(secret); err != nil || !account.Owner {
				t.Fatalf("%+v, %v", account, err)
			}
		}
		s.ok(s.as("owner").Open(lounge, "alice"))
		_, err := s.as("alice").Put(lounge, "hello")
		s.ok(err)
		switch round {
		case 0: // the next process
			s.ok(s.hub.Close())
			s.open(owned)
		case 1: // a process after hub.conf was lost
			s.reopen()
			if account, err := s.as("owner").Status(wire.Channel{}); err != nil || !account.Owner {
				t.Fatalf("%+v, %v", account, err)
			}
			s.ok(s.hub.Close())
			s.open(owned)
		}
	}
}

// One is the owner without a claim, by whatever is asked first, and when all but
// hub.conf and the keys are lost.
func TestTheOwnerInHubConfOutlivesTheData(t *testing.T) {
	owned := conf(t, "owner")
	s := begin(t, owned)
	if account, err := s.as("owner").Status(wire.Channel{}); err != nil || !account.Owner {
		t.Errorf("%+v, %v", account, err)
	}
	s.ok(s.as("owner").Open(lounge, "alice"))
	s.loseDatabase("keys")
	s.ok(s.hub.Close())
	s.open(owned)
	s.ok(s.as("owner").Open(lounge, "alice"))
	if _, err := os.Stat(filepath.Join(s.data, "owner")); err != nil {
		t.Error("the owner is not in the folder:", err)
	}
}

// Another owner in hub.conf is a further owner; and claim.txt still makes one.
func TestAnotherOwnerInHubConf(t *testing.T) {
	s := begin(t, conf(t, "owner"))
	s.ok(s.as("owner").Open(lounge, "alice"))
	s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
	s.ok(s.hub.Close())
	s.open(conf(t, "bob"))
	for _, name := range []string{"owner", "bob"} {
		if account, err := s.as(name).Status(wire.Channel{}); err != nil || !account.Owner {
			t.Errorf("%s: %+v, %v", name, account, err)
		}
	}
	if account, err := s.as("carol").Claim(s.claimKey()); err != nil || !account.Owner {
		t.Errorf("%+v, %v", account, err)
	}
}

func TestOwnerInHubConfIsAnAccount(t *testing.T) {
	good := wire.OwnerText(hubtest.Token("owner"))
	for text, ok := range map[string]bool{good: true, strings.ToLower(good): true, good[1:]: false, good + "AA": false, "me": false,
		strings.Replace(good, good[:1], "1", 1): false} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, hub.ConfigName), []byte("owner = \""+text+"\""), 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := hub.Load(folder)
		if (err == nil) != ok || ok && config.Owner != hubtest.Token("owner") {
			t.Errorf("%q: %v, %v", text, config.Owner, err)
		}
	}
}
