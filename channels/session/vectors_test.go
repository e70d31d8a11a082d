package session

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"

	"github.com/fxamacker/cbor/v2"

	"hubbub/channels/codec"
)

var update = flag.Bool("update", false, "write docs/vectors anew")

// vectors is where the vectors of docs/protocol.md are.
const vectors = "../../docs/vectors"

// hexed is bytes that JSON shows in hexadecimal.
type hexed []byte

func (h hexed) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexed) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// The layout of derivation.json.
type derivationVectors struct {
	Chains  []chainVector  `json:"chains"`
	Prekeys []prekeyVector `json:"prekeys"`
	Tags    []tagVector    `json:"tags"`
	Invites []inviteVector `json:"invites"`
	Own     []ownVector    `json:"own_key_ids"`
}

type ownVector struct {
	Member hexed `json:"member_key_seed"`
	Half   hexed `json:"first_half"`
	KeyID  hexed `json:"key_id"`
}

type chainVector struct {
	Iteration  int   `json:"iteration"`
	Chain      hexed `json:"chain_key"`
	Message    hexed `json:"message_key"`
	Commitment hexed `json:"commitment"`
	Next       hexed `json:"next_chain_key"`
}

type prekeyVector struct {
	Seed   hexed `json:"seed"`
	Public hexed `json:"public"`
}

type tagVector struct {
	Prekey hexed `json:"prekey"`
	Sender hexed `json:"sender"`
	KeyID  hexed `json:"key_id"`
	Tag    hexed `json:"tag"`
}

type inviteVector struct {
	Secret hexed `json:"secret"`
	Slot   hexed `json:"slot"`
	Seed   hexed `json:"invite_key_seed"`
	Public hexed `json:"invite_key_public"`
	Blob   hexed `json:"blob_key"`
	Join   hexed `json:"join_key"`
}

// The layout of envelope.json.
type envelopeVectors struct {
	Envelopes []envelopeVector `json:"envelopes"`
	Refused   []refusedVector  `json:"refused"`
}

type envelopeVector struct {
	Name       string            `json:"name"`
	Channel    hexed             `json:"channel"`
	SignSeed   hexed             `json:"sender_signing_seed"`
	Sender     hexed             `json:"sender"`
	KeyID      hexed             `json:"key_id"`
	Iteration  int               `json:"iteration"`
	Chain      hexed             `json:"chain_key"`
	Recipients []recipientVector `json:"recipients"`
	Body       hexed             `json:"body"`
	HeaderHash hexed             `json:"header_hash"`
	Signature  hexed             `json:"signature"`
	Envelope   hexed             `json:"envelope"`
	ID         hexed             `json:"id"`
}

type recipientVector struct {
	Member     hexed `json:"member"`
	PrekeySeed hexed `json:"prekey_seed"`
	Tag        hexed `json:"tag"`
}

type refusedVector struct {
	Why      string `json:"why"`
	Channel  hexed  `json:"channel"`
	Sender   hexed  `json:"sender"`
	Chain    hexed  `json:"chain_key"` // at the iteration that the header names
	Envelope hexed  `json:"envelope"`
}

// The layout of body.json.
type bodyVector struct {
	Kind       string `json:"kind"`
	Diagnostic string `json:"diagnostic"` // RFC 8949, section 8
	Body       hexed  `json:"body"`
}

// The layout of aside.json.
type asideVector struct {
	Name       string `json:"name"`
	Channel    hexed  `json:"channel"`
	Sender     hexed  `json:"sender"`
	Recipient  hexed  `json:"recipient"`
	PrekeySeed hexed  `json:"prekey_seed"`
	Number     int64  `json:"number"`
	Diagnostic string `json:"diagnostic"` // of what is sealed
	Plain      hexed  `json:"plain"`
	Enc        hexed  `json:"enc"`
	Sealed     hexed  `json:"sealed"`
	Refused    bool   `json:"refused,omitempty"` // it opens, and is out of its limits or makes no sense
}

// The layout of invite.json.
type invitesVectors struct {
	Blobs   []blobVector   `json:"blobs"`
	Joins   []joinVector   `json:"joins"`
	Rescues []rescueVector `json:"rescues"`
}

type rescueVector struct {
	Secret     hexed  `json:"secret"`
	Diagnostic string `json:"diagnostic"`
	Rescue     hexed  `json:"rescue"` // CBOR
	Blob       hexed  `json:"blob"`
}

type blobVector struct {
	Name   string `json:"name"`
	Secret hexed  `json:"secret"`
	Card   hexed  `json:"card"`  // CBOR
	Offer  hexed  `json:"offer"` // CBOR
	Blob   hexed  `json:"blob"`
}

type joinVector struct {
	Channel hexed `json:"channel"`
	Secret  hexed `json:"secret"`
	Join    hexed `json:"join"`
	Entry   hexed `json:"entry"`
}

// TestVectors makes all vectors anew, of the same seeds, and compares them with
// docs/vectors byte by byte; with -update it writes them.
func TestVectors(t *testing.T) {
	for file, make := range map[string]func(*testing.T) any{
		"derivation.json": makeDerivations,
		"envelope.json":   makeEnvelopes,
		"body.json":       makeBodies,
		"invite.json":     makeInvites,
		"aside.json":      makeAsides,
	} {
		t.Run(file, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			got := append(must(json.MarshalIndent(make(t), "", "  "))(t), '\n')
			path := filepath.Join(vectors, file)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want := must(os.ReadFile(path))(t)
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what this code makes: if the format was meant to change, go test ./channels/session -update", path)
			}
		})
	}
}

func makeDerivations(t *testing.T) any {
	var v derivationVectors
	chain := seed("alice chain")
	for i := range 3 {
		message, next := messageKey(chain), nextChain(chain)
		shown := commitment(message)
		v.Chains = append(v.Chains, chainVector{i, bytes.Clone(chain[:]), message[:], shown[:], next[:]})
		chain = next
	}
	alice := newPerson(t, "alice")
	for _, name := range []string{"bob", "carol"} {
		p := newPerson(t, name)
		tag := Tag(&p.prekey.Public, alice.member, alice.key.ID)
		v.Prekeys = append(v.Prekeys, prekeyVector{p.prekey.Seed[:], p.prekey.Public[:]})
		v.Tags = append(v.Tags, tagVector{p.prekey.Public[:], alice.member[:], alice.key.ID[:], tag[:]})
	}
	for _, s := range []InviteSecret{{}, {1}, InviteSecret(bytes.Repeat([]byte{0xff}, 16))} {
		k := DeriveInvite(s)
		id := k.ID()
		v.Invites = append(v.Invites, inviteVector{s[:], k.Slot[:], k.Invite.Seed(), id[:], k.Blob[:], k.Join[:]})
	}
	for _, half := range [][8]byte{{}, {1, 2, 3, 4, 5, 6, 7, 8}} {
		member := seed("alice member")
		id := OwnKeyID(member, half)
		v.Own = append(v.Own, ownVector{member[:], half[:], id[:]})
	}
	return v
}

func makeEnvelopes(t *testing.T) any {
	alice, bob, carol, dave := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol"), newPerson(t, "dave")
	invite := DeriveInvite(InviteSecret{7})
	prekey := must(PrekeyFromSeed(seed("invite prekey")))(t)
	slotHolder := &person{member: invite.ID(), prekey: prekey}
	last := newPerson(t, "alice")
	for !last.key.Spent() && last.key.Iteration < MaxIteration {
		last.key = last.key.next()
	}
	long := string(bytes.Repeat([]byte("hubbub "), 1000))
	return envelopeVectors{
		Envelopes: []envelopeVector{
			makeEnvelope(t, "a key envelope for two members", alice, alice.fresh(), bob, carol),
			makeEnvelope(t, "the text after it", alice, Text{Text: "hello"}),
			makeEnvelope(t, "a give, at iteration 2", alice, Give{Prekey: NumberedPrekey{1, alice.prekey.Public}}, dave),
			makeEnvelope(t, "a text of 7,000 bytes", alice, Text{Text: long}),
			makeEnvelope(t, "the last envelope of a sender key", last, Text{Text: "goodbye"}),
			makeEnvelope(t, "a joiner's first key envelope, to the invite prekey", dave, dave.fresh(), slotHolder),
		},
		Refused: makeRefused(t),
	}
}

func makeEnvelope(t *testing.T, name string, from *person, content Content, to ...*person) envelopeVector {
	key := from.key
	sealed := from.seal(t, content, to...)
	v := envelopeVector{
		Name: name, Channel: theChannel[:], SignSeed: from.sign.Seed(), Sender: from.member[:],
		KeyID: key.ID[:], Iteration: key.Iteration, Chain: key.Chain[:],
		Body: sealed.Signed.Body, HeaderHash: sealed.Signed.Header[:], Signature: sealed.Signed.Signature[:],
		Envelope: sealed.Envelope, ID: sealed.ID[:],
	}
	for _, p := range to {
		tag := Tag(&p.prekey.Public, from.member, key.ID)
		v.Recipients = append(v.Recipients, recipientVector{p.member[:], p.prekey.Seed[:], tag[:]})
	}
	return v
}

// makeRefused makes envelopes that are wrong in one thing each, and sealed and
// signed all the same.
func makeRefused(t *testing.T) (v []refusedVector) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	body := must(EncodeBody(alice.says(Text{Text: "hello"})))(t)
	add := func(why string, envelope []byte) {
		if _, _, err := open(envelope, alice.member, alice.chain()); err == nil {
			t.Errorf("%s: taken", why)
		}
		v = append(v, refusedVector{why, theChannel[:], alice.member[:], alice.key.Chain[:], envelope})
	}
	add("the last byte of the padding is 1", spoilt(alice, 1<<10, body, func(p []byte) { p[len(p)-1] = 1 }))
	add("4 KiB where 1 KiB is enough", spoilt(alice, 4<<10, body, func([]byte) {}))
	add("the length of the body leaves no room for the signature", spoilt(alice, 1<<10, body, func(p []byte) { p[2] = 4 }))
	add("one bit of the signature differs", spoilt(alice, 1<<10, body, func(p []byte) { p[lengthSize+len(body)] ^= 1 }))
	add("the body is another member's", spoilt(alice, 1<<10, must(EncodeBody(bob.says(Text{Text: "hello"})))(t), func([]byte) {}))
	add("the body is not canonical: members stands before content", spoilt(alice, 1<<10, reordered(t, body), func([]byte) {}))
	return v
}

// reordered is a body whose last two keys have changed places.
func reordered(t *testing.T, body []byte) []byte {
	t.Helper()
	content := bytes.LastIndex(body, []byte("\x67content"))
	members := bytes.LastIndex(body, []byte("\x67members"))
	if content < 0 || members < content {
		t.Fatal("the order of keys in a body has changed")
	}
	return bytes.Join([][]byte{body[:content], body[members:], body[content:members]}, nil)
}

func makeBodies(t *testing.T) any {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	var v []bodyVector
	all := contents(t)
	for _, kind := range []Kind{KindText, KindOps, KindKey, KindGive, KindPrekey, KindSeen, KindNeed, KindAgain, KindSnapshot, KindAside, KindPrekeys} {
		b := alice.says(all[kind])
		b.Seen = []Head{{bob.member, 9, seed("head")}}
		data := must(EncodeBody(b))(t)
		v = append(v, bodyVector{string(kind), must(cbor.Diagnose(data))(t), data})
	}
	first := must(EncodeBody(Body{From: alice.member, Seq: 1, Content: Text{Text: "first"}}))(t)
	return append(v, bodyVector{string(KindText), must(cbor.Diagnose(first))(t), first})
}

func makeAsides(t *testing.T) any {
	var v []asideVector
	add := func(name string, number int64, plain []byte, refused bool) {
		v = append(v, makeAside(t, name, number, plain))
		v[len(v)-1].Refused = refused
	}
	add("two lines shared", 4, must(encodeWhisper(aShare()))(t), false)
	add("a one-time key to another channel", 0, must(encodeWhisper(aFork()))(t), false)
	add("a text that was lost", 4, must(encodeWhisper(anAgain(newPerson(t, "alice"))))(t), false)
	add("no lines", 4, must(codec.Marshal(wireWhisper{Kind: whisperShare}))(t), true)
	add("lines, and a key beside them", 4, must(codec.Marshal(wireWhisper{Kind: whisperShare, Lines: aShare().Lines, Key: "x"}))(t), true)
	add("of a kind that is not known", 4, must(codec.Marshal(wireWhisper{Kind: "poll"}))(t), true)
	add("a text that is not canonical", 4, append([]byte{0xbf}, append(must(encodeWhisper(aShare()))(t)[1:], 0xff)...), true)
	return v
}

func makeAside(t *testing.T, name string, number int64, plain []byte) asideVector {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	a := sealedAside(t, alice, bob, number, plain)
	return asideVector{
		Name: name, Channel: theChannel[:], Sender: alice.member[:], Recipient: bob.member[:], PrekeySeed: bob.prekey.Seed[:],
		Number: number, Diagnostic: must(cbor.Diagnose(plain))(t), Plain: plain, Enc: a.Enc[:], Sealed: a.Sealed,
	}
}

func makeInvites(t *testing.T) any {
	keys, card, offer := anInvite(t)
	secret := InviteSecret{7}
	renewed := offer
	renewed.Number, renewed.Nicks, renewed.Prekey = 2, []string{"alice"}, newPerson(t, "renewed").prekey.Public
	renewed.Members = nil // as an older gateway makes it
	blob := must(SealBlob(keys, card, offer))(t)
	again := must(RefreshBlob(must(BlobCard(blob))(t), card.Refresh, keys.Slot, renewed))(t)
	encoded := func(v any) hexed { return must(codec.Marshal(v))(t) }
	join := bytes.Repeat([]byte("join "), 60)
	entry := must(SealJoin(theChannel, keys.Slot, keys.Join, join))(t)
	return invitesVectors{
		Blobs: []blobVector{
			{"as the inviter offers it", secret[:], encoded(card), encoded(offer), blob},
			{"refreshed", secret[:], encoded(card), encoded(renewed), again},
		},
		Joins:   []joinVector{{theChannel[:], secret[:], join, entry}},
		Rescues: []rescueVector{makeRescue(t)},
	}
}

func makeRescue(t *testing.T) rescueVector {
	keys, r := aRescue(t)
	secret := InviteSecret{9}
	plain := must(codec.Marshal(r))(t)
	return rescueVector{secret[:], must(cbor.Diagnose(plain))(t), plain, must(SealRescue(keys, r))(t)}
}

// readVectors reads a file of docs/vectors.
func readVectors[T any](t testing.TB, file string) (v T) {
	t.Helper()
	data := must(os.ReadFile(filepath.Join(vectors, file)))(t)
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(file, err)
	}
	return v
}

// TestVectorsOpen opens what the vectors hold with what they say of it.
func TestVectorsOpen(t *testing.T) {
	v := readVectors[envelopeVectors](t, "envelope.json")
	for _, c := range v.Envelopes {
		sender := Member(c.Sender)
		if !bytes.Equal(ed25519.NewKeyFromSeed(c.SignSeed)[32:], c.Sender) {
			t.Errorf("%s: another sender", c.Name)
		}
		e := must(Parse(c.Envelope))(t)
		signed, err := e.Open(Channel(c.Channel), sender, messageKey(Secret(c.Chain)))
		if err != nil || !bytes.Equal(signed.Body, c.Body) || !bytes.Equal(signed.Header[:], c.HeaderHash) {
			t.Errorf("%s: %v", c.Name, err)
		}
		if e.ID() != ID(c.ID) || e.Boxes() != len(c.Recipients) {
			t.Errorf("%s: id or boxes", c.Name)
		}
		for _, r := range c.Recipients {
			prekey := must(PrekeyFromSeed(Secret(r.PrekeySeed)))(t)
			chain, err := e.OpenBox(prekey, Channel(c.Channel), sender, Member(r.Member))
			if err != nil || chain.Chain != Secret(c.Chain) || chain.Iteration != c.Iteration {
				t.Errorf("%s: box %x: %v", c.Name, r.Tag, err)
			}
		}
	}
	for _, c := range v.Refused {
		chain := NewReceiverChain(Member(c.Sender), KeyID{}, Secret(c.Chain), 0)
		if _, _, err := open(c.Envelope, Member(c.Sender), chain); err == nil {
			t.Errorf("taken although %s", c.Why)
		}
	}
	for _, c := range readVectors[[]asideVector](t, "aside.json") {
		a := Aside{Member(c.Recipient), c.Number, [encSize]byte(c.Enc), c.Sealed}
		w, err := a.Open(must(PrekeyFromSeed(Secret(c.PrekeySeed)))(t), Channel(c.Channel), Member(c.Sender))
		if (err == nil) == c.Refused {
			t.Errorf("aside %s: %v", c.Name, err)
		}
		if err == nil && !bytes.Equal(must(encodeWhisper(w))(t), c.Plain) {
			t.Errorf("aside %s holds something else", c.Name)
		}
	}
	invites := readVectors[invitesVectors](t, "invite.json")
	for _, c := range invites.Blobs {
		card, offer, err := OpenBlob(DeriveInvite(InviteSecret(c.Secret)), c.Blob)
		if err != nil || !bytes.Equal(must(codec.Marshal(card))(t), c.Card) || !bytes.Equal(must(codec.Marshal(offer))(t), c.Offer) {
			t.Errorf("blob %s: %v", c.Name, err)
		}
	}
	for _, c := range invites.Joins {
		join, err := OpenJoin(Channel(c.Channel), DeriveInvite(InviteSecret(c.Secret)).Join, c.Entry)
		if err != nil || !bytes.Equal(join, c.Join) {
			t.Error("join:", err)
		}
	}
	for _, c := range invites.Rescues {
		r, err := OpenRescue(DeriveInvite(InviteSecret(c.Secret)), c.Blob)
		if err != nil || !bytes.Equal(must(codec.Marshal(r))(t), c.Rescue) {
			t.Error("rescue:", err)
		}
	}
}
