package hubtest

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	nginxProgram    = "/usr/sbin/nginx"
	fcgiwrapProgram = "/usr/sbin/fcgiwrap"
)

// nginxConfig is what the docs say for nginx, with a server around.
const nginxConfig = `
daemon off;
pid {{home}}/nginx.pid;
error_log {{home}}/error.log;
worker_processes 1;
{{user}}
events {}
http {
	access_log off;
	default_type application/octet-stream;
	client_body_temp_path {{home}}/body;
	fastcgi_temp_path {{home}}/fastcgi;
	proxy_temp_path {{home}}/proxy;
	uwsgi_temp_path {{home}}/uwsgi;
	scgi_temp_path {{home}}/scgi;
	server {
		listen {{address}}{{listen}};
		{{tls}}
		root {{root}};
		{{rules}}
	}
}
`

// nginxTLS has the server speak HTTPS.
const nginxTLS = `
		ssl_certificate {{home}}/cert.pem;
		ssl_certificate_key {{home}}/key.pem;
`

// nginxPlaces serve the folders that the hub may lie in, as people's sites do.
var nginxPlaces = map[Place]string{
	InCGIBin: "location /cgi-bin/ { alias {{home}}/cgi-bin/; }\n",
	OfUser:   "location ~ ^/~(\\w+)(/.*)?$ { alias {{home}}/people/$1/public_html$2; }\n",
}

// nginx starts nginx for the site, and returns its error log.
func (s *site) nginx(t testing.TB, rules string) (log string) {
	t.Helper()
	need(t, nginxProgram, "nginx")
	params, err := os.ReadFile("/etc/nginx/fastcgi_params")
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "fastcgi_params", string(params))
	listen, tls, as := "", "", ""
	if s.HTTPS {
		listen, tls = " ssl", nginxTLS
	}
	if os.Getuid() == 0 {
		as = "user " + serverUser + ";"
	}
	log = filepath.Join(s.home, "error.log")
	start(t, func() *exec.Cmd {
		s.address = freeAddress(t)
		config := strings.NewReplacer("{{rules}}", nginxPlaces[s.Place]+rules, "{{listen}}", listen, "{{tls}}", tls, "{{user}}", as).Replace(nginxConfig)
		return exec.Command(nginxProgram, "-p", s.home, "-c", s.write(t, "nginx.conf", config), "-e", log)
	}, func() string { return s.address })
	return log
}

// StartNginxFcgiwrap starts hub.cgi behind nginx, which has no CGI, with fcgiwrap
// between them, which has.
func StartNginxFcgiwrap(t testing.TB, setup Setup) *Running {
	t.Helper()
	// In /etc/default/fcgiwrap, where systemd makes one argument of it.
	_, children, ok := strings.Cut(strings.TrimSpace(fromDocs(t, "<!-- fcgiwrap -->")), "DAEMON_OPTS=")
	if !ok {
		t.Fatal("the docs do not say DAEMON_OPTS=")
	}
	return startFcgiwrap(t, setup, children)
}

// startFcgiwrap is StartNginxFcgiwrap with a choice of fcgiwrap's flags.
func startFcgiwrap(t testing.TB, setup Setup, flags ...string) *Running {
	t.Helper()
	need(t, nginxProgram, "nginx")
	need(t, fcgiwrapProgram, "fcgiwrap")
	s := newSite(t, setup, Build(t, "hub/cgi"), "hub.cgi")
	socket := filepath.Join(s.home, "fcgiwrap.socket")
	wrap := exec.Command(fcgiwrapProgram, append(flags, "-s", "unix:"+socket)...)
	startGroup(t, wrap, socket)
	rules := strings.NewReplacer("/run/fcgiwrap.socket", socket, "/srv/hubbub", s.space,
		"= /hub.cgi", "= "+s.path+"hub.cgi").Replace(fromDocs(t, "<!-- nginx fcgiwrap -->"))
	if s.Place == Rewritten {
		rules += fromDocs(t, "<!-- nginx rewrite -->")
	}
	return s.running(t, "hub.cgi", s.nginx(t, rules))
}

// startGroup starts a server that listens on a Unix socket and shares its work
// out among processes of its own, as the user of web servers. All of them are
// ended with the test.
func startGroup(t testing.TB, c *exec.Cmd, socket string) {
	t.Helper()
	c.Stderr = os.Stderr
	inGroup(t, c, serverUser)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endGroup(c)
		c.Wait()
	})
	for over := time.Now().Add(startWait); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(over) || !errors.Is(err, fs.ErrNotExist) && os.Getuid() != 0 {
			t.Fatalf("%s does not listen: %v", c.Path, err)
		}
	}
}

// StartNginxFcgi starts hubd as a FastCGI server, and nginx before it.
func StartNginxFcgi(t testing.TB, setup Setup) *Running {
	t.Helper()
	return startNginxHubd(t, setup, "-fcgi", "<!-- nginx hubd -->", "127.0.0.1:9000")
}

// StartNginxProxy starts hubd over HTTP, and nginx before it.
func StartNginxProxy(t testing.TB, setup Setup) *Running {
	t.Helper()
	return startNginxHubd(t, setup, "-listen", "<!-- nginx proxy -->", "127.0.0.1:8080")
}

// startNginxHubd starts hubd, and nginx before it with a block of the docs, in
// which hubd is at address.
func startNginxHubd(t testing.TB, setup Setup, flag, mark, address string) *Running {
	t.Helper()
	need(t, nginxProgram, "nginx")
	hubd, data := startHubd(t, flag)
	s := newSite(t, setup, "", "")
	log := s.nginx(t, strings.ReplaceAll(fromDocs(t, mark), address, hubd))
	return s.before(data, log)
}
