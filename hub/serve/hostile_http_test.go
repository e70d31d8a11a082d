package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"hubbub/channels/wire"
)

// dial connects to one of the roads for HTTP.
func (a *attacker) dial() net.Conn {
	if a.round%2 == 0 {
		return a.tcp(a.http)
	}
	return a.shake(&tls.Config{InsecureSkipVerify: true})
}

func (a *attacker) tcp(address string) net.Conn {
	conn, err := net.DialTimeout("tcp", address, patienceOfTests)
	if err != nil {
		a.Error(err)
		return broken{}
	}
	conn.SetDeadline(time.Now().Add(patienceOfTests))
	return conn
}

// shake connects over TLS.
func (a *attacker) shake(config *tls.Config) net.Conn {
	conn := tls.Client(a.tcp(a.https), config)
	if err := conn.Handshake(); err != nil {
		a.Error(err)
	}
	return conn
}

// broken is the connection of who was not let in.
type broken struct{ net.Conn }

func (broken) Read([]byte) (int, error)        { return 0, io.EOF }
func (broken) Write([]byte) (int, error)       { return 0, io.EOF }
func (broken) Close() error                    { return nil }
func (broken) SetDeadline(time.Time) error     { return nil }
func (broken) SetReadDeadline(time.Time) error { return nil }

// ask sends text, says that there will be no more, and reads the answers.
func (a *attacker) ask(conn net.Conn, text string) (statuses []int) {
	defer conn.Close()
	go func() {
		io.WriteString(conn, text)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
	}()
	from := bufio.NewReader(conn)
	for {
		response, err := http.ReadResponse(from, nil)
		if err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				a.Errorf("after %v nothing comes, for %.100q", statuses, text)
			}
			return statuses
		}
		body, err := io.ReadAll(response.Body)
		if statuses = append(statuses, response.StatusCode); err != nil {
			return statuses
		}
		if strings.Contains(string(body), a.data) || strings.Contains(string(body), "goroutine") {
			a.Errorf("for %.100q the answer tells too much: %.200q", text, body)
		}
	}
}

// wants asks, and wants one of some lists of statuses.
func (a *attacker) wants(text string, lists ...[]int) {
	a.Helper()
	statuses := a.ask(a.dial(), text)
	if !slices.ContainsFunc(lists, func(l []int) bool { return slices.Equal(l, statuses) }) {
		a.Errorf("answered %v, not one of %v: %.120q", statuses, lists, text)
	}
}

const closing11 = " HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"

func (a *attacker) hostileRequest() {
	h := a.client.MakeHostile(a, a.round, a.random)
	var text strings.Builder
	fmt.Fprintf(&text, "%s /?%s HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n", h.Method, h.Query)
	if h.Type != "" {
		fmt.Fprintf(&text, "Content-Type: %s\r\n", h.Type)
	}
	if h.Length < 0 {
		fmt.Fprintf(&text, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(h.Body), h.Body)
	} else {
		fmt.Fprintf(&text, "Content-Length: %d\r\n\r\n%s", h.Length, h.Body)
	}
	a.wants(text.String(), []int{h.Want})
}

func (a *attacker) giantHeaders() {
	switch a.random.IntN(4) {
	case 0:
		a.wants("GET / HTTP/1.1\r\nHost: hub\r\nX: "+strings.Repeat("x", 1<<17)+"\r\n\r\n", []int{431}, nil)
	case 1:
		a.wants("GET / HTTP/1.1\r\nHost: hub\r\n"+strings.Repeat("X: y\r\n", 10_000)+"\r\n", []int{431}, nil)
	case 2:
		a.wants("GET /"+strings.Repeat("x", 1<<17)+closing11, []int{431}, nil)
	default: // without an end
		a.wants(strings.Repeat("x", 1<<18), []int{431}, []int{400}, nil)
	}
}

// pipelining asks for all at once, and says that no more comes. Who has hung up by half
// may be hung up on by a busy hub before all is answered: nothing else is answered.
func (a *attacker) pipelining() {
	a.Helper()
	noise := aPost + "5\r\n\r\nnoise"
	text := strings.Repeat("GET /?keys HTTP/1.1\r\nHost: hub\r\n\r\n", 30) + noise + noise + "GET /" + closing11
	want := append(slices.Repeat([]int{200}, 30), 400, 400, 200)
	got := a.ask(a.dial(), text)
	if len(got) == 0 || len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		a.Errorf("answered %v, not the first of %v", got, want)
	}
}

// smuggling hides a request in another: there are two ways to read it, of which one
// has to be taken by all. The hub takes none, and hangs up.
func (a *attacker) smuggling() {
	hidden := "GET /?keys HTTP/1.1\r\nHost: hub\r\n\r\n"
	head := "POST / HTTP/1.1\r\nHost: hub\r\nContent-Type: application/octet-stream\r\n"
	for _, test := range []struct {
		text string
		want []int
	}{
		{head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden, []int{411}},
		{head + fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n", 5+len(hidden)) + hidden, []int{411}},
		{head + "Content-Length: 5\r\nContent-Length: 40\r\n\r\nnoise" + hidden, []int{400}},
		{head + "Content-Length: 5, 40\r\n\r\nnoise" + hidden, []int{400}},
		{head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden, []int{501}},
		{head + "Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden, []int{400}},
		{head + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + hidden, []int{400}},
		{head + "Content-Length: 0x5\r\n\r\nnoise" + hidden, []int{400}},
	} {
		a.wants(test.text, test.want)
	}
}

func (a *attacker) chunks() {
	head := "POST / HTTP/1.1\r\nHost: hub\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	bodies := []string{
		"5;" + strings.Repeat("x", 1000) + "\r\nnoise\r\n0\r\n\r\n", strings.Repeat("1;"+strings.Repeat("y", 4000)+"\r\nx\r\n", 40) + "0\r\n\r\n",
		"ffffffffffffffff\r\nnoise", "fffffffffffffffff\r\nnoise", "-5\r\nnoise\r\n", "5 \r\nnoise\r\n0\r\n\r\n", "5\nnoise\n0\n\n",
		"5\r\nnoiseand more\r\n0\r\n\r\n", "0\r\n" + strings.Repeat("X-Trailer: y\r\n", 3000) + "\r\n", "\r\n", "",
	}
	a.wants(head+bodies[a.random.IntN(len(bodies))], []int{411}, []int{411, 400})
}

func (a *attacker) oddTargets() {
	ok, bad := []int{200}, []int{400}
	tests := []struct {
		text string
		want []int
	}{
		{"GET http://example.org/../..?keys" + closing11, ok}, {"GET //..%2f..%2fkeys" + closing11, ok}, {"GET /%00?%00" + closing11, ok},
		{"GET /;/../%2e%2e/hub.db" + closing11, ok}, {"CONNECT example.org:443" + closing11, []int{405}}, {"OPTIONS *" + closing11, []int{200}},
		{"TRACE /" + closing11, []int{405}}, {"get /" + closing11, []int{405}}, {"GET keys" + closing11, bad}, {"GET  /" + closing11, bad},
		{"GET /\r\n\r\n", bad}, {"GET / HTTP/9.9\r\nHost: hub\r\n\r\n", []int{505}}, {"GET / HTTP/1.1\r\n\r\n", bad},
		{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", bad}, {"GET / HTTP/1.1\r\nHost: hub\r\nX\x00: y\r\n\r\n", bad},
		{"GET / HTTP/1.1\r\nHost: hub\r\nX: a\x00b\r\n\r\n", bad}, {"GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", bad},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{405}}, {"GET / HTTP/1.1\r\nHost: hub\r\nUpgrade: h2c\r\nConnection: close, Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", ok},
		{"POST / HTTP/1.1\r\nHost: hub\r\nExpect: something\r\nContent-Length: 5\r\n\r\nnoise", []int{417}},
		{"\r\n\r\n\r\n", nil}, {"\x00", nil}, {string(begin(1, responder, 0)), bad},
	}
	test := tests[a.random.IntN(len(tests))]
	a.wants(test.text, test.want, append([]int{}, bad...), nil)
}

// hangsUp sends requests that are good as far as they come, and goes: in the middle,
// or when all is said.
func (a *attacker) hangsUp() {
	request, _, err := a.client.Seal(a.client.As(a, "alice").Sign(wire.OpFetch, a.lounge, wire.FetchArgs{Limit: 100}),
		a.client.As(a, "alice").Sign(wire.OpStatus, a.lounge, nil))
	if err != nil {
		a.Error(err)
		return
	}
	text := aPost + fmt.Sprintf("%d\r\n\r\n%s", len(request), request)
	conn := a.dial()
	if a.random.IntN(2) == 0 {
		text = text[:a.random.IntN(len(text))]
	}
	io.WriteString(conn, text)
	time.Sleep(time.Duration(a.random.IntN(5)) * time.Millisecond)
	if tcp, ok := conn.(*net.TCPConn); ok && a.random.IntN(2) == 0 {
		tcp.SetLinger(0)
	}
	conn.Close()
}

// noTLS says something else where TLS is spoken.
func (a *attacker) noTLS() {
	conn := a.tcp(a.https)
	defer conn.Close()
	texts := []string{"GET /" + closing11, "\x16\x03\x01\xff\xff" + strings.Repeat("x", 70_000), "\x80\x2e\x01\x00\x02", "SSH-2.0-x\r\n",
		"\x15\x03\x03\x00\x02\x02\x28", "\x17\x03\x03\x40\x00" + strings.Repeat("x", 16384), "\x16\x03\x01\x00\x04\x01\xff\xff\xff"}
	text := texts[a.random.IntN(len(texts))]
	go func() { io.WriteString(conn, text) }()
	if strings.HasSuffix(text, "\xff\xff\xff") { // it is half of something
		return
	}
	a.ends(conn, "no TLS")
}

// ends wants the server to hang up.
func (a *attacker) ends(conn net.Conn, what string) {
	a.Helper()
	_, err := io.Copy(io.Discard, conn)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		a.Errorf("%s: the connection is kept", what)
	}
}

// cut is a connection that breaks after so many bytes.
type cut struct {
	net.Conn
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	if c.left -= len(b); c.left <= 0 {
		c.Conn.Write(b[:max(0, len(b)+c.left)])
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

func (a *attacker) halfHandshake() {
	conn := tls.Client(&cut{a.tcp(a.https), a.random.IntN(700)}, &tls.Config{InsecureSkipVerify: true, ServerName: "hub"})
	conn.Handshake()
	conn.Close()
}

// oddTLS asks for what there is not, and by names that are none.
func (a *attacker) oddTLS() {
	names := []string{"", "hub", "..", "a.b.c.example.org", strings.Repeat("x.", 120) + "org", "xn--", "hub/../keys", "127.0.0.1"}
	config := &tls.Config{InsecureSkipVerify: true, ServerName: names[a.random.IntN(len(names))]}
	switch a.random.IntN(3) {
	case 0:
		config.MaxVersion = tls.VersionTLS11
	case 1:
		config.NextProtos = []string{"acme-tls/1", "spdy/3"}
	}
	conn := tls.Client(a.tcp(a.https), config)
	err := conn.Handshake()
	if strange := config.MaxVersion != 0 || len(config.NextProtos) > 0; strange && err == nil {
		a.Errorf("TLS is spoken with %+v", config)
	}
	conn.Close()
}

// frame is one of HTTP/2's (RFC 9113, section 4.1).
func frame(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = binary.BigEndian.AppendUint32(append(head, flags), stream)
	return string(head) + payload
}

const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// POST https://hub/ with Content-Length: 100000 (RFC 7541, appendix A).
	postBlock = "\x83\x87\x84\x01\x03hub\x0f\x0d\x06100000"
	getBlock  = "\x82\x87\x84\x01\x03hub"
)

func (a *attacker) http2() net.Conn {
	return a.shake(&tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
}

// badFrames are such that a server has to end the connection.
func (a *attacker) badFrames() {
	settings := frame(4, 0, 0, "")
	noise := make([]byte, 9+a.random.IntN(300))
	for i := range noise {
		noise[i] = byte(a.random.Uint32())
	}
	noise[0] = 0xff // longer than any
	texts := []string{
		"GET / HTTP/1.1\r\nHost: hub\r\n\r\n" + strings.Repeat("x", 30), preface + settings + string(noise),
		preface + settings + frame(1, 4, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff"), preface + settings + frame(1, 4, 2, getBlock),
		preface + settings + frame(0, 1, 1, "data on a stream that is not"), preface + settings + frame(8, 0, 0, "\x00\x00\x00\x00"),
		preface + settings + frame(8, 0, 0, "\x7f\xff\xff\xff"), preface + settings + frame(9, 4, 1, "x"), preface + frame(6, 0, 0, "too short"),
		preface + settings + frame(1, 0, 1, getBlock) + strings.Repeat(frame(9, 0, 1, strings.Repeat("\x0f\x00\x00", 5000)), 40),
		preface + settings + frame(4, 0, 0, "\x00\x04\xff\xff\xff\xff"), preface + settings + frame(5, 4, 1, getBlock) + frame(2, 0, 0, "12345"),
	}
	text := texts[a.random.IntN(len(texts))]
	conn := a.http2()
	defer conn.Close()
	go func() { io.WriteString(conn, text) }()
	a.ends(conn, fmt.Sprintf("%.80q", text))
}

// floods are of what is right by itself: of requests that are taken back at once, of
// requests without their bodies, of questions and of settings.
func (a *attacker) floods() {
	text := preface + frame(4, 0, 0, "")
	stream := func(i int) uint32 { return uint32(2*i + 1) }
	switch a.random.IntN(4) {
	case 0:
		for i := range 400 {
			text += frame(1, 5, stream(i), getBlock) + frame(3, 0, stream(i), "\x00\x00\x00\x08")
		}
	case 1:
		for i := range 300 { // more than are taken at once
			text += frame(1, 4, stream(i), postBlock)
		}
	case 2:
		text += strings.Repeat(frame(6, 0, 0, "pingping"), 2000)
	default:
		text += strings.Repeat(frame(4, 0, 0, "\x00\x03\x00\x00\x00\x64"), 2000)
	}
	conn := a.http2()
	defer conn.Close()
	read := make(chan struct{})
	go func() { defer close(read); io.Copy(io.Discard, conn) }()
	io.WriteString(conn, text+frame(7, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"))
	conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	<-read
}
