package hubtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Where Debian puts Apache.
const (
	apacheProgram = "/usr/sbin/apache2"
	apacheModules = "/usr/lib/apache2/modules"
)

// serverUser is whom Debian's web servers run as, and what they start.
const serverUser = "www-data"

// webUser is the person on whose web space the tests put hub.cgi. Tests as
// root make that user if need be, in CI.
const webUser = "hubbub-test"

// apacheConfig is a server with the modules that Debian switches on, and more
// as they are needed. Only .htaccess files say what runs where.
const apacheConfig = `
ServerRoot {{home}}
DefaultRuntimeDir {{home}}
PidFile {{home}}/apache.pid
Mutex file:{{home}}
ServerName 127.0.0.1
Listen {{address}}
ErrorLog {{home}}/error.log
LogLevel warn
{{modules}}
{{user}}
<Directory />
	AllowOverride None
	Require all denied
</Directory>
RequestReadTimeout header=20-40,minrate=500 body=20,minrate=500
TypesConfig /etc/mime.types
AccessFileName .htaccess
<FilesMatch "^\.ht">
	Require all denied
</FilesMatch>
DocumentRoot {{root}}
{{rest}}
`

// apacheTLS has the server speak HTTPS.
const apacheTLS = `
SSLEngine on
SSLCertificateFile {{home}}/cert.pem
SSLCertificateKeyFile {{home}}/key.pem
`

// usualModules are what Debian's Apache has switched on, but for the way it
// shares its work out among processes.
var usualModules = []string{"access_compat", "alias", "auth_basic", "authn_core", "authn_file",
	"authz_core", "authz_host", "authz_user", "autoindex", "deflate", "dir", "env", "filter", "mime",
	"negotiation", "reqtimeout", "setenvif"}

// The ways in which Apache shares out its work.
const (
	event   = "mpm_event"
	prefork = "mpm_prefork"
)

// apache starts Apache for the site. modules and rest are added to what is
// usual; rest may say {{home}}. It returns the error log.
func (s *site) apache(t testing.TB, mpm string, modules []string, rest string) (log string) {
	t.Helper()
	log = filepath.Join(s.home, "error.log")
	modules = slices.Concat([]string{mpm}, usualModules, modules)
	if s.HTTPS {
		modules = append(modules, "ssl")
		rest = apacheTLS + rest
	}
	var load strings.Builder
	for _, module := range modules {
		file := filepath.Join(apacheModules, "mod_"+module+".so")
		need(t, file, "apache2")
		fmt.Fprintf(&load, "LoadModule %s_module %s\n", module, file)
	}
	as := ""
	if os.Getuid() == 0 {
		as = "User " + serverUser + "\nGroup " + serverUser
	}
	start(t, func() *exec.Cmd {
		s.address = freeAddress(t)
		config := strings.NewReplacer("{{rest}}", rest, "{{modules}}", load.String(), "{{user}}", as).Replace(apacheConfig)
		file := s.write(t, "apache.conf", config)
		c := exec.Command(apacheProgram, "-f", file, "-D", "FOREGROUND")
		if mpm == prefork { // told to end, it ends all of its process group
			inGroup(t, c, "")
		}
		return c
	}, func() string { return s.address })
	return log
}

// StartApache puts hub.cgi on a user's web space: Apache with mod_cgid, told
// by an .htaccess alone. As root, which needs CI=true, the space is another
// user's and suexec starts hub.cgi as that user; otherwise it is one's own.
func StartApache(t testing.TB) *Running {
	t.Helper()
	if os.Getuid() == 0 {
		return startSuexec(t, Setup{}, event, "cgid")
	}
	return StartApacheEvent(t, Setup{})
}

// StartApacheEvent starts Apache with mod_cgid, which runs hub.cgi as the
// user that Apache runs as.
func StartApacheEvent(t testing.TB, setup Setup) *Running {
	t.Helper()
	need(t, apacheProgram, "apache2")
	s := newSite(t, setup, Build(t, "hub/cgi"), "hub.cgi")
	return s.onApache(t, event, []string{"cgid"}, "ScriptSock {{home}}/cgi.sock\n", Htaccess(t), "hub.cgi")
}

// StartApachePrefork starts Apache as the oldest hosting has it: a process for
// each request, with mod_cgi. At the place of a user suexec runs hub.cgi, as
// another user than the server's; that needs root, and CI=true.
func StartApachePrefork(t testing.TB, setup Setup) *Running {
	t.Helper()
	if setup.Place == OfUser {
		return startSuexec(t, setup, prefork, "cgi")
	}
	need(t, apacheProgram, "apache2")
	s := newSite(t, setup, Build(t, "hub/cgi"), "hub.cgi")
	return s.onApache(t, prefork, []string{"cgi"}, "", Htaccess(t), "hub.cgi")
}

// onApache starts Apache with what runs the site's program at its place.
func (s *site) onApache(t testing.TB, mpm string, modules []string, rest, access, name string) *Running {
	t.Helper()
	switch s.Place {
	case InCGIBin: // as Debian's serve-cgi-bin.conf
		rest += "ScriptAlias /cgi-bin/ " + s.space + "/\n<Directory " + s.space + ">\n\tAllowOverride None\n" +
			"\tOptions +ExecCGI -MultiViews +SymLinksIfOwnerMatch\n\tRequire all granted\n</Directory>\n"
	case OfUser:
		modules = append(modules, "userdir")
		rest += "UserDir {{home}}/people/*/public_html\n" + spaceRules(s.space)
		writeAccess(t, s.space, access)
	case Rewritten:
		modules = append(modules, "rewrite")
		writeAccess(t, s.space, access+strings.ReplaceAll(fromDocs(t, "<!-- .htaccess rewrite -->"), "hub.cgi", name))
	default:
		writeAccess(t, s.space, access)
	}
	rest += spaceRules(s.root)
	giveAway(t, s.space)
	return s.running(t, name, s.apache(t, mpm, modules, rest))
}

// startSuexec has suexec run hub.cgi as webUser, on that user's web space.
func startSuexec(t testing.TB, setup Setup, mpm, module string) *Running {
	t.Helper()
	need(t, apacheProgram, "apache2")
	if os.Getuid() != 0 {
		t.Skip("suexec is for root to start")
	}
	s := newSite(t, setup, "", "")
	s.space, s.path = userSpace(t)
	s.put(t, Build(t, "hub/cgi"), "hub.cgi")
	writeAccess(t, s.space, Htaccess(t))
	giveTo(t, s.space, webUser)
	if s.data != "" {
		giveTo(t, s.data, webUser)
	}
	rest := "UserDir public_html\n" + spaceRules(filepath.Dir(filepath.Dir(s.space)))
	if module == "cgid" {
		rest += "ScriptSock {{home}}/cgi.sock\n"
	}
	r := s.running(t, "hub.cgi", s.apache(t, mpm, []string{module, "userdir", "suexec"}, rest))
	if owner(t, r.Data) != webUser {
		t.Fatalf("hub.cgi ran as %s, not as %s", owner(t, r.Data), webUser)
	}
	return r
}

// spaceRules are what hosting allows on web space: everything by .htaccess,
// nothing without.
func spaceRules(folder string) string {
	return "<Directory " + folder + ">\n\tAllowOverride All\n\tOptions SymLinksIfOwnerMatch Indexes\n\tRequire all granted\n</Directory>\n"
}

// userSpace makes a folder on the web space of webUser: within what Debian's
// suexec allows as it comes.
func userSpace(t testing.TB) (folder, path string) {
	t.Helper()
	if !inCI() {
		t.Skip("as root this needs a user of its own, which it makes only with CI=true")
	}
	need(t, "/usr/lib/apache2/suexec", "apache2-suexec-custom")
	u, err := user.Lookup(webUser)
	if err != nil {
		if out, err := exec.Command("useradd", "--create-home", "--shell", "/usr/sbin/nologin", webUser).CombinedOutput(); err != nil {
			t.Fatalf("making the user %s: %v\n%s", webUser, err, out)
		}
		if u, err = user.Lookup(webUser); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(u.HomeDir, 0o711); err != nil {
		t.Fatal(err)
	}
	scripts := filepath.Join(u.HomeDir, "public_html", "cgi-bin")
	name := strings.ToLower(rand.Text()[:10])
	folder = filepath.Join(scripts, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	giveTo(t, filepath.Dir(scripts), webUser)
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder, "/~" + webUser + "/cgi-bin/" + name + "/"
}

// openFolder makes a folder that a web server's own user can reach.
func openFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "hubbub-web-")
	if err == nil {
		err = os.Chmod(folder, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// giveTo makes a folder, and all in it, a user's.
func giveTo(t testing.TB, folder, name string) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	err = filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Htaccess is the .htaccess that docs/hub.md tells people to put beside
// hub.cgi.
func Htaccess(t testing.TB) string {
	t.Helper()
	return fromDocs(t, "<!-- .htaccess -->")
}

// fromDocs returns the block of docs/hosting.md or docs/hub.md that follows a mark.
func fromDocs(t testing.TB, mark string) string {
	t.Helper()
	for _, name := range []string{"hosting.md", "hub.md"} {
		text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(text), mark)
		_, rest, _ = strings.Cut(rest, "```")
		_, rest, _ = strings.Cut(rest, "\n")
		block, _, ok := strings.Cut(rest, "```")
		switch {
		case found && !ok:
			t.Fatalf("docs/%s has no block after %s", name, mark)
		case found:
			return block
		}
	}
	t.Fatalf("neither docs/hosting.md nor docs/hub.md has a block %s", mark)
	return ""
}

func writeAccess(t testing.TB, folder, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, ".htaccess"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// StartApacheProxyFcgi starts hubd as a FastCGI server, and Apache before it
// with mod_proxy_fcgi.
func StartApacheProxyFcgi(t testing.TB) *Running {
	t.Helper()
	need(t, apacheProgram, "apache2")
	hubd, data := startHubd(t, "-fcgi")
	rules := strings.ReplaceAll(fromDocs(t, "<!-- mod_proxy_fcgi -->"), "127.0.0.1:9000", hubd)
	s := newSite(t, Setup{}, "", "")
	log := s.apache(t, event, []string{"proxy", "proxy_fcgi"}, rules+spaceRules(s.root))
	return s.before(data, log)
}

// StartApacheFcgid has Apache's mod_fcgid start hubd, which lies on web space
// as hub.cgi would.
func StartApacheFcgid(t testing.TB) *Running { return StartApacheFcgidAt(t, Setup{}) }

// StartApacheFcgidAt is StartApacheFcgid with a choice.
func StartApacheFcgidAt(t testing.TB, setup Setup) *Running {
	t.Helper()
	setup.Conf += "request_kib = 1024\n" // as the docs say, with the block
	return startApacheFcgid(t, setup, fromDocs(t, "<!-- mod_fcgid server -->"))
}

// startApacheFcgid is StartApacheFcgid where the server's own configuration says
// rules.
func startApacheFcgid(t testing.TB, setup Setup, rules string) *Running {
	t.Helper()
	need(t, apacheProgram, "apache2")
	need(t, filepath.Join(apacheModules, "mod_fcgid.so"), "libapache2-mod-fcgid")
	s := newSite(t, setup, Build(t, "hub/serve"), "hub.fcgi")
	return s.onApache(t, event, []string{"fcgid"}, "FcgidIPCDir {{home}}\nFcgidProcessTableFile {{home}}/fcgid_shm\n"+rules,
		fromDocs(t, "<!-- mod_fcgid -->"), "hub.fcgi")
}
