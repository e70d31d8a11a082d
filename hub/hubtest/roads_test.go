package hubtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels/wire"
)

// onTheRoad is what HTTP clients do to a server, and what must come of it at the
// hub behind: it reaches it whole, or not at all, and nobody has to wait for
// somebody else's bad connection. The suite has left frank and grace in the lounge.
func onTheRoad(t *testing.T, r *Running) {
	s := &suite{T: t, Running: r, client: NewClient(t, r.URL), lounge: wire.Channel{'l', 'o', 'u', 'n', 'g', 'e'}}
	for _, step := range []struct {
		name string
		run  func(*suite)
	}{
		{"TheLargestRequest", theLargestRequest},
		{"SentInPieces", sentInPieces},
		{"ExpectContinue", expectContinue},
		{"SlowClientsKeepNobodyOut", slowClientsKeepNobodyOut},
		{"WhoHangsUp", whoHangsUp},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(s.in(t)) }) {
			t.Fatalf("the log says:\n%s", r.complaints())
		}
	}
}

// theLargestRequest is as large as the hub says it may be.
func theLargestRequest(s *suite) {
	limit := int64(wire.MaxRequest)
	if said := s.client.Hub.Limits["request"]; said > 0 {
		limit = min(limit, said)
	}
	var calls []wire.SignedCall
	entry := strings.Repeat("l", wire.MaxEntry-100)
	for i := 0; ; i++ {
		more := append(calls, s.as("frank").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: fmt.Appendf(nil, "%s %d", entry, i)}))
		request, _, err := s.client.Seal(more...)
		if err != nil || int64(len(request)) > limit {
			break
		}
		calls = more
	}
	if len(calls) == 0 || limit == wire.MaxRequest && len(calls) < 14 {
		s.Fatalf("%d entries in a request of %d bytes", len(calls), limit)
	}
	results, err := s.client.Do(context.Background(), calls...)
	s.ok(err)
	for _, result := range results {
		s.ok(Read(result, new(wire.PutResult)))
	}
}

// put is a sealed request that puts texts, and how its answer is opened.
func (s *suite) put(texts ...string) ([]byte, *wire.Exchange) {
	s.Helper()
	var calls []wire.SignedCall
	for _, text := range texts {
		calls = append(calls, s.as("frank").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}))
	}
	request, exchange, err := s.client.Seal(calls...)
	s.ok(err)
	return request, exchange
}

// dial connects to the hub's server.
func (s *suite) dial() net.Conn {
	s.Helper()
	to, err := url.Parse(s.URL)
	s.ok(err)
	conn, err := net.DialTimeout("tcp", to.Host, 10*time.Second)
	s.ok(err)
	if to.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn
}

// header begins a request of a length.
func (s *suite) header(length int, more string) string {
	to, err := url.Parse(s.URL)
	s.ok(err)
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n",
		to.Path, to.Host, wire.ContentType, length, more)
}

// answered reads a sealed answer from a connection, and wants its calls done.
func (s *suite) answered(from *bufio.Reader, exchange *wire.Exchange) {
	s.Helper()
	response, err := http.ReadResponse(from, nil)
	for err == nil && response.StatusCode == http.StatusContinue { // that may be said twice
		response, err = http.ReadResponse(from, nil)
	}
	s.ok(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.ok(err)
	if response.StatusCode != wire.StatusSealed {
		s.Fatalf("%s\n%.300s", response.Status, body)
	}
	opened, err := exchange.OpenResponse(body)
	s.ok(err)
	for _, result := range opened.Results {
		s.ok(Read(result, new(wire.PutResult)))
	}
}

// sentInPieces sends a request in packets, as a bad connection does.
func sentInPieces(s *suite) {
	request, exchange := s.put("in pieces")
	conn := s.dial()
	defer conn.Close()
	all := s.header(len(request), "") + string(request)
	for i := 0; i < len(all); i += 400 {
		_, err := io.WriteString(conn, all[i:min(i+400, len(all))])
		s.ok(err)
		time.Sleep(5 * time.Millisecond)
	}
	s.answered(bufio.NewReader(conn), exchange)
}

// expectContinue asks before it sends the body, as some clients do (RFC 9110,
// section 10.1.1).
func expectContinue(s *suite) {
	request, exchange := s.put("may I?")
	conn := s.dial()
	defer conn.Close()
	_, err := io.WriteString(conn, s.header(len(request), "Expect: 100-continue\r\n"))
	s.ok(err)
	from := bufio.NewReader(conn)
	// Only that line and the empty one: http.ReadResponse would pass over them.
	line, err := from.ReadString('\n')
	s.ok(err)
	if !strings.HasPrefix(line, "HTTP/1.1 100") {
		s.Fatalf("the server says %q", line)
	}
	for line != "\r\n" {
		line, err = from.ReadString('\n')
		s.ok(err)
	}
	_, err = conn.Write(request)
	s.ok(err)
	s.answered(from, exchange)
}

// slowClientsKeepNobodyOut has a dozen clients stop in the middle of a request.
// Others are served as before; and those in the end, too.
func slowClientsKeepNobodyOut(s *suite) {
	type slow struct {
		net.Conn
		rest     []byte
		exchange *wire.Exchange
	}
	var all []slow
	for i := range 12 {
		request, exchange := s.put(fmt.Sprint("slowly ", i))
		conn := s.dial()
		defer conn.Close()
		_, err := io.WriteString(conn, s.header(len(request), "")+string(request[:len(request)/2]))
		s.ok(err)
		all = append(all, slow{conn, request[len(request)/2:], exchange})
	}
	_, err := s.as("grace").Put(s.lounge, "while they are at it")
	s.ok(err)
	for _, client := range all {
		_, err := client.Write(client.rest)
		s.ok(err)
	}
	for _, client := range all {
		s.answered(bufio.NewReader(client), client.exchange)
	}
}

// whoHangsUp has clients hang up as soon as all is sent. What they asked for is
// done, or not at all; and done when it is asked for again.
func whoHangsUp(s *suite) {
	const clients, texts = 6, 20
	var requests [][]byte
	before := s.head("grace")
	for i := range clients {
		var all []string
		for j := range texts {
			all = append(all, fmt.Sprintf("client %d says %d", i, j))
		}
		request, _ := s.put(all...)
		conn := s.dial()
		_, err := io.WriteString(conn, s.header(len(request), "")+string(request))
		s.ok(errors.Join(err, conn.Close()))
		requests = append(requests, request)
	}
	whole := 0
	for i, n := range s.stored(before, clients) {
		if n != 0 && n != texts {
			s.Errorf("%d of the %d texts of client %d", n, texts, i)
		} else if n > 0 {
			whole++
		}
	}
	for _, request := range requests {
		_, err := s.client.Post(context.Background(), request)
		s.ok(err)
	}
	for i, n := range s.stored(before, clients) {
		if n != texts {
			s.Errorf("in the end %d of the %d texts of client %d", n, texts, i)
		}
	}
	s.Logf("%d of %d requests were done at once", whole, clients)
}

// stored counts what whoHangsUp has put, by client.
func (s *suite) stored(after wire.FetchArgs, clients int) []int {
	s.Helper()
	counts := make([]int, clients)
	for {
		fetched, err := s.as("grace").Fetch(s.lounge, after)
		s.ok(err)
		for _, entry := range fetched.Entries {
			var client, text int
			if n, _ := fmt.Sscanf(string(entry.Bytes), "client %d says %d", &client, &text); n == 2 {
				counts[client]++
			}
		}
		if !fetched.More {
			return counts
		}
		after = s.after(fetched)
	}
}

// A request is held for as long as hubs hold any, and its answer comes through:
// no server loses its patience before, as it comes.
func TestHoldsLast(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as a hub holds a request")
	}
	t.Parallel()
	var starting sync.Mutex
	var all sync.WaitGroup
	for name, start := range servers {
		all.Go(func() {
			t.Run(name, func(t *testing.T) {
				starting.Lock()
				r := func() *Running {
					defer starting.Unlock() // also when the test is skipped
					return start(t, Setup{})
				}()
				s := &suite{T: t, Running: r, client: NewClient(t, r.URL)}
				_, err := s.as("owner").Claim(r.Claim(t))
				s.ok(errors.Join(err, s.as("owner").Open(lounge, "alice")))
				begun := time.Now()
				result, err := s.as("alice").Fetch(lounge, wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()})
				s.ok(err)
				if took := time.Since(begun); result.Retry != 0 || len(result.Entries) != 0 || took < wire.MaxWait-time.Second {
					t.Errorf("after %s: %+v", took, result)
				}
			})
		})
	}
	all.Wait()
}

// fcgiwrap as it comes answers one request at a time. With held = 0 in hub.conf
// nobody waits behind one that is held, for none is.
func TestFcgiwrapWithOneChild(t *testing.T) {
	const wait = 3 * time.Second
	behind := func(t *testing.T, conf string) (fetched wire.FetchResult, took time.Duration) {
		r := startFcgiwrap(t, Setup{Conf: conf}, "-f")
		s := &suite{T: t, Running: r, client: NewClient(t, r.URL)}
		_, err := s.as("owner").Claim(r.Claim(t))
		s.ok(errors.Join(err, s.as("owner").Open(lounge, "alice")))
		sent := make(chan error, 1)
		go func() {
			sent <- s.client.Call(context.Background(), s.as("alice").Sign(wire.OpFetch, lounge,
				wire.FetchArgs{Limit: 1, Wait: wait.Milliseconds()}), &fetched)
		}()
		if conf == "" {
			s.untilHeld()
		} else {
			err = <-sent
			sent <- err
		}
		begun := time.Now()
		if _, err := s.as("alice").Status(lounge); err != nil {
			t.Error(err)
		}
		took = time.Since(begun)
		s.ok(<-sent)
		return fetched, took
	}
	t.Parallel()
	if fetched, took := behind(t, ""); took < wait/2 || fetched.Retry != 0 {
		t.Errorf("behind a held request a status takes %s; %+v", took, fetched)
	} else {
		t.Logf("behind a request that is held for %s a status takes %s", wait, took)
	}
	fetched, took := behind(t, "held = 0\n")
	if fetched.Retry == 0 {
		t.Errorf("a request was held: %+v", fetched)
	}
	t.Logf("with held = 0 a status takes %s", took)
}

// mod_fcgid as it comes answers requests beyond 128 KiB with status 500. The hub
// says that its own are smaller, and people talk as elsewhere.
func TestFcgidAsItComes(t *testing.T) {
	t.Parallel()
	r := startApacheFcgid(t, Setup{}, "")
	if limit := NewClient(t, r.URL).Hub.Limits["request"]; limit <= 0 || limit > 128<<10 {
		t.Errorf("the hub's limit is %d", limit)
	}
	gatewaysTalk(t, r)
}
