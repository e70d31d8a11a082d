//go:build linux

package e2e

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// cell is one character of a terminal and its two brightnesses, 0 to 255.
type cell struct {
	r      rune
	fg, bg uint8
}

// Brightnesses of a terminal that nobody has set up: light grey on black.
const (
	defaultFg = 0xd0
	defaultBg = 0x00
)

// readQR finds the QR code on a screen captured with its colours, paints it as
// the terminal would, and has it decoded by a program that knows nothing of us.
func readQR(t testing.TB, styled string) string {
	t.Helper()
	need(t, "zbarimg")
	path := filepath.Join(t.TempDir(), "screen.png")
	paint(t, path, cells(styled))
	out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", path).Output()
	if err != nil {
		t.Fatalf("no QR code on the screen (zbarimg: %v):\n%s", err, styled)
	}
	return strings.TrimSpace(string(out))
}

// cells takes a capture with SGR sequences apart, line by line.
func cells(styled string) [][]cell {
	var rows [][]cell
	fg, bg, reverse := uint8(defaultFg), uint8(defaultBg), false
	for line := range strings.Lines(styled) {
		line = strings.TrimSuffix(line, "\n")
		var row []cell
		for len(line) > 0 {
			if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
				codes, after, _ := strings.Cut(rest, "m")
				fg, bg, reverse = sgr(codes, fg, bg, reverse)
				line = after
				continue
			}
			r := []rune(line)[0]
			line = line[len(string(r)):]
			if r < ' ' {
				continue
			}
			c := cell{r, fg, bg}
			if reverse {
				c.fg, c.bg = c.bg, c.fg
			}
			row = append(row, c)
		}
		rows = append(rows, row)
	}
	return rows
}

// sgr applies the parameters of one SGR sequence (ECMA-48 §8.3.117).
func sgr(codes string, fg, bg uint8, reverse bool) (uint8, uint8, bool) {
	if codes == "" {
		codes = "0"
	}
	n := strings.FieldsFunc(codes, func(r rune) bool { return r == ';' || r == ':' })
	for i := 0; i < len(n); i++ {
		code, _ := strconv.Atoi(n[i])
		switch {
		case code == 0:
			fg, bg, reverse = defaultFg, defaultBg, false
		case code == 7:
			reverse = true
		case code == 27:
			reverse = false
		case code == 39:
			fg = defaultFg
		case code == 49:
			bg = defaultBg
		case code >= 30 && code <= 37:
			fg = brightness(code - 30)
		case code >= 40 && code <= 47:
			bg = brightness(code - 40)
		case code >= 90 && code <= 97:
			fg = brightness(code - 90 + 8)
		case code >= 100 && code <= 107:
			bg = brightness(code - 100 + 8)
		case (code == 38 || code == 48) && i+2 < len(n) && n[i+1] == "5":
			index, _ := strconv.Atoi(n[i+2])
			if code == 38 {
				fg = brightness(index)
			} else {
				bg = brightness(index)
			}
			i += 2
		}
	}
	return fg, bg, reverse
}

// brightness of a colour of the 256-colour palette of xterm.
func brightness(index int) uint8 {
	switch {
	case index < 16:
		return [16]uint8{0, 0x40, 0x80, 0xa0, 0x30, 0x50, 0x90, 0xd8, 0x70, 0x70, 0xb0, 0xe0, 0x60, 0x80, 0xc0, 0xff}[index]
	case index >= 232:
		return uint8(8 + 10*(index-232))
	}
	levels := [6]int{0, 95, 135, 175, 215, 255}
	i := index - 16
	return uint8((30*levels[i/36] + 59*levels[i/6%6] + 11*levels[i%6]) / 100)
}

// paint draws the rows of half-blocks; whatever else is on the screen is left out.
func paint(t testing.TB, path string, rows [][]cell) {
	t.Helper()
	const half = 6 // pixels: a character is 6 wide and 12 high
	first, last, left, right := qrBounds(rows)
	if first < 0 {
		t.Fatal("no half-blocks on the screen")
	}
	img := image.NewGray(image.Rect(0, 0, (right-left+1)*half, 2*(last-first+1)*half))
	for y := first; y <= last; y++ {
		for x := left; x <= right; x++ {
			c := cell{' ', defaultFg, defaultBg}
			if x < len(rows[y]) {
				c = rows[y][x]
			}
			up, down := c.bg, c.bg
			switch c.r {
			case '█':
				up, down = c.fg, c.fg
			case '▀':
				up = c.fg
			case '▄':
				down = c.fg
			}
			for i := range half * half {
				px, py := (x-left)*half+i%half, 2*(y-first)*half+i/half
				img.SetGray(px, py, color.Gray{Y: up})
				img.SetGray(px, py+half, color.Gray{Y: down})
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// qrBounds finds the lines and columns that hold half-blocks.
func qrBounds(rows [][]cell) (first, last, left, right int) {
	first, left = -1, 1<<30
	for y, row := range rows {
		n := 0
		for x, c := range row {
			if c.r == '█' || c.r == '▀' || c.r == '▄' {
				n++
				left, right = min(left, x), max(right, x)
			}
		}
		if n < 8 { // a bar that a client draws, not a row of the code
			continue
		}
		if first < 0 {
			first = y
		}
		last = y
	}
	return first, last, left, right
}

// qrRows counts the lines of a screen that belong to a QR code, and tells
// whether they stand together.
func qrRows(styled string) (rows int, together bool) {
	first, last, _, _ := qrBounds(cells(styled))
	if first < 0 {
		return 0, false
	}
	n := 0
	for _, row := range cells(styled)[first : last+1] {
		blocks := 0
		for _, c := range row {
			if c.r == '█' || c.r == '▀' || c.r == '▄' {
				blocks++
			}
		}
		if blocks >= 8 {
			n++
		}
	}
	return n, n == last-first+1
}
