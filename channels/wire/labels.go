package wire

// Every hash, signature and key of this package begins with, or is derived
// under, one of these. No label is used twice and none begins another, so
// nothing made for one purpose passes for another.
const (
	labelHub            = "hubbub/1 hub"               // SHA-256: a hub's fingerprint
	labelKeyID          = "hubbub/1 key id"            // SHA-256: the id of a hub's X-Wing key
	labelKeys           = "hubbub/1 keys"              // Ed25519: the answer to ?keys
	labelRequest        = "hubbub/1 request"           // HPKE info of a request
	labelCall           = "hubbub/1 call"              // Ed25519: a call
	labelResponseSecret = "hubbub/1 response secret"   // HPKE export context
	labelResponseKey    = "hubbub/1 response key"      // HKDF info
	labelResponseNonce  = "hubbub/1 response nonce"    // HKDF info
	labelOneTimeKey     = "hubbub/1 one-time key"      // SHA-256: the check of a one-time key
	labelOwner          = "hubbub/1 owner in hub.conf" // SHA-256: OwnerSecret
	labelAccountKey     = "hubbub/1 account key"       // SHA-256: what a hub knows of an account key
)
