package web_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/hubtest"
)

// raw sends bytes to a server and returns the answers' statuses, up to its
// closing of the connection or a pause.
func raw(t *testing.T, address, request string) (statuses []int, rest string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	go io.WriteString(conn, request)
	reader := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return statuses, rest
		}
		body, err := io.ReadAll(response.Body)
		statuses, rest = append(statuses, response.StatusCode), rest+string(body)
		if err != nil || response.Close {
			return statuses, rest
		}
	}
}

// HTTP that lies about its length, comes in chunks, or hides one request in
// another is refused or read in one way only, and nothing of it is done twice.
func TestLyingRequests(t *testing.T) {
	for server, start := range map[string]func(testing.TB) *hubtest.Running{"Handler": hubtest.StartHandler, "Hubd": hubtest.StartHubd} {
		t.Run(server, func(t *testing.T) {
			running := start(t)
			place, err := url.Parse(running.URL)
			if err != nil {
				t.Fatal(err)
			}
			client := hubtest.NewClient(t, running.URL)
			lounge := wire.Channel{1}
			if _, err := client.As(t, "owner").Claim(running.Claim(t)); err != nil {
				t.Fatal(err)
			}
			if err := client.As(t, "owner").Open(lounge, "alice"); err != nil {
				t.Fatal(err)
			}
			request, _, err := client.Seal(client.As(t, "alice").Sign(wire.OpStatus, lounge, nil))
			if err != nil {
				t.Fatal(err)
			}
			post := func(headers string, body string) string {
				return "POST / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Type: " + wire.ContentType + "\r\n" + headers + "\r\n" + body
			}
			sized := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
			chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(request), request)
			for name, test := range map[string]struct {
				bytes string
				want  int
			}{
				"honest":           {post(sized(len(request)), string(request)), wire.StatusSealed},
				"a shorter length": {post(sized(len(request)-1), string(request)), wire.StatusMalformed},
				"chunked":          {post("Transfer-Encoding: chunked\r\n", chunked), wire.StatusLengthRequired},
				"both":             {post(sized(len(request))+"Transfer-Encoding: chunked\r\n", chunked), wire.StatusLengthRequired},
				"two lengths":      {post(sized(len(request))+sized(3), string(request)), 400},
				"a negative one":   {post("Content-Length: -5\r\n", string(request)), 400},
				"one with a sign":  {post("Content-Length: +5\r\n", string(request)), 400},
				"a huge one":       {post("Content-Length: 99999999999999999999999\r\n", string(request)), 400},
				"no length":        {post("", string(request)), wire.StatusMalformed},
				"unknown coding":   {post("Transfer-Encoding: gzip\r\n", string(request)), 501},
				"no HTTP":          {"HELLO\r\n\r\n", 400},
				"TLS":              {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
				"a long header":    {"GET / HTTP/1.1\r\nHost: hub\r\nX: " + strings.Repeat("x", 1<<21) + "\r\n\r\n", 431},
				"a strange path":   {"GET //..%2f..%2fkeys?keys HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n", wire.StatusSealed},
				"a proxy's":        {"GET http://example.org/?keys HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n", wire.StatusSealed},
				"CONNECT":          {"CONNECT example.org:443 HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n", wire.StatusMethod},
			} {
				if server == "Handler" && test.want == 431 {
					continue // the limit is hubd's own
				}
				statuses, text := raw(t, place.Host, test.bytes)
				if len(statuses) != 1 || statuses[0] != test.want {
					t.Errorf("%s: statuses %v, want %d: %.80q", name, statuses, test.want, text)
				}
				if strings.Contains(text, running.Data) || strings.Contains(text, "goroutine") {
					t.Errorf("%s: the answer tells too much: %.200q", name, text)
				}
			}
		})
	}
}

// Those who send half of a request and no more, and those who go while they
// wait, do not keep others from the hub.
func TestRequestsThatStop(t *testing.T) {
	running := hubtest.StartHubd(t)
	place, _ := url.Parse(running.URL)
	client := hubtest.NewClient(t, running.URL)
	lounge := wire.Channel{1}
	if _, err := client.As(t, "owner").Claim(running.Claim(t)); err != nil {
		t.Fatal(err)
	}
	if err := client.As(t, "owner").Open(lounge, "alice"); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		conn, err := net.Dial("tcp", place.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: hub\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", wire.ContentType, wire.MaxRequest)
		conn.Write(bytes.Repeat([]byte{byte(i)}, i*1000))
	}
	for range 140 { // more than one member may hold at once
		gone, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		client.Call(gone, client.As(t, "alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1, Wait: 25_000}), nil)
		cancel()
	}
	begin := time.Now()
	// Each that went has given up its place, so one more is still held.
	if r, err := client.As(t, "alice").Fetch(lounge, wire.FetchArgs{Wait: 300}); err != nil || r.Retry != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if took := time.Since(begin); took < 300*time.Millisecond || took > 10*time.Second {
		t.Errorf("a wait of 300 ms took %s", took)
	}
}
