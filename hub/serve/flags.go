package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// settings are what the command line says.
type settings struct {
	listen, http, fcgi string
	cert, key          string
	selfSigned         bool
	acme, acmeServer   string
	data               string
	version            bool
}

const usage = `hubd is a hub as a process that stays, for a machine of one's own.

  hubd -listen 127.0.0.1:8080 -data /var/lib/hubbub
	HTTP, on this machine alone or behind a proxy
  hubd -listen :443 -http :80 -acme hub.example.org -data /var/lib/hubbub
	HTTPS, with a certificate that hubd gets for itself
  hubd -listen :8443 -tls-self-signed -data /var/lib/hubbub
	HTTPS without a name: gateways know the hub by its own key
  hubd -fcgi /run/hubbub.sock -data /var/lib/hubbub
	FastCGI, behind a web server

Sockets that systemd passes are served as well. Without any address hubd speaks
FastCGI on its standard input, as Apache's mod_fcgid starts it.

`

// parse reads the command line. Words for people go to out.
func parse(arguments []string, out io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("hubd", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		fmt.Fprint(out, usage)
		f.PrintDefaults()
	}
	f.StringVar(&s.listen, "listen", "", "speak HTTP on this `address`, host:port; HTTPS with one of the flags for certificates")
	f.StringVar(&s.http, "http", "", "beside HTTPS speak plain HTTP on this `address`, host:port")
	f.StringVar(&s.fcgi, "fcgi", "", "speak FastCGI on this `address`, host:port or the path of a Unix socket")
	f.StringVar(&s.cert, "tls-cert", "", "speak HTTPS with the certificate in this `file` (PEM, with its chain), read again when it changes")
	f.StringVar(&s.key, "tls-key", "", "the `file` with the certificate's key")
	f.BoolVar(&s.selfSigned, "tls-self-signed", false, "speak HTTPS with a certificate that hubd makes and keeps in the data folder")
	f.StringVar(&s.acme, "acme", "", "speak HTTPS with a certificate for this `domain` (or several, parted by commas) from Let's Encrypt, whose terms you accept with it")
	f.StringVar(&s.acmeServer, "acme-server", "", "get it there instead: the `URL` of another ACME server's directory")
	f.StringVar(&s.data, "data", "", "keep the data in this `folder`; hub.conf in it may set limits")
	f.BoolVar(&s.version, "version", false, "print the version and stop")
	if err := f.Parse(arguments); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("it takes no arguments, but has %q: addresses go behind their flags (hubd -h shows how)", f.Args())
	}
	return s, s.check()
}

// secure says whether there is a certificate to speak HTTPS with.
func (s settings) secure() bool { return s.cert != "" || s.selfSigned || s.acme != "" }

// check refuses what makes no sense together, and says what to do.
func (s settings) check() error {
	var ways []string
	for _, way := range []struct {
		name string
		used bool
	}{{"-tls-cert", s.cert != ""}, {"-tls-self-signed", s.selfSigned}, {"-acme", s.acme != ""}} {
		if way.used {
			ways = append(ways, way.name)
		}
	}
	switch {
	case len(ways) > 1:
		return fmt.Errorf("there can be one certificate: choose between %s", strings.Join(ways, " and "))
	case s.cert != "" && s.key == "":
		return errors.New("-tls-cert needs the certificate's key: name its file with -tls-key")
	case s.key != "" && s.cert == "":
		return errors.New("-tls-key needs its certificate: name that file with -tls-cert")
	case s.acmeServer != "" && s.acme == "":
		return errors.New("-acme-server needs to know what for: name the domain with -acme")
	case s.http != "" && !s.secure():
		return errors.New("-http is for plain HTTP beside HTTPS: without a certificate name the address with -listen")
	case s.http != "" && s.http == s.listen:
		return errors.New("-http and -listen are one address: HTTPS and HTTP need a port each, as -listen :443 -http :80")
	}
	for _, domain := range s.domains() {
		if err := checkDomain(domain); err != nil {
			return err
		}
	}
	return nil
}

// domains are those of -acme.
func (s settings) domains() []string {
	if s.acme == "" {
		return nil
	}
	names := strings.Split(s.acme, ",")
	for i := range names {
		names[i] = strings.ToLower(strings.TrimSpace(names[i]))
	}
	return names
}

// checkDomain refuses what nobody gives certificates for in the ways hubd knows.
func checkDomain(domain string) error {
	_, notIP := netip.ParseAddr(domain)
	switch {
	case strings.Contains(domain, "*"):
		return fmt.Errorf("-acme gets no certificates for wildcards: name each domain, not %q", domain)
	case notIP == nil:
		return fmt.Errorf("-acme is for names, not for an address such as %s: use -tls-self-signed, which gateways take as well", domain)
	case strings.ContainsAny(domain, ":/ ") || !strings.Contains(strings.Trim(domain, "."), "."):
		return fmt.Errorf("-acme takes a domain such as hub.example.org, not %q", domain)
	}
	return nil
}
