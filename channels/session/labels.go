package session

// Every key, hash, signature and seal of this package is derived under, or
// begins with, one of these. No label of hubbub/1 is used twice and none begins
// another, so nothing made for one purpose passes for another.
const (
	labelMessage    = "hubbub/1 message"     // HKDF info: chain key → message key
	labelChain      = "hubbub/1 chain"       // HKDF info: chain key → next chain key
	labelCommitment = "hubbub/1 commitment"  // HKDF info: message key → commitment
	labelBox        = "hubbub/1 box"         // HPKE info of a box
	labelAside      = "hubbub/1 aside"       // HPKE info of an aside
	labelTag        = "hubbub/1 tag"         // SHA-256: a box's tag
	labelEnvelope   = "hubbub/1 envelope"    // Ed25519: an envelope's body
	labelSlot       = "hubbub/1 slot"        // HKDF info: invite secret → slot id
	labelInvite     = "hubbub/1 invite key"  // HKDF info: invite secret → seed of the invite key
	labelBlob       = "hubbub/1 blob key"    // HKDF info: invite secret → blob key
	labelJoin       = "hubbub/1 join key"    // HKDF info: invite secret → join key
	labelCard       = "hubbub/1 card"        // AEAD: a blob's card
	labelOffer      = "hubbub/1 offer"       // AEAD: a blob's offer
	labelRescue     = "hubbub/1 rescue"      // AEAD: a rescue
	labelSealedJoin = "hubbub/1 sealed join" // AEAD: a sealed join
	labelOwnKeyID   = "hubbub/1 own key id"  // HKDF info: seed of the member key → half of a key id
)
