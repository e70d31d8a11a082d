package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"hubbub/channels/wire"
)

const (
	// grace is how long the answers under way have when hubd is told to stop.
	grace = 10 * time.Second
	// farewell is how long connections that are at rest are kept then: who is
	// about to ask on one gets his answer, and is told that it is the last.
	farewell = 500 * time.Millisecond
)

// serveHTTP serves until ctx is done, over TLS if there is a configuration for
// it. Then nothing new is taken, and the answers under way are given.
func serveHTTP(ctx context.Context, d *door, handler http.Handler, secure *tls.Config, log *slog.Logger) error {
	server := &http.Server{
		Handler:           paced(ctx, handler),
		TLSConfig:         secure,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       transfer(wire.MaxRequest), // see paced
		WriteTimeout:      transfer(wire.MaxRequest) + wire.MaxWait + transfer(wire.MaxResponse),
		IdleTimeout:       idle,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          serverLog(log),
	}
	defer context.AfterFunc(ctx, d.leave)()
	var err error
	if secure != nil {
		err = server.ServeTLS(d, "", "")
	} else {
		err = server.Serve(d)
	}
	if ctx.Err() == nil {
		server.Close()
		return err
	}
	time.Sleep(farewell)
	end, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(end); err != nil && !errors.Is(err, net.ErrClosed) {
		log.Warn("some answers were not finished", "error", err)
		server.Close()
	}
	return nil
}

// serverLog takes what net/http has to say. What strangers do wrong is not
// worth a line each, and has their addresses in it.
func serverLog(log *slog.Logger) *stdlog.Logger { return stdlog.New(&filter{log}, "", 0) }

type filter struct{ log *slog.Logger }

// Write logs a line.
func (f *filter) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	for _, strangers := range []string{"http: TLS handshake error", "http2: server", "http: request"} {
		if bytes.HasPrefix(line, []byte(strangers)) {
			level = slog.LevelDebug
		}
	}
	f.log.Log(context.Background(), level, "serving", "error", string(bytes.TrimSpace(line)))
	return len(line), nil
}
