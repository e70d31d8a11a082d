package store

import (
	"time"

	"hubbub/hub/lock"
)

// Those who write queue for it, in this process and beside others: whoever waits
// for SQLite's own lock looks again and again, ever more seldom, and with many
// writers somebody is always passed by until his time is over.

// turnTimeout is how long one waits for his turn: others may each be kept by
// somebody who holds the database, as a backup program does.
func turnTimeout() time.Duration { return 2 * busyTimeout }

// inTurn waits until it is this one's turn to write; done ends that. Where there
// are no locks SQLite's has to do. Errors: ErrBusy.
func (s *SQLite) inTurn() (done func(), err error) {
	s.write.Lock()
	path := s.path + "-turn-lock"
	release, free, err := lock.Try(path)
	if err == nil && !free {
		release, err = waitFor(path)
	}
	switch {
	case err == ErrBusy:
		s.write.Unlock()
		return nil, err
	case err != nil:
		return s.write.Unlock, nil
	}
	return func() { release(); s.write.Unlock() }, nil
}

// waitFor takes a lock, or gives up in the end.
func waitFor(path string) (release func(), err error) {
	type taken struct {
		release func()
		err     error
	}
	turn, gone := make(chan taken), make(chan struct{})
	go func() {
		release, err := lock.Wait(path)
		select {
		case turn <- taken{release, err}:
		case <-gone:
			if err == nil {
				release()
			}
		}
	}()
	over := time.NewTimer(turnTimeout())
	defer over.Stop()
	select {
	case t := <-turn:
		return t.release, t.err
	case <-over.C:
		close(gone)
		return nil, ErrBusy
	}
}
