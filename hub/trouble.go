package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Trouble is what stands in the way of a hub, and what its owner can do about it.
// What and Do are for the page, and tell no path that a stranger may not know;
// Error is for the log.
type Trouble struct {
	What string // as Check.What
	Do   string // as Check.Do
	err  error
}

// Error is for the log.
func (t *Trouble) Error() string {
	if t.err == nil {
		return t.What
	}
	return t.err.Error()
}

// Unwrap returns what the system said.
func (t *Trouble) Unwrap() error { return t.err }

// nameAnother is how to have the data folder elsewhere.
const nameAnother = "Or make a folder yourself that no web server hands out (File Manager → + Folder, in the folder above {public_html}), and name it in a file {hub.conf} beside the program: {data = \"/home/you/hub-data\"}."

// folderTrouble says why there cannot be a data folder in folder or beside it.
func folderTrouble(folder string, err error) error {
	t := &Trouble{err: err}
	switch {
	case isFull(err):
		t.What = "There is no room left for the hub’s data: the disk is full, or your quota is spent."
		t.Do = "Look at Disk Usage in your hosting’s panel, delete what you do not need (old backups, mail), or take more room. Then open this page again."
	case errors.Is(err, syscall.EROFS):
		t.What = "Programs cannot write anything here: this place can only be read."
		t.Do = "Put the program in another folder of your web space, or ask your hosting. " + nameAnother
	case errors.Is(err, fs.ErrPermission) && !owns(folder):
		t.What = "The hub may not make a folder for its data: it runs as another user than the one that its folder belongs to, most likely as the web server’s."
		t.Do = "Ask your hosting to run CGI programs as your own user (suEXEC). " + nameAnother + " That folder must belong to the user that the hub runs as."
	case errors.Is(err, fs.ErrPermission):
		t.What = "The hub may not make a folder for its data."
		t.Do = "File Manager → the folder that the program is in → Permissions → 755. " + nameAnother
	default:
		return err
	}
	return t
}

// linkTrouble is a data folder that is a symbolic link.
func linkTrouble(data string) error {
	return &Trouble{
		What: "{" + folderPrefix + "…}, the data folder, is a symbolic link, and the hub follows none.",
		Do:   "Name the folder that it leads to in a file {hub.conf} beside the program, as {data = \"/home/you/hub-data\"}, and remove the link.",
		err:  fmt.Errorf("%s is a symbolic link", data),
	}
}

// twoTrouble is a choice that the hub does not make.
func twoTrouble(program, one, other string) error {
	return &Trouble{
		What: "There are two data folders beside the program.",
		Do:   "Remove the one that is not in use, or name the other in {hub.conf}.",
		err: fmt.Errorf("there are two data folders in %s, %s and %s: remove the one that is not in use, or name one in hub.conf",
			program, one, other),
	}
}

// ownFolder wants a data folder that is the hub's own user's. Root, who may read
// all, is whoever he is.
func ownFolder(data string) error {
	info, err := os.Lstat(data)
	if err != nil {
		return err
	}
	if uid := os.Geteuid(); uid > 0 && userOf(info) != uid {
		return &Trouble{
			What: "The data folder belongs to another user than the hub runs as.",
			Do:   "Your hosting has changed how it runs programs, or somebody else has put the folder there: ask your hosting. To start anew, rename that folder.",
			err:  fmt.Errorf("%s belongs to user %d, and the hub runs as %d", data, userOf(info), uid),
		}
	}
	return nil
}

// owns says whether a file or folder is the hub's own user's.
func owns(path string) bool {
	info, err := os.Stat(filepath.Clean(path))
	return err == nil && userOf(info) == os.Geteuid()
}

// isFull says whether a disk is full, or a quota is spent.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
