package session

import (
	"crypto/rand"
	"fmt"
	"slices"

	"hubbub/channels/codec"
)

// Rescue leads one who is a member already to a hub on which his channel is
// kept, when he can reach none that he knows. It travels as the blob of a slot
// of its own, whose one-time key he is given by another way.
type Rescue struct {
	Channel Channel  `cbor:"channel"`
	By      Member   `cbor:"by"`  // who has made it
	For     Member   `cbor:"for"` // whom it is for: another
	Ops     [][]byte `cbor:"ops"` // signed operations (roster), in the order to apply them: the hub+ and what it rests on
}

const (
	rescueVersion = 2                       // a rescue blob's first byte
	rescueOutside = 1 + nonceSize + aeadTag // around the padded CBOR

	// MaxRescue is what the operations of a rescue may take together, in bytes.
	MaxRescue = 100 << 10
)

// IsRescue tells the blob of a rescue from that of an invite (OpenBlob), by its
// first byte.
func IsRescue(blob []byte) bool { return len(blob) > 0 && blob[0] == rescueVersion }

// SealRescue makes the blob of a rescue:
//
//	blob = 2 | nonce 24 | XChaCha20-Poly1305(blob key, nonce, length 4 | CBOR | zeros, aad = label | slot | 2)
//
// of 4, 16, 64 or 128 KiB. Errors: ErrMalformed, ErrTooLong.
func SealRescue(keys InviteKeys, r Rescue) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	plain, err := codec.Marshal(r)
	if err != nil {
		return nil, err
	}
	total, err := fit(blobSizes, rescueOutside+lengthSize+len(plain))
	if err != nil {
		return nil, fmt.Errorf("a rescue: %w", err)
	}
	return sealRescue(keys, pad(plain, nil, total-rescueOutside)), nil
}

func sealRescue(keys InviteKeys, padded []byte) []byte {
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	blob := append(make([]byte, 0, rescueOutside+len(padded)), rescueVersion)
	blob = append(blob, nonce[:]...)
	return newAEAD(keys.Blob).Seal(blob, nonce[:], padded, rescueAAD(keys.Slot))
}

// OpenRescue opens the blob of a rescue that a hub showed for keys.Slot. The
// operations that it gives are not verified: roster does that.
// Errors: ErrMalformed, ErrSealed, ErrPadding.
func OpenRescue(keys InviteKeys, blob []byte) (Rescue, error) {
	size, err := fit(blobSizes, len(blob))
	if err != nil || size != len(blob) || !IsRescue(blob) {
		return Rescue{}, fmt.Errorf("a rescue of %d bytes: %w", len(blob), ErrMalformed)
	}
	padded, err := newAEAD(keys.Blob).Open(nil, blob[1:1+nonceSize], blob[1+nonceSize:], rescueAAD(keys.Slot))
	if err != nil {
		return Rescue{}, fmt.Errorf("opening a rescue: %w", ErrSealed)
	}
	plain, _, err := unpad(padded, 0, blobSizes, rescueOutside)
	if err != nil {
		return Rescue{}, fmt.Errorf("opening a rescue: %w", err)
	}
	var r Rescue
	if err := codec.Unmarshal(plain, &r); err != nil {
		return Rescue{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := r.check(); err != nil {
		return Rescue{}, err
	}
	return r, nil
}

func rescueAAD(slot Slot) []byte {
	return slices.Concat([]byte(labelRescue), slot[:], []byte{rescueVersion})
}

func (r Rescue) check() error {
	if r.By == r.For || len(r.Ops) == 0 {
		return fmt.Errorf("a rescue of oneself, or without operations: %w", ErrMalformed)
	}
	total := 0
	for _, op := range r.Ops {
		if len(op) == 0 {
			return fmt.Errorf("an empty operation: %w", ErrMalformed)
		}
		total += len(op)
	}
	if total > MaxRescue {
		return fmt.Errorf("operations of %d bytes: %w", total, ErrMalformed)
	}
	return nil
}
