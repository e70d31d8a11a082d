package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// ownUser reports whether the client's end of a connection on this machine
// belongs to the user that the gateway runs as. Errors mean that it is not
// known: treat them as no.
func ownUser(client, server netip.AddrPort) (bool, error) {
	uid, err := socketOwner(client, server)
	if err != nil {
		return false, err
	}
	return uid == uint32(os.Getuid()), nil
}

// errNoSocket says that the kernel lists no such socket: its other end is
// another machine or network namespace, or it is closed already.
var errNoSocket = errors.New("the socket is not in /proc/net/tcp")

// socketOwner finds whose socket has local as its own and remote as its other
// end. An IPv4 connection may stand in tcp6, when the client made its socket
// for both.
func socketOwner(local, remote netip.AddrPort) (uint32, error) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if errors.Is(err, os.ErrNotExist) && strings.HasSuffix(table, "6") {
			continue // a kernel without IPv6
		}
		if err != nil {
			return 0, err
		}
		uid, err := findSocket(f, local, remote)
		f.Close()
		if !errors.Is(err, errNoSocket) {
			return uid, err
		}
	}
	return 0, errNoSocket
}

// findSocket reads a table as proc(5) describes it: a heading, then one socket
// a line, whose fields are
//
//	sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid …
//
// Only an established connection (state 01) counts: one that is being closed is
// listed as root's.
func findSocket(r io.Reader, local, remote netip.AddrPort) (uint32, error) {
	lines := bufio.NewScanner(r)
	lines.Scan() // the heading
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 8 || f[3] != "01" {
			continue
		}
		if !isAddress(f[1], local) || !isAddress(f[2], remote) {
			continue
		}
		uid, err := strconv.ParseUint(f[7], 10, 32)
		if err != nil {
			return 0, fmt.Errorf("/proc/net/tcp: user %q: %w", f[7], err)
		}
		return uint32(uid), nil
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, errNoSocket
}

// isAddress compares an address of the table, "0100007F:1A0B", with a real one.
func isAddress(listed string, want netip.AddrPort) bool {
	got, err := parseAddress(listed)
	return err == nil && got.Port() == want.Port() && got.Addr() == want.Addr().Unmap().WithZone("")
}

// parseAddress reads one: 32-bit words in the machine's byte order, in
// hexadecimal, then the port.
func parseAddress(s string) (netip.AddrPort, error) {
	host, port, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if !ok || err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", s)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", s)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}
