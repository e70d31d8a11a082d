package main

import (
	"strings"
	"unicode/utf8"
)

// room is how many bytes of text fit in a PRIVMSG or NOTICE from a nick to a
// target, so that the line is at most 512 bytes.
func room(from, command, target string) int {
	return maxBody - len(":"+prefixOf(from)+" "+command+" "+target+" :"+"\r\n")
}

// splitText makes lines of a text: one for each of its own, and several of one
// longer than n bytes, cut at a space if there is one late enough, and never
// within a character. Formatting goes on in the next piece. An empty line
// becomes a space, for IRC knows no empty message; those at the end are left out.
func splitText(text string, n int) []string {
	text = strings.TrimRight(strings.ReplaceAll(text, "\r", ""), "\n")
	var pieces []string
	for part := range strings.SplitSeq(text, "\n") {
		if part == "" {
			part = " "
		}
		pieces = append(pieces, splitLine(part, n)...)
	}
	return pieces
}

// splitLine cuts one line into pieces of at most n bytes.
func splitLine(text string, n int) []string {
	n = max(n, 64) // whatever the target's name, a piece holds more than its formatting
	var pieces []string
	for len(text) > n {
		at := cutPoint(text, n)
		piece, rest := text[:at], strings.TrimPrefix(text[at:], " ")
		pieces = append(pieces, piece)
		text = formatAfter(piece) + rest
	}
	return append(pieces, text)
}

// cutPoint is where to cut a text longer than n: before the last space of its
// second half, else between two characters, and not within a colour code.
func cutPoint(text string, n int) int {
	if at := strings.LastIndexByte(text[:n], ' '); at > n/2 {
		return at
	}
	at := n
	for !utf8.RuneStart(text[at]) && at > n-utf8.UTFMax {
		at--
	}
	const longestCode = len("\x04rrggbb,rrggbb")
	if code := strings.LastIndexAny(text[max(0, at-longestCode):at], "\x03\x04"); code >= 0 {
		code += max(0, at-longestCode)
		if code+colourLen(text[code:]) > at && code > 0 {
			return code
		}
	}
	return at
}

// formatAfter is the formatting in force at the end of a piece, as the codes
// that bring it about.
func formatAfter(piece string) string {
	on := map[byte]bool{}
	colour, hex := "", ""
	for i := 0; i < len(piece); i++ {
		switch b := piece[i]; b {
		case 0x0f:
			clear(on)
			colour, hex = "", ""
		case 0x02, 0x11, 0x16, 0x1d, 0x1e, 0x1f:
			on[b] = !on[b]
		case 0x03:
			l := colourLen(piece[i:])
			colour = kept(piece[i : i+l])
			i += l - 1
		case 0x04:
			l := colourLen(piece[i:])
			hex = kept(piece[i : i+l])
			i += l - 1
		}
	}
	codes := colour + hex
	for _, b := range []byte("\x02\x11\x16\x1d\x1e\x1f") {
		if on[b] {
			codes += string(rune(b))
		}
	}
	return codes
}

// kept is a colour code that is to go on: one without digits ends colours.
func kept(code string) string {
	if len(code) == 1 {
		return ""
	}
	return code
}

// colourLen is the length of the colour code that a text begins with: \x03 and
// up to two digits, \x04 and six hexadecimal ones, either with a second such
// number behind a comma.
func colourLen(text string) int {
	digits, most := "0123456789", 2
	if text[0] == 0x04 {
		digits, most = "0123456789abcdefABCDEF", 6
	}
	count := func(s string) int {
		i := 0
		for i < len(s) && i < most && strings.IndexByte(digits, s[i]) >= 0 {
			i++
		}
		if text[0] == 0x04 && i < most {
			return 0
		}
		return i
	}
	n := 1 + count(text[1:])
	if n > 1 && n < len(text) && text[n] == ',' {
		if second := count(text[n+1:]); second > 0 {
			n += 1 + second
		}
	}
	return n
}
