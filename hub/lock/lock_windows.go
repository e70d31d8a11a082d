package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock uses LockFileEx, whose locks belong to the handle.
func lock(f *os.File, wait, alone bool) error {
	var flags uint32
	if alone {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	if !wait {
		flags |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
}

func isHeld(err error) bool { return errors.Is(err, windows.ERROR_LOCK_VIOLATION) }
