package hub

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/lock"
)

// exposureName is the file in the data folder that says what is known of whether
// a web server hands out what is in there.
const exposureName = "checked"

// probePrefix begins the name of a folder beside the program that is like its
// data folder in all but that its name is no secret: anybody may try whether it
// is served.
const probePrefix = folderPrefix + "probe-"

// exposure is what is known of that. What it is known by is a file whose content
// nobody knows who has not read it.
type exposure struct {
	Secret   string   `cbor:"secret"`           // stands in the test files, and nowhere else
	File     string   `cbor:"file"`             // the test file in the data folder
	Public   string   `cbor:"public,omitempty"` // one that anybody may ask for, below the program's folder; empty: none
	Verdict  verdict  `cbor:"verdict"`
	Reported bool     `cbor:"reported,omitempty"` // somebody has shown the secret: only he who can read the folder has it
	Why      string   `cbor:"why,omitempty"`      // why it is unknown, as Check.What
	At       int64    `cbor:"at"`                 // when the hub asked last, unix seconds
	paths    []string // URLs' paths of the data folder
}

// verdict is what the hub knows of whether its data is served.
type verdict int

const (
	unasked verdict = iota
	unknown         // the hub could not ask
	denied          // it was asked for, and not handed out
	served          // it was handed out
	outside         // no URL leads there as far as is known, so there is nothing to ask for
)

// askAgain is how long the hub takes a verdict for true, in which nobody has it
// ask more than once.
func (x exposure) askAgain(now time.Time) bool {
	asked := time.Unix(x.At, 0)
	ago := now.Sub(asked)
	switch {
	case x.Verdict == served && x.Reported:
		return false // the hub could be wrong where it asked; who showed the secret was not
	case ago < 0:
		return true
	case x.Verdict == served:
		return ago >= 5*time.Second
	case x.Verdict == unknown:
		return ago >= 5*time.Minute
	case x.Verdict == denied:
		return ago >= 24*time.Hour
	}
	return true
}

// readExposure reads the file; all is zero if there is none, or none that can be
// read.
func readExposure(data string) (exposure, error) {
	var x exposure
	b, err := os.ReadFile(filepath.Join(data, exposureName))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return x, err
	}
	if err := codec.Unmarshal(b, &x); err != nil {
		return exposure{}, nil // as if the hub had never asked
	}
	return x, nil
}

func (x exposure) write(data string) error {
	b, err := codec.Marshal(x)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(data, exposureName), b)
}

// hash is what may be known of the secret.
func (x exposure) hash() string { return wire.ProbeHash(x.Secret) }

// expose finds out whether a web server hands out what is in the data folder, if
// that is not known yet, or not any more.
func (s *Site) expose(data string, v Visit) (exposure, error) {
	paths := v.within(s.program, data)
	if len(paths) == 0 {
		return exposure{Verdict: outside}, nil
	}
	x, err := readExposure(data)
	if err != nil || !x.askAgain(time.Now()) {
		x.paths = paths
		return x, err
	}
	release, err := lock.Wait(filepath.Join(data, exposureName+"-lock"))
	if err != nil {
		return x, err
	}
	defer release()
	if x, err = readExposure(data); err != nil || !x.askAgain(time.Now()) { // another has asked meanwhile
		x.paths = paths
		return x, err
	}
	if x.Secret == "" {
		x.Secret, x.File = rand.Text(), randomName()+".css"
	}
	x.paths = paths
	test := s.testFile(x, v)
	if err := errors.Join(os.WriteFile(filepath.Join(data, x.File), test, 0o600), x.write(data)); err != nil {
		return x, err
	}
	was := x.Verdict
	x.Verdict, x.Why = s.inquire(x, v)
	if was == served && x.Verdict == unknown {
		x.Verdict = served // a visit by which it cannot ask, as anybody can make, proves nothing
	}
	x.At = time.Now().Unix()
	if err := s.publish(&x, data, test); err != nil {
		return x, err
	}
	return x, x.write(data)
}

// inquire asks the web server for the test file. That its answer is the right
// server's is seen by having it start the hub first, which answers with a hash
// of the secret.
func (s *Site) inquire(x exposure, v Visit) (verdict, string) {
	self := ""
	for _, p := range []string{v.Path, v.Script} {
		if isPath(p) {
			self = p
			break
		}
	}
	control, err := v.ask(self + "?" + wire.ProbeQuery)
	switch {
	case self == "" || err != nil:
		s.log.Warn("the hub cannot ask its web server whether it hands out the data folder", "error", err)
		return unknown, "the web server does not answer it here"
	case control.redirects():
		return unknown, "without https it is sent elsewhere, and https it cannot speak itself"
	case control.status != 200 || !control.has(x.hash()):
		return unknown, "at the web server’s own address another site answers"
	}
	result := denied
	for _, p := range x.paths {
		// The query is for where all paths lead to the hub, which is not to ask again.
		answer, err := v.ask(escapedPath(p+"/"+x.File) + "?" + wire.ProbeQuery)
		switch {
		case err == nil && answer.has(x.Secret):
			return served, ""
		case err != nil, answer.redirects():
			result = unknown
		}
	}
	if result == unknown {
		return unknown, "the web server did not answer all that it was asked"
	}
	return denied, ""
}

// publish has a test file that anybody may ask for, as long as the hub cannot ask
// itself, and else none.
func (s *Site) publish(x *exposure, data string, test []byte) error {
	if x.Verdict != unknown {
		s.unpublish(x)
		return nil
	}
	if x.Public != "" {
		return nil
	}
	folder := data
	if base := filepath.Base(data); strings.HasPrefix(base, folderPrefix) {
		// Its name is a secret, in case that the rules are not heeded.
		folder = filepath.Join(s.program, probePrefix+randomName())
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil // then nobody tries it
		}
		if err := closeFolder(folder); err != nil {
			return err
		}
	}
	file := filepath.Join(folder, x.File)
	if err := os.WriteFile(file, test, 0o600); err != nil {
		return err
	}
	public, err := filepath.Rel(s.program, file)
	x.Public = public
	return err
}

// unpublish takes that test file away.
func (s *Site) unpublish(x *exposure) {
	folder := filepath.Dir(filepath.Join(s.program, x.Public))
	if x.Public != "" && strings.HasPrefix(filepath.Base(folder), probePrefix) {
		for _, name := range []string{x.File, ".htaccess", "index.html"} {
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

// probe answers wire.ProbeQuery.
func (s *Site) probe(v Visit) string {
	config, err := s.find()
	if err != nil || config.Data == "" {
		return wire.ProbeHead + "\n"
	}
	x, err := readExposure(config.Data)
	if err != nil || x.Secret == "" {
		return wire.ProbeHead + "\n"
	}
	text := wire.ProbeHead + "\n" + x.hash() + "\n"
	for _, p := range s.publicPaths(x, v) {
		text += p + "\n"
	}
	return text
}

// publicPaths are the URL paths of the public test file.
func (s *Site) publicPaths(x exposure, v Visit) []string {
	if x.Public == "" || x.Verdict == served {
		return nil
	}
	var paths []string
	for _, p := range v.within(s.program, filepath.Join(s.program, x.Public)) {
		if p = escapedPath(p); isPath(p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// reported notes that somebody has read a test file, who shows it by the secret.
func (s *Site) reported(secret string) {
	config, err := s.find()
	if err != nil || config.Data == "" {
		return
	}
	x, err := readExposure(config.Data)
	if err != nil || x.Secret == "" || subtle.ConstantTimeCompare([]byte(x.Secret), []byte(secret)) != 1 || x.Reported {
		return
	}
	release, err := lock.Wait(filepath.Join(config.Data, exposureName+"-lock"))
	if err != nil {
		return
	}
	defer release()
	x.Verdict, x.Reported, x.At = served, true, time.Now().Unix()
	if err := x.write(config.Data); err != nil {
		s.log.Error("noting that the data folder is served", "error", err)
	}
	s.log.Error("the web server hands out files of the hub's data folder", "shown", "by a visitor")
}

// escapedPath is a path as it stands in a URL.
func escapedPath(p string) string { return (&url.URL{Path: p}).EscapedPath() }
