package hub

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// What the hub counts for its owner: requests, by samples, and refusals by their code.
// Of a refusal no more is written down at once than one byte in a file, so that it
// costs next to nothing. Of what could not be opened the file's size is how many there
// were; of what was refused each byte is a code's letter.
const (
	countRequests = "requests"
	countUnsealed = "unsealed"
	countCrowded  = "crowded"

	unsealedName = "unsealed"
	refusedName  = "refused"
	mostNoted    = 1 << 16 // bytes in each; beyond it nothing is counted until somebody reads it
	mostRefused  = 256     // of one request
)

// counted are the codes that are counted, in the order of their letters, from "a" on:
// none may ever get another's place.
var counted = []string{
	countCrowded,
	string(wire.CodeBad), string(wire.CodeDenied), string(wire.CodeUnknown), string(wire.CodeRevoked), string(wire.CodeUsed),
	string(wire.CodeWithdrawn), string(wire.CodeExpired), string(wire.CodeStale), string(wire.CodeFull), string(wire.CodeBusy),
	string(wire.CodeTime), string(wire.CodeInternal), string(wire.CodeClosed), string(wire.CodeBanned),
}

// letters are the refusals in a request's results, a letter each.
func letters(results []wire.Result, crowded error) (refusals []byte) {
	note := func(code string) {
		if i := slices.Index(counted, code); i >= 0 && len(refusals) < mostRefused {
			refusals = append(refusals, 'a'+byte(i))
		}
	}
	for _, r := range results {
		if r.Error != nil {
			note(string(r.Error.Code))
		}
	}
	if crowded != nil {
		note(countCrowded)
	}
	return refusals
}

// addRefusals counts letters.
func addRefusals(counts map[string]int64, letters []byte) {
	for _, l := range letters {
		if i := int(l) - 'a'; i >= 0 && i < len(counted) {
			counts[counted[i]]++
		}
	}
}

// isSampled says whether a request is one of those that are written down. It is by
// chance, and not by anything of the request: who has found one that is not would send
// that for ever.
func isSampled() bool {
	return rand.N(sampled) == 0
}

// tally writes down a request that was answered: what was refused; and, if it is its
// turn, all that is to be counted, for what the owner is told and for the budget of
// its address. There what was refused weighs more.
func (h *Hub) tally(ctx context.Context, v visitor, results []wire.Result, crowded error) {
	refusals := letters(results, crowded)
	if !isSampled() {
		h.append(refusedName, refusals)
		return
	}
	weight := int64(sampled) * int64(1+len(refusals))
	if crowded != nil {
		weight = 0 // or it could never come back
	}
	refusals = append(refusals, h.takeRefused()...)
	counts := map[string]int64{countRequests: sampled}
	addRefusals(counts, refusals)
	if n := h.takeUnsealed(); n > 0 {
		counts[countUnsealed] += n
	}
	err := h.withStore(func(s store.Store) error {
		return s.Note(context.WithoutCancel(ctx), h.config.Now(), func(tx store.Tx) error {
			err := v.budgets(func(key store.BudgetKey, budget store.Budget) error {
				if weight == 0 {
					return nil
				}
				return tx.Charge(key, weight, budget)
			})
			if err != nil {
				return err
			}
			for name, n := range counts {
				if err := tx.Count(name, n); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil {
		return
	}
	h.append(refusedName, refusals)
	if !lacksRoom(err) && !errors.Is(err, store.ErrBusy) {
		h.config.Log.Error("counting requests", "error", err)
	}
}

// noteUnsealed counts a request that could not be opened.
func (h *Hub) noteUnsealed() { h.append(unsealedName, []byte{'!'}) }

// append writes behind what a file of counts has, as far as there is room.
func (h *Hub) append(name string, bytes []byte) {
	if len(bytes) == 0 {
		return
	}
	f, err := os.OpenFile(filepath.Join(h.config.Data, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() < mostNoted {
		f.Write(bytes)
	}
}

// takeUnsealed returns how many were counted, and begins anew.
func (h *Hub) takeUnsealed() int64 {
	n := h.unsealed()
	if n == 0 || os.Truncate(filepath.Join(h.config.Data, unsealedName), 0) != nil {
		return 0
	}
	return n
}

// takeRefused returns the letters of what was refused, and begins anew.
func (h *Hub) takeRefused() []byte {
	letters := h.refused()
	if len(letters) == 0 || os.Truncate(filepath.Join(h.config.Data, refusedName), 0) != nil {
		return nil
	}
	return letters
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
