package store

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"hubbub/hub/lock"
)

// The generation is in a file of its own beside the database, together with
// three things that give a copy away:
//
//   - what tells the database's file from any other: it was put there anew;
//   - how often the database had noted the time: one that has done so less often
//     is an old copy that was written over it;
//   - what tells the generation's own file from any other: it is made anew with
//     each note, so one that was written over it is a copy as well.
//
// A file of an older version has the first alone.

// generationFile is what the file says.
type generationFile struct {
	text     []byte // all of it
	name     [16]byte
	database string // identify of the database
	count    int64  // clock.count
	itself   string // identify of this file; "" is not known
}

// readGeneration reads the file. What cannot be read is as if it were not there.
func readGeneration(path string) (g generationFile, ok bool) {
	text, err := os.ReadFile(path + "-generation")
	if err != nil {
		return g, false
	}
	g.text, g.database = text, anyFile
	fields := bytes.Fields(text)
	if len(fields) < 1 || len(fields[0]) != 2*len(g.name) {
		return g, false
	}
	if _, err := hex.Decode(g.name[:], fields[0]); err != nil {
		return g, false
	}
	if len(fields) > 1 {
		g.database = string(fields[1])
	}
	if len(fields) > 3 {
		if g.count, err = strconv.ParseInt(string(fields[2]), 10, 64); err != nil {
			return g, false
		}
		g.itself = string(fields[3])
	}
	return g, true
}

// isOf says whether the file is the one that was made here, for the database
// that is here.
func (g generationFile) isOf(path string) (bool, error) {
	database, err := identify(path)
	if err != nil {
		return false, err
	}
	if g.itself != "" {
		itself, err := identify(path + "-generation")
		if err != nil || itself != g.itself {
			return false, nil
		}
	}
	return database == g.database, nil
}

// good says whether the file names the generation of a database that has noted
// the time count times.
func (g generationFile) good(path string, count int64) (bool, error) {
	if g.count > count {
		return false, nil
	}
	return g.isOf(path)
}

// Generation implements Tx.
func (t *tx) Generation() ([16]byte, error) {
	if t.clock.count == 0 { // as it is at first, and where this transaction reads
		c, err := t.readClock()
		if err != nil {
			return [16]byte{}, err
		}
		t.was, t.clock = c, c
	}
	if t.hasFile {
		if good, err := t.file.good(t.path, t.was.count); good || err != nil {
			return t.file.name, err
		}
	}
	g, err := t.generate(t.was.count)
	if err != nil {
		return [16]byte{}, fmt.Errorf("naming the database's generation: %w", err)
	}
	t.file, t.hasFile = g, true
	return g.name, nil
}

// generate gives the database a new generation, unless another process has done
// so since this transaction began.
func (t *tx) generate(count int64) (generationFile, error) {
	release, err := lock.Wait(t.path + "-lock")
	if err != nil {
		return generationFile{}, err
	}
	defer release()
	if g, ok := readGeneration(t.path); ok && !bytes.Equal(g.text, t.file.text) {
		// Whoever wrote it after this transaction began may know of later notes.
		if here, err := g.isOf(t.path); here || err != nil {
			return g, err
		}
	}
	var name [16]byte
	rand.Read(name[:])
	return writeGeneration(t.path, name, count)
}

// mark brings the file up to date after a transaction that has noted the time.
func (t *tx) mark() error {
	if !t.hasFile {
		return nil // it is made when somebody asks for it
	}
	good, err := t.file.good(t.path, t.was.count)
	if err != nil {
		return err
	}
	if !good {
		_, err := t.generate(t.clock.count)
		return err
	}
	release, err := lock.Wait(t.path + "-lock")
	if err != nil {
		return err
	}
	defer release()
	g, ok := readGeneration(t.path)
	if !ok || g.count >= t.clock.count {
		return nil
	}
	if here, err := g.isOf(t.path); !here || err != nil {
		return err
	}
	_, err = writeGeneration(t.path, g.name, t.clock.count)
	return err
}

// writeGeneration replaces the file. It is called under the lock.
func writeGeneration(path string, name [16]byte, count int64) (g generationFile, err error) {
	database, err := identify(path)
	if err != nil {
		return g, err
	}
	temp, err := os.OpenFile(path+"-generation.new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return g, err
	}
	defer os.Remove(temp.Name())
	itself, err := identify(temp.Name())
	if err == nil {
		g = generationFile{name: name, database: database, count: count, itself: itself,
			text: fmt.Appendf(nil, "%x %s %d %s\n", name, database, count, itself)}
		_, err = temp.Write(g.text)
	}
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path+"-generation")
	}
	return g, err
}

// anyFile is what identify says where it cannot tell files apart.
const anyFile = "-"

// forgetGeneration makes the next call of Generation find a new one.
func forgetGeneration(path string) error {
	err := os.Remove(path + "-generation")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
