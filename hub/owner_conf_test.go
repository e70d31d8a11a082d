package hub_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// isOwner wants the hub to take somebody for its owner, whatever he asks first.
func (s *scene) isOwner(name string) {
	s.Helper()
	if account, err := s.as(name).Status(wire.Channel{}); err != nil || !account.Owner {
		s.Errorf("%s's status: %+v, %v", name, account, err)
	}
	s.now = s.now.Add(time.Second)
	s.ok(s.as(name).Retire(0))
	_, err := s.as(name).Report()
	s.ok(err)
	s.ok(s.as(name).Open(wire.Channel{0xa}, "alice"))
	secret := wire.OwnerSecret(hubtest.Token(name))
	if account, err := s.as(name).Claim(wire.AccountKey{Secret: secret}); err != nil || !account.Owner {
		s.Errorf("%s claims: %+v, %v", name, account, err)
	}
}

// isNoOwner wants it to take him for nobody.
func (s *scene) isNoOwner(name string, key wire.AccountKey) {
	s.Helper()
	_, err := s.as(name).Status(wire.Channel{})
	s.refused(wire.CodeDenied, err)
	s.now = s.now.Add(time.Second)
	s.refused(wire.CodeDenied, s.as(name).Retire(0))
	_, err = s.as(name).Report()
	s.refused(wire.CodeDenied, err)
	s.refused(wire.CodeDenied, s.as(name).Open(wire.Channel{0xb}, "alice"))
	_, err = s.as(name).Claim(key)
	s.refused(wire.CodeDenied, err)
}

// Whoever can write to the web space owns the hub: another owner in hub.conf takes
// the place of all whom it had, from the moment on that it stands there. Their
// channels stay; and who is named again is it again.
func TestAnotherOwnerInHubConf(t *testing.T) {
	s := begin(t)
	claimed := s.claimKey()
	_, err := s.as("owner").Claim(claimed)
	s.ok(err)
	s.ok(s.as("owner").Open(lounge, "alice"))
	s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
	s.ok(s.hub.Close())
	s.open(conf(t, "bob"))
	if _, ok, _ := hub.ReadClaim(s.data); ok {
		t.Error("there is an owner key, though hub.conf names somebody who has not come yet")
	}
	s.isNoOwner("owner", claimed)
	if page := string(s.hub.Serve(t.Context(), hub.Request{Method: "GET"}).Body); !strings.Contains(page, "names another owner than it had") {
		t.Error("the page does not tell of it:", page)
	}
	_, err = s.as("alice").Put(lounge, "hello")
	s.ok(err)
	s.isOwner("bob")
	s.isNoOwner("owner", claimed)
	_, err = s.as("alice").Put(lounge, "hello again")
	s.ok(err)
	if page := string(s.hub.Serve(t.Context(), hub.Request{Method: "GET"}).Body); strings.Contains(page, "another owner") {
		t.Error("the page still tells of it:", page)
	}

	// He has come: claim.txt makes a further one, and hub.conf is taken away.
	s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
	s.ok(s.hub.Close())
	s.open(conf(t, "bob"))
	key := s.claimKey()
	_, err = s.as("carol").Claim(key)
	s.ok(err)
	s.reopen()
	for _, name := range []string{"bob", "carol"} {
		if account, err := s.as(name).Status(wire.Channel{}); err != nil || !account.Owner {
			t.Errorf("%s: %+v, %v", name, account, err)
		}
	}
	// The file "owner" is deleted: only who is named in hub.conf is left.
	s.ok(os.Remove(filepath.Join(s.data, "owner")))
	s.ok(s.hub.Close())
	s.open(conf(t, "bob"))
	s.isNoOwner("carol", key)
	s.isOwner("bob")
	s.ok(s.hub.Close())
	s.open(conf(t, "owner"))
	s.isOwner("owner")
	s.isNoOwner("bob", wire.AccountKey{Secret: wire.OwnerSecret(hubtest.Token("bob"))})
	s.isNoOwner("carol", key)
	if text, err := os.ReadFile(filepath.Join(s.data, "owner")); err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%s, %v", text, err)
	}
}

// A process dies when the database knows whom hub.conf names, and the folder does not
// yet; then hub.conf is lost. Whom he has replaced does not come back.
func TestAReplacedOwnerDoesNotComeBack(t *testing.T) {
	s := begin(t)
	claimed := s.claimKey()
	_, err := s.as("owner").Claim(claimed)
	s.ok(err)
	s.ok(s.hub.Close())
	s.open(conf(t, "bob"))
	inTheWay := filepath.Join(s.data, "owner.new") // as which the file is written first
	s.ok(os.Mkdir(inTheWay, 0o700))
	s.ok(s.as("bob").Open(lounge, "alice"))
	s.ok(os.Remove(inTheWay))
	s.reopen()
	s.isNoOwner("owner", claimed)
	if account, err := s.as("bob").Status(wire.Channel{}); err != nil || !account.Owner {
		t.Errorf("%+v, %v", account, err)
	}
	s.ok(s.as("bob").Open(lounge, "alice"))
	if _, err := os.Stat(filepath.Join(s.data, "owner-next")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still under way:", err)
	}
	s.loseDatabase("keys", "owner")
	s.isNoOwner("owner", claimed)
	if account, err := s.as("bob").Status(wire.Channel{}); err != nil || !account.Owner {
		t.Errorf("%+v, %v", account, err)
	}
}

// A process dies before the database knows him: nothing has changed then.
func TestAnOwnerIsNotReplacedYet(t *testing.T) {
	s := begin(t)
	_, err := s.as("owner").Claim(s.claimKey())
	s.ok(err)
	bob := hubtest.Token("bob")
	s.ok(os.WriteFile(filepath.Join(s.data, "owner-next"), fmt.Appendf(nil, "%x %x\n", bob[:], make([]byte, 32)), 0o600))
	s.isOwnerByKey("owner")
	s.loseDatabase("keys", "owner", "owner-next")
	s.isOwnerByKey("owner")
	s.refused(wire.CodeDenied, s.as("bob").Open(wire.Channel{0xb}, "alice"))
	s.ok(s.hub.Close())
	s.open(conf(t, "bob"))
	s.isOwner("bob")
	_, err = s.as("owner").Status(wire.Channel{})
	s.refused(wire.CodeDenied, err)
}

// isOwnerByKey wants the hub to take somebody for its owner who has claimed it.
func (s *scene) isOwnerByKey(name string) {
	s.Helper()
	s.ok(s.as(name).Open(wire.Channel{0xa}, "alice"))
	_, err := s.as(name).Report()
	s.ok(err)
}

// Whoever is a guest already, or was banned as one, is the owner once hub.conf
// names him, by whatever he asks first; and no guest any more.
func TestAGuestIsNamedInHubConf(t *testing.T) {
	for first, ask := range map[string]func(s *scene) error{
		"claim": func(s *scene) error {
			_, err := s.as("gus").Claim(wire.AccountKey{Secret: wire.OwnerSecret(hubtest.Token("gus"))})
			return err
		},
		"open":   func(s *scene) error { return s.as("gus").Open(wire.Channel{0xc}, "alice") },
		"retire": func(s *scene) error { return s.as("gus").Retire(0) },
		"report": func(s *scene) error { _, err := s.as("gus").Report(); return err },
		"status": func(s *scene) error { _, err := s.as("gus").Status(wire.Channel{}); return err },
	} {
		for _, banned := range []bool{false, true} {
			t.Run(fmt.Sprint(first, ", banned: ", banned), func(t *testing.T) {
				s := begin(t)
				s.lounge()
				s.guest("gus")
				s.ok(s.as("gus").Open(wire.Channel{0xd}, "alice"))
				if banned {
					s.now = s.now.Add(time.Second)
					s.ok(s.as("owner").Ban(wire.BanArgs{Name: "gus"}))
				}
				s.ok(s.hub.Close())
				s.open(conf(t, "gus"))
				s.now = s.now.Add(time.Second)
				s.ok(ask(s))
				s.isOwner("gus")
				_, err := s.as("alice").Put(wire.Channel{0xd}, "hello")
				s.ok(err)
				_, err = s.as("owner").Report()
				s.refused(wire.CodeDenied, err)
				if guests, err := s.as("gus").Guests(""); err != nil || len(guests.Guests) > 0 {
					t.Errorf("%+v, %v", guests, err)
				}
			})
		}
	}
}

// The owner whom hub.conf names imports a hub, and owns it still, beside those
// whom it brings.
func TestTheOwnerInHubConfImports(t *testing.T) {
	old, pieces := exported(t)
	defer old.hub.Close()
	s := begin(t, conf(t, "new owner"))
	s.ok(s.imports(pieces))
	s.ok(s.hub.Close())
	s.open(conf(t, "new owner"))
	for _, name := range []string{"owner", "new owner"} {
		if account, err := s.as(name).Status(wire.Channel{}); err != nil || !account.Owner {
			t.Errorf("%s: %+v, %v", name, account, err)
		}
	}
	s.isOwner("new owner")
	if account, err := s.as("owner").Status(wire.Channel{}); err != nil || !account.Owner {
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

// Who has forgotten hub.conf is told so, before he goes looking for claim.txt.
func TestThePageMissesHubConf(t *testing.T) {
	w := newWebSpace(t, "public_html")
	const hint = "Has your gateway made the upload"
	w.page("claim.txt", hint)
	w.conf("contact = \"al@example.org\"\n")
	w.page("claim.txt", hint)
	w.conf("owner = \"" + wire.OwnerText(hubtest.Token("owner")) + "\"\n")
	if page := w.page("whom it knows already"); strings.Contains(page, hint) || strings.Contains(page, "claim.txt") {
		t.Error(page)
	}
}
