// Package lock takes locks on files, between processes and within one. A lock
// ends with the process that holds it, however that dies.
package lock

import "os"

// Wait takes the lock on the file at path, which is made if need be (0600),
// and waits for whoever holds it. release gives it back.
func Wait(path string) (release func(), err error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(f, true, true); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return func() { f.Close() }, nil
}

// Share takes the lock on the file at path as Wait does, but beside others that
// share it: whoever holds it alone keeps them out, and waits for all of them.
func Share(path string) (release func(), err error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(f, true, false); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return func() { f.Close() }, nil
}

// Try takes the lock on the file at path as Wait does, but does not wait: ok
// says whether it was free.
func Try(path string) (release func(), ok bool, err error) {
	f, err := open(path)
	if err != nil {
		return nil, false, err
	}
	if err := lock(f, false, true); err != nil {
		f.Close()
		if isHeld(err) {
			return nil, false, nil
		}
		return nil, false, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return func() { f.Close() }, true, nil
}

// WaitFolder takes a lock on a folder itself, leaving no file in it. Some file
// systems have no such locks (NFS): that is an error.
func WaitFolder(path string) (release func(), err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(f, true, true); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return func() { f.Close() }, nil
}

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
