//go:build unix

package hubtest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// owner is the user a file belongs to.
func owner(t testing.TB, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	u, err := user.LookupId(strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid)))
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}
