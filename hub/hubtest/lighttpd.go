package hubtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const lighttpdProgram = "/usr/sbin/lighttpd"

// lighttpdConfig is what the docs say for lighttpd, with a server around.
const lighttpdConfig = `
server.modules = ({{modules}})
server.document-root = "{{root}}"
server.bind = "{{host}}"
server.port = {{port}}
server.errorlog = "{{home}}/error.log"
server.upload-dirs = ("{{home}}")
index-file.names = ("index.html")
{{rules}}
`

// lighttpdTLS has the server speak HTTPS.
const lighttpdTLS = `
ssl.engine = "enable"
ssl.pemfile = "{{home}}/both.pem"
`

// lighttpdPlaces are further rules for where the hub is: as Debian's 10-cgi.conf
// and 10-userdir.conf have them.
var lighttpdPlaces = map[Place]string{
	InCGIBin: `
$HTTP["url"] =~ "^/cgi-bin/" {
	cgi.assign = ( "" => "" )
	alias.url += ( "/cgi-bin/" => "{{home}}/cgi-bin/" )
}
`,
	OfUser: `
userdir.path = "public_html"
userdir.basepath = "{{home}}/people/"
`,
}

// StartLighttpd starts lighttpd with hub.cgi.
func StartLighttpd(t testing.TB, setup Setup) *Running {
	t.Helper()
	need(t, lighttpdProgram, "lighttpd")
	s := newSite(t, setup, Build(t, "hub/cgi"), "hub.cgi")
	modules := []string{"mod_access", "mod_alias", "mod_userdir", "mod_rewrite", "mod_cgi"}
	rules := fromDocs(t, "<!-- lighttpd -->") + lighttpdPlaces[s.Place]
	if s.Place == Rewritten {
		rules += fromDocs(t, "<!-- lighttpd rewrite -->")
	}
	if s.HTTPS {
		need(t, "/usr/lib/lighttpd/mod_openssl.so", "lighttpd-mod-openssl")
		modules, rules = append(modules, "mod_openssl"), lighttpdTLS+rules
	}
	if os.Getuid() == 0 {
		rules += "server.username = \"" + serverUser + "\"\nserver.groupname = \"" + serverUser + "\"\n"
	}
	start(t, func() *exec.Cmd {
		s.address = freeAddress(t)
		config := strings.NewReplacer("{{rules}}", rules, "{{modules}}", `"`+strings.Join(modules, `", "`)+`"`).Replace(lighttpdConfig)
		return exec.Command(lighttpdProgram, "-D", "-f", s.write(t, "lighttpd.conf", config))
	}, func() string { return s.address })
	return s.running(t, "hub.cgi", filepath.Join(s.home, "error.log"))
}
