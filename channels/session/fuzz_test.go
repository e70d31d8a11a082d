package session

import (
	"bytes"
	"reflect"
	"testing"

	"hubbub/channels/codec"
)

// What is genuine comes from the vectors, for the fuzzer's processes must agree
// on it.

// FuzzEnvelope: whatever comes as an envelope is refused, or is one that its
// sender made: only the envelope itself opens.
func FuzzEnvelope(f *testing.F) {
	alice, bob := newPerson(f, "alice"), newPerson(f, "bob")
	first := alice.chain()
	v := readVectors[envelopeVectors](f, "envelope.json")
	key, text := v.Envelopes[0].Envelope, v.Envelopes[1].Envelope
	for _, c := range v.Refused {
		f.Add([]byte(c.Envelope))
	}
	f.Add([]byte(key))
	f.Add([]byte(text))
	f.Add([]byte{FormEnvelope})
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data)
		if err != nil {
			return
		}
		e.ID()
		e.HeaderHash()
		if e.Boxes() > MaxBoxes || e.Iteration < 0 || e.Iteration > MaxIteration {
			t.Fatalf("%d boxes, iteration %d", e.Boxes(), e.Iteration)
		}
		genuine := bytes.Equal(data, key) || bytes.Equal(data, text)
		if _, _, err := open(data, alice.member, first); (err == nil) != genuine {
			t.Fatal("by its chain:", err)
		}
		if _, _, err := bob.openBox(data, alice.member); (err == nil) != bytes.Equal(data, key) {
			t.Fatal("by its box:", err)
		}
	})
}

// FuzzBody: what decodes encodes to the same bytes, and names its sender.
func FuzzBody(f *testing.F) {
	alice, bob := newPerson(f, "alice"), newPerson(f, "bob")
	for _, content := range contents(f) {
		b := alice.says(content)
		b.Seen = []Head{{bob.member, 9, seed("head")}}
		f.Add(must(EncodeBody(b))(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := decodeBody(data)
		if err != nil {
			return
		}
		if again, ok := b.Content.(Again); ok {
			OpenAgain(theChannel, again)
		}
		if prekeys, ok := b.Content.(Prekeys); ok {
			for _, s := range prekeys.Shown {
				OpenShown(theChannel, s)
			}
		}
		if _, err := DecodeBody(data, b.From); err != nil {
			t.Fatal(err)
		}
		if _, unknown := b.Content.(Unknown); unknown {
			return
		}
		encoded, err := EncodeBody(b)
		if err != nil || !bytes.Equal(encoded, data) {
			t.Fatalf("%x became %x, %v", data, encoded, err)
		}
	})
}

// FuzzAside: whatever a member seals as an aside is refused, or in its limits and
// canonical; and only what was sealed opens.
func FuzzAside(f *testing.F) {
	alice, bob := newPerson(f, "alice"), newPerson(f, "bob")
	v := readVectors[[]asideVector](f, "aside.json")
	for _, c := range v {
		f.Add([]byte(c.Plain))
	}
	genuine := Aside{bob.member, v[0].Number, [encSize]byte(v[0].Enc), v[0].Sealed}
	f.Add([]byte(v[0].Sealed))
	f.Fuzz(func(t *testing.T, data []byte) {
		forged := genuine
		forged.Sealed = data
		if _, err := forged.Open(bob.prekey, theChannel, alice.member); (err == nil) != bytes.Equal(data, genuine.Sealed) {
			t.Fatal("as it is:", err)
		}
		w, err := decodeWhisper(data)
		if opened, e := sealedAside(t, alice, bob, 4, data).Open(bob.prekey, theChannel, alice.member); (e == nil) != (err == nil) || !reflect.DeepEqual(opened, w) {
			t.Fatal("sealed:", e)
		}
		if err != nil {
			return
		}
		if again, err := encodeWhisper(w); err != nil || !bytes.Equal(again, data) {
			t.Fatal("an aside that is not canonical, or not in its limits:", err)
		}
	})
}

// FuzzBlob: whatever somebody with the refresh key seals as an offer is refused
// or in its limits; a blob as such opens only if it was sealed.
func FuzzBlob(f *testing.F) {
	keys, card, _ := anInvite(f)
	v := readVectors[invitesVectors](f, "invite.json").Blobs
	blob, refreshed := []byte(v[0].Blob), []byte(v[1].Blob)
	sealedCard := must(BlobCard(blob))(f)
	f.Add(blob)
	f.Add([]byte(v[0].Offer))
	f.Add(pad(v[0].Offer, nil, len(blob)-blobOutside))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, _, err := OpenBlob(keys, data); (err == nil) != (bytes.Equal(data, blob) || bytes.Equal(data, refreshed)) {
			t.Fatal(err)
		}
		if size, err := fit(blobSizes, blobOutside+len(data)); err == nil && size == blobOutside+len(data) {
			OpenBlob(keys, sealOffer(sealedCard, card.Refresh, keys.Slot, data))
		}
		size, err := fit(blobSizes, blobOutside+lengthSize+len(data))
		if err != nil {
			return
		}
		_, got, err := OpenBlob(keys, sealOffer(sealedCard, card.Refresh, keys.Slot, pad(data, nil, size-blobOutside)))
		if err != nil {
			return
		}
		if again, err := codec.Marshal(got); err != nil || !bytes.Equal(again, data) || got.check() != nil {
			t.Fatal("an offer that is not canonical, or not in its limits:", err)
		}
	})
}

// FuzzRescue: a rescue as such opens only if it was sealed, and whatever somebody
// with the blob key seals as one is refused, or in its limits and canonical.
func FuzzRescue(f *testing.F) {
	keys, r := aRescue(f)
	v := readVectors[invitesVectors](f, "invite.json")
	blob := []byte(v.Rescues[0].Blob)
	f.Add(blob)
	f.Add([]byte(v.Blobs[0].Blob))
	f.Add(must(codec.Marshal(r))(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := OpenRescue(keys, data); (err == nil) != bytes.Equal(data, blob) {
			t.Fatal("as a blob:", err)
		}
		if size, err := fit(blobSizes, rescueOutside+len(data)); err == nil && size == rescueOutside+len(data) {
			OpenRescue(keys, sealRescue(keys, data))
		}
		size, err := fit(blobSizes, rescueOutside+lengthSize+len(data))
		if err != nil {
			return
		}
		got, err := OpenRescue(keys, sealRescue(keys, pad(data, nil, size-rescueOutside)))
		if err != nil {
			return
		}
		if again, err := codec.Marshal(got); err != nil || !bytes.Equal(again, data) || got.check() != nil {
			t.Fatal("a rescue that is not canonical, or not in its limits:", err)
		}
	})
}

// FuzzJoin: a join as such opens only if it was sealed, and whatever somebody
// with the join key seals as a padded join is refused, or is the one padding of it.
func FuzzJoin(f *testing.F) {
	keys, _, _ := anInvite(f)
	entry := []byte(readVectors[invitesVectors](f, "invite.json").Joins[0].Entry)
	f.Add(entry)
	f.Add(pad([]byte("a join operation"), nil, 1<<10-joinOutside))
	f.Fuzz(func(t *testing.T, data []byte) {
		ParseJoin(data)
		if _, err := OpenJoin(theChannel, keys.Join, data); (err == nil) != bytes.Equal(data, entry) {
			t.Fatal(err)
		}
		head := append([]byte{FormJoin}, keys.Slot[:]...)
		nonce := make([]byte, nonceSize)
		sealed := newAEAD(keys.Join).Seal(append(bytes.Clone(head), nonce...), nonce, data, joinAAD(theChannel, head))
		join, err := OpenJoin(theChannel, keys.Join, sealed)
		if err == nil && !bytes.Equal(pad(join, nil, len(data)), data) {
			t.Fatal("two paddings of one join")
		}
	})
}
