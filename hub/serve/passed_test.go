package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// sockets are listening sockets that a test passes, as systemd does.
type sockets struct {
	files     []*os.File
	names     []string
	addresses []string
}

func (s *sockets) add(t *testing.T, name string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	s.addresses = append(s.addresses, listener.Addr().String())
	listener.Close()
	t.Cleanup(func() { file.Close() })
	s.files, s.names = append(s.files, file), append(s.names, name)
}

// command starts hubd with the sockets, which are its process's and no other's.
func (s *sockets) command(t *testing.T, notify string, flags ...string) *exec.Cmd {
	command := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh", hubtest.Build(t, "hub/serve")}, flags...)...)
	command.ExtraFiles = s.files
	command.Env = append(os.Environ(), "LISTEN_FDS="+string(rune('0'+len(s.files))), "LISTEN_FDNAMES="+strings.Join(s.names, ":"), "NOTIFY_SOCKET="+notify)
	return command
}

// insecure takes any certificate, as gateways do.
func insecure(t *testing.T) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// keysOf gets a hub's keys by a client.
func keysOf(t *testing.T, client *http.Client, url string) wire.HubKeys {
	t.Helper()
	response, err := client.Get(url + "?" + wire.KeysQuery)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := wire.OpenHubKeys(body)
	if err != nil {
		t.Fatalf("%s: status %d, %v", url, response.StatusCode, err)
	}
	return keys
}

// fcgiKeys gets a hub's keys over FastCGI.
func fcgiKeys(t *testing.T, w *webServer) wire.HubKeys {
	t.Helper()
	w.ask(1, wire.KeysQuery, nil)
	text, _ := w.answer(1)
	_, body, _ := strings.Cut(text, "\r\n\r\n")
	keys, err := wire.OpenHubKeys([]byte(body))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return keys
}

// hubd serves the sockets that systemd passes, each as it is named, tells when
// it is ready and when it stops, and whoever connects in between is served by
// the next one.
func TestSystemd(t *testing.T) {
	systemd := listenNotify(t)
	notify := systemd.LocalAddr().String()
	data := filepath.Join(t.TempDir(), "data")
	var s sockets
	for _, name := range []string{"http", "https", "fcgi", "hubd.socket"} {
		s.add(t, name)
	}
	first := launch(t, s.command(t, notify, "-tls-self-signed", "-data", data))
	expectNotify(t, systemd, "READY=1")
	client := insecure(t)
	one := keysOf(t, client, "http://"+s.addresses[0]+"/").Fingerprint()
	for _, url := range []string{"https://" + s.addresses[1] + "/", "https://" + s.addresses[3] + "/any/path"} {
		if keysOf(t, client, url).Fingerprint() != one {
			t.Errorf("%s is another hub", url)
		}
	}
	if fcgiKeys(t, dialFastCGI(t, "tcp", s.addresses[2])).Fingerprint() != one {
		t.Error("over FastCGI it is another hub")
	}
	first.Process.Signal(syscall.SIGTERM)
	expectNotify(t, systemd, "STOPPING=1")
	if err := first.wait(); err != nil {
		t.Error(err)
	}
	between, err := net.Dial("tcp", s.addresses[0])
	if err != nil {
		t.Fatal(err)
	}
	defer between.Close()
	io.WriteString(between, "GET / HTTP/1.0\r\n\r\n")
	second := launch(t, s.command(t, notify, "-tls-self-signed", "-data", data))
	if answer, err := io.ReadAll(between); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.0 200 ") {
		t.Errorf("who came in between got %.100q, %v", answer, err)
	}
	second.Process.Signal(os.Interrupt)
	if err := second.wait(); err != nil {
		t.Error(err)
	}
}

// Sockets that make no sense are refused, and those of another process ignored.
func TestWrongSockets(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	var https, file, none sockets
	https.add(t, "https")
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	file.files, file.names = []*os.File{plain}, []string{"http"}
	none.add(t, "http")
	ofAnother := none.command(t, "", "-data", data)
	ofAnother.Args[2] = `LISTEN_PID=1 exec "$@"`
	for want, command := range map[string]*exec.Cmd{
		"the socket named https needs a certificate": https.command(t, "", "-data", data),
		"it is no socket":      file.command(t, "", "-data", data),
		"nothing to listen on": ofAnother,
	} {
		out, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, %s, not %q", err, out, want)
		}
	}
}

// Without arguments hubd takes the socket that a web server has started it with,
// as mod_fcgid does: it finds its data folder as hub.cgi does, and says that
// requests are to be smaller. A web server ends it by SIGTERM or SIGUSR1.
func TestStandardInput(t *testing.T) {
	folder, err := os.MkdirTemp("", "hubd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	program := filepath.Join(folder, "hub.fcgi")
	text, err := os.ReadFile(hubtest.Build(t, "hub/serve"))
	if err == nil {
		err = os.WriteFile(program, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, signal := range endings[1:] {
		socket := filepath.Join(folder, signal.String()[:4])
		listener, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		listener.(*net.UnixListener).SetUnlinkOnClose(false)
		file, err := listener.(*net.UnixListener).File()
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		command := exec.Command(program)
		command.Stdin = file
		d := launch(t, command)
		file.Close()
		keys := fcgiKeys(t, dialFastCGI(t, "unix", socket))
		if want := int64(fcgidRequest); i == 0 && keys.Limits["request"] != want || i > 0 && keys.Limits["request"] != 200<<10 {
			t.Errorf("%s: limits %v", signal, keys.Limits)
		}
		config, err := hub.Load(folder)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := hub.ReadClaim(config.Data); !ok || err != nil {
			t.Errorf("no claim.txt in %q: %v", config.Data, err)
		}
		d.Process.Signal(signal)
		if err := d.wait(); err != nil {
			t.Errorf("%s: %v", signal, err)
		}
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			t.Errorf("%s: somebody still listens", signal)
		}
		// hub.conf has the last word.
		if err := os.WriteFile(filepath.Join(folder, hub.ConfigName), []byte("request_kib = 200\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A connection in the place of a socket that listens is no way to serve.
func TestConnectionAsInput(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	command := exec.Command(hubtest.Build(t, "hub/serve"), "-data", filepath.Join(t.TempDir(), "data"))
	command.Stdin = file
	if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "nothing to listen on") {
		t.Errorf("%v, %s", err, out)
	}
}
