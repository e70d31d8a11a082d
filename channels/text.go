package channels

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanText is a text as it may be sent and shown: with \n as its only line
// breaks, without control characters except IRC's formatting, and without
// what changes the direction of writing or can't be seen. ok is false if it is
// not UTF-8. What comes from others is cleaned the same way.
func cleanText(text string) (clean string, ok bool) {
	if !utf8.ValidString(text) {
		return "", false
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', ircFormatting(r):
			return r
		case r == '\r':
			return '\n'
		case r == '\t':
			return ' '
		case r == '\u2028', r == '\u2029':
			return '\n'
		case unicode.IsControl(r), deceptive(r):
			return -1
		}
		return r
	}, text), true
}

// cleanTopic is a topic: a clean text on one line.
func cleanTopic(text string) (clean string, ok bool) {
	text, ok = cleanText(text)
	return strings.TrimSpace(strings.ReplaceAll(text, "\n", " ")), ok
}

// ircFormatting: bold, colour, hex colour, reset, monospace, reverse, italics,
// strikethrough, underline (modern.ircdocs.horse/formatting).
func ircFormatting(r rune) bool {
	switch r {
	case 0x02, 0x03, 0x04, 0x0f, 0x11, 0x16, 0x1d, 0x1e, 0x1f:
		return true
	}
	return false
}

// deceptive says of characters that they let a text look other than it is:
// overrides and isolates of the direction of writing (Trojan Source,
// CVE-2021-42574), invisible operators, tags, and the byte order mark. The
// zero-width joiners stay: scripts and emoji need them.
func deceptive(r rune) bool {
	switch {
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // embeddings, overrides, isolates
		return true
	case r == 0x200b, r == 0x200e, r == 0x200f, r == 0x061c: // zero-width space, direction marks
		return true
	case r >= 0x2060 && r <= 0x2065, r >= 0x206a && r <= 0x206f: // invisible operators, deprecated controls
		return true
	case r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f: // mark, annotations, tags
		return true
	}
	return false
}

// excerpt is the start of a text, on one line, for status.
func excerpt(text string) string {
	const most = 40
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if ircFormatting(r) {
			return -1
		}
		return r
	}, text)), " ")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
