package hubclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"

	"hubbub/channels/wire"
)

// Kind tells why a hub gave no usable answer.
type Kind int

// A status line says Kind.String, and Error.Text after it.
const (
	Unreachable Kind = iota + 1 // no connection, or it broke, or no answer in time
	NotAHub                     // something answers there, but it is not a hub: a page, a login, another status
	WrongKey                    // a hub answers there, but another one
	Version                     // the hub does not speak this version of the wire
	TooLarge                    // the request, or the answer, is larger than the hub or the wire allows
	Refused                     // the hub refused the request as a whole; errors.As gives a *wire.Error if it said so sealed
	Clock                       // the hub refuses our time, though it was corrected
	Busy                        // the hub, or the server it runs on, has no room now
	Failed                      // the hub, or the server it runs on, failed
	Private                     // the URL is somebody else's word and leads to a private address: nothing was sent
)

// String says what is wrong, as in "the hub " + String().
func (k Kind) String() string {
	switch k {
	case Unreachable:
		return "cannot be reached"
	case NotAHub:
		return "is not at its address"
	case WrongKey:
		return "is not the one that answers at its address"
	case Version:
		return "does not speak this version of hubbub"
	case TooLarge:
		return "takes no request that large"
	case Refused:
		return "refused the request"
	case Clock:
		return "disagrees about the time"
	case Busy:
		return "is busy"
	case Failed:
		return "failed"
	case Private:
		return "is not asked at a private address"
	}
	return fmt.Sprintf("gave no answer (%d)", int(k))
}

// Error is a request that came to nothing.
type Error struct {
	Kind  Kind
	Text  string        // why, lower case, without the URL, fit to be shown; may be empty
	Retry time.Duration // not sooner than this, if the hub said so; at most an hour
	Own   bool          // the hub itself said so, sealed or signed: it is the same at every URL
	Tried int           // at how many URLs, if it came to nothing at all of them; else 0
	Err   error         // what it came from, or nil

	Status  int  // of HTTP, where it is that which is wrong; else 0
	Program bool // the web server hands out a program as a file, most likely the hub's own
}

// Error says all of it in one line.
func (e *Error) Error() string {
	if e.Text == "" {
		return "the hub " + e.Kind.String()
	}
	return "the hub " + e.Kind.String() + ": " + e.Text
}

// Unwrap returns what the error came from.
func (e *Error) Unwrap() error { return e.Err }

// unreachable puts an error of net/http in words that a person can act on. If
// ctx is over, that is the error.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("asking the hub: %w", ctx.Err())
	}
	return &Error{Kind: Unreachable, Text: plain(reason(err)), Err: err}
}

// reason says in words why there is no connection.
func reason(err error) string {
	var dns *net.DNSError
	var outer *url.Error
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "proxyconnect":
			return "the proxy: " + reason(op.Err)
		case "socks connect":
			return "the proxy: " + strings.TrimPrefix(reason(op.Err), "unknown error ")
		}
	}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "its name is not known in the DNS"
	case errors.As(err, &dns):
		return "its name cannot be looked up now"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)"
	case errors.Is(err, errStalled), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "no answer in time"
	case errors.As(err, &outer):
		return outer.Err.Error()
	}
	return err.Error()
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// refusal is a hub's sealed refusal of a whole request.
func refusal(e *wire.Error) *Error {
	kind := Refused
	switch e.Code {
	case wire.CodeBusy:
		kind = Busy
	case wire.CodeTime:
		kind = Clock
	case wire.CodeInternal:
		kind = Failed
	}
	return &Error{Kind: kind, Text: e.Said(), Own: true, Err: e}
}

// plain is what may be shown of words that somebody else wrote: printable
// characters (so no escapes, line breaks or bidi controls), and not too many.
func plain(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
