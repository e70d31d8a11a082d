package wire

import "time"

// Version is the first byte of every request, and what ?keys lists.
const Version = 1

// Sizes are in bytes and count what travels, sealing included.
const (
	MaxRequest  = 1 << 20   // a sealed request
	MaxResponse = 2 << 20   // a sealed response
	MaxFetch    = 768 << 10 // the entries in one FetchResult; one entry is always given
	MaxBlob     = 128 << 10 // a slot's blob
	MaxEntry    = 64 << 10  // an entry of a channel's log
	MaxCalls    = 256       // calls in a request
	MaxKeys     = 64 << 10  // the answer to ?keys
)

const (
	MaxWait     = 25 * time.Second    // a held fetch
	MaxSkew     = time.Hour           // between a request's time and the hub's
	KeyMade     = 7 * 24 * time.Hour  // how often a hub makes a new X-Wing key
	KeyKept     = 14 * 24 * time.Hour // how long it opens requests sealed to one
	EncSeen     = 2 * time.Hour       // how long a hub remembers an enc that waited
	MinPad      = 1 << 10             // requests and responses are padded to this at least
	InviteValid = 7 * 24 * time.Hour  // how long a one-time key is good unless said otherwise
)

// What a body holds beside its calls or results never takes more than this.
const bodyOverhead = 64

// How much fits, in bytes of CBOR. A padded length is one that Padmé gives, so
// the greatest are a little less than MaxRequest and MaxResponse.
const (
	MaxCallsSize   = 63<<14 - lengthSize - bodyOverhead // all calls of a request: the sum of CallSize
	MaxResultsSize = 63<<15 - lengthSize - bodyOverhead // all results of a response
)
