package hub

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

// webNames are what hostings call the folder whose files a web server hands out.
// What is beside such a folder it does not hand out.
var webNames = []string{"public_html", "private_html", "htdocs", "httpdocs", "httpsdocs", "www", "html", "web", "wwwroot", "webroot", "docroot"}

// FindData returns the data folder that a hub program in folder program made at
// an earlier start, or makes one: above the web folder that the program is in,
// if that can be written to, else beside the program. Two first starts at once
// find one. Any error that its owner can do something about is a *Trouble.
func FindData(program string) (string, error) { return findData(program, Visit{}) }

// findData is FindData, with what a visit shows of where the web server hands
// out files.
func findData(program string, v Visit) (string, error) {
	data, err := existingData(program)
	if err != nil || data != "" {
		return data, err
	}
	for _, above := range aboveWeb(program) {
		data := filepath.Join(above, derivedName(above, program))
		if len(v.within(program, data)) > 0 {
			continue
		}
		switch err := os.Mkdir(data, 0o700); {
		case err == nil, errors.Is(err, fs.ErrExist):
			return data, ownFolder(data)
		case isFull(err):
			return "", folderTrouble(program, err)
		}
	}
	return makeBeside(program)
}

// makeBeside makes a data folder beside the program.
func makeBeside(program string) (string, error) {
	// A file system without such locks leaves a moment in which two are made;
	// existingData then says what to do.
	if release, err := lock.WaitFolder(program); err == nil {
		defer release()
		if data, err := existingData(program); err != nil || data != "" {
			return data, err
		}
	}
	data := filepath.Join(program, folderPrefix+randomName())
	if err := os.Mkdir(data, 0o700); err != nil {
		return "", folderTrouble(program, fmt.Errorf("making the hub's data folder: %w", err))
	}
	return data, nil
}

// existingData finds a data folder, or "". One beside the program, as earlier
// versions have made them, comes first.
func existingData(program string) (string, error) {
	entries, err := os.ReadDir(program)
	if err != nil {
		return "", folderTrouble(program, fmt.Errorf("looking for the hub's data folder: %w", err))
	}
	var found string
	for _, entry := range entries {
		name := entry.Name()
		if len(name) != len(folderPrefix)+16 || name[:len(folderPrefix)] != folderPrefix {
			continue
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			return "", linkTrouble(filepath.Join(program, name))
		}
		if !entry.IsDir() {
			continue
		}
		if found != "" {
			return "", twoTrouble(program, filepath.Base(found), name)
		}
		found = filepath.Join(program, name)
	}
	if found != "" {
		return found, ownFolder(found)
	}
	for _, above := range aboveWeb(program) {
		data := filepath.Join(above, derivedName(above, program))
		switch info, err := os.Lstat(data); {
		case err != nil:
		case info.Mode()&fs.ModeSymlink != 0:
			return "", linkTrouble(data)
		case info.IsDir():
			return data, ownFolder(data)
		}
	}
	return "", nil
}

// aboveWeb returns the folders above those that a web server hands out and that
// the program is in, the outermost first. In one that everybody may write to a
// neighbour could have put a data folder of his own.
func aboveWeb(program string) []string {
	var all []string
	for folder := filepath.Clean(program); folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if !slices.Contains(webNames, strings.ToLower(filepath.Base(folder))) {
			continue
		}
		above := filepath.Dir(folder)
		if info, err := os.Stat(above); err == nil && info.Mode().Perm()&0o002 == 0 && above != filepath.Dir(above) {
			all = append(all, above)
		}
	}
	slices.Reverse(all)
	return all
}

// derivedName names the data folder in a folder above the web, of this program
// alone: several hubs of one user find each their own. It depends on the
// program's path below that folder, so it is found again when a hosting moves a
// user's home.
func derivedName(above, program string) string {
	below, err := filepath.Rel(above, program)
	if err != nil {
		below = program
	}
	sum := sha256.Sum256([]byte("hubbub data folder\x00" + filepath.ToSlash(below)))
	return folderPrefix + nameOf(sum[:16])
}

// randomName returns 16 characters, 80 bits.
func randomName() string {
	name := make([]byte, 16)
	rand.Read(name)
	return nameOf(name)
}

// nameOf writes a byte as a character, 5 bits of it.
func nameOf(bytes []byte) string {
	name := make([]byte, len(bytes))
	for i, b := range bytes {
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
