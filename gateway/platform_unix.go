//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
)

// keepPrivate makes whatever this process creates its user's alone.
func keepPrivate() { syscall.Umask(0o077) }

// lockFile takes the file's lock, or returns errLocked at once. The system lets
// go of it when the process ends, however it ends.
func lockFile(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}

// portTaken reports whether listening failed because somebody else does.
func portTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }
