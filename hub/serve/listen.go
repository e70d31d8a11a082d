package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// What is spoken on a road.
const (
	overHTTP    = "http"
	overHTTPS   = "https"
	overFastCGI = "fcgi"
)

// road is a way on which requests come.
type road struct {
	net.Listener
	speaks  string // overHTTP, overHTTPS or overFastCGI
	lasting bool   // systemd keeps it open: what waits there is served by the next hubd
	alone   bool   // a web server has started this process for it, and others beside it
}

// open opens all that the command line and systemd name. If that is nothing, it
// is the socket that a web server has started hubd with.
func (s settings) open() (roads []road, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(roads))
		}
	}()
	if roads, err = passed(); err != nil {
		return roads, err
	}
	for i := range roads {
		if roads[i].speaks, err = s.spokenOn(roads[i].speaks); err != nil {
			return roads, err
		}
	}
	plainOrNot, _ := s.spokenOn("")
	for _, wanted := range []struct{ address, speaks string }{
		{s.listen, plainOrNot}, {s.http, overHTTP}, {s.fcgi, overFastCGI},
	} {
		if wanted.address == "" {
			continue
		}
		listener, err := listen(wanted.address, wanted.speaks == overFastCGI)
		if err != nil {
			return roads, err
		}
		roads = append(roads, road{Listener: listener, speaks: wanted.speaks})
	}
	if len(roads) == 0 {
		listener, err := inherited()
		if err != nil {
			return nil, errors.New("nothing to listen on: -listen ADDRESS for HTTP, or -fcgi ADDRESS for FastCGI (hubd -h says more)")
		}
		roads = append(roads, road{Listener: listener, speaks: overFastCGI, alone: true})
	}
	return roads, s.used(roads)
}

// spokenOn is what is spoken on a socket of systemd's by its name. Any other
// name, as the one that systemd gives by itself, is HTTPS if there is a
// certificate, else HTTP.
func (s settings) spokenOn(name string) (string, error) {
	switch {
	case name == overHTTPS && !s.secure():
		return "", errors.New("the socket named https needs a certificate: -tls-cert and -tls-key, -acme or -tls-self-signed")
	case name == overHTTP, name == overHTTPS, name == overFastCGI:
		return name, nil
	case s.secure():
		return overHTTPS, nil
	}
	return overHTTP, nil
}

// used refuses a certificate that no road has a use for.
func (s settings) used(roads []road) error {
	for _, r := range roads {
		if r.speaks == overHTTPS {
			return nil
		}
	}
	if s.secure() {
		return errors.New("there is a certificate, but no address for HTTPS: name one with -listen")
	}
	return nil
}

// listen listens on host:port or, where that may be, on a Unix socket, which is
// for this user and group alone. One that a hubd left behind is replaced.
func listen(address string, unixToo bool) (net.Listener, error) {
	if !unixToo || !strings.ContainsRune(address, filepath.Separator) {
		return net.Listen("tcp", address)
	}
	if info, err := os.Lstat(address); err == nil && info.Mode()&os.ModeSocket != 0 {
		if conn, err := net.Dial("unix", address); err == nil {
			conn.Close()
			return nil, fmt.Errorf("another program listens on %s", address)
		}
		os.Remove(address)
	}
	listener, err := net.Listen("unix", address)
	if err != nil {
		return nil, err
	}
	return listener, os.Chmod(address, 0o660)
}

// inherited returns the socket that a web server passes as standard input
// (FastCGI, section 2.2), if it is one. Nothing else holds it open then.
func inherited() (net.Listener, error) {
	listener, err := listenerOf(os.Stdin)
	if err == nil {
		// Its number is taken again, so that nothing that is opened gets it.
		os.Open(os.DevNull)
	}
	return listener, err
}

func closeAll(roads []road) error {
	var err error
	for _, r := range roads {
		err = errors.Join(err, r.Close())
	}
	return err
}
