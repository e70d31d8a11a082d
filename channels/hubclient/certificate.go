package hubclient

import (
	"crypto/x509"
	"net/http"
	"strings"
)

// certificate is the last one that was judged, and the judgement.
type certificate struct {
	leaf *x509.Certificate
	note string
}

// noteCertificate says what is wrong with the certificate of the server that
// gave response; empty: nothing, or plain HTTP. It decides nothing.
func (p *place) noteCertificate(response *http.Response) string {
	if response.TLS == nil || len(response.TLS.PeerCertificates) == 0 {
		return ""
	}
	chain := response.TLS.PeerCertificates
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	// One connection has one certificate: it is judged once.
	if p.seen.leaf != chain[0] {
		p.seen = certificate{chain[0], judge(chain, x509.VerifyOptions{
			DNSName:     response.Request.URL.Hostname(),
			Roots:       p.client.options.Roots,
			CurrentTime: p.client.options.Now(),
		})}
	}
	return p.seen.note
}

// judge verifies chain, whose first is the server's own.
func judge(chain []*x509.Certificate, options x509.VerifyOptions) string {
	options.Intermediates = x509.NewCertPool()
	for _, intermediate := range chain[1:] {
		options.Intermediates.AddCert(intermediate)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return plain(strings.TrimPrefix(err.Error(), "x509: "))
	}
	return ""
}
