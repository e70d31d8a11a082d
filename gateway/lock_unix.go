//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// keepPrivate makes whatever this process creates its user's alone.
func keepPrivate() { unix.Umask(0o077) }

// lockFile takes the file's lock, or returns errLocked at once. The system lets
// go of it when the process ends, however it ends.
func lockFile(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
