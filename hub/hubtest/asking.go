package hubtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/hub"
)

// hiding are files that no web request may get at, and what gives one away: some
// of its bytes, in an answer.
type hiding struct {
	names map[string]string // by path: its name as seen from the hub's folder on the web
	bytes map[string][]byte // by path: what to look for; not of files that are too short, or nothing but zeros
}

// hide takes a look at all that the hub keeps, and at the files beside it that
// say where.
func (r *Running) hide(t testing.TB) hiding {
	t.Helper()
	h := hiding{names: make(map[string]string), bytes: make(map[string][]byte)}
	for _, root := range []string{r.Data, filepath.Join(r.Web, hub.ConfigName), filepath.Join(r.Web, ".htaccess")} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) || err == nil && entry.IsDir() {
				return nil
			}
			if err != nil {
				return err
			}
			name, err := filepath.Rel(r.Web, path)
			h.names[path] = filepath.ToSlash(name)
			if text, readErr := os.ReadFile(path); readErr == nil {
				// What .htaccess says is on the hub's page, too.
				if mark := bytes.TrimLeft(text, "\x00"); len(mark) >= 8 && entry.Name() != ".htaccess" {
					h.bytes[path] = mark[:min(24, len(mark))]
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// isMost says whether all ways of asking are tried for a file.
func isMost(path string) bool {
	switch filepath.Base(path) {
	case "hub.db", "hub.db-wal", "hub.db-journal", "keys", "claim.txt", hub.ConfigName:
		return true
	}
	return false
}

// served asks for all that is hidden, in all the ways of writing a path that a
// server and its rules may read differently, and says what came back that should
// not. asked is how many requests that took.
func (r *Running) served(t testing.TB, h hiding) (found []string, asked int) {
	t.Helper()
	base, err := url.Parse(r.Base)
	if err != nil {
		t.Fatal(err)
	}
	self, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(file, line string, judge func(*http.Response, []byte) string) {
		asked++
		answer := rawRequest(t, self, line)
		if answer == nil { // the server has hung up
			return
		}
		body, _ := io.ReadAll(answer.Body)
		if why := judge(answer, body); why != "" {
			found = append(found, fmt.Sprintf("%s, by %q: %s, %s", file, line, answer.Status, why))
		}
	}
	for file, name := range h.names {
		plain := base.Path + name
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "PROPFIND"} {
			ask(file, method+" "+plain, h.leaks)
		}
		if !isMost(file) {
			continue
		}
		for _, line := range ways(base.Path, name, self) {
			ask(file, "GET "+line, h.leaks)
		}
		ask(file, "GET "+base.Path+filepath.ToSlash(file), h.leaks)
	}
	lists := func(answer *http.Response, body []byte) string {
		if answer.StatusCode != http.StatusOK || isPage(answer) {
			return ""
		}
		for _, name := range []string{filepath.Base(r.Data), "hub.db", hub.ConfigName} {
			if bytes.Contains(body, []byte(name)) {
				return "a list with " + name
			}
		}
		return ""
	}
	folder := base.Path + path.Dir(h.names[filepath.Join(r.Data, "keys")])
	for _, listing := range []string{base.Path, base.Path + "?C=M;O=D", base.Path + "./", folder, folder + "/", folder + "/."} {
		ask(r.Data, "GET "+listing, lists)
	}
	return found, asked
}

// leaks says what is wrong with the answer to who has asked for a file.
func (h hiding) leaks(answer *http.Response, body []byte) string {
	for path, mark := range h.bytes {
		if bytes.Contains(body, mark) {
			return "with bytes of " + filepath.Base(path)
		}
	}
	if answer.StatusCode == http.StatusOK && !isPage(answer) && answer.Request.Method != http.MethodOptions {
		return "and not the hub's page"
	}
	return ""
}

// isPage says whether an answer is a page of the hub's.
func isPage(answer *http.Response) bool {
	return strings.HasPrefix(answer.Header.Get("Content-Security-Policy"), hub.ContentSecurityPolicy())
}

// ways are paths that may lead to a file beside the hub, whose URL is self, in a
// folder at dir.
func ways(dir, name string, self *url.URL) []string {
	all := []string{
		escapeAll(name, "%%%02x"), escapeAll(name, "%%%02X"), escapeAll(name, "%%25%02x"), // percent signs
		fmt.Sprintf("%%%02x", name[0]) + name[1:],
		strings.ReplaceAll(name, "/", "%2f"), strings.ReplaceAll(name, "/", "%2F"), strings.ReplaceAll(name, "/", "%252f"),
		strings.ReplaceAll(name, ".", "%2e"), strings.ReplaceAll(name, "-", "%2d"), strings.ReplaceAll(name, "h", "%68"),
		strings.ReplaceAll(name, "/", "%c0%af"), strings.ReplaceAll(name, "/", "%u002f"), strings.ReplaceAll(name, "..", "%c0%ae%c0%ae"),
		"/" + name, "//" + name, strings.ReplaceAll(name, "/", "//"), // slashes
		strings.ReplaceAll(name, "/", `\`), strings.ReplaceAll(name, "/", "%5c"),
		"./" + name, strings.ReplaceAll(name, "/", "/./"), "x/../" + name, "x/%2e%2e/" + name, "x%2f..%2f" + name, "x/..;/" + name, // detours
		name + ".", name + "%2e", name + "/", name + "/.", name + "/x", name + "%20", name + "%00", name + "%00.html", // tails
		name + "~", name + ";", name + ";x=y", name + "?", name + "?x.html", name + "#x", name + "::$DATA", name + "%0a", name + "/..",
		strings.ReplaceAll(name, "/", ";/"), strings.ReplaceAll(name, "/", ".//"), strings.TrimSuffix(name, path.Ext(name)),
		strings.ToUpper(name), strings.ToTitle(name[:1]) + name[1:], strings.Replace(name, "hub-data", "HUB-DATA", 1), // case
		path.Dir(name) + "/" + strings.ToUpper(path.Base(name)),
	}
	for i, way := range all {
		all[i] = dir + way
	}
	program := self.Path
	for _, between := range []string{"/", "/../", "/%2e%2e/", "%2f..%2f", "/..%2f", ";/../", "/./../", "//", "/..//", "%00/../", "?/", "?../"} {
		all = append(all, program+between+name)
	}
	trunk := strings.TrimSuffix(dir, "/")
	all = append(all, "/"+name, "/"+path.Base(path.Dir(name))+"/"+path.Base(name), "http://"+self.Host+dir+name, "//"+self.Host+dir+name)
	if trunk != "" { // a prefix without its slash
		all = append(all, trunk+"../"+path.Base(trunk)+"/"+name, trunk+".."+"/"+name, trunk+"%2f"+name, trunk+"/.%2e/"+path.Base(trunk)+"/"+name)
	}
	if rest, ok := strings.CutPrefix(name, "../"); ok { // beyond the web
		for _, up := range []string{"..%2f", "%2e%2e/", "%2e%2e%2f", ".%2e/", "..%5c", "..;/", "%252e%252e/", "..//", ".../", "../../", "../site/../", "%2e%2e/%2e%2e/"} {
			all = append(all, dir+up+rest, dir+"x/../"+up+rest)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// escapeAll writes each byte but slashes in a format.
func escapeAll(name, format string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		if c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, format, c)
		}
	}
	return b.String()
}

// rawRequest sends a method and a target just as they are, and returns the
// answer; nil if none comes.
func rawRequest(t testing.TB, to *url.URL, line string) *http.Response {
	t.Helper()
	conn, err := net.DialTimeout("tcp", to.Host, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if to.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	method, _, _ := strings.Cut(line, " ")
	length := ""
	if method == "POST" {
		length = "Content-Length: 0\r\n"
	}
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", line, to.Host, length); err != nil {
		return nil
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer
}
