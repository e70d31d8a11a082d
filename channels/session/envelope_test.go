package session

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Alice starts a sender key for Bob and Carol, talks, and gives the key to Dave,
// who came late: he reads on from there and nothing before.
func TestSenderKeyFromItsStart(t *testing.T) {
	alice, bob, carol, dave := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol"), newPerson(t, "dave")

	start := alice.seal(t, alice.fresh(), bob, carol)
	text := alice.seal(t, Text{Text: "hello"})
	give := alice.seal(t, Give{Prekey: NumberedPrekey{1, alice.prekey.Public}}, dave)
	after := alice.seal(t, Text{Text: "hello dave"})

	for _, reader := range []*person{bob, carol} {
		body, chain, err := reader.openBox(start.Envelope, alice.member)
		if err != nil {
			t.Fatal(reader.name, err)
		}
		if got := body.Content.(FreshKey); got != alice.fresh() {
			t.Errorf("%s: another prekey", reader.name)
		}
		for _, envelope := range [][]byte{text.Envelope, give.Envelope, after.Envelope} {
			if _, chain, err = open(envelope, alice.member, chain); err != nil {
				t.Fatal(reader.name, err)
			}
		}
	}
	if _, _, err := dave.openBox(start.Envelope, alice.member); !errors.Is(err, ErrNoBox) {
		t.Error("dave opened what was before him:", err)
	}
	_, chain, err := dave.openBox(give.Envelope, alice.member)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(text.Envelope, alice.member, chain); !errors.Is(err, ErrUsed) {
		t.Error("dave opened a text from before he came:", err)
	}
	body, _, err := open(after.Envelope, alice.member, chain)
	if err != nil || body.Content.(Text).Text != "hello dave" {
		t.Error("dave reads", body.Content, err)
	}
}

func TestSealedKnowsItself(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	sealed := alice.seal(t, Text{Text: "hello"}, bob)
	e := must(Parse(sealed.Envelope))(t)
	if e.ID() != sealed.ID || e.HeaderHash() != sealed.Signed.Header {
		t.Error("id or header hash differ between sealing and parsing")
	}
	if err := sealed.Signed.Verify(theChannel, alice.member); err != nil {
		t.Error(err)
	}
	if err := sealed.Signed.Verify(theChannel, bob.member); !errors.Is(err, ErrSignature) {
		t.Error("verified as another's:", err)
	}
}

// The last iteration is sealed with and opened, and nothing comes after it.
func TestSenderKeyIsSpent(t *testing.T) {
	alice := newPerson(t, "alice")
	chain := alice.chain()
	for i := range MaxIteration + 1 {
		sealed := alice.seal(t, Text{Text: "x"})
		var err error
		if _, chain, err = open(sealed.Envelope, alice.member, chain); err != nil {
			t.Fatal(i, err)
		}
	}
	if !alice.key.Spent() || alice.key.Chain != (Secret{}) || chain.Chain != (Secret{}) {
		t.Error("a chain key is left behind the last iteration")
	}
	for name, key := range map[string]SenderKey{"spent": alice.key, "zero": {}, "beyond": {Chain: Secret{1}, Iteration: 256}, "below": {Chain: Secret{1}, Iteration: -1}} {
		if _, err := Seal(Sealing{Channel: theChannel, From: alice.sign, Key: key, Body: []byte{1}}); !errors.Is(err, ErrSpent) {
			t.Errorf("sealed with a %s key: %v", name, err)
		}
	}
	if _, _, err := chain.MessageKey(MaxIteration + 1); !errors.Is(err, ErrMalformed) {
		t.Error("a key behind the last:", err)
	}
}

func TestSizes(t *testing.T) {
	alice := newPerson(t, "alice")
	const most1 = 1<<10 - headerSize - overhead
	for _, c := range []struct{ body, size int }{
		{1, 1 << 10}, {most1, 1 << 10}, {most1 + 1, 4 << 10},
		{most1 + 3<<10, 4 << 10}, {most1 + 3<<10 + 1, 16 << 10},
		{most1 + 15<<10, 16 << 10}, {most1 + 15<<10 + 1, 64 << 10}, {MaxBody, 64 << 10},
	} {
		sealed, err := Seal(Sealing{Channel: theChannel, From: alice.sign, Key: alice.key, Body: bytes.Repeat([]byte{7}, c.body)})
		if err != nil || len(sealed.Envelope) != c.size {
			t.Errorf("a body of %d bytes: %d bytes, want %d, %v", c.body, len(sealed.Envelope), c.size, err)
			continue
		}
		signed, err := must(Parse(sealed.Envelope))(t).Open(theChannel, alice.member, messageKey(alice.key.Chain))
		if err != nil || len(signed.Body) != c.body {
			t.Errorf("a body of %d bytes: opened with %d, %v", c.body, len(signed.Body), err)
		}
	}
	_, err := Seal(Sealing{Channel: theChannel, From: alice.sign, Key: alice.key, Body: make([]byte, MaxBody+1)})
	if !errors.Is(err, ErrTooLong) {
		t.Error("a body beyond the largest:", err)
	}
}

// Whatever a channel may need fits 64 KiB: the longest text under the longest
// body, that text again, a key envelope for MaxBoxes others, and every open invite.
func TestTheLargestFit(t *testing.T) {
	alice := newPerson(t, "alice")
	full := func(content Content) []byte {
		b := alice.says(content)
		b.Seq, b.Time, b.Members.Count = MaxNumber, MaxTime, MaxNumber
		for i := range MaxSeen {
			b.Seen = append(b.Seen, Head{From: Member{byte(i)}, Seq: MaxNumber, ID: ID{1}})
		}
		return must(EncodeBody(b))(t)
	}
	long := strings.Repeat("ä", MaxText/2)
	text := full(Text{long, StyleNotice})
	again := full(Again{Body: text})
	prekey := NumberedPrekey{MaxNumber, alice.prekey.Public}
	invite := OpenInvite{Number: MaxNumber, Card: make([]byte, CardSize)}
	invites := make([]OpenInvite, MaxInvites)
	ops := make([][]byte, 2)
	for i := range invites {
		invites[i] = invite
	}
	for i := range ops {
		ops[i] = make([]byte, MaxOps/2)
	}
	for name, c := range map[string]struct {
		body  []byte
		boxes int
	}{
		"text":     {text, 0},
		"again":    {again, 0},
		"key":      {full(FreshKey{prekey}), MaxBoxes},
		"give":     {full(Give{prekey, invites}), 1},
		"ops":      {full(Ops{Ops: ops}), 0},
		"snapshot": {full(Snapshot{MaxPieces - 1, MaxPieces, ops}), 0},
		"prekeys":  {full(Prekeys{slices.Repeat([]Shown{{Body: make([]byte, MaxShownBytes/MaxShownPrekeys)}}, MaxShownPrekeys)}), 0},
		"need":     {full(Need{make([]ID, MaxNeed), make([]KeyName, MaxNeed), ascending(MaxHeads)}), 0},
	} {
		s := Sealing{Channel: theChannel, From: alice.sign, Key: alice.key, Body: c.body}
		total, err := Sealing{From: s.From, Key: s.Key, Body: s.Body, Recipients: make([]Recipient, c.boxes)}.size()
		if err != nil {
			t.Errorf("%s: a body of %d bytes under %d boxes: %v", name, len(c.body), c.boxes, err)
		}
		t.Logf("%s: a body of %d bytes under %d boxes takes %d", name, len(c.body), c.boxes, total)
	}
}

func TestFiftyBoxes(t *testing.T) {
	alice := newPerson(t, "alice")
	var others []*person
	for i := range MaxBoxes {
		others = append(others, newPerson(t, string(rune('A'+i))))
	}
	sealed := alice.seal(t, alice.fresh(), others...)
	for _, p := range others {
		if _, _, err := p.openBox(sealed.Envelope, alice.member); err != nil {
			t.Error(p.name, err)
		}
	}
	s := Sealing{Channel: theChannel, From: alice.sign, Key: alice.key, Body: []byte{1}, Recipients: make([]Recipient, MaxBoxes+1)}
	if _, err := Seal(s); !errors.Is(err, ErrTooLong) {
		t.Error("more boxes than there may be:", err)
	}
}

// A joiner's first key envelope has one box, to the invite prekey; whoever has
// that prekey's seed reads it.
func TestBoxToAnInvitePrekey(t *testing.T) {
	joiner := newPerson(t, "joiner")
	invite := DeriveInvite(InviteSecret{1})
	prekey := must(PrekeyFromSeed(seed("invite prekey")))(t)
	body := must(EncodeBody(joiner.says(joiner.fresh())))(t)
	sealed := must(Seal(Sealing{theChannel, joiner.sign, joiner.key, []Recipient{{invite.ID(), prekey.Public}}, body}))(t)

	e := must(Parse(sealed.Envelope))(t)
	chain := must(e.OpenBox(prekey, theChannel, joiner.member, invite.ID()))(t)
	if _, _, err := open(sealed.Envelope, joiner.member, chain); err != nil {
		t.Error(err)
	}
	if _, err := e.OpenBox(prekey, theChannel, joiner.member, joiner.member); !errors.Is(err, ErrSealed) {
		t.Error("opened for another recipient:", err)
	}
}

func TestBadRecipients(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	lowOrder := bob.recipient()
	clear(lowOrder.Prekey[PrekeySize-32:])
	notMLKEM := bob.recipient()
	for i := range 1152 {
		notMLKEM.Prekey[i] = 0xff // coefficients beyond the modulus
	}
	for name, to := range map[string][]Recipient{
		"a point of low order": {lowOrder},
		"no ML-KEM key":        {bob.recipient(), notMLKEM},
		"one prekey twice":     {bob.recipient(), {alice.member, bob.prekey.Public}},
	} {
		_, err := Seal(Sealing{theChannel, alice.sign, alice.key, to, []byte{1}})
		if !errors.Is(err, ErrPrekey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, r := range map[string]Recipient{"low order": lowOrder, "ML-KEM": notMLKEM} {
		if err := CheckPrekey(&r.Prekey); !errors.Is(err, ErrPrekey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unexpanded := Prekey{Seed: bob.prekey.Seed, Public: bob.prekey.Public}
	e := must(Parse(alice.seal(t, alice.fresh(), bob).Envelope))(t)
	if _, err := e.OpenBox(unexpanded, theChannel, alice.member, bob.member); !errors.Is(err, ErrPrekey) {
		t.Error("opened with a prekey that was not expanded:", err)
	}
}

// spoilt is an envelope of p's that is right in all but what spoil does to its
// plaintext, and of whatever size: its sender alone can make one.
func spoilt(p *person, total int, body []byte, spoil func(plaintext []byte)) []byte {
	message := messageKey(p.key.Chain)
	header := makeHeader(p.key, nil, total, commitment(message))
	signed := Signed{Header: sha256.Sum256(header), Body: body}
	signature := ed25519.Sign(p.sign, signed.message(theChannel))
	plaintext := pad(body, signature, total-headerSize-aeadTag)
	spoil(plaintext)
	nonce := header[len(header)-36-nonceSize : len(header)-36]
	return newAEAD(message).Seal(bytes.Clone(header), nonce, plaintext, header)
}

// Nobody makes two envelopes of one body and header, not even its sender: only
// the smallest size and zeros are taken.
func TestOnePaddingOnly(t *testing.T) {
	alice := newPerson(t, "alice")
	body := must(EncodeBody(alice.says(Text{Text: "hello"})))(t)
	room := 1<<10 - headerSize - aeadTag
	setLength := func(n uint32) func([]byte) {
		return func(p []byte) { binary.BigEndian.PutUint32(p, n) }
	}
	right := spoilt(alice, 1<<10, body, func([]byte) {})
	if _, _, err := open(right, alice.member, alice.chain()); err != nil {
		t.Fatal(err)
	}
	for name, envelope := range map[string][]byte{
		"last byte of padding":   spoilt(alice, 1<<10, body, func(p []byte) { p[len(p)-1] = 1 }),
		"first byte of padding":  spoilt(alice, 1<<10, body, func(p []byte) { p[lengthSize+len(body)+signatureSize] = 1 }),
		"larger than it must be": spoilt(alice, 4<<10, body, func([]byte) {}),
		"no body":                spoilt(alice, 1<<10, nil, func([]byte) {}),
		"length beyond the end":  spoilt(alice, 1<<10, body, setLength(uint32(room-lengthSize-signatureSize+1))),
		"length of 4 GiB":        spoilt(alice, 1<<10, body, setLength(1<<32-1)),
	} {
		if _, _, err := open(envelope, alice.member, alice.chain()); !errors.Is(err, ErrPadding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A body that its sender signed is refused under any other header, that is
// in any other envelope.
func TestSignatureIsOfOneHeader(t *testing.T) {
	alice := newPerson(t, "alice")
	key := alice.key
	signed := alice.seal(t, Text{Text: "hello"}).Signed
	alice.key = key
	moved := spoilt(alice, 1<<10, signed.Body, func(p []byte) {
		copy(p[lengthSize+len(signed.Body):], signed.Signature[:])
	})
	if _, _, err := open(moved, alice.member, alice.chain()); !errors.Is(err, ErrSignature) {
		t.Error("a body under another header:", err)
	}
}

// A sender who seals zeros as a chain key gets nobody to keep them.
func TestChainKeyOfZerosIsRefused(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	zeros := SenderKey{ID: alice.key.ID}
	r := bob.recipient()
	box := must(sealBox(zeros, theChannel, alice.member, &r))(t)
	envelope := make([]byte, 4<<10)
	copy(envelope, makeHeader(zeros, [][]byte{box}, len(envelope), Secret{}))
	if _, _, err := bob.openBox(envelope, alice.member); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// Boxes that have room, and stand in order, are refused all the same when they
// are too many.
func TestTooManyBoxesAreRefused(t *testing.T) {
	parse := func(n int) error {
		var boxes [][]byte
		for i := range n {
			boxes = append(boxes, append([]byte{byte(i)}, make([]byte, BoxSize-1)...))
		}
		envelope := make([]byte, MaxEntry)
		copy(envelope, makeHeader(newPerson(t, "alice").key, boxes, len(envelope), Secret{}))
		_, err := Parse(envelope)
		return err
	}
	if err := parse(MaxBoxes); err != nil {
		t.Error(err)
	}
	if err := parse(MaxBoxes + 1); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func TestHeaderRefused(t *testing.T) {
	alice, bob, carol := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol")
	key := alice.seal(t, alice.fresh(), bob, carol).Envelope
	swapped := bytes.Clone(key)
	copy(swapped[20:], key[20+BoxSize:][:BoxSize])
	copy(swapped[20+BoxSize:], key[20:][:BoxSize])
	twice := bytes.Clone(key)
	copy(twice[20+BoxSize:], key[20:][:TagSize])
	set := func(place int, to ...byte) []byte {
		out := bytes.Clone(key)
		copy(out[place:], to)
		return out
	}
	for name, in := range map[string][]byte{
		"nothing":             nil,
		"a byte":              {1},
		"a byte short":        key[:len(key)-1],
		"a byte long":         append(bytes.Clone(key), 0),
		"a smaller size":      key[:1<<10],
		"an odd size":         make([]byte, 2<<10),
		"128 KiB":             make([]byte, 128<<10),
		"version 0":           set(0, 0),
		"a join":              set(0, FormJoin),
		"too many boxes":      set(18, 0, MaxBoxes+1),
		"boxes beyond it":     set(18, 0, 3),
		"65535 boxes":         set(18, 0xff, 0xff),
		"boxes out of order":  swapped,
		"one tag twice":       twice,
		"another total":       set(20+2*BoxSize+nonceSize, 0, 0, 4, 0),
		"a total of 4 GiB":    set(20+2*BoxSize+nonceSize, 0xff, 0xff, 0xff, 0xff),
		"fewer boxes than is": set(18, 0, 1),
	} {
		if _, err := Parse(in); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
