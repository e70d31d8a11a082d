package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// embeddedHub is the hub inside the gateway: the real one, over HTTP on
// loopback, for channels between people on this machine. The zero value, which
// is what a configuration without it gets, serves nothing.
type embeddedHub struct {
	address channels.HubAddress
	secret  [16]byte // of its owner's account key; zero once it is claimed

	folder   string
	hub      *hub.Hub
	listener net.Listener
	server   *http.Server
	sendHome context.CancelFunc // ends the requests that wait
}

// startEmbedded opens the hub in the data folder and listens for it; call Serve.
func startEmbedded(data *dataDir, configured string, now func() time.Time, warn io.Writer) (*embeddedHub, error) {
	if configured == "" {
		return &embeddedHub{}, nil
	}
	folder, err := data.folder("hub")
	if err != nil {
		return nil, err
	}
	opened, err := hub.Open(hub.Config{Data: folder, Held: embeddedHeld, Alone: true, Now: now, Log: slog.Default()})
	if err != nil {
		return nil, fmt.Errorf("the embedded hub: %w", err)
	}
	key, _, err := hub.ReadClaim(folder) // zero if it was claimed
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the embedded hub: %w", err), opened.Close())
	}
	l, err := listenEmbedded(data.file("hub.address"), configured, warn)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	url, err := wire.CanonicalURL("http://" + l.Addr().String() + "/")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the embedded hub: %w", err), l.Close(), opened.Close())
	}
	h := &embeddedHub{
		address: channels.HubAddress{URL: url, Fingerprint: opened.Fingerprint()},
		secret:  key.Secret, folder: folder, hub: opened, listener: l,
	}
	var waiting context.Context
	waiting, h.sendHome = context.WithCancel(context.Background())
	h.server = &http.Server{
		Handler:           web.Handler(opened),
		BaseContext:       func(net.Listener) context.Context { return waiting },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      wire.MaxWait + time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelInfo),
	}
	return h, nil
}

// newSecret has the hub write a new owner's key, and returns its secret: what
// whoever can write in its folder may do (hub/claim.go).
func (h *embeddedHub) newSecret() ([16]byte, error) {
	if err := os.WriteFile(filepath.Join(h.folder, "claim.txt"), nil, 0o600); err != nil {
		return [16]byte{}, err
	}
	again, err := hub.Open(hub.Config{Data: h.folder}) // writes the key, and opens no database
	if err != nil {
		return [16]byte{}, err
	}
	key, _, err := hub.ReadClaim(h.folder)
	return key.Secret, errors.Join(err, again.Close())
}

// embeddedHeld is how many requests may wait at the embedded hub. A waiting one
// is a goroutine there, not a process.
const embeddedHeld = 256

// embeddedGrace is how long answers under way have when the gateway stops.
const embeddedGrace = 5 * time.Second

// Serve answers requests until Close.
func (h *embeddedHub) Serve() error {
	if h.hub == nil {
		return nil
	}
	if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the embedded hub: %w", err)
	}
	return nil
}

// Close sends home who waits, has answers under way given, and stops. Closing
// twice does no harm.
func (h *embeddedHub) Close() error {
	if h.hub == nil {
		return nil
	}
	h.sendHome()
	ctx, cancel := context.WithTimeout(context.Background(), embeddedGrace)
	defer cancel()
	err := h.server.Shutdown(ctx)
	if closed := h.listener.Close(); !errors.Is(closed, net.ErrClosed) { // if it never served
		err = errors.Join(err, closed)
	}
	return errors.Join(err, h.hub.Close())
}

// listenEmbedded listens for the embedded hub: where it did last, for one-time
// keys and other gateways on this machine know that address; else as
// configured; else on a port picked at random. The address is remembered in file.
func listenEmbedded(file, configured string, warn io.Writer) (net.Listener, error) {
	before, err := rememberedAddress(file, configured)
	if err != nil {
		return nil, err
	}
	for _, address := range candidates(before, configured) {
		l, err := net.Listen("tcp", address)
		if portTaken(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("embedded_hub.listen, %s: %w", configured, err)
		}
		got := l.Addr().String()
		if got == before {
			return l, nil
		}
		if before != "" {
			fmt.Fprintf(warn, "hubbub: the embedded hub's port is taken, so it moved from %s to %s; one-time keys made before name the old one\n", before, got)
		}
		if err := writePrivate(file, []byte(configured+" "+got+"\n")); err != nil {
			l.Close()
			return nil, fmt.Errorf("remembering the embedded hub's address: %w", err)
		}
		return l, nil
	}
	return nil, fmt.Errorf("embedded_hub.listen: no free port was found beside %s", configured)
}

// rememberedAddress is where the embedded hub listened last, if what is
// configured is still the same; else empty. The file holds both, in one line.
func rememberedAddress(file, configured string) (string, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the embedded hub's address: %w", err)
	}
	f := strings.Fields(string(raw))
	if len(f) != 2 || f[0] != configured || !loopback(f[1]) {
		return "", nil
	}
	return f[1], nil
}

// Ports that are picked lie between those of well-known services and those that
// systems give to outgoing connections, and far apart: a gateway that is started
// while another rests should not take the other's.
const (
	firstPort = 20_000
	lastPort  = 29_999
	portTries = 50
)

// candidates are the addresses to try, in order: the one before, the configured
// one, and ports picked at random.
func candidates(before, configured string) (all []string) {
	if before != "" {
		all = append(all, before)
	}
	host, port, _ := net.SplitHostPort(configured)
	if port != "0" && configured != before {
		all = append(all, configured)
	}
	for range portTries {
		n, _ := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort+1)) // never fails
		all = append(all, net.JoinHostPort(host, strconv.FormatInt(firstPort+n.Int64(), 10)))
	}
	return all
}
