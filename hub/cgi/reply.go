package main

import (
	"bytes"
	"fmt"
	"io"

	"hubbub/hub"
)

// phrases are what HTTP calls the statuses that a hub answers with (RFC 9110,
// section 15).
var phrases = map[int]string{
	200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 409: "Conflict", 411: "Length Required",
	413: "Content Too Large", 415: "Unsupported Media Type", 500: "Internal Server Error", 503: "Service Unavailable",
}

// short is a body that is copied behind its header.
const short = 4096

// writeReply writes a document response (RFC 3875, section 6.2.1), and no body in
// answer to a HEAD. A short one is one write; of a long one no copy is made.
func writeReply(out io.Writer, reply hub.Reply, method string) error {
	var b bytes.Buffer
	b.Grow(2 * short)
	fmt.Fprintf(&b, "Status: %d %s\r\n", reply.Status, phrases[reply.Status])
	for _, header := range reply.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", header[0], header[1])
	}
	b.WriteString("\r\n")
	body := reply.Body
	if method == "HEAD" {
		body = nil
	}
	if len(body) <= short {
		b.Write(body)
		body = nil
	}
	_, err := out.Write(b.Bytes())
	if err == nil && len(body) > 0 {
		_, err = out.Write(body)
	}
	return err
}
