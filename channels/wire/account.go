package wire

import (
	"crypto/sha256"
	"errors"
)

// An owner's account can be made before its hub: hub.conf names its public key,
// and the hub has an owner when it starts, and nothing to claim.

// OwnerText is how hub.conf names an owner's account: 52 characters of base32.
func OwnerText(account Token) string { return keyAlphabet.EncodeToString(account[:]) }

// ParseOwner reads what OwnerText has written; case is ignored.
func ParseOwner(text string) (Token, error) {
	b, err := keyAlphabet.DecodeString(upper(withoutSpace(text)))
	if err != nil || len(b) != len(Token{}) {
		return Token{}, errors.New("not the public key of an account")
	}
	return Token(b), nil
}

// OwnerSecret is the account key's secret of an account that hub.conf names. It
// is none: whoever knows the account knows it, and it is of use to that account
// alone. With it such an owner claims as others do: SHA-256("hubbub/1 owner in
// hub.conf" | account), its first 16 bytes.
func OwnerSecret(account Token) [16]byte {
	sum := sha256.Sum256(append([]byte(labelOwner), account[:]...))
	return [16]byte(sum[:16])
}
