package hub_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// The hub believes its web server as far as that proves anything.
func TestWhatTheWebServerAnswers(t *testing.T) {
	const file, self = ".css", "/cgi-bin/hub.cgi"
	refuse := func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusForbidden) }
	redirect := func(w http.ResponseWriter, r *http.Request, _ string) {
		http.Redirect(w, r, "https://example.org/", http.StatusFound)
	}
	serve := func(w http.ResponseWriter, r *http.Request, root string) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(r.URL.Path)))
		if err != nil {
			w.WriteHeader(http.StatusNotFound)
		}
		w.Write(text)
	}
	elsewhere := func(w http.ResponseWriter, _ *http.Request, _ string) {
		io.WriteString(w, "<h1>Welcome to another site</h1>")
	}
	type answer func(http.ResponseWriter, *http.Request, string)
	for name, test := range map[string]struct {
		program, files answer // nil: the hub, or nobody
		words          string
		sound, tried   bool // there is a hub; others are to try
	}{
		"it refuses":             {nil, refuse, "did not get it", true, false},
		"it knows no such file":  {nil, serve404, "did not get it", true, false},
		"it hands out":           {nil, serve, "No secret is in it yet", false, false},
		"it redirects all":       {redirect, redirect, "sent elsewhere", true, true},
		"it redirects files":     {nil, redirect, "did not answer all", true, true},
		"another site answers":   {elsewhere, refuse, "another site answers", true, true},
		"the program is not run": {refuse, refuse, "another site answers", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWebSpace(t, "cgi-bin")
			var at hub.Visit
			server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				switch {
				case r.Host != "example.org":
					t.Errorf("asked for %s", r.Host)
				case strings.HasSuffix(r.URL.Path, file):
					test.files(out, r, w.home)
				case r.URL.Path != self:
					t.Errorf("asked for %s", r.URL)
				case test.program != nil:
					test.program(out, r, w.home)
				default:
					// Another process, as a web server starts it.
					other := hub.NewSite(w.program, nil)
					defer other.Close()
					reply := other.Serve(r.Context(), hub.Request{Method: r.Method, Query: r.URL.RawQuery, Visit: at})
					out.WriteHeader(reply.Status)
					out.Write(reply.Body)
				}
			}))
			defer server.Close()
			at = hub.Visit{Host: "example.org", Path: self, Script: self}
			at.Address, at.Port, _ = net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
			_, page := w.get("", at)
			if !strings.Contains(page, test.words) {
				t.Errorf("the page lacks %q:\n%s", test.words, page)
			}
			if got := strings.Contains(page, "hub add http://example.org/cgi-bin/hub.cgi KEY"); got != test.sound {
				t.Errorf("there is a hub: %v\n%s", got, page)
			}
			keys, _ := filepath.Glob(filepath.Join(w.program, "hub-data-*", "keys"))
			if (len(keys) == 1) != test.sound {
				t.Errorf("keys: %q", keys)
			}
			_, probe := w.get(wire.ProbeQuery, at)
			if tried := strings.Count(probe, "\n/") > 0; tried != test.tried || strings.Contains(page, "hub-data-probe-") != test.tried {
				t.Errorf("others are to try: %v\n%s\n%s", tried, probe, page)
			}
			if folders, _ := filepath.Glob(filepath.Join(w.program, "hub-data-????????????????")); len(folders) != 1 || strings.Contains(page+probe, filepath.Base(folders[0])) {
				t.Errorf("%q: the folder's name is told", folders)
			}
		})
	}
}

func serve404(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusNotFound) }

// Nobody but who has read the file has the hub believe that it is served.
func TestOnlyTheSecretShowsIt(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	at := hub.Visit{Host: "example.org", Path: "/hub.cgi", Script: "/hub.cgi", Port: "1"}
	w.get("", at)
	_, probe := w.get(wire.ProbeQuery, at)
	lines := strings.Split(strings.TrimSpace(probe), "\n")
	if len(lines) != 3 {
		t.Fatalf("%q", probe)
	}
	for _, guess := range []string{"", lines[1], lines[1][:wire.ProbeSecretSize], strings.Repeat("A", wire.ProbeSecretSize)} {
		w.get(wire.ServedQuery+guess, at)
	}
	if status, _ := w.get(wire.KeysQuery, at); status != 200 {
		t.Fatal("a guess was believed")
	}
	text, err := os.ReadFile(filepath.Join(w.program, filepath.FromSlash(lines[2])))
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(text), wire.ProbeMark+" ")
	w.get(wire.ServedQuery+secret[:wire.ProbeSecretSize], at)
	w.visit()
	if status, text := w.get(wire.KeysQuery, at); status != wire.StatusBusy {
		t.Error(status, text)
	}
	w.page("so begin anew")
	// As it says: the folder is deleted, and there is another hub.
	folders, _ := filepath.Glob(filepath.Join(w.program, "hub-data-????????????????"))
	if err := os.RemoveAll(folders[0]); err != nil {
		t.Fatal(err)
	}
	w.visit()
	w.page("claim.txt")
}
