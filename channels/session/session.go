// Package session is the pure part of hubbub's cryptography (docs/protocol.md,
// "Envelopes" and "One-time keys"): sender keys, prekeys, boxes, envelopes and
// their bodies, and what is derived from a one-time key. Bytes go in and bytes
// come out; there is no I/O, no clock and no state that outlives a call.
// Randomness is drawn from crypto/rand only.
//
// Ids are plain arrays, so that they pass between packages without conversion.
// Nothing here is ever retained or changed that a caller passed in, except
// that an Envelope refers to the bytes it was parsed from.
package session

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
)

type (
	// Channel is a channel's id: the hash of its found operation.
	Channel = [32]byte
	// Member is a member's id: the Ed25519 public key of that member.
	Member = [32]byte
	// ID is a SHA-256 hash: of an envelope, where nothing else is said.
	ID = [32]byte
	// KeyID names a sender key among those of its sender.
	KeyID = [16]byte
	// Secret is a symmetric key of 32 bytes: a chain key, a message key, …
	Secret = [32]byte
	// Slot is the id of a one-time key's slot on a hub.
	Slot = [16]byte
)

// derive is HKDF-SHA256 (RFC 5869) with no salt, the label as info, and 32
// bytes of output.
func derive(secret []byte, label string) Secret {
	out, err := hkdf.Key(sha256.New, secret, nil, label, 32)
	if err != nil {
		panic("session: hkdf: " + err.Error()) // only for an output that is too long
	}
	return Secret(out)
}

// random fills a new array of 32 bytes.
func random() (s Secret) {
	rand.Read(s[:]) // never fails (crypto/rand)
	return s
}
