package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// The first byte of an entry in a channel's log says what it is.
const (
	FormEnvelope = 1
	FormJoin     = 2
)

// Sizes in bytes.
const (
	MaxEntry   = 64 << 10 // the largest entry
	MaxBoxes   = 50       // boxes in an envelope
	MaxBody    = MaxEntry - headerSize - overhead
	BoxSize    = TagSize + encSize + sealedChainSize
	headerSize = 1 + 16 + 1 + 2 + nonceSize + 4 + 32 // without boxes

	encSize         = 1120 // an ML-KEM-768 ciphertext and an X25519 public key
	sealedChainSize = 32 + aeadTag
	nonceSize       = 24
	aeadTag         = 16
	signatureSize   = 64
	overhead        = aeadTag + lengthSize + signatureSize // around a body
)

// Envelope is an envelope that was parsed and not opened yet: nothing in it is
// to be believed. It refers to the bytes it was parsed from.
//
//	header   = 1 | key id 16 | iteration 1 | boxes 2 | box … | nonce 24 | total length 4 | commitment 32
//	envelope = header | XChaCha20-Poly1305(message key, nonce, body length 4 | body | signature 64 | zeros, aad = header)
//	box      = tag 8 | enc 1120 | sealed chain key 48
//
// Integers are big-endian. The total length is that of the envelope: the
// smallest of 1, 4, 16 and 64 KiB that fits. Boxes stand in ascending order of
// their tags, and no tag is there twice.
type Envelope struct {
	KeyID     KeyID
	Iteration int // 0 to MaxIteration

	bytes  []byte
	header int // its length
}

// Box is one box of an envelope: a chain key sealed to one prekey.
type Box struct {
	Tag    [TagSize]byte
	sealed []byte // enc and sealed chain key
}

// Parse reads an envelope's header. It needs no key, and the only error is
// ErrMalformed.
func Parse(envelope []byte) (Envelope, error) {
	size := len(envelope)
	if fits, err := fit(entrySizes, size); err != nil || fits != size {
		return Envelope{}, fmt.Errorf("an envelope of %d bytes: %w", size, ErrMalformed)
	}
	if envelope[0] != FormEnvelope {
		return Envelope{}, fmt.Errorf("an entry of form %d is no envelope: %w", envelope[0], ErrMalformed)
	}
	boxes := int(binary.BigEndian.Uint16(envelope[18:]))
	header := headerSize + boxes*BoxSize
	if boxes > MaxBoxes || header+overhead >= size {
		return Envelope{}, fmt.Errorf("%d boxes in an envelope of %d bytes: %w", boxes, size, ErrMalformed)
	}
	e := Envelope{KeyID: KeyID(envelope[1:17]), Iteration: int(envelope[17]), bytes: envelope, header: header}
	if total := binary.BigEndian.Uint32(envelope[header-36:]); int64(total) != int64(size) {
		return Envelope{}, fmt.Errorf("total length %d in an envelope of %d bytes: %w", total, size, ErrMalformed)
	}
	for i := 1; i < boxes; i++ {
		if bytes.Compare(e.box(i - 1)[:TagSize], e.box(i)[:TagSize]) >= 0 {
			return Envelope{}, fmt.Errorf("boxes out of order: %w", ErrMalformed)
		}
	}
	return e, nil
}

// Boxes is the number of boxes.
func (e Envelope) Boxes() int { return (e.header - headerSize) / BoxSize }

// Box finds the box with a tag.
func (e Envelope) Box(tag [TagSize]byte) (Box, bool) {
	for i := range e.Boxes() {
		if b := e.box(i); [TagSize]byte(b[:TagSize]) == tag {
			return Box{tag, b[TagSize:]}, true
		}
	}
	return Box{}, false
}

// ID is the envelope's id: SHA-256 of all its bytes.
func (e Envelope) ID() ID { return sha256.Sum256(e.bytes) }

// HeaderHash is SHA-256 of the header, which the signature covers.
func (e Envelope) HeaderHash() ID { return sha256.Sum256(e.bytes[:e.header]) }

func (e Envelope) box(i int) []byte { return e.bytes[20+i*BoxSize:][:BoxSize] }

func (e Envelope) nonce() []byte { return e.bytes[e.header-36-nonceSize : e.header-36] }

func (e Envelope) commitment() []byte { return e.bytes[e.header-32 : e.header] }
