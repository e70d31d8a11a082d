package hubtest

import (
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// Running is a hub that was started for a test. It ends with the test, and so
// does everything that was started for it.
type Running struct {
	URL      string // the hub's
	Data     string // its data folder
	Web      string // the folder that a web server serves it from; "" if there is none
	Base     string // the URL of Web, ending in "/"
	ErrorLog string // a file with what the web server and the hub complain of; "" if there is none
}

// Claim is the hub's owner key, as its owner reads it.
func (r *Running) Claim(t testing.TB) wire.AccountKey {
	t.Helper()
	key, ok, err := hub.ReadClaim(r.Data)
	if err != nil || !ok {
		t.Fatalf("no owner key in %s: %v", r.Data, err)
	}
	return key
}

// StartHandler serves a hub from within the test's process.
func StartHandler(t testing.TB) *Running {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	h, err := hub.Open(hub.Config{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(web.Handler(h))
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Running{URL: server.URL + "/", Data: data}
}

// StartProcesses serves hub.cgi, a process for each request, without a web
// server of any make.
func StartProcesses(t testing.TB) *Running {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "hub.cgi")
	install(t, Build(t, "hub/cgi"), program)
	server := httptest.NewServer(&cgi.Handler{Path: program, Dir: folder, Root: "/hub.cgi", Stderr: os.Stderr})
	t.Cleanup(server.Close)
	r := &Running{URL: server.URL + "/hub.cgi", Web: folder, Base: server.URL + "/"}
	r.firstVisit(t)
	r.Web, r.Base = "", "" // it hands out nothing
	return r
}

// firstVisit opens the hub's page, as its owner does, and finds the data
// folder that this makes: beside the program, or above, where the web does not
// reach.
func (r *Running) firstVisit(t testing.TB) {
	t.Helper()
	status, page, err := readHTTP(httpClient.Get(r.URL))
	// Apache listens before the daemon is there that starts its programs.
	for end := time.Now().Add(startWait); status == 503 && time.Now().Before(end); status, page, err = readHTTP(httpClient.Get(r.URL)) {
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil || status != 200 {
		t.Fatalf("the page: status %d, %v\n%s%s", status, err, page, r.complaints())
	}
	if r.Data != "" {
		return
	}
	var all []string
	for folder := r.Web; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		found, _ := filepath.Glob(filepath.Join(folder, "hub-data-*"))
		all = append(all, found...)
	}
	who := NewClient(t, r.URL).Hub.Fingerprint()
	for _, folder := range all {
		if key, ok, err := hub.ReadClaim(folder); ok && err == nil && key.Fingerprint == who {
			r.Data = folder
			t.Cleanup(func() { os.RemoveAll(folder) }) // the home of a real user may be around it
			return
		}
	}
	t.Fatalf("none of the data folders %q is the hub's\n%s", all, page)
}

// startWait is how long a web server may take to be able to start programs.
const startWait = 10 * time.Second

// complaints are what the log said last, for messages.
func (r *Running) complaints() string {
	text, _ := os.ReadFile(r.ErrorLog)
	return string(text[max(0, len(text)-1500):])
}

// StartHubd starts hubd over HTTP.
func StartHubd(t testing.TB) *Running {
	t.Helper()
	address, data := startHubd(t, "-listen")
	return hubd("http://"+address+"/", data)
}

// hubd is one at a URL.
func hubd(url, data string) *Running {
	return &Running{URL: url, Data: data, Web: filepath.Dir(data), Base: url}
}

// StartHubdAt starts hubd over HTTP, or HTTPS.
func StartHubdAt(t testing.TB, setup Setup) *Running {
	t.Helper()
	if !setup.HTTPS {
		return StartHubd(t)
	}
	cert, key := writeCertificate(t, t.TempDir())
	address, data := startHubd(t, "-listen", "-tls-cert", cert, "-tls-key", key)
	return hubd("https://"+address+"/", data)
}

// startHubd starts hubd on a free address, which flag gives it, and with a data
// folder of its own.
func startHubd(t testing.TB, flag string, more ...string) (address, data string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	start(t, func() *exec.Cmd {
		address = freeAddress(t)
		return exec.Command(Build(t, "hub/serve"), append([]string{flag, address, "-data", data}, more...)...)
	}, func() string { return address })
	return address, data
}

// built are the programs that this test program has built.
var built sync.Map // by package: path

// building is held while a program is built: tests that run at the same time
// share it.
var building sync.Mutex

// Build builds the program of a package of this module, as docs/hub.md says,
// and returns its path.
func Build(t testing.TB, name string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	if program, ok := built.Load(name); ok {
		return program.(string)
	}
	root := moduleRoot(t)
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("hubbub-test-%d", os.Getuid()))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	// Another checkout's programs are others.
	program := filepath.Join(folder, fmt.Sprintf("%s-%08x", strings.ReplaceAll(name, "/", "-"), crc32.ChecksumIEEE([]byte(root))))
	// Several test programs may build at once: each into a file of its own.
	temp := fmt.Sprintf("%s-%d", program, os.Getpid())
	defer os.Remove(temp)
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", temp, "./"+name)
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, out)
	}
	if err := os.Rename(temp, program); err != nil {
		t.Fatal(err)
	}
	built.Store(name, program)
	return program
}

// moduleRoot is the folder of go.mod.
func moduleRoot(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(folder, "go.mod")); statErr == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			err = errors.New("no go.mod above")
		}
		folder = filepath.Dir(folder)
	}
	t.Fatal("finding the module:", err)
	return ""
}

// install copies a program to where it is run from.
func install(t testing.TB, from, to string) {
	t.Helper()
	program, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// freeAddress is a TCP address on loopback that nobody listens on now.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts a server and waits until it answers at its address. If it ends
// before, as when somebody else has taken the address meanwhile, it is started
// again, a few times. It is stopped with the test, by SIGTERM.
func start(t testing.TB, command func() *exec.Cmd, address func() string) {
	t.Helper()
	for attempt := 0; ; attempt++ {
		c := command()
		if c.Stderr == nil {
			c.Stderr = os.Stderr
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		err := answers(address(), ended)
		if err == nil {
			t.Cleanup(func() { stop(t, c, ended) })
			return
		}
		if attempt == 3 {
			t.Fatalf("starting %s: %v", c.Path, err)
		}
	}
}

// answers waits until somebody listens at address, for a minute at most.
func answers(address string, ended chan error) error {
	over := time.After(time.Minute)
	for {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("it has ended: %w", err)
		case <-over:
			return errors.New("it does not listen")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// stop ends a server that start has started.
func stop(t testing.TB, c *exec.Cmd, ended chan error) {
	t.Helper()
	c.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not end", c.Path)
		c.Process.Kill()
		<-ended
	}
}

// need skips the test if a file is missing that a Debian package has; in CI,
// where all of them are installed, it fails.
func need(t testing.TB, file, debian string) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		return
	}
	if inCI() {
		t.Fatalf("%s is missing: apt-get install %s", file, debian)
	}
	t.Skipf("%s is missing: apt-get install %s", file, debian)
}

func inCI() bool { return os.Getenv("CI") == "true" }
