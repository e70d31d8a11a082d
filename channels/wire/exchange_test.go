package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

// aHub is a hub with one X-Wing key, and a member who speaks to it.
type aHub struct {
	identity    ed25519.PrivateKey
	private     hpke.PrivateKey
	key         HubKey
	fingerprint Fingerprint
	member      ed25519.PrivateKey
}

func newHub(t testing.TB) *aHub {
	t.Helper()
	_, identity, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, member, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	private, err := KEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return &aHub{
		identity:    identity,
		private:     private,
		key:         HubKeyOf(private, 1000, 2000),
		fingerprint: FingerprintOf(Token(identity.Public().(ed25519.PublicKey))),
		member:      member,
	}
}

func (h *aHub) find(id KeyID) (hpke.PrivateKey, bool) { return h.private, id == h.key.ID }

// keys is what the hub says at ?keys at the given time.
func (h *aHub) keys(time int64) HubKeys {
	return HubKeys{
		Hub: Token(h.identity.Public().(ed25519.PublicKey)), Keys: []HubKey{h.key}, Time: time,
		Versions: []int{Version}, Software: "hubbub test", Limits: DefaultLimits(),
	}
}

// calls are a put and a status.
func (h *aHub) calls(entry string) []SignedCall {
	return []SignedCall{
		{Op: OpPut, Channel: Channel{1, 2}, Args: PutArgs{Class: ClassText, Entry: []byte(entry)}, Key: h.member},
		{Op: OpStatus, Channel: Channel{1, 2}, Key: h.member},
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// A request goes to the hub and its answer comes back.
func TestExchange(t *testing.T) {
	h := newHub(t)
	request, exchange, err := SealRequest(h.key, h.fingerprint, 1500, h.calls("hello"))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenRequest(request, h.fingerprint, h.find)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Time != 1500 || len(opened.Calls) != 2 || !opened.Verify(0) || !opened.Verify(1) {
		t.Fatalf("opened %+v", opened)
	}
	var put PutArgs
	if err := codec.Unmarshal(opened.Calls[0].Args, &put); err != nil || string(put.Entry) != "hello" {
		t.Fatalf("put %+v, %v", put, err)
	}
	value := must[[]byte](t)(codec.Marshal(PutResult{Position: 7, New: true}))
	response, err := opened.SealResponse(Response{Time: 1501, Results: []Result{{Value: value}, {Error: &Error{Code: CodeDenied}}}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := exchange.OpenResponse(response)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Time != 1501 || !bytes.Equal(answer.Results[0].Value, value) || answer.Results[1].Error.Code != CodeDenied {
		t.Fatalf("answer %+v", answer)
	}
}

func TestKeysRoundTrip(t *testing.T) {
	h := newHub(t)
	answer := must[[]byte](t)(SignHubKeys(h.identity, h.keys(1500)))
	k, err := OpenHubKeys(answer)
	if err != nil {
		t.Fatal(err)
	}
	newest, err := k.Newest()
	if err != nil || newest.ID != h.key.ID || k.Fingerprint() != h.fingerprint {
		t.Fatalf("newest %x, %v", newest.ID, err)
	}
}

func TestOneTimeKeyRoundTrip(t *testing.T) {
	k := OneTimeKey{URL: "https://example.org/~bob/hub.cgi", Fingerprint: Fingerprint{1, 2}, Secret: [16]byte{3, 4}}
	text := k.String()
	if !strings.HasPrefix(text, "HTTPS://EXAMPLE.ORG/~bob/hub.cgi#") {
		t.Error("printed as", text)
	}
	if back, err := ParseOneTimeKey(text); err != nil || back != k {
		t.Errorf("%+v, %v", back, err)
	}
	a := AccountKey{Fingerprint: Fingerprint{1, 2}, Secret: [16]byte{3, 4}}
	if back, err := ParseAccountKey(a.String()); err != nil || back != a {
		t.Errorf("%+v, %v", back, err)
	}
}

// openCalls seals calls and opens them at the hub.
func openCalls(t testing.TB, h *aHub, calls []SignedCall) (*Opened, *Exchange) {
	t.Helper()
	request, exchange, err := SealRequest(h.key, h.fingerprint, 1500, calls)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenRequest(request, h.fingerprint, h.find)
	if err != nil {
		t.Fatal(err)
	}
	return opened, exchange
}
