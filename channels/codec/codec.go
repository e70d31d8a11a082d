// Package codec is hubbub's one dialect of CBOR (RFC 8949): maps with short
// text keys, written in one way only and read strictly. Whatever the network
// brings is decoded here and nowhere else.
package codec

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// MaxDepth is the deepest nesting of arrays and maps that Unmarshal accepts.
const MaxDepth = 8

// Raw is CBOR kept as it came, for structures whose shape depends on a field
// read before.
type Raw = cbor.RawMessage

// ErrNotCanonical is returned for CBOR that decodes, but is not the one
// encoding that Marshal gives for what it says. Without this rule one meaning
// would have many hashes.
var ErrNotCanonical = errors.New("cbor is not in its one canonical form")

var (
	encoder     = mustEncoder()
	decoder     = mustDecoder(MaxDepth)
	itemDecoder = mustDecoder(MaxDepth - 2)
)

// Marshal encodes v in core deterministic encoding (RFC 8949, section 4.2.1):
// shortest forms, definite lengths, map keys sorted bytewise.
func Marshal(v any) ([]byte, error) {
	b, err := encoder.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", v, err)
	}
	return b, nil
}

// MarshalTo appends to b what Marshal gives: nothing of it is there twice. After an
// error part of it may be there.
func MarshalTo(b *bytes.Buffer, v any) error {
	if err := encoder.MarshalToBuffer(v, b); err != nil {
		return fmt.Errorf("encoding %T: %w", v, err)
	}
	return nil
}

// Unmarshal decodes all of data into v, which must be a pointer. Duplicate and
// unknown keys, indefinite lengths, tags, trailing bytes, nesting beyond
// MaxDepth and anything but the canonical form are errors; v is then not to be
// used. The caller bounds the length of data.
func Unmarshal(data []byte, v any) error {
	if err := decoder.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	return canonical(data, v)
}

// ArrayHead reads the head of an array, and returns how many items it has and the
// bytes from the first of them on. With UnmarshalItem a long array is read of which
// nothing is to be there twice.
func ArrayHead(data []byte) (items int, rest []byte, err error) {
	const array, oneByte, twoBytes = 0x80, 24, 25
	size, least := 1, 0
	switch {
	case len(data) > 0 && data[0] >= array && data[0] < array+oneByte:
		items = int(data[0] - array)
	case len(data) > 1 && data[0] == array+oneByte:
		size, least, items = 2, oneByte, int(data[1])
	case len(data) > 2 && data[0] == array+twoBytes:
		size, least, items = 3, 1<<8, int(data[1])<<8|int(data[2])
	default:
		return 0, nil, errors.New("decoding an array: not one, or too long")
	}
	if items < least {
		return 0, nil, fmt.Errorf("decoding an array: %w", ErrNotCanonical)
	}
	return items, data[size:], nil
}

// UnmarshalItem decodes the first item of data, of an array in a map, as
// UnmarshalOver does, and returns what is behind it.
func UnmarshalItem(data []byte, v any) (rest []byte, err error) {
	rest, err = itemDecoder.UnmarshalFirst(data, v)
	if err != nil {
		return nil, fmt.Errorf("decoding %T: %w", v, err)
	}
	return rest, canonicalOver(data[:len(data)-len(rest)], v)
}

// UnmarshalOver is Unmarshal for what is large and the caller's own: it makes no
// other copy of data than v. While it works it writes over data, which after an
// error is not to be used.
func UnmarshalOver(data []byte, v any) error {
	if err := decoder.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	return canonicalOver(data, v)
}

// canonicalOver is canonical where the second encoding takes the place of the
// first: by their hashes it is seen whether they are the same.
func canonicalOver(data []byte, v any) error {
	was := sha256.Sum256(data)
	again := bytes.NewBuffer(data[:0:len(data)])
	if err := encoder.MarshalToBuffer(v, again); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	if sha256.Sum256(again.Bytes()) != was {
		return fmt.Errorf("decoding %T: %w", v, ErrNotCanonical)
	}
	return nil
}

// canonical says whether data is what Marshal gives for v.
func canonical(data []byte, v any) error {
	again := bytes.NewBuffer(make([]byte, 0, len(data)))
	if err := encoder.MarshalToBuffer(v, again); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	if !bytes.Equal(again.Bytes(), data) {
		return fmt.Errorf("decoding %T: %w", v, ErrNotCanonical)
	}
	return nil
}

func mustEncoder() cbor.UserBufferEncMode {
	options := cbor.CoreDetEncOptions()
	options.TagsMd = cbor.TagsForbidden
	// A nil slice or map is an empty one, so that null stands for neither.
	options.NilContainers = cbor.NilContainerAsEmpty
	mode, err := options.UserBufferEncMode()
	if err != nil {
		panic(err)
	}
	return mode
}

func mustDecoder(depth int) cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   depth,
		MaxArrayElements:  1 << 16,
		MaxMapPairs:       1 << 10,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}
