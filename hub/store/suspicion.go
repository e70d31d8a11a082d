package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// believedAfter is how much later damage must be met again that was not found, to be
// believed: what many meet at one moment is one.
const believedAfter = time.Minute

// checkTime is how long is looked for the damage.
var checkTime = 10 * time.Second

// isBelieved says whether the database at path is to be set aside for what was met.
// If a look finds nothing, or was not finished, that takes more than one moment.
func (s *SQLite) isBelieved(cause error, met time.Time) bool {
	if since := s.suspected.Load(); since != nil {
		return met.Sub(*since) >= believedAfter
	}
	unchecked := readUnchecked(s.path, met)
	if unchecked.isNew(met) {
		return false // it is not looked again so soon
	}
	switch damageAt(s.path, cause) {
	case isDamaged:
		return true
	case isWhole:
		unchecked.forget(s.path)
	case isUnchecked:
		if unchecked.add(s.path, met) {
			return true
		}
	}
	now := time.Now()
	s.suspected.Store(&now)
	return false
}

// state is what a look at a database has found.
type state int

const (
	isWhole state = iota
	isDamaged
	isUnchecked // there was no time for all of it
)

// damageAt looks whether the database at path is damaged indeed: what was met
// may have been a disk that did not answer well once, or a file that was being
// put in place.
func damageAt(path string, cause error) state {
	if errors.Is(cause, errForeign) {
		return isDamaged
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	db := connect(path)
	db.SetMaxOpenConns(1)
	defer db.Close()
	var found string
	err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	switch {
	case isDamage(err), err == nil && found != "ok":
		return isDamaged
	case ctx.Err() != nil:
		return isUnchecked
	}
	return isWhole
}

// unchecked are the times, unix seconds, at which damage was met on a day without
// there being time to look for it. They are a file beside the database, since a
// process of hub.cgi meets it once.
type unchecked []int64

const (
	uncheckedEnd = "-unchecked"
	// mostUnchecked is with which of them it is believed.
	mostUnchecked = 3
)

func readUnchecked(path string, now time.Time) (times unchecked) {
	text, err := os.ReadFile(path + uncheckedEnd)
	if err != nil {
		return nil
	}
	for _, field := range bytes.Fields(text) {
		at, err := strconv.ParseInt(string(field), 10, 64)
		if ago := now.Sub(time.Unix(at, 0)); err == nil && ago >= -time.Minute && ago < 24*time.Hour && len(times) < mostUnchecked {
			times = append(times, at)
		}
	}
	return times
}

// isNew says whether the last was only just.
func (u unchecked) isNew(now time.Time) bool {
	return len(u) > 0 && now.Sub(time.Unix(u[len(u)-1], 0)) < believedAfter
}

// add writes down another, and says whether that is enough to believe it.
func (u unchecked) add(path string, now time.Time) bool {
	if u = append(u, now.Unix()); len(u) >= mostUnchecked {
		return true
	}
	var text []byte
	for _, at := range u {
		text = fmt.Appendf(text, "%d\n", at)
	}
	_ = os.WriteFile(path+uncheckedEnd, text, 0o600) // if it cannot be written the database stays
	return false
}

// forget begins anew.
func (u unchecked) forget(path string) {
	if len(u) > 0 {
		_ = os.Remove(path + uncheckedEnd)
	}
}
