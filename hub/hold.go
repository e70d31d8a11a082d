package hub

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/lock"
	"hubbub/hub/store"
)

const (
	// retry is when a client is to come back whom the hub does not hold.
	retry = 2 * time.Second
	// retryClosed is when one is whose channels are all closed. Nothing new comes
	// there, but that one is opened again; and the owner of a hub who has closed the
	// channels of a guest is not to have them take all places for those who wait.
	retryClosed = time.Minute
)

// waiting says whether the request of jobs is to be held: it has fetches that
// wait, and none of them has anything to say yet.
func waiting(jobs []*job) bool {
	any := false
	for _, j := range jobs {
		if waits(j) == 0 {
			continue
		}
		if any = true; hasNews(j) {
			return false
		}
	}
	return any
}

// SendHome has the requests that are held answered now, and none held from now
// on: the program is about to end. What else is asked is done as before.
func (h *Hub) SendHome() { h.sendHome.Do(func() { close(h.leaving) }) }

// waits is how long a job is ready to wait; 0 if it is no waiting fetch.
func waits(j *job) time.Duration {
	args, ok := j.args.(wire.FetchArgs)
	if !ok || j.failed != nil {
		return 0
	}
	return time.Duration(min(args.Wait, wire.MaxWait.Milliseconds())) * time.Millisecond
}

// hasNews says whether a fetch has something to tell.
func hasNews(j *job) bool {
	result, ok := j.value.(wire.FetchResult)
	return j.err != nil || !ok || len(result.Entries) > 0 || result.Restored || result.More
}

// ending is what a fetch says of the end of its channel, and of the hub.
type ending struct {
	closed bool
	closes int64
}

// endings is what fetches say of that: a change of it is told at once, to those
// who wait.
func endings(fetches []*job) (all []ending) {
	for _, j := range fetches {
		result, _ := j.value.(wire.FetchResult)
		all = append(all, ending{result.Closed, result.Closes})
	}
	return all
}

// hold keeps the request until one of its waiting fetches has news, the
// shortest of their waits is over, or ctx is done. Not held are requests
// beyond the hub's number, those of closed channels alone, and those that were held
// before: a recorded request that somebody sends again and again would otherwise
// keep all places taken.
func (a *answer) hold(ctx context.Context, enc [32]byte, jobs []*job) {
	h := a.hub
	var fetches []*job
	wait := h.config.Wait
	for _, j := range jobs {
		if waits(j) > 0 {
			fetches = append(fetches, j)
			wait = min(wait, waits(j))
		}
	}
	if !slices.ContainsFunc(endings(fetches), func(e ending) bool { return !e.closed }) {
		comeBack(fetches, retryClosed)
		return
	}
	release, ok, err := h.place(fetches[0].call.Token)
	if err != nil {
		h.config.Log.Error("finding a place to wait", "error", err)
	}
	if !ok {
		comeBack(fetches, retry)
		return
	}
	defer release()
	before, err := h.waited(ctx, enc)
	if err != nil && ctx.Err() == nil {
		h.config.Log.Error("noting a request that waits", "error", err)
	}
	if before || err != nil {
		return
	}
	a.listen(ctx, fetches, wait)
}

// comeBack tells who is not held when to ask again.
func comeBack(fetches []*job, after time.Duration) {
	for _, j := range fetches {
		result := j.value.(wire.FetchResult)
		result.Retry = after.Milliseconds()
		j.value = result
	}
}

// waited notes that the request of this enc waits, and says whether it has before.
func (h *Hub) waited(ctx context.Context, enc [32]byte) (before bool, err error) {
	err = h.withStore(func(data store.Store) error {
		before, err = data.Waited(ctx, h.config.Now(), enc)
		return err
	})
	return before, err
}

// place takes one of the places for requests that wait, unless member has its
// share of them. They are locks on files, so they are counted over all
// processes, and one that dies leaves its place. Two at once may take one more
// than the share, or miss a place: they come back.
func (h *Hub) place(member wire.Token) (release func(), ok bool, err error) {
	folder := filepath.Join(h.config.Data, "held")
	if err := os.Mkdir(folder, 0o700); err != nil && !os.IsExist(err) {
		return nil, false, err
	}
	var mine string
	taken := 0 // places that the same member has
	for i := range h.config.Held {
		path := filepath.Join(folder, fmt.Sprint(i))
		holder, readErr := os.ReadFile(path)
		sameMember := readErr == nil && bytes.Equal(holder, member[:])
		if mine != "" && os.IsNotExist(readErr) {
			break // nobody has ever needed so many
		}
		if mine != "" && !sameMember {
			continue
		}
		unlock, free, err := lock.Try(path)
		switch {
		case err != nil:
			return release, mine != "", err
		case !free && sameMember:
			taken++
		case free && mine == "":
			release, mine = unlock, path
		case free:
			unlock()
		}
	}
	switch {
	case mine == "":
		return nil, false, nil
	case taken >= h.share():
		release()
		return nil, false, nil
	}
	// A system that cannot write to a locked file (Windows) knows no shares.
	_ = os.WriteFile(mine, member[:], 0o600)
	return release, true, nil
}

// share is how many places one member may have. It is more than one, for
// requests whose client went without a word stand for a while beside the next.
func (h *Hub) share() int { return max(2, h.config.Held/2) }

// listen does fetches again whenever the bell rings, until one has news.
func (a *answer) listen(ctx context.Context, fetches []*job, wait time.Duration) {
	before := endings(fetches)
	over := time.NewTimer(wait)
	defer over.Stop()
	bell, stop, err := a.hub.bell.listen()
	if err != nil {
		a.hub.config.Log.Warn("waiting without a bell, by looking again and again", "error", err)
	}
	defer stop()
	var again <-chan time.Time
	if every := a.hub.bell.every(); every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		again = ticker.C
	}
	for {
		// First of all: something may have come before the bell was heard. Not
		// given up with ctx: who is sent home has an answer, and keeps it.
		if err := a.run(context.WithoutCancel(ctx), fetches); err != nil {
			return
		}
		if !waiting(fetches) || !slices.Equal(before, endings(fetches)) {
			return
		}
		select {
		case <-bell:
		case <-again:
		case <-over.C:
			return
		case <-a.hub.leaving:
			return
		case <-ctx.Done():
			return
		}
	}
}
