package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

// certificates are what HTTPS is spoken with. Gateways know a hub by its own
// key, so a certificate decides nothing for them; it is for browsers.
type certificates struct {
	get  func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	acme *acmeCertificates // nil: they come from elsewhere
}

// certificates returns those that the command line asks for, nil for none. data
// is the hub's data folder.
func (s settings) certificates(data string, log *slog.Logger) (*certificates, error) {
	switch {
	case s.cert != "":
		files := &certificateFiles{cert: s.cert, key: s.key, log: log, now: time.Now}
		if err := files.read(); err != nil {
			return nil, fmt.Errorf("reading the certificate: %w", err)
		}
		return &certificates{get: files.get}, nil
	case s.selfSigned:
		own, err := selfSigned(data, log)
		if err != nil {
			return nil, fmt.Errorf("the hub's own certificate: %w", err)
		}
		return &certificates{get: own.get}, nil
	case s.acme != "":
		own, err := selfSigned(data, log)
		if err != nil {
			return nil, fmt.Errorf("the hub's own certificate: %w", err)
		}
		a := newACME(s, filepath.Join(data, "acme"), own, log)
		return &certificates{get: a.get, acme: a}, nil
	}
	return nil, nil
}

// config is how HTTPS is spoken.
func (c *certificates) config() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}
	if c.acme != nil {
		config.NextProtos = append(config.NextProtos, acme.ALPNProto) // a CA asks over TLS whether the hub has its name (RFC 8737)
	}
	return config
}

// challenges has plain HTTP answer to who checks that the hub has its name, and
// next to all others.
func (c *certificates) challenges(next http.Handler) http.Handler {
	if c == nil || c.acme == nil {
		return next
	}
	return c.acme.manager.HTTPHandler(next)
}

// obtain gets certificates that are not there yet, before somebody asks for them.
func (c *certificates) obtain() {
	if c != nil && c.acme != nil {
		c.acme.obtain()
	}
}

// lookAgain is how long certificate files are taken for what they were.
const lookAgain = 10 * time.Second

// certificateFiles is a certificate in files, which others renew.
type certificateFiles struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu     sync.Mutex
	loaded *tls.Certificate
	of     [2]fileState // what the files were when they were last read
	looked time.Time
}

// fileState tells whether a file has changed.
type fileState struct {
	size int64
	at   time.Time
}

// state looks at the files, through symbolic links.
func (f *certificateFiles) state() (state [2]fileState) {
	for i, path := range []string{f.cert, f.key} {
		if info, err := os.Stat(path); err == nil {
			state[i] = fileState{info.Size(), info.ModTime()}
		}
	}
	return state
}

// read reads the files, whatever they were.
func (f *certificateFiles) read() error {
	f.looked, f.of = f.now(), f.state()
	loaded, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.loaded = &loaded
	return nil
}

// get returns the certificate, of the files as they are now. If they make no
// sense, as while they are being renewed, it is the one before.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.looked).Abs() < lookAgain {
		return f.loaded, nil
	}
	if f.looked = f.now(); f.state() != f.of {
		if err := f.read(); err != nil {
			f.log.Warn("the certificate has changed, and cannot be read: the one before is used", "error", err)
		} else {
			f.log.Info("the certificate has changed", "until", f.loaded.Leaf.NotAfter)
		}
	}
	return f.loaded, nil
}
