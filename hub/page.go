package hub

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"

	"hubbub/channels/wire"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// PageType is the page's media type.
const PageType = "text/html; charset=utf-8"

// ContentSecurityPolicy lets a browser apply the page's own style, and nothing
// else: no script, no picture, no other site.
func ContentSecurityPolicy() string {
	style := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// Page is the page for people, in HTML. unclaimed says that the hub has no
// owner yet.
func Page(unclaimed bool) ([]byte, error) {
	// Parsed only when it is asked for: most processes only answer requests.
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = t.Execute(&page, struct {
		Style     template.CSS
		Software  string
		Unclaimed bool
	}{template.CSS(pageStyle), Software, unclaimed})
	return page.Bytes(), err
}

// page is the reply to a person's GET.
func page(unclaimed bool) Reply {
	html, err := Page(unclaimed)
	if err != nil {
		return Failed(err)
	}
	reply := replyWith(wire.StatusSealed, PageType, html)
	reply.Header = append(reply.Header, [2]string{"Content-Security-Policy", ContentSecurityPolicy()})
	return reply
}
