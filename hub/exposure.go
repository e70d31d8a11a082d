package hub

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/lock"
)

// exposureName is the file in the data folder that says what is known of whether
// a web server hands out what is in there.
const exposureName = "checked"

// probePrefix begins the name of a folder beside the data folder that is like it
// in all but that its name is no secret: the hub asks for what is in it, and where
// it cannot anybody may try whether that is served. The data folder itself is never
// asked for: whom the web server would have answer, only the visitor's Host says,
// and it may be somebody who is to know nothing of it.
const probePrefix = folderPrefix + "probe-"

// exposure is what is known of that. What it is known by is a file whose content
// nobody knows who has not read it.
type exposure struct {
	Secret   string  `cbor:"secret"`           // stands in the test files, and nowhere else
	File     string  `cbor:"file"`             // the test file's name
	Public   string  `cbor:"public,omitempty"` // where it is, as seen from the program's folder; empty: there is none
	Verdict  verdict `cbor:"verdict"`
	Folder   string  `cbor:"folder,omitempty"`   // the data folder that it is about: moved along to another place, it says nothing
	By       *Visit  `cbor:"by,omitempty"`       // the visit by which it was handed out
	Reported bool    `cbor:"reported,omitempty"` // somebody has shown the secret: only he who can read the folder has it
	Why      string  `cbor:"why,omitempty"`      // why it is unknown, as Check.What
	At       int64   `cbor:"at"`                 // when the hub asked last, unix seconds
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

// known is what readExposure reads, if it is about the data folder where that is now.
func known(data string) (exposure, error) {
	x, err := readExposure(data)
	if x.Folder != "" && x.Folder != realPath(data) {
		return exposure{}, err
	}
	return x, err
}

// realPath is a path without symbolic links, where it can be known.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
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

// proof is what only this hub can answer to who asks from an address: nobody who
// passes a question on asks from the same one.
func (x exposure) proof(nonce, from string) string {
	sum := sha256.Sum256([]byte("hubbub asked\x00" + x.Secret + "\x00" + nonce + "\x00" + from))
	return hex.EncodeToString(sum[:])
}

// expose finds out whether a web server hands out what is in the data folder, if
// that is not known yet, or not any more. That may take a while.
func (s *Site) expose(data string, v Visit) (exposure, error) {
	v = v.lasting()
	if len(v.within(s.program, data)) == 0 {
		x, err := outsideOf(data)
		if err != nil || x.Verdict != served || x.By == nil {
			return x, err
		}
		v = *x.By
	}
	x, err := known(data)
	if err != nil || !x.askAgain(time.Now()) {
		return x, err
	}
	release, ok, err := s.turnToAsk(data, x)
	if err != nil || !ok {
		return x, err
	}
	defer release()
	if x, err = known(data); err != nil || !x.askAgain(time.Now()) { // another has asked meanwhile
		return x, err
	}
	if x.Secret == "" {
		x.Secret, x.File = rand.Text(), randomName()+".css"
	}
	x.Folder = realPath(data)
	was := x.Verdict
	if why := s.publish(&x, data, v); why != nil {
		s.log.Warn("the hub cannot try whether the web server hands out the data folder", "error", why)
		x.Verdict, x.Why = unknown, "it may make no folder to try that with"
	} else if err := x.write(data); err != nil { // who is asked reads it
		s.unpublish(&x)
		return x, err
	} else {
		x.Verdict, x.Why = s.inquire(x, v)
	}
	x.settle(was, v, func(by Visit) (verdict, string) { return s.inquire(x, by) })
	if x.Verdict != unknown {
		s.unpublish(&x)
	}
	x.At = time.Now().Unix()
	if err := x.write(data); err != nil {
		s.unpublish(&x)
		return x, err
	}
	return x, nil
}

// settle makes up its mind after a visit: what was handed out stays so until it is
// refused by the way on which it was had. A visit by which the hub cannot ask, or by
// a way that leads elsewhere, proves nothing, and anybody can make one.
func (x *exposure) settle(was verdict, v Visit, inquire func(Visit) (verdict, string)) {
	if x.Verdict == served {
		x.By = &v
		return
	}
	if was == served && x.Verdict == denied && x.By != nil && *x.By != v {
		x.Verdict, x.Why = inquire(*x.By)
	}
	if was == served && x.Verdict != denied {
		x.Verdict, x.Why = served, ""
		return
	}
	x.By = nil
}

// outsideOf is for a visit by which no URL leads to the data folder. What was known
// of another place goes, and with it the secret, which somebody there may have read.
// That the folder is handed out by another way stays true.
func outsideOf(data string) (exposure, error) {
	x, err := readExposure(data)
	moved := x.Folder != realPath(data)
	if err != nil || x.Verdict != served && (x.Folder == "" || !moved) {
		return exposure{Verdict: outside}, err
	}
	if !moved {
		return x, nil
	}
	release, err := lock.Wait(filepath.Join(data, exposureName+"-lock"))
	if err != nil {
		return x, err
	}
	defer release()
	if again, err := readExposure(data); err != nil || again.Folder == realPath(data) { // another was faster
		return again, err
	}
	if err := os.Remove(filepath.Join(data, exposureName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return x, err
	}
	return exposure{Verdict: outside}, nil
}

// turnToAsk lets one ask at a time. Who has an older answer does not wait for him:
// the web server may be slow.
func (s *Site) turnToAsk(data string, x exposure) (release func(), ok bool, err error) {
	path := filepath.Join(data, exposureName+"-lock")
	if x.Verdict != unasked {
		return lock.Try(path)
	}
	release, err = lock.Wait(path)
	return release, err == nil, err
}

// inquire asks the web server for the test file. That it is the right server, and
// the right one of its sites, is seen by having it start the hub first, which then
// says something new of the secret. The same address and the same Host are the same
// site in the next moment.
func (s *Site) inquire(x exposure, v Visit) (verdict, string) {
	self := ""
	for _, p := range []string{v.Path, v.Script} {
		if isPath(p) {
			self = p
			break
		}
	}
	nonce := rand.Text()
	control, err := v.ask(self + "?" + askedQuery + nonce)
	switch {
	case self == "" || err != nil:
		s.log.Warn("the hub cannot ask its web server whether it hands out the data folder", "error", err)
		return unknown, "the web server does not answer it here"
	case control.redirects():
		return unknown, "without https it is sent elsewhere, and https it cannot speak itself"
	case control.status != 200 || !control.has(x.proof(nonce, "")):
		return unknown, "at the web server’s own address another site answers"
	case !control.has(x.proof(nonce, control.from)):
		return unknown, "somebody stands between it and the web server, and it cannot know who answers"
	}
	paths := v.pathsOf(s.program, x)
	result := denied
	if len(paths) == 0 {
		result = unknown
	}
	for _, p := range paths {
		// The query is for where all paths lead to the hub, which is not to ask again.
		answer, err := v.ask(p + "?" + wire.ProbeQuery)
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

// askedQuery begins the query by which a hub asks for itself, before what it has
// just made up.
const askedQuery = "asked="

// asked answers a hub that asks for itself: with what it could only know from its
// data folder, and once more with the address that the question came from.
func (s *Site) asked(nonce string, r Request) Reply {
	text := "hubbub asked\n"
	config, err := s.find()
	if err == nil && config.Data != "" && len(nonce) <= 2*wire.ProbeSecretSize {
		if x, err := readExposure(config.Data); err == nil && x.Secret != "" {
			text += x.proof(nonce, "") + "\n" + x.proof(nonce, clientOf(r)) + "\n"
		}
	}
	return replyWith(wire.StatusSealed, textType, []byte(text))
}

// clientOf is the address that a request came from; "?" if that is not known.
func clientOf(r Request) string {
	address, err := netip.ParseAddr(r.Address)
	port, portErr := strconv.ParseUint(r.Visit.From, 10, 16)
	if err != nil || portErr != nil {
		return "?"
	}
	return fromText(netip.AddrPortFrom(address, uint16(port)))
}

// fromText is an address as both sides of a connection write it.
func fromText(at netip.AddrPort) string {
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()).String()
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

// publicPaths are the URL paths of the test file that others are to try.
func (s *Site) publicPaths(x exposure, v Visit) []string {
	if x.Verdict == served {
		return nil
	}
	return v.pathsOf(s.program, x)
}

// pathsOf are the URL paths of the test file.
func (v Visit) pathsOf(program string, x exposure) []string {
	if x.Public == "" {
		return nil
	}
	var paths []string
	for _, p := range v.within(program, filepath.Join(program, x.Public)) {
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
	if x, err := known(config.Data); err != nil || !x.isNews(secret) {
		return
	}
	release, err := lock.Wait(filepath.Join(config.Data, exposureName+"-lock"))
	if err != nil {
		return
	}
	defer release()
	x, err := known(config.Data) // it may have been written since
	if err != nil || !x.isNews(secret) {
		return
	}
	x.Verdict, x.Reported, x.At = served, true, time.Now().Unix()
	if err := x.write(config.Data); err != nil {
		s.log.Error("noting that the data folder is served", "error", err)
	}
	s.log.Error("the web server hands out files of the hub's data folder", "shown", "by a visitor")
}

// isNews says whether who shows a secret has read a test file, as the first.
func (x exposure) isNews(secret string) bool {
	return x.Secret != "" && subtle.ConstantTimeCompare([]byte(x.Secret), []byte(secret)) == 1 && !x.Reported
}

// escapedPath is a path as it stands in a URL.
func escapedPath(p string) string { return (&url.URL{Path: p}).EscapedPath() }
