package hubclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"hubbub/channels/wire"
)

// keysFresh is how long an answer to ?keys is used: then the hub may have made
// a newer key, and the address may be another.
const keysFresh = 24 * time.Hour

// maxRedirects is how many redirects of ?keys are followed.
const maxRedirects = 5

// known is what ?keys said. It is never changed.
type known struct {
	key    wire.HubKey
	limits map[string]int64
	url    string    // where it was answered
	until  time.Time // by our clock: ask again then
}

// Probed is what ProbeKeys found.
type Probed struct {
	Keys        wire.HubKeys
	URL         string // where it answered: the URL asked, or where that redirected
	Certificate string // what is wrong with the server's certificate; empty: nothing, or plain HTTP
}

// ProbeKeys asks whatever hub is at l for its keys. Nobody vouches that it is
// the hub that was meant: compare Keys.Fingerprint.
func ProbeKeys(ctx context.Context, l Location, o Options) (Probed, error) {
	address, err := wire.CanonicalURL(l.URL)
	if err != nil {
		return Probed{}, &Error{Kind: NotAHub, Text: plain(err.Error()), Err: err}
	}
	c := New(Address{URL: address, Public: l.Public, Proxy: l.Proxy}, o)
	if o.Transport == nil {
		defer c.Close()
	}
	return c.places[0].askKeys(ctx, address, span{patience: c.places[0].patience(true)})
}

// keys returns what is known of the hub's keys, asking for them if need be.
// Of several callers one asks and the others wait for it.
func (p *place) keys(ctx context.Context, last bool) (*known, error) {
	if k := p.fresh(); k != nil {
		return k, nil
	}
	select {
	case p.fetching <- struct{}{}:
		defer func() { <-p.fetching }()
	case <-ctx.Done():
		return nil, fmt.Errorf("asking the hub: %w", ctx.Err())
	}
	if k := p.fresh(); k != nil {
		return k, nil
	}
	return p.learn(ctx, last)
}

// fresh returns what is known, unless it is old.
func (p *place) fresh() *known {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	if p.known != nil && p.client.options.Now().Before(p.known.until) {
		return p.known
	}
	return nil
}

// forget drops k, if it is still what is known.
func (p *place) forget(k *known) {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	if p.known == k {
		p.known = nil
	}
}

// learn asks for the keys at the place's URL and, if the hub is not there, where
// it answered last.
func (p *place) learn(ctx context.Context, last bool) (*known, error) {
	p.client.mu.Lock()
	moved := p.moved
	p.client.mu.Unlock()
	within := span{patience: p.patience(last)}
	k, err := p.learnAt(ctx, p.URL, within)
	if err != nil && moved != "" && ctx.Err() == nil {
		if k, again := p.learnAt(ctx, moved, within); again == nil {
			return k, nil
		}
	}
	return k, err
}

// learnAt asks for the keys at address and, if the right hub answers, keeps
// what it said.
func (p *place) learnAt(ctx context.Context, address string, within span) (*known, error) {
	c := p.client
	probed, err := p.askKeys(ctx, address, within)
	if err != nil {
		return nil, err
	}
	if probed.Keys.Fingerprint() != c.fingerprint {
		return nil, &Error{Kind: WrongKey, Text: "another hub has taken its place, or somebody is in between"}
	}
	key, err := probed.Keys.Newest()
	if errors.Is(err, wire.ErrVersion) {
		return nil, &Error{Kind: Version, Text: "it says that it is " + wire.Quoted(probed.Keys.Software), Own: true, Err: err}
	}
	if err != nil {
		return nil, &Error{Kind: Failed, Text: err.Error(), Own: true, Err: err}
	}
	c.setHubTime(probed.Keys.Time)
	left := time.Duration(min(key.Until-probed.Keys.Time, int64(keysFresh/time.Second))) * time.Second
	k := &known{key: key, limits: probed.Keys.Limits, url: probed.URL, until: c.options.Now().Add(left)}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.known, p.moved = k, ""
	if probed.URL != p.URL {
		p.moved = probed.URL
	}
	return k, nil
}

// askKeys gets address?keys and checks that a hub signed it, whichever.
func (p *place) askKeys(ctx context.Context, address string, within span) (Probed, error) {
	request, err := http.NewRequest(http.MethodGet, address+"?"+wire.KeysQuery, nil)
	if err != nil {
		return Probed{}, &Error{Kind: NotAHub, Text: "its address is not a URL", Err: err}
	}
	// An answer that a proxy kept would name a key that is gone.
	request.Header.Set("Cache-Control", "no-cache")
	got, err := p.exchange(ctx, p.keysVia, request, within, wire.MaxKeys)
	if err != nil {
		return Probed{}, err
	}
	if got.status != http.StatusOK {
		return Probed{}, got.problem()
	}
	keys, err := wire.OpenHubKeys(got.body)
	if err != nil {
		return Probed{}, notTheAnswer(got.body, err)
	}
	at, err := addressOf(got.url)
	if err != nil {
		return Probed{}, &Error{Kind: NotAHub, Text: plain("it redirects to an address that a hub cannot have: " + err.Error()), Err: err}
	}
	return Probed{Keys: keys, URL: at, Certificate: got.certificate}, nil
}

// addressOf returns the address of the hub that answered at u.
func addressOf(u *url.URL) (string, error) {
	plain := *u
	plain.RawQuery, plain.ForceQuery, plain.Fragment, plain.RawFragment = "", false, "", ""
	return wire.CanonicalURL(plain.String())
}

// followForKeys follows a few redirects, to the web only, and leaves no trace
// of where they came from.
func followForKeys(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	if next.URL.Scheme != "http" && next.URL.Scheme != "https" {
		return errRedirects
	}
	// A place on the web sends nobody into the network that he sits in.
	if wire.PrivateHost(next.URL.Hostname()) && !wire.PrivateHost(via[0].URL.Hostname()) {
		return errInward
	}
	next.Header.Del("Referer")
	return nil
}

// errRedirects ends a chain of redirects that leads nowhere.
var errRedirects = errors.New("it redirects without end, or out of the web")

// errInward ends one that leads to where only the user's own word may.
var errInward = errors.New("it redirects into this machine or its network")
