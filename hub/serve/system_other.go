//go:build !unix

package main

import (
	"net"
	"os"
	"syscall"
)

// endings are the signals that end hubd in good order.
var endings = []os.Signal{os.Interrupt, syscall.SIGTERM}

func outliveLog() {}

func listens(*os.File) bool { return true }

func standing(net.Listener) bool { return false }
