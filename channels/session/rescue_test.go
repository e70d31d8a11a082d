package session

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"hubbub/channels/codec"
)

func aRescue(t testing.TB) (InviteKeys, Rescue) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	return DeriveInvite(InviteSecret{9}), Rescue{theChannel, alice.member, bob.member, [][]byte{{1, 2, 3}, bytes.Repeat([]byte("hub+ "), 40)}}
}

func TestRescueRoundTrip(t *testing.T) {
	keys, r := aRescue(t)
	for _, c := range []struct{ ops, size int }{
		{1, 4 << 10}, {5 << 10, 16 << 10}, {20 << 10, 64 << 10}, {MaxRescue, 128 << 10},
	} {
		r.Ops = [][]byte{bytes.Repeat([]byte{7}, c.ops)}
		blob := must(SealRescue(keys, r))(t)
		if got, err := OpenRescue(keys, blob); err != nil || !reflect.DeepEqual(got, r) || len(blob) != c.size {
			t.Errorf("%d bytes of operations make %d: %v", c.ops, len(blob), err)
		}
	}
}

// The blobs of invites and of rescues never pass for each other, though both are
// sealed under a blob key; nor does a rescue for another slot's.
func TestRescuesAndInvitesDoNotMix(t *testing.T) {
	keys, r := aRescue(t)
	_, card, offer := anInvite(t)
	rescue, invite := must(SealRescue(keys, r))(t), must(SealBlob(keys, card, offer))(t)
	if !IsRescue(rescue) || IsRescue(invite) || IsRescue(nil) {
		t.Error("the kinds are not told apart")
	}
	if _, _, err := OpenBlob(keys, rescue); !errors.Is(err, ErrMalformed) {
		t.Error("taken for an invite:", err)
	}
	if _, err := OpenRescue(keys, invite); !errors.Is(err, ErrMalformed) {
		t.Error("taken for a rescue:", err)
	}
	rescue[0], invite[0] = blobVersion, rescueVersion
	if _, _, err := OpenBlob(keys, rescue); !errors.Is(err, ErrSealed) {
		t.Error("under another version:", err)
	}
	if _, err := OpenRescue(keys, invite); !errors.Is(err, ErrSealed) {
		t.Error("under another version:", err)
	}
	rescue[0] = rescueVersion
	elsewhere := keys
	elsewhere.Slot[0] ^= 1
	if _, err := OpenRescue(elsewhere, rescue); !errors.Is(err, ErrSealed) {
		t.Error("opened for another slot:", err)
	}
	if _, err := OpenRescue(DeriveInvite(InviteSecret{8}), rescue); !errors.Is(err, ErrSealed) {
		t.Error("opened by another key:", err)
	}
}

func TestRescueRefused(t *testing.T) {
	keys, right := aRescue(t)
	for name, spoil := range map[string]func(*Rescue){
		"no operations":    func(r *Rescue) { r.Ops = nil },
		"an empty one":     func(r *Rescue) { r.Ops = append(r.Ops, []byte{}) },
		"too many of them": func(r *Rescue) { r.Ops = [][]byte{make([]byte, MaxRescue), {1}} },
		"for its maker":    func(r *Rescue) { r.For = r.By },
	} {
		_, r := aRescue(t)
		spoil(&r)
		if _, err := SealRescue(keys, r); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: sealed: %v", name, err)
		}
		plain := must(codec.Marshal(r))(t)
		total := must(fit(blobSizes, rescueOutside+lengthSize+len(plain)))(t)
		if _, err := OpenRescue(keys, sealRescue(keys, pad(plain, nil, total-rescueOutside))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
	plain := must(codec.Marshal(right))(t)
	spoilt := func(total int, spoil func([]byte)) []byte {
		padded := pad(plain, nil, total-rescueOutside)
		spoil(padded)
		return sealRescue(keys, padded)
	}
	if _, err := OpenRescue(keys, spoilt(4<<10, func([]byte) {})); err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{
		"padding":                spoilt(4<<10, func(p []byte) { p[len(p)-1] = 1 }),
		"larger than it must be": spoilt(16<<10, func([]byte) {}),
		"length beyond the end":  spoilt(4<<10, func(p []byte) { p[0] = 1 }),
	} {
		if _, err := OpenRescue(keys, blob); !errors.Is(err, ErrPadding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
