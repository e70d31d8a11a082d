package hubclient_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/web"
)

// realHub is the real hub on loopback, with a clock that the test moves.
type realHub struct {
	data  string
	hub   *hub.Hub
	ahead atomic.Int64 // its clock beyond ours, in nanoseconds
	*httptest.Server
}

func startHub(t *testing.T) *realHub {
	t.Helper()
	r := &realHub{data: t.TempDir()}
	h, err := hub.Open(hub.Config{Data: r.data, Alone: true, Now: func() time.Time {
		return time.Now().Add(time.Duration(r.ahead.Load()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	r.hub = h
	r.Server = httptest.NewServer(web.Handler(h))
	t.Cleanup(func() {
		r.Server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// person speaks to the hub with one key.
type person struct {
	t      *testing.T
	client *hubclient.Client
	key    ed25519.PrivateKey
}

func (r *realHub) person(t *testing.T) person {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := hubclient.New(hubclient.Address{URL: r.URL + "/", Fingerprint: r.hub.Fingerprint()}, hubclient.Options{})
	t.Cleanup(c.Close)
	return person{t, c, key}
}

func (p person) token() wire.Token { return wire.Token(p.key.Public().(ed25519.PublicKey)) }

// do makes one call and reads its result into value.
func (p person) do(op wire.Op, channel wire.Channel, args, value any) error {
	a, err := p.client.Do(p.t.Context(), []wire.SignedCall{{Op: op, Channel: channel, Args: args, Key: p.key}})
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if a.Results[0].Error != nil {
		return fmt.Errorf("%s: %w", op, a.Results[0].Error)
	}
	if value == nil {
		return nil
	}
	return codec.Unmarshal(a.Results[0].Value, value)
}

// call is do that must succeed.
func (p person) call(op wire.Op, channel wire.Channel, args, value any) {
	p.t.Helper()
	if err := p.do(op, channel, args, value); err != nil {
		p.t.Fatal(err)
	}
}

// An owner claims the hub, opens a channel, and what he puts reaches the
// fetch that waits for it; and all of it again after the hub's clock has run
// on by weeks, when its keys are others.
func TestRealHub(t *testing.T) {
	r := startHub(t)
	r.ahead.Store(int64(3 * time.Hour))
	owner, member := r.person(t), r.person(t)
	claim, ok, err := hub.ReadClaim(r.data)
	if err != nil || !ok || claim.Fingerprint != r.hub.Fingerprint() {
		t.Fatalf("claim %+v, %v, %v", claim, ok, err)
	}
	var claimed wire.ClaimResult
	owner.call(wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: claim.Secret}, &claimed)
	if !claimed.Owner {
		t.Error("the owner is not the owner")
	}
	channel := wire.Channel{1, 2, 3}
	owner.call(wire.OpOpen, channel, wire.OpenArgs{Root: member.token()}, nil)

	after, last := int64(0), wire.EntryID{}
	var found wire.FetchResult
	for _, later := range []time.Duration{0, 5 * time.Hour, 21 * 24 * time.Hour} {
		r.ahead.Add(int64(later))
		fetched := make(chan error, 1)
		fetch := wire.FetchArgs{After: after, ID: last, Limit: 1, Wait: 20_000}
		found = wire.FetchResult{}
		go func() { fetched <- member.do(wire.OpFetch, channel, fetch, &found) }()
		entry := []byte("an entry " + later.String())
		var put wire.PutResult
		member.call(wire.OpPut, channel, wire.PutArgs{Class: wire.ClassKeep, Entry: entry}, &put)
		if !put.New {
			t.Errorf("%v later: put %+v", later, put)
		}
		if err := <-fetched; err != nil {
			t.Fatal(err)
		}
		if len(found.Entries) != 1 || string(found.Entries[0].Bytes) != string(entry) || found.Entries[0].Position != put.Position {
			t.Fatalf("%v later: found %+v", later, found)
		}
		after, last = put.Position, wire.EntryID(sha256.Sum256(entry))
	}
}

// A hub is known by asking its URL.
func TestRealHubProbe(t *testing.T) {
	r := startHub(t)
	p, err := hubclient.ProbeKeys(t.Context(), hubclient.Location{URL: r.URL}, hubclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Keys.Fingerprint() != r.hub.Fingerprint() || p.Keys.Software != hub.Software {
		t.Errorf("probed %+v", p.Keys)
	}
}
