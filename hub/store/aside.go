package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"hubbub/hub/lock"
)

// A database that is damaged is set aside: renamed, with all that belongs to it.
// A new one takes its place, which the gateways fill again. What may be damaged
// for a moment alone (a disk that is full, busy, read-only or does not answer) is
// not.
//
// Whoever renames a database that others have open does harm: one who opens its
// log after that finds the log of the new one. So every transaction, and every
// opening, shares the lock path-use-lock, and begins by looking whether the file that
// it has open is still the one at path. The lock is had alone for the renaming.
// It comes before path-lock where both are taken.

// Damaged is the error where the database was damaged, and is out of the way. The
// next transaction finds a new one.
type Damaged struct {
	Aside string // the name that it has now, in the same folder; empty: others have set it aside
	Cause error
}

// Error says both.
func (d *Damaged) Error() string {
	if d.Aside == "" {
		return fmt.Sprintf("the hub's data was damaged, and another is in its place: %v", d.Cause)
	}
	return fmt.Sprintf("the hub's data was damaged, and is now %s: %v", d.Aside, d.Cause)
}

// Unwrap returns what was found.
func (d *Damaged) Unwrap() error { return d.Cause }

const (
	asideMark = "-damaged-"
	// mostAside is how many databases are set aside: where there are more, it is
	// the disk that is broken, and its owner is to look at it.
	mostAside = 5
	// aloneTime is how long is waited for others.
	aloneTime = 10 * time.Second
)

// besides are what SQLite keeps beside a database.
var besides = []string{"-wal", "-shm", "-journal"}

// errForeign is returned for a database that is none of a hub's.
var errForeign = errors.New("the file is not a hub's data")

// isDamage says whether err is about a damaged database.
func isDamage(err error) bool {
	code := codeOf(err) & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || errors.Is(err, errForeign)
}

// Aside names the databases that were set aside, of that at path: the oldest
// first.
func Aside(path string) []string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, filepath.Base(path)+asideMark) && !isBeside(name) {
			names = append(names, name)
		}
	}
	return names
}

// isBeside says whether a file is one of those beside a database.
func isBeside(name string) bool {
	for _, end := range besides {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// use lets something begin with the database: nobody renames it until done is
// called. It opens the database anew if it is another than it was.
func (s *SQLite) use() (done func(), err error) {
	for {
		// Where there are no locks nobody renames it either.
		release, lockErr := lock.Share(s.path + "-use-lock")
		if lockErr != nil {
			release = func() {}
		}
		s.mu.RLock()
		if !s.moved() {
			return func() { s.mu.RUnlock(); release() }, nil
		}
		s.mu.RUnlock()
		release()
		if err := s.reopen(); err != nil {
			return nil, err
		}
	}
}

// moved says whether another file than the one that is open is at path, or none.
// It does not open it: that would end this process's locks on it.
func (s *SQLite) moved() bool {
	if s.db == nil || s.isCutShort() {
		return true
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !os.SameFile(info, s.file)
}

// reopen opens what is at path now, if that is another database.
func (s *SQLite) reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.moved() {
		return nil
	}
	return s.openAgain()
}

// openAgain is called with mu held for writing.
func (s *SQLite) openAgain() error {
	if s.db != nil {
		s.db.Close()
		s.db = nil
	}
	if s.isCutShort() {
		if err := s.goOnAside(); err != nil {
			return err
		}
	}
	met := time.Now()
	db, file, err := open(s.path, s.wal)
	if isDamage(err) {
		err = s.setAside(err, file, met)
	}
	if err == nil {
		s.db, s.file = db, file
	}
	return err
}

// damaged is called with an error that a transaction has met, which has ended.
func (s *SQLite) damaged(cause error) error {
	met := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		s.db.Close()
		s.db = nil
	}
	return s.setAside(cause, s.file, met)
}

// setAside sets the database aside that was seen to be damaged, if it is still
// the one at path. Nothing of this process has it open. It returns a *Damaged,
// or cause if it has to stay where it is.
func (s *SQLite) setAside(cause error, seen os.FileInfo, met time.Time) error {
	release, err := s.aloneWithIt()
	if err != nil {
		return fmt.Errorf("%w; it stays where it is: %w", cause, err)
	}
	defer release()
	here, err := os.Stat(s.path)
	if err != nil || seen == nil || !os.SameFile(here, seen) {
		return &Damaged{Cause: cause}
	}
	if believed, err := s.isBelieved(cause, met); err != nil {
		return err
	} else if !believed {
		return cause
	}
	if len(Aside(s.path)) >= mostAside {
		return fmt.Errorf("%w; so many have been set aside that the disk must be broken", cause)
	}
	name, err := rename(s.path)
	if err != nil {
		return fmt.Errorf("%w; it cannot be set aside: %w", cause, err)
	}
	s.suspected.Store(nil)
	return &Damaged{Aside: filepath.Base(name), Cause: cause}
}

// aloneWithIt keeps everybody else from the database.
func (s *SQLite) aloneWithIt() (release func(), err error) {
	using, err := alone(s.path + "-use-lock")
	if err != nil {
		return nil, err
	}
	making, err := lock.Wait(s.path + "-lock")
	if err != nil {
		using()
		return nil, err
	}
	return func() { making(); using() }, nil
}

// alone takes a lock that others share, and does not wait for ever: as long as
// some come while others go, it is never free.
func alone(path string) (release func(), err error) {
	for end := time.Now().Add(aloneTime); ; time.Sleep(5 * time.Millisecond) {
		release, ok, err := lock.Try(path)
		if err != nil || ok {
			return release, err
		}
		if time.Now().After(end) {
			return nil, ErrBusy
		}
	}
}

// asideEnd ends the name of a file that says which name a database is being given, and
// which database that is. It is there until all that belongs to the database has the
// name: whoever finds it goes on where a process has ended, unless what is at path is
// another database, which somebody has put there since.
const asideEnd = "-aside"

// renameFile is os.Rename, but for tests.
var renameFile = os.Rename

// rename gives the database, and what is beside it, a name that nothing has.
func rename(path string) (string, error) {
	name := path + asideMark + time.Now().UTC().Format("20060102-150405")
	for n := 2; isThere(name); n++ {
		name = fmt.Sprintf("%s%s%s-%d", path, asideMark, time.Now().UTC().Format("20060102-150405"), n)
	}
	// The gateways are to be told that it is not what it was.
	if err := forgetGeneration(path); err != nil {
		return "", err
	}
	if err := writeAside(path, name); err != nil {
		return "", errors.Join(err, os.Remove(path+asideEnd))
	}
	if err := renameAll(path, name); err != nil {
		for _, end := range besides {
			os.Rename(name+end, path+end)
		}
		return "", errors.Join(err, os.Remove(path+asideEnd))
	}
	return name, endAside(path)
}

// writeAside writes the file.
func writeAside(path, name string) error {
	judged, err := judge(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+asideEnd, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(filepath.Base(name) + "\n" + judged + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// judge says which file is at path, and when it was written last. Of the two the first
// may be of another later, where a file's number is all that there is of it.
func judge(path string) (string, error) {
	itself, err := identify(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", itself, info.Size(), info.ModTime().UnixNano()), nil
}

// isJudged says whether what is at path is the database that judge has described. If it
// is that file, but was written since, it is looked at once more: one who had the
// database open has perhaps closed it, or another was written over it.
func isJudged(path, judged string) bool {
	here, err := judge(path)
	if errors.Is(err, fs.ErrNotExist) || here == judged {
		return true // with none there the rest still has to follow
	}
	itself := judged[:strings.IndexByte(judged, ' ')+1] // nothing, of an older version's
	return err == nil && strings.HasPrefix(here, itself) && damageAt(path, errCutShort) != isWhole
}

// renameAll gives all that is still at path its new name. The database is the last:
// where it has that, the rest has, and what is at path is of another.
func renameAll(path, name string) error {
	if _, err := os.Lstat(name); err == nil {
		return nil
	}
	for _, end := range append(slices.Clone(besides), "") {
		err := renameFile(path+end, name+end)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// endAside is called when all has the new name.
func endAside(path string) error {
	_ = os.Remove(path + looksEnd) // of the new one nothing is suspected
	return os.Remove(path + asideEnd)
}

// errCutShort is the cause of what the file says.
var errCutShort = errors.New("setting it aside was cut short")

// isCutShort says whether a process has died while it set the database aside. It is
// asked by who shares the database's lock, or else it is perhaps still at it.
func (s *SQLite) isCutShort() bool {
	_, err := os.Lstat(s.path + asideEnd)
	return err == nil
}

// goOnAside finishes that. It returns a *Damaged. Nothing of this process has the
// database open.
func (s *SQLite) goOnAside() error {
	release, err := s.aloneWithIt()
	if err != nil {
		return fmt.Errorf("%w, and cannot go on: %w", errCutShort, err)
	}
	defer release()
	text, err := os.ReadFile(s.path + asideEnd)
	if errors.Is(err, fs.ErrNotExist) {
		return &Damaged{Cause: errCutShort} // others have done it
	}
	if err != nil {
		return fmt.Errorf("%w, and cannot go on: %w", errCutShort, err)
	}
	name, judged, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if !strings.HasPrefix(name, filepath.Base(s.path)+asideMark) || strings.ContainsAny(name, `/\`) {
		return os.Remove(s.path + asideEnd) // it was cut short before it was whole: nothing has another name yet
	}
	if !isJudged(s.path, judged) {
		return endAside(s.path)
	}
	if err := renameAll(s.path, filepath.Join(filepath.Dir(s.path), name)); err != nil {
		return fmt.Errorf("%w, and cannot go on: %w", errCutShort, err)
	}
	if err := endAside(s.path); err != nil {
		return err
	}
	return &Damaged{Aside: name, Cause: errCutShort}
}

// isThere says whether a database, or something beside one, has this name.
func isThere(name string) bool {
	for _, end := range append([]string{""}, besides...) {
		if _, err := os.Lstat(name + end); err == nil {
			return true
		}
	}
	return false
}
