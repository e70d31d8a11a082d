//go:build !unix

package hub

import (
	"errors"
	"net/netip"
	"os"
	"time"
)

// dial cannot connect here.
func dial(netip.AddrPort, time.Duration) (*os.File, netip.AddrPort, error) {
	return nil, netip.AddrPort{}, errors.ErrUnsupported
}
