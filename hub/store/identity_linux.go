package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identify tells a file from any copy of it: by its inode, and by when that
// was made, where the file system says so. It does not open the file.
func identify(path string) (string, error) {
	var s unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_BTIME, &s)
	if err != nil {
		return identifyOld(path, err)
	}
	if s.Mask&unix.STATX_BTIME == 0 {
		return fmt.Sprintf("%d", s.Ino), nil
	}
	return fmt.Sprintf("%d/%d.%09d", s.Ino, s.Btime.Sec, s.Btime.Nsec), nil
}

// identifyOld does without statx, which is younger (Linux 4.11) than some web
// space, and which some sandboxes forbid.
func identifyOld(path string, cause error) (string, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return "", fmt.Errorf("identifying the database's file: %w", cause)
	}
	return fmt.Sprintf("%d", s.Ino), nil
}
