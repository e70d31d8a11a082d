package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	selfSignedFor   = 10 * 365 * 24 * time.Hour
	selfSignedRenew = 30 * 24 * time.Hour // before its end
)

// ownCertificate is a certificate that hubd makes. It says nothing of the
// machine or its owner.
type ownCertificate struct {
	path string
	log  *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
}

// selfSigned returns the certificate kept in the data folder, and makes it if it
// is not there.
func selfSigned(data string, log *slog.Logger) (*ownCertificate, error) {
	own := &ownCertificate{path: filepath.Join(data, "self-signed.pem"), log: log}
	_, err := own.get(nil)
	return own, err
}

// get returns the certificate, renewed if it is near its end.
func (o *ownCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.loaded == nil {
		text, err := os.ReadFile(o.path)
		if err == nil {
			err = o.load(text)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if o.loaded != nil && time.Until(o.loaded.Leaf.NotAfter) > selfSignedRenew {
		return o.loaded, nil
	}
	if err := o.renew(); err != nil {
		if o.loaded == nil {
			return nil, err
		}
		o.log.Error("renewing the hub's own certificate", "error", err)
	}
	return o.loaded, nil
}

// load reads the certificate and its key from one PEM text.
func (o *ownCertificate) load(text []byte) error {
	loaded, err := tls.X509KeyPair(text, text)
	if err == nil {
		o.loaded = &loaded
	}
	return err
}

// renew makes a certificate and puts it in the place of the old one.
func (o *ownCertificate) renew() error {
	text, err := makeCertificate(time.Now())
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.path+".new", text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(o.path+".new", o.path); err != nil {
		return err
	}
	return o.load(text)
}

// makeCertificate makes a key and a certificate for it, in PEM.
func makeCertificate(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "hub"},
		DNSNames:     []string{"localhost"},
		NotBefore:    now.Add(-24 * time.Hour), // for clocks that are behind
		NotAfter:     now.Add(selfSignedFor),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}
