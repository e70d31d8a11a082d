package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"hubbub/channels/codec"
)

// The parts of a request, in bytes.
const (
	encSize       = 1120 // X-Wing: ML-KEM-768 ciphertext 1088 | X25519 public key 32
	requestHeader = 1 + len(KeyID{}) + encSize
	aeadOverhead  = 16
	maxOp         = 32 // the name of an op
)

// Errors of sealing and opening requests and responses.
var (
	// ErrUnknownKey is returned by OpenRequest if the hub does not have the key
	// that a request is sealed to: the client is to fetch ?keys again.
	ErrUnknownKey = errors.New("the request is sealed to a key that the hub does not have")
	// ErrMalformed is returned for bytes that nobody who follows the protocol
	// sends, or that were changed on the way.
	ErrMalformed = errors.New("malformed")
	// ErrTooLarge is returned for what exceeds MaxRequest, MaxResponse or MaxCalls.
	ErrTooLarge = errors.New("too large")
)

// requestBody is what is sealed in a request. Each call is the CBOR of a Call.
type requestBody struct {
	Time  int64       `cbor:"time"`
	Calls []codec.Raw `cbor:"calls"`
}

// Opened is a request that a hub has opened. Its calls are not verified: see
// Verify.
type Opened struct {
	Time  int64    // unix seconds, the client's idea of the hub's clock
	Calls []Call   // 1 to MaxCalls
	Enc   [32]byte // SHA-256 of the request's enc, which is new in each request

	fingerprint Fingerprint
	enc, secret []byte
}

// Exchange is what the sender of a request keeps to open the response.
type Exchange struct {
	enc, secret []byte
	calls       int
}

// SealRequest signs 1 to MaxCalls calls and seals them to key, of the hub
// named by fingerprint. time is unix seconds of the hub's clock as far as the
// caller knows it. The request is at most MaxRequest bytes, else ErrTooLarge.
func SealRequest(key HubKey, fingerprint Fingerprint, time int64, calls []SignedCall) ([]byte, *Exchange, error) {
	if len(calls) == 0 {
		return nil, nil, fmt.Errorf("sealing a request: %w: no calls", ErrMalformed)
	}
	if len(calls) > MaxCalls {
		return nil, nil, fmt.Errorf("sealing a request of %d calls: %w", len(calls), ErrTooLarge)
	}
	public, err := KEM().NewPublicKey(key.Public)
	if err != nil {
		return nil, nil, fmt.Errorf("sealing a request: the hub's key: %w", err)
	}
	enc, sender, err := hpke.NewSender(public, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), requestInfo(fingerprint))
	if err != nil {
		return nil, nil, fmt.Errorf("sealing a request: %w", err)
	}
	body := requestBody{Time: time}
	for i, c := range calls {
		raw, err := c.sign(fingerprint, enc, i)
		if err != nil {
			return nil, nil, fmt.Errorf("sealing a request: call %d, %s: %w", i, c.Op, err)
		}
		body.Calls = append(body.Calls, raw)
	}
	request, err := sealBody(key.ID, enc, sender, body)
	if err != nil {
		return nil, nil, fmt.Errorf("sealing a request: %w", err)
	}
	secret, err := sender.Export(labelResponseSecret, responseSecret)
	if err != nil {
		return nil, nil, fmt.Errorf("sealing a request: %w", err)
	}
	return request, &Exchange{enc: enc, secret: secret, calls: len(calls)}, nil
}

// sealBody returns version | key id | enc | HPKE(padded body).
func sealBody(id KeyID, enc []byte, sender *hpke.Sender, body requestBody) ([]byte, error) {
	plain, err := codec.Marshal(body)
	if err != nil {
		return nil, err
	}
	padded, err := pad(plain, maxRequestPlain)
	if err != nil {
		return nil, err
	}
	request := make([]byte, 0, requestHeader+len(padded)+aeadOverhead)
	request = append(request, Version)
	request = append(request, id[:]...)
	request = append(request, enc...)
	sealed, err := sender.Seal(request, padded)
	if err != nil {
		return nil, err
	}
	return append(request, sealed...), nil
}

// RequestKey returns the id of the key that a request is sealed to, if by its size
// and version it can be one. Errors: ErrTooLarge, ErrMalformed.
func RequestKey(request []byte) (KeyID, error) {
	if len(request) > MaxRequest {
		return KeyID{}, fmt.Errorf("a request of %d bytes: %w", len(request), ErrTooLarge)
	}
	if len(request) < requestHeader+MinPad+aeadOverhead {
		return KeyID{}, fmt.Errorf("a request of %d bytes: %w", len(request), ErrMalformed)
	}
	if request[0] != Version {
		return KeyID{}, fmt.Errorf("a request of version %d: %w", request[0], ErrMalformed)
	}
	return KeyID(request[1:requestHeader]), nil
}

// OpenRequest opens a request sent to the hub named by fingerprint, with the
// private key that find knows by its id. Errors: ErrTooLarge, ErrMalformed,
// ErrUnknownKey. The calls are not verified yet, and Time is not compared.
func OpenRequest(request []byte, fingerprint Fingerprint, find func(KeyID) (hpke.PrivateKey, bool)) (*Opened, error) {
	id, err := RequestKey(request)
	if err != nil {
		return nil, err
	}
	header, sealed := request[:requestHeader], request[requestHeader:]
	private, ok := find(id)
	if !ok {
		return nil, ErrUnknownKey
	}
	enc := append([]byte(nil), header[1+len(KeyID{}):]...)
	recipient, err := hpke.NewRecipient(enc, private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), requestInfo(fingerprint))
	if err != nil {
		return nil, fmt.Errorf("opening a request: %w: %v", ErrMalformed, err)
	}
	padded, err := recipient.Open(header, sealed)
	if err != nil {
		return nil, fmt.Errorf("opening a request: %w: %v", ErrMalformed, err)
	}
	o := &Opened{Enc: sha256.Sum256(enc), fingerprint: fingerprint, enc: enc}
	if err := o.decode(padded); err != nil {
		return nil, fmt.Errorf("opening a request: %w", err)
	}
	if o.secret, err = recipient.Export(labelResponseSecret, responseSecret); err != nil {
		return nil, fmt.Errorf("opening a request: %w", err)
	}
	return o, nil
}

// What stands before the time in the CBOR of a requestBody, and before its calls.
var (
	beforeTime  = []byte("\xa2\x64time")
	beforeCalls = []byte("\x65calls")
)

// decode reads the body of a request. The calls are counted before any is
// decoded, and each is decoded where it lies, so that of a large request hardly
// anything is there twice.
func (o *Opened) decode(padded []byte) error {
	plain, err := unpad(padded)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	rest, found := bytes.CutPrefix(plain, beforeTime)
	if !found {
		return fmt.Errorf("%w: no time", ErrMalformed)
	}
	if rest, err = codec.UnmarshalItem(rest, &o.Time); err != nil {
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if rest, found = bytes.CutPrefix(rest, beforeCalls); !found {
		return fmt.Errorf("%w: no calls", ErrMalformed)
	}
	count, rest, err := codec.ArrayHead(rest)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	case count == 0:
		return fmt.Errorf("%w: no calls", ErrMalformed)
	case count > MaxCalls:
		return fmt.Errorf("%d calls: %w", count, ErrTooLarge)
	}
	o.Calls = make([]Call, count)
	for i := range o.Calls {
		c := &o.Calls[i]
		if rest, err = codec.UnmarshalItem(rest, c); err != nil {
			return fmt.Errorf("call %d: %w: %v", i, ErrMalformed, err)
		}
		if len(c.Op) == 0 || len(c.Op) > maxOp || len(c.Signature) != ed25519.SignatureSize {
			return fmt.Errorf("call %d: %w", i, ErrMalformed)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: bytes behind the calls", ErrMalformed)
	}
	return nil
}

// Verify says whether call i was signed by its token, for this hub, this
// request and this place in it. Whether the token may do what the call asks is
// for the caller to know.
func (o *Opened) Verify(i int) bool {
	c := &o.Calls[i]
	return ed25519.Verify(c.Token[:], callMessage(o.fingerprint, o.enc, i, c), c.Signature)
}

// sign returns the CBOR of c, signed for its place in the request of enc.
func (c SignedCall) sign(fingerprint Fingerprint, enc []byte, place int) (codec.Raw, error) {
	call, err := c.unsigned()
	if err != nil {
		return nil, err
	}
	call.Signature = ed25519.Sign(c.Key, callMessage(fingerprint, enc, place, &call))
	return codec.Marshal(call)
}

// CallSize returns how many bytes c takes in a request, of MaxCallsSize.
func CallSize(c SignedCall) (int, error) {
	call, err := c.unsigned()
	if err != nil {
		return 0, err
	}
	call.Signature = make([]byte, ed25519.SignatureSize)
	raw, err := codec.Marshal(call)
	return len(raw), err
}

// RequestSize returns how many bytes a request takes at most whose calls take
// size together (the sum of CallSize).
func RequestSize(size int) int {
	return requestHeader + paddedSize(lengthSize+bodyOverhead+size) + aeadOverhead
}

// unsigned returns c as a Call without its signature.
func (c SignedCall) unsigned() (Call, error) {
	if len(c.Key) != ed25519.PrivateKeySize {
		return Call{}, errors.New("no key to sign it with")
	}
	if len(c.Op) == 0 || len(c.Op) > maxOp {
		return Call{}, fmt.Errorf("the op's name: %w", ErrMalformed)
	}
	call := Call{Op: c.Op, Channel: c.Channel, Token: Token(c.Key.Public().(ed25519.PublicKey))}
	if c.Args != nil {
		args, err := codec.Marshal(c.Args)
		if err != nil {
			return Call{}, err
		}
		call.Args = args
	}
	return call, nil
}

// callMessage is what the signature of a call covers:
//
//	"hubbub/1 call" | fingerprint 16 | enc 1120 | place 2 | length 4 | op |
//	channel 32 | token 32 | length 4 | args
//
// with numbers big-endian and place counted from 0.
func callMessage(fingerprint Fingerprint, enc []byte, place int, c *Call) []byte {
	m := make([]byte, 0, len(labelCall)+len(fingerprint)+len(enc)+2+4+len(c.Op)+32+32+4+len(c.Args))
	m = append(m, labelCall...)
	m = append(m, fingerprint[:]...)
	m = append(m, enc...)
	m = binary.BigEndian.AppendUint16(m, uint16(place))
	m = binary.BigEndian.AppendUint32(m, uint32(len(c.Op)))
	m = append(m, c.Op...)
	m = append(m, c.Channel[:]...)
	m = append(m, c.Token[:]...)
	m = binary.BigEndian.AppendUint32(m, uint32(len(c.Args)))
	return append(m, c.Args...)
}

// requestInfo is the HPKE info of a request: it opens at one hub only.
func requestInfo(fingerprint Fingerprint) []byte {
	return append([]byte(labelRequest), fingerprint[:]...)
}
