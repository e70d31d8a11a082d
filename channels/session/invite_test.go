package session

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

func anInvite(t testing.TB) (InviteKeys, Card, Offer) {
	alice := newPerson(t, "alice")
	card := Card{theChannel, alice.member, seed("invite operation"), seed("refresh")}
	prekey := must(PrekeyFromSeed(seed("invite prekey")))(t)
	hub := Hub{"https://example.org/hub.cgi", [16]byte{1, 2, 3}}
	return DeriveInvite(InviteSecret{7}), card, Offer{
		Number: 1, Prekey: prekey.Public, Nicks: []string{"alice", "bob"}, Hubs: []Hub{hub},
		Members: []Member{alice.member, newPerson(t, "bob").member},
	}
}

func TestBlobRoundTrip(t *testing.T) {
	keys, card, offer := anInvite(t)
	blob := must(SealBlob(keys, card, offer))(t)
	gotCard, gotOffer, err := OpenBlob(keys, blob)
	if err != nil || gotCard != card || !reflect.DeepEqual(gotOffer, offer) {
		t.Errorf("%+v %+v %v", gotCard, gotOffer, err)
	}
	if len(blob) != 4<<10 {
		t.Errorf("%d bytes", len(blob))
	}
}

// A member without the invite's secret renews the offer; what the inviter
// vouched for stays as it was.
func TestBlobRefreshed(t *testing.T) {
	keys, card, offer := anInvite(t)
	blob := must(SealBlob(keys, card, offer))(t)
	sealedCard := must(BlobCard(blob))(t)
	if len(sealedCard) != CardSize {
		t.Fatalf("a card of %d bytes, want %d", len(sealedCard), CardSize)
	}
	renewed := offer
	renewed.Number, renewed.Nicks, renewed.Prekey = 2, []string{"alice"}, newPerson(t, "new").prekey.Public
	renewed.Members = nil // as an older gateway makes it
	blob = must(RefreshBlob(sealedCard, card.Refresh, keys.Slot, renewed))(t)
	gotCard, gotOffer, err := OpenBlob(keys, blob)
	if err != nil || gotCard != card || !reflect.DeepEqual(gotOffer, renewed) {
		t.Errorf("%+v %+v %v", gotCard, gotOffer, err)
	}
}

// The parts of two blobs can't be mixed, and a blob can't be shown for another slot.
func TestBlobsDoNotMix(t *testing.T) {
	keys, card, offer := anInvite(t)
	blob := must(SealBlob(keys, card, offer))(t)
	twin := must(SealBlob(keys, card, offer))(t)
	mixed := append(bytes.Clone(blob[:1+CardSize]), twin[1+CardSize:]...)
	if _, _, err := OpenBlob(keys, mixed); !errors.Is(err, ErrSealed) {
		t.Error("one blob's card with another's offer:", err)
	}
	elsewhere := keys
	elsewhere.Slot[0] ^= 1
	if _, _, err := OpenBlob(elsewhere, blob); !errors.Is(err, ErrSealed) {
		t.Error("opened for another slot:", err)
	}
	refreshed := must(RefreshBlob(must(BlobCard(blob))(t), card.Refresh, elsewhere.Slot, offer))(t)
	if _, _, err := OpenBlob(keys, refreshed); !errors.Is(err, ErrSealed) {
		t.Error("an offer for another slot:", err)
	}
	if _, _, err := OpenBlob(DeriveInvite(InviteSecret{8}), blob); !errors.Is(err, ErrSealed) {
		t.Error("opened by another invite:", err)
	}
}

func TestBlobSizes(t *testing.T) {
	keys, card, offer := anInvite(t)
	offer.Nicks, offer.Hubs, offer.Members = nil, nil, nil
	for range MaxNicks {
		offer.Nicks = append(offer.Nicks, strings.Repeat("n", MaxNick))
	}
	for i := range MaxShown {
		offer.Members = append(offer.Members, Member{byte(i + 1)})
	}
	for range MaxHubs {
		offer.Hubs = append(offer.Hubs, Hub{URL: strings.Repeat("u", MaxURL)})
	}
	blob := must(SealBlob(keys, card, offer))(t)
	if len(blob) != 16<<10 {
		t.Errorf("the largest offer takes %d bytes", len(blob))
	}
	if _, _, err := OpenBlob(keys, blob); err != nil {
		t.Error(err)
	}
}

func TestOfferRefused(t *testing.T) {
	keys, card, right := anInvite(t)
	for name, spoil := range map[string]func(*Offer){
		"number 0":          func(o *Offer) { o.Number = 0 },
		"number too high":   func(o *Offer) { o.Number = MaxNumber + 1 },
		"no prekey":         func(o *Offer) { o.Prekey = PrekeyPublic{} },
		"no nicks":          func(o *Offer) { o.Nicks = nil },
		"too many nicks":    func(o *Offer) { o.Nicks = make([]string, MaxNicks+1) },
		"an empty nick":     func(o *Offer) { o.Nicks = []string{""} },
		"a long nick":       func(o *Offer) { o.Nicks = []string{strings.Repeat("x", MaxNick+1)} },
		"a nick not UTF-8":  func(o *Offer) { o.Nicks = []string{"\xff"} },
		"no hubs":           func(o *Offer) { o.Hubs = nil },
		"too many hubs":     func(o *Offer) { o.Hubs = make([]Hub, MaxHubs+1) },
		"a hub without URL": func(o *Offer) { o.Hubs = []Hub{{}} },
		"a long URL":        func(o *Offer) { o.Hubs = []Hub{{URL: strings.Repeat("x", MaxURL+1)}} },
		"a URL not UTF-8":   func(o *Offer) { o.Hubs = []Hub{{URL: "\xff"}} },
		"no member":         func(o *Offer) { o.Members = []Member{{}} },
		"a member twice":    func(o *Offer) { o.Members[1] = o.Members[0] },
		"more than nicks":   func(o *Offer) { o.Members = append(o.Members, Member{1}) },
		"too many members": func(o *Offer) {
			o.Nicks = slices.Repeat([]string{"n"}, MaxShown+1)
			for i := range MaxShown - 1 {
				o.Members = append(o.Members, Member{byte(i), 1})
			}
		},
	} {
		_, _, offer := anInvite(t)
		spoil(&offer)
		if _, err := SealBlob(keys, card, offer); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrPrekey) {
			t.Errorf("%s: sealed: %v", name, err)
		}
		sealed := must(BlobCard(must(SealBlob(keys, card, right))(t)))(t)
		plain := must(codec.Marshal(offer))(t)
		total := must(fit(blobSizes, blobOutside+lengthSize+len(plain)))(t)
		blob := sealOffer(sealed, card.Refresh, keys.Slot, pad(plain, nil, total-blobOutside))
		if _, _, err := OpenBlob(keys, blob); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrPrekey) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
	if _, err := RefreshBlob(make([]byte, CardSize-1), card.Refresh, keys.Slot, Offer{}); !errors.Is(err, ErrMalformed) {
		t.Error("a short card:", err)
	}
}

func TestBlobPadding(t *testing.T) {
	keys, card, offer := anInvite(t)
	sealed := must(BlobCard(must(SealBlob(keys, card, offer))(t)))(t)
	plain := must(codec.Marshal(offer))(t)
	spoilt := func(total int, spoil func([]byte)) []byte {
		padded := pad(plain, nil, total-blobOutside)
		spoil(padded)
		return sealOffer(sealed, card.Refresh, keys.Slot, padded)
	}
	if _, _, err := OpenBlob(keys, spoilt(4<<10, func([]byte) {})); err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{
		"padding":                spoilt(4<<10, func(p []byte) { p[len(p)-1] = 1 }),
		"larger than it must be": spoilt(16<<10, func([]byte) {}),
		"length beyond the end":  spoilt(4<<10, func(p []byte) { p[0] = 1 }),
	} {
		if _, _, err := OpenBlob(keys, blob); !errors.Is(err, ErrPadding) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, blob := range map[string][]byte{"nothing": nil, "an odd size": make([]byte, 8<<10), "256 KiB": make([]byte, 256<<10)} {
		if _, _, err := OpenBlob(keys, blob); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJoinRoundTrip(t *testing.T) {
	keys, _, _ := anInvite(t)
	for _, n := range []int{1, 1<<10 - joinOutside - lengthSize, 1<<10 - joinOutside - lengthSize + 1, MaxJoin} {
		join := bytes.Repeat([]byte{9}, n)
		entry := must(SealJoin(theChannel, keys.Slot, keys.Join, join))(t)
		if slot := must(ParseJoin(entry))(t); slot != keys.Slot {
			t.Errorf("%d bytes: slot %x", n, slot)
		}
		if want, _ := fit(entrySizes, n+joinOutside+lengthSize); len(entry) != want {
			t.Errorf("%d bytes take %d, want %d", n, len(entry), want)
		}
		if got, err := OpenJoin(theChannel, keys.Join, entry); err != nil || !bytes.Equal(got, join) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := OpenJoin(Channel{}, keys.Join, entry); !errors.Is(err, ErrSealed) {
			t.Errorf("opened in another channel: %v", err)
		}
		if _, err := Parse(entry); !errors.Is(err, ErrMalformed) {
			t.Errorf("taken for an envelope: %v", err)
		}
	}
	if _, err := SealJoin(theChannel, keys.Slot, keys.Join, make([]byte, MaxJoin+1)); !errors.Is(err, ErrTooLong) {
		t.Error("a long join:", err)
	}
	if _, err := SealJoin(theChannel, keys.Slot, keys.Join, nil); !errors.Is(err, ErrMalformed) {
		t.Error("an empty join:", err)
	}
}

// Nobody makes a second entry out of a join, even with the join key, which every
// member holds, but by sealing it anew.
func TestJoinPadding(t *testing.T) {
	keys, _, _ := anInvite(t)
	seal := func(total int, spoil func([]byte)) []byte {
		entry := append([]byte{FormJoin}, keys.Slot[:]...)
		aad := joinAAD(theChannel, entry)
		nonce := make([]byte, nonceSize)
		plain := pad([]byte("join"), nil, total-joinOutside)
		spoil(plain)
		return newAEAD(keys.Join).Seal(append(entry, nonce...), nonce, plain, aad)
	}
	if _, err := OpenJoin(theChannel, keys.Join, seal(1<<10, func([]byte) {})); err != nil {
		t.Fatal(err)
	}
	for name, entry := range map[string][]byte{
		"padding":                seal(1<<10, func(p []byte) { p[len(p)-1] = 1 }),
		"larger than it must be": seal(4<<10, func([]byte) {}),
		"no join":                seal(1<<10, func(p []byte) { clear(p) }),
		"length beyond the end":  seal(1<<10, func(p []byte) { p[0] = 1 }),
	} {
		if _, err := OpenJoin(theChannel, keys.Join, entry); !errors.Is(err, ErrPadding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
