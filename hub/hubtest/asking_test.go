package hubtest

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever asks for a hub's data finds it where it is served, and by the ways that
// a web server resolves.
func TestAskingFindsWhatIsServed(t *testing.T) {
	hub := StartHandler(t)
	site := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(hub.Data))))
	defer site.Close()
	r := &Running{URL: site.URL + "/hub.cgi", Base: site.URL + "/", Web: filepath.Dir(hub.Data), Data: hub.Data}
	found, asked := r.served(t, r.hide(t))
	for _, want := range []string{
		`keys, by "GET /data/keys": 200 OK, with bytes of keys`,
		`keys, by "HEAD /data/keys": 200 OK, and not the hub's page`,
		`keys, by "GET /%64%61%74%61/%6b%65%79%73": 200 OK, with bytes of keys`,
		`claim.txt, by "GET /data/claim.txt?x.html": 200 OK, with bytes of claim.txt`,
		"a list with data",
	} {
		if !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("not found: %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%d requests found:\n%s", asked, strings.Join(found, "\n"))
	}
}
