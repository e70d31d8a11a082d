//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
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
