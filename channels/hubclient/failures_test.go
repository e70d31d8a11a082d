package hubclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
)

// kind checks that err is an *Error of the kind wanted, and fit to be shown.
func kind(t *testing.T, err error, want Kind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("not an *Error but %v", err)
	}
	if e.Kind != want {
		t.Fatalf("%v, but should be: %v", e, want)
	}
	if strings.Contains(e.Error(), "://127") || strings.Contains(e.Error(), "hub.cgi") || strings.ContainsAny(e.Error(), "\r\n\x1b") {
		t.Errorf("not fit to be shown: %q", e.Error())
	}
	return e
}

// answers returns a handler that says the same to everybody.
func answers(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const page = "<!DOCTYPE html><title>Log in</title>"

// What answers at an address may be anything.
func TestNotAHubAtKeys(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.Handler
		want    Kind
		says    string
	}{
		"a page":           {answers(200, "text/html", page), NotAHub, "web page"},
		"nothing":          {answers(200, wire.ContentType, ""), NotAHub, "not a hub"},
		"random bytes":     {answers(200, wire.ContentType, "\x01\x02\x03"), NotAHub, "not a hub"},
		"too many bytes":   {answers(200, wire.ContentType, strings.Repeat("x", wire.MaxKeys+1)), NotAHub, "larger"},
		"not found":        {answers(404, "text/html", page), NotAHub, "no such page"},
		"forbidden":        {answers(403, "text/html", page), NotAHub, "lets nobody in"},
		"a captive portal": {answers(511, "text/html", page), NotAHub, "login"},
		"teapot":           {answers(418, "text/html", page), NotAHub, "418"},
		"internal error":   {answers(500, "text/html", page), Failed, "500"},
		"bad gateway":      {answers(502, "text/html", page), Failed, "502"},
		"busy":             {answers(503, "text/html", page), Busy, "503"},
		"no processes":     {answers(508, "text/html", page), Busy, "508"},
	} {
		s := httptest.NewServer(c.handler)
		client := New(Address{URL: s.URL + "/"}, Options{})
		_, err := client.Do(t.Context(), puts(t, 1))
		e := kind(t, err, c.want)
		if !strings.Contains(e.Text, c.says) {
			t.Errorf("%s: %q does not say %q", name, e.Text, c.says)
		}
		if c.want == Busy && e.Retry != 7*time.Second {
			t.Errorf("%s: retry after %v", name, e.Retry)
		}
		client.Close()
		s.Close()
	}
}

// The same for requests, after a hub has shown its keys.
func TestNotAHubAtRequests(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.Handler
		want    Kind
		says    string
	}{
		"a page":         {answers(200, "text/html", page), NotAHub, "web page"},
		"random bytes":   {answers(200, wire.ContentType, strings.Repeat("x", 2000)), NotAHub, "changed on the way"},
		"malformed":      {answers(400, "text/plain", ""), Refused, "400"},
		"no POST":        {answers(405, "text/html", page), NotAHub, "405"},
		"too large":      {answers(413, "text/html", page), TooLarge, "413"},
		"busy":           {answers(429, "text/html", page), Busy, "429"},
		"internal error": {answers(500, "text/html", page), Failed, "500"},
		"too many bytes": {answers(200, wire.ContentType, strings.Repeat("x", wire.MaxResponse+1)), NotAHub, "larger"},
		"a long page":    {answers(404, "text/html", strings.Repeat("x", wire.MaxResponse+1)), NotAHub, "no such page"},
	} {
		h := newTestHub(t)
		h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost {
				return false
			}
			c.handler.ServeHTTP(w, r)
			return true
		}
		s := h.serve()
		_, err := h.client(s).Do(t.Context(), puts(t, 1))
		if e := kind(t, err, c.want); !strings.Contains(e.Text, c.says) {
			t.Errorf("%s: %q does not say %q", name, e.Text, c.says)
		}
		if n := h.count("POST"); n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// A hub's own words are shown, but not its control characters.
func TestRefusal(t *testing.T) {
	for code, want := range map[wire.Code]Kind{
		wire.CodeBusy: Busy, wire.CodeInternal: Failed, wire.CodeFull: Refused, wire.CodeBad: Refused, "new": Refused,
	} {
		h := newTestHub(t)
		h.refuse = &wire.Error{Code: code, Text: "the disk\r\nis \x1b[31mfull\u202e" + strings.Repeat("x", 1000)}
		_, err := h.client(h.serve()).Do(t.Context(), puts(t, 1))
		e := kind(t, err, want)
		says := `it says "the disk  is [31mfullxxx`
		if code == "new" {
			says = `it says "new, the disk  is [31mfullxxx`
		}
		if !strings.HasPrefix(e.Text, says) || len(e.Text) > 120 {
			t.Errorf("%q", e.Text)
		}
		var refused *wire.Error
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%#v", err)
		}
	}
}

func TestWrongKey(t *testing.T) {
	h, other := newTestHub(t), newTestHub(t)
	c := New(Address{URL: h.serve().URL + "/", Fingerprint: other.fingerprint()}, Options{})
	defer c.Close()
	_, err := c.Do(t.Context(), puts(t, 1))
	kind(t, err, WrongKey)
	if n := h.count("POST"); n != 0 {
		t.Errorf("it was sent %d requests", n)
	}
}

func TestVersion(t *testing.T) {
	h := newTestHub(t)
	h.version = wire.Version + 1
	_, err := h.client(h.serve()).Do(t.Context(), puts(t, 1))
	if e := kind(t, err, Version); !strings.Contains(e.Text, "test hub") {
		t.Error(e)
	}
}

// An answer recorded earlier is not the answer to this request.
func TestReplayedAnswer(t *testing.T) {
	h := newTestHub(t)
	c := h.client(h.serve())
	var recorded []byte
	h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || recorded == nil {
			return false
		}
		_, _ = w.Write(recorded)
		return true
	}
	recorder := &recordingTransport{}
	first := New(Address{URL: c.places[0].URL, Fingerprint: h.fingerprint()}, Options{Transport: recorder})
	if _, err := first.Do(t.Context(), puts(t, 1)); err != nil {
		t.Fatal(err)
	}
	recorded = recorder.last
	_, err := c.Do(t.Context(), puts(t, 1))
	kind(t, err, NotAHub)
}

// recordingTransport keeps the body of the last answer.
type recordingTransport struct{ last []byte }

func (r *recordingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if r.last, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(strings.NewReader(string(r.last)))
	return response, nil
}

func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, err = New(Address{URL: "http://" + address + "/"}, Options{}).Do(t.Context(), puts(t, 1))
	kind(t, err, Unreachable)

	h := newTestHub(t)
	h.spoil = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			panic(http.ErrAbortHandler) // the connection breaks off
		}
		return false
	}
	_, err = h.client(h.serve()).Do(t.Context(), puts(t, 1))
	kind(t, err, Unreachable)
}

// silence is a network that takes requests and never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// halfAnswer begins an answer and never ends it.
type halfAnswer struct{}

func (halfAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	reader, writer := io.Pipe()
	go func() {
		_, _ = writer.Write([]byte("half"))
		<-r.Context().Done()
		writer.CloseWithError(r.Context().Err())
	}()
	return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", Header: http.Header{}, Body: reader, Request: r}, nil
}

// A client gives up when neither the hub's holding nor the bytes explain the
// silence, and not before.
func TestSilence(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{"silence": silence{}, "half an answer": halfAnswer{}} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Address{URL: "http://hub.example/"}, Options{Transport: transport})
			begun := time.Now()
			_, err := c.Do(context.Background(), puts(t, 1))
			if e := kind(t, err, Unreachable); e.Text != "no answer in time" {
				t.Errorf("%s: %v", name, e)
			}
			if took := time.Since(begun); took < margin || took > 2*margin {
				t.Errorf("%s: given up after %v", name, took)
			}
		})
	}
}

// endless begins its answer late and goes on for ever.
type endless struct {
	before time.Duration
	pace   time.Duration // before every read
	read   int           // bytes given so far
	ctx    context.Context
}

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(e.before) // the bubble's seconds
	e.ctx = r.Context()
	return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", Header: http.Header{}, Body: e, Request: r}, r.Context().Err()
}

func (e *endless) Read(b []byte) (int, error) {
	time.Sleep(e.pace)
	e.read += len(b)
	return len(b), e.ctx.Err()
}

func (e *endless) Close() error { return nil }

// However much is sent, no more is read than a hub may answer; and an answer
// that begins late may still take its time.
func TestEndlessAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &endless{before: margin - time.Second, pace: 100 * time.Millisecond}
		c := New(Address{URL: "http://hub.example/"}, Options{Transport: e})
		_, err := c.Do(context.Background(), puts(t, 1))
		if e := kind(t, err, NotAHub); !strings.Contains(e.Text, "larger") {
			t.Error(e)
		}
		if e.read > wire.MaxKeys*2 {
			t.Errorf("read %d bytes", e.read)
		}
	})
}

// A hub may hold a fetch for as long as it was asked to, and a while more.
func TestHeldFetch(t *testing.T) {
	for _, c := range []struct {
		wait, held time.Duration
		ok         bool
	}{
		{wire.MaxWait, wire.MaxWait, true},
		{wire.MaxWait, wire.MaxWait + margin - time.Second, true},
		{wire.MaxWait, wire.MaxWait + margin + 2*time.Second, false},
		{time.Hour, wire.MaxWait + margin + 2*time.Second, false},
		{0, margin + 2*time.Second, false},
		{0, margin - time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newTestHub(t)
			h.held = func(r *http.Request) {
				select {
				case <-time.After(c.held):
				case <-r.Context().Done():
				}
			}
			client := New(Address{URL: "http://hub.example/", Fingerprint: h.fingerprint()}, Options{Transport: inProcess{h}})
			_, err := client.Do(context.Background(), waitingFetch(t, c.wait))
			if c.ok && err != nil {
				t.Errorf("held for %v of %v: %v", c.held, c.wait, err)
			}
			if !c.ok {
				kind(t, err, Unreachable)
			}
		})
	}
}

// Who gives up himself is told so, and not that the hub cannot be reached.
func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		h.held = func(r *http.Request) { <-r.Context().Done() }
		client := New(Address{URL: "http://hub.example/", Fingerprint: h.fingerprint()}, Options{Transport: inProcess{h}})
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		_, err := client.Do(ctx, waitingFetch(t, wire.MaxWait))
		var e *Error
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) {
			t.Errorf("%#v", err)
		}
		if took := time.Since(begun); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// While one asks for the keys in vain, another who gives up need not wait.
func TestCancelledWhileAnotherAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := New(Address{URL: "http://hub.example/"}, Options{Transport: silence{}})
		asked := make(chan struct{})
		go func() {
			_, _ = client.Do(context.Background(), puts(t, 1))
			close(asked)
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := client.Do(ctx, puts(t, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %v", took)
		}
		<-asked
	})
}
