package main

import (
	"strings"
	"unicode/utf8"
)

// cleanLine removes what would end a line or a string: CR, LF and NUL.
func cleanLine(s string) string {
	return lineEnds.Replace(s)
}

// cleanShown removes from a parameter what a client or its terminal could obey:
// control characters but formatting, and \x01 unless all of it is an ACTION.
func cleanShown(s string) string {
	if _, ok := actionText(s); ok && strings.HasSuffix(s, "\x01") {
		return "\x01" + strings.ReplaceAll(cleanText(s), "\n", "") + "\x01"
	}
	return strings.ReplaceAll(cleanText(s), "\n", "")
}

var lineEnds = strings.NewReplacer("\r", "", "\n", "", "\x00", "")

// cleanMiddle makes s fit for a parameter that is not the last one: not empty,
// no spaces, no colon at its head.
func cleanMiddle(s string) string {
	s = strings.ReplaceAll(cleanLine(s), " ", "_")
	if s == "" {
		return "*"
	}
	if s[0] == ':' {
		return "_" + s[1:]
	}
	return s
}

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// fold is a name as it is compared: CASEMAPPING=ascii.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// same compares two names.
func same(a, b string) bool { return fold(a) == fold(b) }

// Formatting that IRC clients know (modern.ircdocs.horse/formatting): bold,
// colour, hex colour, reset, monospace, reverse, italics, strikethrough,
// underline.
const formatting = "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f"

// cleanText makes what somebody wrote fit to be shown, and to be sent: control
// characters but formatting and line breaks are gone, a tab is four spaces.
// In particular no \x01 is left, so no text is a CTCP message.
func cleanText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\t", "    ")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r < ' ' && strings.ContainsRune(formatting, r):
			return r
		case r < ' ', 0x7f <= r && r < 0xa0:
			return -1
		}
		return r
	}, s)
}

// serverNick is the service that answers /msg sysop help. Nobody else has it.
const serverNick = "sysop"

// Names that prefixes are made with. Neither says anything about where
// somebody is.
const (
	serverName = "gateway.hubbub"
	hostName   = "hubbub"
)

// Limits in bytes that ISUPPORT tells.
const (
	maxNick    = 30
	maxChannel = 50
	maxTopic   = 390
	maxUser    = 10
)

// ircNick makes a nick safe to show: what would end it in a prefix, or give it
// another meaning, becomes "_". The core has cleaned it already; this is the
// last gate.
func ircNick(nick string) string {
	nick = strings.Map(func(r rune) rune {
		if r <= ' ' || 0x7f <= r && r < 0xa0 || strings.ContainsRune("!@,:*?#&$%+~", r) {
			return '_'
		}
		return r
	}, cut(strings.ToValidUTF8(nick, "_"), maxNick))
	if nick == "" {
		return "_"
	}
	return nick
}

// userOf is the user name in a nick's prefix: the letters and digits of it.
func userOf(nick string) string {
	user := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, fold(nick))
	if user == "" {
		return "member"
	}
	return cut(user, maxUser)
}

// prefixOf is how a nick stands before what they said.
func prefixOf(nick string) string {
	nick = ircNick(nick)
	return nick + "!" + userOf(nick) + "@" + hostName
}

// goodNick reports whether a nick can be used in IRC. The core may refuse it
// for further reasons.
func goodNick(nick string) bool {
	return nick != "" && len(nick) <= maxNick && utf8.ValidString(nick) &&
		ircNick(nick) == nick && !strings.ContainsAny(nick[:1], "0123456789-")
}

// goodChannel reports whether a name can be a channel's in IRC.
func goodChannel(name string) bool {
	return len(name) > 1 && len(name) <= maxChannel && name[0] == '#' &&
		utf8.ValidString(name) && !strings.ContainsAny(name, " ,:\x07*?") &&
		cleanText(name) == name && !strings.ContainsAny(name, formatting+"\n")
}
