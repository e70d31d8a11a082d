//go:build unix

package hub

import (
	"errors"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// dial connects to a TCP address, and says from which. It does without package net,
// which would make hub.cgi half a megabyte larger.
func dial(at netip.AddrPort, within time.Duration) (conn *os.File, from netip.AddrPort, err error) {
	family, address, own := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(at.Port()), Addr: as4(at.Addr())}), unix.Sockaddr(&unix.SockaddrInet4{})
	if at.Addr().Is6() {
		family, address, own = unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}, &unix.SockaddrInet6{}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, from, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	// A port that was bound is this connection's alone. One that connect chooses may
	// be another's too, to another place: he could pass the question on from there.
	if err = errors.Join(unix.SetNonblock(fd, true), unix.Bind(fd, own)); err == nil {
		err = unix.Connect(fd, address)
	}
	if err == unix.EINPROGRESS || err == unix.EINTR {
		err = connected(fd, time.Now().Add(within))
	}
	if err == nil {
		from, err = localOf(fd)
	}
	if err != nil {
		unix.Close(fd)
		return nil, from, os.NewSyscallError("connect", err)
	}
	return os.NewFile(uintptr(fd), "web server"), from, nil // not blocking, so it knows deadlines
}

// localOf is this side's address of a connection.
func localOf(fd int) (netip.AddrPort, error) {
	switch local, err := unix.Getsockname(fd); is := local.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(is.Addr), uint16(is.Port)), err
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(is.Addr), uint16(is.Port)), err
	default:
		return netip.AddrPort{}, err
	}
}

// connected waits until a connection stands.
func connected(fd int, until time.Time) error {
	for {
		left := time.Until(until)
		if left <= 0 {
			return unix.ETIMEDOUT
		}
		state := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(state, int(left/time.Millisecond)+1)
		if err != nil && err != unix.EINTR {
			return err
		}
		if n > 0 {
			break
		}
	}
	failed, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && failed != 0 {
		err = unix.Errno(failed)
	}
	return err
}

// as4 is an address of four bytes, if it is one.
func as4(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}
