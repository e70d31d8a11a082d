package roster

import (
	"slices"
	"strings"
	"testing"
)

// hasHubs holds the hubs to lists of addresses, one list a hub.
func (s *story) hasHubs(want ...string) {
	s.t.Helper()
	var got []string
	for _, h := range s.set.Evaluate().Hubs {
		var urls []string
		for _, e := range h.Entries {
			urls = append(urls, strings.TrimPrefix(e.URL, "https://"))
		}
		got = append(got, strings.Join(urls, " "))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("hubs are %q, want %q", got, want)
	}
}

func hub(url, key string) HubAdd { return HubAdd{URL: "https://" + url, Key: hubKey(key)} }

func TestHubs(t *testing.T) {
	s := found(t, "alice")
	first := s.does("alice", hub("alice.example", "alice"))
	s.brings("alice", "bob")
	s.brings("alice", "carol")
	second := s.does("bob", hub("bob.example", "bob"))
	s.hasHubs("alice.example", "bob.example")

	s.isVoid(s.does("carol", HubDrop{second}), ReasonAuthority)
	s.isVoid(s.does("bob", HubDrop{first}), ReasonAuthority)
	s.isVoid(s.does("bob", HubDrop{Hash{9}}), ReasonWaits)
	s.isVoid(s.does("bob", HubDrop{Hash(s.set.Channel())}), ReasonAbout)
	s.hasHubs("alice.example", "bob.example")

	s.does("alice", HubDrop{second}) // she is above bob
	s.hasHubs("alice.example")
	s.does("bob", hub("bob.example", "bob"))
	s.hasHubs("alice.example", "bob.example")
	s.does("alice", HubDrop{first})
	s.hasHubs("bob.example")
}

func TestAHubThatMoved(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	s.brings("alice", "carol")
	s.does("bob", hub("old.example", "bob"))
	moved := s.does("bob", hub("new.example", "bob"))
	s.hasHubs("new.example")

	// Anyone can claim to know another address of the key, not take the first away.
	astray := s.does("carol", hub("astray.example", "bob"))
	s.hasHubs("new.example astray.example")
	s.does("carol", HubDrop{astray})

	s.does("bob", HubDrop{moved}) // which does not bring back the old address
	s.hasHubs()

	s.does("bob", hub("third.example", "bob"))
	s.does("carol", hub("carol.example", "carol"))
	s.does("alice", hub("fourth.example", "bob")) // above bob, she may
	s.hasHubs("carol.example", "fourth.example")
	s.does("bob", hub("fifth.example", "bob")) // beside hers
	s.hasHubs("carol.example", "fourth.example fifth.example")
}

func TestAHubOutlastsWhoAddedIt(t *testing.T) {
	s := found(t, "alice")
	s.brings("alice", "bob")
	his := s.does("bob", hub("bob.example", "bob"))
	s.removes("alice", "bob")
	s.hasHubs("bob.example")
	s.isVoid(s.does("bob", HubDrop{his}), ReasonCut)
	s.does("bob", hub("late.example", "late"))
	s.hasHubs("bob.example")
	s.does("alice", HubDrop{his})
	s.hasHubs()
}
