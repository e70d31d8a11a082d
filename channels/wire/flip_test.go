package wire

import (
	"bytes"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"testing"
)

// eachFlip calls try once for each byte of b, with that byte changed: in its
// lowest bit, its highest, or all, in turn.
func eachFlip(b []byte, try func(place int, flipped []byte)) {
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= []byte{0x01, 0x80, 0xff}[i%3]
		try(i, flipped)
	}
}

func TestFlippedRequestIsRefused(t *testing.T) {
	h := newHub(t)
	request, _, err := SealRequest(h.key, h.fingerprint, 1500, h.calls("hello"))
	if err != nil {
		t.Fatal(err)
	}
	eachFlip(request, func(place int, flipped []byte) {
		_, err := OpenRequest(flipped, h.fingerprint, h.find)
		want := ErrMalformed
		if 1 <= place && place <= 8 {
			want = ErrUnknownKey
		}
		if !errors.Is(err, want) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
	// X25519 ignores the highest bit of a public key, the last of enc; X-Wing
	// does not.
	for bit := range 8 {
		flipped := bytes.Clone(request)
		flipped[requestHeader-1] ^= 1 << bit
		if _, err := OpenRequest(flipped, h.fingerprint, h.find); !errors.Is(err, ErrMalformed) {
			t.Errorf("bit %d of enc's last byte: %v", bit, err)
		}
	}
	anyKey := func(KeyID) (hpke.PrivateKey, bool) { return h.private, true }
	eachFlip(request[:9], func(place int, flipped []byte) {
		if _, err := OpenRequest(append(flipped, request[9:]...), h.fingerprint, anyKey); !errors.Is(err, ErrMalformed) {
			t.Errorf("byte %d, at a hub that opens every key id: %v", place, err)
		}
	})
	eachFlip(h.fingerprint[:], func(place int, flipped []byte) {
		if _, err := OpenRequest(request, Fingerprint(flipped), h.find); !errors.Is(err, ErrMalformed) {
			t.Errorf("fingerprint byte %d: %v", place, err)
		}
	})
	for n := range request {
		if _, err := OpenRequest(request[:n], h.fingerprint, h.find); err == nil {
			t.Fatalf("cut to %d bytes: taken", n)
		}
	}
}

func TestFlippedResponseIsRefused(t *testing.T) {
	h := newHub(t)
	opened, exchange := openCalls(t, h, h.calls("hello"))
	response, err := opened.SealResponse(Response{Time: 1501, Results: make([]Result, 2)})
	if err != nil {
		t.Fatal(err)
	}
	eachFlip(response, func(place int, flipped []byte) {
		if _, err := exchange.OpenResponse(flipped); !errors.Is(err, ErrMalformed) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
	for n := range response {
		if _, err := exchange.OpenResponse(response[:n]); err == nil {
			t.Fatalf("cut to %d bytes: taken", n)
		}
	}
	if _, err := exchange.OpenResponse(append(bytes.Clone(response), 0)); err == nil {
		t.Error("a byte more: taken")
	}
	if _, err := exchange.OpenResponse(response); err != nil {
		t.Error("the response itself was refused:", err)
	}
}

// The answer to one request does not pass for that to another, even of the
// same calls.
func TestResponseToAnotherRequestIsRefused(t *testing.T) {
	h := newHub(t)
	opened, _ := openCalls(t, h, h.calls("hello"))
	_, other := openCalls(t, h, h.calls("hello"))
	response, err := opened.SealResponse(Response{Time: 1501, Results: make([]Result, 2)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.OpenResponse(response); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestFlippedKeysAreRefused(t *testing.T) {
	h := newHub(t)
	answer := must[[]byte](t)(SignHubKeys(h.identity, h.keys(1500)))
	eachFlip(answer, func(place int, flipped []byte) {
		if _, err := OpenHubKeys(flipped); !errors.Is(err, ErrNotKeys) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
	for n := range answer {
		if _, err := OpenHubKeys(answer[:n]); err == nil {
			t.Fatalf("cut to %d bytes: taken", n)
		}
	}
}

// Every character of a one-time key, but for case where it means nothing, is
// covered by the check.
func TestFlippedOneTimeKeyIsRefused(t *testing.T) {
	key := OneTimeKey{URL: "https://example.org/~bob/hub.cgi", Fingerprint: Fingerprint{1, 2}, Secret: [16]byte{3, 4}}
	text := key.String()
	for i := range text {
		for c := byte(' ') + 1; c <= '~'; c++ {
			changed := text[:i] + string(c) + text[i+1:]
			got, err := ParseOneTimeKey(changed)
			if err == nil && got != key {
				t.Errorf("character %d as %q: read as another key, of %s", i, c, got.URL)
			}
			if err == nil && changed != text && upper(changed) != upper(text) {
				t.Errorf("character %d as %q: taken", i, c)
			}
			if err == nil && i >= len("HTTPS://EXAMPLE.ORG") && i < len(text)-keyText && changed != text {
				t.Errorf("character %d of the path as %q: taken", i, c)
			}
		}
	}
}

// derivation is one hash, key or signed message, of inputs that are bytes.
type derivation struct {
	name   string
	inputs [][]byte
	output func(in [][]byte) []byte
}

// derivations lists every one that the package makes. Each has a vector too.
func derivations(t *testing.T, h *aHub) []derivation {
	opened, exchange := openCalls(t, h, h.calls("hello"))
	call := opened.Calls[0]
	nonce := bytes.Repeat([]byte{7}, responseNonce)
	return []derivation{
		{"fingerprint", [][]byte{bytes.Repeat([]byte{5}, 32)}, func(in [][]byte) []byte {
			f := FingerprintOf(Token(in[0]))
			return f[:]
		}},
		{"key id", [][]byte{h.key.Public}, func(in [][]byte) []byte {
			id := KeyIDOf(in[0])
			return id[:]
		}},
		{"signed keys", [][]byte{[]byte("a body")}, func(in [][]byte) []byte { return keysMessage(in[0]) }},
		{"request info", [][]byte{h.fingerprint[:]}, func(in [][]byte) []byte { return requestInfo(Fingerprint(in[0])) }},
		{"signed call", [][]byte{h.fingerprint[:], opened.enc, {3}, []byte(call.Op), call.Channel[:], call.Token[:], call.Args},
			func(in [][]byte) []byte {
				return callMessage(Fingerprint(in[0]), in[1], int(in[2][0]),
					&Call{Op: Op(in[3]), Channel: Channel(in[4]), Token: Token(in[5]), Args: in[6]})
			}},
		{"response secret", [][]byte{opened.enc, requestInfo(h.fingerprint)}, func(in [][]byte) []byte {
			r, err := hpke.NewRecipient(in[0], h.private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), in[1])
			if err != nil {
				t.Fatal(err)
			}
			secret, err := r.Export(labelResponseSecret, responseSecret)
			if err != nil {
				t.Fatal(err)
			}
			return secret
		}},
		{"response key", [][]byte{exchange.secret, exchange.enc, nonce}, func(in [][]byte) []byte {
			key, _, err := responseKeys(in[0], in[1], in[2])
			if err != nil {
				t.Fatal(err)
			}
			return key
		}},
		{"response AEAD nonce", [][]byte{exchange.secret, exchange.enc, nonce}, func(in [][]byte) []byte {
			_, nonce, err := responseKeys(in[0], in[1], in[2])
			if err != nil {
				t.Fatal(err)
			}
			return nonce
		}},
		{"check of a one-time key", [][]byte{[]byte("https://example.org/"), bytes.Repeat([]byte{9}, keyBytes-2)},
			func(in [][]byte) []byte {
				check := keyCheck(string(in[0]), in[1])
				return check[:]
			}},
		{"hash of enc", [][]byte{opened.enc}, func(in [][]byte) []byte {
			sum := sha256.Sum256(in[0])
			return sum[:]
		}},
	}
}

// Changing any byte of any input changes the output, and nothing else does.
func TestFlippedInputChangesDerivation(t *testing.T) {
	for _, d := range derivations(t, newHub(t)) {
		want := d.output(d.inputs)
		if !bytes.Equal(d.output(d.inputs), want) {
			t.Errorf("%s: not the same twice", d.name)
		}
		for i, input := range d.inputs {
			eachFlip(input, func(place int, flipped []byte) {
				changed := append([][]byte(nil), d.inputs...)
				changed[i] = flipped
				if bytes.Equal(d.output(changed), want) {
					t.Errorf("%s: input %d, byte %d does not matter", d.name, i, place)
				}
			})
		}
	}
}

// Where one variable field ends and the next begins matters.
func TestSignedCallHasOneReading(t *testing.T) {
	message := func(op, args string) string {
		return string(callMessage(Fingerprint{}, make([]byte, encSize), 0, &Call{Op: Op(op), Args: []byte(args)}))
	}
	if message("put", "") == message("pu", "t") || message("", "put") == message("put", "") {
		t.Error("op and args run into each other")
	}
}

// No label begins another: a message of one kind is never one of another kind.
func TestLabels(t *testing.T) {
	labels := []string{labelHub, labelKeyID, labelKeys, labelRequest, labelCall, labelResponseSecret,
		labelResponseKey, labelResponseNonce, labelOneTimeKey, labelOwner}
	for i, a := range labels {
		if !bytes.HasPrefix([]byte(a), []byte("hubbub/1 ")) {
			t.Errorf("%q does not begin with the protocol's name", a)
		}
		for j, b := range labels {
			if i != j && bytes.HasPrefix([]byte(b), []byte(a)) {
				t.Errorf("%q begins %q", a, b)
			}
		}
	}
}
