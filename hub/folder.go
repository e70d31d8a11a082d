package hub

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hubbub/hub/lock"
)

// folderPrefix begins the name of a data folder that the hub makes beside
// itself; 16 random characters end it, for there a web server might hand files
// out to whoever knows their names.
const folderPrefix = "hub-data-"

// folderAlphabet has 32 letters and digits.
const folderAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// accessRules keep Apache from handing out anything in the folder, whichever
// of its two ways of saying so it knows.
const accessRules = `# Nothing in this folder is for the web.
<IfModule mod_authz_core.c>
	Require all denied
</IfModule>
<IfModule !mod_authz_core.c>
	Order allow,deny
	Deny from all
</IfModule>
`

// makeFolder makes the data folder if need be, for its owner alone.
func makeFolder(data string) error {
	info, err := os.Stat(data)
	if errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(data, 0o700)
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a folder", data)
	}
	return err
}

// closeFolder puts up what keeps the web out of the folder.
func closeFolder(data string) error {
	return errors.Join(
		writeFile(filepath.Join(data, ".htaccess"), []byte(accessRules)),
		writeFile(filepath.Join(data, "index.html"), nil))
}

// FindData returns the data folder that a hub program in folder beside made at
// an earlier start, or makes one. Two first starts at once find one.
func FindData(beside string) (string, error) {
	data, err := existingData(beside)
	if err != nil || data != "" {
		return data, err
	}
	// A file system without such locks leaves a moment in which two are made;
	// existingData then says what to do.
	if release, err := lock.WaitFolder(beside); err == nil {
		defer release()
		if data, err := existingData(beside); err != nil || data != "" {
			return data, err
		}
	}
	data = filepath.Join(beside, folderPrefix+randomName())
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", fmt.Errorf("making the hub's data folder: %w", err)
	}
	return data, nil
}

// existingData finds a data folder, or "".
func existingData(beside string) (string, error) {
	entries, err := os.ReadDir(beside)
	if err != nil {
		return "", fmt.Errorf("looking for the hub's data folder: %w", err)
	}
	var found string
	for _, entry := range entries {
		name := entry.Name()
		if len(name) != len(folderPrefix)+16 || name[:len(folderPrefix)] != folderPrefix || !entry.IsDir() {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("there are two data folders in %s, %s and %s: remove the one that is not in use, or name one in hub.conf",
				beside, filepath.Base(found), name)
		}
		found = filepath.Join(beside, name)
	}
	return found, nil
}

// randomName returns 16 characters, 80 bits.
func randomName() string {
	name := make([]byte, 16)
	rand.Read(name)
	for i, b := range name {
		name[i] = folderAlphabet[b%32]
	}
	return string(name)
}

// writeFile writes a file as a whole or not at all, 0600, and to the disk. It is
// called under a lock: what it writes has always the same name before it is
// whole, so that one process that dies leaves no keys behind for ever.
func writeFile(path string, content []byte) error {
	temp, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder puts the folder's names on the disk, where that is possible.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	folder.Sync()
	return nil
}
