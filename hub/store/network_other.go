//go:build !linux

package store

// onNetwork says whether folder is on a file system that several machines may
// share. Only Linux is asked.
func onNetwork(string) bool { return false }
