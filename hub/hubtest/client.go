// Package hubtest is for tests of whatever speaks to a hub, or is one: hubs
// that are started as people run them (Apache with hub.cgi, hubd over HTTP and
// FastCGI, plain processes), a client that makes single calls, and the suite
// that every way of serving passes.
package hubtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub"
)

// Client makes single calls to a hub, in anybody's name. It is safe for use by
// several goroutines.
type Client struct {
	Hub  wire.HubKeys // as it said at ?keys
	road road
	late time.Duration // how far the clock of the client is behind
}

// road carries requests to a hub.
type road interface {
	keys() (status int, body []byte, err error)
	post(ctx context.Context, request []byte) (status int, body []byte, err error)
}

// NewClient returns a client of the hub at url.
func NewClient(t testing.TB, url string) *Client {
	t.Helper()
	return newClient(t, overHTTP(url))
}

// NewDirectClient returns a client of a hub in this process, without HTTP.
func NewDirectClient(t testing.TB, h *hub.Hub) *Client {
	t.Helper()
	return newClient(t, direct{h})
}

func newClient(t testing.TB, r road) *Client {
	t.Helper()
	c := &Client{road: r}
	if err := c.FetchKeys(); err != nil {
		t.Fatal(err)
	}
	return c
}

// FetchKeys asks for ?keys again.
func (c *Client) FetchKeys() error {
	status, body, err := c.road.keys()
	if err != nil {
		return err
	}
	if status != wire.StatusSealed {
		return &hub.Refusal{Status: status, Text: string(body)}
	}
	c.Hub, err = wire.OpenHubKeys(body)
	return err
}

// Late returns a client whose clock is behind by d.
func (c *Client) Late(d time.Duration) *Client {
	late := *c
	late.late += d
	return &late
}

// Seal seals calls as the client would: for those who send them themselves.
func (c *Client) Seal(calls ...wire.SignedCall) ([]byte, *wire.Exchange, error) {
	key, err := c.Hub.Newest()
	if err != nil {
		return nil, nil, err
	}
	now := time.Now().Unix()
	if h, ok := c.road.(direct); ok {
		now = h.Now().Unix()
	}
	return wire.SealRequest(key, c.Hub.Fingerprint(), now-int64(c.late/time.Second), calls)
}

// Post sends a sealed request. Any answer that is not sealed is a *hub.Refusal.
func (c *Client) Post(ctx context.Context, request []byte) ([]byte, error) {
	status, body, err := c.road.post(ctx, request)
	if err != nil {
		return nil, err
	}
	if status != wire.StatusSealed {
		return nil, &hub.Refusal{Status: status, Text: string(body)}
	}
	return body, nil
}

// Do makes calls in one request. A refusal of the request as a whole is an
// error, those of calls are in the results.
func (c *Client) Do(ctx context.Context, calls ...wire.SignedCall) ([]wire.Result, error) {
	request, exchange, err := c.Seal(calls...)
	if err != nil {
		return nil, err
	}
	answer, err := c.Post(ctx, request)
	if err != nil {
		return nil, err
	}
	response, err := exchange.OpenResponse(answer)
	if err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, response.Error
	}
	return response.Results, nil
}

// Call makes one call, and reads its result into value, if that is not nil.
func (c *Client) Call(ctx context.Context, call wire.SignedCall, value any) error {
	results, err := c.Do(ctx, call)
	if err != nil {
		return err
	}
	return Read(results[0], value)
}

// Read reads a result into value, or returns the error it is.
func Read(result wire.Result, value any) error {
	if result.Error != nil {
		return result.Error
	}
	if value == nil {
		if len(result.Value) != 0 {
			return fmt.Errorf("a result of %d bytes where none was expected", len(result.Value))
		}
		return nil
	}
	return codec.Unmarshal(result.Value, value)
}

// IsCode says whether err is a hub's refusal with code.
func IsCode(err error, code wire.Code) bool {
	var refusal *wire.Error
	return errors.As(err, &refusal) && refusal.Code == code
}

// Key returns the key of somebody by name: the same name, the same key.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("hubtest " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Token returns the public half of Key(name).
func Token(name string) wire.Token {
	return wire.Token(Key(name).Public().(ed25519.PublicKey))
}

// overHTTP is the road to a URL.
type overHTTP string

// httpClient keeps no connection, so that each request may meet another server
// process, and tests end without idle ones. What proves a hub is its key, never
// a certificate, so any will do.
var httpClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, MaxConnsPerHost: 0,
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func (url overHTTP) keys() (int, []byte, error) {
	return readHTTP(httpClient.Get(string(url) + "?" + wire.KeysQuery))
}

func (url overHTTP) post(ctx context.Context, request []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, string(url), bytes.NewReader(request))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", wire.ContentType)
	return readHTTP(httpClient.Do(r))
}

func readHTTP(r *http.Response, err error) (int, []byte, error) {
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, wire.MaxResponse+1))
	return r.StatusCode, body, err
}

// direct is the road into this process.
type direct struct{ *hub.Hub }

func (h direct) keys() (int, []byte, error) {
	reply := h.Serve(context.Background(), hub.Request{Method: "GET", Query: wire.KeysQuery})
	return reply.Status, reply.Body, nil
}

func (h direct) post(ctx context.Context, request []byte) (int, []byte, error) {
	reply := h.Serve(ctx, hub.Request{Method: "POST", ContentType: wire.ContentType,
		Length: int64(len(request)), Body: bytes.NewReader(request)})
	return reply.Status, reply.Body, nil
}

// entryID is the id of an entry.
func entryID(entry []byte) wire.EntryID { return sha256.Sum256(entry) }
