//go:build unix

package hub

import (
	"io/fs"
	"syscall"
)

// userOf is the user that a file belongs to.
func userOf(info fs.FileInfo) int {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}
