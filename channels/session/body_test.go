package session

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

// contents is one content of every kind that hubbub/1 knows.
func contents(t testing.TB) map[Kind]Content {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	prekey := NumberedPrekey{3, alice.prekey.Public}
	keys := DeriveInvite(InviteSecret{5})
	card := bytes.Repeat([]byte{6}, CardSize)
	invites := []OpenInvite{{keys.ID(), keys.Slot, 2, keys.Join, seed("invite prekey"), seed("refresh"), card}}
	lost := signedText(alice, "hello again")
	return map[Kind]Content{
		KindText:     Text{Text: "grüße", Style: StyleAction},
		KindOps:      Ops{Ops: [][]byte{{1, 2}, {3}}, Invites: invites},
		KindKey:      FreshKey{prekey},
		KindGive:     Give{prekey, invites},
		KindPrekey:   FreshPrekey{prekey},
		KindSeen:     Seen{},
		KindNeed:     Need{IDs: []ID{{1}, {2}}, Keys: []KeyName{{bob.member, KeyID{4}}}, Heads: []ID{{3}, {5}}},
		KindAgain:    Again{seed("lost"), lost.Header, lost.Body, lost.Signature},
		KindSnapshot: Snapshot{Index: 1, Count: 2, Ops: [][]byte{{1, 2}, {3}}},
		KindPrekeys:  Prekeys{[]Shown{shownBy(bob, FreshPrekey{NumberedPrekey{9, bob.prekey.Public}})}},
		KindAside:    Asides{[]Aside{must(SealAside(theChannel, alice.member, bob.recipient(), 4, aShare()))(t)}},
	}
}

// signedText is a text of p's as its envelope held it.
func signedText(p *person, text string) Signed { return signedBy(p, Text{Text: text}) }

// shownBy is what p's envelope with a content held, to be handed on.
func shownBy(p *person, c Content) Shown {
	s := signedBy(p, c)
	return Shown{s.Header, s.Body, s.Signature}
}

// signedBy is a content of p's as its envelope held it.
func signedBy(p *person, c Content) Signed {
	body, err := EncodeBody(p.says(c))
	if err != nil {
		panic(err)
	}
	sealed, err := Seal(Sealing{Channel: theChannel, From: p.sign, Key: p.key, Body: body})
	if err != nil {
		panic(err)
	}
	return sealed.Signed
}

func TestBodiesRoundTrip(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	for kind, content := range contents(t) {
		if content.Kind() != kind {
			t.Errorf("%T is of kind %q, not %q", content, content.Kind(), kind)
		}
		want := alice.says(content)
		want.Seen = []Head{{bob.member, 9, seed("head")}}
		data := must(EncodeBody(want))(t)
		got, err := DecodeBody(data, alice.member)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
		if _, err := DecodeBody(data, bob.member); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: taken as another's: %v", kind, err)
		}
		if _, err := DecodeBody(append(data, 0), alice.member); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: taken with a byte more: %v", kind, err)
		}
	}
}

// What EncodeBody refuses, DecodeBody refuses too: values a lenient peer sends.
func TestBodyRefused(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	head := func(from Member, seq int64, id ID) Head { return Head{from, seq, id} }
	nine := make([]Head, MaxSeen+1)
	for i := range nine {
		nine[i] = head(Member{byte(i + 1)}, 1, ID{1})
	}
	for name, spoil := range map[string]func(*Body){
		"seq 0":               func(b *Body) { b.Seq, b.Prev = 0, ID{} },
		"negative seq":        func(b *Body) { b.Seq = -1 },
		"seq too high":        func(b *Body) { b.Seq = MaxNumber + 1 },
		"first with a prev":   func(b *Body) { b.Seq = 1 },
		"second without one":  func(b *Body) { b.Prev = ID{} },
		"negative time":       func(b *Body) { b.Time = -1 },
		"time beyond 9999":    func(b *Body) { b.Time = MaxTime + 1 },
		"negative count":      func(b *Body) { b.Members.Count = -1 },
		"count too high":      func(b *Body) { b.Members.Count = MaxNumber + 1 },
		"nine heads":          func(b *Body) { b.Seen = nine },
		"own head":            func(b *Body) { b.Seen = []Head{head(alice.member, 1, ID{1})} },
		"head with seq 0":     func(b *Body) { b.Seen = []Head{head(bob.member, 0, ID{1})} },
		"head too high":       func(b *Body) { b.Seen = []Head{head(bob.member, MaxNumber+1, ID{1})} },
		"head without id":     func(b *Body) { b.Seen = []Head{head(bob.member, 1, ID{})} },
		"two heads of one":    func(b *Body) { b.Seen = []Head{head(bob.member, 1, ID{1}), head(bob.member, 2, ID{2})} },
		"content of limits":   func(b *Body) { b.Content = Text{} },
		"content of no limit": func(b *Body) { b.Content = Text{Text: strings.Repeat("x", MaxText+1)} },
	} {
		b := alice.says(Text{Text: "x"})
		spoil(&b)
		if _, err := EncodeBody(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: encoded: %v", name, err)
		}
		if _, err := DecodeBody(raw(t, b), alice.member); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: decoded: %v", name, err)
		}
	}
	for _, content := range []Content{nil, Unknown{"poll"}} {
		if _, err := EncodeBody(alice.says(content)); !errors.Is(err, ErrMalformed) {
			t.Errorf("encoded %v: %v", content, err)
		}
	}
}

// raw encodes a body without asking whether it is in its limits.
func raw(t testing.TB, b Body) []byte {
	t.Helper()
	content := must(codec.Marshal(b.Content))(t)
	return must(codec.Marshal(wireBody{b.From, b.Seq, b.Prev, b.Seen, b.Time, b.Members, b.Content.Kind(), content}))(t)
}

func TestContentRefused(t *testing.T) {
	alice := newPerson(t, "alice")
	prekey := NumberedPrekey{1, alice.prekey.Public}
	invite := OpenInvite{Number: 1, Card: make([]byte, CardSize)}
	manyOps := [][]byte{make([]byte, MaxOps), {1}}
	for name, content := range map[string]Content{
		"empty text":             Text{},
		"text not in UTF-8":      Text{Text: "a\xff"},
		"long text":              Text{Text: strings.Repeat("x", MaxText+1)},
		"style":                  Text{Text: "x", Style: "shout"},
		"no ops":                 Ops{},
		"an empty op":            Ops{Ops: [][]byte{{}}},
		"too many ops":           Ops{Ops: manyOps},
		"too many invites":       Ops{Invites: make([]OpenInvite, MaxInvites+1)},
		"invite number 0":        Ops{Invites: []OpenInvite{{Card: invite.Card}}},
		"invite number too high": Ops{Invites: []OpenInvite{{Number: MaxNumber + 1, Card: invite.Card}}},
		"a short card":           Give{prekey, []OpenInvite{{Number: 1, Card: invite.Card[1:]}}},
		"a give without prekey":  Give{Invites: []OpenInvite{invite}},
		"prekey number -1":       FreshKey{NumberedPrekey{-1, prekey.Public}},
		"prekey number too high": FreshPrekey{NumberedPrekey{MaxNumber + 1, prekey.Public}},
		"no prekey":              FreshPrekey{NumberedPrekey{1, PrekeyPublic{}}},
		"nothing needed":         Need{},
		"too much needed":        Need{IDs: make([]ID, MaxNeed+1)},
		"too many keys needed":   Need{Keys: make([]KeyName, MaxNeed+1)},
		"too many heads":         Need{Heads: ascending(MaxHeads + 1)},
		"heads descending":       Need{Heads: []ID{{2}, {1}}},
		"a head twice":           Need{Heads: []ID{{1}, {1}}},
		"nothing again":          Again{},
		"piece 2 of 2":           Snapshot{2, 2, [][]byte{{1}}},
		"piece -1":               Snapshot{-1, 2, [][]byte{{1}}},
		"piece of none":          Snapshot{0, 0, [][]byte{{1}}},
		"too many pieces":        Snapshot{0, MaxPieces + 1, [][]byte{{1}}},
		"an empty piece":         Snapshot{0, 1, nil},
		"a large piece":          Snapshot{0, 1, manyOps},
		"no prekeys":             Prekeys{},
		"no body of a prekey":    Prekeys{[]Shown{{}}},
		"too many prekeys":       Prekeys{slices.Repeat([]Shown{{Body: []byte{1}}}, MaxShownPrekeys+1)},
		"too long prekeys":       Prekeys{[]Shown{{Body: make([]byte, MaxShownBytes)}, {Body: []byte{1}}}},
		"no asides":              Asides{},
		"too many asides":        Asides{asidesFor(MaxAsides + 1)},
		"two asides for one":     Asides{[]Aside{asidesFor(1)[0], asidesFor(1)[0]}},
		"asides descending":      Asides{[]Aside{asidesFor(2)[1], asidesFor(2)[0]}},
		"aside number -1":        Asides{[]Aside{{Number: -1, Sealed: make([]byte, 17)}}},
		"aside number too high":  Asides{[]Aside{{Number: MaxNumber + 1, Sealed: make([]byte, 17)}}},
		"an aside of a tag":      Asides{[]Aside{{Sealed: make([]byte, 16)}}},
		"a long aside":           Asides{[]Aside{{Sealed: make([]byte, MaxAside+17)}}},
		"an unknown kind":        Unknown{"Shout"},
		"a nameless kind":        Unknown{""},
		"a long name":            Unknown{"abcdefghijklmnopq"},
	} {
		b := alice.says(content)
		if _, err := EncodeBody(b); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrPrekey) {
			t.Errorf("%s: encoded: %v", name, err)
		}
		if _, err := DecodeBody(raw(t, b), alice.member); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrPrekey) {
			t.Errorf("%s: decoded: %v", name, err)
		}
	}
}

// ascending are n ids in order.
func ascending(n int) []ID {
	ids := make([]ID, n)
	for i := range ids {
		ids[i][0] = byte(i)
	}
	return ids
}

// asidesFor are n asides in order, with nothing in them.
func asidesFor(n int) []Aside {
	asides := make([]Aside, n)
	for i := range asides {
		asides[i].For[0], asides[i].Sealed = byte(i), make([]byte, asideMinimum)
	}
	return asides
}

// Each of what a need asks for may stand alone, up to its limit.
func TestNeedsTaken(t *testing.T) {
	alice := newPerson(t, "alice")
	for name, need := range map[string]Need{
		"ids":   {IDs: make([]ID, MaxNeed)},
		"keys":  {Keys: make([]KeyName, MaxNeed)},
		"heads": {Heads: ascending(MaxHeads)},
	} {
		data, err := EncodeBody(alice.says(need))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b, err := DecodeBody(data, alice.member); err != nil || !reflect.DeepEqual(b.Content, need) {
			t.Errorf("%s: %+v, %v", name, b.Content, err)
		}
	}
}

// A kind of a later hubbub is read as far as any body can be.
func TestUnknownKind(t *testing.T) {
	alice := newPerson(t, "alice")
	content := must(codec.Marshal(map[string]int{"votes": 3}))(t)
	w := wireBody{From: alice.member, Seq: 1, Kind: "poll", Content: content}
	b, err := DecodeBody(must(codec.Marshal(w))(t), alice.member)
	if err != nil || b.Content != (Unknown{"poll"}) || b.Seq != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	w.Kind = KindText
	if _, err := DecodeBody(must(codec.Marshal(w))(t), alice.member); !errors.Is(err, ErrMalformed) {
		t.Errorf("a text with another kind's content: %v", err)
	}
	w.Kind, w.Content = KindSeen, must(codec.Marshal(nil))(t)
	if _, err := DecodeBody(must(codec.Marshal(w))(t), alice.member); !errors.Is(err, ErrMalformed) {
		t.Errorf("null for a content: %v", err)
	}
}

func TestAgain(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	lost := signedText(alice, "hello")
	again := Again{seed("lost"), lost.Header, lost.Body, lost.Signature}
	b, err := OpenAgain(theChannel, again)
	if err != nil || b.From != alice.member || b.Content.(Text).Text != "hello" {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := OpenAgain(Channel{1}, again); !errors.Is(err, ErrSignature) {
		t.Error("taken in another channel:", err)
	}
	for name, spoil := range map[string]func(*Again){
		"header":    func(a *Again) { a.Header[0] ^= 1 },
		"signature": func(a *Again) { a.Signature[0] ^= 1 },
		"body":      func(a *Again) { a.Body = signedText(alice, "jello").Body },
		"sender":    func(a *Again) { a.Body = signedText(bob, "hello").Body },
	} {
		a := again
		spoil(&a)
		if _, err := OpenAgain(theChannel, a); !errors.Is(err, ErrSignature) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	again.Body = must(EncodeBody(alice.says(again)))(t)
	if _, err := OpenAgain(theChannel, again); !errors.Is(err, ErrMalformed) {
		t.Error("an again again:", err)
	}
}
