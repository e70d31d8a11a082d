package wire

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"fmt"

	"hubbub/channels/codec"
)

// Fingerprint names a hub: the first 16 bytes of
// SHA-256("hubbub/1 hub" | the hub's Ed25519 public key).
type Fingerprint [16]byte

// FingerprintOf returns the fingerprint of the hub whose public key hub is.
func FingerprintOf(hub Token) Fingerprint {
	sum := sha256.Sum256(append([]byte(labelHub), hub[:]...))
	return Fingerprint(sum[:16])
}

// KeyID names one of a hub's X-Wing keys: the first 8 bytes of
// SHA-256("hubbub/1 key id" | the X-Wing public key).
type KeyID [8]byte

// KeyIDOf returns the id of an X-Wing public key.
func KeyIDOf(public []byte) KeyID {
	sum := sha256.Sum256(append([]byte(labelKeyID), public...))
	return KeyID(sum[:8])
}

// KEM is the key encapsulation that requests are sealed with: X-Wing,
// MLKEM768-X25519 of draft-ietf-hpke-pq. Its private keys are 32 bytes.
func KEM() hpke.KEM { return hpke.MLKEM768X25519() }

// publicKeySize is the length of an X-Wing public key in bytes.
const publicKeySize = 1216

// HubKey is the public half of an X-Wing key that a hub opens requests with.
type HubKey struct {
	ID     KeyID  `cbor:"id"`     // KeyIDOf(Public)
	Public []byte `cbor:"public"` // 1216 bytes
	From   int64  `cbor:"from"`   // unix seconds, hub time: when it was made
	Until  int64  `cbor:"until"`  // unix seconds, hub time: it is not used from then on
}

// HubKeyOf returns the public half of private, good from from until until
// (unix seconds of the hub).
func HubKeyOf(private hpke.PrivateKey, from, until int64) HubKey {
	public := private.PublicKey().Bytes()
	return HubKey{ID: KeyIDOf(public), Public: public, From: from, Until: until}
}

// HubKeys is what a hub says of itself at ?keys.
type HubKeys struct {
	Hub      Token            `cbor:"hub"`      // the hub's Ed25519 public key
	Keys     []HubKey         `cbor:"keys"`     // 1 to 8
	Time     int64            `cbor:"time"`     // unix seconds, the hub's clock
	Versions []int            `cbor:"versions"` // of the wire that the hub speaks, 1 to 16
	Software string           `cbor:"software"` // name and version, printable ASCII, at most 64 bytes
	Limits   map[string]int64 `cbor:"limits"`   // by name of at most 32 bytes, at most 32 (see DefaultLimits); unknown names are ignored
}

// signedKeys is the answer to ?keys as it travels. The signature is over
// "hubbub/1 keys" | Body.
type signedKeys struct {
	Body      []byte `cbor:"body"` // CBOR of HubKeys
	Signature []byte `cbor:"signature"`
}

const (
	maxHubKeys  = 8
	maxVersions = 16
	maxSoftware = 64
	maxLimits   = 32
	maxLimit    = 32 // the name of a limit
)

// Errors of OpenHubKeys and HubKeys.Newest.
var (
	// ErrNotKeys is returned for bytes that are not a signed answer to ?keys.
	ErrNotKeys = errors.New("this is not a hub's answer to ?keys")
	// ErrVersion is returned for a hub that does not speak this version of the wire.
	ErrVersion = errors.New("the hub does not speak hubbub/1")
	// ErrNoKey is returned for a hub that shows no key which is good now.
	ErrNoKey = errors.New("the hub shows no key that is good now")
)

// DefaultLimits are the limits of a hub that has none of its own: sizes in
// bytes (request, response, entry, blob, fetch), counts (calls), and wait in
// milliseconds. A hub may show lower ones.
func DefaultLimits() map[string]int64 {
	return map[string]int64{
		"request":  MaxRequest,
		"response": MaxResponse,
		"entry":    MaxEntry,
		"blob":     MaxBlob,
		"fetch":    MaxFetch,
		"calls":    MaxCalls,
		"wait":     MaxWait.Milliseconds(),
	}
}

// Fingerprint returns the fingerprint of the hub that k speaks for. Whoever
// expects a certain hub compares it: the signature alone shows only that all
// of k comes from the holder of k.Hub.
func (k HubKeys) Fingerprint() Fingerprint { return FingerprintOf(k.Hub) }

// Newest returns the key to seal to: of those with From ≤ k.Time < Until the
// one with the greatest From. Errors: ErrVersion, ErrNoKey.
func (k HubKeys) Newest() (HubKey, error) {
	speaks := false
	for _, v := range k.Versions {
		speaks = speaks || v == Version
	}
	if !speaks {
		return HubKey{}, ErrVersion
	}
	var newest HubKey
	found := false
	for _, key := range k.Keys {
		if key.From <= k.Time && k.Time < key.Until && (!found || key.From > newest.From) {
			newest, found = key, true
		}
	}
	if !found {
		return HubKey{}, ErrNoKey
	}
	return newest, nil
}

// SignHubKeys sets k.Hub to the public half of private and returns the answer
// to ?keys, at most MaxKeys bytes.
func SignHubKeys(private ed25519.PrivateKey, k HubKeys) ([]byte, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, errors.New("signing hub keys: not an Ed25519 private key")
	}
	k.Hub = Token(private.Public().(ed25519.PublicKey))
	if err := k.check(); err != nil {
		return nil, fmt.Errorf("signing hub keys: %w", err)
	}
	body, err := codec.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("signing hub keys: %w", err)
	}
	signature := ed25519.Sign(private, keysMessage(body))
	return codec.Marshal(signedKeys{Body: body, Signature: signature})
}

// OpenHubKeys reads an answer to ?keys and verifies it under the hub key that
// it names itself: the caller compares Fingerprint. Every error is ErrNotKeys.
func OpenHubKeys(answer []byte) (HubKeys, error) {
	if len(answer) > MaxKeys {
		return HubKeys{}, fmt.Errorf("%w: %d bytes", ErrNotKeys, len(answer))
	}
	var signed signedKeys
	if err := codec.Unmarshal(answer, &signed); err != nil {
		return HubKeys{}, fmt.Errorf("%w: %v", ErrNotKeys, err)
	}
	var k HubKeys
	if err := codec.Unmarshal(signed.Body, &k); err != nil {
		return HubKeys{}, fmt.Errorf("%w: %v", ErrNotKeys, err)
	}
	if len(signed.Signature) != ed25519.SignatureSize ||
		!ed25519.Verify(k.Hub[:], keysMessage(signed.Body), signed.Signature) {
		return HubKeys{}, fmt.Errorf("%w: its signature does not verify", ErrNotKeys)
	}
	if err := k.check(); err != nil {
		return HubKeys{}, fmt.Errorf("%w: %v", ErrNotKeys, err)
	}
	return k, nil
}

// keysMessage is what a hub signs at ?keys.
func keysMessage(body []byte) []byte {
	return append([]byte(labelKeys), body...)
}

// check holds k to the bounds that the fields of HubKeys name.
func (k HubKeys) check() error {
	switch {
	case len(k.Keys) < 1 || len(k.Keys) > maxHubKeys:
		return fmt.Errorf("%d keys, not 1 to %d", len(k.Keys), maxHubKeys)
	case len(k.Versions) < 1 || len(k.Versions) > maxVersions:
		return fmt.Errorf("%d versions, not 1 to %d", len(k.Versions), maxVersions)
	case len(k.Limits) > maxLimits:
		return fmt.Errorf("%d limits, more than %d", len(k.Limits), maxLimits)
	case len(k.Software) > maxSoftware:
		return fmt.Errorf("the software's name is %d bytes, more than %d", len(k.Software), maxSoftware)
	}
	for _, c := range []byte(k.Software) {
		if c < ' ' || c > '~' {
			return errors.New("the software's name is not printable ASCII")
		}
	}
	for name := range k.Limits {
		if len(name) > maxLimit {
			return fmt.Errorf("the name of a limit is %d bytes, more than %d", len(name), maxLimit)
		}
	}
	for i, key := range k.Keys {
		if len(key.Public) != publicKeySize || key.ID != KeyIDOf(key.Public) {
			return fmt.Errorf("key %d is not what its id says", i)
		}
	}
	return nil
}
