package wire

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

// FuzzRequest gives the hub arbitrary bytes as a request, and then as the body
// of one that is sealed as it should be: what passes says the same when it is
// written again.
func FuzzRequest(f *testing.F) {
	h := vectorHub(f)
	request, _, err := SealRequest(h.key, h.fingerprint, 1500, h.calls("hello"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add(request[:requestHeader])
	f.Add([]byte{})
	opened, _ := openCalls(f, h, h.calls("hello"))
	body := requestBody{Time: 1500}
	for _, c := range opened.Calls {
		body.Calls = append(body.Calls, must[[]byte](f)(codec.Marshal(c)))
	}
	f.Add(must[[]byte](f)(codec.Marshal(body)))
	f.Add(must[[]byte](f)(codec.Marshal(requestBody{})))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, err := OpenRequest(data, h.fingerprint, h.find); err == nil && !o.Verify(0) {
			t.Errorf("opened %+v", o)
		}
		_, _ = unpad(data)
		padded, err := pad(data, maxRequestPlain)
		if errors.Is(err, ErrTooLarge) {
			return
		}
		var o Opened
		if err := o.decode(padded); err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
				t.Errorf("an error of its own kind: %v", err)
			}
			return
		}
		again := requestBody{Time: o.Time}
		for i, c := range o.Calls {
			again.Calls = append(again.Calls, must[[]byte](t)(codec.Marshal(c)))
			o.enc = make([]byte, encSize)
			if o.Verify(i) {
				t.Error("a call verifies under an enc that nobody made")
			}
		}
		if b := must[[]byte](t)(codec.Marshal(again)); !bytes.Equal(b, data) {
			t.Errorf("%x is taken, but is written %x", data, b)
		}
	})
}

// FuzzResponse gives a client arbitrary bytes as a response, and then as the
// body of one that is sealed as it should be.
func FuzzResponse(f *testing.F) {
	h := vectorHub(f)
	opened, exchange := openCalls(f, h, h.calls("hello"))
	response := must[[]byte](f)(opened.SealResponse(Response{Time: 1501, Results: make([]Result, 2)}))
	f.Add(response)
	f.Add(response[:responseNonce])
	result := must[[]byte](f)(codec.Marshal(Result{Value: []byte{0xa0}}))
	refusal := &Error{Code: CodeTime, Text: "your clock"}
	failed := must[[]byte](f)(codec.Marshal(Result{Error: refusal}))
	f.Add(must[[]byte](f)(codec.Marshal(responseBody{Time: 1, Results: []codec.Raw{result, failed}})))
	f.Add(must[[]byte](f)(codec.Marshal(responseBody{Time: 1, Error: refusal})))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := exchange.OpenResponse(data); err == nil && r.Time != 1501 {
			t.Errorf("opened %+v", r)
		}
		padded, err := pad(data, maxResponsePlain)
		if errors.Is(err, ErrTooLarge) {
			return
		}
		r, err := decodeResponse(padded)
		if err != nil {
			return
		}
		again := responseBody{Time: r.Time, Error: r.Error}
		for _, result := range r.Results {
			again.Results = append(again.Results, must[[]byte](t)(codec.Marshal(result)))
		}
		if b := must[[]byte](t)(codec.Marshal(again)); !bytes.Equal(b, data) {
			t.Errorf("%x is taken, but is written %x", data, b)
		}
	})
}

// FuzzHubKeys gives a client arbitrary bytes as an answer to ?keys, and then
// as what a hub has signed.
func FuzzHubKeys(f *testing.F) {
	h := vectorHub(f)
	answer := must[[]byte](f)(SignHubKeys(h.identity, h.keys(1500)))
	f.Add(answer)
	f.Add([]byte("<!DOCTYPE html>"))
	var signed signedKeys
	if err := codec.Unmarshal(answer, &signed); err != nil {
		f.Fatal(err)
	}
	f.Add(signed.Body)
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := OpenHubKeys(data); err == nil && !bytes.Equal(data, answer) {
			t.Errorf("opened %+v", k)
		}
		again := must[[]byte](t)(codec.Marshal(signedKeys{Body: data, Signature: ed25519.Sign(h.identity, keysMessage(data))}))
		k, err := OpenHubKeys(again)
		if err != nil {
			if !errors.Is(err, ErrNotKeys) {
				t.Errorf("an error of its own kind: %v", err)
			}
			return
		}
		if b := must[[]byte](t)(codec.Marshal(k)); !bytes.Equal(b, data) {
			t.Errorf("%x is taken, but is written %x", data, b)
		}
		_, _ = k.Newest()
	})
}

// FuzzOneTimeKey reads arbitrary text as a key, and arbitrary URLs into keys.
func FuzzOneTimeKey(f *testing.F) {
	text := aKey.String()
	f.Add(text)
	f.Add(text[:len(text)-4])
	f.Add(strings.ToLower(text))
	f.Add(AccountKey{}.String())
	for url := range urlCases {
		f.Add(url)
	}
	for _, url := range notURLs {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParseOneTimeKey(text); err == nil {
			if back, err := ParseOneTimeKey(k.String()); err != nil || back != k {
				t.Errorf("%q is read as %+v, which is printed as another: %+v, %v", text, k, back, err)
			}
		}
		if k, err := ParseAccountKey(text); err == nil {
			if back, err := ParseAccountKey(k.String()); err != nil || back != k {
				t.Errorf("%q: %+v, %v", text, back, err)
			}
		}
		url, err := CanonicalURL(text)
		if err != nil {
			return
		}
		if again, err := CanonicalURL(url); err != nil || again != url || len(url) > maxURL {
			t.Errorf("%q is %q is %q, %v", text, url, again, err)
		}
		k := OneTimeKey{URL: text}
		if back, err := ParseOneTimeKey(k.String()); err != nil || back.URL != url {
			t.Errorf("the key of %q is printed %q and read as %+v, %v", text, k, back, err)
		}
	})
}
