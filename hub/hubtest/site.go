package hubtest

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub/hub"
)

// Place is where on a site the hub has its URL.
type Place string

// The places where people put a hub.
const (
	AtRoot    Place = "root"    // https://site/hub.cgi
	InCGIBin  Place = "cgi-bin" // https://site/cgi-bin/hub.cgi, a folder for programs alone, beside the document root
	OfUser    Place = "~al"     // https://site/~al/hub.cgi, in al's own web folder
	Rewritten Place = "rewrite" // https://site/hub, which a rule leads to hub.cgi
)

// Setup says how a hub is put up. The zero value is hub.cgi at the root of a
// site over plain HTTP, with its data beside it.
type Setup struct {
	HTTPS   bool // with a certificate that nobody but the site itself has signed
	Place   Place
	Outside bool   // hub.conf names a data folder that is not on the web
	Conf    string // what else hub.conf says
}

// site is web space for a test, and what a web server needs to serve it.
type site struct {
	Setup
	home    string // the server's own: configuration, log, sockets, certificate
	root    string // its document root
	space   string // the folder of the site that the hub lies in
	path    string // that folder's path in URLs; begins and ends with "/"
	address string // host:port of the server
	data    string // the data folder, if hub.conf names it
}

// newSite makes web space with a program in it, if one is given. It belongs to
// the user whom web servers run programs as.
func newSite(t testing.TB, setup Setup, program, name string) *site {
	t.Helper()
	s := &site{Setup: setup, home: openFolder(t)}
	s.root = filepath.Join(s.home, "site")
	s.space, s.path = s.root, "/"
	switch setup.Place {
	case InCGIBin:
		s.space, s.path = filepath.Join(s.home, "cgi-bin"), "/cgi-bin/"
	case OfUser:
		s.space, s.path = filepath.Join(s.home, "people", "al", "public_html"), "/~al/"
	}
	for _, folder := range []string{s.root, s.space} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if program != "" {
		s.put(t, program, name)
	}
	if setup.HTTPS {
		writeCertificate(t, s.home)
	}
	giveAway(t, s.home)
	return s
}

// put uploads a program, and hub.conf if there is something to say in it.
func (s *site) put(t testing.TB, program, name string) {
	t.Helper()
	install(t, program, filepath.Join(s.space, name))
	conf := s.Conf
	if s.Outside {
		s.data = filepath.Join(s.home, "outside")
		conf += "data = \"" + s.data + "\"\n"
		if err := os.Mkdir(s.data, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if conf == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(s.space, hub.ConfigName), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
}

// write writes a file of the server's, with what it says of the site filled in.
func (s *site) write(t testing.TB, name, text string) (path string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.address)
	text = strings.NewReplacer("{{home}}", s.home, "{{root}}", s.root, "{{space}}", s.space,
		"{{address}}", s.address, "{{host}}", host, "{{port}}", port).Replace(text)
	path = filepath.Join(s.home, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// running is the hub on the site, visited for the first time.
func (s *site) running(t testing.TB, name, log string) *Running {
	t.Helper()
	base := s.origin() + s.path
	r := &Running{URL: base + name, Data: s.data, Web: s.space, Base: base, ErrorLog: log}
	if s.Place == Rewritten {
		r.URL = s.origin() + "/hub"
	}
	r.firstVisit(t)
	return r
}

// giveAway makes a folder that of the user whom web servers run programs as, if
// that is another one.
func giveAway(t testing.TB, folder string) {
	t.Helper()
	if os.Getuid() == 0 {
		giveTo(t, folder, serverUser)
	}
}

// before is a hub that the site's server stands before, at /hub, with its data
// elsewhere.
func (s *site) before(data, log string) *Running {
	return &Running{URL: s.origin() + "/hub", Data: data, Web: s.root, Base: s.origin() + "/", ErrorLog: log}
}

// origin is how URLs of the site begin.
func (s *site) origin() string {
	if s.HTTPS {
		return "https://" + s.address
	}
	return "http://" + s.address
}
