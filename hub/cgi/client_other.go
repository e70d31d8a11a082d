//go:build !unix

package main

import (
	"context"
	"os"
)

// brokenPipe is empty: there is no such signal here.
var brokenPipe []os.Signal

// watchClient cannot tell whether anybody reads out.
func watchClient(context.Context, func(), *os.File) {}
