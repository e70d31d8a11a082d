package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hubbub/hub"
)

func TestManyFirstStartsMakeOneFolder(t *testing.T) {
	web := t.TempDir()
	var all sync.WaitGroup
	folders := make(chan string, 16)
	fingerprints := make(chan string, 16)
	for range cap(folders) {
		all.Go(func() {
			config, err := hub.Load(web)
			if err != nil {
				t.Error(err)
				return
			}
			h, err := hub.Open(config)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			folders <- config.Data
			f := h.Fingerprint()
			fingerprints <- string(f[:])
		})
	}
	all.Wait()
	close(folders)
	close(fingerprints)
	first, identity := <-folders, <-fingerprints
	for folder := range folders {
		if folder != first {
			t.Errorf("two data folders, %s and %s", first, folder)
		}
	}
	for fingerprint := range fingerprints {
		if fingerprint != identity {
			t.Error("two hubs")
		}
	}
	if name := filepath.Base(first); len(name) != len("hub-data-")+16 {
		t.Error("the folder is", name)
	}
	if info, err := os.Stat(first); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info.Mode(), err)
	}
	rules, err := os.ReadFile(filepath.Join(first, ".htaccess"))
	if err != nil || !strings.Contains(string(rules), "Require all denied") || !strings.Contains(string(rules), "Deny from all") {
		t.Errorf("%s, %v", rules, err)
	}
	for _, name := range []string{"keys", "claim.txt", ".htaccess", "index.html"} {
		if info, err := os.Stat(filepath.Join(first, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(name, info, err)
		}
	}
}

func TestTwoFoldersAreNotGuessedBetween(t *testing.T) {
	web := t.TempDir()
	for _, name := range []string{"hub-data-aaaaaaaaaaaaaaaa", "hub-data-bbbbbbbbbbbbbbbb", "hub-data-old"} {
		if err := os.Mkdir(filepath.Join(web, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hub.Load(web); err == nil || !strings.Contains(err.Error(), "hub.conf") {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(web, "hub-data-bbbbbbbbbbbbbbbb")); err != nil {
		t.Fatal(err)
	}
	config, err := hub.Load(web)
	if err != nil || filepath.Base(config.Data) != "hub-data-aaaaaaaaaaaaaaaa" {
		t.Fatal(config.Data, err)
	}
}

func TestHubConf(t *testing.T) {
	web := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(web, "hub.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("data = \"../elsewhere\" # not for the web\nheld = 3\nchannel_mib = 5\ntotal_mib = 100\n")
	config, err := hub.Load(web)
	if err != nil {
		t.Fatal(err)
	}
	if config.Data != filepath.Join(filepath.Dir(web), "elsewhere") || config.Held != 3 ||
		config.Limits.Text != 5<<20 || config.Limits.Total != 100<<20 || config.Limits.Keep != 128<<20 {
		t.Errorf("%+v", config)
	}
	write("data = \"../elsewhere\"\nheld = 0\n")
	if config, err := hub.Load(web); err != nil || config.Held != hub.NoneHeld {
		t.Errorf("held = 0: %d, %v", config.Held, err)
	}
	for text, want := range map[string]string{
		"data = \"x\"\ndate = \"y\"":   "it knows no date",
		"held = -1":                    "held is -1",
		"held = \"many\"":              "held",
		"\n\ndata = elsewhere":         "line 3",
		"channel_mib = 0":              "channel_mib is 0",
		"total_mib = -1":               "total_mib is -1",
		"channel_mib = 99999999999999": "channel_mib",
	} {
		write(text)
		if _, err := hub.Load(web); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "hub.conf") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if entries, _ := filepath.Glob(filepath.Join(web, "hub-data-*")); len(entries) != 0 {
		t.Error("a folder was made in spite of hub.conf:", entries)
	}
}
