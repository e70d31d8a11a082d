package hub

import (
	"errors"
	"os"
	"path/filepath"
)

// ProgramFolder returns the folder that this program lies in. Where the system
// does not tell, as in a jail without /proc, script does: the path that the web
// server started (SCRIPT_FILENAME), which no client has a say in. Nothing is
// ever taken from DOCUMENT_ROOT.
func ProgramFolder(script string) (string, error) {
	program, err := os.Executable()
	if err == nil {
		return filepath.Dir(program), nil
	}
	if filepath.IsAbs(script) {
		if info, statErr := os.Stat(script); statErr == nil && info.Mode().IsRegular() {
			return filepath.Dir(script), nil
		}
	}
	return "", errors.Join(errors.New("the hub cannot find out which folder it lies in"), err)
}
