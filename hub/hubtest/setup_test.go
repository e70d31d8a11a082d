package hubtest

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
	"hubbub/hub"
)

// upload is hub.cgi as it lies in public_html after an upload, on a server that
// heeds .htaccess or not.
type upload struct {
	*testing.T
	site  *site
	url   string
	above string // the folder that public_html is in
	log   string
}

// Servers for uploads. Where .htaccess is not heeded the server's own rules run
// hub.cgi.
const (
	heeds  = "\tAllowOverride All\n\tOptions SymLinksIfOwnerMatch\n\tRequire all granted\n"
	heeds2 = "\tAllowOverride None\n\tOptions +ExecCGI\n\tAddHandler cgi-script .cgi\n\tRequire all granted\n"
)

// uploaded puts hub.cgi into a public_html whose folder above it can write to, or
// not, and starts Apache.
func uploaded(t *testing.T, setup Setup, writable bool, rules string) *upload {
	t.Helper()
	need(t, apacheProgram, "apache2")
	u := &upload{T: t, above: openFolder(t)}
	s := newSite(t, setup, "", "")
	s.root = filepath.Join(u.above, "public_html")
	s.space, s.path, u.site = s.root, "/", s
	if err := os.Mkdir(s.space, 0o755); err != nil {
		t.Fatal(err)
	}
	install(t, Build(t, "hub/cgi"), filepath.Join(s.space, "hub.cgi"))
	writeAccess(t, s.space, hub.AccessFile)
	giveAway(t, u.above)
	if !writable {
		if err := os.Chmod(u.above, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(u.above, 0o755) })
	}
	u.log = s.apache(t, event, []string{"cgid"}, "ScriptSock {{home}}/cgi.sock\n<Directory "+s.space+">\n"+rules+"</Directory>\n")
	u.url = s.origin() + "/hub.cgi"
	r := &Running{URL: u.url, Data: "is looked for by the test"}
	r.firstVisit(t)
	return u
}

// get asks for a URL.
func (u *upload) get(url string) (status int, header http.Header, body string) {
	u.Helper()
	response, err := httpClient.Get(url)
	if err != nil {
		u.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		u.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// page is the hub's page, which has all of the words in it and tells no path.
func (u *upload) page(words ...string) string {
	u.Helper()
	status, _, page := u.get(u.url)
	if status != 200 {
		u.Fatalf("status %d\n%s", status, page)
	}
	for _, word := range words {
		if !strings.Contains(page, word) {
			u.Errorf("the page lacks %q:\n%s", word, page)
		}
	}
	for _, no := range []string{u.above, u.site.home, "goroutine"} {
		if strings.Contains(page, no) {
			u.Errorf("the page tells of %q", no)
		}
	}
	return page
}

// folders are those with data in them, in a folder.
func (u *upload) folders(in string) []string {
	u.Helper()
	found, err := filepath.Glob(filepath.Join(in, "hub-data-*"))
	if err != nil {
		u.Fatal(err)
	}
	return found
}

// only wants one data folder, there, and none anywhere else.
func (u *upload) only(in string) string {
	u.Helper()
	found := append(u.folders(u.above), u.folders(u.site.space)...)
	if len(found) != 1 || filepath.Dir(found[0]) != in {
		u.Fatalf("data folders: %q, want one in %s", found, in)
	}
	return found[0]
}

// refuses wants a hub that answers nothing, in words.
func (u *upload) refuses() {
	u.Helper()
	response, err := httpClient.Post(u.url, wire.ContentType, strings.NewReader("a sealed request"))
	if err != nil {
		u.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	status, _, keys := u.get(u.url + "?" + wire.KeysQuery)
	for answer, status := range map[string]int{string(text): response.StatusCode, keys: status} {
		if status != wire.StatusBusy || !strings.Contains(answer, "open its page in a browser") || strings.Contains(answer, u.above) {
			u.Errorf("status %d: %q", status, answer)
		}
	}
}

// has says whether a file is in a folder.
func has(folder, name string) bool {
	_, err := os.Stat(filepath.Join(folder, name))
	return err == nil
}

const addURL = "/msg sysop hub add "

// Where the folder above public_html can be written to, the data is there, and
// the page says where, and what to type.
func TestDataGoesAboveTheWebFolder(t *testing.T) {
	u := uploaded(t, Setup{}, true, heeds)
	data := u.only(u.above)
	page := u.page(addURL+u.url+" KEY", "where no web request leads", filepath.Base(data), "beside <code>public_html</code>, not in it", "<code>claim.txt</code>")
	key, ok, err := hub.ReadClaim(data)
	if err != nil || !ok || strings.Contains(page, key.String()) {
		t.Fatal(ok, err)
	}
	if config, err := hub.Load(u.site.space); err != nil || config.Data != data {
		t.Errorf("it is not found again: %q, %v", config.Data, err)
	}
	client := NewClient(t, u.url)
	if _, err := client.As(t, "owner").Claim(key); err != nil {
		t.Fatal(err)
	}
	if page := u.page("Somebody gave you a one-time key?"); strings.Contains(page, "claim.txt") || strings.Contains(page, `class="checks"`) || strings.Contains(page, filepath.Base(data)) {
		t.Errorf("a claimed hub's page:\n%s", page)
	}
}

// Where it cannot, the data is beside the program, and the hub has asked its web
// server for a file of it. The folder's name is told to nobody.
func TestDataBesideIsAskedFor(t *testing.T) {
	u := uploaded(t, Setup{}, false, heeds)
	data := u.only(u.site.space)
	page := u.page(addURL+u.url+" KEY", "did not get it", "beside the program whose name begins with <code>hub-data-</code>")
	if strings.Contains(page, filepath.Base(data)) || !has(data, "claim.txt") {
		t.Errorf("%s\n%s", data, page)
	}
	_, _, probe := u.get(u.url + "?" + wire.ProbeQuery)
	if lines := strings.Split(strings.TrimSpace(probe), "\n"); len(lines) != 2 || lines[0] != wire.ProbeHead {
		t.Errorf("?probe says %q", probe)
	}
	files, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if status, _, _ := u.get(u.site.origin() + "/" + filepath.Base(data) + "/" + file.Name()); status != 403 {
			t.Errorf("%s: status %d", file.Name(), status)
		}
	}
}

// A server that hands out the data folder's files finds no secret in it: the hub
// has no keys, and answers nothing. With hub.conf it starts, elsewhere.
func TestAServedFolderGetsNoKeys(t *testing.T) {
	u := uploaded(t, Setup{}, false, heeds2)
	data := u.only(u.site.space)
	page := u.page("stop", "hands out files", "No secret is in it yet", "hub.conf", "../hub-data")
	for _, name := range []string{"keys", "claim.txt", "hub.db"} {
		if has(data, name) {
			t.Errorf("%s is there", name)
		}
	}
	if strings.Contains(page, addURL) || strings.Contains(page, filepath.Base(data)) {
		t.Errorf("the page goes on:\n%s", page)
	}
	u.refuses()

	elsewhere := filepath.Join(openFolder(t), "hub-data")
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	giveAway(t, elsewhere)
	conf := "data = \"" + elsewhere + "\"\ncontact = \"al & <bob>\"\n"
	if err := os.WriteFile(filepath.Join(u.site.space, hub.ConfigName), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	u.page(addURL+u.url+" KEY", "that <code>hub.conf</code> names", "where no web request leads", "al &amp; &lt;bob&gt;")
	if info, err := os.Stat(elsewhere); err != nil || info.Mode().Perm() != 0o700 || !has(elsewhere, "claim.txt") {
		t.Error(info.Mode(), err)
	}
}

// An installation of an earlier version goes on, and is asked for at the next
// view of its page.
func TestAnOlderInstallationIsAskedFor(t *testing.T) {
	for _, rules := range []string{heeds, heeds2} {
		u := uploaded(t, Setup{}, false, rules)
		first := u.only(u.site.space)
		if err := os.RemoveAll(first); err != nil {
			t.Fatal(err)
		}
		h, err := hub.Open(hub.Config{Data: first})
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		giveAway(t, first)
		client := NewClient(t, u.url)
		key, _, err := hub.ReadClaim(first)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.As(t, "owner").Claim(key); err != nil {
			t.Fatal(err)
		}
		if rules == heeds2 {
			page := u.page("stop", "hands out files", "move its data folder")
			if strings.Contains(page, "address space") {
				t.Errorf("a claimed hub shows how it stands:\n%s", page)
			}
			u.refuses()
			continue
		}
		u.page("Somebody gave you a one-time key?")
		if _, err := client.As(t, "owner").Status(wire.Channel{}); err != nil || !has(first, "checked") {
			t.Error(err)
		}
	}
}

// Over https the hub cannot ask: it has a file like that of its data tried by the
// browser and by the gateway. Who has read it shows it, and the hub then answers
// nothing; nobody else can have it do so.
func TestOthersTryWhereTheHubCannot(t *testing.T) {
	for _, rules := range []string{heeds, heeds2} {
		u := uploaded(t, Setup{HTTPS: true}, false, rules)
		if _, header, page := u.get(u.url); !strings.Contains(page, `<link rel="stylesheet" href="`+u.site.origin()+"/hub-data-probe-") || !strings.Contains(page, addURL) {
			t.Fatalf("%v\n%s", header, page)
		} else if policy := header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, hub.ContentSecurityPolicy()+" "+u.site.origin()+"/hub-data-probe-") || !strings.HasSuffix(policy, "; img-src "+u.url) {
			t.Errorf("the policy is %s", policy)
		}
		u.get(u.url + "?" + wire.ServedQuery + strings.Repeat("A", wire.ProbeSecretSize))
		served, err := hubclient.DataServed(t.Context(), hubclient.Location{URL: u.url}, hubclient.Options{})
		if err != nil || served != (rules == heeds2) {
			t.Fatalf("served: %v, %v", served, err)
		}
		if served {
			u.refuses()
			u.page("stop", "hands out files", "so begin anew")
			continue
		}
		u.page(addURL)
		if status, _, _ := u.get(u.url + "?" + wire.KeysQuery); status != 200 {
			t.Error("?keys: status", status)
		}
	}
}
