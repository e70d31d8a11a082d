package channels_test

import (
	"context"
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
)

// hubHouse is a hub and the line to it.
type hubHouse struct {
	w       *world
	name    string
	url     string
	data    string
	hub     *hub.Hub
	down    bool
	held    []*held
	asked   int
	secret  [16]byte
	entries int
}

// held is a request that waits at a hub.
type held struct {
	answer func(channels.Answered)
	r      channels.Request
	until  time.Time
	gone   bool
}

func (w *world) hub(name string) *hubHouse {
	if h := w.named[name]; h != nil {
		return h
	}
	h := &hubHouse{w: w, name: name, url: "http://" + name + ".example/hub.cgi", data: filepath.Join(w.dir, name)}
	h.open()
	key, ok, err := hub.ReadClaim(h.data)
	if err != nil || !ok {
		w.t.Fatalf("the claim of %s: %v %v", name, ok, err)
	}
	h.secret = key.Secret
	w.named[name], w.hubs[h.hub.Fingerprint()] = h, h
	return h
}

func (h *hubHouse) open() {
	opened, err := hub.Open(hub.Config{Data: h.data, Alone: true, Held: 1000, Now: func() time.Time { return h.w.now }})
	if err != nil {
		h.w.t.Fatal(err)
	}
	h.hub = opened
	h.w.t.Cleanup(func() { opened.Close() })
}

func (h *hubHouse) address() channels.HubAddress {
	return channels.HubAddress{URL: h.url, Fingerprint: h.hub.Fingerprint()}
}

// ask carries a request to the hub.
func (h *hubHouse) ask(r channels.Request, answer func(channels.Answered)) {
	if h.down {
		answer(channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "it does not answer"}})
		return
	}
	h.asked++
	results, err := h.exchange(r)
	if err != nil {
		answer(channels.Answered{Request: r.ID, Failure: &channels.HubFailure{Kind: channels.Refused, Text: err.Error()}})
		return
	}
	if r.Wait > 0 && !news(r, results) {
		v := &held{answer: answer, r: r, until: h.w.now.Add(max(r.Wait, h.w.hold))}
		h.held = append(h.held, v)
		h.w.at(v.until, func() { h.look(v, true) })
		return
	}
	answer(channels.Answered{Request: r.ID, Results: results})
	if r.Wait == 0 {
		h.ring()
	}
}

// ring has all that waits look again.
func (h *hubHouse) ring() {
	for _, v := range slices.Clone(h.held) {
		h.w.at(h.w.now.Add(time.Millisecond), func() { h.look(v, false) })
	}
}

// look answers a waiting request if there is something, or if its time is over.
func (h *hubHouse) look(v *held, over bool) {
	if v.gone || h.down {
		return
	}
	results, err := h.exchange(v.r)
	if err != nil {
		h.w.t.Fatalf("a waiting request: %v", err)
	}
	if over || news(v.r, results) {
		h.drop(v)
		v.answer(channels.Answered{Request: v.r.ID, Results: results})
	}
}

func (h *hubHouse) drop(v *held) {
	v.gone = true
	h.held = slices.DeleteFunc(h.held, func(o *held) bool { return o == v })
}

// news says that a waiting request is to be answered at once.
func news(r channels.Request, results []wire.Result) bool {
	for i, c := range r.Calls {
		if c.Op != wire.OpFetch {
			continue
		}
		var f wire.FetchResult
		if results[i].Error != nil || codec.Unmarshal(results[i].Value, &f) != nil || len(f.Entries) > 0 || f.More || f.Restored {
			return true
		}
	}
	return false
}

// exchange seals a request, has the hub answer it, and opens the answer.
func (h *hubHouse) exchange(r channels.Request) ([]wire.Result, error) {
	shown, err := h.hub.Keys()
	if err != nil {
		return nil, err
	}
	keys, err := wire.OpenHubKeys(shown)
	if err != nil {
		return nil, err
	}
	if keys.Fingerprint() != r.Hub.Fingerprint {
		return nil, fmt.Errorf("another hub")
	}
	key, err := keys.Newest()
	if err != nil {
		return nil, err
	}
	calls := slices.Clone(r.Calls)
	for i := range calls {
		if f, ok := calls[i].Args.(wire.FetchArgs); ok {
			f.Wait = 0
			calls[i].Args = f
		}
	}
	sealed, exchange, err := wire.SealRequest(key, r.Hub.Fingerprint, h.w.now.Unix(), calls)
	if err != nil {
		h.w.t.Fatalf("sealing a request: %v", err)
	}
	answer, err := h.hub.Answer(context.Background(), sealed)
	if err != nil {
		return nil, err
	}
	response, err := exchange.OpenResponse(answer)
	if err != nil {
		return nil, err
	}
	if response.Error != nil {
		return nil, response.Error
	}
	return response.Results, nil
}

// fall takes the hub down: what waits there breaks off.
func (h *hubHouse) fall() {
	h.down = true
	for _, v := range slices.Clone(h.held) {
		h.drop(v)
		v.answer(channels.Answered{Request: v.r.ID, Failure: &channels.HubFailure{Kind: channels.Unreachable, Text: "the connection broke"}})
	}
}

func (h *hubHouse) rise() { h.down = false }

// backup copies the hub's folder, restore puts it back, wipe deletes the
// database in it but not the keys. The hub is down meanwhile.
func (h *hubHouse) backup() {
	h.hub.Close()
	if err := os.CopyFS(h.data+".backup", os.DirFS(h.data)); err != nil {
		h.w.t.Fatal(err)
	}
	h.open()
}

func (h *hubHouse) restore() {
	h.hub.Close()
	if err := errors.Join(os.RemoveAll(h.data), os.Rename(h.data+".backup", h.data)); err != nil {
		h.w.t.Fatal(err)
	}
	h.open()
}

func (h *hubHouse) wipe() {
	h.hub.Close()
	files, err := filepath.Glob(filepath.Join(h.data, "*.db*"))
	if err != nil || len(files) == 0 {
		h.w.t.Fatal("there is nothing to wipe")
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			h.w.t.Fatal(err)
		}
	}
	h.open()
}
