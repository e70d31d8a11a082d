package hubclient

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"hubbub/channels/wire"
)

const (
	maxProbe = 4 << 10   // of an answer to wire.ProbeQuery
	maxFile  = 256 << 10 // of what is at a path of it
	maxPaths = 4         // that are tried
)

// DataServed tries for the hub at l, as ProbeKeys found it, whether its web server
// hands out files of its data folder, and tells the hub if so. A hub that does not
// ask for that is taken at its word: most know themselves. The error is an *Error:
// it could not be tried.
func DataServed(ctx context.Context, l Location, o Options) (served bool, err error) {
	c := New(Address{URL: l.URL, Public: l.Public, Proxy: l.Proxy}, o)
	if o.Transport == nil {
		defer c.Close()
	}
	p := c.places[0]
	answer, err := p.get(ctx, l.URL+"?"+wire.ProbeQuery, maxProbe)
	if err != nil || answer.status != http.StatusOK {
		return false, nil
	}
	lines := strings.Split(strings.TrimSpace(string(answer.body)), "\n")
	if lines[0] != wire.ProbeHead || len(lines) < 3 {
		return false, nil
	}
	for _, path := range lines[2:min(len(lines), 2+maxPaths)] {
		at, ok := onHost(answer.url, path)
		if !ok {
			continue
		}
		file, err := p.get(ctx, at, maxFile)
		if err != nil {
			return false, err
		}
		if secret, ok := secretIn(file.body, lines[1]); ok {
			_, _ = p.get(ctx, l.URL+"?"+wire.ServedQuery+secret, maxProbe)
			return true, nil
		}
	}
	return false, nil
}

// get asks for a URL of the hub's host.
func (p *place) get(ctx context.Context, at string, limit int) (received, error) {
	request, err := http.NewRequest(http.MethodGet, at, nil)
	if err != nil {
		return received{}, &Error{Kind: NotAHub, Text: "its address is not a URL", Err: err}
	}
	request.Header.Set("Cache-Control", "no-cache")
	return p.exchange(ctx, p.keysVia, request, span{patience: p.patience(true)}, limit)
}

// onHost is the URL of a path on the host of hub. A hub names no other.
func onHost(hub *url.URL, path string) (at string, ok bool) {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "?#\\ ") {
		return "", false
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return "", false
	}
	return (&url.URL{Scheme: hub.Scheme, Host: hub.Host}).ResolveReference(u).String(), true
}

// secretIn finds the secret of this hash in a file.
func secretIn(file []byte, hash string) (secret string, ok bool) {
	_, rest, found := bytes.Cut(file, []byte(wire.ProbeMark+" "))
	if !found || len(rest) < wire.ProbeSecretSize {
		return "", false
	}
	secret = string(rest[:wire.ProbeSecretSize])
	return secret, wire.ProbeHash(secret) == hash
}
