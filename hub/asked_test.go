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
	"time"

	"hubbub/channels/codec"
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
		"another stands between": {nil, refuse, "somebody stands between", true, true},
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
				case name == "another stands between":
					r.RemoteAddr = "127.0.0.1:9"
					w.start(out, r, at)
				default:
					w.start(out, r, at)
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

// start answers a request as a web server does that starts another process.
func (w *webSpace) start(out http.ResponseWriter, r *http.Request, at hub.Visit) {
	other := hub.NewSite(w.program, nil)
	defer other.Close()
	request := hub.Request{Method: r.Method, Query: r.URL.RawQuery, Visit: at}
	request.Address, request.Visit.From, _ = net.SplitHostPort(r.RemoteAddr)
	reply := other.Serve(r.Context(), request)
	out.WriteHeader(reply.Status)
	out.Write(reply.Body)
}

// A visitor names a neighbour on the same web server, who is his: what that one
// answers is not taken for the hub's own server's, not if he says what the hub has
// said before, and not if he passes on to it what he is asked; and he is not told
// where the data is.
func TestANeighbourAnswers(t *testing.T) {
	for _, passes := range []bool{false, true} {
		w := newWebSpace(t, "cgi-bin")
		var at hub.Visit
		var asked []string
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		defer server.Close()
		mux.HandleFunc("example.org/cgi-bin/hub.cgi", func(out http.ResponseWriter, r *http.Request) { w.start(out, r, at) })
		earlier := ""
		mux.HandleFunc("neighbour.example/", func(out http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.String())
			switch {
			case r.URL.Path != "/cgi-bin/hub.cgi":
				out.WriteHeader(http.StatusNotFound)
			case passes:
				on, err := http.NewRequest("GET", server.URL+r.URL.String(), nil)
				if err != nil {
					t.Error(err)
				}
				on.Host = "example.org"
				answer, err := http.DefaultClient.Do(on)
				if err != nil {
					t.Error(err)
				}
				defer answer.Body.Close()
				io.Copy(out, answer.Body)
			default:
				io.WriteString(out, earlier)
			}
		})
		at = hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi"}
		at.Address, at.Port, _ = net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
		if _, page := w.get("", at); !strings.Contains(page, "did not get it") {
			t.Fatal(page)
		}
		for _, query := range []string{wire.ProbeQuery, "asked=", "asked=AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			_, answer := w.get(query, at)
			earlier += answer
		}
		w.age(25 * time.Hour)
		w.visit()
		forged := at
		forged.Host = "neighbour.example"
		if _, page := w.get("", forged); strings.Contains(page, "did not get it") || !strings.Contains(page, "could not ask") {
			t.Errorf("passes %v: the neighbour is believed:\n%s", passes, page)
		}
		if len(asked) == 0 {
			t.Error("the neighbour was not asked: this shows nothing")
		}
		for _, path := range asked {
			if strings.Contains(path, filepath.Base(w.data())) || strings.Contains(path, "hub-data-") {
				t.Errorf("passes %v: the neighbour was asked for %s", passes, path)
			}
		}
	}
}

// known is what is known of the data folder.
func (w *webSpace) known() (x map[string]any) {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.data(), "checked"))
	if err != nil {
		w.Fatal(err)
	}
	if err := codec.Unmarshal(text, &x); err != nil {
		w.Fatal(err)
	}
	return x
}

// age has it be older.
func (w *webSpace) age(by time.Duration) {
	w.Helper()
	x := w.known()
	x["at"] = time.Now().Add(-by).Unix()
	text, err := codec.Marshal(x)
	if err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.data(), "checked"), text, 0o600); err != nil {
		w.Fatal(err)
	}
}

// A folder that was handed out stays so for who visits in a way in which the hub
// cannot ask: anybody can. It is put right by who visits as before.
func TestServedStaysServed(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	var at hub.Visit
	closed := false
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/cgi-bin/hub.cgi":
			w.start(out, r, at)
		case closed:
			out.WriteHeader(http.StatusForbidden)
		default:
			http.ServeFile(out, r, filepath.Join(w.home, filepath.FromSlash(r.URL.Path)))
		}
	}))
	defer server.Close()
	at = hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi"}
	at.Address, at.Port, _ = net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	w.get("", at)
	https, elsewhere, other := at, at, at
	https.TLS = true
	elsewhere.Port = "1"
	other.Path, other.Script = "/other.cgi", "/other.cgi"
	for name, visit := range map[string]hub.Visit{"as before": at, "https": https, "another port": elsewhere, "another program": other} {
		w.age(time.Hour)
		w.visit()
		if _, page := w.get("", visit); !strings.Contains(page, "hands out files of this hub") {
			t.Errorf("%s:\n%s", name, page)
		}
		if status, _ := w.get(wire.KeysQuery, visit); status != wire.StatusBusy {
			t.Errorf("%s: ?keys has status %d", name, status)
		}
	}
	closed = true
	w.age(time.Hour)
	w.visit()
	if _, page := w.get("", at); !strings.Contains(page, "did not get it") {
		t.Error(page)
	}
}

// While the hub asks a web server that takes its time nobody waits but who opens
// the page of a hub of which nothing is known yet.
func TestASlowWebServer(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	var at hub.Visit
	asked, answer := make(chan bool, 1), make(chan bool)
	slow := false
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch {
		case slow:
			select {
			case asked <- true:
			default:
			}
			<-answer
		case r.URL.Path == "/cgi-bin/hub.cgi":
			w.start(out, r, at)
		default:
			out.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	at = hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi"}
	at.Address, at.Port, _ = net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	w.get("", at)
	w.age(25 * time.Hour)
	slow = true
	over := make(chan bool)
	go func() {
		defer close(over)
		w.get("", at)
	}()
	<-asked
	for name, request := range map[string]hub.Request{
		"a request": {Method: "POST", ContentType: wire.ContentType, Length: 5, Body: strings.NewReader("noise")},
		"the keys":  {Method: "GET", Query: wire.KeysQuery},
		"the page":  {Method: "GET", Visit: at},
	} {
		if reply := w.site.Serve(t.Context(), request); reply.Status != 200 && reply.Status != wire.StatusMalformed {
			t.Errorf("%s: status %d", name, reply.Status)
		}
		select {
		case <-over:
			t.Error(name, "has waited")
		default:
		}
	}
	close(answer)
	<-over
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
