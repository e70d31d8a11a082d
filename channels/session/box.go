package session

import (
	"bytes"
	"crypto/hpke"
	"fmt"
	"slices"
)

// Recipient is whom a box is for. Of a box to an invite prekey, which a
// joiner's first key envelope has, Member is the invite key's public half.
type Recipient struct {
	Member Member
	Prekey PrekeyPublic
}

// OpenBox opens the box that sender sealed to prekey in e, and gives the chain
// as it stands before e itself is opened: the chain's MessageKey(e.Iteration) is
// e's. recipient is one's own member id, or the invite key's public half
// if prekey is an invite's. The chain is to be kept only once e's signature has
// verified; and a chain already known for (sender, e.KeyID) is never replaced, for
// that would bring back message keys that were used.
//
// Errors: ErrNoBox, ErrSealed, ErrMalformed (a chain key of zeros), ErrPrekey (a
// Prekey not from NewPrekey or PrekeyFromSeed).
func (e Envelope) OpenBox(prekey Prekey, channel Channel, sender, recipient Member) (ReceiverChain, error) {
	if e.Boxes() == 0 {
		return ReceiverChain{}, ErrNoBox
	}
	if prekey.private == nil {
		return ReceiverChain{}, fmt.Errorf("a prekey that was not expanded: %w", ErrPrekey)
	}
	box, ok := e.Box(Tag(&prekey.Public, sender, e.KeyID))
	if !ok {
		return ReceiverChain{}, ErrNoBox
	}
	info := boxInfo(channel, sender, recipient, e.KeyID)
	chain, err := hpke.Open(prekey.private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, box.sealed)
	if err != nil {
		return ReceiverChain{}, fmt.Errorf("opening a box: %w", ErrSealed)
	}
	if Secret(chain) == (Secret{}) {
		return ReceiverChain{}, fmt.Errorf("a chain key of zeros: %w", ErrMalformed)
	}
	return NewReceiverChain(sender, e.KeyID, Secret(chain), e.Iteration), nil
}

// sealBoxes seals k's chain key to each recipient and returns the boxes in
// ascending order of their tags.
func sealBoxes(k SenderKey, channel Channel, sender Member, recipients []Recipient) ([][]byte, error) {
	boxes := make([][]byte, 0, len(recipients))
	for i := range recipients {
		box, err := sealBox(k, channel, sender, &recipients[i])
		if err != nil {
			return nil, fmt.Errorf("sealing to %x: %w", recipients[i].Member, err)
		}
		boxes = append(boxes, box)
	}
	slices.SortFunc(boxes, func(a, b []byte) int { return bytes.Compare(a[:TagSize], b[:TagSize]) })
	for i := 1; i < len(boxes); i++ {
		if bytes.Equal(boxes[i-1][:TagSize], boxes[i][:TagSize]) {
			return nil, fmt.Errorf("two boxes to one prekey: %w", ErrPrekey)
		}
	}
	return boxes, nil
}

func sealBox(k SenderKey, channel Channel, sender Member, to *Recipient) ([]byte, error) {
	public, err := hpke.MLKEM768X25519().NewPublicKey(to.Prekey[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPrekey, err)
	}
	info := boxInfo(channel, sender, to.Member, k.ID)
	sealed, err := hpke.Seal(public, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, k.Chain[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPrekey, err)
	}
	tag := Tag(&to.Prekey, sender, k.ID)
	return append(tag[:], sealed...), nil
}

// boxInfo is HPKE's info: label | channel | sender | recipient | key id.
func boxInfo(channel Channel, sender, recipient Member, key KeyID) []byte {
	return slices.Concat([]byte(labelBox), channel[:], sender[:], recipient[:], key[:])
}
