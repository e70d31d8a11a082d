package session

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"hubbub/channels/codec"
)

func aShare() Share {
	return Share{[]Line{
		{Nick: "carol", Time: 1767225500000, Text: "grüße\nan alle"},
		{Nick: "alice", Time: 1767225501000, Text: "waves", Style: StyleAction},
	}}
}

func aFork() Fork {
	return Fork{Key: "HTTPS://EXAMPLE.ORG/#ABC", Name: "#new", Expires: 1767830000000}
}

func anAgain(p *person) Again {
	lost := signedText(p, "hello again")
	return Again{seed("lost"), lost.Header, lost.Body, lost.Signature}
}

// sealedAside seals anything as an aside.
func sealedAside(t testing.TB, from, to *person, number int64, plain []byte) Aside {
	t.Helper()
	public := must(hpke.MLKEM768X25519().NewPublicKey(to.prekey.Public[:]))(t)
	sealed := must(hpke.Seal(public, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), asideInfo(theChannel, from.member, to.member), plain))(t)
	return Aside{to.member, number, [encSize]byte(sealed), sealed[encSize:]}
}

func TestAsideRoundTrip(t *testing.T) {
	alice, bob, carol := newPerson(t, "alice"), newPerson(t, "bob"), newPerson(t, "carol")
	for _, want := range []Whisper{aShare(), aFork(), anAgain(alice)} {
		a := must(SealAside(theChannel, alice.member, bob.recipient(), 4, want))(t)
		if got, err := a.Open(bob.prekey, theChannel, alice.member); err != nil || !reflect.DeepEqual(got, want) || a.For != bob.member || a.Number != 4 {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := a.Open(carol.prekey, theChannel, alice.member); !errors.Is(err, ErrSealed) {
			t.Error("opened by another member:", err)
		}
		// Carol copies what alice has sealed into an envelope of her own.
		if _, err := a.Open(bob.prekey, theChannel, carol.member); !errors.Is(err, ErrSealed) {
			t.Error("passed on as another's own:", err)
		}
		if _, err := a.Open(Prekey{}, theChannel, alice.member); !errors.Is(err, ErrPrekey) {
			t.Error("opened without a key:", err)
		}
	}
	if _, err := SealAside(theChannel, alice.member, Recipient{Member: bob.member}, 4, aFork()); !errors.Is(err, ErrPrekey) {
		t.Error("sealed to no prekey:", err)
	}
}

// What SealAside refuses, Open refuses too.
func TestAsideRefused(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	line := func(spoil func(*Line)) Share {
		s := aShare()
		spoil(&s.Lines[1])
		return s
	}
	fork := func(spoil func(*Fork)) Fork {
		f := aFork()
		spoil(&f)
		return f
	}
	for name, w := range map[string]Whisper{
		"no lines":           Share{},
		"too many lines":     Share{linesOf(MaxLines+1, 1)},
		"too much":           Share{linesOf(2, MaxText)},
		"no nick":            line(func(l *Line) { l.Nick = "" }),
		"a long nick":        line(func(l *Line) { l.Nick = strings.Repeat("x", MaxLineNick+1) }),
		"a nick not UTF-8":   line(func(l *Line) { l.Nick = "\xff" }),
		"an empty line":      line(func(l *Line) { l.Text = "" }),
		"a long line":        line(func(l *Line) { l.Text = strings.Repeat("x", MaxText+1) }),
		"a line not UTF-8":   line(func(l *Line) { l.Text = "\xff" }),
		"a style":            line(func(l *Line) { l.Style = "shout" }),
		"a negative time":    line(func(l *Line) { l.Time = -1 }),
		"a time beyond 9999": line(func(l *Line) { l.Time = MaxTime + 1 }),
		"no key":             fork(func(f *Fork) { f.Key = "" }),
		"a long key":         fork(func(f *Fork) { f.Key = strings.Repeat("x", MaxForkKey+1) }),
		"a key not UTF-8":    fork(func(f *Fork) { f.Key = "\xff" }),
		"no name":            fork(func(f *Fork) { f.Name = "" }),
		"a long name":        fork(func(f *Fork) { f.Name = strings.Repeat("x", MaxForkName+1) }),
		"a name not UTF-8":   fork(func(f *Fork) { f.Name = "\xff" }),
		"no expiry":          fork(func(f *Fork) { f.Expires = 0 }),
		"it never expires":   fork(func(f *Fork) { f.Expires = MaxTime + 1 }),
		"nothing again":      Again{},
		"too much again":     Again{Body: make([]byte, MaxAside)},
	} {
		if _, err := SealAside(theChannel, alice.member, bob.recipient(), 4, w); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLong) {
			t.Errorf("%s: sealed: %v", name, err)
		}
		plain := must(codec.Marshal(w.wire()))(t)
		if _, err := sealedAside(t, alice, bob, 4, plain).Open(bob.prekey, theChannel, alice.member); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
	for name, v := range map[string]wireWhisper{
		"an unknown kind":     {Kind: "poll"},
		"no kind":             {Lines: aShare().Lines},
		"lines with a name":   {Kind: whisperShare, Lines: aShare().Lines, Name: "#new"},
		"lines with a key":    {Kind: whisperShare, Lines: aShare().Lines, Key: "x"},
		"lines that expire":   {Kind: whisperShare, Lines: aShare().Lines, Expires: 1},
		"a key, and lines":    {Kind: whisperFork, Lines: aShare().Lines, Key: "x", Name: "#new", Expires: 1},
		"an empty map inside": {},
		"lines, and again":    {Kind: whisperShare, Lines: aShare().Lines, Again: &Again{Body: []byte{1}}},
		"a key, and again":    {Kind: whisperFork, Key: "x", Name: "#new", Expires: 1, Again: &Again{Body: []byte{1}}},
		"again, and lines":    {Kind: whisperAgain, Lines: aShare().Lines, Again: &Again{Body: []byte{1}}},
		"again, and a key":    {Kind: whisperAgain, Key: "x", Again: &Again{Body: []byte{1}}},
		"again, of nothing":   {Kind: whisperAgain},
	} {
		if _, err := sealedAside(t, alice, bob, 4, must(codec.Marshal(v))(t)).Open(bob.prekey, theChannel, alice.member); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
}

// linesOf are n lines of so many bytes.
func linesOf(n, size int) []Line {
	lines := make([]Line, n)
	for i := range lines {
		lines[i] = Line{Nick: "carol", Time: int64(i), Text: strings.Repeat("x", size)}
	}
	return lines
}

// However long lines are, they come through in order, each share in one envelope.
func TestSharesFit(t *testing.T) {
	alice, bob := newPerson(t, "alice"), newPerson(t, "bob")
	full := alice.says(nil)
	for i := range MaxSeen {
		full.Seen = append(full.Seen, Head{Member{byte(i)}, MaxNumber, ID{1}})
	}
	full.Seq, full.Members.Count = MaxNumber, MaxNumber
	for _, c := range []struct{ lines, size, shares int }{
		{1, 1, 1}, {500, 1, 1}, {500, 100, 2}, {3, MaxText, 3}, {501, 1, 2}, {100, 5000, 10}, {2, 28_900, 1}, {0, 0, 0},
	} {
		lines := linesOf(c.lines, c.size)
		for i := range lines {
			lines[i].Nick, lines[i].Time = strings.Repeat("n", MaxLineNick), MaxTime-int64(c.lines-i)
			lines[i].Style = StyleAction
		}
		shares := Shares(lines)
		var got []Line
		for _, s := range shares {
			got = append(got, s.Lines...)
			b := full
			b.Content = Asides{[]Aside{must(SealAside(theChannel, alice.member, bob.recipient(), MaxNumber, s))(t)}}
			if body := must(EncodeBody(b))(t); len(body) > MaxBody {
				t.Errorf("%d lines of %d bytes make a body of %d bytes", c.lines, c.size, len(body))
			}
		}
		if len(shares) != c.shares || len(got) != len(lines) || len(got) > 0 && !reflect.DeepEqual(got, lines) {
			t.Errorf("%d lines of %d bytes make %d shares of %d lines", c.lines, c.size, len(shares), len(got))
		}
	}
	bad := append(linesOf(1, MaxText+1), Line{Nick: "carol", Text: "good"})
	if shares := Shares(bad); fmt.Sprint(shares) != "[{[{carol 0 good }]}]" {
		t.Error("a line that no aside takes:", shares)
	}
}
