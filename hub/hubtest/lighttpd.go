package hubtest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const lighttpdProgram = "/usr/sbin/lighttpd"

// lighttpdConfig is what docs/hub.md says for lighttpd, with a server around.
const lighttpdConfig = `
server.modules = ("mod_cgi", "mod_access")
server.document-root = "{{space}}"
server.bind = "{{host}}"
server.port = {{port}}
server.errorlog = "{{home}}/error.log"
server.upload-dirs = ("{{home}}")
index-file.names = ("index.html")
{{rules}}
`

// StartLighttpd starts lighttpd with hub.cgi, as the user who runs the test.
func StartLighttpd(t testing.TB) *Running {
	t.Helper()
	need(t, lighttpdProgram, "lighttpd")
	home := t.TempDir()
	space := filepath.Join(home, "www")
	if err := os.Mkdir(space, 0o755); err != nil {
		t.Fatal(err)
	}
	install(t, Build(t, "hub/cgi"), filepath.Join(space, "hub.cgi"))
	var address string
	start(t, func() *exec.Cmd {
		address = freeAddress(t)
		host, port, _ := net.SplitHostPort(address)
		config := strings.NewReplacer("{{space}}", space, "{{home}}", home, "{{host}}", host, "{{port}}", port,
			"{{rules}}", fromDocs(t, "<!-- lighttpd -->")).Replace(lighttpdConfig)
		file := filepath.Join(home, "lighttpd.conf")
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(lighttpdProgram, "-D", "-f", file)
	}, func() string { return address })
	base := "http://" + address + "/"
	r := &Running{URL: base + "hub.cgi", Web: space, Base: base, ErrorLog: filepath.Join(home, "error.log")}
	r.firstVisit(t, space)
	return r
}
