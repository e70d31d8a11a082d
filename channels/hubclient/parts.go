package hubclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hubbub/channels/wire"
)

// leastCeiling is the least size of a request that refusals of a web server can
// make a client keep to: what is smaller it must take, or no hub can live there.
const leastCeiling = 96 << 10

// inParts makes one request of calls or, where the hub takes none that large,
// several, in the calls' order. When one of them comes to nothing after another
// was answered, the answer stands, and its calls and those behind it are
// answered as busy: who asks makes them again.
func (p *place) inParts(ctx context.Context, calls []wire.SignedCall, hold time.Duration, last bool) (Answer, error) {
	var all Answer
	for {
		left := calls[len(all.Results):]
		answer, err := p.repair(ctx, left, hold, last)
		var failed *Error
		switch {
		case err == nil:
		case errors.As(err, &failed) && failed.Kind == TooLarge && failed.Own && len(calls) > 1:
			// This call alone is too large: the others have nothing to do with it.
			answer = all
			answer.Results = []wire.Result{{Error: &wire.Error{Code: wire.CodeFull, Text: failed.Text}}}
		case len(all.Results) == 0 || ctx.Err() != nil:
			return Answer{}, err
		default:
			for range left {
				all.Results = append(all.Results, wire.Result{Error: &wire.Error{Code: wire.CodeBusy, Text: "it went away in between"}})
			}
			return all, nil
		}
		answer.Results = append(all.Results, answer.Results...)
		if all = answer; len(all.Results) < len(calls) {
			continue
		}
		if all.URL == "" { // not one could be asked
			return Answer{}, err
		}
		return all, nil
	}
}

// fitting returns as many calls, from the first, as fit in one request to the
// hub of k at this place.
func (p *place) fitting(k *known, calls []wire.SignedCall) ([]wire.SignedCall, error) {
	limit, most := p.limits(k)
	if limit >= wire.MaxRequest && most >= len(calls) {
		return calls, nil // what does not fit now fits no request
	}
	size := 0
	for i, call := range calls {
		n, err := wire.CallSize(call)
		if err != nil {
			return nil, fmt.Errorf("asking the hub: call %d, %s: %w", i, call.Op, err)
		}
		size += n
		if request := wire.RequestSize(size); i == 0 && request > limit {
			return nil, &Error{Kind: TooLarge, Text: fmt.Sprintf("%d bytes, its limit is %d", request, limit), Own: true, Err: wire.ErrTooLarge}
		} else if i == most || request > limit {
			return calls[:i], nil
		}
	}
	return calls, nil
}

// limits are the bytes of a request and the number of calls in it that the hub
// takes at this place.
func (p *place) limits(k *known) (bytes, calls int) {
	bytes, calls = wire.MaxRequest, wire.MaxCalls
	if n := k.limits["request"]; 0 < n && n < int64(bytes) {
		bytes = int(n)
	}
	if n := k.limits["calls"]; 0 < n && n < int64(calls) {
		calls = int(n)
	}
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	if p.ceiling > 0 {
		bytes = min(bytes, p.ceiling)
	}
	return bytes, calls
}

// lower has requests to this place be half as large as one of calls was, for
// which the web server had no room. It says whether there is any sense in that.
func (p *place) lower(calls []wire.SignedCall) bool {
	size := 0
	for _, call := range calls {
		n, err := wire.CallSize(call)
		if err != nil {
			return false
		}
		size += n
	}
	request := wire.RequestSize(size)
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	p.ceiling = max(request/2, leastCeiling)
	return request > leastCeiling
}
