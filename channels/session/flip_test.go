package session

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// eachFlip calls try with every one of b's bytes changed, in each of these ways.
func eachFlip(b []byte, ways []byte, try func(place int, flipped []byte)) {
	for i := range b {
		for _, way := range ways {
			flipped := bytes.Clone(b)
			flipped[i] ^= way
			try(i, flipped)
		}
	}
}

var allWays = []byte{0x01, 0x80, 0xff}

// oneOf reports whether err is one of these.
func oneOf(err error, these ...error) bool {
	for _, e := range these {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func TestFlippedTextIsRefused(t *testing.T) {
	alice := newPerson(t, "alice")
	chain := alice.chain()
	envelope := alice.seal(t, Text{Text: "hello"}).Envelope
	if _, _, err := open(envelope, alice.member, chain); err != nil {
		t.Fatal(err)
	}
	want := func(place int) []error {
		switch {
		case place == 0, place == 18, place == 19, 44 <= place && place < 48: // version, boxes, total
			return []error{ErrMalformed}
		case place == 17: // iteration: another message key
			return []error{ErrCommitment}
		case 48 <= place && place < headerSize:
			return []error{ErrCommitment}
		}
		return []error{ErrSealed}
	}
	eachFlip(envelope, allWays, func(place int, flipped []byte) {
		if _, _, err := open(flipped, alice.member, chain); !oneOf(err, want(place)...) {
			t.Errorf("byte %d: %v, want %v", place, err, want(place))
		}
	})
	for n := range envelope {
		if _, err := Parse(envelope[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// Bob opens by his own box: a change of any other byte is seen by him as well.
func TestFlippedKeyEnvelopeIsRefused(t *testing.T) {
	alice, bob, carol := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol")
	envelope := alice.seal(t, alice.fresh(), bob, carol).Envelope
	if _, _, err := bob.openBox(envelope, alice.member); err != nil {
		t.Fatal(err)
	}
	eachFlip(envelope, []byte{0x01}, func(place int, flipped []byte) {
		_, _, err := bob.openBox(flipped, alice.member)
		// A flipped key id, or tag, leaves no box for him.
		if !oneOf(err, ErrMalformed, ErrNoBox, ErrSealed, ErrCommitment) {
			t.Errorf("byte %d: %v", place, err)
		}
		if 1 <= place && place < 17 && !errors.Is(err, ErrNoBox) {
			t.Errorf("key id, byte %d: %v", place, err)
		}
	})
}

func TestFlippedBlobIsRefused(t *testing.T) {
	keys, card, offer := anInvite(t)
	blob := must(SealBlob(keys, card, offer))(t)
	eachFlip(blob, allWays, func(place int, flipped []byte) {
		want := ErrSealed
		if place == 0 {
			want = ErrMalformed
		}
		if _, _, err := OpenBlob(keys, flipped); !errors.Is(err, want) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
	for n := range blob {
		if _, _, err := OpenBlob(keys, blob[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestFlippedRescueIsRefused(t *testing.T) {
	keys, r := aRescue(t)
	blob := must(SealRescue(keys, r))(t)
	eachFlip(blob, allWays, func(place int, flipped []byte) {
		want := ErrSealed
		if place == 0 {
			want = ErrMalformed
		}
		if _, err := OpenRescue(keys, flipped); !errors.Is(err, want) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
	for n := range blob {
		if _, err := OpenRescue(keys, blob[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestFlippedJoinIsRefused(t *testing.T) {
	keys, _, _ := anInvite(t)
	entry := must(SealJoin(theChannel, keys.Slot, keys.Join, []byte("a join operation")))(t)
	eachFlip(entry, allWays, func(place int, flipped []byte) {
		want := ErrSealed
		if place == 0 {
			want = ErrMalformed
		}
		if _, err := OpenJoin(theChannel, keys.Join, flipped); !errors.Is(err, want) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
	for n := range entry {
		if _, err := OpenJoin(theChannel, keys.Join, entry[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// A text that came again is refused with any byte of it changed, its id alone
// excepted, which OpenAgain does not know.
func TestFlippedAgainIsRefused(t *testing.T) {
	s := signedText(newPerson(t, "alice"), "hello")
	join := func(s Signed) []byte { return append(append(s.Header[:], s.Signature[:]...), s.Body...) }
	split := func(b []byte) Again { return Again{ID{}, ID(b[:32]), b[96:], [64]byte(b[32:96])} }
	if _, err := OpenAgain(theChannel, split(join(s))); err != nil {
		t.Fatal(err)
	}
	eachFlip(join(s), allWays, func(place int, flipped []byte) {
		if _, err := OpenAgain(theChannel, split(flipped)); !oneOf(err, ErrSignature, ErrMalformed) {
			t.Errorf("byte %d: %v", place, err)
		}
	})
}

// An aside opens as it was sealed, from its sender to its recipient in its channel.
func TestFlippedAsideIsRefused(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	a := must(SealAside(theChannel, alice.member, bob.recipient(), 4, aFork()))(t)
	if _, err := a.Open(bob.prekey, theChannel, alice.member); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, place int, a Aside, channel Channel, sender Member) {
		if _, err := a.Open(bob.prekey, channel, sender); !errors.Is(err, ErrSealed) {
			t.Errorf("%s, byte %d: %v", what, place, err)
		}
	}
	spoilt := func(spoil func(*Aside)) Aside { b := a; spoil(&b); return b }
	eachFlip(a.Enc[:], []byte{0x01}, func(place int, flipped []byte) {
		refused("enc", place, spoilt(func(a *Aside) { a.Enc = [encSize]byte(flipped) }), theChannel, alice.member)
	})
	eachFlip(a.Sealed, allWays, func(place int, flipped []byte) {
		refused("sealed", place, spoilt(func(a *Aside) { a.Sealed = flipped }), theChannel, alice.member)
	})
	eachFlip(bob.member[:], allWays, func(place int, flipped []byte) {
		refused("recipient", place, spoilt(func(a *Aside) { a.For = Member(flipped) }), theChannel, alice.member)
	})
	eachFlip(theChannel[:], allWays, func(place int, flipped []byte) {
		refused("channel", place, a, Channel(flipped), alice.member)
	})
	eachFlip(alice.member[:], allWays, func(place int, flipped []byte) {
		refused("sender", place, a, theChannel, Member(flipped))
	})
	for n := range a.Sealed {
		refused("cut", n, spoilt(func(a *Aside) { a.Sealed = a.Sealed[:n] }), theChannel, alice.member)
	}
}

// derivation is a function of byte strings.
type derivation struct {
	inputs [][]byte
	derive func(in [][]byte) []byte
}

// derivations are all that this package derives, hashes, signs or authenticates
// of its inputs.
func derivations(t *testing.T) map[string]derivation {
	alice := newPerson(t, "alice")
	secret, channel, sender, recipient := seed("secret"), theChannel, alice.member, seed("recipient")
	keyID, invite, prekey := KeyID{1}, InviteSecret{2}, alice.prekey.Public
	in := func(b ...[]byte) [][]byte { return b }
	of := func(f func(Secret) Secret) func([][]byte) []byte {
		return func(in [][]byte) []byte { out := f(Secret(in[0])); return out[:] }
	}
	ofInvite := func(f func(InviteKeys) []byte) func([][]byte) []byte {
		return func(in [][]byte) []byte { return f(DeriveInvite(InviteSecret(in[0]))) }
	}
	return map[string]derivation{
		"message key":    {in(secret[:]), of(messageKey)},
		"next chain key": {in(secret[:]), of(nextChain)},
		"commitment":     {in(secret[:]), of(commitment)},
		"prekey": {in(secret[:]), func(in [][]byte) []byte {
			p := must(PrekeyFromSeed(Secret(in[0])))(t)
			return p.Public[:]
		}},
		"tag": {in(prekey[:], sender[:], keyID[:]), func(in [][]byte) []byte {
			tag := Tag((*PrekeyPublic)(in[0]), Member(in[1]), KeyID(in[2]))
			return tag[:]
		}},
		"own key id": {in(secret[:], make([]byte, 8)), func(in [][]byte) []byte {
			id := OwnKeyID(Secret(in[0]), [8]byte(in[1]))
			return id[8:]
		}},
		"box info": {in(channel[:], sender[:], recipient[:], keyID[:]), func(in [][]byte) []byte {
			return boxInfo(Channel(in[0]), Member(in[1]), Member(in[2]), KeyID(in[3]))
		}},
		"aside info": {in(channel[:], sender[:], recipient[:]), func(in [][]byte) []byte {
			return asideInfo(Channel(in[0]), Member(in[1]), Member(in[2]))
		}},
		"signed": {in(channel[:], secret[:], []byte("body")), func(in [][]byte) []byte {
			return Signed{Header: ID(in[1]), Body: in[2]}.message(Channel(in[0]))
		}},
		"slot":        {in(invite[:]), ofInvite(func(k InviteKeys) []byte { return k.Slot[:] })},
		"invite key":  {in(invite[:]), ofInvite(func(k InviteKeys) []byte { return k.Invite.Seed() })},
		"invite id":   {in(invite[:]), ofInvite(func(k InviteKeys) []byte { id := k.ID(); return id[:] })},
		"blob key":    {in(invite[:]), ofInvite(func(k InviteKeys) []byte { return k.Blob[:] })},
		"join key":    {in(invite[:]), ofInvite(func(k InviteKeys) []byte { return k.Join[:] })},
		"card data":   {in(invite[:]), func(in [][]byte) []byte { return cardAAD(Slot(in[0])) }},
		"offer data":  {in(invite[:], make([]byte, 1+CardSize)), func(in [][]byte) []byte { return offerAAD(Slot(in[0]), in[1]) }},
		"rescue data": {in(invite[:]), func(in [][]byte) []byte { return rescueAAD(Slot(in[0])) }},
		"join data":   {in(channel[:], make([]byte, 17)), func(in [][]byte) []byte { return joinAAD(Channel(in[0]), in[1]) }},
	}
}

// Each derivation depends on every byte of each of its inputs, and no two give
// the same of one input.
func TestEachInputOfEachDerivation(t *testing.T) {
	seen := map[string]string{}
	for name, d := range derivations(t) {
		out := d.derive(d.inputs)
		if !bytes.Equal(out, d.derive(d.inputs)) {
			t.Errorf("%s: not a function of its inputs", name)
		}
		if other, ok := seen[string(out)]; ok {
			t.Errorf("%s and %s are the same", name, other)
		}
		seen[string(out)] = name
		for i := range d.inputs {
			eachFlip(d.inputs[i], []byte{0x01}, func(place int, flipped []byte) {
				changed := append([][]byte(nil), d.inputs...)
				changed[i] = flipped
				if bytes.Equal(out, d.derive(changed)) {
					t.Errorf("%s does not depend on byte %d of input %d", name, place, i)
				}
			})
		}
	}
}

// A box opens for one channel, sender, recipient and key id, and no other.
func TestBoxIsBoundToItsInfo(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	e := must(Parse(alice.seal(t, alice.fresh(), bob).Envelope))(t)
	if _, err := e.OpenBox(bob.prekey, theChannel, alice.member, bob.member); err != nil {
		t.Fatal(err)
	}
	eachFlip(theChannel[:], allWays, func(place int, flipped []byte) {
		if _, err := e.OpenBox(bob.prekey, Channel(flipped), alice.member, bob.member); !errors.Is(err, ErrSealed) {
			t.Errorf("channel byte %d: %v", place, err)
		}
	})
	eachFlip(bob.member[:], allWays, func(place int, flipped []byte) {
		if _, err := e.OpenBox(bob.prekey, theChannel, alice.member, Member(flipped)); !errors.Is(err, ErrSealed) {
			t.Errorf("recipient byte %d: %v", place, err)
		}
	})
	eachFlip(alice.member[:], allWays, func(place int, flipped []byte) {
		if _, err := e.OpenBox(bob.prekey, theChannel, Member(flipped), bob.member); !errors.Is(err, ErrNoBox) {
			t.Errorf("sender byte %d: %v", place, err)
		}
	})
}

// An envelope opens in one channel, as one sender's, with one message key.
func TestOpenIsBoundToChannelAndSender(t *testing.T) {
	alice := newPerson(t, "alice")
	key := messageKey(alice.key.Chain)
	e := must(Parse(alice.seal(t, Text{Text: "hello"}).Envelope))(t)
	eachFlip(theChannel[:], allWays, func(place int, flipped []byte) {
		if _, err := e.Open(Channel(flipped), alice.member, key); !errors.Is(err, ErrSignature) {
			t.Errorf("channel byte %d: %v", place, err)
		}
	})
	eachFlip(alice.member[:], allWays, func(place int, flipped []byte) {
		if _, err := e.Open(theChannel, Member(flipped), key); !errors.Is(err, ErrSignature) {
			t.Errorf("sender byte %d: %v", place, err)
		}
	})
	eachFlip(key[:], allWays, func(place int, flipped []byte) {
		if _, err := e.Open(theChannel, alice.member, Secret(flipped)); !errors.Is(err, ErrCommitment) {
			t.Errorf("message key byte %d: %v", place, err)
		}
	})
}

// No label of hubbub/1 is used twice in the house, and none begins another.
func TestLabelsAreDistinct(t *testing.T) {
	files, err := filepath.Glob("../*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	literal := regexp.MustCompile(`(?m)^\s*(?:const )?label\w+\s*= "(hubbub/1 [^"]*)"`)
	var labels []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text := must(os.ReadFile(file))(t)
		for _, m := range literal.FindAllSubmatch(text, -1) {
			labels = append(labels, string(m[1]))
		}
	}
	if len(labels) < 13 {
		t.Fatalf("only %d labels found", len(labels))
	}
	for i, a := range labels {
		for j, b := range labels {
			if i != j && strings.HasPrefix(a, b) {
				t.Errorf("%q begins %q", b, a)
			}
		}
	}
}
