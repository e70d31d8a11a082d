//go:build unix

package main

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var brokenPipe = []os.Signal{syscall.SIGPIPE}

// watchClient cancels when nobody reads out any more, so that a request which
// waits ends with its client, where the web server lets that be known.
func watchClient(ctx context.Context, cancel func(), out *os.File) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		state := []unix.PollFd{{Fd: int32(out.Fd())}}
		if n, err := unix.Poll(state, 0); n > 0 && err == nil && state[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			cancel()
			return
		}
	}
}
