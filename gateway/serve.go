package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
)

// serve runs a gateway until ctx ends. What keeps it from starting is an error;
// nothing is then left behind but the data folder.
func serve(ctx context.Context, f flags, stdout, stderr io.Writer) (err error) {
	keepPrivate()
	c, err := settle(f, stderr)
	if err != nil {
		return err
	}
	logTo(stderr, slog.Level(c.Log))
	now, err := clock()
	if err != nil {
		return err
	}
	data, err := openDataDir(c.Data)
	if err != nil {
		return err
	}
	defer data.Close()
	irc, err := listenIRC(c.Listen)
	if err != nil {
		return err
	}
	defer irc.Close()
	secured, err := c.TLS.wrap(irc)
	if err != nil {
		return err
	}
	core, err := channels.Open(data.path, c.core())
	if err != nil {
		return fmt.Errorf("opening the phonebook in %s: %w", data.path, err)
	}
	defer func() { err = errors.Join(err, core.Close()) }()
	hub, err := startEmbedded(data, c.EmbeddedHub.Listen, now, stderr)
	if err != nil {
		return err
	}
	defer hub.Close()
	g, err := assemble(ctx, c, data, core, hub, now)
	if err != nil {
		return err
	}
	return g.work(ctx, secured, c.Password == "", func() { greet(stdout, c, data.path, irc.Addr()) })
}

// assembled is a gateway with what it was put together from.
type assembled struct {
	*gateway
	runner *runner
	hub    *embeddedHub
}

// assemble puts the gateway together.
func assemble(ctx context.Context, c config, data *dataDir, core core, hub *embeddedHub, now func() time.Time) (assembled, error) {
	folder, err := data.folder("invites")
	if err != nil {
		return assembled{}, err
	}
	g := newGateway(settings{Version: version, Password: c.Password, Now: now}, core)
	r := newRunner(ctx, hubclient.Options{Now: now}, g.answered)
	r.embedded, r.ways = hub.address, c.ways()
	g.carrier = r
	g.sysop.version = versionText()
	g.sysop.valid = time.Duration(c.InviteValid)
	g.sysop.mirror = channels.MirrorPolicy(c.Mirror)
	g.sysop.invites = inviteFiles{folder}
	g.sysop.folder = data.path
	g.sysop.made = hubOwnerIn(data.path)
	g.sysop.identify = func(url string, then func(foundHub, error)) {
		r.identify(url, func(found foundHub, err error) { g.do(func() { then(found, err) }) })
	}
	return assembled{g, r, hub}, nil
}

// work serves clients until ctx ends, and returns when all is at rest. It calls
// ready once a first /invite finds the embedded hub claimed.
func (a assembled) work(ctx context.Context, irc net.Listener, ownUserOnly bool, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	start := func(f func() error) {
		err := f()
		if err != nil {
			cancel()
		}
		failed <- err
	}
	go start(a.hub.Serve)
	go a.run(ctx)
	a.introduce()
	ready()
	go start(func() error { return a.gateway.serve(irc, refusal(ownUserOnly)) })
	go a.prune(ctx)

	<-a.done
	irc.Close()
	a.runner.Wait()
	a.hub.Close()
	return errors.Join(<-failed, <-failed)
}

// introduce tells the core of the embedded hub. A hub that was claimed by a
// phonebook which is there no more is claimed anew: its folder is the gateway's.
func (a assembled) introduce() {
	if a.hub.hub == nil || a.offer(a.hub.secret) {
		return
	}
	secret, err := a.hub.newSecret()
	if err == nil && a.offer(secret) {
		return
	}
	slog.Error("the embedded hub can't be used", "err", err)
}

// claimPatience is how long the start waits for the embedded hub.
const claimPatience = 5 * time.Second

// offer has the core use the embedded hub. It reports false if that can't be;
// an answer that is late does no harm.
func (a assembled) offer(secret [16]byte) (ok bool) {
	settled := make(chan bool, 1)
	a.do(func() {
		ref := a.ask(asked{client: &client{g: a.gateway}, command: serverNick, then: func(ev channels.Event) bool {
			_, failed := ev.(channels.Failed)
			select {
			case settled <- !failed:
			default:
			}
			return true
		}})
		a.step(channels.UseHub{Ref: ref, Hub: a.hub.address, Secret: secret, Embedded: true})
	})
	select {
	case ok := <-settled:
		return ok
	case <-a.done:
	case <-time.After(claimPatience):
		slog.Warn("the embedded hub does not answer yet", "hub", a.hub.address.URL)
	}
	return true
}

// pruneEvery is how long the file of a one-time key may outlive the key.
const pruneEvery = time.Minute

// prune removes those files until ctx ends.
func (a assembled) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for a.do(a.pruneInvites) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// refusal is what gateway.serve asks about each connection: without a password
// only the user's own are taken.
func refusal(ownUserOnly bool) func(net.Conn) (string, error) {
	if !ownUserOnly {
		return nil
	}
	return func(c net.Conn) (string, error) { return strangerText, checkOwner(c) }
}

// wrap has the listener speak TLS, if there is a certificate.
func (t tlsConfig) wrap(l net.Listener) (net.Listener, error) {
	if t.Cert == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}

// greet tells the terminal how to go on. It is all that is printed when all is
// well.
func greet(w io.Writer, c config, data string, at net.Addr) {
	host, port := reachable(at)
	irssi, weechat := "-notls", "-notls"
	if c.TLS.Cert != "" {
		irssi, weechat = "-tls", "-tls"
	}
	password := ""
	if c.Password != "" {
		password, weechat = " PASSWORD", weechat+" -password=PASSWORD"
	}
	fmt.Fprintf(w, `%s
Everything is kept in %s

Connect your IRC client:
  irssi     /connect %s %s %s%s
  WeeChat   /server add hubbub %s/%s %s
            /connect hubbub

Then let somebody in:  /join #bob      and  /invite bob
or join with a key:    /join #alice KEY
More:                  /msg sysop help
Stop it with Ctrl-C.
`, versionText(), data, irssi, host, port, password, host, port, weechat)
}

// reachable is where clients find the listener.
func reachable(at net.Addr) (host, port string) {
	host, port, _ = net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			return name, port
		}
	}
	return host, port
}
