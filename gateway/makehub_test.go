package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"hubbub/channels/wire"
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
	waiting := func() (accounts []wire.Token) {
		t.Helper()
		seeds, err := hubOwnerIn(data).read()
		if err != nil {
			t.Fatal(err)
		}
		for _, seed := range seeds {
			accounts = append(accounts, accountOf(seed))
		}
		return accounts
	}
	owner := func(folder string) wire.Token {
		t.Helper()
		named, err := hub.OwnerIn(folder)
		if err != nil {
			t.Fatal(err)
		}
		return named
	}
	account := waiting()[0]
	if got := owner(upload); got != account {
		t.Errorf("hub.conf names %v, and %v waits", got, account)
	}

	// Over itself, as for an upgrade: the owner stays, and what he has written there,
	// also once the hub is added.
	conf := filepath.Join(upload, hub.ConfigName)
	text, _ := os.ReadFile(conf)
	os.WriteFile(conf, append(text, "held = 3\n"...), 0o644)
	os.WriteFile(filepath.Join(upload, "hub.cgi"), []byte("old"), 0o755)
	for range 2 {
		if code, said, complained = made(arguments...); code != 0 || !strings.Contains(said, "/msg sysop hub add URL\n") || !strings.Contains(said, "For another hub name another\nfolder.") {
			t.Fatalf("%d: %s%s", code, said, complained)
		}
		if got := owner(upload); got != account {
			t.Errorf("hub.conf names %v, and %v owns the hub", got, account)
		}
		if now, _ := os.ReadFile(conf); string(now) != string(text)+"held = 3\n" {
			t.Errorf("hub.conf was written over: %s", now)
		}
		if is, err := hubPlatform(filepath.Join(upload, "hub.cgi")); is != defaultPlatform || err != nil {
			t.Errorf("the program is not the new one: %s, %v", is, err)
		}
		if err := hubOwnerIn(data).taken(account); err != nil {
			t.Fatal(err)
		}
		if got := waiting(); len(got) != 0 {
			t.Errorf("%v wait", got)
		}
	}
	if err := os.WriteFile(conf, []byte("held = 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, complained = made(arguments...); code != 1 || !strings.Contains(complained, "names no owner, and is not written over") {
		t.Errorf("%d: %s", code, complained)
	}

	// Another folder is for another hub.
	others := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")}
	for i, folder := range others {
		if code, said, complained = made("-data", data, "-make-hub", folder, "-packages", packages); code != 0 || strings.Contains(said, "earlier upload") {
			t.Fatalf("%d: %s%s", code, said, complained)
		}
		if got := waiting(); len(got) != i+1 || got[i] != owner(folder) {
			t.Errorf("%v wait, for %v", got, owner(folder))
		}
	}
	if owner(others[0]) == owner(others[1]) {
		t.Error("two hubs have one owner")
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
	conf, err := uploadOwner(upload, hubOwnerIn(mustPrivate(t, data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hubOwnerIn(data).prepare(); err != nil { // another waits for its hub
		t.Fatal(err)
	}
	if err := writeUpload(makeHubFlags{folder: upload, platform: defaultPlatform}, []byte("the program"), conf); err != nil {
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
	if seeds, err := hubOwnerIn(filepath.Join(bobs, "data")).read(); len(seeds) != 1 || err != nil {
		t.Error("the account is gone, and no hub has it:", err)
	}

	alice := realTalkerIn(t, folder, "alice")
	alice.says("PRIVMSG sysop :hub add "+site.URL+"/", "is ready. It is yours")
	if seeds, err := hubOwnerIn(data).read(); len(seeds) != 1 || err != nil {
		t.Errorf("%d accounts wait, %v", len(seeds), err)
	}
	alice.says("PRIVMSG sysop :hub add "+site.URL+"/", site.URL+"/ is yours already: nothing to do.")
	if seeds, err := hubOwnerIn(data).read(); len(seeds) != 1 || err != nil {
		t.Errorf("%d accounts wait, %v", len(seeds), err)
	}
	mallory.says("PRIVMSG sysop :hub add "+site.URL+"/", "And its key?")
	alice.says("JOIN #bob", "JOIN")
	alice.says("INVITE bob", "is in your query with sysop")
	alice.waitsFor("hub list", site.URL, "1 channel")
}

// A newer upload, of another folder, names another account: its maker is told how the
// hub is his again.
func TestAnotherUploadForTheSameHub(t *testing.T) {
	folder := t.TempDir()
	data := mustPrivate(t, filepath.Join(folder, "data"))
	config := hub.Config{Data: t.TempDir()}
	var served atomic.Pointer[hub.Hub]
	upload := func() {
		t.Helper()
		account, err := hubOwnerIn(data).prepare()
		if err != nil {
			t.Fatal(err)
		}
		config.Owner = account
		if old := served.Load(); old != nil {
			old.Close()
		}
		opened, err := hub.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		served.Store(opened)
	}
	upload()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { web.Handler(served.Load()).ServeHTTP(w, r) }))
	t.Cleanup(func() {
		site.Close()
		served.Load().Close()
	})
	place := site.URL + "/"
	alice := realTalkerIn(t, folder, "alice")
	alice.says("PRIVMSG sysop :hub add "+place, "is ready. It is yours")
	alice.says("PRIVMSG sysop :hub add "+place, place+" is yours already")
	upload()
	alice.says("PRIVMSG sysop :hub add "+place, place+" does not know the account any more that you have there", "a newer upload of yours")
	alice.confirms("hub forget "+place, "Forget "+place+"?", "is none of your hubs any more")
	alice.says("PRIVMSG sysop :hub add "+place, "is ready. It is yours")
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
