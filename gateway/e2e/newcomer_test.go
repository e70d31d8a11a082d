//go:build linux

package e2e

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hubbub/hub/hubtest"
)

// TestNewcomer is somebody with an FTP program and a browser, who has bought the
// cheapest web space and puts a hub there: first with all that can be wrong with
// the upload, then as the page says, up to the first message. A second one has
// the gateway write the upload, and has nothing to claim.
func TestNewcomer(t *testing.T) {
	long(t)
	need(t, "chromium", "apache2", "useradd")
	t.Parallel()
	hosting := hubtest.StartHosting(t)
	program, err := os.ReadFile(hubtest.Build(t, "hub/cgi"))
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := startGateway(t, "alice"), startGateway(t, "bob")
	n := &newcomer{t: t, Hosting: hosting, program: program, alice: alice.Client("alice"), bob: bob.Client("bob")}
	if t.Run("upload", n.wrongUploads) && t.Run("claim", n.claim) {
		t.Run("invite link", n.inviteLink)
	}
	t.Run("made by the gateway", func(t *testing.T) { n.made(t, alice) })
}

type newcomer struct {
	t *testing.T
	*hubtest.Hosting
	program    []byte
	alice, bob *talker
}

// shown is an address as it is opened in the browser.
func (n *newcomer) shown(name string) string {
	if *update { // the pictures are for everybody
		return strings.Replace(n.URL, "127.0.0.1", "your.site", 1) + name
	}
	return n.URL + name
}

// wrongUploads goes through what is wrong with most uploads at first; all are
// cured in the file manager. Nothing is left behind by them.
func (n *newcomer) wrongUploads(t *testing.T) {
	begun := time.Now()
	n.Upload(t, "hub.cgi", n.program, 0o644)
	body, status := get(t, n.URL+"hub.cgi")
	if status != 200 || !strings.HasPrefix(body, "\x7fELF") {
		t.Errorf("without .htaccess: status %d, %.20q", status, body)
	}
	n.Upload(t, ".htaccess", []byte(hubtest.Htaccess(t)), 0o644)
	page := browse(t, n.shown("hub.cgi"), phone, "")
	page.Shows(t, "Internal Server Error") // it is not executable
	t.Logf("the upload as it is shows %.60q, after %s", page.Text, time.Since(begun).Round(10*time.Millisecond))
	n.Chmod(t, "hub.cgi", 0o775)
	if _, status := get(t, n.URL+"hub.cgi"); status != 500 {
		t.Errorf("with a program that the group may write to: status %d", status)
	}
	n.Chmod(t, "hub.cgi", 0o755)
	n.Chmod(t, ".", 0o775)
	if _, status := get(t, n.URL+"hub.cgi"); status != 500 {
		t.Errorf("in a folder that the group may write to: status %d", status)
	}
	n.Chmod(t, ".", 0o755)
	if found, _ := filepath.Glob(filepath.Join(n.Home, "hub-data-*")); len(found) > 0 {
		t.Errorf("something was set up: %q", found)
	}
}

var (
	besideWeb = regexp.MustCompile(`the folder <code>(hub-data-[a-z0-9]{16})</code>, which lies beside <code>public_html</code>`)
	toType    = regexp.MustCompile(`/msg sysop (hub add \S+)( KEY)?`)
)

// claim is what the page says is to be done.
func (n *newcomer) claim(t *testing.T) {
	done := countSteps(t)
	page := browse(t, n.shown("hub.cgi"), phone, "hub-new-phone.png")
	done.did("opened the page")
	page.Shows(t, "hubbub", "The hub is set up, and has no owner yet", "claim.txt", "/msg sysop hub add "+n.shown("hub.cgi")+" KEY", "How it stands here", "What this is")
	page.Hides(t, n.Home, "stop</b>", "<script", "panic")
	if *update {
		browse(t, n.shown("hub.cgi"), desktop, "hub-new.png")
	}
	folder := besideWeb.FindStringSubmatch(page.HTML)
	if folder == nil {
		t.Fatalf("the page does not say where claim.txt is:\n%s", page.Text)
	}
	text := strings.Fields(string(n.Download(t, folder[1]+"/claim.txt")))
	key := text[len(text)-1]
	page.Hides(t, key)
	done.did("read claim.txt by FTP")

	line := toType.FindStringSubmatch(page.Text)
	n.alice.Say("sysop", strings.Replace(line[1], "your.site", "127.0.0.1", 1)+" "+key)
	n.alice.SysopSays("is ready. It is yours")
	done.did("typed what the page says, with the key")
	done.atMost(3)

	n.firstMessage(t, "#bob")
	t.Logf("first message after %s", time.Since(done.begun).Round(10*time.Millisecond))
	again, _ := get(t, n.URL+"hub.cgi")
	for _, secret := range []string{"no owner", "claim.txt", folder[1], n.Home} {
		if strings.Contains(again, secret) {
			t.Errorf("the page of a claimed hub has %q:\n%s", secret, readable(again))
		}
	}
	for _, name := range []string{"keys", "owner", "hub.db", "claim.txt", ""} {
		for _, base := range []string{n.URL, strings.TrimSuffix(n.URL, "cgi-bin/"), strings.TrimSuffix(n.URL, "cgi-bin/") + "../"} {
			if _, status := get(t, base+folder[1]+"/"+name); status < 400 {
				t.Errorf("%s%s/%s is served: %d", base, folder[1], name, status)
			}
		}
	}
}

// firstMessage has alice invite bob on the hub, and them talk.
func (n *newcomer) firstMessage(t *testing.T, channel string) {
	t.Helper()
	n.alice.Send("JOIN " + channel)
	at := strings.Replace(channel, "#bob", "#alice", 1)
	n.bob.Redeem("/join " + at + " " + keyOf(n.alice.Invite(channel, "bob")))
	n.bob.Say(at, "hello from the other side of "+channel)
	n.alice.Hears("bob", channel, "hello from the other side of "+channel)
}

// inviteLink opens a one-time key in a browser, as people do: it is told what to
// do with it, and neither the server nor its log sees the secret.
func (n *newcomer) inviteLink(t *testing.T) {
	n.alice.Send("JOIN #carol")
	command := n.alice.Invite("#carol", "carol")
	link := keyOf(command)
	place, secret, ok := strings.Cut(link, "#")
	if !ok || len(secret) < 50 {
		t.Fatalf("%q is no link", command)
	}
	if *update {
		link = strings.Replace(link, "127.0.0.1", "your.site", 1)
	}
	before := n.log(t)
	page := browse(t, link, phone, "hub-invite.png")
	page.Shows(t, "This is a hub: a place where a few people leave sealed messages for each other", "Somebody gave you a one-time key?", "It is nothing for a browser", "/join #name KEY", "your browser has not sent that to anybody")
	page.Hides(t, secret, "<script", "<img", "<iframe", "<form")
	seen := strings.TrimPrefix(n.log(t), before)
	if !strings.Contains(seen, "GET /~"+n.User+"/cgi-bin/hub.cgi HTTP/1.1") {
		t.Errorf("the server has not seen %s:\n%s", place, seen)
	}
	for _, part := range []string{secret, secret[:16], strings.ToLower(secret[:16])} {
		if strings.Contains(seen, part) {
			t.Errorf("the server has seen the secret:\n%s", seen)
		}
	}
	errors, _ := os.ReadFile(n.ErrorLog)
	if strings.Contains(string(errors), secret[:16]) {
		t.Error("the error log has the secret")
	}
	for request := range strings.Lines(seen) {
		if strings.Contains(request, "hub.cgi") && !strings.Contains(request, "referer=- cookie=-") {
			t.Errorf("the browser told more than it asked for: %s", request)
		}
	}
}

func (n *newcomer) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(n.AccessLog)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// made has the gateway write the upload.
func (n *newcomer) made(t *testing.T, alice *gateway) {
	packages, upload := t.TempDir(), filepath.Join(t.TempDir(), "upload")
	at := filepath.Join(packages, "linux-amd64")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "hub.cgi"), n.program, 0o755); err != nil {
		t.Fatal(err)
	}
	const space = "second/"
	out, err := exec.Command(gatewayBinary(t), "-data", alice.Data, "-make-hub", upload, "-packages", packages, "-url", n.URL+space+"hub.cgi").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"hub.cgi", ".htaccess", "hub.conf"} {
		content, err := os.ReadFile(filepath.Join(upload, name))
		if err != nil {
			t.Fatal(err)
		}
		n.Upload(t, space+name, content, 0o644)
	}
	n.Chmod(t, space+"hub.cgi", 0o755)

	done := countSteps(t)
	page := browse(t, n.shown(space+"hub.cgi"), phone, "hub-made.png")
	page.Shows(t, "The hub is set up", "/msg sysop hub add "+n.shown(space+"hub.cgi"))
	page.Hides(t, n.Home, "claim.txt is")
	done.did("opened the page")
	typed := regexp.MustCompile(`/msg sysop (hub add \S+)`).FindStringSubmatch(string(out))
	if typed == nil {
		t.Fatalf("the gateway does not say what to type:\n%s", out)
	}
	n.alice.Say("sysop", typed[1])
	n.alice.SysopSays("The hub " + n.URL + space + "hub.cgi is ready. It is yours")
	done.did("typed what the gateway says")
	done.atMost(2)
	n.firstMessage(t, "#bobsecond")
	t.Logf("first message after %s", time.Since(done.begun).Round(10*time.Millisecond))
	if _, status := get(t, n.URL+space+"hub.conf"); status < 400 {
		t.Errorf("hub.conf is served: %d", status)
	}
}

// get asks for an address without a browser.
func get(t testing.TB, url string) (body string, status int) {
	t.Helper()
	r, err := (&http.Client{Timeout: patience}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), r.StatusCode
}
