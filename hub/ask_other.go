//go:build !unix

package hub

import (
	"errors"
	"net/netip"
	"os"
	"time"
)

// dial cannot connect here.
func dial(netip.AddrPort, time.Duration) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
