package channels

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNick is the longest nick in bytes, as the user's clients are told.
const maxNick = 30

// checkNick says whether the user may take a nick.
func checkNick(nick string) bool {
	return nick != "" && cleanNick(nick) == nick && !reserved(nick)
}

// cleanNick makes of what a member calls himself something that an IRC client
// takes for a nick: never empty, at most maxNick bytes, and without
// characters that IRC gives a meaning to or that can't be seen. It may still be
// reserved, or another's.
func cleanNick(raw string) string {
	clean := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !nickRune(r) {
			return -1
		}
		return r
	}, raw)
	clean = strings.TrimLeftFunc(clean, notFirst)
	for len(clean) > maxNick {
		_, size := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-size]
	}
	if clean == "" {
		return "somebody"
	}
	return clean
}

// nickRune: letters, marks and digits of any script, and the punctuation that
// RFC 2812 (section 2.3.1) allows in nicks. Ircd's separators, wildcards and
// prefixes are not among them.
func nickRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_[]{}\\|`^", r)
	}
	return (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) &&
		!unicode.Is(unicode.Variation_Selector, r) && !unicode.IsSpace(r) && !deceptive(r)
}

// notFirst: what a nick can't begin with. A mark would join itself to what
// stands before the nick.
func notFirst(r rune) bool {
	return r == '-' || unicode.IsDigit(r) || unicode.IsMark(r)
}

// reserved nicks are hubbub's own.
func reserved(nick string) bool { return skeleton(nick) == "sysop" }

// sameNick compares nicks as IRC does, ignoring the case of ASCII letters.
func sameNick(a, b string) bool { return foldName(a) == foldName(b) }

// foldName is the form in which names are compared (CASEMAPPING=ascii).
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// displayNicks gives everybody in a channel a nick of their own: raw are the
// members' in the order in which they joined, own is the place of the user in
// it (-1 for none). The user's own nick is always free of a suffix; of others who
// look alike the earlier one is, and the later are bob_2, bob_3 …
func displayNicks(raw []string, own int) []string {
	shown := make([]string, len(raw))
	taken := map[string]bool{"sysop": true}
	if own >= 0 {
		shown[own] = cleanNick(raw[own])
		taken[skeleton(shown[own])] = true
	}
	for i := range raw {
		if i == own {
			continue
		}
		shown[i] = freeNick(cleanNick(raw[i]), taken)
		taken[skeleton(shown[i])] = true
	}
	return shown
}

// freeNick is nick, or nick with the first suffix that nobody has.
func freeNick(nick string, taken map[string]bool) string {
	for n := 2; taken[skeleton(nick)]; n++ {
		suffix := fmt.Sprintf("_%d", n)
		base := strings.TrimRight(baseNick(nick), "_")
		for len(base)+len(suffix) > maxNick {
			_, size := utf8.DecodeLastRuneInString(base)
			base = base[:len(base)-size]
		}
		nick = base + suffix
	}
	return nick
}

// baseNick is nick without a suffix that freeNick gave it.
func baseNick(nick string) string {
	i := strings.LastIndexByte(nick, '_')
	if i <= 0 || i == len(nick)-1 || strings.Trim(nick[i+1:], "0123456789") != "" {
		return nick
	}
	return nick[:i]
}

// skeleton is the same for nicks that are easily taken for each other: case,
// accents that stand alone and the commonest look-alikes of Latin letters
// aside (after Unicode TR 39, of which this is a small part).
func skeleton(nick string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) {
			return -1
		}
		r = unicode.ToLower(r)
		if like, ok := lookAlikes[r]; ok {
			return like
		}
		return r
	}, nick)
}

// lookAlikes maps letters to the ASCII letter that they pass for.
var lookAlikes = func() map[rune]rune {
	groups := map[rune]string{
		'a': "аαɑàáâãäåāăą", 'b': "ьвß", 'c': "сϲçćĉċč", 'd': "ԁďđ", 'e': "еёєèéêëēĕėęě", 'g': "ɡĝğġģ", 'h': "һհĥħ",
		'i': "іїιı1lìíîïĩīĭįǀ|", 'j': "јϳĵ", 'k': "кκķ", 'm': "м", 'n': "пոñńņňη", 'o': "оοօσ0òóôõöøōŏő", 'p': "рρ",
		'q': "ԛ", 'r': "гŕŗř", 's': "ѕśŝşš5", 't': "тτţťŧ", 'u': "υսùúûüũūŭůűų", 'v': "ѵν", 'w': "ԝшωŵ", 'x': "хχ",
		'y': "уγýÿŷ", 'z': "źżž2",
	}
	m := map[rune]rune{}
	for to, from := range groups {
		for _, r := range from {
			m[r] = to
		}
	}
	return m
}()
