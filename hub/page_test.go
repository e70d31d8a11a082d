package hub_test

import (
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hubbub/hub"
)

var update = flag.Bool("update", false, "write the pages of testdata anew")

// pages are the page in all that it can say.
var pages = map[string]hub.Page{
	"claimed": {URL: "https://example.org/~al/hub.cgi", Contact: "al@example.org, {or} <on paper>"},
	"unclaimed": {Unclaimed: true, Setup: true, URL: "https://example.org/~al/hub.cgi", Access: hub.AccessFile,
		Claim: "the folder {hub-data-x}, which lies beside {public_html}, not in it",
		Checks: []hub.Check{{What: "All is <well>."}, {State: hub.CheckNote, What: "The {clock} is odd.", Do: "Tell \"your\" hosting."},
			{State: hub.CheckTry, What: "Whether a request may wait, only you can see.", Link: "?long", Do: "It should answer."}}},
	"stopped": {Setup: true, Checks: []hub.Check{{State: hub.CheckStop, What: "There is no room left.", Do: "Make some."}}},
	"awaited": {Awaited: true, Setup: true, URL: "https://example.org/hub.cgi", Checks: []hub.Check{{What: "All is well."}}},
	"hubd":    {Unclaimed: true},
	"to be tried": {Unclaimed: true, Setup: true, Claim: "the folder", URL: "https://example.org/hub.cgi",
		Probe: hub.Probe{Style: "https://example.org/hub-data-probe-x/y.css", Report: "https://example.org/hub.cgi"}},
}

// The pages are as testdata has them: go test ./hub -run TestPages -update writes
// them.
func TestPages(t *testing.T) {
	for name, page := range pages {
		file := filepath.Join("testdata", "page-"+strings.ReplaceAll(name, " ", "-")+".html")
		got := page.HTML()
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || string(got) != string(want) {
			t.Errorf("%s: it differs from %s (%v); if that is meant: go test ./hub -run TestPages -update", name, file, err)
		}
	}
}

var (
	link    = regexp.MustCompile(`(?i)(?:href|src|action|url)\s*[=(]\s*["']?([^"'>)\s]*)`)
	handler = regexp.MustCompile(`(?i)\son[a-z]+\s*=`)
)

// No page has anything in it that a browser would run, send or fetch: but for
// what it is to try, by the policy as well.
func TestPagesKeepTheSecretInTheBrowser(t *testing.T) {
	policy := hub.ContentSecurityPolicy()
	for _, part := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %s: %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
		t.Errorf("the policy is %s", policy)
	}
	for name, page := range pages {
		text := string(page.HTML())
		_, style, _ := strings.Cut(text, "<style>")
		style, _, _ = strings.Cut(style, "</style>")
		sum := sha256.Sum256([]byte(style))
		if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("%s: the policy does not allow the page's own style", name)
		}
		for _, no := range []string{"<script", "javascript:", "<form", "<iframe", "<img", "<object", "<meta http-equiv", "style=\"", "@import"} {
			if strings.Contains(text, no) {
				t.Errorf("%s: the page has %q in it", name, no)
			}
		}
		if handler.MatchString(text) {
			t.Errorf("%s: %q", name, handler.FindString(text))
		}
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			if to := found[1]; to != "?long" && to != page.Probe.Style {
				t.Errorf("%s: it leads to %q", name, to)
			}
		}
		for _, yes := range []string{"/join #name KEY", "width=device-width", `lang="en"`, "has not sent that to anybody", hub.Software} {
			if !strings.Contains(text, yes) {
				t.Errorf("%s: the page lacks %q", name, yes)
			}
		}
		if strings.Contains(text, "claim.txt") != page.Unclaimed {
			t.Errorf("%s: it speaks of claim.txt, or does not", name)
		}
	}
}
