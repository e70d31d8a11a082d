package sim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/store"
)

// entryID is the SHA-256 of an entry.
type entryID = [32]byte

// house is where a hub lives: the real one, and how it fares.
type house struct {
	w       *World
	name    string
	url     string
	urls    []string // where it was before
	data    string
	hub     *hub.Hub
	limits  store.Limits
	owner   *person
	secret  [16]byte
	skew    time.Duration // of its clock
	down    bool
	dead    bool     // for ever
	broken  brokenAs // how it fails while it is not down
	lie     *liar    // nil: it is honest
	lied    bool
	lies    int
	shaken  []time.Time      // when something happened to it
	moved   time.Time        // when it has; zero: it has not
	outage  *outage          // while it is down
	dropped map[entryID]bool // entries that it has said it holds, and does not
	wiped   bool             // and not claimed again
	backup  string           // a copy of its data folder; empty: none
	keys    *wire.HubKeys
	shown   time.Time // when keys were
	held    []*letter
	writes  map[wire.Channel]int // what may have changed what a fetch finds
	cached  map[fetching]cached
	lineage int  // how often it has lost something
	crowded bool // it was full
}

// fetching is a fetch of a channel, as far as it decides what is found.
type fetching struct {
	channel wire.Channel
	token   wire.Token
	after   int64
	id      wire.EntryID
}

// cached is what a fetch has found, or will.
type cached struct {
	writes int
	at     time.Time
	result wire.Result
}

// cachedFor is how long a hub is not asked again: in longer times it forgets.
const cachedFor = 6 * time.Hour

// build makes a hub, which nobody has claimed.
func (w *World) build(name string) *house {
	h := &house{
		w: w, name: name, url: "http://" + name + ".example/hub.cgi", data: filepath.Join(w.options.Dir, name),
		limits: store.DefaultLimits(), writes: map[wire.Channel]int{}, dropped: map[entryID]bool{}, cached: map[fetching]cached{},
	}
	h.open()
	h.secret = h.claimKey()
	w.houses = append(w.houses, h)
	return h
}

// claimKey is the owner's key in the hub's folder.
func (h *house) claimKey() [16]byte {
	key, ok, err := hub.ReadClaim(h.data)
	if err == nil && !ok {
		err = errors.New("there is no claim.txt")
	}
	h.w.must(err)
	return key.Secret
}

func (h *house) open() {
	opened, err := hub.Open(hub.Config{Data: h.data, Alone: true, Limits: h.limits, Now: func() time.Time { return h.w.now.Add(h.skew) }})
	h.w.must(err)
	h.hub = opened
}

// again closes the hub, does something to its folder, and opens it.
func (h *house) again(do func() error) {
	h.w.must(h.hub.Close())
	h.w.must(do())
	clear(h.cached)
	h.open()
}

func (h *house) address() channels.HubAddress {
	return channels.HubAddress{URL: h.url, Fingerprint: h.hub.Fingerprint()}
}

// key is what requests are sealed to. It is asked for once a day, and when the
// hub does not know the old one any more.
func (h *house) key() (wire.HubKey, error) {
	if h.keys == nil || h.w.now.Sub(h.shown) > 24*time.Hour {
		shown, err := h.hub.Keys()
		if err != nil {
			return wire.HubKey{}, err
		}
		keys, err := wire.OpenHubKeys(shown)
		if err != nil {
			return wire.HubKey{}, err
		}
		h.keys, h.shown = &keys, h.w.now
	}
	return h.keys.Newest()
}

// exchange seals calls, has the hub answer them, and opens the answer. seconds is
// what the asker takes the hub's clock for: where he is wrong he is told, and asks
// again, as hubclient does.
func (h *house) exchange(seconds func() int64, correct func(time.Duration), calls []wire.SignedCall) ([]wire.Result, error) {
	calls = slices.Clone(calls)
	for i := range calls {
		if f, ok := calls[i].Args.(wire.FetchArgs); ok {
			f.Wait = 0 // the world holds it
			calls[i].Args = f
		}
	}
	for try := 0; ; try++ {
		key, err := h.key()
		if err != nil {
			return nil, err
		}
		h.w.sealed++
		sealed, exchange, err := wire.SealRequest(key, h.hub.Fingerprint(), seconds(), calls)
		if err != nil {
			h.w.fatal(Sound, "sealing a request: %v", err)
		}
		answer, err := h.hub.Answer(context.Background(), sealed)
		var refusal *hub.Refusal
		if errors.As(err, &refusal) && refusal.Status == wire.StatusUnknownKey && try == 0 {
			h.keys = nil
			continue
		}
		if err != nil {
			return nil, err
		}
		response, err := exchange.OpenResponse(answer)
		if err != nil {
			h.w.fatal(Sound, "opening an answer: %v", err)
		}
		if response.Error != nil {
			if response.Error.Code == wire.CodeTime && try == 0 {
				correct(time.Unix(response.Time, 0).Sub(h.w.now))
				continue
			}
			return nil, response.Error
		}
		h.note(calls, response.Results)
		return response.Results, nil
	}
}

// note keeps in mind what calls have changed, and wakes who waits for it.
func (h *house) note(calls []wire.SignedCall, results []wire.Result) {
	for i, c := range calls {
		if results[i].Error != nil {
			continue
		}
		switch args := c.Args.(type) {
		case wire.FetchArgs:
			h.remember(c, args, results[i])
			continue
		case wire.PutArgs:
			var put wire.PutResult
			if codec.Unmarshal(results[i].Value, &put) == nil {
				h.w.stored[sha256.Sum256(args.Entry)] = true
				if !put.New {
					continue
				}
			}
		}
		switch c.Op {
		case wire.OpAck, wire.OpStatus, wire.OpPeek, wire.OpClaim, wire.OpOffer, wire.OpWithdraw:
			continue
		case wire.OpRedeem: // it names no channel
			h.wroteIn(nil)
			for _, entry := range entriesOf(c) {
				h.w.stored[sha256.Sum256(entry)] = true
			}
			continue
		}
		h.wroteIn(&c.Channel)
	}
}

// wroteIn says that something was written in a channel, or, with nil, in some.
func (h *house) wroteIn(channel *wire.Channel) {
	if channel == nil {
		for c := range h.writes {
			h.writes[c]++
		}
	} else {
		h.writes[*channel]++
	}
	for _, l := range slices.Clone(h.held) {
		if channel == nil || slices.ContainsFunc(l.r.Calls, func(c wire.SignedCall) bool { return c.Channel == *channel }) {
			h.w.after(time.Millisecond+h.w.some(2*time.Millisecond), func() { h.look(l, false) })
		}
	}
}

func fetchingOf(c wire.SignedCall, args wire.FetchArgs) fetching {
	return fetching{c.Channel, wire.Token(c.Key.Public().(publicKey)), args.After, args.ID}
}

// remember keeps what a fetch has found, and so what the next one of the same
// member will find if nothing is written before.
func (h *house) remember(c wire.SignedCall, args wire.FetchArgs, result wire.Result) {
	var f wire.FetchResult
	if codec.Unmarshal(result.Value, &f) != nil {
		return
	}
	n, known := h.writes[c.Channel]
	if !known {
		h.writes[c.Channel] = 0 // for wroteIn
	}
	key := fetchingOf(c, args)
	h.cached[key] = cached{n, h.w.now, result}
	if len(f.Entries) == 0 || f.More {
		return
	}
	last := f.Entries[len(f.Entries)-1]
	key.after, key.id = last.Position, sha256.Sum256(last.Bytes)
	value, err := codec.Marshal(wire.FetchResult{Head: f.Head, Generation: f.Generation})
	h.w.must(err)
	h.cached[key] = cached{n, h.w.now, wire.Result{Value: value}}
}

// recall is what the hub would answer to fetches, if that is known.
func (h *house) recall(calls []wire.SignedCall) ([]wire.Result, bool) {
	results := make([]wire.Result, len(calls))
	for i, c := range calls {
		args, ok := c.Args.(wire.FetchArgs)
		if !ok {
			return nil, false
		}
		k, ok := h.cached[fetchingOf(c, args)]
		if !ok || k.writes != h.writes[c.Channel] || h.w.now.Sub(k.at) > cachedFor {
			return nil, false
		}
		results[i] = k.result
	}
	return results, true
}

// ask has the hub answer a request.
func (h *house) ask(l *letter) ([]wire.Result, error) {
	known, ok := h.recall(l.r.Calls)
	if ok && !h.w.plan.exact {
		return known, nil
	}
	if h.lie != nil {
		return h.lie.exchange(l)
	}
	results, err := h.exchange(l.way.seconds, l.way.correct, l.r.Calls)
	if ok && err == nil && !slices.EqualFunc(known, results, equalFetch) {
		h.w.fatal(Sound, "%s would have been thought to answer\n\t%+v, and answers\n\t%+v", h.name, known, results)
	}
	return results, err
}

func equalFetch(a, b wire.Result) bool {
	return string(a.Value) == string(b.Value) && (a.Error == nil) == (b.Error == nil)
}

// copyFolder copies the files of a folder that has no folders worth keeping.
func copyFolder(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

// wipe has the hub lose its database, and keep its keys.
func (h *house) wipe() {
	h.again(func() error {
		files, err := filepath.Glob(filepath.Join(h.data, "hub.db*"))
		if err == nil && len(files) == 0 {
			err = fmt.Errorf("%s has nothing to wipe", h.name)
		}
		for _, f := range files {
			err = errors.Join(err, os.Remove(f))
		}
		return err
	})
	if h.lineage == 0 {
		h.witness(true)
	}
	h.w.shake(nil, h)
	h.wiped = true
	h.lineage++
	h.changed()
}

// save keeps a copy of the hub's folder.
func (h *house) save() {
	h.backup = h.data + ".backup"
	h.again(func() error { return copyFolder(h.data, h.backup) })
}

// rollBack puts the copy back.
func (h *house) rollBack() {
	h.w.shake(nil, h)
	h.again(func() error { return copyFolder(h.backup, h.data) })
	h.lineage++
	h.changed()
}

// changed breaks off what waits: the hub is another than before.
func (h *house) changed() {
	h.keys = nil
	for c := range h.writes {
		h.writes[c]++
	}
	h.hangUp(func(*letter) bool { return true })
}

// reclaim gives the hub's owner another key for it, as docs/hub.md says.
func (h *house) reclaim() {
	h.again(func() error { return os.WriteFile(filepath.Join(h.data, "claim.txt"), nil, 0o600) })
	h.secret = h.claimKey()
}

// fit sets how much the hub may hold.
func (h *house) fit(total int64) {
	h.limits.Total = total
	h.crowded = h.crowded || total != 0
	h.w.shake(nil, h)
	h.again(func() error { return nil })
}
