package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hubbub/channels/wire"
)

// publish makes the test file, where anybody may ask for it. After an error nothing
// of it is left: there would be more with each view of the page.
func (s *Site) publish(x *exposure, data string, v Visit) error {
	err := s.tryPublish(x, data, v)
	if err != nil {
		s.unpublish(x)
	}
	return err
}

// tryPublish is publish, which may have made part of it when it fails. x.Public is
// where.
func (s *Site) tryPublish(x *exposure, data string, v Visit) error {
	folder := data
	twin := strings.HasPrefix(filepath.Base(data), folderPrefix)
	if twin {
		folder = filepath.Dir(filepath.Join(s.program, x.Public))
		if x.Public == "" || !isFolder(folder) {
			// The data folder's name is a secret, in case that the rules are not heeded.
			folder = filepath.Join(filepath.Dir(data), probePrefix+randomName())
			if err := os.Mkdir(folder, 0o700); err != nil {
				return err
			}
		}
	}
	file := filepath.Join(folder, x.File)
	public, err := filepath.Rel(s.program, file)
	if err != nil {
		return err
	}
	x.Public = public
	if twin {
		if err := likeData(folder, data); err != nil {
			return err
		}
	}
	return os.WriteFile(file, s.testFile(*x, v), 0o600)
}

func isFolder(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// likeData has a folder be closed as the data folder is.
func likeData(folder, data string) error {
	info, err := os.Stat(data)
	if err != nil {
		return err
	}
	return errors.Join(os.Chmod(folder, info.Mode().Perm()), closeFolder(folder))
}

// unpublish takes the test file away.
func (s *Site) unpublish(x *exposure) {
	if x.Public == "" {
		return
	}
	file := filepath.Join(s.program, x.Public)
	_ = os.Remove(file)
	if folder := filepath.Dir(file); strings.HasPrefix(filepath.Base(folder), probePrefix) {
		for _, name := range []string{".htaccess", "index.html"} {
			_ = os.Remove(filepath.Join(folder, name))
		}
		_ = os.Remove(folder)
	}
	x.Public = ""
}

// testFile is what the test files have in them: a style sheet that has the hub's
// page turn red, and that has the browser tell the hub.
func (s *Site) testFile(x exposure, v Visit) []byte {
	report := ""
	if v.URL() != "" {
		report = fmt.Sprintf("body { background-image: url(%q); }\n", or(v.Path, v.Script)+"?"+wire.ServedQuery+x.Secret)
	}
	return []byte("/* " + wire.ProbeMark + " " + x.Secret + " if anybody but its owner can read this, his hub is not safe */\n" +
		".served { display: block !important; }\nmain > :not(h1):not(.served) { opacity: .3; }\n" + report)
}
