package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"

	"hubbub/channels"
)

// embeddedHub is the hub inside the gateway: the real one, over HTTP on
// loopback, for channels between people on this machine. The zero value, which
// is what a configuration without it gets, serves nothing.
type embeddedHub struct {
	address channels.HubAddress
	secret  [16]byte // of its account key; zero once it is claimed
	serve   func() error
	close   func() error
}

// Serve answers requests until Close.
func (h *embeddedHub) Serve() error {
	if h.serve == nil {
		return nil
	}
	return h.serve()
}

// Close stops it.
func (h *embeddedHub) Close() error {
	if h.close == nil {
		return nil
	}
	return h.close()
}

// hubPorts is how many ports after the configured one are tried.
const hubPorts = 100

// listenEmbedded listens for the embedded hub: where it did last, for one-time
// keys and other gateways on this machine know that address; else as
// configured; else on a port after it. The address is remembered in file.
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
	return nil, fmt.Errorf("embedded_hub.listen: no port from %s on is free", configured)
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

// candidates are the addresses to try, in order.
func candidates(before, configured string) (all []string) {
	if before != "" {
		all = append(all, before)
	}
	host, port, err := net.SplitHostPort(configured)
	first, err2 := strconv.Atoi(port)
	if err != nil || err2 != nil {
		return append(all, configured)
	}
	for n := first; n <= min(first+hubPorts, 65535); n++ {
		if address := net.JoinHostPort(host, strconv.Itoa(n)); address != before {
			all = append(all, address)
		}
	}
	return all
}

// startEmbedded opens the hub in the data folder and listens for it.
func startEmbedded(data *dataDir, configured string, warn io.Writer) (*embeddedHub, error) {
	return &embeddedHub{}, nil // until hub/web is there
}
