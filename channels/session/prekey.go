package session

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
)

// PrekeySize is the length of a prekey's public half: an ML-KEM-768
// encapsulation key of 1184 bytes, then an X25519 public key of 32.
const PrekeySize = 1216

// TagSize is the length of a box's tag.
const TagSize = 8

// PrekeyPublic is the public half of a prekey (X-Wing, draft-connolly-cfrg-xwing-kem;
// MLKEM768-X25519 in draft-ietf-hpke-pq, KEM id 0x647a).
type PrekeyPublic = [PrekeySize]byte

// Prekey is an X-Wing key pair that others seal chain keys to: a member's own,
// or that of an invite.
type Prekey struct {
	Seed   Secret       // all there is to keep, and to delete
	Public PrekeyPublic // follows from Seed

	private hpke.PrivateKey
}

// NewPrekey draws a prekey.
func NewPrekey() (Prekey, error) { return PrekeyFromSeed(random()) }

// PrekeyFromSeed expands a seed into its prekey.
func PrekeyFromSeed(seed Secret) (Prekey, error) {
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed[:])
	if err != nil {
		return Prekey{}, fmt.Errorf("expanding a prekey: %w", err)
	}
	return Prekey{seed, PrekeyPublic(private.PublicKey().Bytes()), private}, nil
}

// CheckPrekey reports whether boxes can be sealed to a public half that
// somebody sent: else ErrPrekey. DecodeBody and OpenBlob have checked what
// they return, so that no member can keep others from sealing.
func CheckPrekey(public *PrekeyPublic) error {
	if _, err := hpke.MLKEM768X25519().NewPublicKey(public[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrPrekey, err)
	}
	point, err := ecdh.X25519().NewPublicKey(public[PrekeySize-32:])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPrekey, err)
	}
	// Every scalar takes a point of low order to zero, which ECDH refuses.
	if _, err := lowOrderProbe.ECDH(point); err != nil {
		return fmt.Errorf("%w: %w", ErrPrekey, err)
	}
	return nil
}

// lowOrderProbe is no secret: any scalar shows a point of low order.
var lowOrderProbe = func() *ecdh.PrivateKey {
	k, err := ecdh.X25519().NewPrivateKey(append(make([]byte, 31), 1))
	if err != nil {
		panic("session: " + err.Error())
	}
	return k
}()

// Tag is what a box carries so that its recipient finds it: the first 8 bytes
// of SHA-256(label | prekey's public half | sender | key id). Only those who
// know the prekey, that is the channel's members, can tell whose it is.
func Tag(public *PrekeyPublic, sender Member, key KeyID) [TagSize]byte {
	h := sha256.New()
	h.Write([]byte(labelTag))
	h.Write(public[:])
	h.Write(sender[:])
	h.Write(key[:])
	return [TagSize]byte(h.Sum(nil)[:TagSize])
}
