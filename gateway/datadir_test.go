package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestDataDirIsPrivateAndLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "hubbub")
	d, err := openDataDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		for name, want := range map[string]os.FileMode{"": 0o700, "lock": 0o600} {
			if got := permissions(t, d.file(name)); got != want {
				t.Errorf("%q is %v, want %v", name, got, want)
			}
		}
	}

	_, err = openDataDir(path)
	for _, want := range []string{"already running (process " + strconv.Itoa(os.Getpid()), path, "-data"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a second start: %v, want it to say %q", err, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	again.Close()
}

func TestDataDirMadeByOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access lists instead of modes")
	}
	home := t.TempDir()
	open := func(name string) error {
		d, err := openDataDir(filepath.Join(home, name))
		if err == nil {
			d.Close()
		}
		return err
	}
	for _, name := range []string{"empty", "mine", "full", "private"} {
		os.Mkdir(filepath.Join(home, name), 0o700)
	}
	os.WriteFile(filepath.Join(home, "mine", "lock"), nil, 0o600)
	os.WriteFile(filepath.Join(home, "full", "thesis.odt"), nil, 0o600)
	os.WriteFile(filepath.Join(home, "private", "thesis.odt"), nil, 0o600)
	for _, name := range []string{"empty", "mine", "full"} {
		os.Chmod(filepath.Join(home, name), 0o755)
	}

	for _, name := range []string{"empty", "mine", "private"} {
		if err := open(name); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := permissions(t, filepath.Join(home, name)); got != 0o700 {
			t.Errorf("%s is %v", name, got)
		}
	}
	if err := open("full"); err == nil || !strings.Contains(err.Error(), "holds other things") {
		t.Errorf("another's folder is taken: %v", err)
	}
	if got := permissions(t, filepath.Join(home, "full")); got != 0o755 {
		t.Errorf("another's folder was made %v", got)
	}
}

func TestDefaultDataDir(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("XDG is for other systems")
	}
	t.Setenv("HOME", "/home/alice")
	for xdg, want := range map[string]string{
		"":          "/home/alice/.local/share/hubbub",
		"relative":  "/home/alice/.local/share/hubbub",
		"/srv/data": "/srv/data/hubbub",
	} {
		t.Setenv("XDG_DATA_HOME", xdg)
		if got, err := defaultDataDir(); err != nil || got != want {
			t.Errorf("with XDG_DATA_HOME=%q: %q, %v; want %q", xdg, got, err, want)
		}
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_DATA_HOME", "")
	if got, err := defaultDataDir(); err == nil || !strings.Contains(err.Error(), "-data") {
		t.Errorf("without a home: %q, %v", got, err)
	}
}

func TestWritePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, content := range []string{"one", "two"} {
		if err := writePrivate(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != content {
			t.Errorf("holds %q, want %q", got, content)
		}
	}
	if got := permissions(t, path); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("is %v", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func permissions(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
