package hubclient

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"time"

	"hubbub/channels/wire"
)

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
	URL         string        // where it was answered: Location, or where that redirected
	Location    string        // the URL of the Address, or of one of its Others, that led there
	Trouble     string        // if that is not Address.URL: what was wrong there when it was last asked, as Error.Error
	Certificate string        // what is wrong with the server's certificate; empty: nothing, or plain HTTP
}

// Client speaks to one hub. Its methods may be called by several goroutines at
// once, as a waiting fetch and a put are. No two clients share a connection,
// nor a user name at a SOCKS5 proxy.
type Client struct {
	fingerprint wire.Fingerprint
	options     Options
	open        context.Context // ends with Close
	close       context.CancelFunc

	mu        sync.Mutex
	places    []*place      // as in Address
	preferred *place        // where the hub is to be asked if that works
	current   *place        // that worked last; preferred at first
	look      time.Time     // when preferred, and those before current, are asked again
	looking   bool          // they are being asked
	offset    time.Duration // the hub's clock less ours
}

// New returns a client for the hub at a. It sends nothing yet.
func New(a Address, o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Client{fingerprint: a.Fingerprint, options: o}
	c.open, c.close = context.WithCancel(context.Background())
	c.Locate(a)
	return c
}

// Close lets go of idle connections. Requests under way go on.
func (c *Client) Close() {
	c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.places {
		p.road.CloseIdleConnections()
	}
}

// Do makes one request of calls and returns the hub's answer. A hub may hold
// it for as long as the greatest FetchArgs.Wait in it, at most wire.MaxWait;
// beyond that and a margin Do gives up. What fails at one URL is repeated at
// the others, though the hub may have done it already: all calls are safe to
// repeat. Only what the hub itself refuses is not. Every error is an *Error,
// but if ctx ends it is ctx's, and if the calls cannot be sealed it is wire's.
func (c *Client) Do(ctx context.Context, calls []wire.SignedCall) (Answer, error) {
	c.lookBack()
	var tried []attempt
	for {
		p, last := c.next(tried)
		if p == nil {
			return Answer{}, c.together(tried)
		}
		answer, err := p.ask(ctx, calls, last)
		var failed *Error
		switch {
		case err != nil && !errors.As(err, &failed):
			return Answer{}, err
		case err != nil && !failed.Own:
			c.note(p, failed)
			tried = append(tried, attempt{p, failed})
			continue
		}
		if len(tried) > 0 {
			c.settle(p)
		}
		answer.Trouble = c.note(p, nil)
		return answer, err
	}
}

// hubTime returns what the hub's clock shows now, as far as is known.
func (c *Client) hubTime() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.options.Now().Add(c.offset)
}

// setHubTime notes that the hub's clock shows unix seconds now.
func (c *Client) setHubTime(unix int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = time.Unix(unix, 0).Sub(c.options.Now())
}
