package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// keepingClient speaks to a hub as gateways do, over connections that it keeps.
type keepingClient struct {
	*hubtest.Client
	url  string
	http *http.Client
}

func newKeepingClient(t *testing.T, url string) *keepingClient {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &keepingClient{hubtest.NewClient(t, url), url, &http.Client{Transport: transport}}
}

// call makes a call. An error that is no refusal says that it was not answered.
func (c *keepingClient) call(call wire.SignedCall, value any) error {
	request, exchange, err := c.Seal(call)
	if err != nil {
		return err
	}
	answer, err := c.http.Post(c.url, wire.ContentType, bytes.NewReader(request))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != wire.StatusSealed {
		return fmt.Errorf("status %d: %s", answer.StatusCode, body)
	}
	response, err := exchange.OpenResponse(body)
	if err != nil {
		return err
	}
	return hubtest.Read(response.Results[0], value)
}

// ownedBy claims the hub in data and opens a channel for alice.
func ownedBy(t *testing.T, client *hubtest.Client, data string) wire.Channel {
	t.Helper()
	key, ok, err := hub.ReadClaim(data)
	if err != nil || !ok {
		t.Fatal("no claim.txt:", err)
	}
	if _, err := client.As(t, "owner").Claim(key); err != nil {
		t.Fatal(err)
	}
	lounge := wire.Channel{1}
	if err := client.As(t, "owner").Open(lounge, "alice"); err != nil {
		t.Fatal(err)
	}
	return lounge
}

// Told to stop while 50 wait and 8 write without end, hubd answers all who wait,
// and every answer to who writes holds: what was stored is there afterwards. The
// first that nobody hears is a connection that is refused.
func TestDrain(t *testing.T) {
	const held, writers = 50, 8
	data := filepath.Join(t.TempDir(), "data")
	d := startHubd(t, "-listen", "127.0.0.1:0", "-data", data)
	client := newKeepingClient(t, "http://"+d.address+"/")
	lounge := ownedBy(t, client.Client, data)
	alice := client.As(t, "alice")
	side := wire.Channel{2} // where nothing happens
	if err := client.As(t, "owner").Open(side, "alice"); err != nil {
		t.Fatal(err)
	}

	var waiting, writing sync.WaitGroup
	for range held {
		waiting.Go(func() {
			call := alice.Sign(wire.OpFetch, side, wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()})
			if err := client.call(call, new(wire.FetchResult)); err != nil {
				t.Errorf("who waited got %v", err)
			}
		})
	}
	untilExists(t, filepath.Join(data, "held", fmt.Sprint(held-1)))
	stored := make([][]wire.PutResult, writers)
	var broken atomic.Int32
	var at sync.WaitGroup // until all writers are at it
	at.Add(writers)
	for i := range writers {
		writing.Go(func() {
			begun := sync.OnceFunc(at.Done)
			defer begun()
			for n := 0; ; n++ {
				var result wire.PutResult
				err := client.call(alice.Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: entryOf(i, n)}), &result)
				if errors.Is(err, syscall.ECONNREFUSED) {
					return
				}
				if err != nil {
					t.Logf("writer %d got %v", i, err)
					broken.Add(1)
					return
				}
				if stored[i] = append(stored[i], result); n == 4 {
					begun()
				}
			}
		})
	}
	at.Wait()
	begin := time.Now()
	d.Process.Signal(syscall.SIGTERM)
	waiting.Wait()
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("who waited was answered after %s", took)
	}
	writing.Wait()
	// A request that crosses the end of its connection on the way cannot be
	// answered: it is rare, where the machine has other things to do.
	if n := broken.Load(); n > 1 {
		t.Errorf("%d writers saw a connection break", n)
	}
	if err := d.wait(); err != nil || time.Since(begin) > grace {
		t.Errorf("hubd ended with %v after %s", err, time.Since(begin))
	}
	allThere(t, data, lounge, stored)
}

// entryOf is what a writer puts as its nth.
func entryOf(writer, n int) []byte {
	return append(make([]byte, 1000), fmt.Sprintf("\x01%10d\x01%12d", writer, n)...)
}

// allThere looks in data, with another hub, for what was stored.
func allThere(t *testing.T, data string, channel wire.Channel, stored [][]wire.PutResult) {
	t.Helper()
	h, err := hub.Open(hub.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	there := make(map[int64]string)
	args := wire.FetchArgs{Limit: 100}
	for more := true; more; {
		var result wire.FetchResult
		client := hubtest.NewDirectClient(t, h)
		if err := client.Call(context.Background(), client.As(t, "alice").Sign(wire.OpFetch, channel, args), &result); err != nil {
			t.Fatal(err)
		}
		for _, e := range result.Entries {
			there[e.Position] = string(e.Bytes)
			args.After, args.ID = e.Position, sha256.Sum256(e.Bytes)
		}
		more = result.More
	}
	count := 0
	for i, results := range stored {
		if len(results) == 0 {
			t.Errorf("writer %d never came through", i)
		}
		for n, r := range results {
			if count++; there[r.Position] != string(entryOf(i, n)) {
				t.Errorf("writer %d was told that its entry %d is at %d, where there is another", i, n, r.Position)
			}
		}
	}
	t.Logf("%d entries were answered, %d are there", count, len(there))
}

// A second signal ends hubd at once.
func TestSecondSignal(t *testing.T) {
	systemd := listenNotify(t)
	command := exec.Command(hubtest.Build(t, "hub/serve"), "-listen", "127.0.0.1:0", "-data", filepath.Join(t.TempDir(), "data"))
	command.Env = append(os.Environ(), "NOTIFY_SOCKET="+systemd.LocalAddr().String())
	d := launch(t, command)
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
	if n, err := conn.Read(make([]byte, 100)); err != nil || n == 0 { // 100 Continue: it has begun
		t.Fatal(err)
	}
	expectNotify(t, systemd, "READY=1")
	d.Process.Signal(syscall.SIGTERM)
	expectNotify(t, systemd, "STOPPING=1")
	begin := time.Now()
	// The first may not have been let go of yet.
	for d.ProcessState == nil && time.Since(begin) < 5*time.Second {
		d.Process.Signal(syscall.SIGTERM)
		select {
		case <-d.log:
			err := d.wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
				t.Errorf("it ended with %v", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("it does not end")
}

// listenNotify listens as systemd does for sd_notify.
func listenNotify(t *testing.T) *net.UnixConn {
	t.Helper()
	folder, err := os.MkdirTemp("", "hubd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(folder, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// expectNotify reads what hubd tells systemd next.
func expectNotify(t *testing.T, conn *net.UnixConn, want string) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 1000)
	n, err := conn.Read(b)
	if err != nil || strings.TrimSpace(string(b[:n])) != want {
		t.Fatalf("systemd is told %q, %v, not %q", b[:n], err, want)
	}
}

// Over FastCGI, too, who waits is answered, on connections that are kept and
// others, and those at rest end.
func TestDrainFastCGI(t *testing.T) {
	const held = 20
	folder, err := os.MkdirTemp("", "hubd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	data, socket := filepath.Join(folder, "data"), filepath.Join(folder, "fcgi")
	d := startHubd(t, "-listen", "127.0.0.1:0", "-fcgi", socket, "-data", data)
	client := hubtest.NewClient(t, "http://"+d.address+"/")
	lounge := ownedBy(t, client, data)
	resting := dialFastCGI(t, "unix", socket)
	fcgiKeys(t, resting)
	answered := make([]func() error, held)
	for i := range held {
		request, exchange, err := client.Seal(client.As(t, "alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()}))
		if err != nil {
			t.Fatal(err)
		}
		w := dialFastCGI(t, "unix", socket)
		w.send(begin(1, responder, byte(i%2)), about(1, "REQUEST_METHOD", "POST", "CONTENT_TYPE", wire.ContentType,
			"CONTENT_LENGTH", fmt.Sprint(len(request))), chunks(stdin, 1, request), appendRecord(nil, stdin, 1, nil))
		answered[i] = func() error {
			text, _ := w.answer(1)
			_, body, _ := strings.Cut(text, "\r\n\r\n")
			response, err := exchange.OpenResponse([]byte(body))
			if err != nil {
				return fmt.Errorf("%.60q: %w", text, err)
			}
			w.closed()
			return hubtest.Read(response.Results[0], new(wire.FetchResult))
		}
	}
	untilExists(t, filepath.Join(data, "held", fmt.Sprint(held-1)))
	begin := time.Now()
	d.Process.Signal(syscall.SIGTERM)
	for i, answer := range answered {
		if err := answer(); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	resting.closed()
	if err := d.wait(); err != nil || time.Since(begin) > grace {
		t.Errorf("hubd ended with %v after %s", err, time.Since(begin))
	}
}
