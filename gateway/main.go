// Command gateway is hubbub's local IRC server: it speaks IRC to the user's
// client on this machine, keeps the phonebook, does all the cryptography and
// talks to hubs. README.md says how to begin, docs/irc.md what to type.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	ossignal "os/signal" // conn.go has a signal of its own
	"runtime"
	"runtime/debug"
	"syscall"
)

// version is of hubbub, all of it.
const version = "0.1"

func main() { os.Exit(program(os.Args[1:], os.Stdout, os.Stderr)) }

// flags are the command line.
type flags struct {
	config, data, listen string
	version              bool
	makeHub              makeHubFlags
}

// program runs it all; it returns its exit code: 2 for a wrong command
// line, 1 for everything else that keeps it from running.
func program(args []string, stdout, stderr io.Writer) int {
	var f flags
	set := flag.NewFlagSet("hubbub", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.config, "config", "", "read this configuration `file` (see config.example.toml)")
	set.StringVar(&f.data, "data", "", "keep everything in this `folder`")
	set.StringVar(&f.listen, "listen", "", "listen for IRC clients on this `address` (default 127.0.0.1:6667)")
	set.StringVar(&f.makeHub.folder, "make-hub", "", "write a hub that is yours, to be uploaded to web space, into this `folder`, and stop")
	set.StringVar(&f.makeHub.platform, "platform", "", "with -make-hub: the `system`/processor of the web space (default "+defaultPlatform+")")
	set.StringVar(&f.makeHub.url, "url", "", "with -make-hub: the `address` that the hub will have")
	set.StringVar(&f.makeHub.packages, "packages", "", "with -make-hub: take hub.cgi from this `folder` of packages")
	set.BoolVar(&f.version, "version", false, "print the version and stop")
	err := set.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case set.NArg() > 0:
		fmt.Fprintf(stderr, "hubbub: %q is not a flag; -help lists them\n", set.Arg(0))
		return 2
	case f.version:
		fmt.Fprintln(stdout, versionText())
		return 0
	}
	if f.makeHub != (makeHubFlags{}) {
		return makeHubOnly(f, stdout, stderr)
	}
	ctx, stop := ossignal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := serve(ctx, f, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "hubbub: %v\n", err)
		return 1
	}
	return 0
}

// makeHubOnly does what -make-hub says, as program does.
func makeHubOnly(f flags, stdout, stderr io.Writer) int {
	if f.makeHub.folder == "" {
		fmt.Fprintln(stderr, "hubbub: -platform, -url and -packages belong to -make-hub FOLDER")
		return 2
	}
	if err := makeHub(f, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "hubbub: %v\n", err)
		return 1
	}
	return 0
}

// stopSignals end the gateway. A hangup does not, if whoever started it asked
// for that (nohup).
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !ossignal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// versionText names the version, and what built it.
func versionText() string {
	text := "hubbub " + version
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				text += " (" + s.Value[:12] + ")"
			}
		}
	}
	return fmt.Sprintf("%s, %s %s/%s", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// settle puts flags, file and defaults together, in that order.
func settle(f flags, stderr io.Writer) (config, error) {
	c := defaultConfig()
	if f.config != "" {
		var err error
		if c, err = readConfig(f.config); err != nil {
			return c, err
		}
	}
	if f.listen != "" {
		c.Listen = f.listen
	}
	if f.data != "" {
		c.Data = f.data
	}
	if c.Data == "" {
		var err error
		if c.Data, err = defaultDataDir(); err != nil {
			return c, err
		}
	}
	if err := c.check(); err != nil {
		return c, err
	}
	if (c.Password != "" && !c.Password.hashed() || c.secretProxy()) && othersMayRead(f.config) {
		fmt.Fprintf(stderr, "hubbub: warning: others can read the password in %s: chmod 600 it\n", f.config)
	}
	return c, nil
}

// othersMayRead reports whether a file's mode lets other users read it.
func othersMayRead(path string) bool {
	info, err := os.Stat(path)
	return err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0
}

// listenIRC listens where IRC clients are to connect.
func listenIRC(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	if portTaken(err) {
		return nil, fmt.Errorf("%s is taken, by another gateway or another program: name another port with -listen 127.0.0.1:6669", address)
	}
	return nil, fmt.Errorf("listening for IRC clients, -listen %s: %w", address, err)
}

// logTo sends what is logged to the terminal, from a level on.
func logTo(w io.Writer, level slog.Level) {
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})))
}
