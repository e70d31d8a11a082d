//go:build !unix

package hubtest

import (
	"os/exec"
	"testing"
)

// owner is asked for only where there are users as in Unix.
func owner(testing.TB, string) string { return "" }

// inGroup is for servers that are there on Unix alone.
func inGroup(testing.TB, *exec.Cmd, string) {}

func endGroup(c *exec.Cmd) { c.Process.Kill() }
