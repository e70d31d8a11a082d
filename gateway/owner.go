package main

import (
	"fmt"
	"net"
	"net/netip"
)

// strangerText is what another user of this machine is told.
const strangerText = "This gateway is another user's. If it is yours, set a password in its configuration (docs/configuration.md) and give it when you connect."

// checkOwner refuses a connection from this machine whose socket is not the
// gateway's own user's. It is asked only when no password is set; then nobody
// on another machine can connect either (config.check). The error is for the log;
// the client is told strangerText.
func checkOwner(conn net.Conn) error {
	client, err := addrPort(conn.RemoteAddr())
	if err != nil {
		return err
	}
	server, err := addrPort(conn.LocalAddr())
	if err != nil {
		return err
	}
	own, err := ownUser(client, server)
	if err != nil {
		return fmt.Errorf("whose connection %v is can't be told: %w", client, err)
	}
	if !own {
		return fmt.Errorf("connection %v is another user's", client)
	}
	return nil
}

// addrPort is the netip form of a TCP address.
func addrPort(a net.Addr) (netip.AddrPort, error) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("%v is not a TCP address", a)
	}
	return tcp.AddrPort(), nil
}
