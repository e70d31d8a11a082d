package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// believedAfter is how much later damage must be met again that was not found, to be
// believed: what many meet at one moment is one.
const believedAfter = time.Minute

// settled is how long a database that cannot be made sense of must have been left alone
// to be believed damaged: it may be on its way here, as a backup is that is put back.
const settled = time.Minute

// checkTime is how long is looked for the damage.
var checkTime = 10 * time.Second

// isBelieved says whether the database at path is to be set aside for what was met.
// If a look finds nothing, or was not finished, that takes more than one moment.
// Errors: ErrBusy, if it may be on its way here.
func (s *SQLite) isBelieved(cause error, met time.Time) (bool, error) {
	file, err := os.Stat(s.path)
	fresh := err == nil && met.Sub(file.ModTime()).Abs() < settled
	since := s.suspected.Load()
	again := since != nil && met.Sub(*since) >= believedAfter
	if since != nil && !(again && fresh) {
		return again, nil
	}
	looks := readLooks(s.path, met)
	if again || !looks.isNew(met) { // or else it is not looked again so soon
		found := damageAt(s.path, cause)
		switch {
		case found == isUnreadable && fresh:
			return false, fmt.Errorf("%w: unreadable, but perhaps being uploaded: %w", ErrBusy, cause)
		case again, found == isUnreadable, found == isDamaged, looks.add(s.path, look{met.Unix(), found == isWhole}):
			return true, nil
		}
	}
	now := time.Now()
	s.suspected.Store(&now)
	return false, nil
}

// state is what a look at a database has found.
type state int

const (
	isWhole state = iota
	isDamaged
	isUnreadable // it is damaged where all else is known from, or none of a hub's
	isUnchecked  // not all of it was looked at: there was no time, or something kept it from that
)

// damageAt looks whether the database at path is damaged indeed: what was met
// may have been a disk that did not answer well once, or a file that was being
// put in place.
func damageAt(path string, cause error) state {
	if errors.Is(cause, errForeign) {
		return isUnreadable
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	db := connect(path)
	db.SetMaxOpenConns(1)
	defer db.Close()
	var found string
	err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found)
	switch {
	case isDamage(err):
		return isUnreadable
	case err != nil:
		return isUnchecked
	case found != "ok":
		return isDamaged
	}
	return isWhole
}

// look is one that has not found the damage that was met.
type look struct {
	at    int64 // unix seconds
	whole bool  // it has looked at all, and found nothing
}

// looks are those of late. They are a file beside the database, since a process of
// hub.cgi looks once: a line each, of one that was finished with wholeMark.
type looks []look

const (
	looksEnd  = "-unchecked"
	wholeMark = " whole"
	// mostLooks is with which of them it is believed: of those that were not finished
	// in a day, or of those that were in an hour.
	mostLooks = 3
	// wholeFor is how long is not looked again after one that was finished.
	wholeFor = 5 * time.Minute
)

func readLooks(path string, now time.Time) (l looks) {
	text, err := os.ReadFile(path + looksEnd)
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(text) {
		when, whole := strings.CutSuffix(strings.TrimSpace(string(line)), wholeMark)
		at, err := strconv.ParseInt(when, 10, 64)
		counts := int64(24 * 60 * 60)
		if whole {
			counts = 60 * 60
		}
		if ago := now.Unix() - at; err == nil && ago >= -60 && ago < counts && len(l) < mostLooks {
			l = append(l, look{at, whole})
		}
	}
	return l
}

// isNew says whether the last was only just.
func (l looks) isNew(now time.Time) bool {
	again := int64(believedAfter / time.Second)
	if len(l) > 0 && l[0].whole {
		again = int64(wholeFor / time.Second)
	}
	return len(l) > 0 && now.Unix()-l[len(l)-1].at < again
}

// add writes down another, and says whether that is enough to believe it. One that was
// finished makes those before it void that were not, and the other way round.
func (l looks) add(path string, another look) bool {
	if len(l) > 0 && l[0].whole != another.whole { // all in the file are of one kind
		l = nil
	}
	if l = append(l, another); len(l) >= mostLooks {
		return true
	}
	var text []byte
	for _, look := range l {
		text = strconv.AppendInt(text, look.at, 10)
		if look.whole {
			text = append(text, wholeMark...)
		}
		text = append(text, '\n')
	}
	_ = os.WriteFile(path+looksEnd, text, 0o600) // if it cannot be written the database stays
	return false
}
