package hub_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/lock"
)

// Who shows the secret while another process asks waits for that one, and does not
// put back what was known before.
func TestAReportWhileTheHubAsks(t *testing.T) {
	w := newWebSpace(t, "cgi-bin")
	at := hub.Visit{Host: "example.org", Path: "/cgi-bin/hub.cgi", Script: "/cgi-bin/hub.cgi", Port: "1"}
	w.get("", at)
	path, secret := filepath.Join(w.data(), "checked"), w.secret()
	release, err := lock.Wait(path + "-lock")
	if err != nil {
		t.Fatal(err)
	}
	reported := make(chan bool)
	go func() {
		defer close(reported)
		w.get(wire.ServedQuery+secret, at)
	}()
	for opened(path+"-lock") < 2 {
		runtime.Gosched()
	}
	x := w.known()
	x["why"], x["public"] = "another wrote this", "../cgi-bin/elsewhere.css"
	text, err := codec.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	release()
	<-reported
	if now := w.known(); now["why"] != x["why"] || now["public"] != x["public"] || now["reported"] != true {
		t.Errorf("%v", now)
	}
}

// opened is how often this process has a file open.
func opened(path string) (n int) {
	all, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range all {
		if to, _ := os.Readlink("/proc/self/fd/" + fd.Name()); to == path {
			n++
		}
	}
	return n
}
