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

// ProbeKeys asks whatever hub is at url for its keys. Nobody vouches that it
// is the hub that was meant: compare Keys.Fingerprint.
func ProbeKeys(ctx context.Context, url string, o Options) (Probed, error) {
	address, err := wire.CanonicalURL(url)
	if err != nil {
		return Probed{}, &Error{Kind: NotAHub, Text: plain(err.Error()), Err: err}
	}
	c := New(Address{URL: address}, o)
	if o.Transport == nil {
		defer c.Close()
	}
	return c.askKeys(ctx, address)
}

// keys returns what is known of the hub's keys, asking for them if need be.
// Of several callers one asks and the others wait for it.
func (c *Client) keys(ctx context.Context) (*known, error) {
	if k := c.fresh(); k != nil {
		return k, nil
	}
	select {
	case c.fetching <- struct{}{}:
		defer func() { <-c.fetching }()
	case <-ctx.Done():
		return nil, fmt.Errorf("asking the hub: %w", ctx.Err())
	}
	if k := c.fresh(); k != nil {
		return k, nil
	}
	return c.learn(ctx)
}

// fresh returns what is known, unless it is old.
func (c *Client) fresh() *known {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil && c.now().Before(c.known.until) {
		return c.known
	}
	return nil
}

// forget drops k, if it is still what is known.
func (c *Client) forget(k *known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == k {
		c.known = nil
	}
}

// learn asks for the keys at the hub's address and, if it is not there, where
// it answered last.
func (c *Client) learn(ctx context.Context) (*known, error) {
	c.mu.Lock()
	moved := c.moved
	c.mu.Unlock()
	k, err := c.learnAt(ctx, c.address.URL)
	if err != nil && moved != "" && ctx.Err() == nil {
		if k, again := c.learnAt(ctx, moved); again == nil {
			return k, nil
		}
	}
	return k, err
}

// learnAt asks for the keys at address and, if the right hub answers, keeps
// what it said.
func (c *Client) learnAt(ctx context.Context, address string) (*known, error) {
	p, err := c.askKeys(ctx, address)
	if err != nil {
		return nil, err
	}
	if p.Keys.Fingerprint() != c.address.Fingerprint {
		return nil, &Error{Kind: WrongKey, Text: "another hub has taken its place, or somebody is in between"}
	}
	key, err := p.Keys.Newest()
	if errors.Is(err, wire.ErrVersion) {
		return nil, &Error{Kind: Version, Text: plain("it is " + p.Keys.Software), Err: err}
	}
	if err != nil {
		return nil, &Error{Kind: Failed, Text: err.Error(), Err: err}
	}
	c.setHubTime(p.Keys.Time)
	left := time.Duration(min(key.Until-p.Keys.Time, int64(keysFresh/time.Second))) * time.Second
	k := &known{key: key, limits: p.Keys.Limits, url: p.URL, until: c.now().Add(left)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.moved = k, ""
	if p.URL != c.address.URL {
		c.moved = p.URL
	}
	return k, nil
}

// askKeys gets address?keys and checks that a hub signed it, whichever.
func (c *Client) askKeys(ctx context.Context, address string) (Probed, error) {
	request, err := http.NewRequest(http.MethodGet, address+"?"+wire.KeysQuery, nil)
	if err != nil {
		return Probed{}, &Error{Kind: NotAHub, Text: "its address is not a URL", Err: err}
	}
	// An answer that a proxy kept would name a key that is gone.
	request.Header.Set("Cache-Control", "no-cache")
	got, err := c.exchange(ctx, c.keysVia, request, 0, wire.MaxKeys)
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
	next.Header.Del("Referer")
	return nil
}

// errRedirects ends a chain of redirects that leads nowhere.
var errRedirects = errors.New("it redirects without end, or out of the web")
