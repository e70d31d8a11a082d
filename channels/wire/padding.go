package wire

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// lengthSize is the length of the length before padded CBOR.
const lengthSize = 4

// maxPlain bounds what is padded in a request and in a response: what is left
// of MaxRequest and MaxResponse after the sealing.
const (
	maxRequestPlain  = MaxRequest - requestHeader - aeadOverhead
	maxResponsePlain = MaxResponse - responseNonce - aeadOverhead
)

// errPadding is returned by unpad.
var errPadding = errors.New("the padding is not what it must be")

// paddedSize returns the length that n bytes are padded to: Padmé ("Reducing
// Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs
// 2019, section 4), at least MinPad. It adds at most 12 % and leaves
// O(log log n) bits of the length to be seen.
func paddedSize(n int) int {
	if n <= MinPad {
		return MinPad
	}
	e := bits.Len(uint(n)) - 1 // floor(log2 n)
	s := bits.Len(uint(e))     // floor(log2 e) + 1
	mask := 1<<(e-s) - 1
	return (n + mask) &^ mask
}

// pad returns length 4 | data | zeros, at most max bytes, else ErrTooLarge.
func pad(data []byte, max int) ([]byte, error) {
	padded := make([]byte, lengthSize, paddedSize(lengthSize+len(data)))
	return padRest(append(padded, data...), 0, max)
}

// padRest pads what stands in b from start on, where lengthSize bytes are left for
// its length. It returns all of b, in the same place if there is room.
func padRest(b []byte, start, max int) ([]byte, error) {
	n := len(b) - start
	size := paddedSize(n)
	if size > max {
		return nil, ErrTooLarge
	}
	binary.BigEndian.PutUint32(b[start:], uint32(n-lengthSize))
	return append(b, make([]byte, size-n)...), nil
}

// unpad returns the data in padded. There is one padding of each data: any
// other length, and anything but zeros, is refused.
func unpad(padded []byte) ([]byte, error) {
	if len(padded) < lengthSize {
		return nil, errPadding
	}
	n := uint64(binary.BigEndian.Uint32(padded))
	if n > uint64(len(padded)-lengthSize) || paddedSize(lengthSize+int(n)) != len(padded) {
		return nil, errPadding
	}
	end := lengthSize + int(n)
	for _, b := range padded[end:] {
		if b != 0 {
			return nil, errPadding
		}
	}
	return padded[lengthSize:end], nil
}
