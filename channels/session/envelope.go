package session

import (
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sealing is what Seal makes an envelope of.
type Sealing struct {
	Channel Channel
	From    ed25519.PrivateKey // the sending member's
	Key     SenderKey
	// Recipients get the chain key at Key.Iteration in a box each: nobody for
	// a text, every other member for a key envelope (Key.Iteration is 0), the
	// newcomer for a give. At most MaxBoxes, each prekey once.
	Recipients []Recipient
	Body       []byte // as EncodeBody gives it; 1 to MaxBody bytes, less BoxSize a box
}

// Sealed is a new envelope and what its sender keeps.
type Sealed struct {
	Envelope []byte
	ID       ID
	Signed   Signed
	Next     SenderKey // to be on disk, in place of the key used, before Envelope leaves
}

// Signed is a body with its signature, and all that it takes to verify it
// without the envelope. History keeps it, so that a lost text can come again.
type Signed struct {
	Header    ID // SHA-256 of the envelope's header
	Body      []byte
	Signature [signatureSize]byte
}

// Seal makes an envelope. It draws its nonce and what its boxes need from
// crypto/rand, in the order of the recipients and then the nonce.
//
// Errors: ErrSpent, ErrPrekey (for a recipient's, or one there twice), ErrTooLong,
// ErrMalformed (no body, or a signing key of another length).
func Seal(s Sealing) (Sealed, error) {
	total, err := s.size()
	if err != nil {
		return Sealed{}, fmt.Errorf("sealing an envelope: %w", err)
	}
	sender := Member(s.From[ed25519.PrivateKeySize-ed25519.PublicKeySize:])
	boxes, err := sealBoxes(s.Key, s.Channel, sender, s.Recipients)
	if err != nil {
		return Sealed{}, err
	}
	message := messageKey(s.Key.Chain)
	header := makeHeader(s.Key, boxes, total, commitment(message))
	signed := Signed{Header: sha256.Sum256(header), Body: slices.Clone(s.Body)}
	signed.Signature = [signatureSize]byte(ed25519.Sign(s.From, signed.message(s.Channel)))

	plaintext := pad(signed.Body, signed.Signature[:], total-len(header)-aeadTag)
	nonce := header[len(header)-36-nonceSize : len(header)-36]
	envelope := newAEAD(message).Seal(slices.Grow(header, total-len(header)), nonce, plaintext, header)
	return Sealed{envelope, sha256.Sum256(envelope), signed, s.Key.next()}, nil
}

// size checks what is to be sealed and gives the envelope's length.
func (s Sealing) size() (int, error) {
	switch {
	case s.Key.Spent():
		return 0, ErrSpent
	case len(s.From) != ed25519.PrivateKeySize:
		return 0, fmt.Errorf("a signing key of %d bytes: %w", len(s.From), ErrMalformed)
	case len(s.Body) == 0:
		return 0, fmt.Errorf("an empty body: %w", ErrMalformed)
	case len(s.Recipients) > MaxBoxes:
		return 0, fmt.Errorf("%d boxes: %w", len(s.Recipients), ErrTooLong)
	}
	return fit(entrySizes, headerSize+len(s.Recipients)*BoxSize+overhead+len(s.Body))
}

// EnvelopeSize is how long an envelope without boxes is that has a body of n
// bytes; 0 if no envelope can hold it.
func EnvelopeSize(n int) int {
	total, err := fit(entrySizes, headerSize+overhead+n)
	if err != nil {
		return 0
	}
	return total
}

// makeHeader writes a header with a new nonce.
func makeHeader(k SenderKey, boxes [][]byte, total int, commitment Secret) []byte {
	h := make([]byte, 0, total)
	h = append(h, FormEnvelope)
	h = append(h, k.ID[:]...)
	h = append(h, byte(k.Iteration))
	h = binary.BigEndian.AppendUint16(h, uint16(len(boxes)))
	for _, box := range boxes {
		h = append(h, box...)
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:])
	h = append(h, nonce[:]...)
	h = binary.BigEndian.AppendUint32(h, uint32(total))
	return append(h, commitment[:]...)
}

// Open opens an envelope with its message key, as the sender's. It checks, in
// this order, the commitment, the AEAD, the padding and the signature, and
// gives the body as it was signed: DecodeBody is next. Only when Open
// succeeds may the chain that gave the message key move on.
//
// Errors: ErrCommitment, ErrSealed, ErrPadding, ErrSignature.
func (e Envelope) Open(channel Channel, sender Member, message Secret) (Signed, error) {
	if c := commitment(message); subtle.ConstantTimeCompare(c[:], e.commitment()) != 1 {
		return Signed{}, fmt.Errorf("opening an envelope: %w", ErrCommitment)
	}
	header := e.bytes[:e.header]
	plaintext, err := newAEAD(message).Open(nil, e.nonce(), e.bytes[e.header:], header)
	if err != nil {
		return Signed{}, fmt.Errorf("opening an envelope: %w", ErrSealed)
	}
	body, signature, err := unpad(plaintext, signatureSize, entrySizes, e.header+aeadTag)
	if err != nil || len(body) == 0 {
		return Signed{}, fmt.Errorf("opening an envelope: %w", ErrPadding)
	}
	signed := Signed{e.HeaderHash(), body, [signatureSize]byte(signature)}
	if err := signed.Verify(channel, sender); err != nil {
		return Signed{}, fmt.Errorf("opening an envelope: %w", err)
	}
	return signed, nil
}

// Verify checks the sender's signature over label | channel | Header | Body
// (Ed25519, RFC 8032): else ErrSignature.
func (s Signed) Verify(channel Channel, sender Member) error {
	if !ed25519.Verify(sender[:], s.message(channel), s.Signature[:]) {
		return ErrSignature
	}
	return nil
}

func (s Signed) message(channel Channel) []byte {
	return slices.Concat([]byte(labelEnvelope), channel[:], s.Header[:], s.Body)
}

// newAEAD is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) under a key.
func newAEAD(key Secret) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("session: " + err.Error()) // only for a key of another length
	}
	return aead
}
