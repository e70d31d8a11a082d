//go:build !darwin && !freebsd && !linux

package hub

// Elsewhere a process's limits are not looked at.

func addressSpace() (most uint64, ok bool) { return 0, false }

func dataSpace() (most uint64, ok bool) { return 0, false }

func processes() (most uint64, ok bool) { return 0, false }

func freeRoom(string) (uint64, bool) { return 0, false }
