//go:build linux

package e2e

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

var built struct {
	sync.Once
	dir string
	err error
}

// gatewayBinary builds the gateway once a run, with the clock that tests may set.
func gatewayBinary(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "hubbub-e2e"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-tags", "testclock", "-o", filepath.Join(built.dir, "gateway"), "./gateway")
		cmd.Dir = repository
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%v: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal("building the gateway: ", built.err)
	}
	return filepath.Join(built.dir, "gateway")
}

// atOnce is how many tests run at a time: they wait more than they compute.
const atOnce = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", atOnce)
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// repository is the top of the checkout, seen from this folder.
const repository = "../.."

// gateway is a gateway process that can be killed and started again.
type gateway struct {
	t    testing.TB
	name string
	argv []string
	env  []string
	Home string // its user's home
	Data string // its data folder

	on    *machine // where it runs; nil: here
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	mu    sync.Mutex
	out   strings.Builder // what it wrote to its terminal since it was started
}

// option changes how a gateway is started.
type option func(*gateway)

// clockOff starts it with a clock that is wrong by a duration like "-20m".
func clockOff(by string) option {
	return func(g *gateway) { g.env = append(g.env, "HUBBUB_TEST_CLOCK="+by) }
}

// arguments adds command line arguments.
func arguments(args ...string) option { return func(g *gateway) { g.argv = append(g.argv, args...) } }

// configured gives it a configuration file.
func configured(text string) option {
	return func(g *gateway) {
		file := filepath.Join(g.Home, "config.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			g.t.Fatal(err)
		}
		g.argv = append(g.argv, "-config", file)
	}
}

// at starts it on another machine.
func at(m *machine) option {
	return func(g *gateway) { g.on, g.argv = m, m.Command(g.argv...) }
}

// Client attaches a scripted client to the gateway.
func (g *gateway) Client(nick string, caps ...string) *talker {
	g.t.Helper()
	if g.on == nil {
		return dialTalker(g.t, g.Addr(), nick, caps...)
	}
	conn, err := g.on.Dial(g.Addr())
	if err != nil {
		g.t.Fatal(err)
	}
	k, err := register(g.t, conn, nick, caps...)
	if err != nil {
		g.t.Fatal(err)
	}
	return k
}

// startGateway starts the built gateway with a data folder and a port of its own.
func startGateway(t testing.TB, name string, options ...option) *gateway {
	t.Helper()
	home := t.TempDir()
	data := filepath.Join(home, "data")
	g := &gateway{t: t, name: name, Home: home, Data: data,
		argv: []string{gatewayBinary(t), "-data", data, "-listen", "127.0.0.1:" + strconv.Itoa(freePort(t))}}
	return g.begin(options)
}

// startPlain starts a gateway as a new user does: a command, and no configuration.
func startPlain(t testing.TB, name string, argv ...string) *gateway {
	t.Helper()
	home := t.TempDir()
	g := &gateway{t: t, name: name, Home: home, Data: filepath.Join(home, ".local/share/hubbub"), argv: argv}
	return g.begin(nil)
}

func (g *gateway) begin(options []option) *gateway {
	g.t.Helper()
	for _, o := range options {
		o(g)
	}
	g.t.Cleanup(func() {
		g.Kill()
		if g.t.Failed() {
			g.t.Logf("the terminal of %s's gateway:\n%s", g.name, g.Output())
		}
	})
	g.Start()
	return g
}

// Start starts the process and waits until it listens.
func (g *gateway) Start() {
	g.t.Helper()
	g.mu.Lock()
	g.out.Reset()
	g.mu.Unlock()
	cmd := exec.Command(g.argv[0], g.argv[1:]...)
	cmd.Dir = repository
	cmd.Env = append(buildEnv(), "HOME="+g.Home, "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.Env = append(cmd.Env, g.env...)
	// A group of its own: `go run` has a child, which is to end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	ended := make(chan struct{})
	g.cmd, g.ended = cmd, ended
	go g.read(r)
	go func() { cmd.Wait(); w.Close(); close(ended) }()
	await(g.t, g.name+"'s gateway to say how to connect", func() bool {
		select {
		case <-ended:
			g.t.Fatalf("%s's gateway ended: %v\n%s", g.name, cmd.ProcessState, g.Output())
		default:
		}
		return g.listens()
	}, g.Output)
}

func (g *gateway) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		g.mu.Lock()
		g.out.WriteString(lines.Text() + "\n")
		g.mu.Unlock()
	}
}

// Output is what the gateway wrote to its terminal.
func (g *gateway) Output() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.out.String()
}

var address = regexp.MustCompile(`/connect .*127\.0\.0\.1 (\d+)`)

func (g *gateway) listens() bool {
	return strings.Contains(g.Output(), "Ctrl-C") && address.MatchString(g.Output())
}

// Addr is where the gateway says that it listens for IRC.
func (g *gateway) Addr() string {
	m := address.FindStringSubmatch(g.Output())
	if m == nil {
		g.t.Fatalf("no address in the terminal of %s's gateway:\n%s", g.name, g.Output())
	}
	return net.JoinHostPort("127.0.0.1", m[1])
}

// Commands are what the gateway's terminal tells the user of a client to type.
func (g *gateway) Commands(client string) []string {
	g.t.Helper()
	var commands []string
	heading := ""
	for line := range strings.Lines(g.Output()) {
		lower := strings.ToLower(line)
		for _, name := range []string{"irssi", "weechat"} {
			if strings.Contains(lower, name) {
				heading = name
			}
		}
		if i := strings.Index(line, "/"); heading == client && i >= 0 && isCommand.MatchString(line[i:]) {
			commands = append(commands, strings.TrimSpace(line[i:]))
		}
	}
	if len(commands) == 0 {
		g.t.Fatalf("the terminal names no command for %s:\n%s", client, g.Output())
	}
	return commands
}

var isCommand = regexp.MustCompile(`^/(connect|server) `)

// PID is the process id.
func (g *gateway) PID() int { return g.cmd.Process.Pid }

// Kill ends the process as a power cut would.
func (g *gateway) Kill() {
	if g.cmd == nil {
		return
	}
	syscall.Kill(-g.PID(), syscall.SIGKILL)
	<-g.ended // only then are its locks gone for sure
	g.cmd = nil
}

// Resident is the memory that the process holds, in bytes.
func (g *gateway) Resident() int64 {
	g.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.PID()))
	if err != nil {
		g.t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return kb << 10
}

// buildEnv is what the go command needs of the environment, and no more: the
// user's own configuration is not to be found.
func buildEnv() []string {
	env := []string{"PATH=" + os.Getenv("PATH")}
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOSUMDB", "GOFLAGS", "GOTOOLCHAIN", "CGO_ENABLED").Output()
	if err != nil {
		return env
	}
	values := strings.Split(string(out), "\n")
	for i, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOSUMDB", "GOFLAGS", "GOTOOLCHAIN", "CGO_ENABLED"} {
		env = append(env, name+"="+values[i])
	}
	return env
}

// ports are those that this run has given out.
var ports sync.Map

// freePort is a port that was free a moment ago and that this run gives to
// nobody else. It is below those that systems give to whoever connects: it is
// still free when a process that had it is started again.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 12000 + rand.IntN(18000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		l.Close()
		if _, given := ports.LoadOrStore(port, true); !given {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
