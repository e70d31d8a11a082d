// Package codec is hubbub's one dialect of CBOR (RFC 8949): maps with short
// text keys, written in one way only and read strictly. Whatever the network
// brings is decoded here and nowhere else.
package codec

import (
	"bytes"
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
	encoder = mustEncoder()
	decoder = mustDecoder()
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

func mustDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   MaxDepth,
		MaxArrayElements:  1 << 16,
		MaxMapPairs:       1 << 10,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}
