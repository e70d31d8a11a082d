package hub

import "golang.org/x/sys/unix"

// freeBytes is how much of the folder's disk is free for this user; -1 if that
// cannot be known. A quota of the hosting's is not in it.
func freeBytes(folder string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil || s.F_bavail < 0 {
		return -1
	}
	return s.F_bavail * int64(s.F_bsize)
}
