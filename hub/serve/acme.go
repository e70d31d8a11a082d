package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

const (
	// obtaining is how long a client waits for a certificate that is being got.
	obtaining = 4 * time.Second
	// failed is how long a domain is left alone for which there was none: a CA
	// takes few failures an hour.
	failed = 15 * time.Minute
)

// acmeCertificates are certificates from a CA. Where there is none, or no more,
// the hub's own one serves: a gateway does not mind.
type acmeCertificates struct {
	manager *autocert.Manager
	domains []string
	own     *ownCertificate
	log     *slog.Logger

	mu    sync.Mutex
	tries map[string]*try // by domain
}

// try is one asking for a domain's certificate.
type try struct {
	done        chan struct{} // closed when it is over; then the rest holds
	certificate *tls.Certificate
	err         error
	until       time.Time // after an error: nobody is asked before
}

// newACME keeps certificates and the account for them in cache.
func newACME(s settings, cache string, own *ownCertificate, log *slog.Logger) *acmeCertificates {
	domains := s.domains()
	server := s.acmeServer
	if server == "" {
		server = autocert.DefaultACMEDirectory
	}
	return &acmeCertificates{
		manager: &autocert.Manager{
			Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(cache), HostPolicy: hostPolicy(domains),
			Client: &acme.Client{DirectoryURL: server},
		},
		domains: domains, own: own, log: log, tries: make(map[string]*try),
	}
}

// hostPolicy is for domains alone, whatever port they are asked for at.
func hostPolicy(domains []string) autocert.HostPolicy {
	policy := autocert.HostWhitelist(domains...)
	return func(ctx context.Context, host string) error {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		return policy(ctx, host)
	}
}

// obtain gets the certificates that are not in the cache.
func (a *acmeCertificates) obtain() {
	for _, domain := range a.domains {
		a.try(domain)
	}
}

// get returns the certificate for the name that a client asks for.
func (a *acmeCertificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Contains(hello.SupportedProtos, acme.ALPNProto) {
		return a.manager.GetCertificate(hello)
	}
	domain := strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
	if !slices.Contains(a.domains, domain) { // it was asked for by its address, or by an old name
		return a.own.get(hello)
	}
	t := a.try(domain)
	over := time.NewTimer(obtaining)
	defer over.Stop()
	select {
	case <-t.done:
		if t.err == nil {
			return t.certificate, nil
		}
	case <-over.C:
	}
	return a.own.get(hello)
}

// try asks for a domain's certificate, which is in the cache if all is well. There
// is one try at a time, and none for a while after one that failed.
func (a *acmeCertificates) try(domain string) *try {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.tries[domain]; t != nil {
		select {
		case <-t.done:
			if t.err != nil && time.Now().Before(t.until) {
				return t
			}
		default:
			return t
		}
	}
	t := &try{done: make(chan struct{})}
	a.tries[domain] = t
	go func() {
		defer close(t.done)
		t.certificate, t.err = a.manager.GetCertificate(modern(domain))
		if t.err != nil {
			t.until = time.Now().Add(failed)
			a.log.Warn("no certificate: the hub's own one is used", "domain", domain, "error", t.err)
		}
	}()
	return t
}

// modern is how a client of today asks for domain: for a key on a curve.
func modern(domain string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}
}
