package session

import (
	"errors"
	"testing"
)

func TestShownPrekeys(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	prekey := NumberedPrekey{7, alice.prekey.Public}
	for _, c := range []Content{FreshKey{prekey}, FreshPrekey{prekey}, Give{Prekey: prekey}} {
		from, got, err := OpenShown(theChannel, shownBy(alice, c))
		if err != nil || from != alice.member || got != prekey {
			t.Errorf("%q: %x shows %d, %v", c.Kind(), from[:4], got.Number, err)
		}
	}
	right := shownBy(alice, FreshPrekey{prekey})
	if _, _, err := OpenShown(Channel{1}, right); !errors.Is(err, ErrSignature) {
		t.Error("taken in another channel:", err)
	}
	for name, spoil := range map[string]func(*Shown){
		"header":    func(s *Shown) { s.Header[0] ^= 1 },
		"signature": func(s *Shown) { s.Signature[0] ^= 1 },
		"prekey":    func(s *Shown) { s.Body = shownBy(alice, FreshPrekey{NumberedPrekey{8, bob.prekey.Public}}).Body },
		"sender":    func(s *Shown) { s.Body = shownBy(bob, FreshPrekey{prekey}).Body },
	} {
		s := right
		spoil(&s)
		if _, _, err := OpenShown(theChannel, s); !errors.Is(err, ErrSignature) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	keys := DeriveInvite(InviteSecret{5})
	invites := []OpenInvite{{keys.ID(), keys.Slot, 2, keys.Join, seed("invite prekey"), seed("refresh"), make([]byte, CardSize)}}
	for name, c := range map[string]Content{"a text": Text{Text: "hello"}, "invites": Give{prekey, invites}} {
		if _, _, err := OpenShown(theChannel, shownBy(alice, c)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s handed on: %v", name, err)
		}
	}
}
