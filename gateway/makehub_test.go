package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"hubbub/hub"
	"hubbub/hub/web"
)

// made runs the program with arguments, as a user does.
func made(args ...string) (code int, said, complained string) {
	var stdout, stderr bytes.Buffer
	code = program(args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// builtHub is hub.cgi as -make-hub builds it in the source.
var builtHub = sync.OnceValues(func() ([]byte, error) { return buildHub(sourceFolder(), defaultPlatform) })

// packages are a folder with that where the packages have it.
func packages(t *testing.T) string {
	t.Helper()
	program, err := builtHub()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	at := filepath.Join(folder, strings.ReplaceAll(defaultPlatform, "/", "-"))
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "hub.cgi"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// The upload has all that web space wants, and is for whom it says; what is
// there already is not written over.
func TestMakeHubWritesAnUpload(t *testing.T) {
	packages := packages(t)
	data, upload := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "new", "upload")
	arguments := []string{"-data", data, "-make-hub", upload, "-packages", packages}
	code, said, complained := made(append(arguments, "-url", "HTTPS://Example.org/~al/hub.cgi")...)
	if code != 0 || !strings.Contains(said, "/msg sysop hub add https://example.org/~al/hub.cgi\n") {
		t.Fatalf("%d: %s%s", code, said, complained)
	}
	modes := map[string]os.FileMode{"hub.cgi": 0o755, ".htaccess": 0o644, "hub.conf": 0o644, readmeName: 0o644}
	entries, err := os.ReadDir(upload)
	if err != nil || len(entries) != len(modes) {
		t.Errorf("%v, %v", entries, err)
	}
	for name, mode := range modes {
		info, err := os.Stat(filepath.Join(upload, name))
		if err != nil || runtime.GOOS != "windows" && info.Mode() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if is, err := hubPlatform(filepath.Join(upload, "hub.cgi")); is != defaultPlatform || err != nil {
		t.Errorf("it is for %s, %v", is, err)
	}
	account, err := hubOwnerIn(data).prepare()
	if err != nil {
		t.Fatal(err)
	}
	if config, err := hub.Load(upload); err != nil || config.Owner != account {
		t.Errorf("hub.conf: %v, %v", config.Owner, err)
	}
	os.RemoveAll(upload)

	if code, said, complained = made(arguments...); code != 0 || !strings.Contains(said, "/msg sysop hub add URL\n") {
		t.Fatalf("%d: %s%s", code, said, complained)
	}
	if code, _, complained = made(arguments...); code != 0 { // over itself
		t.Errorf("%d: %s", code, complained)
	}
	if again, err := hubOwnerIn(data).prepare(); again != account || err != nil {
		t.Errorf("the second upload is for another account: %v", err)
	}
	if err := os.WriteFile(filepath.Join(upload, "index.html"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, complained = made(arguments...); code != 1 || !strings.Contains(complained, "holds other things, such as index.html") {
		t.Errorf("%d: %s", code, complained)
	}
}

// What can't be made is said, with what to do, and leaves nothing behind.
func TestMakeHubSaysWhatIsMissing(t *testing.T) {
	packages := packages(t)
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-platform", "linux/amd64"}, 2, "belong to -make-hub FOLDER"},
		{[]string{"-make-hub", "UPLOAD", "-platform", "amiga"}, 1, "no system and processor such as linux/amd64"},
		{[]string{"-make-hub", "UPLOAD", "-url", "ftp://example.org/"}, 1, "-url: "},
		{[]string{"-make-hub", "UPLOAD", "-platform", "freebsd/arm64", "-packages", packages}, 1, "there is no hub.cgi for freebsd/arm64 here: take it from"},
		{[]string{"-make-hub", "UPLOAD", "-platform", "freebsd/arm64", "-packages", filepath.Join(packages, "linux-amd64")}, 1, "hub.cgi is for linux/amd64"},
		{[]string{"-make-hub", "UPLOAD", "-platform", "plan8/amd64"}, 1, "building hub.cgi for plan8/amd64"},
	} {
		folder := t.TempDir()
		data, upload := filepath.Join(folder, "data"), filepath.Join(folder, "upload")
		args := []string{"-data", data}
		for _, a := range tt.args {
			args = append(args, strings.Replace(a, "UPLOAD", upload, 1))
		}
		code, _, complained := made(args...)
		if code != tt.code || !strings.Contains(complained, tt.want) {
			t.Errorf("%q: %d, %s", tt.args, code, complained)
		}
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("%q: left behind: %v", tt.args, left)
		}
	}
}

// A hub that was made knows its owner, who adds it without a key; and nobody else.
func TestTheMadeHubIsItsMakers(t *testing.T) {
	folder := t.TempDir() // alice's; servedIn has its data in there
	upload, data := filepath.Join(folder, "upload"), filepath.Join(folder, "data")
	if err := os.Mkdir(upload, 0o755); err != nil {
		t.Fatal(err)
	}
	account, err := hubOwnerIn(mustPrivate(t, data)).prepare()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeUpload(makeHubFlags{folder: upload, platform: defaultPlatform}, []byte("the program"), account); err != nil {
		t.Fatal(err)
	}
	config, err := hub.Load(upload)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := hub.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(web.Handler(opened))
	t.Cleanup(func() {
		site.Close()
		opened.Close()
	})

	mallory := realTalkerIn(t, t.TempDir(), "mallory")
	if said := mallory.sysop("hub add " + site.URL + "/"); !strings.Contains(strings.Join(said, "\n"), "And its key?") {
		t.Errorf("%q", said)
	}
	bobs := t.TempDir() // who has prepared a hub too, and adds the wrong one
	if _, err := hubOwnerIn(mustPrivate(t, filepath.Join(bobs, "data"))).prepare(); err != nil {
		t.Fatal(err)
	}
	bob := realTalkerIn(t, bobs, "bob")
	bob.says("PRIVMSG sysop :hub add "+site.URL+"/", "does not know you as its owner")
	if seed, err := hubOwnerIn(filepath.Join(bobs, "data")).read(); seed == nil || err != nil {
		t.Error("the account is gone, and no hub has it:", err)
	}

	alice := realTalkerIn(t, folder, "alice")
	alice.says("PRIVMSG sysop :hub add "+site.URL+"/", "is ready. It is yours")
	if seed, err := hubOwnerIn(data).read(); seed != nil || err != nil {
		t.Error("the account waits still, and the phonebook has it:", err)
	}
	alice.says("JOIN #bob", "JOIN")
	alice.says("INVITE bob", "is in your query with sysop")
	alice.waitsFor("hub list", site.URL, "1 channel")
}

func mustPrivate(t *testing.T, path string) string {
	t.Helper()
	path, err := privateFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestADamagedHubOwnerIsKept(t *testing.T) {
	o := hubOwnerIn(t.TempDir())
	if err := os.WriteFile(o.path, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := o.prepare(); err == nil {
		t.Error("another account takes its place")
	}
}
