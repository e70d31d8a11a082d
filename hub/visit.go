package hub

import (
	"fmt"
	"net/netip"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"hubbub/channels/wire"
)

// Visit is what a web server says of a request beside its content, as far as it
// does. Most of it is what the client says, and proves nothing: it serves to
// show people the hub's address, and to ask the web server itself whether it
// hands out the hub's data.
type Visit struct {
	Host    string // Host
	Path    string // the URL's path
	Script  string // SCRIPT_NAME: the path that stands for the program
	Root    string // DOCUMENT_ROOT
	Address string // SERVER_ADDR: the web server's own
	Port    string // SERVER_PORT
	From    string // REMOTE_PORT: the port that the client asks from
	TLS     bool   // it came over https, at the end that the client sees
	Behind  bool   // that end is another server's, which says so in X-Forwarded-Proto
}

// RequestOf reads CGI's meta-variables (RFC 3875, section 4.1), and so all of a
// request but its body. The error is a length that is no number.
func RequestOf(environment func(string) string) (Request, error) {
	r := Request{
		Method:      environment("REQUEST_METHOD"),
		Query:       environment("QUERY_STRING"),
		ContentType: environment("CONTENT_TYPE"),
		Length:      -1,
		Address:     environment("REMOTE_ADDR"),
		Visit:       visitOf(environment),
	}
	if length := environment("CONTENT_LENGTH"); length != "" {
		n, err := strconv.ParseUint(length, 10, 63)
		if err != nil {
			return r, fmt.Errorf("content length %.20q", length)
		}
		r.Length = int64(n)
	}
	// A chunked body has no length, and arrives empty or not at all.
	if environment("HTTP_TRANSFER_ENCODING") != "" {
		r.Length = -1
	}
	return r, nil
}

// visitOf reads what is the visit's of them.
func visitOf(environment func(string) string) Visit {
	uri, _, _ := strings.Cut(environment("REQUEST_URI"), "?")
	https := environment("HTTPS")
	v := Visit{
		Host: environment("HTTP_HOST"), Path: uri, Script: environment("SCRIPT_NAME"), Root: environment("DOCUMENT_ROOT"),
		Address: environment("SERVER_ADDR"), Port: environment("SERVER_PORT"), From: environment("REMOTE_PORT"),
		TLS: https != "" && !strings.EqualFold(https, "off"),
	}
	if !v.TLS && strings.EqualFold(environment("HTTP_X_FORWARDED_PROTO"), "https") {
		v.TLS, v.Behind = true, true
	}
	return v
}

// lasting is what can be kept of a visit, so that it leads to the same files again:
// no path that is none, and no text that is none.
func (v Visit) lasting() Visit {
	if v.From = ""; !isPath(v.Path) {
		v.Path = ""
	}
	for _, text := range []*string{&v.Host, &v.Script, &v.Root, &v.Address, &v.Port} {
		if !utf8.ValidString(*text) {
			*text = ""
		}
	}
	return v
}

// URL is the hub's address as the client knows it; empty where that is no
// address a hub can have.
func (v Visit) URL() string {
	for _, p := range []string{v.Path, v.Script} {
		if address, err := wire.CanonicalURL(v.origin() + p); err == nil && isPath(p) && isHost(v.Host) {
			return address
		}
	}
	return ""
}

// origin is the scheme and the host.
func (v Visit) origin() string {
	if v.TLS {
		return "https://" + v.Host
	}
	return "http://" + v.Host
}

// server is where the web server itself can be asked without TLS.
func (v Visit) server() (netip.AddrPort, bool) {
	address, err := netip.ParseAddr(v.Address)
	if err != nil {
		// Some servers do not say. Never the client's Host: it would have the hub
		// ask whomever a stranger names. The port may be the client's all the same
		// (Apache takes SERVER_PORT from Host, if it is not told otherwise): whoever
		// listens there has to show what only the hub knows of the question's own
		// address, and dial sees to it that he cannot ask from there, too.
		address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	port := v.Port
	if v.TLS && !v.Behind {
		port = "80"
	}
	at, err := netip.ParseAddrPort(netip.AddrPortFrom(address, 0).String())
	if err != nil {
		return at, false
	}
	number := 0
	for _, digit := range port {
		if digit < '0' || digit > '9' || number > 65535 {
			return at, false
		}
		number = number*10 + int(digit-'0')
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), uint16(number)), 0 < number && number <= 65535
}

// within returns the URL paths at which a web server that hands out files as
// they lie may hand out what is in data; none if data lies outside of all that it
// is known to hand out. program is the program's folder.
func (v Visit) within(program, data string) []string {
	var paths []string
	add := func(root, at string) {
		rel, err := filepath.Rel(root, data)
		if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return
		}
		p := path.Join("/", at, filepath.ToSlash(rel))
		for _, known := range paths {
			if known == p {
				return
			}
		}
		paths = append(paths, p)
	}
	// The URL's last folders that are called as the program's are those, and so
	// is what is above them. Behind the program's name a client may write what he
	// likes (PATH_INFO), so the whole path is taken for no more than it says.
	folder, at := program, path.Dir(path.Clean("/"+v.Script))
	for at != "/" && filepath.Base(folder) == path.Base(at) {
		folder, at = filepath.Dir(folder), path.Dir(at)
	}
	add(folder, at)
	add(program, path.Dir(path.Clean("/"+v.Path)))
	if filepath.IsAbs(v.Root) && filepath.Clean(v.Root) != string(filepath.Separator) {
		root := filepath.Clean(v.Root)
		add(root, "/")
		if real, err := filepath.EvalSymlinks(root); err == nil {
			add(real, "/")
		}
	}
	return paths
}

// isHost says whether text can be a Host that is safe to send and to show.
func isHost(text string) bool {
	if text == "" || len(text) > 255 {
		return false
	}
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune(".-_:[]", c):
		default:
			return false
		}
	}
	return true
}

// isPath says whether text is a URL's path that is safe to send and to show.
func isPath(text string) bool {
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || len(text) > 1024 {
		return false
	}
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune("/.-_~%+@=", c):
		default:
			return false
		}
	}
	return !strings.Contains(text, "/../")
}
