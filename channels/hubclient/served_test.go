package hubclient

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hubbub/channels/wire"
)

const probeSecret = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// A web server that hands out the file which the hub names is found out, and the
// hub is told.
func TestDataServed(t *testing.T) {
	head := wire.ProbeHead + "\n" + wire.ProbeHash(probeSecret) + "\n"
	file := "/* " + wire.ProbeMark + " " + probeSecret + " */"
	for name, test := range map[string]struct {
		probe string            // answer to ?probe
		files map[string]string // by path
		want  bool
	}{
		"served":                 {head + "/d/x.css\n", map[string]string{"/d/x.css": file}, true},
		"served at the second":   {head + "/d/x.css\n/e/x.css\n", map[string]string{"/e/x.css": file}, true},
		"served under an escape": {head + "/d%20e/x.css\n", map[string]string{"/d e/x.css": file}, true},
		"not served":             {head + "/d/x.css\n", nil, false},
		"another file":           {head + "/d/x.css\n", map[string]string{"/d/x.css": "/* " + wire.ProbeMark + " " + strings.Repeat("A", 26) + " */"}, false},
		"cut short":              {head + "/d/x.css\n", map[string]string{"/d/x.css": file[:20]}, false},
		"no path":                {head, nil, false},
		"a page":                 {"<!DOCTYPE html>\n<html>\n<body>\n", nil, false},
		"nothing":                {"", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				secret, report := strings.CutPrefix(r.URL.RawQuery, wire.ServedQuery)
				text, ok := test.files[r.URL.Path]
				switch {
				case r.URL.Path == "/hub.cgi" && r.URL.RawQuery == wire.ProbeQuery:
					io.WriteString(w, test.probe)
				case r.URL.Path == "/hub.cgi" && report:
					told = append(told, secret)
				case ok:
					io.WriteString(w, text)
				default:
					w.WriteHeader(http.StatusForbidden)
				}
			}))
			defer server.Close()
			served, err := DataServed(t.Context(), Location{URL: server.URL + "/hub.cgi"}, Options{})
			if err != nil || served != test.want || (len(told) > 0) != test.want || test.want && told[0] != probeSecret {
				t.Errorf("%v, %v; the hub was told %q", served, err, told)
			}
		})
	}
}

// A hub names no other host, and nothing but paths.
func TestDataServedAsksNobodyElse(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer other.Close()
	host := strings.TrimPrefix(other.URL, "http://")
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; r.URL.RawQuery == wire.ProbeQuery {
			fmt.Fprintf(w, "%s\n%s\n%s\n//%s/x\n/\\%s/x\n@%s/x\n", wire.ProbeHead, wire.ProbeHash(probeSecret), other.URL, host, host, host)
		}
	}))
	defer server.Close()
	if served, err := DataServed(t.Context(), Location{URL: server.URL + "/hub.cgi"}, Options{}); err != nil || served || asked != 1 {
		t.Error(served, err, asked)
	}
	// Nor does a hub that breaks off in between pass for one that is safe.
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != wire.ProbeQuery {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s\n%s\n/x\n", wire.ProbeHead, wire.ProbeHash(probeSecret))
	}))
	defer server.Close()
	if _, err := DataServed(t.Context(), Location{URL: server.URL + "/hub.cgi"}, Options{}); err == nil {
		t.Error("nobody could try, and that is no error")
	}
}
