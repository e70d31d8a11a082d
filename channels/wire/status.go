package wire

// ContentType is the media type of requests and of sealed responses.
const ContentType = "application/octet-stream"

// KeysQuery is the query of the GET that asks for a hub's keys.
const KeysQuery = "keys"

// What a hub answers in HTTP where it cannot answer sealed, because it could
// not open the request, or could not read it. Anything else that happens is
// said inside a sealed answer, whose status is StatusSealed. The numbers are
// HTTP's (RFC 9110, section 15).
const (
	StatusSealed         = 200 // a sealed response, ContentType
	StatusMalformed      = 400 // not a request, or changed on the way
	StatusMethod         = 405 // neither GET, HEAD nor POST
	StatusUnknownKey     = 409 // sealed to a key the hub does not have: fetch ?keys again
	StatusLengthRequired = 411 // a POST without Content-Length
	StatusTooLarge       = 413 // a request of more than MaxRequest bytes
	StatusMediaType      = 415 // a POST of another Content-Type
	StatusFailed         = 500 // the hub failed; it has logged why
	StatusBusy           = 503 // come back later, after Retry-After if it is there
)
