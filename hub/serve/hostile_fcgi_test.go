package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"hubbub/channels/wire"
)

// fcgiConnOf is a connection to the road for FastCGI.
func (a *attacker) fcgiDial() (net.Conn, *recordReader) {
	conn, err := net.DialTimeout("unix", a.fcgi, patienceOfTests)
	if err != nil {
		a.Error(err)
		conn = broken{}
	}
	conn.SetDeadline(time.Now().Add(patienceOfTests))
	return conn, &recordReader{in: bufio.NewReader(conn)}
}

// sends sends records while the answers are read.
func sends(conn net.Conn, records ...[]byte) {
	go conn.Write(bytes.Join(records, nil))
}

// answered reads the answer to a request: its status, 0 if the connection ends
// before; and how many other requests were refused beside.
func (a *attacker) answered(in *recordReader, id uint16, what string) (status, others int) {
	a.Helper()
	var text []byte
	for {
		r, err := in.read()
		switch {
		case err != nil:
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				a.Errorf("%s: no answer comes", what)
			}
			return 0, others
		case r.kind == endRequest && r.request != id:
			others++
		case r.kind == stdout && r.request == id:
			text = append(text, r.content...)
		case r.kind == endRequest && len(text) == 0:
			return -int(r.content[4]), others
		case r.kind == endRequest:
			if bytes.Contains(text, []byte(a.data)) || bytes.Contains(text, []byte("goroutine")) {
				a.Errorf("%s: the answer tells too much: %.200q", what, text)
			}
			status, _ = strconv.Atoi(string(bytes.TrimPrefix(text, []byte("Status: "))[:3]))
			return status, others
		}
	}
}

func (a *attacker) hostileFastCGI() {
	h := a.client.MakeHostile(a, a.round, a.random)
	pairs := []string{"REQUEST_METHOD", h.Method, "CONTENT_TYPE", h.Type, "QUERY_STRING", h.Query, "REMOTE_ADDR", "203.0.113.9"}
	if h.Length >= 0 {
		pairs = append(pairs, "CONTENT_LENGTH", fmt.Sprint(h.Length))
	}
	conn, in := a.fcgiDial()
	defer conn.Close()
	sends(conn, begin(1, responder, keepConnection), about(1, pairs...), chunks(stdin, 1, h.Body), appendRecord(nil, stdin, 1, nil))
	if status, _ := a.answered(in, 1, h.Kind); status != h.Want && status != wire.StatusBusy {
		a.Errorf("%s: status %d, want %d", h.Kind, status, h.Want)
	}
}

// brokenRecords are no FastCGI: the connection ends.
func (a *attacker) brokenRecords() {
	version := begin(1, responder, 0)
	version[0] = byte(2 + a.random.IntN(250))
	lie := binary.BigEndian.AppendUint32([]byte{200}, 1<<31|1<<30) // a value of a gigabyte
	all := [][]byte{
		version, []byte("GET / HTTP/1.1\r\nHost: hub\r\n\r\n"), appendRecord(nil, beginRequest, 1, []byte{0}), appendRecord(nil, beginRequest, 1, nil),
		bytes.Join([][]byte{begin(1, responder, 0), appendRecord(nil, params, 1, lie), appendRecord(nil, params, 1, nil)}, nil),
		bytes.Join([][]byte{begin(1, responder, 0), appendRecord(nil, params, 1, []byte{0xff, 0xff, 0xff}), appendRecord(nil, params, 1, nil)}, nil),
		append(begin(1, responder, 0), appendRecord(nil, stdin, 1, []byte("early"))...),
		append(begin(1, responder, 0), begin(1, responder, 0)...),
		append(begin(1, responder, 0), about(1, "HTTP_X", strings.Repeat("x", 2*maxParams))...),
		append(begin(1, responder, 0), chunks(params, 1, bytes.Repeat([]byte{1, 1, 'x', 'y'}, maxParams))...),
	}
	conn, in := a.fcgiDial()
	defer conn.Close()
	sends(conn, all[a.random.IntN(len(all))])
	if status, _ := a.answered(in, 1, "a broken record"); status != 0 {
		a.Errorf("a broken record: status %d", status)
	}
}

// interleaved begins hundreds of requests on one connection, with all that belongs
// to them. There is one at a time, which is answered.
func (a *attacker) interleaved() {
	conn, in := a.fcgiDial()
	defer conn.Close()
	const others = 300
	var records []byte
	records = append(records, begin(1, responder, keepConnection)...)
	for id := range uint16(others) {
		records = append(records, begin(id+2, responder, keepConnection)...)
		records = append(records, about(id+2, "REQUEST_METHOD", "GET")...)
		records = appendRecord(records, stdin, id+2, []byte("body"))
	}
	records = append(records, about(1, "REQUEST_METHOD", "GET", "QUERY_STRING", wire.KeysQuery)...)
	records = appendRecord(records, abortRequest, 77, nil)
	records = appendRecord(appendRecord(records, byte(12+a.random.IntN(240)), 5, []byte("unknown")), stdin, 1, nil)
	sends(conn, records)
	if status, refused := a.answered(in, 1, "interleaved"); status != 200 || refused != others {
		a.Errorf("interleaved: status %d, and %d of %d refused", status, refused, others)
	}
}

// aborted ends a request at each stage, and asks another thing where that is possible.
func (a *attacker) aborted() {
	conn, in := a.fcgiDial()
	defer conn.Close()
	stages := [][]byte{begin(1, responder, keepConnection), about(1, "REQUEST_METHOD", "POST", "CONTENT_TYPE", wire.ContentType, "CONTENT_LENGTH", "100000"),
		appendRecord(nil, stdin, 1, []byte("half of it")), appendRecord(nil, stdin, 1, nil)}
	n := 1 + a.random.IntN(len(stages))
	sends(conn, append(stages[:n:n], appendRecord(nil, abortRequest, 1, nil))...)
	// Whether it is done already when that is heard is not known.
	if status, _ := a.answered(in, 1, "aborted"); status != 0 && status != -requestComplete && status != 400 {
		a.Errorf("aborted at stage %d: %d", n, status)
	}
}

// oddParams are requests that do not fit their parameters.
func (a *attacker) oddParams() {
	request, _, err := a.client.Seal(a.client.As(a, "alice").Sign(wire.OpStatus, a.lounge, nil))
	if err != nil {
		a.Error(err)
		return
	}
	size := len(request)
	post := func(length string, more ...string) []string {
		return append([]string{"REQUEST_METHOD", "POST", "CONTENT_TYPE", wire.ContentType, "CONTENT_LENGTH", length}, more...)
	}
	tests := []struct {
		pairs []string
		want  int
	}{
		{post(fmt.Sprint(size)), 200}, {post(fmt.Sprint(size - 1)), 400}, {post(fmt.Sprint(size + 1)), 400}, {post("-5"), 400}, {post("+5"), 400},
		{post("0x10"), 400}, {post("99999999999999999999"), 400}, {post("9223372036854775807"), 413}, {post(""), 411}, {post("0"), 400},
		{post(fmt.Sprint(size), "HTTP_TRANSFER_ENCODING", "chunked"), 411}, {post(fmt.Sprint(size), "HTTP_PROXY", "http://127.0.0.1:1/"), 200},
		{post(fmt.Sprint(size), "SCRIPT_FILENAME", "/etc/passwd", "DOCUMENT_ROOT", "/", "PATH_INFO", "/../.."), 200},
		{post(fmt.Sprint(size), "", "", "", "x", strings.Repeat("N", 1000), strings.Repeat("\x00", 1000)), 200},
		{nil, 405}, {[]string{"REQUEST_METHOD", "GET", "HTTP_HOST", "<script>\r\nX: y", "REQUEST_URI", "//"}, 200},
		{[]string{"REQUEST_METHOD", strings.Repeat("G", 10_000)}, 405}, {[]string{"REQUEST_METHOD", "HEAD", "QUERY_STRING", strings.Repeat("keys&", 10_000)}, 200},
	}
	test := tests[a.random.IntN(len(tests))]
	conn, in := a.fcgiDial()
	defer conn.Close()
	sends(conn, begin(9, responder, 0), about(9, test.pairs...), chunks(stdin, 9, request), appendRecord(nil, stdin, 9, nil))
	if status, _ := a.answered(in, 9, "odd parameters"); status != test.want {
		a.Errorf("%.100q: status %d, want %d", test.pairs, status, test.want)
	}
}

// cutShort ends the connection in the middle of what is good as far as it comes.
func (a *attacker) cutShort() {
	request, _, err := a.client.Seal(a.client.As(a, "alice").Sign(wire.OpFetch, a.lounge, wire.FetchArgs{Limit: 100}))
	if err != nil {
		a.Error(err)
		return
	}
	all := bytes.Join([][]byte{begin(3, responder, keepConnection), about(3, "REQUEST_METHOD", "POST", "CONTENT_TYPE", wire.ContentType,
		"CONTENT_LENGTH", fmt.Sprint(len(request))), chunks(stdin, 3, request), appendRecord(nil, stdin, 3, nil)}, nil)
	conn, _ := a.fcgiDial()
	conn.Write(all[:a.random.IntN(len(all)+1)])
	time.Sleep(time.Duration(a.random.IntN(3)) * time.Millisecond)
	conn.Close()
}
