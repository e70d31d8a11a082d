package main

import (
	"strings"

	"rsc.io/qr"
	"rsc.io/qr/coding"
)

// qrCode encodes a text in the smallest QR code that holds it, with as much
// error correction as that size leaves room for.
func qrCode(text string) (*qr.Code, error) {
	for version := coding.Version(coding.MinVersion); version <= coding.MaxVersion; version++ {
		parts := segments(text, version)
		bits := 0
		for _, p := range parts {
			bits += p.Bits(version)
		}
		for level := coding.H; level >= coding.L; level-- {
			if bits > version.DataBytes(level)*8 {
				continue
			}
			plan, err := coding.NewPlan(version, level, 0)
			if err != nil {
				return nil, err
			}
			code, err := plan.Encode(parts...)
			if err != nil {
				return nil, err
			}
			return &qr.Code{Bitmap: code.Bitmap, Size: code.Size, Stride: code.Stride, Scale: 8}, nil
		}
	}
	return qr.Encode(text, qr.L) // too long: this says so
}

// segments cuts a text into bytes and alphanumeric runs so that the code holds
// the fewest bits. A one-time key's base32 is alphanumeric (5.5 bits a
// character, not 8), its URL mostly not, and "#" never: left to itself rsc.io/qr
// would take all of it for bytes.
func segments(text string, version coding.Version) []coding.Encoding {
	if text == "" {
		return nil
	}
	const bytes, alpha = 0, 1
	// In half bits: what beginning a segment costs, and each character in it.
	begin := [2]int{2 * coding.String("").Bits(version), 2 * coding.Alpha("").Bits(version)}
	each := [2]int{16, 11}
	const never = 1 << 30

	cost := begin                     // of the text up to here, ending in that mode
	from := make([][2]int, len(text)) // the mode of the character before
	for i := range len(text) {
		var next [2]int
		for mode := bytes; mode <= alpha; mode++ {
			stay, change := cost[mode], cost[1-mode]+begin[mode]
			if i == 0 {
				change = never
			}
			next[mode], from[i][mode] = stay, mode
			if change < stay {
				next[mode], from[i][mode] = change, 1-mode
			}
			next[mode] += each[mode]
			if mode == alpha && coding.Alpha(text[i:i+1]).Check() != nil {
				next[mode] = never
			}
		}
		cost = next
	}

	mode := bytes
	if cost[alpha] < cost[bytes] {
		mode = alpha
	}
	var parts []coding.Encoding
	for end := len(text); end > 0; {
		start, before := end-1, from[end-1][mode]
		for start > 0 && before == mode {
			start--
			before = from[start][mode]
		}
		part := coding.Encoding(coding.String(text[start:end]))
		if mode == alpha {
			part = coding.Alpha(text[start:end])
		}
		parts = append([]coding.Encoding{part}, parts...)
		end, mode = start, before
	}
	return parts
}

// qrMargin is the light margin around a code, in modules. The standard's four
// (ISO/IEC 18004) would cost the rows that the line to type needs on a screen of
// 80×24; cameras and zbarimg read it with two.
const qrMargin = 2

// halfBlocks draws a code with two modules a character, one above the other,
// light modules in the foreground's colour: right as it is on a dark terminal,
// and anywhere with white on black (ircColours). All rows are of one width: 37
// columns and 19 rows for a code of 33 modules, 41 and 21 for one of 37, which
// holds a one-time key with a URL of 66 bytes.
func halfBlocks(code *qr.Code) []string {
	light := func(x, y int) bool {
		return x < 0 || y < 0 || x >= code.Size || y >= code.Size || !code.Black(x, y)
	}
	var rows []string
	for y := -qrMargin; y < code.Size+qrMargin; y += 2 {
		var row strings.Builder
		for x := -qrMargin; x < code.Size+qrMargin; x++ {
			switch {
			case light(x, y) && light(x, y+1):
				row.WriteRune('█')
			case light(x, y):
				row.WriteRune('▀')
			case light(x, y+1):
				row.WriteRune('▄')
			default:
				row.WriteRune(' ')
			}
		}
		rows = append(rows, row.String())
	}
	return rows
}

// ircColours makes a row white on black, whatever the terminal's colours are
// (mIRC's colour codes, which irssi and WeeChat know).
func ircColours(row string) string { return "\x0300,01" + row + "\x0f" }
