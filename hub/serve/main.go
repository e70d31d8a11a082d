// Command hubd is the hub for one's own machine: the same as hub.cgi, but one
// process that stays, over HTTP or FastCGI.
//
//	hubd -listen 127.0.0.1:8080 -data /var/lib/hubbub
//	hubd -fcgi /run/hubbub.sock -data /var/lib/hubbub
//
// Without -listen and -fcgi it speaks FastCGI on its standard input, if that
// is the socket which a web server such as Apache's mod_fcgid starts it with.
// Without -data it does as hub.cgi: hub.conf beside the program names the data
// folder, or one is made there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"hubbub/hub"
	"hubbub/hub/web"
)

// settings are what the command line says.
type settings struct {
	listen  string
	fcgi    string
	data    string
	version bool
}

func main() {
	if os.Getenv("REQUEST_METHOD") != "" {
		// Its arguments would be what a stranger asks for (RFC 3875, section 4.4).
		fmt.Fprintln(os.Stderr, "hubd is not for CGI: put hub.cgi in its place, or have it started by mod_fcgid")
		os.Exit(1)
	}
	var s settings
	flag.StringVar(&s.listen, "listen", "", "speak HTTP on this `address`, host:port")
	flag.StringVar(&s.fcgi, "fcgi", "", "speak FastCGI on this `address`, host:port or the path of a Unix socket")
	flag.StringVar(&s.data, "data", "", "keep the data in this `folder`; hub.conf in it may set limits")
	flag.BoolVar(&s.version, "version", false, "print the version and stop")
	flag.Parse()
	if s.version {
		fmt.Println(hub.Software)
		return
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, log); err != nil {
		fmt.Fprintln(os.Stderr, "hubd:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, which is no error.
func run(ctx context.Context, s settings, log *slog.Logger) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("it takes no arguments, but has %q", flag.Args())
	}
	config, err := load(s.data)
	if err != nil {
		return err
	}
	config.Log = log
	if config.Held == 0 && s.listen+s.fcgi != "" {
		config.Held = held
	}
	listener, overHTTP, err := listen(s)
	if err != nil {
		return err
	}
	h, err := hub.Open(config)
	if err != nil {
		listener.Close()
		return err
	}
	defer h.Close()
	log.Info("hubd is up", "address", listener.Addr().String(), "data", config.Data)
	if overHTTP {
		return serveHTTP(ctx, listener, web.Handler(h))
	}
	return serveFastCGI(ctx, listener, web.Handler(h))
}

// held is how many requests wait at once where one process holds them all. A
// web server that starts hubd itself has a process for each, as with hub.cgi.
const held = 256

// load returns the configuration: from the data folder, or as for hub.cgi.
func load(data string) (hub.Config, error) {
	if data != "" {
		return hub.LoadData(data)
	}
	folder, err := hub.ProgramFolder("")
	if err != nil {
		return hub.Config{}, fmt.Errorf("%w: name its data folder with -data", err)
	}
	return hub.Load(folder)
}

// listen opens what the command line asks for.
func listen(s settings) (listener net.Listener, overHTTP bool, err error) {
	switch {
	case s.listen != "" && s.fcgi != "":
		return nil, false, errors.New("either -listen or -fcgi, not both")
	case s.listen != "":
		listener, err = net.Listen("tcp", s.listen)
		return listener, true, err
	case s.fcgi != "":
		listener, err = listenFastCGI(s.fcgi)
		return listener, false, err
	}
	listener, err = inherited(os.Stdin)
	if err != nil {
		return nil, false, errors.New("nothing to listen on: -listen ADDRESS for HTTP, or -fcgi ADDRESS for FastCGI (-help says more)")
	}
	return listener, false, nil
}
