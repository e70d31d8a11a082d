//go:build darwin || freebsd || linux

package hub

import "golang.org/x/sys/unix"

// addressSpace is how much a process may have, and dataSpace how much of it to
// write to; ok is false if there is no limit.
func addressSpace() (most uint64, ok bool) { return limit(unix.RLIMIT_AS) }

func dataSpace() (most uint64, ok bool) { return limit(unix.RLIMIT_DATA) }

// processes is how many the hub's user may have at once; ok is false if there is
// no limit.
func processes() (most uint64, ok bool) { return limit(unix.RLIMIT_NPROC) }

func limit(which int) (uint64, bool) {
	var l unix.Rlimit
	if unix.Getrlimit(which, &l) != nil || uint64(l.Cur) >= 1<<62 {
		return 0, false
	}
	return uint64(l.Cur), true
}

// freeRoom is how many bytes the folder's disk has left for this user.
func freeRoom(folder string) (uint64, bool) {
	var fs unix.Statfs_t
	if unix.Statfs(folder, &fs) != nil {
		return 0, false
	}
	return uint64(max(0, int64(fs.Bavail))) * uint64(fs.Bsize), true
}
