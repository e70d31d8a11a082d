//go:build unix

package main

import (
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// endings are the signals that end hubd in good order. SIGUSR1 is how a FastCGI
// server asks for that.
var endings = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}

// outliveLog has hubd live on when nobody reads its log any more, as after a
// web server that started it was started anew.
func outliveLog() { signal.Ignore(syscall.SIGPIPE) }

// listens says whether file is a socket that accepts connections.
func listens(file *os.File) bool {
	raw, err := file.SyscallConn()
	if err != nil {
		return false
	}
	accepts := 0
	if controlErr := raw.Control(func(fd uintptr) {
		accepts, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	}); controlErr != nil {
		return false
	}
	// Some systems cannot say (ENOPROTOOPT): then accepting shows it.
	return err != nil || accepts != 0
}

// standing says whether somebody has connected to listener whom it has not
// accepted yet.
func standing(listener net.Listener) bool {
	socket, ok := listener.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	ready := 0
	err = raw.Control(func(fd uintptr) {
		ready, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	})
	return err == nil && ready > 0
}
