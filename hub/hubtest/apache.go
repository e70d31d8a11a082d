package hubtest

import (
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Where Debian puts Apache.
const (
	apacheProgram = "/usr/sbin/apache2"
	apacheModules = "/usr/lib/apache2/modules"
	apacheUser    = "www-data"
)

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
{{rest}}
`

// usualModules are what Debian's Apache has switched on.
var usualModules = []string{"mpm_event", "access_compat", "alias", "auth_basic", "authn_core", "authn_file",
	"authz_core", "authz_host", "authz_user", "autoindex", "deflate", "dir", "env", "filter", "mime",
	"negotiation", "reqtimeout", "setenvif"}

// apache starts Apache with its configuration in a folder of its own. modules
// and rest are added to what is usual; rest may say {{home}}.
func apache(t testing.TB, modules []string, rest string) (address, log string) {
	t.Helper()
	home := openFolder(t)
	log = filepath.Join(home, "error.log")
	var load strings.Builder
	for _, module := range append(append([]string(nil), usualModules...), modules...) {
		file := filepath.Join(apacheModules, "mod_"+module+".so")
		need(t, file, "apache2")
		fmt.Fprintf(&load, "LoadModule %s_module %s\n", module, file)
	}
	as := ""
	if os.Getuid() == 0 {
		as = "User " + apacheUser + "\nGroup " + apacheUser
		giveTo(t, home, apacheUser)
	}
	start(t, func() *exec.Cmd {
		address = freeAddress(t)
		config := strings.NewReplacer("{{rest}}", rest, "{{modules}}", load.String(), "{{user}}", as).Replace(apacheConfig)
		config = strings.NewReplacer("{{home}}", home, "{{address}}", address).Replace(config)
		file := filepath.Join(home, "apache.conf")
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(apacheProgram, "-f", file, "-D", "FOREGROUND")
	}, func() string { return address })
	return address, log
}

// StartApache puts hub.cgi on a user's web space: Apache with mod_cgid, told
// by an .htaccess alone. As root, which needs CI=true, the space is another
// user's and suexec starts hub.cgi as that user; otherwise it is one's own.
func StartApache(t testing.TB) *Running {
	t.Helper()
	need(t, apacheProgram, "apache2")
	modules := []string{"cgid"}
	var space, path, rest string
	if os.Getuid() == 0 {
		space, path = userSpace(t)
		modules = append(modules, "userdir", "suexec")
		rest = "UserDir public_html\n" + spaceRules(filepath.Dir(filepath.Dir(space)))
	} else {
		space, path = openFolder(t), "/"
		rest = "DocumentRoot " + space + "\n" + spaceRules(space)
	}
	install(t, Build(t, "hub/cgi"), filepath.Join(space, "hub.cgi"))
	writeAccess(t, space, Htaccess(t))
	if os.Getuid() == 0 {
		giveTo(t, space, webUser)
	}
	address, log := apache(t, modules, "ScriptSock {{home}}/cgi.sock\n"+rest)
	r := &Running{URL: "http://" + address + path + "hub.cgi", Web: space, Base: "http://" + address + path, ErrorLog: log}
	r.firstVisit(t, space)
	if os.Getuid() == 0 && owner(t, r.Data) != webUser {
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

// fromDocs returns the block of docs/hub.md that follows a mark.
func fromDocs(t testing.TB, mark string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "hub.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), mark)
	_, rest, _ = strings.Cut(rest, "```")
	_, rest, _ = strings.Cut(rest, "\n")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatalf("docs/hub.md has no block after %s", mark)
	}
	return block
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
	data := filepath.Join(t.TempDir(), "data")
	var hubd string
	start(t, func() *exec.Cmd {
		hubd = freeAddress(t)
		return exec.Command(Build(t, "hub/serve"), "-fcgi", hubd, "-data", data)
	}, func() string { return hubd })
	rules := strings.ReplaceAll(fromDocs(t, "<!-- mod_proxy_fcgi -->"), "127.0.0.1:9000", hubd)
	address, log := apache(t, []string{"proxy", "proxy_fcgi"}, rules)
	return &Running{URL: "http://" + address + "/hub", Data: data, ErrorLog: log}
}

// StartApacheFcgid has Apache's mod_fcgid start hubd, which lies on web space
// as hub.cgi would.
func StartApacheFcgid(t testing.TB) *Running {
	t.Helper()
	need(t, apacheProgram, "apache2")
	need(t, filepath.Join(apacheModules, "mod_fcgid.so"), "libapache2-mod-fcgid")
	space := openFolder(t)
	install(t, Build(t, "hub/serve"), filepath.Join(space, "hub.fcgi"))
	writeAccess(t, space, fromDocs(t, "<!-- mod_fcgid -->"))
	if os.Getuid() == 0 {
		giveTo(t, space, apacheUser)
	}
	address, log := apache(t, []string{"fcgid"}, "FcgidIPCDir {{home}}\nFcgidProcessTableFile {{home}}/fcgid_shm\n"+
		fromDocs(t, "<!-- mod_fcgid server -->")+"DocumentRoot "+space+"\n"+spaceRules(space))
	base := "http://" + address + "/"
	r := &Running{URL: base + "hub.fcgi", Web: space, Base: base, ErrorLog: log}
	r.firstVisit(t, space)
	return r
}
