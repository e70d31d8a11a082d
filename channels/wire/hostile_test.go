package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"runtime"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

// sealPlain seals whatever stands for the padded body of a request.
func sealPlain(t testing.TB, h *aHub, padded []byte) []byte {
	t.Helper()
	enc, sender, err := hpke.NewSender(h.private.PublicKey(), hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), requestInfo(h.fingerprint))
	if err != nil {
		t.Fatal(err)
	}
	header := append(append([]byte{Version}, h.key.ID[:]...), enc...)
	sealed, err := sender.Seal(header, padded)
	if err != nil {
		t.Fatal(err)
	}
	return append(header, sealed...)
}

// sealBytes seals whatever stands for the body of a request.
func sealBytes(t testing.TB, h *aHub, body []byte) []byte {
	t.Helper()
	return sealPlain(t, h, must[[]byte](t)(pad(body, maxRequestPlain)))
}

// sealCalls seals calls that somebody else may have signed.
func sealCalls(t testing.TB, h *aHub, calls []Call) []byte {
	t.Helper()
	body := requestBody{Time: 1500}
	for _, c := range calls {
		body.Calls = append(body.Calls, must[[]byte](t)(codec.Marshal(c)))
	}
	return sealBytes(t, h, must[[]byte](t)(codec.Marshal(body)))
}

// A hub that was given signed calls can use them nowhere else.
func TestLiftedCallsDoNotVerify(t *testing.T) {
	h, other := newHub(t), newHub(t)
	opened, _ := openCalls(t, h, append(h.calls("hello"), h.calls("hello")...))
	lifted := func(to *aHub, calls []Call) *Opened {
		o, err := OpenRequest(sealCalls(t, to, calls), to.fingerprint, to.find)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for name, o := range map[string]*Opened{
		"in a new request":  lifted(h, opened.Calls),
		"at another hub":    lifted(other, opened.Calls),
		"from place 2 to 0": lifted(h, opened.Calls[2:]),
	} {
		for i := range o.Calls {
			if o.Verify(i) {
				t.Errorf("%s: call %d verifies", name, i)
			}
		}
	}
	opened.Calls[0], opened.Calls[2] = opened.Calls[2], opened.Calls[0]
	if opened.Verify(0) || opened.Verify(2) {
		t.Error("a call verifies in another place of its own request")
	}
	if !opened.Verify(1) || !opened.Verify(3) {
		t.Error("a call in its place does not verify")
	}
}

// Changing anything in a call makes its signature void.
func TestChangedCallDoesNotVerify(t *testing.T) {
	h := newHub(t)
	opened, _ := openCalls(t, h, h.calls("hello"))
	for name, change := range map[string]func(c *Call){
		"op":        func(c *Call) { c.Op = OpAck },
		"channel":   func(c *Call) { c.Channel[31] ^= 1 },
		"token":     func(c *Call) { c.Token[0] ^= 1 },
		"args":      func(c *Call) { c.Args = append(bytes.Clone(c.Args), 0) },
		"no args":   func(c *Call) { c.Args = nil },
		"signature": func(c *Call) { c.Signature = bytes.Clone(c.Signature); c.Signature[63] ^= 1 },
	} {
		saved := opened.Calls[0]
		change(&opened.Calls[0])
		if opened.Verify(0) {
			t.Errorf("%s changed: it verifies", name)
		}
		opened.Calls[0] = saved
	}
	if !opened.Verify(0) {
		t.Error("the call itself does not verify")
	}
}

// Each body is sealed as it should be, and says what no client says.
func TestHostileRequestBodyIsRefused(t *testing.T) {
	h := newHub(t)
	good := Call{Op: OpStatus, Signature: make([]byte, ed25519.SignatureSize)}
	raw := func(v any) codec.Raw { return must[[]byte](t)(codec.Marshal(v)) }
	body := func(calls ...codec.Raw) []byte { return raw(requestBody{Time: 1, Calls: calls}) }
	call := func(change func(c *Call)) codec.Raw {
		c := good
		change(&c)
		return raw(c)
	}
	many := make([]codec.Raw, MaxCalls+1)
	for i := range many {
		many[i] = raw(good)
	}
	for name, c := range map[string]struct {
		body []byte
		want error
	}{
		"nothing":           {nil, ErrMalformed},
		"not CBOR":          {[]byte{0xff}, ErrMalformed},
		"no calls":          {body(), ErrMalformed},
		"too many calls":    {body(many...), ErrTooLarge},
		"a call is a text":  {body(raw("put")), ErrMalformed},
		"an empty call":     {body(raw(map[string]int{})), ErrMalformed},
		"calls alone":       {raw(map[string]any{"calls": []codec.Raw{raw(good)}})[1:], ErrMalformed},
		"a map of calls":    {raw(map[string]any{"calls": []codec.Raw{raw(good)}}), ErrMalformed},
		"a time alone":      {raw(map[string]any{"time": 1}), ErrMalformed},
		"a time in words":   {raw(map[string]any{"time": "now", "calls": []codec.Raw{raw(good)}}), ErrMalformed},
		"a long time":       {bytes.Replace(body(raw(good)), []byte("time\x01"), []byte("time\x18\x01"), 1), ErrMalformed},
		"a map for calls":   {raw(map[string]any{"time": 1, "calls": map[string]codec.Raw{"a": raw(good)}}), ErrMalformed},
		"a long count":      {bytes.Replace(body(raw(good)), []byte("calls\x81"), []byte("calls\x98\x01"), 1), ErrMalformed},
		"a longer count":    {bytes.Replace(body(raw(good)), []byte("calls\x81"), []byte("calls\x99\x00\x01"), 1), ErrMalformed},
		"a call too few":    {bytes.Replace(body(raw(good)), []byte("calls\x81"), []byte("calls\x82"), 1), ErrMalformed},
		"a call too many":   {bytes.Replace(body(raw(good), raw(good)), []byte("calls\x82"), []byte("calls\x81"), 1), ErrMalformed},
		"far too many":      {bytes.Replace(body(raw(good)), []byte("calls\x81"), []byte("calls\x9a\x00\x01\x00\x00"), 1), ErrMalformed},
		"nested too deep":   {body(call(func(c *Call) { c.Args = codec.Raw("\x81\x81\x81\x81\x81\x81\x00") })), ErrMalformed},
		"an unknown field":  {raw(map[string]any{"time": 1, "calls": []codec.Raw{raw(good)}, "x": 1}), ErrMalformed},
		"no op":             {body(call(func(c *Call) { c.Op = "" })), ErrMalformed},
		"a long op":         {body(call(func(c *Call) { c.Op = Op(strings.Repeat("x", maxOp+1)) })), ErrMalformed},
		"no signature":      {body(call(func(c *Call) { c.Signature = nil })), ErrMalformed},
		"a short signature": {body(call(func(c *Call) { c.Signature = make([]byte, 63) })), ErrMalformed},
		"a long signature":  {body(call(func(c *Call) { c.Signature = make([]byte, 65) })), ErrMalformed},
		"trailing bytes":    {append(body(raw(good)), 0), ErrMalformed},
	} {
		if _, err := OpenRequest(sealBytes(t, h, c.body), h.fingerprint, h.find); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		}
	}
	if _, err := OpenRequest(sealBytes(t, h, body(many[1:]...)), h.fingerprint, h.find); err != nil {
		t.Errorf("%d calls: %v", MaxCalls, err)
	}
	padded := must[[]byte](t)(pad(body(raw(good)), maxRequestPlain))
	padded[len(padded)-1] = 1
	if _, err := OpenRequest(sealPlain(t, h, padded), h.fingerprint, h.find); !errors.Is(err, ErrMalformed) {
		t.Error("padding that is not zeros:", err)
	}
}

// The same for what a hub sends.
func TestHostileResponseBodyIsRefused(t *testing.T) {
	h := newHub(t)
	opened, exchange := openCalls(t, h, h.calls("hello"))
	raw := func(v any) codec.Raw { return must[[]byte](t)(codec.Marshal(v)) }
	seal := func(body []byte) []byte {
		response := make([]byte, responseNonce)
		aead, nonce, err := responseAEAD(opened.secret, opened.enc, response)
		if err != nil {
			t.Fatal(err)
		}
		return aead.Seal(response, nonce, must[[]byte](t)(pad(body, maxResponsePlain)), nil)
	}
	results := func(n int) []codec.Raw {
		list := make([]codec.Raw, n)
		for i := range list {
			list[i] = raw(Result{})
		}
		return list
	}
	refusal := &Error{Code: CodeTime}
	for name, c := range map[string]struct {
		body []byte
		want error
	}{
		"nothing":                  {nil, ErrMalformed},
		"one result for two calls": {raw(responseBody{Results: results(1)}), ErrMalformed},
		"three results":            {raw(responseBody{Results: results(3)}), ErrMalformed},
		"too many results":         {raw(responseBody{Results: results(MaxCalls + 1)}), ErrTooLarge},
		"neither":                  {raw(responseBody{}), ErrMalformed},
		"results beside an error":  {raw(responseBody{Results: results(2), Error: refusal}), ErrMalformed},
		"a result is a text":       {raw(responseBody{Results: []codec.Raw{raw("a"), raw("b")}}), ErrMalformed},
	} {
		if _, err := exchange.OpenResponse(seal(c.body)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		}
	}
	answer, err := exchange.OpenResponse(seal(raw(responseBody{Time: 9, Error: refusal})))
	if err != nil || answer.Time != 9 || answer.Error.Code != CodeTime || len(answer.Results) != 0 {
		t.Errorf("a refusal: %+v, %v", answer, err)
	}
	if _, err := opened.SealResponse(Response{Results: make([]Result, 1)}); !errors.Is(err, ErrMalformed) {
		t.Error("a hub sealed one result for two calls:", err)
	}
}

// What a stranger sends costs the hub a few times its length, whatever it says.
func TestHostileRequestIsBoundedInMemory(t *testing.T) {
	h := newHub(t)
	array := func(n int, element []byte) []byte {
		b := append([]byte{0xa2, 0x64}, "time\x01\x65calls"...)
		if n < 1<<16 {
			b = append(b, 0x99, byte(n>>8), byte(n))
		} else {
			b = append(b, 0x9a, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		}
		return append(b, bytes.Repeat(element, n)...)
	}
	call := must[[]byte](t)(codec.Marshal(Call{Op: "x", Signature: make([]byte, 64)}))
	const room = 63<<14 - lengthSize - bodyOverhead
	for name, body := range map[string][]byte{
		"65,535 empty calls":     array(65535, []byte{0xa0}),
		"a million empty calls":  array(room, []byte{0xa0}),
		"calls of empty arrays":  array(65535, []byte{0x81, 0x81, 0x81, 0x81, 0x81, 0x80}),
		"calls of 14-byte texts": array(65535, append([]byte{0x6e}, "fourteen bytes"...)),
		"calls that are calls":   array(room/len(call), call),
	} {
		request := sealBytes(t, h, body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := OpenRequest(request, h.fingerprint, h.find)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: taken", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
			t.Errorf("%s: %d bytes of request took %d KiB", name, len(request), got>>10)
		} else {
			t.Logf("%s: %d KiB for a request of %d KiB", name, got>>10, len(request)>>10)
		}
	}
}

// As many calls as CallSize promises fit, and the greatest put does.
func TestFullRequest(t *testing.T) {
	h := newHub(t)
	put := SignedCall{Op: OpPut, Args: PutArgs{Class: ClassKeep, Entry: make([]byte, MaxEntry)}, Key: h.member}
	size := must[int](t)(CallSize(put))
	var calls []SignedCall
	left := MaxCallsSize
	for ; left >= size; left -= size {
		calls = append(calls, put)
	}
	// The rest is filled to the byte.
	rest := PutArgs{Class: ClassKeep, Entry: make([]byte, left-(size-MaxEntry))}
	for must[int](t)(CallSize(SignedCall{Op: OpPut, Args: rest, Key: h.member})) < left {
		rest.Entry = append(rest.Entry, 0)
	}
	calls = append(calls, SignedCall{Op: OpPut, Args: rest, Key: h.member})
	opened, _ := openCalls(t, h, calls)
	if len(opened.Calls) != len(calls) || len(calls) < 15 {
		t.Errorf("%d of %d calls", len(opened.Calls), len(calls))
	}
	rest.Entry = append(rest.Entry, make([]byte, bodyOverhead)...)
	calls[len(calls)-1].Args = rest
	if _, _, err := SealRequest(h.key, h.fingerprint, 1500, calls); !errors.Is(err, ErrTooLarge) {
		t.Error("more than fits:", err)
	}
	if _, _, err := SealRequest(h.key, h.fingerprint, 1500, make([]SignedCall, MaxCalls+1)); !errors.Is(err, ErrTooLarge) {
		t.Error("too many calls:", err)
	}
}

// The same for a response.
func TestFullResponse(t *testing.T) {
	h := newHub(t)
	opened, exchange := openCalls(t, h, h.calls("hello"))
	value := func(n int) codec.Raw { return must[[]byte](t)(codec.Marshal(make([]byte, n))) }
	size := func(r Result) int { return len(must[[]byte](t)(codec.Marshal(r))) }
	second := Result{Value: value(MaxFetch)}
	first := Result{Value: value(1 << 20)}
	first.Value = value(1<<20 + MaxResultsSize - size(first) - size(second))
	if size(first)+size(second) != MaxResultsSize {
		t.Fatal("the test does not fill the response")
	}
	response, err := opened.SealResponse(Response{Time: 1 << 40, Results: []Result{first, second}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exchange.OpenResponse(response); err != nil {
		t.Fatal(err)
	}
	first.Value = value(len(first.Value) + bodyOverhead)
	if _, err := opened.SealResponse(Response{Time: 1 << 40, Results: []Result{first, second}}); !errors.Is(err, ErrTooLarge) {
		t.Error("more than fits:", err)
	}
	if _, err := exchange.OpenResponse(make([]byte, MaxResponse+1)); !errors.Is(err, ErrTooLarge) {
		t.Error("more than MaxResponse:", err)
	}
	if _, err := OpenRequest(make([]byte, MaxRequest+1), h.fingerprint, h.find); !errors.Is(err, ErrTooLarge) {
		t.Error("more than MaxRequest:", err)
	}
}
