package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// listenFastCGI listens on host:port, or on a Unix socket, which is for this
// user and group alone. One that a hubd left behind is replaced.
func listenFastCGI(address string) (net.Listener, error) {
	if !strings.ContainsRune(address, filepath.Separator) {
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
// (FastCGI, section 2.2), if it is one.
func inherited(in *os.File) (net.Listener, error) {
	info, err := in.Stat()
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil, errors.New("standard input is no socket")
	}
	return net.FileListener(in)
}

// serveFastCGI serves until ctx is done. Then nothing new is taken, those who
// wait are sent home, and the answers under way are given.
func serveFastCGI(ctx context.Context, listener net.Listener, handler http.Handler) error {
	var busy sync.WaitGroup
	go func() {
		<-ctx.Done()
		listener.Close()
	}()
	err := fcgi.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		defer busy.Done()
		request, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		handler.ServeHTTP(w, r.WithContext(request))
	}))
	if ctx.Err() == nil {
		return err
	}
	done := make(chan struct{})
	go func() { busy.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(grace):
	}
	return nil
}
