package wire

import (
	"errors"
	"strings"
	"testing"
)

var aKey = OneTimeKey{
	URL:         "https://example.org/~bob/hub.cgi",
	Fingerprint: Fingerprint{1, 2, 3},
	Secret:      [16]byte{4, 5, 6},
}

// However a key is written down and typed again, it is the same key.
func TestOneTimeKeyAsTyped(t *testing.T) {
	text := aKey.String()
	place, secret, _ := strings.Cut(text, "#")
	for name, typed := range map[string]string{
		"as printed":           text,
		"URL in lower case":    aKey.URL + "#" + secret,
		"all in lower case":    aKey.URL + "#" + lower(secret),
		"mixed":                "Https://Example.org/~bob/hub.cgi#" + secret[:20] + lower(secret[20:]),
		"with the port":        "HTTPS://EXAMPLE.ORG:443/~bob/hub.cgi#" + secret,
		"in groups":            place + "# " + secret[:28] + "  " + secret[28:],
		"cut by a terminal":    text[:40] + "\r\n   " + text[40:80] + "\n" + text[80:],
		"with tabs around it":  "\t" + text + "\t",
		"with no-break spaces": "\u00a0" + text + "\u00a0",
	} {
		if got, err := ParseOneTimeKey(typed); err != nil || got != aKey {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if other, err := ParseOneTimeKey(strings.ToUpper(text)); err == nil {
		t.Errorf("the path in another case is another path, but it was read as %s", other.URL)
	}
}

// A key is one parameter of IRC's JOIN, is short, and is the same whatever
// form its URL had.
func TestOneTimeKeyText(t *testing.T) {
	for text, url := range urlCases {
		k := OneTimeKey{URL: text, Fingerprint: Fingerprint{7}, Secret: [16]byte{8}}
		printed := k.String()
		if strings.ContainsAny(printed, ", \x00\r\n") || strings.HasPrefix(printed, ":") {
			t.Errorf("%q is not one parameter", printed)
		}
		if len(printed) != len(url)+1+keyText {
			t.Errorf("%s has %d characters", printed, len(printed))
		}
		if back, err := ParseOneTimeKey(printed); err != nil || back.URL != url {
			t.Errorf("%s: %+v, %v", printed, back, err)
		}
	}
	if n := keyAlphabet.EncodedLen(keyBytes); n != keyText {
		t.Errorf("%d bytes are %d characters", keyBytes, n)
	}
}

func TestNotOneTimeKey(t *testing.T) {
	text := aKey.String()
	place, secret, _ := strings.Cut(text, "#")
	account := AccountKey{Fingerprint: Fingerprint{1}, Secret: [16]byte{2}}.String()
	for name, c := range map[string]struct {
		text string
		want error
		says string
	}{
		"a character short":       {text[:len(text)-1], ErrTruncated, "55 of 56"},
		"half":                    {place + "#" + secret[:28], ErrTruncated, "28 of 56"},
		"nothing behind #":        {place + "#", ErrTruncated, "0 of 56"},
		"nothing behind the path": {place, ErrTruncated, "after the URL"},
		"a character more":        {text + "A", ErrMistyped, "57 characters, not 56"},
		"pasted twice":            {text + text, ErrMistyped, "character 62 "},
		"a zero":                  {place + "#0" + secret[1:], ErrMistyped, "character 1 "},
		"a comma at the end":      {text[:len(text)-1] + ",", ErrMistyped, "character 56 "},
		"two exchanged":           {place + "#" + secret[:5] + secret[6:7] + secret[5:6] + secret[7:], ErrMistyped, "check"},
		"another host":            {"HTTPS://EXAMPLE.COM/~bob/hub.cgi#" + secret, ErrMistyped, "check"},
		"another scheme":          {"http" + text[5:], ErrMistyped, "check"},
		"another port":            {"HTTPS://EXAMPLE.ORG:8443/~bob/hub.cgi#" + secret, ErrMistyped, "check"},
		"x":                       {"x", ErrNotAKey, "http"},
		"nothing":                 {"", ErrNotAKey, "http"},
		"a word with #":           {"#bob", ErrNotAKey, "http"},
		"a query":                 {place + "?keys#" + secret, ErrNotAKey, "query"},
		"a user":                  {"https://bob@example.org/#" + secret, ErrNotAKey, "user"},
		"no scheme":               {"example.org/#" + secret, ErrNotAKey, "http"},
		"without its URL":         {secret, ErrNotAKey, "http"},
		"an account key":          {account, ErrNotAKey, "hub add"},
	} {
		_, err := ParseOneTimeKey(c.text)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", name, err, c.want)
		} else if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q does not say %q", name, err, c.says)
		} else if strings.Contains(err.Error(), secret[:6]) || strings.Contains(err.Error(), account[:6]) {
			t.Errorf("%s: the error has the key in it: %v", name, err)
		}
	}
}

// A key of a later version says so only if its check fits, so that a typing
// error is not taken for one.
func TestNewerKey(t *testing.T) {
	body := make([]byte, keyBytes-2)
	body[0] = keyVersion + 1
	check := keyCheck(aKey.URL, body)
	newer := aKey.URL + "#" + keyAlphabet.EncodeToString(append(body, check[:]...))
	if _, err := ParseOneTimeKey(newer); !errors.Is(err, ErrNewerKey) {
		t.Error(err)
	}
}

func TestAccountKey(t *testing.T) {
	key := AccountKey{Fingerprint: Fingerprint{1}, Secret: [16]byte{2}}
	text := key.String()
	for _, typed := range []string{text, lower(text), text[:10] + " " + text[10:] + "\n"} {
		if got, err := ParseAccountKey(typed); err != nil || got != key {
			t.Errorf("%q: %+v, %v", typed, got, err)
		}
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":         {"", ErrNotAKey},
		"a word":          {"hello", ErrNotAKey},
		"cut off":         {text[:55], ErrTruncated},
		"mistyped":        {text[:55] + "8", ErrMistyped},
		"two exchanged":   {text[1:2] + text[:1] + text[2:], ErrMistyped},
		"of a channel":    {aKey.String(), ErrNotAKey},
		"part of another": {strings.SplitN(aKey.String(), "#", 2)[1], ErrMistyped},
	} {
		if got, err := ParseAccountKey(c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
