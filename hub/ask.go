package hub

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// askTime is how long the hub waits for the web server that it asks about itself.
// It is short: where the hosting runs one program at a time, the server waits
// for this one.
const askTime = 3 * time.Second

// maxAsked is how much of an answer is read.
const maxAsked = 64 << 10

// answered is what a web server said.
type answered struct {
	status int
	text   []byte // of all, header and body
	from   string // the address that it was asked from, as fromText has it
}

// errAsk is why a web server could not be asked.
var errAsk = errors.New("it cannot be asked")

// ask gets the path, with the query if there is one, from the web server that has
// started this program, without TLS, and follows nothing.
func (v Visit) ask(target string) (answered, error) {
	at, ok := v.server()
	if !ok || !isHost(v.Host) {
		return answered{}, fmt.Errorf("%w: it does not say where it is", errAsk)
	}
	return askAt(at, v.request(target))
}

// request is the request's text. It names the Host that the client has named, so
// that the same site answers.
func (v Visit) request(target string) []byte {
	proto := ""
	if v.TLS {
		proto = "X-Forwarded-Proto: https\r\n"
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\nAccept-Encoding: identity\r\nCache-Control: no-cache\r\n%sConnection: close\r\n\r\n",
		target, v.Host, Software, proto)
}

// askAt sends a request to an address and reads the answer.
func askAt(at netip.AddrPort, request []byte) (answered, error) {
	conn, from, err := dial(at, askTime)
	if err != nil {
		return answered{}, fmt.Errorf("%w: %w", errAsk, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(askTime)); err != nil {
		return answered{}, fmt.Errorf("%w: %w", errAsk, err)
	}
	if _, err := conn.Write(request); err != nil {
		return answered{}, fmt.Errorf("%w: %w", errAsk, err)
	}
	// What has come when the time is over is an answer, too.
	text, err := io.ReadAll(io.LimitReader(conn, maxAsked))
	status := string(text[:min(len(text), len("HTTP/1.1 200"))])
	a := answered{text: text, from: fromText(from)}
	var number error
	if a.status, number = strconv.Atoi(status[min(len(status), len("HTTP/1.1 ")):]); number != nil || !strings.HasPrefix(status, "HTTP/1.") {
		return answered{}, fmt.Errorf("%w: its answer is none: %w", errAsk, errors.Join(number, err))
	}
	return a, nil
}

// has says whether a token is in the answer.
func (a answered) has(token string) bool { return bytes.Contains(a.text, []byte(token)) }

// redirects says whether the answer is another place's name.
func (a answered) redirects() bool { return a.status/100 == 3 }
