// Command hubd is the hub for one's own machine: the same as hub.cgi, but one
// process that stays, over HTTP, HTTPS or FastCGI. docs/hub.md says how.
//
//	hubd -listen 127.0.0.1:8080 -data /var/lib/hubbub
//	hubd -listen :443 -http :80 -acme hub.example.org -data /var/lib/hubbub
//	hubd -fcgi /run/hubbub.sock -data /var/lib/hubbub
//
// It serves the sockets that systemd passes as well. Without any address it
// speaks FastCGI on its standard input, if that is the socket which a web server
// such as Apache's mod_fcgid starts it with. Without -data it does as hub.cgi:
// hub.conf beside the program names the data folder, or one is made there.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"

	"hubbub/hub"
	"hubbub/hub/web"
)

func main() {
	if os.Getenv("REQUEST_METHOD") != "" {
		// Its arguments would be what a stranger asks for (RFC 3875, section 4.4).
		fmt.Fprintln(os.Stderr, "hubd is not for CGI: put hub.cgi in its place, or have it started by mod_fcgid")
		os.Exit(1)
	}
	s, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err == nil && s.version:
		fmt.Println(hub.Software)
		return
	case err == nil:
		err = serve(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hubd:", err)
		os.Exit(1)
	}
}

// serve serves until a signal asks for its end, which is no error. A second one
// ends it at once.
func serve(s settings) error {
	outliveLog()
	ctx, stop := signal.NotifyContext(context.Background(), endings...)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	roads, err := s.open()
	if err != nil {
		return err
	}
	b, err := s.behind(roads, log)
	if err != nil {
		return errors.Join(err, closeAll(roads))
	}
	return errors.Join(b.serve(ctx, roads), b.hub.Close())
}

// aHub is a *hub.Hub or a *hub.Site.
type aHub interface {
	web.Server
	SendHome()
	Close() error
}

// behind is what is behind the roads.
type behind struct {
	hub     aHub
	held    int    // requests that may wait at once
	proxied bool   // all requests come through another server
	data    string // the data folder; empty: not known before the first request
	tls     *certificates
	log     *slog.Logger
}

const (
	// held is how many requests wait at once where one process holds them all. A
	// web server that starts hubd itself has a process for each, as with hub.cgi.
	held = 256
	// fcgidRequest is how large a request may be where a web server has started
	// hubd and hub.conf says nothing: a bit less than what mod_fcgid lets through
	// as it comes.
	fcgidRequest = 120 << 10
)

// behind opens the hub, and the certificates that roads need.
func (s settings) behind(roads []road, log *slog.Logger) (*behind, error) {
	b := &behind{held: hub.DefaultHeld, log: log}
	if roads[0].alone && s.data == "" {
		folder, err := hub.ProgramFolder("")
		if err != nil {
			return nil, fmt.Errorf("%w: name its data folder with -data", err)
		}
		site := hub.NewSite(folder, log)
		site.Request = fcgidRequest
		b.hub = site
		return b, nil
	}
	config, err := s.load()
	if err != nil {
		return nil, err
	}
	config.Log = log
	switch {
	case roads[0].alone && config.Request == 0:
		config.Request = fcgidRequest
	case !roads[0].alone && config.Held == 0:
		config.Held = held
	}
	h, err := hub.Open(config)
	if err != nil {
		return nil, err
	}
	b.hub, b.data, b.held, b.proxied = h, config.Data, max(config.Held, 0), config.Proxied
	if b.tls, err = s.certificates(config.Data, log); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return b, nil
}

// load returns the configuration: from the data folder, or as for hub.cgi.
func (s settings) load() (hub.Config, error) {
	if s.data != "" {
		return hub.LoadData(s.data)
	}
	folder, err := hub.ProgramFolder("")
	if err != nil {
		return hub.Config{}, fmt.Errorf("%w: name its data folder with -data", err)
	}
	return hub.Load(folder)
}

// serve serves all roads until ctx is done, or one of them fails.
func (b *behind) serve(ctx context.Context, roads []road) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		b.tell("STOPPING=1")
		b.hub.SendHome()
	})()
	server := bound(b.hub, b.held, b.proxied)
	var serving sync.WaitGroup
	for _, r := range roads {
		serving.Go(func() {
			if err := b.serveRoad(ctx, r, server); err != nil {
				cancel(err)
			}
		})
		b.log.Info("hubd is up", "address", r.Addr().String(), "speaks", r.speaks, "data", b.data)
	}
	b.tell("READY=1")
	b.tls.obtain()
	serving.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// serveRoad serves one road.
func (b *behind) serveRoad(ctx context.Context, r road, server web.Server) error {
	most := b.held + atOnce
	if r.speaks == overFastCGI {
		return serveFastCGI(ctx, newDoor(r, most, most), server, b.log)
	}
	var handler http.Handler = web.Handler(server)
	var secure *tls.Config
	if r.speaks == overHTTPS {
		secure = b.tls.config()
	} else {
		handler = b.tls.challenges(handler)
	}
	return serveHTTP(ctx, newDoor(r, 4*most, most), handler, secure, b.log)
}

// tell tells systemd.
func (b *behind) tell(state string) {
	if err := notify(state); err != nil {
		b.log.Warn("telling systemd", "error", err)
	}
}
