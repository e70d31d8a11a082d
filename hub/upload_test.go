package hub_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// While hub.conf is uploaded anew there is no other hub, and none with other limits:
// at each moment of it, but where a line ends that might as well be the last.
func TestHubConfIsBeingUploaded(t *testing.T) {
	w := newWebSpace(t, "public_html")
	if err := os.Mkdir(filepath.Join(w.home, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	const text = "data = \"../data\"\nchannel_mib = 1000\n"
	w.conf(text)
	w.page("claim.txt")
	keys := func() []byte {
		keys, err := os.ReadFile(filepath.Join(w.home, "data", "keys"))
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	was := keys()
	for n := range text {
		if n > 0 && text[n-1] == '\n' {
			continue
		}
		w.conf(text[:n])
		w.visit()
		w.page("stop", "hub.conf", "Open this page again")
		post := hub.Request{Method: "POST", ContentType: wire.ContentType, Length: 5, Body: strings.NewReader("noise")}
		if reply := w.site.Serve(t.Context(), post); reply.Status != wire.StatusBusy || !strings.Contains(string(reply.Body), "being uploaded") {
			t.Errorf("%q: %d %s", text[:n], reply.Status, reply.Body)
		}
		if status, _ := w.get(wire.KeysQuery, hub.Visit{}); status != wire.StatusBusy {
			t.Errorf("%q: ?keys has status %d", text[:n], status)
		}
	}
	for _, folder := range []string{w.home, w.program} {
		if found, _ := filepath.Glob(filepath.Join(folder, "hub-data-*")); len(found) > 0 {
			t.Error("another hub:", found)
		}
	}
	w.conf(text)
	w.page("claim.txt")
	if !bytes.Equal(keys(), was) {
		t.Error("other keys")
	}
}

// An editor of a panel's may leave the last line without its end: after a minute the
// file is taken for what it says. One that is empty never is.
func TestHubConfWithoutALastNewline(t *testing.T) {
	w := newWebSpace(t, "public_html")
	for text, word := range map[string]string{"contact = \"al@example.org\"": "al@example.org", "": "stop"} {
		w.conf(text)
		at := time.Now().Add(-2 * time.Minute)
		if err := os.Chtimes(filepath.Join(w.program, hub.ConfigName), at, at); err != nil {
			t.Fatal(err)
		}
		w.visit()
		w.page(word)
		if _, err := hub.Load(w.program); (err == nil) != (text != "") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
