package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"hubbub/channels/wire"
)

// grace is how long the answers under way have when hubd is told to stop.
const grace = 5 * time.Second

// serveHTTP serves until ctx is done. Then nothing new is taken, those who
// wait are sent home, and the answers under way are given.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	waiting, sendHome := context.WithCancel(context.Background())
	defer sendHome()
	server := &http.Server{
		Handler:           handler,
		BaseContext:       func(net.Listener) context.Context { return waiting },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      wire.MaxWait + 60*time.Second, // counts from the end of the header
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		sendHome()
		end, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		stopped <- server.Shutdown(end)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
