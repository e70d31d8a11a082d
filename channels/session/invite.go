package session

import (
	"crypto/ed25519"
)

// InviteSecret is S, the secret in a one-time key: 16 random bytes, from which
// all else follows. Nobody but its inviter and whoever holds the one-time key
// has it.
type InviteSecret = [16]byte

// InviteKeys is what follows from S.
type InviteKeys struct {
	Slot   Slot               // where the invite is on hubs
	Invite ed25519.PrivateKey // invite key: redeems; its public half names the invite
	Blob   Secret             // blob key: seals the card
	Join   Secret             // join key: seals the join
}

// DeriveInvite derives an invite's keys from its secret.
func DeriveInvite(s InviteSecret) InviteKeys {
	slot := derive(s[:], labelSlot)
	seed := derive(s[:], labelInvite)
	return InviteKeys{
		Slot:   Slot(slot[:16]),
		Invite: ed25519.NewKeyFromSeed(seed[:]),
		Blob:   derive(s[:], labelBlob),
		Join:   derive(s[:], labelJoin),
	}
}

// ID is the invite key's public half, which stands for the invite's holder
// where a member id is called for: as the recipient of boxes to the invite
// prekey.
func (k InviteKeys) ID() Member {
	return Member(k.Invite[ed25519.PrivateKeySize-ed25519.PublicKeySize:])
}
