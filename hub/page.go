package hub

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"strings"

	"hubbub/channels/wire"
)

//go:embed page.css
var pageStyle string

// PageType is the page's media type.
const PageType = "text/html; charset=utf-8"

// ContentSecurityPolicy lets a browser apply the page's own style, and nothing
// else: no script, no picture, no other site. A page that has the browser try
// whether the data folder is served allows one style sheet and one picture more,
// behind this.
func ContentSecurityPolicy() string {
	style := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(style[:]) + "'"
}

// Page is the page for people.
type Page struct {
	Unclaimed bool    // the hub has no owner yet
	Awaited   bool    // the hub knows its owner beforehand, and he has not come yet
	Another   bool    // then: in the place of somebody else
	Unnamed   bool    // no owner stands in hub.conf
	Claim     string  // if it has no owner: where claim.txt is, marked up as for document
	URL       string  // the hub's address, as the browser asked for it; empty: not known
	Contact   string  // how to reach the owner, if he says so
	Setup     bool    // show how the hub has been set up
	Checks    []Check // then: how that went
	Access    string  // then: what may stand in .htaccess beside the program
	Probe     Probe   // has the browser try whether the data folder is served
}

// Probe is what a browser asks for on the hub's behalf. Both are whole URLs.
type Probe struct {
	Style  string // a file in the data folder, or in one like it
	Report string // where that file, if it is served, has the browser say so
}

// HTML is the page.
func (p Page) HTML() []byte {
	d := new(document)
	d.raw(pageHead + pageStyle + "</style>\n")
	if p.Probe.Style != "" {
		d.raw(`<link rel="stylesheet" href="` + html.EscapeString(p.Probe.Style) + "\">\n")
	}
	d.raw("</head>\n<body>\n<main>\n<h1>hubbub</h1>\n")
	if p.Probe.Style != "" {
		d.tag("p", "served", servedWords+" Do not use this hub before it is put right: delete its data folder, and see below.")
	}
	if p.Setup {
		p.setup(d)
	}
	p.about(d)
	d.raw("<footer>\n")
	d.tag("p", "", Software+". The program is called hubbub: whoever gave you a key, or has this hub, has it. It is free, under the MIT licence.")
	d.raw("</footer>\n</main>\n</body>\n</html>\n")
	return []byte(d.String())
}

const pageHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>A hubbub hub</title>
<style>`

// setup is what the owner reads before he claims the hub.
func (p Page) setup(d *document) {
	stopped := false
	for _, c := range p.Checks {
		stopped = stopped || c.State == CheckStop
	}
	switch {
	case stopped:
		d.tag("p", "lead", "This hub is not set up yet. What stands in its way is marked below; put it right, and open this page again.")
	case p.Unclaimed:
		d.tag("p", "lead", "The hub is set up, and has no owner yet. If it is yours, there are two steps left.")
		d.raw("<ol>\n")
		d.tag("li", "", "Read {claim.txt}, as you uploaded the program: by FTP, or in the File Manager of your hosting. It is in "+p.Claim+". Its last line is the owner key.")
		d.raw("<li>" + mark("In your IRC client, connected to your gateway, type this, with that key in place of {KEY}:") + "\n<pre>" +
			html.EscapeString("/msg sysop hub add "+or(p.URL, "URL")+" KEY") + "</pre></li>\n</ol>\n")
		if p.Unnamed {
			d.tag("p", "", "Has your gateway made the upload ({gateway -make-hub})? Then nothing of that is needed, but its {hub.conf} is not here: upload that file, too, into the folder of {hub.cgi}, and open this page again. The hub then knows that it is yours.")
		}
	case p.Another:
		d.tag("p", "lead", anotherWords+" If that is you, there is one step left.")
		d.tag("p", "", "In your IRC client, connected to your gateway, type:")
		d.tag("pre", "", "/msg sysop hub add "+or(p.URL, "URL"))
		d.tag("p", "", "If you have not changed {hub.conf}, somebody else can write to your web space: put your own back (your gateway’s {-make-hub} writes it), and change the password there.")
	default:
		d.tag("p", "lead", "The hub is set up, and waits for its owner, whom it knows already. If that is you, there is one step left.")
		d.tag("p", "", "In your IRC client, connected to your gateway, type:")
		d.tag("pre", "", "/msg sysop hub add "+or(p.URL, "URL"))
	}
	if len(p.Checks) > 0 {
		d.tag("h2", "", "How it stands here")
		d.raw("<ul class=\"checks\">\n")
		for _, c := range p.Checks {
			c.write(d)
		}
		d.raw("</ul>\n")
	}
	if p.Access != "" {
		d.raw("<details>\n<summary>" + mark("What may stand in {.htaccess} beside the program") + "</summary>\n<pre>" + html.EscapeString(p.Access) + "</pre>\n")
		d.tag("p", "", "It is needed where a program outside of {cgi-bin} is otherwise not run but downloaded, and keeps {hub.conf} to yourself. If all pages show error 500 with it, leave out its first line.")
		d.raw("</details>\n")
	}
	if !stopped {
		d.tag("p", "small", "Once the hub is claimed, this page shows none of this any more.")
	}
}

// anotherWords are of a hub whose owner is replaced.
const anotherWords = "The hub’s {hub.conf} names another owner than it had. From now on it is his alone: who had it before owns nothing here any more."

// about is what everybody reads.
func (p Page) about(d *document) {
	if p.Setup {
		d.tag("h2", "", "What this is")
	}
	lead := "lead"
	if p.Setup {
		lead = ""
	}
	d.tag("p", lead, "This is a hub: a place where a few people leave sealed messages for each other.")
	d.tag("p", "", "It keeps envelopes that only they can open, hands them out, and forgets them. Nobody can read along here, not even whoever runs it.")
	if p.Awaited && !p.Setup {
		d.tag("h2", "", "This hub waits for its owner")
		if p.Another {
			d.tag("p", "", anotherWords)
		}
		d.tag("p", "", "If that is you, type in your IRC client, connected to your gateway:")
		d.tag("pre", "", "/msg sysop hub add "+or(p.URL, "URL"))
	}
	if p.Unclaimed && !p.Setup {
		d.tag("h2", "", "This hub has no owner yet")
		d.tag("p", "", "If it is yours: "+or(p.Claim, "its data folder")+" has a file {claim.txt} with a key in it. In your IRC client, connected to your gateway, type this, with that key for {KEY}:")
		d.tag("pre", "", "/msg sysop hub add "+or(p.URL, "URL")+" KEY")
	}
	d.tag("h2", "", "Somebody gave you a one-time key?")
	d.tag("p", "", "It begins with this page’s address, and perhaps you have just opened it in a browser: then all of it is in your address bar. It is nothing for a browser. Start the hubbub gateway, connect your IRC client to it, and type, with the whole key for {KEY}:")
	d.tag("pre", "", "/join #name KEY")
	d.tag("p", "", "You choose the name. What stands behind the {#} in the key is its secret: your browser has not sent that to anybody, and this page has no script that could. The key is good once: show it to nobody else, and do not leave it in a bookmark.")
	d.tag("h2", "", "You use hubbub already?")
	d.tag("p", "", "Then there is nothing to do here. Your gateway talks to this hub by itself.")
	if p.Contact != "" {
		d.tag("h2", "", "Whose hub is this?")
		d.raw("<p>" + html.EscapeString("You reach whoever runs it at: "+p.Contact) + "</p>\n")
	}
}

// reply is the page as it is sent.
func (p Page) reply() Reply {
	policy := ContentSecurityPolicy()
	if p.Probe.Style != "" {
		policy += " " + p.Probe.Style + "; img-src " + p.Probe.Report
	}
	return htmlReply(p.HTML(), policy)
}

// htmlReply is a document as it is sent.
func htmlReply(document []byte, policy string) Reply {
	reply := replyWith(wire.StatusSealed, PageType, document)
	reply.Header = append(reply.Header, [2]string{"Content-Security-Policy", policy})
	return reply
}

// document is HTML in the making.
type document struct{ strings.Builder }

// raw adds HTML.
func (d *document) raw(html string) { d.WriteString(html) }

// tag adds an element with a text in it, in which {braces} are set as code.
func (d *document) tag(name, class, text string) {
	d.WriteString("<" + name)
	if class != "" {
		d.WriteString(` class="` + class + `"`)
	}
	d.WriteString(">" + mark(text) + "</" + name + ">\n")
}

var marks = strings.NewReplacer("{", "<code>", "}", "</code>")

// mark is text as HTML, with {braces} as code.
func mark(text string) string { return marks.Replace(html.EscapeString(text)) }

// or is text, or something in its place.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
