package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstPassed is the first descriptor that systemd passes (sd_listen_fds(3)).
const firstPassed = 3

// maxPassed bounds what is believed of LISTEN_FDS.
const maxPassed = 64

// passed returns the sockets that systemd has opened for this process, with the
// names that it gives them (FileDescriptorName=). Programs that hubd might
// start are not to take them for theirs.
func passed() ([]road, error) {
	pid, fds, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	if fds == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 || n > maxPassed {
		return nil, fmt.Errorf("LISTEN_FDS is %.20q", fds)
	}
	named := strings.Split(names, ":")
	var roads []road
	for i := range n {
		name := ""
		if i < len(named) {
			name = named[i]
		}
		listener, err := listenerOf(os.NewFile(uintptr(firstPassed+i), name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("socket %d (%s) from systemd: %w", i+1, name, err), closeAll(roads))
		}
		roads = append(roads, road{Listener: listener, speaks: name, lasting: true})
	}
	return roads, nil
}

// listenerOf makes a listener of a socket that another program has opened, and
// closes its file.
func listenerOf(file *os.File) (net.Listener, error) {
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&os.ModeSocket == 0:
		return nil, errors.New("it is no socket")
	case !listens(file):
		return nil, errors.New("it is a connection, or has none to accept: hubd takes a socket that listens (Accept=no)")
	}
	return net.FileListener(file)
}

// notify tells systemd of a change of state (sd_notify(3)), if it asks for that.
func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("telling systemd: %w", err)
	}
	defer conn.Close()
	_, err = conn.Write([]byte(state))
	return err
}
