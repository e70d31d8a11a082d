package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// The programs that hub.cgi is measured beside: the least that Go's own
// net/http/cgi can do, and the least that can be done.
const (
	helloProgram = `package main

import (
	"io"
	"net/http"
	"net/http/cgi"
)

func main() {
	cgi.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write([]byte("hello\n"))
	}))
}
`
	bareProgram = `package main

import (
	"io"
	"os"
)

func main() {
	io.Copy(io.Discard, os.Stdin)
	os.Stdout.WriteString("Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n")
}
`
)

// stage is hub.cgi in a folder, with the lounge open for alice.
type stage struct {
	testing.TB
	program string
	client  *hubtest.Client
	lounge  wire.Channel
	head    wire.FetchArgs
	texts   int
}

func newStage(b testing.TB) *stage {
	b.Helper()
	running := hubtest.StartProcesses(b)
	s := &stage{TB: b, program: filepath.Join(filepath.Dir(running.Data), "hub.cgi"),
		client: hubtest.NewClient(b, running.URL), lounge: wire.Channel{1}}
	if _, err := s.client.As(b, "owner").Claim(running.Claim(b)); err != nil {
		b.Fatal(err)
	}
	if err := s.client.As(b, "owner").Open(s.lounge, "alice"); err != nil {
		b.Fatal(err)
	}
	return s
}

// put makes a request of n texts of a kilobyte, which is what an envelope is.
func (s *stage) put(n int) []byte {
	var calls []wire.SignedCall
	for range n {
		s.texts++
		text := fmt.Appendf(make([]byte, 0, 1024), "%-1024d", s.texts)
		calls = append(calls, s.client.As(s, "alice").Sign(wire.OpPut, s.lounge, wire.PutArgs{Class: wire.ClassText, Entry: text}))
	}
	return s.seal(calls...)
}

// fetch makes a request for the newest text, which is put first.
func (s *stage) fetch() []byte {
	if s.head.After == 0 {
		old, err := s.client.As(s, "alice").Put(s.lounge, "old")
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.client.As(s, "alice").Put(s.lounge, fmt.Sprintf("%-1024s", "new")); err != nil {
			s.Fatal(err)
		}
		s.head = wire.FetchArgs{After: old.Position, ID: entryID([]byte("old")), Limit: 100}
	}
	return s.seal(s.client.As(s, "alice").Sign(wire.OpFetch, s.lounge, s.head))
}

func (s *stage) seal(calls ...wire.SignedCall) []byte {
	request, _, err := s.client.Seal(calls...)
	if err != nil {
		s.Fatal(err)
	}
	return request
}

// cost is what runs of a program took: time on the wall, and of processors,
// which other work on the machine hardly changes.
type cost struct{ wall, cpu time.Duration }

// run runs a CGI program once.
func (sum *cost) run(b testing.TB, program, method, query string, body []byte) {
	c := exec.Command(program)
	c.Env = []string{"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_METHOD=" + method,
		"QUERY_STRING=" + query, "SCRIPT_NAME=/hub.cgi", "SERVER_NAME=localhost", "SERVER_PORT=80", "HTTP_HOST=localhost"}
	if body != nil {
		c.Env = append(c.Env, "CONTENT_TYPE="+wire.ContentType, fmt.Sprint("CONTENT_LENGTH=", len(body)))
	}
	c.Stdin = bytes.NewReader(body)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, os.Stderr
	begin := time.Now()
	err := c.Run()
	sum.wall += time.Since(begin)
	if err != nil || !bytes.HasPrefix(out.Bytes(), []byte("Status: 200 ")) {
		b.Fatalf("%s: %v, %.200s", program, err, out.Bytes())
	}
	sum.cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}

// BenchmarkCGI measures whole processes, from their start to their end, each
// beside an empty Go CGI program of the same moment: the machine's moods are in
// both. "held" is with another process that waits, and so holds the WAL open.
func BenchmarkCGI(b *testing.B) {
	s := newStage(b)
	hello, bare := compile(b, "hello", helloProgram), compile(b, "bare", bareProgram)
	info, err := os.Stat(s.program)
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name    string
		request func() []byte
		held    bool
	}{
		{"keys", nil, false},
		{"fetch", s.fetch, false},
		{"put", func() []byte { return s.put(1) }, false},
		{"put64", func() []byte { return s.put(64) }, false},
		{"fetch/held", s.fetch, true},
		{"put/held", func() []byte { return s.put(1) }, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			if bench.held {
				s.hold(b)
			}
			var mine, hellos, bares cost
			for b.Loop() {
				if bench.request == nil {
					mine.run(b, s.program, "GET", wire.KeysQuery, nil)
				} else {
					mine.run(b, s.program, "POST", "", bench.request())
				}
				hellos.run(b, hello, "GET", "", nil)
				bares.run(b, bare, "GET", "", nil)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(mine.wall.Microseconds())/1000/float64(b.N), "ms/request")
			b.ReportMetric(float64(mine.wall)/float64(hellos.wall), "×hello")
			b.ReportMetric(float64(mine.wall)/float64(bares.wall), "×bare")
			b.ReportMetric(float64(mine.cpu)/float64(hellos.cpu), "cpu×hello")
			b.ReportMetric(float64(mine.cpu)/float64(bares.cpu), "cpu×bare")
			b.ReportMetric(float64(info.Size())/1e6, "MB-hub.cgi")
		})
	}
}

// BenchmarkWake measures from the start of a put's process to the answer of a
// fetch that waits in another.
func BenchmarkWake(b *testing.B) {
	s := newStage(b)
	s.fetch()
	last, err := s.client.As(b, "alice").Fetch(s.lounge, s.head)
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		newest := last.Entries[len(last.Entries)-1]
		waiting := s.seal(s.client.As(b, "alice").Sign(wire.OpFetch, s.lounge,
			wire.FetchArgs{After: newest.Position, ID: entryID(newest.Bytes), Limit: 100, Wait: 20_000}))
		c := command(s.program, waiting)
		if err := c.Start(); err != nil {
			b.Fatal(err)
		}
		s.untilHeld()
		time.Sleep(20 * time.Millisecond) // until it listens
		put := command(s.program, s.put(1))
		begin := time.Now()
		if err := put.Start(); err != nil {
			b.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
		if err := put.Wait(); err != nil {
			b.Fatal(err)
		}
		s.head.After, s.head.ID = newest.Position, entryID(newest.Bytes)
		if last, err = s.client.As(b, "alice").Fetch(s.lounge, s.head); err != nil || len(last.Entries) != 1 {
			b.Fatal(len(last.Entries), err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

// hold opens the database as a process that waits does, until b is over.
func (s *stage) hold(b *testing.B) {
	config, err := hub.Load(filepath.Dir(s.program))
	if err != nil {
		b.Fatal(err)
	}
	h, err := hub.Open(config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close() })
	if _, err := hubtest.NewDirectClient(b, h).As(b, "alice").Status(s.lounge); err != nil {
		b.Fatal(err)
	}
}

// compile builds a program of one file as hub.cgi is built.
func compile(b *testing.B, name, source string) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), name+".go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		b.Fatal(err)
	}
	program := filepath.Join(b.TempDir(), name)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, file)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return program
}

// entryID is the id of an entry.
func entryID(entry []byte) wire.EntryID { return sha256.Sum256(entry) }
