package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"testing/cryptotest"

	"hubbub/channels/codec"
)

var update = flag.Bool("update", false, "write docs/vectors instead of comparing with them")

// hexed is bytes that JSON shows in hexadecimal.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// golden writes v as docs/vectors/name with -update, and else compares.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("..", "..", "docs", "vectors", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code makes: if the protocol is meant to change, run go test ./channels/wire -update", path)
	}
}

// counting returns n bytes that count up from first.
func counting(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// vectorHub is the hub of all vectors: its keys are known bytes.
func vectorHub(t testing.TB) *aHub {
	private, err := KEM().NewPrivateKey(counting(0x40, 32))
	if err != nil {
		t.Fatal(err)
	}
	identity := ed25519.NewKeyFromSeed(counting(0x00, 32))
	return &aHub{
		identity:    identity,
		private:     private,
		key:         HubKeyOf(private, 1_800_000_000, 1_801_209_600),
		fingerprint: FingerprintOf(Token(identity.Public().(ed25519.PublicKey))),
		member:      ed25519.NewKeyFromSeed(counting(0x20, 32)),
	}
}

type keysVector struct {
	HubSeed       hexed `json:"hub_seed"` // Ed25519, RFC 8032
	HubPublic     hexed `json:"hub_public"`
	Fingerprint   hexed `json:"fingerprint"`
	XWingPrivate  hexed `json:"xwing_private"`
	XWingPublic   hexed `json:"xwing_public"`
	KeyID         hexed `json:"key_id"`
	Time          int64 `json:"time"`
	From          int64 `json:"from"`
	Until         int64 `json:"until"`
	Body          hexed `json:"body"`
	SignedMessage hexed `json:"signed_message"`
	Signature     hexed `json:"signature"`
	Answer        hexed `json:"answer"`
}

func TestKeysVector(t *testing.T) {
	h := vectorHub(t)
	k := h.keys(1_800_100_000)
	answer := must[[]byte](t)(SignHubKeys(h.identity, k))
	if _, err := OpenHubKeys(answer); err != nil {
		t.Fatal(err)
	}
	var signed signedKeys
	if err := codec.Unmarshal(answer, &signed); err != nil {
		t.Fatal(err)
	}
	golden(t, "keys.json", keysVector{
		HubSeed: h.identity.Seed(), HubPublic: k.Hub[:], Fingerprint: h.fingerprint[:],
		XWingPrivate: must[[]byte](t)(h.private.Bytes()), XWingPublic: h.key.Public, KeyID: h.key.ID[:],
		Time: k.Time, From: h.key.From, Until: h.key.Until,
		Body: signed.Body, SignedMessage: keysMessage(signed.Body), Signature: signed.Signature, Answer: answer,
	})
}

type callVector struct {
	Op            string `json:"op"`
	Channel       hexed  `json:"channel"`
	TokenSeed     hexed  `json:"token_seed"` // Ed25519, RFC 8032
	Token         hexed  `json:"token"`
	Args          hexed  `json:"args"`
	Place         int    `json:"place"`
	SignedMessage hexed  `json:"signed_message"`
	Signature     hexed  `json:"signature"`
	Call          hexed  `json:"call"`
}

type requestVector struct {
	XWingPrivate hexed        `json:"xwing_private"`
	XWingPublic  hexed        `json:"xwing_public"`
	KeyID        hexed        `json:"key_id"`
	Fingerprint  hexed        `json:"fingerprint"`
	Info         hexed        `json:"info"`
	Enc          hexed        `json:"enc"`
	EncHash      hexed        `json:"enc_hash"`
	Time         int64        `json:"time"`
	Calls        []callVector `json:"calls"`
	Body         hexed        `json:"body"`
	Padded       hexed        `json:"padded"`
	AAD          hexed        `json:"aad"`
	Ciphertext   hexed        `json:"ciphertext"`
	Request      hexed        `json:"request"`
	Exporter     string       `json:"exporter_context"`
	Secret       hexed        `json:"response_secret"`
}

// vectorRequest seals the request of the vectors.
func vectorRequest(t *testing.T, h *aHub) ([]byte, *Exchange, *Opened) {
	cryptotest.SetGlobalRandom(t, 1)
	calls := []SignedCall{
		{Op: OpPut, Channel: Channel(counting(0x80, 32)), Args: PutArgs{Class: ClassText, Entry: []byte("an entry")}, Key: h.member},
		{Op: OpStatus, Channel: Channel(counting(0x80, 32)), Key: h.member},
	}
	request, exchange, err := SealRequest(h.key, h.fingerprint, 1_800_100_000, calls)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenRequest(request, h.fingerprint, h.find)
	if err != nil {
		t.Fatal(err)
	}
	return request, exchange, opened
}

func TestRequestVector(t *testing.T) {
	h := vectorHub(t)
	request, _, opened := vectorRequest(t, h)
	header, ciphertext := request[:requestHeader], request[requestHeader:]
	recipient := must[*hpke.Recipient](t)(hpke.NewRecipient(opened.enc, h.private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), requestInfo(h.fingerprint)))
	padded := must[[]byte](t)(recipient.Open(header, ciphertext))
	v := requestVector{
		XWingPrivate: must[[]byte](t)(h.private.Bytes()), XWingPublic: h.key.Public, KeyID: h.key.ID[:],
		Fingerprint: h.fingerprint[:], Info: requestInfo(h.fingerprint), Enc: opened.enc, EncHash: opened.Enc[:],
		Time: opened.Time, Body: must[[]byte](t)(unpad(padded)), Padded: padded, AAD: header,
		Ciphertext: ciphertext, Request: request, Exporter: labelResponseSecret, Secret: opened.secret,
	}
	for i, c := range opened.Calls {
		if !opened.Verify(i) {
			t.Errorf("call %d does not verify", i)
		}
		v.Calls = append(v.Calls, callVector{
			Op: string(c.Op), Channel: c.Channel[:], TokenSeed: h.member.Seed(), Token: c.Token[:],
			Args: hexed(c.Args), Place: i, SignedMessage: callMessage(h.fingerprint, opened.enc, i, &c),
			Signature: c.Signature, Call: must[[]byte](t)(codec.Marshal(c)),
		})
	}
	golden(t, "request.json", v)
}

type responseVector struct {
	What      string `json:"what"`
	Enc       hexed  `json:"enc"`
	Secret    hexed  `json:"response_secret"`
	Nonce     hexed  `json:"nonce"`
	Salt      hexed  `json:"salt"`
	PRK       hexed  `json:"prk"`
	Key       hexed  `json:"key"`
	AEADNonce hexed  `json:"aead_nonce"`
	Body      hexed  `json:"body"`
	Padded    hexed  `json:"padded"`
	Response  hexed  `json:"response"`
}

func TestResponseVector(t *testing.T) {
	h := vectorHub(t)
	_, exchange, opened := vectorRequest(t, h)
	value := must[[]byte](t)(codec.Marshal(PutResult{Position: 1_800_100_000_000_001, New: true}))
	var vectors []responseVector
	for _, c := range []struct {
		what     string
		response Response
	}{
		{"results", Response{Time: 1_800_100_001, Results: []Result{{Value: value}, {Error: &Error{Code: CodeDenied, Text: "not here"}}}}},
		{"refusal", Response{Time: 1_800_200_000, Error: &Error{Code: CodeTime}}},
	} {
		response := must[[]byte](t)(opened.SealResponse(c.response))
		if _, err := exchange.OpenResponse(response); err != nil {
			t.Fatal(c.what, err)
		}
		aead, nonce, err := responseAEAD(exchange.secret, exchange.enc, response[:responseNonce])
		if err != nil {
			t.Fatal(err)
		}
		key, _, _ := responseKeys(exchange.secret, exchange.enc, response[:responseNonce])
		padded := must[[]byte](t)(aead.Open(nil, nonce, response[responseNonce:], nil))
		salt := append(bytes.Clone(exchange.enc), response[:responseNonce]...)
		vectors = append(vectors, responseVector{
			What: c.what, Enc: exchange.enc, Secret: exchange.secret, Nonce: response[:responseNonce], Salt: salt,
			PRK: must[[]byte](t)(hkdf.Extract(sha256.New, exchange.secret, salt)), Key: key, AEADNonce: nonce,
			Body: must[[]byte](t)(unpad(padded)), Padded: padded, Response: response,
		})
	}
	golden(t, "response.json", vectors)
}

type oneTimeKeyVector struct {
	Keys        []keyTextVector   `json:"keys"`
	AccountKeys []keyTextVector   `json:"account_keys"`
	URLs        map[string]string `json:"canonical_urls"`
	NotURLs     []string          `json:"not_urls"`
	Refused     []refusedVector   `json:"refused"`
}

type keyTextVector struct {
	URL         string `json:"url,omitempty"`
	Canonical   string `json:"canonical_url,omitempty"`
	Fingerprint hexed  `json:"fingerprint"`
	Secret      hexed  `json:"secret"`
	Checked     hexed  `json:"checked"` // what is hashed for the check
	Check       hexed  `json:"check"`
	Bytes       hexed  `json:"bytes"` // what base32 shows
	Text        string `json:"text"`
}

type refusedVector struct {
	Text string `json:"text"`
	Why  string `json:"why"` // truncated, mistyped, not a key
}

// keyVector shows how the text of a key comes about.
func keyVector(url, canonical string, fingerprint Fingerprint, secret [16]byte, text string) keyTextVector {
	body := append(append([]byte{keyVersion}, fingerprint[:]...), secret[:]...)
	check := keyCheck(canonical, body)
	return keyTextVector{
		URL: url, Canonical: canonical, Fingerprint: fingerprint[:], Secret: secret[:],
		Checked: append([]byte(labelOneTimeKey+canonical), body...), Check: check[:],
		Bytes: append(bytes.Clone(body), check[:]...), Text: text,
	}
}

func TestOneTimeKeyVector(t *testing.T) {
	fingerprint := vectorHub(t).fingerprint
	secret := [16]byte(counting(0xc0, 16))
	v := oneTimeKeyVector{URLs: urlCases, NotURLs: notURLs}
	urls := make([]string, 0, len(urlCases))
	for url := range urlCases {
		urls = append(urls, url)
	}
	sort.Strings(urls)
	for _, url := range urls {
		text := OneTimeKey{URL: url, Fingerprint: fingerprint, Secret: secret}.String()
		if got, err := ParseOneTimeKey(text); err != nil || got.Fingerprint != fingerprint || got.Secret != secret {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		v.Keys = append(v.Keys, keyVector(url, urlCases[url], fingerprint, secret, text))
	}
	account := AccountKey{Fingerprint: fingerprint, Secret: secret}.String()
	v.AccountKeys = append(v.AccountKeys, keyVector("", "", fingerprint, secret, account))
	text := v.Keys[0].Text
	v.Refused = []refusedVector{
		{text[:len(text)-1], "truncated"}, {text[:len(text)-keyText], "truncated"}, {text + "A", "mistyped"},
		{text[:len(text)-1] + "0", "mistyped"}, {text[:len(text)-2] + "AA", "mistyped"}, {account, "not a key"}, {"x", "not a key"},
	}
	reasons := map[string]error{"truncated": ErrTruncated, "mistyped": ErrMistyped, "not a key": ErrNotAKey}
	for _, r := range v.Refused {
		if _, err := ParseOneTimeKey(r.Text); !errors.Is(err, reasons[r.Why]) {
			t.Errorf("%s: %v, not %s", r.Text, err, r.Why)
		}
	}
	golden(t, "onetimekey.json", v)
}

// Known lengths and what they are padded to.
func TestPaddingVector(t *testing.T) {
	type padding struct {
		Body   int `json:"body"`   // bytes
		Padded int `json:"padded"` // bytes
	}
	var v []padding
	for _, n := range []int{0, 1, 1020, 1021, 1084, 1085, 2000, 4092, 4093, 65536, 100_000, 1_000_000, 1_032_188, 2_064_380} {
		v = append(v, padding{n, paddedSize(lengthSize + n)})
	}
	golden(t, "padding.json", v)
}

// What is published opens with what is published, whatever randomness made it.
func TestPublishedRequestOpens(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "vectors", "request.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v requestVector
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	private, err := KEM().NewPrivateKey(v.XWingPrivate)
	if err != nil {
		t.Fatal(err)
	}
	find := func(id KeyID) (hpke.PrivateKey, bool) { return private, bytes.Equal(id[:], v.KeyID) }
	opened, err := OpenRequest(v.Request, Fingerprint(v.Fingerprint), find)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Time != v.Time || !bytes.Equal(opened.secret, v.Secret) || len(opened.Calls) != len(v.Calls) {
		t.Errorf("opened %+v", opened)
	}
	for i, c := range opened.Calls {
		if !opened.Verify(i) || string(c.Op) != v.Calls[i].Op || !bytes.Equal(c.Signature, v.Calls[i].Signature) {
			t.Errorf("call %d is %+v", i, c)
		}
	}
}
