package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary play the program in scripts, as "hubbub".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hubbub": main})
}

// TestScripts runs testdata/script: the command line as a user meets it. Beside
// testscript's own commands there are
//
//	gateway NAME ARGS…   start hubbub in the background, and wait until it has said how to connect
//	said NAME TEXT       its terminal has shown that text; ! said: it has not
//	talk ADDRESS         register there as an IRC client does; ! talk: nobody listens there
//	stop NAME            interrupt it: it ends without an error
//	crash NAME           end it as a power cut would
//
// $FREE1 to $FREE3 are ports of 127.0.0.1 that are free.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("XDG_DATA_HOME", "")
			for i := range 3 {
				_, port, _ := net.SplitHostPort(freeAddress(t))
				env.Setenv(fmt.Sprintf("FREE%d", i+1), port)
			}
			env.Values[backgroundKey] = map[string]*background{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"gateway": startInScript, "said": saidInScript, "talk": talkInScript,
			"stop":  func(ts *testscript.TestScript, _ bool, args []string) { endInScript(ts, args[0], os.Interrupt) },
			"crash": func(ts *testscript.TestScript, _ bool, args []string) { endInScript(ts, args[0], os.Kill) },
		},
	})
}

// background is a gateway that a script has started.
type background struct {
	cmd   *exec.Cmd
	ready chan struct{} // closed when it has said all that it says at the start
	ended chan error

	mu       sync.Mutex
	terminal strings.Builder
}

// backgroundKey is where a script keeps them, by name.
const backgroundKey = "gateways"

// patience is how long a script waits for another process.
const patience = 30 * time.Second

func backgrounds(ts *testscript.TestScript) map[string]*background {
	return ts.Value(backgroundKey).(map[string]*background)
}

func startInScript(ts *testscript.TestScript, _ bool, args []string) {
	cmd := exec.Command("hubbub", args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "PATH=" + os.Getenv("PATH")}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	ts.Check(cmd.Start())
	b := &background{cmd: cmd, ready: make(chan struct{}), ended: make(chan error, 1)}
	go b.read(r)
	go func() { b.ended <- cmd.Wait(); w.Close() }()
	backgrounds(ts)[args[0]] = b
	ts.Defer(func() {
		if backgrounds(ts)[args[0]] == b {
			endInScript(ts, args[0], os.Kill)
		}
	})
	select {
	case <-b.ready:
	case err := <-b.ended:
		b.ended <- err
		ts.Fatalf("%s ended at once: %v\n%s", args[0], err, b.shown())
	case <-time.After(patience):
		ts.Fatalf("%s does not say how to connect:\n%s", args[0], b.shown())
	}
}

// read keeps what the terminal shows.
func (b *background) read(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		b.mu.Lock()
		b.terminal.WriteString(lines.Text() + "\n")
		b.mu.Unlock()
		if strings.Contains(lines.Text(), "Ctrl-C") {
			close(b.ready)
		}
	}
}

func (b *background) shown() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.terminal.String()
}

func saidInScript(ts *testscript.TestScript, neg bool, args []string) {
	shown := backgrounds(ts)[args[0]].shown()
	if text := strings.Join(args[1:], " "); strings.Contains(shown, text) == neg {
		ts.Fatalf("%s: %q is to be there: %v. The terminal:\n%s", args[0], text, !neg, shown)
	}
}

func endInScript(ts *testscript.TestScript, name string, how os.Signal) {
	b := backgrounds(ts)[name]
	delete(backgrounds(ts), name)
	ts.Check(b.cmd.Process.Signal(how))
	select {
	case err := <-b.ended:
		if how != os.Kill && err != nil {
			ts.Fatalf("%s ended with %v:\n%s", name, err, b.shown())
		}
	case <-time.After(patience):
		b.cmd.Process.Kill()
		ts.Fatalf("%s does not end:\n%s", name, b.shown())
	}
}

func talkInScript(ts *testscript.TestScript, neg bool, args []string) {
	c, err := net.DialTimeout("tcp", args[0], patience)
	if neg {
		if err == nil {
			c.Close()
			ts.Fatalf("somebody listens on %s", args[0])
		}
		return
	}
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(patience)))
	fmt.Fprint(c, "NICK alice\r\nUSER alice 0 * :Alice\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if strings.Contains(lines.Text(), " 001 alice ") {
			return
		}
	}
	ts.Fatalf("%s does not welcome a client", args[0])
}
