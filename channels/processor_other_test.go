//go:build !unix

package channels_test

import "time"

var begun = time.Now()

// processor is how long this process has run: how long it has computed is not known
// here.
func processor() time.Duration { return time.Since(begun) }
