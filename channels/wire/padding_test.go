package wire

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

// The definition in the paper, with floating-point logarithms.
func padme(n int) int {
	e := math.Floor(math.Log2(float64(n)))
	s := math.Floor(math.Log2(e)) + 1
	last := e - s
	mask := int(math.Pow(2, last)) - 1
	return (n + mask) &^ mask
}

func TestPaddedSize(t *testing.T) {
	for n := range 2 << 20 {
		got := paddedSize(n)
		want := MinPad
		if n > MinPad {
			want = padme(n)
		}
		if got != want || got < n || paddedSize(got) != got {
			t.Fatalf("%d is padded to %d, not %d", n, got, want)
		}
		if n > MinPad && float64(got-n) > 0.12*float64(n) {
			t.Fatalf("%d is padded to %d, more than 12 %%", n, got)
		}
	}
}

func TestPadUnpad(t *testing.T) {
	for _, n := range []int{0, 1, 1019, 1020, 1021, 1024, 4000, 65536, 1 << 20} {
		data := bytes.Repeat([]byte{0xab}, n)
		padded, err := pad(data, 2<<20)
		if err != nil {
			t.Fatal(n, err)
		}
		back, err := unpad(padded)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if _, err := pad(make([]byte, 1025), 1024); !errors.Is(err, ErrTooLarge) {
		t.Error("too large:", err)
	}
}

// Each is a second way to write what has a right one, or no way at all.
func TestPaddingRefused(t *testing.T) {
	right, err := pad([]byte("hello"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(right)) }
	for name, padded := range map[string][]byte{
		"nothing":              {},
		"three bytes":          {0, 0, 0},
		"no padding":           right[:9],
		"a byte short":         right[:MinPad-1],
		"a byte more":          append(bytes.Clone(right), 0),
		"padded further":       append(bytes.Clone(right), make([]byte, MinPad)...),
		"first byte of zeros":  change(func(b []byte) []byte { b[9] = 1; return b }),
		"last byte of zeros":   change(func(b []byte) []byte { b[MinPad-1] = 1; return b }),
		"length beyond":        change(func(b []byte) []byte { b[2] = 4; return b }),
		"length of 4 GiB":      change(func(b []byte) []byte { copy(b, "\xff\xff\xff\xff"); return b }),
		"length of 2 GiB":      change(func(b []byte) []byte { b[0] = 0x80; return b }),
		"length cuts the data": change(func(b []byte) []byte { b[3]--; return b }),
	} {
		if data, err := unpad(padded); err == nil {
			t.Errorf("%s: taken as %q", name, data)
		}
	}
	if _, err := unpad(right); err != nil {
		t.Error("the right padding was refused:", err)
	}
}
