package session

import (
	"crypto/rand"
	"fmt"
	"slices"
)

// A sealed join is an entry of its own form, which the hub appends with the
// joiner's first key envelope:
//
//	join = 2 | slot id 16 | nonce 24 | XChaCha20-Poly1305(join key, nonce, length 4 | join | zeros, aad = label | channel | 2 | slot id)
//
// of the smallest of 1, 4, 16 and 64 KiB that fits.
const (
	joinHeader  = 1 + 16 + nonceSize
	joinOutside = joinHeader + aeadTag

	// MaxJoin is the longest join operation in bytes.
	MaxJoin = MaxEntry - joinOutside - lengthSize
)

// SealJoin seals a join operation (signed, as roster gives it) under the join key.
// Errors: ErrMalformed (an empty join), ErrTooLong.
func SealJoin(channel Channel, slot Slot, key Secret, join []byte) ([]byte, error) {
	if len(join) == 0 {
		return nil, fmt.Errorf("an empty join: %w", ErrMalformed)
	}
	total, err := fit(entrySizes, joinOutside+lengthSize+len(join))
	if err != nil {
		return nil, fmt.Errorf("sealing a join: %w", err)
	}
	entry := append(make([]byte, 0, total), FormJoin)
	entry = append(entry, slot[:]...)
	aad := joinAAD(channel, entry)
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	entry = append(entry, nonce[:]...)
	return newAEAD(key).Seal(entry, nonce[:], pad(join, nil, total-joinOutside), aad), nil
}

// ParseJoin gives the slot of a sealed join, and so the invite whose join key
// opens it. The only error is ErrMalformed.
func ParseJoin(entry []byte) (Slot, error) {
	if size, err := fit(entrySizes, len(entry)); err != nil || size != len(entry) || entry[0] != FormJoin {
		return Slot{}, fmt.Errorf("a sealed join of %d bytes: %w", len(entry), ErrMalformed)
	}
	return Slot(entry[1:17]), nil
}

// OpenJoin opens a sealed join. The join operation that it gives is not
// verified: roster does that.
// Errors: ErrMalformed, ErrSealed, ErrPadding.
func OpenJoin(channel Channel, key Secret, entry []byte) ([]byte, error) {
	if _, err := ParseJoin(entry); err != nil {
		return nil, err
	}
	plain, err := newAEAD(key).Open(nil, entry[17:joinHeader], entry[joinHeader:], joinAAD(channel, entry[:17]))
	if err != nil {
		return nil, fmt.Errorf("opening a join: %w", ErrSealed)
	}
	join, _, err := unpad(plain, 0, entrySizes, joinOutside)
	if err != nil || len(join) == 0 {
		return nil, fmt.Errorf("opening a join: %w", ErrPadding)
	}
	return join, nil
}

func joinAAD(channel Channel, head []byte) []byte {
	return slices.Concat([]byte(labelSealedJoin), channel[:], head)
}
