// Package wire is what a gateway and a hub say to each other: the calls, their
// limits, and the sealing around them. Both sides import it; it does no I/O
// and knows no clock.
//
// # A hub and its keys
//
// A hub has one Ed25519 key for ever. Its fingerprint, 16 bytes, names it in
// every one-time key:
//
//	fingerprint = SHA-256("hubbub/1 hub" | Ed25519 public key)[:16]
//
// GET URL?keys answers, as ContentType, what the hub says of itself, signed:
//
//	keys  = CBOR {body, signature}
//	body  = CBOR {hub, keys: [{id, public, from, until}], time, versions, software, limits}
//	id    = SHA-256("hubbub/1 key id" | public)[:8]
//	signature = Ed25519 over "hubbub/1 keys" | body
//
// The X-Wing keys in it are short-lived: requests are sealed to the newest
// that is good at the answer's own time (HubKeys.Newest). So neither a
// certificate nor the client's clock decides who is spoken to: the key does.
//
// # Requests
//
// Everything else is a POST to the URL, with a Content-Length, of
//
//	request = version 1 | key id 8 | enc 1120 | HPKE(padded body)
//	body    = CBOR {time, calls: [{op, channel, token, args, signature}]}
//
// HPKE (RFC 9180) in base mode with X-Wing (0x647a), HKDF-SHA256 and
// ChaCha20-Poly1305; info = "hubbub/1 request" | fingerprint; aad = the 1129
// bytes before the ciphertext, which is 16 bytes longer than what it holds.
// Each call is signed by its token (Ed25519) over
//
//	"hubbub/1 call" | fingerprint 16 | enc 1120 | place 2 |
//	length 4 | op | channel 32 | token 32 | length 4 | args
//
// where place counts the request's calls from 0. So a call can be lifted
// neither into another request, nor to another place in it, nor to another
// hub. Numbers in byte layouts are big-endian.
//
// # Responses
//
// The answer, ContentType with status StatusSealed, is
//
//	response = nonce 32 | ChaCha20-Poly1305(padded body), no aad
//	body     = CBOR {time, results: [{value} or {error: {code, text}}]}
//	        or CBOR {time, error: {code, text}}
//
// under a key that only the two ends of this one request can derive, as in
// Oblivious HTTP (RFC 9458, section 4.4):
//
//	secret     = HPKE Export("hubbub/1 response secret", 32)
//	prk        = HKDF-Extract(SHA-256, salt = enc | nonce, secret)
//	key        = HKDF-Expand(prk, "hubbub/1 response key", 32)
//	AEAD nonce = HKDF-Expand(prk, "hubbub/1 response nonce", 12)
//
// A hub that cannot open a request answers with one of the other statuses
// (status.go); what their bodies say is for people and binds nobody, since
// anyone on the way can write them.
//
// # Padding
//
//	padded body = length 4 | body | zeros
//
// is max(MinPad, Padmé(4 + length of body)) bytes long, so that lengths say
// little. There is one padding of each body: another is refused.
//
// # One-time keys
//
//	key   = URL "#" base32(version 1 | fingerprint 16 | secret 16 | check 2)
//	check = SHA-256("hubbub/1 one-time key" | canonical URL | version | fingerprint | secret)[:2]
//
// in upper-case base32 without padding, 56 characters. What is canonical is
// said at CanonicalURL. A hub's own account keys have no URL and no "#".
package wire
