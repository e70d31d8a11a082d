package session

import (
	"encoding/binary"
	"fmt"
)

// The sizes that entries of a channel's log have, and those of blobs.
var (
	entrySizes = []int{1 << 10, 4 << 10, 16 << 10, 64 << 10}
	blobSizes  = []int{4 << 10, 16 << 10, 64 << 10, 128 << 10}
)

// fit is the smallest of sizes that n bytes fit, or ErrTooLong.
func fit(sizes []int, n int) (int, error) {
	for _, size := range sizes {
		if n <= size {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%d bytes: %w", n, ErrTooLong)
}

// lengthSize is the length of the content's length, big-endian, which starts
// every padded plaintext.
const lengthSize = 4

// pad is content's length | content | trailer | zeros, in all room bytes,
// which the caller has made large enough.
func pad(content, trailer []byte, room int) []byte {
	out := make([]byte, room)
	binary.BigEndian.PutUint32(out, uint32(len(content)))
	n := copy(out[lengthSize:], content)
	copy(out[lengthSize+n:], trailer)
	return out
}

// unpad splits what pad made, with a trailer of a known length. outside is
// what the plaintext travels in, in bytes: outside and plaintext must have the
// smallest of sizes that fits. Anything else is ErrPadding.
func unpad(plaintext []byte, trailer int, sizes []int, outside int) (content, rest []byte, err error) {
	if len(plaintext) < lengthSize+trailer {
		return nil, nil, ErrPadding
	}
	n := binary.BigEndian.Uint32(plaintext)
	if uint64(n) > uint64(len(plaintext)-lengthSize-trailer) {
		return nil, nil, ErrPadding
	}
	end := lengthSize + int(n) + trailer
	if size, err := fit(sizes, outside+end); err != nil || size != outside+len(plaintext) {
		return nil, nil, ErrPadding
	}
	for _, b := range plaintext[end:] {
		if b != 0 {
			return nil, nil, ErrPadding
		}
	}
	return plaintext[lengthSize : lengthSize+n], plaintext[end-trailer : end], nil
}
