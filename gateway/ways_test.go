package main

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// waysOf are those of a configuration file.
func waysOf(t *testing.T, file string) ways {
	t.Helper()
	c, err := parseConfig("c.toml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	return c.ways()
}

// shown is an address in words: each URL, ! if it is public, and the proxy.
func shown(a hubclient.Address) string {
	text := ""
	for _, l := range append([]hubclient.Location{{URL: a.URL, Public: a.Public, Proxy: a.Proxy}}, a.Others...) {
		mark := ""
		if l.Public {
			mark = "!"
		}
		text += fmt.Sprintf("%s%s %s, ", strings.TrimSuffix(strings.TrimPrefix(l.URL, "http://"), "/"), mark, l.Proxy)
	}
	return text
}

// Where a hub is asked, and by which way.
func TestWays(t *testing.T) {
	const (
		tor    = "socks5://127.0.0.1:9050"
		onion  = "[[hub]]\nurl = \"http://home.example/\"\nalso = [\"http://home.onion/\", \"http://10.0.0.2/\"]\n"
		direct = onion + "proxy = \"direct\"\n"
		byTor  = onion + "proxy = \"" + tor + "\"\n"
		allTor = "proxy = \"" + tor + "\"\n"
	)
	others := []channels.Location{{URL: "http://evil.example/", Public: true}, {URL: "http://own.example/"}}
	for _, tt := range []struct{ name, file, url, want string }{
		{"nothing said", "", "home.example", "home.example! , evil.example! , own.example , "},
		{"Tor for all", allTor, "home.example", "home.example! " + tor + ", evil.example! " + tor + ", own.example " + tor + ", "},
		{"Tor for all, on this machine", allTor, "127.0.0.1:81", "127.0.0.1:81! direct, evil.example! " + tor + ", own.example " + tor + ", "},
		{"Tor for all, by name on this machine", allTor, "localhost", "localhost! direct, evil.example! " + tor + ", own.example " + tor + ", "},
		{"Tor for all, in the own network", allTor, "10.0.0.9", "10.0.0.9! " + tor + ", evil.example! " + tor + ", own.example " + tor + ", "},
		// What the user names is his own word, and tried before others' words.
		{"other URLs", onion, "home.example", "home.example , home.example , home.onion , 10.0.0.2 , evil.example! , own.example , "},
		{"found by another URL", onion, "home.onion", "home.onion , home.example , home.onion , 10.0.0.2 , evil.example! , own.example , "},
		{"another hub", byTor, "other.example", "other.example! , evil.example! , own.example , "},
		{"Tor for it", byTor, "home.example", "home.example " + tor + ", home.example " + tor + ", home.onion " + tor + ", 10.0.0.2 " + tor + ", evil.example! " + tor + ", own.example " + tor + ", "},
		// Nobody talks the user out of the proxy that is for all by naming his URLs.
		{"Tor for all but it", allTor + direct, "home.example", "home.example direct, home.example direct, home.onion direct, 10.0.0.2 direct, evil.example! " + tor + ", own.example " + tor + ", "},
		{"direct, and no proxy for all", direct, "home.example", "home.example direct, home.example direct, home.onion direct, 10.0.0.2 direct, evil.example! , own.example , "},
		{"direct for all but it", "proxy = \"direct\"\n" + byTor, "home.example", "home.example " + tor + ", home.example " + tor + ", home.onion " + tor + ", 10.0.0.2 " + tor + ", evil.example! " + tor + ", own.example " + tor + ", "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := waysOf(t, tt.file)
			got := shown(w.address(channels.Request{Hub: channels.HubAddress{URL: "http://" + tt.url + "/"}, Public: true, Others: others}))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	w := waysOf(t, allTor+direct)
	got := shown(w.address(channels.Request{Hub: channels.HubAddress{URL: "http://evil.example/"}, Public: true, Others: []channels.Location{
		{URL: "http://home.example/", Public: true},
	}}))
	if !strings.HasPrefix(got, "evil.example! "+tor) {
		t.Errorf("a hub that says to be at home.example as well is asked at %s", got)
	}
}

// front is a server before a hub that counts connections, and requests by Host.
type front struct {
	*httptest.Server
	mu    sync.Mutex
	conns int
	hosts map[string]int
}

func startFront(t *testing.T, h *embeddedHub) *front {
	behind, err := url.Parse(h.address.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{hosts: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.hosts[r.Host]++
		f.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	f.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			f.mu.Lock()
			f.conns++
			f.mu.Unlock()
		}
	}
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// counts returns how many connections there were, and how often each host was
// asked for.
func (f *front) counts() (conns int, hosts map[string]int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns, maps.Clone(f.hosts)
}

// status is a call that any hub answers.
func status(t *testing.T) []wire.SignedCall {
	return []wire.SignedCall{{Op: wire.OpStatus, Key: newKey(t)}}
}

// Requests of one line share a connection, those of two share none.
func TestRunnerKeepsLinesApart(t *testing.T) {
	r, h := run(t), testHub(t)
	f := startFront(t, h)
	hub := channels.HubAddress{URL: f.URL + "/", Fingerprint: h.address.Fingerprint}
	id := channels.RequestID(0)
	for range 3 {
		for line := range uint64(4) {
			id++
			r.Carry(channels.Request{ID: id, Hub: hub, Line: line, Calls: status(t)})
			if a := r.answer(); a.Failure != nil {
				t.Fatalf("%+v", a.Failure)
			}
		}
	}
	if conns, _ := f.counts(); conns != 4 {
		t.Errorf("%d connections for 4 lines", conns)
	}
	if len(r.clients) != 4 {
		t.Errorf("%d clients for 4 lines", len(r.clients))
	}
}

// A hub is asked at its other URLs, the core's and the file's, when its first
// fails, and status hears of it. What the file names is not the core's to know:
// it would tell others.
func TestRunnerTriesOtherURLs(t *testing.T) {
	h := testHub(t)
	f := startFront(t, h)
	dead := "http://" + freeAddress(t) + "/"
	for name, tt := range map[string]struct {
		file   string
		others []channels.Location
		url    string
	}{
		"the core's": {"", []channels.Location{{URL: f.URL + "/"}}, f.URL + "/"},
		"the file's": {"[[hub]]\nurl = \"" + dead + "\"\nalso = [\"" + f.URL + "/\"]\n", nil, ""},
	} {
		r := run(t)
		r.ways = waysOf(t, tt.file)
		r.Carry(channels.Request{ID: 1, Hub: channels.HubAddress{URL: dead, Fingerprint: h.address.Fingerprint}, Others: tt.others, Calls: status(t)})
		a := r.answer()
		if a.Failure != nil || a.URL != tt.url || !strings.Contains(a.Note, f.URL+"/") || !strings.Contains(a.Note, "nothing listens there") {
			t.Errorf("%s: answered %+v, %+v", name, a, a.Failure)
		}
	}
	// On another's word nobody inside is asked.
	r := run(t)
	r.Carry(channels.Request{ID: 1, Hub: h.address, Public: true, Calls: status(t), Others: []channels.Location{{URL: f.URL + "/", Public: true}}})
	a := r.answer()
	if a.Failure == nil || a.Failure.Kind != channels.Unreachable || !strings.Contains(a.Failure.Text, "private address") || !strings.Contains(a.Failure.Text, "its other address") {
		t.Errorf("answered %+v, %+v", a, a.Failure)
	}
}

// A client follows when the core learns that its hub is elsewhere.
func TestRunnerFollowsAHub(t *testing.T) {
	r, h := run(t), testHub(t)
	first, second := startFront(t, h), startFront(t, h)
	for i, f := range []*front{first, second, second, first} {
		r.Carry(channels.Request{ID: channels.RequestID(i), Hub: channels.HubAddress{URL: f.URL + "/", Fingerprint: h.address.Fingerprint}, Calls: status(t)})
		if a := r.answer(); a.Failure != nil || a.URL != "" {
			t.Fatalf("%+v, %+v", a, a.Failure)
		}
	}
	_, before := first.counts()
	_, after := second.counts()
	if len(r.clients) != 1 || before[hostOf(first)] != 4 || after[hostOf(second)] != 3 {
		t.Errorf("%d clients, asked %v and %v", len(r.clients), before, after)
	}
}

func hostOf(f *front) string { return strings.TrimPrefix(f.URL, "http://") }

// The proxy of the file is the way to all but this machine, for hub add too.
func TestRunnerTakesTheProxy(t *testing.T) {
	r, h := run(t), testHub(t)
	f := startFront(t, h) // as an HTTP proxy it leads to h, whatever is asked for
	r.ways = waysOf(t, "proxy = \""+f.URL+"\"\n[[hub]]\nurl = \"http://127.0.0.1:1/\"\nproxy = \""+f.URL+"\"\n")
	far := channels.HubAddress{URL: "http://hub.example/", Fingerprint: h.address.Fingerprint}
	r.Carry(channels.Request{ID: 1, Hub: far, Public: true, Calls: status(t)})
	if a := r.answer(); a.Failure != nil || a.URL != "" {
		t.Errorf("%+v, %+v", a, a.Failure)
	}
	found := make(chan error, 1)
	r.identify("http://other.example/", func(_ foundHub, err error) { found <- err })
	if err := <-found; err != nil {
		t.Error(err)
	}
	// A table's proxy is taken on this machine, too.
	r.identify("http://127.0.0.1:1/", func(_ foundHub, err error) { found <- err })
	if err := <-found; err != nil {
		t.Error(err)
	}
	before, _ := f.counts()
	r.Carry(channels.Request{ID: 2, Hub: h.address, Calls: status(t)})
	if a := r.answer(); a.Failure != nil {
		t.Errorf("%+v", a.Failure)
	}
	r.embedded = h.address
	r.Carry(channels.Request{ID: 3, Hub: far, Calls: status(t)})
	if a := r.answer(); a.Failure != nil || a.URL != h.address.URL {
		t.Errorf("%+v, %+v", a, a.Failure)
	}
	conns, hosts := f.counts()
	// Who is identified is asked for his keys, and whether his data is handed out.
	if conns != before || hosts["hub.example"] != 2 || hosts["other.example"] != 2 || hosts["127.0.0.1:1"] != 2 || len(hosts) != 3 {
		t.Errorf("%d connections, %d before; the proxy was asked for %v", conns, before, hosts)
	}
}

// Clients of lines that are gone do not stay for ever, nor too many at once;
// those in use do.
func TestRunnerForgetsClients(t *testing.T) {
	r := run(t)
	address := func(n byte) hubclient.Address {
		return hubclient.Address{URL: "http://127.0.0.1:1/", Fingerprint: wire.Fingerprint{n}}
	}
	busy := r.client(clientKey{line: 1000}, address(0))
	var all []*lineClient
	for n := range uint64(idleClients + 10) {
		all = append(all, r.client(clientKey{line: n}, address(1)))
	}
	if len(r.clients) != idleClients+11 {
		t.Errorf("%d clients in use", len(r.clients))
	}
	for i, c := range all {
		r.done(c)
		c.used = time.Now().Add(time.Duration(i-len(all)) * time.Second)
	}
	r.done(r.client(clientKey{line: 2000}, address(2)))
	if len(r.clients) != idleClients+2 || r.clients[clientKey{line: 9}] != nil || r.clients[clientKey{line: 10}] == nil {
		t.Errorf("%d clients", len(r.clients))
	}
	for _, c := range r.clients {
		if c != busy {
			c.used = time.Now().Add(-idleFor - time.Second)
		}
	}
	if again := r.client(clientKey{line: 1000}, address(0)); again != busy || len(r.clients) != 1 {
		t.Errorf("%d clients; the one in use is kept: %v", len(r.clients), again == busy)
	}
}

// A hub that only the proxy of the configuration file leads to is added and
// claimed by what one types.
func TestServeTakesTheProxy(t *testing.T) {
	h := testHub(t)
	f := startFront(t, h)
	address, _ := served(t, "proxy = \""+f.URL+"\"\n")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	key := wire.AccountKey{Fingerprint: h.address.Fingerprint, Secret: h.secret}
	fmt.Fprintf(c, "NICK alice\r\nUSER alice 0 * :Alice\r\nPRIVMSG sysop :hub add http://hub.example/ %s\r\n", key)
	for in := bufio.NewScanner(c); ; {
		if !in.Scan() {
			_, hosts := f.counts()
			t.Fatalf("the hub was not added: %v; the proxy was asked for %v", in.Err(), hosts)
		}
		if strings.Contains(in.Text(), "The hub http://hub.example/ is ready") {
			break
		}
	}
	if _, hosts := f.counts(); hosts["hub.example"] < 2 || len(hosts) != 1 {
		t.Errorf("the proxy was asked for %v", hosts)
	}
}
