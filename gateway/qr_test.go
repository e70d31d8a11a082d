package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// oneTimeKey has the form of a key for a hub at the given URL: 35 bytes in base32.
func oneTimeKey(url string) string {
	return url + "#AE" + strings.Repeat("7QJ5Z2MX", 7)[:54]
}

func TestQRIsReadBack(t *testing.T) {
	tests := []struct {
		name, url string
		rows      int
	}{
		{"embedded hub", "http://127.0.0.1:6680/", 21},
		{"longer port", "http://127.0.0.1:60000/", 21},
		{"web space", "https://example.org/cgi-bin/hub.cgi", 21},
		{"user's folder", "https://www.uni-example.de/~alice/hub.cgi", 21},
		{"longest in 21 rows", "https://" + strings.Repeat("a", 38) + ".example.org/hub.cgi"[:19], 21},
		{"upper case", "HTTPS://WWW.SOME-LONG-HOST-NAME.EXAMPLE.ORG/CGI-BIN/HUB", 21},
		{"long", "https://" + strings.Repeat("b", 100) + "/hub.cgi", 29},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key := oneTimeKey(tt.url)
			rows := drawn(t, key)
			if len(rows) > tt.rows {
				t.Errorf("%d bytes take %d rows, want at most %d", len(key), len(rows), tt.rows)
			}
			for _, row := range rows {
				if w := utf8.RuneCountInString(row); w != utf8.RuneCountInString(rows[0]) || tt.rows == 21 && w > 60 {
					t.Fatalf("a row of %d columns, the first has %d", w, utf8.RuneCountInString(rows[0]))
				}
				if strings.HasPrefix(row, " ") || strings.HasSuffix(row, " ") {
					t.Fatalf("row %q may be trimmed", row)
				}
			}
			if got := scan(t, rows, color.White, color.Black); got != key {
				t.Errorf("white on black reads %q, want %q", got, key)
			}
			if got := scan(t, rows, color.Black, color.White, "-Stest-inverted"); got != key {
				t.Errorf("black on white reads %q, want %q", got, key)
			}
		})
	}
}

func drawn(t *testing.T, text string) []string {
	t.Helper()
	code, err := qrCode(text)
	if err != nil {
		t.Fatal(err)
	}
	return halfBlocks(code)
}

// scan renders rows as a terminal with cells of 6×12 would and has zbarimg read
// the picture.
func scan(t *testing.T, rows []string, front, back color.Color, flags ...string) string {
	t.Helper()
	zbarimg, err := exec.LookPath("zbarimg")
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("zbarimg is missing: apt-get install zbar-tools")
	} else if err != nil {
		t.Fatal("zbarimg is missing: apt-get install zbar-tools")
	}
	file := filepath.Join(t.TempDir(), "screen.png")
	if err := os.WriteFile(file, picture(t, rows, front, back), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(append([]string{"-q", "--raw"}, flags...), file)
	out, err := exec.Command(zbarimg, args...).Output()
	if err != nil {
		t.Fatalf("zbarimg reads nothing: %v", err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// picture draws rows of half-blocks, with a screen's empty space around them.
func picture(t *testing.T, rows []string, front, back color.Color) []byte {
	t.Helper()
	const cell, around = 6, 5
	width := utf8.RuneCountInString(rows[0]) + 2*around
	img := image.NewGray(image.Rect(0, 0, width*cell, (len(rows)*2+2*around)*cell))
	fill := func(x, y int, c color.Color) {
		for i := range cell * cell {
			img.Set(x*cell+i%cell, y*cell+i/cell, c)
		}
	}
	for i := range width * (len(rows)*2 + 2*around) {
		fill(i%width, i/width, back)
	}
	for y, row := range rows {
		x := around
		for _, r := range row {
			if r == '█' || r == '▀' {
				fill(x, around+2*y, front)
			}
			if r == '█' || r == '▄' {
				fill(x, around+2*y+1, front)
			}
			x++
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The URL as bytes and the rest as alphanumeric: the length in bits is what
// keeps the code on the screen.
func TestQRUsesAlphanumericMode(t *testing.T) {
	key := oneTimeKey("https://example.org/cgi-bin/hub.cgi")
	parts := segments(key, 4)
	if len(parts) != 2 {
		t.Fatalf("cut into %v", parts)
	}
	bits := parts[0].Bits(4) + parts[1].Bits(4)
	if want := (4 + 8 + 8*36) + (4 + 9 + 308); bits != want {
		t.Errorf("%d bits, want %d: %v", bits, want, parts)
	}
}

func TestQRTooLong(t *testing.T) {
	if _, err := qrCode(strings.Repeat("x", 4000)); err == nil {
		t.Error("4000 bytes do not fit a QR code")
	}
}
