package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// dataDir is the folder that holds everything a gateway keeps, held by one
// running gateway at a time:
//
//	lock            taken while a gateway runs; holds its process number
//	phonebook.db …  channels, keys, history (package channels)
//	hub/            what the embedded hub keeps
//	hub.address     where the embedded hub listens
//	invites/        one-time keys that are still open
//	hub.owner       the account of a hub that -make-hub has prepared, until it is added
//
// Folders are 0700 and files 0600.
type dataDir struct {
	path string
	lock *os.File
}

// errLocked says that another process has the lock.
var errLocked = errors.New("locked by another process")

// defaultDataDir is where data goes unless -data or the configuration says
// otherwise: hubbub in the folder that the system has for such things.
// (XDG Base Directory Specification: a relative $XDG_DATA_HOME is ignored.)
func defaultDataDir() (string, error) {
	home, err := os.UserHomeDir()
	switch runtime.GOOS {
	case "windows":
		if local := os.Getenv("LocalAppData"); local != "" {
			return filepath.Join(local, "hubbub"), nil
		}
	case "darwin":
		if err == nil {
			return filepath.Join(home, "Library", "Application Support", "hubbub"), nil
		}
	default:
		if xdg := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(xdg) {
			return filepath.Join(xdg, "hubbub"), nil
		}
		if err == nil {
			return filepath.Join(home, ".local", "share", "hubbub"), nil
		}
	}
	return "", errors.New("no home folder is known to keep data in: name one with -data FOLDER")
}

// openDataDir makes the folder if it is missing and locks it. A folder that
// others may read is made private if it is empty or hubbub's, else refused.
func openDataDir(path string) (*dataDir, error) {
	path, err := privateFolder(path)
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		if errors.Is(err, errLocked) {
			return nil, alreadyRunning(path)
		}
		return nil, fmt.Errorf("locking %s: %w", lock.Name(), err)
	}
	d := &dataDir{path: path, lock: lock}
	return d, d.notePID()
}

// privateFolder makes the folder if it is missing, and private if it is not; it
// returns the whole path.
func privateFolder(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return path, makePrivate(path)
}

// makePrivate takes group's and others' rights from a folder of one's own.
func makePrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil // on Windows the profile's access list is inherited
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(path, "lock")); len(entries) > 0 && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data folder: %s holds other things and others may read it: name a new folder with -data, or chmod 700 it", path)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return fmt.Errorf("data folder: making it private: %w", err)
	}
	return nil
}

// alreadyRunning says who has the folder, as far as the lock file tells.
func alreadyRunning(path string) error {
	who := ""
	if pid, err := os.ReadFile(filepath.Join(path, "lock")); err == nil && len(pid) > 0 {
		who = " (process " + strings.TrimSpace(string(pid)) + ")"
	}
	return fmt.Errorf("hubbub is already running%s with the data folder %s; for a second gateway add -data OTHERFOLDER -listen 127.0.0.1:6669", who, path)
}

// notePID writes the process number into the lock file, for people.
func (d *dataDir) notePID() error {
	if err := d.lock.Truncate(0); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if _, err := d.lock.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// folder returns a subfolder, made 0700 if it is missing.
func (d *dataDir) folder(name string) (string, error) {
	path := filepath.Join(d.path, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return path, nil
}

// file returns the path of a file in the folder.
func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

// Close lets another gateway have the folder. The lock file stays: removing it
// would let two gateways each hold a lock of their own.
func (d *dataDir) Close() error { return d.lock.Close() }

// writePrivate replaces a file, 0600, so that a crash leaves the old or the new.
func writePrivate(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
