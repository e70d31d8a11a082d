package hub

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub/lock"
)

// Site is a hub on web space: its program lies in a folder that a web server may
// hand out files from. It sets itself up at the first GET, and is a hub only
// once that is done and as far as is known nobody can have its data from the web
// server. It is safe for use by several goroutines.
type Site struct {
	program string // the folder of the program
	log     Logger

	// Request is Config.Request where hub.conf says nothing of it. It is set
	// before the first request.
	Request int64

	mu      sync.Mutex // held while hub is opened
	hub     *Hub
	leaving bool // nobody is to be held any more
}

// NewSite returns the hub whose program lies in folder. It does nothing yet.
func NewSite(folder string, log Logger) *Site {
	if log == nil {
		log = silence{}
	}
	return &Site{program: filepath.Clean(folder), log: log}
}

// Close ends the use of the hub. It is always to be called, after the last
// answer.
func (s *Site) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hub == nil {
		return nil
	}
	err := s.hub.Close()
	s.hub = nil
	return err
}

// SendHome is Hub.SendHome, also for a hub that is opened after it.
func (s *Site) SendHome() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	if s.hub != nil {
		s.hub.SendHome()
	}
}

// Serve answers one HTTP request, as a Hub does. It never panics.
func (s *Site) Serve(ctx context.Context, r Request) (reply Reply) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("answering a request", "panic", cause, "stack", string(debug.Stack()))
			reply = Refuse(&Refusal{Status: wire.StatusFailed, Text: "The hub failed."})
		}
	}()
	if r.Method == "GET" || r.Method == "HEAD" {
		return s.get(ctx, r)
	}
	h, err := s.open()
	if err != nil {
		return s.refuse(err)
	}
	return h.Serve(ctx, r)
}

// get answers with the page, with the keys, or with what the set-up asks for.
func (s *Site) get(ctx context.Context, r Request) Reply {
	secret, isReport := strings.CutPrefix(r.Query, wire.ServedQuery)
	nonce, isAsked := strings.CutPrefix(r.Query, askedQuery)
	switch {
	case isAsked:
		return s.asked(nonce, r)
	case r.Query == wire.ProbeQuery:
		return replyWith(wire.StatusSealed, textType, []byte(s.probe(r.Visit)))
	case isReport:
		s.reported(secret)
		return replyWith(wire.StatusSealed, textType, []byte("Noted.\n"))
	case r.Query == longQuery:
		return s.long(ctx, r.Visit)
	case r.Query != wire.KeysQuery:
		return s.page(r)
	}
	h, err := s.open()
	if errors.Is(err, errNotSetUp) {
		set := s.setUp(r.Visit)
		h, err = set.hub, set.err
	}
	if err != nil {
		return s.refuse(err)
	}
	return h.get(r)
}

// errNotSetUp is why there is no hub before the first GET.
var errNotSetUp = errors.New("the hub is not set up yet")

// errServed is why there is none where anybody can have its data.
var errServed = errors.New("the web server hands out files of the hub's data folder")

// refuse says that there is no hub.
func (s *Site) refuse(err error) Reply {
	switch {
	case errors.Is(err, errNotSetUp):
		return Refuse(&Refusal{Status: wire.StatusBusy, Text: "This hub is not set up yet. If it is yours, open its page in a browser."})
	case errors.Is(err, errEmpty), errors.Is(err, errUploading):
		s.log.Error("answering a request", "error", err)
		return Refuse(&Refusal{Status: wire.StatusBusy, Text: "This hub’s configuration is being uploaded just now. If it is yours and stays so, open its page in a browser.", Retry: uploadTime})
	case errors.Is(err, errServed):
		s.log.Error("answering a request", "error", err)
		return Refuse(&Refusal{Status: wire.StatusBusy, Text: "This hub answers nothing, because its data is not safe where it is. If it is yours, open its page in a browser."})
	}
	s.log.Error("there is no hub", "error", err)
	return Failed(err)
}

// find reads the configuration, with the data folder if that is there; it makes
// nothing.
func (s *Site) find() (Config, error) {
	config, err := readConfig(s.program, true)
	if err != nil {
		return config, confTrouble(err)
	}
	config.Log = s.log
	if config.Data == "" {
		config.Data, err = existingData(s.program)
	}
	return config, err
}

// open opens the hub, if it has been set up and its data is not served.
func (s *Site) open() (*Hub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	config, err := s.find()
	if err != nil {
		return nil, err
	}
	if config.Data == "" {
		return nil, errNotSetUp
	}
	if x, err := readExposure(config.Data); err != nil {
		return nil, err
	} else if x.Verdict == served {
		return nil, errServed
	}
	if s.has(config) {
		return s.hub, nil
	}
	if _, err := os.Lstat(filepath.Join(config.Data, "keys")); errors.Is(err, fs.ErrNotExist) {
		return nil, errNotSetUp
	}
	return s.use(config)
}

// has says whether the hub is open as hub.conf has it. s.mu is held.
func (s *Site) has(config Config) bool {
	return s.hub != nil && s.hub.config.Data == config.Data && s.hub.config.Owner == config.Owner
}

// use opens the hub and keeps it. s.mu is held.
func (s *Site) use(config Config) (*Hub, error) {
	if config.Request == 0 {
		config.Request = s.Request
	}
	h, err := Open(config)
	if err != nil {
		return nil, err
	}
	if s.leaving {
		h.SendHome()
	}
	if s.hub != nil {
		// Requests under way have it still: it is closed with its last user, the process.
		s.log.Warn("the data folder or its owner is another")
	}
	s.hub = h
	return h, nil
}

// setUp is how setting up went.
type setUp struct {
	config   Config
	exposure exposure
	hub      *Hub // nil if err is not
	err      error
}

// setUp makes the hub, as far as it can. It may ask the web server, which may be
// slow: nobody else waits for that.
func (s *Site) setUp(v Visit) (set setUp) {
	if set.config, set.err = s.findOrMake(v); set.err != nil {
		return set
	}
	if set.exposure, set.err = s.expose(set.config.Data, v); set.err != nil {
		set.err = folderTrouble(set.config.Data, set.err)
		return set
	}
	if set.exposure.Verdict == served {
		set.err = errServed
		return set
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if set.hub = s.hub; !s.has(set.config) {
		if set.hub, set.err = s.use(set.config); set.err != nil {
			set.err = folderTrouble(set.config.Data, set.err)
		}
	}
	return set
}

// findOrMake reads the configuration, and finds or makes the data folder, for
// its user alone.
func (s *Site) findOrMake(v Visit) (Config, error) {
	config, err := readConfig(s.program, true)
	if err != nil {
		return config, confTrouble(err)
	}
	config.Log = s.log
	if config.Data == "" {
		config.Data, err = findData(s.program, v)
	} else {
		err = makeFolder(config.Data)
	}
	if err != nil {
		return config, folderTrouble(s.program, err)
	}
	// It was made in a File Manager, perhaps, for everybody to see. For a group alone
	// it is on purpose.
	if info, err := os.Stat(config.Data); err == nil && info.Mode().Perm()&0o007 != 0 {
		_ = os.Chmod(config.Data, 0o700) // a check says if it cannot
	}
	if err := ensureClosed(config.Data); err != nil {
		return config, folderTrouble(config.Data, err)
	}
	return config, nil
}

// ensureClosed puts up what keeps the web out of the folder, if it is not there.
func ensureClosed(data string) error {
	missing := func() bool {
		_, err := os.Lstat(filepath.Join(data, ".htaccess"))
		return errors.Is(err, fs.ErrNotExist)
	}
	if !missing() {
		return nil
	}
	release, err := lock.Wait(filepath.Join(data, "keys-lock"))
	if err != nil {
		return err
	}
	defer release()
	if !missing() {
		return nil
	}
	return closeFolder(data)
}

// page answers a person.
func (s *Site) page(r Request) Reply {
	set := s.setUp(r.Visit)
	if set.err != nil {
		s.log.Error("there is no hub", "error", set.err)
		check := stopCheck(set.err)
		if errors.Is(set.err, errServed) {
			check = servedCheck(s.used(set.config.Data))
		}
		return Page{Setup: true, Checks: []Check{check}, Contact: set.config.Contact}.reply()
	}
	page := Page{Unclaimed: set.hub.unclaimed(), URL: r.Visit.URL(), Contact: set.config.Contact}
	page.Awaited, page.Another = set.hub.awaited()
	if page.Unclaimed || page.Awaited {
		page.Setup, page.Claim, page.Access = true, s.where(set), AccessFile
		page.Unnamed = set.config.Owner == (wire.Token{})
		page.Checks = s.checks(set)
	}
	if paths := s.publicPaths(set.exposure, r.Visit); len(paths) > 0 && page.URL != "" {
		page.Probe = Probe{Style: r.Visit.origin() + paths[0], Report: page.URL}
	}
	return page.reply()
}

// beside says whether data lies beside the program.
func (s *Site) beside(data string) bool { return filepath.Dir(data) == s.program }

// used says whether the data folder has keys in it, and whether somebody owns the
// hub.
func (s *Site) used(data string) (keys, claimed bool) {
	if _, err := os.Lstat(filepath.Join(data, "keys")); err != nil {
		return false, false
	}
	owners, err := readOwners(data)
	if _, unclaimed, _ := ReadClaim(data); !unclaimed || len(owners) > 0 || err != nil {
		return true, true
	}
	return true, false
}

// where says where the data folder is, to whom has uploaded the program. The name
// of one beside the program is told to nobody who cannot see it.
func (s *Site) where(set setUp) string {
	named, _ := readConfig(s.program, false)
	config := set.config
	switch {
	case named.Data != "":
		return "the folder that {hub.conf} names"
	case s.beside(config.Data) && set.exposure.Public != "":
		return "the folder beside the program whose name begins with {" + folderPrefix + "} (not that with {" + probePrefix + "})"
	case s.beside(config.Data):
		return "the folder beside the program whose name begins with {" + folderPrefix + "}"
	}
	below, _ := filepath.Rel(filepath.Dir(config.Data), s.program)
	web, _, _ := strings.Cut(filepath.ToSlash(below), "/")
	return "the folder {" + filepath.Base(config.Data) + "}, which lies beside {" + web + "}, not in it"
}

// longQuery asks for an answer as late as the hub gives any.
const longQuery = "long"

// long answers after as long as a request is held at most, if the hub has no
// owner yet: his is the question whether the hosting allows that. One at a time
// can be had.
func (s *Site) long(ctx context.Context, v Visit) Reply {
	h, err := s.open()
	if err != nil {
		return s.refuse(err)
	}
	if !h.unclaimed() {
		return s.page(Request{Visit: v})
	}
	release, ok, err := tryLong(h.config.Data)
	if err != nil || !ok {
		return longPage("Somebody is trying that just now. Wait for a minute, and try it again.")
	}
	defer release()
	begun := time.Now()
	over := time.NewTimer(h.config.Wait)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
	return longPage("ok: the answer came after " + time.Since(begun).Round(time.Second).String() + ". Messages will arrive at once.")
}

// longPage is the answer to a long request.
func longPage(text string) Reply {
	d := new(document)
	d.raw(pageHead + pageStyle + "</style>\n</head>\n<body>\n<main>\n<h1>A long request</h1>\n")
	d.tag("p", "lead", text)
	d.raw("<p><a href=\"?\">Back to the hub’s page</a></p>\n</main>\n</body>\n</html>\n")
	return htmlReply([]byte(d.String()), ContentSecurityPolicy())
}
