package wire

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

// The key to seal to is judged by the hub's clock, so that the client's does
// not matter.
func TestNewest(t *testing.T) {
	key := func(id byte, from, until int64) HubKey { return HubKey{ID: KeyID{id}, From: from, Until: until} }
	for name, c := range map[string]struct {
		time int64
		keys []HubKey
		want byte // 0: ErrNoKey
	}{
		"the one key":         {150, []HubKey{key(1, 100, 200)}, 1},
		"its first second":    {100, []HubKey{key(1, 100, 200)}, 1},
		"its last second":     {199, []HubKey{key(1, 100, 200)}, 1},
		"over":                {200, []HubKey{key(1, 100, 200)}, 0},
		"not begun":           {99, []HubKey{key(1, 100, 200)}, 0},
		"the newer of two":    {180, []HubKey{key(1, 100, 200), key(2, 150, 250)}, 2},
		"in either order":     {180, []HubKey{key(2, 150, 250), key(1, 100, 200)}, 2},
		"the newer not begun": {120, []HubKey{key(2, 150, 250), key(1, 100, 200)}, 1},
		"the newer over":      {180, []HubKey{key(1, 100, 200), key(2, 150, 160)}, 1},
		"none":                {180, nil, 0},
	} {
		got, err := HubKeys{Time: c.time, Keys: c.keys, Versions: []int{Version}}.Newest()
		if c.want == 0 {
			if !errors.Is(err, ErrNoKey) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got.ID[0] != c.want {
			t.Errorf("%s: key %d, %v", name, got.ID[0], err)
		}
	}
	later := HubKeys{Time: 150, Keys: []HubKey{key(1, 100, 200)}, Versions: []int{2, 3}}
	if _, err := later.Newest(); !errors.Is(err, ErrVersion) {
		t.Error("a hub of later versions only:", err)
	}
	later.Versions = []int{2, Version}
	if _, err := later.Newest(); err != nil {
		t.Error("a hub of this version and a later one:", err)
	}
}

// Each answer is signed as it should be, and says what no hub says.
func TestHostileKeysAreRefused(t *testing.T) {
	h := newHub(t)
	sign := func(body []byte) []byte {
		signature := ed25519.Sign(h.identity, keysMessage(body))
		return must[[]byte](t)(codec.Marshal(signedKeys{Body: body, Signature: signature}))
	}
	with := func(change func(k *HubKeys)) []byte {
		k := h.keys(1500)
		k.Keys = []HubKey{h.key}
		change(&k)
		return must[[]byte](t)(codec.Marshal(k))
	}
	if _, err := OpenHubKeys(sign(with(func(*HubKeys) {}))); err != nil {
		t.Fatal("the answer itself was refused:", err)
	}
	manyLimits := make(map[string]int64)
	for i := range maxLimits + 1 {
		manyLimits[strings.Repeat("x", i)] = 1
	}
	for name, body := range map[string][]byte{
		"nothing":             {},
		"an unknown field":    must[[]byte](t)(codec.Marshal(map[string]int{"x": 1})),
		"another hub's key":   with(func(k *HubKeys) { k.Hub[0] ^= 1 }),
		"no keys":             with(func(k *HubKeys) { k.Keys = nil }),
		"nine keys":           with(func(k *HubKeys) { k.Keys = make([]HubKey, 9) }),
		"a wrong id":          with(func(k *HubKeys) { k.Keys[0].ID[0] ^= 1 }),
		"a short key":         with(func(k *HubKeys) { k.Keys[0].Public = k.Keys[0].Public[1:]; k.Keys[0].ID = KeyIDOf(k.Keys[0].Public) }),
		"no versions":         with(func(k *HubKeys) { k.Versions = nil }),
		"too many versions":   with(func(k *HubKeys) { k.Versions = make([]int, maxVersions+1) }),
		"too many limits":     with(func(k *HubKeys) { k.Limits = manyLimits }),
		"a long limit":        with(func(k *HubKeys) { k.Limits = map[string]int64{strings.Repeat("x", maxLimit+1): 1} }),
		"a long name":         with(func(k *HubKeys) { k.Software = strings.Repeat("x", maxSoftware+1) }),
		"a name with escapes": with(func(k *HubKeys) { k.Software = "hub\x1b[2J" }),
	} {
		if _, err := OpenHubKeys(sign(body)); !errors.Is(err, ErrNotKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := OpenHubKeys(make([]byte, MaxKeys+1)); !errors.Is(err, ErrNotKeys) {
		t.Error("too many bytes:", err)
	}
	if _, err := OpenHubKeys([]byte("<!DOCTYPE html><title>Log in</title>")); !errors.Is(err, ErrNotKeys) {
		t.Error("a page:", err)
	}
}

// A hub does not sign what clients refuse, and the greatest answer it may give
// is within MaxKeys.
func TestSignHubKeys(t *testing.T) {
	h := newHub(t)
	k := h.keys(1500)
	k.Keys = nil
	if _, err := SignHubKeys(h.identity, k); err == nil {
		t.Error("signed an answer without keys")
	}
	if _, err := SignHubKeys(nil, h.keys(1500)); err == nil {
		t.Error("signed without a key")
	}
	for len(k.Keys) < maxHubKeys {
		k.Keys = append(k.Keys, h.key)
	}
	for len(k.Versions) < maxVersions {
		k.Versions = append(k.Versions, 1<<30)
	}
	k.Software = strings.Repeat("x", maxSoftware)
	answer := must[[]byte](t)(SignHubKeys(h.identity, k))
	if len(answer) > MaxKeys/2 {
		t.Errorf("%d bytes", len(answer))
	}
	if _, err := OpenHubKeys(answer); err != nil {
		t.Error(err)
	}
}
