package main

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// keepPrivate does nothing: files inherit the access list of the user's profile.
func keepPrivate() {}

// lockFile takes the file's lock, or returns errLocked at once. The system lets
// go of it when the process ends, however it ends. The locked byte lies far
// behind the file's end, so that others can still read the process number.
func lockFile(f *os.File) error {
	far := windows.Overlapped{OffsetHigh: 1}
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &far)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return err
}

// portTaken reports whether listening failed because somebody else does, or
// because the system keeps the port to itself.
func portTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
