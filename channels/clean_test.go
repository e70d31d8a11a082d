package channels_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"hubbub/channels"
	"pgregory.net/rapid"
)

func TestCleanText(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                                "plain",
		"two\r\nlines\rthree\nfour":            "two\nlines\nthree\nfour",
		"a\tb":                                 "a b",
		"\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f": "\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f",
		"\x00\x01\x07\x08\x1b\x7f\u0080\u009f": "",
		"\u202d\u202e\u2066\u2069\u200e\u200f\u061c\ufeff\u2060": "",
		"👩\u200d👩\u200d👧 می\u200cخواهم":                          "👩\u200d👩\u200d👧 می\u200cخواهم",
		"\U000e0041tag": "tag",
	} {
		got, ok := channels.CleanText(text)
		if !ok || got != want {
			t.Errorf("%q became %q, %v", text, got, ok)
		}
		if again, _ := channels.CleanText(got); again != got {
			t.Errorf("%q became %q when cleaned again", got, again)
		}
	}
	if _, ok := channels.CleanText("a\xffb"); ok {
		t.Error("invalid UTF-8 passed")
	}
}

func TestDisplayNicks(t *testing.T) {
	for _, c := range []struct {
		raw, want string
		own       int
	}{
		{"alice bob", "alice bob", 0},
		{"bob bob bob", "bob bob_2 bob_3", 0},
		{"bob bob", "bob_2 bob", 1}, // the user's own is always free
		{"bob bob_2 bob", "bob bob_2 bob_3", -1},
		{"Bob bOB ВОВ", "Bob bOB_2 ВОВ_3", -1},
		{"sysop SysOp", "sysop_2 SysOp_3", -1},
		{strings.Repeat("x", 30) + " " + strings.Repeat("x", 30), strings.Repeat("x", 30) + " " + strings.Repeat("x", 28) + "_2", -1},
		{"-a 1a ~a &a a!b@c", "a a_2 a_3 a_4 abc", -1},
	} {
		if got := strings.Join(channels.DisplayNicks(strings.Fields(c.raw), c.own), " "); got != c.want {
			t.Errorf("%q became %q, not %q", c.raw, got, c.want)
		}
	}
}

// Whatever others call themselves, each is shown under a nick that an IRC
// client takes, that is nobody else's, and that a stranger who comes later does not
// change.
func TestAnyNicks(t *testing.T) {
	part := rapid.OneOf(rapid.String(), rapid.StringMatching(`[abBсlI1|_ sуsoрp0-9-]{0,40}`), rapid.SampledFrom([]string{"sysop", "bob", "bob_2", "_2", "__", "\u202e", "́a"}))
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(part, 1, 12).Draw(t, "raw")
		own := rapid.IntRange(-1, len(raw)-1).Draw(t, "own")
		if own >= 0 && !channels.CheckNick(raw[own]) {
			own = -1
		}
		shown := channels.DisplayNicks(raw, own)
		taken := map[string]bool{"sysop": true}
		for i, nick := range shown {
			if folded := strings.ToLower(nick); taken[folded] {
				t.Fatalf("%q is shown twice in %q", nick, shown)
			} else {
				taken[folded] = true
			}
			if nick == "" || len(nick) > 30 || !utf8.ValidString(nick) || strings.ContainsAny(nick, " ,:!@#&*?\x00\r\n\x01") || strings.ContainsAny(nick[:1], "0123456789-~+%") {
				t.Fatalf("%q is shown as %q", raw[i], nick)
			}
			if i == own && nick != raw[i] {
				t.Fatalf("the user's own nick %q is shown as %q", raw[i], nick)
			}
		}
		before := channels.DisplayNicks(raw[:len(raw)-1], min(own, len(raw)-2))
		if own == len(raw)-1 {
			return
		}
		for i := range before {
			if before[i] != shown[i] {
				t.Fatalf("a newcomer changed %q to %q", before[i], shown[i])
			}
		}
	})
}

func TestChannelNames(t *testing.T) {
	for _, good := range []string{"#a", "#bob", "#größe", "##", "#a#b", "#" + strings.Repeat("x", 49)} {
		if !channels.CheckName(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "#", "bob", "&bob", "#a b", "#a,b", "#a:b", "#a\x07", "#\u202ex", "#a\xff", "#" + strings.Repeat("x", 50), "#*", "#a\u00a0b"} {
		if channels.CheckName(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}
