package hubclient

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"hubbub/channels/wire"
)

// Address is where a hub is, and who.
type Address struct {
	URL         string // as of wire.CanonicalURL
	Fingerprint wire.Fingerprint
}

// Options are what tests and odd networks change. The zero value is right.
type Options struct {
	Now       func() time.Time  // nil: time.Now
	Transport http.RoundTripper // nil: HTTP/1.1, connecting within 10 s, certificates noted and not enforced
	Roots     *x509.CertPool    // what certificates are judged by; nil: the system's
}

// Answer is what a hub answered.
type Answer struct {
	Results     []wire.Result // one a call, in order
	HubTime     time.Time     // the hub's clock when it answered, to the second; hubs may lie
	URL         string        // where it is now: Address.URL, or where that redirected
	Certificate string        // what is wrong with the server's certificate; empty: nothing, or plain HTTP
}

// Client speaks to one hub. Its methods may be called by several goroutines at
// once, as a waiting fetch and a put are.
type Client struct {
	address Address
	now     func() time.Time
	roots   *x509.CertPool
	keysVia *http.Client // follows redirects
	postVia *http.Client // does not

	fetching chan struct{} // holds a token while ?keys is being fetched

	mu     sync.Mutex
	known  *known        // what ?keys said last; nil before, and once it was found wrong
	moved  string        // where the hub answered last, if not at address.URL
	offset time.Duration // the hub's clock less ours
	seen   certificate
}

// New returns a client for the hub at a. It sends nothing yet.
func New(a Address, o Options) *Client {
	c := &Client{address: a, now: o.Now, roots: o.Roots, fetching: make(chan struct{}, 1)}
	if c.now == nil {
		c.now = time.Now
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport()
	}
	c.keysVia = &http.Client{Transport: transport, CheckRedirect: followForKeys}
	c.postVia = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return c
}

// Close lets go of idle connections. Requests under way go on.
func (c *Client) Close() { c.keysVia.CloseIdleConnections() }

// These end one attempt, and are put right once a request.
var (
	errStaleKeys = errors.New("the hub does not have the key, or is elsewhere")
	errStaleTime = errors.New("the hub's clock is not what it was thought to be")
)

// Do makes one request of calls and returns the hub's answer. A hub may hold
// it for as long as the greatest FetchArgs.Wait in it, at most wire.MaxWait;
// beyond that and a margin Do gives up. Every error is an *Error, but if ctx
// ends it is ctx's, and if the calls cannot be sealed it is wire's.
func (c *Client) Do(ctx context.Context, calls []wire.SignedCall) (Answer, error) {
	var keysTried, timeTried error
	for {
		k, err := c.keys(ctx)
		if err != nil {
			return Answer{}, err
		}
		answer, err := c.attempt(ctx, k, calls)
		switch {
		case errors.Is(err, errStaleKeys) && keysTried == nil:
			keysTried = err
			c.forget(k)
		case errors.Is(err, errStaleTime) && timeTried == nil:
			timeTried = err
		default:
			return answer, err
		}
	}
}

// attempt seals calls to k, sends them and opens the answer. Its errors are
// those of Do; such as Do can put right are errStaleKeys or errStaleTime too.
func (c *Client) attempt(ctx context.Context, k *known, calls []wire.SignedCall) (Answer, error) {
	request, exchange, err := wire.SealRequest(k.key, c.address.Fingerprint, c.hubTime().Unix(), calls)
	if err != nil {
		return Answer{}, fmt.Errorf("asking the hub: %w", err)
	}
	if limit := k.limits["request"]; limit > 0 && int64(len(request)) > limit {
		return Answer{}, &Error{Kind: TooLarge, Text: fmt.Sprintf("%d bytes, its limit is %d", len(request), limit)}
	}
	response, note, err := c.post(ctx, k.url, request, wait(calls))
	if err != nil {
		return Answer{}, err
	}
	r, err := exchange.OpenResponse(response)
	if err != nil {
		return Answer{}, notTheAnswer(response, err)
	}
	if r.Error != nil {
		refused := refusal(r.Error)
		if r.Error.Code == wire.CodeTime {
			c.setHubTime(r.Time)
			refused.Err = errors.Join(errStaleTime, r.Error)
		}
		return Answer{}, refused
	}
	return Answer{Results: r.Results, HubTime: time.Unix(r.Time, 0), URL: k.url, Certificate: note}, nil
}

// wait returns how long the hub may hold a request of calls.
func wait(calls []wire.SignedCall) time.Duration {
	var longest time.Duration
	for _, call := range calls {
		if fetch, ok := call.Args.(wire.FetchArgs); ok {
			longest = max(longest, min(time.Duration(fetch.Wait)*time.Millisecond, wire.MaxWait))
		}
	}
	return longest
}

// hubTime returns what the hub's clock shows now, as far as is known.
func (c *Client) hubTime() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Add(c.offset)
}

// setHubTime notes that the hub's clock shows unix seconds now.
func (c *Client) setHubTime(unix int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = time.Unix(unix, 0).Sub(c.now())
}
