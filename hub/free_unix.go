//go:build linux || freebsd || darwin

package hub

import (
	"math"

	"golang.org/x/sys/unix"
)

// freeBytes is how much of the folder's disk is free for this user; -1 if that
// cannot be known. A quota of the hosting's is not in it.
func freeBytes(folder string) int64 {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil {
		return -1
	}
	free, block := int64(s.Bavail), int64(s.Bsize)
	if free < 0 || block < 1 || free > math.MaxInt64/block {
		return -1
	}
	return free * block
}
