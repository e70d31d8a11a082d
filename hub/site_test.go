package hub_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// webSpace is a program's folder, as somebody has it at a hosting.
type webSpace struct {
	*testing.T
	home    string
	program string
	site    *hub.Site
	log     bytes.Buffer
}

// newWebSpace makes a home, and in it the program's folder.
func newWebSpace(t *testing.T, folder string) *webSpace {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &webSpace{T: t, home: home, program: filepath.Join(home, folder)}
	if err := os.MkdirAll(w.program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.program, "hub.cgi"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	w.visit()
	t.Cleanup(func() { w.site.Close() })
	return w
}

// visit is what the next process is.
func (w *webSpace) visit() {
	w.Helper()
	if w.site != nil {
		if err := w.site.Close(); err != nil {
			w.Error(err)
		}
	}
	w.site = hub.NewSite(w.program, slog.New(slog.NewTextHandler(&w.log, nil)))
}

// get is a GET of a query, of which the web server says what at says.
func (w *webSpace) get(query string, at hub.Visit) (int, string) {
	w.Helper()
	reply := w.site.Serve(context.Background(), hub.Request{Method: "GET", Query: query, Visit: at})
	if strings.Contains(string(reply.Body), w.home) || strings.Contains(string(reply.Body), "goroutine") {
		w.Errorf("it tells of a path or a stack:\n%s", reply.Body)
	}
	return reply.Status, string(reply.Body)
}

// page wants words on the page.
func (w *webSpace) page(words ...string) string {
	w.Helper()
	status, page := w.get("", hub.Visit{Host: "example.org", Path: "/hub.cgi", Script: "/hub.cgi"})
	for _, word := range words {
		if status != 200 || !strings.Contains(page, word) {
			w.Errorf("status %d, the page lacks %q:\n%s", status, word, page)
		}
	}
	return page
}

// conf writes hub.conf.
func (w *webSpace) conf(text string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.program, hub.ConfigName), []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

// data is the data folder that is found.
func (w *webSpace) data() string {
	w.Helper()
	config, err := hub.Load(w.program)
	if err != nil {
		w.Fatal(err)
	}
	return config.Data
}

// Nothing but a GET sets a hub up, and until then it answers nothing.
func TestOnlyAGetSetsUp(t *testing.T) {
	w := newWebSpace(t, "public_html")
	post := hub.Request{Method: "POST", ContentType: wire.ContentType, Length: 1, Body: io.MultiReader(strings.NewReader("x"))}
	reply := w.site.Serve(context.Background(), post)
	if reply.Status != wire.StatusBusy || !strings.Contains(string(reply.Body), "open its page in a browser") {
		t.Errorf("%d %s", reply.Status, reply.Body)
	}
	w.get(wire.ProbeQuery, hub.Visit{})
	w.get("long", hub.Visit{})
	w.get(wire.ServedQuery+"x", hub.Visit{})
	if found, _ := filepath.Glob(filepath.Join(w.home, "*", "hub-data*")); len(found) > 0 {
		t.Error("made:", found)
	}
	// Nor does it where a first start was cut short.
	if err := os.Mkdir(filepath.Join(w.program, "hub-data-aaaaaaaaaaaaaaaa"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.visit()
	if reply = w.site.Serve(context.Background(), post); reply.Status != wire.StatusBusy {
		t.Errorf("%d %s", reply.Status, reply.Body)
	}
	if status, keys := w.get(wire.KeysQuery, hub.Visit{}); status != 200 || len(keys) == 0 {
		t.Error("?keys: status", status)
	}
	if reply = w.site.Serve(context.Background(), post); reply.Status != wire.StatusMalformed {
		t.Errorf("%d %s", reply.Status, reply.Body)
	}
}

// The data goes above all web folders, but not where a URL leads, nor where
// everybody may write. Each program has its own, and finds it again.
func TestWhereTheDataGoes(t *testing.T) {
	for _, test := range []struct{ name, program, script, root, want string }{
		{"public_html", "public_html", "/hub.cgi", "", "."},
		{"a folder below", "public_html/chat/hub", "/chat/hub/hub.cgi", "", "."},
		{"of a user", "public_html/cgi-bin", "/~al/cgi-bin/hub.cgi", "", "."},
		{"Plesk", "vhosts/example.org/httpdocs", "/hub.cgi", "", "vhosts/example.org"},
		{"two of them", "www/example.org/htdocs", "/hub.cgi", "", "."},
		{"the outer one is served", "www/html", "/html/hub.cgi", "", "."},
		{"what is above is served", "site/html", "/site/html/hub.cgi", "", "site/html"},
		{"so it says", "site/html", "/hub.cgi", "site", "site/html"},
		{"a root that is another", "site/html", "/hub.cgi", "other", "site"},
		{"no web folder", "cgi-bin", "/cgi-bin/hub.cgi", "", "cgi-bin"},
		{"a path behind the program", "site/public_html", "/hub.cgi", "", "site"},
		{"upper case", "HTDOCS", "/hub.cgi", "", "."},
	} {
		w := newWebSpace(t, test.program)
		// What a client writes behind the program's name moves nothing.
		at := hub.Visit{Host: "example.org", Path: test.script + "/" + filepath.Base(w.home) + "/site/public_html/x", Script: test.script}
		if test.root != "" {
			at.Root = filepath.Join(w.home, test.root)
		}
		if status, page := w.get("", at); status != 200 || !strings.Contains(page, "claim.txt") {
			t.Errorf("%s: %d\n%s", test.name, status, page)
		}
		if data := w.data(); filepath.Dir(data) != filepath.Join(w.home, test.want) {
			t.Errorf("%s: the data is in %s, want it in %s", test.name, data, test.want)
		}
	}

	w := newWebSpace(t, "public_html/one")
	w.page("claim.txt")
	other := filepath.Join(w.home, "public_html", "two")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	config, err := hub.Load(other)
	if err != nil || config.Data == w.data() || filepath.Dir(config.Data) != w.home {
		t.Error(config.Data, err)
	}
	// A hosting moves the home.
	moved := w.home + "-moved"
	if err := os.Rename(w.home, moved); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(moved)
	if config, err := hub.Load(filepath.Join(moved, "public_html", "one")); err != nil || filepath.Base(config.Data) == filepath.Base(other) {
		t.Error(config.Data, err)
	} else if _, ok, err := hub.ReadClaim(config.Data); !ok || err != nil {
		t.Error("it is another folder after the move:", err)
	}

	open := newWebSpace(t, "public_html")
	if err := os.Chmod(open.home, 0o777); err != nil {
		t.Fatal(err)
	}
	open.page("claim.txt")
	if filepath.Dir(open.data()) != open.program {
		t.Error("in a folder that everybody may write to:", open.data())
	}
}

// Each thing that can be wrong with the folders has its words, and its cure works.
func TestTroubleHasWords(t *testing.T) {
	w := newWebSpace(t, "public_html")
	w.conf("held = \"many\"\n")
	w.page("stop", "{hub.conf"[1:], "cannot be used")
	if err := os.Remove(filepath.Join(w.program, hub.ConfigName)); err != nil {
		t.Fatal(err)
	}
	w.page("claim.txt")

	data := w.data()
	if err := os.Rename(data, filepath.Join(w.home, "moved")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("moved", data); err != nil {
		t.Fatal(err)
	}
	w.visit()
	w.page("stop", "symbolic link", "and remove the link")
	w.conf("data = \"../moved\"\n")
	w.page("claim.txt", "that <code>hub.conf</code> names")

	two := newWebSpace(t, "cgi-bin")
	for _, name := range []string{"hub-data-aaaaaaaaaaaaaaaa", "hub-data-bbbbbbbbbbbbbbbb"} {
		if err := os.Mkdir(filepath.Join(two.program, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	two.page("stop", "two data folders")

	wide := newWebSpace(t, "public_html")
	if err := os.Chmod(wide.program, 0o777); err != nil {
		t.Fatal(err)
	}
	wide.page("warning", "(its permissions are 777)", "Permissions → 755", "claim.txt")
	if strings.Contains(wide.log.String(), "level=ERROR") {
		t.Error(&wide.log)
	}
	newer := newWebSpace(t, "public_html")
	newer.page("ok", "The database works", "clock says", "wait for 25 seconds", "?long")
}

// The real address is filled in, and no other than one that can be a hub's.
func TestTheAddressOnThePage(t *testing.T) {
	w := newWebSpace(t, "public_html")
	for _, test := range []struct {
		at   hub.Visit
		want string
	}{
		{hub.Visit{Host: "example.org", Path: "/~al/hub.cgi", Script: "/~al/hub.cgi"}, "add http://example.org/~al/hub.cgi KEY"},
		{hub.Visit{Host: "example.org", Path: "/hub", Script: "/sub/hub.cgi", TLS: true}, "add https://example.org/hub KEY"},
		{hub.Visit{Host: "[::1]:8080", Path: "/", Script: "/"}, "add http://[::1]:8080/ KEY"},
		{hub.Visit{Host: "example.org", Path: "//evil.example/", Script: "/hub.cgi"}, "add http://example.org/hub.cgi KEY"},
		{hub.Visit{Host: "evil\r\nX: y", Path: "/hub.cgi"}, "add URL KEY"},
		{hub.Visit{Host: "example.org/<b>", Path: "/hub.cgi"}, "add URL KEY"},
		{hub.Visit{Host: "example.org", Path: "/<script>", Script: "/\"x"}, "add URL KEY"},
		{hub.Visit{}, "add URL KEY"},
	} {
		if _, page := w.get("", test.at); !strings.Contains(page, "/msg sysop hub "+test.want) {
			t.Errorf("%+v: the page does not say %q", test.at, test.want)
		}
	}
}

// A request as long as the hub's longest can be tried by whoever sets the hub up,
// by one at a time, and by nobody once it is claimed.
func TestALongRequestCanBeTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebSpace(t, "public_html")
		w.page("claim.txt")
		var all sync.WaitGroup
		begun := time.Now()
		all.Go(func() {
			status, page := w.get("long", hub.Visit{})
			if took := time.Since(begun); took != wire.MaxWait || status != 200 || !strings.Contains(page, "ok: the answer came after 25s") {
				t.Errorf("after %s: %d\n%s", took, status, page)
			}
		})
		synctest.Wait()
		if _, page := w.get("long", hub.Visit{}); !strings.Contains(page, "Somebody is trying that") || time.Since(begun) > 0 {
			t.Errorf("a second one at once, after %s:\n%s", time.Since(begun), page)
		}
		all.Wait()
		if err := os.Remove(filepath.Join(w.data(), "claim.txt")); err != nil {
			t.Fatal(err)
		}
		begun = time.Now()
		if _, page := w.get("long", hub.Visit{}); !strings.Contains(page, "one-time key") || time.Since(begun) > 0 {
			t.Errorf("a claimed hub waits %s:\n%s", time.Since(begun), page)
		}
	})
}
