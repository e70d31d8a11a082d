package hub

import (
	"os"
	"path/filepath"
	"sync"
	"time"
)

// bell tells requests that wait, in this process and in others, that something
// was committed. Between processes it is a file that is written after each
// commit: a watch on the database's own files would wake too early.
type bell struct {
	path  string
	alone bool // no other process listens or rings

	mu      sync.Mutex
	waiting map[chan struct{}]bool
	watch   watch // on the file, while anybody waits
}

// watch is a watch on a file; Close ends it.
type watch interface{ Close() error }

func newBell(data string, alone bool) *bell {
	return &bell{path: filepath.Join(data, "bell"), alone: alone, waiting: make(map[chan struct{}]bool)}
}

// ring wakes all who wait.
func (b *bell) ring() error {
	b.wake()
	if b.alone {
		return nil
	}
	f, err := b.open()
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte{'!'}, 0)
	return err
}

// open opens the bell's file, and makes it.
func (b *bell) open() (*os.File, error) {
	return os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE, 0o600)
}

// wake wakes those who wait in this process.
func (b *bell) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for heard := range b.waiting {
		select {
		case heard <- struct{}{}:
		default: // it has not yet looked since the last time
		}
	}
}

// listen returns a channel that gets a value when the bell has rung. stop ends
// that, and is to be called also after an error, with which the bell is only
// heard from within this process.
func (b *bell) listen() (heard <-chan struct{}, stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	mine := make(chan struct{}, 1)
	if len(b.waiting) == 0 && !b.alone {
		b.watch, err = b.begin()
	}
	b.waiting[mine] = true
	return mine, func() { b.stop(mine) }, err
}

// begin starts the watch on the file.
func (b *bell) begin() (watch, error) {
	f, err := b.open()
	if err != nil {
		return nil, err
	}
	f.Close()
	return watchFile(b.path, b.wake)
}

// stop forgets one who waited, and with the last of them the watch.
func (b *bell) stop(mine chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, mine)
	if len(b.waiting) == 0 && b.watch != nil {
		b.watch.Close()
		b.watch = nil
	}
}

// every is how often to look without being told: seldom beside a bell, in case
// it is on a file system that several machines share, where it is not heard
// from one to another; often without.
func (b *bell) every() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.alone:
		return 0
	case b.watch == nil:
		return 250 * time.Millisecond
	}
	return 2 * time.Second
}
