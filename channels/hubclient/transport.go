package hubclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hubbub/channels/wire"
)

// userAgent is sent by every gateway alike. Filters of shared hosting refuse
// the names of known tools and libraries, Go's among them, and no name at all.
const userAgent = "Mozilla/5.0 (compatible)"

const (
	connectTimeout = 10 * time.Second // to connect; and again for TLS
	margin         = 30 * time.Second // beyond what the hub may hold a request and what its bytes take; twice that through a proxy
	hasty          = 10 * time.Second // the same where there is another URL to try
	slowest        = 8 << 10          // bytes a second: what is slower is taken for dead
	maxRetryAfter  = time.Hour
	drained        = 64 << 10 // bytes of an answer that nobody reads, so that its connection can be used again
)

// received is an answer in HTTP, read whole.
type received struct {
	status      int
	header      http.Header
	body        []byte
	url         *url.URL // where it was answered
	certificate string
}

// errStalled ends an exchange that takes longer than its bytes and the hub's
// holding explain.
var errStalled = errors.New("no answer in time")

// span is how long an answer may take: the hub may hold it for a while, and
// beyond that and what bytes take it must neither begin late nor stall.
type span struct{ hold, patience time.Duration }

// exchange sends request and reads at most limit bytes of answer, within a span.
func (p *place) exchange(ctx context.Context, via *http.Client, request *http.Request, within span, limit int) (received, error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(within.patience+within.hold+transfer(request.ContentLength), func() { cancel(errStalled) })
	defer timer.Stop()

	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept", "*/*")
	response, err := via.Do(request.WithContext(inner))
	if err != nil {
		return received{}, broken(ctx, inner, err)
	}
	defer response.Body.Close()
	timer.Reset(within.patience + transfer(int64(limit)))
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(limit)+1))
	if err != nil {
		return received{}, broken(ctx, inner, err)
	}
	if len(body) > limit {
		if response.StatusCode == http.StatusOK {
			if isProgram(body) {
				return received{}, notTheAnswer(body, nil)
			}
			return received{}, &Error{Kind: NotAHub, Text: fmt.Sprintf("the answer is larger than %d bytes", limit)}
		}
		body = body[:limit]
		_, _ = io.CopyN(io.Discard, response.Body, drained)
	}
	return received{
		status: response.StatusCode, header: response.Header, body: body,
		url: response.Request.URL, certificate: p.noteCertificate(response),
	}, nil
}

// broken is the error of an exchange that did not end.
func broken(ctx, inner context.Context, err error) error {
	for _, astray := range []error{errRedirects, errInward} {
		if errors.Is(err, astray) {
			return &Error{Kind: NotAHub, Text: astray.Error(), Err: err}
		}
	}
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused
	}
	if cause := context.Cause(inner); errors.Is(cause, errStalled) {
		err = cause
	}
	return unreachable(ctx, err)
}

// transfer is how long n bytes may take.
func transfer(n int64) time.Duration {
	return time.Duration(max(n, 0)/slowest) * time.Second
}

// post sends a sealed request to address and returns the sealed answer, and
// what is to be said of the certificate. Its errors are those of once.
func (p *place) post(ctx context.Context, address string, sealed []byte, within span) ([]byte, string, error) {
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(sealed))
	if err != nil {
		return nil, "", &Error{Kind: NotAHub, Text: "its address is not a URL", Err: err}
	}
	request.Header.Set("Content-Type", wire.ContentType)
	got, err := p.exchange(ctx, p.postVia, request, within, wire.MaxResponse)
	if err != nil {
		return nil, "", err
	}
	if got.status == wire.StatusSealed {
		return got.body, got.certificate, nil
	}
	problem := got.problem()
	if got.status == wire.StatusUnknownKey || 300 <= got.status && got.status < 400 {
		problem.Err = errStaleKeys
	}
	if got.status == wire.StatusTooLarge {
		problem.Err = errSmaller
	}
	return nil, "", problem
}

// problem puts a status that is not StatusSealed in words.
func (r received) problem() *Error {
	e := &Error{Kind: NotAHub, Text: fmt.Sprintf("the web server there answers %d", r.status), Status: r.status}
	switch s := r.status; {
	case s == wire.StatusMalformed:
		e.Kind, e.Text = Refused, "it could not read the request (400)"
	case s == http.StatusNotFound || s == http.StatusGone:
		e.Text = fmt.Sprintf("there is no such page (%d)", s)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		e.Text = fmt.Sprintf("the web server there lets nobody in (%d)", s)
	case s == http.StatusProxyAuthRequired || s == http.StatusNetworkAuthenticationRequired:
		e.Text = fmt.Sprintf("the network wants a login first (%d)", s)
	case 300 <= s && s < 400:
		e.Text = fmt.Sprintf("it redirects (%d)", s)
	case s == wire.StatusUnknownKey:
		e.Kind, e.Text = Refused, "it does not have the key that it names itself (409)"
	case s == wire.StatusTooLarge:
		e.Kind, e.Text = TooLarge, "(413)"
	case s == wire.StatusBusy || s == http.StatusTooManyRequests || s == statusResourceLimit:
		e.Kind, e.Text = Busy, fmt.Sprintf("(%d)", s)
	case s >= 500:
		e.Kind, e.Text = Failed, fmt.Sprintf("the web server there answers %d", s)
	}
	e.Retry = r.retryAfter()
	return e
}

// statusResourceLimit is what web hosting under CloudLinux answers when an
// account has too many processes.
const statusResourceLimit = 508

// retryAfter reads Retry-After in seconds (RFC 9110, section 10.2.3); its
// other form, a date, would need a clock in common.
func (r received) retryAfter() time.Duration {
	seconds, err := strconv.ParseUint(strings.TrimSpace(r.header.Get("Retry-After")), 10, 31)
	if err != nil {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

// notTheAnswer is the error for a body with status 200 that no hub made.
func notTheAnswer(body []byte, err error) *Error {
	switch {
	case strings.HasPrefix(http.DetectContentType(body), "text/html"):
		return &Error{Kind: NotAHub, Text: "a web page answers there", Err: err}
	case isProgram(body):
		return &Error{Kind: NotAHub, Text: "the web server there hands out a program instead of running it", Program: true, Err: err}
	}
	return &Error{Kind: NotAHub, Text: "what answers there is not a hub, or its answers are changed on the way", Err: err}
}

// isProgram says that a body is a program for any of the systems that run hubs: ELF, or
// Mach-O.
func isProgram(body []byte) bool {
	return bytes.HasPrefix(body, []byte("\x7fELF")) || bytes.HasPrefix(body, []byte("\xcf\xfa\xed\xfe"))
}
