package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hubbub/hub/lock"
	"hubbub/hub/store"
)

// reportRoom is what a report takes in an answer.
const reportRoom = 16 << 10

// report is how the hub is. What it has counted is told as it was written down:
// requests by sampling, and so roughly; refusals, and what could not be opened, to the
// last, unless they are a flood (tally.go).
func (a *answer) report(tx store.Tx) (any, error) {
	if a.room < reportRoom {
		return nil, noRoom()
	}
	a.room -= reportRoom
	r, err := tx.Report()
	if err == nil {
		r.Generation, err = tx.Generation()
	}
	if err != nil {
		return nil, err
	}
	h := a.hub
	r.Software, r.Time = Software, h.config.Now().Unix()
	if r.Since == 0 {
		r.Since = r.Time
	}
	if r.Refusals == nil {
		r.Refusals = make(map[string]int64)
	}
	addRefusals(r.Refusals, h.refused())
	if n := h.unsealed(); n > 0 {
		r.Refusals[countUnsealed] += n
	}
	r.Free, r.Size = freeBytes(h.config.Data), folderBytes(h.config.Data)
	r.Held, r.Waiting = int64(max(0, h.config.Held)), h.taken()
	r.Damaged = Damaged(h.config.Data)
	if len(r.Damaged) > maxDamaged {
		r.Damaged = r.Damaged[len(r.Damaged)-maxDamaged:]
	}
	return r, nil
}

// maxDamaged is how many databases that were set aside are named.
const maxDamaged = 16

// unsealed is how many requests could not be opened and are not written down yet.
func (h *Hub) unsealed() int64 {
	info, err := os.Stat(filepath.Join(h.config.Data, unsealedName))
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// refused are the letters of what was refused and is not written down yet.
func (h *Hub) refused() []byte {
	f, err := os.Open(filepath.Join(h.config.Data, refusedName))
	if err != nil {
		return nil
	}
	defer f.Close()
	letters, err := io.ReadAll(io.LimitReader(f, mostNoted+mostRefused))
	if err != nil {
		return nil
	}
	return letters
}

// taken is how many of the places for requests that wait are taken.
func (h *Hub) taken() (n int64) {
	for i := range h.config.Held {
		path := filepath.Join(h.config.Data, "held", fmt.Sprint(i))
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			break // nobody has ever needed so many
		}
		release, free, err := lock.Try(path)
		switch {
		case err != nil:
		case free:
			release()
		default:
			n++
		}
	}
	return n
}

// folderBytes is what the files in a folder, and in those in it, have together.
func folderBytes(path string) (size int64) {
	filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
