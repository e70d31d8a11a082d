//go:build linux

package e2e

import (
	"bytes"
	"encoding/base32"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHubOfOnesOwn is the way to be reached from outside: hub.cgi on web space,
// claimed by its owner from irssi; then the same talk as of two new users. All
// goes over plain HTTP past a recorder. The same through hubd, as HTTP and as
// FastCGI behind Apache.
func TestHubOfOnesOwn(t *testing.T) {
	long(t)
	need(t, "irssi", "weechat", "tmux", "zbarimg")
	t.Parallel()
	for _, kind := range []struct {
		name  string
		start func(testing.TB) *hub
	}{
		{"cgi", startCGI},
		{"hubd", startHubd},
		{"fcgid", startFcgid},
		{"proxy_fcgi", startProxyFcgi},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			hubStory(t, kind.name, kind.start(t))
		})
	}
}

func hubStory(t *testing.T, name string, hub *hub) {
	own := hub.URL
	recorder, through := record(t, own)
	p := &pair{t: t, name: "hub"}
	p.aliceG = startGateway(t, "alice")
	p.alice = startIrssi(t, aliceNick)
	connectIrssi(p.aliceG, p.alice)
	claim := hub.Claim(t).String()
	p.alice.Line("/msg sysop hub add " + through + " " + claim)
	p.alice.Line("/query sysop")
	p.alice.Sees("<sysop>", "is ready. It is yours", "Next: /join")
	golden(t, "irssi", "hub-add-"+name, p.alice.Screen())
	p.Invite()
	if !strings.Contains(keyOf(p.command), strings.ToUpper(recorder.Addr)) {
		t.Errorf("the key is not for the hub at %s: %s", through, p.command)
	}

	p.bobG = startGateway(t, "bob")
	p.bob = startWeeChat(t, bobNick)
	connectWeeChat(p.bobG, p.bob)
	p.Redeem()
	p.Talk()
	p.Transcript()

	secrets := p.secrets(claim)
	capture := recorder.Capture()
	if len(capture) < 20_000 {
		t.Fatalf("the recorder has %d bytes: the talk did not go past it", len(capture))
	}
	for _, found := range leaks(capture, secrets) {
		t.Errorf("on the wire stands %s", found)
	}
	contents, names := hub.Contents(t)
	for _, found := range leaks(contents, secrets) {
		t.Errorf("the hub's files hold %s", found)
	}
	if hub.Web != "" {
		notServed(t, hub, names)
	}
}

// secrets are what neither the wire nor the hub, once it is claimed, may show.
func (p *pair) secrets(claim string) []secret {
	all := []secret{{"the owner's key", claim}}
	for what, text := range map[string]string{
		"alice's nick": aliceNick, "bob's nick": bobNick, "alice's new nick": "alicethegreat", "bob's new nick": "bobthebuilder",
		"a text": "hello from irssi", "another text": "hello from WeeChat", "an action": "waves a handkerchief",
		"a topic": "croquet at noon", "the other topic": "tea at six", "foreign letters": "日本語, ελληνικά",
		"a paste": "irssi paste three", "a long text": "irssi100 irssi101",
	} {
		all = append(all, secret{what, text})
	}
	key := keyOf(p.command)
	_, code, _ := strings.Cut(key, "#")
	all = append(all, secret{"the one-time key", code})
	// version 1 | hub fingerprint 16 | secret 16 | check 2 (docs/protocol.md, section 12)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(code)
	if err != nil || len(raw) != 35 {
		p.t.Fatalf("the key %s is %d bytes: %v", code, len(raw), err)
	}
	return append(all, secret{"the secret of the one-time key", string(raw[17:33])})
}

// notServed asks the web server for everything in the data folder.
func notServed(t *testing.T, hub *hub, names []string) {
	t.Helper()
	if len(names) < 3 {
		t.Fatalf("the data folder holds only %q", names)
	}
	folder := hub.Base + filepath.Base(hub.Data) + "/"
	client := &http.Client{Timeout: 10 * time.Second}
	for _, name := range append(names, "", "hub.db", "hub.db-wal", "claim.txt", ".htaccess") {
		r, err := client.Get(folder + name)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		page := bytes.Contains(body, []byte("<title>A hubbub hub</title>")) // hubd has it at every path
		if r.StatusCode < 400 && !page {
			t.Errorf("%s is served: %s, %d bytes", folder+name, r.Status, len(body))
		}
	}
}
