package hubtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const caddyProgram = "/usr/bin/caddy"

// caddyConfig is what the docs say for Caddy, with a server around. It asks
// nobody for a certificate.
const caddyConfig = `
{
	admin off
	auto_https off
	storage file_system {{home}}/caddy
	log {
		output file {{home}}/error.log
		level ERROR
	}
}
{{scheme}}://{{address}} {
	bind 127.0.0.1
	{{tls}}
	root * {{root}}
	file_server
	{{rules}}
}
`

// StartCaddyProxy starts hubd over HTTP, and Caddy before it.
func StartCaddyProxy(t testing.TB, setup Setup) *Running {
	t.Helper()
	return startCaddy(t, setup, "-listen", "<!-- Caddy -->", "127.0.0.1:8080")
}

// StartCaddyFcgi starts hubd as a FastCGI server, and Caddy before it.
func StartCaddyFcgi(t testing.TB, setup Setup) *Running {
	t.Helper()
	return startCaddy(t, setup, "-fcgi", "<!-- Caddy fcgi -->", "127.0.0.1:9000")
}

// startCaddy starts hubd, and Caddy before it with a block of the docs, in which
// hubd is at address and the site your.site.
func startCaddy(t testing.TB, setup Setup, flag, mark, address string) *Running {
	t.Helper()
	need(t, caddyProgram, "caddy")
	hubd, data := startHubd(t, flag)
	s := newSite(t, setup, "", "")
	scheme, tls := "http", ""
	if s.HTTPS {
		scheme, tls = "https", "tls {{home}}/cert.pem {{home}}/key.pem"
	}
	_, rules, _ := strings.Cut(fromDocs(t, mark), "{\n")
	rules = rules[:strings.LastIndex(rules, "}")]
	start(t, func() *exec.Cmd {
		s.address = freeAddress(t)
		config := strings.NewReplacer("{{scheme}}", scheme, "{{tls}}", tls, "{{rules}}",
			strings.ReplaceAll(rules, address, hubd)).Replace(caddyConfig)
		c := exec.Command(caddyProgram, "run", "--adapter", "caddyfile", "--config", s.write(t, "Caddyfile", config))
		c.Env = append(os.Environ(), "HOME="+s.home, "XDG_CONFIG_HOME="+s.home, "XDG_DATA_HOME="+s.home)
		return c
	}, func() string { return s.address })
	return s.before(data, filepath.Join(s.home, "error.log"))
}
