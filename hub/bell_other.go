//go:build !linux

package hub

// watchFile returns no watch: here a waiting request looks again and again.
func watchFile(string, func()) (watch, error) { return nil, nil }
