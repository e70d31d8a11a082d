package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestOwnConnectionIsKnown(t *testing.T) {
	tests := []struct{ name, network, listen, dial string }{
		{"IPv4", "tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"IPv4 on a socket for both", "tcp", "[::]:0", "127.0.0.1"},
		{"IPv6", "tcp6", "[::1]:0", "::1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen(tt.network, tt.listen)
			if err != nil && strings.Contains(tt.listen, "::") {
				t.Skip("no IPv6 here: ", err)
			} else if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			_, port, _ := net.SplitHostPort(l.Addr().String())
			client, err := net.Dial("tcp", net.JoinHostPort(tt.dial, port))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if err := checkOwner(server); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClosedConnectionIsNobodys(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client.Close()
	if err := checkOwner(server); !errors.Is(err, errNoSocket) {
		t.Errorf("a closed socket's owner: %v", err)
	}
}

// A connection that another user really makes. It takes root to be another
// user, and setpriv of util-linux.
func TestAnotherUsersConnectionIsRefused(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv("CI") != "true" {
		t.Skip("runs as root with CI=true")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	const nobody = 65534
	stranger := exec.Command("setpriv", "--reuid", fmt.Sprint(nobody), "--clear-groups",
		"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port+"; read -u 3 line")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer stranger.Wait()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	err = checkOwner(server)
	if err == nil || !strings.Contains(err.Error(), "another user's") {
		t.Errorf("another user's connection: %v", err)
	}
	client, _ := addrPort(server.RemoteAddr())
	us, _ := addrPort(server.LocalAddr())
	if uid, err := socketOwner(client, us); err != nil || uid != nobody {
		t.Errorf("the socket is of user %d, %v; want %d", uid, err, nobody)
	}
}

// The same at a whole gateway: another user is turned away with words, unless
// there is a password, which then decides alone.
func TestAnotherUserAtTheGateway(t *testing.T) {
	if os.Getuid() != 0 || os.Getenv("CI") != "true" {
		t.Skip("runs as root with CI=true")
	}
	// answer is the first line that another user gets to read.
	answer := func(address, first string) string {
		_, port, _ := net.SplitHostPort(address)
		out, err := exec.Command("setpriv", "--reuid", "65534", "--clear-groups", "timeout", "20", "bash", "-c",
			"exec 3<>/dev/tcp/127.0.0.1/"+port+"; printf '"+first+"NICK mallory\\r\\nUSER m 0 * :M\\r\\n' >&3; grep -m 1 -E '^ERROR| 001 ' <&3").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	address, _ := served(t, "[embedded_hub]\nlisten = \"\"\n")
	if got := answer(address, ""); !strings.Contains(got, "ERROR :This gateway is another user's") || !strings.Contains(got, "set a password") {
		t.Errorf("without a password: %q", got)
	}
	address, _ = served(t, "password = \"sesame\"\n[embedded_hub]\nlisten = \"\"\n")
	if got := answer(address, "PASS sesame\\r\\n"); !strings.Contains(got, " 001 mallory ") {
		t.Errorf("with the password: %q", got)
	}
}

func TestFindSocket(t *testing.T) {
	// As on a little-endian machine; parseAddress reads words natively.
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1A0B 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 0100007F:D431 0100007F:1A0B 06 00000000:00000000 00:00000000 00000000     0        0 0 1
   2: 0100007F:D432 0100007F:1A0B 01 00000000:00000000 00:00000000 00000000  1001        0 2 1
   3: 0000000000000000FFFF00000100007F:D433 0000000000000000FFFF00000100007F:1A0B 01 00000000:00000000 00:00000000 00000000  1002        0 3 1
   4: broken
   5: 0100007F:D434 0100007F:1A0B 01 00000000:00000000 00:00000000 00000000  -1        0 2 1
`
	if a, err := parseAddress("0100007F:1A0B"); err != nil || a.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Skip("a big-endian machine")
	}
	server := netip.MustParseAddrPort("127.0.0.1:6667")
	tests := []struct {
		port uint16
		uid  uint32
		err  string
	}{
		{0xD431, 0, "not in"}, // in TIME_WAIT, which is listed as root's
		{0xD432, 1001, ""},
		{0xD433, 1002, ""},
		{0xD434, 0, "user"},
		{0xD435, 0, "not in"},
	}
	for _, tt := range tests {
		client := netip.AddrPortFrom(server.Addr(), tt.port)
		uid, err := findSocket(strings.NewReader(table), client, server)
		if uid != tt.uid || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("port %x: user %d, %v; want %d, %q", tt.port, uid, err, tt.uid, tt.err)
		}
	}
}
