//go:build testclock

package main

import (
	"fmt"
	"os"
	"time"
)

// clock is the machine's, wrong by as much as HUBBUB_TEST_CLOCK says ("-20m"):
// two gateways on one machine can so be tested with clocks that disagree. No
// other build has this.
func clock() (func() time.Time, error) {
	by := os.Getenv("HUBBUB_TEST_CLOCK")
	if by == "" {
		return time.Now, nil
	}
	off, err := time.ParseDuration(by)
	if err != nil {
		return nil, fmt.Errorf("HUBBUB_TEST_CLOCK: %w", err)
	}
	return func() time.Time { return time.Now().Add(off) }, nil
}
