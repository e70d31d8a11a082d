package hub_test

import (
	"bytes"
	"errors"
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

// web is a web server for the space: it starts the hub at /cgi-bin/hub.cgi, whatever
// the Host, and hands out the rest to who asks for a Host that open says yes to.
func (w *webSpace) web(open func(host string) bool) hub.Visit {
	at := hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi"}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == at.Path:
			w.start(out, r, at)
		case open(r.Host):
			http.ServeFile(out, r, filepath.Join(w.home, filepath.FromSlash(r.URL.Path)))
		default:
			out.WriteHeader(http.StatusForbidden)
		}
	}))
	w.Cleanup(server.Close)
	at.Address, at.Port, _ = net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	return at
}

// later is the next visit, some time after the last.
func (w *webSpace) later(by time.Duration) {
	w.Helper()
	w.age(by)
	w.visit()
}

// secret is that of the test file, as who is handed it out reads it.
func (w *webSpace) secret() string {
	w.Helper()
	files, _ := filepath.Glob(filepath.Join(w.program, "hub-data-probe-*", "*.css"))
	if len(files) != 1 {
		w.Fatalf("%q", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		w.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(text), wire.ProbeMark+" ")
	return secret[:wire.ProbeSecretSize]
}

// The cure that the page prescribes works: what was known of the place where the data
// was is not taken for that where it is, and whoever read the secret there can do
// nothing with it any more.
func TestAServedFolderIsMovedOut(t *testing.T) {
	w := newWebSpace(t, "site/cgi-bin")
	at := hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi", Port: "1"}
	w.get("", at)
	was := w.data()
	if err := os.Remove(filepath.Join(was, "claim.txt")); err != nil { // as one that is claimed
		t.Fatal(err)
	}
	keys, err := os.ReadFile(filepath.Join(was, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	secret := w.secret()
	w.get(wire.ServedQuery+secret, at)
	w.visit()
	if _, page := w.get("", at); !strings.Contains(page, "move its data folder") {
		t.Fatal(page)
	}
	if err := os.Rename(was, filepath.Join(w.home, "hub-data")); err != nil {
		t.Fatal(err)
	}
	w.conf("data = \"../../hub-data\"\n")
	w.visit()
	w.get(wire.ServedQuery+secret, at)
	if _, page := w.get("", at); strings.Contains(page, "hands out") {
		t.Error(page)
	}
	w.get(wire.ServedQuery+secret, at)
	w.visit()
	if status, text := w.get(wire.KeysQuery, at); status != 200 {
		t.Errorf("?keys: status %d, %s", status, text)
	}
	if now, err := os.ReadFile(filepath.Join(w.data(), "keys")); err != nil || !bytes.Equal(now, keys) {
		t.Error("it is another hub", err)
	}
	post := hub.Request{Method: "POST", ContentType: wire.ContentType, Length: 5, Body: strings.NewReader("noise")}
	if reply := w.site.Serve(t.Context(), post); reply.Status != wire.StatusMalformed {
		t.Errorf("a POST: %d %s", reply.Status, reply.Body)
	}
}

// So it does where the folder is moved to another place that a URL leads to, also when
// a visitor has read a file of it: that place is asked for anew.
func TestAServedFolderIsMovedWithin(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	open := true
	at := w.web(func(string) bool { return open })
	at.Root = w.home
	open = false
	w.get("", at)
	was := w.data()
	open = true
	w.later(25 * time.Hour)
	if _, page := w.get("", at); !strings.Contains(page, "hands out files") {
		t.Fatal(page)
	}
	w.get(wire.ServedQuery+w.known()["secret"].(string), at)
	if err := os.Rename(was, filepath.Join(w.home, "hub-data")); err != nil {
		t.Fatal(err)
	}
	w.conf("data = \"../hub-data\"\n")
	w.visit()
	if _, page := w.get("", at); !strings.Contains(page, "hands out files") {
		t.Error("it is handed out there too:", page)
	}
	open = false
	w.later(time.Hour)
	if _, page := w.get("", at); !strings.Contains(page, "did not get it") {
		t.Error(page)
	}
}

// A folder that was handed out stays so for who visits by a way on which it is not,
// and comes right by any visit once it is refused by the one on which it was.
func TestServedByOneName(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	open := true
	at := w.web(func(host string) bool { return open && host == "example.org" })
	if err := os.Mkdir(filepath.Join(w.home, "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.conf("data = \"../files\"\n")
	at.Root = w.home
	if _, page := w.get("", at); !strings.Contains(page, "hands out files") {
		t.Fatal(page)
	}
	name, root := at, at
	name.Host = "other.example"
	root.Root, root.Path, root.Script = filepath.Join(w.home, "cgi-bin"), "/hub.cgi", "/hub.cgi"
	for _, visit := range []hub.Visit{name, root} {
		w.later(time.Hour)
		if _, page := w.get("", visit); !strings.Contains(page, "hands out files") {
			t.Errorf("%+v:\n%s", visit, page)
		}
		if status, _ := w.get(wire.KeysQuery, visit); status != wire.StatusBusy {
			t.Errorf("%+v: ?keys has status %d", visit, status)
		}
	}
	open = false
	w.later(time.Hour)
	w.get("", root)
	if status, _ := w.get(wire.KeysQuery, root); status != 200 {
		t.Error("?keys: status", status)
	}
}

// Where the folder to try with cannot be made whole, or not be remembered, nothing of
// it is left, however often somebody looks.
func TestNoTestFolderIsLeft(t *testing.T) {
	for name, spoil := range map[string]func(data string) error{
		"nothing can be remembered": func(data string) error { return os.Mkdir(filepath.Join(data, "checked.new"), 0o700) },
		"no file can be made": func(data string) error { // its name stands for a disk that is full
			text, err := codec.Marshal(map[string]any{"secret": "secret", "file": strings.Repeat("x", 300), "verdict": 0, "at": 0})
			return errors.Join(err, os.WriteFile(filepath.Join(data, "checked"), text, 0o600))
		},
	} {
		w := newWebSpace(t, "cgi-bin")
		at := hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi", Port: "1"}
		data := filepath.Join(w.program, "hub-data-aaaaaaaaaaaaaaaa")
		if err := errors.Join(os.Mkdir(data, 0o700), spoil(data)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w.visit()
			w.get("", at)
			if found, _ := filepath.Glob(filepath.Join(w.program, "hub-data-probe-*")); len(found) > 0 {
				t.Errorf("%s: %q", name, found)
			}
		}
	}
}
