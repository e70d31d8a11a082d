// Package hubclient carries wire's requests to one hub over HTTP/1.1, and its
// answers back.
//
// A hub is proven by its key alone (docs/protocol.md, section 2). So a certificate
// that does not verify is noted and no more: whoever sits in between sees what
// anybody sees on plain HTTP, sealed requests. A redirect is followed for
// ?keys only, whose answer is signed, and the address it leads to is used for
// the requests that follow; each later ?keys starts at the first address
// again, so that a false redirect does not stay.
//
// A hub may have several URLs, for the network may block one. What fails at one
// of them, whatever answers there, is repeated at the others, and the one that
// works is used on; only what the hub itself refuses, sealed or signed, is not
// repeated. Every URL proves the hub's key before it is sent a request.
//
// A URL that is somebody else's word (Location.Public) leads to no private
// address: what counts is the address that is connected to, after the DNS and
// redirects.
//
// On the wire the client looks like no program in particular: its User-Agent
// is the same for everybody and names neither a version nor a system; it keeps
// no cookies and sends no Referer. Each location may have a proxy of its own
// (Proxy); otherwise HTTP_PROXY, HTTPS_PROXY (also socks5://) and NO_PROXY are
// honoured, as by net/http. Names are looked up by the proxy. Two clients share
// no connection, and are two users at a SOCKS5 proxy.
//
// What can be put right at once is: a key that the hub no longer has (?keys is
// fetched again), an address that moved (likewise), a clock that is off (the
// hub says its time in the sealed answer, and the client corrects itself for
// this hub's requests). Each is done once a request and URL. Anything else is
// for the caller, who knows when to try again.
package hubclient
