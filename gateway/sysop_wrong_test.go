package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
	"hubbub/hub"
)

// What a wrong upload answers is told in words that lead to its cure.
func TestWrongUploadsAreNamed(t *testing.T) {
	status, body := 200, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer server.Close()
	place := server.URL + "/h/hub.cgi"
	elf := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00code", 2_000_000)
	for _, tt := range []struct {
		status int
		body   string
		want   []string
	}{
		{200, elf, []string{place + " hands the program out as a download", "    Options +ExecCGI -Indexes", "    AddHandler cgi-script .cgi", "cgi-bin"}},
		{200, elf[:200], []string{"hands the program out as a download"}}, // cut off on its way
		{500, "<html>Internal Server Error", []string{"could not start the program (500)", "hub.cgi has to have 755, and its folder 755", "suexec", "binary mode"}},
		{403, "", []string{"lets nobody in (403)", "permissions 755", "Options +ExecCGI"}},
		{404, "", []string{"no such page as " + place, "without public_html"}},
		{502, "", []string{"(502). Wait for a minute"}},
		{503, "", []string{"(503). Wait for a minute"}},
		{200, "<!doctype html><p>Welcome", []string{"a web page answers there", "docs/hosting.md"}},
	} {
		status, body = tt.status, tt.body
		_, err := hubclient.ProbeKeys(t.Context(), hubclient.Location{URL: place}, hubclient.Options{})
		got := strings.Join(noHub(place, err), "\n")
		for _, want := range append(tt.want, "docs/hosting.md", "ay it again") {
			if !strings.Contains(got, want) {
				t.Errorf("%d with %.10q: %q\nwant %q", tt.status, tt.body, got, want)
			}
		}
	}
	for _, answer := range []int{403, 404, 200} { // without hub.cgi in the address
		for _, folder := range []string{server.URL, server.URL + "/", server.URL + "/h/"} {
			asked, err := wire.CanonicalURL(folder)
			if err != nil {
				t.Fatal(err)
			}
			status, body = answer, "<!doctype html><p>Welcome"
			_, err = hubclient.ProbeKeys(t.Context(), hubclient.Location{URL: asked}, hubclient.Options{})
			got := strings.Join(noHub(asked, err), "\n")
			if !strings.Contains(got, "most likely hub.cgi is missing at its end. Try "+asked+"hub.cgi ") || strings.Contains(got, "755") {
				t.Errorf("%d at %s: %q", status, asked, got)
			}
		}
	}
	if got := strings.Join(noHub(place, errors.New("no such host")), ""); !strings.Contains(got, "does not answer as a hub: no such host.") {
		t.Errorf("%q", got)
	}
	if strings.Count(hub.AccessFile, "\n") > 6 {
		t.Error("sysop says each line of it")
	}
}
