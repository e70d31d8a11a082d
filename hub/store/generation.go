package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hubbub/hub/lock"
)

// The generation is in a file of its own beside the database, together with
// what tells the database's file from a copy of it. It is in no backup made
// through SQLite, and where a whole folder was copied the file gives it away.

// Generation implements Store.
func (s *SQLite) Generation() ([16]byte, error) {
	generation, ok, err := readGeneration(s.path)
	if err != nil || ok {
		return generation, err
	}
	generation, err = s.generate()
	if err != nil {
		err = fmt.Errorf("naming the database's generation: %w", classify(err))
	}
	return generation, err
}

// generate gives the database a generation, unless another process has.
func (s *SQLite) generate() ([16]byte, error) {
	release, err := lock.Wait(s.path + "-lock")
	if err != nil {
		return [16]byte{}, err
	}
	defer release()
	if generation, ok, err := readGeneration(s.path); err != nil || ok {
		return generation, err
	}
	return newGeneration(s.path)
}

// readGeneration returns the generation; ok is false if this database has none.
func readGeneration(path string) (generation [16]byte, ok bool, err error) {
	text, err := os.ReadFile(path + "-generation")
	if errors.Is(err, fs.ErrNotExist) {
		return generation, false, nil
	}
	if err != nil {
		return generation, false, err
	}
	identity, err := identify(path)
	if err != nil {
		return generation, false, err
	}
	name, of, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	n, err := hex.Decode(generation[:], []byte(name[:min(len(name), 2*len(generation))]))
	return generation, err == nil && n == len(generation) && of == identity, nil
}

// newGeneration gives the database a generation. It is called under the lock.
func newGeneration(path string) (generation [16]byte, err error) {
	rand.Read(generation[:])
	identity, err := identify(path)
	if err != nil {
		return generation, err
	}
	temp, err := os.OpenFile(path+"-generation.new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return generation, err
	}
	defer os.Remove(temp.Name())
	_, err = fmt.Fprintf(temp, "%x %s\n", generation, identity)
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path+"-generation")
	}
	return generation, err
}

// forgetGeneration makes the next call of Generation find a new one.
func forgetGeneration(path string) error {
	err := os.Remove(path + "-generation")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
