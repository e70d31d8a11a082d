package channels_test

import (
	"os/signal"
	"syscall"
	"testing"
)

func init() { fullDisk = withoutDisk }

// withoutDisk runs f while no file can be written, as on a full disk.
func withoutDisk(t testing.TB, f func()) {
	signal.Ignore(syscall.SIGXFSZ) // so that a write fails instead
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	full := was
	full.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}
