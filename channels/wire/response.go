package wire

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"

	"hubbub/channels/codec"
)

// The parts of a response, in bytes: RFC 9458, section 4.4, where both are
// max(Nn, Nk) of the AEAD.
const (
	responseSecret = chacha20poly1305.KeySize
	responseNonce  = chacha20poly1305.KeySize
)

// Response answers a request: one result a call, in the calls' order, or Error
// alone where the hub refused the request as a whole.
type Response struct {
	Time    int64 // unix seconds, the hub's clock
	Results []Result
	Error   *Error
}

// responseBody is what is sealed in a response. Each result is the CBOR of a
// Result.
type responseBody struct {
	Time    int64       `cbor:"time"`
	Results []codec.Raw `cbor:"results,omitempty"`
	Error   *Error      `cbor:"error,omitempty"`
}

// resultsBody is responseBody where the results are not encoded yet.
type resultsBody struct {
	Time    int64    `cbor:"time"`
	Results []Result `cbor:"results,omitempty"`
	Error   *Error   `cbor:"error,omitempty"`
}

// resultOverhead is what a result takes beside its value, or an error in short words.
const resultOverhead = 64

// SealResponse returns nonce | AEAD(padded r), at most MaxResponse bytes, else
// ErrTooLarge: MaxResultsSize bytes of results fit. Results must be as many as the request's calls, or none beside
// an Error.
func (o *Opened) SealResponse(r Response) ([]byte, error) {
	if err := r.check(len(o.Calls)); err != nil {
		return nil, fmt.Errorf("sealing a response: %w", err)
	}
	// Encoded, padded and sealed in one place: it may be large, and each CGI process has its own.
	var b bytes.Buffer
	b.Grow(responseNonce + paddedSize(r.room()) + aeadOverhead)
	b.Write(make([]byte, responseNonce+lengthSize))
	if err := codec.MarshalTo(&b, resultsBody(r)); err != nil {
		return nil, fmt.Errorf("sealing a response: %w", err)
	}
	response, err := padRest(b.Bytes(), responseNonce, maxResponsePlain)
	if err != nil {
		return nil, fmt.Errorf("sealing a response: %w", err)
	}
	header, padded := response[:responseNonce], response[responseNonce:]
	rand.Read(header)
	aead, nonce, err := responseAEAD(o.secret, o.enc, header)
	if err != nil {
		return nil, fmt.Errorf("sealing a response: %w", err)
	}
	return aead.Seal(header, nonce, padded, nil), nil
}

// room is about what r takes before it is padded, and seldom less.
func (r *Response) room() int {
	room := lengthSize + bodyOverhead
	for _, result := range r.Results {
		room += len(result.Value) + resultOverhead
	}
	return room
}

// OpenResponse opens the answer to the request that x belongs to. Errors:
// ErrTooLarge, ErrMalformed. The results' values are as the hub sent them, and
// what it says in words may be anything.
func (x *Exchange) OpenResponse(response []byte) (*Response, error) {
	if len(response) > MaxResponse {
		return nil, fmt.Errorf("a response of %d bytes: %w", len(response), ErrTooLarge)
	}
	if len(response) < responseNonce+MinPad+aeadOverhead {
		return nil, fmt.Errorf("a response of %d bytes: %w", len(response), ErrMalformed)
	}
	aead, nonce, err := responseAEAD(x.secret, x.enc, response[:responseNonce])
	if err != nil {
		return nil, fmt.Errorf("opening a response: %w", err)
	}
	padded, err := aead.Open(nil, nonce, response[responseNonce:], nil)
	if err != nil {
		return nil, fmt.Errorf("opening a response: %w: %v", ErrMalformed, err)
	}
	r, err := decodeResponse(padded)
	if err == nil {
		err = r.check(x.calls)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a response: %w", err)
	}
	return r, nil
}

// decodeResponse reads the body of a response, counting before it decodes.
func decodeResponse(padded []byte) (*Response, error) {
	plain, err := unpad(padded)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	var body responseBody
	if err := codec.Unmarshal(plain, &body); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if len(body.Results) > MaxCalls {
		return nil, fmt.Errorf("%d results: %w", len(body.Results), ErrTooLarge)
	}
	r := &Response{Time: body.Time, Error: body.Error}
	for i, raw := range body.Results {
		var result Result
		if err := codec.Unmarshal(raw, &result); err != nil {
			return nil, fmt.Errorf("result %d: %w: %v", i, ErrMalformed, err)
		}
		r.Results = append(r.Results, result)
	}
	return r, nil
}

// check holds r to the number of calls that it answers.
func (r *Response) check(calls int) error {
	if r.Error != nil && len(r.Results) != 0 {
		return fmt.Errorf("%w: results beside an error", ErrMalformed)
	}
	if r.Error == nil && len(r.Results) != calls {
		return fmt.Errorf("%w: %d results for %d calls", ErrMalformed, len(r.Results), calls)
	}
	return nil
}

// responseAEAD returns the AEAD of a response and the nonce for its one use,
// from the HPKE export secret, enc and the response's own nonce (RFC 9458,
// section 4.4, with this protocol's labels).
func responseAEAD(secret, enc, responseNonce []byte) (cipher.AEAD, []byte, error) {
	key, nonce, err := responseKeys(secret, enc, responseNonce)
	if err != nil {
		return nil, nil, err
	}
	aead, err := chacha20poly1305.New(key)
	return aead, nonce, err
}

// responseKeys derives the key and the AEAD nonce of a response:
//
//	prk   = HKDF-Extract(SHA-256, salt = enc | response nonce, secret)
//	key   = HKDF-Expand(prk, "hubbub/1 response key", 32)
//	nonce = HKDF-Expand(prk, "hubbub/1 response nonce", 12)
func responseKeys(secret, enc, responseNonce []byte) (key, nonce []byte, err error) {
	salt := make([]byte, 0, len(enc)+len(responseNonce))
	salt = append(append(salt, enc...), responseNonce...)
	prk, err := hkdf.Extract(sha256.New, secret, salt)
	if err != nil {
		return nil, nil, err
	}
	if key, err = hkdf.Expand(sha256.New, prk, labelResponseKey, chacha20poly1305.KeySize); err != nil {
		return nil, nil, err
	}
	nonce, err = hkdf.Expand(sha256.New, prk, labelResponseNonce, chacha20poly1305.NonceSize)
	return key, nonce, err
}
