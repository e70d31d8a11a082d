package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"hubbub/hub"
	"hubbub/hub/web"
)

// serverFunc answers requests.
type serverFunc func(context.Context, hub.Request) hub.Reply

func (f serverFunc) Serve(ctx context.Context, r hub.Request) hub.Reply { return f(ctx, r) }

// saying replies with a text.
func saying(text string) hub.Reply { return hub.Reply{Status: 200, Body: []byte(text)} }

// fcgiServer serves s over FastCGI until the test ends, and returns where.
func fcgiServer(t *testing.T, s web.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serveFastCGI(ctx, newDoor(road{Listener: listener}, 100, 100), s, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// webServer is a web server's connection to a FastCGI server.
type webServer struct {
	t *testing.T
	net.Conn
	in recordReader
}

func dialFastCGI(t *testing.T, network, address string) *webServer {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &webServer{t, conn, recordReader{in: bufio.NewReader(conn)}}
}

// begin is the record that begins a request.
func begin(id, role uint16, flags byte) []byte {
	content := make([]byte, 8)
	binary.BigEndian.PutUint16(content, role)
	content[2] = flags
	return appendRecord(nil, beginRequest, id, content)
}

// about are the records of a request's parameters.
func about(id uint16, pairs ...string) []byte {
	var text []byte
	for i := 0; i < len(pairs); i += 2 {
		for _, s := range pairs[i : i+2] {
			text = binary.BigEndian.AppendUint32(text, uint32(len(s))|1<<31)
		}
		text = append(append(text, pairs[i]...), pairs[i+1]...)
	}
	return append(chunks(params, id, text), appendRecord(nil, params, id, nil)...)
}

// chunks are records of as much content.
func chunks(kind byte, id uint16, content []byte) []byte {
	var records []byte
	for buffer := bytes.NewBuffer(content); buffer.Len() > 0; {
		records = appendRecord(records, kind, id, buffer.Next(maxContent))
	}
	return records
}

// send writes records.
func (w *webServer) send(records ...[]byte) {
	w.t.Helper()
	if _, err := w.Write(bytes.Join(records, nil)); err != nil {
		w.t.Fatal(err)
	}
}

// ask sends a whole request that is kept, with a query and a body.
func (w *webServer) ask(id uint16, query string, body []byte) {
	w.t.Helper()
	method := "GET"
	pairs := []string{"QUERY_STRING", query, "CONTENT_TYPE", "application/octet-stream"}
	if body != nil {
		method = "POST"
	}
	w.send(begin(id, responder, keepConnection), about(id, append(pairs, "REQUEST_METHOD", method)...),
		chunks(stdin, id, body), appendRecord(nil, stdin, id, nil))
}

// answer reads the answer to a request: its text, and how it ended.
func (w *webServer) answer(id uint16) (text string, status byte) {
	w.t.Helper()
	for {
		r, err := w.in.read()
		if err != nil {
			w.t.Fatalf("after %q: %v", text, err)
		}
		switch {
		case r.request != id:
			w.t.Fatalf("a record of request %d", r.request)
		case r.kind == stdout:
			text += string(r.content)
		case r.kind == endRequest:
			return text, r.content[4]
		default:
			w.t.Fatalf("a record of type %d", r.kind)
		}
	}
}

// closed says that the server has closed the connection.
func (w *webServer) closed() {
	w.t.Helper()
	if r, err := w.in.read(); err == nil {
		w.t.Errorf("a record of type %d, %q; the connection should be closed", r.kind, r.content)
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		w.t.Error("the connection is open")
	}
}

// A panic ends its request with a failure, and neither the process nor the
// connection, nor a request that is held meanwhile.
func TestFastCGISurvivesPanics(t *testing.T) {
	release := make(chan struct{})
	address := fcgiServer(t, serverFunc(func(_ context.Context, r hub.Request) hub.Reply {
		switch r.Query {
		case "panic":
			panic("as told")
		case "held":
			<-release
		}
		return saying(r.Query)
	}))
	held := dialFastCGI(t, "tcp", address)
	held.ask(7, "held", nil)
	w := dialFastCGI(t, "tcp", address)
	for range 3 {
		w.ask(1, "panic", make([]byte, 1000))
		text, status := w.answer(1)
		if !strings.HasPrefix(text, "Status: 500 ") || strings.Contains(text, "as told") || status != requestComplete {
			t.Errorf("answer to a panic: %q, %d", text, status)
		}
		w.ask(1, "well", nil)
		if text, _ := w.answer(1); !strings.HasPrefix(text, "Status: 200 OK\r\n") || !strings.HasSuffix(text, "\r\n\r\nwell") {
			t.Errorf("the next answer: %q", text)
		}
	}
	close(release)
	if text, _ := held.answer(7); !strings.HasSuffix(text, "held") {
		t.Errorf("who was held got %q", text)
	}
}

// What a request says of itself and its body arrive whole, however they are cut,
// and a HEAD has no body.
func TestFastCGIRequests(t *testing.T) {
	address := fcgiServer(t, serverFunc(func(_ context.Context, r hub.Request) hub.Reply {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return saying(err.Error())
		}
		return saying(r.Method + " " + r.Query + " " + r.ContentType + " " + r.Address + " " + string(body))
	}))
	w := dialFastCGI(t, "tcp", address)
	all := bytes.Join([][]byte{begin(3, responder, keepConnection),
		about(3, "REQUEST_METHOD", "POST", "QUERY_STRING", "q", "CONTENT_TYPE", "x/y", "REMOTE_ADDR", "192.0.2.1", "HTTP_X", strings.Repeat("x", 40_000)),
		appendRecord(nil, stdin, 3, []byte("in two ")), appendRecord(nil, stdin, 3, []byte("parts")), appendRecord(nil, stdin, 3, nil)}, nil)
	for _, at := range []int{1, 7, 9, 15, 17, 30, 4000, len(all) - 9, len(all) - 1} {
		w.send(all[:at])
		w.send(all[at:])
		if text, _ := w.answer(3); !strings.HasSuffix(text, "\r\n\r\nPOST q x/y 192.0.2.1 in two parts") {
			t.Errorf("cut at %d: %q", at, text)
		}
	}
	w.send(begin(1, responder, 0), about(1, "REQUEST_METHOD", "HEAD"), appendRecord(nil, stdin, 1, nil))
	if text, _ := w.answer(1); !strings.HasSuffix(text, "\r\n\r\n") {
		t.Errorf("HEAD: %q", text)
	}
	w.closed()
}

// A refusal reaches who sends a body that nobody wants, before he has to stop.
func TestFastCGIRefusesLargeBodies(t *testing.T) {
	address := fcgiServer(t, serverFunc(func(context.Context, hub.Request) hub.Reply { return saying("too large") }))
	w := dialFastCGI(t, "tcp", address)
	w.ask(1, "", make([]byte, 8<<20))
	if text, _ := w.answer(1); !strings.HasSuffix(text, "too large") {
		t.Errorf("answered %q", text)
	}
	w.ask(2, "", nil)
	if text, _ := w.answer(2); !strings.HasSuffix(text, "too large") {
		t.Errorf("the next: %q", text)
	}
	// Beyond what is read of it, and ended at once: nobody waits for more.
	for range 5 {
		w := dialFastCGI(t, "tcp", address)
		w.ask(1, "", make([]byte, maxDrain+10))
		if text, _ := w.answer(1); !strings.HasSuffix(text, "too large") {
			t.Errorf("answered %q", text)
		}
	}
}

// A web server cannot have a connection take more than it should: one request
// at a time, of so many bytes, for one role.
func TestFastCGIBounds(t *testing.T) {
	waits := make(chan struct{})
	address := fcgiServer(t, serverFunc(func(ctx context.Context, r hub.Request) hub.Reply {
		if r.Query == "wait" {
			io.Copy(io.Discard, r.Body)
			<-waits
		}
		return saying(r.Query)
	}))
	w := dialFastCGI(t, "tcp", address)
	w.send(appendRecord(nil, getValues, 0, appendPair(nil, "FCGI_MPXS_CONNS", "")))
	if r, err := w.in.read(); err != nil || r.kind != getValuesResult || !bytes.Equal(r.content, appendPair(nil, "FCGI_MPXS_CONNS", "0")) {
		t.Errorf("values: %v, %v", r, err)
	}
	w.send(appendRecord(nil, 99, 0, nil))
	if r, err := w.in.read(); err != nil || r.kind != unknownType || r.content[0] != 99 {
		t.Errorf("an unknown type: %v, %v", r, err)
	}
	w.send(begin(1, 2, keepConnection))
	if _, status := w.answer(1); status != unknownRole {
		t.Errorf("an authorizer: %d", status)
	}
	w.send(begin(1, responder, keepConnection), about(1, "QUERY_STRING", "wait"), begin(2, responder, keepConnection))
	if _, status := w.answer(2); status != cannotMultiplex {
		t.Errorf("a second request: %d", status)
	}
	w.send(appendRecord(nil, stdin, 1, nil))
	close(waits)
	if text, _ := w.answer(1); !strings.HasSuffix(text, "wait") {
		t.Errorf("the first: %q", text)
	}
	w.send(begin(1, responder, keepConnection), about(1, "HTTP_X", strings.Repeat("x", maxParams)))
	w.closed()
	for _, wrong := range [][]byte{
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		appendRecord(nil, beginRequest, 1, []byte{0}),
		append(begin(1, responder, 0), append(appendRecord(nil, params, 1, []byte{200, 1}), appendRecord(nil, params, 1, nil)...)...),
		append(begin(1, responder, 0), appendRecord(nil, stdin, 1, []byte("early"))...),
		append(begin(1, responder, 0), appendRecord(nil, abortRequest, 1, nil)...),
	} {
		w := dialFastCGI(t, "tcp", address)
		w.send(wrong)
		if bytes.Contains(wrong, appendRecord(nil, abortRequest, 1, nil)) {
			w.answer(1)
		}
		w.closed()
	}
}

// A request is given up with its client, of which the web server tells by
// closing the connection, or by a record.
func TestFastCGIClientGoes(t *testing.T) {
	gone := make(chan struct{})
	began := make(chan struct{})
	address := fcgiServer(t, serverFunc(func(ctx context.Context, r hub.Request) hub.Reply {
		io.Copy(io.Discard, r.Body)
		began <- struct{}{}
		<-ctx.Done()
		gone <- struct{}{}
		return saying("gone")
	}))
	closes := dialFastCGI(t, "tcp", address)
	closes.ask(1, "", []byte("body"))
	<-began
	closes.Close()
	<-gone
	aborts := dialFastCGI(t, "tcp", address)
	aborts.ask(1, "", []byte("body"))
	<-began
	aborts.send(appendRecord(nil, abortRequest, 1, nil))
	<-gone
	aborts.answer(1)
	half := dialFastCGI(t, "tcp", address)
	half.send(begin(1, responder, 0), about(1, "REQUEST_METHOD", "POST"), appendRecord(nil, stdin, 1, []byte("half a b")))
	half.Close()
	<-began
	<-gone
}

// Noise, and requests with a few bytes changed, end connections and nothing else.
func TestFastCGINoise(t *testing.T) {
	address := fcgiServer(t, serverFunc(func(_ context.Context, r hub.Request) hub.Reply {
		io.Copy(io.Discard, r.Body)
		return saying("ok")
	}))
	random := rand.New(rand.NewPCG(1, 2))
	good := bytes.Join([][]byte{begin(1, responder, 0), about(1, "REQUEST_METHOD", "POST", "CONTENT_LENGTH", "5"),
		appendRecord(nil, stdin, 1, []byte("hello")), appendRecord(nil, stdin, 1, nil)}, nil)
	for i := range 500 {
		bad := bytes.Clone(good)
		for range 1 + random.IntN(4) {
			bad[random.IntN(len(bad))] = byte(random.Uint32())
		}
		if i%5 == 0 {
			for j := range bad {
				bad[j] = byte(random.Uint32())
			}
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(bad)
		conn.Close()
	}
	w := dialFastCGI(t, "tcp", address)
	w.send(good)
	if text, _ := w.answer(1); !strings.HasSuffix(text, "ok") {
		t.Errorf("afterwards: %q", text)
	}
}

func FuzzReadPairs(f *testing.F) {
	f.Add(appendPair(nil, "A", "b"))
	f.Add([]byte{0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 'x'})
	f.Fuzz(func(t *testing.T, text []byte) {
		pairs, ok := readPairs(text)
		n := 0
		for name, value := range pairs {
			n += len(name) + len(value)
		}
		if !ok && pairs != nil || n > len(text) {
			t.Errorf("%v, %v of %d bytes", pairs, ok, len(text))
		}
	})
}
