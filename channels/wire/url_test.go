package wire

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

// urlCases are texts and the canonical URL they stand for; they are in the
// vectors too.
var urlCases = map[string]string{
	"https://example.org/hub.cgi":        "https://example.org/hub.cgi",
	"HTTPS://EXAMPLE.ORG/hub.cgi":        "https://example.org/hub.cgi",
	"HtTp://Example.Org":                 "http://example.org/",
	"https://example.org:443/":           "https://example.org/",
	"http://example.org:80/":             "http://example.org/",
	"http://example.org:443/":            "http://example.org:443/",
	"http://127.0.0.1:6680":              "http://127.0.0.1:6680/",
	"http://localhost:6680/":             "http://localhost:6680/",
	"http://[2001:DB8::1]:8080/hub":      "http://[2001:db8::1]:8080/hub",
	"http://[::1]":                       "http://[::1]/",
	"https://example.org/~Bob/Hub.CGI":   "https://example.org/~Bob/Hub.CGI",
	"https://example.org/a%2Cb":          "https://example.org/a%2Cb",
	"https://xn--bcher-kva.example/":     "https://xn--bcher-kva.example/",
	"https://my_host.example/":           "https://my_host.example/",
	"https://example.org/a;b=(c)/@:!$&'": "https://example.org/a;b=(c)/@:!$&'",
}

// notURLs are refused, each for its own reason.
var notURLs = []string{
	"",
	"example.org",
	"example.org/hub.cgi",
	"//example.org/",
	"ftp://example.org/",
	"https:/example.org/",
	"https://",
	"https:///hub.cgi",
	"https://bob@example.org/",
	"https://bob:secret@example.org/",
	"https://example.org/?x",
	"https://example.org?x",
	"https://example.org/#x",
	"https://example.org#",
	"https://example.org/a,b",
	"https://example.org/a b",
	" https://example.org/",
	"https://example.org/\n",
	"https://example.org/%",
	"https://example.org/%4",
	"https://example.org/%zz",
	"https://example.org/\\x",
	"https://example.org/\"",
	"https://example.org/ü",
	"https://bücher.example/",
	"https://ex%61mple.org/",
	"https://example..org/",
	"https://.example.org/",
	"https://example.org./",
	"https://example.org:/",
	"https://example.org:0/",
	"https://example.org:0443/",
	"https://example.org:+443/",
	"https://example.org:65536/",
	"https://example.org:x/",
	"https://example.org:1:2/",
	"https://[::1/",
	"https://::1/",
	"https://[::1]x/",
	"https://[fe80::1%25eth0]/",
	"https://[127.0.0.1]/",
	"https://[]/",
	"https://]/",
	"https://[/",
	"https://example.org/" + strings.Repeat("x", maxURL),
}

func TestCanonicalURL(t *testing.T) {
	for text, want := range urlCases {
		got, err := CanonicalURL(text)
		if err != nil || got != want {
			t.Errorf("%s is %s, %v", text, got, err)
		}
		if again, err := CanonicalURL(got); err != nil || again != got {
			t.Errorf("%s is not its own canonical form, but %s, %v", got, again, err)
		}
		if u, err := url.Parse(got); err != nil || u.String() != got {
			t.Errorf("net/url reads %s as %v, %v", got, u, err)
		}
	}
	for _, text := range notURLs {
		if got, err := CanonicalURL(text); !errors.Is(err, ErrNotURL) {
			t.Errorf("%q is taken as %q, %v", text, got, err)
		}
	}
	if _, err := CanonicalURL("https://example.org/a,b"); err == nil || !strings.Contains(err.Error(), "%2C") {
		t.Errorf("a comma: %v does not say how to write it", err)
	}
	longest := "https://example.org/" + strings.Repeat("x", maxURL-len("https://example.org/"))
	if _, err := CanonicalURL(longest); err != nil {
		t.Errorf("%d bytes: %v", maxURL, err)
	}
}
