package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/hubtest"
)

// target is a hubd that is attacked on all of its roads.
type target struct {
	http, https string // addresses
	fcgi        string // the path of a Unix socket
	data        string
	client      *hubtest.Client
	lounge      wire.Channel
}

// attacker makes requests of all kinds that nobody makes who means well.
type attacker struct {
	*testing.T
	*target
	random *rand.Rand
	round  int // how often all attacks were tried before
}

// attacks are what is tried, in turn. Each ends by itself, in ten seconds at most.
var attacks = []struct {
	name string
	try  func(*attacker)
}{
	{"a hostile request", (*attacker).hostileRequest}, {"a hostile request over FastCGI", (*attacker).hostileFastCGI},
	{"giant headers", (*attacker).giantHeaders}, {"pipelining", (*attacker).pipelining}, {"smuggling", (*attacker).smuggling},
	{"chunks", (*attacker).chunks}, {"odd targets", (*attacker).oddTargets}, {"hanging up", (*attacker).hangsUp},
	{"no TLS", (*attacker).noTLS}, {"half a handshake", (*attacker).halfHandshake}, {"odd TLS", (*attacker).oddTLS},
	{"bad frames of HTTP/2", (*attacker).badFrames}, {"floods of HTTP/2", (*attacker).floods},
	{"broken records", (*attacker).brokenRecords}, {"interleaved requests", (*attacker).interleaved},
	{"aborted requests", (*attacker).aborted}, {"odd parameters", (*attacker).oddParams}, {"a record cut short", (*attacker).cutShort},
}

// patienceOfTests is how long an attacker waits for hubd.
const patienceOfTests = 10 * time.Second

// attacked has eight attackers at it, so many turns together, while some clients do
// nothing but to be slow, and two people talk. It returns how long a line took them
// before and meanwhile.
func (x *target) attacked(t *testing.T, turns int) (quiet, meanwhile time.Duration) {
	t.Helper()
	said := &lines{target: x, T: t}
	quiet = said.say(nil, 40)
	slow := x.slowClients(t)
	var attackers sync.WaitGroup
	var turn atomic.Int64
	for i := range 8 {
		attackers.Go(func() {
			a := &attacker{T: t, target: x, random: rand.New(rand.NewPCG(uint64(i), 47))}
			for n := int(turn.Add(1)); n <= turns; n = int(turn.Add(1)) {
				a.round = n / len(attacks)
				attacks[n%len(attacks)].try(a)
			}
		})
	}
	over := make(chan struct{})
	go func() { attackers.Wait(); close(over) }()
	meanwhile = said.say(over, 10)
	slow()
	said.areThere()
	t.Logf("%d attacks; %d lines were said; a line took %s, and %s when all was quiet: %.1f times as long",
		turns, said.said, meanwhile, quiet, float64(meanwhile)/float64(quiet))
	return quiet, meanwhile
}

// slowClients keep connections open on each road, in the middle of something, until
// they are told to stop.
func (x *target) slowClients(t *testing.T) (stop func()) {
	t.Helper()
	over := make(chan struct{})
	var all sync.WaitGroup
	half := string(begin(1, responder, 0)) + string(about(1, "REQUEST_METHOD", "POST", "CONTENT_LENGTH", "1000"))
	for i := range 90 {
		network, address, text := "tcp", x.http, "GET / HTTP/1.1\r\nX: "
		switch i % 6 {
		case 1:
			text = aPost + "100000\r\n\r\n"
		case 2, 3:
			address = x.https
		case 4, 5:
			network, address, text = "unix", x.fcgi, half[:len(half)-i/2]
		}
		conn, err := net.DialTimeout(network, address, patienceOfTests)
		if err != nil {
			t.Fatal(err)
		}
		if i%6 == 3 {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		all.Go(func() {
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			conn.Write([]byte(text))
			for tick := time.NewTicker(50 * time.Millisecond); ; {
				select {
				case <-tick.C:
					if network == "tcp" {
						conn.Write([]byte("x"))
					}
				case <-over:
					tick.Stop()
					return
				}
			}
		})
	}
	return func() { close(over); all.Wait() }
}

// lines are what alice says to bob, who waits for each.
type lines struct {
	*testing.T
	*target
	said int
	head wire.FetchArgs
}

func lineOf(n int) string { return fmt.Sprintf("line %d %1000d", n, 0) }

// say says lines until over, at least so many, and returns how long each took on
// average, from its being said to its being read by who was waiting for it.
func (l *lines) say(over chan struct{}, least int) time.Duration {
	l.Helper()
	begun, first := time.Now(), l.said
	for {
		select {
		case <-over:
			over = nil
		default:
		}
		if over == nil && l.said-first >= least {
			return time.Since(begun) / time.Duration(l.said-first)
		}
		l.one()
	}
}

func (l *lines) one() {
	l.Helper()
	heard := make(chan error, 1)
	text := lineOf(l.said)
	go func() {
		var result wire.FetchResult
		args := l.head
		args.Limit, args.Wait = 10, wire.MaxWait.Milliseconds()
		err := l.client.Call(context.Background(), l.client.As(l.T, "bob").Sign(wire.OpFetch, l.lounge, args), &result)
		if err == nil && (len(result.Entries) != 1 || string(result.Entries[0].Bytes) != text) {
			err = fmt.Errorf("bob reads %d entries, retry %d", len(result.Entries), result.Retry)
		}
		heard <- err
	}()
	var put wire.PutResult
	err := l.client.Call(context.Background(), l.client.As(l.T, "alice").Sign(wire.OpPut, l.lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}), &put)
	if err := errors.Join(err, <-heard); err != nil {
		l.Fatalf("line %d: %v", l.said, err)
	}
	l.head = wire.FetchArgs{After: put.Position, ID: sha256.Sum256([]byte(text))}
	l.said++
}

// areThere wants all lines to be there, in their order.
func (l *lines) areThere() {
	l.Helper()
	args := wire.FetchArgs{Limit: 200}
	for i := 0; i < l.said; {
		result, err := l.client.As(l.T, "bob").Fetch(l.lounge, args)
		if err != nil || len(result.Entries) == 0 {
			l.Fatalf("%d of %d lines are there: %v", i, l.said, err)
		}
		for _, e := range result.Entries {
			if string(e.Bytes) != lineOf(i) {
				l.Fatalf("%.20q in the place of line %d", e.Bytes, i)
			}
			args.After, args.ID = e.Position, sha256.Sum256(e.Bytes)
			i++
		}
	}
}

// inhabit claims the hub, and opens the lounge for alice and bob.
func (x *target) inhabit(t *testing.T) {
	t.Helper()
	x.client = hubtest.NewClient(t, "http://"+x.http+"/")
	x.lounge = ownedBy(t, x.client, x.data)
	if err := x.client.As(t, "alice").Grant(x.lounge, "bob", "alice"); err != nil {
		t.Fatal(err)
	}
}

// keptLog is a log that is read when all is over.
type keptLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *keptLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// openFiles is how many files a process has open; 0 where that is not to be known.
func openFiles(t *testing.T, pid int) int {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // not on this system
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// Attacks by the thousand on hubd over real connections, HTTP, HTTPS with HTTP/2, and
// FastCGI: each is answered as it should be or hung up on; who talks meanwhile talks
// on, and nothing of it is lost; the log says nothing, and all that hubd has taken
// for it, it gives back.
func TestAttacksOnHubd(t *testing.T) {
	turns := 1500
	if testing.Short() {
		turns = 400
	}
	folder := shortFolder(t)
	s := settings{listen: "127.0.0.1:0", http: "127.0.0.1:0", fcgi: filepath.Join(folder, "fcgi"), selfSigned: true, data: filepath.Join(folder, "data")}
	roads, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	log := &keptLog{}
	b, err := s.behind(roads, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.serve(ctx, roads) }()
	x := &target{https: roads[0].Addr().String(), http: roads[1].Addr().String(), fcgi: s.fcgi, data: s.data}
	x.inhabit(t)
	(&lines{target: x, T: t, said: 0}).warm()
	before := taken(t)
	x.attacked(t, turns)
	after := taken(t)
	for end := time.Now().Add(20 * time.Second); !after.within(before) && time.Now().Before(end); after = taken(t) {
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("before: %s; after: %s", before, after)
	if !after.within(before) {
		t.Error("it does not give back what it took")
	}
	cancel()
	if err := errors.Join(<-ended, b.hub.Close()); err != nil {
		t.Error(err)
	}
	if text := log.text.String(); text != "" {
		t.Errorf("the log says %d bytes: %.1000q", len(text), text)
	}
}

// warm has the process grow to its usual size.
func (l *lines) warm() {
	l.Helper()
	for range 3 {
		if _, err := l.client.As(l.T, "bob").Fetch(l.lounge, wire.FetchArgs{}); err != nil {
			l.Fatal(err)
		}
	}
}

// takings are what a process has taken.
type takings struct {
	goroutines, files int
	heap              uint64
}

func taken(t *testing.T) takings {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return takings{runtime.NumGoroutine(), openFiles(t, os.Getpid()), m.HeapAlloc}
}

// within leaves some room: a database has more connections when it was used more.
func (a takings) within(b takings) bool {
	return a.goroutines <= b.goroutines+8 && a.files <= b.files+8 && a.heap <= b.heap+8<<20
}

func (a takings) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d kB", a.goroutines, a.files, a.heap>>10)
}

// shortFolder is a folder in which a socket's path is short.
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "hubd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// The same against the program itself: its memory stays small, its files are closed,
// and it ends in order.
func TestAttacksOnTheProgram(t *testing.T) {
	turns := 1200
	if testing.Short() {
		turns = 200
	}
	folder := shortFolder(t)
	x := &target{fcgi: filepath.Join(folder, "fcgi"), data: filepath.Join(folder, "data")}
	x.http, x.https = freePort(t), freePort(t)
	d := startHubd(t, "-listen", x.https, "-http", x.http, "-fcgi", x.fcgi, "-tls-self-signed", "-data", x.data)
	awaitPort(t, x.http)
	x.inhabit(t)
	before, files := resident(t, d.Process.Pid), openFiles(t, d.Process.Pid)
	x.attacked(t, turns)
	after := openFiles(t, d.Process.Pid)
	for end := time.Now().Add(20 * time.Second); after > files+8 && time.Now().Before(end); after = openFiles(t, d.Process.Pid) {
		time.Sleep(50 * time.Millisecond)
	}
	now := resident(t, d.Process.Pid)
	t.Logf("files: %d, then %d; memory: %s, then %s, at most %s", files, after, before["VmRSS"], now["VmRSS"], now["VmHWM"])
	if after > files+8 {
		t.Errorf("%d files are open, and %d were", after, files)
	}
	d.Process.Signal(syscall.SIGTERM)
	if err := d.wait(); err != nil {
		t.Error(err)
	}
}

// resident is what Linux says of a process's memory.
func resident(t *testing.T, pid int) map[string]string {
	all := make(map[string]string)
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		all[name] = strings.TrimSpace(value)
	}
	return all
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// awaitPort waits until somebody listens there.
func awaitPort(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatal("nobody listens at", address)
}
