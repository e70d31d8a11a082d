package wire

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// OneTimeKey is what /invite prints and /join redeems: the hub to go to, and
// the secret that everything about the invite is derived from (docs/protocol.md,
// section 12).
type OneTimeKey struct {
	URL         string // as of CanonicalURL; String makes it so
	Fingerprint Fingerprint
	Secret      [16]byte
}

// AccountKey is a one-time key for a hub itself, its owner's or a guest's. It
// is given together with the hub's URL, which is not part of it.
type AccountKey struct {
	Fingerprint Fingerprint
	Secret      [16]byte
}

// keyVersion is the first byte of a one-time key.
const keyVersion = 1

// The secret part of a one-time key is version 1 | fingerprint 16 | secret 16
// | check 2, which is keyText characters of base32.
const (
	keyBytes = 1 + len(Fingerprint{}) + 16 + 2
	keyText  = 56
)

// Errors of ParseOneTimeKey and ParseAccountKey. Their text is for people, and
// never has any of the key in it.
var (
	ErrTruncated = errors.New("the key is cut off")
	ErrMistyped  = errors.New("the key is mistyped")
	ErrNotAKey   = errors.New("this is not a one-time key")
	ErrNewerKey  = errors.New("the key was made by a newer hubbub")
)

// keyAlphabet is base32 of RFC 4648 (section 6) without padding.
var keyAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// String returns the key as it is printed: scheme and host in upper case,
// which means the same and lets a QR code spend less on them, the path as it
// is, "#", and 56 characters of upper-case base32.
func (k OneTimeKey) String() string {
	if url, err := CanonicalURL(k.URL); err == nil {
		k.URL = url
	}
	place := k.URL
	if _, rest, ok := strings.Cut(k.URL, "://"); ok {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			path := rest[slash:]
			place = upper(k.URL[:len(k.URL)-len(path)]) + path
		}
	}
	return place + "#" + keyBase32(k.URL, k.Fingerprint, k.Secret)
}

// String returns the key as it is printed: 56 characters of base32.
func (k AccountKey) String() string {
	return keyBase32("", k.Fingerprint, k.Secret)
}

// Hash is what a hub knows of an account key (GuestArgs): SHA-256("hubbub/1 account
// key" | secret).
func (k AccountKey) Hash() [32]byte {
	return sha256.Sum256(append([]byte(labelAccountKey), k.Secret[:]...))
}

// ParseOneTimeKey reads a key as printed, or as typed: white space anywhere in
// it is ignored, and so is case, but for the URL's path. Errors: ErrTruncated,
// ErrMistyped, ErrNotAKey, ErrNewerKey. No request is needed to know them.
func ParseOneTimeKey(text string) (OneTimeKey, error) {
	text = withoutSpace(text)
	place, secret, ok := strings.Cut(text, "#")
	if !ok {
		return OneTimeKey{}, notOneTime(text)
	}
	url, err := CanonicalURL(place)
	if err != nil {
		return OneTimeKey{}, fmt.Errorf("%w: before the #, %w", ErrNotAKey, err)
	}
	fingerprint, s, err := parseKey(url, secret)
	if err != nil {
		return OneTimeKey{}, err
	}
	return OneTimeKey{URL: url, Fingerprint: fingerprint, Secret: s}, nil
}

// ParseAccountKey reads an account key, as ParseOneTimeKey does.
func ParseAccountKey(text string) (AccountKey, error) {
	text = withoutSpace(text)
	if strings.Contains(text, "#") {
		return AccountKey{}, fmt.Errorf("%w for a hub: one with a URL in it opens a channel, with /join #name KEY", ErrNotAKey)
	}
	if len(text) < keyText/4 {
		return AccountKey{}, ErrNotAKey
	}
	fingerprint, secret, err := parseKey("", text)
	if err != nil {
		return AccountKey{}, err
	}
	return AccountKey{Fingerprint: fingerprint, Secret: secret}, nil
}

// notOneTime says what is wrong with text, which has no # in it.
func notOneTime(text string) error {
	if start := lower(text); strings.HasPrefix(start, "http://") || strings.HasPrefix(start, "https://") {
		return fmt.Errorf("%w: nothing of it is left after the URL, where # and %d characters should be", ErrTruncated, keyText)
	}
	if _, err := ParseAccountKey(text); err == nil {
		return fmt.Errorf("%w of a channel: it is for a hub, with /msg sysop hub add URL KEY", ErrNotAKey)
	}
	return fmt.Errorf("%w: it does not begin with http:// or https://", ErrNotAKey)
}

// keyBase32 returns the secret part of the key for the hub at url.
func keyBase32(url string, fingerprint Fingerprint, secret [16]byte) string {
	b := make([]byte, 0, keyBytes)
	b = append(b, keyVersion)
	b = append(b, fingerprint[:]...)
	b = append(b, secret[:]...)
	check := keyCheck(url, b)
	return keyAlphabet.EncodeToString(append(b, check[:]...))
}

// parseKey reads the secret part of the key for the hub at url.
func parseKey(url, text string) (Fingerprint, [16]byte, error) {
	fail := func(err error) (Fingerprint, [16]byte, error) { return Fingerprint{}, [16]byte{}, err }
	text = upper(text)
	for i, c := range []byte(text) {
		if !('A' <= c && c <= 'Z' || '2' <= c && c <= '7') {
			return fail(fmt.Errorf("%w: its character %d cannot be in a key, only letters and 2 to 7 can", ErrMistyped, i+1))
		}
	}
	if len(text) < keyText {
		return fail(fmt.Errorf("%w: %d of %d characters are there", ErrTruncated, len(text), keyText))
	}
	if len(text) > keyText {
		return fail(fmt.Errorf("%w: it has %d characters, not %d", ErrMistyped, len(text), keyText))
	}
	b, err := keyAlphabet.DecodeString(text)
	if err != nil {
		return fail(ErrMistyped)
	}
	body, check := b[:keyBytes-2], keyCheck(url, b[:keyBytes-2])
	if subtle.ConstantTimeCompare(b[keyBytes-2:], check[:]) != 1 {
		return fail(fmt.Errorf("%w: its check does not fit", ErrMistyped))
	}
	if body[0] != keyVersion {
		return fail(ErrNewerKey)
	}
	return Fingerprint(body[1:17]), [16]byte(body[17:33]), nil
}

// keyCheck finds typing errors, in the URL too: the first 2 bytes of
// SHA-256("hubbub/1 one-time key" | canonical URL | body), where body is
// version, fingerprint and secret. An account key has an empty URL.
func keyCheck(url string, body []byte) [2]byte {
	m := make([]byte, 0, len(labelOneTimeKey)+len(url)+len(body))
	m = append(m, labelOneTimeKey...)
	m = append(m, url...)
	sum := sha256.Sum256(append(m, body...))
	return [2]byte(sum[:2])
}

// withoutSpace returns text without the blanks and line breaks that copying
// from a terminal leaves in it.
func withoutSpace(text string) string {
	return strings.Join(strings.Fields(text), "")
}
