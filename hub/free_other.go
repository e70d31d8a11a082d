//go:build !linux && !freebsd && !darwin && !openbsd

package hub

// freeBytes does not know here how much of a disk is free.
func freeBytes(string) int64 { return -1 }
