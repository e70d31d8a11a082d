package hub

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// What the hub counts for its owner: requests, and refusals by their code. Of
// what could not be opened no more is written down than one byte in a file, so
// that it costs next to nothing: the file's size is how many there were.
const (
	countRequests = "requests"
	countUnsealed = "unsealed"
	countCrowded  = "crowded"

	unsealedName = "unsealed"
	mostUnsealed = 1 << 16 // beyond it nothing is counted until somebody reads it
)

// isSampled says whether the request of this enc is one of those that are written
// down. Nobody who does not know the hub's keys can tell.
func (h *Hub) isSampled(enc [32]byte) bool {
	mac := hmac.New(sha256.New, h.keys.self.Load().identity.Seed())
	mac.Write([]byte("hubbub sample"))
	mac.Write(enc[:])
	return mac.Sum(nil)[0]%sampled == 0
}

// tally writes down a request that was answered, if it is its turn: for what the
// owner is told, and for the budget of its address. What was refused weighs more.
func (h *Hub) tally(ctx context.Context, v visitor, enc [32]byte, results []wire.Result, refused error) {
	if !h.isSampled(enc) {
		return
	}
	counts := map[string]int64{countRequests: sampled}
	weight := int64(sampled)
	for _, r := range results {
		if r.Error != nil {
			counts[string(r.Error.Code)] += sampled
			weight += sampled
		}
	}
	if refused != nil {
		counts[countCrowded] += sampled
		weight = 0 // or it could never come back
	}
	if n := h.takeUnsealed(); n > 0 {
		counts[countUnsealed] += n
	}
	err := h.withStore(func(s store.Store) error {
		return s.Note(context.WithoutCancel(ctx), h.config.Now(), func(tx store.Tx) error {
			if v.limited && weight > 0 {
				if err := tx.Charge(v.key, weight, addressBudget); err != nil {
					return err
				}
			}
			for name, n := range counts {
				if err := tx.Count(name, n); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil && !lacksRoom(err) && !errors.Is(err, store.ErrBusy) {
		h.config.Log.Error("counting requests", "error", err)
	}
}

// noteUnsealed counts a request that could not be opened.
func (h *Hub) noteUnsealed() {
	f, err := os.OpenFile(filepath.Join(h.config.Data, unsealedName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() < mostUnsealed {
		f.Write([]byte{'!'})
	}
}

// takeUnsealed returns how many were counted, and begins anew.
func (h *Hub) takeUnsealed() int64 {
	path := filepath.Join(h.config.Data, unsealedName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err != nil || info.Size() == 0 {
		return 0
	}
	if os.Truncate(path, 0) != nil {
		return 0
	}
	return info.Size()
}

// Damaged names the databases in a hub's data folder that were set aside because
// they were damaged.
func Damaged(data string) []string { return store.Aside(filepath.Join(data, databaseName)) }

// withStore does something with what the hub keeps. If that was damaged it was set
// aside, and it is done once more, with a new one: the gateways fill that again.
func (h *Hub) withStore(f func(store.Store) error) error {
	once := func() error {
		s, err := h.data()
		if err != nil {
			return err
		}
		return f(s)
	}
	err := once()
	var damaged *store.Damaged
	if !errors.As(err, &damaged) {
		return err
	}
	if damaged.Aside != "" {
		h.config.Log.Error("the database was damaged: it was set aside, and a new one has begun, which the gateways fill again",
			"aside", damaged.Aside, "error", damaged.Cause)
	}
	return once()
}

// Journal says how the hub's data is kept: "wal", or "persist" where there is no
// shared memory between processes, which a write-ahead log needs. It makes the
// database if there is none yet.
func (h *Hub) Journal() (mode string, err error) {
	err = h.withStore(func(s store.Store) error {
		mode, err = s.Journal()
		return err
	})
	return mode, err
}
