package hubtest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// Hostile is a request that nobody makes who means well.
type Hostile struct {
	Kind   string // malformed, oversized, truncated, without length, wrong type, wrong method, wrong time, stranger's
	Method string
	Query  string
	Type   string
	Length int64 // as it claims; -1: it does not say
	Body   []byte
	Want   int  // the status that it is answered with
	Sealed bool // the hub can open it: so its database is asked
}

// Request is what the hub gets of it, without HTTP.
func (h *Hostile) Request() hub.Request {
	return hub.Request{Method: h.Method, Query: h.Query, ContentType: h.Type, Length: h.Length, Body: bytes.NewReader(h.Body)}
}

// MakeHostile returns a hostile request to the client's hub, of the kind whose turn
// it is: all kinds come equally often.
func (c *Client) MakeHostile(t testing.TB, turn int, random *rand.Rand) *Hostile {
	t.Helper()
	h := &Hostile{Method: "POST", Type: wire.ContentType, Want: wire.StatusMalformed}
	kinds := []func(*Client, testing.TB, *Hostile, *rand.Rand){
		noise, unknownKey, changed, truncated, oversized, wrongType, wrongMethod, withoutLength, wrongTime, otherHub, strangers,
	}
	kinds[turn%len(kinds)](c, t, h, random)
	return h
}

// valid is a request that the hub can open.
func (c *Client) valid(t testing.TB, h *Hostile, random *rand.Rand) {
	t.Helper()
	who := c.As(t, fmt.Sprint("stranger ", random.IntN(1000)))
	var calls []wire.SignedCall
	for range 1 + random.IntN(4) {
		calls = append(calls, who.Sign(wire.OpStatus, wire.Channel{byte(random.IntN(256))}, nil))
	}
	request, _, err := c.Seal(calls...)
	if err != nil {
		t.Fatal(err)
	}
	h.Body, h.Length = request, int64(len(request))
}

func randomBytes(random *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

func noise(_ *Client, _ testing.TB, h *Hostile, random *rand.Rand) {
	h.Kind = "malformed"
	h.Body = randomBytes(random, random.IntN(5000))
	if len(h.Body) > 0 && h.Body[0] == wire.Version {
		h.Body[0] = 0
	}
	h.Length = int64(len(h.Body))
}

func unknownKey(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	c.valid(t, h, random)
	h.Kind, h.Want = "malformed", wire.StatusUnknownKey
	copy(h.Body[1:9], randomBytes(random, 8))
}

func changed(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	c.valid(t, h, random)
	h.Kind = "malformed"
	h.Body[9+random.IntN(len(h.Body)-9)] ^= 1 << random.IntN(8)
}

func truncated(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	c.valid(t, h, random)
	h.Kind = "truncated"
	h.Body = h.Body[:random.IntN(len(h.Body))]
	if random.IntN(2) == 0 && len(h.Body) > 9 {
		h.Length = int64(len(h.Body)) // and says so
	}
}

func oversized(_ *Client, _ testing.TB, h *Hostile, random *rand.Rand) {
	h.Kind, h.Want = "oversized", wire.StatusTooLarge
	h.Length = []int64{wire.MaxRequest + 1, 64 << 20, math.MaxInt64}[random.IntN(3)]
	h.Body = randomBytes(random, random.IntN(2000))
}

func wrongType(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	c.valid(t, h, random)
	h.Kind, h.Want = "wrong type", wire.StatusMediaType
	h.Type = []string{"", "text/html", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"}[random.IntN(5)]
}

func wrongMethod(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	c.valid(t, h, random)
	h.Kind, h.Want = "wrong method", wire.StatusMethod
	h.Method = []string{"PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"}[random.IntN(5)]
}

func withoutLength(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	c.valid(t, h, random)
	h.Kind, h.Want, h.Length = "without length", wire.StatusLengthRequired, -1
}

func wrongTime(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	late := c.Late(time.Duration(2+random.IntN(100000)) * time.Hour * time.Duration(1-2*random.IntN(2)))
	late.valid(t, h, random)
	h.Kind, h.Want = "wrong time", wire.StatusSealed
}

// otherHub is sealed to this hub's key, but meant for another.
func otherHub(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	h.Kind = "malformed"
	key, err := c.Hub.Newest()
	if err != nil {
		t.Fatal(err)
	}
	h.Body, _, err = wire.SealRequest(key, wire.Fingerprint(randomBytes(random, len(wire.Fingerprint{}))), time.Now().Unix(),
		[]wire.SignedCall{c.As(t, "stranger").Sign(wire.OpStatus, wire.Channel{}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	h.Length = int64(len(h.Body))
}

// strangers asks for all kinds of things that are none of his business.
func strangers(c *Client, t testing.TB, h *Hostile, random *rand.Rand) {
	who := c.As(t, fmt.Sprint("stranger ", random.IntN(1000)))
	channel := wire.Channel(randomBytes(random, len(wire.Channel{})))
	calls := []wire.SignedCall{
		who.Sign(wire.OpFetch, channel, wire.FetchArgs{Limit: 1000, Wait: 25_000}),
		who.Sign(wire.OpPut, channel, wire.PutArgs{Class: wire.ClassText, Entry: randomBytes(random, 1024)}),
		who.Sign(wire.OpOpen, channel, wire.OpenArgs{Root: Token("stranger")}),
		who.Sign(wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: [16]byte(randomBytes(random, 16))}),
		who.Sign(wire.OpPeek, wire.Channel{}, wire.PeekArgs{Slot: wire.Slot(randomBytes(random, len(wire.Slot{})))}),
		who.Sign(wire.OpReport, wire.Channel{}, nil),
		who.Sign("a call that is none", channel, nil),
	}
	random.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	request, _, err := c.Seal(calls[:1+random.IntN(len(calls))]...)
	if err != nil {
		t.Fatal(err)
	}
	h.Kind, h.Want, h.Body, h.Length, h.Sealed = "stranger's", wire.StatusSealed, request, int64(len(request)), true
}
