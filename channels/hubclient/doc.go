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
// On the wire the client looks like no program in particular: its User-Agent
// is the same for everybody and names neither a version nor a system; it keeps
// no cookies and sends no Referer. It honours HTTP_PROXY, HTTPS_PROXY (also
// socks5://) and NO_PROXY, as net/http does.
//
// What can be put right at once is: a key that the hub no longer has (?keys is
// fetched again), an address that moved (likewise), a clock that is off (the
// hub says its time in the sealed answer, and the client corrects itself for
// this hub's requests). Each is done once a request. Anything else is for the
// caller, who knows when to try again.
package hubclient
