package session

import (
	"crypto/rand"
	"fmt"
	"slices"
	"unicode/utf8"

	"hubbub/channels/codec"
)

// Limits of a blob.
const (
	MaxBlob  = 128 << 10
	MaxNicks = 64
	MaxNick  = 32 // bytes, of 1 at least
	MaxHubs  = 16
	MaxURL   = 500                             // bytes, of 1 at least
	MaxShown = 50                              // members
	CardSize = nonceSize + cardPlain + aeadTag // a sealed card

	blobVersion = 1                                  // a blob's first byte
	blobOutside = 1 + CardSize + nonceSize + aeadTag // around a padded offer
	cardPlain   = 1 + 3*(8+34) + (7 + 34)            // a CBOR map: three keys of 7 letters, one of 6, each with 32 bytes
)

// Card is the part of a blob that never changes: it says into which channel
// the invite leads, and whose word for it is.
type Card struct {
	Channel Channel `cbor:"channel"`
	Inviter Member  `cbor:"inviter"`
	Invite  ID      `cbor:"invite"`  // hash of the invite operation, which the join names (roster)
	Refresh Secret  `cbor:"refresh"` // refresh key: 32 random bytes of the inviter's
}

// Offer is the part of a blob that any member may renew.
type Offer struct {
	Number int64        `cbor:"number"` // the slot's, from 1
	Prekey PrekeyPublic `cbor:"prekey"` // the invite prekey
	Nicks  []string     `cbor:"nicks"`  // of the members, the inviter's first
	Hubs   []Hub        `cbor:"hubs"`   // of the channel
	// Members are those who may let the joiner in, in the order of Nicks. None are
	// in an offer that an older gateway has made: then the inviter alone may.
	Members []Member `cbor:"members,omitempty"`
}

// Hub is one hub of a channel.
type Hub struct {
	URL         string   `cbor:"url"`
	Fingerprint [16]byte `cbor:"fingerprint"` // of its key, as in a one-time key
}

// SealBlob makes the blob of a new invite:
//
//	blob  = 1 | card | nonce 24 | XChaCha20-Poly1305(refresh key, nonce, length 4 | offer | zeros, aad = label | slot | 1 | card)
//	card  = nonce 24 | XChaCha20-Poly1305(blob key, nonce, CBOR, aad = label | slot)
//
// of 4, 16, 64 or 128 KiB. Errors: ErrMalformed, ErrPrekey, ErrTooLong.
func SealBlob(keys InviteKeys, card Card, offer Offer) ([]byte, error) {
	plain, err := codec.Marshal(card)
	if err != nil {
		return nil, err
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	sealed := newAEAD(keys.Blob).Seal(nonce[:], nonce[:], plain, cardAAD(keys.Slot))
	return RefreshBlob(sealed, card.Refresh, keys.Slot, offer)
}

// RefreshBlob makes a blob of a card as BlobCard gave it and a new offer: it
// takes the refresh key only, which every member holds.
// Errors: ErrMalformed, ErrPrekey, ErrTooLong.
func RefreshBlob(card []byte, refresh Secret, slot Slot, offer Offer) ([]byte, error) {
	if len(card) != CardSize {
		return nil, fmt.Errorf("a card of %d bytes: %w", len(card), ErrMalformed)
	}
	if err := offer.check(); err != nil {
		return nil, err
	}
	plain, err := codec.Marshal(offer)
	if err != nil {
		return nil, err
	}
	total, err := fit(blobSizes, blobOutside+lengthSize+len(plain))
	if err != nil {
		return nil, fmt.Errorf("an offer: %w", err)
	}
	return sealOffer(card, refresh, slot, pad(plain, nil, total-blobOutside)), nil
}

// sealOffer is a blob of a sealed card and a padded offer.
func sealOffer(card []byte, refresh Secret, slot Slot, padded []byte) []byte {
	blob := append(make([]byte, 0, blobOutside+len(padded)), blobVersion)
	blob = append(blob, card...)
	aad := offerAAD(slot, blob)
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	blob = append(blob, nonce[:]...)
	return newAEAD(refresh).Seal(blob, nonce[:], padded, aad)
}

// BlobCard is the part of a blob that OpenInvite.Card keeps.
func BlobCard(blob []byte) ([]byte, error) {
	size, err := fit(blobSizes, len(blob))
	if err != nil || size != len(blob) || blob[0] != blobVersion {
		return nil, fmt.Errorf("a blob of %d bytes: %w", len(blob), ErrMalformed)
	}
	return slices.Clone(blob[1 : 1+CardSize]), nil
}

// OpenBlob opens a blob that a hub showed for keys.Slot. The offer's number is to
// be compared with that of the slot.
// Errors: ErrMalformed, ErrPrekey, ErrSealed, ErrPadding.
func OpenBlob(keys InviteKeys, blob []byte) (Card, Offer, error) {
	sealed, err := BlobCard(blob)
	if err != nil {
		return Card{}, Offer{}, err
	}
	plain, err := newAEAD(keys.Blob).Open(nil, sealed[:nonceSize], sealed[nonceSize:], cardAAD(keys.Slot))
	if err != nil {
		return Card{}, Offer{}, fmt.Errorf("opening a card: %w", ErrSealed)
	}
	var card Card
	if err := codec.Unmarshal(plain, &card); err != nil {
		return Card{}, Offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	offer, err := openOffer(card.Refresh, keys.Slot, blob)
	if err != nil {
		return Card{}, Offer{}, err
	}
	return card, offer, nil
}

func openOffer(refresh Secret, slot Slot, blob []byte) (Offer, error) {
	head, rest := blob[:1+CardSize], blob[1+CardSize:]
	padded, err := newAEAD(refresh).Open(nil, rest[:nonceSize], rest[nonceSize:], offerAAD(slot, head))
	if err != nil {
		return Offer{}, fmt.Errorf("opening an offer: %w", ErrSealed)
	}
	plain, _, err := unpad(padded, 0, blobSizes, blobOutside)
	if err != nil {
		return Offer{}, fmt.Errorf("opening an offer: %w", err)
	}
	var offer Offer
	if err := codec.Unmarshal(plain, &offer); err != nil {
		return Offer{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := offer.check(); err != nil {
		return Offer{}, err
	}
	return offer, nil
}

func cardAAD(slot Slot) []byte { return slices.Concat([]byte(labelCard), slot[:]) }

func offerAAD(slot Slot, head []byte) []byte {
	return slices.Concat([]byte(labelOffer), slot[:], head)
}

func (o Offer) check() error {
	switch {
	case o.Number < 1 || o.Number > MaxNumber:
		return fmt.Errorf("offer number %d: %w", o.Number, ErrMalformed)
	case len(o.Nicks) == 0 || len(o.Nicks) > MaxNicks:
		return fmt.Errorf("%d nicks: %w", len(o.Nicks), ErrMalformed)
	case len(o.Hubs) == 0 || len(o.Hubs) > MaxHubs:
		return fmt.Errorf("%d hubs: %w", len(o.Hubs), ErrMalformed)
	case len(o.Members) > MaxShown || len(o.Members) > len(o.Nicks):
		return fmt.Errorf("%d members, %d nicks: %w", len(o.Members), len(o.Nicks), ErrMalformed)
	}
	for i, member := range o.Members {
		if member == (Member{}) || slices.Contains(o.Members[:i], member) {
			return fmt.Errorf("no member, or one twice: %w", ErrMalformed)
		}
	}
	for _, nick := range o.Nicks {
		if len(nick) == 0 || len(nick) > MaxNick || !utf8.ValidString(nick) {
			return fmt.Errorf("a nick of %d bytes: %w", len(nick), ErrMalformed)
		}
	}
	for _, hub := range o.Hubs {
		if len(hub.URL) == 0 || len(hub.URL) > MaxURL || !utf8.ValidString(hub.URL) {
			return fmt.Errorf("an address of %d bytes: %w", len(hub.URL), ErrMalformed)
		}
	}
	return CheckPrekey(&o.Prekey)
}
