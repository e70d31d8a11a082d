package hub_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
	"hubbub/hub/store"
)

// A request that waits is answered when something is put, at once.
func TestAWaitingFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone)
		s.lounge("bob")
		start := time.Now()
		result := make(chan wire.FetchResult)
		go func() {
			r, _ := s.as("bob").Fetch(lounge, wire.FetchArgs{Wait: 20_000})
			result <- r
		}()
		time.Sleep(7 * time.Second)
		synctest.Wait()
		_, err := s.as("alice").Put(lounge, "hello, bob")
		s.ok(err)
		if r := <-result; len(r.Entries) != 1 || r.Retry != 0 || time.Since(start) != 7*time.Second {
			t.Errorf("%+v after %s", r, time.Since(start))
		}
		// What is there already is not waited for.
		r, err := s.as("bob").Fetch(lounge, wire.FetchArgs{Wait: 20_000})
		s.ok(err)
		if len(r.Entries) != 1 || time.Since(start) != 7*time.Second {
			t.Errorf("%+v after %s", r, time.Since(start))
		}
		s.ok(s.hub.Close())
	})
}

// alone is the configuration for tests in virtual time.
func alone(c *hub.Config) { c.Alone, c.Now = true, time.Now }

func TestAWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone)
		s.lounge("bob")
		head, err := s.as("alice").Put(lounge, "hello")
		s.ok(err)
		wait := func(ctx context.Context, ms int64) (time.Duration, error) {
			start := time.Now()
			args := wire.FetchArgs{After: head.Position, ID: idOf("hello"), Limit: 1, Wait: ms}
			err := s.client.Call(ctx, s.as("bob").Sign(wire.OpFetch, lounge, args), new(wire.FetchResult))
			return time.Since(start), err
		}
		for ms, want := range map[int64]time.Duration{3000: 3 * time.Second, 3_600_000: wire.MaxWait, 1 << 62: wire.MaxWait} {
			if took, err := wait(context.Background(), ms); took != want || err != nil {
				t.Errorf("waiting %d ms took %s: %v", ms, took, err)
			}
		}
		// With its client.
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if took, _ := wait(ctx, 20_000); took != 2*time.Second {
			t.Errorf("it took %s to notice that the client is gone", took)
		}
		// When it is put out.
		go func() {
			time.Sleep(5 * time.Second)
			s.as("alice").Revoke(lounge, "bob")
		}()
		if took, err := wait(context.Background(), 20_000); took != 5*time.Second || !hubtest.IsCode(err, wire.CodeRevoked) {
			t.Errorf("put out while waiting: %v after %s", err, took)
		}
		s.ok(s.hub.Close())
	})
}

// interrupting is a store that calls stop when somebody is about to be held.
type interrupting struct {
	store.Store
	stop func()
}

func (s interrupting) Waited(ctx context.Context, now time.Time, enc [32]byte) (bool, error) {
	defer s.stop()
	return s.Store.Waited(ctx, now, enc)
}

// Who is sent home at the moment at which he begins to wait has his answer, too.
func TestAWaitThatEndsAsItBegins(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	s := begin(t, func(c *hub.Config) {
		c.Store = func(path string, limits store.Limits) (store.Store, error) {
			s, err := store.OpenSQLite(path, limits)
			return interrupting{s, stop}, err
		}
	})
	s.lounge()
	var result wire.FetchResult
	s.ok(s.client.Call(ctx, s.as("alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1, Wait: 20_000}), &result))
	if ctx.Err() == nil || result.Retry != 0 || result.Generation == ([16]byte{}) {
		t.Errorf("%v, %+v", ctx.Err(), result)
	}
}

func TestAReplayedWaitIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone)
		s.lounge()
		request, _, err := s.client.Seal(s.as("alice").Sign(wire.OpFetch, lounge, wire.FetchArgs{Limit: 1, Wait: 20_000}))
		s.ok(err)
		for i, want := range []time.Duration{20 * time.Second, 0, 0} {
			start := time.Now()
			_, err := s.client.Post(context.Background(), request)
			s.ok(err)
			if took := time.Since(start); took != want {
				t.Errorf("sent for the %d. time, it took %s", i+1, took)
			}
		}
		s.ok(s.hub.Close())
	})
}

func TestOnlySoManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone, func(c *hub.Config) { c.Held = 3 })
		s.lounge("b", "c", "d", "e")
		results := make(chan wire.FetchResult, 5)
		for _, name := range []string{"alice", "b", "c", "d", "e"} {
			go func() {
				r, _ := s.as(name).Fetch(lounge, wire.FetchArgs{Wait: 20_000})
				results <- r
			}()
		}
		synctest.Wait()
		for range 2 {
			if r := <-results; r.Retry < 1000 {
				t.Errorf("turned away, with %+v", r)
			}
		}
		if len(results) != 0 {
			t.Error("more than two were turned away")
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(results) != 3 {
			t.Errorf("%d have waited", len(results))
		}
		s.ok(s.hub.Close())
	})
}

// Where none is held, everybody is told at once when to come back, and again.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone, func(c *hub.Config) { c.Held = hub.NoneHeld })
		s.lounge("bob")
		begun := time.Now()
		for range 3 {
			r, err := s.as("alice").Fetch(lounge, wire.FetchArgs{Wait: 20_000})
			if err != nil || r.Retry < 1000 || time.Since(begun) > 0 {
				t.Errorf("%+v, %v after %s", r, err, time.Since(begun))
			}
		}
		_, err := s.as("alice").Put(lounge, "hello")
		s.ok(err)
		if r, err := s.as("alice").Fetch(lounge, wire.FetchArgs{Wait: 20_000}); err != nil || len(r.Entries) != 1 || r.Retry != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		s.ok(s.hub.Close())
	})
}

// One member cannot take all places, wherever the ones that are his lie.
func TestNobodyTakesAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := begin(t, alone, func(c *hub.Config) { c.Held = 8 })
		s.lounge("bob", "carol")
		wait := func(name string, ms int64) chan wire.FetchResult {
			result := make(chan wire.FetchResult, 1)
			go func() {
				r, _ := s.as(name).Fetch(lounge, wire.FetchArgs{Wait: ms})
				result <- r
			}()
			synctest.Wait()
			return result
		}
		for range 4 {
			wait("bob", 10_000)
		}
		var alice []chan wire.FetchResult
		for range 4 {
			alice = append(alice, wait("alice", 20_000))
		}
		time.Sleep(15 * time.Second) // bob's places, before alice's, are free
		for range 4 {
			if r := <-wait("alice", 20_000); r.Retry < 1000 {
				t.Errorf("more than her share: %+v", r)
			}
		}
		carol := wait("carol", 1000)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if r := <-carol; r.Retry != 0 {
			t.Errorf("there was no place for another: %+v", r)
		}
		for _, result := range alice {
			if r := <-result; r.Retry != 0 {
				t.Errorf("within the share: %+v", r)
			}
		}
		if r := <-wait("alice", 1000); r.Retry != 0 {
			t.Errorf("when the places were given up: %+v", r)
		}
		s.ok(s.hub.Close())
	})
}

// Two hubs in two processes share a data folder: what one commits wakes who
// waits at the other.
func TestTheBellIsHeardFromOtherProcesses(t *testing.T) {
	s := begin(t, func(c *hub.Config) { c.Now = time.Now })
	s.lounge()
	other, err := hub.Open(hub.Config{Data: s.data})
	s.ok(err)
	defer other.Close()
	ready := make(chan struct{})
	result := make(chan wire.FetchResult)
	go func() {
		close(ready)
		r, _ := hubtest.NewDirectClient(t, other).As(t, "alice").Fetch(lounge, wire.FetchArgs{Wait: 20_000})
		result <- r
	}()
	<-ready
	start := time.Now()
	_, err = s.as("alice").Put(lounge, "hello")
	s.ok(err)
	if r := <-result; len(r.Entries) != 1 || time.Since(start) > 10*time.Second {
		t.Errorf("%+v after %s", r, time.Since(start))
	}
}
