package session

import (
	"fmt"
	"strings"
	"testing"
)

// A text of 200 bytes, as the core seals and opens one: body, chain and all.
func BenchmarkSealText(b *testing.B) {
	alice := newPerson(b, "alice")
	body := alice.says(Text{Text: strings.Repeat("x", 200)})
	b.ReportAllocs()
	for b.Loop() {
		data, err := EncodeBody(body)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Seal(Sealing{Channel: theChannel, From: alice.sign, Key: alice.key, Body: data}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenText(b *testing.B) {
	alice := newPerson(b, "alice")
	chain := alice.chain()
	envelope := alice.seal(b, Text{Text: strings.Repeat("x", 200)}).Envelope
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := open(envelope, alice.member, chain); err != nil {
			b.Fatal(err)
		}
	}
}

// A key envelope for so many others, each of whom opens one box of it.
func BenchmarkSealKey(b *testing.B) {
	for _, n := range []int{1, 7, 49} {
		b.Run(fmt.Sprintf("boxes=%d", n), func(b *testing.B) {
			alice, others := newPerson(b, "alice"), crowd(b, n)
			key := alice.key
			b.ReportAllocs()
			for b.Loop() {
				alice.key = key
				alice.seal(b, alice.fresh(), others...)
			}
		})
	}
}

func BenchmarkOpenKey(b *testing.B) {
	for _, n := range []int{1, 7, 49} {
		b.Run(fmt.Sprintf("boxes=%d", n), func(b *testing.B) {
			alice, others := newPerson(b, "alice"), crowd(b, n)
			envelope := alice.seal(b, alice.fresh(), others...).Envelope
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := others[0].openBox(envelope, alice.member); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func crowd(t testing.TB, n int) (people []*person) {
	for i := range n {
		people = append(people, newPerson(t, fmt.Sprint("member ", i)))
	}
	return people
}

// An aside of a hundred lines, as it is sealed and opened.
func BenchmarkAside(b *testing.B) {
	alice, bob := newPerson(b, "alice"), newPerson(b, "bob")
	share := Share{linesOf(100, 200)}
	a := must(SealAside(theChannel, alice.member, bob.recipient(), 4, share))(b)
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			if _, err := SealAside(theChannel, alice.member, bob.recipient(), 4, share); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := a.Open(bob.prekey, theChannel, alice.member); err != nil {
				b.Fatal(err)
			}
		}
	})
}
