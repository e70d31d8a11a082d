package hubclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"hubbub/channels/wire"
)

// place is one location of a hub, what is known of it, and the way there.
type place struct {
	Location
	client  *Client
	road    *road
	keysVia *http.Client // follows redirects
	postVia *http.Client // does not

	fetching chan struct{} // holds a token while ?keys is being fetched

	// These are guarded by client.mu.
	known   *known             // what ?keys said last; nil before, and once it was found wrong
	moved   string             // where the hub answered last, if not at URL
	seen    certificate        //
	trouble string             // why it failed last; empty: it did not
	ceiling int                // how large a request may be, as refusals there have shown; 0: not known
	stay    context.Context    // ends when the client goes on at another place
	leave   context.CancelFunc // ends stay
}

func newPlace(c *Client, l Location) *place {
	p := &place{Location: l, client: c, road: newRoad(l, c.options.Transport), fetching: make(chan struct{}, 1)}
	p.keysVia = &http.Client{Transport: p.road, CheckRedirect: followForKeys}
	p.postVia = &http.Client{Transport: p.road, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	p.stay, p.leave = context.WithCancel(context.Background())
	return p
}

// These end one exchange, and are put right once a request.
var (
	errStaleKeys = errors.New("the hub does not have the key, or is elsewhere")
	errStaleTime = errors.New("the hub's clock is not what it was thought to be")
	errSmaller   = errors.New("the web server takes no request that large")
)

// errLeft ends a request that the hub was to hold, when the client goes on at
// another place.
var errLeft = &Error{Kind: Unreachable, Text: "no answer in time", Err: errStalled}

// ask is Do at this place alone. last says that there is no other left, so that
// it is given more time.
func (p *place) ask(ctx context.Context, calls []wire.SignedCall, last bool) (Answer, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	hold := wait(calls)
	if hold > 0 {
		p.client.mu.Lock()
		stay := p.stay
		p.client.mu.Unlock()
		defer context.AfterFunc(stay, cancel)()
	}
	answer, err := p.inParts(inner, calls, hold, last)
	if err != nil && inner.Err() != nil && ctx.Err() == nil {
		return Answer{}, errLeft
	}
	return answer, err
}

// repair makes one request of as many calls, from the first, as fit, and makes
// it again where that puts things right.
func (p *place) repair(ctx context.Context, calls []wire.SignedCall, hold time.Duration, last bool) (Answer, error) {
	var keysTried, timeTried error
	for {
		k, err := p.keys(ctx, last)
		if err != nil {
			return Answer{}, err
		}
		part, err := p.fitting(k, calls)
		if err != nil {
			return Answer{}, err
		}
		answer, err := p.once(ctx, k, part, span{hold, p.patience(last)})
		switch {
		case errors.Is(err, errStaleKeys) && keysTried == nil:
			keysTried = err
			p.forget(k)
		case errors.Is(err, errStaleTime) && timeTried == nil:
			timeTried = err
		case errors.Is(err, errSmaller) && len(part) > 1 && p.lower(part):
		default:
			return answer, err
		}
	}
}

// once seals calls to k, sends them and opens the answer. Its errors are those
// of Do; such as repair can put right are errStaleKeys, errStaleTime or
// errSmaller too.
func (p *place) once(ctx context.Context, k *known, calls []wire.SignedCall, within span) (Answer, error) {
	c := p.client
	request, exchange, err := wire.SealRequest(k.key, c.fingerprint, c.hubTime().Unix(), calls)
	if err != nil {
		return Answer{}, fmt.Errorf("asking the hub: %w", err)
	}
	response, note, err := p.post(ctx, k.url, request, within)
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
	return Answer{
		Results: r.Results, HubTime: time.Unix(r.Time, 0),
		URL: k.url, Location: p.URL, Certificate: note,
	}, nil
}

// patience is how long an answer may take to begin, and then to stall, beyond
// what the hub may hold it and what its bytes take.
func (p *place) patience(last bool) time.Duration {
	within := hasty
	if last {
		within = margin
	}
	if p.road.far(p.URL) {
		within *= 2
	}
	return within
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
