package hubtest

import (
	"strings"
	"testing"
)

// servers are all ways of serving a hub that the docs name, and the two that
// tests are quickest with. Each is started as the docs say.
var servers = map[string]func(testing.TB, Setup) *Running{
	"Handler":     func(t testing.TB, _ Setup) *Running { return StartHandler(t) },
	"processes":   func(t testing.TB, _ Setup) *Running { return StartProcesses(t) },
	"hubd":        StartHubdAt,
	"event+cgid":  StartApacheEvent,
	"prefork+cgi": StartApachePrefork, // with suexec at ~al
	"mod_fcgid":   StartApacheFcgidAt,
	"proxy_fcgi":  func(t testing.TB, _ Setup) *Running { return StartApacheProxyFcgi(t) },
	"lighttpd":    StartLighttpd,
	"fcgiwrap":    StartNginxFcgiwrap,
	"nginx→fcgi":  StartNginxFcgi,
	"nginx→hubd":  StartNginxProxy,
	"Caddy→hubd":  StartCaddyProxy,
	"Caddy→fcgi":  StartCaddyFcgi,
}

// combinations are where the suite is run: each server, over both schemes, and
// those that run hub.cgi at each place, with its data beside it and elsewhere.
// The first of each server has bad connections as well.
const combinations = `
Handler
processes
hubd
hubd         https
hubd         http   no-wal
event+cgid
event+cgid   https  cgi-bin
event+cgid   http   ~al      outside
event+cgid   https  rewrite
event+cgid   http   no-wal
prefork+cgi
prefork+cgi  http   ~al
prefork+cgi  https  ~al      outside
mod_fcgid
mod_fcgid    https  rewrite  outside
proxy_fcgi
lighttpd     https
lighttpd     http   cgi-bin
lighttpd     https  ~al
lighttpd     http   rewrite  outside
fcgiwrap
fcgiwrap     https  cgi-bin  outside
fcgiwrap     http   ~al
fcgiwrap     https  rewrite
nginx→fcgi
nginx→fcgi   https
nginx→hubd
nginx→hubd   https
Caddy→hubd   https
Caddy→fcgi   https
`

// Every way of serving a hub passes one suite. -short is one row a server.
func TestServers(t *testing.T) {
	rough := make(map[string]bool)
	for line := range strings.Lines(strings.TrimSpace(combinations)) {
		words := strings.Fields(line)
		setup := Setup{Place: AtRoot}
		for _, word := range words[1:] {
			switch word {
			case "https":
				setup.HTTPS = true
			case "outside":
				setup.Outside = true
			case "no-wal": // as on hosting without shared memory
				setup.Conf = "wal = false\n"
			case string(InCGIBin), string(OfUser), string(Rewritten):
				setup.Place = Place(word)
			}
		}
		first := !rough[words[0]]
		rough[words[0]] = true
		if testing.Short() && !first {
			continue
		}
		t.Run(strings.Join(words, ","), func(t *testing.T) {
			t.Parallel()
			r := servers[words[0]](t, setup)
			Conversation(t, r)
			t.Run("GatewaysTalk", func(t *testing.T) { gatewaysTalk(t, r) })
			if first {
				t.Run("OnTheRoad", func(t *testing.T) { onTheRoad(t, r) })
			}
		})
	}
}
