package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSplitKeepsFormatting(t *testing.T) {
	x := strings.Repeat("x", 60)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"short", []string{"short"}},
		{"", []string{" "}},
		{"a\r\nb\n\n", []string{"a", "b"}},
		{x + " yyyyyyyy", []string{x, "yyyyyyyy"}},
		{"\x02" + x + " bold", []string{"\x02" + x, "\x02bold"}},
		{"\x02b\x02" + x + " plain", []string{"\x02b\x02" + x, "plain"}},
		{"\x0304,08" + x + " red", []string{"\x0304,08" + x[:58], "\x0304,08xx red"}},
		{x + "xx\x0304red", []string{x + "xx", "\x0304red"}},
		{"\x0304\x02\x0f" + x + " y", []string{"\x0304\x02\x0f" + x[:59], "x y"}},
		{strings.Repeat("ü", 40), []string{strings.Repeat("ü", 32), strings.Repeat("ü", 8)}},
	} {
		if got := splitText(c.text, 64); !slices.Equal(got, c.want) {
			t.Errorf("%q:\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

// Whatever the text, the pieces fit, are UTF-8, and hold all of it but spaces
// at the cuts and formatting.
func TestSplitLosesNothing(t *testing.T) {
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(" \n", r) {
				return -1
			}
			return r
		}, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := cleanText(rapid.StringOfN(rapid.SampledFrom([]rune("ab c\n ü€😀")), 0, 600, -1).Draw(t, "text"))
		n := rapid.IntRange(64, 200).Draw(t, "n")
		pieces := splitText(text, n)
		for _, p := range pieces {
			if len(p) > n || len(p) == 0 || !utf8.ValidString(p) {
				t.Fatalf("piece %q of %q", p, text)
			}
		}
		if bare(strings.Join(pieces, "")) != bare(text) {
			t.Fatalf("%q became %q", text, pieces)
		}
	})
	rapid.Check(t, func(t *rapid.T) { // with formatting, that it ends and fits
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab \x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f019,fü")), 0, 900, -1).Draw(t, "text")
		for _, p := range splitText(text, 64) {
			if len(p) > 64 {
				t.Fatalf("piece %q", p)
			}
		}
	})
}
