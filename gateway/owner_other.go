//go:build !linux

package main

import "net/netip"

// ownUser can't tell whose a connection is here, and takes it for the user's
// own: docs/security.md advises a password on machines that others use too.
func ownUser(client, server netip.AddrPort) (bool, error) { return true, nil }
