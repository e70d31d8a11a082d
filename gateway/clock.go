//go:build !testclock

package main

import "time"

// clock is the gateway's: the machine's. Builds for tests can set it wrong (clock_off.go).
func clock() (func() time.Time, error) { return time.Now, nil }
