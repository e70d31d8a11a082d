package hub_test

import (
	"bytes"
	"context"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// Whatever comes over HTTP, the answer is one, says nothing of the hub's
// inside, and is nothing for the log.
func TestStrangeRequests(t *testing.T) {
	s := begin(t)
	s.lounge()
	sealed, _, err := s.client.Seal(s.as("alice").Sign(wire.OpStatus, lounge, nil))
	s.ok(err)
	size := int64(len(sealed))
	body := func() io.Reader { return bytes.NewReader(sealed) }
	post := func(contentType string, length int64, body io.Reader) hub.Request {
		return hub.Request{Method: "POST", ContentType: contentType, Length: length, Body: body}
	}
	postKeys := post(wire.ContentType, size, body())
	postKeys.Query = wire.KeysQuery
	for name, test := range map[string]struct {
		request hub.Request
		want    int
	}{
		"a POST to ?keys":     {postKeys, wire.StatusSealed},
		"a longer body":       {post(wire.ContentType, size, io.MultiReader(body(), body())), wire.StatusSealed},
		"with parameters":     {post("Application/Octet-Stream; charset=utf-8", size, body()), wire.StatusSealed},
		"a shorter length":    {post(wire.ContentType, size-1, body()), wire.StatusMalformed},
		"a longer length":     {post(wire.ContentType, size+1, body()), wire.StatusMalformed},
		"the longest length":  {post(wire.ContentType, wire.MaxRequest, body()), wire.StatusMalformed},
		"one byte too many":   {post(wire.ContentType, wire.MaxRequest+1, body()), wire.StatusTooLarge},
		"a huge length":       {post(wire.ContentType, math.MaxInt64, body()), wire.StatusTooLarge},
		"a negative length":   {post(wire.ContentType, math.MinInt64, body()), wire.StatusLengthRequired},
		"no length":           {post(wire.ContentType, -1, body()), wire.StatusLengthRequired},
		"an empty body":       {post(wire.ContentType, 0, body()), wire.StatusMalformed},
		"a body that breaks":  {post(wire.ContentType, size, io.MultiReader(io.LimitReader(body(), size/2), iotest.ErrReader(io.ErrClosedPipe))), wire.StatusMalformed},
		"bytes one by one":    {post(wire.ContentType, size, iotest.OneByteReader(body())), wire.StatusSealed},
		"no type":             {post("", size, body()), wire.StatusMediaType},
		"a list of types":     {post(wire.ContentType+", text/html", size, body()), wire.StatusMediaType},
		"a method in a dress": {hub.Request{Method: "get", Length: -1, Body: body()}, wire.StatusMethod},
		"no method":           {hub.Request{Length: -1, Body: body()}, wire.StatusMethod},
		"HEAD of ?keys":       {hub.Request{Method: "HEAD", Query: wire.KeysQuery, Length: -1}, wire.StatusSealed},
		"GET with a body":     {hub.Request{Method: "GET", Length: size, Body: body()}, wire.StatusSealed},
		"?keys&":              {hub.Request{Method: "GET", Query: "keys&", Length: -1}, wire.StatusSealed},
		"?KEYS and noise":     {hub.Request{Method: "GET", Query: "KEYS=\x00%00<script>\r\nX: y", Length: -1}, wire.StatusSealed},
	} {
		reply := s.hub.Serve(context.Background(), test.request)
		if reply.Status != test.want {
			t.Errorf("%s: status %d, want %d: %.80q", name, reply.Status, test.want, reply.Body)
		}
		if bytes.Contains(reply.Body, []byte(s.data)) || bytes.Contains(reply.Body, []byte("<script>")) {
			t.Errorf("%s: %s", name, reply.Body)
		}
	}
	if s.log.Len() != 0 {
		t.Errorf("the log says: %s", &s.log)
	}
}

// sealCalls seals calls that are signed already, as somebody does who has got
// hold of them; wire seals only what it signs.
func (s *scene) sealCalls(calls ...wire.Call) []byte {
	s.Helper()
	var body struct {
		Time  int64       `cbor:"time"`
		Calls []codec.Raw `cbor:"calls"`
	}
	body.Time = s.now.Unix()
	for _, call := range calls {
		raw, err := codec.Marshal(call)
		s.ok(err)
		body.Calls = append(body.Calls, raw)
	}
	plain, err := codec.Marshal(body)
	s.ok(err)
	if len(plain) > wire.MinPad-4 {
		s.Fatal("too long for this test:", len(plain))
	}
	padded := binary.BigEndian.AppendUint32(make([]byte, 0, wire.MinPad), uint32(len(plain)))
	padded = append(padded, plain...)[:wire.MinPad]
	key, err := s.client.Hub.Newest()
	s.ok(err)
	public, err := wire.KEM().NewPublicKey(key.Public)
	s.ok(err)
	fingerprint := s.hub.Fingerprint()
	enc, sender, err := hpke.NewSender(public, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(),
		append([]byte("hubbub/1 request"), fingerprint[:]...))
	s.ok(err)
	header := append(append([]byte{wire.Version}, key.ID[:]...), enc...)
	rest, err := sender.Seal(header, padded)
	s.ok(err)
	return append(header, rest...)
}

// A call that was signed for one request does nothing in another, nor under
// another op, channel or token.
func TestSignaturesStayWhereTheyAre(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	request, _, err := s.client.Seal(s.as("alice").Sign(wire.OpRevoke, lounge, wire.RevokeArgs{Token: hubtest.Token("bob")}))
	s.ok(err)
	opened, err := wire.OpenRequest(request, s.hub.Fingerprint(), s.privateKey)
	s.ok(err)
	for name, change := range map[string]func(*wire.Call){
		"as it is":        func(*wire.Call) {},
		"another op":      func(c *wire.Call) { c.Op = wire.OpStatus },
		"another token":   func(c *wire.Call) { c.Token = hubtest.Token("owner") },
		"another channel": func(c *wire.Call) { c.Channel = wire.Channel{} },
		"no signature":    func(c *wire.Call) { c.Signature = make([]byte, 64) },
	} {
		call := opened.Calls[0]
		change(&call)
		if _, err := s.client.Post(context.Background(), s.sealCalls(call)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.as("bob").Status(lounge); err != nil {
			t.Fatalf("%s: it was done: %v", name, err)
		}
	}
	_, err = s.client.Post(context.Background(), request) // and itself, it does
	s.ok(err)
	_, err = s.as("bob").Status(lounge)
	s.refused(wire.CodeRevoked, err)
}

// Everything that was sent, sent again within the hour in any order, changes
// nothing: who owns the hub, who is in, what is there, what is for ever closed.
func TestARecordingPlayedAgain(t *testing.T) {
	s := begin(t)
	key := s.claimKey()
	slot := wire.Slot{1}
	offer := func(slot wire.Slot, number int64) wire.OfferArgs {
		return wire.OfferArgs{Slot: slot, Number: number, Invite: hubtest.Token("invite"), Expires: s.now.Add(time.Hour).Unix(), Blob: []byte("card")}
	}
	text := func(text string) wire.PutArgs { return wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)} }
	var recording [][]byte
	for _, calls := range [][]wire.SignedCall{
		{s.as("owner").Sign(wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: key.Secret})},
		{s.as("owner").Sign(wire.OpOpen, lounge, wire.OpenArgs{Root: hubtest.Token("alice")})},
		{s.as("alice").Sign(wire.OpOffer, lounge, offer(slot, 1)), s.as("alice").Sign(wire.OpOffer, lounge, offer(wire.Slot{2}, 1))},
		{s.as("alice").Sign(wire.OpOffer, lounge, offer(slot, 2)), s.as("alice").Sign(wire.OpWithdraw, lounge, wire.WithdrawArgs{Slot: wire.Slot{2}})},
		{s.as("invite").Sign(wire.OpRedeem, wire.Channel{}, wire.RedeemArgs{Slot: slot, Number: 2, Token: hubtest.Token("bob"), Entries: [][]byte{{1}}})},
		{s.as("bob").Sign(wire.OpPut, lounge, text("one")), s.as("bob").Sign(wire.OpGrant, lounge,
			wire.GrantArgs{Token: hubtest.Token("carol"), Under: hubtest.Token("bob")})},
		{s.as("carol").Sign(wire.OpPut, lounge, text("two")), s.as("alice").Sign(wire.OpAck, lounge, wire.AckArgs{Position: 1})},
		{s.as("alice").Sign(wire.OpRevoke, lounge, wire.RevokeArgs{Token: hubtest.Token("bob"), Keep: []wire.Token{hubtest.Token("carol")}})},
		{s.as("alice").Sign(wire.OpPut, lounge, text("three"))},
	} {
		request, exchange, err := s.client.Seal(calls...)
		s.ok(err)
		answer, err := s.client.Post(context.Background(), request)
		s.ok(err)
		response, err := exchange.OpenResponse(answer)
		s.ok(err)
		for i, result := range response.Results {
			if result.Error != nil {
				t.Fatal(calls[i].Op, result.Error)
			}
		}
		recording = append(recording, request)
	}
	// A new owner key that nobody has used yet must not go, nor be used up.
	s.ok(os.WriteFile(filepath.Join(s.data, "claim.txt"), nil, 0o600))
	s.reopen()
	unused := s.claimKey()
	look := func() string {
		fetched, err := s.as("alice").Fetch(lounge, wire.FetchArgs{})
		s.ok(err)
		status, err := s.as("alice").Status(lounge)
		s.ok(err)
		account, err := s.as("owner").Status(wire.Channel{})
		s.ok(err)
		_, bob := s.as("bob").Status(lounge)
		_, carol := s.as("carol").Status(lounge)
		_, first := s.as("invite").Peek(slot)
		_, second := s.as("invite").Peek(wire.Slot{2})
		return fmt.Sprintf("%+v\n%+v\n%+v\n%v %v %v %v %v", fetched, status, account, bob, carol, first, second, s.claimKey() == unused)
	}
	before := look()
	random := rand.New(rand.NewPCG(11, 12))
	for range 3 * len(recording) {
		s.now = s.now.Add(time.Minute)
		_, err := s.client.Post(context.Background(), recording[random.IntN(len(recording))])
		s.ok(err)
		if after := look(); after != before {
			t.Fatalf("it was\n%s\nand is\n%s", before, after)
		}
	}
	_, err := s.as("mallory").Claim(key)
	s.refused(wire.CodeUsed, err)
}

// privateKey finds the hub's keys in its file.
func (s *scene) privateKey(id wire.KeyID) (hpke.PrivateKey, bool) {
	s.Helper()
	var file struct {
		Version  int    `cbor:"version"`
		Identity []byte `cbor:"identity"`
		Keys     []struct {
			ID   wire.KeyID `cbor:"id"`
			Seed []byte     `cbor:"seed"`
			Made int64      `cbor:"made"`
		} `cbor:"keys"`
	}
	text, err := os.ReadFile(filepath.Join(s.data, "keys"))
	s.ok(err)
	s.ok(codec.Unmarshal(text, &file))
	for _, key := range file.Keys {
		if key.ID == id {
			private, err := wire.KEM().NewPrivateKey(key.Seed)
			return private, err == nil
		}
	}
	return nil, false
}

// Calls with others' arguments, numbers at their ends and empty things are
// refused one by one, and the hub stands.
func TestSenselessCalls(t *testing.T) {
	s := begin(t)
	s.lounge("bob")
	ops := []wire.Op{wire.OpClaim, wire.OpOpen, wire.OpGrant, wire.OpRevoke, wire.OpPut, wire.OpFetch, wire.OpAck,
		wire.OpOffer, wire.OpPeek, wire.OpRedeem, wire.OpWithdraw, wire.OpStatus, "put\x00", "PUT"}
	huge := []any{nil, codec.Raw{0x80}, codec.Raw{0xf6}, codec.Raw{0xa0}, wire.ClaimArgs{}, wire.OpenArgs{}, wire.GrantArgs{}, wire.RevokeArgs{},
		wire.RevokeArgs{Token: hubtest.Token("nobody"), Keep: make([]wire.Token, 500)}, wire.PutArgs{},
		wire.PutArgs{Class: "text", Entry: make([]byte, wire.MaxEntry+1)}, wire.PutArgs{Class: "TEXT", Entry: []byte{1}},
		wire.FetchArgs{Limit: math.MinInt}, wire.FetchArgs{After: math.MinInt64, Limit: 1}, wire.FetchArgs{Limit: 1, Wait: math.MinInt64},
		wire.AckArgs{Position: math.MinInt64}, wire.OfferArgs{Number: math.MinInt64, Blob: []byte{1}},
		wire.OfferArgs{Number: 1, Blob: make([]byte, wire.MaxBlob+1)}, wire.OfferArgs{Number: 1}, wire.PeekArgs{},
		wire.RedeemArgs{}, wire.RedeemArgs{Entries: make([][]byte, 17)}, wire.RedeemArgs{Entries: [][]byte{{}}}, wire.WithdrawArgs{Slot: wire.Slot{7}}}
	random := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		var calls []wire.SignedCall
		for range 1 + random.IntN(8) {
			person := s.as([]string{"mallory", "owner", "bob"}[random.IntN(3)])
			channel := []wire.Channel{lounge, {}, {9}}[random.IntN(3)]
			calls = append(calls, person.Sign(ops[random.IntN(len(ops))], channel, huge[random.IntN(len(huge))]))
		}
		results, err := s.client.Do(context.Background(), calls...)
		s.ok(err)
		for i, result := range results {
			if result.Error != nil && (result.Error.Code == wire.CodeInternal || result.Error.Code == "") {
				t.Fatalf("%s %+v: %v", calls[i].Op, calls[i].Args, result.Error)
			}
		}
	}
	if s.log.Len() != 0 {
		t.Errorf("the log says: %s", &s.log)
	}
	if result, err := s.as("alice").Fetch(lounge, wire.FetchArgs{}); err != nil || len(result.Entries) != 0 {
		t.Error(len(result.Entries), err)
	}
}

// Keys that cannot be read are left as they are: no other hub takes the place
// of this one without its owner's doing. The log has the file's name, a
// stranger has not.
func TestDamagedKeys(t *testing.T) {
	s := begin(t)
	path := filepath.Join(s.data, "keys")
	whole, err := os.ReadFile(path)
	s.ok(err)
	noise := make([]byte, len(whole))
	rand.NewChaCha8([32]byte{1}).Read(noise)
	for name, damaged := range map[string][]byte{
		"empty": {}, "a byte": whole[:1], "half": whole[:len(whole)/2], "all but one": whole[:len(whole)-1],
		"one more": append(bytes.Clone(whole), 0), "noise": noise, "text": []byte("-----BEGIN PRIVATE KEY-----\n"),
		"a later version": bytes.Replace(whole, []byte("version\x01"), []byte("version\x02"), 1),
	} {
		if bytes.Equal(damaged, whole) {
			t.Fatal(name, "is not damaged")
		}
		s.ok(os.WriteFile(path, damaged, 0o600))
		h, err := hub.Open(hub.Config{Data: s.data})
		if err == nil {
			h.Close()
			t.Errorf("%s: the hub opens", name)
			continue
		}
		if reply := hub.Failed(err); reply.Status != wire.StatusFailed || bytes.Contains(reply.Body, []byte(s.data)) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, and to strangers %d %s", name, err, reply.Status, reply.Body)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, damaged) {
			t.Errorf("%s: the file was written to (%v)", name, err)
		}
	}
	// In a process that has read them before as well.
	s.now = s.now.Add(wire.KeyMade + time.Second)
	if keys, err := s.hub.Keys(); err != nil || len(keys) == 0 {
		t.Error("the keys it has read are still good:", err)
	}
	s.ok(os.WriteFile(path, whole, 0o600))
	s.reopen()
}

// Where no new key can be made, the old ones are shown for as long as they are
// good.
func TestKeysThatCannotBeRenewed(t *testing.T) {
	s := begin(t)
	s.lounge()
	lock := filepath.Join(s.data, "keys-lock")
	s.ok(os.Remove(lock))
	s.ok(os.Mkdir(lock, 0o700))
	s.now = s.now.Add(wire.KeyKept - time.Hour)
	s.ok(s.client.FetchKeys())
	_, err := s.as("alice").Status(lounge)
	s.ok(err)
	if !strings.Contains(s.log.String(), "renewing the hub's keys") {
		t.Errorf("the log says %q", &s.log)
	}
	s.now = s.now.Add(2 * time.Hour)
	s.status(wire.StatusFailed, s.client.FetchKeys())
	s.ok(os.Remove(lock))
	s.ok(s.client.FetchKeys())
	_, err = s.as("alice").Status(lounge)
	s.ok(err)
}

// What else lies in the data folder may be in the way: nothing is lost by it.
func TestThingsInTheWay(t *testing.T) {
	for _, name := range []string{"held", "bell", "hub.db-lock", "hub.db-generation", "claim.txt.new", "keys.new"} {
		s := begin(t)
		s.lounge()
		_, err := s.as("alice").Put(lounge, "hello")
		s.ok(err)
		s.ok(s.hub.Close())
		path := filepath.Join(s.data, name)
		s.ok(os.RemoveAll(path))
		if name == "held" {
			s.ok(os.WriteFile(path, nil, 0o600))
		} else {
			s.ok(os.MkdirAll(filepath.Join(path, "below"), 0o700))
		}
		s.open()
		_, err = s.as("alice").Put(lounge, "hello again")
		s.ok(err)
		result, err := s.as("alice").Fetch(lounge, wire.FetchArgs{Wait: 1})
		if name == "hub.db-generation" {
			s.refused(wire.CodeInternal, err)
		} else if err != nil || len(result.Entries) != 2 {
			t.Errorf("%s: %d entries, %v", name, len(result.Entries), err)
		}
		begin := time.Now()
		head := wire.FetchArgs{After: result.Head, ID: idOf("hello again"), Wait: 100}
		if name != "hub.db-generation" {
			if _, err := s.as("alice").Fetch(lounge, head); err != nil || time.Since(begin) > 10*time.Second {
				t.Errorf("%s: waiting: %v", name, err)
			}
		}
	}
}

// A configuration that is no TOML, or no file, is an error that names it.
func TestGarbageForHubConf(t *testing.T) {
	web := t.TempDir()
	path := filepath.Join(web, hub.ConfigName)
	noise := make([]byte, 4096)
	rand.NewChaCha8([32]byte{2}).Read(noise)
	for _, text := range []string{string(noise), "\x00", "held", "held = 1 held = 2", "held = 3\nheld = 4", "[data]\nx = 1", "data = [\"a\"]",
		"held = 1e99", "held = 99999999999999999999", strings.Repeat("[", 100_000), "data = \"" + strings.Repeat("x", 100_000) + "\"\nnothing = 1"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.Load(web); err == nil || !strings.Contains(err.Error(), hub.ConfigName) || len(err.Error()) > 1000 {
			t.Errorf("%.30q: %.300v", text, err)
		}
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Load(web); err == nil {
		t.Error("a folder for hub.conf")
	}
	if folders, _ := filepath.Glob(filepath.Join(web, "hub-data-*")); len(folders) != 0 {
		t.Error("a data folder was made all the same:", folders)
	}
}
